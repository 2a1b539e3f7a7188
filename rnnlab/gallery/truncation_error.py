"""What truncated BPTT gives up: the error of its gradient against the length of a chunk, forgetting or not."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import bptt, flow, initializers
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Batch, Hidden, Inputs, Knob, Seeds, checked, growths, setting, with_knobs
from rnnlab.layers import LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Cut off after k steps, what is missing?"
Build = Callable[[np.random.Generator, int, int, int], Any]


def _tanh(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.init(rng, inputs=inputs, hidden=hidden)


def _lstm(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> LSTM:
    return LSTM.init(rng, inputs=inputs, hidden=hidden)


def _irnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.irnn(rng, inputs=inputs, hidden=hidden)


def _indrnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> IndRNN:
    u_range = initializers.get("indrnn_range", steps=steps)
    return IndRNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=u_range)


LAYERS: dict[str, Build] = {"tanh RNN": _tanh, "LSTM": _lstm, "IndRNN": _indrnn, "IRNN": _irnn}
LOSSES = {"last": "loss on the last step alone", "every": "loss on every step"}
KS = (1, 2, 5, 10, 20, 40, 60, 80, 120, 240)
FLOOR = 1e-16
"""Where an error of exactly 0 is marked."""


@checked
def compute(
    *,
    seeds: Seeds = 3,
    ks: Annotated[tuple[int, ...], Knob("k, the lengths of a chunk; the last is T", "timesteps", 1)] = KS,
    hidden: Hidden = 50,
    inputs: Inputs = 8,
    batch: Batch = 4,
) -> Table:
    """A run per layer, loss and seed over T = ks[-1] steps, of which every k is a divisor: x[t] ~ N(0, 1).

    The loss is a random linear function of the last state, or of every state. All parameters' gradients are taken
    together as one vector.

    Returns:
        layer; loss ("last" or "every"); k, steps of a chunk; error, |truncated - full| / |full|, median of the
        seeds; low, high, the least and the most; cosine between the two, median; growth λ of the gradient, median,
        nats per step back, below 0 it vanishes; seeds, hidden, inputs, batch.
    """
    rows: list[tuple[str | float, ...]] = []
    steps = ks[-1]
    for name, build in LAYERS.items():
        for kind in LOSSES:
            errors, cosines, found = [], [], []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                layer = build(rng, inputs, hidden, steps)
                xs, dhs = rng.standard_normal((steps, batch, inputs)), rng.standard_normal((steps, batch, hidden))
                if kind == "last":
                    dhs[:-1] = 0
                exact, *cut = _gradients(layer, xs, dhs, ks)
                whole = np.linalg.norm(exact) or 1.0  # where it is 0, so is what is cut
                errors.append([np.linalg.norm(part - exact) / whole for part in cut])
                cosines.append([part @ exact / (np.linalg.norm(part) or 1.0) / whole for part in cut])
                found.append(growths(flow.gradient_norms(layer, xs, dh=dhs[-1])))
            low, error, high = np.quantile(errors, (0, 0.5, 1), axis=0).tolist()
            cosine, growth = np.median(cosines, axis=0).tolist(), float(np.median(found))
            rows += [(name, kind, float(k), error[i], low[i], high[i], cosine[i], growth) for i, k in enumerate(ks)]
    table = Table.of("layer loss k error low high cosine growth", rows)
    return with_knobs(table, seeds=seeds, hidden=hidden, inputs=inputs, batch=batch)


def _gradients(layer: Any, xs: Array, dhs: Array, ks: tuple[int, ...]) -> list[Array]:
    """dL/d(parameters) for L = Σ dh[t] · h[t], as one vector: by full BPTT, then truncated to each k."""

    def loss(steps: slice, hs: Array) -> tuple[float, Array]:
        return float((dhs[steps] * hs).sum()), dhs[steps]

    runs = [bptt.full(layer, xs, loss), *(bptt.truncated(layer, xs, loss, k) for k in ks)]
    return [np.concatenate([array.ravel() for array in run.params.arrays().values()]) for run in runs]


@page.styled
def draw(table: Table) -> "Figure":
    """The relative error against k, both logarithmic, left for a loss on the last step, right for one on every step."""
    figure, axes = page.page(1, 2, height=4.4)
    steps = table["k"].max()
    for (kind, title), ax in zip(LOSSES.items(), axes, strict=True):
        for name in LAYERS:
            color, line, marker = looks.MODELS[name]
            rows = table.where(loss=kind, layer=name)
            k, seen = rows["k"], rows["error"] > 0
            ax.fill_between(
                k[seen], np.maximum(rows["low"], FLOOR)[seen], rows["high"][seen], color=color, alpha=0.2, lw=0
            )
            ax.plot(k[seen], rows["error"][seen], color=color, ls=line, marker=marker, ms=4, label=name)
            ground = ax.get_xaxis_transform()
            ax.plot(k[~seen], np.zeros((~seen).sum()), "v", color=color, ms=5, transform=ground, clip_on=False)
        ax.set(title=title, xlabel="steps of a chunk, k", xscale="log", yscale="log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if 1.6 * tick < steps]
        ax.set_xticks([*ticks, steps], [*map(str, ticks), f"{steps:.0f} = T"])
        ax.minorticks_off()
    left, right = axes
    left.set(ylabel="error of the gradient, relative to full BPTT", ylim=(FLOOR, 5))
    right.set(ylim=(0.03, 1.6))
    right.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
    page.label(left, steps, FLOOR * 3, "exactly 0", looks.BLACK, ha="center", va="bottom")
    left.legend(loc="lower left")
    return figure


def caption(table: Table) -> str:
    ks = np.unique(table["k"])
    steps, cut = ks[-1], ks[:-1]

    def errors(kind: str, k: float) -> str:
        return ", ".join(f"{name} {table.only('error', layer=name, loss=kind, k=k):.2g}" for name in LAYERS)

    def fall(kind: str) -> tuple[float, float, float, float]:
        """The error of the tanh RNN at a k of a twelfth of T and at one of a third, or as near as there are."""
        early, late = (float(cut[np.abs(cut - part * steps).argmin()]) for part in (1 / 12, 1 / 3))
        rows = table.where(layer="tanh RNN", loss=kind)
        return early, late, rows.only("error", k=early), rows.only("error", k=late)

    said = (
        f"Relative error of the gradient of truncated BPTT, T = {steps:.0f}, "
        f"{setting(table, 'hidden', 'inputs', 'batch')}, median and range of {setting(table, 'seeds')}."
    )
    if len(cut):
        middle = float(cut[np.abs(cut - steps / 6).argmin()])
        tanh = table.where(layer="tanh RNN", loss="last")
        keeps = [name for name in LAYERS if table.only("error", layer=name, loss="last", k=middle) > 0.5]
        said += f" Loss on the last step: chunks of {middle:.0f} steps leave {errors('last', middle)}."
        early, late, before, after = fall("last")
        if late > early and after > 0:
            said += (
                " Where the layer forgets, what is cut off was vanishing anyway: the tanh RNN's error falls by "
                f"{np.log(before / after) / (late - early):.2f} nats for each step of k, its gradient grows by "
                f"{tanh['growth'][0]:.2f} a step back."
            )
        if keeps:
            said += f" With these more than half of the gradient is wrong: {', '.join(keeps)}."
        said += f" Loss on every step: at k = {middle:.0f} {errors('every', middle)}."
        early, late, before, after = fall("every")
        if late > early and after > 0:
            said += (
                " The first steps of each chunk have a past that is cut off however long the chunk; the tanh RNN's "
                f"error falls as k^{np.log(after / before) / np.log(late / early):.1f}."
            )
    whole = table.where(k=steps)["error"].max()
    return f"{said} At k = T the error is {'exactly 0 (triangles)' if whole == 0 else f'{whole:.0e}'}."
