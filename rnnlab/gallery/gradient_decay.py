"""The hero: |∂L/∂h[t]| against steps back from the loss, for every layer that the survey compares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow, initializers
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
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
    color: str
    line: str
    driven: bool = True
    of: str = "hs"


GLOROT, ORTHOGONAL = "glorot_uniform", "orthogonal"
REMEDIES, GATES = "ReLU with a remedy", "gates"
NEAR = 60
"""Steps back that the last panel shows, each of them."""

SERIES = {
    "sigmoid, glorot_uniform": Series("sigmoid", _rnn("sigmoid", GLOROT, GLOROT), looks.RED, "--"),
    "sigmoid, orthogonal": Series("sigmoid", _rnn("sigmoid", ORTHOGONAL, ORTHOGONAL), looks.BLUE, "-"),
    "tanh, glorot_uniform": Series("tanh", _rnn("tanh", GLOROT, GLOROT), looks.RED, "--"),
    "tanh, orthogonal": Series("tanh", _rnn("tanh", ORTHOGONAL, ORTHOGONAL), looks.BLUE, "-"),
    "tanh, orthogonal U alone": Series("tanh", _rnn("tanh", GLOROT, ORTHOGONAL), looks.PURPLE, ":"),
    "ReLU, glorot_uniform": Series("ReLU", _rnn("relu", GLOROT, GLOROT), looks.RED, "--"),
    "ReLU, orthogonal": Series("ReLU", _rnn("relu", ORTHOGONAL, ORTHOGONAL), looks.BLUE, "-"),
    "IRNN": Series(REMEDIES, _irnn, looks.GREEN, "-"),
    "IRNN, no input": Series(REMEDIES, _irnn, looks.BLACK, "--", driven=False),
    "IndRNN": Series(REMEDIES, _indrnn, looks.ORANGE, "-."),
    "GRU": Series(GATES, _gru, looks.RED, "--"),
    "LSTM, h": Series(GATES, _lstm(1), looks.BLUE, "-"),
    "LSTM, c": Series(GATES, _lstm(1), looks.SKY, ":", of="cs"),
    "LSTM, c, forget bias 5": Series(GATES, _lstm(5), looks.GREEN, "-.", of="cs"),
}


def compute(*, seeds: int = 20, steps: int = 600, hidden: int = 100, inputs: int = 8, every: int = 5) -> Table:
    """A run per series and seed: x[t] ~ N(0, 1), the loss on the last step alone, |dL/dh[T]| = 1.

    "orthogonal U alone" keeps W at glorot_uniform; elsewhere W and U come from the named initializer. Without input,
    h0 is 1 so that there is a state to keep. GRU and LSTM start as their `init` does: glorot_uniform W, orthogonal U.
    The loss reads the LSTM's h alone, so dL/dc[T] = 0 and the cell's gradient starts a step back, on the same scale.

    Returns:
        series; back, steps back from the loss, each of the first NEAR, then every `every`th; median, low, high of the
        norm (10 and 90 % of the seeds); zeros, the share of seeds whose gradient is exactly 0; rate and spread, median
        and standard deviation over the seeds of the decay in nats per step; bound, Pascanu's factor per step, median,
        NaN for gates, which it does not cover.
    """
    rows: list[tuple[str | float, ...]] = []
    for name, series in SERIES.items():
        norms, rates, bounds = [], [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            layer = series.build(rng, inputs, hidden, steps)
            xs = rng.standard_normal((steps, 1, inputs)) * series.driven
            h0 = None if series.driven else np.ones((1, hidden))
            dh = np.full((1, hidden), hidden**-0.5)
            run = flow.gradient_norms(layer, xs, h0, dh=dh, of=series.of)[:, 0]
            norms.append(run[::-1])
            rates.append(flow.decay_rate(run))
            bounds.append(flow.pascanu_bound(layer) if isinstance(layer, RNN | IndRNN) else np.nan)
        low, median, high = np.quantile(norms, (0.1, 0.5, 0.9), axis=0, method="nearest")
        zeros = np.mean(np.array(norms) == 0, axis=0)
        summary = float(np.median(rates)), float(np.std(rates)), float(np.median(bounds))
        shown = (k for k in range(steps + 1) if k <= NEAR or k % every == 0)
        rows += [(name, k, median[k], low[k], high[k], zeros[k], *summary) for k in shown]
    return Table.of("series back median low high zeros rate spread bound", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """One logarithmic scale but for two close-ups: lines are medians, bands 10–90 % of the seeds, grey the bounds."""
    figure, axes = page.page(3, 2, height=10.8)
    *_, near = axes
    panels = dict(zip(dict.fromkeys(series.panel for series in SERIES.values()), axes[:-1], strict=True))
    steps = table["back"].max()
    for ax in axes:
        ax.set(xlabel="steps back from the loss, k", yscale="log")
    near.set(title=f"{GATES}, the first {NEAR} steps", xlim=(0, min(NEAR, steps)), ylim=(1e-10, 3))
    for panel, ax in panels.items():
        ax.set(title=panel, xlim=(0, steps), ylim=(1e-323, 1e25))
        if panel == REMEDIES:
            ax.set(ylim=(1e-3, 3), title=f"{panel}, seen 90 times closer")
            continue
        ax.set_yticks([10.0**-e for e in range(0, 301, 50)])
        ax.minorticks_off()
        for floor, name in ((FLOAT32_LAST, "float32"), (FLOAT64_LAST, "float64")):
            ax.axhline(floor, color=looks.GREY, lw=0.8, ls=(0, (1, 2)))
            if panel == "ReLU":
                page.label(ax, steps, floor * 1e7, f"below: 0 in {name}", looks.GREY, ha="right")
    for name, series in SERIES.items():
        rows = table.where(series=name)
        back, low, median = rows["back"], rows["low"], rows["median"]
        for ax in (panels[series.panel], near) if series.panel == GATES else (panels[series.panel],):
            ax.fill_between(back, np.maximum(low, FLOAT64_LAST), rows["high"], color=series.color, alpha=0.2, lw=0)
            ax.plot(back[median > 0], median[median > 0], color=series.color, ls=series.line, label=_legend(name, rows))
        gone = back[(median == 0) & (back > 0)]  # dL/dc[T] is 0 by definition, not lost
        if len(gone):
            ax, ground = panels[series.panel], panels[series.panel].get_xaxis_transform()  # y in parts of the panel
            ax.plot(gone, np.zeros(len(gone)), "v", color=series.color, ms=4, transform=ground, clip_on=False)
    for panel, name, text, at in BOUNDS:
        rate = -np.log(_bound(table, name))
        k = np.array([0.0, min(steps, 740 / rate if rate > 1e-9 else 57 / max(-rate, 1e-9))])
        panels[panel].plot(k, np.exp(-rate * k), color=looks.GREY, lw=1, zorder=1, label=f"bound: {name}")
        page.label(panels[panel], at, np.exp(-rate * at), text.format(_bound(table, name)), looks.GREY)
    for panel, ax in panels.items():
        handles = [line for line in ax.get_lines() if not str(line.get_label()).startswith(("_", "bound"))]
        ax.legend(handles=handles, loc="upper right" if panel == "sigmoid" else "lower left")
    for name, x, side in NAMES_NEAR:
        rows = table.where(series=name)
        y = float(np.interp(x, rows["back"], rows["median"])) * side
        page.label(near, x, y, name, SERIES[name].color, va="bottom" if side > 1 else "top")
    of_h, of_c = (rf"$|\partial L/\partial {state}[T-k]|$" for state in "hc")
    for ax in axes[::2]:
        ax.set_ylabel(rf"{of_h}, with $|\partial L/\partial h[T]| = 1$")
    panels[GATES].set_ylabel(f"{of_h}, or {of_c} of the cell")
    return figure


BOUNDS = (
    ("sigmoid", "sigmoid, orthogonal", "0.25$^k$ (orthogonal)", 250),
    ("sigmoid", "sigmoid, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 330),
    ("tanh", "tanh, orthogonal", "bound {:.2g}$^k$ (orthogonal)", 330),
    ("tanh", "tanh, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 60),
    ("ReLU", "ReLU, glorot_uniform", "bound {:.2f}$^k$ (glorot)", 60),
)
"""Pascanu's γ σ_max(U) to the k: panel, series, label, where the label stands."""

