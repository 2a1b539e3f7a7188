"""Jᵀ w by an oracle: an argument of a run is moved, and what its outputs do is weighed by what each output is worth."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, NotFiniteError
from rnnlab.gradcheck.oracles import Estimate, Oracle
from rnnlab.record import Record

UNKNOWN = 1e300


@dataclass(frozen=True, eq=False, repr=False)
class Point(Record):
    """All that a run depends on: `params` is the layer, `starts` the states before the first step."""

    params: Any
    xs: Any
    starts: tuple[Any, ...]


def rows(N: int, *parts: NDArray[Any]) -> NDArray[Any]:
    """Arrays side by side, (N, K)."""
    return np.concatenate([part.reshape(N, -1) for part in parts], axis=1)


def led(point: Point) -> Array:
    """The states and the outputs, (N, K), that single steps from N rows lead to, (1, N, …) a point's inputs.

    The first row takes its step alone: a layer that couples the sequences of a batch leads it elsewhere.
    """

    def steps(some: slice) -> NDArray[Any]:
        trace = point.params.forward(point.xs[:, some], *(start[some] for start in point.starts))
        return rows(len(trace.ends[0]), *trace.ends, trace.ys)

    N = point.xs.shape[1]
    return np.concatenate([steps(slice(1)), *([steps(slice(1, None))] if N > 1 else [])])


def jittered(record: Any, rng: np.random.Generator, places: int = 1) -> Any:
    """A copy of a record with each of its floats moved up or down, by `places` in its last place."""

    def jitter(array: Array) -> Array:
        eps = np.finfo(array.dtype).eps if array.dtype.kind == "f" else 0
        return (array * (1 + eps * rng.choice((-places, places), array.shape))).astype(array.dtype)

    return record.map(jitter)


@dataclass(frozen=True)
class Map:
    """A run as a map from its arguments to N rows of K outputs.

    Attributes:
        points: where it is differentiated, complex128 for the complex step. Those after the first are jittered, and as
            right: a ReLU's unit within roundoff of its kink is on one side in one, on the other in another.
        outputs: of a trace, (N, K).
        weights: w = dL/d(outputs) in M versions, (M, N, K).
        least: what a nonzero derivative may be off by where numbers run out: a gate of 1e-45 is 0 in float32.
        mixes: whether an output may depend on an argument through several kinks. One-sided slopes then bound nothing.
    """

    points: list[Point]
    outputs: Callable[[Any], NDArray[Any]]
    weights: Array
    oracle: Oracle
    least: float
    mixes: bool

    def moved(self, point: Point, name: str, direction: Array, eps: complex) -> NDArray[Any]:
        """The outputs, (N, K), with ε · direction added to the array `name` of a point, and taken away again.

        NaN where the run left the range of numbers.
        """
        array: NDArray[Any] = point.arrays()[name]
        as_it_was = array.copy()
        array += eps * direction
        try:
            return self.outputs(point.params.forward(point.xs, *point.starts))
        except NotFiniteError:  # beyond the largest number, by way of a product of complex ones
            return np.full(self.weights.shape[1:], complex(np.nan, np.nan))
        finally:
            array[...] = as_it_was

    def jacobian(self, name: str, direction: Array) -> Estimate:
        """The derivatives of every output by one argument along `direction`, (N, K) each."""
        J, *others = [self.oracle(partial(self.moved, point, name, direction)) for point in self.points]
        error = np.where(J.radius > 0, UNKNOWN, J.error) if self.mixes else J.error
        low, high = J.value - J.radius, J.value + J.radius
        for other in others:
            low, high = np.minimum(low, other.value - other.radius), np.maximum(high, other.value + other.radius)
        return Estimate((low + high) / 2, error, (high - low) / 2) if others else Estimate(J.value, error, J.radius)

    def weighed(self, J: Estimate) -> Array:
        """Jᵀ w for each of N rows, (3 + M, N): sum of |terms|, radius, doubt, and the value in M versions."""
        size, error = abs(self.weights[0]), J.error + np.where(J.value == 0, 0, self.least)
        with np.errstate(all="ignore"):
            sums = [np.einsum("nk,nk->n", part, size) for part in (J.largest, J.radius, error)]
            return np.concatenate([sums, np.einsum("nk,mnk->mn", J.value, self.weights)])

    def along(self, name: str, directions: Iterable[Array]) -> Array:
        """The same summed over all rows, for each of P directions of an argument: (3 + M, P)."""
        with np.errstate(all="ignore"):
            return np.stack([self.weighed(self.jacobian(name, each)).sum(axis=1) for each in directions], axis=-1)
