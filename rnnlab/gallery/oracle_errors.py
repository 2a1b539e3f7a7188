"""Which oracle can see a vanished gradient: relative error against the step, and against the gradient's own size."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Seed, Steps, checked, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
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
QUOTIENTS = {"forward": "forward", "central": "central", "Richardson": "extrapolated"}
"""What is said of each rule that takes a difference."""
COMPLEX_STEP = 1e-20
CEILING = 1e10
"""The largest error that is drawn at its height; larger ones are strokes above."""
SAID = {
    "forward": "forward difference",
    "central": "central difference",
    "Richardson": "Richardson: two central ones, extrapolated",
    "complex step": "complex step",
}
"""The legend."""
FLOOR = 1e-17
"""Where an error of exactly 0 is drawn, below the smallest error a float64 can have."""


Loss = Callable[[complex], complex]
"""The loss, given how far a state was moved along the direction; a real one for a real distance."""


def forward_difference(loss: Loss, h: float) -> float:
    return ((loss(h) - loss(0.0)) / h).real


def central_difference(loss: Loss, h: float) -> float:
    return ((loss(h) - loss(-h)) / (2 * h)).real


def richardson(loss: Loss, h: float) -> float:
    return (4 * central_difference(loss, h / 2) - central_difference(loss, h)) / 3


def complex_step(loss: Loss, h: float) -> float:
    return loss(1j * h).imag / h


RULES = {
    "forward": (forward_difference, 1e-8),
    "central": (central_difference, 6e-6),
    "Richardson": (richardson, 1e-3),
    "complex step": (complex_step, COMPLEX_STEP),
}
"""Name: (rule, the step that is best for it at a gradient of size 1)."""


@checked
def compute(
    *,
    steps: Steps = 400,
    hidden: Hidden = 20,
    inputs: Inputs = 2,
    near: Annotated[int, Knob("steps back, at most T, of the gradient that is healthy", "timesteps", 0)] = 10,
    seed: Seed = 0,
    series: Annotated[Words, Knob("the oracles", names=tuple(RULES))] = ALL,
) -> Table:
    """A tanh RNN, the loss on the last step alone; the derivative along one random direction of h[T-k].

    Returns:
        panel: "step" (the step varies, `near` steps back) or "size" (the best step, every lag); rule; step; size,
        |dL/dh[T-k]| along the direction, by the hand-written backward; error, relative to it; steps, hidden, inputs,
        near, seed.

    Raises:
        ValueError: near > steps.
    """
    if near > steps:
        raise ValueError(f"near must be at most steps = {steps}; got {near}")
    rng = np.random.default_rng(seed)
    layer = RNN.init(rng, inputs=inputs, hidden=hidden)
    trace = layer.forward(rng.standard_normal((steps, 1, inputs)))
    dys = np.zeros_like(trace.ys)
    dys[-1] = rng.standard_normal((1, hidden))
    dhs = layer.backward(trace, dys).hs
    direction = rng.standard_normal((1, hidden)) / np.sqrt(hidden)
    layers = {"f": layer, "c": layer.map(lambda array: array.astype(np.complex128))}

    def error(name: str, h: float, lag: int) -> tuple[float, float]:
        t = steps - lag

        def loss(moved: complex) -> complex:
            """L = dL/dh[T] · h[T], run on from h[t] + moved · direction."""
            state: Any = trace.hs[t] + moved * direction
            if lag:
                state = layers[state.dtype.kind].forward(trace.xs[t:].astype(state.dtype), state).hs[-1]
            return complex((dys[-1] * state).sum())

        rule, _ = RULES[name]
        wanted = float(dhs[t, 0] @ direction[0])
        return abs(wanted), abs(rule(loss, h) / wanted - 1)

    rows: list[tuple[str | float, ...]] = []
    for name in chosen(series, tuple(RULES)):
        exponents = np.arange(-1, -31 if name == "complex step" else -15.1, -0.5)
        rows += [("step", name, float(h), *error(name, float(h), near)) for h in 10**exponents]
        best = RULES[name][1]
        rows += [("size", name, best, *error(name, best, lag)) for lag in range(0, steps, max(1, steps // 100))]
    table = Table.of("panel rule step size error", rows)
    return with_knobs(table, steps=steps, hidden=hidden, inputs=inputs, near=near, seed=seed)


@page.styled
def draw(table: Table) -> "Figure":
    """Above error against the size of the gradient, smaller to the right; below error against the step."""
    figure, (above, below) = page.page(2, 1, height=7.6, width=7)
    for (name,) in table.each("rule"):
        color, marker = INKS[name]
        by_step, by_size = table.where(panel="step", rule=name), table.where(panel="size", rule=name)
        for ax, x, rows, lw in ((above, "size", by_size, 0), (below, "step", by_step, 1)):
            errors = np.maximum(rows["error"], FLOOR)
            inside = errors <= CEILING
            ax.plot(
                rows[x][inside],
                errors[inside],
                color=color,
                marker=marker,
                ms=4,
                lw=lw,
                label=name if page.narrow() else SAID[name],
            )
            height = CEILING * 10.0 ** (1 + list(INKS).index(name))  # a row for each, above the scale
            ax.plot(rows[x][~inside], np.full((~inside).sum(), height), "|", color=color, ms=6)
    for ax in (above, below):
        ax.set(xscale="log", yscale="log", ylim=(3e-18, 1e15), ylabel="relative error")
        ax.set_yticks([10.0**power for power in range(-15, 10, 5)])
        ax.invert_xaxis()
        ax.axhline(1, color=looks.GREY, lw=0.8)
        ax.axhline(np.finfo(float).eps, color=looks.GREY, lw=0.8, ls=":")
    page.label(
        above,
        min(above.get_xlim()),
        5,
        "1: all wrong" + _zeros(table),
        looks.BLACK,
        ha="right",
        va="bottom",
        fontsize=SMALL,
    )
    beyond = {name: int((table.where(panel="size", rule=name)["error"] > CEILING).sum()) for name in QUOTIENTS}
    said = ", ".join(f"{name} {count}" for name, count in beyond.items() if count)
    if said:
        corner: Any = {"transform": above.transAxes, "ha": "left", "fontsize": SMALL}
        page.label(
            above,
            0.02,
            0.92,
            "strokes:\nabove 1e10" if page.narrow() else f"strokes: errors above 1e10,\n{said}",
            looks.BLACK,
            **corner,
        )
    page.label(below, 0.5, np.finfo(float).eps / 10, "roundoff", looks.GREY, fontsize=SMALL)
    page.headline(above, _found(table), 6.3)
    above.set_xlabel("size of the derivative dL/dh[T−k] along one direction, each oracle at its best step")
    near = knob(table, "near")
    below.set_xlabel(f"step size h of the oracle; the derivative is that {near:.0f} timestep{'s' * (near != 1)} back")
    page.headline(below, _best(table), 6.3)
    below.legend(loc="upper right", fontsize=SMALL)
    return figure


def _zeros(table: Table) -> str:
    """What a mark at 1 is."""
    sizes = table.where(panel="size")
    exact = int(((sizes["error"] == 1) & (sizes["rule"] != "complex step")).sum())
    return f"; {exact} on the line: the quotient is exactly 0" if exact else ""


def _found(table: Table) -> str:
    rules = [rule for (rule,) in table.each("rule")]
    exact, quotients = table.where(panel="size", rule="complex step"), [rule for rule in rules if rule in QUOTIENTS]
    quotient = "central" if "central" in quotients else next(iter(quotients), "")
    lost = size_lost(table, quotient) if quotient else 0.0
    blind = f"{QUOTIENTS[quotient]} differences are lost below {lost:.0e}" if lost else ""
    if not len(exact):
        return f"{blind[0].upper()}{blind[1:]}" if blind else "No quotient loses the gradient here"
    seen = f"The complex step is right to {exact['error'].max():.0e} down to {exact['size'].min():.0e}"
    return f"{seen}; {blind}" if blind else f"{seen}{', as are the quotients' if quotients else ''}"


def _best(table: Table) -> str:
    rules = [rule for (rule,) in table.each("rule")]
    quotient = "central" if "central" in rules else next((rule for rule in rules if rule in QUOTIENTS), "")
    if not quotient:
        return "The complex step has no best step to find"
    rows = table.where(panel="step", rule=quotient)
    error, step = float(rows["error"].min()), float(rows["step"][rows["error"].argmin()])
    beside = ", the complex step none to find" if "complex step" in rules else ""
    return f"A difference quotient has a best step ({quotient}: {step:.0e}, error {error:.0e}){beside}"


def caption(table: Table) -> str:
    by_step, size = table.where(panel="step"), table.where(panel="size")
    rules = [rule for (rule,) in table.each("rule")]
    quotients = [name for name in rules if name in QUOTIENTS]
    best = ", ".join(f"{name} {by_step.where(rule=name)['error'].min():.0e}" for name in quotients)
    tiny = by_step.where(rule="complex step")
    exact = size.where(rule="complex step")
    smallest = size["size"].min()
    lost = [
        f"{name} {size_lost(table, name):.0e}"
        for name in ("central", "Richardson")
        if name in rules and size_lost(table, name)
    ]
    blind = (
        f"the quotients are more than half wrong wherever the derivative is at most: {', '.join(lost)}"
        if lost
        else "here no gradient is small enough for the quotients to lose it"
    )
    zeros = ", where an absolute tolerance would pass a backward of zeros" if smallest < 1e-8 else ""
    back = f"{knob(table, 'near'):g} steps back, at a derivative of {by_step['size'][0]:.1g}"
    numbers = [f"{back}, the least errors are {best}", blind] if quotients else []
    if len(exact):
        numbers += [
            f"{back}, the complex step's error is at most {_least(tiny):.0e} at any step below 1e-8",
            f"the complex step stays within {exact['error'].max():.0e} down to {smallest:.0e}{zeros}",
        ]
    return captions.told(
        captions.finding(f"{_found(table)}."),
        f"Relative distance of {len(rules)} oracle{'s' * (len(rules) > 1)} from the hand-written backward. Above, the "
        "further right the smaller is the gradient; a mark at 1 is a quotient of exactly 0: the loss did not change at "
        "all; a stroke on top is an error above 1e10. Below, the step size of the oracle varies. Richardson "
        "extrapolates from central differences at h and h/2.",
        f"A tanh RNN, {setting(table, 'steps', 'hidden', 'inputs', 'seed')}, the loss on the last step alone.",
        numbers,
        f"An error of exactly 0 is drawn at {FLOOR:.0e}.",
    )


def _least(rows: Table) -> float:
    """The largest error at a step so small that the third derivative is nothing."""
    return float(rows["error"][rows["step"] < 1e-8].max())


def size_lost(table: Table, name: str) -> float:
    """The size of the derivative below which the rule is always more than half wrong; 0 if there is none."""
    rows = table.where(panel="size", rule=name)
    seen = rows["size"][rows["error"] <= 0.5]
    below = rows["size"][rows["size"] < seen.min(initial=np.inf)]
    return float(below.max(initial=0.0))
