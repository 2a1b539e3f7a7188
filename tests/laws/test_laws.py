"""The laws that every recurrent layer obeys, each tried on 200 cases of every kind."""

import numpy as np

import naive
import rnnlab as rl
from laws.cases import (
    any_sizes,
    assert_all_close,
    assert_close,
    build,
    chunk,
    every_kind,
    gated,
    largest,
    largest_term,
    two_steps_or_more,
)


@every_kind
@any_sizes
def test_forward_equals_the_scalar_loop(kind, draw):
    case = build(kind, draw)
    got = case.forward().states
    run = naive.forward(case.layer, case.xs, case.starts)
    assert_all_close(got, {name: run[name] for name in got}, scale=largest(*got.values()), within=1e-14)


@every_kind
@any_sizes
def test_backward_equals_the_scalar_loop(kind, draw):
    case = build(kind, draw)
    trace = case.forward()
    grads = case.backward(trace)
    wanted = naive.backward(case.layer, case.xs, case.starts, case.dhs, case.dends)
    assert_all_close(grads.arrays(), wanted, scale=largest_term(case, trace, grads))


@every_kind
@any_sizes
def test_no_initial_state_means_zeros(kind, draw):
    case = build(kind, draw)
    without = case.layer.forward(case.xs)
    with_zeros = case.layer.forward(case.xs, *(np.zeros_like(start) for start in case.starts))
    for name, array in with_zeros.states.items():
        np.testing.assert_array_equal(without.states[name], array, err_msg=name)


@every_kind
@two_steps_or_more
def test_forward_in_two_chunks_with_the_state_carried_equals_the_whole(kind, draw):
    case = build(kind, draw)
    cut = 1 + draw.seed % (draw.T - 1)
    whole = case.forward().states
    first = case.layer.forward(case.xs[:cut], *case.starts)
    second = case.layer.forward(case.xs[cut:], *first.ends).states
    joined = {name: np.concatenate([array, second[name][1:]]) for name, array in first.states.items()}
    assert_all_close(joined, whole, scale=largest(*whole.values()), within=1e-14)


@every_kind
@two_steps_or_more
def test_backward_in_two_chunks_with_the_gradient_carried_equals_the_whole(kind, draw):
    case = build(kind, draw)
    cut = 1 + draw.seed % (draw.T - 1)
    trace = case.forward()
    whole = case.backward(trace)
    early, late = chunk(trace, 0, cut), chunk(trace, cut, draw.T)
    second = case.layer.backward(late, case.dhs[cut:], *case.dends)
    first = case.layer.backward(early, case.dhs[:cut], *second.dstarts)
    joined = {
        **{f"params.{name}": array for name, array in first.params.map(np.add, second.params).arrays().items()},
        "xs": np.concatenate([first.xs, second.xs]),
        **{name: np.concatenate([array, second.states[name][1:]]) for name, array in first.states.items()},
    }
    assert_all_close(joined, whole.arrays(), scale=largest_term(case, trace, whole), within=1e-13)


@every_kind
@any_sizes
def test_each_sequence_of_a_batch_runs_as_it_would_alone(kind, draw):
    case = build(kind, draw)
    trace = case.forward()
    grads = case.backward(trace)
    scale = largest_term(case, trace, grads)
    sums = {name: np.zeros_like(array) for name, array in case.layer.arrays().items()}
    for s in range(draw.B):
        row = slice(s, s + 1)
        alone = case.layer.forward(case.xs[:, row], *(start[row] for start in case.starts))
        back = case.layer.backward(alone, case.dhs[:, row], *(dend[row] for dend in case.dends))
        for name, array in trace.states.items():
            assert_close(alone.states[name], array[:, row], scale=largest(array), within=1e-14)
            assert_close(back.states[name], grads.states[name][:, row], scale, within=1e-13)
        assert_close(back.xs, grads.xs[:, row], scale, within=1e-13)
        for name, array in back.params.arrays().items():
            sums[name] += array
    assert_all_close(grads.params.arrays(), sums, scale, within=1e-13)


@every_kind
@any_sizes
def test_the_order_of_the_sequences_in_a_batch_does_not_matter(kind, draw):
    case = build(kind, draw)
    order = np.random.default_rng(draw.seed).permutation(draw.B)
    trace = case.forward()
    grads = case.backward(trace)
    shuffled = case.layer.forward(case.xs[:, order], *(start[order] for start in case.starts))
    back = case.layer.backward(shuffled, case.dhs[:, order], *(dend[order] for dend in case.dends))
    scale = largest_term(case, trace, grads)
    for name, array in trace.states.items():
        assert_close(shuffled.states[name], array[:, order], scale=largest(array), within=1e-14)
        assert_close(back.states[name], grads.states[name][:, order], scale, within=1e-13)
    assert_close(back.xs, grads.xs[:, order], scale, within=1e-13)
    assert_all_close(back.params.arrays(), grads.params.arrays(), scale, within=1e-13)


