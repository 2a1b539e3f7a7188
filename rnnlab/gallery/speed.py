"""How fast the layers are: beside PyTorch and JAX, and beside the matrix products that they cannot do without."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.experiments import speed
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "How fast the layers are"
OTHERS = "PyTorch", "JAX", "limit"
SIZE = "T", "B", "D", "H"
TICKS = {0.1: "0.1", 0.2: "0.2", 0.5: "0.5", 1: "1", 2: "2", 5: "5", 10: "10", 20: "20", 50: "50"}


@checked
def compute(
    *,
    series: Annotated[Words, Knob("the layers", names=tuple(speed.LAYERS))] = ALL,
    rounds: Annotated[int, Knob("of timing, at most", "rounds", 1)] = 25,
) -> Table:
    """The layers on this machine, beside PyTorch and JAX where they are installed: some ten minutes."""
    return speed.measure(layers=tuple(chosen(series, tuple(speed.LAYERS))), rounds=rounds)


@dataclass(frozen=True)
class Panel:
    """Rows of the table over the values of `across`, which stand side by side as `places` says.

    Attributes:
        name: what is compared, with whom; title: what was found.
    """

    name: str
    title: str
    ylabel: str
    rows: Table
    across: tuple[str, ...]
    xlabel: str
    log: bool = True

    @property
    def places(self) -> list[tuple[Any, ...]]:
        return self.rows.each(*self.across)

    @property
    def names(self) -> list[str]:
        return [", ".join(map(_plain, place)) for place in self.places]


def panels(table: Table) -> list[Panel]:
    """What the table has to show, in the order in which it is drawn."""
    found = []
    for kind, what in (("layer", ""), ("training", "training, ")):
        rows = table.where(kind=kind)
        for other in OTHERS:
            for (count,) in rows.each("threads"):
                some = rows.where(other=other, threads=count)
                if len(some):
                    name = f"{what}{other}, {_threads(count)}"
                    title = f"{name}: {_share_spent(some) if other == 'limit' else _times(some)}"
                    found.append(Panel(name, title, f"{other} / ours", some, SIZE, ", ".join(SIZE)))
    exponents, memory = table.where(kind="exponent"), table.where(kind="memory")
    if len(exponents):
        title = f"time grows {_steepest(exponents)}"
        found.append(Panel("growth", title, "exponent", exponents, ("other",), "what grows", log=False))
    if len(memory):
        title, xlabel = f"memory: {_largest(memory)}", "what forward keeps, and the most at once"
        found.append(Panel("memory", title, "over the states", memory, ("other",), xlabel))
    return found


def _times(rows: Table) -> str:
    """In how many of the cases ours is the faster of the two, and how many times as fast, the geometric mean."""
    faster, all_of = int(np.sum(rows["ratio"] > 1)), len(rows)
    middle = _geometric_mean(rows["ratio"])
    return f"we are faster in {faster} of {all_of}, × {middle:.2g} on average"


def _share_spent(rows: Table) -> str:
    """What part of our time nobody could save: from the least to the most of the layers."""
    means = {name: _geometric_mean(rows.where(layer=name)["ratio"]) for (name,) in rows.each("layer")}
    least, most = min(means, key=lambda name: means[name]), max(means, key=lambda name: means[name])
    if least == most:
        return f"{means[least]:.2g} of our time"
    return f"{means[least]:.2g} ({least}) to {means[most]:.2g} ({most}) of our time"


def _steepest(rows: Table) -> str:
    """With which letter the time of the layers grows most, and with which power of it."""
    means = {letter: float(np.mean(rows.where(other=letter)["ratio"])) for (letter,) in rows.each("other")}
    most = max(means, key=lambda letter: means[letter])
    return (
        f"fastest with {most}, as {most}^{means[most]:.1f} on average"
        if len(means) > 1
        else f"as {most}^{means[most]:.1f}"
    )


def _largest(rows: Table) -> str:
    """The layer that holds most at its peak, and the one that holds least."""
    peaks = rows.where(other="peak")
    means = {name: float(np.median(peaks.where(layer=name)["ratio"])) for (name,) in peaks.each("layer")}
    least, most = min(means, key=lambda name: means[name]), max(means, key=lambda name: means[name])
    if least == most:
        return f"{most} holds {means[most]:.1f} times its states"
    return f"{most} holds {means[most]:.1f} times its states, {least} {means[least]:.1f}"


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each that ours is compared with and each number of threads; below them growth and memory."""
    shown = panels(table)
    columns = len(table.where(kind="layer").each("threads"))
    rows = -(-len(shown) // columns)
    figure, axes = page.page(rows, columns, height=1.8 * rows + 1.5, width=7)
    names = [name for (name,) in table.each("layer")]
    for ax, panel in zip(axes, shown, strict=False):
        _draw(ax, panel, names, [other for other in shown if other.ylabel == panel.ylabel])
    for above, below, upper, lower in zip(axes, axes[columns:], shown, shown[columns:], strict=False):
        if upper.places == lower.places:  # the lowest has the labels of all
            above.sharex(below)
            above.tick_params(labelbottom=False)
            above.set_xlabel("")
    for ax in axes[len(shown) :]:
        ax.remove()
    drawn = {str(line.get_label()): line for ax in axes[: len(shown)] for line in ax.lines}
    figure.legend(
        [drawn[name] for name in names],
        names,
        loc="outside upper center",
        ncols=3 if page.narrow() else len(names),
        fontsize=9,
        handletextpad=0.2,
        columnspacing=1.5,
    )
    return figure


def _draw(ax: "Axes", panel: Panel, names: list[str], alike: list[Panel]) -> None:
    """One panel; those that are alike get the same axis."""
    for name in names:
        rows = panel.rows.where(layer=name)
        if not len(rows):
            continue
        color, _, marker = looks.MODELS[name]
        here = [panel.places.index(place) for place in zip(*(rows[key].tolist() for key in panel.across), strict=True)]
        xs = np.array(here) + 0.13 * (names.index(name) - (len(names) - 1) / 2)
        ax.vlines(xs, rows["low"], rows["high"], color=color, lw=1.2)
        ax.plot(xs, rows["ratio"], color=color, ls="", marker=marker, ms=4, label=name)
    ax.axhline(1, color=looks.GREY, lw=1, ls=(0, (4, 2)), zorder=0)
    page.headline(ax, panel.title, 2.9)
    ax.set(ylabel=panel.ylabel, xlim=(-0.6, len(panel.places) - 0.4))
    slanted: Any = {"rotation": 35, "ha": "right"} if len(panel.places) > 2 and panel.across == SIZE else {}
    ax.set_xticks(range(len(panel.places)), panel.names, **slanted)
    ax.set_xlabel(panel.xlabel)
    ax.grid(visible=False, axis="x")
    if panel.log:
        ax.set_yscale("log")
        low = min(0.9, *(one.rows["low"].min() for one in alike)) / 1.15
        high = max(1.1, *(one.rows["high"].max() for one in alike)) * 1.15
        ax.set_ylim(low, high)
        ticks = [tick for tick in TICKS if low <= tick <= high]
        ax.set_yticks(ticks, [TICKS[tick] for tick in ticks])
        ax.minorticks_off()


def _threads(count: float) -> str:
    return "1 thread" if count == 1 else f"{count:.0f} threads"


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.0f}"


