"""The signal on its way up: how large the activations of each layer are, and how they are spread, by initializer."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Batch, Knob, Seeds, checked, knob, setting, with_knobs
from rnnlab.layers import Dense
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What an initializer does to the signal, layer by layer"
ACTIVATIONS = {"tanh": "tanh", "relu": "ReLU"}
STARTS = {
    "random_normal:stddev=0.01": "N(0,\u00a00.01²)",
    "glorot_uniform": "glorot_uniform",
    "he_uniform": "he_uniform",
    "random_normal:stddev=0.2": "N(0,\u00a00.2²)",
}
"""The initializers, and what they are called in the picture."""
RANGES = {"tanh": (-1.0, 1.0), "relu": (0.0, 3.0)}
"""The activations that the histograms show."""
BINS = 40
DARKEST = 0.5
"""A share of a layer's units at which the histograms are black."""
APART = 0.09
"""The least distance of two labels, as a share of the axis."""


@checked
def compute(
    *,
    depth: Annotated[int, Knob("layers, one above the other", "layers", 1)] = 10,
    width: Annotated[int, Knob("of every layer", "units", 1)] = 100,
    batch: Batch = 200,
    seeds: Seeds = 5,
) -> Table:
    """A stack of Dense layers for each activation, initializer and seed; x ~ N(0, 1), biases 0.

    Returns:
        part ("size" or "histogram"); activation; initializer; layer, 0 for the input; x, of a histogram the middle of
        its bin; value, the mean of h² (median of the seeds), or the share of the activations in the bin.
    """
    rows: list[tuple[str | float, ...]] = []
    for activation, (low, high) in RANGES.items():
        edges = np.linspace(low, high, BINS + 1)
        middles = ((edges[1:] + edges[:-1]) / 2).round(4)
        for start in STARTS:
            runs = [_layers(np.random.default_rng(s), activation, start, depth, width, batch) for s in range(seeds)]
            for layer in range(depth + 1):
                hs = np.array([run[layer] for run in runs])
                size = float(np.median(np.square(hs).mean(axis=(1, 2))))
                rows.append(("size", activation, start, float(layer), np.nan, size))
                if layer:
                    shares = np.histogram(hs, edges)[0] / hs.size
                    rows += [
                        ("histogram", activation, start, float(layer), x, share)
                        for x, share in zip(middles.tolist(), shares.round(6).tolist(), strict=True)
                    ]
    table = Table.of("part activation initializer layer x value", rows)
    return with_knobs(table, depth=depth, width=width, batch=batch, seeds=seeds)


def _layers(rng: np.random.Generator, activation: str, start: str, depth: int, width: int, batch: int) -> list[Array]:
    """The input, and the activations of every layer."""
    hs: list[Array] = [rng.standard_normal((batch, width))]
    for _ in range(depth):
        sizes: Any = {"inputs": width, "outputs": width, "activation": activation, "kernel_initializer": start}
        hs.append(Dense.init(rng, **sizes).forward(hs[-1]).ys)
    return hs


@page.styled
def draw(table: Table) -> "Figure":
    """Above the mean square layer by layer; below, for each initializer, the histogram of every layer as a row."""
    rows = {activation: [f"{activation}, {start}" for start in STARTS] for activation in ACTIVATIONS}
    first, second = ACTIVATIONS
    half = len(STARTS) // 2
    if page.narrow():
        parts = [line for one, row in rows.items() for line in ([one] * half, row[:half], row[half:])]
        figure, heights = page.sheet(7, 13.5), [1.5, 1, 1] * 2
    else:
        parts = [[*[first] * half, *[second] * half], *rows.values()]
        figure, heights = page.sheet(7, 7.6), [1.5, 1, 1]
    axes = figure.subplot_mosaic(cast("Any", parts), height_ratios=heights)
    for activation, words in ACTIVATIONS.items():
        _draw_sizes(axes[activation], table, activation)
        for start in STARTS:
            _draw_histograms(axes[f"{activation}, {start}"], table, activation, start)
        axes[f"{activation}, {next(iter(STARTS))}"].set_ylabel(f"{words}: layer")
    axes[first].set_ylabel("mean of h²")
    return figure


def _draw_sizes(ax: "Axes", table: Table, activation: str) -> None:
    depth, ends = knob(table, "depth"), {}
    every = table.where(part="size")["value"]
    bottom, top = max(1e-290, every[every > 0].min() / 10), every.max() * 10
    for start in STARTS:
        color, line, marker = looks.INITIALIZERS[start]
        rows = table.where(part="size", activation=activation, initializer=start)
        seen = rows["value"] > 0
        ax.plot(rows["layer"][seen], rows["value"][seen], color=color, ls=line, marker=marker, ms=4)
        ends[start] = max(size(table, activation, start), bottom)
    ax.axhline(1, color=looks.GREY, lw=0.8, ls=(0, (1, 2)), zorder=0)
    ax.set(yscale="log", ylim=(bottom, top), xlim=(0, 1.7 * depth), xlabel="layer; 0 is the input")
    ax.set_xticks(np.unique(np.linspace(0, depth, 6).round()))
    for start, height in page.apart(ends, APART * np.log(top / bottom)).items():
        color = looks.INITIALIZERS[start].color
        ax.plot([depth, 1.1 * depth], [ends[start], height], color=color, lw=0.7)  # from the line's end to its name
        ax.text(1.12 * depth, height, STARTS[start], color=color, fontsize=SMALL, va="center")
    page.headline(ax, _kept(table, activation), 3.1)


