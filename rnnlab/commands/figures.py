"""`rnnlab figures`: the gallery."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from rnnlab.table import Table


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Write NAME.png and NAME.csv for every NAME (all if none is given), and README.md, the gallery."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list")
    parser.add_argument("--list", action="store_true", help="list the figures and write nothing")
    parser.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="measure times and train anew instead of drawing the recorded table; training takes hours, is kept in "
        "the folder runs, and goes on from there when begun again",
    )
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")


def run(arguments: argparse.Namespace) -> None:
    """Draw and write; or list."""
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

    if arguments.recompute:
        _foretell([FIGURES[name] for name in arguments.names or FIGURES if name in FIGURES])
    redrawn = publish(arguments.names, arguments.out, arguments.format, announce, recompute=arguments.recompute)
    print(f"wrote {count} figure{'s' * (count != 1)} and README.md to {arguments.out}")
    if redrawn:
        print(f"drawn from the recorded table, not measured anew (--recompute does): {', '.join(redrawn)}")


def _foretell(modules: list[Any]) -> None:
    """How long the training will take, by the recorded runs."""
    from rnnlab.gallery.publish import RECORDED, RUNS

    recorded = Table.read(RECORDED / RUNS)
    for recipe in sorted({module.RECIPE for module in modules if hasattr(module, "RECIPE")}):
        runs = recorded.where(recipe=recipe)
        print(
            f"training {recipe} anew, {len(runs)} runs that took {runs['seconds'].sum() / 3600:.1f} hours of one core, "
            "in the folder runs; what is there already is not run again",
            file=sys.stderr,
        )
