"""How runs ended: the three scores of every seed, and how many solved the task or diverged."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from rnnlab.table import Table

SOLVED = 0.01
"""The adding problem is solved where the held-out mean squared error is below this."""
LEARNED = 0.05
"""The same of the initializers' shorter adding problem, where a net has learned something."""
HALF = 45.0
"""Digits and phonemes: about half the error, in %, of always giving the same one."""
BITS = 2.5
"""Characters: bits for each; always giving their shares costs 4.7, and a table of pairs of characters about 3.3."""


@dataclass(frozen=True)
class Ends:
    """How the runs of one model in one variant ended, an entry for each seed.

    Attributes:
        updates, seconds: how far they came, and in what time.
        scores, bests: the last measured and the lowest; infinite where the run diverged.
        firsts: updates until the score was first below a threshold; infinite where it never was.
        solved, diverged: how many did.
    """

    updates: NDArray[np.float64]
    seconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    bests: NDArray[np.float64]
    firsts: NDArray[np.float64]
    solved: int
    diverged: int

    @property
    def score(self) -> float:
        """The median of all, infinite where most diverged."""
        return float(np.median(self.scores))

    @property
    def middle(self) -> float:
        """The median of those that did not diverge; NaN if all did."""
        kept = self.scores[np.isfinite(self.scores)]
        return float(np.median(kept)) if len(kept) else np.nan

    def in_words(self, unit: str = "") -> str:
        """The median score and, of several seeds, the range; of those that did not diverge, if some did."""
        kept = self.scores[np.isfinite(self.scores)]
        if not len(kept):
            return "diverged"
        words = f"{digits(self.middle)}{unit}"
        if digits(kept.min()) != digits(kept.max()):
            words += f" ({digits(kept.min())} to {digits(kept.max())})"
        return f"{self.diverged} of {len(self.scores)} diverged, else {words}" if self.diverged else words


def ends(table: Table, variant: str, model: str, below: float = 0.0) -> Ends | None:
    """How the runs of `model` in `variant` ended, from their curves; None if there are none.

    Args:
        below: the threshold of `firsts`.
    """
    rows = table.where(variant=variant, model=model)
    last = [rows.where(seed=seed) for (seed,) in rows.each("seed")]
    if not last:
        return None
    status = [one["status"][-1] for one in last]
    lost = np.array([how == "diverged" for how in status])
    return Ends(
        np.array([one["update"][-1] for one in last], float),
        np.array([one["seconds"][-1] for one in last], float),
        np.where(lost, np.inf, [one["score"][-1] for one in last]),
        np.where(lost, np.inf, [one["score"].min() for one in last]),
        np.array([first_below(one["update"], one["score"], below) for one in last]),
        status.count("solved"),
        status.count("diverged"),
    )


def first_below(updates: NDArray[np.float64], scores: NDArray[np.float64], below: float) -> float:
    """The first update after which the score was below the threshold; infinity if it never was."""
    crossed = updates[scores < below]
    return float(crossed[0]) if len(crossed) else np.inf


def present(table: Table, models: Iterable[str]) -> list[str]:
    """The models that the table has, in the order of `models`, then any others."""
    there = [model for (model,) in table.each("model")]
    return [model for model in models if model in there] + [model for model in there if model not in set(models)]


def digits(value: float) -> str:
    """Three significant digits, zeros at the end too, so that a range has its ends alike; 66.85 becomes 66.9.

    Rounded as it is written in decimals: 66.85 lies below 66.85 in binary, and a format would make it 66.8.
    """
    if not value:
        return "0"
    if not np.isfinite(value):
        return "∞" if value > 0 else f"{value}"
    exact = Decimal(repr(float(value)))
    rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_UP)
    return f"{float(rounded):#.3g}".rstrip(".")
