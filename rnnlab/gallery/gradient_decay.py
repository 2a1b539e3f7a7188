"""The hero: |∂L/∂h[t]| against steps back from the loss, for every layer that the survey compares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow, initializers
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.looks import Look
from rnnlab.gallery import page
from rnnlab.gallery.knobs import fate, growths, knob, plus_minus, setting, spread, with_knobs
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Where does the gradient go?"
FLOAT32_LAST, FLOAT64_LAST = 2.0**-149, 2.0**-1074
"""The smallest numbers above zero in either precision: what is smaller is exactly 0."""

Build = Callable[[np.random.Generator, int, int, int], RNN | IndRNN | LSTM | GRU]


def _rnn(activation: str, kernel: str, recurrent: str) -> Build:
    return lambda rng, inputs, hidden, steps: RNN.init(
        rng,
        inputs=inputs,
        hidden=hidden,
        activation=activation,
        kernel_initializer=kernel,
        recurrent_initializer=recurrent,
    )


def _irnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.irnn(rng, inputs=inputs, hidden=hidden)


def _indrnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> IndRNN:
    u_range = initializers.get("indrnn_range", steps=steps)
    return IndRNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=u_range)


def _lstm(forget_bias: float) -> Build:
    return lambda rng, inputs, hidden, steps: LSTM.init(rng, inputs=inputs, hidden=hidden, forget_bias=forget_bias)


def _gru(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> GRU:
    return GRU.init(rng, inputs=inputs, hidden=hidden)


@dataclass(frozen=True)
class Series:
    """A line: its panel, how its layer is built, how it is drawn, whether it has input, and whose gradient it is."""

    panel: str
    build: Build
    look: Look
    driven: bool = True
    of: str = "hs"


GLOROT, ORTHOGONAL = "glorot_uniform", "orthogonal"
REMEDIES, GATES = "ReLU with a remedy", "gates"
NEAR = 60
"""Steps back that the last panel shows, each of them."""

MODELS, STARTS = looks.MODELS, looks.INITIALIZERS
ALONE = Look(STARTS[ORTHOGONAL].color, ":", STARTS[ORTHOGONAL].marker)
"""Of orthogonal as U, with another W."""

SERIES = {
    "sigmoid, glorot_uniform": Series("sigmoid", _rnn("sigmoid", GLOROT, GLOROT), STARTS[GLOROT]),
    "sigmoid, orthogonal": Series("sigmoid", _rnn("sigmoid", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "tanh, glorot_uniform": Series("tanh", _rnn("tanh", GLOROT, GLOROT), STARTS[GLOROT]),
    "tanh, orthogonal": Series("tanh", _rnn("tanh", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "tanh, orthogonal U alone": Series("tanh", _rnn("tanh", GLOROT, ORTHOGONAL), ALONE),
    "ReLU, glorot_uniform": Series("ReLU", _rnn("relu", GLOROT, GLOROT), STARTS[GLOROT]),
    "ReLU, orthogonal": Series("ReLU", _rnn("relu", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "IRNN": Series(REMEDIES, _irnn, MODELS["IRNN"]),
    "IRNN, no input": Series(REMEDIES, _irnn, MODELS["IRNN, no input"], driven=False),
    "IndRNN": Series(REMEDIES, _indrnn, MODELS["IndRNN"]),
    "GRU": Series(GATES, _gru, MODELS["GRU"]),
    "LSTM, h": Series(GATES, _lstm(1), MODELS["LSTM"]),
    "LSTM, c": Series(GATES, _lstm(1), MODELS["LSTM, cell"], of="cs"),
    "LSTM, c, forget bias 5": Series(GATES, _lstm(5), MODELS["LSTM, cell, forget bias 5"], of="cs"),
}


def compute(*, seeds: int = 20, steps: int = 600, hidden: int = 100, inputs: int = 8, every: int = 5) -> Table:
    """A run per series and seed: x[t] ~ N(0, 1), the loss on the last step alone, |dL/dh[T]| = 1.

    "orthogonal U alone" keeps W at glorot_uniform; elsewhere W and U come from the named initializer. Without input,
    h0 is 1 so that there is a state to keep. GRU and LSTM start as their `init` does: glorot_uniform W, orthogonal U.
    The loss reads the LSTM's h alone, so dL/dc[T] = 0 and the cell's gradient starts a step back, on the same scale.

    Returns:
        series; back, steps back from the loss, each of the first NEAR, every `every`th, and the last; median, low, high
        of the norm (10 and 90 % of the seeds); zeros, the share of seeds whose gradient is exactly 0; growth λ and
        spread, median and standard deviation over the seeds, nats per step back, below 0 it vanishes; bound, Pascanu's
        factor per step, median, NaN for gates, which it does not cover; seeds, hidden, inputs.
    """
    rows: list[tuple[str | float, ...]] = []
    for name, series in SERIES.items():
        norms, rates, bounds = [], [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            layer = series.build(rng, inputs, hidden, steps)
            xs = rng.standard_normal((steps, 1, inputs)) * series.driven
            starts = () if series.driven else (np.ones((1, hidden)),)
            dh = np.full((1, hidden), hidden**-0.5)
            run = flow.gradient_norms(layer, xs, *starts, dh=dh, of=series.of)[:, 0]
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
    figure, axes = page.page(3, 2, height=10.8)
    *_, near = axes
    panels = dict(zip(dict.fromkeys(series.panel for series in SERIES.values()), axes[:-1], strict=True))
    steps = table["back"].max()
    deepest = max(-323.0, 1.1 * np.log10(table["low"][table["low"] > 0].min()))  # the bottom of the scale, in decades
    for ax in axes:
        ax.set(xlabel="steps back from the loss, k", yscale="log")
    near.set(title=f"{GATES}, the first {min(NEAR, steps):.0f} steps", xlim=(0, min(NEAR, steps)), ylim=(1e-10, 3))
    for panel, ax in panels.items():
        ax.set(title=panel, xlim=(0, steps), ylim=(10.0**deepest, 10.0 ** (-0.0775 * deepest)))
        if panel == REMEDIES:
            ax.set(ylim=(1e-3, 3), title=f"{panel}, seen {abs(deepest) * 1.0775 / 3.48:.0f} times closer")
            continue
        if deepest < -100:
            ax.set_yticks([10.0**-e for e in range(0, int(-deepest), 50)])
            ax.minorticks_off()
        for floor, name in ((FLOAT32_LAST, "float32"), (FLOAT64_LAST, "float64")):
            if 10 * floor < 10.0**deepest:
                continue
            ax.axhline(floor, color=looks.GREY, lw=0.8, ls=(0, (1, 2)))
            if panel == "ReLU":
                page.label(ax, steps, floor * 1e7, f"below: 0 in {name}", looks.GREY, ha="right")
    for name, series in SERIES.items():
        rows = table.where(series=name)
        back, low, median = rows["back"], rows["low"], rows["median"]
        color, line, _ = series.look
        for ax in (panels[series.panel], near) if series.panel == GATES else (panels[series.panel],):
            ax.fill_between(back, np.maximum(low, FLOAT64_LAST), rows["high"], color=color, alpha=0.2, lw=0)
            ax.plot(back[median > 0], median[median > 0], color=color, ls=line, label=_legend(name, rows))
        gone = back[(median == 0) & (back > 0)]  # dL/dc[T] is 0 by definition, not lost
        if len(gone):
            ax, ground = panels[series.panel], panels[series.panel].get_xaxis_transform()  # y in parts of the panel
            ax.plot(gone, np.zeros(len(gone)), "v", color=color, ms=4, transform=ground, clip_on=False)
    for panel, name, text, part in BOUNDS:
        growth = np.log(_bound(table, name))
        ends = 743.0 if growth < 0 else 57.0  # nats from 1 to the bottom and to the top of the deepest scale
        k, at = np.array([0.0, min(steps, ends / max(abs(growth), 1e-9))]), part * steps
        panels[panel].plot(k, np.exp(growth * k), color=looks.GREY, lw=1, zorder=1, label=f"bound: {name}")
        page.label(panels[panel], at, np.exp(growth * at), text.format(_bound(table, name)), looks.GREY)
    for panel, ax in panels.items():
        handles = [line for line in ax.get_lines() if not str(line.get_label()).startswith(("_", "bound"))]
        ax.legend(handles=handles, loc="upper right" if panel == "sigmoid" else "lower left")
    for name, part, side in NAMES_NEAR:
        rows, x = table.where(series=name), part * min(NEAR, steps)
        y = float(np.interp(x, rows["back"], rows["median"])) * side
        page.label(near, x, y, name, SERIES[name].look.color, va="bottom" if side > 1 else "top")
    of_h, of_c = (rf"$|\partial L/\partial {state}[T-k]|$" for state in "hc")
    for ax in axes[::2]:
        ax.set_ylabel(rf"{of_h}, with $|\partial L/\partial h[T]| = 1$")
    panels[GATES].set_ylabel(f"{of_h}, or {of_c} of the cell")
    return figure


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


def _legend(name: str, rows: Table) -> str:
    return f"{name.removeprefix(f'{SERIES[name].panel}, ')}: {pace(rows)}"


def caption(table: Table) -> str:
    end, seeds = float(table["back"].max()), knob(table, "seeds")

    def series(name: str) -> Table:
        return table.where(series=name)

    def number(name: str, column: str) -> float:
        return float(series(name)[column][0])

    def growth(name: str) -> str:
        return plus_minus(number(name, "growth"), number(name, "spread") if seeds > 1 else np.nan)

    def left(name: str, k: float) -> str:
        rows = series(name)
        return f"{rows['median'][np.abs(rows['back'] - k).argmin()]:.2g}"

    sigmoid = series("sigmoid, orthogonal")
    zeros = [
        f"exactly 0 in {name} from {sigmoid['back'][sigmoid['median'] < floor].min():.0f} steps on"
        for name, floor in (("float32", FLOAT32_LAST), ("float64", FLOAT64_LAST))
        if (sigmoid["median"] < floor).any()
    ]
    both, glorot, alone = "tanh, orthogonal", "tanh, glorot_uniform", "tanh, orthogonal U alone"
    steady = "steadier" if number(alone, "spread") <= number(glorot, "spread") / 2 else "no steadier"
    steady = f"{steady} from seed to seed and " if seeds > 1 else ""
    slower = number(alone, "growth") > number(glorot, "growth") + number(glorot, "spread")
    smaller = number(both, "growth") > number(alone, "growth") + number(alone, "spread")
    opened = "LSTM, c, forget bias 5"
    moments = sorted({float(round(k)) for k in (1, min(NEAR, end), 0.9 * end, end)})
    kept = number("IRNN, no input", "growth") == 0
    gru = "faster" if number("GRU", "growth") < number(glorot, "growth") else "no faster"
    zero = f"{' and '.join(zeros)} (triangles)" if zeros else "not yet 0 in float32"
    smaller_w = "slows it" if smaller else "does not slow it more"
    return (
        f"Norm of the gradient at every state, the loss on the last step alone; T = {end:.0f}, "
        f"{setting(table, 'hidden', 'inputs')} from N(0, 1), medians of {setting(table, 'seeds')}, bands from 10 to "
        f"90 %. λ is its growth in nats per step back, ± over the seeds: below 0 it vanishes. Sigmoid: λ = "
        f"{number('sigmoid, orthogonal', 'growth'):.2f}, where the bound allows "
        f"{np.log(_bound(table, 'sigmoid, orthogonal')):.2f} or less; {zero}. tanh: {growth(both)} with W and U both "
        f"orthogonal, {growth(glorot)} with both glorot_uniform, {growth(alone)} with U alone orthogonal: that U is "
        f"{steady}{'slower' if slower else 'no slower'} to vanish, the smaller W {smaller_w}. ReLU, orthogonal: "
        f"{growth('ReLU, orthogonal')}; the gradient {fate(number('ReLU, orthogonal', 'growth'), end)}. IRNN without "
        f"input keeps the gradient{' exactly' if kept else ''} (λ = {number('IRNN, no input', 'growth'):.1g}); with "
        f"input, a unit that is off cuts its path: {left('IRNN', end)} is left after {end:.0f} steps, in IndRNN "
        f"{left('IndRNN', end)}. Gates as they start: GRU {growth('GRU')}, {gru} than a tanh RNN, LSTM "
        f"{growth('LSTM, h')}, its cell {growth('LSTM, c')} (the loss reads h, so the cell's gradient starts one step "
        f"back). With a forget bias of 5 instead of 1 the cell has "
        f"{', '.join(f'{left(opened, k)} after {k:.0f}' for k in moments)} steps: it "
        f"{_fate_of_path(series(opened), end)}."
    )


def _fate_of_path(rows: Table, end: float) -> str:
    """What becomes of a norm that is no exponential, from one step back to the last."""
    first, last = (float(rows["median"][np.abs(rows["back"] - k).argmin()]) for k in (1, end))
    if not last > 0:
        return "vanishes"
    return "grows" if last > 2 * first else "vanishes" if last < first / 100 else "is roughly kept"
