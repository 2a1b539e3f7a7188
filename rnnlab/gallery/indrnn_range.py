"""IndRNN's range for u: one neuron's gradient against the length of the sequence, inside the range and outside."""

from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab.activations import ReLU
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.layers import IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Inside [ε^(1/T), γ^(1/T)] the gradient stays in [ε, γ]"
EPSILON, GAMMA = 0.5, 2.0
LENGTHS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
FIXED = (0.9, 0.99, 0.999, 1.0, 1.001, 1.01, 1.1)
INKS = dict(
    zip(FIXED, (looks.RED, looks.ORANGE, looks.YELLOW, looks.BLACK, looks.SKY, looks.BLUE, looks.PURPLE), strict=True)
)
MARKERS = dict(zip(FIXED, "vsDo^PX", strict=True))


@checked
def compute(
    *,
    lengths: Annotated[tuple[int, ...], Knob("T, the lengths of the sequences", "timesteps", 1)] = LENGTHS,
) -> Table:
    """One IndRNN per length, a neuron for each u, ReLU on an active path (h0 = 1, no input), dL/dh[T] = 1.

    Returns:
        kind: "u" for a fixed weight, "epsilon" and "gamma" for the ends of the range at that length; steps; u;
        gradient, |dL/dh0|, measured.
    """
    rows: list[tuple[str | float, ...]] = []
    for steps in lengths:
        u = np.array([*FIXED, EPSILON ** (1 / steps), GAMMA ** (1 / steps)])
        layer = IndRNN(np.zeros((1, len(u))), u, np.zeros(len(u)), ReLU())
        trace = layer.forward(np.zeros((steps, 1, 1)), np.ones((1, len(u))))
        dhs = np.zeros_like(trace.hs[1:])
        dhs[-1] = 1
        gradients = np.abs(layer.backward(trace, dhs).h0[0])
        kinds = [*["u"] * len(FIXED), "epsilon", "gamma"]
        rows += [(kind, float(steps), float(w), float(g)) for kind, w, g in zip(kinds, u, gradients, strict=True)]
    return Table.of("kind steps u gradient", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """Gradient against T, both logarithmic; the range that a u in the interval can reach is shaded."""
    figure, (ax,) = page.page(1, 1, height=4.6, width=8)
    low, high = table.where(kind="epsilon"), table.where(kind="gamma")
    ax.fill_between(low["steps"], low["gradient"], high["gradient"], color=looks.GREEN, alpha=0.35, lw=0)
    page.label(ax, low["steps"][0] * 1.1, 30, "u in [ε$^{1/T}$, γ$^{1/T}$], ε = 1/2, γ = 2", looks.GREEN)
    for u in FIXED:
        rows = table.where(kind="u", u=u)
        ax.plot(rows["steps"], rows["gradient"], color=INKS[u], marker=MARKERS[u], ms=4, label=f"u = {u:g}")
    ax.set(
        xlabel="steps T between the state and the loss",
        ylabel=r"$|\partial L/\partial h[0]|$ of one neuron, $\partial L/\partial h[T] = 1$",
        xscale="log",
        yscale="log",
        ylim=(1e-6, 1e6),
        title="one weight for every length vanishes or explodes",
    )
    ax.legend(loc="lower left", ncols=2)
    return figure


def caption(table: Table) -> str:
    longest = table["steps"].max()

    def at(u: float) -> float:
        return float(table.only("gradient", kind="u", u=u, steps=longest))

    inside = np.concatenate([table.where(kind=kind)["gradient"] for kind in ("epsilon", "gamma")])
    lengths = np.unique(table["steps"])
    length = lengths[np.abs(lengths - 100).argmin()]
    edge = table.only("u", kind="gamma", steps=length)
    return (
        "One IndRNN neuron with ReLU on an active path: its gradient over T steps is u^T. At the ends of the range, "
        f"which moves with T (γ^(1/T) = {edge:.6f} at T = {length:.0f}), it stays between {inside.min():.3g} and "
        f"{inside.max():.3g} for every T from {lengths[0]:.0f} to {longest:.0f}. A weight that does not "
        f"move with T leaves it: at T = {longest:.0f} u = 0.99 gives {at(0.99):.1e}, u = 1.01 {at(1.01):.1e} and "
        f"u = 1.1 {at(1.1):.1e}. That is the active path; where the neuron is off at any step, the gradient is 0."
    )
