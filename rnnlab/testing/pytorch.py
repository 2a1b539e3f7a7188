"""A recurrent module of PyTorch as a layer of the protocol, so that the laws can be tried on it."""

from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from importlib import import_module
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.record import Record
from rnnlab.testing.cases import Make
from rnnlab.trace import StatesOfGradients, StatesOfTrace


@dataclass(frozen=True, eq=False, repr=False)
class TorchTrace(StatesOfTrace):
    """The inputs as given, the outputs, and each state at every step, (T+1, B, H)."""

    xs: Array
    ys: Array
    every: tuple[Array, ...]

    @property
    def states(self) -> dict[str, Array]:
        return _named(self.every)


@dataclass(frozen=True, eq=False, repr=False)
class TorchGradients(StatesOfGradients):
    """What autograd gave for the parameters, the inputs, and each state at every step."""

    params: "TorchLayer"
    xs: Array
    every: tuple[Array, ...]

    @property
    def states(self) -> dict[str, Array]:
        return _named(self.every)


def _named(states: tuple[Any, ...]) -> dict[str, Any]:
    """The states in PyTorch's order, h first."""
    names = "hs", "cs", *(f"state{number}" for number in range(2, len(states)))
    return dict(zip(names, states, strict=False))


@dataclass(frozen=True, eq=False, repr=False)
class TorchLayer(Record):
    """A module that is called as torch.nn.GRU or LSTM is: module(xs, state) gives ys and the last state or states.

    It is run step by step, so that every state is seen. `backward` runs it again, and autograd goes back.

    Attributes:
        parameters: a record of the module's, by their names there.
        module: what is called, with these parameters in place of its own.
        shapes: of each state of one sequence: (layers, H), or (H,) of a module that does not count its layers.
    """

    parameters: Record
    module: Any
    shapes: tuple[tuple[int, ...], ...]

    @property
    def carries(self) -> tuple[str, ...]:
        return tuple(_named(self.shapes))

    def forward(self, xs: Array, *starts: Array) -> TorchTrace:
        torch = import_module("torch")
        with torch.no_grad():
            ys, states = self._run(self._tensors(), torch.from_numpy(xs.copy()), self._starts(xs, starts))
        every = tuple(np.stack([state.numpy() for state in one]) for one in states)
        return TorchTrace(xs, torch.cat(ys).numpy(), every)

    def backward(self, trace: TorchTrace, dys: Array, *dends: Array) -> TorchGradients:
        torch = import_module("torch")
        parameters, xs = self._tensors(), torch.from_numpy(trace.xs.copy())
        starts = self._starts(trace.xs, trace.starts)
        for leaf in (*parameters.values(), xs, *starts):
            leaf.requires_grad_()
        ys, states = self._run(parameters, xs, starts)
        arrives = [torch.from_numpy(array.copy()) for array in (dys, *dends)]
        left = [torch.cat(ys), *(one[-1] for one in states)]
        loss = sum(
            (value * gradient).sum() for value, gradient in zip(left, arrives, strict=False)
        )  # dends may be left out
        wanted = [*parameters.values(), xs, *(state for one in states for state in one)]
        given = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        gradients = iter([gradient.numpy() for gradient in given])
        params = self.map(lambda _: next(gradients))
        dxs = next(gradients)
        return TorchGradients(params, dxs, tuple(np.stack([next(gradients) for _ in one]) for one in states))

    def _tensors(self) -> dict[str, Any]:
        torch = import_module("torch")
        arrays = self.parameters.arrays().values()
        names = (name for name, _ in self.module.named_parameters())
        return {name: torch.from_numpy(array.copy()) for name, array in zip(names, arrays, strict=True)}

    def _starts(self, xs: Array, starts: tuple[Array, ...]) -> list[Any]:
        torch = import_module("torch")
        zeros = (np.zeros((xs.shape[1], int(np.prod(shape))), xs.dtype) for shape in self.shapes)
        return [torch.from_numpy(np.array(start)) for start in starts or zeros]

    def _run(self, parameters: dict[str, Any], xs: Any, starts: list[Any]) -> tuple[list[Any], list[list[Any]]]:
        """The outputs (1, B, H) of every step, and for each state its T + 1 values, (B, H)."""
        torch = import_module("torch")
        ys, states = [], [[start] for start in starts]
        for t in range(len(xs)):
            before = tuple(_unflat(one[-1], shape) for one, shape in zip(states, self.shapes, strict=True))
            state = before if len(before) > 1 else before[0]
            y, after = torch.func.functional_call(self.module, parameters, (xs[t : t + 1], state))
            for one, new in zip(states, after if isinstance(after, tuple) else (after,), strict=True):
                one.append(_flat(new))
            read = [one[-1] for one in states if torch.equal(one[-1], y[0])]  # where an output is a state, it is that
            ys.append(read[0][None] if read else y)
        return ys, states


def _flat(state: Any) -> Any:
    """(layers, B, H) as (B, layers · H); (B, H) as it is."""
    return state.movedim(0, 1).flatten(1) if state.ndim == 3 else state


def _unflat(state: Any, shape: tuple[int, ...]) -> Any:
    return state.unflatten(1, shape).movedim(0, 1).contiguous() if len(shape) == 2 else state


def from_torch(build: Callable[[int, int], Any]) -> Make:
    """What makes layers of `build(inputs, hidden)`, a module called as torch.nn.GRU is: from_torch(torch.nn.GRU).

    It has to put time first, as PyTorch does by default, and to return (ys, state). torch.nn.GRU and LSTM take
    complex numbers; for a module that does not, `laws(from_torch(…), without=NOT_HOLOMORPHIC)`. Needs torch.
    """

    def make(rng: np.random.Generator, /, *, inputs: int, hidden: int) -> TorchLayer:
        torch = import_module("torch")
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(int(rng.integers(2**31)))
            module = build(inputs, hidden).double().eval()
            _, state = module(torch.zeros(1, 1, inputs, dtype=torch.float64))
        arrays = {name.replace(".", "_"): value.detach().numpy() for name, value in module.named_parameters()}
        kind = make_dataclass("Parameters", arrays, bases=(Record,), frozen=True, eq=False, repr=False)
        states = state if isinstance(state, tuple) else (state,)
        shapes = tuple(tuple(each[:, 0].shape) if each.ndim == 3 else tuple(each[0].shape) for each in states)
        return TorchLayer(kind(**arrays), module, shapes)

    return make
