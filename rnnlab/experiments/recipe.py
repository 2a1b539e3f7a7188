"""What a recipe is: a list of runs, and the pilot runs that choose their rates, with seeds that are never scored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal

import numpy as np

from rnnlab.experiments.results.scores import judged
from rnnlab.experiments.results.tables import PILOTS, is_recorded, read
from rnnlab.experiments.run import Run
from rnnlab.table import Table

Size = Literal["quick", "paper"]
SIZES = ("quick", "paper")

GRID = (4e-5, 2e-4, 1e-3, 5e-3)
"""The learning rates that the pilots of every model try: Adam's usual 1e-3, and fives from it."""
WIDER_GRID = (*GRID, 2.5e-2)
"""Those where 5e-3 was the best of four for most models: of phonemes and of stacks."""
PILOT_SEEDS = (100,)
"""Never scored; the scored runs have the seeds 0, 1, …"""


@dataclass(frozen=True)
class Entry:
    """A run in a recipe.

    Attributes:
        variant: the group of runs to compare: a length, an order, a depth.
        model: its name there.
        run: what to do; its seed is the entry's.
        pilot: the variant whose pilot runs choose its learning rate; none if empty.
        before: the variants whose pilot runs choose instead, each if nothing that those before it tried learned
            anything: shorter tasks, the next shorter one first.
        varied: of a pilot run, what it tries: {"lr": 2e-4}.
    """

    variant: str
    model: str
    run: Run
    pilot: str = ""
    before: tuple[str, ...] = ()
    varied: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, float]:
        """What tells it apart from the other runs of its recipe, as the tables have it."""
        return self.variant, self.model, float(self.run.seed)

    @property
    def name(self) -> str:
        """The name of its folder."""
        words = f"{self.variant} {self.model} {self.tries} seed {self.run.seed}"
        return "".join(letter if letter.isalnum() or letter in ".=" else "-" for letter in " ".join(words.split()))

    @property
    def tries(self) -> str:
        """What it varies in words, as in the table of the pilots: lr=0.0002 forget_bias=4."""
        return " ".join(
            f"{name}={value if isinstance(value, str) else f'{value:g}'}" for name, value in self.varied.items()
        )


@dataclass(frozen=True)
class Recipe:
    """An experiment in two sizes.

    Attributes:
        about: what is run, and what is smaller than in the papers.
        quick, paper: the runs; those of `paper` before the pilots have chosen for them.
        name: its name in `RECIPES`.
        pilots: the pilot runs.
        one_rate: whether all models of a variant have the same learning rate, the best for them on average.
    """

    about: str
    quick: tuple[Entry, ...]
    paper: tuple[Entry, ...]
    name: str = ""
    pilots: tuple[Entry, ...] = ()
    one_rate: bool = False

    def entries(self, size: Size, pilots: Table | None = None) -> tuple[Entry, ...]:
        """The runs, each with what its pilots chose: those in `pilots`, or else the recorded ones.

        Raises:
            ValueError: pilots that they need have not been run.
        """
        declared = self.paper if size == "paper" else self.quick
        if not any(entry.pilot for entry in declared) or not self.pilots:
            return declared
        if pilots is None:
            pilots = read(PILOTS) if is_recorded(PILOTS) else Table.of("recipe", [])
        return tuple(self.tuned(entry, pilots) if entry.pilot else entry for entry in declared)

    def ready(self, pilots: Table) -> tuple[Entry, ...]:
        """Those of the paper's size whose pilots are all in the table."""
        found = []
        for entry in self.paper:
            try:
                found.append(self.tuned(entry, pilots) if entry.pilot else entry)
            except ValueError:
                continue
        return tuple(found)

    def tuned(self, entry: Entry, pilots: Table) -> Entry:
        """The entry with what its pilots chose."""
        run = entry.run
        for variant in (entry.pilot, *entry.before):
            rivals = self._rivals(entry, variant)
            run = with_tried(entry.run, best(self.name, rivals, pilots))
            if _learned(self.name, rivals, pilots):
                break
        return replace(entry, run=run)

    def _rivals(self, entry: Entry, variant: str) -> list[Entry]:
        """The pilots of a variant among which the entry's rate is chosen."""
        return [one for one in self.pilots if one.variant == variant and (self.one_rate or one.model == entry.model)]


