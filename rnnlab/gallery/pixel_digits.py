"""Digits pixel by pixel, in order and shuffled: held-out error, beside models that see the whole image at once."""

from pathlib import Path

from matplotlib.figure import Figure

from rnnlab.experiments.recipes import LONGER_MODELS, RECIPES, Size, longer
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "Digits, one pixel at a time"
RECIPE = "pixels"
RECORDED = CURVES
WHOLE, ORDERS = "whole image", ("sequential", "permuted")
WHOLES = ("linear", "perceptron")
BASELINE = 90.1
"""The error, in %, of always giving the digit that is most frequent in training."""
LOOKS = {name: learning.LOOKS[name] for name in ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "pixels"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """In order above, shuffled below: learning curves, last errors, and the curves of those that went on for longer."""
    columns = 3 if any(len(table.where(variant=longer(order))) for order in ORDERS) else 2
    figure, panels = page.page(2, columns, height=7.6, width=2.5 + 4.25 * columns, sharey=True)
    flat = {model: learning.ends(table, WHOLE, model) for model in WHOLES}
    levels = {f"always one digit: {BASELINE:g}": BASELINE}
    levels |= {
        f"whole image, {model}: {learning.digits(end.middle)}": end.middle
        for model, end in flat.items()
        if end and end.diverged < len(end.scores)
    }
    for ax in panels:
        for level in levels.values():
            ax.axhline(level, color=page.GREY, lw=1, ls=(0, (1, 2)))
    for row, order in enumerate(ORDERS):
        curves, ends, *rest = panels[row * columns : (row + 1) * columns]
        learning.draw_curves(curves, table, order, LOOKS, every=1000)
        learning.draw_ends(ends, table, order, LOOKS)
        curves.set(title=order, xlabel="thousands of updates", ylim=(0, 100), ylabel="held-out error, %")
        ends.set(title=f"{order}: after the last update", xlabel=learning.SEEDS)
        for ax in rest:
            learning.draw_curves(ax, table, longer(order), LOOKS, every=1000)
            ax.set(title=longer(order), xlabel="thousands of updates")
    learning.legend(figure, table, LOOKS)
    figure.draw_without_rendering()
    for ax in panels[columns - 1 :: columns]:
        learning.label_right(ax, [(level, words, page.GREY) for words, level in levels.items()])
    return figure


def caption(table: Table) -> str:
    said = [f"{order}: {learning.told(table, order, LOOKS)}" for order in ORDERS]
    said += [
        f"{longer(order)}: {learning.told(table, longer(order), LONGER_MODELS)}"
        for order in ORDERS
        if len(table.where(variant=longer(order)))
    ]
    said.append(f"{WHOLE} at once: {learning.told(table, WHOLE, WHOLES)}")
    return (
        f"Held-out error in %, after the last update, median and range of the seeds. {'. '.join(said)}. Always the "
        f"same digit: {BASELINE:g}. Sequential and permuted are the same images in the same split. "
        f"{learning.budget(table)}. {RECIPES[RECIPE].about} There, with 28 × 28 pixels, they report in %, sequential "
        "and permuted: tanh RNN 65 and 65, IRNN 3 and 18, LSTM 1.8 and 12, IndRNN of six layers 1.0 and 4.0. That is "
        "another task."
    )
