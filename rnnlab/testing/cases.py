"""What a law is tried on: a layer of some sizes and in some condition, and a run of it with what arrives from above."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from rnnlab.arrays import Array
from rnnlab.trace import AnyLayer, GradientsLike, States, gradients_of, require_layer, traced

CONDITIONS = {"as made": 1.0, "chaotic": 3.0, "saturated": 8.0, "vanished": 1e-9}
"""What a layer's parameters are multiplied by. A vanished one has its loss on the last step alone, too."""


class Make(Protocol):
    """What makes a layer to be tried: a class method `init`, or a function like it."""

    def __call__(self, rng: np.random.Generator, /, *, inputs: int, hidden: int) -> AnyLayer: ...


@dataclass(frozen=True, eq=False)
class Case:
    """A layer and a run of it. Its sizes, seed and condition are enough to make it again: `case(make, T=2, …)`.

    Attributes:
        xs: inputs, (T, B, D).
        starts: the states before the first step, one for each that the layer carries.
        dys: what arrives from above, dL/dy at every step.
        dends: what a later chunk sends back, dL/d(state) after the last step.
    """

    T: int
    B: int
    D: int
    H: int
    seed: int
    condition: str
    layer: AnyLayer
    xs: Array
    starts: States
    dys: Array
    dends: States

    def __repr__(self) -> str:
        """The sizes on the first line, then the layer and every array, short."""
        words = [f"{name}={getattr(self, name)!r}" for name in ("T", "B", "D", "H", "seed", "condition")]
        named: dict[str, Array | States] = {
            **self.layer.arrays(),
            "xs": self.xs,
            "starts": self.starts,
            "dys": self.dys,
            "dends": self.dends,
        }
        lines = [f"{name} = {_short(value)}" for name, value in named.items()]
        return "\n        ".join([f"case(make, {', '.join(words)})", repr(self.layer), *lines])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis prints it, as IPython does."""
        printer.text(repr(self))

    @property
    def given(self) -> tuple[Array, ...]:
        """Every array that goes in: parameters, inputs, starts, and what arrives from above."""
        return (*self.layer.arrays().values(), self.xs, *self.starts, self.dys, *self.dends)

    def with_each(self, fn: Any) -> "Case":
        """The same case with fn(array) in place of every array that goes in."""
        return replace(
            self,
            layer=self.layer.map(fn),
            xs=fn(self.xs),
            starts=tuple(map(fn, self.starts)),
            dys=fn(self.dys),
            dends=tuple(map(fn, self.dends)),
        )

    def at(self, dtype: DTypeLike) -> "Case":
        """The same numbers at another precision."""
        return self.with_each(lambda array: array.astype(dtype))

    def forward(self) -> Any:
        return traced(self.layer, self.xs, *self.starts)

    def backward(self, trace: Any) -> GradientsLike:
        gradients: GradientsLike = gradients_of(self.layer, trace, self.dys, *self.dends)
        return gradients

    def steps(self, start: int, stop: int, *starts: Array) -> "Case":
        """The steps start + 1 … stop alone, from these states; what a later chunk sends back has to be put in."""
        return replace(self, T=stop - start, xs=self.xs[start:stop], starts=starts, dys=self.dys[start:stop])

    def sequences(self, rows: Sequence[int]) -> "Case":
        """These sequences of the batch alone, in this order."""
        chosen = list(rows)
        starts, dends = (tuple(array[chosen] for array in arrays) for arrays in (self.starts, self.dends))
        xs, dys = (np.ascontiguousarray(array[:, chosen]) for array in (self.xs, self.dys))
        return replace(self, B=len(chosen), xs=xs, starts=starts, dys=dys, dends=dends)


def _short(value: Array | States) -> str:
    """An array on one line with three digits; a large one as its corners."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return " ".join(np.array2string(value, precision=3, separator=", ", threshold=30, edgeitems=1).split())


def case(make: Make, *, T: int, B: int, D: int, H: int, seed: int = 0, condition: str = "as made") -> Case:
    """The case of these sizes: the layer that `make` draws, and numbers in -1 … 1 for all that it reads.

    Raises:
        TypeError: what `make` gives is not a layer; the message says what it lacks.
        ValueError: there is no such condition.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"condition must be one of {', '.join(CONDITIONS)}; got {condition!r}")
    rng = np.random.default_rng(seed)
    made = make(rng, inputs=D, hidden=H)
    require_layer(made, "what is made")
    gain = CONDITIONS[condition]
    layer = made.map(lambda parameter: parameter * gain) if gain != 1 else made

    def uniform(*shape: int) -> Array:
        return rng.uniform(-1, 1, shape)

    xs = uniform(T, B, D)
    trace = traced(layer, xs)  # for the shapes: a network's states are of several sizes
    starts = tuple(uniform(*start.shape) for start in trace.starts)
    dys = uniform(*trace.ys.shape)
    if condition == "vanished":
        dys[:-1] = 0
    return Case(T, B, D, H, seed, condition, layer, xs, starts, dys, tuple(uniform(*end.shape) for end in starts))


@st.composite
def cases(draw: st.DrawFn, make: Make, conditions: Sequence[str] = tuple(CONDITIONS)) -> Case:
    """Cases of what `make` makes, with T in 1 … 6, B in 1 … 3, D in 1 … 4, H in 1 … 5.

    One step, one sequence, and D ≠ H are often among them. A failing case shrinks to the smallest that fails.
    """
    condition = draw(st.sampled_from(conditions))
    sizes = {name: draw(st.integers(1, most)) for name, most in (("T", 6), ("B", 3), ("D", 4), ("H", 5))}
    return case(make, **sizes, seed=draw(st.integers(0, 2**32 - 1)), condition=condition)


# What a run gave, by name: "trace.hs" a state, "params.W" a parameter's gradient, "hs" a state's.


def trace_of(run: Any) -> dict[str, Array]:
    """What a forward left: the outputs and the states."""
    return {"trace.ys": run.ys, **{f"trace.{name}": states for name, states in run.states.items()}}


def gradients_by_name(gradients: GradientsLike) -> dict[str, Array]:
    """What a backward gave, for every parameter, input and state."""
    params = {f"params.{name}": array for name, array in gradients.params.arrays().items()}
    inputs = {} if gradients.xs is None else {"xs": gradients.xs}
    return {**params, **inputs, **gradients.states}


def results(case: Case) -> dict[str, Array]:
    """All that a run forward and back gives."""
    trace = case.forward()
    return {**trace_of(trace), **gradients_by_name(case.backward(trace))}
