"""The backward pass as it runs: a bar for each timestep, from the loss back to the first state, tanh beside IRNN."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page, unrolled
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Steps, checked, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.gallery.unrolled import PAIRS, left, mean_factor, share
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The backward pass, step by step"
MODELS = ("tanh RNN", "IRNN")
SLOW, STILL = 6, 8
"""So many moments at the start are shown for so many frames each, about a second."""
HEIGHT = 30.0
"""The top of the scale, where the largest bar is about 1."""
MOST = 60
"""Moments that are shown at most; of a longer sequence every second, third, … step."""


@checked
def compute(
    *,
    steps: Steps = 50,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    series: Annotated[Words, Knob("the models", names=MODELS)] = ALL,
) -> Table:
    """One backward of each model, the first seed of `unrolled`.

    Returns:
        model; t; gradient, |dL/dh[t]|, with |dL/dh[T]| = 1; first and second, by which the step from t to t-1 changes
        it: ① the slope and ② Uᵀ; steps, hidden, inputs.
    """
    models = tuple(chosen(series, MODELS))
    runs = unrolled.compute(steps=steps, hidden=hidden, inputs=inputs, seeds=1, series=models)
    names = ("model", "t", "gradient", "first", "second")
    rows = [row for model in models for row in runs.where(model=model).each(*names)]
    return with_knobs(Table.of(" ".join(names), rows), steps=steps, hidden=hidden, inputs=inputs)


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each model, as the backward has come to h[0]: the last of the frames."""
    models = [model for (model,) in table.each("model")]
    figure, panels = page.page(1, len(models), height=3.9, width=7, sharey=True)
    above_zero = table["gradient"][table["gradient"] > 0]
    bottom = 10 ** np.floor(np.log10(above_zero.min()) - 0.5)
    decades = range(0, int(-np.log10(bottom)) + 1)
    for ax, model in zip(panels, models, strict=True):
        rows = table.where(model=model)
        ax.bar(rows["t"], rows["gradient"], width=0.75, color=looks.look(model).color)
        ax.set(yscale="log", ylim=(bottom, HEIGHT), xlim=(-1, rows["t"].max() + 1))
        ax.set(xlabel="step t; the loss reads the last")
        ax.set_yticks([10.0**-power for power in decades], [f"1e-{power}" if power else "1" for power in decades])
        ax.minorticks_off()
        ax.set_axisbelow(True)
        ax.grid(visible=False, axis="x")
        ax.text(0.03, 0.97, "", transform=ax.transAxes, fontsize=SMALL, va="top", ha="left", linespacing=1.5)
        show(ax, rows, model, 0)
    panels[0].set_ylabel("gradient that arrives, |dL/dh[t]|")
    equals = "\n= " if page.narrow() else "  =  "
    figure.suptitle(f"dL/dh[t−1]{equals}(dL/dh[t] × ① slope)  ×  ② Uᵀ", fontsize=11)
    return figure


def show(ax: "Axes", rows: Table, model: str, t: int) -> None:
    """Of a panel the bars from step t to the last, the one of step t darker; what made it is written above."""
    gradients, last = rows["gradient"], int(rows["t"].max())
    for place, bar in enumerate(ax.patches):
        bar.set_visible(place >= t and gradients[place] > 0)
        bar.set_alpha(1.0 if place == t else 0.55)
    ax.set_title(f"{model}\n{share(float(gradients[t]))} left at h[{t}]", loc="left")
    factors = (rows[kind][t + 1] if t < last else np.nan for kind in ("first", "second"))
    said = (
        name + (f":  × {factor:.2f}" if np.isfinite(factor) else "")
        for name, factor in zip(PAIRS[model], factors, strict=True)
    )
    ax.texts[0].set_text("\n".join(said))


def moments(table: Table) -> list[int]:
    """The steps at which the picture stops, from the last to 0."""
    last = int(table["t"].max())
    return [*range(last, 0, -max(1, -(-last // MOST))), 0]


def frames(table: Table) -> "Iterator[Figure]":
    """The figure at each moment; the first ones are shown again, so that their factors can be read."""
    figure = draw(table)
    models = [model for (model,) in table.each("model")]
    for place, t in enumerate(moments(table)):
        for ax, model in zip(figure.axes, models, strict=True):
            show(ax, table.where(model=model), model, t)
        for _ in range(STILL if place < SLOW else 1):
            yield figure


def caption(table: Table) -> str:
    steps = knob(table, "steps")
    models = [model for (model,) in table.each("model")]
    found = captions.listed([f"{model} {share(left(table, model))}" for model in models])
    stride = -(-int(steps) // MOST)
    return captions.told(
        captions.finding(f"Left of the gradient after {steps:.0f} steps back: {found}."),
        "The backward runs from the right to the left: each bar is the norm of the gradient that arrives at h[t], made "
        "from the bar at its right by ① the slope and ② Uᵀ, whose factors in this step are written above. The scale is "
        f"logarithmic.{f' Of every {stride} steps one is shown.' if stride > 1 else ''}",
        f"One run of each, {setting(table, 'steps', 'hidden', 'inputs')} from N(0, 1), h[0] = 0, as initialised: tanh "
        "with U orthogonal, IRNN with U = I; the loss is a random linear function of the last state.",
        [_numbers(table.where(model=model), model) for model in models],
    )


def _numbers(rows: Table, model: str) -> str:
    """The factors of the pair, on average over the steps."""
    names = (name.split(" ", 1)[1] for name in PAIRS[model])
    kinds = zip(names, ("first", "second"), strict=True)
    factors = [(name, mean_factor(rows, kind)) for name, kind in kinds]
    known = ", ".join(f"{name} × {factor:.3f}" for name, factor in factors if np.isfinite(factor))
    return f"{model}, on average a step: {known or 'nothing arrives'}"
