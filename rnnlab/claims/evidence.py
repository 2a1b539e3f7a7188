"""Where a claim's numbers come from: figures computed on the spot, and the recorded runs of the experiments."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.experiments import runner
from rnnlab.gallery.adding_problem import SOLVED
from rnnlab.gallery.publish import FIGURES, RUNS, columns, read_recorded, recorded_path
from rnnlab.table import Table


class NotRunError(LookupError):
    """A run that a claim needs has not been recorded."""


class Evidence:
    """The tables that the claims are judged by.

    Attributes:
        out: the folder whose recorded tables come before those of the package.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._tables: dict[str, Table] = {}

    def table(self, figure: str) -> Table:
        """A figure's table: recorded where it is, else computed now.

        Raises:
            NotRunError: it should be recorded, and is not.
        """
        if figure not in self._tables:
            module = FIGURES[figure]
            path = recorded_path(f"{figure}.csv", self.out)
            if not columns(module):
                self._tables[figure] = module.compute()
            elif path is not None:
                self._tables[figure] = read_recorded(path, columns(module))
            else:
                raise NotRunError(f"{figure} has not been recorded")
        return self._tables[figure]

    @cached_property
    def all_runs(self) -> Table:
        """A row for every recorded run."""
        path = recorded_path(RUNS, self.out)
        if path is None:
            raise NotRunError("no runs have been recorded")
        return read_recorded(path, runner.RUNS)

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
