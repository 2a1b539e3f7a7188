"""How far each oracle is to be believed: on functions whose derivatives are known, and on nets."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rnnlab as rl
from deep import one_in
from planted import EPS, small
from rnnlab.gradcheck.oracles import complex_step, finite_difference
from rnnlab.testing import KINDS, LAWS, cases

# The oracles on functions whose derivatives are known

FUNCTIONS = {
    "exp": (np.exp, np.exp),
    "x⁵": (lambda x: x**5, lambda x: 5 * x**4),
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2),
}
every_function = pytest.mark.parametrize(("f", "slope"), FUNCTIONS.values(), ids=FUNCTIONS)
points = st.lists(st.floats(0.05, 2.0) | st.floats(-2.0, -0.05), min_size=1, max_size=5)


@every_function
@given(xs=points)
def test_the_complex_step_is_exact_but_for_roundoff(f, slope, xs):
    x = np.array([xs])
    estimate = complex_step(lambda eps: f(x + eps))
    np.testing.assert_allclose(estimate.value, slope(x), rtol=8 * EPS, atol=0)
    np.testing.assert_array_equal(estimate.error, 0)
    np.testing.assert_array_equal(estimate.radius, 0)


@every_function
@given(xs=points)
def test_finite_differences_know_their_error(f, slope, xs):
    x = np.array([xs])
    estimate = finite_difference(lambda eps: f(x + eps))
    assert (np.abs(estimate.value - slope(x)) <= 5 * estimate.error).all()
    assert (estimate.error <= 1e-7 * np.maximum(1, np.abs(slope(x)))).all()
    np.testing.assert_array_equal(estimate.radius, 0)


@pytest.mark.parametrize("name", ["exp", "sin", "tanh"])
def test_extrapolated_finite_differences_are_sure_of_ten_digits(name):
    # A plain central difference is sure of 1e-10 at its best step; Richardson's extrapolation affords a larger one.
    f, slope = FUNCTIONS[name]
    x = np.linspace(-1, 1, 200)[None]
    estimate = finite_difference(lambda eps: f(x + eps))
    assert estimate.error.max() <= 2e-11
    assert np.abs(estimate.value - slope(x)).max() <= 5e-12


@pytest.mark.parametrize("size", [1e-40, 1e-90, 1e-250])
def test_the_complex_step_keeps_its_digits_where_the_derivative_has_vanished(size):
    x = np.array([[0.3, 1.1]])
    estimate = complex_step(lambda eps: 1.0 + size * np.sin(x + eps))
    np.testing.assert_allclose(estimate.value, size * np.cos(x), rtol=8 * EPS, atol=0)


@pytest.mark.parametrize("size", [1e-12, 1e-20, 1e-90])
def test_finite_differences_admit_that_they_cannot_see_a_vanished_derivative(size):
    x = np.array([[0.3, 1.1]])
    estimate = finite_difference(lambda eps: 1.0 + size * np.sin(x + eps))
    assert (estimate.error > 1e-4 * size).all()
    assert (np.abs(estimate.value - size * np.cos(x)) <= 5 * estimate.error).all()


def test_the_noise_is_four_roundings_of_the_largest_value_over_the_smallest_step():
    # of the widest h, 2e-3, which errs least where there is nothing to truncate
    estimate = finite_difference(lambda eps: np.full((1, 2), [3.0, -12.0]))
    np.testing.assert_array_equal(estimate.value, 0)
    np.testing.assert_allclose(estimate.error, [[12 * EPS / 5e-4, 48 * EPS / 5e-4]], rtol=1e-12)


@pytest.mark.parametrize(("noises", "seen"), [(3.0, False), (4.5, True), (1000.0, True)])
def test_a_kink_is_one_if_it_stands_out_from_the_noise(noises, seen):
    noise = 4 * EPS / 5e-8  # of 1 + … at the smallest step
    estimate = finite_difference(lambda eps: 1.0 + noises * noise * np.maximum(np.zeros((1, 1)) + eps, 0))
    assert (estimate.radius.item() > 0) == seen


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (np.abs, -1.0, 1.0),
        (lambda x: np.maximum(x, 0), 0.0, 1.0),
        (lambda x: np.maximum(x, 0.3 * x), 0.3, 1.0),
        (lambda x: -2 * np.maximum(x, 0) + np.sin(x), -1.0, 1.0),
    ],
    ids=["abs", "relu", "leaky_relu", "mixed"],
)
def test_at_a_kink_finite_differences_give_the_interval_of_the_two_slopes(f, low, high):
    estimate = finite_difference(lambda eps: f(np.zeros((1, 1)) + eps))
    assert (estimate.value - estimate.radius).item() == pytest.approx(low, abs=1e-9)
    assert (estimate.value + estimate.radius).item() == pytest.approx(high, abs=1e-9)


def test_beside_a_kink_the_interval_ends_at_the_slopes_of_the_smallest_step_and_no_further():
    estimate = finite_difference(lambda eps: np.maximum(np.full((1, 1), 1e-8) + eps, 0))
    assert (estimate.value - estimate.radius).item() == pytest.approx(0.2, abs=1e-7)  # to 1e-8 of a step of 5e-8
    assert (estimate.value + estimate.radius).item() == pytest.approx(1.0, abs=1e-7)


@example(exponent=-7.05078125, side=-1)  # two extrapolations over the kink agree by chance
@given(exponent=st.floats(-10, -1), side=st.sampled_from([-1, 1]))
def test_beside_a_kink_the_right_slope_is_never_outside_what_finite_differences_allow(exponent, side):
    x = np.full((1, 1), side * 10**exponent)
    estimate = finite_difference(lambda eps: np.maximum(x + eps, 0))
    right = float(side > 0)
    assert np.abs(right - estimate.value) <= estimate.radius + 5 * estimate.error + 1e-9


@given(exponent=st.floats(-6.3, -1), side=st.sampled_from([-1, 1]))
def test_beside_a_kink_a_wrong_slope_does_not_hide_in_the_interval(exponent, side):
    # Where the smallest step does not reach the kink, the slope is known, and half of it is not a derivative.
    x = np.full((1, 1), side * 10**exponent)
    estimate = finite_difference(lambda eps: np.maximum(x + eps, 0))
    sure = estimate.error.item() <= 1e-6
    inside = abs(0.5 - estimate.value.item()) <= estimate.radius.item()
    assert not (sure and inside)


# Finite differences


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "identity"])
def test_finite_differences_pass_on_a_small_smooth_net(kind, activation):
    report = rl.check_gradients(*small(kind, activation=activation), oracle="finite_difference")
    assert report.passed
    assert report.tolerance == 1e-6
    assert 0 < report.worst().doubt <= 1e-6


@pytest.mark.parametrize("kind", one_in(6, KINDS))
@given(data=st.data())
@settings(max_examples=max(3, settings.default.max_examples // 8))  # 12 in CI
def test_finite_differences_never_fail_a_right_backward(kind, data):
    LAWS["backward_agrees_with_finite_differences"](data.draw(cases(KINDS[kind])))


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_on_its_kinks_a_net_passes_the_complex_step(kind, activation):
    # No input, no state, no bias: every pre-activation is exactly 0, where the left slope is the one promised.
    layer = kind.init(np.random.default_rng(3), inputs=3, hidden=4, activation=activation)
    assert rl.check_gradients(layer, np.zeros((5, 2, 3))).passed


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_on_its_kinks_a_net_is_not_failed_by_finite_differences(kind, activation):
    # One input moves several units off their kinks, some up and some down: what three steps make of that as a whole
    # need not lie between the two sides, and the second opinion has to abstain.
    layer = kind.init(np.random.default_rng(3), inputs=3, hidden=4, activation=activation)
    report = rl.check_gradients(layer, np.zeros((5, 2, 3)), oracle="finite_difference")
    assert report.verdict in ("passed", "inconclusive")


class Kinked(rl.RNN):
    """A ReLU net whose slope at 0 is `at_zero`."""

    def backward(self, trace, dhs, dh_end):
        dh, dhs_total = dh_end, np.zeros_like(trace.hs)
        for t in range(len(trace.xs), 0, -1):
            dhs_total[t] = dh + dhs[t - 1]
            dh = (dhs_total[t] * np.where(trace.hs[t] > 0, 1.0, self.at_zero)) @ self.U.T
        dhs_total[0] = dh
        das = dhs_total[1:] * np.where(trace.hs[1:] > 0, 1.0, self.at_zero)
        dW, dU = np.einsum("tbd,tbh->dh", trace.xs, das), np.einsum("tbm,tbh->mh", trace.hs[:-1], das)
        return rl.Gradients(rl.RNN(dW, dU, das.sum(axis=(0, 1)), "relu"), das @ self.W.T, dhs_total)


def one_unit_on_its_kink(at_zero):
    """One unit and one step: the one-sided slopes are 0 and w, and so any s w with s in [0, 1] is a derivative."""
    kind = type("KinkedHere", (Kinked,), {"at_zero": at_zero})
    return kind(np.full((1, 1), 0.7), np.full((1, 1), 0.9), np.zeros(1), "relu"), np.zeros((1, 1, 1))


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_at_a_kink_finite_differences_pass_every_slope_between_the_two_sides(at_zero):
    report = rl.check_gradients(*one_unit_on_its_kink(at_zero), dhs=np.ones((1, 1, 1)), oracle="finite_difference")
    assert report.passed
    assert {report.worst(array).verdict for array in ("b", "xs", "hs")} == {"passed"}


@pytest.mark.parametrize("at_zero", [1.1, -0.1])
def test_at_a_kink_finite_differences_pass_no_slope_outside_the_two_sides(at_zero):
    try:
        report = rl.check_gradients(*one_unit_on_its_kink(at_zero), dhs=np.ones((1, 1, 1)), oracle="finite_difference")
    except rl.GradientError as error:
        report = error.report
    assert "passed" not in {report.worst(array).verdict for array in ("b", "xs", "hs")}


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_one_step_never_vanishes_so_both_oracles_see_what_a_hundred_made_of_it(oracle):
    rng = np.random.default_rng(4)
    layer = rl.RNN.init(rng, inputs=2, hidden=3, activation="sigmoid")
    xs, dhs = rng.uniform(-1, 1, (100, 1, 2)), np.zeros((100, 1, 3))
    dhs[-1] = 1
    assert np.abs(layer.backward(layer.forward(xs), dhs).hs[0]).max() < 1e-60
    assert rl.check_gradients(layer, xs, dhs=dhs, oracle=oracle).passed


def test_finite_differences_never_pass_where_noise_dominates():
    # tanh(17) differs from 1 by 3e-15: there is a slope, and nothing of it in a difference of two such values.
    layer = rl.RNN(np.zeros((1, 1)), np.full((1, 1), 0.5), np.full(1, 17.0), "tanh")
    xs, dhs = np.zeros((4, 1, 1)), np.ones((4, 1, 1))
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle="finite_difference")
    assert report.verdict == "inconclusive"
    lost = [f for f in report.findings if f.array == "U"]
    assert {f.verdict for f in lost} == {"inconclusive"}
    assert min(f.doubt for f in lost) > 1e-6


def test_finite_differences_do_not_fail_a_right_backward_whose_loss_cancels():
    # 1e6 h - 1e6 h' is nearly nothing, and yet it carries the rounding of terms of size 1e6.
    layer = rl.RNN(np.ones((1, 2)), np.zeros((2, 2)), np.array([0.0, 1e-7]), "tanh")
    xs = np.linspace(0.2, 1.5, 5).reshape(5, 1, 1)
    dhs = np.tile([1e6, -1e6], (5, 1, 1))
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle="finite_difference")
    assert report.verdict in ("passed", "inconclusive")
