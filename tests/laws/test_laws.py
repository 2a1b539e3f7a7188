"""The laws that every recurrent layer obeys, each tried on 200 cases of every kind."""

import numpy as np

import naive
import rnnlab as rl
from laws.cases import (
    any_sizes,
    assert_all_close,
    assert_close,
    build,
    every_kind,
    largest,
    largest_term,
    two_steps_or_more,
)


@every_kind
@any_sizes
def test_forward_equals_the_scalar_loop(kind, draw):
    case = build(kind, draw)
    hs = case.layer.forward(case.xs, case.h0).hs
    wanted = naive.forward(case.layer, case.xs, case.h0)["hs"]
    assert_close(hs, wanted, scale=largest(hs), within=1e-14)


@every_kind
@any_sizes
def test_backward_equals_the_scalar_loop(kind, draw):
    case = build(kind, draw)
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    wanted = naive.backward(case.layer, case.xs, case.h0, case.dhs)
    assert_all_close(grads.arrays(), wanted, scale=largest_term(case, trace, grads))


@every_kind
@any_sizes
def test_no_initial_state_means_zeros(kind, draw):
    case = build(kind, draw)
    without = case.layer.forward(case.xs)
    with_zeros = case.layer.forward(case.xs, np.zeros_like(case.h0))
    np.testing.assert_array_equal(without.hs, with_zeros.hs)


@every_kind
@two_steps_or_more
def test_forward_in_two_chunks_with_the_state_carried_equals_the_whole(kind, draw):
    case = build(kind, draw)
    cut = 1 + draw.seed % (draw.T - 1)
    whole = case.layer.forward(case.xs, case.h0).hs
    first = case.layer.forward(case.xs[:cut], case.h0).hs
    second = case.layer.forward(case.xs[cut:], first[-1]).hs
    assert_close(np.concatenate([first, second[1:]]), whole, scale=largest(whole), within=1e-14)


@every_kind
@two_steps_or_more
def test_backward_in_two_chunks_with_the_gradient_carried_equals_the_whole(kind, draw):
    case = build(kind, draw)
    cut = 1 + draw.seed % (draw.T - 1)
    trace = case.layer.forward(case.xs, case.h0)
    whole = case.layer.backward(trace, case.dhs)
    early = rl.Trace(trace.xs[:cut], trace.hs[: cut + 1])
    late = rl.Trace(trace.xs[cut:], trace.hs[cut:])
    second = case.layer.backward(late, case.dhs[cut:])
    dhs = case.dhs[:cut].copy()
    dhs[-1] += second.h0
    first = case.layer.backward(early, dhs)
    joined = {
        **{f"params.{name}": array for name, array in first.params.map(np.add, second.params).arrays().items()},
        "xs": np.concatenate([first.xs, second.xs]),
        "hs": np.concatenate([first.hs, second.hs[1:]]),
    }
    assert_all_close(joined, whole.arrays(), scale=largest_term(case, trace, whole), within=1e-13)


@every_kind
@any_sizes
def test_each_sequence_of_a_batch_runs_as_it_would_alone(kind, draw):
    case = build(kind, draw)
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    scale = largest_term(case, trace, grads)
    sums = {name: np.zeros_like(array) for name, array in case.layer.arrays().items()}
    for s in range(draw.B):
        row = slice(s, s + 1)
        alone = case.layer.forward(case.xs[:, row], case.h0[row])
        back = case.layer.backward(alone, case.dhs[:, row])
        assert_close(alone.hs, trace.hs[:, row], scale=largest(trace.hs), within=1e-14)
        assert_close(back.xs, grads.xs[:, row], scale, within=1e-13)
        assert_close(back.hs, grads.hs[:, row], scale, within=1e-13)
        for name, array in back.params.arrays().items():
            sums[name] += array
    assert_all_close(grads.params.arrays(), sums, scale, within=1e-13)


