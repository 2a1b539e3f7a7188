"""The unrolled network: every step an arrow, as thick as the gradient that is measured there."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow, initializers
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import digits
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Seeds, Steps, checked, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The unrolled network, each arrow as thick as its gradient"
STATES = {"tanh RNN": "h", "IRNN": "h", "IndRNN": "h", "LSTM": "c"}
"""The models, from the top, and the state whose gradient is drawn: of the LSTM the cell, which is what remembers."""
PAIRS = {
    "tanh RNN": ("① slope 1 − h²", "② Uᵀ"),
    "IRNN": ("① slope 0 or 1", "② Uᵀ = I"),
    "IndRNN": ("① slope 0 or 1", "② u, one for each unit"),
    "LSTM": ("forget gate f", ""),
}
"""What an arrow multiplies by."""
THICKEST, THINNEST = 11.0, 0.15
"""Points: an arrow through which the whole gradient flows, and the thinnest that can be seen."""
MOST = 40
"""So many steps are drawn at most; of longer sequences every second, third, … state."""


@checked
def compute(
    *,
    steps: Steps = 20,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    seeds: Seeds = 20,
    series: Annotated[Words, Knob("the models", names=tuple(STATES))] = ALL,
) -> Table:
    """A run for each model and seed: x[t] ~ N(0, 1), h0 = 0, the loss on the last step alone, |dL/dh[T]| = 1.

    Returns:
        model; t; gradient, |dL/dh[t]|, of the LSTM |dL/dc[t]|, whose last is 1 for the h[T] that the loss reads; first
        and second, by which the arrow from t to t-1 changes the norm: ① the slope, or the LSTM's forget gate, and ② Uᵀ
        or u (NaN of the LSTM, and where nothing arrives); each the median of the seeds.
    """
    rows: list[tuple[str | float, ...]] = []
    for model in chosen(series, tuple(STATES)):
        runs = np.array([_run(model, np.random.default_rng(seed), steps, hidden, inputs) for seed in range(seeds)])
        for t, values in enumerate(runs.transpose(2, 1, 0)):  # (3, seeds)
            known = [value[np.isfinite(value)] for value in values]
            rows.append((model, t, *(float(np.median(value)) if len(value) else np.nan for value in known)))
    return with_knobs(
        Table.of("model t gradient first second", rows), steps=steps, hidden=hidden, inputs=inputs, seeds=seeds
    )


def _run(model: str, rng: np.random.Generator, steps: int, hidden: int, inputs: int) -> Array:
    """(3, T+1): the gradient's norm, and the two factors of every arrow."""
    sizes: dict[str, Any] = {"inputs": inputs, "hidden": hidden}
    xs, dh = rng.standard_normal((steps, 1, inputs)), rng.standard_normal((1, hidden))
    dys = np.zeros((steps, 1, hidden))
    dys[-1] = dh / np.linalg.norm(dh)
    if model == "LSTM":
        return _cell(LSTM.init(rng, **sizes), xs, dys)
    layer: RNN | IndRNN
    if model == "IndRNN":
        layer = IndRNN.init(rng, **sizes, recurrent_initializer=initializers.get("indrnn_range", steps=steps))
    else:
        layer = RNN.irnn(rng, **sizes) if model == "IRNN" else RNN.init(rng, **sizes)
    trace = layer.forward(xs)
    dhs = layer.backward(trace, dys).hs
    das = dhs[1:] * layer.activation.slope(trace.hs[1:].copy())  # ①, and then ② makes dh[t-1] of it
    return _stacked(flow.norms(dhs), flow.norms(das) / _above_zero(flow.norms(dhs[1:])), das, dhs)


def _stacked(norms: Array, first: Array, das: Array, dhs: Array) -> Array:
    second = flow.norms(dhs[:-1]) / _above_zero(flow.norms(das))
    none = np.full(1, np.nan)
    return np.stack([norms[:, 0], np.append(none, first[:, 0]), np.append(none, second[:, 0])])


