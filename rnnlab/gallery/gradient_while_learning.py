"""The gradient's norm per timestep as the network learns: the decay curve moves, and with it what can be learned."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from rnnlab.experiments.recipes import Entry, Size
from rnnlab.experiments.runner import GRADIENTS, gradients
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "The gradient while the network learns"
RECIPE = "adding"
RECORDED = GRADIENTS
VARIANT, SEED, MOMENTS = "T = 150", 0, 7
"""Of every run on this length with this seed, so many moments, the first and the last among them."""


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The norms of recipe "adding", thinned; the top layer of a stack."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs, table=thinned)


def thinned(entries: Iterable[Entry], root: Path) -> Table:
    """The norms of the runs that are drawn, at the moments that are drawn."""
    table = gradients([entry for entry in entries if entry.variant == VARIANT and entry.run.seed == SEED], root)
    kept = np.zeros(len(table), bool)
    for (model,) in table.each("model"):
        mine = table["model"] == model
        moments = np.unique(table["update"][mine])
        chosen = moments[np.unique(np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int))]
        kept |= mine & np.isin(table["update"], chosen) & (table["layer"] == table["layer"][mine].max())
    return Table({name: column[kept] for name, column in table.columns.items()})


@page.styled
def draw(table: Table) -> Figure:
    """A panel for each model; the later, the darker and thicker."""
    models = learning.present(table, learning.LOOKS)
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    figure, panels = page.page(rows, columns, height=0.6 + 3.0 * rows, width=11, sharex=True, sharey=True)
    last = table["t"].max()
    for ax, model in zip(panels, models, strict=False):
        ink = np.array(to_rgb(learning.LOOKS[model][0]))
        moments = [update for (update,) in table.where(model=model).each("update")]
        for number, update in enumerate(moments):
            one = table.where(model=model, update=update)
            age = (number + 1) / len(moments)
            color = tuple(1 - (1 - ink * (1 - 0.35 * age)) * (0.25 + 0.75 * age))
            alive = one["norm"] > 0
            style = (0, (2, 1)) if number == 0 else "-"
            label = f"{update:,.0f}"
            ax.plot(last - one["t"][alive], one["norm"][alive], color=color, ls=style, lw=0.8 + 1.2 * age, label=label)
            gone = (last - one["t"])[~alive]
            ax.plot(gone, np.full(len(gone), 1e-11), "x", color=color, ms=4)
        ax.set(title=model, yscale="log", xlim=(0, last))
        ax.legend(title="update", loc="lower left", fontsize=7, title_fontsize=7, ncols=2, handlelength=1.4)
    for ax in panels[len(models) :]:
        ax.axis("off")
    for ax in panels[::columns]:
        ax.set_ylabel("|dL/dh[t]|, median")
    for ax in panels[max(0, len(models) - columns) : len(models)]:
        ax.set_xlabel("steps back from the loss, T - t")
        ax.tick_params(labelbottom=True)
    return figure


def caption(table: Table) -> str:
    last = table["t"].max()
    said = []
    for model in learning.present(table, learning.LOOKS):
        rows = table.where(model=model)
        kept = []
        for update in (rows["update"].min(), rows["update"].max()):
            one = rows.where(update=update)
            at = {t: float(one["norm"][one["t"] == t][0]) for t in (one["t"].min(), last)}
            ratio = at[one["t"].min()] / at[last] if at[last] > 0 else 0.0
            kept.append(f"{ratio:.2g}")
        said.append(f"{model} {kept[0]} as initialised, {kept[1]} after {rows['update'].max():,.0f} updates")
    return (
        "Norm of the total derivative of a sequence's loss by the state t, median of 32 held-out sequences of the "
        f"adding problem, {VARIANT}, one seed; the later, the darker; a cross where it is 0. Of a stack the top layer. "
        f"Share of the last state's norm that is left at the first: {learning.listed(said)}."
    )
