"""Initializers at work: learning curves of recurrent nets and of perceptrons that differ in nothing else."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "What an initializer does to the learning"
RECIPE = "initializers"
RECORDED = CURVES
LOOKS: dict[str, learning.Look] = {
    "glorot_uniform": (page.BLACK, "-", "o"),
    "he_uniform": (page.RED, "--", "s"),
    "lecun_uniform": (page.BLUE, ":", "v"),
    "orthogonal": (page.GREEN, "-.", "D"),
    "random_normal": (page.ORANGE, (0, (5, 1, 1, 1)), "^"),
    "random_normal:stddev=0.01": (page.YELLOW, (0, (1, 1)), "<"),
    "random_normal:stddev=0.2": (page.PURPLE, (0, (6, 2)), ">"),
    "variance_scaling:scale=2": (page.SKY, (0, (3, 1, 1, 1)), "P"),
    "identity": (page.PURPLE, (0, (6, 2)), "X"),
    "normalized_positive_definite": (page.GREY, (0, (2, 1)), "d"),
}
RECURRENT = ("tanh RNN", "relu RNN")
HALF, LEARNED = 45.0, 0.05


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "initializers"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _median(table: Table, variant: str, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Updates, and the median score of the seeds that are still running, or have ended with it, at each."""
    rows = table.where(variant=variant, model=model)
    runs = [rows.where(seed=seed) for (seed,) in rows.each("seed")]
    updates = np.unique(rows["update"])
    scores = [np.interp(updates, run["update"], run["score"]) for run in runs]
    return updates, np.median(scores, axis=0)


@page.styled
def draw(table: Table) -> Figure:
    """A panel for each net, the median of the seeds."""
    variants = [variant for (variant,) in table.each("variant")]
    columns = min(3, len(variants) + 1)
    rows = -(-(len(variants) + 1) // columns)
    figure, panels = page.page(rows, columns, height=0.6 + 3.1 * rows, width=11.5)
    for ax, variant in zip(panels, variants, strict=False):
        for model in learning.present(table.where(variant=variant), LOOKS):
            color, line, marker = LOOKS[model]
            updates, scores = _median(table, variant, model)
            ax.plot(updates, scores, color=color, ls=line, marker=marker, ms=3.5, mfc="white", markevery=0.2)
        if variant in RECURRENT:
            learning.baseline(ax, LEARNED, "learned")
            ax.set(title=f"{variant.replace('relu', 'ReLU')}, U: adding, T = 30", yscale="log", ylabel="squared error")
        else:
            learning.baseline(ax, HALF, "half of the baseline")
            ax.set(title=f"{variant}: digits", ylabel="error, %", ylim=(0, 95))
        ax.set_xlabel("updates")
    for ax in panels[len(variants) :]:
        ax.axis("off")
    handles = learning.key(LOOKS, learning.present(table, LOOKS))
    for handle, model in zip(handles, learning.present(table, LOOKS), strict=True):
        handle.set(ms=4, mfc="white", mec=LOOKS[model][0])
    panels[len(variants)].legend(handles=handles, loc="center", fontsize=9, handlelength=3.5)
    return figure


def caption(table: Table) -> str:
    said = []
    for (variant,) in table.each("variant"):
        told = [
            f"{model} {end.told()}"
            for model in learning.present(table.where(variant=variant), LOOKS)
            if (end := learning.ends(table, variant, model)) is not None
        ]
        said.append(f"{variant}: {', '.join(told)}")
    return (
        "Medians of the seeds. Above, held-out squared error of an RNN that differs in U alone (a run stops at 0.001); "
        "below, held-out error in % of perceptrons. At the end, median and range of the seeds. "
        f"{learning.listed(said)}. {learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
