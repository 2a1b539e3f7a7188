"""The long view: |∂L/∂h[t]| against steps back from the loss, for every layer that the survey compares."""

from collections.abc import KeysView
from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, decay_lines, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.decay_lines import GATES, REMEDIES, SERIES, Series
from rnnlab.gallery.knobs import (
    Hidden,
    Inputs,
    Knob,
    Seeds,
    Steps,
    checked,
    fate,
    growths,
    knob,
    plus_minus,
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
FLOAT32_LAST, FLOAT64_LAST = 2.0**-149, 2.0**-1074
"""The smallest numbers above zero in either precision: what is smaller is exactly 0."""

NEAR = 60
"""Steps back that the last panel shows, each of them."""


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
    """One logarithmic scale but for two close-ups: lines are medians, bands 10–90 % of the seeds, grey the bounds."""
    lines = decay_lines.lines(table)
    names = list(dict.fromkeys(line.panel for line in lines.values()))
    count = len(names) + (GATES in names)
    figure, axes = page.page(-(-count // 2), min(2, count), height=3.6 * -(-count // 2))
    panels = dict(zip(names, axes, strict=False))
    near = axes[len(names)] if GATES in names else None
    for ax in axes[count:]:
        ax.remove()
    steps = table["back"].max()
    positive = table["low"][table["low"] > 0]
    deepest = min(-3.0, max(-323.0, 1.1 * np.log10(positive.min(initial=1.0))))  # the scale's bottom, in decades
    top = max(10.0 ** (-0.0775 * deepest), 3 * float(table["high"].max()))
    for ax in axes[:count]:
        ax.set(xlabel="steps back from the loss, k", yscale="log")
    for panel, ax in panels.items():
        ax.set(title=panel, xlim=(0, steps), ylim=(10.0**deepest, top))
        if panel == REMEDIES:
            closer = abs(deepest) * 1.0775 / 3.48
            ax.set(ylim=(1e-3, 3), title=f"{panel}, seen {closer:.0f} times closer" if closer > 2 else panel)
            continue
        if deepest < -100:
            ax.set_yticks([10.0**-e for e in range(0, int(-deepest), 50)])
            ax.minorticks_off()
        for floor, precision in ((FLOAT32_LAST, "float32"), (FLOAT64_LAST, "float64")):
            if 10 * floor < 10.0**deepest:
                continue
            ax.axhline(floor, color=looks.GREY, lw=0.8, ls=(0, (1, 2)))
            if panel == "ReLU":
                page.label(ax, steps, floor * 1e7, f"below: 0 in {precision}", looks.GREY, ha="right")
    for name, series in lines.items():
        rows = table.where(series=name)
        back, low, median = rows["back"], rows["low"], rows["median"]
        color, line, _ = series.look
        for ax in [panels[series.panel], *([near] if near and series.panel == GATES else [])]:
            ax.fill_between(back, np.maximum(low, FLOAT64_LAST), rows["high"], color=color, alpha=0.2, lw=0)
            ax.plot(back[median > 0], median[median > 0], color=color, ls=line, label=_legend(name, rows, series))
        gone = back[(median == 0) & (back > 0)]  # dL/dc[T] is 0 by definition, not lost
        if len(gone):
            ax, ground = panels[series.panel], panels[series.panel].get_xaxis_transform()  # y in parts of the panel
            ax.plot(gone, np.zeros(len(gone)), "v", color=color, ms=4, transform=ground, clip_on=False)
    for panel, name, text, part in BOUNDS:
        if name not in lines:
            continue
        growth = np.log(_bound(table, name))
        ends = 743.0 if growth < 0 else 57.0  # nats from 1 to the bottom and to the top of the deepest scale
        k, at = np.array([0.0, min(steps, ends / max(abs(growth), 1e-9))]), part * steps
        panels[panel].plot(k, np.exp(growth * k), color=looks.GREY, lw=1, zorder=1, label=f"bound: {name}")
        if deepest < np.log10(np.exp(max(growth * at, -743.0))) < np.log10(top):
            page.label(panels[panel], at, np.exp(growth * at), text.format(_bound(table, name)), looks.GREY)
    for panel, ax in panels.items():
        handles = [line for line in ax.get_lines() if not str(line.get_label()).startswith(("_", "bound"))]
        if handles:
            ax.legend(handles=handles, loc="upper right" if panel == "sigmoid" else "lower left")
    if near:
        _name_the_near(near, table, min(NEAR, steps))
    of_h, of_c = (rf"$|\partial L/\partial {state}[T-k]|$" for state in "hc")
    for ax in axes[:count:2]:
        ax.set_ylabel(rf"{of_h}, with $|\partial L/\partial h[T]| = 1$")
    if near:
        panels[GATES].set_ylabel(f"{of_h}, or {of_c} of the cell")
    return figure


def _name_the_near(ax: "Axes", table: Table, steps: float) -> None:
    """The close-up of the gates: its limits, and the names beside the lines."""
    ax.set(title=f"{GATES}, the first {steps:.0f} steps", xlim=(0, steps), ylim=(1e-10, 3))
    for name, part, side in NAMES_NEAR:
        rows = table.where(series=name)
        if len(rows):
            y = float(np.interp(part * steps, rows["back"], rows["median"])) * side
            if y > 1e-10:
                vertical = "bottom" if side > 1 else "top"
                page.label(ax, part * steps, y, name, SERIES[name].look.color, va=vertical)


BOUNDS = (
    ("sigmoid", "sigmoid, orthogonal", "0.25$^k$ (orthogonal)", 0.417),
    ("sigmoid", "sigmoid, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 0.55),
    ("tanh", "tanh, orthogonal", "bound {:.2g}$^k$ (orthogonal)", 0.55),
    ("tanh", "tanh, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 0.1),
    ("ReLU", "ReLU, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 0.1),
)
"""Pascanu's γ σ_max(U) to the k: panel, series, label, and where on the axis the label stands."""

NAMES_NEAR = (
    ("GRU", 0.42, 1.6),
    ("LSTM, h", 0.57, 0.5),
    ("LSTM, c", 0.75, 1.5),
    ("LSTM, c, forget bias 5", 0.63, 1.8),
)
"""The labels of the last panel: series, where on the axis, and how far above (> 1) or below the line."""

STARTED = {
    "tanh, glorot_uniform": "W and U glorot_uniform",
    "tanh, orthogonal": "W and U orthogonal",
    "tanh, orthogonal U alone": "U alone orthogonal",
}
Names = KeysView[str]


def _bound(table: Table, name: str) -> float:
    return float(table.where(series=name)["bound"][0])


def pace(rows: Table) -> str:
    """How fast one series decays: the steps in which it halves, if it is near an exponential, else what is left."""
    growth, alive = rows["growth"][0], (rows["median"] > 0) & (rows["back"] > 0)
    if abs(growth) < 1e-12:
        return "kept"
    if not alive.any():
        return "lost at once"
    back, left = rows["back"][alive][-1], rows["median"][alive][-1]
    log = np.log(rows["median"][alive])
    if np.abs(log - growth * rows["back"][alive]).max() < 0.15 * np.ptp(log):
        return f"{'halves' if growth < 0 else 'doubles'} in {np.log(2) / abs(growth):.3g} steps"
    then = "" if rows["median"][-1] > 0 else ", then 0"
    return f"{left:.2g} left after {back:.0f} steps{then}" if left < 1 else f"grows to {left:.3g} in {back:.0f} steps"


def _legend(name: str, rows: Table, series: Series) -> str:
    return f"{name.removeprefix(f'{series.panel}, ')}: {pace(rows)}"


def caption(table: Table) -> str:
    end = float(table["back"].max())
    lines = decay_lines.lines(table)
    said = [tell(table, lines.keys()) for tell in (_sigmoid, _tanh, _relu, _remedies, _gates, _yours)]
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "The norm of the gradient at every state, by steps back from the loss, on a logarithmic scale; grey lines are "
        "Pascanu's bounds. λ is its growth in nats per step back, ± over the seeds: below 0 it vanishes.",
        f"T = {end:.0f}, {setting(table, 'hidden', 'inputs')} from N(0, 1), medians of {setting(table, 'seeds')}, "
        "bands from 10 to 90 %, the loss on the last step alone.",
        [part for part in said if part],
    )


def _found(table: Table) -> str:
    """The series that keeps most, of dL/dh and with an input, and the one that keeps least."""
    end = float(table["back"].max())
    names = [name for (name,) in table.each("series")]
    left = {name: float(table.only("median", series=name, back=end)) for name in names}
    alike = [one for one in names if not one.endswith("no input") and ", c" not in one]
    order = sorted(alike or names, key=lambda one: left[one])
    least, most = (f"{left[name]:.1g}" if left[name] else "nothing" for name in (order[0], order[-1]))
    if len(order) == 1:
        return f"{end:.0f} steps back {order[0]} has {most} of its gradient left"
    return f"{end:.0f} steps back {order[-1]} has {most} of its gradient left, {order[0]} {least}"


def _number(table: Table, name: str, column: str) -> float:
    return float(table.where(series=name)[column][0])


def _growth(table: Table, name: str) -> str:
    """λ and, of several seeds, its spread; in words where the gradient is 0 after one step."""
    growth = _number(table, name, "growth")
    if np.isinf(growth):
        return "-∞ (lost at once)"
    return plus_minus(growth, _number(table, name, "spread") if knob(table, "seeds") > 1 else np.nan)


def _left(table: Table, name: str, k: float) -> str:
    rows = table.where(series=name)
    return f"{rows['median'][np.abs(rows['back'] - k).argmin()]:.2g}"


def _sigmoid(table: Table, names: Names) -> str:
    here = [name for name in names if name.startswith("sigmoid")]
    if not here:
        return ""
    name = here[-1]
    rows = table.where(series=name)
    zeros = [
        f"exactly 0 in {precision} from {rows['back'][rows['median'] < floor].min():.0f} steps on"
        for precision, floor in (("float32", FLOAT32_LAST), ("float64", FLOAT64_LAST))
        if (rows["median"] < floor).any()
    ]
    zero = f"{' and '.join(zeros)} (triangles)" if zeros else "not yet 0 in float32"
    bound = np.log(_bound(table, name))
    return f"{name}: λ = {_growth(table, name)}, where the bound allows {bound:.2f} or less; {zero}."


def _tanh(table: Table, names: Names) -> str:
    here = [name for name in names if name.startswith("tanh")]
    if not here:
        return ""
    each = "; ".join(f"{_growth(table, name)} with {STARTED[name]}" for name in here)
    both, glorot, alone = "tanh, orthogonal", "tanh, glorot_uniform", "tanh, orthogonal U alone"
    if not {both, glorot, alone} <= set(here):
        return f"tanh: λ = {each}."
    steady = "steadier" if _number(table, alone, "spread") <= _number(table, glorot, "spread") / 2 else "no steadier"
    steady = f"{steady} from seed to seed and " if knob(table, "seeds") > 1 else ""
    slower = "slower" if _slower(table, alone, glorot) else "no slower"
    smaller_w = "slows it" if _slower(table, both, alone) else "does not slow it more"
    return f"tanh: λ = {each}; U alone is {steady}{slower} to vanish, the smaller W {smaller_w}."


def _slower(table: Table, name: str, other: str) -> bool:
    """Whether it vanishes more slowly than the other, by more than that one's seeds differ."""
    gain = _number(table, name, "growth") - _number(table, other, "growth")
    return bool(gain > np.nan_to_num(_number(table, other, "spread")))


def _relu(table: Table, names: Names) -> str:
    end = float(table["back"].max())
    here = []
    for name in names:
        if name.startswith("ReLU"):
            becomes = fate(_number(table, name, "growth"), end)
            here.append(f"{name.removeprefix('ReLU, ')} {_growth(table, name)}, the gradient {becomes}")
    return f"ReLU: {'; '.join(here)}." if here else ""


def _remedies(table: Table, names: Names) -> str:
    end, said = float(table["back"].max()), []
    if "IRNN, no input" in names:
        growth = _number(table, "IRNN, no input", "growth")
        said.append(f"IRNN without input {'keeps the gradient exactly' if growth == 0 else f'has λ = {growth:.1g}'}.")
    if driven := [name for name in ("IRNN", "IndRNN") if name in names]:
        left = ", ".join(f"{_left(table, name, end)} in {name}" for name in driven)
        said.append(f"With input a unit that is off cuts its path: after {end:.0f} steps are left {left}.")
    return " ".join(said)


def _gates(table: Table, names: Names) -> str:
    said, opened, end = [], "LSTM, c, forget bias 5", float(table["back"].max())
    if here := [name for name in ("GRU", "LSTM, h", "LSTM, c") if name in names]:
        each = ", ".join(f"{name} {_growth(table, name)}" for name in here)
        back = " (c is the cell; the loss reads h, so the cell's gradient starts one step back)"
        said.append(f"Gates as they start: {each}{back if 'LSTM, c' in here else ''}.")
    if {"GRU", "tanh, glorot_uniform"} <= names:
        faster = _number(table, "GRU", "growth") < _number(table, "tanh, glorot_uniform", "growth")
        said.append(f"The GRU's vanishes {'faster' if faster else 'no faster'} than a tanh RNN's.")
    if opened in names:
        moments = sorted({float(round(k)) for k in (1, min(NEAR, end), 0.9 * end, end)} - {0.0})
        left = ", ".join(f"{_left(table, opened, k)} after {k:.0f}" for k in moments)
        said.append(
            f"With a forget bias of 5 instead of 1 the cell has {left} steps: it "
            f"{_fate_of_path(table.where(series=opened), end)}."
        )
    return " ".join(said)


def _yours(table: Table, names: Names) -> str:
    own = [f"{name} {_growth(table, name)} ({pace(table.where(series=name))})" for name in names if name not in SERIES]
    return f"Your own: {listed(own)}." if own else ""


def _fate_of_path(rows: Table, end: float) -> str:
    """What becomes of a norm that is no exponential, from one step back to the last."""
    first, last = (float(rows["median"][np.abs(rows["back"] - k).argmin()]) for k in (1, end))
    if not last > 0:
        return "vanishes"
    return "grows" if last > 2 * first else "vanishes" if last < first / 100 else "is roughly kept"
