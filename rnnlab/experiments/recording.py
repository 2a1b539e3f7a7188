"""What is kept of runs that have ended: their curves, thinned and rounded, so that all of them stay a few megabytes."""

from collections.abc import Container, Iterable, Mapping
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.recipe import Entry
from rnnlab.experiments.run import without_goals
from rnnlab.table import Table

COMMON, LATER = 30_000, 40
"""Updates up to which all rows are kept, those that all models make; and the number of later rows."""
DIGITS = 6
"""Significant digits of what was measured."""


def thinned(curves: Table) -> Table:
    """Curves as they are recorded: all rows up to update 30,000, of the later ones 40, evenly spaced, with the last.

    Recipes log at most about 80 rows up to there, so that a run has at most about 120. Losses, norms and times are
    rounded to six digits; the score is as it was measured, and that of the last row is the run's.
    """
    if not len(curves):
        return curves
    kept = curves["update"] <= COMMON
    for variant, model, seed in curves.each("variant", "model", "seed"):
        mine = (curves["variant"] == variant) & (curves["model"] == model) & (curves["seed"] == seed)
        later = np.flatnonzero(mine & ~kept)
        if len(later):
            kept[later[np.unique(np.linspace(0, len(later) - 1, LATER).round().astype(int))]] = True
    rows = curves.rows(kept).columns
    return Table(rows | {name: _rounded(rows[name]) for name in ("loss", "norm", "seconds")})


def _rounded(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """Numbers with six significant digits."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in column.tolist()])


KEY, PILOT = ("variant", "model", "seed"), ("variant", "model", "command")
"""The columns that tell the runs of a recipe apart, and its pilot runs."""


def current(runs: Table, entries: Iterable[Entry]) -> dict[tuple[str, str, float], float]:
    """Of recorded runs of a recipe those that its entries still mean, each with the updates that it made.

    A run that says when it ended, and has an entry's command, is the one that the entry would be. Where it was solved
    or diverged it has no more to make: its updates are infinite.
    """
    commands = {one.key: without_goals(one.run.command) for one in entries}
    found: dict[tuple[str, str, float], float] = {}
    for *key, command, ended, status, updates in runs.each(
        "variant", "model", "seed", "command", "ended", "status", "updates"
    ):
        variant, model, seed = key
        if ended and commands.get((variant, model, seed)) == without_goals(command):
            found[variant, model, seed] = updates if status == "done" else inf
    return found


def shorter_than(own: Table, made: Mapping[tuple[str, str, float], float]) -> set[tuple[str, str, float]]:
    """Of one's own runs those that made fewer updates than the same recorded run, and might still go on."""
    rows = own.each(*KEY, "status", "updates")
    return {(*key,) for *key, status, updates in rows if status == "done" and updates < made.get((*key,), 0)}


def older(runs: Table, planned: Container[str], newer: Container[str]) -> set[tuple[str, str, float]]:
    """Of recorded runs of a recipe those that are older than it is now, of variants that are still planned.

    They stay until one of their variant is newer, and then go together.
    """
    keys = runs.each("variant", "model", "seed", "ended")
    return {(*key,) for *key, ended in keys if not ended and key[0] in planned and key[0] not in newer}


def joined(own: Table, recorded: Table, kept: Container[tuple[Any, ...]], *names: str) -> Table:
    """One's own rows, then those recorded rows whose `names` are `kept` and not among one's own."""
    mine = set(own.each(*names)) if len(own) else set()
    keys = zip(*(recorded[name].tolist() for name in names), strict=True)
    rows = np.array([key in kept and key not in mine for key in keys], bool)
    others = recorded.rows(rows)
    return own.above(others) if len(own) and len(others) else own if len(own) else others


def with_rows(table: Table, recorded: Table | None, recipe: str) -> Table:
    """The recorded table with the rows of one recipe replaced, all of them at once."""
    if recorded is None or not len(recorded):
        return table
    others = recorded.without(recipe=recipe)
    return others.above(table) if len(others) else table
