"""The scaled identity αI: how fast an IRNN forgets, forward in its state and backward in its gradient."""

from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Hidden, Seed, Steps, checked, growths, setting, with_knobs
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "αI forgets: the gradient grows by log α a step"
INKS = {
    0.9: (looks.RED, "--"),
    0.95: (looks.ORANGE, "-."),
    0.99: (looks.BLUE, "o-"),
    1.0: (looks.BLACK, "-"),
    1.01: (looks.GREEN, ":"),
}


@checked
def compute(*, steps: Steps = 300, hidden: Hidden = 100, seed: Seed = 0) -> Table:
    """One run per α without input, from h0 = |N(0, 1)|, the loss on the last step alone.

    Returns:
        alpha; k, steps; state, |h[k]| / |h[0]|; gradient, |dL/dh[T-k]| / |dL/dh[T]|; growth λ of the gradient, nats
        per step back, below 0 it vanishes; hidden.
    """
    rows: list[tuple[float, ...]] = []
    for alpha in INKS:
        rng = np.random.default_rng(seed)
        layer = RNN.irnn(rng, inputs=1, hidden=hidden, scale=alpha)
        xs, h0 = np.zeros((steps, 1, 1)), np.abs(rng.standard_normal((1, hidden)))
        states = flow.norms(layer.forward(xs, h0).hs)[:, 0]
        gradients = flow.gradient_norms(layer, xs, h0)[:, 0]
        growth = float(growths(gradients))
        states, gradients = states / states[0], gradients[::-1] / gradients[-1]
        rows += [(alpha, k, float(states[k]), float(gradients[k]), growth) for k in range(steps + 1)]
    return with_knobs(Table.of("alpha k state gradient growth", rows), hidden=hidden)


@page.styled
def draw(table: Table) -> "Figure":
    """Left the state forward in time, right the gradient back in time, one logarithmic scale."""
    figure, (left, right) = page.page(1, 2, height=4.2, sharey=True)
    for alpha, (color, line) in INKS.items():
        rows = table.where(alpha=alpha)
        left.plot(rows["k"], rows["state"], line, color=color, markevery=0.08, ms=4)
        right.plot(
            rows["k"], rows["gradient"], line, color=color, markevery=0.08, ms=4, label=f"α = {alpha:g}: {_pace(rows)}"
        )
    left.set(title="state, forward", xlabel="steps after h[0], k", ylabel="|h[k]| / |h[0]|", yscale="log")
    right.set(
        title="gradient, backward",
        xlabel="steps back from the loss, k",
        ylabel=r"$|\partial L/\partial h[T-k]|$ / $|\partial L/\partial h[T]|$",
    )
    right.legend(loc="lower left")
    return figure


def _pace(rows: Table) -> str:
    growth = float(rows["growth"][0])
    if growth == 0:
        return "kept"
    return f"{'halves' if growth < 0 else 'doubles'} in {np.log(2) / abs(growth):.1f} steps"


def caption(table: Table) -> str:
    kept = table.where(alpha=1.0)
    exact = (kept["state"] == 1).all() and (kept["gradient"] == 1).all()
    paces = "; ".join(f"α = {alpha:g} {_pace(table.where(alpha=alpha))}" for alpha in INKS if alpha != 1)
    apart = max(
        float(np.abs(table.where(alpha=alpha)["gradient"] / alpha ** table.where(alpha=alpha)["k"] - 1).max())
        for alpha in INKS
    )
    return (
        f"An IRNN without input, U = αI, {setting(table, 'hidden')}. At α = 1 the state and the gradient are "
        f"{'exactly' if exact else 'NOT exactly'} what they were at every one of {kept['k'][-1]:.0f} steps. Otherwise "
        "both follow α^k, the state forward and the gradient backward alike, the gradient to within "
        f"{apart:.1g}: {paces}. What has been forgotten cannot be learned from."
    )
