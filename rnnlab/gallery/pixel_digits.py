"""Digits pixel by pixel, in order, shuffled and handwritten: held-out error, beside models that see the whole image."""

from typing import TYPE_CHECKING

from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import captions, compared, learning, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.compared import Band
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Digits, one pixel at a time"
RECIPE = "pixels"
MODELS = ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")
WHOLE = "whole image"
WHOLES = ("linear", "perceptron")
VARIANTS = ("sequential", "permuted", "real digits")
TRIVIAL = "always one digit"


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "pixels"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def bands(table: Table) -> list[Band]:
    """A band for each variant whose models see one pixel a step; those that see the whole image are its levels."""
    there = [variant for (variant,) in table.each("variant") if WHOLE not in variant]
    there = there or [VARIANTS[0]]
    named = [*(variant for variant in VARIANTS if variant in there), *(one for one in there if one not in VARIANTS)]
    return [compared.band(table, RECIPE, variant, MODELS, _levels(table, variant)) for variant in named]


def _levels(table: Table, variant: str) -> dict[str, float]:
    own = f"{variant}, {WHOLE}"
    flat = own if own in set(table["variant"]) else WHOLE if not variant.startswith(VARIANTS[-1]) else ""
    found = {f"{model}, {WHOLE}": compared.level(table, RECIPE, flat, model) for model in WHOLES}
    return {name: value for name, value in found.items() if value is not None} | {TRIVIAL: baseline(RECIPE, variant)}


@page.styled
def draw(table: Table) -> "Figure":
    """A band for each variant: the errors as dots, and the curves small beside them."""
    drawn = bands(table)
    findings = [_headline(one) for one in drawn]
    return compared.draw(table, RECIPE, drawn, findings, measure="held-out error, %", limits=(0, 100), curves=(0, 100))


def _headline(one: Band) -> str:
    """Who errs least on this variant, and how many are better than a linear model."""
    if one.best is None:
        return f"{one.variant.capitalize()}: {'all diverged' if one.models else 'not run'}"
    said = f"{one.variant.capitalize()}: {one.best.name} errs least{one.when}, {digits(one.best.middle)} %"
    linear = f"{WHOLES[0]}, {WHOLE}"
    if linear not in one.levels:
        return said
    better = one.below(linear)
    return f"{said}; {better or 'none'} of {len(one.sorted)} better than linear"


def _finding(drawn: list[Band]) -> str:
    best = [(one.variant, one.best) for one in drawn if one.best is not None]
    said = [f"{variant}: {row.name} {digits(row.middle)} %" for variant, row in best]
    linear = next((value for one in drawn for name, value in one.levels.items() if name.startswith(WHOLES[0])), None)
    beside = f"; linear on the {WHOLE} {digits(linear)} %" if linear is not None else ""
    equal = " at equal updates" if any(one.longer for one in drawn) else ""
    return captions.finding(
        *(f"Lowest error{equal}, {', '.join(said[:count])}{beside}." for count in range(len(said), 0, -1)),
        f"Lowest error of {len(drawn)} variants: {said[0]}." if said else "No run has an error to tell.",
    )


def caption(table: Table) -> str:
    drawn = bands(table)
    numbers = [f"{one.variant}: {learning.summaries(table, RECIPE, one.variant, MODELS)}" for one in drawn]
    flat = [variant for (variant,) in table.each("variant") if WHOLE in variant]
    numbers += [
        f"{variant}, all pixels at once: {learning.summaries(table, RECIPE, variant, WHOLES)}" for variant in flat
    ]
    missing = [variant for variant in VARIANTS if variant not in {one.variant for one in drawn if one.models}]
    absent = f" Not run: {listed(missing)}." if missing else ""
    return captions.told(
        _finding(drawn),
        "Left, the lowest held-out error: a dot for each seed, the bar and the number their median, dotted the models "
        "that see all pixels at once, and always the same answer. Right, how they learn; "
        f"{learning.FALLS}.{compared.budgets(drawn)}{absent}",
        learning.set_up(table, RECIPE),
        [*numbers, _theirs()],
        f"Sequential and permuted are the same images in the same split. {RECIPES[RECIPE].about}",
    )


def _theirs() -> str:
    """What the papers report, on another task."""
    models = ("tanh RNN", "IRNN", "LSTM", "IndRNN")
    theirs = [reported(RECIPE, VARIANTS[0], model) for model in models]
    pairs = []
    for one in theirs:
        more = one.size.removeprefix(theirs[0].size)  # of a net that is larger than one layer
        pairs.append(
            f"{one.model}{more and f' ({more[2:]})'} {one.says} and {reported(RECIPE, VARIANTS[1], one.model).says}"
        )
    return f"The papers, on {theirs[0].size}, error in %, sequential and permuted: {', '.join(pairs)}"
