"""Networks: layers in series, a shortcut around a layer, and a readout; a network is run and checked like a layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, NotFiniteError
from rnnlab.record import Record
from rnnlab.trace import (
    FeedforwardGradients,
    FeedforwardTrace,
    GradientsLike,
    States,
    StatesOfGradients,
    StatesOfTrace,
    TraceLike,
    gradients_of,
    matching,
    require_layer,
    traced,
)


@dataclass(frozen=True, eq=False, repr=False)
class ResidualTrace(StatesOfTrace):
    """What `Residual.forward` leaves: the layer's own trace, and the sum."""

    layer: Any
    ys: Array

    @property
    def states(self) -> dict[str, Array]:
        return _named({"layer": self.layer})


@dataclass(frozen=True, eq=False, repr=False)
class ResidualGradients(StatesOfGradients):
    """What `Residual.backward` returns: params is a Residual, layer the layer's own gradients."""

    params: "Residual"
    xs: Array
    layer: Any

    @property
    def states(self) -> dict[str, Array]:
        return _named({"layer": self.layer})


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Record):
    """y[t] = x[t] + layer(x)[t]: a shortcut through which the gradient passes down unchanged, dx[t] = dy[t] + ….

    Attributes:
        layer: a layer with as many outputs as inputs; for several in series, a Network that reads every step.

    Raises:
        TypeError: `layer` is not a layer.

    Source: He et al. (2016), arXiv 1512.03385; for IndRNN, Li et al. (2019), arXiv 1910.06251.
    """

    layer: Any

    def __post_init__(self) -> None:
        require_layer(self.layer)

    @property
    def carries(self) -> tuple[str, ...]:
        """The states of the layer, "layer.hs" for instance."""
        return tuple(f"layer.{name}" for name in self.layer.carries)

    def forward(self, xs: Array, *starts: Array) -> ResidualTrace:
        """ys shaped like xs.

        Raises:
            ValueError: the layer has not as many outputs as inputs.
        """
        trace = traced(self.layer, xs, *starts)
        if trace.ys.shape != xs.shape:
            raise ValueError(f"a residual layer needs as many outputs as inputs; got {trace.ys.shape} from {xs.shape}")
        return ResidualTrace(trace, xs + trace.ys)

    def backward(self, trace: ResidualTrace, dys: Array, *dends: Array) -> ResidualGradients:
        """The gradients of a loss L, given dL/dy at every step, and dL/d(state) after the last."""
        gradients = gradients_of(self.layer, trace.layer, dys, *dends)
        return ResidualGradients(Residual(gradients.params), dys + gradients.xs, gradients)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkTrace(StatesOfTrace):
    """What `Network.forward` leaves.

    Attributes:
        layers: a trace for each layer.
        readout: the readout's trace, None without a readout.
        ys: the outputs: (T, B, K) if every step is read, (B, K) if the last.
    """

    layers: tuple[Any, ...]
    readout: FeedforwardTrace | None
    ys: Array

    @property
    def xs(self) -> NDArray[Any]:
        """The inputs as given, those of the lowest layer."""
        xs: NDArray[Any] = self.layers[0].xs
        return xs

    @property
    def states(self) -> dict[str, Array]:
        return _named({f"layers.{number}": trace for number, trace in enumerate(self.layers)})


@dataclass(frozen=True, eq=False, repr=False)
class NetworkGradients(StatesOfGradients):
    """What `Network.backward` returns.

    Attributes:
        params: dL/d(parameter), as a Network.
        layers: the gradients of each layer; layers[0].hs is the total dL/dh[t] of the lowest.
        readout: the gradients of the readout, None without one.
    """

    params: "Network"
    layers: tuple[Any, ...]
    readout: FeedforwardGradients[Any] | None

    @property
    def xs(self) -> Array | None:
        """dL/dx, shaped like xs; None where the inputs are integers."""
        xs: Array | None = self.layers[0].xs
        return xs

    @property
    def states(self) -> dict[str, Array]:
        return _named({f"layers.{number}": gradients for number, gradients in enumerate(self.layers)})


