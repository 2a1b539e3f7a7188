"""The decay of the gradient on the user's own sequences, in one layer or several: what `rnnlab flow` draws and says."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.layers import RNN, IndRNN
from rnnlab.table import Table
from rnnlab.trace import AnyLayer, innermost

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOST = 1e-8
"""The norm under which we call a gradient lost: next to one of size 1 it moves no digit of a float32 weight."""


def compute(layers: Mapping[str, AnyLayer], xs: NDArray[Any]) -> Table:
    """The loss is on the last step alone, |dL/dh[T]| = 1, of every sequence. A network has a series for each layer.

    Args:
        layers: by the names that the picture gives them, each with the same inputs.

    Returns:
        layer, its name; state, the name of the state whose gradient it is; back, steps back from the loss; median, low,
        high of the norm (10 and 90 % of the sequences); zeros, the share of sequences whose gradient is exactly 0;
        growth, its low and high, nats per step, below 0 where the gradient vanishes; bound, Pascanu's, NaN for gated
        layers and stacks.
    """
    rows: list[tuple[str | float, ...]] = []
    for name, layer in layers.items():
        recurrent = [inner for inner in innermost(layer) if inner.carries]
        bound = flow.pascanu_bound(layer) if len(recurrent) == 1 and isinstance(recurrent[0], RNN | IndRNN) else np.nan
        for state in first_states(layer):
            norms = flow.gradient_norms(layer, xs, of=state)
            norms = np.divide(norms, norms[-1], out=np.zeros_like(norms), where=norms[-1] > 0)
            growth = np.quantile(0.0 - flow.decay_rate(norms), (0.5, 0.1, 0.9), method="nearest").tolist()
            median, low, high = np.quantile(norms[::-1], (0.5, 0.1, 0.9), axis=1, method="nearest").tolist()
            zeros = np.mean(norms[::-1] == 0, axis=1).tolist()
            rows += [
                (name, state, float(k), median[k], low[k], high[k], zeros[k], *growth, bound) for k in range(len(norms))
            ]
    return Table.of("layer state back median low high zeros growth growth_low growth_high bound", rows)


def first_states(layer: AnyLayer) -> list[str]:
    """The first state of every layer inside: "layers.0.hs" of an LSTM, and not its "layers.0.cs"."""
    firsts: dict[str, str] = {}
    for name in layer.carries:
        firsts.setdefault(name.rpartition(".")[0], name)
    return list(firsts.values())


def series(table: Table) -> dict[str, Table]:
    """The rows of each line, by what it is called: the state of a single network, the layer where there are several."""
    layers = len(table.each("layer"))
    found = {}
    for layer, state in table.each("layer", "state"):
        rows = table.where(layer=layer, state=state)
        alone = len(table.where(layer=layer).each("state")) == 1
        found[state if layers == 1 else layer if alone else f"{layer} {state}"] = rows
    return found


KNOWN = {
    "rnn": "tanh RNN",
    "tanh": "tanh RNN",
    "relu": "ReLU RNN",
    "irnn": "IRNN",
    "indrnn": "IndRNN",
    "lstm": "LSTM",
    "gru": "GRU",
}
"""What the figures call the layers, which have one look everywhere."""
LINES = [
    (looks.BLUE, "-"),
    (looks.RED, "--"),
    (looks.GREEN, "-."),
    (looks.PURPLE, ":"),
    (looks.ORANGE, (0, (5, 1.5))),
    (looks.SKY, (0, (3, 1, 1, 1))),
]


@page.styled
def draw(table: Table) -> "Figure":
    """The norm against steps back, its band over the sequences, Pascanu's bound, and where we call it lost."""
    figure, (ax,) = page.page(1, 1, height=4.6, width=8)
    lines = series(table)
    smallest = float(np.min(table["low"][table["low"] > 0], initial=LOST / 100))
    for (name, rows), look in zip(lines.items(), itertools.cycle(LINES)):
        color, line = looks.MODELS[KNOWN[name]][:2] if len(lines) > 1 and name in KNOWN else look
        back, median, shown = rows["back"], rows["median"], rows["high"] > 0
        low = np.maximum(rows["low"], smallest)
        ax.fill_between(back[shown], low[shown], rows["high"][shown], color=color, alpha=0.2, lw=0)
        words = "median sequence, band 10–90 %" if len(lines) == 1 else f"{name}: {_legend(rows)}"
        ax.plot(back[median > 0], median[median > 0], color=color, ls=line, label=words)
        if (median == 0).any():
            gone = back[median == 0]
            dead: Any = {"color": color, "ms": 5, "transform": ax.get_xaxis_transform(), "clip_on": False}
            ax.plot(gone, np.zeros(len(gone)), "v", label="exactly 0" if len(lines) == 1 else None, **dead)
    top = max(10.0, float(table["high"].max()) * 3)
    back = table["back"]
    if len(table.each("layer")) == 1:
        k = np.unique(back)
        log_bound = k * np.log(table["bound"][0])
        seen = (log_bound > np.log(smallest)) & (log_bound < np.log(top))
        bound = f"Pascanu's bound, {table['bound'][0]:.3g}$^k$"
        if seen.any():
            ax.plot(k[seen], np.exp(log_bound[seen]), color=looks.GREY, ls="--", lw=1, label=bound)
    ax.axhline(LOST, color=looks.RED, lw=0.8, ls=":")
    page.label(ax, back.max(), LOST, "1e-8: lost", looks.RED, ha="right")
    ax.set(yscale="log", ylim=(smallest / 3, top), xlim=(0, back.max()), title="where does the gradient go?")
    ax.set(xlabel="steps back from the loss, k")
    ax.set_ylabel(r"$|\partial L/\partial h[T-k]|$, with $|\partial L/\partial h[T]| = 1$")
    ax.legend(loc="best")
    return figure


