"""A network for a task, described in a few words: which layer, how many, how wide, and how it starts."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import signature
from typing import Annotated, Any

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import initializers
from rnnlab.initializers import Initializer
from rnnlab.layers import GRU, LSTM, RNN, BatchNorm, Dense, Embedding, IndRNN
from rnnlab.names import wrong_name
from rnnlab.network import Network, Residual
from rnnlab.tasks.task import Task
from rnnlab.trace import AnyLayer


def indrnn(
    rng: np.random.Generator,
    *,
    inputs: int,
    hidden: int,
    steps: int,
    top: bool = True,
    reads: str = "last",
    batch_norm: bool = False,
    activation: str = "relu",
    kernel_initializer: str | Initializer | None = None,
    recurrent_initializer: str | Initializer = "indrnn_range",
    bias_initializer: str | Initializer = "zeros",
    dtype: DTypeLike = np.float64,
) -> IndRNN:
    """An IndRNN as its authors start it for a task like this one. With T = `steps`:

        u ~ U(0, 2^(1/T))                   neurons of every memory, from none to T steps
        u ~ U(2^(-1/T), 2^(1/T))            only in the top layer of a network that reads its last step alone
        W ~ U with variance 2/65 / inputs   a 65th of he_uniform's
        W ~ N(0, 0.001²)                    only where the last step alone is read and no BatchNorm follows

    W is small because a neuron with u near 1 adds its inputs up over T steps. The last line is their adding problem,
    the third their pixels; their characters have N(0, 0.005²) at 2,000 units, which is 3.3/65 / inputs, and so the
    third stands for every task that is read at every step.

    Source: Li et al. (2018), arXiv 1803.04831, §5; the authors' code, IndRNN_Theano_Lasagne for the adding problem and
    characters, IndRNN_pytorch for pixels.
    """
    if kernel_initializer is None:
        adds_up = reads == "last" and not batch_norm
        kernel_initializer = initializers.get(
            "random_normal:stddev=0.001" if adds_up else f"variance_scaling:scale={2 / 65},distribution=uniform"
        )
    if recurrent_initializer == "indrnn_range":
        remembers = top and reads == "last"
        recurrent_initializer = initializers.get("indrnn_range", steps=steps, epsilon=0.5 if remembers else 0.0)
    return IndRNN.init(
        rng,
        inputs=inputs,
        hidden=hidden,
        activation=activation,
        kernel_initializer=kernel_initializer,
        recurrent_initializer=recurrent_initializer,
        bias_initializer=bias_initializer,
        dtype=dtype,
    )


def dense(
    rng: np.random.Generator,
    *,
    inputs: int,
    hidden: int,
    activation: str = "relu",
    kernel_initializer: str | Initializer = "glorot_uniform",
    bias_initializer: str | Initializer = "zeros",
    dtype: DTypeLike = np.float64,
) -> Dense:
    """A ReLU layer on each step by itself, to compare the recurrent layers with."""
    return Dense.init(
        rng,
        inputs=inputs,
        outputs=hidden,
        activation=activation,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        dtype=dtype,
    )


Builder = Callable[..., AnyLayer]

LAYERS: dict[str, Builder] = {
    "rnn": RNN.init,
    "irnn": RNN.irnn,
    "indrnn": indrnn,
    "lstm": LSTM.init,
    "gru": GRU.init,
}
"""The recurrent layers by name: builder(rng, inputs=, hidden=, dtype=) and the options of `Model` that it takes.

