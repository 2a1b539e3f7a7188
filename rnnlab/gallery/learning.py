"""What the figures of the experiments share: an experiment carried out, and the look and the ends of its curves."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rnnlab.experiments.recipes import RECIPES, Entry, Size
from rnnlab.experiments.runner import carry_out, curves, outcomes
from rnnlab.gallery import page
from rnnlab.table import Table

ROOT = Path("runs")
"""Where the runs are kept, in the folder that the command is called in; as `rnnlab train --recipe` keeps them."""

Look = tuple[str, Any, str]
LOOKS: dict[str, Look] = {
    "tanh RNN": (page.RED, (0, (5, 1.5)), "v"),
    "ReLU RNN": (page.SKY, (0, (3, 1, 1, 1)), "P"),
    "IRNN": (page.GREEN, "-", "D"),
    "IRNN, 0.01 I": (page.BLACK, (0, (4, 1, 1, 1, 1, 1)), "X"),
    "LSTM": (page.PURPLE, ":", "s"),
    "GRU": (page.BLUE, "--", "o"),
    "IndRNN": (page.ORANGE, "-.", "^"),
    "IndRNN residual": (page.GREEN, "-", "<"),
    "IndRNN residual, batch norm": (page.BLACK, (0, (4, 1, 1, 1, 1, 1)), ">"),
    "tanh RNN residual": (page.BLUE, (0, (2, 1)), "d"),
    "linear": (page.GREY, (0, (1, 1)), "1"),
    "bigrams": (page.GREY, (0, (1, 1)), "2"),
    "perceptron": (page.GREY, (0, (6, 2)), "3"),
}
"""A model's colour, line and marker, the same in every figure."""


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


@dataclass(frozen=True)
class Ends:
    """How the runs of one model in one variant ended, an entry for each seed.

    Attributes:
        updates, seconds: how far they came, and in what time.
        scores: the last measured; infinite where the run diverged.
        solved, diverged: how many did.
    """

    updates: NDArray[np.float64]
    seconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    solved: int
    diverged: int

    @property
    def score(self) -> float:
        """The median."""
        return float(np.median(self.scores))

    def told(self, unit: str = "") -> str:
        """The median score and, of several seeds, the range."""
        if not np.isfinite(self.score):
            return "diverged"
        if len(self.scores) == 1:
            return f"{self.score:.3g}{unit}"
        return f"{self.score:.3g}{unit} ({self.scores.min():.3g} to {self.scores.max():.3g})"


def ends(table: Table, variant: str, model: str) -> Ends | None:
    """How the runs of `model` in `variant` ended; None if there are none."""
    rows = table.where(variant=variant, model=model)
    last = [rows.where(seed=seed) for (seed,) in rows.each("seed")]
    if not last:
        return None
    status = [one["status"][-1] for one in last]
    scores = [np.inf if how == "diverged" else float(one["score"][-1]) for how, one in zip(status, last, strict=True)]
    return Ends(
        np.array([one["update"][-1] for one in last], float),
        np.array([one["seconds"][-1] for one in last], float),
        np.array(scores),
        status.count("solved"),
        status.count("diverged"),
    )


def present(table: Table, looks: Iterable[str]) -> list[str]:
    """The models that the table has, in the order of `looks`, then any others."""
    there = [model for (model,) in table.each("model")]
    return [model for model in looks if model in there] + [model for model in there if model not in set(looks)]


def draw_curves(ax: Axes, table: Table, variant: str, looks: dict[str, Look], *, every: float = 1.0) -> None:
    """A thin line for every run; at its end a dot if it solved the task, a cross if it diverged, else a ring."""
    for model in present(table.where(variant=variant), looks):
        color, line, _ = looks[model]
        rows = table.where(variant=variant, model=model)
        for (seed,) in rows.each("seed"):
            one = rows.where(seed=seed)
            ax.plot(one["update"] / every, one["score"], color=color, ls=line, lw=1.1)
            end: dict[str, Any] = {"solved": {"marker": "o", "mfc": color}, "diverged": {"marker": "x"}}.get(
                one["status"][-1], {"marker": "o", "mfc": "white"}
            )
            ax.plot(one["update"][-1:] / every, one["score"][-1:], color=color, ls="none", ms=4.5, **end)


def key(looks: dict[str, Look], models: Iterable[str]) -> list[Line2D]:
    """Entries for a legend."""
    return [
        Line2D([], [], color=looks[model][0], ls=looks[model][1], lw=1.6, marker=looks[model][2], ms=0, label=model)
        for model in models
    ]


def draw_ends(ax: Axes, table: Table, variant: str, looks: dict[str, Look]) -> None:
    """A column for each model: a marker for every seed's last score, a bar at the median."""
    models = present(table.where(variant=variant), looks)
    for place, model in enumerate(models):
        color, _, marker = looks[model]
        end = ends(table, variant, model)
        if end is not None:
            ax.plot(np.full(len(end.scores), place), end.scores, marker, color=color, ms=6, mfc="none", mew=1.4)
            ax.plot([place - 0.3, place + 0.3], [end.score, end.score], color=color, lw=2.2)
            if np.isfinite(end.score):
                ax.annotate(
                    f"{end.score:.3g}",
                    (place, float(end.scores[np.isfinite(end.scores)].max())),
                    xytext=(0, 6),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7.5,
                )
    ax.set_xticks(range(len(models)), models, rotation=35, ha="right")
    ax.set_xlim(-0.6, len(models) - 0.2)
    ax.grid(axis="x", visible=False)


def baseline(ax: Axes, value: float, words: str) -> None:
    """A dotted line with its name above its right end."""
    ax.axhline(value, color=page.GREY, lw=1, ls=(0, (1, 2)))
    ax.annotate(
        words,
        (1, value),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=7.5,
        color=page.GREY,
    )


def curves_and_ends(
    table: Table, variant: str, looks: dict[str, Look], *, every: float = 1.0
) -> tuple[Figure, tuple[Axes, Axes]]:
    """A page with the curves of one variant on the left, and how they ended on the right."""
    figure, (left, right) = page.page(1, 2, height=4.4)
    draw_curves(left, table, variant, looks, every=every)
    draw_ends(right, table, variant, looks)
    left.set(title="as they learn", xlabel="updates" if every == 1 else "thousands of updates")
    right.set(title="after the last update")
    left.legend(handles=key(looks, present(table, looks)), loc="upper right", handlelength=3.5)
    return figure, (left, right)


def told(table: Table, variant: str, looks: dict[str, Look]) -> str:
    """Every model with its score, and those that were not run."""
    found = {model: ends(table, variant, model) for model in present(table.where(variant=variant), looks)}
    said = ", ".join(f"{model} {end.told()}" for model, end in found.items() if end is not None)
    missing = [model for model in looks if model not in found]
    return f"{said}{'; not run: ' if missing and said else 'not run: ' if missing else ''}{', '.join(missing)}"


def budget(table: Table) -> str:
    """Seeds, updates and time of all runs, in words."""
    every = [ends(table, variant, model) for variant, model in table.each("variant", "model")]
    known = [end for end in every if end is not None]
    seconds = np.concatenate([end.seconds for end in known])
    seeds = sorted({len(end.scores) for end in known})
    how_many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    diverged = sum(end.diverged for end in known)
    failed = f", of which {diverged} diverged" if diverged else ", none of which diverged"
    return (
        f"{len(seconds)} runs ({how_many} seed{'s' * (seeds[-1] > 1)} each){failed}, in "
        f"{seconds.sum() / 3600:.1f} hours of one core"
    )


def listed(words: list[str]) -> str:
    """a; b; c."""
    return "; ".join(words)
