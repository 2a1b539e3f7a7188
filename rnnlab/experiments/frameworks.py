"""The same layers in PyTorch and JAX, with the parameters of ours, to be timed beside them.

Neither is needed: they are loaded here alone, and where they are not installed nothing is compared with them. PyTorch
runs eagerly, with its own nn.RNN, nn.LSTM and nn.GRU; it has no IndRNN, so that is its equation in a loop. JAX runs one
jitted function, a scan over time and its derivative, after the inputs of all steps were multiplied at once.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.timing import threads
from rnnlab.interop import to_torch
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.network import Network
from rnnlab.tasks.task import Task

Recurrent = RNN | IndRNN | LSTM | GRU
Run = Callable[[], Any]


def installed(name: str) -> bool:
    """Whether PyTorch ("torch") or JAX ("jax") can be loaded."""
    return find_spec(name) is not None


def pytorch(layer: Recurrent, xs: Array, starts: tuple[Array, ...], dys: Array) -> Run:
    """Forward and backward in PyTorch: the outputs, then the gradients of xs, of the starts and of the parameters."""
    torch = _torch()
    module = _module(torch, layer)
    inputs = torch.from_numpy(xs).requires_grad_()
    states = [torch.from_numpy(start.copy()).requires_grad_() for start in starts]
    given = [inputs, *states, *module.parameters()]
    from_above = torch.from_numpy(dys)

    def run() -> Any:
        ys = module(inputs, *states)
        return ys.detach(), *torch.autograd.grad(ys, given, from_above)

    return run


def pytorch_training(network: Network, task: Task, batch: int, clip_norm: float, lr: float) -> Run:
    """One update of training in PyTorch: a batch of `task`, forward, loss, backward, clip, Adam; returns the loss."""
    torch = _torch()
    (layer,), readout = network.layers, network.readout
    module = _module(torch, layer)
    linear = torch.nn.Linear(*readout.W.shape)
    linear.load_state_dict({"weight": torch.from_numpy(readout.W.T.copy()), "bias": torch.from_numpy(readout.b.copy())})
    if isinstance(layer, RNN | LSTM):
        module.inner.bias_hh_l0.requires_grad_(
            False
        )  # PyTorch adds up two biases where we have one: one of them learns
    parameters = [*filter(lambda one: one.requires_grad, module.parameters()), *linear.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    rng = np.random.default_rng(0)

    def run() -> Any:
        xs, targets = (torch.from_numpy(array.astype(np.float32)) for array in task.batch(rng, batch))
        loss = torch.nn.functional.mse_loss(linear(module(xs)[-1]), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimizer.step()
        return loss.item()

    return run


def _torch() -> Any:
    torch = import_module("torch")
    torch.set_num_threads(threads() or torch.get_num_threads())
    return torch


def _module(torch: Any, layer: Recurrent) -> Any:
    """A module that maps (xs, *starts) to the outputs of every step."""
    if isinstance(layer, IndRNN):
        return _indrnn(torch, layer)
    kinds = {RNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}
    options = {"nonlinearity": layer.activation.name} if isinstance(layer, RNN) else {}
    inner = kinds[type(layer)](len(layer.W), len(layer.U), **options)
    inner.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in to_torch(layer).items()})

    class Outputs(torch.nn.Module):  # type: ignore[misc]  # torch is not there to be looked into
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, xs: Any, *starts: Any) -> Any:
            states = tuple(start[None] for start in starts)  # PyTorch counts its layers: (1, B, H)
            return inner(xs, *((states,) if len(states) == 2 else states))[0]

    return Outputs()


def _indrnn(torch: Any, layer: IndRNN) -> Any:
    activation = {"relu": torch.relu, "tanh": torch.tanh}[layer.activation.name]

    class Loop(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            parameters = layer.W.T.copy(), layer.u.copy(), layer.b.copy()
            self.W, self.u, self.b = (torch.nn.Parameter(torch.from_numpy(array)) for array in parameters)

        def forward(self, xs: Any, *starts: Any) -> Any:
            h = starts[0] if starts else torch.zeros(xs.shape[1], len(self.u))
            hs = []
            for x in xs:
                h = activation(torch.nn.functional.linear(x, self.W, self.b) + self.u * h)
                hs.append(h)
            return torch.stack(hs)

    return Loop()


def jax(layer: Recurrent, xs: Array, starts: tuple[Array, ...], dys: Array) -> Run:
    """Forward and backward in JAX: the outputs, then the gradients of xs, of the starts and of the parameters."""
    jax = _jax()
    np_ = jax.numpy
    kind = next(kind for kind in STEPS if isinstance(layer, kind))
    activation = getattr(layer, "activation", None)
    φ = {"relu": jax.nn.relu, "tanh": np_.tanh}[activation.name] if activation is not None else None

    def outputs(xs: Any, starts: Any, params: Any) -> Any:
        def step(states: Any, a: Any) -> Any:
            states = STEPS[kind](jax, params, a, states, φ)
            return states, states[0]

        return jax.lax.scan(step, starts, xs @ params["W"] + params["b"])[1]

    def both(xs: Any, starts: Any, params: Any, dys: Any) -> Any:
        ys, backward = jax.vjp(outputs, xs, starts, params)
        dxs, dstarts, dparams = backward(dys)
        return ys, dxs, *dstarts, *(dparams[name] for name in layer.arrays())

    compiled = jax.jit(both)
    params = {name: np_.asarray(array) for name, array in layer.arrays().items()}
    given = np_.asarray(xs), tuple(map(np_.asarray, starts)), params, np_.asarray(dys)

    def run() -> Any:
        return jax.block_until_ready(compiled(*given))

    return run


def _jax() -> Any:
    """JAX, with as many threads as BLAS has, which must be set before it is loaded."""
    count = threads()
    if count and "jax" not in sys.modules:
        eigen = "false" if count == 1 else "true"
        os.environ.update(NPROC=str(count), XLA_FLAGS=f"--xla_cpu_multi_thread_eigen={eigen}", JAX_PLATFORMS="cpu")
    return import_module("jax")


def _rnn(jax: Any, params: Any, a: Any, states: Any, φ: Any) -> Any:
    (h,) = states
    return (φ(a + h @ params["U"]),)


def _indrnn_step(jax: Any, params: Any, a: Any, states: Any, φ: Any) -> Any:
    (h,) = states
    return (φ(a + h * params["u"]),)


def _lstm(jax: Any, params: Any, a: Any, states: Any, φ: Any) -> Any:
    h, c = states
    i, f, g, o = jax.numpy.split(a + h @ params["U"], 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
    return jax.nn.sigmoid(o) * jax.numpy.tanh(c), c


def _gru(jax: Any, params: Any, a: Any, states: Any, φ: Any) -> Any:
    (h,) = states
    a_z, a_r, a_n = jax.numpy.split(a, 3, axis=-1)
    s_z, s_r, m = jax.numpy.split(h @ params["U"] + params["bu"], 3, axis=-1)
    z, r = jax.nn.sigmoid(a_z + s_z), jax.nn.sigmoid(a_r + s_r)
    n = jax.numpy.tanh(a_n + r * m)
    return (z * h + (1 - z) * n,)


STEPS: dict[type, Callable[..., Any]] = {RNN: _rnn, IndRNN: _indrnn_step, LSTM: _lstm, GRU: _gru}
"""One step of each layer, from its pre-activation without the recurrence, a, and the states before it."""
