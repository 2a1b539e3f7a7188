"""Deep stacks: the character model with one to twenty-one layers, with shortcuts and without."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "How deep a stack still learns"
RECIPE = "stacks"
RECORDED = CURVES
LOOKS = {
    name: learning.LOOKS[name]
    for name in (
        "IndRNN",
        "IndRNN residual",
        "IndRNN residual, batch norm",
        "tanh RNN",
        "tanh RNN residual",
        "ReLU RNN",
        "LSTM",
    )
}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "stacks"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _depths(table: Table) -> list[int]:
    return sorted(int(variant.split()[0]) for (variant,) in table.each("variant"))


@page.styled
def draw(table: Table) -> Figure:
    """Left the last score against depth, right the curves of the deepest."""
    figure, (left, right) = page.page(1, 2, height=4.8, width=11, sharey=True)
    depths = _depths(table)
    for model in learning.present(table, LOOKS):
        color, line, marker = LOOKS[model]
        found = [
            (depth, end) for depth in depths if (end := learning.ends(table, f"{depth} layers", model)) is not None
        ]
        left.plot(
            [depth for depth, _ in found],
            [end.score for _, end in found],
            color=color,
            ls=line,
            marker=marker,
            ms=5,
            mfc="white",
            label=model,
        )
        for depth, end in found:
            left.plot(np.full(len(end.scores), depth), end.scores, ".", color=color, ms=3)
    left.set(xscale="log", xlabel="layers", ylabel="bits per character, held-out text", title="after the last update")
    left.set_xticks(depths, [str(depth) for depth in depths])
    left.minorticks_off()
    left.set_ylim(1.8, 5)
    left.legend(loc="upper left", handlelength=3.5)
    learning.draw_curves(right, table, f"{depths[-1]} layers", LOOKS)
    right.set(title=f"{depths[-1]} layers, as they learn", xlabel="updates")
    return figure


def caption(table: Table) -> str:
    depths = _depths(table)
    said = []
    for model in learning.present(table, LOOKS):
        found = {depth: learning.ends(table, f"{depth} layers", model) for depth in depths}
        scores = [f"{depth}: {end.told()}" for depth, end in found.items() if end is not None]
        said.append(f"{model} {', '.join(scores)}")
    return (
        f"Bits per character on held-out text after the same number of updates at every depth, median and range of the "
        f"seeds. {learning.listed(said)}. {learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