Add a layer of your own by one line, LAYERS["mine"] = Mine.init. A builder that has one of these parameters is given it:
`steps`, the length of the sequences; `top`, whether its layer is the highest; `reads`, the task's "last" or "every";
`batch_norm`, whether a BatchNorm follows.
"""

NORM = {"momentum": 0.9, "epsilon": 1e-5}
"""PyTorch's BatchNorm, which the IndRNN's authors use: statistics that run ten times as fast as Keras's, whose 0.99 is
far behind after a few hundred updates of a deep stack."""

READOUTS = {"irnn": "random_normal:stddev=0.001"}
"""The initializer of the readout's W where it is not glorot_uniform: an IRNN's authors draw all weights that are not
recurrent alike. Source: Le, Jaitly, Hinton (2015), §4, as others quote it."""

COMPARED: dict[str, Builder] = {"dense": dense}
"""The feedforward layers that recurrent ones are compared with, likewise."""

LINEAR = "linear"
"""The word for no layer at all: one affine map from the inputs to the outputs."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The options that describe a network, each an option of `rnnlab train`; None is the layer's own default.

    Raises:
        ValueError: an unknown layer, or sizes under 1.
    """

    layer: Annotated[str, f"which layer: {', '.join([*LAYERS, *COMPARED, LINEAR])}"] = "rnn"
    hidden: Annotated[int, "units of a layer"] = 100
    layers: Annotated[int, "layers in series"] = 1
    activation: Annotated[str | None, "of rnn (default: tanh), indrnn and dense (default: relu)"] = None
    kernel_initializer: Annotated[
        str | Initializer | None, "of W: NAME or NAME:option=value,…; default: the layer's own"
    ] = None
    recurrent_initializer: Annotated[str | Initializer | None, "of U or u, likewise"] = None
    bias_initializer: Annotated[str | Initializer | None, "of b, likewise"] = None
    readout_initializer: Annotated[
        str | Initializer | None, "of the readout's W, likewise; default: glorot_uniform, but for irnn N(0, 0.001²)"
    ] = None
    forget_bias: Annotated[float | None, "lstm: added to the bias of the forget gate; default: 1"] = None
    scale: Annotated[float | None, "irnn: U = scale · I; default: 1"] = None
    residual: Annotated[bool, "a shortcut around every layer but the lowest, and around its BatchNorm"] = False
    batch_norm: Annotated[bool, "a BatchNorm after every layer; with residual also one on top of all"] = False

    def __post_init__(self) -> None:
        words = [*LAYERS, *COMPARED, LINEAR]
        if self.layer not in words:
            raise wrong_name("layer", self.layer, words)
        for name in ("hidden", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")

    @property
    def options(self) -> dict[str, Any]:
        """The words for the layer itself that were given, by name."""
        network = ("layer", "hidden", "layers", "readout_initializer", "residual", "batch_norm")
        own = {word.name: getattr(self, word.name) for word in fields(Model) if word.name not in network}
        return {name: value for name, value in own.items() if value is not None}


def recurrent(
    rng: np.random.Generator,
    layer: str,
    *,
    inputs: int,
    hidden: int,
    steps: int,
    top: bool = True,
    dtype: DTypeLike = np.float64,
    **options: Any,
) -> AnyLayer:
    """One recurrent layer by itself.

    Args:
        layer: its name in `LAYERS`.
        steps: T, the length of the sequences.
        top: whether the layer is the highest.
        options: words of `Model` for the layer itself: activation, recurrent_initializer, …; None is the layer's own.

    Raises:
        ValueError: an unknown word, one that this layer does not take, or sizes under 1.
    """
    if layer not in LAYERS:
        raise wrong_name("a recurrent layer", layer, LAYERS)
    given = {name: value for name, value in options.items() if value is not None}
    return _layer(rng, layer, given, inputs=inputs, hidden=hidden, steps=steps, top=top, dtype=dtype)


def build(
    rng: np.random.Generator,
    task: Task,
    *,
    layer: str | type[Any] = Model.layer,
    dtype: DTypeLike = np.float32,
    **words: Any,
) -> Network:
    """A network that fits the task: `layers` layers of `hidden` units, and a readout.

    Integer inputs go through an Embedding that starts as one-hot vectors and is trained. "dense" layers see each step
    alone; "linear" is one affine map from the inputs to the outputs.

    Args:
        layer: its word, or a class of your own with a class method init(rng, *, inputs, hidden, dtype); from then on
            its name is a word in `LAYERS`.
        words: those of `Model`, by name.

    Raises:
        ValueError: an unknown word, or one that this layer does not take; sizes under 1.
        TypeError: a class without `init`.
    """
    if isinstance(layer, type):
        if not hasattr(layer, "init"):
            raise TypeError(
                f"{layer.__name__} needs a class method init(rng, *, inputs, hidden, dtype) to be built; or make the "
                "network yourself, rl.Network((layer,), readout)"
            )
        LAYERS[layer.__name__] = layer.init
        layer = layer.__name__
    model = Model(layer=layer, **words)
    if model.layer == LINEAR:
        return _linear(rng, task, model, dtype)
    stack: list[AnyLayer] = []
    if task.symbolic:
        symbols = task.inputs
        stack.append(
            Embedding.init(rng, symbols=symbols, outputs=symbols, embeddings_initializer="identity", dtype=dtype)
        )
    for number in range(model.layers):
        context = {
            "inputs": model.hidden if number else task.inputs,
            "hidden": model.hidden,
            "steps": task.steps,
            "top": number == model.layers - 1,
            "reads": task.reads,
            "batch_norm": model.batch_norm,
            "dtype": dtype,
        }
        one = _layer(rng, model.layer, model.options, **context)
        branch = (one, BatchNorm.init(inputs=model.hidden, dtype=dtype, **NORM)) if model.batch_norm else (one,)
        if model.residual and number:
            stack.append(Residual(Network(branch, reads="every") if model.batch_norm else one))
        else:
            stack.extend(branch)
    if model.residual and model.batch_norm and model.layers > 1:
        stack.append(
            BatchNorm.init(inputs=model.hidden, dtype=dtype, **NORM)
        )  # the sum of all branches grows with their number
    chosen = model.readout_initializer or READOUTS.get(model.layer, "glorot_uniform")
    readout = Dense.init(rng, inputs=model.hidden, outputs=task.outputs, kernel_initializer=chosen, dtype=dtype)
    return Network(tuple(stack), readout, task.reads)


def _layer(rng: np.random.Generator, layer: str, options: dict[str, Any], **context: Any) -> AnyLayer:
    """The layer of that name."""
    if context["hidden"] < 1:
        raise ValueError(f"hidden must be at least 1; got {context['hidden']}")
    builders = LAYERS | COMPARED
    takes = {word: signature(builder).parameters.keys() for word, builder in builders.items()}
    for name, value in options.items():
        if name not in takes[layer]:
            users = [word for word, its_options in takes.items() if name in its_options]
            raise ValueError(f"{name} is for {', '.join(users) or 'no layer'}; got {value} for {layer}")
    return builders[layer](rng, **{name: value for name, value in context.items() if name in takes[layer]}, **options)


def _linear(rng: np.random.Generator, task: Task, model: Model, dtype: DTypeLike) -> Network:
    """One affine map; of symbols, a row of outputs for each, all zeros at first."""
    unused = {word.name: getattr(model, word.name) for word in fields(Model) if word.name not in ("layer", "hidden")}
    for name, value in unused.items():
        if value != getattr(Model, name):
            raise ValueError(f"a linear network takes no {name}; got {value}")
    if task.symbolic:
        sizes = {"symbols": task.inputs, "outputs": task.outputs}
        table = Embedding.init(rng, **sizes, embeddings_initializer="zeros", dtype=dtype)
        return Network((table,), None, task.reads)
    return Network((Dense.init(rng, inputs=task.inputs, outputs=task.outputs, dtype=dtype),), None, task.reads)
