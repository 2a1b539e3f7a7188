"""Four panels: the decay of the gradient, the map with the setup as a dot, the states, the singular values of a step.

What changes at every move of a slider (lines, titles, the dot) is kept apart from what rarely does (scales, ticks,
legends, the map): to draw letters takes longer than everything else, so the window draws a frame again only if it must.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.explore.measure import ALL, Map, Values
from rnnlab.explore.setup import Setup

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

LOOKS = {"rnn": "tanh RNN", "irnn": "IRNN", "indrnn": "IndRNN", "lstm": "LSTM", "gru": "GRU"}
PARTS: list[tuple[str, looks.Line]] = [
    (looks.BLACK, ":"),
    (looks.SKY, "--"),
    (looks.GREY, "-."),
    (looks.YELLOW, "-"),
    (looks.BLACK, "-."),
]
PARTS += [(looks.SKY, ":"), (looks.GREY, "--")]
"""Colour and line of each state, beside the model's own for all paths."""
KEPT: list[looks.Line] = [(0, (1, 1)), (0, (4, 2)), (0, (6, 1, 1, 1)), (0, (2, 2))]
"""The grey lines of curves that were kept, in turn."""
DECADES = (12, 48, 192, 307)
"""Where the axis of the decay ends, up or down: a few places, so that it does not follow every change."""
STEPS = (20, 100, 200, 400, 1000)
"""Likewise where the axes of the steps end."""
STEADY = 0.005
"""Nats per step, up or down, within which we say that the gradient is kept."""
COLOURS = 1.0
"""Nats per step at which the map's colours end."""


PAPER: Any = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1.5}


class Shown(NamedTuple):
    """A setup and what it gave."""

    setup: Setup
    values: Values


@dataclass(eq=False)
class Panel:
    """Some axes.

    Attributes:
        axes: where it is drawn: axes, or a text by itself.
        moving: the artists that change at every move.
        heading: the title, which changes likewise.
        frame: what decides about all others; they are as they were where it is equal.
    """

    axes: Any
    moving: "list[Artist]" = field(default_factory=list)
    heading: "Artist | None" = None
    frame: Hashable = None

    def title(self, words: str) -> None:
        """At a fixed height: Matplotlib would measure every label of the axes to find one."""
        self.heading = self.axes.set_title(words, loc="left", y=1.02)

    def clear(self) -> None:
        """Remove what moved."""
        for artist in self.moving:
            artist.remove()
        self.moving = []

    def above(self) -> "list[Artist]":
        """All that is drawn on top of the frame."""
        return self.moving if self.heading is None else [*self.moving, self.heading]


