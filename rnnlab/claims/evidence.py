"""Where a claim's numbers come from: the recorded results, and figures' tables computed on the spot."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.experiments.results.ends import SOLVED
from rnnlab.experiments.results.tables import RUNS, is_recorded, own_copy, read
from rnnlab.gallery.figures import FIGURES
from rnnlab.table import Table


class NotRunError(LookupError):
    """A run that a claim needs has not been recorded."""


def spread(scores: NDArray[np.float64]) -> float:
    """From the lowest to the highest; infinite if a run diverged."""
    return float(np.ptp(scores)) if np.isfinite(scores).all() else np.inf


class Evidence:
    """The tables that the claims are judged by.

    Attributes:
        out: the folder in which a table of one's own comes before the recorded one.
        own: the tables that were found there and differ from the recorded ones.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.own: list[Path] = []
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """A recorded table, or that of a figure, computed now."""
        if name not in self._tables:
            self._tables[name] = self._read(name) if is_recorded(name) else FIGURES[name].compute()
        return self._tables[name]

    def _read(self, name: str) -> Table:
        own = own_copy(name, self.out)
        if own is not None:
            self.own.append(own)
        return read(name, self.out)

    @cached_property
    def all_runs(self) -> Table:
        """A row for every recorded run."""
        return self._read(RUNS)

    def runs(self, recipe: str, variant: str, model: str) -> Table:
        """The runs of one model in one variant, a row for each seed.

        Raises:
            NotRunError: there is none.
        """
        rows = self.all_runs.where(recipe=recipe, variant=variant, model=model)
        if not len(rows):
            raise NotRunError(f"{model} has not been run on {recipe}, {variant}")
        return rows

    def scores(self, recipe: str, variant: str, model: str) -> NDArray[np.float64]:
        """The last score of every seed; of a run that diverged, infinity."""
        rows = self.runs(recipe, variant, model)
        return np.where(rows["status"] == "diverged", np.inf, rows["score"]).astype(float)

    def score(self, recipe: str, variant: str, model: str) -> float:
        """Their median."""
        return float(np.median(self.scores(recipe, variant, model)))

    def solved(self, variant: str, model: str) -> float:
        """The share of the seeds that solved the adding problem."""
        return float(np.mean(self.scores("adding", variant, model) < SOLVED))

    def updates_until(self, figure: str, variant: str, model: str, score: float) -> float:
        """Updates until the held-out score was first below `score`: the median of the seeds, infinity if never."""
        rows = self.table(figure).where(variant=variant, model=model)
        if not len(rows):
            raise NotRunError(f"{model} has not been run on {variant}")
        firsts = []
        for (seed,) in rows.each("seed"):
            one = rows.where(seed=seed)
            below: Array = one["update"][one["score"] < score]
            firsts.append(float(below[0]) if len(below) else np.inf)
        return float(np.median(firsts))
