"""The page of models compared on one task: a dot plot with its baselines, and small beside it how they learn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.experiments.results.ends import digits, present
from rnnlab.experiments.results.looks import GREY
from rnnlab.experiments.results.scores import judged
from rnnlab.gallery import dots, learning, page
from rnnlab.gallery.dots import Row
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHICH = {"best": "lowest", "last": "last"}
"""How an axis says which of a run's scores it shows."""
LONGER = 1.5
"""A model has dots with all its updates, too, if they are more than so many times those that all had."""

FAR = 4
"""The curves have a logarithmic axis of updates where somebody went on for so many times those that all had."""


@dataclass(frozen=True)
class Band:
    """One variant: its rows, and what they are compared with.

    Attributes:
        rows: at the number of updates that all models had, and with all of them for a model that had more.
        levels: the scores of models that are no rows, and of the best answer without looking at the input.
        models: those of the rows that were run.
        updates: those that all of them had.
        longer: the updates of those that had more.
    """

    variant: str
    rows: list[Row]
    levels: dict[str, float]
    models: list[str]
    updates: float
    longer: dict[str, float]

    @property
    def sorted(self) -> list[Row]:
        """The rows that have a median, the best first."""
        return sorted((row for row in self.rows if np.isfinite(row.middle)), key=lambda row: row.middle)

    @property
    def best(self) -> Row | None:
        """The row with the lowest median."""
        return next(iter(self.sorted), None)

    @property
    def when(self) -> str:
        """At how many updates the rows are compared, where some had more, as the end of a phrase."""
        return f" after {self.updates:,.0f} updates" if self.longer else ""

    def below(self, level: str) -> int:
        """How many rows have a median below the level."""
        return sum(row.middle < self.levels[level] for row in self.sorted)


def band(
    table: Table, recipe: str, variant: str, models: Sequence[str], levels: dict[str, float], aside: Sequence[str] = ()
) -> Band:
    """The rows of a variant: cut at the updates that all models had, and whole for those that had more.

    A run that diverged or was solved before does not make that budget smaller.

    Args:
        aside: models of the variant that are no rows: they are levels.
    """
    here = table.where(variant=variant)
    others = [model for model in present(here, models) if model not in models and model not in aside]
    names = [*models, *others]
    there = [model for model in names if model in set(here["model"])]
    longest = {model: float(here.where(model=model)["update"].max()) for model in there}
    done = here.where(status="done")
    whole = [float(done.where(model=model)["update"].max(initial=0.0)) for model in there]
    common = min((updates for updates in whole if updates), default=max(longest.values(), default=0.0))
    cut = here.rows(here["update"] <= common)
    rows = []
    for row in learning.rows(cut, recipe, variant, names):
        more = bool(common) and longest.get(row.name, 0) > LONGER * common
        whole_run = np.array(learning.scores(here, recipe, variant, row.name) if more else ())
        rows.append(replace(row, longer=whole_run))
    longer = {model: updates for model, updates in longest.items() if updates > LONGER * common}
    return Band(variant, rows, levels, there, common, longer)


def budgets(bands: Sequence[Band]) -> str:
    """At how many updates the models are compared, and who went on for how long; empty if none did."""
    said = []
    for one in bands:
        if one.longer:
            whole = ", ".join(f"{model} {updates:,.0f}" for model, updates in one.longer.items())
            said.append(f"{one.variant} after {one.updates:,.0f} updates (filled: {whole})")
    return f" Compared at the updates that all had: {'; '.join(said)}." if said else ""


def level(table: Table, recipe: str, variant: str, model: str) -> float | None:
    """The median score of a model that is drawn as a line; None if it has none."""
    kept = [score for score in learning.scores(table, recipe, variant, model) if np.isfinite(score)]
    return float(np.median(kept)) if kept else None


def draw(
    table: Table,
    recipe: str,
    bands: Sequence[Band],
    findings: Sequence[str],
    *,
    measure: str,
    limits: tuple[float, float],
    curves: tuple[float, float],
    ticks: Sequence[float] = (),
    up: bool = False,
) -> "Figure":
    """For each band its dots, and right of them its curves, each panel under what it shows.

    Args:
        measure: what the scores are, with their unit.
        limits: of the axis of the dots; curves: of that of the curves.
        ticks: of axes that are logarithmic; without, they are linear.
        up: whether the curves say who ends above its lowest score, see `learning.pace`.
    """
    ratios = [0.4 + 0.24 * (len(one.rows) + 0.75 * len(one.levels)) for one in bands]
    shares = {"height_ratios": ratios, "width_ratios": [1.25, 1]}
    figure, panels = page.page(len(bands), 2, height=sum(ratios) + 1.15 * len(bands), width=7, gridspec_kw=shares)
    figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
    for left, right, one, found in zip(panels[::2], panels[1::2], bands, findings, strict=True):
        named = {f"{name}: {digits(value)}": value for name, value in one.levels.items()}
        dots.draw_rows(left, one.rows, named, limits=limits, log=bool(ticks))
        left.set_xlabel(f"{WHICH[judged(recipe, one.variant).score]} {measure}")
        page.headline(left, found, 3.6)
        _draw_curves(right, table, one, bool(ticks), up)
        right.set(ylabel=measure, ylim=curves)
        for ax, axis in ((left, left.xaxis), (right, right.yaxis)):
            if ticks:
                axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
                ax.minorticks_off()
    figure.draw_without_rendering()
    for right, one in zip(panels[1::2], bands, strict=True):
        learning.label_curves(right, table, one.variant, one.models)
    return figure


def _draw_curves(ax: "Axes", table: Table, one: Band, log: bool, up: bool) -> None:
    here = table.where(variant=one.variant)
    most = max((float(here.where(model=model)["update"].max()) for model in one.models), default=1.0)
    unit = 1000 if most >= 5000 else 1
    if one.longer and max(one.longer.values()) > FAR * one.updates:  # else the others would be a line on the left
        first = float(here["update"][here["update"] > 0].min())
        ax.set(xscale="log", xlim=(0.8 * first / unit, 1.15 * most / unit))
        ax.xaxis.set_major_formatter("{x:g}")
    learning.draw_curves(ax, table, one.variant, one.models, every=unit)
    for value in one.levels.values():
        ax.axhline(value, color=GREY, lw=1.1, ls=(0, (1, 2)), zorder=1)
    if log:
        ax.set_yscale("log")
    page.headline(ax, learning.pace(table, one.variant, one.models, up=up), 2.2)
