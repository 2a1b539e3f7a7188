"""Jᵀ w by an oracle: an argument of a run is moved, and what its outputs do is weighed by what each output is worth."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnlab.arrays import Array
from rnnlab.gradcheck.oracles import Estimate, Oracle
from rnnlab.record import Record

Moved: TypeAlias = NDArray[Any]
"""float64, or complex128 where ε is complex."""


@dataclass(frozen=True, eq=False, repr=False)
class Point(Record):
    """All that a run depends on: `params` is the layer, `starts` the states before the first step."""

    params: Any
    xs: Any
    starts: tuple[Any, ...]

    def astype(self, dtype: DTypeLike) -> "Point":
        """A copy in that dtype; integers stay as they are."""
        return self.map(lambda array: array.astype(dtype if array.dtype.kind == "f" else array.dtype))


def jittered(record: Any, rng: np.random.Generator, places: int = 1) -> Any:
    """A copy of a record with each of its floats moved up or down, by `places` in its last place."""

    def jitter(array: Array) -> Array:
        if array.dtype.kind != "f":
            return array
        signs = rng.choice((-places, places), array.shape)
        return (array * (1 + np.finfo(array.dtype).eps * signs)).astype(array.dtype)

    return record.map(jitter)


class Product(NamedTuple):
    """Jᵀ w along some directions, the last axis.

    `value` holds it for each of M versions of w, its first axis. The others belong to the first version: the interval
    [low, high] that it may lie in, how far the oracle doubts it, and the sum of its |terms|.
    """

    value: Array
    low: Array
    high: Array
    doubt: Array
    terms: Array

    @classmethod
    def stacked(cls, products: Iterable["Product"]) -> Self:
        return cls(*(np.stack(parts, axis=-1) for parts in zip(*products, strict=True)))

    def each(self, fn: Callable[[Array], Array]) -> "Product":
        return Product(*map(fn, self))

    def plus(self, known: Array) -> "Product":
        value, low, high, doubt, terms = self
        return Product(value + known, low + known, high + known, doubt, terms + abs(known))


@dataclass(frozen=True)
class Map:
    """A run as a map from its arguments to N rows of K outputs.

    Attributes:
        points: where it is differentiated. The points after the first are jittered by roundoff, and a derivative there
            is as right: a ReLU's unit within roundoff of its kink is on one side in one, on the other in another.
        outputs: of a trace, (N, K).
        weights: w = dL/d(outputs) in M versions, (M, N, K).
        oracle: differentiates.
        mixes: whether an output may depend on an argument through several kinks. One-sided slopes then bound nothing.
    """

    points: tuple[Point, ...]
    outputs: Callable[[Any], Moved]
    weights: Array
    oracle: Oracle
    mixes: bool
    copies: dict[Any, tuple[Point, dict[str, Moved]]] = field(default_factory=dict)  # to be moved, and put back

    def moved(self, point: Point, name: str, step: Moved) -> Moved:
        """The outputs, (N, K), with `step` added to the array `name` of a point."""
        key = id(point), np.result_type(np.float64, step)
        if key not in self.copies:
            copy = point.astype(key[1])
            self.copies[key] = copy, copy.arrays()
        copy, arrays = self.copies[key]
        as_it_was = arrays[name].copy()
        arrays[name][...] += step
        outputs = self.outputs(copy.params.forward(copy.xs, *copy.starts))
        arrays[name][...] = as_it_was
        return outputs

    def jacobian(self, name: str, direction: Array) -> Estimate:
        """The derivatives of every output by one argument along `direction`, (N, K) each."""

        def at(point: Point) -> Estimate:
            J = self.oracle(lambda eps: self.moved(point, name, eps * direction))
            return replace(J, error=np.where(J.low < J.high, np.inf, J.error)) if self.mixes else J

        J, *others = map(at, self.points)
        for other in others:
            low, high = np.minimum(J.low, other.low), np.maximum(J.high, other.high)
            J = Estimate(J.value, np.maximum(J.error, other.error), low, high)
        return J

    def weighed(self, J: Estimate) -> Product:
        """Σ_k J[n, k] w[n, k], a number for each of N rows."""
        w = self.weights[0]
        with np.errstate(all="ignore"):
            value = np.einsum("nk,mnk->mn", J.value, self.weights)
            terms = np.einsum("nk,nk->n", J.largest, abs(w))
            if J.low is J.high:  # an oracle without doubt, at one point
                return Product(value, value[0], value[0], np.zeros_like(terms), terms)
            low, high = np.minimum(J.low * w, J.high * w), np.maximum(J.low * w, J.high * w)
            doubt = np.where(w == 0, 0, J.error * abs(w))
            return Product(value, low.sum(axis=-1), high.sum(axis=-1), doubt.sum(axis=-1), terms)

    def along(self, name: str, directions: Iterable[Array]) -> Product:
        """The same summed over all rows, for each of P directions of an argument: (M, P), and (P,)."""
        products = (self.weighed(self.jacobian(name, direction)) for direction in directions)
        with np.errstate(all="ignore"):
            return Product.stacked(product.each(lambda part: part.sum(axis=-1)) for product in products)
