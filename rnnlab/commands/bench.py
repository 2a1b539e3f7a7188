"""`rnnlab bench`: how fast the layers are, beside PyTorch and JAX where they are installed, and beside their limit."""

import argparse
import sys
from pathlib import Path

import numpy as np

from rnnlab.experiments import speed
from rnnlab.experiments.speed import LAYERS, SIZES, Size
from rnnlab.table import Table

SHOWN = "layer", "T", "B", "D", "H", "seconds", "ratio", "low", "high"
"""The columns that are printed."""


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Time forward and backward of every layer and a training update, alternating with PyTorch and JAX where they "
        "are installed and with the matrix products alone; print a table, and write bench.png and bench.csv."
    )
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, 5 rounds, one thread: half a minute")
    parser.add_argument(
        "--layer", action="append", choices=tuple(LAYERS), help="layer to time, may be repeated; default: all"
    )
    parser.add_argument(
        "--size", action="append", type=_size, metavar="T,B,D,H", help="may be repeated; default: six sizes"
    )
    parser.add_argument("--threads", action="append", type=int, metavar="N", help="BLAS threads; default: 1, then 2")
    parser.add_argument("--rounds", type=int, metavar="N", help="default: 25, fewer where they take long")
    parser.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    chosen = arguments.size is not None
    table = speed.measure(
        layers=arguments.layer or tuple(LAYERS),
        sizes=arguments.size or (SIZES[:1] if arguments.quick else SIZES),
        training=() if chosen else speed.TRAINING[:1] if arguments.quick else speed.TRAINING,
        thread_counts=arguments.threads or ((1,) if arguments.quick else (1, 2)),
        rounds=arguments.rounds or (5 if arguments.quick else 25),
        grown={} if arguments.quick or chosen else speed.GROWN,
        report=_report,
    )
    for line in lines(table):
        print(line)

    from rnnlab.gallery import speed as figure
    from rnnlab.gallery.publish import write

    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / "bench", table, figure.draw(table), figure.caption(table))
    print(f"wrote {arguments.out / 'bench.png'} and {arguments.out / 'bench.csv'}")


def _size(text: str) -> Size:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"a size is four whole numbers above 0, T,B,D,H; got {text!r}")
    T, B, D, H = map(int, parts)
    return T, B, D, H


def _report(what: str) -> None:
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def lines(table: Table) -> list[str]:
    """The table as it is printed."""
    found = [f"{table['machine'][0]}; {table['versions'][0]}", "other/ours: above 1 we are faster; median (10 to 90 %)"]
    kept = "forward + backward, freed memory kept on both sides"
    for kind, title in (("layer", "forward + backward"), ("kept", kept), ("training", "update of training")):
        for count, other in table.where(kind=kind).each("threads", "other"):
            rows = table.where(kind=kind, threads=count, other=other)
            found.append(f"{title}, {other}, {count:.0f} thread{'s' * (count != 1)}")
            for layer, T, B, D, H, mine, ratio, low, high in rows.each(*SHOWN):
                size = f"({T:.0f}, {B:.0f}, {D:.0f}, {H:.0f})"
                found.append(f"  {layer:9} {size:20} {ratio:6.2f} ({low:.2f}–{high:.2f})   ours {1e3 * mine:9.2f} ms")
            for (layer,) in rows.each("layer"):
                ratios = rows.where(layer=layer)["ratio"]
                if len(ratios) > 1:
                    found.append(f"  {layer:9} {'geometric mean':20} {np.exp(np.log(ratios).mean()):6.2f}")
    for layer, letter, slope, low, high in table.where(kind="exponent").each("layer", "other", "ratio", "low", "high"):
        found.append(f"time of {layer} grows as {letter}^{slope:.2f} ({low:.2f}–{high:.2f})")
    for layer, what in table.where(kind="memory").each("layer", "other"):
        ratios = table.where(kind="memory", layer=layer, other=what)["ratio"]
        found.append(f"memory of {layer}, {what}: {ratios.min():.1f}–{ratios.max():.1f} times that of the states")
    return found
