"""The one protocol of forward and backward, for layers, residual blocks and networks.

    forward    xs, starts            →  a trace       with ys, states, ends
    backward   trace, dys, dends     →  gradients     with params, xs, states, dstarts

`starts` and `ends` are the states before the first step and after the last, so a sequence can be run in chunks:
`layer.forward(more, *trace.ends)` continues where a trace ended, and `layer.backward(trace, dys, *later.dstarts)` sends
the gradient of the later chunk back into the earlier one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, contract
from rnnlab.record import Record, parts

States: TypeAlias = tuple[Array, ...]
"""One state of each kind that a layer carries, (B, H) each: (h,) of an RNN, (h, c) of an LSTM, all of a network's."""


class TraceLike(Protocol):
    """What every `forward` leaves."""

    @property
    def ys(self) -> Array:
        """What the next layer up reads."""
        ...

    @property
    def states(self) -> dict[str, Array]:
        """Every state at every step by its name, (T+1, B, H) each, in the order of the layer's `carries`."""
        ...

    @property
    def starts(self) -> States:
        """The states before the first step."""
        ...

    @property
    def ends(self) -> States:
        """The states after the last step."""
        ...


class GradientsLike(Protocol):
    """What every `backward` returns; each part has the shape of what it differentiates."""

    @property
    def params(self) -> Any:
        """dL/d(parameter), as a layer: params.U is dL/dU."""
        ...

    @property
    def xs(self) -> Array | None:
        """dL/dx; None where the inputs are integers."""
        ...

    @property
    def states(self) -> dict[str, Array]:
        """The TOTAL derivative by every state at every step, by name, (T+1, B, H) each."""
        ...

    @property
    def dstarts(self) -> States:
        """dL/d(state) before the first step."""
        ...


T = TypeVar("T", bound=TraceLike)


class Layer(Protocol[T]):
    """What `check_gradients`, `rl.flow`, `Network`, `fit` and `save` ask of a layer.

    A layer of your own is a Record whose fields are its parameters and settings:

        @dataclass(frozen=True, eq=False, repr=False)
        class Mine(rl.Record):
            U: np.ndarray
            carries: ClassVar = ("hs",)

            def forward(self, xs, h0=None): ...              # returns rl.Trace(xs, hs)
            def backward(self, trace, dhs, dh_end=None): ... # returns rl.Gradients(self.like(U=dU), dxs, dhs)

    One layer carries one state and another two, so the protocol leaves their parameters open: they are arrays (B, H),
    one for each name in `carries`, and zeros where they are not given.
    """

    @property
    def carries(self) -> tuple[str, ...]:
        """The names of the states that are carried from step to step: ("hs",) of an RNN, () of a layer without time."""
        ...

    def forward(self, xs: NDArray[Any], /, *starts: Any, **named: Any) -> T:
        """Run over xs: (T, B, D), or whatever the layer reads."""
        ...

    def backward(self, trace: T, dys: Array, /, *dends: Any, **named: Any) -> GradientsLike:
        """The gradients of a loss L, given dL/dy as it arrives from above, and dL/d(state) after the last step."""
        ...

    def arrays(self) -> dict[str, Array]: ...

    def map(self, fn: Callable[..., Array], *others: Record) -> Self: ...


AnyLayer: TypeAlias = Layer[Any]
"""Any layer, whatever its trace is."""

NEEDED = "carries", "forward", "backward"


def is_layer(value: object) -> bool:
    """Whether `value` is a record with all that a layer needs."""
    return isinstance(value, Record) and all(hasattr(value, name) for name in NEEDED)


def require_layer(value: object, role: str = "layer") -> None:
    """Refuse what is not a layer.

    Raises:
        TypeError: it is not a record, or lacks something; the message says what.
    """
    if isinstance(value, type):
        raise TypeError(f"{role} must be a layer, not a class: make one with {value.__name__}.init(...) or its arrays")
    if not isinstance(value, Record):
        raise TypeError(f"{role} must be a layer: a rnnlab.Record with {', '.join(NEEDED)}; got {type(value).__name__}")
    missing = [name for name in NEEDED if not hasattr(value, name)]
    if missing:
        raise TypeError(
            f"{role} must be a layer, but {type(value).__name__} has no {' and no '.join(missing)}: "
            "help(rnnlab.trace.Layer) shows what a layer needs"
        )
    layer = cast(AnyLayer, value)
    kind, carries = cast(Any, type(layer)), tuple(layer.carries)
    for method, words in (("forward", "xs, *starts"), ("backward", "trace, dys, *dends")):
        if not _takes(kind, method, (method == "backward") + 1 + len(carries)):
            raise TypeError(
                f"{role} must be a layer, but {kind.__name__}.{method} does not take ({words}) with one array "
                f"for each of carries = {carries}: help(rnnlab.trace.Layer) shows what a layer needs"
            )


