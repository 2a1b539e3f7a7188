"""The next character: bits per character on held-out text, as the models learn and at the end."""

from pathlib import Path

from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "The next character"
RECIPE = "characters"
RECORDED = CURVES
VARIANT = "characters"
LOOKS = {name: learning.LOOKS[name] for name in ("bigrams", "tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "characters"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """Left the curves, right the ends."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS, every=1000)
    left.set(ylabel="bits per character, held-out text", ylim=(1.5, 5))
    right.set(ylabel="bits per character")
    return figure


def caption(table: Table) -> str:
    return (
        "Bits per character on the last tenth of the text, median and range of the seeds: "
        f"{learning.told(table, VARIANT, LOOKS)}. The text before it was trained on, so a new chapter's words are new "
        f"to all; bigrams see one character. {learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
