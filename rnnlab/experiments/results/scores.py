"""The three scores of a run, which one of them judges each experiment, and whether a curve still falls at its end.

Of every run three scores are kept: `first`, the updates until the held-out score was first below a threshold, infinite
if it never was; `best`, the lowest; and `last`, the one after the last update. One of them, the same for all models,
judges an experiment.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.results.ends import BITS, HALF, LEARNED, SOLVED

Score = Literal["first", "best", "last"]


class Judged(NamedTuple):
    """What an experiment is judged by, the same for all its models.

    Attributes:
        score: which of the three.
        below: the threshold of `first`.
        why: this score, and no other.
    """

    score: Score
    below: float
    why: str


_BEST = (
    "At a rate that stays the same the held-out score goes up and down from row to row, for some models by several "
    "points, and from some time on a limited set of training data is overfitted. The lowest of equally many rows is "
    "what somebody would keep who stops in time"
)
SCORE: dict[str, Judged] = {
    "adding": Judged(
        "first",
        SOLVED,
        "The problem is solved or it is not: curves stay at the baseline and then fall within a few thousand updates. "
        "The last error says little, because a run stops once it has reached 0.001",
    ),
    "pixels": Judged("best", HALF, _BEST),
    "characters": Judged("best", BITS, _BEST),
    "phonemes": Judged("best", HALF, _BEST),
    "stacks": Judged("best", BITS, _BEST),
    "initializers": Judged(
        "first",
        HALF,
        "An initializer is the start of a run, and the claims are of its speed; in the end most nets learn the same",
    ),
}
"""By recipe."""

LINE_FALLS, CERTAIN = 0.05, 2.0
"""A curve falls where a line through it does, by this share of its height and this many standard errors."""
FEWEST = 4
"""Rows through which a line says something."""


def judged(recipe: str, variant: str) -> Judged:
    """What the runs of a variant are judged by; the initializers' RNNs, which learn to add, by `LEARNED`."""
    adds = recipe == "initializers" and " RNN" in variant
    return SCORE[recipe]._replace(below=LEARNED) if adds else SCORE[recipe]


class Line(NamedTuple):
    """The straight line of least squares through the last quarter of a curve.

    Attributes:
        slope: by which the score grows with every update, and error, the slope's standard error.
        height: of the line where the quarter begins.
        length: of the quarter, in updates.
        rows: how many are in it.
    """

    slope: float
    error: float
    height: float
    length: float
    rows: int


def late_line(updates: NDArray[np.float64], scores: NDArray[np.float64]) -> Line:
    """That line; NaN where the quarter has fewer rows than it takes."""
    late = updates >= updates[-1] - (updates[-1] - updates[0]) / 4
    x, y = updates[late], scores[late]
    if len(x) < FEWEST:
        return Line(np.nan, np.nan, np.nan, float(x[-1] - x[0]), len(x))
    x = x - x.mean()
    spread = np.sum(x**2)
    slope = np.sum(x * y) / spread
    error = np.sqrt(np.sum((y - y.mean() - slope * x) ** 2) / (len(x) - 2) / spread)
    return Line(float(slope), float(error), float(y.mean() + slope * x[0]), float(x[-1] - x[0]), len(x))


def falling(updates: NDArray[np.float64], scores: NDArray[np.float64]) -> bool:
    """Whether a curve still falls in the last quarter of its updates.

    It does if the straight line of least squares through the rows there falls from one end of the quarter to the other
    by more than a twentieth of its height at the first, and by more than two of its standard errors. Where there are
    fewer than four rows, the quarter is too short to tell, and the answer is yes.
    """
    line = late_line(updates, scores)
    if line.rows < FEWEST:
        return True
    return -line.slope * line.length > LINE_FALLS * line.height and -line.slope > CERTAIN * line.error
