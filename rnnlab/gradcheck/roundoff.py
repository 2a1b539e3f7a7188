"""How far roundoff alone may move a gradient: what the check must not take for a fault.

A chaotic run is moved far by a change in the last place, and the oracle then differentiates another trajectory than
the trace's. Where large terms cancel, or a unit is saturated, the backward itself loses digits. Both are learned from
two more runs, forward and back.
"""

from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Self

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck.perturb import Setup, outputs
from rnnlab.trace import Gradients

HALF = float(np.finfo(np.float64).eps / np.finfo(np.float32).eps)
"""What an error in float32 comes to in float64."""
FAULT = 1e4
"""A backward moves with the run that it goes back through. What moves it this many times as far, relative to its size,
is not roundoff but a fault, such as memory that was never filled in."""


def from_above_and_end(from_above: tuple[Array, ...]) -> tuple[Array, ...]:
    """What `backward` takes: what arrives at every step, and for a second state what arrives at its end."""
    return (
        from_above[0],
        *([np.zeros_like(from_above[0][-1])] if from_above[1:] else []),
        *(a[-1] for a in from_above[1:]),
    )


def by_name(grads: Any) -> dict[str, Array]:
    """The gradients of a layer or network by the names that a Setup has for what they differentiate, and its states."""
    return Setup(grads.params, grads.xs, grads.dstarts).arrays() | (
        grads.states if isinstance(grads, Gradients) else {}
    )


@dataclass(frozen=True)
class Reruns:
    """The gradients of two more runs.

    Attributes:
        jittered: with everything moved in its last place.
        other: in the other precision, float32 for float64 and float64 for float32.
        drift: how far the jitter moved the forward run, relative; no less than a machine epsilon.
    """

    jittered: dict[str, Array]
    other: dict[str, Array]
    drift: float

    @classmethod
    def of(cls, setup: Setup, trace: Any, from_above: tuple[Array, ...], rng: np.random.Generator) -> Self:
        dtype = from_above[0].dtype
        other = np.dtype(np.float32 if dtype == np.float64 else np.float64)
        with np.errstate(all="ignore"):
            shaken, recast = setup.jittered(rng), setup.astype(other)
            again = shaken.run()
            pairs = list(zip(outputs(again), outputs(trace), strict=True))
            largest = max(float(np.abs(here).max()) for _, here in pairs)
            moved = max(float(np.abs(there - here).max()) for there, here in pairs)
            return cls(
                by_name(shaken.params.backward(again, *from_above_and_end(from_above))),
                by_name(
                    recast.params.backward(
                        recast.run(), *from_above_and_end(tuple(above.astype(other) for above in from_above))
                    )
                ),
                max(moved / largest if largest else 0.0, float(np.finfo(dtype).eps)),
            )

    def roundoff(self, gradient: Array, name: str, place: int | EllipsisType = ...) -> Array:
        """(rows,): how far roundoff may move `gradient`, which is array[place] of the gradient called `name`."""
        rows = gradient.reshape(len(gradient), -1).astype(np.float64)
        digits = HALF if gradient.dtype == np.float64 else 1.0
        moved = np.zeros(len(rows))
        with np.errstate(all="ignore"):
            for arrays, weight in ((self.jittered, 1.0), (self.other, digits)):
                apart = weight * np.abs(rows - arrays[name][place].reshape(rows.shape)).max(axis=1)
                moved += np.where(np.isfinite(apart), apart, 0.0)
            most = FAULT * self.drift * np.abs(rows).max(axis=1)
        return np.minimum(moved, np.where(np.isfinite(most), most, 0.0))