@dataclass(frozen=True, eq=False, repr=False)
class Network(Record):
    """Layers in series, each reading the outputs of the one below at every step, and a readout on top.

    Attributes:
        layers: any layers, the lowest first.
        readout: a feedforward layer on the top layer's outputs, usually Dense; None to return them as they are.
        reads: "last" for the last step alone, "every" for every step.

    Raises:
        ValueError: no layers, or another word for `reads`.
        TypeError: something in `layers` is not a layer.
    """

    layers: tuple[Any, ...]
    readout: Any = None
    reads: Literal["last", "every"] = "last"

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or not self.layers:
            raise ValueError(f"layers must be a tuple of at least one layer; got {self.layers!r}")
        for number, layer in enumerate(self.layers):
            require_layer(layer, f"layers[{number}]")
        dtypes = {name: array.dtype for name, array in self.arrays().items()}
        if len(set(dtypes.values())) > 1:
            one, *_, other = sorted(dtypes, key=lambda name: (str(dtypes[name]), name))
            raise TypeError(
                f"a network has one dtype; got {one} in {dtypes[one]} and {other} in {dtypes[other]}: make them alike, "
                f"layer.init(…, dtype=np.{dtypes[one]})"
            )
        if self.reads not in ("last", "every"):
            raise ValueError(f"reads must be 'last' or 'every'; got {self.reads!r}")

    @property
    def carries(self) -> tuple[str, ...]:
        """The states of all layers, "layers.0.hs" for instance, the lowest first."""
        return tuple(f"layers.{number}.{name}" for number, layer in enumerate(self.layers) for name in layer.carries)

    def forward(self, xs: NDArray[Any], *starts: Array) -> NetworkTrace:
        """Run over xs, (T, B, D) or integers (T, B), from one start (B, H) for each name in `carries`, or from zeros.

        Inputs in float64, as a task's are, are taken in the network's precision.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        own = next((array.dtype for array in self.layers[0].arrays().values()), xs.dtype)
        if xs.dtype == np.float64 and own.kind == "f":
            xs = xs.astype(own, copy=False)
        traces: list[TraceLike] = []
        for layer, its_starts in zip(self.layers, self._by_layer("starts", starts), strict=True):
            below = traces[-1].ys if traces else xs
            try:
                traces.append(traced(layer, below, *its_starts))
            except ValueError as error:
                if not traces or isinstance(error, NotFiniteError):
                    raise  # the inputs do not fit, or the run diverged: the layer says so
                here = f"layers[{len(traces)}], {type(layer).__name__}, on outputs {below.shape} of the layer below"
                raise ValueError(f"{here}: {error}") from error
        top = traces[-1].ys[-1] if self.reads == "last" else traces[-1].ys
        readout = None if self.readout is None else self.readout.forward(top)
        return NetworkTrace(tuple(traces), readout, top if readout is None else readout.ys)

    def backward(self, trace: NetworkTrace, dys: Array, *dends: Array) -> NetworkGradients:
        """The gradients of a loss L, given dL/dy, and dL/d(state) after the last step for each name in `carries`.

        Raises:
            ValueError, TypeError: dys or dends does not fit the trace.
        """
        matching(dys, trace.ys)
        readout = None if self.readout is None else self.readout.backward(trace.readout, dys)
        if readout is not None:
            dys = readout.xs
        if self.reads == "last":
            last, dys = dys, np.zeros_like(trace.layers[-1].ys)
            dys[-1] = last
        gradients: list[GradientsLike] = []
        runs = zip(self.layers, trace.layers, self._by_layer("dends", dends), strict=True)
        for layer, its_trace, its_dends in reversed(list(runs)):
            gradients.insert(0, gradients_of(layer, its_trace, dys, *its_dends))
            below = gradients[0].xs
            if below is not None:  # only integers have none, and below them there is no layer
                dys = below
        params = replace(
            self,
            layers=tuple(part.params for part in gradients),
            readout=None if readout is None else readout.params,
        )
        return NetworkGradients(params, tuple(gradients), readout)

    def _by_layer(self, name: str, states: States) -> Iterator[States]:
        """The flat tuple of all layers' states, split by layer; empty tuples if none are given."""
        if states and len(states) != len(self.carries):
            raise ValueError(f"{name} must be one array for each of {', '.join(self.carries)}; got {len(states)}")
        rest = iter(states)
        return (tuple(islice(rest, len(layer.carries))) for layer in self.layers)


def _named(runs: dict[str, Any]) -> dict[str, Array]:
    """The states of several traces or gradients under one dotted name each."""
    return {f"{prefix}.{name}": array for prefix, run in runs.items() for name, array in run.states.items()}
