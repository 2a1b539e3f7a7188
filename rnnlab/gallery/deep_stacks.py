"""Deep stacks: the character model with one to twenty-one layers, with shortcuts and without."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import Ends, digits, ends, present
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "How deep a stack still learns"
RECIPE = "stacks"
LOOKS = {
    name: looks.MODELS[name]
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
def draw(table: Table) -> "Figure":
    """Left the last score against depth, right the curves of the deepest."""
    figure, (left, right) = page.page(1, 2, height=5.0, width=11.5, sharey=True)
    depths = _depths(table)
    deepest = f"{depths[-1]} layers"
    for row, model in enumerate(present(table, LOOKS)):
        color, line, marker = LOOKS[model]
        found = _found(table, model)
        scores = [end.middle for end in found.values()]
        left.plot(list(found), scores, color=color, ls=line, marker=marker, ms=5, mfc="white", label=model)
        for depth, end in found.items():
            left.plot(np.full(len(end.scores), depth), end.scores, ".", color=color, ms=3)
            learning.mark_diverged(left, depth, end, color, row=row)
    left.set(xscale="log", xlabel="layers", ylabel="bits per character, held-out text", title="after the last update")
    left.set_xticks(depths, [str(depth) for depth in depths])
    left.minorticks_off()
    left.set_ylim(1.8, 5.5)
    lines, words = left.get_legend_handles_labels()
    key = learning.key_to_ends(table)
    figure.legend([*lines, *key], [*words, *(str(end.get_label()) for end in key)], loc="outside upper left", ncols=5)
    learning.baseline(left, baseline(RECIPE), "")
    learning.baseline(right, baseline(RECIPE), "single characters' frequencies")
    learning.draw_curves(right, table, deepest, LOOKS)
    right.set(title=f"{deepest}, as they learn", xlabel="updates")
    figure.draw_without_rendering()
    last = {model: ends(table, deepest, model) for model in present(table, LOOKS)}
    learning.label_right(
        right,
        [
            (end.middle, model, LOOKS[model][0])
            for model, end in last.items()
            if end is not None and np.isfinite(end.middle)
        ],
    )
    return figure


def _found(table: Table, model: str) -> dict[int, Ends]:
    """How the runs ended at every depth at which there are any."""
    every = {depth: ends(table, f"{depth} layers", model) for depth in _depths(table)}
    return {depth: end for depth, end in every.items() if end is not None}


def caption(table: Table) -> str:
    theirs = reported(RECIPE, "21 layers", "IndRNN residual")
    models = present(table, LOOKS)
    found = {model: _found(table, model) for model in models}
    said = [
        f"{model} {', '.join(f'{depth}: {_score(end)}' for depth, end in found[model].items())}" for model in models
    ]
    every = [(end, f"{model} of {depth} layers") for model in models for depth, end in found[model].items()]
    best, name = min(every, key=lambda one: one[0].score)
    spans = [float(np.ptp(end.scores)) for end, _ in every if len(end.scores) > 1 and not end.diverged]
    apart = f", median of the seeds, which are at most {max(spans):.2g} apart" if spans else ""
    lowest = (
        f" The lowest is {name.replace(' 1 layers', ' 1 layer')}, {best.in_words()}." if np.isfinite(best.score) else ""
    )
    return (
        "Bits per character on held-out text after the same number of updates at every depth (layers: "
        f"bits){apart}. {'; '.join(said)}{learning.not_run(models, LOOKS)}."
        f"{lowest} The frequencies of single characters alone give about {digits(baseline(RECIPE))}. "
        f"{learning.budget(table)}. {RECIPES[RECIPE].about} On another text they report {theirs.says} {theirs.unit} "
        f"({theirs.size})."
    )


def _score(end: Ends) -> str:
    if end.diverged == len(end.scores):
        return "diverged"
    kept = digits(end.middle)
    return f"{end.diverged} of {len(end.scores)} diverged, else {kept}" if end.diverged else kept
