"""Hold a layer's backward against an oracle, at every parameter, every input, and the state at every timestep."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.oracles import ORACLES, Estimate, Losses
from rnnlab.gradcheck.perturb import Run
from rnnlab.gradcheck.verdict import Finding, GradientError, Report, judge
from rnnlab.trace import Gradients, RecurrentLayer, Trace

Oracle = Callable[[Losses], Estimate]

ENTRY_BY_ENTRY = 64
"""A parameter of at most this many entries is perturbed entry by entry, a larger one along random directions."""
UNIT_BY_UNIT = 16
"""The same for the units of one timestep, of which there are T."""


def check_gradients(
    layer: RecurrentLayer,
    xs: Array,
    h0: Array | None = None,
    *,
    dhs: Array | None = None,
    oracle: str = "complex_step",
    tolerance: float | None = None,
    rng: np.random.Generator | None = None,
) -> Report:
    """Check `layer.backward` against an oracle that does not use it.

    Small arrays are checked entry by entry, large ones along random directions that touch every entry; if that
    fails, the worst entry is searched for. The layer may be your own: a rnnlab.Record with a forward and a backward,
    whose forward stays holomorphic (it branches on `.real`, and calls no abs).

    Args:
        layer: the layer, in float32 or float64; the oracle runs it in complex128 or float64.
        xs: inputs (T, B, D).
        h0: initial state (B, H); zeros if not given.
        dhs: dL/dh[t] from above (T, B, H); drawn from N(0, 1) if not given. To watch a gradient vanish, give a loss on
            the last step alone: the check holds at 1e-90 as it does at 1.
        oracle: "complex_step" (exact to roundoff), or "finite_difference", which says "inconclusive" where its own
            noise is larger than the tolerance, as it is wherever the gradient has vanished.
        tolerance: largest relative error of a slice; by default 4096 machine epsilons of the layer's dtype (9e-13 in
            float64), for finite differences 1e-6 or that, whichever is more.
        rng: draws dhs and the directions; default_rng(0) if not given, so a check repeats itself.

    Returns:
        A Report; `print(report)` is a table. An inconclusive report does not raise, and is not `passed`.

    Raises:
        GradientError: the backward is wrong; the message names array, index, timestep and both values.
        ValueError, TypeError: an unknown oracle, or arrays that do not fit.
    """
    if oracle not in ORACLES:
        raise ValueError(f"oracle must be one of {', '.join(ORACLES)}; got {oracle!r}")
    rng = np.random.default_rng(0) if rng is None else rng
    trace = layer.forward(xs, h0)
    if dhs is None:
        dhs = rng.standard_normal(trace.hs[1:].shape).astype(trace.hs.dtype)
    grads = layer.backward(trace, dhs)
    if tolerance is None:
        tolerance = 4096 * float(np.finfo(trace.hs.dtype).eps)
        if oracle == "finite_difference":
            tolerance = max(1e-6, tolerance)

    run = Run.of(layer, trace, dhs)
    slices = _slices(run, _matching(layer, trace, grads), rng)
    drift = run.drift()
    findings: list[Finding] = []
    culprit: tuple[Finding, _Slice] | None = None
    for part in slices:
        found = part.findings(ORACLES[oracle], drift, tolerance)
        findings += found
        for finding in found:
            if finding.verdict == "failed" and (culprit is None or finding.error > culprit[0].error):
                culprit = finding, part
    report = Report(oracle, tolerance, tuple(findings))
    if culprit is None:
        return report
    finding, part = culprit
    worst = part.locate(finding, ORACLES[oracle])
    raise GradientError(
        f"{worst.place} is wrong: backward gives {worst.got:.9g}, {oracle} {worst.wanted:.9g} "
        f"(relative error {worst.error:.1e}, tolerance {tolerance:.1e}); {diagnose(report, len(xs))}\n{report}",
        report,
    )


@dataclass(frozen=True)
class _Slice:
    """One parameter, or one timestep of xs or hs: its gradient, and the loss along directions through it.

    Attributes:
        gradient: what backward gave, (rows, *shape); a row for each sequence, or one for a parameter.
        directions: (P, *shape).
        losses: (directions, ε) -> (rows, P).
    """

    array: str
    timestep: int | None
    gradient: Array
    directions: Array
    losses: Callable[[Array, complex], Array]

    def along(self, directions: Array) -> Array:
        """(rows, P): the directional derivatives that the backward's gradient claims."""
        with np.errstate(invalid="ignore"):
            claims: Array = self.gradient.reshape(len(self.gradient), -1) @ directions.reshape(len(directions), -1).T
        return claims

    def findings(self, oracle: Oracle, drift: float, tolerance: float) -> list[Finding]:
        """One for each row."""
        got = self.along(self.directions)
        estimate = oracle(lambda eps: self.losses(self.directions, eps))
        errors, doubts, worst, verdicts = judge(got, estimate, drift, tolerance)
        every = len(self.directions) == prod(self.directions.shape[1:])
        return [
            Finding(
                array=self.array,
                timestep=self.timestep,
                sequence=None if self.timestep is None else row,
                error=float(errors[row]),
                doubt=float(doubts[row]),
                index=tuple(map(int, np.unravel_index(p, self.directions.shape[1:]))) if every else None,
                got=float(got[row, p]),
                wanted=float(estimate.value[row, p]),
                verdict=verdicts[row],
            )
            for row, p in enumerate(worst)
        ]

    def locate(self, finding: Finding, oracle: Oracle) -> Finding:
        """The finding with the worst entry named: directions are halved until one entry is left."""
        if finding.index is not None:
            return finding
        row = finding.sequence or 0

        def misses(directions: Array) -> tuple[Array, Array]:
            wanted = oracle(lambda eps: self.losses(directions, eps)).value[row]
            return np.abs(self.along(directions)[row] - wanted), wanted

        shape = self.directions.shape[1:]
        entries = np.arange(prod(shape))
        whole = self.directions[misses(self.directions)[0].argmax()].ravel()
        while len(entries) > 1:
            halves = np.array_split(entries, 2)
            masked = np.zeros((2, prod(shape)))
            for mask, half in zip(masked, halves, strict=True):
                mask[half] = whole[half]
            entries = halves[misses(masked.reshape(2, *shape))[0].argmax()]
        index = tuple(map(int, np.unravel_index(entries[0], shape)))
        single = np.zeros((1, *shape))
        single[(0, *index)] = 1
        _, wanted = misses(single)
        return replace(finding, index=index, got=float(self.gradient[(row, *index)]), wanted=float(wanted[0]))