@cache
def _takes(kind: Any, method: str, count: int) -> bool:
    """Whether a method takes so many arguments beside self."""
    try:
        signature(getattr(kind, method)).bind(*range(1 + count))
    except TypeError:
        return False
    return True


def traced(layer: AnyLayer, xs: NDArray[Any], *starts: Any) -> Any:
    """`layer.forward(xs, *starts)`, refused unless it leaves a trace with every state that the layer carries.

    Raises:
        TypeError: it is no trace.
        ValueError: a state or an end is missing, or a state not kept at all T + 1 places.
    """
    trace, kind = layer.forward(xs, *starts), type(layer).__name__
    if not all(hasattr(trace, name) for name in ("ys", "states", "ends")):
        got = type(trace).__name__
        raise TypeError(f"{kind}.forward must return a trace, rl.Trace(xs, hs) for instance; got {got}")
    if tuple(trace.states) != tuple(layer.carries):
        raise ValueError(f"{kind}.forward must leave the states {tuple(layer.carries)}; got {tuple(trace.states)}")
    for name, states in trace.states.items():
        if len(states) != len(xs) + 1:
            raise ValueError(
                f"{kind}.forward must keep T + 1 = {len(xs) + 1} states in {name}, the start first; got {states.shape}"
            )
    if len(trace.ends) != len(layer.carries):
        raise ValueError(f"{kind}.forward must leave an end for each of {tuple(layer.carries)}; got {len(trace.ends)}")
    return trace


def gradients_of(layer: AnyLayer, trace: Any, dys: Array, *dends: Any) -> Any:
    """`layer.backward(trace, dys, *dends)`, refused unless it gives gradients shaped like the layer and its states.

    Raises:
        TypeError: they are no gradients, or those of the parameters are no layer.
        ValueError: the gradient of a parameter, a state or a start is missing, or has another shape.
    """
    gradients, kind = layer.backward(trace, dys, *dends), type(layer).__name__
    if not isinstance(gradients, Record):
        what = type(gradients).__name__
        raise TypeError(f"{kind}.backward must return gradients, rl.Gradients for instance; got {what}")
    params = getattr(gradients, "params", None)
    if not isinstance(params, Record):
        raise TypeError(
            f"{kind}.backward must return the gradients of its parameters as a layer, self.like(U=dU, …); "
            f"got {type(params).__name__}"
        )
    totals = cast(GradientsLike, gradients).states
    floats = {name: array for name, array in layer.arrays().items() if array.dtype.kind == "f"}
    for wanted, given in ((floats, params.arrays()), (trace.states, totals)):
        for name, array in wanted.items():
            shaped_like(array, given.get(name), name)
    starts = len(cast(GradientsLike, gradients).dstarts)
    if starts != len(layer.carries):
        raise ValueError(
            f"backward must return a gradient for the start of each of {tuple(layer.carries)}; got {starts}"
        )
    return gradients


def shaped_like(array: Array, gradient: Array | None, name: str) -> Array:
    """The gradient, refused unless it has the shape of what it differentiates.

    Raises:
        ValueError: it has another shape, or is None.
    """
    if gradient is None or gradient.shape != array.shape:
        got = "nothing" if gradient is None else gradient.shape
        raise ValueError(f"backward must return a gradient {array.shape} for {name}; got {got}")
    return gradient


L = TypeVar("L")


def rebuilt(layer: L, fn: Callable[..., AnyLayer], *others: Record) -> L:
    """`layer` with fn(inner, *its others) in place of every innermost layer: the one walk over layers inside layers.

    `others` are records of the same structure, a network's trace for instance: its layers.1 belongs to the network's
    layers.1. A plain layer is its own innermost layer.
    """
    theirs = [dict(parts(other)) for other in others]
    new: dict[str, object] = {}
    for name, part in parts(layer):
        if is_layer(part):
            new[name] = rebuilt(part, fn, *(each[name] for each in theirs))
        elif isinstance(part, tuple) and any(map(is_layer, part)):
            columns = zip(part, *(each[name] for each in theirs), strict=True)
            new[name] = tuple(rebuilt(inner, fn, *its) for inner, *its in columns)
    whole: Any = layer
    return cast(L, replace(whole, **new) if new else fn(whole, *others))


def innermost(layer: AnyLayer) -> Iterator[AnyLayer]:
    """Every layer that has no layers inside it, from the lowest up; a plain layer is its own."""
    found: list[AnyLayer] = []

    def note(inner: AnyLayer) -> AnyLayer:
        found.append(inner)
        return inner

    rebuilt(layer, note)
    return iter(found)


class StatesOfTrace(Record):
    """`starts` and `ends` of a trace, from its `states`; a trace without states needs no code."""

    @property
    def states(self) -> dict[str, Array]:
        """Every state at every step by its name, (T+1, B, H) each; none, unless a subclass has some."""
        return {}

    @property
    def starts(self) -> States:
        """The states before the first step."""
        return tuple(states[0] for states in self.states.values())

    @property
    def ends(self) -> States:
        """The states after the last step, copied; `forward(more, *trace.ends)` continues from there.

        Copied, because a view of the last step would keep the states of all steps in memory.
        """
        return tuple(states[-1].copy() for states in self.states.values())


