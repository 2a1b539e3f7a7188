"""The command line: `rnnlab flow` measures your own sequences, `rnnlab figures` writes the gallery."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import numpy as np

from rnnlab import initializers
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.sequences import read


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one sentence, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 if all went well, 2 for a wrong word or unusable input, 130 for Ctrl-C."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.run is None:
        parser.print_help()
        return 0
    try:
        with np.errstate(over="raise", invalid="raise"):
            arguments.run(arguments)
    except FloatingPointError:
        problem = "the run exploded beyond the largest float: try fewer --steps or another --recurrent-initializer"
    except MemoryError:
        problem = "there is not enough memory for that: try fewer units, sequences or steps"
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (ValueError, TypeError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        return 130
    else:
        return 0
    print(f"rnnlab {arguments.command}: error: {problem}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rnnlab", description="Recurrent networks by hand in NumPy: where does the gradient go?")
    parser.add_argument("--version", action="version", version=f"rnnlab {version('rnnlab')}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    flow = commands.add_parser(
        "flow",
        help="measure how the gradient decays on your own sequences",
        description="Run a fresh layer over your sequences, send the gradient of a loss on the last step back, print "
        "its decay rate (nats per step), its half-life (steps) and where its norm falls under 1e-8, and write "
        "flow.png and flow.csv.",
    )
    flow.add_argument(
        "input",
        nargs="?",
        metavar="INPUT",
        help="a UTF-8 text file (characters, one-hot) or a .npy array (T, B, D); CPython's documentation if not given",
    )
    flow.add_argument("--layer", choices=("rnn", "irnn", "indrnn", "lstm", "gru"), default="rnn", help="default: rnn")
    flow.add_argument("--activation", metavar="NAME", help="default: tanh for rnn, relu for indrnn")
    flow.add_argument("--recurrent-initializer", metavar="NAME", help="default: orthogonal, for indrnn indrnn_range")
    flow.add_argument("--hidden", type=int, default=100, metavar="H", help="units; default: 100")
    flow.add_argument("--steps", type=int, metavar="T", help="length of a sequence; default: 100, or all of a .npy")
    flow.add_argument("--batch", type=int, default=16, metavar="B", help="windows taken from a text; default: 16")
    flow.add_argument("--seed", type=int, default=0, help="of the weights; default: 0")
    flow.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")
    flow.set_defaults(run=_flow)

    figures = commands.add_parser(
        "figures",
        help="write the figures, their tables and the gallery",
        description="Write NAME.png and NAME.csv for every NAME (all if none is given), and README.md, the gallery.",
    )
    figures.add_argument("names", nargs="*", metavar="NAME", help="see --list")
    figures.add_argument("--list", action="store_true", help="list the figures and write nothing")
    figures.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")
    figures.add_argument(
        "--recompute", action="store_true", help="measure times anew instead of drawing the table that is there"
    )
    figures.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")
    figures.set_defaults(run=_figures)
    return parser


def _figures(arguments: argparse.Namespace) -> None:
    from rnnlab.gallery.publish import FIGURES, publish  # Matplotlib is loaded only where it is drawn with

    if arguments.list:
        width = max(map(len, FIGURES))
        for name, module in FIGURES.items():
            print(f"{name:{width}}  {module.TITLE}")
        return
    count, start, done = len(arguments.names or FIGURES), time.monotonic(), 0

    def announce(name: str) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"[{done}/{count}] {name}, {time.monotonic() - start:.0f} s", file=sys.stderr)

    redrawn = publish(arguments.names, arguments.out, arguments.format, announce, recompute=arguments.recompute)
    print(f"wrote {count} figure{'s' * (count != 1)} and README.md to {arguments.out}")
    if redrawn:
        print(f"drawn from the recorded table, not measured anew (--recompute does): {', '.join(redrawn)}")


def _flow(arguments: argparse.Namespace) -> None:
    sequences = read(arguments.input, steps=arguments.steps, batch=arguments.batch)
    T, B, D = sequences.xs.shape
    layer = _layer(arguments, T, D)

    from rnnlab.gallery import own_decay  # as above
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
    if arguments.hidden < 1:
        raise ValueError(f"--hidden must be at least 1; got {arguments.hidden}")
    if arguments.seed < 0:
        raise ValueError(f"--seed must be at least 0; got {arguments.seed}")
    rng = np.random.default_rng(arguments.seed)
    sizes = {"inputs": inputs, "hidden": arguments.hidden}
    if arguments.layer == "irnn":
        if arguments.activation not in (None, "relu") or arguments.recurrent_initializer not in (None, "identity"):
            raise ValueError("an irnn is relu with identity: use --layer rnn to change --activation or the initializer")
        return RNN.irnn(rng, **sizes)
    recurrent = initializers.get(arguments.recurrent_initializer or "orthogonal")
    if arguments.layer in ("lstm", "gru"):
        if arguments.activation is not None:
            raise ValueError(f"the activations of a {arguments.layer} are its own: --activation is for rnn and indrnn")
        return (LSTM if arguments.layer == "lstm" else GRU).init(rng, **sizes, recurrent_initializer=recurrent)
    if arguments.layer == "rnn":
        return RNN.init(rng, **sizes, activation=arguments.activation or "tanh", recurrent_initializer=recurrent)
    name = arguments.recurrent_initializer or "indrnn_range"
    recurrent = initializers.get(name, **({"steps": steps} if name == "indrnn_range" else {}))
    return IndRNN.init(rng, **sizes, activation=arguments.activation or "relu", recurrent_initializer=recurrent)
