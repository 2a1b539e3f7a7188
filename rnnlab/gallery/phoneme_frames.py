"""Speech, frame by frame: how many frames of held-out speakers get the wrong phoneme."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import learning, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The phoneme of every frame"
RECIPE = "phonemes"
VARIANT = "frames"
TICKS = (5, 10, 15, 20, 30, 50, 100)
LOOKS = {
    name: looks.MODELS[name]
    for name in ("linear", "perceptron", "tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "phonemes"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> "Figure":
    """Left the curves, on a logarithmic scale, right the ends."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS)
    left.set(ylabel="frame error of held-out speakers, %", yscale="log")
    left.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
    left.minorticks_off()
    left.set_ylim(min(10.0, 0.9 * table["score"].min()), 115)
    learning.baseline(left, baseline(RECIPE), "always the same phoneme")
    right.set_ylabel("frame error of held-out speakers, %")
    return figure


def caption(table: Table) -> str:
    theirs = [reported(RECIPE, VARIANT, model) for model in ("IRNN, 0.01 I", "LSTM")]
    return (
        f"Frame error in %, median and range of the seeds: {learning.summaries(table, VARIANT, LOOKS)}. The linear "
        "model and the perceptron see one frame, the others all before it too. Always the same phoneme gives "
        f"{digits(baseline(RECIPE))}. {learning.budget(table)}. {RECIPES[RECIPE].about} There, another task, they "
        f"report {' and '.join(f'{one.says} for the {one.model} ({one.size})' for one in theirs)}."
    )
