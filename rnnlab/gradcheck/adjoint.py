"""The adjoint test: a backward is the transpose of what its forward does to a small change, so two numbers are equal.

Move the parameters, the inputs and the start by a small v. The outputs then move by J v, where J is the Jacobian of the
whole run. A backward gives Jᵀ w, w being what arrives from above. Whatever v and w are,

    ⟨J v, w⟩ = ⟨v, Jᵀ w⟩

The left side needs no backward, and the right side no derivative of the forward. One run of each is all it costs, at
any size, and with random v and w a wrong entry shows, weighed by its share of the whole. That is also its limit: a
gradient that has vanished has next to no share, and which entry is wrong is not said. `check_gradients` sees and says.

J v is itself forward mode, with one direction instead of all: a step starts from s[t-1] + iε ṡ[t-1], reads
x[t] + iε ẋ[t] with θ + iε θ̇, and the imaginary part of what it leads to is ε ṡ[t]. Every step starts from the trace's
own state, so that even a chaotic net does not leave its orbit.

All is moved at once, so the real part of x[t] θ is off by ε² ẋ[t] θ̇. With ε = 1e-170 that is 0 in float64, and a ReLU
whose a[t] is exactly 0, as before the first input that is not zero, stays there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.gradcheck.calls import same
from rnnlab.gradcheck.pullback import Point
from rnnlab.gradcheck.roundoff import backward_rounded
from rnnlab.gradcheck.verdict import PLACES, SIX_DIGITS
from rnnlab.trace import AnyLayer, gradients_of, require_layer, traced

STEP = 1e-170


@dataclass(frozen=True)
class Adjoint:
    """The two sides of an adjoint test.

    Attributes:
        forward: ⟨J v, w⟩, from the forward alone.
        backward: ⟨v, Jᵀ w⟩, from the backward.
        terms: the sum of the sizes of all that is added up on the way: its roundoff is an epsilon of this. Where that
            is too little, so are all that a backward's own roundings do to it: 1 - h² has few digits where h is near 1.
    """

    forward: float
    backward: float
    terms: float

    @property
    def error(self) -> float:
        """|forward - backward| / terms: some machine epsilons if the backward is right."""
        return abs(self.forward - self.backward) / self.terms if self.forward != self.backward else 0.0


def adjoint_test(layer: AnyLayer, xs: NDArray[Any], *starts: Array, rng: np.random.Generator | None = None) -> Adjoint:
    """⟨J v, w⟩ and ⟨v, Jᵀ w⟩ for random v and w: equal, for a right backward, at the price of one run of each.

    Args:
        layer: a layer or a network; its forward has to be holomorphic, as for `check_gradients`.
        xs: inputs; integers are not moved.
        starts: the states before the first step; those that the layer starts from by itself if not given.
        rng: draws v and w from N(0, 1); default_rng(0) if not given.

    Raises:
        ValueError: a step depends on more than x[t] and the state.
        TypeError: not a layer.
    """
    require_layer(layer)
    rng = np.random.default_rng(0) if rng is None else rng
    trace = traced(layer, xs, *starts)

    def normal(array: NDArray[Any]) -> NDArray[Any]:
        return rng.standard_normal(array.shape) if array.dtype.kind == "f" else np.zeros_like(array)

    def as_given(array: Array, like: Array) -> Array:
        return array.astype(like.dtype)

    v = Point(layer, xs, tuple(states[0] for states in trace.states.values())).map(normal)
    dys, dends = normal(trace.ys), tuple(map(normal, trace.ends))
    moved, y = tangents(layer, xs, trace, v)
    w = as_given(dys, trace.ys), *map(as_given, dends, trace.ends)
    gradients = gradients_of(layer, trace, *w)
    left = [(w[0], y), *zip(w[1:], (states[-1] for states in moved.values()), strict=True)]

    def sides(gradients: Any) -> list[tuple[Array, Array]]:
        inputs = [(gradients.xs, v.xs)] if gradients.xs is not None else []
        params = zip(gradients.params.arrays().values(), v.params.arrays().values(), strict=True)
        return [*params, *inputs, *zip(gradients.dstarts, v.starts, strict=True)]

    right = sides(gradients)
    # Σ ds[t] ṡ[t] passes from one side to the other step by step, and is rounded at each.
    between = [(gradients.states[name], states) for name, states in moved.items()]
    terms = sum(float(np.sum(abs(a) * abs(b))) for a, b in [*left, *right, *between])
    forward, backward = (sum(float(np.sum(a * b)) for a, b in side) for side in (left, right))
    eps = float(np.finfo(trace.ys.dtype).eps)
    far = Adjoint(forward, backward, terms).error > PLACES * eps
    if far and same(gradients, gradients_of(layer, trace, *w), tolerance=0):  # what differs each time is no roundoff
        near = [sides(backward_rounded(layer, trace, w[0], w[1:], rng)) for _ in range(3)]
        moves = zip(*([a for a, _ in each] for each in (right, *near)), (b for _, b in right), strict=True)
        terms += sum(float(np.sum(abs(np.subtract(its, a)).max(axis=0) * abs(b))) for a, *its, b in moves) / eps
    return Adjoint(forward, backward, terms)


def tangents(layer: AnyLayer, xs: NDArray[Any], trace: Any, v: Point) -> tuple[dict[str, Array], Array]:
    """How a small change v moves every state, (T+1, B, H) by name, and the outputs: J v.

    Raises:
        ValueError: a step depends on more than x[t] and the state.
    """

    def changed(array: NDArray[Any], by: NDArray[Any]) -> NDArray[Any]:
        return array + 1j * STEP * by if array.dtype.kind == "f" else array

    if not trace.states:
        return {}, layer.map(changed, v.params).forward(changed(xs, v.xs)).ys.imag / STEP
    states = list(trace.states.values())
    moved, outputs = [np.zeros(kept.shape) for kept in states], []
    for each, start in zip(moved, v.starts, strict=True):
        each[0] = start
    for t in range(1, len(xs) + 1):
        size = max(1.0, *(abs(each[t - 1]).max() for each in moved))  # however it has grown, ε of it is small
        before = (changed(kept[t - 1], each[t - 1] / size) for kept, each in zip(states, moved, strict=True))
        here = v.map(lambda by, size=size: by / size)
        step = layer.map(changed, here.params).forward(changed(xs[t - 1 : t], here.xs[t - 1 : t]), *before)
        for kept, each, end in zip(states, moved, step.ends, strict=True):
            if not np.allclose(end.real, kept[t], rtol=0, atol=SIX_DIGITS * abs(kept[t]).max()):
                raise ValueError(f"a step of {type(layer).__name__} depends on more than x[t] and the state")
            each[t] = size * (end.imag / STEP)
        outputs.append(size * (step.ys.imag / STEP))
    ys = outputs[-1] if outputs[-1].shape == trace.ys.shape else np.concatenate(outputs)
    return dict(zip(trace.states, moved, strict=True)), ys
