"""What the reading notes say of the adding problem and of the cost of a step, C10 and C11."""

from dataclasses import replace

import numpy as np

from rnnlab.claims.claim import RERUN, Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import Measure
from rnnlab.claims.number import ABOVE_0, IN_TIME, MOST, CannotTellError, Number, at_least, at_most
from rnnlab.experiments.results.comparison import Side

LENGTHS = (100, 200, 400)
AS_WELL = 0.1
"""As well: at most a tenth more updates, or time."""


def solved(model: str, steps: int) -> Measure:
    """After which share of its updates it solves the adding problem."""
    return lambda evidence: evidence.until("adding", f"T = {steps}", model)


def harder(model: str) -> Measure:
    """How many updates more T = 400 takes than T = 100."""
    return lambda evidence: evidence.less("adding", Side("T = 400", model), Side("T = 100", model))


def struggles(model: str) -> Measure:
    """The share of the seeds that at T = 200 need twice the updates that T = 100 takes on average, or fail there.

    Raises:
        CannotTellError: half of the seeds or more fail at T = 100.
    """

    def measure(evidence: Evidence) -> Number:
        soon, late = (evidence.crossings("adding", f"T = {steps}", model) for steps in (100, 200))
        if np.isfinite(soon.firsts).mean() <= 0.5:
            raise CannotTellError(f"the {model} does not solve T = 100")
        twice = 2 * float(np.minimum(soon.firsts, soon.budget).mean())
        in_time = late.falls and late.budget < twice  # what still falls may get there before
        found = Number.mean((late.firsts >= twice).astype(float), frozenset({"fall"} if in_time else ()))
        return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0), kind="percent")

    return measure


def as_soon(steps: int, by_time: bool) -> Measure:
    """How much later the IRNN solves it than the LSTM, by updates, or by time at the measured cost of an update."""
    variant = f"T = {steps}"

    def measure(evidence: Evidence) -> Number:
        seconds = evidence.cost("adding", variant, "IRNN"), evidence.cost("adding", variant, "LSTM")
        return evidence.less("adding", Side(variant, "IRNN"), Side(variant, "LSTM"), seconds if by_time else None)

    return measure


C10 = Claim(
    "C10",
    "adding problem: it gets harder with T; RNN and LSTM begin to struggle at T ≈ 150; the IRNN converges as well as "
    "the LSTM, whose step costs four times as much",
    (
        *(
            Part(
                "B5",
                "harder",
                f"the {model} needs more updates for T = 400 than for T = 100",
                harder(model),
                ABOVE_0,
                "updates, T = 400 against T = 100",
                label=f"the {model}",
            )
            for model in ("LSTM", "IRNN")
        ),
        *(
            Part(
                "B5",
                "solves",
                f"the {model} solves T = 100",
                solved(model, 100),
                IN_TIME,
                "updates until solved",
                label=f"the {model}",
            )
            for model in ("tanh RNN", "LSTM")
        ),
        *(
            Part(
                "B5",
                "struggles",
                f"the {model} needs twice as many updates, or fails, at T = 200",
                struggles(model),
                MOST,
                "seeds that do",
                label=f"the {model}",
            )
            for model in ("tanh RNN", "LSTM")
        ),
        *(
            Part(
                "B5",
                "updates",
                f"T = {steps}: the IRNN needs at most a tenth more updates than the LSTM",
                as_soon(steps, by_time=False),
                at_most(AS_WELL, percent=True),
                "updates, IRNN against LSTM",
                label=f"T = {steps}",
                told="{} updates",
            )
            for steps in LENGTHS
        ),
        *(
            Part(
                "B5",
                "time",
                f"T = {steps}: the IRNN needs at most a tenth more time than the LSTM",
                as_soon(steps, by_time=True),
                at_most(AS_WELL, percent=True),
                "time, IRNN against LSTM",
                label=f"T = {steps}",
                told="{} time",
            )
            for steps in LENGTHS
        ),
    ),
    (
        Clause(
            "harder",
            "T = 400 takes LSTM and IRNN more updates than T = 100",
            "T = 400 takes LSTM and IRNN no more updates than T = 100",
            "whether T = 400 takes LSTM and IRNN more updates than T = 100 is open",
            "T = 400 takes {which} more updates than T = 100",
            "T = 400 takes {which} no more updates than T = 100",
        ),
        Clause(
            "solves",
            "tanh RNN and LSTM solve T = 100",
            "neither the tanh RNN nor the LSTM solves T = 100",
            "whether tanh RNN and LSTM solve T = 100 is open",
            "{which} solves T = 100",
            "{which} does not solve T = 100",
        ),
        Clause(
            "struggles",
            "tanh RNN and LSTM struggle at T = 200",
            "neither struggles at T = 200",
            "whether RNN and LSTM struggle at T = 200 is open",
            "{which} struggles at T = 200",
            "{which} does not struggle at T = 200",
        ),
        Clause(
            "time",
            "by time, which the claim is about, the IRNN is as good as the LSTM at every length",
            "by time, which the claim is about, the IRNN is behind the LSTM at every length",
            "whether the IRNN is as good as the LSTM by time, which the claim is about, is open",
            "by time, which the claim is about, the IRNN is as good as the LSTM at {which}",
            "by time the IRNN is behind the LSTM at {which}",
        ),
        Clause(
            "updates",
            "counted in updates the IRNN is as good as the LSTM at every length",
            "counted in updates the IRNN is behind the LSTM at every length",
            "whether the IRNN is as good as the LSTM, counted in updates, is open",
            "counted in updates the IRNN is as good as the LSTM at {which}",
            "counted in updates the IRNN is behind the LSTM at {which}",
        ),
    ),
    "Adam and fresh batches of 16, not SGD on 100,000 fixed sequences. Time is updates times the cost of one, of our "
    "own code.",
    "Other seeds; a faster LSTM; rates above 5e-3, the highest that the pilots tried.",
    RERUN.format("adding_problem"),
)


def cost(hidden: float) -> Part:
    """An LSTM's training step over an IRNN's, in the same round."""

    def measure(evidence: Evidence) -> Number:
        return Number.ratio(evidence.table("step_cost").where(layer="LSTM", hidden=hidden))

    return Part(
        "B5",
        "cost",
        f"with {hidden:.0f} units an LSTM step costs at least four IRNN steps",
        measure,
        at_least(4),
        "time of a step, LSTM over IRNN",
        "numbers",
        label=f"{hidden:.0f} units",
        told="{}",
    )


C11 = Claim(
    "C11",
    "an LSTM step costs at least 4 IRNN steps",
    tuple(map(cost, (64.0, 128.0, 256.0))),
    (
        Clause(
            "cost",
            "an LSTM step costs four IRNN steps or more with 64, 128 and 256 units",
            "an LSTM step costs less than four IRNN steps with 64, 128 and 256 units",
            "whether an LSTM step costs four IRNN steps is open",
            "an LSTM step costs four IRNN steps or more with {which}",
            "an LSTM step costs less than four with {which}",
        ),
    ),
    "Our own code on one core, 50 steps, batches of 32; intervals are the middle 80 % of the rounds.",
    "A machine, or a library, on which the four gates cost less than four products.",
    "rnnlab figures step_cost --recompute",
)

CLAIMS = (C10, C11)
