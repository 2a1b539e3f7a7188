"""The adding problem: after how many updates each model solves it, for each length, a dot for each seed."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import SOLVED, digits, present
from rnnlab.gallery import captions, dots, learning, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The adding problem: who remembers for how long"
RECIPE = "adding"
MODELS = ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")
COLUMNS = 3
TICKS = tuple(digit * 10.0**power for power in range(8) for digit in (1, 3))


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "adding"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _steps(variant: str) -> int:
    return int(variant.split()[-1])


def lengths(table: Table) -> list[str]:
    """The variants of the table, the shortest first."""
    return sorted((variant for (variant,) in table.each("variant")), key=_steps)


def solved_after(table: Table, variant: str, model: str) -> tuple[float, ...]:
    """Of every seed the updates until its error was first below 0.01, infinite if it never was."""
    return learning.scores(table, RECIPE, variant, model)


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each model: the lengths across, the updates up, a strip on top for what was not solved."""
    variants, models = lengths(table), present(table, MODELS)
    columns = min(COLUMNS, len(models))
    rows = -(-len(models) // columns)
    figure, panels = page.page(rows, columns, height=0.5 + 2.5 * rows, width=7, sharex=True, sharey=True)
    firsts = [after for variant in variants for model in models for after in solved_after(table, variant, model)]
    known = [after for after in firsts if np.isfinite(after)]
    limits = 0.7 * min(known, default=100), 1.3 * max(*known, float(table["update"].max()), 2.0)
    for ax, model in zip(panels, models, strict=False):
        ax.set_yscale("log")
        beyond = dots.strip(ax, *limits, log=True, above=True)
        _draw_model(ax, table, variants, model, beyond)
        page.headline(ax, finding(table, model), 6.4 / columns)
    long = len(variants) > 4
    panels[0].set_xticks(range(len(variants)), [f"{_steps(variant):,}" for variant in variants])
    panels[0].set_xlim(-0.6, len(variants) - 0.4)
    for number, ax in enumerate(panels):
        ax.grid(visible=False, axis="x")
        if number >= len(models):
            ax.axis("off")
        elif number + columns >= len(models):
            ax.tick_params(axis="x", labelbottom=True, labelrotation=90 if long else 0)
            ax.set_xlabel("length T")
    ticks = [tick for tick in TICKS if limits[0] <= tick <= limits[1]]
    panels[0].set_yticks([*ticks, beyond], [*(f"{tick:,.0f}" for tick in ticks), "not\nsolved"])
    panels[0].minorticks_off()
    for ax in panels[::columns]:
        ax.set_ylabel(f"updates to an error of {SOLVED:g}")
    return figure


def _draw_model(ax: "Axes", table: Table, variants: list[str], model: str, beyond: float) -> None:
    color, _, marker = looks.look(model)
    for place, variant in enumerate(variants):
        after = np.array(solved_after(table, variant, model))
        if not len(after):
            words: Any = {"color": looks.GREY, "fontsize": dots.SMALL, "rotation": 90}
            ax.text(place, 0.42, "not run", ha="center", va="center", transform=ax.get_xaxis_transform(), **words)
            continue
        found = np.isfinite(after)
        places = place + dots.offsets(len(after), 0.25)
        style: Any = {"color": color, "ls": "none", "marker": marker, "mew": 1.2, "ms": 5, "zorder": 3}
        ax.plot(places[found], after[found], mfc="white", **style)
        ax.plot(places[~found], np.full((~found).sum(), beyond), mfc="white", **style)
        middle = np.median(after)
        if np.isfinite(middle):
            ax.plot([place - 0.38, place + 0.38], [middle] * 2, color=color, lw=2, zorder=2)
        spent = table.where(variant=variant, status="done")["update"]
        if len(spent):
            ax.plot([place - 0.45, place + 0.45], [spent.max()] * 2, color=looks.GREY, lw=1.2, ls=(0, (2, 1)), zorder=1)


def finding(table: Table, model: str) -> str:
    """How far this model comes, in the words of a title."""
    solved = [(_steps(variant), solved_after(table, variant, model)) for variant in lengths(table)]
    run = [(steps, np.isfinite(after)) for steps, after in solved if len(after)]
    count, total = sum(int(found.sum()) for _, found in run), sum(len(found) for _, found in run)
    reach = 0
    for steps, found in run:
        if not found.all():
            break
        reach = steps
    if count == total:
        return f"{model}: every seed, to T = {reach:,}"
    if not count:
        return f"{model}: no seed at any length"
    beyond = [found for steps, found in run if steps > reach]
    kept, of = sum(int(found.sum()) for found in beyond), sum(len(found) for found in beyond)
    if not reach:
        return f"{model}: {count} of {total} runs"
    return f"{model}: every seed to T = {reach:,}, then {kept or 'none'} of {of}"


def _finding(table: Table) -> str:
    """Who solves the longest sequences that more than one model was given."""
    variants = lengths(table)
    given = {variant: present(table.where(variant=variant), MODELS) for variant in variants}
    most = [variant for variant in variants if len(given[variant]) > 1] or variants
    longest = most[-1]
    found = {model: np.isfinite(solved_after(table, longest, model)) for model in given[longest]}
    every = [model for model, solved in found.items() if solved.all()]
    none = [model for model, solved in found.items() if not solved.any()]
    spent = table.where(variant=longest, status="done")["update"]
    within = f", within {spent.max():,.0f} updates" if len(spent) else ""
    where = f"At {longest}{within}"
    solvers = f"every seed of {listed(every)} solves it" if every else "no model solves it with every seed"
    losers = f", none of {listed(none)}" if none else ""
    return captions.finding(
        f"{where}, {solvers}{losers}.",
        f"{where}, {solvers}.",
        f"{where}, every seed of {len(every)} of {len(found)} models solves it.",
    )


def caption(table: Table) -> str:
    variants = lengths(table)
    came_up = _came_up(table)
    return captions.told(
        _finding(table),
        f"A panel for each model, a dot for each seed: the update at which its held-out mean squared error was first "
        f"below {SOLVED:g}; always answering with the mean has 1/6. The bar is the median, dashed the updates that "
        "were allowed; in the strip on top is who never came there.",
        learning.set_up(table, RECIPE),
        [*(f"{variant}: {_summary(table, variant)}" for variant in variants), *([came_up] if came_up else [])],
        RECIPES[RECIPE].about,
    )


def _summary(table: Table, variant: str) -> str:
    """How many seeds of each model solved this length, after how many updates, or what the last error was."""
    said, models = [], present(table.where(variant=variant), MODELS)
    for model in models:
        end = learning.judged_ends(table, RECIPE, variant, model)
        if end is None:
            continue
        solved, kept = np.isfinite(end.firsts), end.scores[np.isfinite(end.scores)]
        after = f"after {np.median(end.firsts[solved]):,.0f}" if solved.any() else ""
        error = f"last error {digits(float(np.median(kept)))}" if len(kept) and not solved.all() else ""
        diverged = f"{end.diverged} diverged" if end.diverged else ""
        how = learning.chosen(RECIPE, variant, model)
        slow = f"rate {how}" if how else ""
        inside = ", ".join(part for part in (after, error, diverged, slow) if part)
        said.append(f"{model} {solved.sum()} of {len(solved)} ({inside})")
    return f"{', '.join(said)}{learning.not_run(models, MODELS)}"


def _came_up(table: Table) -> str:
    """The runs that solved it, and at their last update did not."""
    found = []
    for variant, model in table.each("variant", "model"):
        end = learning.judged_ends(table, RECIPE, variant, model)
        if end is not None and (again := int((np.isfinite(end.firsts) & (end.scores >= SOLVED)).sum())):
            found.append(f"{model} {variant} {again}")
    return f"Runs that were below {SOLVED:g} and ended above it again: {', '.join(found)}" if found else ""
