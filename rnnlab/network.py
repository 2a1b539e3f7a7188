"""Networks: layers in series, a shortcut around a layer, and a readout; itself run and checked like a layer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

import numpy as np

from rnnlab.arrays import Array
from rnnlab.layers import BatchNorm, Dense
from rnnlab.record import Record
from rnnlab.trace import matching


class Layer(Protocol):
    """Anything that a network can put in series: recurrent layers, layers without time, shortcuts around them.

    forward(xs, *starts) leaves a trace with the outputs `ys` and the states `last`; backward(trace, dys) returns
    gradients with `params`, `xs` and `starts`.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any: ...

    def backward(self, *args: Any, **kwargs: Any) -> Any: ...

    def arrays(self) -> dict[str, Array]: ...

    def map(self, fn: Callable[..., Array], *others: Record) -> Self: ...


States = tuple[Array, ...]


def back_through(layer: Layer, trace: Any, dys: Array, dlast: States = ()) -> Any:
    """The gradients of one layer, given dL/dy at every step and dL/d(state) after the last step, as `trace.last`.

    The second is what a later stretch of the same sequence sends back, where a sequence is run in stretches.
    """
    if not dlast:
        return layer.backward(trace, dys)
    if isinstance(layer, Residual):
        return layer.backward(trace, dys, dlast)
    from_above = [dys, *(np.zeros_like(dys) for _ in dlast[1:])]
    from_above[0] = dys.copy()
    for above, late in zip(from_above, dlast, strict=True):
        above[-1] += late
    return layer.backward(trace, *from_above)


@dataclass(frozen=True, eq=False, repr=False)
class ResidualTrace(Record):
    """What `Residual.forward` leaves: the inner layer's trace, and the sum."""

    inner: Any
    ys: Array

    @property
    def first(self) -> States:
        first: States = self.inner.first
        return first

    @property
    def last(self) -> States:
        last: States = self.inner.last
        return last


@dataclass(frozen=True, eq=False, repr=False)
class ResidualGradients(Record):
    """What `Residual.backward` returns: params is a Residual, inner the layer's own gradients."""

    params: "Residual"
    xs: Array
    inner: Any

    @property
    def starts(self) -> States:
        starts: States = self.inner.starts
        return starts


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Record):
    """y[t] = x[t] + layer(x)[t]: a shortcut through which the gradient passes down unchanged, dx[t] = dy[t] + ….

    Attributes:
        layer: a layer with as many outputs as inputs.

    Source: He et al. (2016), arXiv 1512.03385; for IndRNN, Li et al. (2019), arXiv 1910.06251.
    """

    layer: Any

    def forward(self, xs: Array, *starts: Array) -> ResidualTrace:
        """ys shaped like xs.

        Raises:
            ValueError: the layer has not as many outputs as inputs.
        """
        inner = self.layer.forward(xs, *starts)
        if inner.ys.shape != xs.shape:
            raise ValueError(f"a residual layer needs as many outputs as inputs; got {inner.ys.shape} from {xs.shape}")
        return ResidualTrace(inner, xs + inner.ys)

    def backward(self, trace: ResidualTrace, dys: Array, dlast: States = ()) -> ResidualGradients:
        """The gradients, given dL/dy at every step and, if any, dL/d(state) after the last."""
        inner = back_through(self.layer, trace.inner, dys, dlast)
        return ResidualGradients(Residual(inner.params), inner.xs + dys, inner)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkTrace(Record):
    """What `Network.forward` leaves.

    Attributes:
        layers: a trace for each layer.
        readout: the readout's pass, None without a readout.
        ys: the outputs: (T, B, K) if every step is read, (B, K) if the last.
    """

    layers: tuple[Any, ...]
    readout: Any
    ys: Array

    @property
    def first(self) -> tuple[States, ...]:
        """The states before the first step, a tuple for each layer."""
        return tuple(trace.first for trace in self.layers)

    @property
    def last(self) -> tuple[States, ...]:
        """The states after the last step, a tuple for each layer; `forward(more, *trace.last)` goes on from there."""
        return tuple(trace.last for trace in self.layers)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkGradients(Record):
    """What `Network.backward` returns.

    Attributes:
        params: dL/d(parameter), as a Network.
        layers: the gradients of each layer; layers[0].hs is the total dL/dh[t] of the first.
    """

    params: "Network"
    layers: tuple[Any, ...]

    @property
    def xs(self) -> Array | None:
        """dL/dx, shaped like xs; None where the inputs are integers."""
        xs: Array | None = self.layers[0].xs
        return xs

    @property
    def starts(self) -> tuple[States, ...]:
        """The gradients of the states before the first step, a tuple for each layer."""
        return tuple(gradients.starts for gradients in self.layers)


