"""`rnnlab figures`: the gallery."""

import argparse
import sys
import time
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Write NAME.png and its table NAME.csv for every NAME (all if none is given), and README.md, the gallery. "
        "Tables that took hours, or hold timings, are recorded with the package: they are drawn, and not copied."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list")
    parser.add_argument("--list", action="store_true", help="list the figures and write nothing")
    parser.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="re-run timings and training instead of drawing the recorded table; training takes hours, is saved in "
        "the folder runs, and resumes from there if interrupted",
    )
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")


def run(arguments: argparse.Namespace) -> None:
    """Draw and write; or list."""
    from rnnlab.gallery.figures import FIGURES
    from rnnlab.gallery.publish import publish

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
        _announce_training([name for name in arguments.names or FIGURES if name in FIGURES])
    sources = publish(arguments.names, arguments.out, arguments.format, announce, recompute=arguments.recompute)
    print(f"wrote {count} figure{'s' * (count != 1)} and README.md to {arguments.out}")
    recorded = [name for name, source in sources.items() if source == "recorded"]
    if recorded:
        print(f"drawn from the recorded table (--recompute re-runs it): {', '.join(recorded)}")
    for name in (name for name, source in sources.items() if source == "own"):
        path = arguments.out / f"{name}.csv"
        print(f"drawn from your own {path}, which differs from the recorded table: delete it to draw that one")


def _announce_training(names: list[str]) -> None:
    """How long the training will take, by the recorded runs."""
    from rnnlab.experiments.results.tables import RUNS, read
    from rnnlab.gallery.figures import recipe as recipe_of

    for recipe in sorted({recipe for name in names if (recipe := recipe_of(name)) is not None}):
        runs = read(RUNS).where(recipe=recipe)
        print(
            f"training {recipe} again, {len(runs)} runs that took {runs['seconds'].sum() / 3600:.1f} hours of one "
            "core, in the folder runs; what is there already is not run again",
            file=sys.stderr,
        )
