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
    figure, (left, right) = page.page(1, 2, height=4.4)
    learning.draw_curves(left, table, VARIANT, LOOKS)
    learning.draw_ends(right, table, VARIANT, LOOKS)
    left.set(title="as they learn", xlabel="updates", ylabel="frame error of held-out speakers, %", ylim=(10, 60))
    right.set(title="after the last update", ylabel="frame error, %")
    left.legend(handles=learning.key(LOOKS, learning.present(table, LOOKS)), loc="upper right", handlelength=3.5)
    return figure


def caption(table: Table) -> str:
    told = {model: learning.ends(table, VARIANT, model) for model in learning.present(table, LOOKS)}
    said = ", ".join(f"{model} {end.told()}" for model, end in told.items() if end is not None)
    missing = [model for model in LOOKS if model not in told]
    return (
        f"Frame error in %, median and range of the seeds: {said}. The linear model and the perceptron see one frame, "
        "the others all before it too."
        f"{' Not run: ' + ', '.join(missing) + '.' if missing else ''} {learning.budget(table)}. "
        f"{RECIPES[RECIPE].about}"
    )
