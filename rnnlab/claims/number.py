"""A measured number with its interval, and the rule that takes it, and nothing else, to an outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, sqrt
from typing import Literal, NamedTuple, Self

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.results.comparison import NORMAL, Comparison, paired
from rnnlab.experiments.results.ends import digits
from rnnlab.table import Table

Outcome = Literal["confirmed", "contradicted", "undecided", "not tested"]
SHORT, NOISY, SINGLE, BLIND = "too short", "too noisy", "one seed only", "the task cannot tell"
"""Why a part is undecided."""


LEARNS = 0.95
"""A model has learned nothing whose mean error is above this share of the trivial answer's."""


class CannotTellError(LookupError):
    """The runs say nothing of what a part asks."""


@dataclass(frozen=True)
class Number:
    """What was measured.

    Attributes:
        value: the number; NaN where the task cannot tell.
        low, high: its 95 % interval; both the value itself where chance has no part in it.
        seeds: of how many seeds, nets or rounds; 0 where chance has no part in it.
        kind: "share" of the seeds, "relative" to what it is compared with, "percent" of something, or "plain".
        may: whether more training may still make it "fall" or "rise"; "cross" where a run still falls towards the
            threshold that it has not crossed: it will need more updates, but is not to be blamed for too short a run.
            And whether it may be "less" or "more" in truth, since a run that never crossed was given its budget.
        pace: by how much an error still fell with every update at the end, the mean of the seeds; 0 where it did not.
        budget: how many updates were allowed, if the number is a share of them.
    """

    value: float
    low: float
    high: float
    seeds: int = 0
    kind: Literal["plain", "share", "relative", "percent"] = "plain"
    may: frozenset[str] = frozenset()
    pace: float = 0.0
    budget: int = 0

    @classmethod
    def exact(cls, value: float) -> Self:
        """One in which chance has no part."""
        return cls(float(value), float(value), float(value))

    @classmethod
    def ratio(cls, rows: Table) -> Self:
        """Of the one row of a recorded table of times: a median ratio, with the middle 80 % of its rounds."""
        ((value, low, high),) = rows.each("ratio", "low", "high")
        return cls(value, low, high)

    @classmethod
    def mean(cls, values: Sequence[float] | Array, may: frozenset[str] = frozenset()) -> Self:
        """The mean over the seeds, with its bootstrap interval."""
        found = np.asarray(values, float)
        if not np.isfinite(found).all():
            return cls(float(found.mean()), -inf, inf, len(found), may=may)
        return cls(*paired(found, np.zeros(len(found))), len(found), may=may)

    @classmethod
    def relative(cls, found: tuple[float, float, float], to: float, seeds: int, may: frozenset[str]) -> Self:
        """How far a score is from another, which is `to`, and the ends of the interval, as shares of that.

        A score is not below 0, so none is lower by more than all of the other: an end beyond that is moved there.
        """
        difference, low, high = (end / to for end in found)
        return cls(difference, max(low, -1.0), high, seeds, "relative", may)

    @classmethod
    def less(cls, found: Comparison, trivial: float) -> Self:
        """By how much a's score is above b's, as a share of b's mean: below 0 a is better. A lower score is better.

        Raises:
            CannotTellError: no run of either crossed the threshold that the score is about, or all of b's were below
                it untrained; or neither model's mean is below the trivial answer's by a twentieth.
        """
        if found.score == "first" and found.crossed == (0, 0):
            raise CannotTellError("neither model crossed the threshold")
        if not np.any(found.b):
            raise CannotTellError("there is nothing that it could be a share of")
        if found.score != "first" and min(np.mean(found.a), np.mean(found.b)) > LEARNS * trivial:
            raise CannotTellError("neither model is much better than the trivial answer")
        worse = "a" if found.difference > 0 else "b"
        moves = {"a": "fall", "b": "rise"} if found.score != "first" else {worse: "cross"}
        may = {moves[name] for name in found.falling if name in moves}
        if found.score == "first":  # what never crossed has the budget, and would have more
            may |= {move for move, some in zip(("more", "less"), found.crossed, strict=True) if some < found.seeds}
        difference = found.difference, found.low, found.high
        return cls.relative(difference, float(np.mean(found.b)), found.seeds, frozenset(may))

    @classmethod
    def share(cls, hits: int, of: int, may: frozenset[str] = frozenset()) -> Self:
        """Hits out of so many, with Wilson's interval, which says something of 0 of 8 and 8 of 8 too.

        Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
        """
        p, z = hits / of, NORMAL
        middle, half = p + z * z / (2 * of), z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
        low, high = ((middle + sign * half) / (1 + z * z / of) for sign in (-1, 1))
        return cls(p, min(p, low), max(p, high), of, "share", may)  # by rounding 8 of 8 would be above its interval

    def at_this_pace(self, to: float) -> str:
        """How fast it still falls, and when it would be there: more slowly than that, because curves flatten."""
        if not (self.pace > 0 and isfinite(to) and self.value > to):
            return ""
        more = digits((self.value - to) / self.pace / 1000)
        return f"falls {digits(1000 * self.pace)} in 1,000 updates: {to:g} in {more} thousand more at the soonest"

    @property
    def text(self) -> str:
        """The number in words: shares as 2 of 3."""
        if isnan(self.value):
            return "–"
        if self.kind == "share":
            return f"{round(self.value * self.seeds):,} of {self.seeds:,}"
        if self.budget:
            allowed = f"{self.budget:,}"
            return f"not in {allowed}" if self.low > 1 else f"{_shown(self.value, self.kind)} of {allowed}"
        return _shown(self.value, self.kind)

    @property
    def interval(self) -> str:
        """From where to where, empty where chance has no part in it; open where a run never crossed its threshold."""
        if self.low == self.high or isnan(self.value):
            return ""
        if not (isfinite(self.low) and isfinite(self.high)) or {"less", "more"} <= self.may:
            return "unknown"
        if "more" in self.may:
            return f"{_shown(self.low, self.kind)} or more"
        if "less" in self.may:
            return f"{_shown(self.high, self.kind)} or less"
        if self.kind == "share":
            return " to ".join(f"{100 * end:{'.0f' if end >= 0.02 else '.1g'}}" for end in (self.low, self.high)) + " %"
        return f"{_shown(self.low, self.kind)} to {_shown(self.high, self.kind)}"