def caption(table: Table) -> str:
    return captions.told(
        _finding(table),
        "A point is the median of the other's time over ours in the same round, its line the 10 to 90 %; above 1 we "
        "are faster. The limit is the time of the matrix products alone: at 1 nothing would be left to gain.",
        _setup(table),
        [line for line in (_below(table), *_rest(table)) if line],
        "The finding is the geometric mean over the sizes. Everything is in float32, with the same parameters, inputs "
        "and start states on every side, and every gradient. PyTorch is eager, its IndRNN the equation in a loop; JAX "
        "is a jitted scan. The limit of an IndRNN is one pass through its arrays.",
    )


def _geometric_mean(values: Any) -> float:
    return float(np.exp(np.log(values).mean()))


def _compared(table: Table) -> tuple[Table, str]:
    """The rows of forward and backward with the fewest threads, and whom they compare with."""
    rows = table.where(kind="layer")
    rows = rows.where(threads=float(rows["threads"].min()))
    other = next(other for other in OTHERS if other in set(rows["other"]))
    return rows.where(other=other), other


def _finding(table: Table) -> str:
    rows, other = _compared(table)
    means = [f"{name} {_geometric_mean(rows.where(layer=name)['ratio']):.2g}" for (name,) in rows.each("layer")]
    if other == "limit":
        return f"Share of the time that must be spent: {', '.join(means)}."
    count = rows["threads"][0]
    return f"Against {other} on {_threads(count)}: {', '.join(means)} times as fast."


