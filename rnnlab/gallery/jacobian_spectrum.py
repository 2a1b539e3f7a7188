"""The singular values of ∂h[T]/∂h[t]: how the directions in which a gradient can flow back become one."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Hidden, Inputs, Seeds, Steps, checked, knob, setting, with_knobs
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Of a hundred directions back, few are left"
STARTS = ("orthogonal", "glorot_uniform", "he_uniform", "random_normal")
SHOWN = "orthogonal"
"""Whose singular values the histogram shows."""
LAGS = {1: (looks.GREY, ":"), 5: (looks.SKY, "-."), 20: (looks.PURPLE, "--"), 100: (looks.BLUE, "-")}
DECADES = np.arange(-16.0, 1.0)
"""The histogram's bins, in powers of ten of the largest singular value."""
EPSILON = float(np.finfo(np.float64).eps)


@checked
def compute(*, seeds: Seeds = 5, steps: Steps = 100, hidden: Hidden = 100, inputs: Inputs = 8) -> Table:
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
    for name in STARTS:
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
            if name == SHOWN and lag <= steps:
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
    """A panel per initializer, one logarithmic scale; then the histogram of one, and the directions that are left."""
    figure, axes = page.page(2, 3, height=7.2, width=11.5)
    *fans, histogram, directions = axes
    lowest = table["floor"][table["floor"] > 0].min()
    curves = table.where(part="curve")
    steps, hidden = curves["back"].max(), knob(table, "hidden")
    for name, ax in zip(STARTS, fans, strict=True):
        color, line, marker = looks.INITIALIZERS[name]
        rows = curves.where(initializer=name)
        _fan(ax, rows, color)
        ax.set(
            title=name,
            xlabel="steps between the states, k",
            yscale="log",
            xlim=(0, steps),
            ylim=(max(1e-38, lowest / 10), 1e3),
        )
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "markevery": 0.2, "ms": 4}
        directions.plot(rows["back"], rows["directions"], **style, label=name)
    for ax in axes[::3]:
        ax.set_ylabel(r"singular values of $\partial h[T] / \partial h[T-k]$")
    fans[0].legend(loc="lower left")
    for lag, (color, line) in LAGS.items():
        rows = table.where(part="histogram", back=float(lag))
        if len(rows):
            shares = 100 * rows["share"]
            histogram.plot(
                rows["decade"] + 0.5, shares, color=color, ls=line, drawstyle="steps-mid", label=f"k = {lag}"
            )
    histogram.set(title=f"{SHOWN}: where its values lie", xlabel="power of ten, relative to the largest")
    histogram.set(ylabel="share of the singular values, %", xlim=(DECADES[0], 0), ylim=(0, 102))
    histogram.legend(loc="upper left")
    directions.set(title="directions that are left", xlabel="steps between the states, k", yscale="log")
    directions.set(ylabel=r"$(\Sigma\sigma^2)^2 / \Sigma\sigma^4$", xlim=(0, steps), ylim=(0.9, 1.3 * hidden))
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= hidden]
    directions.set_yticks(ticks, [str(tick) for tick in ticks])
    directions.minorticks_off()
    directions.legend(loc="upper right")
    return figure


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
    left = ", ".join(f"{name} {end(name, 'directions'):.1f}" for name in STARTS)
    apart = all(end(name, "largest") > 10 * end(name, "middle") for name in STARTS)
    alike = "They do not shrink together" if apart else "They do not all part by a factor of 10"
    return (
        "Singular values of the product of all Jacobians over k steps of a tanh RNN, by initializer of U, "
        f"{setting(table, 'hidden', 'inputs')} from N(0, 1), medians of {setting(table, 'seeds')}. {alike}: after "
        f"{steps:.0f} steps orthogonal's largest is {end('orthogonal', 'largest'):.0e} and its median "
        f"{middle('orthogonal')}, he_uniform's largest {end('he_uniform', 'largest'):.2g} and its median "
        f"{middle('he_uniform')}. Within a factor 10 of orthogonal's largest lie {near} steps. Counted by how they "
        f"share the gradient's square, of {knob(table, 'hidden'):.0f} directions are left: {left}. A product is right "
        "to ε = 2.2e-16 of its largest singular value alone: smaller ones are roundoff, drawn as far as the crosses "
        f"(smallest: {crosses('orthogonal')}, {crosses('glorot_uniform')}) and counted as ε."
    )