@every_kind
@any_sizes
def test_the_order_of_the_sequences_in_a_batch_does_not_matter(kind, draw):
    case = build(kind, draw)
    order = np.random.default_rng(draw.seed).permutation(draw.B)
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    shuffled = case.layer.forward(case.xs[:, order], case.h0[order])
    back = case.layer.backward(shuffled, case.dhs[:, order])
    scale = largest_term(case, trace, grads)
    assert_close(shuffled.hs, trace.hs[:, order], scale=largest(trace.hs), within=1e-14)
    assert_close(back.xs, grads.xs[:, order], scale, within=1e-13)
    assert_close(back.hs, grads.hs[:, order], scale, within=1e-13)
    assert_all_close(back.params.arrays(), grads.params.arrays(), scale, within=1e-13)


@every_kind
@any_sizes
def test_an_input_alters_no_earlier_state(kind, draw):
    case = build(kind, draw)
    t = 1 + draw.seed % draw.T
    changed = case.xs.copy()
    changed[t - 1] += 1.5
    before = case.layer.forward(case.xs, case.h0).hs
    after = case.layer.forward(changed, case.h0).hs
    np.testing.assert_array_equal(after[:t], before[:t])
    if case.layer.activation.name != "relu":  # whose units may be shut either way
        assert (after[t] != before[t]).any()


@every_kind
@any_sizes
def test_what_arrives_from_above_alters_no_later_gradient(kind, draw):
    case = build(kind, draw)
    t = 1 + draw.seed % draw.T
    changed = case.dhs.copy()
    changed[t - 1] += 1.5
    trace = case.layer.forward(case.xs, case.h0)
    before = case.layer.backward(trace, case.dhs)
    after = case.layer.backward(trace, changed)
    np.testing.assert_array_equal(after.hs[t + 1 :], before.hs[t + 1 :])
    np.testing.assert_array_equal(after.xs[t:], before.xs[t:])
    assert_close(after.hs[t] - before.hs[t], np.full_like(after.hs[t], 1.5), scale=largest(before.hs), within=1e-14)


@every_kind
@any_sizes
def test_backward_is_linear_in_what_arrives_from_above(kind, draw):
    case = build(kind, draw)
    other = np.random.default_rng([draw.seed, 1]).uniform(-1, 1, case.dhs.shape)
    trace = case.layer.forward(case.xs, case.h0)
    one, two = case.layer.backward(trace, case.dhs), case.layer.backward(trace, other)
    both = case.layer.backward(trace, 3 * case.dhs - 0.7 * other)
    wanted = one.map(lambda first, second: 3 * first - 0.7 * second, two)
    scale = 4 * max(largest_term(case, trace, one), largest_term(case, trace, two))
    assert_all_close(both.arrays(), wanted.arrays(), scale, within=1e-13)


@every_kind
@any_sizes
def test_nothing_that_is_given_is_changed(kind, draw):
    case = build(kind, draw)
    given = {**case.layer.arrays(), "xs": case.xs, "h0": case.h0, "dhs": case.dhs}
    copies = {name: array.copy() for name, array in given.items()}
    trace = case.layer.forward(case.xs, case.h0)
    states = trace.hs.copy()
    case.layer.backward(trace, case.dhs)
    case.layer.backward(trace, case.dhs)
    np.testing.assert_array_equal(trace.hs, states)
    for name, array in given.items():
        np.testing.assert_array_equal(array, copies[name], err_msg=name)


@every_kind
@any_sizes
def test_the_results_share_no_memory_with_what_was_given(kind, draw):
    case = build(kind, draw)
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    given = (*case.layer.arrays().values(), case.xs, case.h0, case.dhs)
    assert trace.xs is case.xs
    assert not any(np.may_share_memory(trace.hs, array) for array in given)
    for name, gradient in grads.arrays().items():
        assert not any(np.may_share_memory(gradient, array) for array in (*given, trace.hs)), name


@every_kind
@any_sizes
def test_every_result_has_the_dtype_of_the_layer(kind, draw):
    for dtype in (np.float32, np.float64):
        case = build(kind, draw, dtype)
        trace = case.layer.forward(case.xs, case.h0)
        grads = case.layer.backward(trace, case.dhs)
        arrays = {**case.layer.arrays(), **trace.arrays(), **grads.arrays()}
        assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(arrays, np.dtype(dtype))