def _draw_histograms(ax: "Axes", table: Table, activation: str, start: str) -> None:
    from matplotlib.colors import PowerNorm

    rows = table.where(part="histogram", activation=activation, initializer=start)
    depth = int(rows["layer"].max())
    (low, high), shares = RANGES[activation], rows["value"].reshape(depth, -1)
    box = (low, high, depth + 0.5, 0.5)
    darkness: Any = {"cmap": "Greys", "norm": PowerNorm(0.5, 0, DARKEST), "interpolation": "nearest"}
    ax.imshow(shares, aspect="auto", extent=box, **darkness)
    ax.set_yticks(sorted({1, depth}) if start == next(iter(STARTS)) else [])
    ax.set_xticks([low, high], [f"{low:g}", f"{high:g}"])
    ax.set_xlabel("h", labelpad=-9)
    ax.set_title(f"{STARTS[start]}\n{_fate(table, activation, start)}", fontsize=SMALL)
    ax.grid(visible=False)


def size(table: Table, activation: str, start: str) -> float:
    """The mean of h² in the last layer."""
    return float(table.only("value", part="size", activation=activation, initializer=start, layer=knob(table, "depth")))


def edge(table: Table, activation: str, start: str) -> float:
    """The share of the last layer's activations in the outermost bins: of tanh saturated, of ReLU 0 or nearly."""
    rows = table.where(part="histogram", activation=activation, initializer=start, layer=knob(table, "depth"))
    return float(rows["value"][0] + (rows["value"][-1] if activation == "tanh" else 0))


def beyond(table: Table, activation: str, start: str) -> float:
    """The share of the last layer's activations that lie outside of what the histogram shows."""
    rows = table.where(part="histogram", activation=activation, initializer=start, layer=knob(table, "depth"))
    return max(0.0, 1 - float(rows["value"].sum()))


def _fate(table: Table, activation: str, start: str) -> str:
    """Of the last layer, with the threshold: how many lie beyond the map, or in its outermost bins, or how large."""
    share, out, (low, high) = edge(table, activation, start), beyond(table, activation, start), RANGES[activation]
    if out > 0.1:
        return f"{100 * out:.0f} % above {high:g}"
    width = (high - low) / BINS
    if activation == "relu":
        return f"{100 * share:.0f} % below {width:.2g}"
    if share < 0.1:
        return f"h² {size(table, activation, start):.1g} in layer {knob(table, 'depth'):.0f}"
    return f"{100 * share:.0f} % over ±{high - width:.2g}"


def factor(table: Table, activation: str, start: str) -> float:
    """By which a layer multiplies the mean of h², on average after the first."""
    rows = table.where(part="size", activation=activation, initializer=start)["value"]
    if len(rows) < 3 or not (rows > 0).all():
        return float("nan")
    return float((rows[-1] / rows[1]) ** (1 / (len(rows) - 2)))


def _kept(table: Table, activation: str) -> str:
    """Which initializer keeps the mean of h² nearest to 1, and how far the others are off."""
    best = min(STARTS, key=lambda start: _off(table, activation, start))
    worst = max(STARTS, key=lambda start: _off(table, activation, start))
    return (
        f"{ACTIVATIONS[activation]}: {STARTS[best]} ends at {size(table, activation, best):.2g}, {STARTS[worst]} at "
        f"{size(table, activation, worst):.0e}"
    )


def _off(table: Table, activation: str, start: str) -> float:
    """How many nats the last layer's mean of h² is from 1."""
    value = size(table, activation, start)
    return float(abs(np.log(value))) if value > 0 else np.inf


def caption(table: Table) -> str:
    depth = knob(table, "depth")
    glorot, he = (size(table, "relu", start) for start in ("glorot_uniform", "he_uniform"))
    return captions.told(
        captions.finding(
            f"After {depth:.0f} ReLU layers the mean of h² is {he:.2g} with he_uniform, {glorot:.1g} with "
            "glorot_uniform."
        ),
        "Above, the mean square of each layer's activations, 1 for the input. Below, each row of a map is the "
        "histogram of a layer, the input's side on top: black where many of its activations are. Its title is of the "
        "last layer, the lowest row.",
        f"A stack of {depth:.0f} Dense layers, {setting(table, 'width', 'seeds')}, {knob(table, 'batch'):.0f} inputs "
        "from N(0, 1), biases 0, as initialised; medians over the seeds, histograms of them all.",
        [_numbers(table, activation) for activation in ACTIVATIONS],
        "He's argument: a ReLU sets half of what comes in to 0, so weights of variance 1/n halve the mean square in "
        "every layer, and weights of variance 2/n keep it. tanh has slope 1 at 0 and shrinks what is large: variance "
        "1/n (Glorot and Bengio, 2010, figure 6) loses only slowly.",
    )


def _numbers(table: Table, activation: str) -> str:
    parts = []
    for start, name in STARTS.items():
        grows = factor(table, activation, start)
        pace = f", a layer × {grows:.2f}" if np.isfinite(grows) else ""
        parts.append(
            f"{name} {size(table, activation, start):.1g} in the last layer{pace}, "
            f"{_at_the_edge(table, activation, start)}"
        )
    return f"{ACTIVATIONS[activation]}: {'; '.join(parts)}"


def _at_the_edge(table: Table, activation: str, start: str) -> str:
    low, high = RANGES[activation]
    where = f"beyond ±{high - (high - low) / BINS:.2g}" if activation == "tanh" else f"below {high / BINS:.2g}"
    further = f" and {100 * beyond(table, activation, start):.0f} % above {high:g}" if activation == "relu" else ""
    return f"{100 * edge(table, activation, start):.0f} % {where}{further}"
