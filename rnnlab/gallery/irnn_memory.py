"""The scaled identity αI: how fast an IRNN forgets, forward in its state and backward in its gradient."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Knob, Seed, Steps, checked, growths, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "αI forgets: the gradient is multiplied by α at every step"
INKS = {
    0.9: (looks.RED, "--"),
    0.95: (looks.ORANGE, "-."),
    0.99: (looks.BLUE, "-"),
    1.0: (looks.BLACK, "-"),
    1.01: (looks.GREEN, ":"),
}

ALPHAS = tuple(f"{alpha:g}" for alpha in INKS)


@checked
def compute(
    *,
    steps: Steps = 300,
    hidden: Hidden = 100,
    seed: Seed = 0,
    series: Annotated[Words, Knob("α, by which U = I is multiplied", names=ALPHAS)] = ALL,
) -> Table:
    """One run per α without input, from h0 = |N(0, 1)|, the loss on the last step alone.

    Returns:
        alpha; k, steps; state, |h[k]| / |h[0]|; gradient, |dL/dh[T-k]| / |dL/dh[T]|; growth λ of the gradient, nats
        per step back, below 0 it vanishes; hidden.
    """
    rows: list[tuple[float, ...]] = []
    for alpha in map(float, chosen(series, ALPHAS)):
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
    """One panel: of each α the state forward in time as a line, the gradient back in time as circles on it."""
    figure, (ax,) = page.page(1, 1, height=4.4, width=7)
    steps, ends = table["k"].max(), {}
    for (alpha,) in table.each("alpha"):
        color, line = INKS[alpha]
        rows = table.where(alpha=alpha)
        every = slice(0, None, max(1, int(steps) // 12))
        ax.plot(rows["k"], rows["state"], line, color=color)
        ax.plot(rows["k"][every], rows["gradient"][every], "o", color=color, mfc="white", ms=5)
        ends[f"α = {alpha:g}: {_pace(rows)}"] = float(rows["state"][-1])
    values = np.concatenate([table["state"], table["gradient"]])
    bottom, top = values.min() / 10, values.max() * 10
    ax.set(yscale="log", ylim=(bottom, top), xlim=(0, 1.42 * steps), ylabel="size, relative to the start")
    ax.set_xlabel("steps k: line, the state after h[0]; circles, the gradient back from the loss")
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= steps][:: 2 if page.narrow() else 1])
    ax.set_xlim(0, 1.42 * steps)
    for (words, height), color in zip(
        page.apart(ends, 0.065 * np.log(top / bottom)).items(), _inks_by_height(table), strict=True
    ):
        beside: Any = {"xytext": (7, 0), "textcoords": "offset points", "va": "center", "fontsize": SMALL}
        ax.annotate(words, (steps, height), color=color, **beside)
    page.headline(ax, _found(table), 6.3)
    return figure


def _inks_by_height(table: Table) -> list[str]:
    """The colours in the order of the lines' ends, from the top."""
    alphas = [alpha for (alpha,) in table.each("alpha")]
    return [INKS[alpha][0] for alpha in sorted(alphas, key=lambda one: -table.where(alpha=one)["state"][-1])]


def _pace(rows: Table) -> str:
    growth = float(rows["growth"][0])
    if growth == 0:
        return "kept"
    return f"{'halves' if growth < 0 else 'doubles'} in {np.log(2) / abs(growth):.1f} steps"


def _found(table: Table) -> str:
    alphas = [alpha for (alpha,) in table.each("alpha")]
    low = table.where(alpha=alphas[0])
    if 1.0 not in alphas:
        return f"A gradient through U = {alphas[0]:g} I {_pace(low)}, as the state does"
    kept = table.where(alpha=1.0)
    exact = (kept["state"] == 1).all() and (kept["gradient"] == 1).all()
    how = "exactly " if exact else "not quite "
    found = f"U = I keeps state and gradient {how}for {kept['k'][-1]:.0f} steps"
    return found if alphas[0] == 1 else f"{found}, {alphas[0]:g} I {_pace(low)}"


def caption(table: Table) -> str:
    apart = max(
        float(np.abs(table.where(alpha=alpha)["gradient"] / alpha ** table.where(alpha=alpha)["k"] - 1).max())
        for (alpha,) in table.each("alpha")
    )
    steps = table["k"].max()
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "The lines are the state forward in time, the circles on them the gradient back in time: both follow α^k, the "
        "scale is logarithmic. What has been forgotten cannot be learned from.",
        f"An IRNN with U = αI, {setting(table, 'hidden')}, T = {steps:.0f}, without input, h[0] = |N(0, 1)|.",
        [f"α = {alpha:g}: {_pace(table.where(alpha=alpha))}" for (alpha,) in table.each("alpha")],
        f"The gradient is α^k to within {apart:.1g}.",
    )
