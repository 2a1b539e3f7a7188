"""Digits pixel by pixel, in order and shuffled: held-out error, beside models that see the whole image at once."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab.experiments.recipes import LONGER_MODELS, RECIPES, Size, longer
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import digits, ends
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Digits, one pixel at a time"
RECIPE = "pixels"
WHOLE, ORDERS = "whole image", ("sequential", "permuted")
WHOLES = ("linear", "perceptron")
LOOKS = {name: looks.MODELS[name] for name in ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "pixels"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> "Figure":
    """In order above, shuffled below: learning curves, last errors, and the curves of those that went on for longer."""
    columns = 3 if any(len(table.where(variant=longer(order))) for order in ORDERS) else 2
    figure, panels = page.page(2, columns, height=7.6, width=2.5 + 4.25 * columns, sharey=True)
    flat = {model: ends(table, WHOLE, model) for model in WHOLES}
    levels = {f"always one digit: {digits(baseline(RECIPE))}": baseline(RECIPE)}
    levels |= {
        f"whole image, {model}: {digits(end.middle)}": end.middle
        for model, end in flat.items()
        if end and end.diverged < len(end.scores)
    }
    for ax in panels:
        for level in levels.values():
            ax.axhline(level, color=looks.GREY, lw=1, ls=(0, (1, 2)))
    for row, order in enumerate(ORDERS):
        curves, last, *rest = panels[row * columns : (row + 1) * columns]
        learning.draw_curves(curves, table, order, LOOKS, every=1000)
        learning.draw_ends(last, table, order, LOOKS)
        curves.set(title=order, xlabel="thousands of updates", ylim=(0, 100), ylabel="held-out error, %")
        last.set(title=f"{order}: after the last update", xlabel=learning.SEEDS)
        for ax in rest:
            learning.draw_curves(ax, table, longer(order), LOOKS, every=1000)
            ax.set(title=longer(order), xlabel="thousands of updates")
    learning.legend(figure, table, LOOKS)
    figure.draw_without_rendering()
    for ax in panels[columns - 1 :: columns]:
        learning.label_right(ax, [(level, words, looks.GREY) for words, level in levels.items()])
    return figure


def caption(table: Table) -> str:
    models = ("tanh RNN", "IRNN", "LSTM", "IndRNN")
    theirs = [reported(RECIPE, ORDERS[0], model) for model in models]
    pairs = []
    for one in theirs:
        more = one.size.removeprefix(theirs[0].size)  # of a net that is larger than one layer
        pairs.append(
            f"{one.model}{more and f' ({more[2:]})'} {one.says} and {reported(RECIPE, ORDERS[1], one.model).says}"
        )
    said = [f"{order}: {learning.summaries(table, order, LOOKS)}" for order in ORDERS]
    said += [
        f"{longer(order)}: {learning.summaries(table, longer(order), LONGER_MODELS)}"
        for order in ORDERS
        if len(table.where(variant=longer(order)))
    ]
    said.append(f"{WHOLE} at once: {learning.summaries(table, WHOLE, WHOLES)}")
    return (
        f"Held-out error in %, after the last update, median and range of the seeds. {'. '.join(said)}. Always the "
        f"same digit: {digits(baseline(RECIPE))}. Sequential and permuted are the same images in the same split. "
        f"{learning.budget(table)}. {RECIPES[RECIPE].about} There, on {theirs[0].size}, another "
        f"task, they report in %, sequential and permuted: {', '.join(pairs)}."
    )
