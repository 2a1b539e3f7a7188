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
    figure, (left, right) = page.page(1, 2, height=4.4)
    learning.draw_curves(left, table, VARIANT, LOOKS, every=1000)
    learning.draw_ends(right, table, VARIANT, LOOKS)
    left.set(title="as they learn", xlabel="thousands of updates", ylabel="bits per character, held-out text")
    left.set_ylim(1.5, 5)
    right.set(title="after the last update", ylabel="bits per character")
    left.legend(handles=learning.key(LOOKS, learning.present(table, LOOKS)), loc="upper right", handlelength=3.5)
    return figure


def caption(table: Table) -> str:
    told = {model: learning.ends(table, VARIANT, model) for model in learning.present(table, LOOKS)}
    said = ", ".join(f"{model} {end.told()}" for model, end in told.items() if end is not None)
    missing = [model for model in LOOKS if model not in told]
    return (
        f"Bits per character on the last tenth of the text, median and range of the seeds: {said}. The text before it "
        "was trained on, so a new chapter's words are new to all; bigrams see one character."
        f"{' Not run: ' + ', '.join(missing) + '.' if missing else ''} {learning.budget(table)}. "
        f"{RECIPES[RECIPE].about}"
    )
