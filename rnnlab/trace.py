"""What a run leaves behind and what going back through it returns: Trace and Gradients, and their state buffers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, contract
from rnnlab.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Record):
    """Everything that `forward` computed and `backward` needs.

    Attributes:
        xs: (T, B, D), the inputs as given; not a copy.
        hs: (T+1, B, H), every state; hs[0] is h0.
    """

    xs: Array
    hs: Array
    states: ClassVar[tuple[str, ...]] = ("hs",)
    """Which attributes hold states, (T+1, B, H) each: what has to be carried from one stretch of steps to the next."""

    @property
    def ys(self) -> Array:
        """What the next layer up reads: h[1] … h[T], (T, B, H)."""
        ys: Array = self.hs[1:]
        return ys

    @property
    def first(self) -> tuple[Array, ...]:
        """The states before the first step."""
        return tuple(getattr(self, name)[0] for name in self.states)

    @property
    def last(self) -> tuple[Array, ...]:
        """The states after the last step, copied; `forward(more, *trace.last)` goes on from there.

        Copied, because a view would keep the states of every step in memory for the sake of the last.
        """
        return tuple(getattr(self, name)[-1].copy() for name in self.states)


P = TypeVar("P")


@dataclass(frozen=True, eq=False, repr=False)
class Gradients(Record, Generic[P]):
    """What `backward` returns: each part has the shape of what it differentiates.

    Attributes:
        params: dL/d(parameter), as a layer: params.U is dL/dU.
        xs: dL/dx[t], (T, B, D).
        hs: the TOTAL derivative dL/dh[t] for every state, (T+1, B, H): what arrives from above at step t and what
            flows back from all later steps. hs[0] is dL/dh0.
    """

    params: P
    xs: Array
    hs: Array
    states: ClassVar[tuple[str, ...]] = ("hs",)

    @property
    def starts(self) -> tuple[Array, ...]:
        """The gradients of the states before the first step, as `Trace.first` orders them."""
        return tuple(getattr(self, name)[0] for name in self.states)

    @property
    def h0(self) -> Array:
        """dL/dh0, (B, H)."""
        h0: Array = self.hs[0]
        return h0


@dataclass(frozen=True, eq=False, repr=False)
class Pass(Record):
    """What a layer without time leaves: inputs and outputs, row by row. It has no states.

    Attributes:
        xs: as given, floats or integers; not a copy.
        ys: the outputs.
    """

    xs: NDArray[Any]
    ys: Array
    states: ClassVar[tuple[str, ...]] = ()
    first: ClassVar[tuple[Array, ...]] = ()
    last: ClassVar[tuple[Array, ...]] = ()


@dataclass(frozen=True, eq=False, repr=False)
class PassGradients(Record, Generic[P]):
    """What the backward of a layer without time returns.

    Attributes:
        params: dL/d(parameter), as a layer.
        xs: dL/dx, shaped like xs; None where the inputs are integers.
    """

    params: P
    xs: Array | None
    starts: ClassVar[tuple[Array, ...]] = ()


class RecurrentLayer(Protocol):
    """What the gradient check and the flow measures ask of a layer; a record with these two methods is one.

    forward(xs, *starts) takes a start for each of the trace's `states`, backward(trace, *from_above) a dL/dstate of
    every step for each of them.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Trace: ...

    def backward(self, *args: Any, **kwargs: Any) -> Gradients[Self]: ...

    def arrays(self) -> dict[str, Array]: ...

    def map(self, fn: Callable[..., Array], *others: Record) -> Self: ...


def state_buffer(name: str, xs: Array, start: Array | None, hidden: int) -> Array:
    """An uninitialised (T+1, B, H) whose first row is `start`, or zeros; `name` is the start's name for messages."""
    T, B, _ = xs.shape
    states = np.empty((T + 1, B, hidden), xs.dtype)
    if start is None:
        states[0] = 0
    else:
        wanted = {"B": (B, f"to match xs {xs.shape}"), "H": (hidden, "to match the layer")}
        contract(name, start, "B H", dtype=xs.dtype, **wanted)
        states[0] = start
    return states


def gradient_buffer(name: str, from_above: Array, states: Array) -> Array:
    """(T+1, B, H) to accumulate total derivatives in: zero at the start state, `from_above` at the T that follow."""
    T, B, H = states[1:].shape
    why = "to match the trace"
    contract(name, from_above, "T B H", dtype=states.dtype, T=(T, why), B=(B, why), H=(H, why))
    totals = np.empty_like(states)
    totals[0] = 0
    totals[1:] = from_above
    return totals


def matching(array: Array, ys: Array, name: str = "dys") -> Array:
    """`array`, refused unless it is finite and shaped like the outputs ys that it belongs to."""
    if isinstance(array, np.ndarray) and array.shape != ys.shape:
        raise ValueError(f"{name} must be {ys.shape} like the outputs; got {array.shape}")
    contract(name, array, " ".join(f"N{axis}" for axis in range(ys.ndim)), dtype=ys.dtype)
    return array
