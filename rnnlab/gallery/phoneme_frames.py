"""Speech, frame by frame: how many frames of held-out speakers are told wrong."""

from pathlib import Path

from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "The phoneme of every frame"
RECIPE = "phonemes"
RECORDED = CURVES
VARIANT = "frames"
LOOKS = {
    name: learning.LOOKS[name]
    for name in ("linear", "perceptron", "tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "phonemes"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """Left the curves, right the ends."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS)
    left.set(ylabel="frame error of held-out speakers, %", ylim=(10, 60))
    right.set(ylabel="frame error, %")
    return figure


def caption(table: Table) -> str:
    return (
        f"Frame error in %, median and range of the seeds: {learning.told(table, VARIANT, LOOKS)}. The linear model "
        "and the perceptron see one frame, the others all before it too. "
        f"{learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
