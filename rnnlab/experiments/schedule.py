"""In which order the experiments are run, so that something is decided soon, and how long they will take."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rnnlab.experiments.recipe import Entry, Recipe
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.recording import COMMON, current
from rnnlab.experiments.results.tables import PILOTS, RUNS, UPDATE_COST, is_recorded, read, update_cost
from rnnlab.experiments.runner import so_far, tries
from rnnlab.table import Table

DECIDE = 3
"""So many seeds of every model come before any more of them: with fewer hardly any difference is decided."""


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


def pilots(name: str, variant: str, out: Path) -> list[Placed]:
    """The pilot runs of a variant that are not in the table yet."""
    known = set(pilot_table(RECIPES[name], out).each("variant", "model", "command"))
    return [
        Placed(name, entry, out / f"{name}-pilots")
        for entry in RECIPES[name].pilots
        if entry.variant == variant and (variant, entry.model, entry.run.command) not in known
    ]


def pilot_table(recipe: Recipe, out: Path) -> Table:
    """The recipe's pilots that have ended in `out`, then the recorded ones."""
    own = tries(recipe.name, recipe.pilots, out / f"{recipe.name}-pilots")
    if not is_recorded(PILOTS):
        return own
    recorded = read(PILOTS).where(recipe=recipe.name)
    return own.above(recorded) if len(own) else recorded


def scored(
    names: Iterable[str], out: Path, seeds: int = sys.maxsize, pilot: str | None = None, *, missing: bool = False
) -> list[Placed]:
    """The scored runs of the recipes whose pilots have been run, in their order; three seeds of all before any more.

    One that is to make more than 30,000 updates makes so many in its turn, and the rest after all others.

    Args:
        seeds: only the first so many of each.
        pilot: only those whose rate comes from the pilots of this variant.
        missing: only those that are not among the recorded ones.
    """
    early, late = [], []
    for name in names:
        entries = RECIPES[name].ready(pilot_table(RECIPES[name], out))
        made = current(read(RUNS).where(recipe=name), entries) if missing else {}
        for entry in entries:
            if entry.run.seed >= seeds or pilot not in (None, entry.pilot):
                continue
            recorded = made.get(entry.key, 0)
            if recorded >= entry.run.updates:
                continue
            placed = Placed(name, entry, out / f"{name}-paper")
            before = so_far(entry, placed.root)
            if entry.run.updates > COMMON:
                late.append(placed)
                placed = placed._replace(entry=replace(entry, run=replace(entry.run, updates=COMMON)))
            if recorded < placed.entry.run.updates and (before is None or before.updates <= placed.entry.run.updates):
                early.append(placed)
    return sorted(early, key=lambda placed: placed.entry.run.seed >= DECIDE) + late


def planned(names: Iterable[str], out: Path, seeds: int = sys.maxsize, *, missing: bool = False) -> list[Placed]:
    """Pilots and scored runs, those too whose pilots have not been run: what is still to do, but for what has ended.

    Args:
        seeds, missing: see `scored`.
    """
    runs, later = list[Placed](), list[Placed]()
    for name in names:
        recipe = RECIPES[name]
        for variant in dict.fromkeys(entry.variant for entry in recipe.pilots):
            runs += pilots(name, variant, out)
        made = current(read(RUNS).where(recipe=name), recipe.ready(pilot_table(recipe, out))) if missing else {}
        wanted = [one for one in recipe.paper if one.run.seed < seeds and made.get(one.key, 0) < one.run.updates]
        later += [Placed(name, entry, out / f"{name}-paper") for entry in wanted]
    return runs + later


def seconds(placed: Placed) -> float:
    """How long the run takes at most, by the cost of an update; infinite where that was not measured."""
    entry = placed.entry
    try:
        return entry.run.updates * update_cost(read(UPDATE_COST), placed.recipe, entry.variant, entry.model)
    except LookupError:
        return float("inf")


def hours(runs: Sequence[Placed]) -> float:
    """Of all runs together, on one core that does nothing else; those whose updates were not timed are left out."""
    known = [cost for placed in runs if (cost := seconds(placed)) < float("inf")]
    return sum(known) / 3600