@every_kind
@any_sizes
def test_an_input_alters_no_earlier_state(kind, draw):
    case = build(kind, draw)
    t = 1 + draw.seed % draw.T
    changed = case.xs.copy()
    changed[t - 1] += 1.5
    before = case.forward().states
    after = case.layer.forward(changed, *case.starts).states
    for name in before:
        np.testing.assert_array_equal(after[name][:t], before[name][:t], err_msg=name)
        if not case.may_be_shut:
            assert (after[name][t] != before[name][t]).any(), name


@every_kind
@any_sizes
def test_what_arrives_from_above_alters_no_later_gradient(kind, draw):
    case = build(kind, draw)
    t = 1 + draw.seed % draw.T
    trace = case.forward()
    before = case.backward(trace)
    dhs = case.dhs.copy()
    dhs[t - 1] += 1.5
    after = case.layer.backward(trace, dhs, *case.dends)
    np.testing.assert_array_equal(after.xs[t:], before.xs[t:])
    for name, old in before.states.items():
        new = after.states[name]
        np.testing.assert_array_equal(new[t + 1 :], old[t + 1 :], err_msg=name)
        wanted = np.full_like(new[t], 1.5 if name == "hs" else 0.0)
        assert_close(new[t] - old[t], wanted, scale=largest(old), within=1e-14)


@every_kind
@any_sizes
def test_what_a_later_chunk_sends_back_is_added_to_the_last_states(kind, draw):
    case = build(kind, draw)
    trace = case.forward()
    without = case.layer.backward(trace, case.dhs)
    for k, name in enumerate(case.layer.carries):
        dends = [dend if other == k else np.zeros_like(dend) for other, dend in enumerate(case.dends)]
        states = case.layer.backward(trace, case.dhs, *dends).states
        for other, array in states.items():
            added = case.dends[k] if other == name else 0.0
            np.testing.assert_array_equal(array[-1], without.states[other][-1] + added, err_msg=f"{name}, {other}")


@every_kind
@any_sizes
def test_backward_is_linear_in_what_arrives_from_above(kind, draw):
    case = build(kind, draw)
    rng = np.random.default_rng([draw.seed, 1])
    given = (case.dhs, *case.dends)
    other = [rng.uniform(-1, 1, array.shape) for array in given]
    trace = case.forward()
    one, two = case.backward(trace), case.layer.backward(trace, *other)
    pairs = zip(given, other, strict=True)
    both = case.layer.backward(trace, *(3 * first - 0.7 * second for first, second in pairs))
    wanted = one.map(lambda first, second: 3 * first - 0.7 * second, two)
    scale = 4 * max(largest_term(case, trace, one), largest_term(case, trace, two))
    assert_all_close(both.arrays(), wanted.arrays(), scale, within=1e-13)


@every_kind
@any_sizes
def test_nothing_that_is_given_is_changed(kind, draw):
    case = build(kind, draw)
    given = (*case.layer.arrays().values(), case.xs, *case.starts, case.dhs, *case.dends)
    copies = [array.copy() for array in given]
    trace = case.forward()
    run = trace.map(np.copy)
    case.backward(trace)
    case.backward(trace)
    for name, array in run.arrays().items():
        np.testing.assert_array_equal(trace.arrays()[name], array, err_msg=name)
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_kind
@any_sizes
def test_the_results_share_no_memory_with_what_was_given(kind, draw):
    case = build(kind, draw)
    trace = case.forward()
    grads = case.backward(trace)
    given = (*case.layer.arrays().values(), case.xs, *case.starts, case.dhs, *case.dends)
    assert trace.xs is case.xs
    made = {name: array for name, array in trace.arrays().items() if name != "xs"}
    for name, array in made.items():
        assert not any(np.may_share_memory(array, old) for old in given), name
    for name, gradient in grads.arrays().items():
        assert not any(np.may_share_memory(gradient, array) for array in (*given, *made.values())), name


@every_kind
@any_sizes
def test_every_result_has_the_dtype_of_the_layer(kind, draw):
    for dtype in (np.float32, np.float64):
        case = build(kind, draw, dtype)
        trace = case.forward()
        grads = case.backward(trace)
        arrays = {**case.layer.arrays(), **trace.arrays(), **grads.arrays()}
        assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(arrays, np.dtype(dtype))


@every_kind
@any_sizes
def test_float32_agrees_with_float64_to_the_digits_it_has(kind, draw):
    single, double = build(kind, draw, np.float32), build(kind, draw)
    wide = double.forward().states
    assert_all_close(single.forward().states, wide, scale=largest(*wide.values()), within=2e-6)


