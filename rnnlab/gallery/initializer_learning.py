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
COLUMNS = 2
LEAST = 0.9
"""Inches of a panel of a few rows, so that its label has room."""
TICKS = tuple(digit * 10.0**power for power in range(7) for digit in (1, 3))


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "initializers"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def bands(table: Table) -> list[list[str]]:
    """The variants side by side: nets of the same kind, whose initializers are the same ones; RNNs first."""
    kinds: dict[tuple[bool, frozenset[str]], list[str]] = {}
    for (variant,) in table.each("variant"):
        names = frozenset(name for (name,) in table.where(variant=variant).each("model"))
        kinds.setdefault((not _recurrent(variant), names), []).append(variant)
    inner = [kinds[key] for key in sorted(kinds, key=lambda key: key[0])]
    return [kind[first : first + COLUMNS] for kind in inner for first in range(0, len(kind), COLUMNS)]


def rows(table: Table, variant: str, names: Sequence[str]) -> list[Row]:
    """Of each initializer the updates of every seed until its net had learned something; infinite if it never did."""
    plain = Look(looks.GREY, "-", "o")
    return [
        Row(_named(name), LOOKS.get(name, plain), np.array(learning.scores(table, RECIPE, variant, name)))
        for name in names
    ]


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each net: initializers down, updates to the threshold across, a strip for who never came there."""
    drawn = bands(table)
    names = [present(Table.above(*_twice(table, band)), LOOKS) for band in drawn]
    heights = [max(0.24 * len(some), LEAST) for some in names]
    figure, panels = page.page(
        len(drawn), COLUMNS, height=sum(heights) + 1.15 * len(drawn), width=7, gridspec_kw={"height_ratios": heights}
    )
    for number, (band, some) in enumerate(zip(drawn, names, strict=True)):
        here = panels[COLUMNS * number : COLUMNS * (number + 1)]
        for ax, variant in zip(here, band, strict=False):
            shown = rows(table, variant, some)
            dots.draw_rows(ax, shown, limits=_limits(table, variant), log=True, edge="never", number=_updates)
            ticks = [tick for tick in TICKS if _limits(table, variant)[0] <= tick <= _limits(table, variant)[1]]
            ticks = ticks[:: 2 if page.narrow() else 1]
            ax.set_xticks(ticks, [_updates(tick) for tick in ticks])
            ax.minorticks_off()
            ax.set_xlabel(f"updates to an error of {_level(variant):g}{'' if _recurrent(variant) else ' %'}")
            page.headline(ax, _found(variant, shown), 2.5)
        here[0].set_ylabel(f"initializer of {'U' if _recurrent(band[0]) else 'the kernels'}")
        for ax in here[1:]:
            ax.tick_params(axis="y", labelleft=False)
        for ax in here[len(band) :]:
            ax.axis("off")
    return figure


def _twice(table: Table, band: list[str]) -> tuple[Table, Table]:
    return table.where(variant=band[0]), table.where(variant=band[-1])


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
    """How many initializers this net does not learn with, and which is the first."""
    run = [row for row in shown if len(row.values)]
    middles = [row.middle for row in run]
    never = sum(map(np.isinf, middles))
    first = [row.name for row in run if row.middle == min(middles)]
    if never == len(run):
        return f"{_named(variant)}: none learns in time"
    learn = f"{never} of {len(run)} do not learn in time" if never else "all learn in time"
    if len(first) == 1 < len(run):
        return f"{_named(variant)}: {learn}; {first[0]} first"
    factor = max(middle for middle in middles if np.isfinite(middle)) / max(min(middles), 1.0)
    apart = f"within a factor of {factor:.1f}" if factor >= 1.05 else "equally soon"
    return f"{_named(variant)}: {learn}{'; the others' if never else ','} {apart}"


def caption(table: Table) -> str:
    variants = [variant for (variant,) in table.each("variant")]
    return captions.told(
        _finding(table, variants),
        "A panel for each net, a row for each initializer, a dot for each seed: the update at which its held-out "
        f"error was first below {LEARNED:g}, the squared error of RNNs on the adding problem, which differ in U "
        f"alone, or below {HALF:g} %, of perceptrons on digits, which differ in their kernels. The bar and the number "
        "are the median; in the strip is who never came there.",
        learning.set_up(table, RECIPE, by="variant"),
        [f"{_named(variant)}: {_summary(table, variant)}" for variant in variants],
        f"{_alike(table)}{RECIPES[RECIPE].about}",
    )


def _finding(table: Table, variants: list[str]) -> str:
    """In how many nets the median run of every initializer learns, and which never does."""
    lost = {}
    for variant in variants:
        shown = rows(table, variant, present(table.where(variant=variant), LOOKS))
        lost[variant] = [row.name for row in shown if np.isinf(row.middle)]
    bad = [variant for variant in variants if lost[variant]]
    if not bad:
        return captions.finding(f"In {len(variants)} of {len(variants)} nets every initializer learns in time.")
    said = [f"{_named(variant)}: {len(lost[variant])}" for variant in bad]
    return captions.finding(
        f"Initializers that do not learn in time: {', '.join(said)}; in the others of {len(variants)} nets, none.",
        f"In {len(bad)} of {len(variants)} nets some initializers do not learn in time.",
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
