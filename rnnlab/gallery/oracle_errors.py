"""Which oracle can see a vanished gradient: relative error against the step, and against the gradient's own size."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gradcheck.oracles import COMPLEX_STEP, Losses
from rnnlab.gradcheck.perturb import RecurrentRun, Setup
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Only the complex step sees a vanished gradient"
INKS = {
    "forward": (looks.RED, "v"),
    "central": (looks.ORANGE, "s"),
    "Richardson": (looks.BLUE, "^"),
    "complex step": (looks.BLACK, "o"),
}
FLOOR = 1e-17
"""Where an error of exactly 0 is drawn, below the smallest error a float64 can have."""


def forward_difference(losses: Losses, h: float) -> Array:
    return (losses(h) - losses(0.0)) / h


def central_difference(losses: Losses, h: float) -> Array:
    return (losses(h) - losses(-h)) / (2 * h)


def richardson(losses: Losses, h: float) -> Array:
    return (4 * central_difference(losses, h / 2) - central_difference(losses, h)) / 3


def complex_step(losses: Losses, h: float) -> Array:
    return losses(1j * h).imag / h


RULES = {
    "forward": (forward_difference, 1e-8),
    "central": (central_difference, 6e-6),
    "Richardson": (richardson, 1e-3),
    "complex step": (complex_step, COMPLEX_STEP),
}
"""Name: (rule, the step that is best for it at a gradient of size 1)."""


def compute(*, steps: int = 400, hidden: int = 20, inputs: int = 2, near: int = 10, seed: int = 0) -> Table:
    """A tanh RNN, the loss on the last step alone; the derivative along one random direction of h[T-k].

    Returns:
        panel: "step" (the step varies, `near` steps back) or "size" (the best step, every lag); rule; step; size,
        |dL/dh[T-k]| along the direction, by the hand-written backward; error, relative to it.
    """
    rng = np.random.default_rng(seed)
    layer = RNN.init(rng, inputs=inputs, hidden=hidden)
    trace = layer.forward(rng.standard_normal((steps, 1, inputs)))
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = rng.standard_normal((1, hidden))
    grads = layer.backward(trace, dhs)
    run = RecurrentRun(Setup(layer, trace.xs, trace.starts), (dhs,), (trace.hs,))
    direction = rng.standard_normal((1, hidden)) / np.sqrt(hidden)

    def error(name: str, h: float, lag: int) -> tuple[float, float]:
        rule, _ = RULES[name]
        t = steps - lag
        wanted = float(grads.hs[t, 0] @ direction[0])
        got = float(rule(partial(run.state_losses, 0, t, direction), h)[0, 0])
        return abs(wanted), abs(got / wanted - 1)

    rows: list[tuple[str | float, ...]] = []
    for name in RULES:
        exponents = np.arange(-1, -31 if name == "complex step" else -15.1, -0.5)
        rows += [("step", name, float(h), *error(name, float(h), near)) for h in 10**exponents]
        best = RULES[name][1]
        rows += [("size", name, best, *error(name, best, lag)) for lag in range(0, steps, 4)]
    return Table.of("panel rule step size error", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """Left error against step, right error against the size of the gradient; lower is better, further right smaller."""
    figure, (left, right) = page.page(1, 2, height=4.4, sharey=True)
    for name, (color, marker) in INKS.items():
        by_step, by_size = table.where(panel="step", rule=name), table.where(panel="size", rule=name)
        left.plot(
            by_step["step"], np.maximum(by_step["error"], FLOOR), color=color, marker=marker, ms=3, lw=1, label=name
        )
        right.plot(
            by_size["size"], np.maximum(by_size["error"], FLOOR), color=color, marker=marker, ms=3, lw=0, label=name
        )
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", ylim=(3e-18, 1e10))
        ax.invert_xaxis()
        ax.axhline(1, color=looks.GREY, lw=0.8)
        ax.axhline(np.finfo(float).eps, color=looks.GREY, lw=0.8, ls=":")
    page.label(right, right.get_xlim()[0] / 10, 4, "100 % wrong", looks.GREY)
    page.label(left, 0.5, np.finfo(float).eps * 4, "roundoff", looks.GREY)
    left.set(title="a healthy gradient: which step?", xlabel="step", ylabel="relative error")
    right.set(
        title="a vanishing gradient, each at its best step",
        xlabel=r"$|\partial L/\partial h[T-k]|$ along one direction",
    )
    left.legend(loc="upper right")
    return figure


def caption(table: Table) -> str:
    by_step = table.where(panel="step")
    best = "; ".join(f"{name} {by_step.where(rule=name)['error'].min():.0e}" for name in list(RULES)[:3])
    size = table.where(panel="size")
    exact = size.where(rule="complex step")
    central = size.where(rule="central")
    lost = central["size"][central["error"] > 0.5].max()
    return (
        "Relative distance of four oracles from the hand-written backward, tanh RNN. A difference quotient has a best "
        f"step; at a derivative of {by_step['size'][0]:.1g} the least errors are {best}. The complex step has none to "
        "find: any below 1e-8 is right to roundoff. As the gradient vanishes the quotients lose it: the central "
        f"difference is more than 50 % wrong once the derivative is {lost:.0e}. The complex step stays within "
        f"{exact['error'].max():.0e} down to {exact['size'].min():.0e}, where an absolute tolerance would pass a "
        "backward of zeros. (An error of exactly 0 is drawn at 1e-17.)"
    )
