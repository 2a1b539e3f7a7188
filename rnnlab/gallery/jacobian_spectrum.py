"""The singular values of ∂h[T]/∂h[t]: how the directions in which a gradient can flow back become one."""

from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Of a hundred directions back, few are left"
INKS = {
    "orthogonal": (looks.BLUE, "-"),
    "glorot_uniform": (looks.RED, "--"),
    "he_uniform": (looks.GREEN, "-."),
    "random_normal": (looks.BLACK, ":"),
}
SHOWN = "orthogonal"
"""Whose singular values the histogram shows."""
LAGS = {1: (looks.GREY, ":"), 5: (looks.SKY, "-."), 20: (looks.PURPLE, "--"), 100: (looks.BLUE, "-")}
DECADES = np.arange(-16.0, 1.0)
"""The histogram's bins, in powers of ten of the largest singular value."""
EPSILON = float(np.finfo(np.float64).eps)


def compute(*, seeds: int = 5, steps: int = 100, hidden: int = 100, inputs: int = 8) -> Table:
    """A tanh RNN per initializer of U and seed, W glorot_uniform, x[t] ~ N(0, 1).

    A product of many Jacobians is right relative to its largest singular value σ₁ alone. What lies below ε σ₁, ε =
    2.2e-16, is noise, and is replaced by ε σ₁: such a number says "at most".

    Returns:
        part ("curve" or "histogram"); initializer; back, steps between the two states. Of a curve, medians over the
        seeds: largest, middle (the median), smallest singular value; floor, ε σ₁; second, σ₂ / σ₁; directions, how
        many share the square of the gradient, (Σσ²)² / Σσ⁴. Of a histogram: decade, the singular values from 10^decade
        to ten times that, relative to σ₁ (the noise in the lowest); share of them.
    """
    rows: list[tuple[str | float, ...]] = []
    for name in INKS:
        runs = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            layer = RNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=name)
            runs.append(flow.singular_values(layer, rng.standard_normal((steps, 1, inputs)))[::-1, 0])
        values = np.array(runs)  # (seeds, T+1, H), the largest first
        largest = values[:, :, :1]
        values = np.maximum(values, EPSILON * largest)
        summary = np.median(
            [
                largest[:, :, 0],
                np.median(values, axis=2),
                values[:, :, -1],
                EPSILON * largest[:, :, 0],
                values[:, :, 1] / largest[:, :, 0],
                _directions(values / largest),
            ],
            axis=1,
        )
        rows += [("curve", name, float(k), *summary[:, k].tolist(), np.nan, np.nan) for k in range(steps + 1)]
        for lag in LAGS:
            if name == SHOWN and lag <= steps:
                decades = np.clip(np.floor(np.log10(values[:, lag] / largest[:, lag])), DECADES[0], -1)
                rows += [
                    ("histogram", name, float(lag), *[np.nan] * 6, decade, float(np.mean(decades == decade)))
                    for decade in DECADES[:-1]
                ]
    return Table.of("part initializer back largest middle smallest floor second directions decade share", rows)


def _directions(values: Array) -> Array:
    """The participation ratio over the last axis: N if all are equal, 1 if one is all there is."""
    squares = np.square(values)
    ratio: Array = np.square(squares.sum(axis=-1)) / np.square(squares).sum(axis=-1)
    return ratio


@page.styled
def draw(table: Table) -> "Figure":
    """A panel per initializer, one logarithmic scale; then the histogram of one, and the directions that are left."""
    figure, axes = page.page(2, 3, height=7.2, width=11.5)
    *fans, histogram, directions = axes
    curves = table.where(part="curve")
    steps = curves["back"].max()
    for (name, (color, line)), ax in zip(INKS.items(), fans, strict=True):
        rows = curves.where(initializer=name)
        _fan(ax, rows, color)
        ax.set(title=name, xlabel="steps between the states, k", yscale="log", xlim=(0, steps), ylim=(1e-38, 1e3))
        directions.plot(rows["back"], rows["directions"], color=color, ls=line, label=name)
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
    directions.set(ylabel=r"$(\Sigma\sigma^2)^2 / \Sigma\sigma^4$", xlim=(0, steps), ylim=(0.9, 130))
    directions.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    directions.minorticks_off()
    directions.legend(loc="upper right")
    return figure


def _fan(ax: "Axes", rows: Table, color: str) -> None:
    """Largest, median and smallest, each as far as it stands out of the roundoff, and the roundoff itself."""
    ax.fill_between(rows["back"], rows["smallest"], rows["largest"], color=color, alpha=0.15, lw=0)
    for column, line, name in (("largest", "-", "largest"), ("middle", "--", "median"), ("smallest", "-.", "smallest")):
        seen = rows[column] > rows["floor"]
        seen &= np.cumprod(seen).astype(bool)  # once in the noise, not out of it by chance
        back, values = rows["back"][seen], rows[column][seen]
        ax.plot(back, values, color=color, ls=line, label=name)
        if not seen.all():
            ax.plot(back[-1:], values[-1:], "x", color=color, ms=6)
    ax.plot(rows["back"], rows["floor"], color=looks.GREY, ls=":", lw=1, label="roundoff, ε × largest")


def caption(table: Table) -> str:
    curves = table.where(part="curve")
    steps = curves["back"].max()

    def end(name: str, column: str) -> float:
        return float(curves.only(column, initializer=name, back=steps))

    def sunk(name: str) -> str:
        rows = curves.where(initializer=name)
        return f"{rows['back'][rows['smallest'] <= rows['floor']].min():.0f}"

    def near(lag: float) -> str:
        share = table.only("share", part="histogram", back=lag, decade=-1.0)
        return f"{100 * share:.0f} %"

    left = ", ".join(f"{name} {end(name, 'directions'):.1f}" for name in INKS)
    return (
        "Singular values of the product of all Jacobians over k steps of a tanh RNN, by initializer of U, medians of "
        f"the seeds. They do not shrink together: after {steps:.0f} steps orthogonal's largest is "
        f"{end('orthogonal', 'largest'):.0e} and its median {end('orthogonal', 'middle'):.0e}; with he_uniform the "
        f"largest is still {end('he_uniform', 'largest'):.2g}, a gradient that looks kept, and the median "
        f"{end('he_uniform', 'middle'):.0e} or less. Within a factor 10 of orthogonal's largest lie {near(1.0)} of "
        f"them after one step, {near(20.0)} after 20, {near(100.0)} after 100. Counted by how they share the "
        f"gradient's square, of {curves['directions'].max():.0f} directions are left: {left}. A product is right to ε "
        "= 2.2e-16 of its largest singular value alone: smaller ones are roundoff, drawn as far as the crosses "
        f"(smallest: orthogonal {sunk('orthogonal')} steps, glorot_uniform {sunk('glorot_uniform')}) and counted as ε."
    )