@dataclass(frozen=True, eq=False, repr=False)
class Network(Record):
    """Layers in series, each reading the outputs of the one below at every step, and a readout on top.

    Attributes:
        layers: RNN, IndRNN, LSTM, GRU, Embedding, Dense, BatchNorm or Residual, the lowest first.
        readout: a Dense layer on the top layer's outputs; None to take them as they are.
        reads: "last" for the last step alone, "every" for every step.

    Raises:
        ValueError: no layers, or another word for `reads`.
    """

    layers: tuple[Any, ...]
    readout: Dense | None = None
    reads: Literal["last", "every"] = "last"

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or not self.layers:
            raise ValueError(f"layers must be a tuple of at least one layer; got {self.layers!r}")
        if self.reads not in ("last", "every"):
            raise ValueError(f"reads must be 'last' or 'every'; got {self.reads!r}")

    def forward(self, xs: Array, *starts: States) -> NetworkTrace:
        """Run over xs, (T, B, D) or integers (T, B); `starts`, if given, holds a tuple of states for each layer.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        if starts and len(starts) != len(self.layers):
            raise ValueError(f"starts must be one tuple for each of {len(self.layers)} layers; got {len(starts)}")
        traces: list[Any] = []
        for layer, start in zip(self.layers, starts or ((),) * len(self.layers), strict=True):
            traces.append(layer.forward(traces[-1].ys if traces else xs, *start))
        top = traces[-1].ys[-1] if self.reads == "last" else traces[-1].ys
        readout = None if self.readout is None else self.readout.forward(top)
        return NetworkTrace(tuple(traces), readout, top if readout is None else readout.ys)

    def backward(self, trace: NetworkTrace, dys: Array, *dlasts: States) -> NetworkGradients:
        """The gradients of a loss L, given dL/dy; `dlasts`, if given, holds dL/d(state) after the last step, by layer.

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        matching(dys, trace.ys)
        readout = None if self.readout is None else self.readout.backward(trace.readout, dys)
        if readout is not None and readout.xs is not None:
            dys = readout.xs
        if self.reads == "last":
            top = np.zeros_like(trace.layers[-1].ys)
            top[-1] = dys
            dys = top
        gradients: list[Any] = []
        late = dlasts or ((),) * len(self.layers)
        for layer, run, dlast in zip(self.layers[::-1], trace.layers[::-1], late[::-1], strict=True):
            gradients.insert(0, back_through(layer, run, dys, dlast))
            dys = gradients[0].xs
        params = replace(
            self,
            layers=tuple(part.params for part in gradients),
            readout=None if readout is None else readout.params,
        )
        return NetworkGradients(params, tuple(gradients))

    def settled(self, trace: NetworkTrace) -> Self:
        """This network with the running statistics of every BatchNorm moved towards those of `trace`."""
        pairs = zip(self.layers, trace.layers, strict=True)
        return replace(self, layers=tuple(_settled(layer, run) for layer, run in pairs))

    def evaluating(self) -> Self:
        """This network with every BatchNorm normalising by its running statistics."""
        return replace(self, layers=tuple(_evaluating(layer) for layer in self.layers))


def _settled(layer: Any, trace: Any) -> Any:
    if isinstance(layer, Residual):
        return Residual(_settled(layer.layer, trace.inner))
    return layer.settled(trace) if isinstance(layer, BatchNorm) else layer


def _evaluating(layer: Any) -> Any:
    if isinstance(layer, Residual):
        return Residual(_evaluating(layer.layer))
    return layer.evaluating() if isinstance(layer, BatchNorm) else layer
