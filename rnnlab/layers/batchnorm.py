"""Batch normalisation over batch and time, for deep stacks of IndRNNs; its running statistics are plain fields."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from rnnlab.arrays import Array, contract
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, FeedforwardGradients, FeedforwardTrace, innermost, matching, rebuilt


@dataclass(frozen=True, eq=False, repr=False)
class BatchNormTrace(FeedforwardTrace):
    """What `BatchNorm.forward` leaves: also the statistics that it normalised by, (D,) each."""

    mean: Array
    variance: Array


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm(Record):
    """Every feature brought to zero mean and unit variance, then scaled and shifted. Over N = T·B rows of (T, B, D):

        μ = Σ x / N      v = Σ (x - μ)² / N      s = √(v + ε)
        x̂ = (x - μ) / s
        y = γ ⊙ x̂ + β

    Backward, where x reaches y through μ and v as well:

        dγ = Σ dy ⊙ x̂      dβ = Σ dy      dx̂ = dy ⊙ γ
        dx = (dx̂ - Σ dx̂ / N - x̂ ⊙ Σ (dx̂ ⊙ x̂) / N) / s

    While training, the batch's own statistics are used, and `with_batch_statistics(layer, trace)` gives the layer
    whose running mean and variance have moved towards them; nothing changes in place. `evaluating(layer)` gives the
    layer that uses the running statistics as they are; there y depends on x row by row, and dx = dx̂ / s. Both take a
    network, too.

    The running statistics are arrays of the record, saved and loaded with it. While training they have no effect, and
    their gradient is 0, so an optimiser leaves them alone.

    Attributes:
        gamma, beta: γ and β, (D,).
        mean, variance: the running statistics, (D,).
        momentum: how much of the running statistics a step keeps.
        epsilon: ε, added to the variance.
        running: whether to normalise by the running statistics instead of the batch's.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together, or momentum is not in 0 … 1.

    Source: Ioffe, Szegedy (2015), arXiv 1502.03167, §3; momentum and ε are Keras's.
    """

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    momentum: float = 0.99
    epsilon: float = 1e-3
    running: bool = False
    carries: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        contract("gamma", self.gamma, "D")
        D = (len(self.gamma), f"to match gamma {self.gamma.shape}")
        for name in ("beta", "mean", "variance"):
            contract(name, getattr(self, name), "D", dtype=self.gamma.dtype, D=D)
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"momentum must be in 0 … 1; got {self.momentum}")

    @classmethod
    def init(cls, *, inputs: int, momentum: float = 0.99, epsilon: float = 1e-3, dtype: DTypeLike = np.float64) -> Self:
        """γ = 1, β = 0, running mean 0 and variance 1 for `inputs` features."""
        one, zero = np.ones(inputs, dtype), np.zeros(inputs, dtype)
        return cls(one, zero, zero.copy(), one.copy(), momentum, epsilon)

    def forward(self, xs: Array) -> BatchNormTrace:
        """ys (T, B, D) of xs (T, B, D).

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D = (len(self.gamma), f"to match gamma {self.gamma.shape}")
        contract("xs", xs, "T B D", dtype=self.gamma.dtype, D=D)
        mean = self.mean if self.running else xs.mean(axis=(0, 1))
        ys = xs - mean
        variance = self.variance if self.running else _summed(ys, ys) / (xs.shape[0] * xs.shape[1])
        ys /= np.sqrt(variance + self.epsilon)  # not by gamma / sqrt: of a large variance its complex step underflows
        ys *= self.gamma
        ys += self.beta
        return BatchNormTrace(xs, ys, mean, variance)

    def backward(self, trace: BatchNormTrace, dys: Array) -> FeedforwardGradients[Self]:
        """The gradients of a loss L, given dL/dy (T, B, D).

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        s = np.sqrt(trace.variance + self.epsilon)
        x_hats = trace.xs - trace.mean
        x_hats /= s
        dgamma, dbeta = _summed(matching(dys, trace.ys), x_hats), dys.sum(axis=(0, 1))
        if self.running:
            dxs = dys * (self.gamma / s)
            dmean = -self.gamma * dbeta / s
            dvariance = -self.gamma * dgamma / (2 * s * s)
        else:
            N = dys.shape[0] * dys.shape[1]
            dxs = x_hats  # its array is written over, pass by pass: no other of this size is needed
            dxs *= -dgamma / N
            dxs += dys
            dxs -= dbeta / N
            dxs *= self.gamma / s
            dmean, dvariance = np.zeros_like(self.mean), np.zeros_like(self.variance)
        return FeedforwardGradients(self.like(gamma=dgamma, beta=dbeta, mean=dmean, variance=dvariance), dxs)


def _summed(a: Array, b: Array) -> Array:
    """Σ a ⊙ b over batch and time, (T, B, D) each to (D,), the product never in memory."""
    total: Array = np.einsum("tbd,tbd->d", a, b)
    return total


L = TypeVar("L")


def evaluating(layer: L) -> L:
    """`layer`, a network for instance, with every BatchNorm in it normalising by its running statistics."""
    return _with_norms(layer, lambda norm: replace(norm, running=True))


def with_batch_statistics(layer: L, trace: Record) -> L:
    """`layer` with the running statistics r of every BatchNorm moved towards those of its trace.

    r ← m r + (1 - m) batch's,      m the momentum
    """
    return _with_norms(layer, _moved, trace)


def normalises_over_time(layer: AnyLayer) -> bool:
    """Whether the outputs at one step depend on the inputs at all others: a BatchNorm on the batch's own statistics."""
    return any(isinstance(inner, BatchNorm) and not inner.running for inner in innermost(layer))


def _with_norms(layer: L, fn: Callable[..., BatchNorm], *traces: Record) -> L:
    """`layer` with fn(norm, *its traces) in place of every BatchNorm in it."""

    def one(inner: AnyLayer, *its: Record) -> AnyLayer:
        return fn(inner, *its) if isinstance(inner, BatchNorm) else inner

    return rebuilt(layer, one, *traces)


def _moved(norm: BatchNorm, trace: BatchNormTrace) -> BatchNorm:
    keep = norm.momentum
    mean = keep * norm.mean + (1 - keep) * trace.mean
    variance = keep * norm.variance + (1 - keep) * trace.variance
    return replace(norm, mean=mean, variance=variance)
