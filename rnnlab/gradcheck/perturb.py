"""The loss of a run as a function of a perturbation, of one thing at a time: a parameter, x[t] or h[t].

The loss is L = Σ_t ⟨dhs[t], h[t]⟩, so dhs is exactly what arrives from above. Sequences of a batch do not see each
other, and that makes the check cheap: to perturb the state at timestep t, the run is started anew from h[t] with the
perturbed copies as so many more sequences.
"""

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.trace import RecurrentLayer, Trace

Perturbed: TypeAlias = NDArray[Any]
"""float64, or complex128 where ε is complex."""


@dataclass(frozen=True)
class Run:
    """One run of the layer, and the losses of runs that differ from it by ε times a direction in one place."""

    layer: RecurrentLayer
    xs: Array
    hs: Array
    dhs: Array

    @classmethod
    def of(cls, layer: RecurrentLayer, trace: Trace, dhs: Array) -> Self:
        """The run that left `trace`, in float64."""
        return cls(layer, trace.xs.astype(np.float64), trace.hs.astype(np.float64), dhs.astype(np.float64))

    def shifted(self, eps: complex, name: str = "", direction: Perturbed | float = 0.0) -> RecurrentLayer:
        """The layer in float64, or in complex128 for a complex ε, with ε · direction added to one parameter."""
        layer = self.layer.map(lambda parameter: parameter.astype(np.result_type(np.float64, eps)))
        if name:
            parameter: Perturbed = layer.arrays()[name]
            parameter += eps * direction
        return layer

    def drift(self) -> float:
        """How far roundoff alone moves this run over its T steps, relative to its states.

        In a chaotic net that is far, and the oracle then differentiates another trajectory than the trace's.
        """
        h0 = self.hs[0].astype(np.complex128)
        again = self.shifted(1j).forward(self.xs.astype(np.complex128), h0).hs.real
        return len(self.xs) * float(np.abs(again - self.hs).max() / max(np.abs(self.hs).max(), 1e-300))

    def parameter_losses(self, name: str, directions: Perturbed, eps: complex) -> Perturbed:
        """(1, P): the loss with ε · direction added to the parameter, for each of P directions."""
        dtype = np.result_type(np.float64, eps)
        xs, h0 = self.xs.astype(dtype), self.hs[0].astype(dtype)
        runs = (self.shifted(eps, name, direction).forward(xs, h0) for direction in directions)
        return np.array([[np.sum(self.dhs * run.hs[1:]) for run in runs]])

    def state_losses(self, t: int, directions: Perturbed, eps: complex) -> Perturbed:
        """(B, P): the loss from h[t] on, of every sequence, with ε · direction added to h[t]."""
        starts = self.hs[t][:, None] + eps * directions  # (B, P, H)
        own = np.einsum("bh,bph->bp", self.dhs[t - 1], starts) if t > 0 else 0.0
        return self._from(t, starts, np.zeros(self.xs.shape[-1]), eps) + own

    def input_losses(self, t: int, directions: Perturbed, eps: complex) -> Perturbed:
        """(B, P): the loss from h[t] on, of every sequence, with ε · direction added to x[t]."""
        starts = np.broadcast_to(self.hs[t - 1][:, None], (len(self.hs[0]), len(directions), self.hs.shape[-1]))
        return self._from(t - 1, starts, directions, eps)

    def _from(self, t: int, starts: Perturbed, x_directions: Perturbed, eps: complex) -> Perturbed:
        """(B, P): the loss of the steps after t, run on from `starts`, with ε · x_directions added to the first x."""
        T, (B, P, H) = len(self.xs) - t, starts.shape
        if T == 0:
            return np.zeros((B, P))
        dtype = np.result_type(np.float64, eps)
        xs = np.repeat(self.xs[t:, :, None].astype(dtype), P, axis=2)  # (T, B, P, D)
        xs[0] += eps * x_directions
        h0 = starts.reshape(B * P, H).astype(dtype)
        hs = self.shifted(eps).forward(xs.reshape(T, B * P, -1), h0).hs[1:]
        losses: Perturbed = np.einsum("tbh,tbph->bp", self.dhs[t:], hs.reshape(T, B, P, H))
        return losses