@every_kind
@any_sizes
def test_float32_agrees_with_float64_to_the_digits_it_has(kind, draw):
    single, double = build(kind, draw, np.float32), build(kind, draw)
    trace = single.layer.forward(single.xs, single.h0)
    wide = double.layer.forward(double.xs, double.h0)
    assert_close(trace.hs, wide.hs, scale=largest(wide.hs), within=2e-6)


@every_kind
@any_sizes
def test_a_complex_run_without_imaginary_part_equals_the_real_one(kind, draw):
    case = build(kind, draw)
    wide = case.layer.map(lambda parameter: parameter.astype(np.complex128))
    hs = wide.forward(case.xs.astype(np.complex128), case.h0.astype(np.complex128)).hs
    real = case.layer.forward(case.xs, case.h0).hs
    assert hs.dtype == np.complex128
    assert_close(hs, real, scale=largest(real), within=1e-14)
    assert (hs.imag == 0).all()


@every_kind
@any_sizes
def test_a_gradient_is_zero_exactly_where_no_path_leads_to_the_loss(kind, draw):
    # Generic numbers never cancel, so a zero means a path that is shut: a ReLU unit whose output is 0, or a state of 0.
    case = build(kind, draw)
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    shut = case.layer.activation.name == "relu"
    open_units = trace.hs[1:] > 0 if shut else np.ones(trace.hs[1:].shape, bool)
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
    # <J v, w> = <v, Jᵀ w>: J v by a complex step of everything at once along v, Jᵀ w by backward, with w = dhs.
    case = build(kind, draw)
    rng = np.random.default_rng([draw.seed, 2])
    step = 1e-20j
    v = {name: rng.uniform(-1, 1, array.shape) for name, array in case.layer.arrays().items()}
    v_xs, v_h0 = rng.uniform(-1, 1, case.xs.shape), rng.uniform(-1, 1, case.h0.shape)
    directions = iter(v.values())
    moved = case.layer.map(lambda parameter: parameter + step * next(directions))
    Jv = moved.forward(case.xs + step * v_xs, case.h0 + step * v_h0).hs[1:].imag / 1e-20
    trace = case.layer.forward(case.xs, case.h0)
    grads = case.layer.backward(trace, case.dhs)
    terms = [Jv * case.dhs]
    pairs = [(grads.xs, v_xs), (grads.h0, v_h0), *zip(grads.params.arrays().values(), v.values(), strict=True)]
    other_terms = [gradient * direction for gradient, direction in pairs]
    scale = max(sum(float(np.abs(term).sum()) for term in side) for side in (terms, other_terms))
    assert_close(sum(term.sum() for term in terms), sum(term.sum() for term in other_terms), scale, within=1e-12)


@every_kind
@any_sizes
def test_the_gradient_check_passes_with_twelve_digits(kind, draw):
    case = build(kind, draw)
    report = rl.check_gradients(case.layer, case.xs, case.h0, dhs=case.dhs)
    assert {finding.array for finding in report.findings} == {*case.layer.arrays(), "xs", "hs"}
    # A slice that is a single number can be a sum that cancelled, and have fewer digits than any of its terms.
    largest = max(abs(finding.wanted) for finding in report.findings)
    sound = [finding for finding in report.findings if abs(finding.wanted) > 0.1 * largest or finding.wanted == 0]
    assert {finding.verdict for finding in sound} == {"passed"}
    assert max(finding.error for finding in sound) <= 1e-12
    assert max(abs(finding.got - finding.wanted) for finding in report.findings) <= 1e-12 * largest


@every_kind
@any_sizes
def test_the_same_run_twice_gives_the_same_bits(kind, draw):
    case = build(kind, draw)
    one, two = (case.layer.forward(case.xs, case.h0) for _ in range(2))
    np.testing.assert_array_equal(one.hs, two.hs)
    back = [case.layer.backward(trace, case.dhs).arrays() for trace in (one, two)]
    for name in back[0]:
        np.testing.assert_array_equal(back[0][name], back[1][name], err_msg=name)
