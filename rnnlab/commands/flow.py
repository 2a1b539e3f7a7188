"""`rnnlab flow`: how the gradient decays on the user's own sequences."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab import interop
from rnnlab.arrays import Array
from rnnlab.layers import RNN, Embedding, IndRNN
from rnnlab.layers.batchnorm import evaluating
from rnnlab.models import LAYERS, recurrent
from rnnlab.record import is_record, load, parts
from rnnlab.sequences import Sequences, read
from rnnlab.trace import AnyLayer, innermost, is_layer


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Where does the gradient go, on your own sequences? Runs a fresh layer, or your trained\n"
        "network, over them, and sends the gradient of a loss on the last step back. Prints of each\n"
        "recurrent layer the growth (nats per step back, below 0: it vanishes), the half-life (steps)\n"
        "and where the norm falls under 1e-8; writes flow.png and flow.csv.\n\n"
        "  rnnlab flow notes.txt --layer tanh,irnn,gru       three layers in one picture\n"
        "  rnnlab flow prices.csv --column price --steps 200\n"
        "  rnnlab flow xs.npy --weights checkpoint.npz       your trained network"
    )
    data = parser.add_argument_group("your sequences")
    data.add_argument(
        "input",
        nargs="?",
        metavar="INPUT",
        help="a UTF-8 text file or a folder of .txt files (characters, one-hot), a .csv file (its columns of numbers) "
        "or a .npy array (T, B, D); CPython's documentation if not given",
    )
    data.add_argument("--column", metavar="NAME", help="of a .csv file; default: all that hold numbers")
    data.add_argument("--steps", type=int, metavar="T", help="length of a sequence; default: 100, or all of a .npy")
    data.add_argument(
        "--batch", type=int, metavar="B", help="sequences; default: 16 windows of a text, or all of a .npy"
    )
    layer = parser.add_argument_group("a fresh layer")
    layer.add_argument(
        "--layer",
        metavar="NAMES",
        help=f"{', '.join(LAYERS)}; {', '.join(ACTIVATED)} for an RNN with that activation; FILE.py:NAME for a layer "
        "of your own; several, as tanh,irnn,gru, are drawn together; default: rnn",
    )
    layer.add_argument("--hidden", type=int, metavar="H", help="units; default: 100")
    layer.add_argument("--activation", metavar="NAME", help="default: tanh for rnn, relu for indrnn")
    layer.add_argument("--recurrent-initializer", metavar="NAME", help="default: orthogonal, for indrnn indrnn_range")
    layer.add_argument("--seed", type=int, help="seed of the weights; default: 0")
    trained = parser.add_argument_group("or your trained network")
    trained.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a checkpoint.npz, what rl.save wrote, or an .npz with the names of PyTorch's state_dict or Keras's "
        "weights (for an RNN of theirs with relu say --activation relu)",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")
    output.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")
    output.add_argument(
        "--scale", type=float, default=1.0, metavar="N", help="type and lines so much larger; 2 suits a projector"
    )


ACTIVATED = ("tanh", "relu", "sigmoid")
FRESH = {"layer": "rnn", "hidden": 100, "seed": 0, "recurrent_initializer": None}
"""The defaults that describe a fresh layer; a trained one needs none of them."""


def run(arguments: argparse.Namespace) -> None:
    """Measure, write, print."""
    if arguments.weights is None:
        for name, value in FRESH.items():
            if getattr(arguments, name) is None:
                setattr(arguments, name, value)
        sequences = _read(arguments)
        words = [word.strip() for word in arguments.layer.split(",")]
        named = {_called(word): _layer(word, arguments, sequences) for word in words}
        layers = named if len(named) > 1 else {"": next(iter(named.values()))}
        said = f"{'layer' if len(named) == 1 else 'layers':13}{', '.join(named)}, {arguments.hidden} units"
        origin = f"{said}{_activation(named)}, seed {arguments.seed}"
    else:
        layer = _trained(arguments)
        layers = {"": layer}
        lowest = next(innermost(layer))
        symbols = len(lowest.E) if isinstance(lowest, Embedding) else None
        sequences = _read(arguments, symbols)
        states = _run_one_step(layer, sequences, arguments.weights)
        origin = f"weights      {arguments.weights}: {', '.join(f'{n} ({a.shape[-1]})' for n, a in states.items())}"

    from rnnlab.gallery import own_decay  # Matplotlib is loaded only where something is drawn
    from rnnlab.gallery.publish import write

    table = own_decay.compute(layers, sequences.xs)
    caption, figure = own_decay.caption(table), own_decay.draw(table, scale=arguments.scale)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / "flow", table, figure, caption, arguments.format)
    T, B, *D = sequences.xs.shape
    print(f"sequences    {sequences.source}: {B} of {T} steps{_inputs(*D)}")
    print(origin)
    print(caption)
    print(f"wrote        {arguments.out / f'flow.{arguments.format}'} and {arguments.out / 'flow.csv'}")


def _inputs(count: int | None = None) -> str:
    return "" if count is None else f", {count} input{'s' * (count != 1)}"


def _trained(arguments: argparse.Namespace) -> AnyLayer:
    """What --weights holds: in float64, where a gradient underflows later, and with BatchNorm's running statistics."""
    given = [f"--{name.replace('_', '-')}" for name in FRESH if getattr(arguments, name) is not None]
    if given:
        raise ValueError(f"{arguments.weights} says itself what the layer is: leave out {', '.join(given)}")
    path = arguments.weights
    if is_record(path):
        if arguments.activation is not None:
            raise ValueError(f"{path} says itself what the activation is: leave out --activation")
        record = load(path)
        layer: Any = record if is_layer(record) else dict(parts(record)).get("network")  # a checkpoint's
        if not is_layer(layer):
            raise ValueError(f"{path} holds a {type(record).__name__}, which is no layer and has no network in it")
    else:
        layer = interop.read(path, activation=arguments.activation or "tanh")
    if not layer.carries:
        raise ValueError(f"{path} has no recurrent layer: nothing in it carries a state from step to step")
    trained: AnyLayer = evaluating(layer.map(lambda array: array.astype(np.float64)))
    return trained


