"""The decay of the gradient on the user's own sequences: what `rnnlab flow` measures, draws and says."""

from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.layers import RNN, IndRNN
from rnnlab.table import Table
from rnnlab.trace import AnyLayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOST = 1e-8
"""The norm under which we call a gradient lost: next to one of size 1 it moves no digit of a float32 weight."""


def compute(layer: AnyLayer, xs: Array) -> Table:
    """The loss is on the last step alone, |dL/dh[T]| = 1, of every sequence.

    Returns:
        back, steps back from the loss; median, low, high of the norm (10 and 90 % of the sequences); zeros, the
        share of sequences whose gradient is exactly 0; rate, rate_low, rate_high, nats per step; bound, Pascanu's,
        NaN for gated layers.
    """
    norms = flow.gradient_norms(layer, xs)
    norms /= norms[-1]
    rates = np.quantile(flow.decay_rate(norms), (0.5, 0.1, 0.9), method="nearest").tolist()
    median, low, high = np.quantile(norms[::-1], (0.5, 0.1, 0.9), axis=1, method="nearest").tolist()
    zeros = np.mean(norms[::-1] == 0, axis=1).tolist()
    bound = flow.pascanu_bound(layer) if isinstance(layer, RNN | IndRNN) else np.nan
    rows = [(float(k), median[k], low[k], high[k], zeros[k], *rates, bound) for k in range(len(norms))]
    return Table.of("back median low high zeros rate rate_low rate_high bound", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """The norm against steps back, its band over the sequences, Pascanu's bound, and where we call it lost."""
    figure, (ax,) = page.page(1, 1, height=4.6, width=8)
    back, median = table["back"], table["median"]
    shown = table["high"] > 0
    smallest = min(LOST / 100, table["low"][table["low"] > 0].min())
    low = np.maximum(table["low"], smallest)
    ax.fill_between(back[shown], low[shown], table["high"][shown], color=looks.BLUE, alpha=0.2, lw=0)
    ax.plot(back[median > 0], median[median > 0], color=looks.BLUE, label="median sequence, band 10–90 %")
    if (median == 0).any():
        gone = back[median == 0]
        ground = ax.get_xaxis_transform()
        triangles = ax.plot(gone, np.zeros(len(gone)), "v", color=looks.BLUE, ms=5, transform=ground, label="exactly 0")
        triangles[0].set_clip_on(False)
    top = max(10.0, float(table["high"].max()) * 3)
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
    """Three lines: the decay rate, the half-life, where the norm falls under 1e-8."""
    rate, low, high = (float(table[name][0]) for name in ("rate", "rate_low", "rate_high"))
    half_life = float(flow.half_life(rate))
    lost = table["back"][table["median"] < LOST]
    if np.isinf(rate):
        pace = "none: it is lost within one step"
    elif np.isinf(half_life) or abs(rate) < 1e-12:
        pace = "none: it is kept"
    else:
        pace = f"{half_life:.4g} steps" if half_life > 0 else f"none: it doubles in {-half_life:.4g} steps"
    if len(lost):
        end = f"{lost[0]:.0f} steps back"
    elif 1e-12 < rate < np.inf:
        end = f"not within these {table['back'].max():.0f} steps; at this rate about {-np.log(LOST) / rate:.0f}"
    else:
        end = f"not within these {table['back'].max():.0f} steps"
    return (
        f"decay rate   {rate:.4g} nats per step (10-90 % of the sequences: {low:.4g} to {high:.4g})\n"
        f"half-life    {pace}\n"
        f"under 1e-8   {end}"
    )
