"""The activations, each with its slope as a function of its own output.

    name         h = φ(a)              dh/da, from h         largest slope γ
    sigmoid      1 / (1 + exp(-a))     h (1 - h)             1/4
    tanh         tanh a                1 - h²                1
    relu         max(a, 0)             1 if h > 0 else 0     1
    leaky_relu   max(a, s a)           1 if h > 0 else s     1, for a negative slope 0 ≤ s < 1
    identity     a                     1                     1

Each slope is a function of the output, so a trace need not keep the pre-activation. `apply` works in
place and is holomorphic away from a kink (it branches on the real part alone), so the complex-step oracle can run
through it. At a kink the slope is the left one: 0 for relu, s for leaky_relu, as in Keras and PyTorch.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnlab.arrays import Array
from rnnlab.names import wrong_name
from rnnlab.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Activation(Record, ABC):
    """An activation φ: a record of its settings, so a layer that holds one can be saved."""

    name: ClassVar[str]
    max_slope: ClassVar[float]
    """γ, the largest slope anywhere: Pascanu et al. (2013, §2.1) bound the gradient's growth per step by γ σ_max(U)."""

    @abstractmethod
    def apply(self, a: Array) -> None:
        """a ← φ(a), in place."""

    @abstractmethod
    def slope(self, h: Array, out: Array | None = None) -> Array:
        """φ'(a) where h = φ(a), into `out` if given; only tanh's may be h itself."""

    def __repr__(self) -> str:
        return self.name


CEILING = np.floor(np.log(np.finfo(np.float64).max))
"""The largest real part of a complex128 -a whose exp(-a) does not overflow; h is just 1 / exp(-a) there."""


def complement(gate: Array, times: Array, out: Array) -> Array:
    """(1 - gate) ⊙ times: what a gate does not let through; with times = gate the slope of the sigmoid."""
    np.subtract(1, gate, out=out)
    out *= times
    return out


class Sigmoid(Activation):
    """h = 1 / (1 + exp(-a)),  dh/da = h (1 - h) ≤ 1/4."""

    name = "sigmoid"
    max_slope = 0.25

    def apply(self, a: Array) -> None:
        np.subtract(0, a, out=a)  # not np.negative: NumPy 2.4 gets it wrong for some strided views, as a gate's is
        self.apply_to_negated(a)

    def apply_to_negated(self, a: Array) -> None:
        """a ← φ(-a), in place: for a layer whose kernels have the sign already."""
        if a.dtype.kind == "c":  # an infinite exp(-a) is right for reals, h = 0, but a complex one has no angle
            np.minimum(a.real, CEILING, out=a.real)
        with np.errstate(over="ignore"):
            np.exp(a, out=a)
        a += 1
        np.reciprocal(a, out=a)

    def slope(self, h: Array, out: Array | None = None) -> Array:
        return complement(h, h, out=np.empty_like(h) if out is None else out)


class Tanh(Activation):
    """h = tanh a,  dh/da = 1 - h² ≤ 1."""

    name = "tanh"
    max_slope = 1.0

    def apply(self, a: Array) -> None:
        np.tanh(a, out=a)

    def slope(self, h: Array, out: Array | None = None) -> Array:
        out = np.multiply(h, h, out=out)
        np.subtract(1, out, out=out)
        return out


class ReLU(Activation):
    """h = max(a, 0),  dh/da = 1 where h > 0, else 0."""

    name = "relu"
    max_slope = 1.0

    def apply(self, a: Array) -> None:
        if a.dtype.kind == "c":
            a[a.real <= 0] = 0
        else:
            np.maximum(a, 0, out=a)

    def slope(self, h: Array, out: Array | None = None) -> Array:
        out = np.empty_like(h) if out is None else out
        np.greater(h.real, 0, out=out)
        return out


@dataclass(frozen=True, eq=False, repr=False)
class LeakyReLU(Activation):
    """h = a where a > 0, else s a,  dh/da = 1 or s; s is `negative_slope`, 0.3 as in Keras.

    Raises:
        ValueError: s outside [0, 1): the larger of a and s a would no longer be monotone, or would be a itself.
    """

    negative_slope: float = 0.3
    name = "leaky_relu"
    max_slope = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.negative_slope < 1:
            raise ValueError(f"negative_slope must be in [0, 1); got {self.negative_slope}")

    def apply(self, a: Array) -> None:
        np.multiply(a, self.negative_slope, out=a, where=a.real <= 0)

    def slope(self, h: Array, out: Array | None = None) -> Array:
        out = np.empty_like(h) if out is None else out
        np.greater(h.real, 0, out=out)
        np.maximum(out.real, self.negative_slope, out=out.real)
        return out

    def __repr__(self) -> str:
        return f"leaky_relu({self.negative_slope})"


class Identity(Activation):
    """h = a,  dh/da = 1: a linear recurrent net, the case that can be solved on paper."""

    name = "identity"
    max_slope = 1.0

    def apply(self, a: Array) -> None:
        pass

    def slope(self, h: Array, out: Array | None = None) -> Array:
        out = np.empty_like(h) if out is None else out
        out.fill(1)
        return out


ACTIVATIONS = {kind.name: kind for kind in (Sigmoid, Tanh, ReLU, LeakyReLU, Identity)}


def get(name: str | Activation) -> Activation:
    """The activation of that name; an Activation comes back as it is, for settings: LeakyReLU(negative_slope=0.1).

    Raises:
        ValueError: no activation has that name; the message lists them.
        TypeError: neither a name nor an Activation.
    """
    if isinstance(name, Activation):
        return name
    if not isinstance(name, str):
        raise TypeError(f"activation must be a name or an Activation; got {type(name).__name__}")
    if name not in ACTIVATIONS:
        raise wrong_name("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()
