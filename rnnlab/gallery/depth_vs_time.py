"""Depth against time: fifty layers with weights of their own, beside fifty steps of a net that has one weight."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, Seeds, checked, fate, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import RNN, Conv2D, Dense
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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


NETS: dict[str, Run] = {"MLP": _mlp, "CNN": _cnn, "RNN": _rnn}


@checked
def compute(
    *,
    seeds: Seeds = 24,
    depth: Annotated[int, Knob("layers, and steps", "layers", 1)] = 50,
    width: Annotated[int, Knob("of a layer", "units", 1)] = 100,
    series: Annotated[Words, Knob("the nets", names=tuple(NETS))] = ALL,
) -> Table:
    """A run per activation, gain, net and seed: the loss is a random linear function of the last layer, or state.

    The input, or h0, is N(0, 1); the RNN has no further input, so that it is an MLP whose layers share their weight.
    Weights are he_uniform for ReLU and glorot_uniform for sigmoid, times the gain; biases are 0.

    Returns:
        activation; gain; net; back, layers or steps back from the loss; median, low, high of the gradient's norm (10
        and 90 % of the seeds), 1 at back = 0; spread, the standard deviation over the seeds of its
        logarithm; seeds, width.
    """
    rows: list[tuple[str | float, ...]] = []
    for activation in KERNELS:
        for gain in GAINS:
            for net in chosen(series, tuple(NETS)):
                run = NETS[net]
                norms = np.array([run(np.random.default_rng(s), activation, gain, depth, width) for s in range(seeds)])
                low, median, high = np.quantile(norms, (0.1, 0.5, 0.9), axis=0, method="nearest")
                spread = np.array([spread_over_seeds(norms[:, k]) for k in range(depth + 1)])
                rows += [
                    (activation, gain, net, float(k), median[k], low[k], high[k], spread[k]) for k in range(depth + 1)
                ]
    table = Table.of("activation gain net back median low high spread", rows)
    return with_knobs(table, seeds=seeds, width=width)


def spread_over_seeds(norms: Array) -> float:
    """Standard deviation of log norm; NaN where a seed's gradient is exactly 0."""
    return float(np.std(np.log(norms))) if (norms > 0).all() else float("nan")


@page.styled
def draw(table: Table) -> "Figure":
    """How far seeds differ; the gradient of the ReLU nets, of the sigmoid nets; and how it grows with the gain."""
    figure, (spreads, relu, sigmoid, gains) = page.page(2, 2, height=7.4, width=7)
    depth, ends, nets = table["back"].max(), {}, _nets(table)
    for net in nets:
        color, line, _ = looks.MODELS[net]
        style: dict[str, Any] = {"color": color, "ls": line}
        for ax, activation, gain in ((sigmoid, "sigmoid", 1.0), (relu, "relu", 1.0), (relu, "relu", EXPLODING)):
            rows = table.where(activation=activation, gain=gain, net=net)
            ax.fill_between(rows["back"], rows["low"], rows["high"], color=color, alpha=0.2, lw=0)
            ax.plot(rows["back"], rows["median"], **style, label=LEGEND[net] if gain == 1 else None)
        for activation in KERNELS:
            marker = looks.ACTIVATIONS[activation].marker
            rows = table.where(activation=activation, net=net, back=depth)
            gains.plot(rows["gain"], _growth(rows), marker, **style, ms=4, mfc="white")
        rows = table.where(activation="relu", gain=1.0, net=net)
        apart = (rows["spread"] > 0) & (rows["back"] > 0)
        spreads.plot(rows["back"][apart], rows["spread"][apart], **style)
        if apart.any():
            ends[net] = float(rows["spread"][apart][-1])
    _draw_spreads(spreads, table, ends)
    for ax in (sigmoid, relu):
        ax.set(xlabel="layers or steps back from the loss, k", yscale="log", xlim=(0, depth))
    sigmoid.legend(loc="lower left", fontsize=SMALL, labelspacing=0.2)
    page.headline(sigmoid, f"sigmoid, glorot_uniform: {_fates(table, 'sigmoid')}", 3.0)
    sigmoid.set_ylabel("|gradient| k back, 1 at the loss")
    page.headline(relu, f"ReLU, he_uniform: {_fates(table, 'relu')}; × {EXPLODING}: {_exploded(table)}", 3.0)
    relu.set(ylim=(1e-4, 1e3 * EXPLODING ** (1.25 * depth)), ylabel="|gradient| k back")
    at = depth * 0.62
    page.label(relu, at, EXPLODING**at * 1e3, f"every weight × {EXPLODING}", looks.BLACK, ha="right", fontsize=SMALL)
    page.label(relu, at, 3e-3, "as initialised", looks.BLACK, ha="right", fontsize=SMALL)
    page.headline(gains, _scaled(table), 3.0)
    gains.set(xlabel="gain g, by which every weight is multiplied", xscale="log")
    gains.set(ylabel="growth per layer or step, nats")
    gains.set_xticks(GAINS, [f"{gain:g}" for gain in GAINS])
    gains.minorticks_off()
    gains.axhline(0, color=looks.GREY, lw=0.8)
    page.label(gains, 2.6, 1.75, "ReLU", looks.BLACK, ha="right", fontsize=SMALL)
    page.label(gains, 4.5, -0.9, "sigmoid", looks.BLACK, fontsize=SMALL)
    return figure


