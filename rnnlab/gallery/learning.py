"""What the figures of the experiments share: an experiment carried out, its curves drawn, its ends in words."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.experiments.recipes import RECIPES, Entry, Size
from rnnlab.experiments.results.ends import Ends, digits, ends, present
from rnnlab.experiments.results.looks import GREY, Look
from rnnlab.experiments.runner import carry_out, curves, outcomes
from rnnlab.gallery import page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ROOT = Path("runs")
"""Where the runs are kept, in the folder that the command is called in; as `rnnlab train --recipe` keeps them."""

ENDS: dict[str, tuple[str, str, str]] = {
    "solved": ("o", "full", "stopped, solved"),
    "done": ("o", "none", "all updates made"),
    "diverged": ("x", "full", "diverged"),
}
"""How a run can end: the marker there, how it is filled, and what the legend says."""

SEEDS = "a marker for each seed, a bar at their median"


def train(
    recipe: str,
    *,
    size: Size = "paper",
    root: Path = ROOT,
    jobs: int | None = None,
    table: Callable[[Iterable[Entry], Path], Table] = curves,
) -> Table:
    """The experiment carried out, or its rest where it was begun before; `table` of its runs.

    Args:
        jobs: runs side by side; as many as there are processors if not given.
    """
    entries, folder = RECIPES[recipe].entries(size), root / f"{recipe}-{size}"
    carry_out(entries, folder, jobs=jobs or os.cpu_count() or 1)
    return table(entries, folder)


def runs(recipe: str, *, size: Size = "paper", root: Path = ROOT) -> Table:
    """A row for every run of the experiment that has ended."""
    return outcomes(recipe, size, RECIPES[recipe].entries(size), root / f"{recipe}-{size}")


def draw_curves(ax: "Axes", table: Table, variant: str, looks: dict[str, Look], *, every: float = 1.0) -> None:
    """A thin line for every run; at its end a dot if it solved the task, a cross if it diverged, else a ring."""
    for model in present(table.where(variant=variant), looks):
        color, line, _ = looks[model]
        rows = table.where(variant=variant, model=model)
        for (seed,) in rows.each("seed"):
            one = rows.where(seed=seed)
            ax.plot(one["update"] / every, one["score"], color=color, ls=line, lw=1.1)
            marker, fill, _ = ENDS[one["status"][-1]]
            last: dict[str, Any] = {"marker": marker, "mfc": color if fill == "full" else "white"}
            ax.plot(one["update"][-1:] / every, one["score"][-1:], color=color, ls="none", ms=4.5, **last)
    if not len(table.where(variant=variant)):
        empty(ax)


def empty(ax: "Axes") -> None:
    """Say that the table has no runs for this panel."""
    ax.text(0.5, 0.5, "not run", color=GREY, ha="center", transform=ax.transAxes)
    ax.set_xticks([])


def key(looks: dict[str, Look], models: Iterable[str]) -> "list[Line2D]":
    """Entries for a legend: the lines of the models."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=looks[model][0], ls=looks[model][1], lw=1.6, marker=looks[model][2], ms=0, label=model)
        for model in models
    ]


def key_to_ends(table: Table) -> "list[Line2D]":
    """Entries for a legend: the markers at the ends of the runs, as many as occur."""
    from matplotlib.lines import Line2D

    found = {status for (status,) in table.each("status")}
    return [
        Line2D([], [], color=GREY, ls="none", marker=marker, fillstyle=fill, ms=4.5, label=words)  # type: ignore[arg-type]
        for status, (marker, fill, words) in ENDS.items()
        if status in found
    ]


