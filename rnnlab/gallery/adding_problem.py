"""The adding problem: held-out error against updates, for each length a panel, every run a line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import SOLVED, Ends, digits, ends, present
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The adding problem: who remembers for how long"
RECIPE = "adding"
LEVELS: dict[str, tuple[float, Any]] = {
    "always the mean: 1/6": (1 / 6, ":"),
    f"solved: below {SOLVED:g}": (SOLVED, (0, (4, 2))),
}
LOOKS = {name: looks.MODELS[name] for name in ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "adding"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _lengths(table: Table) -> list[str]:
    return sorted((variant for (variant,) in table.each("variant")), key=lambda variant: int(variant.split()[-1]))


@page.styled
def draw(table: Table) -> "Figure":
    """Panels that share their error axis, the legend in the place after the last."""
    from matplotlib.lines import Line2D

    lengths = _lengths(table)
    columns = min(4, len(lengths) + 1)
    rows = -(-(len(lengths) + 1) // columns)
    figure, panels = page.page(rows, columns, height=0.6 + 2.9 * rows, width=max(11.5 * columns / 4, 6), sharey=True)
    lowest = table["score"][table["score"] > 0].min(initial=1e-3)
    for ax, variant in zip(panels, lengths, strict=False):
        for level, line in LEVELS.values():
            ax.axhline(level, color=looks.GREY, ls=line, lw=1)
        learning.draw_curves(ax, table, variant, LOOKS, every=1000)
        ax.set(title=variant, yscale="log", ylim=(min(4e-4, 0.6 * lowest), 3), xlabel="thousands of updates")
        ax.set_xlim(left=0)
    for ax in panels[::columns]:
        ax.set_ylabel("held-out mean squared error")
    for ax in panels[len(lengths) :]:
        ax.axis("off")
    levels = [Line2D([], [], color=looks.GREY, ls=line, lw=1, label=words) for words, (_, line) in LEVELS.items()]
    handles = [*learning.key(LOOKS, present(table, LOOKS)), *levels, *learning.key_to_ends(table)]
    panels[len(lengths)].legend(handles=handles, loc="center", fontsize=9, handlelength=3.5)
    return figure


def solved_after(table: Table, variant: str, model: str) -> list[float]:
    """Of every seed whose last error is below 0.01 the first update at which it was."""
    rows = table.where(variant=variant, model=model, status="solved")
    rows = rows.above(table.where(variant=variant, model=model, status="done"))
    runs = [rows.where(seed=seed) for (seed,) in rows.each("seed")]
    return [float(run["update"][run["score"] < SOLVED][0]) for run in runs if run["score"][-1] < SOLVED]


def _summary(table: Table, variant: str, model: str, end: Ends) -> str:
    after, kept = solved_after(table, variant, model), end.scores[np.isfinite(end.scores)]
    said = [f"after {np.median(after):,.0f}"] if after else [digits(float(np.median(kept)))] if len(kept) else []
    if end.diverged:
        said.append(f"{end.diverged} diverged")
    return f"{model} {len(after)} of {len(end.scores)} ({', '.join(said)})"


def caption(table: Table) -> str:
    lines = []
    for variant in _lengths(table):
        found = {model: ends(table, variant, model) for model in present(table.where(variant=variant), LOOKS)}
        said = [_summary(table, variant, model, end) for model, end in found.items() if end is not None]
        lines.append(f"{variant}: {', '.join(said)}{learning.not_run(found, LOOKS)}")
    return (
        "Held-out mean squared error as the models learn, a line for each seed. For each length, how many seeds end "
        f"below {SOLVED:g}, and in brackets after how many updates they were first below it, or, where no seed ended "
        f"there, the last error; both medians. {'. '.join(lines)}. {learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