class Panels:
    """The four in a figure, between these shares of its width and height."""

    def __init__(self, figure: "Figure", left: float, bottom: float, right: float, top: float) -> None:
        grid = figure.add_gridspec(
            2, 2, left=left, bottom=bottom, right=right, top=top, hspace=0.4, wspace=0.2, width_ratios=(1.5, 1)
        )
        self.decay, self.map, self.states, self.singular = (
            Panel(figure.add_subplot(grid[place])) for place in ((0, 0), (0, 1), (1, 0), (1, 1))
        )
        self.each = [self.decay, self.map, self.states, self.singular]
        self._prepare()

    def _prepare(self) -> None:
        """What never changes: scales and labels, the image of the states, the dot."""
        from matplotlib import colormaps
        from matplotlib.ticker import FuncFormatter, LinearLocator, LogLocator, NullLocator

        for panel in (self.decay, self.singular):
            panel.axes.set_yscale("log")
            # "1e-8": to lay out a 10 with an exponent takes longer than all else.
            panel.axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            panel.axes.yaxis.set_major_locator(LogLocator(numticks=5))
            panel.axes.yaxis.set_minor_locator(NullLocator())
            panel.axes.xaxis.set_major_locator(LinearLocator(5))
            panel.axes.axhline(1, color=looks.BLACK, lw=0.6)
        self.decay.axes.set(xlabel="steps back from the loss, k", ylabel="|∂L/∂h[T-k]| / |∂L/∂h[T]|")
        self.singular.axes.set(xlim=(0, 100), ylim=(1e-3, 10), xlabel="directions, %", ylabel="singular value")
        self.states.axes.xaxis.set_major_locator(LinearLocator(5))
        self._colours = colormaps["PuOr"]
        paper = np.zeros((2, 2, 4), np.uint8)
        image = self.states.axes.imshow(paper, aspect="auto", interpolation="nearest")
        self._image = image
        self.states.axes.set(xlabel="step t", ylabel="units", yticks=[], ylim=(1, 0))
        self.states.axes.grid(visible=False)
        axes = self.map.axes
        axes.set(xscale="log", yscale="log", xlabel="gain: U is multiplied by it", ylabel="scale of the input")
        axes.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
        axes.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        axes.minorticks_off()
        axes.grid(visible=False)
        (self._dot,) = axes.plot([1], [1], "o", ms=11, mfc="white", mec=looks.BLACK, mew=2, zorder=5, clip_on=False)
        self._map: tuple[Map | None, list[Any]] = (None, [])

    def show(self, shown: Shown, phases: Map, kept: Sequence[Shown] = ()) -> None:
        """Draw one setup, and grey curves of those that were kept."""
        color, line, _ = looks.look(
            "ReLU RNN" if shown.setup.activation == "relu" else LOOKS.get(shown.setup.layer, "")
        )
        self._show_decay(shown, kept, color, line)
        self._show_map(shown, phases)
        self._show_states(shown)
        self._show_singular(shown.values, color, line)

    def fail(self, why: str) -> None:
        """Nothing but the reason; the map stays."""
        for panel in (self.decay, self.singular):
            panel.clear()
            panel.title("")
        self.decay.title(why)
        self._image.set_visible(False)
        self.states.title("")

    # The decay

    def _show_decay(self, shown: Shown, kept: Sequence[Shown], color: str, line: looks.Line) -> None:
        self.decay.clear()
        axes, values = self.decay.axes, shown.values
        parts = [(name, curve) for name, curve in values.curves.items() if name != ALL]
        for (other, theirs), dashes in zip(kept, KEPT * len(kept), strict=False):
            self._curve(theirs.curves[ALL], looks.GREY, dashes, label=other.text)
        for (name, curve), (ink, dashes) in zip(parts, PARTS * len(parts), strict=False):
            self._curve(curve, ink, dashes, label=name, lw=1.1)
        self._curve(values.curves[ALL], color, line, label=ALL if parts else "now", lw=2.2)
        every = [curve for each in (shown, *kept) for curve in each.values.curves.values()]
        alive = np.concatenate([curve[curve > 0] for curve in every])
        low, high = np.log10(alive.min(initial=1)), np.log10(alive.max(initial=1))
        steps = max(map(len, every)) - 1
        down, up = _end(-low, (2, *DECADES)), _end(high, (0.5, *DECADES))
        axes.set(xlim=(0, _end(steps, STEPS)), ylim=(10.0**-down, 10.0**up))
        self._bound(values, steps)
        handles, labels = axes.get_legend_handles_labels()
        labels = [_short(label) for label in labels]
        frame = (axes.get_xlim(), axes.get_ylim(), tuple(labels), color)
        if frame != self.decay.frame:
            axes.legend(handles, labels, loc="lower left" if up < 1 else "upper left")
            self.decay.frame = frame
        self.decay.title(finding(values))

    def _curve(self, curve: Array, color: str, line: looks.Line, **options: Any) -> None:
        back, moving = np.arange(len(curve)), self.decay.moving
        moving += self.decay.axes.plot(back[curve > 0], curve[curve > 0], color=color, ls=line, **options)
        gone = back[curve == 0]
        if len(gone):  # exactly 0, which a logarithmic axis hides: triangles along the bottom
            places = gone[:: max(1, len(gone) // 12)]
            at_bottom: Any = {"transform": self.decay.axes.get_xaxis_transform(), "clip_on": False}
            moving += self.decay.axes.plot(places, np.zeros(len(places)), "v", color=color, ms=4, **at_bottom)

    def _bound(self, values: Values, steps: int) -> None:
        """The most that Pascanu's bound allows, as far as the axis goes."""
        if np.isfinite(values.bound):
            low, high = np.log(self.decay.axes.get_ylim())
            limit = (high if values.bound > 0 else low) / (values.bound or 1.0)
            ends = np.array([0.0, min(steps, abs(limit))])
            options: Any = {"color": looks.BLACK, "lw": 0.8, "label": "at most, by Pascanu's bound"}
            self.decay.moving += self.decay.axes.plot(ends, np.exp(values.bound * ends), **options)

    # The map

    def _show_map(self, shown: Shown, phases: Map) -> None:
        if phases is not self._map[0]:
            self._draw_map(phases)
        self.map.moving = [*self._map[1], self._dot]
        self._dot.set_data([shown.setup.gain], [shown.setup.input_scale])
        growth = shown.values.growth
        cut = growth == -np.inf
        self.map.title("every path is cut" if cut else f"it {fate_of(growth)}: {growth:+.3f} nats a step")

    def _draw_map(self, phases: Map) -> None:
        from matplotlib.colors import Normalize

        for artist in self._map[1]:
            artist.remove()
        axes, gains, scales = self.map.axes, phases.gains, phases.scales
        shade = np.ma.masked_invalid(np.clip(phases.growth, -9, 9))
        norm = Normalize(-COLOURS, COLOURS)
        drawn: list[Any] = [
            axes.pcolormesh(gains, scales, shade, cmap="PuOr", norm=norm, shading="gouraud", rasterized=True)
        ]
        if shade.min() < -STEADY and shade.max() > STEADY:
            drawn.append(axes.contour(gains, scales, shade, levels=[0.0], colors=looks.BLACK))
        for column, word in ((1, "vanishes"), (-2, "explodes")):
            known = shade[:, column].compressed()
            if len(known) and fate_of(float(np.median(known))) == word:
                middle = scales[len(scales) // 2]
                drawn.append(axes.text(gains[column], middle, word, rotation=90, ha="center", va="center", bbox=PAPER))
        axes.set(xlim=(gains[0], gains[-1]), ylim=(scales[0], scales[-1]))
        self._map = (phases, drawn)

    # The states and the singular values

    def _show_states(self, shown: Shown) -> None:
        from matplotlib.colors import Normalize

        states, axes = shown.values.states, self.states.axes
        H, T = states.shape
        largest = max(float(np.abs(states).max()), np.finfo(float).tiny)
        self.states.moving = [self._image]
        self._image.set_visible(True)
        shade = Normalize(-1, 1)(states / largest)
        self._image.set_data(self._colours(shade, bytes=True))  # a colour a cell; Matplotlib would find one a pixel
        self._image.set_extent((0, T, 1, 0))
        axes.set(xlim=(0, _end(T, STEPS)), ylim=(1, 0))
        off = int(np.sum(~states.any(axis=1)))
        also = f"; {off} of {H} units are never on" if off else ""
        self.states.title(f"the states of a sequence, |h| ≤ {largest:.2g}{also}")
        self.states.frame = axes.get_xlim()

    def _show_singular(self, values: Values, color: str, line: looks.Line) -> None:
        self.singular.clear()
        axes = self.singular.axes
        for sigma in values.weights.values():
            self._sorted(sigma, looks.GREY, "-", label="U alone" if len(values.weights) == 1 else None, lw=1)
        for (name, sigma), (ink, dashes) in zip(values.steps.items(), [(color, line), *PARTS], strict=False):
            self._sorted(sigma, ink, dashes, label="slope and U" if values.weights and len(values.steps) == 1 else name)
        every = np.concatenate(list(values.steps.values()))
        handles, labels = axes.get_legend_handles_labels()
        if (tuple(labels), color) != self.singular.frame:
            axes.legend(handles, labels, loc="lower left")
            self.singular.frame = (tuple(labels), color)
        self.singular.title(f"a step back shrinks {np.sum(every < 0.99)} of {len(every)} directions")

    def _sorted(self, sigma: Array, color: str, line: looks.Line, **options: Any) -> None:
        share = 100 * (np.arange(len(sigma)) + 0.5) / len(sigma)
        self.singular.moving += self.singular.axes.plot(share, sigma, color=color, ls=line, **options)


def fate_of(growth: float) -> str:
    """What becomes of a gradient that grows by so many nats per step back."""
    return "is kept" if abs(growth) <= STEADY else "vanishes" if growth < 0 else "explodes"


def finding(values: Values) -> str:
    """What is left at the first step, in words."""
    curve = values.curves[ALL]
    steps, left = len(curve) - 1, float(curve[-1])
    if left == 0:
        first = int(np.argmax(curve == 0))
        return f"the gradient is exactly 0 from {first} step{'s' * (first != 1)} back on"
    if left > 10:
        return f"{steps} steps back the gradient has grown {left:.2g} times"
    return f"{steps} steps back {left:.2g} of the gradient is left"


def _end(size: float, ends: Sequence[float]) -> float:
    """The first of `ends` that holds so much, else the size itself."""
    return next((end for end in ends if end >= size), size)


def _short(label: str) -> str:
    return label if len(label) <= 44 else f"{label[:43]}…"
