"""What every backward obeys: a law takes a case, and raises LawError, or GradientError, where it is not kept."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck import GradientError, adjoint_test, check_gradients
from rnnlab.testing.cases import Case, gradients_by_name, trace_of
from rnnlab.testing.closeness import largest_term, moved, require, require_close, same_bits
from rnnlab.trace import States

STEP = 1e-5  # the finite one: its own error is of the order of its square, roundoff of ε / STEP


def two_chunks_go_back_as_the_whole(case: Case) -> None:
    """The gradient that a later chunk sends back makes the backward of the earlier one complete."""
    cut = case.T // 2
    if cut == 0:
        return
    trace = case.forward()
    whole = gradients_by_name(case.backward(trace))
    early = case.steps(0, cut, *case.starts)
    first = early.forward()
    late = case.steps(cut, case.T, *first.ends)
    second = late.backward(late.forward())
    back = early.layer.backward(first, early.dys, *second.dstarts)
    joined = {}
    for name, array in gradients_by_name(back).items():
        after = gradients_by_name(second)[name]
        if name in case.layer.carries:
            joined[name] = np.concatenate([array, after[1:]])
        else:
            joined[name] = np.concatenate([array, after]) if name == "xs" else array + after
    require_close(case, joined, whole, within=1e-13, scale=largest_term(case, {**trace_of(trace), **whole}))


def each_sequence_goes_back_as_it_would_alone(case: Case) -> None:
    """The sequences of a batch do not see each other; the gradient of a parameter is the sum over them."""
    trace = case.forward()
    whole = gradients_by_name(case.backward(trace))
    alone = []
    for s in range(case.B):
        sequence = case.sequences([s])
        alone.append(gradients_by_name(sequence.backward(sequence.forward())))
    joined: dict[str, Array] = {}
    for name in whole:
        each = [gradients[name] for gradients in alone]
        joined[name] = np.sum(each, axis=0) if name.startswith("params.") else np.concatenate(each, axis=1)
    require_close(case, joined, whole, within=1e-13, scale=largest_term(case, {**trace_of(trace), **whole}))


def what_arrives_from_above_alters_no_later_gradient(case: Case) -> None:
    """A gradient flows back only: dL/dy[t] reaches no state and no input after t, bit for bit."""
    t = 1 + case.seed % case.T
    trace = case.forward()
    dys = case.dys.copy()
    dys[t - 1] += 1.5
    before, after = (gradients_by_name(case.layer.backward(trace, arrives, *case.dends)) for arrives in (case.dys, dys))
    why = f"after what arrives at step {t} was changed, which is earlier"
    for name in ("xs", *case.layer.carries):
        first = t if name == "xs" else t + 1  # xs has no step 0
        same_bits({name: after[name][first:]}, {name: before[name][first:]}, why)


def what_a_later_chunk_sends_back_is_added_to_the_last_state(case: Case) -> None:
    """dends[k] is added to the total of state k after the last step."""
    trace = case.forward()
    nothing = tuple(map(np.zeros_like, case.dends))
    without = case.layer.backward(trace, case.dys, *nothing).states
    for k, name in enumerate(case.layer.carries):
        totals = case.layer.backward(trace, case.dys, *nothing[:k], case.dends[k], *nothing[k + 1 :]).states
        miss = np.abs(totals[name][-1] - without[name][-1] - case.dends[k]).max()
        allowed = 1e-15 * (1 + np.abs(without[name][-1]).max())
        require(bool(miss <= allowed), f"the last {name} is off by {miss:.1e} when it gets its dend")


def backward_is_linear(case: Case) -> None:
    """3 times one loss less 0.7 times another has 3 times the gradients of the one less 0.7 times the other's."""
    rng = np.random.default_rng([case.seed, 1])
    trace = case.forward()
    given = case.dys, *case.dends
    other = [rng.uniform(-1, 1, array.shape) for array in given]
    both = [3 * one - 0.7 * two for one, two in zip(given, other, strict=True)]
    first, second, third = (gradients_by_name(case.layer.backward(trace, *arrives)) for arrives in (given, other, both))
    wanted = {name: 3 * first[name] - 0.7 * second[name] for name in first}
    scale = 4 * max(largest_term(case, {**trace_of(trace), **each}) for each in (first, second))
    require_close(case, third, wanted, within=1e-13, scale=scale)


def nothing_from_above_gives_zeros(case: Case) -> None:
    """A loss that depends on nothing has gradients of exactly zero."""
    nothing = [np.zeros_like(array) for array in (case.dys, *case.dends)]
    for name, array in gradients_by_name(case.layer.backward(case.forward(), *nothing)).items():
        require(not array.any(), f"{name} is not zero when nothing arrives from above")


def backward_is_the_adjoint_of_the_derivative(case: Case) -> None:
    """⟨J v, w⟩ = ⟨v, Jᵀ w⟩, with J v from the forward alone: `rl.adjoint_test`, for a random v and w."""
    sides = adjoint_test(case.layer, case.xs, *case.starts, rng=np.random.default_rng([case.seed, 2]))
    require(
        sides.error <= 1e-12,
        f"the loss moves by {sides.forward:.12g} along a random direction and by {sides.backward:.12g} by backward",
    )


