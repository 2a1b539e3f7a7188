"""The next character: bits per character on held-out text, as the models learn and at the end."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import digits, ends
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The next character"
RECIPE = "characters"
VARIANT, BIGRAMS = "characters", "bigrams"
LOOKS = {name: looks.MODELS[name] for name in ("bigrams", "tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "characters"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> "Figure":
    """Left the curves, right the ends of all but the bigrams, which would press the others into one line."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS, every=1000, line=BIGRAMS)
    left.set(ylabel="bits per character, held-out text", ylim=(1.5, 5.5))
    right.set_ylabel("bits per character, held-out text")
    learning.baseline(left, baseline(RECIPE), "single characters' frequencies")
    flat = ends(table, VARIANT, BIGRAMS)
    if flat is not None and flat.score > right.get_ylim()[1]:
        words = f"not shown, above: {BIGRAMS}, {digits(flat.score)}"
        right.set_title(words, loc="right", color=looks.GREY, fontsize=8, fontweight="normal")
    return figure


def caption(table: Table) -> str:
    theirs = reported(RECIPE, VARIANT, "IndRNN")
    return (
        "Bits per character on the last tenth of the text, median and range of the seeds: "
        f"{learning.summaries(table, VARIANT, LOOKS)}. Bigrams see one character; the frequencies of single characters "
        f"alone give about {digits(baseline(RECIPE))}. The text before the last tenth was trained on, so a new "
        f"chapter's words are new to all. {learning.budget(table)}. {RECIPES[RECIPE].about} On another text an IndRNN "
        f"is reported with {theirs.says} {theirs.unit} ({theirs.size}; {theirs.source})."
    )