def _matching(layer: RecurrentLayer, trace: Trace, grads: Gradients[Any]) -> dict[str, Array]:
    """What backward gave by name: a gradient for each parameter, then xs and hs; refused unless the shapes match."""
    wanted = {**layer.arrays(), "xs": trace.xs, "hs": trace.hs}
    got = {**grads.params.arrays(), "xs": grads.xs, "hs": grads.hs}
    for name, array in wanted.items():
        if name not in got or got[name].shape != array.shape:
            shape = got[name].shape if name in got else "nothing"
            raise ValueError(f"backward must return a gradient {array.shape} for {name}; got {shape}")
    return got


def _slices(run: Run, gradients: dict[str, Array], rng: np.random.Generator) -> list[_Slice]:
    """Every parameter, and every timestep of the inputs and the states."""
    xs, hs = gradients.pop("xs"), gradients.pop("hs")
    slices = []
    for name, gradient in gradients.items():
        directions = _directions(rng, gradient.shape, ENTRY_BY_ENTRY, otherwise=8)
        slices.append(_Slice(name, None, gradient[None], directions, partial(run.parameter_losses, name)))
    for array, gradient, losses, first in (("xs", xs, run.input_losses, 1), ("hs", hs, run.state_losses, 0)):
        directions = _directions(rng, gradient.shape[2:], UNIT_BY_UNIT, otherwise=2)
        slices += [_Slice(array, t, rows, directions, partial(losses, t)) for t, rows in enumerate(gradient, first)]
    return slices


def _directions(rng: np.random.Generator, shape: tuple[int, ...], up_to: int, otherwise: int) -> Array:
    """Every unit vector where there are at most `up_to` entries, else a few random ones of unit length."""
    size = prod(shape)
    if size <= up_to:
        return np.eye(size).reshape(size, *shape)
    directions = rng.standard_normal((otherwise, size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions.reshape(otherwise, *shape)
