"""Dot plots: a row for each model, a dot for each seed, a bar at their median; named levels beside them.

What has no number, because a run never came below a threshold or diverged, stands in a shaded strip at the edge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.looks import GREY, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 0.15
"""The share of the axis that the strip takes."""
SMALL = 9.0
"""Points: the size of text at 7 inches."""


@dataclass(frozen=True)
class Row:
    """The dots of one row.

    Attributes:
        name: what stands left of it.
        values: one for each seed, infinite where there is none; empty if nothing was run.
        longer: the same with a larger budget than all rows have; empty if there is none.
        absent: what stands in the row if nothing was run.
    """

    name: str
    look: Look
    values: NDArray[np.float64]
    longer: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    absent: str = "not run"

    @property
    def middle(self) -> float:
        """The median of all seeds, infinite where most have no value; NaN if nothing was run."""
        return float(np.median(self.values)) if len(self.values) else np.nan


def draw_rows(
    ax: "Axes",
    rows: Sequence[Row],
    levels: Mapping[str, float] | None = None,
    *,
    limits: tuple[float, float],
    log: bool = False,
    edge: str = "",
    number: Any = digits,
) -> None:
    """One row below the other, the medians in numbers at the right; each level a dotted line with its name below.

    Args:
        levels: lines to compare with, by name.
        limits: the lowest and the highest number of the axis.
        edge: what the strip at the right is called; without, it is there only if a run diverged.
        number: how a median is written.
    """
    levels = levels or {}
    if log:
        ax.set_xscale("log")
    beyond, bottom = np.nan, len(rows) + 0.75 * len(levels)
    if edge or any(np.isinf([*row.values, *row.longer]).any() for row in rows):
        beyond = strip(ax, *limits, log=log)
        name: Any = {"color": GREY, "ha": "center", "va": "center", "fontsize": SMALL}
        ax.text(beyond, bottom, edge or "diverged", **name)
        bottom += 0.75
    else:
        ax.set_xlim(limits)
    for place, row in enumerate(rows):
        _draw_row(ax, place, row, beyond, row.look.marker if edge else "x", number)
    for below, (name, level) in enumerate(sorted(levels.items(), key=lambda one: -one[1])):
        _draw_level(ax, name, level, len(rows) + 0.75 * below)
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.set_ylim(bottom - 0.45, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=True, axis="y")
    ax.spines["left"].set_visible(False)


def offsets(count: int, width: float) -> NDArray[np.float64]:
    """Where the dots of the seeds stand beside one another, so that equal ones can be counted."""
    return np.linspace(-width, width, count) if count > 1 else np.zeros(count)


def _draw_row(ax: "Axes", place: int, row: Row, beyond: float, lost_marker: str, number: Any) -> None:
    color, _, marker = row.look
    side: Any = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": SMALL}
    if not len(row.values):
        ax.text(0.02, place, row.absent, color=GREY, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}, **side)
        return
    dot: Any = {"color": color, "ls": "none", "mew": 1.2, "ms": 5.5, "zorder": 3}
    for values, fill in ((row.values, "white"), (row.longer, color)):
        places, lost = place + offsets(len(values), 0.2), np.isinf(values)
        ax.plot(values[~lost], places[~lost], marker=marker, mfc=fill, **dot)
        ax.plot(np.full(lost.sum(), beyond), places[lost], marker=lost_marker, mfc=fill, **dot)
        middle = float(np.median(values)) if len(values) else np.nan
        if np.isfinite(middle):
            ax.plot([middle] * 2, [place - 0.36, place + 0.36], color=color, lw=2.2, zorder=2)
    middles = [float(np.median(values)) for values in (row.values, row.longer) if len(values)]
    if np.isfinite(middles).all():
        ax.text(1.02, place, " → ".join(map(number, middles)), color=color, **side)
        ax.plot(middles, [place] * len(middles), color=color, lw=1, zorder=1)


def _draw_level(ax: "Axes", name: str, level: float, place: float) -> None:
    """A dotted line down to its name, which stands where there is more room; an arrow if it is off the axis."""
    edge = max(ax.get_xlim())
    if level > edge:
        name, level = f"{name} →", edge
    else:
        ax.plot([level, level], [-0.6, place], color=GREY, lw=1.1, ls=(0, (1, 2)), zorder=1)
    right = float((ax.transScale + ax.transLimits).transform((level, 0.0))[0]) < 0.5
    ax.annotate(
        name,
        (level, place),
        xytext=(3 if right else -3, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=SMALL,
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )


def strip(ax: "Axes", low: float, high: float, *, log: bool, above: bool = False) -> float:
    """Let the axis end in a shaded strip beyond `high`, right of the panel or above; where its middle lies."""
    ends = np.log([low, high]) if log else np.array([low, high])
    far = ends[1] + np.ptp(ends) * STRIP / (1 - STRIP)
    middle, end = (np.exp([(ends[1] + far) / 2, far]) if log else np.array([(ends[1] + far) / 2, far])).tolist()
    shade: Any = {"facecolor": "#EEEEEE", "edgecolor": "none", "zorder": 0}
    if above:
        ax.axhspan(high, end, **shade)
        ax.set_ylim(low, end)
    else:
        ax.axvspan(high, end, **shade)
        ax.set_xlim(low, end)
    return float(middle)
