"""Hold a layer's backward against an oracle, at every parameter, every input, and the state at every timestep."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.oracles import COMPLEX_STEP, ORACLES, Oracle
from rnnlab.gradcheck.perturb import RecurrentRun, Run, Setup, outputs
from rnnlab.gradcheck.roundoff import Reruns, by_name, from_above_and_end
from rnnlab.gradcheck.verdict import Finding, GradientError, Report, judge
from rnnlab.trace import AnyLayer, FeedforwardTrace, Trace

ENTRY_BY_ENTRY = 16
"""An array, or a timestep of one, with more entries than that is perturbed along random directions instead."""


def check_gradients(
    layer: AnyLayer,
    xs: Array,
    *starts: Any,
    dhs: Array | tuple[Array, ...] | None = None,
    oracle: str = "complex_step",
    tolerance: float | None = None,
    rng: np.random.Generator | None = None,
) -> Report:
    """Check the backward of a layer or a network against an oracle that does not use it.

    Small arrays are checked entry by entry, large ones along random directions that touch every entry; if that
    fails, the worst entry is searched for. The layer may be your own: a rnnlab.Record with a forward and a backward,
    whose forward stays holomorphic (it branches on `.real`, and calls no abs).

    Args:
        layer: a layer or a network, in float32 or float64; the oracle runs it in complex128 or float64.
        xs: inputs, (T, B, D) for a recurrent layer.
        starts: the states before the first step, as `forward` takes them: h0 (B, H), and c0; zeros if not given.
        dhs: dL/dh[t] from above (T, B, H), for an LSTM the pair (dhs, dcs), for a network or a layer without time
            dL/dy; drawn from N(0, 1) if not given. To watch a gradient vanish, give a loss on the last step alone:
            the check holds at 1e-90 as it does at 1.
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
    trace = layer.forward(xs, *starts)
    ys = outputs(trace)
    if dhs is None:
        dhs = tuple(rng.standard_normal(y.shape).astype(y.dtype) for y in ys)
    from_above = dhs if isinstance(dhs, tuple) else (dhs, *(np.zeros_like(y) for y in ys[1:]))
    for above in from_above[1:]:
        above[:-1] = 0
    grads = layer.backward(trace, *from_above_and_end(from_above))
    if tolerance is None:
        tolerance = 4096 * float(np.finfo(ys[0].dtype).eps)
        if oracle == "finite_difference":
            tolerance = max(1e-6, tolerance)

    slices = _slices(layer, xs, trace, from_above, grads, rng)
    findings: list[Finding] = []
    culprit: tuple[Finding, _Slice] | None = None
    for part in slices:
        found = part.findings(ORACLES[oracle], tolerance)
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
        f"(relative error {worst.error:.1e}, tolerance {tolerance:.1e});\n{diagnose(report, len(xs))}\n{report}",
        report,
    )


