"""What the answer depends on, as the adding problem is learned: the derivative by the value of every step."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import digits
from rnnlab.gallery import captions, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.knobs import Hidden, Knob, Seed, Updates, checked, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.gallery.small_runs import BATCH, ToLearn, rates, small_run
from rnnlab.network import Network
from rnnlab.table import Table
from rnnlab.tasks import Adding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What the answer depends on, as the adding problem is learned"
MODELS = ("GRU", "tanh RNN")
MOMENTS = 0, 0.25, 0.5, 1
"""Shares of the updates after which a network is looked at."""
SEQUENCES = 64
"""Held-out sequences; drawn is the one whose second mark is furthest from the end, so that both need memory."""


@checked
def compute(
    *,
    steps: ToLearn = 30,
    hidden: Hidden = 30,
    updates: Updates = 600,
    seed: Seed = 0,
    series: Annotated[Words, Knob("the models", names=MODELS)] = ALL,
) -> Table:
    """Every model is trained to each of the moments, always from the same start.

    Returns:
        model; updates; error, held out (NaN as initialised); t, from 1; marked, 1 or 0; slope, dy/dx[t] by the value
        of the sequence that is drawn; size, the mean |dy/dx[t]| of all sequences at marked steps, and other, at all
        others.
    """
    rows: list[tuple[str | float, ...]] = []
    for model in chosen(series, MODELS):
        for moment in dict.fromkeys(round(share * updates) for share in MOMENTS):
            run = small_run(model, steps=steps, hidden=hidden, updates=max(moment, 1), seed=seed)
            network, error = (run.after, run.error) if moment else (run.before, np.nan)
            slopes, marked = _slopes(network, steps)
            sizes, one = np.abs(slopes), _example(marked)
            means = float(sizes[marked].mean()), float(sizes[~marked].mean()) if steps > 2 else 0.0
            rows += [
                (model, float(moment), error, t + 1.0, float(marked[t, one]), float(slopes[t, one]), *means)
                for t in range(steps)
            ]
    return with_knobs(
        Table.of("model updates error t marked slope size other", rows), steps=steps, hidden=hidden, seed=seed
    )


def _slopes(network: Network, steps: int) -> tuple[Array, NDArray[np.bool_]]:
    """dy/dx[t] by the value, (T, B), and whether the step is marked."""
    xs, _ = Adding(steps).batch(np.random.default_rng([steps, 4]), SEQUENCES)
    trace = network.forward(xs)
    dxs = network.backward(trace, np.ones_like(trace.ys)).xs
    slopes = np.zeros_like(xs[:, :, 0]) if dxs is None else dxs[:, :, 0]  # None where inputs are integers: not here
    return slopes, xs[:, :, 1] == 1


def _example(marked: NDArray[np.bool_]) -> int:
    """The sequence whose second mark is furthest from the end."""
    return int(np.argmax(marked[::-1].argmax(axis=0)))


@page.styled
def draw(table: Table) -> "Figure":
    """A column for each model, a row for each moment; the marked steps in its colour, the dashed line is 1."""
    models = [model for (model,) in table.each("model")]
    moments = [updates for (updates,) in table.each("updates")]
    shape = {"sharex": True, "sharey": True}
    figure, panels = page.page(len(moments), len(models), height=1.45 * len(moments) + 0.4, width=7, **shape)
    for row, updates in enumerate(moments):
        for column, model in enumerate(models):
            ax = panels[row * len(models) + column]
            _draw_sequence(ax, table.where(model=model, updates=updates), looks.look(model).color)
            page.headline(ax, _found(table, model, updates), 3.2)
    top = 1.15 * max(1.0, *np.abs(table["slope"]))
    panels[0].set(ylim=(0, top), xlim=(0, table["t"].max() + 1))
    for ax in panels[:: len(models)]:
        ax.set_ylabel("|dy/dx[t]|")
    for ax in panels[-len(models) :]:
        ax.set_xlabel("step t")
    return figure


def _draw_sequence(ax: "Axes", rows: Table, color: str) -> None:
    ax.axhline(1, color=looks.GREY, lw=1, ls=(0, (4, 2)), zorder=0)
    for marked, ink, width in ((0.0, "#AAAAAA", 2.0), (1.0, color, 3.2)):
        some = rows.where(marked=marked)
        ax.vlines(some["t"], 0, np.abs(some["slope"]), color=ink, lw=width)
        ax.plot(some["t"], np.abs(some["slope"]), "o", color=ink, ms=width + 1)
    ax.grid(visible=False, axis="x")


def means(table: Table, model: str, updates: float) -> tuple[float, float]:
    """The mean |dy/dx[t]| at the marked steps, and at the others."""
    rows = table.where(model=model, updates=updates)
    return float(rows["size"][0]), float(rows["other"][0])


def _found(table: Table, model: str, updates: float) -> str:
    """The bars of a panel, in words."""
    rows = table.where(model=model, updates=updates)
    marked, rest = (np.abs(rows.where(marked=kind)["slope"]) for kind in (1.0, 0.0))
    when = f"after {updates:,.0f} updates" if updates else "as initialised"
    others = f"; others {rest.mean():.2f}" if len(rest) else ""
    return f"{model} {when}: marked {', '.join(f'{size:.2f}' for size in marked)}{others}"


def caption(table: Table) -> str:
    models = [model for (model,) in table.each("model")]
    last = float(table["updates"].max())
    ends = {model: means(table, model, last) for model in models}
    said = ", ".join(f"{model} {marked:.2f} and {other:.2f}" for model, (marked, other) in ends.items())
    best = max(models, key=lambda model: ends[model][0] - ends[model][1])
    return captions.told(
        captions.finding(
            f"The answer's mean slope after {last:,.0f} updates, marked and elsewhere: {said}.",
            f"At the end {best}'s answer changes by {ends[best][0]:.2f} with a marked value, on average.",
        ),
        "A bar is how much the answer changes with the value of that step, in colour at the two marked steps; the "
        "answer is their sum, so it should be 1 there (dashed) and 0 elsewhere. Drawn is one held-out sequence, that "
        "whose second mark is furthest from the end; its titles give the bars of the marked steps and the mean of the "
        f"others. The means here are over all {SEQUENCES}.",
        f"The adding problem, {setting(table, 'steps', 'hidden', 'seed')}, Adam, learning rates {rates(models)}, "
        f"batches of {BATCH}; {listed([f'{updates:,.0f}' for (updates,) in table.each('updates')])} updates.",
        [_numbers(table, model) for model in models],
    )


def _numbers(table: Table, model: str) -> str:
    said = []
    for updates, error in table.where(model=model).each("updates", "error"):
        marked, other = means(table, model, updates)
        learned = f", held-out error {digits(error)}" if np.isfinite(error) else ", diverged"
        known = learned if updates else ""
        said.append(f"after {updates:,.0f} updates {marked:.3g} and {other:.3g}{known}")
    return f"{model}, marked and elsewhere: {'; '.join(dict.fromkeys(said))}"
