"""What the answer on ReLU claims of the IndRNN on tasks: robust, in deep stacks, and against others; parts of C18."""

from dataclasses import replace

import numpy as np

from rnnlab.claims.claim import Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.glorot import Measure
from rnnlab.claims.number import BELOW_0, Number, exactly
from rnnlab.experiments.results.comparison import Side

DEEPEST = 21


def diverged(evidence: Evidence) -> Number:
    """How many runs of an IndRNN with ReLU diverged, in all experiments."""
    runs = evidence.runs_since
    ours = np.array(["IndRNN" in str(model) and "tanh" not in str(model) for model in runs["model"]], bool)
    if not ours.any():
        raise NotRunError("the IndRNN has not been run since the rules were committed")
    return replace(Number.exact(float(np.sum(runs["status"][ours] == "diverged"))), seeds=int(ours.sum()))


def robust(variant: str, other: str) -> Measure:
    """The frame error with training sets of few speakers, another set for each seed, against another model's."""
    return lambda evidence: evidence.less("phonemes", Side(variant, "IndRNN"), Side(variant, other))


def stacked(model: str, than: str, depth: int) -> Measure:
    """The bits of a stack of 21 layers against those of another stack."""
    return lambda evidence: evidence.less("stacks", Side(f"{DEEPEST} layers", model), Side(f"{depth} layers", than))


FEWER = ("frames, 8 speakers", "frames, 4 speakers")
ROBUST = (
    Part("D9", "diverged", "no run of an IndRNN with ReLU diverges", diverged, exactly(0), "runs that diverge"),
    *(
        Part(
            "D9",
            "robust",
            f"{variant.removeprefix('frames, ')} to learn from: a lower error than with tanh",
            robust(variant, "IndRNN, tanh"),
            BELOW_0,
            "frame error, ReLU against tanh",
            label=f"its tanh version on {variant.removeprefix('frames, ')}",
            told="{} error",
        )
        for variant in FEWER
    ),
    *(
        Part(
            "D9",
            "robust",
            f"{variant.removeprefix('frames, ')} to learn from: a lower error than the LSTM's",
            robust(variant, "LSTM"),
            BELOW_0,
            "frame error, IndRNN against LSTM",
            label=f"an LSTM on {variant.removeprefix('frames, ')}",
            told="{} error",
        )
        for variant in FEWER
    ),
)

STACKED = (
    Part(
        "D10",
        "deep",
        "21 layers without shortcuts are better than one",
        stacked("IndRNN", "IndRNN", 1),
        BELOW_0,
        "bits, 21 layers against 1",
        label="a single one, both without shortcuts",
        told="{} bits",
    ),
    Part(
        "D10",
        "deep",
        "21 layers with shortcuts are better than two",
        stacked("IndRNN residual", "IndRNN residual", 2),
        BELOW_0,
        "bits, 21 layers against 2",
        label="two, both with shortcuts",
        told="{} bits",
    ),
    Part(
        "D10",
        "deeper",
        "21 layers without shortcuts are better than 21 of a tanh RNN",
        stacked("IndRNN", "tanh RNN", DEEPEST),
        BELOW_0,
        "bits, IndRNN against tanh RNN",
        label="21 of a tanh RNN, both without shortcuts",
        told="{} bits",
    ),
    Part(
        "D10",
        "deeper",
        "21 layers with shortcuts are better than 21 of a tanh RNN with shortcuts",
        stacked("IndRNN residual", "tanh RNN residual", DEEPEST),
        BELOW_0,
        "bits, IndRNN against tanh RNN",
        label="21 of a tanh RNN, both with shortcuts",
        told="{} bits",
    ),
)

RIVALS = ("tanh RNN", "LSTM", "GRU")
CONTESTS = {
    "the adding problem, T = 400": ("adding", "T = 400", "updates"),
    "drawn digits in order": ("pixels", "sequential", "error"),
    "shuffled drawn digits": ("pixels", "permuted", "error"),
    "real digits": ("pixels", "real digits", "error"),
    "characters": ("characters", "characters", "bits"),
    "phonemes": ("phonemes", "frames", "error"),
}


def beats(recipe: str, variant: str, rival: str) -> Measure:
    """Its score against a rival's, by the score that judges the recipe, as in C10."""
    return lambda evidence: evidence.less(recipe, Side(variant, "IndRNN"), Side(variant, rival))


BETTER = tuple(
    Part(
        "D10",
        contest,
        f"{contest}: better than the {rival}",
        beats(recipe, variant, rival),
        BELOW_0,
        f"{unit}, IndRNN against {rival}",
        label=f"the {rival}",
        told=f"{{}} {unit}",
    )
    for contest, (recipe, variant, unit) in CONTESTS.items()
    for rival in RIVALS
)


def _rivalry(contest: str, place: str) -> Clause:
    """What came out on one task."""
    return Clause(
        contest,
        f"{place} it is better than RNN, LSTM and GRU",
        f"{place} it is worse than RNN, LSTM and GRU",
        f"{place} it is open whether it is better than RNN, LSTM and GRU",
        f"{place} it is better than {{which}}",
        f"{place} it is worse than {{which}}",
    )


FIRST, *OTHERS = CONTESTS
RIVALRY = (
    _rivalry(FIRST, f"with more layers than its rivals, here and below, and as many updates: on {FIRST},"),
    *(_rivalry(contest, f"on {contest}") for contest in OTHERS),
)
"""A sentence for each task."""