@dataclass(frozen=True)
class _Slice:
    """One parameter, or one timestep of xs or hs: its gradient, and the loss along directions through it.

    Attributes:
        gradient: what backward gave, (rows, *shape); a row for each sequence, or one for a parameter.
        directions: (P, *shape).
        losses: (directions, ε) -> (rows, P).
        roundoff: how far a jitter in the last place of everything moves the gradient, (rows,).
        magnitude: the size of the terms that the loss is a sum of.
        sequences: whether the rows are the sequences of a batch.
    """

    array: str
    timestep: int | None
    gradient: Array
    directions: Array
    losses: Callable[[Array, complex], Array]
    roundoff: Array
    magnitude: Array | float
    sequences: bool = False

    @property
    def floor(self) -> float:
        """Where digits run out: the smallest normal number of the backward, or of the complex step."""
        return max(float(np.finfo(self.gradient.dtype).tiny), np.finfo(np.float64).tiny / COMPLEX_STEP)

    def along(self, directions: Array) -> Array:
        """(rows, P): the directional derivatives that the backward's gradient claims."""
        with np.errstate(invalid="ignore"):
            claims: Array = self.gradient.reshape(len(self.gradient), -1) @ directions.reshape(len(directions), -1).T
        return claims

    def findings(self, oracle: Oracle, tolerance: float) -> list[Finding]:
        """One for each row."""
        got = self.along(self.directions)
        estimate = oracle(partial(self.losses, self.directions), self.magnitude)
        errors, doubts, worst, verdicts = judge(got, estimate, self.roundoff, tolerance, self.floor)
        every = len(self.directions) == prod(self.directions.shape[1:])
        return [
            Finding(
                array=self.array,
                timestep=self.timestep,
                sequence=row if self.sequences else None,
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
        row = finding.sequence or 0
        shape = self.directions.shape[1:]
        finite = np.isfinite(self.gradient[row]).ravel()
        if finding.index is not None and finite.all():
            return finding

        def misses(directions: Array) -> tuple[Array, Array]:
            wanted = oracle(partial(self.losses, directions), self.magnitude).value[row]
            return np.abs(self.along(directions)[row] - wanted), wanted

        entries = np.arange(prod(shape)) if finite.all() else np.flatnonzero(~finite)[:1]
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


def _slices(
    layer: AnyLayer, xs: Array, trace: Any, from_above: tuple[Array, ...], grads: Any, rng: np.random.Generator
) -> list[_Slice]:
    """Every parameter, then the inputs and the states: of a recurrent layer at every timestep and in every sequence."""
    setup = Setup(layer, xs, trace.starts)
    reruns = Reruns.of(setup, trace, from_above, rng)
    run = Run(setup.cast(0.0), tuple(above.astype(np.float64) for above in from_above))
    magnitude = sum(float(np.sum(np.abs(above * here))) for above, here in zip(from_above, outputs(trace), strict=True))
    recurrent = isinstance(trace, Trace)

    got = by_name(grads)
    slices = []
    for name, array in setup.arrays().items():
        label = name.removeprefix("params.")
        if array.dtype.kind not in "fc" or (recurrent and label == name):
            continue
        gradient = _matching(label, array.shape, got.get(name))[None]  # one row
        directions = _directions(rng, array.shape, otherwise=8)
        losses = partial(run.losses, name, ...)
        roundoff = reruns.roundoff(gradient, name)
        if name != "xs" or isinstance(trace, FeedforwardTrace):
            slices.append(_Slice(label, None, gradient, directions, losses, roundoff, magnitude))
            continue
        directions = _directions(rng, array.shape[1:], otherwise=2)
        for t, row in enumerate(gradient[0]):
            losses = partial(run.losses, name, t)
            roundoff = reruns.roundoff(row[None], name, t)
            slices.append(_Slice(label, t + 1, row[None], directions, losses, roundoff, magnitude))
    if recurrent:
        slices += _timesteps(run, trace, grads, reruns, rng)
    return slices


def _timesteps(run: Run, trace: Trace, grads: Any, reruns: Reruns, rng: np.random.Generator) -> list[_Slice]:
    """The inputs and the states of a recurrent layer, at every timestep and in every sequence."""
    here = RecurrentRun(run.setup, run.from_above, tuple(states.astype(np.float64) for states in trace.states.values()))
    terms = zip(here.from_above, here.states, strict=True)
    magnitude: Array = np.sum([np.einsum("tbh,tbh->b", abs(dh), abs(h[1:])) for dh, h in terms], axis=0)[:, None]
    slices = []
    of_states = [(name, 0, partial(here.state_losses, which)) for which, name in enumerate(trace.states)]
    for name, first, losses in [("xs", 1, partial(here.input_losses)), *of_states]:
        gradient = _matching(name, getattr(trace, name).shape, getattr(grads, name))
        directions = _directions(rng, gradient.shape[2:], otherwise=2)
        for t, rows in enumerate(gradient, first):
            roundoff = reruns.roundoff(rows, name, t - first)
            at_t = partial(losses, t)
            slices.append(_Slice(name, t, rows, directions, at_t, roundoff, magnitude, sequences=True))
    return slices


def _matching(name: str, shape: tuple[int, ...], gradient: Array | None) -> Array:
    """The gradient, refused unless it has the shape of what it differentiates."""
    if gradient is None or gradient.shape != shape:
        got = "nothing" if gradient is None else gradient.shape
        raise ValueError(f"backward must return a gradient {shape} for {name}; got {got}")
    return gradient


def _directions(rng: np.random.Generator, shape: tuple[int, ...], otherwise: int) -> Array:
    """Every unit vector where there are few entries, else `otherwise` random ones of unit length."""
    size = prod(shape)
    if size <= ENTRY_BY_ENTRY:
        return np.eye(size).reshape(size, *shape)
    directions = rng.standard_normal((otherwise, size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions.reshape(otherwise, *shape)