def _nets(table: Table) -> list[str]:
    return [net for (net,) in table.each("net")]


def _draw_spreads(ax: "Axes", table: Table, ends: dict[str, float]) -> None:
    """What a shared weight changes: not the median, but how far the seeds are apart."""
    depth = table["back"].max()
    guide = np.array([1.0, depth])
    for start, power, text in ((0.2, 1.0, "∝ k"), (0.06, 0.5, "∝ √k")):
        ax.plot(guide, start * guide**power, color=looks.GREY, lw=0.8)
        at = depth**0.63, start * depth ** (0.63 * power)
        page.label(ax, *at, text, looks.GREY, ha="center", fontsize=SMALL)
    ax.set(xscale="log", yscale="log", xlim=(0.9, depth**1.35))
    ticks = [tick for tick in (1, 5, 20, 50, 200) if tick <= depth]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    folds = (1.1, 1.2, 1.5, 2, 5, 20, 100)
    ax.set_yticks(np.log(folds), [f"× {fold:g}" for fold in folds])
    ax.minorticks_off()
    for net, height in page.apart(ends, 0.3).items():
        ax.text(1.08 * depth, height, net, color=looks.MODELS[net].color, fontsize=SMALL, weight="bold", va="center")
    ax.set(xlabel="layers or steps back from the loss, k", ylabel="seeds differ by this factor (1 SD)")
    page.headline(ax, _apart(table), 3.0)


def _apart(table: Table) -> str:
    """How far the seeds of the RNN and of the MLP are apart, at the end; or of another net."""
    depth = table["back"].max()
    ends = {net: float(table.only("spread", activation="relu", gain=1.0, net=net, back=depth)) for net in _nets(table)}
    fold = {net: f"{np.exp(spread):.2g}" for net, spread in ends.items() if np.isfinite(spread) and spread > 0}
    other = next((net for net in ("MLP", "CNN") if net in fold), "")
    if not fold:
        return f"ReLU: how far seeds part in {depth:.0f} steps"
    if "RNN" in fold and other:
        return (
            f"ReLU: seeds differ {fold['RNN']}-fold after {depth:.0f} steps of an RNN, {fold[other]}-fold in an {other}"
        )
    only = other or "RNN"
    return f"ReLU: the seeds of an {only} differ {fold[only]}-fold after {depth:.0f} {'layers' if other else 'steps'}"


def _exploded(table: Table) -> str:
    """What becomes of the ReLU nets with larger weights."""
    depth = table["back"].max()
    ends = table.where(activation="relu", gain=EXPLODING, back=depth)
    fates = {fate(float(_growth(ends.where(net=net))[0]), depth) for net in _nets(table)}
    if len(fates) > 1:
        return "it depends on the net"
    return {"vanishes": "all vanish", "explodes": "all explode"}.get(fates.pop(), "kept")


def _scaled(table: Table) -> str:
    """Whether ReLU's growth is that of the gain, and up to which gain no sigmoid net's gradient grows."""
    depth = table["back"].max()
    off = _off(table)
    relu = "ReLU grows by log g" if off < 1e-6 else f"ReLU's growth is {off:.1g} off log g"
    relu = relu if np.isfinite(off) else "ReLU is lost"
    ends = table.where(activation="sigmoid", back=depth)
    below = [gain for gain in GAINS if (_growth(ends.where(gain=gain)) <= 0).all()]
    sigmoid = f"sigmoid vanishes up to g = {max(below):g}" if below else "sigmoid does not vanish"
    return f"scaled up, {relu}; {sigmoid}"


