"""Speech, frame by frame: how many frames of held-out speakers get the wrong phoneme."""

from typing import TYPE_CHECKING

from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import captions, compared, learning, page
from rnnlab.gallery.compared import Band
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The phoneme of every frame"
RECIPE = "phonemes"
VARIANT = "frames"
TICKS = (2, 5, 10, 20, 50, 100)
MODELS = ("tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
FLAT = ("linear", "perceptron")
"""Models that see one frame."""
TRIVIAL = "always one phoneme"


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "phonemes"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _band(table: Table) -> Band:
    flat = {f"{model}, one frame": compared.level(table, RECIPE, VARIANT, model) for model in FLAT}
    levels = {name: value for name, value in flat.items() if value is not None} | {TRIVIAL: baseline(RECIPE)}
    return compared.band(table, RECIPE, VARIANT, MODELS, levels, aside=FLAT)


@page.styled
def draw(table: Table) -> "Figure":
    """The errors as dots, and the curves small beside them, both on a logarithmic scale."""
    one = _band(table)
    low = min([20.0, *(row.values.min() for row in one.rows if len(row.values)), *one.levels.values()])
    ticks = [tick for tick in TICKS if tick > 0.8 * low]
    limits = 0.8 * low, 110.0
    measure = "frame error, %"
    return compared.draw(
        table, RECIPE, [one], [_found(one)], measure=measure, limits=limits, curves=limits, ticks=ticks
    )


def _found(one: Band) -> str:
    """Who errs least{one.when}, and how many are better than the best that sees a single frame."""
    if one.best is None:
        return "All runs diverged" if one.models else "No model with a memory was run"
    said = f"{one.best.name} errs least{one.when}, {digits(one.best.middle)} %"
    flat = min((name for name in one.levels if name != TRIVIAL), key=lambda name: one.levels[name], default=None)
    if flat is None:
        return said
    better, of = one.below(flat), len(one.sorted)
    return f"{said}; {'all' if better == of else better or 'none'} of {of} beat a {flat.partition(',')[0]} of one frame"


def caption(table: Table) -> str:
    one = _band(table)
    theirs = [reported(RECIPE, VARIANT, model) for model in ("IRNN, 0.01 I", "LSTM")]
    said = " and ".join(f"{one.says} for the {one.model} ({one.size})" for one in theirs)
    return captions.told(
        captions.finding(f"{_found(one)}."),
        "Left, of each run the lowest error on frames of held-out speakers: a dot for each seed, the bar and the "
        "number their median, dotted what sees one frame alone, and always answering with the same phoneme. Right, the "
        f"errors as the models learn; {learning.FALLS}.{compared.budgets([one])}",
        learning.set_up(table, RECIPE),
        [
            f"Error in %: {learning.summaries(table, RECIPE, VARIANT, (*FLAT, *MODELS))}",
            f"The papers, another task: {said}",
        ],
        RECIPES[RECIPE].about,
    )
