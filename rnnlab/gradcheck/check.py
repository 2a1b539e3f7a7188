"""Hold a backward against an oracle, one step at a time: every input, every state at every step, every parameter.

A step takes the state s[t-1], the input x[t] and the parameters θ, and leaves s[t]. With J[t] = ∂s[t]/∂s[t-1], what a
backward has to give are the total derivatives ds[t] = dL/ds[t], where `above` is what arrives from above:

    ds[T]   = above[T] + dends
    ds[t-1] = above[t-1] + J[t]ᵀ ds[t]                                  t = T … 1
    dx[t]   = (∂s[t]/∂x[t])ᵀ ds[t]          dθ = Σ_t (∂s[t]/∂θ)ᵀ ds[t]

The check puts the backward's own ds[t] on the right, and holds what it gave for ds[t-1], dx[t] and dθ against the
result. By induction all of a backward is right if ds[T] is and every step is. If not, the findings say which step and
which line: a wrong carry spoils ds and not the sums, which are right for the ds that they were given.

An oracle has to know the derivatives of one step alone. It starts each from the trace's own s[t-1], all T·B steps as
the sequences of one batch of one step; a unit is nudged in all of them at once. One step does not vanish or explode,
and it is never chaotic. The trace itself is checked too: a step from its s[t-1] has to lead to its s[t].

This rests on one assumption: a step depends on x[t] and the state alone, not on t, nor on the other sequences. A layer
whose step does (a clockwork RNN, statistics over the batch) is differentiated as a whole, from the first step to the
last, and so are feedforward layers; a network goes layer by layer, each with what arrived at it. Whether the layers are
combined correctly is checked on the first three steps as a whole, from a start that is not zero, since from zero the
sum over time lacks a term. That is also a second opinion.

A right formula may have few digits, as 1 - h² for the slope of a saturated unit. So where something fails it is looked
at once more, and what the roundings of the backward's own arithmetic do to it (`roundoff.py`) is allowed for. Such an
entry passes with six digits, and with fewer it is inconclusive. One that computes 1 / cosh² a is held to all of them.

Forward and backward are called twice: a call leaves its arguments and earlier results as they are, and gives the same.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, NotFiniteError
from rnnlab.gradcheck.calls import ARGUMENTS, RESULTS, STATELESS, require_same, unchanged
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.look import Look
from rnnlab.gradcheck.oracles import ORACLES
from rnnlab.gradcheck.verdict import PLACES, SIX_DIGITS, Finding, GradientError, Report
from rnnlab.names import wrong_name
from rnnlab.trace import AnyLayer, GradientsLike, States, TraceLike, gradients_of, rebuilt, require_layer, traced

FEW = 3  # steps that are differentiated as a whole
RESTRICTED = (
    "A step depends on more than x[t] and the state (on t, or on the other sequences), so the run was checked as a "
    "whole: the gradients of the states between its start and its end were not."
)

HIDDEN = (
    "What is inconclusive is within the roundoff of this backward's own arithmetic, which has too few digits there: "
    "1 - h² has none where h rounds to 1, for instance; 1 / cosh² a keeps them."
)
BEYOND = "Of infinity or NaN nothing can be told:"


def check_gradients(
    layer: AnyLayer,
    xs: NDArray[Any],
    *starts: Array,
    dhs: Array | None = None,
    dends: States | None = None,
    oracle: str = "complex_step",
    tolerance: float | None = None,
    rng: np.random.Generator | None = None,
) -> Report:
    """Check the backward of a layer or a network, one step at a time, against an oracle that does not use it.

    The layer may be your own (`help(rnnlab.trace.Layer)`), if its forward stays holomorphic: it branches on `.real`,
    and calls no abs. If a step depends on more than x[t] and the state (on t, or on the other sequences of the batch),
    the run is checked as a whole: parameters, inputs and the start, but not the states in between, as `report.note`
    says. Returns a report; `print(report)` is a table. One that is inconclusive does not raise, and is not `passed`;
    `report.note` says if it is because a formula of the backward, 1 - h² say, has no digits left, or because forward
    or backward left infinity or NaN.

    Args:
        layer: a layer or a network, in float32 or float64; the oracle runs it in complex128 or float64.
        xs: inputs, (T, B, D) for a recurrent layer.
        starts: the states before the first step, as `forward` takes them; if not given, zeros, and then also those
            that a few steps lead to.
        dhs: what arrives from above, dL/dy, for a recurrent layer dL/dh[t] (T, B, H); drawn from N(0, 1) if not given.
            To watch a gradient vanish, give a loss on the last step alone: the check holds at 1e-90 as it does at 1.
        dends: dL/d(state) after the last step, for each of `layer.carries`; by default zeros with `dhs`, else random.
        oracle: "complex_step", exact to roundoff, or "finite_difference", inconclusive where it is too noisy.
        tolerance: largest relative error of an entry; by default 4096 machine epsilons of the layer's dtype (9e-13 in
            float64), but at least 1e-6 for finite differences.
        rng: draws dhs, dends and directions; default_rng(0) if not given, so a check repeats itself.

    Raises:
        GradientError: the backward is wrong, or a call changes what it was given or what an earlier one returned; the
            message names array, index, timestep and both values.
        ValueError, TypeError: an unknown oracle, or arrays that do not fit.
    """
    if oracle not in ORACLES:
        raise wrong_name("oracle", oracle, ORACLES)
    require_layer(layer)
    rng = np.random.default_rng(0) if rng is None else rng

    def normal(like: Array) -> Array:
        return rng.standard_normal(like.shape).astype(like.dtype)

    trace, steps = _twice(layer, xs, starts), len(xs)
    if tolerance is None:
        least = SIX_DIGITS if oracle == "finite_difference" else 0.0
        tolerance = max(PLACES * float(np.finfo(trace.ys.dtype).eps), least)
    look = partial(Look, oracle=ORACLES[oracle], tolerance=tolerance, rng=rng)
    if dends is None:
        dends = tuple(map(normal if dhs is None else np.zeros_like, trace.ends))
    looks = _by_layer(look, layer, trace, normal(trace.ys) if dhs is None else dhs, dends)
    findings = [finding for each in looks for finding in each.findings()]
    restricted = any(finding.whole for finding in findings)
    if layer.carries and all(finding.verdict != "failed" for finding in findings):
        xs = xs[:FEW]
        short = layer.forward(xs, *starts)
        if not starts and _finite(short):
            later = layer.forward(xs, *short.ends)
            short = later if _finite(later) else short
        if _finite(short):
            dys, dends = normal(short.ys), tuple(map(normal, short.ends))
            grads = layer.backward(short, dys, *dends)
            whole = look("", layer, xs, short, dys, dends, (grads,), grads.params.arrays(), whole=len(xs))
            findings += [finding for finding in whole.findings() if finding.verdict != "inconclusive"]  # or no opinion
    report = Report(oracle, tolerance, tuple(findings), " ".join(_notes(oracle, tolerance, findings, restricted)))
    if report.verdict != "failed":
        return report
    worst = max((finding for finding in findings if finding.verdict == "failed"), key=_telling)
    gives = "forward left" if worst.of_trace else "backward gives"
    raise GradientError(
        f"{worst.place} is wrong: {gives} {worst.got:.9g}, {oracle} {worst.wanted:.9g} "
        f"(relative error {worst.error:.1e}, tolerance {tolerance:.1e});\n"
        f"{diagnose(report, worst, steps)}\n{report}",
        report,
    )


def _twice(layer: AnyLayer, xs: NDArray[Any], starts: States) -> Any:
    """The trace of a forward that changes nothing it is given, and of which a second call changes nothing either.

    Raises:
        GradientError: it does change something, or the second call starts from another state.
    """
    with unchanged("forward", ARGUMENTS, params=layer, xs=xs, starts=starts):
        trace = traced(layer, xs, *starts)
    others = np.flip(xs).copy()  # which may lead beyond the largest number
    with (
        unchanged("a second call of forward", RESULTS, trace=trace),
        suppress(NotFiniteError),
        np.errstate(all="ignore"),
    ):
        layer.forward(others, *starts)
    again = traced(layer, xs, *starts)
    first, second = ({f"{name}[0]": states[0] for name, states in each.states.items()} for each in (trace, again))
    require_same("a second call of forward, on the same inputs, changes its start", STATELESS, first, second)
    return trace


def _finite(trace: TraceLike) -> bool:
    return all(np.isfinite(array).all() for array in (*trace.states.values(), trace.ys))


def _notes(oracle: str, tolerance: float, findings: list[Finding], restricted: bool) -> Iterator[str]:
    """What was not checked or could not be told, and why: a sentence or two for each reason there is."""
    if restricted:
        yield RESTRICTED
    untold = [finding for finding in findings if finding.verdict == "inconclusive"]
    if any(np.isfinite(finding.error) and finding.doubt <= tolerance for finding in untold):
        yield HIDDEN
    beyond = [finding for finding in untold if not np.isfinite(finding.error)]
    if beyond:
        yield f"{BEYOND} {min(map(partial(_overflow, oracle), beyond))[-1]}. Smaller inputs or weights may help."


def _overflow(oracle: str, finding: Finding) -> tuple[bool, bool, int, str]:
    """What is infinite or NaN in a finding, in words; before it what to sort by: the first that forward left first."""
    gives = "forward leaves" if finding.of_trace else "backward gives"
    says = [f"{who} {value}" for who, value in ((gives, finding.got), (f"{oracle} finds", finding.wanted))]
    numbers = [not np.isfinite(value) for value in (finding.got, finding.wanted)]
    said = next(compress(says, numbers), "a sum has terms beyond the largest number")
    return not any(numbers), not finding.of_trace, finding.timestep or 0, f"{said} in {finding.place}"


def _telling(finding: Finding) -> tuple[int, int, float]:
    """First the earliest step of a wrong trace, then the latest wrong state, since a backward goes on from there."""
    t = finding.timestep or 0
    if finding.of_trace:
        return 2, -t, finding.error
    return int(finding.timestep is not None and not finding.array.endswith("xs")), t, finding.error


def _by_layer(look: Callable[..., Look], layer: AnyLayer, trace: Any, dys: Array, dends: States) -> list[Look]:
    """A look at every innermost layer, with what arrives at it while the backward of the whole runs.

    Copies of the innermost layers take their places, and their backward is overheard.
    """
    looks: list[Look] = []
    names, gradients = layer.arrays(), dict[str, Array]()

    def overheard(inner: AnyLayer) -> AnyLayer:
        own = inner.arrays()
        places = (name.removesuffix(mine) for name, a in names.items() for mine, b in own.items() if a is b)
        prefix = next(places, "")
        for name in own:
            names.pop(prefix + name)  # a layer that is used twice has two places

        def backward(trace: Any, dys: Array, *dends: Array) -> GradientsLike:
            above = "dhs" if inner.carries else "dys"
            given = {f"{prefix}trace": trace, f"{prefix}{above}": dys, f"{prefix}dends": dends, "params": inner}
            with unchanged("backward", ARGUMENTS, **given):
                grads: GradientsLike = gradients_of(inner, trace, dys, *dends)
            with unchanged("a second call of backward", RESULTS, **{f"{prefix}gradients": grads}):
                inner.backward(trace, dys / 2, *(dend / 2 for dend in dends))
            again = gradients_of(inner, trace, dys, *dends)
            late = dends or tuple(map(np.zeros_like, trace.ends))
            looks.insert(0, look(prefix, inner, trace.xs, trace, dys, late, (grads,), gradients, again=again))
            return grads

        copy = inner.map(lambda array: array)
        object.__setattr__(copy, "backward", backward)
        return copy

    gradients.update(rebuilt(layer, overheard).backward(trace, dys, *dends).params.arrays())
    return looks
