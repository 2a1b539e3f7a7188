"""`rnnlab figures`: the gallery."""

import argparse
import sys
import time
from pathlib import Path


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

    redrawn = publish(arguments.names, arguments.out, arguments.format, announce, recompute=arguments.recompute)
    print(f"wrote {count} figure{'s' * (count != 1)} and README.md to {arguments.out}")
    if redrawn:
        print(f"drawn from the recorded table, not measured anew (--recompute does): {', '.join(redrawn)}")