def _cell(layer: LSTM, xs: Array, dys: Array) -> Array:
    """Of the LSTM the cell; at T, which the loss reads as h[T], the norm of that."""
    trace = layer.forward(xs)
    gradients = layer.backward(trace, dys)
    norms = flow.norms(gradients.cs)[:, 0]
    norms[-1] = flow.norms(gradients.hs)[-1, 0]
    _, f, o, _ = trace.gates.transpose(1, 0, 2, 3)
    whole = gradients.cs[1:] + gradients.hs[1:] * o * (1 - trace.tanh_cs**2)  # dL/dc[t] with the path through h[t]
    kept = flow.norms(whole * f) / _above_zero(flow.norms(whole))
    none = np.full(len(norms), np.nan)
    return np.stack([norms, np.append(none[:1], kept[:, 0]), none])


def _above_zero(norms: Array) -> Array:
    """NaN for 0: where nothing arrives there is no factor."""
    return np.where(norms > 0, norms, np.nan)


@page.styled
def draw(table: Table) -> "Figure":
    """A chain for each model, the loss at its right; the gradient flows from there to the left."""
    models = [model for (model,) in table.each("model")]
    figure, panels = page.page(len(models), 1, height=1.25 * len(models) + 0.3, width=7, sharex=True)
    for ax, model in zip(panels, models, strict=True):
        _draw_chain(ax, table.where(model=model), model)
        page.headline(ax, _found(table, model), 6.8)
    rule = "dL/dh[t−1] = (dL/dh[t] × ① slope) × ② Uᵀ" if models != ["LSTM"] else "dL/dc[t−1] = dL/dc[t] × f + …"
    panels[-1].set_xlabel(f"step t; an arrow is {rule}")
    return figure