class StatesOfGradients(Record):
    """The gradient of the start states, from the totals in `states`."""

    @property
    def states(self) -> dict[str, Array]:
        """The total derivative by every state at every step, by name; none, unless a subclass has some."""
        return {}

    @property
    def dstarts(self) -> States:
        """dL/d(state) before the first step, one for each state that the layer carries."""
        return tuple(totals[0] for totals in self.states.values())


@dataclass(frozen=True, eq=False, repr=False)
class Trace(StatesOfTrace):
    """Everything that the `forward` of a recurrent layer computed and its `backward` needs.

    Attributes:
        xs: (T, B, D), the inputs as given; not a copy.
        hs: (T+1, B, H), every state; hs[0] is h0.
    """

    xs: Array
    hs: Array

    @property
    def ys(self) -> Array:
        """What the next layer up reads: h[1] … h[T], (T, B, H)."""
        ys: Array = self.hs[1:]
        return ys

    @property
    def states(self) -> dict[str, Array]:
        return {"hs": self.hs}


P = TypeVar("P")


@dataclass(frozen=True, eq=False, repr=False)
class Gradients(StatesOfGradients, Generic[P]):
    """What the `backward` of a recurrent layer returns: each part has the shape of what it differentiates.

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
    def states(self) -> dict[str, Array]:
        return {"hs": self.hs}

    @property
    def h0(self) -> Array:
        """dL/dh0, (B, H)."""
        h0: Array = self.hs[0]
        return h0


@dataclass(frozen=True, eq=False, repr=False)
class FeedforwardTrace(StatesOfTrace):
    """The trace of a feedforward layer: inputs and outputs, row by row. It has no states.

    Attributes:
        xs: as given, floats or integers; not a copy.
        ys: the outputs.
    """

    xs: NDArray[Any]
    ys: Array


@dataclass(frozen=True, eq=False, repr=False)
class FeedforwardGradients(StatesOfGradients, Generic[P]):
    """What the backward of a feedforward layer returns.

    Attributes:
        params: dL/d(parameter), as a layer.
        xs: dL/dx, shaped like xs; None where the inputs are integers.
    """

    params: P
    xs: Array | None


def state_buffer(name: str, xs: Array, start: Array | None, hidden: int) -> Array:
    """An uninitialised (T+1, B, H) whose first row is `start`, or zeros; `name` is the start's name for messages."""
    steps, B, _ = xs.shape
    states = np.empty((steps + 1, B, hidden), xs.dtype)
    if start is None:
        states[0] = 0
    else:
        wanted = {"B": (B, f"to match xs {xs.shape}"), "H": (hidden, "to match the layer")}
        contract(name, start, "B H", dtype=xs.dtype, **wanted)
        states[0] = start
    return states


def gradient_buffer(
    states: Array, dhs: Array | None, dend: Array | None, name: str = "dh"
) -> tuple[Array, Sequence[Array]]:
    """A buffer (T+1, B, H) for total derivatives, and what arrives from above at the steps 0 … T, to start each from.

    The last of the totals is there already, dhs[-1] + dend; the others are for a backward to fill in,
    `np.add(above[t], what flows back, out=totals[t])`. Nothing arrives at step 0: above[0] is zero.

    Args:
        states: what is differentiated, (T+1, B, H).
        dhs: what arrives from above at every step, (T, B, H); None where nothing does.
        dend: what a later chunk sends back to the last state, (B, H); None where there is none.
        name: "dh" or "dc", for messages.
    """
    steps, B, H = states[1:].shape
    why = "to match the trace"
    nothing = np.zeros_like(states[0])
    above: Sequence[Array] = [nothing] * (steps + 1)
    if dhs is not None:
        contract(f"{name}s", dhs, "T B H", dtype=states.dtype, T=(steps, why), B=(B, why), H=(H, why))
        above = [nothing, *dhs]
    if dend is not None:
        contract(f"{name}_end", dend, "B H", dtype=states.dtype, B=(B, why), H=(H, why))
    totals = np.empty_like(states)
    np.add(above[-1], nothing if dend is None else dend, out=totals[-1])
    return totals, above


def matching(array: Array, ys: Array, name: str = "dys") -> Array:
    """`array`, refused unless it is finite and shaped like the outputs ys that it belongs to."""
    if isinstance(array, np.ndarray) and array.shape != ys.shape:
        raise ValueError(f"{name} must be {ys.shape} like the outputs; got {array.shape}")
    contract(name, array, " ".join(f"N{axis}" for axis in range(ys.ndim)), dtype=ys.dtype)
    return array
