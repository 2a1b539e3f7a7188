"""The decay of the gradient on the user's own sequences: what `rnnlab flow` measures, draws and says."""

import itertools
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


def compute(layer: AnyLayer, xs: NDArray[Any]) -> Table:
    """The loss is on the last step alone, |dL/dh[T]| = 1, of every sequence. A network has a series for each layer.

    Returns:
        state, the name of the state whose gradient it is; back, steps back from the loss; median, low, high of the
        norm (10 and 90 % of the sequences); zeros, the share of sequences whose gradient is exactly 0; growth, its low
        and high, nats per step, below 0 where the gradient vanishes; bound, Pascanu's, NaN for gated layers and stacks.
    """
    recurrent = [inner for inner in innermost(layer) if inner.carries]
    bound = flow.pascanu_bound(layer) if len(recurrent) == 1 and isinstance(recurrent[0], RNN | IndRNN) else np.nan
    rows: list[tuple[str | float, ...]] = []
    for state in first_states(layer):
        norms = flow.gradient_norms(layer, xs, of=state)
        norms = np.divide(norms, norms[-1], out=np.zeros_like(norms), where=norms[-1] > 0)
        growth = np.quantile(0.0 - flow.decay_rate(norms), (0.5, 0.1, 0.9), method="nearest").tolist()
        median, low, high = np.quantile(norms[::-1], (0.5, 0.1, 0.9), axis=1, method="nearest").tolist()
        zeros = np.mean(norms[::-1] == 0, axis=1).tolist()
        rows += [(state, float(k), median[k], low[k], high[k], zeros[k], *growth, bound) for k in range(len(norms))]
    return Table.of("state back median low high zeros growth growth_low growth_high bound", rows)


def first_states(layer: AnyLayer) -> list[str]:
    """The first state of every layer inside: "layers.0.hs" of an LSTM, and not its "layers.0.cs"."""
    firsts: dict[str, str] = {}
    for name in layer.carries:
        firsts.setdefault(name.rpartition(".")[0], name)
    return list(firsts.values())


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
    states = [state for (state,) in table.each("state")]
    smallest = float(np.min(table["low"][table["low"] > 0], initial=LOST / 100))
    for state, (color, line) in zip(states, itertools.cycle(LINES)):
        rows = table.where(state=state)
        back, median, shown = rows["back"], rows["median"], rows["high"] > 0
        low = np.maximum(rows["low"], smallest)
        ax.fill_between(back[shown], low[shown], rows["high"][shown], color=color, alpha=0.2, lw=0)
        name = "median sequence, band 10–90 %" if len(states) == 1 else state
        ax.plot(back[median > 0], median[median > 0], color=color, ls=line, label=name)
        if (median == 0).any():
            gone = back[median == 0]
            dead: Any = {"color": color, "ms": 5, "transform": ax.get_xaxis_transform(), "clip_on": False}
            ax.plot(gone, np.zeros(len(gone)), "v", label="exactly 0", **dead)
    top = max(10.0, float(table["high"].max()) * 3)
    back = table.where(state=states[0])["back"]
    log_bound = back * np.log(table["bound"][0])
    seen = (log_bound > np.log(smallest)) & (log_bound < np.log(top))
    bound = f"Pascanu's bound, {table['bound'][0]:.3g}$^k$"
    if seen.any():
        ax.plot(back[seen], np.exp(log_bound[seen]), color=looks.GREY, ls="--", lw=1, label=bound)
    ax.axhline(LOST, color=looks.RED, lw=0.8, ls=":")
    page.label(ax, back.max(), LOST, "1e-8: lost", looks.RED, ha="right")
    ax.set(yscale="log", ylim=(smallest / 3, top), xlim=(0, back.max()), title="where does the gradient go?")
    ax.set(xlabel="steps back from the loss, k")
    ax.set_ylabel(r"$|\partial L/\partial h[T-k]|$, with $|\partial L/\partial h[T]| = 1$")
    ax.legend(loc="best")
    return figure


def caption(table: Table) -> str:
    """Of every state three lines: the growth, the half-life, where the norm falls under 1e-8."""
    states = [state for (state,) in table.each("state")]
    blocks = [_block(table.where(state=state)) for state in states]
    if len(states) == 1:
        return blocks[0]
    return "\n".join(f"{state}\n{block}" for state, block in zip(states, blocks, strict=True))


def _block(rows: Table) -> str:
    growth, low, high = (float(rows[name][0]) for name in ("growth", "growth_low", "growth_high"))
    half_life = float(flow.half_life(-growth))
    lost = rows["back"][rows["median"] < LOST]
    if np.isinf(growth):
        pace = "none: it is lost within one step"
    elif np.isinf(half_life) or abs(growth) < 1e-12:
        pace = "none: it is kept"
    else:
        pace = f"{half_life:.4g} steps" if half_life > 0 else f"none: it doubles in {-half_life:.4g} steps"
    if len(lost):
        end = f"{lost[0]:.0f} steps back"
    elif -np.inf < growth < -1e-12:
        end = f"not within these {rows['back'].max():.0f} steps; at this rate about {np.log(LOST) / growth:.0f}"
    else:
        end = f"not within these {rows['back'].max():.0f} steps"
    return (
        f"growth       {growth:.4g} nats per step (10-90 % of the sequences: {low:.4g} to {high:.4g})\n"
        f"half-life    {pace}\n"
        f"under 1e-8   {end}"
    )