def _draw_chain(ax: "Axes", rows: Table, model: str) -> None:
    steps = int(rows["t"].max())
    stride = -(-steps // MOST)
    shown = np.arange(steps, -1, -stride)[::-1]
    places = dict(zip(shown.tolist(), np.arange(len(shown)).tolist(), strict=True))
    color, last = looks.MODELS[model].color, len(shown) - 1
    small = last > (14 if page.narrow() else 30)
    room = 0.1 if small else 0.22
    ax.plot(range(last + 1), np.zeros(last + 1), "o", color="#999999", mfc="white", ms=4 if small else 9, zorder=3)
    ax.plot([last + 1], [0], "s", color="black", ms=11, zorder=3)
    ax.text(last + 1, 0, "L", color="white", fontsize=SMALL, ha="center", va="center", zorder=4)
    _arrow(ax, last + 1, 1.0, color, room)
    for t in shown[:-1]:
        _arrow(ax, places[int(t)] + 1, float(rows["gradient"][int(t)]), color, room)
    for place, t in ((0, shown[0]), (last, steps)):
        ax.text(place, -0.62, f"{STATES[model]}[{t}]", fontsize=SMALL, ha="center", va="center")
    leader: Any = {"arrowstyle": "-", "color": looks.GREY, "lw": 0.8, "shrinkA": 1, "shrinkB": 1}
    ax.annotate("", (last - 0.5, 0.3), xytext=(last - 0.5, 0.72), arrowprops=leader)
    ax.text(last, 0.95, pair(rows, model), fontsize=SMALL, ha="right", va="center", in_layout=False)
    ax.set(xlim=(-0.7, last + 1.6), ylim=(-0.85, 1.2), yticks=[], xticks=[], ylabel="states")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.grid(visible=False)


def _arrow(ax: "Axes", place: float, gradient: float, color: str, room: float) -> None:
    """From a state to the one before it; a dotted hair where nothing that could be seen is left."""
    from matplotlib.patches import FancyArrowPatch

    width = THICKEST * min(gradient, 1.5)
    ends: Any = {"posA": (place - room, 0), "posB": (place - 1 + room, 0), "shrinkA": 0, "shrinkB": 0, "zorder": 2}
    if width < THINNEST:
        ax.add_patch(FancyArrowPatch(**ends, arrowstyle="-", lw=0.8, ls=":", color=looks.GREY))
        return
    shape = f"simple,tail_width={width:.3f},head_width={width + 5:.3f},head_length=5"
    ax.add_patch(FancyArrowPatch(**ends, arrowstyle=shape, mutation_scale=1, color=color, lw=0))


def pair(rows: Table, model: str) -> str:
    """What an arrow multiplies by, and by how much that is each step: so often multiplied it makes what is left."""
    names = "   ".join(f"× {name}" for name in PAIRS[model] if name) + (", and by way of h" if model == "LSTM" else "")
    steps, whole = int(rows["t"].max()), float(rows["gradient"][0])
    if whole <= 0:
        return names
    names = "×" if page.narrow() else f"{names}:  "  # beside larger type there is no room for them
    return f"{names} {whole ** (1 / steps):.{2 + int(np.log10(steps))}f} a step, {steps} times"


def mean_factor(rows: Table, kind: str) -> float:
    """The geometric mean over the arrows; NaN where there is none."""
    factors = rows[kind][rows[kind] > 0]
    return float(np.exp(np.log(factors).mean())) if len(factors) else np.nan


def left(table: Table, model: str) -> float:
    """What of the gradient is left at the first state."""
    return float(table.only("gradient", model=model, t=0.0))


def share(value: float) -> str:
    """As "12.3 %", and small ones as "2e-07"."""
    return f"{digits(100 * value)} %" if value >= 1e-3 else "nothing" if value == 0 else f"{value:.0e}"


def _found(table: Table, model: str) -> str:
    return f"{_of_whom(model)}: {share(left(table, model))} left after {knob(table, 'steps'):.0f} steps"


def _of_whom(model: str) -> str:
    return "LSTM's cell" if STATES[model] == "c" else model


def caption(table: Table) -> str:
    steps = knob(table, "steps")
    models = [model for (model,) in table.each("model")]
    said = ", ".join(f"{_of_whom(model)} {share(left(table, model))}" for model in models)
    most = max(models, key=lambda model: left(table, model))
    stride = -(-int(steps) // MOST)
    thinned = f" Of every {stride} states one is drawn." if stride > 1 else ""
    return captions.told(
        captions.finding(
            f"Left after {steps:.0f} steps: {said}.",
            f"{most} keeps the most, {share(left(table, most))} of the gradient after {steps:.0f} steps.",
        ),
        "Circles are states; the loss reads the last. Each arrow goes one step back and is as thick as the |dL/dh[t]| "
        "that arrives (dotted: too thin to be seen). Above each chain is what every arrow multiplies by, and by how "
        f"much each step would have to, if all were alike, to leave what the title says.{thinned}",
        f"{setting(table, 'steps', 'hidden', 'inputs', 'seeds')}, x[t] from N(0, 1), h[0] = 0, as initialised: "
        "tanh with U orthogonal, IRNN, IndRNN with u for this T, LSTM with forget bias 1; medians.",
        [_numbers(table.where(model=model), model) for model in models],
        "The LSTM's cell has other ways back besides its forget gate, through h and the gates, so less or more may "
        "arrive than f alone would leave; its first arrow starts at the h that the loss reads.",
    )


def _numbers(rows: Table, model: str) -> str:
    """The norm at a few states, from the last to the first."""
    places = np.unique(np.linspace(0, rows["t"].max(), 6).round()).astype(int)[::-1]
    norms = ", ".join(f"{STATES[model]}[{t}] {rows['gradient'][t]:.2g}" for t in places)
    means = {
        name: mean_factor(rows, kind) for name, kind in zip(PAIRS[model], ("first", "second"), strict=True) if name
    }
    known = ", ".join(f"{name} {factor:.2f}" for name, factor in means.items() if np.isfinite(factor))
    return f"{model}: {norms}" + (
        f"; by themselves {known} (means over the steps of the seeds' medians)" if known else ""
    )
