"""Initializers at work: how soon nets that differ in nothing else have learned something."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import HALF, LEARNED, digits, present
from rnnlab.experiments.results.looks import Look
from rnnlab.gallery import captions, dots, learning, page
from rnnlab.gallery.dots import Row
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What an initializer does to the learning"
RECIPE = "initializers"
LOOKS = looks.INITIALIZERS
RECURRENT = " RNN"
"""What the variants have in their names whose initializers are those of U."""
COLUMNS = 4
TICKS, CLOSE = (10.0, 100.0, 1_000.0, 10_000.0), 64
"""The marks of an axis, and up to which quotient of its ends each of them has room for its number."""


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "initializers"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def bands(table: Table, columns: int = COLUMNS) -> list[list[str]]:
    """The variants side by side, RNNs first, then those with the most initializers."""
    variants = [variant for (variant,) in table.each("variant")]
    order = sorted(variants, key=lambda one: (not _recurrent(one), -len(list(table.where(variant=one).each("model")))))
    kinds = [[one for one in order if _recurrent(one) is recurrent] for recurrent in (True, False)]
    return [kind[first : first + columns] for kind in kinds for first in range(0, len(kind), columns)]


def rows(table: Table, variant: str, names: Sequence[str]) -> list[Row]:
    """Of each initializer the updates of every seed until its net had learned something; infinite if it never did."""
    plain = Look(looks.GREY, "-", "o")
    return [
        Row(_named(name), LOOKS.get(name, plain), np.array(learning.scores(table, RECIPE, variant, name)), absent="")
        for name in names
    ]


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each net: initializers down, updates to the threshold across, a strip for who never came there."""
    columns = 1 if page.narrow() else COLUMNS
    drawn = bands(table, columns)
    names = [[name for name in present(table, LOOKS) if _tried(table, band, name)] for band in drawn]
    heights = [0.24 * len(some) + 1.2 for some in names]
    figure, panels = page.page(
        len(drawn), columns, height=sum(heights), width=7, gridspec_kw={"height_ratios": heights}
    )
    for number, (band, some) in enumerate(zip(drawn, names, strict=True)):
        here = panels[columns * number : columns * (number + 1)]
        for ax, variant in zip(here, band, strict=False):
            shown = rows(table, variant, some)
            low, high = limits = _limits(table, variant)
            dots.draw_rows(ax, shown, limits=limits, log=True, edge="not", number=_updates)
            ticks = [tick for tick in TICKS if low <= tick <= high][:: 1 if high < CLOSE * low else 2]
            ax.set_xticks(ticks, [_updates(tick) for tick in ticks])
            ax.minorticks_off()
            ax.set_xlabel(f"updates to {_level(variant):g}{'' if _recurrent(variant) else ' %'}")
            page.headline(ax, _found(variant, shown), 1.25 * COLUMNS / columns)
            place = ax.get_subplotspec()  # fewer are side by side where type is larger
            first = place is None or place.is_first_col()
            ax.set_yticks(range(len(some)), [row.name.replace("d_p", "d_\np") for row in shown] if first else [])
        here[0].set_ylabel(f"initializer of {'U' if _recurrent(band[0]) else 'the kernels'}")
        for ax in here[len(band) :]:
            ax.remove()
    return figure


def _tried(table: Table, variants: list[str], name: str) -> bool:
    return any(len(table.where(variant=variant, model=name)["seed"]) for variant in variants)


def _limits(table: Table, variant: str) -> tuple[float, float]:
    """From the first row of the log after the start to the last."""
    updates = table.where(variant=variant)["update"]
    return 0.8 * float(updates[updates > 0].min(initial=updates.max() or 1.0)), 1.2 * float(updates.max() or 2.0)


def _recurrent(variant: str) -> bool:
    return RECURRENT in variant


def _level(variant: str) -> float:
    return LEARNED if _recurrent(variant) else HALF


def _named(name: str) -> str:
    """As "random_normal, 0.01" for random_normal:stddev=0.01."""
    return name.replace(":stddev=", ", ").replace(":scale=", ", ").replace("relu", "ReLU")


def _updates(value: float) -> str:
    return f"{value:,.0f}"


def _found(variant: str, shown: list[Row]) -> str:
    """With how many initializers this net learns, and with how many only some of its seeds do."""
    run = [row for row in shown if len(row.values)]
    every = sum(bool(np.isfinite(row.values).all()) for row in run)
    some = sum(bool(np.isfinite(row.values).any()) for row in run) - every
    learn = "all learn" if every == len(run) else f"{every or 'none'} of {len(run)} learn{'s' * (not every)}"
    return f"{_named(variant)}: {learn}{f', {some} at times' if some else ''}"


def caption(table: Table) -> str:
    variants = [variant for (variant,) in table.each("variant")]
    return captions.told(
        _finding(table, variants),
        "A panel for each net, a row for each initializer, a dot for each seed: the update at which its held-out "
        f"error was first below {LEARNED:g}, the squared error of RNNs on the adding problem, which differ in U "
        f"alone, or {HALF:g} %, of perceptrons on digits. Bars and numbers are medians; in the strip is who did not "
        "come there in time. At times: with some seeds. Empty rows were not run.",
        learning.set_up(table, RECIPE, by="variant"),
        [f"{_named(variant)}: {_summary(table, variant)}" for variant in variants],
        f"{_alike(table)}{RECIPES[RECIPE].about}",
    )


def _finding(table: Table, variants: list[str]) -> str:
    """In how many nets every seed of every initializer learns in time, and in the others with how many not."""
    lost = {}
    for variant in variants:
        shown = rows(table, variant, present(table.where(variant=variant), LOOKS))
        lost[variant] = [row.name for row in shown if not np.isfinite(row.values).all()]
    bad = [variant for variant in variants if lost[variant]]
    if not bad:
        return captions.finding(f"In {len(variants)} of {len(variants)} nets every initializer learns in time.")
    said = [f"{_named(variant)}: {len(lost[variant])}" for variant in bad]
    return captions.finding(
        f"Initializers of which not every seed learns in time: {', '.join(said)}; of {len(variants)} nets.",
        f"In {len(bad)} of {len(variants)} nets some initializers do not learn in time with every seed.",
    )


def _summary(table: Table, variant: str) -> str:
    """The initializers of one net, the first to learn first: when it did, and its last error."""
    shown = rows(table, variant, models := present(table.where(variant=variant), LOOKS))
    order = sorted(zip(shown, models, strict=True), key=lambda one: one[0].middle)
    said = []
    for row, model in order:
        end = learning.judged_ends(table, RECIPE, variant, model)
        if end is not None:
            after = learning.spread(row.values, _updates, "never")
            said.append(f"{row.name} {after}, at last {learning.spread(end.scores, digits)}")
    return "; ".join(said)


def _alike(table: Table) -> str:
    """Of a square U glorot_uniform and lecun_uniform have one limit, √(3/n), and so the same draws and curves."""
    for (variant,) in table.each("variant"):
        glorot, lecun = (table.where(variant=variant, model=f"{name}_uniform")["score"] for name in ("glorot", "lecun"))
        if _recurrent(variant) and len(glorot) and np.array_equal(glorot, lecun):
            return "Of a square U glorot_uniform and lecun_uniform are the same numbers, and so are their curves. "
    return ""
