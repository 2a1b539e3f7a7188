"""`rnnlab flow`: how the gradient decays on the user's own sequences."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.experiments.run import initializer
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.models import recurrent
from rnnlab.sequences import read


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Run a fresh layer over your sequences, send the gradient of a loss on the last step back, print its decay "
        "rate (nats per step), its half-life (steps) and where its norm falls under 1e-8, and write flow.png and "
        "flow.csv."
    )
    parser.add_argument(
        "input",
        nargs="?",
        metavar="INPUT",
        help="a UTF-8 text file (characters, one-hot) or a .npy array (T, B, D); CPython's documentation if not given",
    )
    parser.add_argument("--layer", choices=("rnn", "irnn", "indrnn", "lstm", "gru"), default="rnn", help="default: rnn")
    parser.add_argument("--activation", metavar="NAME", help="default: tanh for rnn, relu for indrnn")
    parser.add_argument("--recurrent-initializer", metavar="NAME", help="default: orthogonal, for indrnn indrnn_range")
    parser.add_argument("--hidden", type=int, default=100, metavar="H", help="units; default: 100")
    parser.add_argument("--steps", type=int, metavar="T", help="length of a sequence; default: 100, or all of a .npy")
    parser.add_argument("--batch", type=int, default=16, metavar="B", help="windows taken from a text; default: 16")
    parser.add_argument("--seed", type=int, default=0, help="of the weights; default: 0")
    parser.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")


def run(arguments: argparse.Namespace) -> None:
    """Measure, write, print."""
    sequences = read(arguments.input, steps=arguments.steps, batch=arguments.batch)
    T, B, D = sequences.xs.shape
    layer = _layer(arguments, T, D)

    from rnnlab.gallery import own_decay  # Matplotlib is loaded only where it is drawn with
    from rnnlab.gallery.publish import write

    table = own_decay.compute(layer, sequences.xs)
    caption = own_decay.caption(table)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / "flow", table, own_decay.draw(table), caption)
    print(f"sequences    {sequences.source}: {B} of {T} steps, {D} inputs")
    activation = f", {layer.activation}" if isinstance(layer, RNN | IndRNN) else ""
    print(f"layer        {arguments.layer}, {arguments.hidden} units{activation}, seed {arguments.seed}")
    print(caption)
    print(f"wrote        {arguments.out / 'flow.png'} and {arguments.out / 'flow.csv'}")


def _layer(arguments: argparse.Namespace, steps: int, inputs: int) -> RNN | IndRNN | LSTM | GRU:
    """A fresh layer as the options describe it."""
    if arguments.seed < 0:
        raise ValueError(f"--seed must be at least 0; got {arguments.seed}")
    chosen = initializer(arguments.recurrent_initializer)
    if arguments.layer == "irnn" and chosen == "identity":
        chosen = None  # what it starts with in any case
    starts: dict[str, Any] = {} if chosen is None else {"recurrent_initializer": chosen}
    return recurrent(
        np.random.default_rng(arguments.seed),
        arguments.layer,
        inputs=inputs,
        hidden=arguments.hidden,
        steps=steps,
        activation=arguments.activation,
        **starts,
    )
