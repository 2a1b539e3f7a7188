"""The loss of a run as a function of a perturbation, of one thing at a time: a parameter, an input, a state.

The loss is L = Σ ⟨dhs, outputs⟩, so dhs is exactly what arrives from above.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnlab.arrays import Array
from rnnlab.record import Record
from rnnlab.trace import Trace

Perturbed: TypeAlias = NDArray[Any]
"""float64, or complex128 where ε is complex."""


@dataclass(frozen=True, eq=False, repr=False)
class Setup(Record):
    """All that a run depends on: `params` is the layer or network, `starts` the states before the first step."""

    params: Any
    xs: Perturbed
    starts: tuple[Any, ...]

    def astype(self, dtype: DTypeLike) -> "Setup":
        """A copy in that dtype; integers stay as they are."""
        return self.map(lambda array: array.astype(dtype if array.dtype.kind in "fc" else array.dtype))

    def cast(self, eps: complex) -> "Setup":
        """A copy in float64, or in complex128 for a complex ε."""
        return self.astype(np.result_type(np.float64, eps))

    def jittered(self, rng: np.random.Generator) -> "Setup":
        """A copy in which every float is moved by up to one unit in its last place."""

        def jitter(array: Perturbed) -> Perturbed:
            if array.dtype.kind not in "fc":
                return array
            unit = np.finfo(array.dtype).eps * rng.uniform(-1, 1, array.shape)
            moved: Perturbed = array * (1 + unit)
            return moved.astype(array.dtype)

        return self.map(jitter)

    def run(self) -> Any:
        """The trace."""
        return self.params.forward(self.xs, *self.starts)


def outputs(trace: Any) -> tuple[Perturbed, ...]:
    """What a loss can read of a trace: h[1] … h[T] (and the cells' c) of a recurrent layer, else its ys."""
    states = trace.states if isinstance(trace, Trace) else {}
    return tuple(array[1:] for array in states.values()) or (trace.ys,)


@dataclass(frozen=True)
class Run:
    """The losses of whole runs in which one array has been moved."""

    setup: Setup
    from_above: tuple[Array, ...]

    def losses(self, name: str, place: Any, directions: Perturbed, eps: complex) -> Perturbed:
        """(1, P): the loss with ε · direction added to array[place], for each of P directions."""
        values = []
        for direction in directions:
            setup = self.setup.cast(eps)
            array: Perturbed = setup.arrays()[name]
            array[place] += eps * direction
            pairs = zip(self.from_above, outputs(setup.run()), strict=True)
            values.append(sum(np.sum(above * here) for above, here in pairs))
        return np.array([values])


@dataclass(frozen=True)
class RecurrentRun(Run):
    """Also the losses of runs started anew in the middle, with one state or one input moved.

    The sequences of a batch do not see each other, and that makes the check of every timestep cheap: the perturbed
    copies of one timestep are so many more sequences of one run.

    Attributes:
        states: every state of the run, (T+1, B, H) each.
    """

    states: tuple[Array, ...]

    def state_losses(self, which: int, t: int, directions: Perturbed, eps: complex) -> Perturbed:
        """(B, P): the loss from step t on, of every sequence, with ε · direction added to state `which` at step t."""
        starts: list[Perturbed] = [np.repeat(state[t][:, None], len(directions), axis=1) for state in self.states]
        starts[which] = starts[which] + eps * directions  # (B, P, H)
        losses = self._from(t, starts, 0.0, eps)
        if t > 0:  # what arrives from above at step t itself
            for above, start in zip(self.from_above, starts, strict=True):
                losses = losses + np.einsum("bh,bph->bp", above[t - 1], start)
        return losses

    def input_losses(self, t: int, directions: Perturbed, eps: complex) -> Perturbed:
        """(B, P): the loss from step t on, of every sequence, with ε · direction added to x[t]."""
        starts: list[Perturbed] = [np.repeat(state[t - 1][:, None], len(directions), axis=1) for state in self.states]
        return self._from(t - 1, starts, directions, eps)

    def _from(self, t: int, starts: list[Perturbed], x_directions: Perturbed | float, eps: complex) -> Perturbed:
        """(B, P): the loss of the steps after t, run on from `starts`, with ε · x_directions added to the first x."""
        T, (B, P, H) = len(self.setup.xs) - t, starts[0].shape
        if T == 0:
            return np.zeros((B, P))
        xs = np.repeat(self.setup.xs[t:, :, None], P, axis=2)  # (T, B, P, D)
        rows = tuple(start.reshape(B * P, H) for start in starts)
        setup = Setup(self.setup.params, xs, rows).cast(eps)
        setup.xs[0] += eps * x_directions
        trace = setup.params.forward(setup.xs.reshape(T, B * P, -1), *setup.starts)
        losses: Perturbed = np.zeros((B, P), setup.xs.dtype)
        for above, here in zip(self.from_above, outputs(trace), strict=True):
            losses += np.einsum("tbh,tbph->bp", above[t:], here.reshape(T, B, P, H))
        return losses
