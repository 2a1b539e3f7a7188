"""What the figures of the experiments share: an experiment carried out, its scores as rows, its curves, its rates."""

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.recipes import RECIPES, Entry, Size
from rnnlab.experiments.results.ends import Ends, digits, ends, present
from rnnlab.experiments.results.looks import look
from rnnlab.experiments.results.scores import FEWEST, LINE_FALLS, falling, judged
from rnnlab.experiments.results.tables import RUNS, read
from rnnlab.experiments.runner import carry_out, curves, outcomes
from rnnlab.gallery.captions import listed
from rnnlab.gallery.dots import Row
from rnnlab.gallery.knobs import Knob
from rnnlab.settings import Settings
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path("runs")
"""Where the runs are kept, in the folder that the command is called in; as `rnnlab train --recipe` keeps them."""

FALLS = f"a curve still falls if a line through its last quarter loses over {100 * LINE_FALLS:g} %"
"""What the titles of curves mean."""

RunSize = Annotated[Size, Knob('of the experiment: "quick" takes minutes, "paper" hours or days')]
RunsIn = Annotated[Path, Knob("the folder in which the runs are kept, and continued")]
Jobs = Annotated[int | None, Knob("side by side; as many as there are processors if not given", "runs", 1)]

ENDS: dict[str, tuple[str, str]] = {"solved": ("o", "full"), "done": ("o", "none"), "diverged": ("x", "full")}
"""How a run can end: the marker there, and how it is filled."""


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


def judged_ends(table: Table, recipe: str, variant: str, model: str) -> Ends | None:
    """How the runs ended, with the threshold that the experiment is judged by; None if there are none."""
    return ends(table, variant, model, judged(recipe, variant).below)


def scores(table: Table, recipe: str, variant: str, model: str) -> tuple[float, ...]:
    """Of every seed the score that judges the experiment; infinite where there is none, empty if nothing was run."""
    end = judged_ends(table, recipe, variant, model)
    if end is None:
        return ()
    kept = {"first": end.firsts, "best": end.bests, "last": end.scores}[judged(recipe, variant).score]
    return tuple(map(float, kept))


def rows(table: Table, recipe: str, variant: str, models: Sequence[str]) -> list[Row]:
    """A row for each of the models."""
    return [Row(name, look(name), np.array(scores(table, recipe, variant, name))) for name in models]


def still_falling(table: Table, variant: str, models: Iterable[str]) -> list[str]:
    """The models of whose runs half or more still fall at the end, by the rule of the experiments.

    Where the log has too few rows for that rule, a run falls that ends a twentieth lower than it was a quarter before.
    """
    found = []
    for model in models:
        here = table.where(variant=variant, model=model)
        each = [here.where(seed=seed) for (seed,) in here.each("seed")]
        falls = [run["status"][-1] == "done" and _falls(run["update"], run["score"]) for run in each]
        if each and np.mean(falls) >= 0.5:
            found.append(model)
    return found


def _falls(updates: NDArray[np.float64], scores: NDArray[np.float64]) -> bool:
    start = updates[-1] - (updates[-1] - updates[0]) / 4
    if (updates >= start).sum() >= FEWEST:
        return falling(updates, scores)
    return bool(scores[-1] < (1 - LINE_FALLS) * scores[updates <= start][-1])


def rising(table: Table, variant: str, models: Iterable[str]) -> list[str]:
    """The models of whose runs half or more end above their lowest score by as much as would count as falling."""
    found = []
    for model in models:
        end = ends(table, variant, model)
        if end is not None and np.mean((end.scores > (1 + LINE_FALLS) * end.bests) & np.isfinite(end.scores)) >= 0.5:
            found.append(model)
    return found


def pace(table: Table, variant: str, models: Sequence[str], *, up: bool = False) -> str:
    """The finding of a panel of curves: who might do better in a longer time.

    Args:
        up: where none falls, who ends above its lowest score, too. Errors in percent go up and down too much for that.
    """
    falls = still_falling(table, variant, models)
    others = {model for (model,) in table.where(variant=variant).each("model")} & set(models)
    if not falls:
        rises = rising(table, variant, models) if up else []
        again = f"; {listed(rises)} rise{'s' * (len(rises) == 1)} again" if rises else ""
        return f"No curve still falls by {100 * LINE_FALLS:g} %{again}" if others else "Not run"
    return "All still fall" if len(falls) == len(others) > 1 else f"{listed(falls)} still fall{'s' * (len(falls) == 1)}"


def draw_curves(ax: "Axes", table: Table, variant: str, models: Sequence[str], *, every: float = 1.0) -> None:
    """A thin line for every run; at its end a dot if it solved the task, a cross if it diverged, else a ring."""
    for model in models:
        color, line, _ = look(model)
        runs = table.where(variant=variant, model=model)
        for (seed,) in runs.each("seed"):
            one = runs.where(seed=seed)
            if ax.get_xscale() == "log":  # which has no place for the start: a line from there would be flat
                one = one.rows(one["update"] > 0)
            ax.plot(one["update"] / every, one["score"], color=color, ls=line, lw=0.9)
            marker, fill = ENDS[one["status"][-1]]
            last: dict[str, Any] = {"marker": marker, "mfc": color if fill == "full" else "white"}
            ax.plot(one["update"][-1:] / every, one["score"][-1:], color=color, ls="none", ms=4, **last)
    ax.set(xlabel="updates" if every == 1 else "thousands of updates")
    if ax.get_xscale() == "linear":
        ax.set_xlim(0, None)


