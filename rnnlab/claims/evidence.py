"""Where a part's number comes from: recorded runs, each model's curves compared by one method, and figures' tables."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlab.claims.crossings import Crossings, crossings
from rnnlab.claims.history import RULED
from rnnlab.claims.number import Number
from rnnlab.experiments.results.comparison import Comparison, Side, compare, paired
from rnnlab.experiments.results.scores import falling, judged, late_line
from rnnlab.experiments.results.tables import RUNS, UPDATE_COST, is_recorded, own_copy, read, update_cost
from rnnlab.gallery.figures import FIGURES, recipe
from rnnlab.table import Table

T = TypeVar("T")

CURVES = {named: figure for figure in FIGURES if (named := recipe(figure)) and figure != "gradient_while_learning"}
"""The table of the learning curves of each recipe."""


class NotRunError(LookupError):
    """A run that a part needs has not been recorded since its rule was committed."""


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
        self._measured: dict[tuple[Any, ...], Any] = {}

    def table(self, name: str) -> Table:
        """A recorded table, or that of a figure, computed now."""
        if name not in self._tables:
            self._tables[name] = self._read(name) if is_recorded(name) else FIGURES[name].compute()
        return self._tables[name]

    def once(self, measure: Callable[..., T], *settings: Any) -> T:
        """What a measure of several parts gives with these settings, measured once."""
        key = (measure, *settings)
        if key not in self._measured:
            self._measured[key] = measure(*settings)
        found: T = self._measured[key]
        return found

    def _read(self, name: str) -> Table:
        own = own_copy(name, self.out)
        if own is not None:
            self.own.append(own)
        return read(name, self.out)

    @cached_property
    def all_runs(self) -> Table:
        """A row for every recorded run."""
        return self._read(RUNS)

    @cached_property
    def runs_since(self) -> Table:
        """The runs that ended after the rules of the trained parts were committed."""
        runs = self.all_runs
        since = runs["ended"].astype(str) > RULED if "ended" in runs.columns else np.zeros(len(runs), bool)
        return runs.rows(since)

    def runs(self, recipe: str, variant: str, model: str) -> Table:
        """The runs of one model in one variant since the rules, a row for each seed.

        Raises:
            NotRunError: there is none.
        """
        rows = self.runs_since.where(recipe=recipe, variant=variant, model=model)
        if not len(rows):
            raise NotRunError(f"{model} has not been run on {recipe}, {variant}, since the rules were committed")
        return rows

    def bests(self, recipe: str, variant: str, model: str) -> NDArray[np.float64]:
        """The lowest score of every recorded seed, before the rules too; of a run that diverged, infinity.

        Raises:
            NotRunError: there is none.
        """
        rows = self.all_runs.where(recipe=recipe, variant=variant, model=model)
        if not len(rows):
            raise NotRunError(f"{model} has not been run on {recipe}, {variant}")
        return np.where(rows["status"] == "diverged", np.inf, rows["best"]).astype(float)

    def curves(self, recipe: str, side: Side) -> Table:
        """The learning curves of those runs.

        Raises:
            NotRunError: there is none that ends where its run does: the two tables are not of the same runs.
        """
        runs = self.runs(recipe, *side)
        rows = self.table(CURVES[recipe]).where(variant=side.variant, model=side.model)
        whole = [
            seed
            for seed, updates in runs.each("seed", "updates")
            if rows.where(seed=seed)["update"].max(initial=-1) == updates
        ]
        if not whole:
            raise NotRunError(f"{CURVES[recipe]} has no curve of the runs of {side.model}, {side.variant}")
        return rows.rows(np.isin(rows["seed"], whole))

    def compared(self, recipe: str, a: Side, b: Side, seconds: tuple[float, float] | None = None) -> Comparison:
        """Model a against model b by the score that judges the recipe, at their common budget.

        Raises:
            NotRunError: one of them has not been run, or not with the same seeds.
        """
        curves = self.curves(recipe, a).above(self.curves(recipe, b)) if a != b else self.curves(recipe, a)
        if a.variant == b.variant:
            curves = self._of_the_same_data(recipe, curves, a, b)
        try:
            return compare(curves, judged(recipe, b.variant), a, b, trivial=self.trivial(recipe, b), seconds=seconds)
        except LookupError as none:
            raise NotRunError(str(none)) from none

    def _of_the_same_data(self, recipe: str, curves: Table, a: Side, b: Side) -> Table:
        """The curves of those seeds whose trivial answer is the same for both: characters are of Python's own texts."""
        baselines = [dict(self.runs(recipe, *side).each("seed", "baseline")) for side in (a, b)]
        same = [seed for seed, value in baselines[0].items() if baselines[1].get(seed) == value]
        return curves.rows(np.isin(curves["seed"], same))

    def cost(self, recipe: str, variant: str, model: str) -> float:
        """Seconds of an update, measured by itself.

        Raises:
            NotRunError: the model has not been run, or this has not been measured.
        """
        self.runs(recipe, variant, model)
        try:
            return update_cost(self.table(UPDATE_COST), recipe, variant, model)
        except LookupError as none:
            raise NotRunError(str(none)) from none

    def trivial(self, recipe: str, side: Side) -> float:
        """The score of the best answer that does not look at the input."""
        return float(self.runs(recipe, *side)["baseline"][0])

    def less(self, recipe: str, a: Side, b: Side, seconds: tuple[float, float] | None = None) -> Number:
        """By how much a's score is above b's, as a share of b's mean: `Number.less` of the two.

        Raises:
            NotRunError: see `compared`.
            CannotTellError: see `Number.less`.
        """
        return Number.less(self.compared(recipe, a, b, seconds), self.trivial(recipe, b))

    def less_than_ended(self, recipe: str, a: Side, b: Side) -> Number:
        """The same of the lowest scores, where b is a small model that has long stopped falling: each has its budget.

        More updates change nothing for b; if its curves still fall, the number may rise, and is undecided.
        """
        ours, theirs = self.level(recipe, *a), self.level(recipe, *b)
        of_a, of_b = self._bests(recipe, a), self._bests(recipe, b)
        seeds = sorted(of_a.keys() & of_b.keys())
        if not seeds:
            raise NotRunError(f"{a.model} and {b.model} have no seed in common")
        pairs = np.array([(of_a[seed], of_b[seed]) for seed in seeds])
        may = ours.may | ({"rise"} if theirs.may else set())
        return Number.relative(paired(*pairs.T), float(pairs[:, 1].mean()), len(seeds), frozenset(may))

    def nearer(self, recipe: str, a: Side, b: Side, c: Side) -> Number:
        """How much farther a's score is from b's than from c's: below 0 it is nearer to b's."""
        to_b, to_c = self.compared(recipe, a, b), self.compared(recipe, a, c)
        if to_b.a != to_c.a:
            raise NotRunError("the three have not been run with the same seeds and for as long")
        gaps = [abs(of_a - of_b) - abs(of_a - of_c) for of_a, of_b, of_c in zip(to_b.a, to_b.b, to_c.b, strict=True)]
        may = frozenset({"fall", "rise"}) if to_b.falling or to_c.falling else frozenset()
        return Number.mean(gaps, may)

    def level(self, recipe: str, variant: str, model: str) -> Number:
        """The mean of the lowest scores of the seeds, at most that of the trivial answer."""
        rows = self.curves(recipe, Side(variant, model))
        runs = [rows.where(seed=seed) for (seed,) in rows.each("seed")]
        best = self._bests(recipe, Side(variant, model))
        falls = [run["status"][-1] == "done" and falling(run["update"], run["score"]) for run in runs]
        if np.mean(falls) < 0.5:
            return Number.mean(list(best.values()))
        pace = -float(np.mean([late_line(run["update"], run["score"]).slope for run in runs]))
        return replace(Number.mean(list(best.values()), frozenset({"fall"})), pace=pace)

    def _bests(self, recipe: str, side: Side) -> dict[float, float]:
        """By seed that has a curve, the lowest score, at most that of the trivial answer, which a diverged run has."""
        curves = self.curves(recipe, side)["seed"]
        return {
            seed: trivial if status == "diverged" else min(trivial, best)
            for seed, status, best, trivial in self.runs(recipe, *side).each("seed", "status", "best", "baseline")
            if seed in curves
        }

    def crossings(self, recipe: str, variant: str, model: str) -> Crossings:
        """When each run was below the threshold of the score that judges the recipe.

        Raises:
            NotRunError: there is no run.
        """
        side = Side(variant, model)
        commands = self.runs(recipe, *side)["command"].tolist()
        return crossings(self.curves(recipe, side), commands, judged(recipe, variant).below)

    def until(self, recipe: str, variant: str, model: str, since: str = RULED) -> Number:
        """Updates until the score was below the threshold, as a share of the budget: the mean of the seeds.

        A run that never got there counts as one row of the log more than the budget; if it still falls, more updates
        may get it there. An interval that reaches beyond the budget has no upper end.

        Raises:
            NotRunError: there is no run, or one of them ended before `since`.
        """
        if min(self.runs(recipe, variant, model)["ended"]) <= since:
            raise NotRunError(f"not all runs of {model} on {recipe}, {variant}, ended after {since}")
        firsts, budget, row, falls = self.crossings(recipe, variant, model)
        shares = np.minimum(firsts, budget + row) / budget
        found = Number.mean(shares)
        low, high = max(found.low, 0.0), min(found.high, float(shares.max()))
        may = frozenset(move for move, does in (("fall", falls), ("more", high > 1)) if does)
        return replace(found, low=low, high=high, kind="percent", may=may, budget=budget)
