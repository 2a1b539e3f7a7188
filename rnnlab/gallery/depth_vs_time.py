"""Depth against time: fifty layers with weights of their own, beside fifty steps of a net that has one weight."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.layers import RNN, Conv2D, Dense
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Depth is not time: what one shared weight changes"
KERNELS = {"sigmoid": "glorot_uniform", "relu": "he_uniform"}
EXPLODING = 1.5
GAINS = (1.0, EXPLODING, 4.0, 8.0, 16.0)
SIDE, FILTER = 16, (3, 3)
"""The CNN's images, SIDE × SIDE, and its filters; as many channels as give a unit about `width` inputs."""

Run = Callable[[np.random.Generator, str, float, int, int], Array]


def _mlp(rng: np.random.Generator, activation: str, gain: float, depth: int, width: int) -> Array:
    layers = [
        Dense.init(rng, inputs=width, outputs=width, activation=activation, kernel_initializer=KERNELS[activation])
        for _ in range(depth)
    ]
    return _norms_through([layer.map(lambda W: gain * W) for layer in layers], rng.standard_normal((1, width)), rng)


def _cnn(rng: np.random.Generator, activation: str, gain: float, depth: int, width: int) -> Array:
    channels = max(1, width // (FILTER[0] * FILTER[1]))
    layers = [
        Conv2D.init(
            rng,
            channels=channels,
            filters=channels,
            size=FILTER,
            padding=1,
            activation=activation,
            kernel_initializer=KERNELS[activation],
        )
        for _ in range(depth)
    ]
    images = rng.standard_normal((1, SIDE, SIDE, channels))
    return _norms_through([layer.map(lambda W: gain * W) for layer in layers], images, rng)


def _rnn(rng: np.random.Generator, activation: str, gain: float, depth: int, width: int) -> Array:
    layer = RNN.init(rng, inputs=1, hidden=width, activation=activation, recurrent_initializer=KERNELS[activation])
    scaled = layer.map(lambda W: gain * W)
    h0, dh = rng.standard_normal((1, width)), rng.standard_normal((1, width))
    return flow.gradient_norms(scaled, np.zeros((depth, 1, 1)), h0, dh=dh / flow.norms(dh))[::-1, 0]


def _norms_through(layers: list[Any], xs: Array, rng: np.random.Generator) -> Array:
    """|dL/dy| of the last layer, which is 1, and |dL/dx| of every layer from the last to the first."""
    passes = []
    for layer in layers:
        passes.append(layer.forward(xs))
        xs = passes[-1].ys
    dys = rng.standard_normal(xs.shape)
    dys /= flow.norms(dys.ravel())
    lengths = [1.0]
    for layer, run in zip(layers[::-1], passes[::-1], strict=True):
        dys = layer.backward(run, dys).xs
        lengths.append(float(flow.norms(dys.ravel())))
    return np.array(lengths)


NETS: dict[str, tuple[Run, str, str]] = {
    "MLP": (_mlp, looks.BLUE, "-"),
    "CNN": (_cnn, looks.ORANGE, "-."),
    "RNN": (_rnn, looks.RED, "--"),
}


def compute(*, seeds: int = 24, depth: int = 50, width: int = 100) -> Table:
    """A run per activation, gain, net and seed: the loss is a random linear function of the last layer, or state.

    The input, or h0, is N(0, 1); the RNN has no further input, so that it is an MLP whose layers share their weight.
    Weights are he_uniform for ReLU and glorot_uniform for sigmoid, times the gain; biases are 0.

    Returns:
        activation; gain; net; back, layers or steps back from the loss; median, low, high of the gradient's norm (10
        and 90 % of the seeds), 1 at back = 0; spread, the standard deviation over the seeds of its logarithm.
    """
    rows: list[tuple[str | float, ...]] = []
    for activation in KERNELS:
        for gain in GAINS:
            for net, (run, *_) in NETS.items():
                norms = np.array([run(np.random.default_rng(s), activation, gain, depth, width) for s in range(seeds)])
                low, median, high = np.quantile(norms, (0.1, 0.5, 0.9), axis=0, method="nearest")
                spread = np.std(np.log(norms), axis=0)
                rows += [
                    (activation, gain, net, float(k), median[k], low[k], high[k], spread[k]) for k in range(depth + 1)
                ]
    return Table.of("activation gain net back median low high spread", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """Above the norm, layer by layer or step by step; below how it grows with the gain, and how far seeds differ."""
    figure, (sigmoid, relu, gains, spreads) = page.page(2, 2, height=7.8)
    depth = table["back"].max()
    for net, (_, color, line) in NETS.items():
        style: dict[str, Any] = {"color": color, "ls": line}
        for ax, activation, gain in ((sigmoid, "sigmoid", 1.0), (relu, "relu", 1.0), (relu, "relu", EXPLODING)):
            rows = table.where(activation=activation, gain=gain, net=net)
            ax.fill_between(rows["back"], rows["low"], rows["high"], color=color, alpha=0.2, lw=0)
            ax.plot(rows["back"], rows["median"], **style, label=LEGEND[net] if gain == 1 else None)
        for activation, marker in MARKERS.items():
            rows = table.where(activation=activation, net=net, back=depth)
            gains.plot(rows["gain"], _growth(rows), marker, **style, ms=4, mfc="white")
        rows = table.where(activation="relu", gain=1.0, net=net)
        spreads.plot(rows["back"][1:], rows["spread"][1:], **style, label=net)
    for ax in (sigmoid, relu):
        ax.set(xlabel="layers or steps back from the loss, k", yscale="log", xlim=(0, depth))
        ax.legend(loc="lower left" if ax is sigmoid else "upper left")
    sigmoid.set(title="sigmoid, glorot_uniform: all vanish", ylabel="|gradient| k back, 1 at the loss")
    relu.set(title="ReLU, he_uniform: kept, but the RNN's seeds part", ylim=(1e-4, 1e14))
    at = depth * 0.62
    page.label(relu, at, EXPLODING**at * 1e3, f"every weight × {EXPLODING}", looks.BLACK, ha="right")
    page.label(relu, at, 3e-3, "as initialised", looks.BLACK, ha="right")
    gains.set(title="scaled up, all explode", xlabel="gain g, by which every weight is multiplied", xscale="log")
    gains.set(ylabel="growth per layer or step, nats")
    gains.set_xticks(GAINS, [f"{gain:g}" for gain in GAINS])
    gains.minorticks_off()
    gains.axhline(0, color=looks.GREY, lw=0.8)
    page.label(gains, 3, 1.75, "ReLU: log g", looks.BLACK, ha="right")
    page.label(gains, 4.5, -0.9, "sigmoid", looks.BLACK)
    guide = np.array([1.0, depth])
    for start, power, text in ((0.2, 1.0, "∝ k"), (0.06, 0.5, "∝ √k")):
        spreads.plot(guide, start * guide**power, color=looks.GREY, lw=0.8)
        page.label(spreads, 12, start * 12**power, text, looks.GREY, ha="center")
    spreads.set(title="ReLU, as initialised: how far seeds part", xscale="log", yscale="log", xlim=(0.9, depth * 1.1))
    spreads.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    spreads.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    spreads.minorticks_off()
    spreads.set(xlabel="layers or steps back from the loss, k", ylabel="spread over seeds of log |gradient|, nats")
    spreads.legend(loc="lower right")
    return figure


MARKERS = {"sigmoid": "o", "relu": "s"}
LEGEND = {
    "MLP": "MLP: a weight for each layer",
    "CNN": "CNN: a filter bank for each layer",
    "RNN": "RNN: one weight for every step",
}


def _growth(rows: Table) -> Array:
    """Nats per layer that the median gains on its way back."""
    growth: Array = np.log(rows["median"]) / rows["back"]
    return growth


def caption(table: Table) -> str:
    depth = table["back"].max()

    def end(activation: str, gain: float, net: str) -> Table:
        return table.where(activation=activation, gain=gain, net=net, back=depth)

    def norms(activation: str, gain: float) -> str:
        return ", ".join(f"{net} {end(activation, gain, net)['median'][0]:.2g}" for net in NETS)

    def band(net: str) -> str:
        rows = end("relu", 1.0, net)
        return f"{rows['low'][0]:.2g} to {rows['high'][0]:.2g}"

    def spread(net: str) -> tuple[float, float]:
        """At the end, and the power of k with which it got there from a fifth of the way."""
        rows = table.where(activation="relu", gain=1.0, net=net)
        early, late = rows.where(back=depth // 5)["spread"][0], rows["spread"][-1]
        return float(late), float(np.log(late / early) / np.log(depth / (depth // 5)))

    exact = max(
        abs(float(_growth(end("relu", gain, net))[0] - _growth(end("relu", 1.0, net))[0] - np.log(gain)))
        for gain in GAINS
        for net in NETS
    )
    return (
        f"Norm of the gradient {depth:.0f} layers or steps back from a loss on the last, medians of the seeds, bands "
        f"10 to 90 %. Sigmoid vanishes in all three: {norms('sigmoid', 1.0)}. ReLU with he_uniform roughly keeps the "
        f"median: {norms('relu', 1.0)} (the CNN loses some over the zeros around its images). What one shared weight "
        f"changes is the luck of the draw: the middle 80 % of the seeds span {band('MLP')} in the MLP, {band('CNN')} "
        f"in the CNN, {band('RNN')} in the RNN, where each step repeats the one before; over the last four fifths the "
        f"spread of log |gradient| grows as k^{spread('RNN')[1]:.1f} to {spread('RNN')[0]:.1f} nats, in the MLP as "
        f"k^{spread('MLP')[1]:.1f} to {spread('MLP')[0]:.1f}. Independent weights are no shield against explosion: a "
        f"gain g multiplies the ReLU nets' gradient by g^k, all three, to within {exact:.0e} nats a layer, so that at "
        f"g = {EXPLODING} it is {norms('relu', EXPLODING)}. Sigmoid begins to explode between g = 8 "
        f"({norms('sigmoid', 8.0)}) and g = 16 ({norms('sigmoid', 16.0)})."
    )
