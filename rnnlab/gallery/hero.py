"""The picture of the README: how much of the gradient is left, step by step back from the loss, in five layers."""

import itertools
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, gradient_decay, page
from rnnlab.gallery.decay_lines import OWN_LOOKS
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Seeds, Steps, checked, setting, with_knobs
from rnnlab.gallery.series import ALL, OWN_LAYER, Words, chosen
from rnnlab.gallery.unrolled import share
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "How much of the gradient is left"
LINES = {
    "IndRNN": "IndRNN",
    "IRNN": "IRNN",
    "LSTM": "LSTM, h",
    "tanh RNN": "tanh, orthogonal U alone",
    "GRU": "GRU",
}
"""The models, and what `gradient_decay` calls them."""
APART = 0.075
"""The least distance of two labels, as a share of the axis."""


@checked
def compute(
    *,
    seeds: Seeds = 20,
    steps: Steps = 100,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    series: Annotated[Words, Knob("the models, and layers of your own", names=tuple(LINES), own=OWN_LAYER)] = ALL,
) -> Table:
    """The runs of `gradient_decay`, fewer layers and every step; a layer of your own joins as it does there.

    Returns:
        model; back, steps back from the loss; median, low, high of |dL/dh[T-back]|, with |dL/dh[T]| = 1 (10 and 90 %
        of the seeds); seeds, hidden, inputs.
    """
    lines = {model: own or LINES[model] for model, own in chosen(series, tuple(LINES), OWN_LAYER).items()}
    sizes = {"seeds": seeds, "steps": steps, "hidden": hidden, "inputs": inputs}
    runs = gradient_decay.compute(**sizes, every=1, series=tuple(lines.values()))
    rows = [
        (model, *row)
        for model in lines
        for row in runs.where(series=LINES.get(model, model)).each("back", "median", "low", "high")
    ]
    return with_knobs(Table.of("model back median low high", rows), seeds=seeds, hidden=hidden, inputs=inputs)


@page.styled
def draw(table: Table) -> "Figure":
    """One panel, logarithmic: a line for each model with its name and what is left at its end, bands 10-90 %."""
    figure, (ax,) = page.page(1, 1, height=4.2, width=7)
    steps, above_zero = table["back"].max(), table["low"][table["low"] > 0]
    bottom = 10 ** (1.1 * np.log10(above_zero.min()) - 0.3)
    ends, inks = {}, _looks(table)
    for (model,) in table.each("model"):
        rows, (color, line, marker) = table.where(model=model), inks[model]
        seen, band = rows["median"] > 0, rows["low"] > 0  # no band down to 0 on a logarithmic scale
        ax.fill_between(rows["back"], rows["low"], rows["high"], where=band, color=color, alpha=0.2, lw=0)
        ax.plot(rows["back"][seen], rows["median"][seen], color=color, ls=line, lw=2.2)
        ends[model] = max(left(table, model), bottom)
        ax.plot([steps], ends[model], marker=marker if left(table, model) else "v", color=color, ms=6, clip_on=False)
    ax.set(xlabel="steps back from the loss, k", xlim=(0, 1.3 * steps), ylim=(bottom, 3), yscale="log")
    ax.set_ylabel("gradient left, |dL/dh[T−k]| / |dL/dh[T]|")
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= steps])
    ax.set_xlim(0, 1.3 * steps)
    for model, height in page.apart(ends, APART * np.log(3 / bottom)).items():
        words = f"{model}  {share(left(table, model))}"
        beside: Any = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 10.5}
        ax.annotate(words, (steps, height), color=inks[model].color, weight="bold", **beside)
        if height < ends[model]:  # from the marker to a label that had to move
            way: Any = {"color": inks[model].color, "lw": 0.8, "clip_on": False}
            ax.plot([steps, 1.02 * steps], [ends[model], height], **way)
    page.headline(ax, _found(table), 6.3)
    return figure


def _looks(table: Table) -> dict[str, looks.Look]:
    """The models' own looks, and others for the user's layers."""
    names = [name for (name,) in table.each("model")]
    yours = [name for name in names if name not in LINES]
    mine = dict(zip(yours, itertools.cycle(OWN_LOOKS)))
    return {name: mine.get(name) or looks.look(name) for name in names}


def left(table: Table, model: str) -> float:
    """The share of the gradient that arrives at the first state."""
    return float(table.only("median", model=model, back=table["back"].max()))


def _found(table: Table) -> str:
    """The model that keeps most beside the plain one, the tanh RNN; beside the one that keeps least without it."""
    steps = table["back"].max()
    models = sorted((model for (model,) in table.each("model")), key=lambda model: left(table, model))
    most, plain = models[-1], "tanh RNN" if "tanh RNN" in models[:-1] else models[0]
    kept, gone = share(left(table, most)), share(left(table, plain))
    if most == plain:
        return f"As initialised, {most} has {kept} of its gradient left {steps:.0f} steps back"
    return f"As initialised, {most} has {kept} of its gradient left {steps:.0f} steps back, {plain} {gone}"


def caption(table: Table) -> str:
    steps = table["back"].max()
    models = [model for (model,) in table.each("model")]
    cut = [_start(table, model) for model in ("IRNN", "IndRNN") if model in models]
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "Each line is the norm of the gradient at the state so many steps before the loss, on a logarithmic scale: a "
        "straight line loses the same factor at every step.",
        f"T = {steps:.0f}, {setting(table, 'hidden', 'inputs')} from N(0, 1), medians of {setting(table, 'seeds')}, "
        "bands from 10 to 90 %, the loss on the last step alone; every layer as it starts: tanh RNN, GRU and LSTM with "
        "W glorot_uniform and U orthogonal, IRNN with U = I, IndRNN with u drawn for this T.",
        [_numbers(table.where(model=model), model) for model in models],
        "h[0] = 0, so half of the units of an IRNN or IndRNN are off after the first step, and cut the path to it: "
        f"{captions.listed(cut)}."
        if cut
        else "",
    )


def _numbers(rows: Table, model: str) -> str:
    """What is left on the way, at a few places."""
    places = np.unique(np.linspace(0, rows["back"].max(), 5).round())[1:]
    return f"{model}: " + ", ".join(f"{rows.only('median', back=k):.2g} after {k:.0f}" for k in places)


def _start(table: Table, model: str) -> str:
    """What is left a tenth before the first state, and there."""
    steps = table["back"].max()
    rows = table.where(model=model)
    k = float(np.floor(0.9 * steps))
    nothing = "" if rows["low"][-1] > 0 else ", in a tenth of the seeds or more nothing"
    before = f"{rows.only('median', back=k):.2g} after {k:.0f} steps"
    return f"{model} {before} and {left(table, model):.2g} after {steps:.0f}{nothing}"