@every_kind
@any_sizes
def test_a_complex_run_without_imaginary_part_equals_the_real_one(kind, draw):
    case = build(kind, draw)
    wide = case.layer.map(lambda parameter: parameter.astype(np.complex128))
    got = wide.forward(case.xs.astype(np.complex128), *(start.astype(np.complex128) for start in case.starts)).states
    real = case.forward().states
    assert_all_close(got, real, scale=largest(*real.values()), within=1e-14)
    for name, array in got.items():
        assert array.dtype == np.complex128, name
        assert (array.imag == 0).all(), name


@every_kind
@any_sizes
def test_a_gradient_is_zero_exactly_where_no_path_leads_to_the_loss(kind, draw):
    # Generic numbers never cancel, so a zero means a path that is shut: a ReLU unit whose output is 0, or a state of 0.
    case = build(kind, draw)
    trace = case.forward()
    grads = case.backward(trace)
    if gated(case.layer):  # neither a gate nor a tanh is ever shut, nor is a state 0
        assert [name for name, array in grads.arrays().items() if (array == 0).any()] == []
        return
    open_units = trace.hs[1:] > 0 if case.may_be_shut else np.ones(trace.hs[1:].shape, bool)
    past = trace.hs[:-1] != 0
    some = open_units.any(axis=(0, 1))
    np.testing.assert_array_equal(grads.params.b != 0, some)
    np.testing.assert_array_equal(grads.params.W != 0, np.broadcast_to(some, grads.params.W.shape))
    np.testing.assert_array_equal(grads.xs != 0, np.broadcast_to(open_units.any(axis=2)[..., None], grads.xs.shape))
    np.testing.assert_array_equal(grads.hs[1:] != 0, np.ones(case.dhs.shape, bool))
    if isinstance(case.layer, rl.IndRNN):
        np.testing.assert_array_equal(grads.params.u != 0, (past & open_units).any(axis=(0, 1)))
        np.testing.assert_array_equal(grads.h0 != 0, open_units[0])
    else:
        used = np.einsum("tbm,tbn->mn", past.astype(int), open_units.astype(int)) > 0
        np.testing.assert_array_equal(grads.params.U != 0, used)
        followers = open_units[0] @ (case.layer.U != 0).T
        np.testing.assert_array_equal(grads.h0 != 0, followers)


@every_kind
@any_sizes
def test_backward_is_the_adjoint_of_the_forwards_derivative(kind, draw):
    # <J v, w> = <v, Jᵀ w>: J v by a complex step of everything at once along v, Jᵀ w by backward, w what is from above.
    case = build(kind, draw)
    rng = np.random.default_rng([draw.seed, 2])
    step = 1e-20j
    v = {name: rng.uniform(-1, 1, array.shape) for name, array in case.layer.arrays().items()}
    v_xs = rng.uniform(-1, 1, case.xs.shape)
    v_starts = [rng.uniform(-1, 1, start.shape) for start in case.starts]
    directions = iter(v.values())
    moved = case.layer.map(lambda parameter: parameter + step * next(directions))
    moved_starts = (start + step * v_start for start, v_start in zip(case.starts, v_starts, strict=True))
    run = moved.forward(case.xs + step * v_xs, *moved_starts)
    Jv = [array.imag / 1e-20 for array in (run.ys, *run.ends)]
    grads = case.backward(case.forward())
    terms = [there * w for there, w in zip(Jv, (case.dhs, *case.dends), strict=True)]
    pairs = [
        (grads.xs, v_xs),
        *zip(grads.dstarts, v_starts, strict=True),
        *zip(grads.params.arrays().values(), v.values(), strict=True),
    ]
    other_terms = [gradient * direction for gradient, direction in pairs]
    scale = max(sum(float(np.abs(term).sum()) for term in side) for side in (terms, other_terms))
    assert_close(sum(term.sum() for term in terms), sum(term.sum() for term in other_terms), scale, within=1e-12)


@every_kind
@any_sizes
def test_the_gradient_check_passes_with_twelve_digits(kind, draw):
    case = build(kind, draw)
    report = rl.check_gradients(case.layer, case.xs, *case.starts, dhs=case.dhs, dends=case.dends)
    steps = {finding.array: finding for finding in report.findings if finding.whole is None}
    carries = case.layer.carries
    assert steps.keys() == {*case.layer.arrays(), "xs", *carries, *(f"trace.{name}" for name in carries)}
    assert report.passed


@every_kind
@any_sizes
def test_the_same_run_twice_gives_the_same_bits(kind, draw):
    case = build(kind, draw)
    traces = [case.forward() for _ in range(2)]
    backs = [case.backward(trace) for trace in traces]
    for one, two in (traces, backs):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, two.arrays()[name], err_msg=name)
