"""The command line: its commands, and one sentence for each kind of failure."""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from typing import NoReturn

import numpy as np

from rnnlab import __version__, interrupt
from rnnlab.commands import bench, check, claims, experiments, explore, figures, flow, train
from rnnlab.names import closest
from rnnlab.parallel import WorkerError
from rnnlab.training import DivergenceError

COMMANDS = {
    "flow": (flow, "measure how the gradient decays on your own sequences"),
    "explore": (explore, "turn the knobs of a layer in a window, and see its gradient"),
    "check": (check, "check a backward that you have written"),
    "train": (train, "train a network, or run an experiment"),
    "experiments": (experiments, "carry out all experiments, and record them"),
    "claims": (claims, "judge the survey's claims by measurements"),
    "bench": (bench, "time the layers beside PyTorch, JAX and their limit"),
    "figures": (figures, "write the figures, their tables and the gallery"),
}


class _Parser(argparse.ArgumentParser):
    """argparse, but with errors of one sentence, without the usage above them, and with what was probably meant."""

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        option = re.match(r"unrecognized arguments: (--\S+)", message)
        near = None
        if choice:
            near = closest(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif option:
            near = closest(option[1], self._option_string_actions)
        self.exit(2, f"{self.prog}: error: {message}{f': did you mean {near}?' if near else ''}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 if all went well, 1 if `check` finds a mistake, 2 for a wrong word or unusable input, 130 for Ctrl-C, 141 (as
        for SIGPIPE) if whatever read the output, `head` for instance, has closed it.
    """
    try:
        interrupt.raise_as_usual()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal without "≥" shows "?"
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # a closed or full output raises here, not while Python exits
    except KeyboardInterrupt:
        interrupt.leave()
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OSError as error:  # of the flush
        _discard_output()
        print(f"rnnlab: error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 2


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:  # refused by the command's own parser, which knows what may have been meant
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if arguments.run is None:
        parser.print_help()
        return 0
    try:
        with np.errstate(over="raise", invalid="ignore"):  # BLAS sets the invalid flag for numbers that it discards
            status: int | None = arguments.run(arguments)
    except FloatingPointError:
        problem = "the run exploded beyond the largest float: try fewer --steps or another --recurrent-initializer"
    except (DivergenceError, WorkerError) as error:
        problem = str(error)
    except BrokenExecutor:
        problem = "a run was killed from outside (is there memory for so many --jobs?): --resume continues it"
    except MemoryError:
        problem = "there is not enough memory for that: try fewer units, sequences or steps"
    except BrokenPipeError:
        raise
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (ValueError, TypeError) as error:
        problem = str(error)
    else:
        return status or 0
    print(f"rnnlab {arguments.command}: error: {problem}", file=sys.stderr)
    return 2


def _discard_output() -> None:
    """Drop what could not be written: Python would try again while it exits, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rnnlab", description="Recurrent networks by hand in NumPy: where does the gradient go?")
    parser.add_argument("--version", action="version", version=f"rnnlab {__version__}")
    parser.set_defaults(run=None, parser=parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, help_) in COMMANDS.items():
        command = commands.add_parser(name, help=help_, conflict_handler="resolve")  # it may have its own --help
        module.add(command)
        command.set_defaults(run=module.run, parser=command)
    return parser
