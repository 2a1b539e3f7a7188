"""CLAIMS.png: every claim as one row, its parts counted by what they came to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnnlab.claims.claim import Verdict
from rnnlab.claims.clause import NOT_RUN, SIGNS
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {
    "confirmed": (looks.GREEN, "white"),
    "contradicted": (looks.RED, "white"),
    "undecided": ("#F5D28A", "black"),
    NOT_RUN: ("#E4E4E4", "black"),
    "not tested": ("white", "black"),
}
"""Of a bar, by how its parts stand, and the ink on it."""
LETTERS, LINE, ROW = 66, 0.165, 0.12
"""Letters in a line of a claim, the height of a line in inches, and how much a row has besides."""
TOP, BOTTOM, BARS = 0.6, 0.35, 0.68
"""Inches above and below the rows; where the bars begin, as a share of the width."""


def tally(verdicts: Sequence[Verdict]) -> Table:
    """A row for each claim: its name, what it says, and how many of its parts came to what."""
    names = [standing.replace(" ", "_") for standing in SIGNS]
    rows: list[tuple[str | float, ...]] = [
        (one.claim.name, one.claim.says, *(float(one.standings.count(standing)) for standing in SIGNS))
        for one in verdicts
    ]
    return Table.of(f"claim says {' '.join(names)}", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """The words of each claim at the left, at the right its bar, with the counts in it."""
    from textwrap import fill

    says = [fill(f"{name}: {words}", LETTERS) for name, words in table.each("claim", "says")]
    heights = [LINE * (words.count("\n") + 1) + ROW for words in says]
    inches = sum(heights) + TOP + BOTTOM
    figure = page.sheet(7, inches)
    figure.set_layout_engine("none")  # the words stand left of the axes
    ax = figure.add_axes((BARS, BOTTOM / inches, 0.99 - BARS, sum(heights) / inches))
    place = 0.0
    for words, height, row in zip(says, heights, _counts(table), strict=True):
        middle = place + height / 2
        figure.text(0.01, 1 - (TOP + middle) / inches, words, fontsize=9, va="center", linespacing=1.15)
        _draw_bar(ax, middle, height, row)
        place += height
        ax.axhline(place, color="#E4E4E4", lw=0.6, xmin=-BARS / (0.99 - BARS), clip_on=False)
    ax.set(xlim=(0, 1), ylim=(place, 0), xticks=[], yticks=[])
    ax.set_xlabel("the parts of each claim", fontsize=9)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.grid(visible=False)
    figure.text(0.01, 1 - 0.2 / inches, _found(table), fontsize=11, weight="bold", va="center")
    figure.text(0.01, 1 - 0.42 / inches, _key(table), fontsize=9, va="center")
    return figure


def _draw_bar(ax: "Axes", middle: float, height: float, counts: dict[str, int]) -> None:
    """The counts side by side, each as wide as its share."""
    total, start = max(1, sum(counts.values())), 0.0
    for standing, count in counts.items():
        color, ink = COLORS[standing]
        share = count / total
        if count:
            style: Any = {"color": color, "edgecolor": "#999999", "lw": 0.6}
            ax.barh(middle, share, left=start, height=min(0.3, 0.8 * height), **style)
            words = f"{SIGNS[standing]}{count}" if share > 0.12 else f"{count}"
            ax.text(start + share / 2, middle, words, color=ink, fontsize=9, ha="center", va="center")
        start += share


def _counts(table: Table) -> list[dict[str, int]]:
    """Of each claim, in the order of the bars."""
    columns = [table[standing.replace(" ", "_")] for standing in SIGNS]
    return [dict(zip(SIGNS, map(int, row), strict=True)) for row in zip(*columns, strict=True)]


def _totals(table: Table) -> dict[str, int]:
    return {standing: int(table[standing.replace(" ", "_")].sum()) for standing in SIGNS}


def _found(table: Table) -> str:
    totals = _totals(table)
    parts = f"{sum(totals.values())} parts of {len(table)} claim{'s' * (len(table) != 1)}"
    return f"Of {parts} {totals['confirmed']} are confirmed, {totals['contradicted']} contradicted"


def _key(table: Table) -> str:
    """The signs of the bars, and how many of all parts have each."""
    said = [f"{SIGNS[standing]} {standing} {count}" for standing, count in _totals(table).items() if count]
    return "      ".join(said)


def caption(table: Table) -> str:
    """In one sentence."""
    rows = zip(table["claim"].tolist(), _counts(table), strict=True)
    whole = [name for name, counts in rows if counts["confirmed"] == sum(counts.values())]
    all_of = f"; all of {captions.listed(whole)}" if whole else ""
    return f"**{_found(table)}{all_of}.** Each claim's bar has its parts by what they came to."
