"""The singular values of ∂h[T]/∂h[t]: how the directions in which a gradient can flow back become one."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Seeds, Steps, checked, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Of a hundred directions back, few are left"
STARTS = ("orthogonal", "glorot_uniform", "he_uniform", "random_normal")
LAGS = {1: (looks.GREY, ":"), 5: (looks.SKY, "-."), 20: (looks.PURPLE, "--"), 100: (looks.BLUE, "-")}
DECADES = np.arange(-16.0, 1.0)
"""The histogram's bins, in powers of ten of the largest singular value."""
EPSILON = float(np.finfo(np.float64).eps)


@checked
def compute(
    *,
    seeds: Seeds = 5,
    steps: Steps = 100,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    series: Annotated[Words, Knob("initializers of U; the first has the histogram", names=STARTS)] = ALL,
) -> Table:
    """A tanh RNN per initializer of U and seed, W glorot_uniform, x[t] ~ N(0, 1).

    A product of many Jacobians is right relative to its largest singular value σ₁ alone. What lies below ε σ₁, ε =
    2.2e-16, is noise, and is replaced by ε σ₁: such a number says "at most".

    Returns:
        part ("curve" or "histogram"); initializer; back, steps between the two states. Of a curve, medians over the
        seeds: largest, middle (the median), smallest singular value; floor, ε σ₁; second, σ₂ / σ₁; directions, how
        many share the square of the gradient, (Σσ²)² / Σσ⁴. Of a histogram: decade, the singular values from 10^decade
        to ten times that, relative to σ₁ (the noise in the lowest); share of them. Besides: seeds, hidden, inputs.
    """
    rows: list[tuple[str | float, ...]] = []
    names = list(chosen(series, STARTS))
    for name in names:
        runs = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            layer = RNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=name)
            runs.append(flow.singular_values(layer, rng.standard_normal((steps, 1, inputs)))[::-1, 0])
        values = np.array(runs)  # (seeds, T+1, H), the largest first
        largest = values[:, :, :1]
        scale = np.where(largest > 0, largest, 1.0)  # of a product that has underflowed nothing is left
        values = np.maximum(values, EPSILON * largest)
        summary = np.median(
            [
                largest[:, :, 0],
                np.median(values, axis=2),
                values[:, :, -1],
                EPSILON * largest[:, :, 0],
                values[:, :, 1:2].sum(axis=2) / scale[:, :, 0],  # 0 where there is one unit
                _directions(values / scale),
            ],
            axis=1,
        )
        rows += [("curve", name, float(k), *summary[:, k].tolist(), np.nan, np.nan) for k in range(steps + 1)]
        for lag in LAGS:
            if name == names[0] and lag <= steps:
                relative = np.maximum(values[:, lag] / scale[:, lag], EPSILON)
                decades = np.clip(np.floor(np.log10(relative)), DECADES[0], -1)
                rows += [
                    ("histogram", name, float(lag), *[np.nan] * 6, decade, float(np.mean(decades == decade)))
                    for decade in DECADES[:-1]
                ]
    table = Table.of("part initializer back largest middle smallest floor second directions decade share", rows)
    return with_knobs(table, seeds=seeds, hidden=hidden, inputs=inputs)


def _directions(values: Array) -> Array:
    """The participation ratio over the last axis: N if all are equal, 1 if one is all there is, 0 if nothing is."""
    squares = np.square(values)
    total, part = np.square(squares.sum(axis=-1)), np.square(squares).sum(axis=-1)
    ratio: Array = np.divide(total, part, out=np.zeros_like(total), where=part > 0)
    return ratio


@page.styled
def draw(table: Table) -> "Figure":
    """The directions that are left; the histogram of one; then a panel per initializer, on one logarithmic scale."""
    names = _names(table)
    lines = 1 + -(-len(names) // 2)
    figure, (directions, histogram, *fans) = page.page(lines, 2, height=3 * lines, width=7)
    for ax in fans[len(names) :]:
        ax.remove()
    lowest = table["floor"][table["floor"] > 0].min()
    curves = table.where(part="curve")
    steps, hidden, ends = curves["back"].max(), knob(table, "hidden"), {}
    for name, ax in zip(names, fans, strict=False):
        color, line, marker = looks.INITIALIZERS[name]
        rows = curves.where(initializer=name)
        _fan(ax, rows, color)
        ax.set(xlabel="steps between the states, k", yscale="log", xlim=(0, steps), ylim=(max(1e-38, lowest / 10), 1e3))
        page.headline(ax, f"{name}: largest {rows['largest'][-1]:.2g} after {steps:.0f}", 3.0)
        powers = [power for power in range(-35, 1, 5) if power > np.log10(ax.get_ylim()[0])]
        ax.set_yticks([10.0**power for power in powers], [f"1e{power}" if power else "1" for power in powers])
        ax.minorticks_off()
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "markevery": 0.2, "ms": 4}
        directions.plot(rows["back"], rows["directions"], **style)
        ends[name] = float(rows["directions"][-1])
    for ax in fans[: len(names) : 2]:
        ax.set_ylabel("singular values of dh[T] / dh[T−k]")
    fans[0].legend(loc="lower left", fontsize=SMALL, labelspacing=0.2)
    for lag, (color, line) in LAGS.items():
        rows = table.where(part="histogram", back=float(lag))
        if len(rows):
            whole = np.append(rows["decade"], rows["decade"][-1] + 1), np.append(rows["share"], rows["share"][-1])
            style = {"color": color, "ls": line, "drawstyle": "steps-post"}
            histogram.plot(whole[0], 100 * whole[1], **style, label=f"k = {lag}")
    lag, share = table.where(part="histogram", decade=-1.0).each("back", "share")[-1]
    page.headline(histogram, f"{names[0]}: {100 * share:.0f} % within a factor 10 of the largest after {lag:.0f}", 3.0)
    histogram.set(xlabel="power of ten, relative to the largest")
    histogram.set(ylabel="share of the values, %", xlim=(DECADES[0], 0.15), ylim=(0, 103))
    histogram.set_xticks(range(int(DECADES[0]), 1, 4))
    histogram.set_xticks(DECADES, minor=True)
    histogram.legend(loc="upper left", fontsize=SMALL)
    page.headline(directions, _found(table), 3.0)
    directions.set(xlabel="steps between the states, k", ylabel="directions (Σσ²)² / Σσ⁴", yscale="log")
    directions.set(xlim=(0, 1.75 * steps), ylim=(0.4, 1.3 * hidden))
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= hidden]
    directions.set_yticks(ticks, [str(tick) for tick in ticks])
    directions.set_xticks(np.unique(np.linspace(0, steps, 3).round()))
    directions.minorticks_off()
    for name, height in page.apart(ends, 0.085 * np.log(1.3 * hidden / 0.4)).items():
        color = looks.INITIALIZERS[name].color
        directions.text(1.04 * steps, height, name, color=color, fontsize=SMALL, va="center")
    return figure


