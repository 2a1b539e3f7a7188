"""The gradient's norm per timestep as the network learns: the decay curve moves, and with it what can be learned."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.experiments.recipes import Entry
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import present
from rnnlab.experiments.runner import gradients
from rnnlab.gallery import captions, learning, page
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The gradient while the network learns"
RECIPE = "adding"
VARIANT, SEED, MOMENTS = "T = 100", 0, 7
"""Of every run on this length with this seed, so many moments, the first and the last among them."""
WIDTH, HEIGHT = 0.6, 0.45
"""Of the legend, as shares of the panel."""


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
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
    return table.rows(kept)


def _below_the_lines(table: Table, high: float) -> float:
    """Where an axis up to `high` has to begin, so that the legend has room below the lines, at the left."""
    over = table.rows((table["norm"] > 0) & (table["t"].max() - table["t"] <= WIDTH * table["t"].max()))
    lowest = over["norm"].min(initial=1.0)
    return float(min(high * 1e-9, high * (lowest / high) ** (1 / (1 - HEIGHT))))


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each model; the later, the darker and thicker."""
    from matplotlib.colors import to_rgb

    models = present(table, looks.MODELS)
    columns = min(2, len(models))
    lines = -(-len(models) // columns)
    figure, panels = page.page(lines, columns, height=0.6 + 3.0 * lines, width=7, sharex=True, sharey=True)
    last = table["t"].max()
    for ax, model in zip(panels, models, strict=False):
        ink = np.array(to_rgb(looks.MODELS[model][0]))
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
            if len(gone):  # in parts of the panel: a logarithmic axis has no place for 0
                ground = ax.get_xaxis_transform()
                ax.plot(gone, np.zeros(len(gone)), "v", color=color, ms=4, transform=ground, clip_on=False, zorder=3)
        rows = table.where(model=model)
        ax.set(yscale="log", xlim=(0, last))
        page.headline(ax, f"{model}: {', '.join(_left(rows))} ({_ended(rows)})", 3.0)
        ax.legend(title="after updates", loc="lower left", ncols=2, handlelength=1.4, columnspacing=1)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(low, _below_the_lines(table, high)), high)
    for ax in panels[len(models) :]:
        ax.axis("off")
    for ax in panels[::columns]:
        ax.set_ylabel("|dL/dh[t]|, median of the sequences")
    for ax in panels[: len(models)]:
        ax.set_xlabel("steps back from the loss, T - t")
        ax.tick_params(labelbottom=True)
    return figure


def _ended(rows: Table) -> str:
    return {"solved": "solved", "done": "all updates made", "diverged": "diverged"}[rows["status"][0]]


def caption(table: Table) -> str:
    models = present(table, looks.MODELS)
    said = [f"{model} {', '.join(_left(table.where(model=model)))}" for model in models]
    zeros = [model for model in models if (table.where(model=model)["norm"] == 0).any()]
    lost = f" Triangles: exactly 0 ({', '.join(zeros)})." if zeros else ""
    (variant,) = {variant for (variant,) in table.each("variant")}
    (seed,) = {seed for (seed,) in table.each("seed")}
    return captions.told(
        _finding(table, models),
        "Norm of the derivative of a sequence's loss by the state h[t], all paths to the loss together; the later in "
        "the training, the darker and thicker; dashed as initialised. All of a curve sinks as the error does: how it "
        f"leans is what tells. In the titles the norm at the first state over that at the last.{lost}",
        f"Median of 32 held-out sequences of the adding problem, {variant}, seed {seed:.0f}. Of a stack it is the "
        "state of the top layer.",
        [f"The first state's over the last's: {'; '.join(said)}", *_least(table, models)],
    )


def _finding(table: Table, models: list[str]) -> str:
    """Of how many of the models that solved it the gradient reaches farther back then than as initialised."""
    solved = [model for model in models if "solved" in table.where(model=model)["status"]]
    shares = {model: _shares(table.where(model=model)) for model in solved}
    farther = [model for model, values in shares.items() if values[-1][1] > values[0][1]]
    if not solved:
        return captions.finding("No model solved the task, so no gradient shows what learning does to it.")
    return captions.finding(
        f"Of {len(solved)} models that solve it, the gradient of {len(farther) or 'none'} "
        "reaches farther back then than as initialised."
    )


def _least(table: Table, models: list[str]) -> list[str]:
    """Where the gradient is least in between, at the last moment."""
    said = []
    for model in models:
        rows = table.where(model=model)
        last = rows.where(update=rows["update"].max())
        low = np.argmin(last["norm"])
        if 0 < low < len(last) - 1 and last["norm"][-1] > 0:
            said.append(
                f"{model} {last['norm'][low] / last['norm'][-1]:.2g}, {last['t'].max() - last['t'][low]:.0f} back"
            )
    return [f"Least of all steps, at the last moment: {'; '.join(said)}"] if said else []


def _shares(rows: Table) -> list[tuple[float, float]]:
    """The norm at the first state over that at the last, as initialised and at the last moment, with their updates."""
    shares = []
    for update in dict.fromkeys((rows["update"].min(), rows["update"].max())):
        one = rows.where(update=update)
        first, last = (float(one["norm"][one["t"] == t][0]) for t in (one["t"].min(), one["t"].max()))
        shares.append((float(update), first / last if last > 0 else 0.0))
    return shares


def _left(rows: Table) -> list[str]:
    """Those shares in words."""
    return [
        f"{share:.2g} {f'after {update:,.0f} updates' if update else 'as initialised'}"
        for update, share in _shares(rows)
    ]
