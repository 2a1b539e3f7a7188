"""The next character: bits per character on held-out text."""

from typing import TYPE_CHECKING

import numpy as np

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

TITLE = "The next character"
RECIPE = "characters"
VARIANT, BIGRAMS = "characters", "bigrams"
MODELS = ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")
TRIVIAL = "frequencies alone"


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "characters"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _band(table: Table) -> Band:
    flat = compared.level(table, RECIPE, VARIANT, BIGRAMS)
    levels = {} if flat is None else {BIGRAMS: flat}
    return compared.band(table, RECIPE, VARIANT, MODELS, levels | {TRIVIAL: baseline(RECIPE)}, aside=[BIGRAMS])


@page.styled
def draw(table: Table) -> "Figure":
    """The bits as dots, and the curves small beside them; levels far above the dots are named at the edge."""
    one = _band(table)
    known = np.concatenate([row.values[np.isfinite(row.values)] for row in one.rows] or [np.array([1.0])])
    low, high = float(known.min(initial=99.0)), float(known.max(initial=0.0))
    if not len(known):
        low, high = min(one.levels.values()), max(one.levels.values())
    room = 0.15 * max(high - low, 0.1 * low)
    measure, limits, curves = "bits per character", (low - room, high + room), (low - room, high + 15 * room)
    return compared.draw(table, RECIPE, [one], [_found(one)], measure=measure, limits=limits, curves=curves, up=True)


def _found(one: Band) -> str:
    """Who needs the fewest bits{one.when}, and how many need fewer than bigrams."""
    if one.best is None:
        return "All runs diverged" if one.models else "No model with a memory was run"
    said = f"{one.best.name} needs the fewest bits{one.when}, {digits(one.best.middle)}"
    if BIGRAMS not in one.levels:
        return said
    better, of = one.below(BIGRAMS), len(one.sorted)
    return f"{said}; {'all' if better == of else better or 'none'} of {of} beat {BIGRAMS}"


def caption(table: Table) -> str:
    one, theirs = _band(table), reported(RECIPE, VARIANT, "IndRNN")
    return captions.told(
        captions.finding(f"{_found(one)}."),
        "Left, of each run the fewest bits per character on the last tenth of the text: a dot for each seed, the bar "
        "and the number their median; dotted, or at the edge, bigrams, which see one character, and the frequencies of "
        "single characters alone. Right, the bits as the models learn; "
        f"{learning.FALLS}."
        f"{compared.budgets([one])}",
        learning.set_up(table, RECIPE),
        [
            f"Bits per character: {learning.summaries(table, RECIPE, VARIANT, (BIGRAMS, *MODELS))}; the frequencies of "
            f"single characters {digits(baseline(RECIPE))}",
            f"The papers, an IndRNN on another text: {theirs.says} {theirs.unit} ({theirs.size}; {theirs.source})",
        ],
        "The text before the last tenth was trained on, so a new chapter's words are new to all. "
        f"{RECIPES[RECIPE].about}",
    )