def label_curves(ax: "Axes", table: Table, variant: str, models: Sequence[str]) -> None:
    """Each model's name at the right, at the height of its median end; those that diverged have none."""
    last = {model: ends(table, variant, model) for model in models}
    middles = {model: end.middle for model, end in last.items() if end is not None}
    label_right(
        ax, [(middle, model, look(model).color) for model, middle in middles.items() if np.isfinite(middle)], size=9
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


@cache
def _commands(recipe: str) -> dict[tuple[str, str], list[str]]:
    """Of every variant and model the words of the command of its recorded runs."""
    found = read(RUNS).where(recipe=recipe).each("variant", "model", "command")
    return {(variant, model): shlex.split(command) for variant, model, command in found}


def rate(recipe: str, variant: str, model: str) -> float | None:
    """The learning rate of the recorded runs; None if there are none."""
    words = _commands(recipe).get((variant, model))
    if words is None:
        return None
    return float(words[words.index("--lr") + 1]) if "--lr" in words else Settings.lr


def chosen(recipe: str, variant: str, model: str) -> str:
    """What pilot runs chose for the recorded runs, as "1e-3, forget bias 4"; empty if there are none."""
    lr, words = rate(recipe, variant, model), _commands(recipe).get((variant, model), [])
    if lr is None:
        return ""
    given = dict(pairwise(words))
    said = [power(lr)]
    if "--forget-bias" in given:
        said.append(f"forget bias {float(given['--forget-bias']):g}")
    if float(given.get("--clip-norm", 1)) != 1:
        said.append(f"clip {float(given['--clip-norm']):g}")
    if "--standardised" in words:
        said.append("standardised")
    if "--readout-initializer" in given:
        said.append(f"readout {given['--readout-initializer']}")
    return ", ".join(said)


def rates(table: Table, recipe: str, by: Literal["model", "variant"] = "model") -> str:
    """The learning rates, grouped by what has them: "learning rates 1e-3 (LSTM, GRU), 3e-4 (IRNN)"."""
    groups: dict[str, list[str]] = {}
    for (name,) in table.each(by):
        runs = table.where(**{by: name}).each("variant", "model")
        known = sorted({one for run in runs if (one := rate(recipe, *run)) is not None}, reverse=True)
        if known:
            groups.setdefault(" and ".join(map(power, known)), []).append(name)
    if len(groups) == 1:
        return f"Learning rate {next(iter(groups))}."
    said = ", ".join(f"{words} ({', '.join(names)})" for words, names in groups.items())
    return f"Learning rates {said}." if said else ""


OLDER = "older than the plan below, with other budgets, rates and initial weights"


def set_up(table: Table, recipe: str, by: Literal["model", "variant"] = "model") -> str:
    """The learning rates, and what was spent; and which recorded runs are older than their recipe."""
    runs = read(RUNS).where(recipe=recipe)
    every = [variant for (variant,) in runs.each("variant")]
    old = list(dict.fromkeys(variant for variant, ended in runs.each("variant", "ended") if not ended))
    which = "All of these runs are" if len(old) == len(every) else f"The runs of {listed(old)} are"
    return " ".join(filter(None, [rates(table, recipe, by), f"{budget(table)}.", f"{which} {OLDER}." if old else ""]))


def power(number: float) -> str:
    """As 3e-4 and 1.5e-3."""
    digit, _, exponent = f"{number:.3e}".partition("e")
    return f"{float(digit):g}e{int(exponent)}"


def summaries(table: Table, recipe: str, variant: str, models: Sequence[str]) -> str:
    """Every model with the score that judges, median and range of the seeds, its learning rate, and those not run."""
    found = present(table.where(variant=variant), models)
    said = []
    for row in rows(table, recipe, variant, found):
        how = chosen(recipe, variant, row.name)
        said.append(f"{row.name} {spread(row.values)}{f' at {how}' if how else ''}")
    return f"{', '.join(said)}{not_run(found, models)}" if found else "none was run"


def spread(values: Any, write: Callable[[float], str] = digits, lost: str = "diverged") -> str:
    """The median and, of several seeds, the range; of those that have a value, if some have none."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return lost
    words = write(float(np.median(kept)))
    if write(kept.min()) != write(kept.max()):
        words += f" ({write(kept.min())} to {write(kept.max())})"
    return f"{len(values) - len(kept)} of {len(values)} {lost}, else {words}" if len(kept) < len(values) else words


def not_run(found: Iterable[str], models: Iterable[str]) -> str:
    """The models that are missing, as the end of a sentence."""
    missing = [model for model in models if model not in set(found)]
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
