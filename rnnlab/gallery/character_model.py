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
VARIANT, BIGRAMS = "characters", "bigrams"
BASELINE = 4.67
"""The bits that the frequencies of single characters take; other builds of CPython have a slightly other text."""
LOOKS = {name: learning.LOOKS[name] for name in ("bigrams", "tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "characters"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """Left the curves, right the ends of all but the bigrams, which would press the others into one line."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS, every=1000, line=BIGRAMS)
    left.set(ylabel="bits per character, held-out text", ylim=(1.5, 5.5))
    right.set_ylabel("bits per character, held-out text")
    learning.baseline(left, BASELINE, "single characters' frequencies")
    flat = learning.ends(table, VARIANT, BIGRAMS)
    if flat is not None and flat.score > right.get_ylim()[1]:
        words = f"not shown, above: {BIGRAMS}, {learning.digits(flat.score)}"
        right.set_title(words, loc="right", color=page.GREY, fontsize=8, fontweight="normal")
    return figure


def caption(table: Table) -> str:
    return (
        "Bits per character on the last tenth of the text, median and range of the seeds: "
        f"{learning.told(table, VARIANT, LOOKS)}. Bigrams see one character; single characters' frequencies alone give "
        f"about {BASELINE:.3g}. The text before the last tenth was trained on, so a new chapter's words are new to "
        f"all. {learning.budget(table)}. {RECIPES[RECIPE].about} On another text, the characters of the Penn "
        "Treebank, Li et al. report 1.26 bits for an IndRNN of six layers."
    )
