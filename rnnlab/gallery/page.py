"""The page that every figure is laid out on: type, panels, labels, and how it is saved. Matplotlib is loaded here."""

import math
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from warnings import catch_warnings, filterwarnings

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
    "legend.fontsize": 9,
    "savefig.dpi": 150,
    "svg.hashsalt": "rnnlab",
    "axes.formatter.useoffset": False,
}
LINE = 0.155
"""Inches from a line of a label to the next."""
LETTERS = 11.5
"""Letters of a bold title that fit an inch, about."""
FORMATS = ("png", "svg", "pdf")
FRAME, REST, DOTS_PER_INCH = 120, 2500, 110
"""Of a moving picture: how many milliseconds a frame is shown, and the last one, and its size."""


SCREEN = 100.0
"""Dots per inch of a figure at scale 1, before it is saved."""
WIDEST = 1.3
"""The largest scale at which a figure that is no grid of panels keeps its design."""
LARGEST = 2.0
"""The largest scale: on a page of seven inches a panel is then as wide as the page."""


@dataclass
class _Layout:
    """How the figure that is being drawn differs from its design, where type is larger.

    Attributes:
        scale: by how much type and lines are larger beside the page's width.
        room: the width of a panel in inches, relative to the design.
        rows: the panels that stand side by side by design.
    """

    scale: float = 1.0
    room: float = 1.0
    rows: "list[list[Axes]]" = field(default_factory=list)


_LAYOUT: ContextVar[_Layout] = ContextVar("layout", default=_Layout())  # noqa: B039  # of scale 1 it is never changed


class Draw(Protocol):
    """A figure's `draw` function; with `scale` 2 type and lines are twice as large on the page, for a projector."""

    def __call__(self, table: Table, *, scale: float = 1.0) -> "Figure": ...


def styled(draw: "Callable[[Table], Figure]") -> Draw:
    """A decorator for `draw` functions: they, and nothing else, use the page's style; and they take a `scale`."""

    @wraps(draw)
    def drawn(table: Table, *, scale: float = 1.0) -> "Figure":
        from matplotlib import rc_context  # loaded where something is drawn, never to compute

        if not 0.25 <= scale <= LARGEST:
            raise ValueError(f"scale must be from 0.25 to {LARGEST:g}; got {scale:g}")
        layout = _Layout(scale)
        before = _LAYOUT.set(layout)
        try:
            with rc_context(STYLE):
                figure = draw(table)
                if scale > 1:
                    _repeat_labels(layout)
                    _wrap(figure)
                return figure
        finally:
            _LAYOUT.reset(before)

    return drawn


def narrow() -> bool:
    """Whether type is so large that the figure being drawn has one column: what stands beside goes below."""
    return _LAYOUT.get().scale > WIDEST


def sheet(width: float, height: float) -> "Figure":
    """An empty figure of so many inches; at scale 2 half as wide, with twice the dots, so that type is larger on it."""
    from matplotlib.figure import Figure

    scale = _LAYOUT.get().scale
    return Figure(figsize=(width / scale, height), dpi=SCREEN * scale, layout="constrained")