def best(recipe: str, rivals: Iterable[Entry], pilots: Table) -> Mapping[str, Any]:
    """Of what the pilot runs `rivals` tried, that which did best: the rule by which every scored run is set.

    It is the one with the lowest score of those that judge the recipe (`scores.SCORE`), all after the same number of
    updates, as a mean over the pilots' seeds, and over the models where all have one rate. For `first` a run that never
    crossed the threshold, or diverged, counts as the whole budget; where that decides nothing, the lowest `best` does,
    where a run that diverged, or is worse than the best answer that does not look at the input, counts as that answer.
    Of equal ones it is the first that is tried, which has the lowest rate.

    Raises:
        ValueError: not all of them have been run.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    settings: dict[str, Mapping[str, Any]] = {}
    rows = pilots.where(recipe=recipe) if len(pilots) else pilots
    for one in rivals:
        row = rows.where(variant=one.variant, model=one.model, command=one.run.command) if len(rows) else rows
        if not len(row):
            raise ValueError(
                f"the learning rate of {one.model} on {recipe}, {one.variant}, is chosen by pilot runs, and that with "
                f"{one.tries} has not been made: rnnlab experiments {recipe} --pilots"
            )
        budget, trivial = float(one.run.updates), float(row["baseline"][0])
        diverged = row["status"][0] == "diverged"
        first, lowest = (inf, inf) if diverged else (float(row["first"][0]), float(row["best"][0]))
        lowest = min(lowest, trivial)
        first = min(first, budget) if judged(recipe, one.variant).score == "first" else 0.0
        found.setdefault(one.tries, []).append((first, lowest))
        settings[one.tries] = one.varied
    means = {tries: tuple(np.mean(scores, axis=0)) for tries, scores in found.items()}
    return settings[min(means, key=lambda tries: means[tries])]


def _learned(recipe: str, rivals: Iterable[Entry], pilots: Table) -> bool:
    """Whether one of these was better than the best answer that does not look at the input."""
    rows = pilots.where(recipe=recipe)
    of_rivals = rows.rows(np.isin(rows["command"], [one.run.command for one in rivals]))
    return bool(np.any((of_rivals["best"] < of_rivals["baseline"]) & (of_rivals["status"] != "diverged")))


def tried(
    entries: Iterable[Entry],
    updates: int,
    more: Mapping[str, list[dict[str, Any]]] | None = None,
    grid: tuple[float, ...] = GRID,
) -> list[Entry]:
    """The pilot runs of entries: each with every rate of the grid, and with what else is tried of a model, `more`."""
    rates: list[dict[str, Any]] = [{"lr": rate} for rate in grid]
    return [
        replace(entry, run=with_tried(replace(entry.run, updates=updates, seed=seed), one), pilot="", varied=one)
        for seed in PILOT_SEEDS
        for entry in entries
        for one in [*rates, *(more or {}).get(entry.model, [])]
    ]


def with_tried(run: Run, varied: Mapping[str, Any]) -> Run:
    """The run with what a pilot varied: its own fields, and its task's options."""
    own = {name for name in varied if hasattr(run, name)}
    data = {name: value for name, value in varied.items() if name not in own}
    return replace(run, data={**run.data, **data}, **{name: varied[name] for name in own})


def seeded(entries: Iterable[Entry], seeds: int) -> list[Entry]:
    """Every entry once for each seed, all entries with the first seed before any with the second."""
    every = list(entries)
    return [replace(entry, run=replace(entry.run, seed=seed)) for seed in range(seeds) for entry in every]