def _run_one_step(layer: AnyLayer, sequences: Sequences, path: Path) -> dict[str, Array]:
    """The states after the first step alone, to refuse at once sequences that do not fit."""
    try:
        states: dict[str, Array] = layer.forward(sequences.xs[:1]).states
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} cannot read {sequences.source}: {error}; give sequences that fit it, a .npy array (T, B, D)"
        ) from None
    return states


def _read(arguments: argparse.Namespace, symbols: int | None = None) -> Sequences:
    sizes = {"steps": arguments.steps, "batch": arguments.batch}
    return read(arguments.input, **sizes, symbols=symbols, column=arguments.column)


def _called(word: str) -> str:
    """Of "folder/mine.py:Leaky" it is Leaky."""
    return word.rpartition(":")[2] if ".py:" in word else word


def _activation(layers: dict[str, AnyLayer]) -> str:
    """Of a single layer, as ", tanh"."""
    (first, *others) = layers.values()
    return f", {first.activation}" if not others and isinstance(first, RNN | IndRNN) else ""


def _layer(word: str, arguments: argparse.Namespace, sequences: Sequences) -> AnyLayer:
    """A fresh layer as its word and the options describe it."""
    if arguments.seed < 0:
        raise ValueError(f"--seed must be at least 0; got {arguments.seed}")
    steps, inputs = len(sequences.xs), sequences.xs.shape[2]
    rng, activation = np.random.default_rng(arguments.seed), arguments.activation
    if ".py:" in word:
        from rnnlab.gallery.series import loaded, made

        return made(loaded(word), rng, inputs=inputs, hidden=arguments.hidden, steps=steps)
    if word in ACTIVATED:
        if activation is not None:
            raise ValueError(f"{word} is an RNN with that activation: leave out --activation, or say rnn")
        word, activation = "rnn", word
    chosen = arguments.recurrent_initializer
    if word == "irnn" and chosen == "identity":
        chosen = None  # that is its default anyway
    starts: dict[str, Any] = {} if chosen is None else {"recurrent_initializer": chosen}
    return recurrent(rng, word, inputs=inputs, hidden=arguments.hidden, steps=steps, activation=activation, **starts)
