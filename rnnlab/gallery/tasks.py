"""The tasks themselves: what a network sees, what it must answer, and for how long it must remember."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, checked, knob, setting, with_knobs
from rnnlab.table import Table
from rnnlab.tasks import Adding, Copying, Phonemes, Pixels
from rnnlab.tasks.copying import BLANK, LENGTH, MARKER
from rnnlab.tasks.pixels import SHUFFLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The tasks: what goes in, what has to come out"
INK = 0.5
"""A pixel above this is of the digit."""


@checked
def compute(
    *,
    steps: Annotated[int, Knob("T of the adding problem", "timesteps", 2)] = 50,
    side: Annotated[int, Knob("of the digit's image", "pixels", 4)] = 14,
    frames: Annotated[int, Knob("of speech, 10 ms each", "frames", 1)] = 60,
    delay: Annotated[int, Knob("of the copying task, between symbols and answer", "timesteps", 1)] = 20,
    seed: Annotated[int, Knob("of the examples", "", 0)] = 8,
) -> Table:
    """An example of each task; `steps`, `side`, `frames` and `delay` are the sizes of adding, digits, speech, copying.

    Steps are counted from 1, as in the equations.
    """
    rng = np.random.default_rng(seed)
    xs, (total,) = Adding(steps).batch(rng, 1)
    rows: list[tuple[str | float, ...]] = [("total", 0, 0, float(total[0]), "")]
    for t in range(steps):
        rows += [("value", t + 1, 0, xs[t, 0, 0], ""), ("marker", t + 1, 0, xs[t, 0, 1], "")]
    digits = Pixels.drawn(side=side, train=1, test=1, seed=seed)
    rows += [("pixel", x, y, digits.images[0, y, x] / 255, "") for y in range(side) for x in range(side)]
    rows.append(("digit", 0, 0, float(digits.labels[0]), ""))
    order = np.random.default_rng(SHUFFLE).permutation(side * side)
    rows += [("permuted", t + 1, float(pixel), digits.images[0].flat[pixel] / 255, "") for t, pixel in enumerate(order)]
    speech = Phonemes.synthesised(steps=frames, train=4, test=1, each=2, seed=seed)
    rows += [("mel", t + 1, y, band, "") for t in range(frames) for y, band in enumerate(speech.frames[0, t])]
    rows += [("phone", t + 1, 0, 0, speech.names[phone]) for t, phone in enumerate(speech.labels[0])]
    symbols, answers = Copying(delay).batch(rng, 1)
    for t in range(len(symbols)):
        rows += [("input", t + 1, 0, symbols[t, 0], ""), ("target", t + 1, 0, answers[t, 0], "")]
    table = Table.of("kind x y value word", [(kind, *map(float, numbers), word) for kind, *numbers, word in rows])
    return with_knobs(table, steps=steps, side=side, frames=frames, delay=delay, seed=seed)


LAYOUT = [
    ["adding", "adding"],
    ["digit", "order"],
    ["digit", "permuted"],
    ["speech", "speech"],
    ["copying", "copying"],
]


@page.styled
def draw(table: Table) -> "Figure":
    """From top to bottom: adding, a digit with its two streams of pixels, speech, and copying."""
    figure = page.sheet(7, 9.2)
    heights: dict[str, Any] = {"height_ratios": [1.1, 0.9, 0.9, 1.5, 0.7], "width_ratios": [1, 2.6]}
    axes = figure.subplot_mosaic(cast("Any", LAYOUT), **heights)
    _draw_adding(axes["adding"], table)
    _draw_digit(axes["digit"], table)
    _draw_streams(axes["order"], axes["permuted"], table)
    _draw_speech(axes["speech"], table)
    _draw_copying(axes["copying"], table)
    return figure


def _draw_adding(ax: "Axes", table: Table) -> None:
    values, marked = table.where(kind="value"), marks(table)
    ax.vlines(values["x"], 0, values["value"], color="#BBBBBB", lw=2)
    ax.plot(values["x"], values["value"], "o", color="#BBBBBB", ms=3)
    flags = table.where(kind="marker")
    for flag, color, fill in ((0, "#BBBBBB", "white"), (1, looks.RED, looks.RED)):
        some = flags["x"][flags["value"] == flag]
        ax.plot(some, np.full(len(some), -0.16), "s", color=color, mfc=fill, ms=3.5, mew=0.8)
    for t in marked:
        value = table.only("value", kind="value", x=t)
        ax.vlines([t], 0, [value], color=looks.RED, lw=2.6)
        ax.plot([t], [value], "o", color=looks.RED, ms=5)
        ax.text(t, 1.06, f"{value:.2f}", color=looks.RED, fontsize=SMALL, ha="center", va="bottom")
    first, second = (table.only("value", kind="value", x=t) for t in marked)
    gap = marked[1] - marked[0]
    page.headline(
        ax,
        f"Adding: {first:.2f} and {second:.2f}, {gap:.0f} step{'s' * (gap > 1)} apart, make {first + second:.2f}",
        6.5,
    )
    _remember(ax, marked[0], knob(table, "steps"), 1.38)
    ax.set_yticks([-0.16, 0, 0.5, 1], ["marker", "0", "0.5", "1"])
    ax.set(xlabel="step t", ylabel="value", ylim=(-0.28, 1.58), xlim=(0, values["x"].max() + 1))
    ax.grid(visible=False, axis="x")


def _remember(ax: "Axes", first: float, last: float, height: float) -> None:
    """An arrow from where something comes in to where it is needed, with the steps between."""
    if last <= first:
        return
    ends: Any = {"arrowstyle": "<->", "color": looks.BLACK, "lw": 1.0, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (last, height), xytext=(first, height), arrowprops=ends)
    words = f"{last - first:.0f} steps" if page.narrow() else f"to be remembered for {last - first:.0f} steps"
    page.label(ax, (first + last) / 2, height, f"\u00a0{words}\u00a0", looks.BLACK, ha="center", fontsize=SMALL)


def marks(table: Table) -> list[float]:
    """The two marked steps of the adding sequence."""
    rows = table.where(kind="marker")
    return [float(t) for t in rows["x"][rows["value"] == 1]]


def _image(table: Table) -> NDArray[np.float64]:
    side = int(knob(table, "side"))
    return np.array(table.where(kind="pixel")["value"]).reshape(side, side)


def _draw_digit(ax: "Axes", table: Table) -> None:
    side = knob(table, "side")
    ax.imshow(_image(table), cmap="Greys", vmin=0, vmax=1)
    page.headline(ax, f"Pixels: a {table.only('value', kind='digit'):.0f}", 1.8)
    ax.set(xticks=[], yticks=[], xlabel=f"{side:.0f} × {side:.0f} pixels")
    ax.grid(visible=False)


def _draw_streams(above: "Axes", below: "Axes", table: Table) -> None:
    inked = steps_with_ink(table)
    last = knob(table, "side") ** 2
    if len(inked):
        _remember(above, inked[0], last, 1.25)
    streams = (above, _image(table).ravel()), (below, table.where(kind="permuted")["value"])
    for ax, values in streams:
        ax.fill_between(np.arange(1, len(values) + 1), values, step="mid", color=looks.BLUE, lw=0)
        ax.plot(np.arange(1, len(values) + 1), values, color=looks.BLUE, lw=0.6, drawstyle="steps-mid")
        ax.set(ylabel="pixel", ylim=(0, 1.45 if ax is above and len(inked) else 1.05), xlim=(0.5, last + 0.5))
        ax.grid(visible=False)
    ink = f"ink from step {inked[0]:.0f} to {inked[-1]:.0f} of {last:.0f}" if len(inked) else "no ink"
    page.headline(above, f"In order: {ink}", 4.6)
    page.headline(below, f"Permuted: neighbours {apart(table):.0f} steps apart", 4.6)
    for ax in (above, below):
        ax.set_yticks([0, 0.5, 1])
    above.sharex(below)
    above.tick_params(labelbottom=False)
    below.set_xlabel("step t")


def steps_with_ink(table: Table) -> NDArray[np.float64]:
    """The steps, in order, whose pixel is of the digit."""
    return np.array(np.flatnonzero(_image(table).ravel() > INK) + 1, float)


def apart(table: Table) -> float:
    """The median number of steps between two pixels that are side by side, in the permuted order."""
    rows, side = table.where(kind="permuted"), int(knob(table, "side"))
    when = np.empty(side * side)
    when[rows["y"].astype(int)] = rows["x"]
    return float(np.median(np.abs(np.diff(when.reshape(side, side), axis=1))))


def phones(table: Table) -> list[tuple[str, float, float]]:
    """Every sound: its name, its first frame and its last."""
    rows = table.where(kind="phone")
    found: list[tuple[str, float, float]] = []
    for frame, word in rows.each("x", "word"):
        if found and found[-1][0] == word:
            found[-1] = (word, found[-1][1], frame)
        else:
            found.append((word, frame, frame))
    return found


def _draw_speech(ax: "Axes", table: Table) -> None:
    frames = int(knob(table, "frames"))
    bands = table.where(kind="mel")["value"].reshape(frames, -1).T
    top = bands.shape[0] - 0.5
    ax.imshow(bands, aspect="auto", origin="lower", cmap="magma", extent=(0.5, frames + 0.5, -0.5, top))
    for word, first, last in phones(table):
        ax.plot([first - 0.5] * 2, [-0.5, top * 1.16], color="white" if first > 1 else "none", lw=1.2)
        if last - first + 1 >= frames / 30:  # there is room for a name
            ax.text(
                (first + last) / 2,
                top * 1.08,
                "silence" if word == "sil" else word,
                ha="center",
                va="center",
                fontsize=SMALL,
            )
    count = len(phones(table))
    page.headline(ax, f"Phonemes: {count} sound{'s' * (count != 1)} in {frames} frames, a label for every frame", 6.5)
    ax.set(
        xlabel="frame t, 10 ms each", ylabel="frequency band (mel)", ylim=(-0.5, top * 1.16), xlim=(0.5, frames + 0.5)
    )
    ax.grid(visible=False)


def _draw_copying(ax: "Axes", table: Table) -> None:
    from matplotlib.colors import ListedColormap

    codes = np.stack([table.where(kind=kind)["value"] for kind in ("input", "target")])
    steps = codes.shape[1]
    inks = [
        "#E69F00",
        "#56B4E9",
        "#009E73",
        "#F0E442",
        "#5B9BD5",
        "#F08A4B",
        "#CC79A7",
        "#B7B7B7",
        "#F7F7F7",
        "#333333",
    ]
    box: Any = {"extent": (0.5, steps + 0.5, 1.5, -0.5), "vmin": -0.5, "vmax": MARKER + 0.5}
    ax.imshow(codes, aspect="auto", cmap=ListedColormap(inks), **box)
    if steps <= 60 and not page.narrow():  # there is room for a digit in a cell
        for row, line in enumerate(codes):
            for t in np.flatnonzero(line < BLANK):
                ax.text(float(t + 1), row, f"{line[t]:.0f}", ha="center", va="center", fontsize=SMALL)
    page.headline(ax, f"Copying: {LENGTH} symbols, each to be given back {lag(table):.0f} steps later", 6.5)
    _remember(ax, 1, 1 + lag(table), 2.1)
    ax.set(ylim=(2.6, -0.5))
    ax.set_yticks([0, 1], ["input", "target"])
    ax.set(xlabel="step t", ylabel="")
    ax.grid(visible=False)


def lag(table: Table) -> float:
    """Steps from a symbol to where it is to be repeated."""
    return float(table.where(kind="input")["x"].max()) - LENGTH


def caption(table: Table) -> str:
    first, last = marks(table)[0], knob(table, "steps")
    inked, pixels = steps_with_ink(table), knob(table, "side") ** 2
    ink = f"ink for {pixels - inked[0]:.0f} (pixels), " if len(inked) else ""
    names = ", ".join(f"{word} {begin:.0f} to {end:.0f}" for word, begin, end in phones(table))
    side = knob(table, "side")
    return captions.told(
        captions.finding(
            f"To be remembered: a number for {last - first:.0f} steps (adding), {ink}symbols for {lag(table):.0f} "
            "(copying)."
        ),
        "One example of each task. Adding: the sum of the two marked values, after the last step. Pixels: the digit, "
        "after the last pixel, which come row by row or in one shuffled order for all images. Phonemes: the sound of "
        "each frame of 10 ms, from its energy in bands of frequency (mel: spaced as the ear hears), dark where "
        "there is little; white lines are the boundaries. Copying: the symbols, in order, "
        "after the black marker; pale cells are blank.",
        f"Adding with {setting(table, 'steps')}, digits of {side:.0f} × {side:.0f} ({pixels:.0f} steps), "
        f"{knob(table, 'frames'):.0f} frames of speech, copying after {knob(table, 'delay'):.0f} steps; "
        f"{setting(table, 'seed')}.",
        [
            f"Adding: marked at steps {' and '.join(f'{t:.0f}' for t in marks(table))}, the sum is "
            f"{table.only('value', kind='total'):.3f}; always answering 1 has the squared error 1/6",
            f"Pixels: the digit is {table.only('value', kind='digit'):.0f}; {len(inked)} pixels are above {INK:g}; two "
            f"neighbours in a row are 1 step apart in order, {apart(table):.0f} permuted (median)",
            f"Phonemes, frames: {names}",
            f"Copying: {' '.join(f'{code:.0f}' for code in table.where(kind='input')['value'][:LENGTH])}",
        ],
    )
