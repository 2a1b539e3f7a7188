"""What a run leaves behind and what going back through it returns: Trace and Gradients, and their state buffers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

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

    @property
    def h0(self) -> Array:
        """dL/dh0, (B, H)."""
        h0: Array = self.hs[0]
        return h0


class RecurrentLayer(Protocol):
    """What the gradient check and the flow measures ask of a layer; a record with these two methods is one."""

    def forward(self, xs: Array, h0: Array | None = None) -> Trace: ...

    def backward(self, trace: Trace, dhs: Array) -> Gradients[Self]: ...

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