NAMES_NEAR = (
    ("GRU", 25, 1.6),
    ("LSTM, h", 34, 0.5),
    ("LSTM, c", 45, 1.5),
    ("LSTM, c, forget bias 5", 38, 1.8),
)
"""The labels of the last panel: series, steps back, and how far above (> 1) or below the line."""


def _bound(table: Table, name: str) -> float:
    return float(table.where(series=name)["bound"][0])


def _legend(name: str, rows: Table) -> str:
    half_life = float(flow.half_life(rows["rate"][0]))
    if abs(rows["rate"][0]) < 1e-12:
        pace = "kept"
    else:
        pace = f"{'halves' if half_life > 0 else 'doubles'} in {abs(half_life):.3g} steps"
    return f"{name.removeprefix(f'{SERIES[name].panel}, ')}: {pace}"


def caption(table: Table) -> str:
    def series(name: str) -> Table:
        return table.where(series=name)

    def rate(name: str) -> str:
        return f"{series(name)['rate'][0]:.3f} ± {series(name)['spread'][0]:.3f}"

    sigmoid = series("sigmoid, orthogonal")
    zero32 = sigmoid["back"][sigmoid["median"] < FLOAT32_LAST].min()
    zero64 = sigmoid["back"][sigmoid["median"] == 0].min()
    irnn, indrnn = series("IRNN"), series("IndRNN")
    opened, end = series("LSTM, c, forget bias 5"), float(table["back"].max())
    near, late, far = (opened["back"][np.abs(opened["back"] - k).argmin()] for k in (NEAR, 0.9 * end, end))
    return (
        "Norm of the gradient at every state, the loss on the last step alone; medians of the seeds, bands from 10 to "
        f"90 %. Sigmoid loses {sigmoid['rate'][0]:.2f} nats a step, more than the bound log 4 = 1.39 asks: within "
        f"{zero32:.0f} steps it is exactly 0 in float32 and within {zero64:.0f} in float64 (triangles). With W and U "
        f"both orthogonal tanh loses {rate('tanh, orthogonal')} (± over the seeds), with both glorot_uniform "
        f"{rate('tanh, glorot_uniform')}; with U alone orthogonal it is {rate('tanh, orthogonal U alone')}: what "
        "orthogonal U brings is that every seed decays alike, what slows the decay is the smaller W. ReLU does not "
        f"cure it: {rate('ReLU, orthogonal')}. IRNN without input keeps the gradient as it is (rate "
        f"{series('IRNN, no input')['rate'][0]:.0e}); with input, a unit that is switched off cuts its path, and "
        f"{irnn['median'][-1]:.2g} of the norm is left after {irnn['back'][-1]:.0f} steps, in IndRNN "
        f"{indrnn['median'][-1]:.2g}. Gates do not keep it by themselves: as they start, a GRU loses {rate('GRU')}, "
        f"more than a tanh RNN, an LSTM {rate('LSTM, h')}, its cell {rate('LSTM, c')} (the loss reads h, so the cell's "
        "gradient starts one step back). A forget bias of 5 instead of 1 opens the gate: "
        f"{opened.only('median', back=1.0):.2g} of the norm is in the cell one step back, "
        f"{opened.only('median', back=near):.2g} after {near:.0f} steps, {opened.only('median', back=late):.2g} after "
        f"{late:.0f} and {opened['median'][-1]:.2g} after {far:.0f}: it no longer vanishes, it grows, most of all "
        "where the cells have just left 0."
    )
