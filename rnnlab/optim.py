"""Optimisers as pure updates, (parameters, gradient, state) -> (parameters, state), and gradient clipping.

Parameters p and gradients g are records of the same structure; an update works entry by entry. lr is the learning rate.

    SGD       p ← p - lr g
    Momentum  v ← μ v + g                              p ← p - lr v
    RMSprop   s ← ρ s + (1 - ρ) g²                     p ← p - lr g / (√s + ε)
    Adam      m ← β₁ m + (1 - β₁) g                    p ← p - lr m̂ / (√ŝ + ε)
              s ← β₂ s + (1 - β₂) g²                   m̂ = m / (1 - β₁ᵏ),  ŝ = s / (1 - β₂ᵏ) at the k-th update

These are PyTorch's forms; Keras's RMSprop puts ε under the root, and its Momentum multiplies g by lr, not v.
"""

from dataclasses import dataclass
from math import hypot
from typing import Protocol, TypeVar

import numpy as np

from rnnlab.arrays import Array
from rnnlab.names import wrong_name
from rnnlab.record import Record

P = TypeVar("P", bound=Record)


@dataclass(frozen=True, eq=False, repr=False)
class OptimizerState(Record):
    """What an optimiser remembers between updates.

    Attributes:
        updates: how many it has made.
        averages: its running averages, each in the shape of the parameters.
    """

    updates: int
    averages: tuple[Record, ...]


class Optimizer(Protocol):
    """A rule for updates. `start` gives the state before the first of them."""

    def start(self, params: Record) -> OptimizerState: ...

    def update(self, params: P, gradient: P, state: OptimizerState, lr: float) -> tuple[P, OptimizerState]: ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; it has no state."""

    def start(self, params: Record) -> OptimizerState:
        return OptimizerState(0, ())

    def update(self, params: P, gradient: P, state: OptimizerState, lr: float) -> tuple[P, OptimizerState]:
        return params.map(lambda p, g: p - lr * g, gradient), OptimizerState(state.updates + 1, ())


@dataclass(frozen=True)
class Momentum:
    """The heavy ball: v sums the past gradients, each decaying by μ per update. Source: Polyak (1964)."""

    mu: float = 0.9

    def start(self, params: Record) -> OptimizerState:
        return OptimizerState(0, (params.map(np.zeros_like),))

    def update(self, params: P, gradient: P, state: OptimizerState, lr: float) -> tuple[P, OptimizerState]:
        (v,) = state.averages
        v = v.map(lambda v, g: self.mu * v + g, gradient)
        return params.map(lambda p, v: p - lr * v, v), OptimizerState(state.updates + 1, (v,))


@dataclass(frozen=True)
class RMSprop:
    """Each entry divided by the root of its own mean square. Source: Tieleman, Hinton (2012), lecture 6.5."""

    rho: float = 0.99
    epsilon: float = 1e-8

    def start(self, params: Record) -> OptimizerState:
        return OptimizerState(0, (params.map(np.zeros_like),))

    def update(self, params: P, gradient: P, state: OptimizerState, lr: float) -> tuple[P, OptimizerState]:
        (s,) = state.averages
        s = s.map(lambda s, g: self.rho * s + (1 - self.rho) * np.square(g), gradient)
        params = params.map(lambda p, g, s: p - lr * g / (np.sqrt(s) + self.epsilon), gradient, s)
        return params, OptimizerState(state.updates + 1, (s,))


@dataclass(frozen=True)
class Adam:
    """Momentum over root mean square, both bias-corrected because they start at 0.

    Source: Kingma, Ba (2015), arXiv 1412.6980, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def start(self, params: Record) -> OptimizerState:
        return OptimizerState(0, (params.map(np.zeros_like), params.map(np.zeros_like)))

    def update(self, params: P, gradient: P, state: OptimizerState, lr: float) -> tuple[P, OptimizerState]:
        m, s = state.averages
        k = state.updates + 1
        m = m.map(lambda m, g: self.beta1 * m + (1 - self.beta1) * g, gradient)
        s = s.map(lambda s, g: self.beta2 * s + (1 - self.beta2) * np.square(g), gradient)
        m_bias, s_bias = 1 - self.beta1**k, 1 - self.beta2**k
        params = params.map(lambda p, m, s: p - lr * (m / m_bias) / (np.sqrt(s / s_bias) + self.epsilon), m, s)
        return params, OptimizerState(k, (m, s))


OPTIMIZERS: dict[str, type[SGD] | type[Momentum] | type[RMSprop] | type[Adam]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSprop,
    "adam": Adam,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """The optimiser of that name with its defaults, or the optimiser itself.

    Raises:
        ValueError: no optimiser has that name; the message lists them.
    """
    if not isinstance(optimizer, str):
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise wrong_name("optimizer", optimizer, OPTIMIZERS)
    return OPTIMIZERS[optimizer]()


def global_norm(gradient: Record) -> float:
    """The 2-norm of all entries of all arrays together; scaled, so that squares cannot overflow."""
    return hypot(*(_norm(array) for array in gradient.arrays().values()))


def _norm(array: Array) -> float:
    largest = float(np.abs(array).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(array.ravel() / largest))  # scaled: squares of 1e200 would overflow


def clip_by_norm(gradient: P, limit: float) -> P:
    """g · min(1, limit / |g|), |g| over all parameters together; the direction is unchanged.

    Source: Pascanu, Mikolov, Bengio (2013), arXiv 1211.5063, §3.2, algorithm 1.

    Raises:
        ValueError: limit ≤ 0.
    """
    _positive(limit)
    norm = global_norm(gradient)
    return gradient if norm <= limit else gradient.map(lambda g: g * (limit / norm))


def clip_by_value(gradient: P, limit: float) -> P:
    """Clip every entry to [-limit, limit]; this changes the direction.

    Raises:
        ValueError: limit ≤ 0.
    """
    _positive(limit)

    def clipped(g: Array) -> Array:
        return np.clip(g, -limit, limit)

    return gradient.map(clipped)


def _positive(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"the limit to clip at must be above 0; got {limit}")