def _off(table: Table) -> float:
    """How far the growth of the ReLU nets is at most from its value at g = 1 plus log g; NaN if no net's is finite."""
    ends = table.where(activation="relu", back=table["back"].max())
    growths = {net: _growth(ends.where(net=net)) for net in _nets(table)}  # by gain, the first being 1
    alive = [growth for growth in growths.values() if np.isfinite(growth).all()]
    return max((float(np.abs(growth - growth[0] - np.log(GAINS)).max()) for growth in alive), default=np.nan)


LEGEND = {
    "MLP": "MLP: a weight a layer",
    "CNN": "CNN: filters a layer",
    "RNN": "RNN: one weight",
}


def _growth(rows: Table) -> Array:
    """λ: nats per layer that the median gains on its way back, -∞ where it is 0."""
    with np.errstate(divide="ignore"):
        growth: Array = np.log(rows["median"]) / rows["back"]
    return growth


def _fates(table: Table, activation: str) -> str:
    """What becomes of the gradient in each net as it is initialised; in one word if it is the same for all."""
    depth = table["back"].max()
    ends = table.where(activation=activation, gain=1.0, back=depth)
    fates = {net: fate(float(_growth(ends.where(net=net))[0]), depth) for net in _nets(table)}
    if len(set(fates.values())) == 1 and len(fates) > 1:
        one = next(iter(fates.values()))
        return {"vanishes": "all vanish", "explodes": "all explode"}.get(one, "all are roughly kept")
    return ", ".join(f"{net} {word}" for net, word in fates.items())


def caption(table: Table) -> str:
    depth, nets = table["back"].max(), _nets(table)

    def end(activation: str, gain: float, net: str) -> Table:
        return table.where(activation=activation, gain=gain, net=net, back=depth)

    def norms(activation: str, gain: float) -> str:
        return ", ".join(f"{net} {end(activation, gain, net)['median'][0]:.2g}" for net in nets)

    def band(net: str) -> str:
        rows = end("relu", 1.0, net)
        return f"{rows['low'][0]:.2g} to {rows['high'][0]:.2g} in the {net}"

    def spread(net: str) -> str:
        """At the end, and the power of k with which it got there from a fifth of the way."""
        rows = table.where(activation="relu", gain=1.0, net=net)
        begun = max(1.0, depth // 5)
        early, late = (float(rows.only("spread", back=k)) for k in (begun, depth))
        if not np.isfinite(late):
            return f"beyond measure in the {net}, where a seed's is 0"
        if not (early > 0 and late > 0 and depth > begun):
            return f"to {late:.1f} nats in the {net}"
        return f"as k^{np.log(late / early) / np.log(depth / begun):.1f} to {late:.1f} nats in the {net}"

    exact = _off(table)
    sigmoid = {gain: [float(_growth(end("sigmoid", gain, net))[0]) > 0 for net in nets] for gain in GAINS}
    explode = [gain for gain in GAINS if all(sigmoid[gain])]
    below = [gain for gain in GAINS if not any(sigmoid[gain])]
    few, shown = knob(table, "seeds") < 2, [net for net in ("RNN", "MLP") if net in nets] or nets
    repeats = ", whose every step repeats the one before" if "RNN" in nets else ""
    luck = (
        f"The middle 80 % of the seeds span {', '.join(map(band, nets))}{repeats}; the "
        f"spread of log |gradient| over the seeds grows {', '.join(map(spread, shown))}. "
    )
    grown = f", and in every one at g = {explode[0]:g} ({norms('sigmoid', explode[0])})" if explode else ""
    return captions.told(
        captions.finding(f"{_apart(table)}."),
        "Top left, by which factor seeds differ: exp of the standard deviation of log |gradient|. The others: the "
        "gradient's norm, median and 10 to 90 % of the seeds, and its growth when every weight is multiplied by g.",
        f"{depth:.0f} layers or steps back from a loss on the last, {setting(table, 'width', 'seeds')}; the RNN has no "
        "input, so that it is an MLP whose layers share their weight; sigmoid glorot_uniform, ReLU he_uniform.",
        [
            f"sigmoid: {norms('sigmoid', 1.0)} ({_fates(table, 'sigmoid')})",
            f"ReLU: {norms('relu', 1.0)} ({_fates(table, 'relu')}"
            f"{'; the CNN loses some over the zeros around its images' if 'CNN' in nets else ''})",
            *([] if few else [luck.strip()]),
            "independent weights are no shield against explosion: a gain g multiplies the ReLU nets' gradient by g^k"
            f"{f', to within {exact:.0e} nats a layer' if np.isfinite(exact) else ''}, so that at g = {EXPLODING} it "
            f"is {norms('relu', EXPLODING)}",
            f"sigmoid's gradient grows on its way back in no net up to g = {max(below, default=0):g}{grown}",
        ],
    )