def page(rows: int, columns: int, *, height: float, width: float = 10.5, **options: Any) -> "tuple[Figure, list[Axes]]":
    """An empty figure, in inches, and its panels from left to right and down; `options` go to Figure.subplots.

    Where type is larger fewer panels stand side by side, and more below one another.
    """
    layout = _LAYOUT.get()
    side_by_side = max(1, min(columns, int(columns / layout.scale)))
    lines = -(-rows * columns // side_by_side)
    figure = sheet(width, height * lines / rows)
    if side_by_side < columns and "gridspec_kw" in options:
        ratios = options["gridspec_kw"].get("height_ratios", [1.0] * rows)
        options["gridspec_kw"] = {"height_ratios": [ratios[line * side_by_side // columns] for line in range(lines)]}
    panels = list(figure.subplots(lines, side_by_side, squeeze=False, **options).flat)
    for ax in panels[rows * columns :]:
        ax.remove()
    panels = panels[: rows * columns]
    if layout.scale > 1:
        layout.room = figure.get_figwidth() / side_by_side * columns / width
        layout.rows = [panels[first : first + columns] for first in range(0, len(panels), columns)]
    return figure, panels


def _repeat_labels(layout: _Layout) -> None:
    """What the leftmost of a row says for all of it, each says for itself where it stands alone."""
    for first, *others in layout.rows:
        for ax in others:
            if not ax.get_ylabel() and ax.lines and ax.yaxis.get_visible():
                ax.set_ylabel(first.get_ylabel())


def _wrap(figure: "Figure") -> None:
    """Break the titles and the labels that are now longer than their panels; formulas stay whole."""
    with catch_warnings():  # before they are broken they may leave the panels no room
        filterwarnings("ignore", "constrained_layout not applied")
        figure.draw_without_rendering()
    for ax in figure.axes:
        box = ax.get_window_extent()
        beside = [other.get_window_extent() for other in figure.axes if other is not ax]
        ends = [one.x0 for one in beside if one.x0 >= box.x1 and one.y0 < box.y1 and box.y0 < one.y1]
        width = min(ends, default=figure.bbox.x1) - box.x0  # a title may go on above what is right of the panel
        for text, room, along in (
            (ax.title, width, 0),
            (ax._left_title, width, 0),  # type: ignore[attr-defined]  # there is no public name for it
            (ax.xaxis.label, box.width, 0),
            (ax.yaxis.label, box.height, 1),
        ):
            words = text.get_text()
            length = text.get_window_extent().size[along]
            if words and length > room:
                letters = max(len(line) for line in words.splitlines())
                whole = re.sub(r"\$[^$]*\$", lambda formula: formula[0].replace(" ", "\0"), words.replace("\n", " "))
                text.set_text(fill(whole, max(8, int(letters * room / length))).replace("\0", " "))


def headline(axes: "Axes", words: str, inches: float) -> None:
    """The finding of a panel as its title, in lines that fit so many inches, not broken in "T = 100" or "bias 5"."""
    whole = words
    for kept in (" = ", " %", " → ", "bias "):
        whole = whole.replace(kept, kept.replace(" ", "\u00a0"))
    axes.set_title(fill(whole, max(12, int(inches * _LAYOUT.get().room * LETTERS))))


def label(axes: "Axes", x: float, y: float, text: str, color: str, **options: Any) -> None:
    """A direct label at data coordinates, in its line's colour on white."""
    options = {"fontsize": 9, "va": "center", "ha": "left", **options}
    background = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    written = axes.text(x, y, text, color=color, bbox=background, **options)
    written.set_in_layout(False)  # one that reaches out of its panel does not make the panel smaller


def beside(axes: "Axes", ends: dict[str, tuple[float, str]], inches: float) -> None:
    """Labels right of a panel of so many inches, at the ends of their lines (y, colour), and none over another."""
    to_panel = axes.transScale + axes.transLimits
    heights = {words: float(to_panel.transform((axes.get_xlim()[0], y))[1]) for words, (y, _) in ends.items() if y > 0}
    order = sorted(ends, key=lambda words: -heights.get(words, 0.0))
    each = {words: LINE * (words.count("\n") + 1) / inches for words in order}
    above, places = 1.05, {}
    for words in order:
        middle = min(max(heights.get(words, 0.0), each[words] / 2), above - each[words] / 2)
        places[words], above = middle, middle - each[words] / 2
    below = -0.05
    for words in reversed(order):
        places[words] = max(places[words], below + each[words] / 2)
        below = places[words] + each[words] / 2
    for words in order:
        axes.text(
            1.04, places[words], words, color=ends[words][1], transform=axes.transAxes, va="center", linespacing=1
        )


def apart(ends: dict[str, float], least: float) -> dict[str, float]:
    """Heights for labels of lines on a logarithmic axis, from the top: at the lines' ends, but so many nats apart."""
    heights: dict[str, float] = {}
    above = math.inf
    for name in sorted(ends, key=lambda one: -ends[one]):
        above = heights[name] = min(ends[name], above * math.exp(-least))
    return heights


def save(figure: "Figure", file: BinaryIO, kind: str, caption: str) -> None:
    """Write `figure` as png, svg or pdf with its caption as its description; the same figure gives the same bytes."""
    from matplotlib import rc_context

    metadata: dict[str, dict[str, Any]] = {
        "png": {"Description": caption, "Software": None},
        "svg": {"Description": caption, "Date": None, "Creator": None},
        "pdf": {"Subject": caption, "CreationDate": None, "Creator": None, "Producer": None},
    }
    with rc_context(STYLE):
        dots = STYLE["savefig.dpi"] * figure.get_dpi() / SCREEN
        written = BytesIO()
        figure.savefig(written, format=kind, dpi=dots, metadata=metadata[kind])
    picture = written.getvalue()
    if kind == "svg":  # named by a hash of where they are, to the last bit, which is not the same each time
        for number, name in enumerate(re.findall(rb'<clipPath id="(\w+)">', picture)):
            picture = picture.replace(name, b"clip-%d" % number)
    file.write(picture)


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
        kept: Any = vars(writer)["_frames"]  # finish() would give each its own colours, and six times the bytes
        images = [image.convert("RGB") for image in kept]  # Matplotlib 3.9 keeps them with transparency
        colours = images[-1].quantize(128)
        colours.putpalette([255 if part >= 250 else part for part in colours.getpalette()])  # white paper stays white
        first, *others = (image.quantize(palette=colours, dither=0) for image in images)
        shown = [*[FRAME] * len(others), REST]
        first.save(path, save_all=True, append_images=others, duration=shown, loop=0, comment=caption.encode())
        return path.read_bytes()
