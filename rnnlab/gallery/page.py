"""The page that every figure is laid out on: inks, line styles, type, and how it is saved."""

from typing import Any, BinaryIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart; every one goes with a line style or a marker.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.dpi": 150,
    "svg.hashsalt": "rnnlab",
    "axes.formatter.useoffset": False,
}
FORMATS = ("png", "svg", "pdf")

styled = rc_context(STYLE)
"""A decorator for `draw` functions: they, and nothing else, use the page's style."""


def page(rows: int, columns: int, *, height: float, width: float = 10.5, **options: Any) -> tuple[Figure, list[Axes]]:
    """An empty figure, in inches, and its panels from left to right and down; `options` go to Figure.subplots."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def label(axes: Axes, x: float, y: float, text: str, color: str, **options: Any) -> None:
    """A direct label at data coordinates, in its line's ink on white."""
    options = {"fontsize": 8, "va": "center", "ha": "left", **options}
    background = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    axes.text(x, y, text, color=color, bbox=background, **options)


def save(figure: Figure, file: BinaryIO, kind: str, caption: str) -> None:
    """Write `figure` as png, svg or pdf with its caption as its description; the same figure gives the same bytes."""
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Description": caption, "Software": None},
        "svg": {"Description": caption, "Date": None, "Creator": None},
        "pdf": {"Subject": caption, "CreationDate": None, "Creator": None, "Producer": None},
    }
    with rc_context(STYLE):
        figure.savefig(file, format=kind, metadata=metadata[kind])
