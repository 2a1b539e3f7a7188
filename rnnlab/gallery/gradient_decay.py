"""The long view: |∂L/∂h[t]| against steps back from the loss, for every layer that the survey compares."""

from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, decay_lines, decay_words, page
from rnnlab.gallery.decay_lines import GATES, SERIES, Series
from rnnlab.gallery.decay_words import FLOAT32_LAST, FLOAT64_LAST, NEAR
from rnnlab.gallery.knobs import (
    Hidden,
    Inputs,
    Knob,
    Seeds,
    Steps,
    checked,
    growths,
    setting,
    spread,
    with_knobs,
)
from rnnlab.gallery.series import ALL, OWN_LAYER, Words, chosen
from rnnlab.layers import RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Where does the gradient go?"


@checked
def compute(
    *,
    seeds: Seeds = 20,
    steps: Steps = 600,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    every: Annotated[int, Knob(f"of the states beyond the first {NEAR} one in so many is kept", "timesteps", 1)] = 5,
    series: Annotated[Words, Knob("the lines, and layers of your own", names=tuple(SERIES), own=OWN_LAYER)] = ALL,
) -> Table:
    """A run per series and seed: x[t] ~ N(0, 1), the loss on the last step alone, |dL/dh[T]| = 1.

    "orthogonal U alone" keeps W at glorot_uniform; elsewhere W and U come from the named initializer. Without input,
    h0 is 1 so that there is a state to keep. GRU and LSTM start as their `init` does: glorot_uniform W, orthogonal U.
    The loss reads the LSTM's h alone, so dL/dc[T] = 0 and the cell's gradient starts a step back, on the same scale.

    A layer of your own joins by one line: compute(series=("tanh", "IRNN", Mine)), or --series tanh,IRNN,mine.py:Mine.

    Returns:
        series; back, steps back from the loss, each of the first NEAR, every `every`th, and the last; median, low, high
        of the norm (10 and 90 % of the seeds); zeros, the share of seeds whose gradient is exactly 0; growth λ and
        spread, median and standard deviation over the seeds, nats per step back, below 0 it vanishes; bound, Pascanu's
        factor per step, median, NaN for layers that it does not cover; seeds, hidden, inputs.
    """
    rows: list[tuple[str | float, ...]] = []
    for name, make in chosen(series, tuple(SERIES), OWN_LAYER).items():
        line = SERIES[name] if make is None else decay_lines.own(make)
        norms, rates, bounds = [], [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            layer = line.build(rng, inputs, hidden, steps)
            xs = rng.standard_normal((steps, 1, inputs)) * line.driven
            starts = () if line.driven else (np.ones((1, hidden)),)
            dh = np.full((1, hidden), hidden**-0.5)
            run = flow.gradient_norms(layer, xs, *starts, dh=dh, of=line.of)[:, 0]
            norms.append(run[::-1])
            rates.append(float(growths(run)))
            bounds.append(flow.pascanu_bound(layer) if isinstance(layer, RNN | IndRNN) else np.nan)
        low, median, high = np.quantile(norms, (0.1, 0.5, 0.9), axis=0, method="nearest")
        zeros = np.mean(np.array(norms) == 0, axis=0)
        summary = float(np.median(rates)), spread(rates), float(np.median(bounds))
        shown = (k for k in range(steps + 1) if k <= NEAR or k % every == 0 or k == steps)
        rows += [(name, k, median[k], low[k], high[k], zeros[k], *summary) for k in shown]
    table = Table.of("series back median low high zeros growth spread bound", rows)
    return with_knobs(table, seeds=seeds, hidden=hidden, inputs=inputs)


@page.styled
def draw(table: Table) -> "Figure":
    """A panel for each kind of layer with an axis of its own: medians, bands 10-90 % of the seeds, grey the bounds."""
    lines = decay_lines.lines(table)
    names, steps = list(dict.fromkeys(line.panel for line in lines.values())), float(table["back"].max())
    shown = [(panel, far) for panel in names for far in ([steps, min(NEAR, steps)] if panel == GATES else [steps])]
    rows = -(-len(shown) // 2)
    figure, axes = page.page(rows, min(2, len(shown)), height=3.2 * rows, width=7 if len(shown) > 1 else 4.5)
    for ax, (panel, far) in zip(axes, shown, strict=False):
        within = {name: series for name, series in lines.items() if series.panel == panel}
        limits = _limits(table, list(within), far)
        ax.set(xlabel="steps back from the loss, k", xlim=(0, far), yscale="log", ylim=limits)
        _decades(ax)
        _draw_lines(ax, table, within, far)
        page.headline(ax, decay_words.of_panel(table, panel, list(within), far), 2.75)
    for ax in axes[len(shown) :]:
        ax.remove()
    for ax, (panel, _) in list(zip(axes, shown, strict=False))[::2]:
        ax.set_ylabel(f"{NORM}, or of the cell c" if panel == GATES else f"{NORM}, 1 at the loss")
    return figure


NORM = r"$|\partial L/\partial h[T-k]|$"
PANEL = 2.3
"""Inches: the height of a panel, about."""


def _limits(table: Table, names: list[str], far: float) -> tuple[float, float]:
    """Of a panel's axis: from the least that is not 0 to the largest, and room above for the bounds."""
    rows = [table.where(series=name) for name in names]
    low = [one["median"][(one["back"] <= far) & (one["median"] > 0)] for one in rows]
    high = [one["high"][one["back"] <= far] for one in rows]
    bottom = max(-323.0, np.log10(min(some.min(initial=1.0) for some in low)))
    top = np.log10(max(some.max(initial=1.0) for some in high))
    top, bottom = max(top, 0.0), min(bottom, -1.0)
    room = 0.12 * (top - bottom)
    return float(10.0 ** max(-323.0, bottom - room)), float(10.0 ** min(307.0, top + room))


def _decades(ax: "Axes") -> None:
    """At most seven ticks, at powers of ten that a reader counts in."""
    low, high = np.log10(ax.get_ylim())
    if high - low < 2:
        ticks = [10.0**power * part for power in range(int(np.floor(low)), int(high) + 1) for part in (1, 2, 5)]
        seen = [tick for tick in ticks if low <= np.log10(tick) <= high]
        ax.set_yticks(seen, [f"{tick:g}" for tick in seen])
        ax.minorticks_off()
        return
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (high - low) / step <= 7)
    powers = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    ax.set_yticks(10.0**powers)
    ax.minorticks_off()


def _draw_lines(ax: "Axes", table: Table, lines: dict[str, Series], far: float) -> None:
    """The lines and bands of a panel, the bounds, and right of it the name of each with what has become of it."""
    bottom, _ = ax.get_ylim()
    ends: dict[str, tuple[float, str]] = {}
    for name, series in lines.items():
        whole = table.where(series=name)
        rows = whole.rows(whole["back"] <= far)
        back, median, (color, line, marker) = rows["back"], rows["median"], series.look
        ax.fill_between(back, np.maximum(rows["low"], FLOAT64_LAST), rows["high"], color=color, alpha=0.2, lw=0)
        (drawn,) = ax.plot(back[median > 0], median[median > 0], color=color, ls=line, label=name)
        gone = back[(median == 0) & (back > 0)]  # dL/dc[T] is 0 by definition, not lost
        if len(gone):
            ground = ax.get_xaxis_transform()  # y in parts of the panel
            ax.plot(gone, np.zeros(len(gone)), "v", color=color, ms=4, transform=ground, clip_on=False)
        else:
            drawn.set(marker=marker, markevery=[-1], ms=5, clip_on=False)
        ends[decay_words.beside(whole, name, series.panel, far)] = (float(median[-1]), color)
        if np.isfinite(rows["bound"][0]):
            _draw_bound(ax, name, float(rows["bound"][0]), far, ends)
    if bottom < FLOAT32_LAST / 1e10:
        ax.axhline(FLOAT32_LAST, color=looks.GREY, lw=0.8, ls=(0, (1, 2)))
        if all(y < FLOAT32_LAST for y, color in ends.values() if color != looks.GREY):
            ends["below:\n0 in float32"] = (FLOAT32_LAST, looks.GREY)
        else:
            page.label(ax, 0.02 * far, FLOAT32_LAST, "0 in float32", looks.GREY, va="top")
    page.beside(ax, ends, PANEL)


def _draw_bound(ax: "Axes", name: str, bound: float, far: float, ends: dict[str, tuple[float, str]]) -> None:
    """Pascanu's bound to the k as far as the axis goes; its name at its end: right of the panel, or where it leaves."""
    growth = np.log(max(bound, FLOAT64_LAST))
    leaves = [np.log(limit) / growth for limit in ax.get_ylim() if growth and np.log(limit) / growth > 0]
    last = min([far, *leaves])
    ks = np.array([0.0, last])
    ax.plot(ks, np.exp(growth * ks), color=looks.GREY, lw=1, zorder=1, label=f"bound: {name}")
    said = rf"$\leq$ {bound:.{3 if abs(bound - 1) > 0.01 else 5}g}$^k$"
    if last == far:
        ends[f"{said}\n(bound)"] = (float(np.exp(growth * far)), looks.GREY)
    else:
        x, y = (last + 0.03 * far, 0.97) if growth > 0 else (0.6 * last, np.exp(0.6 * growth * last))
        across = ax.get_xaxis_transform() if growth > 0 else ax.transData
        page.label(ax, x, float(y), said, looks.GREY, va="top" if growth > 0 else "center", transform=across)


def caption(table: Table) -> str:
    end = float(table["back"].max())
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "The norm of the gradient at every state, by steps back from the loss, on a logarithmic scale of each panel's "
        "own; beside a line's end in how many steps it halves (½), or what is left; grey lines are Pascanu's bounds. "
        "λ is its growth in nats per step back, ± over the seeds: below 0 it vanishes.",
        f"T = {end:.0f}, {setting(table, 'hidden', 'inputs')} from N(0, 1), medians of {setting(table, 'seeds')}, "
        "bands from 10 to 90 %, the loss on the last step alone.",
        decay_words.numbers(table, decay_lines.lines(table).keys()),
    )


def _found(table: Table) -> str:
    """The series that keeps most, of dL/dh and with an input, and the one that keeps least."""
    end = float(table["back"].max())
    names = [name for (name,) in table.each("series")]
    left = {name: float(table.only("median", series=name, back=end)) for name in names}
    alike = [one for one in names if not one.endswith("no input") and ", c" not in one]
    order = sorted(alike or names, key=lambda one: left[one])
    least, most = (f"{left[name]:.2g}" if left[name] else "nothing" for name in (order[0], order[-1]))
    if len(order) == 1:
        return f"{end:.0f} steps back {order[0]} has {most} of its gradient left"
    return f"{end:.0f} steps back {order[-1]} has {most} of its gradient left, {order[0]} {least}"
