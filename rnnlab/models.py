"""A network for a task, described in a few words: which layer, how many, how wide, and how it starts."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import initializers
from rnnlab.initializers import Initializer
from rnnlab.layers import GRU, LSTM, RNN, BatchNorm, Dense, Embedding, IndRNN
from rnnlab.network import Network, Residual
from rnnlab.tasks.task import Task

LAYERS = ("rnn", "irnn", "indrnn", "lstm", "gru", "dense", "linear")
"""The words for a layer; dense and linear have no recurrence, and are what the others are compared with."""


def recurrent(
    rng: np.random.Generator,
    layer: str,
    *,
    inputs: int,
    hidden: int,
    steps: int,
    activation: str | None = None,
    scale: float | None = None,
    top: bool = True,
    dtype: DTypeLike = np.float64,
    **starts: str | Initializer,
) -> RNN | IndRNN | LSTM | GRU:
    """One recurrent layer: "rnn" (tanh unless told otherwise), "irnn", "indrnn" (ReLU), "lstm" or "gru".

    An IndRNN's u is drawn from [2^(-1/T), 2^(1/T)] in the top layer and [0, 2^(1/T)] below it (Li et al. 2018, §5.1
    and the authors' code), where nothing else is asked for.

    Args:
        steps: T, the length of the sequences.
        scale: an IRNN's U is so many times I; 1 if not given.
        top: whether the layer is the highest.
        starts: kernel_initializer, recurrent_initializer, by name or as a function.

    Raises:
        ValueError: an unknown word, or one that this layer has no use for; sizes under 1.
    """
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1; got {hidden}")
    if layer in ("lstm", "gru") and activation is not None:
        raise ValueError(f"the activations of a {layer} are its own: activation is for rnn, indrnn and dense")
    if layer == "irnn":
        if activation not in (None, "relu") or starts:
            raise ValueError("an irnn is relu with identity: take rnn to change the activation or the initializers")
        return RNN.irnn(rng, inputs=inputs, hidden=hidden, scale=1.0 if scale is None else scale, dtype=dtype)
    if scale is not None:
        raise ValueError(f"scale is for irnn; got {scale} for {layer}")
    options: dict[str, Any] = {"inputs": inputs, "hidden": hidden, "dtype": dtype, **starts}
    if layer == "indrnn":
        wanted = starts.get("recurrent_initializer", "indrnn_range")
        if wanted == "indrnn_range":
            epsilon = 0.5 if top else 0.0
            wanted = initializers.get("indrnn_range", steps=steps, epsilon=epsilon)
        return IndRNN.init(rng, **{**options, "activation": activation or "relu", "recurrent_initializer": wanted})
    if layer == "rnn":
        return RNN.init(rng, activation=activation or "tanh", **options)
    if layer in ("lstm", "gru"):
        return (LSTM if layer == "lstm" else GRU).init(rng, **options)
    raise ValueError(f"a recurrent layer must be one of {', '.join(LAYERS[:5])}; got {layer!r}")


def build(
    rng: np.random.Generator,
    task: Task,
    *,
    layer: str = "rnn",
    hidden: int = 100,
    layers: int = 1,
    activation: str | None = None,
    kernel_initializer: str | Initializer | None = None,
    recurrent_initializer: str | Initializer | None = None,
    scale: float | None = None,
    residual: bool = False,
    batch_norm: bool = False,
    dtype: DTypeLike = np.float32,
) -> Network:
    """`layers` layers of `hidden` units that fit the task, and a readout.

    Integer inputs go through an Embedding that starts as one-hot vectors and is trained. "dense" layers are ReLU
    unless told otherwise and see each step alone; "linear" is one affine map from the inputs to the outputs.

    Args:
        residual: a shortcut around every layer but the lowest.
        batch_norm: a BatchNorm after every layer.

    Raises:
        ValueError: an unknown word, or one that this layer has no use for; sizes under 1.
    """
    if layer not in LAYERS:
        raise ValueError(f"layer must be one of {', '.join(LAYERS)}; got {layer!r}")
    if layers < 1:
        raise ValueError(f"layers must be at least 1; got {layers}")
    given = {
        "activation": activation,
        "kernel_initializer": kernel_initializer,
        "recurrent_initializer": recurrent_initializer,
        "scale": scale,
        "residual": residual or None,
        "batch_norm": batch_norm or None,
        "layers": None if layers == 1 else layers,
    }
    unused = {"linear": tuple(given), "dense": ("recurrent_initializer", "scale")}.get(layer, ())
    for name in unused:
        if given[name] is not None:
            raise ValueError(f"a {layer} network has no use for {name}; got {given[name]}")
    if layer == "linear":
        if task.symbolic:
            first: Any = Embedding.init(
                rng, symbols=task.inputs, outputs=task.outputs, embeddings_initializer="zeros", dtype=dtype
            )
        else:
            first = Dense.init(rng, inputs=task.inputs, outputs=task.outputs, dtype=dtype)
        return Network((first,), None, task.reads)
    named = {"kernel_initializer": kernel_initializer, "recurrent_initializer": recurrent_initializer}
    starts = {name: value for name, value in named.items() if value is not None}
    stack: list[Any] = []
    if task.symbolic:
        identity = {"embeddings_initializer": "identity"}
        stack.append(Embedding.init(rng, symbols=task.inputs, outputs=task.inputs, dtype=dtype, **identity))
    for number in range(layers):
        inputs = hidden if number else task.inputs
        sizes: dict[str, Any] = {"inputs": inputs, "activation": activation, "dtype": dtype, **starts}
        if layer == "dense":
            one: Any = Dense.init(rng, outputs=hidden, **{**sizes, "activation": activation or "relu"})
        else:
            top = number == layers - 1
            one = recurrent(rng, layer, hidden=hidden, steps=task.steps, scale=scale, top=top, **sizes)
        stack.append(Residual(one) if residual and number else one)
        if batch_norm:
            stack.append(BatchNorm.init(inputs=hidden, dtype=dtype))
    return Network(tuple(stack), Dense.init(rng, inputs=hidden, outputs=task.outputs, dtype=dtype), task.reads)