def backward_is_the_adjoint_of_finite_differences(case: Case) -> None:
    """The same with J v by central differences, for a forward that takes no complex numbers; the run as a whole.

    Their own error is estimated by half the step. Where it is too large to say, the law says nothing.
    """
    along = _directions(case)
    slopes = []
    for step in (STEP, STEP / 2):
        up, down = (_moved(case, along, sign * step).forward() for sign in (1, -1))
        ends = zip((up.ys, *up.ends), (down.ys, *down.ends), strict=True)
        slopes.append([(high - low) / (2 * step) for high, low in ends])
    (rough, others), (terms, _) = (_sides(case, slope, along) for slope in slopes)
    scale = max(np.abs(terms).sum(), np.abs(others).sum())
    values = case.forward()
    rounding = sum(float(np.abs(y * w).sum()) for y, w in _arrivals(case, [values.ys, *values.ends]))
    doubt = abs(rough.sum() - terms.sum()) + 2.3e-16 * rounding / STEP
    miss = abs(terms.sum() - others.sum())
    require(
        bool(miss <= 1e-6 * scale + 10 * doubt),
        f"the loss moves by {terms.sum():.7g} along a random direction, {doubt:.1e} more or less, "
        f"and by {others.sum():.7g} by backward",
    )


def _directions(case: Case) -> dict[str, Array]:
    """A random direction for every parameter, the inputs and every start; as large as what it moves."""
    rng = np.random.default_rng([case.seed, 2])
    starts = {f"start {number}": start for number, start in enumerate(case.starts)}
    arrays = {**case.layer.arrays(), "xs of the run": case.xs, **starts}
    sizes = {name: float(np.abs(array).max()) for name, array in arrays.items()}
    least = min(size for size in sizes.values() if size)  # what is all zeros moves little
    size = {name: size or least for name, size in sizes.items()}
    return {name: size[name] * rng.uniform(-1, 1, array.shape) for name, array in arrays.items()}


def _moved(case: Case, along: dict[str, Array], step: float) -> Case:
    """The case with step · direction added to everything that has one."""
    directions = iter(along.values())
    dtype = np.result_type(case.xs, step)
    layer = case.layer.map(lambda parameter: (parameter + step * next(directions)).astype(dtype))
    xs = case.xs + step * next(directions)
    starts: States = tuple(start + step * next(directions) for start in case.starts)

    return replace(case, layer=layer, xs=xs, starts=starts)


def _arrivals(case: Case, left: list[Array]) -> Iterator[tuple[Array, Array]]:
    """What a run left, or how it moves, each with the gradient that arrives at it."""
    return zip(left, (case.dys, *case.dends), strict=True)


def _sides(case: Case, Jv: list[Array], along: dict[str, Array]) -> tuple[Array, Array]:
    """The terms of ⟨J v, w⟩ and those of ⟨v, Jᵀ w⟩."""
    gradients = case.backward(case.forward())
    arrives = [(there * w).ravel() for there, w in _arrivals(case, Jv)]
    back = [*gradients.params.arrays().values(), gradients.xs, *gradients.dstarts]
    goes = [(gradient * v).ravel() for gradient, v in zip(back, along.values(), strict=True)]
    return np.concatenate(arrives), np.concatenate(goes)


def backward_agrees_with_the_complex_step(case: Case) -> None:
    """Every entry at every step to twelve digits, one step at a time, however small: `check_gradients`."""
    _check(case, "complex_step")


def backward_agrees_with_finite_differences(case: Case) -> None:
    """Every entry to six digits, one step at a time, or where the differences are too noisy, nothing."""
    _check(case, "finite_difference")


def _check(case: Case, oracle: str) -> None:
    """The gradient check, which has to find the same mistake with all that goes in moved by 1e-8.

    A wrong formula is as wrong there. Roundoff is not: 1 - tanh(a)² has eight digits at a = 10, and others next to it.
    """
    wrong, error = _mistakes(case, oracle)
    rng = np.random.default_rng([case.seed, 3])
    for _ in range(8 if wrong else 0):
        there, _ = _mistakes(case.with_each(partial(moved, rng)), oracle)
        wrong = {place: size for place, size in wrong.items() if 0.5 < there.get(place, 0) / size < 2}
    if wrong and error:
        raise error


def _mistakes(case: Case, oracle: str) -> tuple[dict[tuple[Any, ...], float], GradientError | None]:
    """How far each slice of an array is off, with its sign, where the gradient check says that it is wrong."""
    try:
        check_gradients(case.layer, case.xs, *case.starts, dhs=case.dys, dends=case.dends, oracle=oracle)
    except GradientError as error:
        failed = [finding for finding in error.report.findings if finding.verdict == "failed"]
        # Where the oracle sees exactly zero, the error is infinite.
        signed = {
            (f.array, f.timestep, f.sequence, f.whole): np.copysign(min(f.error, 1e9), f.got - f.wanted) for f in failed
        }
        return signed, error
    return {}, None
