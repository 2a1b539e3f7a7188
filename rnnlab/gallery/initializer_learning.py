"""Initializers at work: learning curves of recurrent nets and of perceptrons that differ in nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import HALF, LEARNED, ends, present
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What an initializer does to the learning"
RECIPE = "initializers"
LOOKS = looks.INITIALIZERS
RECURRENT = ("tanh RNN", "relu RNN")


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "initializers"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _together(table: Table, variant: str, model: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Updates, and (seeds, updates) scores: of a run that stopped the last, of one that diverged infinity from then."""
    rows = table.where(variant=variant, model=model)
    updates = np.unique(rows["update"])
    scores = []
    for (seed,) in rows.each("seed"):
        run = rows.where(seed=seed)
        later = np.inf if run["status"][-1] == "diverged" else None
        scores.append(np.interp(updates, run["update"], run["score"], right=later))
    return updates, np.array(scores)


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each net: the median of the seeds, and thin lines for each of them."""
    variants = [variant for (variant,) in table.each("variant")]
    columns = min(3, len(variants) + 1)
    rows = -(-(len(variants) + 1) // columns)
    figure, panels = page.page(rows, columns, height=0.6 + 3.3 * rows, width=11.5)
    for ax, variant in zip(panels, variants, strict=False):
        for model in present(table.where(variant=variant), LOOKS):
            color, line, marker = LOOKS[model]
            updates, scores = _together(table, variant, model)
            style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "ms": 3.5, "mfc": "white"}
            ax.plot(updates, np.median(scores, axis=0), **style, markevery=0.2, zorder=3)
            ax.plot(updates, scores.T, color=color, lw=0.5, alpha=0.45)
            end = ends(table, variant, model)
            if end is not None and end.diverged:
                ax.plot(end.updates[np.isinf(end.scores)], np.full(end.diverged, 0.97), "x", color=color, **_top(ax))
        if variant in RECURRENT:
            learning.baseline(ax, LEARNED, f"learned: {LEARNED:g}")
            ax.set(title=f"{_named(variant)}, U: adding, T = 30", yscale="log", ylabel="held-out squared error")
        else:
            learning.baseline(ax, HALF, f"half the baseline: {HALF:g}", side="left", va="top")
            ax.set(title=f"{variant}: digits", ylabel="held-out error, %", ylim=(0, 97))
        ax.set_xlabel("updates")
    for ax in panels[len(variants) :]:
        ax.axis("off")
    handles = learning.key(LOOKS, present(table, LOOKS))
    for handle, model in zip(handles, present(table, LOOKS), strict=True):
        handle.set(ms=4, mfc="white", mec=LOOKS[model][0])
    panels[len(variants)].legend(handles=handles, loc="center", fontsize=9, handlelength=3.5)
    return figure


def _top(ax: "Axes") -> dict[str, Any]:
    return {"ms": 7, "mew": 1.6, "transform": ax.get_xaxis_transform()}


def _named(variant: str) -> str:
    return variant.replace("relu", "ReLU")


def _summary(table: Table, variant: str) -> str:
    """The initializers of one net: after how many updates they solved its task, or with what they ended, best first."""
    models = present(table.where(variant=variant), LOOKS)
    found = [(model, end) for model in models if (end := ends(table, variant, model)) is not None]
    stopped = [(float(np.median(end.updates)), model) for model, end in found if end.solved == len(end.scores)]
    others = [(end.score, f"{model} {end.in_words()}") for model, end in found if end.solved < len(end.scores)]
    level = LEARNED if variant in RECURRENT else HALF
    parts = {
        "at 0.001 after": [f"{model} {updates:,.0f}" for updates, model in sorted(stopped)],
        "at the end": [said for score, said in sorted(others) if score < level],
        f"not below {level:g}": [said for score, said in sorted(others) if score >= level],
    }
    return f"{_named(variant)}, " + "; ".join(f"{words} {', '.join(said)}" for words, said in parts.items() if said)


def caption(table: Table) -> str:
    variants = [variant for (variant,) in table.each("variant")]
    return (
        "Thick the median, thin the seeds. Held-out squared error of RNNs on the adding problem, which differ in U "
        "alone and stop at 0.001, and held-out error in % of perceptrons on digits, which differ in their kernels; of "
        "each the best first, median and range of the seeds. "
        f"{'. '.join(_summary(table, variant) for variant in variants)}. {_alike(table)}"
        f"{learning.budget(table)}. {RECIPES[RECIPE].about}"
    )


def _alike(table: Table) -> str:
    """Of a square U glorot_uniform and lecun_uniform have one limit, √(3/n), and so the same draws and curves."""
    glorot, lecun = (
        table.where(variant=RECURRENT[0], model=f"{name}_uniform")["score"] for name in ("glorot", "lecun")
    )
    if not len(glorot) or not np.array_equal(glorot, lecun):
        return ""
    return "Of a square U glorot_uniform and lecun_uniform are the same numbers, and so their curves are the same. "
