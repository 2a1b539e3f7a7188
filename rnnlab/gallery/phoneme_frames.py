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
BASELINE = 93.2
"""The error, in %, of always giving the phoneme that is most frequent in training."""
TICKS = (5, 10, 15, 20, 30, 50, 100)
LOOKS = {
    name: learning.LOOKS[name]
    for name in ("linear", "perceptron", "tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "phonemes"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


@page.styled
def draw(table: Table) -> Figure:
    """Left the curves, on a logarithmic scale, right the ends."""
    figure, (left, right) = learning.curves_and_ends(table, VARIANT, LOOKS)
    left.set(ylabel="frame error of held-out speakers, %", yscale="log")
    left.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
    left.minorticks_off()
    left.set_ylim(min(10.0, 0.9 * table["score"].min()), 115)
    learning.baseline(left, BASELINE, "always the same phoneme")
    right.set_ylabel("frame error of held-out speakers, %")
    return figure


def caption(table: Table) -> str:
    return (
        f"Frame error in %, median and range of the seeds: {learning.told(table, VARIANT, LOOKS)}. The linear model "
        "and the perceptron see one frame, the others all before it too. Always the same phoneme gives "
        f"{BASELINE:.3g}. {learning.budget(table)}. {RECIPES[RECIPE].about} There, another task, they report 35.5 for "
        "two layers of 500 of the IRNN with 0.01 I and 35.4 for two LSTM layers of 250."
    )
