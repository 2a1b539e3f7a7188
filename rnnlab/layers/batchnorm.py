"""Batch normalisation over batch and time, for deep stacks of IndRNNs; its running statistics are in the open."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab.arrays import Array, contract
from rnnlab.record import Record
from rnnlab.trace import Pass, PassGradients, matching


@dataclass(frozen=True, eq=False, repr=False)
class BatchNormPass(Pass):
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

    While training, the batch's own statistics are used, and `settled(trace)` gives the layer whose running mean and
    variance have moved towards them; nothing changes in place. `evaluating()` gives the layer that uses the running
    statistics as they are; there y depends on x row by row, and dx = dx̂ / s.

    The running statistics are arrays of the record, saved and loaded with it. While training they have no effect, and
    their gradient is 0, so an optimiser leaves them alone.

    Attributes:
        gamma, beta: γ and β, (D,).
        mean, variance: the running statistics, (D,).
        momentum: how much of the running statistics a step keeps.
        epsilon: ε, added to the variance.
        running: whether to normalise by the running statistics instead of the batch's.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together.

    Source: Ioffe, Szegedy (2015), arXiv 1502.03167, §3; momentum and ε are Keras's.
    """

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    momentum: float = 0.99
    epsilon: float = 1e-3
    running: bool = False

    def __post_init__(self) -> None:
        contract("gamma", self.gamma, "D")
        D = (len(self.gamma), f"to match gamma {self.gamma.shape}")
        for name in ("beta", "mean", "variance"):
            contract(name, getattr(self, name), "D", dtype=self.gamma.dtype, D=D)

    @classmethod
    def init(cls, *, inputs: int, momentum: float = 0.99, epsilon: float = 1e-3, dtype: DTypeLike = np.float64) -> Self:
        """γ = 1, β = 0, running mean 0 and variance 1 for `inputs` features."""
        one, zero = np.ones(inputs, dtype), np.zeros(inputs, dtype)
        return cls(one, zero, zero.copy(), one.copy(), momentum, epsilon)

    def forward(self, xs: Array) -> BatchNormPass:
        """ys (T, B, D) of xs (T, B, D).

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D = (len(self.gamma), f"to match gamma {self.gamma.shape}")
        contract("xs", xs, "T B D", dtype=self.gamma.dtype, D=D)
        mean, variance = self.mean, self.variance
        if not self.running:
            mean = xs.mean(axis=(0, 1))
            variance = np.square(xs - mean).mean(axis=(0, 1))
        ys = self.gamma * ((xs - mean) / np.sqrt(variance + self.epsilon)) + self.beta
        return BatchNormPass(xs, ys, mean, variance)

    def backward(self, trace: BatchNormPass, dys: Array) -> PassGradients[Self]:
        """The gradients of a loss L, given dL/dy (T, B, D).

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        s = np.sqrt(trace.variance + self.epsilon)
        x_hats = (trace.xs - trace.mean) / s
        dgamma = np.sum(matching(dys, trace.ys) * x_hats, axis=(0, 1))
        dbeta = np.sum(dys, axis=(0, 1))
        dxs = dys * (self.gamma / s)
        if self.running:
            dmean = -self.gamma * dbeta / s
            dvariance = -self.gamma * dgamma / (2 * s * s)
        else:
            N = dys.shape[0] * dys.shape[1]
            dxs -= (self.gamma / s) * (dbeta + x_hats * dgamma) / N
            dmean, dvariance = np.zeros_like(self.mean), np.zeros_like(self.variance)
        return PassGradients(self.like(gamma=dgamma, beta=dbeta, mean=dmean, variance=dvariance), dxs)

    def settled(self, trace: BatchNormPass) -> Self:
        """This layer with its running statistics r moved towards those of `trace`: r ← m r + (1 - m) batch's."""
        keep = self.momentum
        mean = keep * self.mean + (1 - keep) * trace.mean
        variance = keep * self.variance + (1 - keep) * trace.variance
        return replace(self, mean=mean, variance=variance)

    def evaluating(self) -> Self:
        """This layer, normalising by its running statistics."""
        return replace(self, running=True)
