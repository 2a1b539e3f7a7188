"""IndRNN's range for u: one neuron's gradient against the length of the sequence, inside the range and outside."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.activations import ReLU
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.layers import IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The longer the sequence, the closer to 1 an IndRNN's weight must be"
EPSILON, GAMMA = 0.5, 2.0
LENGTHS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
FIXED = (0.9, 0.99, 0.999, 1.0, 1.001, 1.01, 1.1)


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
    """The funnel: u against T, the range shaded; a mark at every u and T that was measured, by what it came to."""
    figure, (ax,) = page.page(1, 1, height=4.8, width=7)
    low, high = table.where(kind="epsilon"), table.where(kind="gamma")
    ax.fill_between(low["steps"], low["u"], high["u"], color=looks.GREEN, alpha=0.25, lw=0)
    fixed = table.where(kind="u")
    for (color, marker), words, chosen in (
        (BELOW, "vanishes: below ½", fixed["gradient"] < EPSILON),
        (INSIDE, "between ½ and 2", _inside(fixed["gradient"])),
        (ABOVE, "explodes: above 2", fixed["gradient"] > GAMMA),
    ):
        style: Any = {"color": color, "ls": "none", "marker": marker, "ms": 6}
        ax.plot(fixed["steps"][chosen], fixed["u"][chosen], **style, label=words)
    longest = float(table["steps"].max())
    nearest = float(table["steps"].min())
    for u in FIXED:
        left = table.only("gradient", kind="u", u=u, steps=longest)
        ax.axhline(u, color=looks.GREY, lw=0.5, zorder=0)
        page.label(ax, 1.25 * longest, u, f"{left:.0e}" if abs(np.log10(left)) > 2 else f"{left:.2g}", looks.BLACK)
    ax.text(1.25 * longest, 1.4, f"gradient\nat T = {longest:.0f}", fontsize=SMALL, va="center", ha="left")
    ax.set_xscale("log")
    ax.set_yscale("function", functions=(_stretched, _shrunk))
    ax.set_yticks(FIXED, [f"{u:g}" for u in FIXED])
    lengths = np.unique(table["steps"])[:: 3 if page.narrow() else 1]
    ax.set_xticks(lengths, [f"{length:.0f}" for length in lengths])
    ax.minorticks_off()
    ax.set(xlim=(0.85 * nearest, 5 * longest), ylim=(0.6, 1.7), ylabel="recurrent weight u (axis stretched near 1)")
    ax.set_xlabel("steps T between the state and the loss")
    figure.legend(loc="outside lower center", ncols=1 if page.narrow() else 3, handletextpad=0.2, columnspacing=1)
    ax.grid(visible=False)
    page.headline(ax, _found(table), 6.3)
    return figure


BELOW, INSIDE, ABOVE = (looks.RED, "o"), (looks.GREEN, "D"), (looks.PURPLE, "s")
NEAREST = 1e-4
"""The axis of u is linear so near to 1, beyond that logarithmic in |u - 1|."""


def _stretched(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """u on the axis: so many e-folds of |u - 1|."""
    return np.asarray(np.arcsinh((u - 1) / NEAREST))


def _shrunk(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 + NEAREST * np.sinh(place))


def _inside(gradients: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((gradients >= EPSILON) & (gradients <= GAMMA))


def _found(table: Table) -> str:
    high = table.where(kind="gamma")
    first, last = (100 * (high["u"][n] - 1) for n in (0, -1))
    if len(high) == 1:
        return f"Over T = {high['steps'][0]:.0f} steps the weight may be {first:.2g} % above 1"
    return (
        f"The range of u is a funnel: up to {first:.2g} % above 1 for {high['steps'][0]:.0f} steps, "
        f"{last:.2g} % for {high['steps'][-1]:.0f}"
    )


def caption(table: Table) -> str:
    longest = table["steps"].max()
    inside = np.concatenate([table.where(kind=kind)["gradient"] for kind in ("epsilon", "gamma")])
    lengths = np.unique(table["steps"])
    length = lengths[np.abs(lengths - 100).argmin()]
    edge = table.only("u", kind="gamma", steps=length)
    always = [f"u = {u:g}" for u in FIXED if _inside(table.where(kind="u", u=u)["gradient"]).all()]
    fixed = [f"u = {u:g}: {table.only('gradient', kind='u', u=u, steps=longest):.2g}" for u in FIXED]
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "A mark is one neuron with that u over that many steps: its gradient is u^T; the axis of u is stretched near "
        f"1. Shaded is the range [ε^(1/T), γ^(1/T)], ε = {EPSILON:g}, γ = {GAMMA:g}; in it for every T here: "
        f"{captions.listed(always)}.",
        f"IndRNN, ReLU on an active path (h[0] = 1, no input), T from {lengths[0]:.0f} to {longest:.0f}.",
        [
            f"At the ends of the range, γ^(1/T) = {edge:.6f} at T = {length:.0f}, the gradient stays between "
            f"{inside.min():.3g} and {inside.max():.3g} for every T",
            f"at T = {longest:.0f}, {', '.join(fixed)}",
        ],
        "That is the active path; where the neuron is off at any step, the gradient is 0.",
    )
