"""Whether one model is better than another: the mean difference of the same seeds, with its bootstrap interval.

Both curves are cut at the common budget, by updates or by time, and the score that judges the experiment is read from
what is left. `claims.number.Number.less` says what the difference decides.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.results.ends import first_below
from rnnlab.experiments.results.scores import LINE_FALLS, Judged, Score, falling
from rnnlab.table import Table

RESAMPLES = 10_000
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""The 97.5 % quantile of Student's t with 1, 2, … degrees of freedom."""
NORMAL = 1.960
"""The same quantile of the normal distribution."""


class Side(NamedTuple):
    """One of the two that are compared."""

    variant: str
    model: str


class Curve(NamedTuple):
    """One run: its rows up to the budget, how it ended there, and the lowest score that it had later."""

    updates: NDArray[np.float64]
    scores: NDArray[np.float64]
    status: str
    later: float = inf


@dataclass(frozen=True)
class Comparison:
    """What the same seeds of two models, a and b, say.

    Attributes:
        score: which of a run's three scores is compared.
        a, b: the score of every seed; a run that never crossed the threshold has the budget, see `compare`.
        difference: the mean of a - b: below 0 where a is better, as every score is better the lower it is.
        low, high: its 95 % interval.
        seeds: how many pairs.
        budget: the updates, or seconds, after which the curves are cut.
        crossed: how many runs of a, and of b, were below the threshold within the budget.
        falling: the models, "a" or "b", half of whose runs or more still fall at the budget.
    """

    score: Score
    a: tuple[float, ...]
    b: tuple[float, ...]
    difference: float
    low: float
    high: float
    seeds: int
    budget: float
    crossed: tuple[int, int]
    falling: tuple[str, ...]


def compare(
    table: Table, judged: Judged, a: Side, b: Side, *, trivial: float, seconds: tuple[float, float] | None = None
) -> Comparison:
    """Model a against model b, each on its variant, with the seeds that both were run with.

    `first` is compared as in survival analysis by its restricted mean: a run that never crossed the threshold within
    the budget has the budget, whether it diverged or not, so the true difference is at least the one that is given.
    It is known to within a row of the log, by which the interval is widened. `best` and `last` are at most `trivial`:
    a run that diverged, or is worse than the best answer that does not look at the input, has that answer's score.

    Args:
        table: curves, as `runner.curves` gives them.
        judged: what the experiment is judged by, `scores.judged(recipe, variant)`.
        trivial: the score of the best answer that does not look at the input.
        seconds: the cost of an update of a and of b; if given, both curves are cut at the same time, and `first` is a
            time.

    Raises:
        LookupError: the two have no seed in common.
    """
    of_a, of_b = _curves(table, a), _curves(table, b)
    seeds = sorted(of_a.keys() & of_b.keys())
    if not seeds:
        raise LookupError(f"{a.model} ({a.variant}) and {b.model} ({b.variant}) have no seed in common")
    units = seconds or (1.0, 1.0)
    budget = _budget(of_a, of_b, seeds, units)
    scores, crossed, falls, spacing = [], list[int](), {}, 0.0
    for name, curves, unit in (("a", of_a, units[0]), ("b", of_b, units[1])):
        cut = [_cut(curves[seed], budget / unit) for seed in seeds]
        firsts = [unit * first_below(curve.updates, curve.scores, judged.below) for curve in cut]
        crossed.append(int(np.isfinite(firsts).sum()))
        values = firsts if judged.score == "first" else [_level(curve, judged.score) for curve in cut]
        scores.append(np.minimum(values, budget if judged.score == "first" else trivial))
        if judged.score == "first":
            spacing = max(spacing, unit * max(float(np.diff(curve.updates).max(initial=0)) for curve in cut))
        falls[name] = np.mean([_falls(curve, judged) for curve in cut]) >= 0.5
    difference, low, high = paired(*scores)
    return Comparison(
        judged.score,
        tuple(scores[0].tolist()),
        tuple(scores[1].tolist()),
        difference,
        low - spacing,
        high + spacing,
        len(seeds),
        budget,
        (crossed[0], crossed[1]),
        tuple(name for name, still in falls.items() if still),
    )


def paired(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float, float]:
    """The mean of a - b, and the ends of its 95 % interval, which is infinite for a single pair.

    The differences are drawn again, with replacement, 10,000 times by a fixed generator; the interval goes from the
    2.5 % to the 97.5 % quantile of their means. Of so few differences that is too narrow, so its ends are moved away
    from the mean by the factor by which Student's interval for n normal numbers is wider than the normal one that takes
    their standard deviation, divided by n, for the true one.

    Source: Efron, Tibshirani (1993), An Introduction to the Bootstrap, §12 and §13; the factor, as an adjustment of
    the percentiles, is Hesterberg (2015), What teachers should know about the bootstrap, §5.
    """
    differences = np.asarray(a, float) - np.asarray(b, float)
    n, mean = len(differences), float(differences.mean())
    if n < 2:
        return mean, -np.inf, np.inf
    drawn = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    low, high = np.quantile(differences[drawn].mean(axis=1), (0.025, 0.975))
    wider = np.sqrt(n / (n - 1)) * STUDENT[min(n - 1, len(STUDENT)) - 1] / NORMAL
    return mean, float(mean + wider * (low - mean)), float(mean + wider * (high - mean))


def _curves(table: Table, side: Side) -> dict[float, Curve]:
    """By seed."""
    rows = table.where(variant=side.variant, model=side.model)
    runs = {seed: rows.where(seed=seed) for (seed,) in rows.each("seed")}
    return {seed: Curve(run["update"], run["score"], str(run["status"][-1])) for seed, run in runs.items()}


def _budget(a: dict[float, Curve], b: dict[float, Curve], seeds: list[float], units: tuple[float, float]) -> float:
    """The shorter of the two: the end of a run that made all its updates. One that was solved or diverged had more."""
    sides = ((a, units[0]), (b, units[1]))
    ends = [(float(unit * side[seed].updates[-1]), side[seed].status) for side, unit in sides for seed in seeds]
    return min((end for end, status in ends if status == "done"), default=max(end for end, _ in ends))


def _cut(curve: Curve, updates: float) -> Curve:
    """Its rows up to the budget."""
    kept = curve.updates <= updates * (1 + 1e-9)  # a budget in seconds, divided by the cost, is an update again
    status = curve.status if kept.all() else "done"
    return Curve(curve.updates[kept], curve.scores[kept], status, float(curve.scores[~kept].min(initial=inf)))


def _level(curve: Curve, score: Score) -> float:
    """The lowest score, or the last; infinite where the run diverged."""
    if curve.status == "diverged":
        return np.inf
    return float(curve.scores.min() if score == "best" else curve.scores[-1])


def _falls(curve: Curve, judged: Judged) -> bool:
    """Whether the run would do better in a longer time, as its rows there show or the later ones prove.

    One that reached its goal or diverged cannot.
    """
    lowest = float(np.min(curve.scores))
    crossed = judged.score == "first" and lowest < judged.below
    lower_later = curve.later < (1 - LINE_FALLS) * lowest
    return not crossed and curve.status == "done" and (lower_later or falling(curve.updates, curve.scores))
