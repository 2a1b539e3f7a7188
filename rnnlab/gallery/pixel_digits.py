"""Digits pixel by pixel, in order and shuffled: held-out error, beside models that see the whole image at once."""

from pathlib import Path

from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "Digits, one pixel at a time"
RECIPE = "pixels"
RECORDED = CURVES
WHOLE, ORDERS = "whole image", ("sequential", "permuted")
LOOKS = {name: learning.LOOKS[name] for name in ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "pixels"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """Learning curves above, last errors below; left in order, right shuffled."""
    figure, panels = page.page(2, 2, height=7.4, width=10.5, sharey=True)
    for column, order in enumerate(ORDERS):
        top, bottom = panels[column], panels[2 + column]
        learning.draw_curves(top, table, order, LOOKS, every=1000)
        learning.draw_ends(bottom, table, order, LOOKS)
        for ax in (top, bottom):
            for model in ("linear", "perceptron"):
                end = learning.ends(table, WHOLE, model)
                if end is not None:
                    learning.baseline(ax, end.score, f"{model}, whole image: {end.score:.3g}")
        top.set(title=order, xlabel="thousands of updates", ylim=(0, 95))
        bottom.set(title=f"{order}: after the last update")
    for ax in panels[::2]:
        ax.set_ylabel("held-out error, %")
    models = [model for model in learning.present(table, LOOKS) if model in LOOKS]
    panels[0].legend(handles=learning.key(LOOKS, models), loc="lower left", handlelength=3.5)
    return figure


def caption(table: Table) -> str:
    flat = {model: learning.LOOKS[model] for model in ("linear", "perceptron")}
    said = [f"{order}: {learning.told(table, order, LOOKS)}" for order in ORDERS]
    said.append(f"{WHOLE}: {learning.told(table, WHOLE, flat)}")
    return (
        f"Held-out error in %, after the last update, median and range of the seeds. {'. '.join(said)}. "
        f"Sequential and permuted are the same images in the same split. {learning.budget(table)}. "
        f"{RECIPES[RECIPE].about} On MNIST the papers report, sequential and permuted: tanh RNN 65 and 65, IRNN 3 and "
        "18, LSTM 1.8 and 12, IndRNN of six layers 1.0 and 4.0."
    )
