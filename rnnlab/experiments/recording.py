"""What is kept of runs that have ended: their curves, thinned and rounded, so that all of them stay a few megabytes."""

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.schedule import COMMON
from rnnlab.table import Table

LATER = 40
"""Rows of a run that are kept after the updates that all models make."""
DIGITS = 6
"""Significant digits of what was measured."""


def thinned(curves: Table) -> Table:
    """Curves as they are recorded: all rows up to update 30,000, of the later ones 40, evenly spaced, with the last.

    Recipes log at most about 80 rows up to there, so that a run has at most about 120. Losses, scores, norms and times
    are rounded to six digits.
    """
    if not len(curves):
        return curves
    kept = curves["update"] <= COMMON
    for variant, model, seed in curves.each("variant", "model", "seed"):
        mine = (curves["variant"] == variant) & (curves["model"] == model) & (curves["seed"] == seed)
        later = np.flatnonzero(mine & ~kept)
        if len(later):
            kept[later[np.unique(np.linspace(0, len(later) - 1, LATER).round().astype(int))]] = True
    return Table({name: _rounded(column[kept]) for name, column in curves.columns.items()})


def _rounded(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """Numbers with six significant digits."""
    if column.dtype.kind != "f":
        return column
    return np.array([float(f"{value:.{DIGITS}g}") for value in column.tolist()])


def with_rows(table: Table, recorded: Table | None, recipe: str) -> Table:
    """The recorded table with the rows of one recipe replaced, all of them at once."""
    if recorded is None or not len(recorded):
        return table
    others = recorded.without(recipe=recipe)
    return others.above(table) if len(others) else table