def _setup(table: Table) -> str:
    rounds = sorted({int(count) for (count,) in table.each("rounds") if count > 1})
    span = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else str(rounds[0] if rounds else 1)
    return f"Forward and backward, {span} rounds each, on {table['machine'][0]}, with {table['versions'][0]}."


def _below(table: Table) -> str:
    """Where the others are faster, and what share of our time is the matrix products."""
    rows, other = _compared(table)
    limits = table.where(kind="layer", threads=rows["threads"][0], other="limit")
    slower = []
    for layer, T, B, D, H, ratio in rows.each("layer", "T", "B", "D", "H", "ratio"):
        if other != "limit" and ratio < 1:
            share = limits.only("ratio", layer=layer, T=T, B=B, D=D, H=H)
            slower.append(f"{layer} at ({T:.0f}, {B:.0f}, {D:.0f}, {H:.0f}) with {ratio:.2f}, the limit {share:.2f}")
    if other == "limit":
        return ""
    return f"Slower than {other}: {'; '.join(slower)}." if slower else f"No layer is slower than {other} at any size."


def _rest(table: Table) -> list[str]:
    """Training, growth and memory, where they were measured."""
    said = []
    training = table.where(kind="training", other="PyTorch")
    for count, T, B, _, H in training.each("threads", "T", "B", "D", "H"):
        rows = training.where(threads=count, T=T, B=B, H=H)
        ratios = ", ".join(f"{name} {ratio:.2f}" for name, ratio in rows.each("layer", "ratio"))
        said.append(
            f"An update of training at T = {T:.0f}, B = {B:.0f}, H = {H:.0f}, {_threads(count)}, "
            f"PyTorch over ours: {ratios}."
        )
    kept = table.where(kind="kept")
    if len(kept):
        means = [f"{name} {_geometric_mean(kept.where(layer=name)['ratio']):.2g}" for (name,) in kept.each("layer")]
        said.append(f"With freed memory kept for reuse on both sides, PyTorch over ours: {', '.join(means)}.")
    exponents = table.where(kind="exponent")
    if len(exponents):
        slopes = "; ".join(
            f"{letter}: " + ", ".join(f"{name} {slope:.2f}" for name, slope in rows.each("layer", "ratio"))
            for letter, rows in ((letter, exponents.where(other=letter)) for (letter,) in exponents.each("other"))
        )
        spans = ", ".join(_span(table, letter) for (letter,) in exponents.each("other"))
        said.append(f"Time grows with the exponents, {slopes} ({spans}; the others as in the table).")
    memory = table.where(kind="memory", other="peak")
    if len(memory):
        peaks = ", ".join(
            f"{name} {np.median(memory.where(layer=name)['ratio']):.1f}" for (name,) in memory.each("layer")
        )
        said.append(f"At their peak, forward and backward hold this many times the T + 1 states: {peaks}.")
    return said


def _span(table: Table, letter: str) -> str:
    values = table.where(kind="growth", other=letter)[letter]
    return f"{letter} from {values.min():.0f} to {values.max():.0f}"
