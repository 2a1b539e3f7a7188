"""In which order the experiments are run, so that something is decided soon, and how long they will take."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rnnlab.experiments.recipe import Entry, Recipe
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.tables import PILOTS, is_recorded, read, update_cost
from rnnlab.experiments.runner import so_far, tries
from rnnlab.table import Table

DECIDE = 3
"""So many seeds of every model come before any more of them: with fewer hardly any difference is decided."""
COMMON = 30_000
"""A run that is to make more updates than this makes so many in its turn, and the rest after all others."""


class Placed(NamedTuple):
    """A run that is to be made.

    Attributes:
        recipe: the name of its recipe.
        entry: the run.
        root: the folder of the recipe's runs.
    """

    recipe: str
    entry: Entry
    root: Path


def pilots(names: Iterable[str], out: Path) -> list[Placed]:
    """The pilot runs of the recipes, in their order."""
    return [Placed(name, entry, out / f"{name}-pilots") for name in names for entry in RECIPES[name].pilots]


def pilot_table(recipe: Recipe, out: Path) -> Table:
    """The recipe's pilots that have ended in `out`; the recorded ones where they have not all."""
    own = tries(recipe.name, recipe.pilots, out / f"{recipe.name}-pilots")
    return read(PILOTS) if len(own) < len(recipe.pilots) and is_recorded(PILOTS) else own


def scored(names: Iterable[str], out: Path, seeds: int | None = None) -> list[Placed]:
    """The scored runs of the recipes, three seeds of all before any more, in the order in which the recipes list them.

    Args:
        seeds: only the first so many of each.

    Raises:
        ValueError: pilots that they need have not been run.
    """
    early, late = [], []
    for name in names:
        for entry in RECIPES[name].entries("paper", pilot_table(RECIPES[name], out)):
            placed = Placed(name, entry, out / f"{name}-paper")
            if seeds is not None and entry.run.seed >= seeds:
                continue
            before = so_far(entry, placed.root)
            if entry.run.updates > COMMON:
                late.append(placed)
                placed = placed._replace(entry=replace(entry, run=replace(entry.run, updates=COMMON)))
            if before is None or before.updates <= placed.entry.run.updates:
                early.append(placed)
    return sorted(early, key=lambda placed: placed.entry.run.seed >= DECIDE) + late


def seconds(placed: Placed) -> float:
    """How long the run takes at most, by the cost of an update; infinite where that was not measured."""
    entry = placed.entry
    try:
        return entry.run.updates * update_cost(placed.recipe, entry.variant, entry.model)
    except LookupError:
        return float("inf")


def hours(runs: Sequence[Placed]) -> float:
    """Of all runs together, on one core that does nothing else; those whose updates were not timed are left out."""
    known = [cost for placed in runs if (cost := seconds(placed)) < float("inf")]
    return sum(known) / 3600
