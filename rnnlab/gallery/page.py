"""The page that every figure is laid out on: type, panels, labels, and how it is saved. Matplotlib is loaded here."""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
LETTERS = 11.5
"""Letters of a bold title that fit an inch, about."""
FORMATS = ("png", "svg", "pdf")
FRAME, REST, DOTS_PER_INCH = 120, 2500, 110
"""Of a moving picture: how many milliseconds a frame is shown, and the last one, and its size."""


def styled(draw: "Callable[[Table], Figure]") -> "Callable[[Table], Figure]":
    """A decorator for `draw` functions: they, and nothing else, use the page's style."""

    @wraps(draw)
    def drawn(table: Table) -> "Figure":
        from matplotlib import rc_context  # loaded where something is drawn, never to compute

        with rc_context(STYLE):
            return draw(table)

    return drawn


def page(rows: int, columns: int, *, height: float, width: float = 10.5, **options: Any) -> "tuple[Figure, list[Axes]]":
    """An empty figure, in inches, and its panels from left to right and down; `options` go to Figure.subplots."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def headline(axes: "Axes", words: str, inches: float) -> None:
    """The finding of a panel as its title, broken into lines that fit so many inches, but not within "T = 100"."""
    from textwrap import fill

    whole = words.replace(" = ", "\u00a0=\u00a0").replace(" %", "\u00a0%").replace(" → ", "\u00a0→\u00a0")
    axes.set_title(fill(whole, max(12, int(inches * LETTERS))))


def label(axes: "Axes", x: float, y: float, text: str, color: str, **options: Any) -> None:
    """A direct label at data coordinates, in its line's colour on white."""
    options = {"fontsize": 8, "va": "center", "ha": "left", **options}
    background = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    axes.text(x, y, text, color=color, bbox=background, **options)


def save(figure: "Figure", file: BinaryIO, kind: str, caption: str) -> None:
    """Write `figure` as png, svg or pdf with its caption as its description; the same figure gives the same bytes."""
    from matplotlib import rc_context

    metadata: dict[str, dict[str, Any]] = {
        "png": {"Description": caption, "Software": None},
        "svg": {"Description": caption, "Date": None, "Creator": None},
        "pdf": {"Subject": caption, "CreationDate": None, "Creator": None, "Producer": None},
    }
    with rc_context(STYLE):
        figure.savefig(file, format=kind, metadata=metadata[kind])


def animated(frames: "Iterable[Figure]", caption: str) -> bytes:
    """A GIF of one figure as it changes, its layout that of the first frame; at the end it stands still for a while.

    All frames have the colours of the last, so that a frame stores only what has changed since the one before.
    """
    from matplotlib import rc_context
    from matplotlib.animation import PillowWriter

    writer = PillowWriter()
    with TemporaryDirectory() as folder, rc_context(STYLE):
        path = Path(folder) / "moving.gif"
        for number, figure in enumerate(frames):
            if number == 0:
                figure.draw_without_rendering()
                figure.set_layout_engine("none")
                writer.setup(figure, path, dpi=DOTS_PER_INCH)
            writer.grab_frame()
        images: Any = vars(writer)[
            "_frames"
        ]  # finish() would give each frame colours of its own, and six times the bytes
        colours = images[-1].quantize(256)
        first, *others = (image.quantize(palette=colours, dither=0) for image in images)
        shown = [*[FRAME] * len(others), REST]
        first.save(path, save_all=True, append_images=others, duration=shown, loop=0, comment=caption.encode())
        return path.read_bytes()
