"""`rnnlab explore`: a window with a slider for every setting of a layer, and what becomes of its gradient."""

import argparse
from pathlib import Path

from rnnlab.experiments.options import options
from rnnlab.explore.setup import Setup
from rnnlab.explore.window import open_window, picture

METAVARS = {int: "N", float: "X", str: "NAME"}


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Open a window that shows the gradient of a real layer at every step, computed anew at every move of a slider: "
        "its decay, the map of gain and input scale, the states, the singular values of a step. The options say how it "
        "begins; with --save the picture is drawn to a file instead, and no window is needed."
    )
    for option in options(Setup).values():
        parser.add_argument(option.flag, type=option.kind, metavar=METAVARS[option.kind], help=option.help)
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="SETTINGS",
        help='a grey curve to compare with, "layer=irnn gain=0.9" for instance; may be repeated',
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the picture, .png, .svg or .pdf; no window")
    parser.add_argument(
        "--out", type=Path, default=Path("figures"), metavar="DIR", help="where the button `save` writes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Open the window, or write the picture."""
    given = {name: getattr(arguments, name) for name in options(Setup) if getattr(arguments, name) is not None}
    setup, kept = Setup(**given), tuple(map(Setup.read, arguments.keep))
    if arguments.save is None:
        open_window(setup, kept, arguments.out, lambda words: print(words, flush=True))
    else:
        picture(setup, kept, arguments.save)
        print(f"wrote {arguments.save}")