def _names(table: Table) -> list[str]:
    """The initializers, in their order."""
    return [name for (name,) in table.each("initializer")]


def _found(table: Table) -> str:
    """How many directions are left with the initializer that keeps most, and with the one that keeps least."""
    curves, hidden = table.where(part="curve"), knob(table, "hidden")
    steps = curves["back"].max()
    left = {name: float(curves.only("directions", initializer=name, back=steps)) for name in _names(table)}
    most, least = max(left, key=lambda name: left[name]), min(left, key=lambda name: left[name])
    found = f"Of {hidden:.0f} directions {left[most]:.1f} are left after {steps:.0f} steps with {most}"
    return f"{found}, {left[least]:.1f} with {least}" if len(left) > 1 else found


def _seen(rows: Table, column: str) -> Any:
    """Where a singular value stands out of the roundoff: from the loss to the first step at which it does not."""
    return np.cumprod(rows[column] > rows["floor"]).astype(bool)  # once in the noise, not out of it by chance


def _fan(ax: "Axes", rows: Table, color: str) -> None:
    """Largest, median and smallest, each as far as it stands out of the roundoff, and the roundoff itself."""
    ax.fill_between(rows["back"], rows["smallest"], rows["largest"], color=color, alpha=0.15, lw=0)
    for column, line, name in (("largest", "-", "largest"), ("middle", "--", "median"), ("smallest", "-.", "smallest")):
        seen = _seen(rows, column)
        back, values = rows["back"][seen], rows[column][seen]
        ax.plot(back, values, color=color, ls=line, label=name)
        if not seen.all():
            ax.plot(back[-1:], values[-1:], "x", color=color, ms=6)
    ax.plot(rows["back"], rows["floor"], color=looks.GREY, ls=":", lw=1, label="roundoff, ε × largest")


def caption(table: Table) -> str:
    curves, histogram = table.where(part="curve"), table.where(part="histogram")
    steps = curves["back"].max()

    def end(name: str, column: str) -> float:
        return float(curves.only(column, initializer=name, back=steps))

    def crosses(name: str) -> str:
        """The last step at which the smallest is drawn."""
        rows = curves.where(initializer=name)
        seen = _seen(rows, "smallest")
        return f"{name} {rows['back'][seen][-1]:.0f} steps" if not seen.all() else f"{name} all {steps:.0f}"

    def middle(name: str) -> str:
        noise = end(name, "middle") <= end(name, "floor")
        return f"{end(name, 'middle'):.0e}{' or less' if noise else ''}"

    near = ", ".join(
        f"{100 * histogram.only('share', back=lag, decade=-1.0):.0f} % after {lag:.0f}"
        for (lag,) in histogram.each("back")
    )
    names = _names(table)
    left = ", ".join(f"{name} {end(name, 'directions'):.1f}" for name in names)
    apart = all(end(name, "largest") > 10 * end(name, "middle") for name in names)
    ends = ", ".join(f"{name}'s largest is {end(name, 'largest'):.0e} and its median {middle(name)}" for name in names)
    alike = "They do not shrink together" if apart else "They do not all part by a factor of 10"
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "The singular values of the product of all Jacobians over k steps: by how much each direction of a gradient is "
        "shrunk or stretched. On top, how many directions are left: N if N of them are equally large, 1 if "
        "one is all there is; then one histogram, and for each initializer the largest, the median and the smallest.",
        f"A tanh RNN by initializer of U, {setting(table, 'hidden', 'inputs')} from N(0, 1), medians of "
        f"{setting(table, 'seeds')}.",
        [
            f"{alike}: after {steps:.0f} steps {ends}",
            f"within a factor 10 of {names[0]}'s largest lie {near} steps",
            f"of {knob(table, 'hidden'):.0f} directions are left: {left}",
        ],
        "A product is right to ε = 2.2e-16 of its largest singular value alone: smaller ones are roundoff, drawn as "
        f"far as the crosses (smallest: {', '.join(map(crosses, names))}) and counted as ε.",
    )
