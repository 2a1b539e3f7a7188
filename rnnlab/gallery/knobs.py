"""A figure's knobs travel with its table, as columns of one value each, so that its caption can name them."""

import numpy as np
from numpy.typing import ArrayLike

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.table import Table

WORDS = {
    "steps": "T = {:g}",
    "hidden": "H = {:g}",
    "width": "{:g} units wide",
    "inputs": "{:g} inputs",
    "batch": "{:g} sequences",
    "seeds": "{:g} seeds",
    "seed": "seed {:g}",
    "neurons": "{:g} neurons",
    "rounds": "{:g} rounds",
    "samples": "{:,g} samples",
}
"""How a caption names a knob; one of something loses its s."""


def with_knobs(table: Table, **knobs: float) -> Table:
    """The table with a column for each knob."""
    return Table(table.columns | {name: np.full(len(table), float(value)) for name, value in knobs.items()})


def knob(table: Table, name: str) -> float:
    """The value of a knob."""
    return float(table[name][0])


def setting(table: Table, *names: str) -> str:
    """The named knobs in words: "T = 100, H = 50, 8 inputs, 1 seed"."""
    words = []
    for name in names:
        word = WORDS[name].format(knob(table, name))
        words.append(word.removesuffix("s") if knob(table, name) == 1 and word.startswith("1 ") else word)
    return ", ".join(words)


def fate(growth: float, steps: float) -> str:
    """What becomes of a gradient that grows by so many nats a step: it vanishes if under a hundredth is left."""
    total = growth * steps
    return "vanishes" if total < -np.log(100) else "explodes" if total > np.log(100) else "is roughly kept"


def growths(norms: Array) -> Array:
    """λ of every sequence: nats per step back in time by which the gradient grows; below 0 it vanishes, -∞ at once."""
    growth: Array = 0.0 - flow.decay_rate(norms)  # 0 - 0 is 0, where -0 would be written as such
    return growth


def spread(values: ArrayLike) -> float:
    """Standard deviation over the seeds; NaN where one of them is infinite."""
    values = np.asarray(values, float)
    return float(np.std(values)) if np.isfinite(values).all() else float("nan")


def plus_minus(value: float, deviation: float) -> str:
    """As "-0.168 ± 0.002"; without a deviation where there is none to tell."""
    return f"{value:.3f} ± {deviation:.3f}" if np.isfinite(deviation) else f"{value:.3f}"