def caption(table: Table) -> str:
    """The growth, the half-life, where the norm falls under 1e-8: a column for each layer, a block for each state."""
    lines = series(table)
    if len(table.each("layer")) > 1:
        return _columns({name: (_growth(rows), _short(pace(rows)), _short(_end(rows))) for name, rows in lines.items()})
    blocks = [_block(rows) for rows in lines.values()]
    if len(lines) == 1:
        return blocks[0]
    return "\n".join(f"{state}\n{block}" for state, block in zip(lines, blocks, strict=True))


NAMES = ("growth", "half-life", "under 1e-8")


def _columns(cells: dict[str, tuple[str, str, str]]) -> str:
    widths = [max(len(name), *map(len, column)) for name, column in cells.items()]
    lines = [("", *cells), *zip(NAMES, *cells.values(), strict=True)]
    return "\n".join(
        f"{first:11}  {'  '.join(f'{cell:{width}}' for cell, width in zip(others, widths, strict=True))}".rstrip()
        for first, *others in lines
    )


def _short(words: str) -> str:
    """For a column: "none: it is kept" is "kept"."""
    words = words.removeprefix("none: ").removeprefix("it is ").removeprefix("it ").replace(" within these", " in")
    return words.replace(" steps; at this rate", ",").replace(" steps back", " steps")


def _block(rows: Table) -> str:
    low, high = (float(rows[name][0]) for name in ("growth_low", "growth_high"))
    growth = f"{_growth(rows)} nats per step (10-90 % of the sequences: {low:.4g} to {high:.4g})"
    return "\n".join(f"{name:11}  {said}" for name, said in zip(NAMES, (growth, pace(rows), _end(rows)), strict=True))


def _legend(rows: Table) -> str:
    words, gone = pace(rows), rows["back"][rows["median"] == 0]
    if len(gone) and gone[0] > 1:
        return f"exactly 0 from {gone[0]:.0f} steps back on"
    return _short(words) if words.startswith("none: ") else f"halves in {words}"


def _growth(rows: Table) -> str:
    return f"{float(rows['growth'][0]):.4g}"


def pace(rows: Table) -> str:
    """In how many steps the norm halves, or that it does not."""
    growth = float(rows["growth"][0])
    half_life = float(flow.half_life(-growth))
    if np.isinf(growth):
        return "none: it is lost within one step"
    if np.isinf(half_life) or abs(growth) < 1e-12:
        return "none: it is kept"
    return f"{half_life:.4g} steps" if half_life > 0 else f"none: it doubles in {-half_life:.4g} steps"


def _end(rows: Table) -> str:
    growth, steps = float(rows["growth"][0]), rows["back"].max()
    lost = rows["back"][rows["median"] < LOST]
    if len(lost):
        return f"{lost[0]:.0f} steps back"
    if -np.inf < growth < -1e-12:
        return f"not within these {steps:.0f} steps; at this rate about {np.log(LOST) / growth:.0f}"
    return f"not within these {steps:.0f} steps"