def _shown(value: float, kind: str) -> str:
    if kind in ("relative", "percent"):
        percent = round(100 * value)
        return f"{percent:{'+' if kind == 'relative' and percent else ''}d} %".replace("-", "−")
    if isfinite(value) and 1e-3 <= abs(value) < 1e6:
        shown = f"{value:,.0f}" if value == int(value) or abs(value) >= 1e4 else digits(value)
    else:
        shown = f"{value:.2g}"
    return shown.replace("-", "−")


class Finding(NamedTuple):
    """What a rule makes of a number: the outcome, and where it is undecided or not tested, why."""

    outcome: Outcome
    why: str = ""


@dataclass(frozen=True)
class Rule:
    """Confirmed if the number's whole interval is in [low, high], contradicted if all of it is outside.

    Otherwise undecided. Where more training may still move the number, or a run never crossed, its interval is open on
    that side; what only this leaves undecided is too short, and so is all else that more training may move. The rest
    is too noisy, or of one seed only. A run that may still cross its threshold contradicts nothing.

    Attributes:
        low, high: the ends.
        strict: whether the ends themselves are outside.
        percent: whether the ends are shares, said in percent.
    """

    low: float = -inf
    high: float = inf
    strict: bool = False
    percent: bool = False

    def __call__(self, number: Number) -> Finding:
        if isnan(number.value):
            return Finding("undecided", BLIND)
        low, high = number.low, number.high
        outcome = self._of(low, high)
        opened = self._of(
            -inf if number.may & {"fall", "less"} else low, inf if number.may & {"rise", "more"} else high
        )
        if opened and not (opened == "contradicted" and "cross" in number.may):
            return Finding(opened)
        return Finding(
            "undecided", SHORT if outcome or number.may - {"less", "more"} else SINGLE if number.seeds == 1 else NOISY
        )

    def _of(self, low: float, high: float) -> Literal["confirmed", "contradicted"] | None:
        above, below = low >= self.low, high <= self.high
        if self.strict:
            above, below = low > self.low or self.low == -inf, high < self.high or self.high == inf
        inside = above and below
        outside = high <= self.low or low >= self.high if self.strict else high < self.low or low > self.high
        return "confirmed" if inside else "contradicted" if outside else None

    @property
    def says(self) -> str:
        """The rule in words."""
        low, high = (f"{100 * end:g} %" if self.percent else f"{end:g}" for end in (self.low, self.high))
        if self.low == self.high:
            return f"exactly {low}"
        if isfinite(self.low) and isfinite(self.high):
            return f"from {low} to {high}".replace("-", "−")
        words = ("below", "at most") if isfinite(self.high) else ("above", "at least")
        return f"{words[0] if self.strict else words[1]} {high if isfinite(self.high) else low}".replace("-", "−")


def at_most(high: float, *, percent: bool = False) -> Rule:
    """The number is at most this."""
    return Rule(high=high, percent=percent)


def at_least(low: float, *, percent: bool = False) -> Rule:
    """The number is at least this."""
    return Rule(low=low, percent=percent)


def between(low: float, high: float) -> Rule:
    """The number is from `low` to `high`."""
    return Rule(low, high)


def exactly(value: float) -> Rule:
    """The number is this one, to the last bit."""
    return Rule(value, value)


BELOW_0, ABOVE_0 = Rule(high=0.0, strict=True), Rule(low=0.0, strict=True)
"""Lower, or higher, than what it is compared with."""
IN_TIME = Rule(high=1.0, percent=True)
"""Before its updates are used up."""
NEVER = Rule(low=1.0, strict=True, percent=True)
"""Not in all its updates."""
MOST, FEW = Rule(low=0.5, strict=True, percent=True), Rule(high=0.5, strict=True, percent=True)
"""More than half of the seeds, less than half."""