def legend(figure: "Figure", table: Table, looks: dict[str, Look]) -> None:
    """One for all panels, above them: the lines of the models, the markers at the ends."""
    handles = [*key(looks, [model for model in present(table, looks) if model in looks]), *key_to_ends(table)]
    columns = len(handles) if len(handles) < 9 else -(-len(handles) // 2)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=3.2)


def draw_ends(ax: "Axes", table: Table, variant: str, looks: dict[str, Look]) -> None:
    """A column for each model: a marker for each seed's last score, a bar at the median, a cross on top if diverged."""
    models = present(table.where(variant=variant), looks)
    for place, model in enumerate(models):
        color, _, marker = looks[model]
        end = ends(table, variant, model)
        if end is None:
            continue
        ax.plot(np.full(len(end.scores), place), end.scores, marker, color=color, ms=6, mfc="none", mew=1.4)
        mark_diverged(ax, place, end, color)
        if np.isfinite(end.middle):
            ax.plot([place - 0.24, place + 0.24], [end.middle, end.middle], color=color, lw=2.2)
            ax.text(place + 0.28, end.middle, digits(end.middle), va="center", fontsize=7.5)
    ax.set_xticks(range(len(models)), models, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, max(len(models), 1) - 0.2)
    ax.grid(axis="x", visible=False)
    ax.margins(y=0.12)
    if not models:
        empty(ax)


def mark_diverged(ax: "Axes", x: float, end: Ends, color: str, *, row: int = 0) -> None:
    """A cross at the top of the panel, since a run that diverged has no score; `row` rows below the highest."""
    if end.diverged:
        ax.plot([x], [0.97 - 0.04 * row], "x", color=color, ms=6, mew=1.6, transform=ax.get_xaxis_transform())


def baseline(ax: "Axes", value: float, words: str, *, side: str = "right", va: str = "bottom") -> None:
    """A dotted line with its name above or below it, at one of its ends."""
    ax.axhline(value, color=GREY, lw=1, ls=(0, (1, 2)))
    ax.annotate(
        words,
        (1.0 if side == "right" else 0.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(-2 if side == "right" else 4, 2 if va == "bottom" else -3),
        textcoords="offset points",
        ha=side,
        va=va,
        fontsize=7.5,
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
    )


def label_right(ax: "Axes", labels: Iterable[tuple[float, str, str]], *, size: float = 8.0) -> None:
    """Direct labels (y, words, colour) right of the panel, each as near to its y as the others leave room.

    To be called last, after `figure.draw_without_rendering()`: the places are those of the limits and the layout then.
    """
    low, high = sorted(ax.get_ylim())
    scale = ax.transScale + ax.transLimits
    wanted = [
        (float(scale.transform((1.0, min(max(y, low), high)))[1]), words, color)
        for y, words, color in sorted(labels, key=lambda one: one[0])
    ]
    gap = 1.25 * size / 72 * ax.figure.dpi / ax.bbox.height  # points, inches, pixels, parts of the panel
    places: list[float] = []
    for place, *_ in wanted:
        places.append(max(place, places[-1] + gap) if places else place)
    ceiling = 1.0
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], ceiling)
        ceiling = places[number] - gap
    for place, (_, words, color) in zip(places, wanted, strict=True):
        ax.text(1.015, place, words, color=color, fontsize=size, va="center", ha="left", transform=ax.transAxes)


def curves_and_ends(
    table: Table, variant: str, looks: dict[str, Look], *, every: float = 1.0, line: str | None = None
) -> "tuple[Figure, tuple[Axes, Axes]]":
    """A page with the curves of one variant on the left, and how they ended on the right.

    Args:
        line: a model that has no column on the right: so far above the others that they would lie in one another.
    """
    figure, (left, right) = page.page(1, 2, height=4.9)
    draw_curves(left, table, variant, looks, every=every)
    draw_ends(right, table if line is None else table.without(model=line), variant, looks)
    left.set(title="as they learn", xlabel="updates" if every == 1 else "thousands of updates")
    right.set(title="after the last update", xlabel=SEEDS)
    legend(figure, table, looks)
    return figure, (left, right)


def summaries(table: Table, variant: str, looks: Iterable[str]) -> str:
    """Every model with its score, and those that were not run."""
    found = {model: ends(table, variant, model) for model in present(table.where(variant=variant), looks)}
    said = ", ".join(f"{model} {end.in_words()}" for model, end in found.items() if end is not None)
    return f"{said}{not_run(found, looks)}" if found else "none was run"


def not_run(found: Iterable[str], looks: Iterable[str]) -> str:
    """The models that are missing, as the end of a sentence."""
    missing = [model for model in looks if model not in set(found)]
    return f"; not run: {', '.join(missing)}" if missing else ""


def budget(table: Table) -> str:
    """Runs, seeds, updates and time, in words."""
    every = [ends(table, variant, model) for variant, model in table.each("variant", "model")]
    known = [end for end in every if end is not None]
    seconds = np.concatenate([end.seconds for end in known])
    updates = max(end.updates.max() for end in known)
    seeds = sorted({len(end.scores) for end in known})
    how_many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    diverged = sum(end.diverged for end in known)
    failed = f"of which {diverged} diverged" if diverged else "none of which diverged"
    hours = seconds.sum() / 3600
    return (
        f"{len(seconds)} run{'s' * (len(seconds) > 1)}, {how_many} seed{'s' * (seeds[-1] > 1)} of each and at most "
        f"{updates:,.0f} updates, {failed}, in {hours:.1f} hours of one core"
    )
