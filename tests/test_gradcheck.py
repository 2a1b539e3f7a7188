"""The gradient check itself: what it says of right and wrong backwards, and how far each oracle is to be believed."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from laws.cases import any_sizes, build, every_kind
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.oracles import Estimate, complex_step, finite_difference
from rnnlab.gradcheck.verdict import judge

EPS = float(np.finfo(np.float64).eps)


def small(kind=rl.RNN, hidden=4, T=5, B=2, activation="tanh", dtype=np.float64):
    """A generic layer of `kind` on three inputs, and inputs for it."""
    rng = np.random.default_rng(3)
    layer = kind.init(
        rng, inputs=3, hidden=hidden, activation=activation, bias_initializer="random_normal", dtype=dtype
    )
    return layer, rng.uniform(-1, 1, (T, B, 3)).astype(dtype)


class Planted(rl.RNN):
    """An RNN whose backward is right but for one entry of one gradient, set by `plant`."""

    def backward(self, trace, dhs):
        grads = super().backward(trace, dhs)
        self.plant({**grads.params.arrays(), "xs": grads.xs, "hs": grads.hs})
        return grads


def planted(array, index, change, **sizes):
    """The message and report of a check where `array[index]` is changed, and the entry before and after."""
    seen = []

    def plant(gradients):
        before = float(gradients[array][index])
        gradients[array][index] = change(before)
        seen.append((before, float(gradients[array][index])))

    kind = type("PlantedHere", (Planted,), {"plant": staticmethod(plant)})
    layer, xs = small(kind, **sizes)
    with pytest.raises(rl.GradientError) as caught:
        rl.check_gradients(layer, xs)
    return str(caught.value), caught.value.report, *seen[0]


def values_named(message):
    """What backward and the oracle gave, as the message has it."""
    found = re.search(r"backward gives (\S+), complex_step (\S+) \(", message)
    return float(found[1]), float(found[2])


# The report


def test_a_right_backward_passes_and_the_report_says_so():
    report = rl.check_gradients(*small())
    assert report.passed
    assert report.verdict == "passed"
    assert report.oracle == "complex_step"
    assert report.tolerance == pytest.approx(4096 * EPS)


def test_a_report_has_a_finding_for_each_parameter_and_each_timestep_of_each_sequence():
    found = [(f.array, f.timestep, f.sequence) for f in rl.check_gradients(*small(T=3, B=2)).findings]
    parameters = [(name, None, None) for name in ("W", "U", "b")]
    inputs = [("xs", t, s) for t in (1, 2, 3) for s in (0, 1)]
    states = [("hs", t, s) for t in (0, 1, 2, 3) for s in (0, 1)]
    assert found == parameters + inputs + states


def test_a_report_prints_as_a_table_with_a_line_for_each_array():
    title, header, *lines = str(rl.check_gradients(*small(T=3, B=2))).splitlines()
    assert title == "complex_step against backward: passed (relative tolerance 9.1e-13)"
    assert re.split(r"  +", header) == [
        "array",
        "slices",
        "verdict",
        "worst error",
        "doubt",
        "where",
        "backward",
        "oracle",
    ]
    cells = [re.split(r"  +", line) for line in lines]
    assert [row[:3] for row in cells] == [
        ["W", "1", "passed"],
        ["U", "1", "passed"],
        ["b", "1", "passed"],
        ["xs", "6", "passed"],
        ["hs", "8", "passed"],
    ]
    assert all(len(row) == 8 for row in cells)


def finding(array="U", error=0.0, verdict="passed", timestep=None, got=1.0, wanted=2.0, index=(0,)):
    return rl.Finding(array, timestep, None if timestep is None else 0, error, 0.0, index, got, wanted, verdict)


def report_of(*findings):
    return rl.Report("complex_step", 1e-12, findings)


def test_the_worst_finding_has_the_gravest_verdict_and_among_those_the_largest_error():
    failed, worse = finding("b", 1e-3, "failed"), finding("W", 1e-2, "failed")
    report = report_of(finding("xs", 9.0, "passed", 1), finding("hs", 5.0, "inconclusive", 1), failed, worse)
    assert report.worst() is worse
    assert report.worst("b") is failed
    assert report.worst("xs").error == 9.0


def test_a_report_is_only_as_good_as_its_worst_finding():
    assert report_of(finding(), finding()).verdict == "passed"
    assert report_of(finding(), finding(verdict="inconclusive")).verdict == "inconclusive"
    assert report_of(finding(verdict="failed"), finding(verdict="inconclusive")).verdict == "failed"
    assert not report_of(finding(verdict="inconclusive")).passed


def test_a_finding_says_where_it_is():
    assert finding("U", index=(3, 7)).place == "U[3, 7]"
    assert finding("U", index=None).place == "U"
    assert finding("hs", timestep=17, index=(3,)).place == "hs at timestep 17, sequence 0, unit 3"
    assert finding("xs", timestep=2, index=None).place == "xs at timestep 2, sequence 0"


# Naming what is wrong


@pytest.mark.parametrize(("array", "index"), [("W", (2, 1)), ("U", (3, 0)), ("b", (2,))])
def test_an_error_in_a_parameter_is_named_with_its_index_and_both_values(array, index):
    message, report, right, wrong = planted(array, index, lambda value: value + 1e-3)
    assert message.startswith(f"{array}{list(index)} is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))
    assert {f.array for f in report.findings if f.verdict == "failed"} == {array}


@pytest.mark.parametrize(
    ("array", "t", "first"), [("hs", 0, 0), ("hs", 3, 0), ("hs", 5, 0), ("xs", 1, 1), ("xs", 4, 1)]
)
def test_an_error_in_one_unit_at_one_timestep_of_one_sequence_is_named(array, t, first):
    message, report, right, wrong = planted(array, (t - first, 1, 2), lambda value: value + 1e-3)
    number = {"hs": "unit 2", "xs": "input 2"}[array]
    assert message.startswith(f"{array} at timestep {t}, sequence 1, {number} is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))
    assert [(f.array, f.timestep, f.sequence) for f in report.findings if f.verdict == "failed"] == [(array, t, 1)]


@pytest.mark.parametrize(("array", "index"), [("U", (17, 31)), ("U", (0, 0)), ("U", (39, 39)), ("W", (1, 22))])
def test_in_a_large_parameter_the_wrong_entry_is_found(array, index):
    message, _, right, wrong = planted(array, index, lambda value: value + 1e-3, hidden=40)
    assert message.startswith(f"{array}{list(index)} is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))


def test_in_a_large_state_the_wrong_unit_is_found():
    message, _, right, wrong = planted("hs", (2, 1, 29), lambda value: value + 1e-3, hidden=40)
    assert message.startswith("hs at timestep 2, sequence 1, unit 29 is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))


@pytest.mark.parametrize("hidden", [4, 40])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails_and_is_named_where_it_is(hidden, bad):
    message, _, _, _ = planted("U", (2, 3), lambda value: bad, hidden=hidden)
    assert message.startswith("U[2, 3] is wrong: ")
    assert f"backward gives {bad}," in message


@pytest.mark.parametrize("hidden", [4, 40])
def test_a_nan_at_one_timestep_fails_and_is_named_where_it_is(hidden):
    message, _, _, _ = planted("hs", (2, 1, 3), lambda value: np.nan, hidden=hidden)
    assert message.startswith("hs at timestep 2, sequence 1, unit 3 is wrong: backward gives nan,")


@pytest.mark.parametrize(("large", "small_one"), [(("W", (1, 1)), ("b", (2,))), (("b", (2,)), ("W", (1, 1)))])
def test_of_two_errors_the_larger_is_named(large, small_one):
    def plant(gradients):
        for (array, index), factor in ((large, 3.0), (small_one, 1.001)):
            gradients[array][index] *= factor

    kind = type("PlantedTwice", (Planted,), {"plant": staticmethod(plant)})
    array, index = large
    with pytest.raises(rl.GradientError, match=f"^{re.escape(f'{array}{list(index)}')} is wrong"):
        rl.check_gradients(*small(kind))


def test_the_message_ends_with_the_table():
    message, report, _, _ = planted("U", (0, 1), lambda value: 2 * value)
    assert message.endswith(str(report))
    assert "complex_step against backward: failed" in message


def test_a_gradient_error_is_an_assertion_that_failed():
    assert issubclass(rl.GradientError, AssertionError)


def test_an_error_of_a_hundred_tolerances_fails_and_of_a_hundredth_passes():
    layer, xs = small()
    report = rl.check_gradients(layer, xs)
    largest = np.abs(layer.backward(layer.forward(xs), np.random.default_rng(0).standard_normal((5, 2, 4))).params.b)
    where = int(largest.argmax())
    message, _, _, _ = planted("b", (where,), lambda value: value * (1 + 100 * report.tolerance))
    assert message.startswith(f"b[{where}] is wrong")

    kind = type(
        "PlantedLess", (Planted,), {"plant": staticmethod(lambda g: g["b"].__imul__(1 + report.tolerance / 100))}
    )
    assert rl.check_gradients(*small(kind)).passed


def test_the_tolerance_is_the_callers_to_set():
    kind = type("PlantedSlightly", (Planted,), {"plant": staticmethod(lambda g: g["b"].__imul__(1 + 1e-5))})
    assert rl.check_gradients(*small(kind), tolerance=1e-4).passed
    with pytest.raises(rl.GradientError, match=r"tolerance 1\.0e-06"):
        rl.check_gradients(*small(kind), tolerance=1e-6)


def test_a_check_repeats_itself_and_another_generator_draws_other_numbers():
    layer, xs = small()
    assert rl.check_gradients(layer, xs) == rl.check_gradients(layer, xs)
    assert rl.check_gradients(layer, xs) != rl.check_gradients(layer, xs, rng=np.random.default_rng(1))


def test_a_check_changes_nothing_that_it_is_given():
    layer, xs = small()
    h0, dhs = np.full((2, 4), 0.5), np.ones((5, 2, 4))
    given = {**layer.arrays(), "xs": xs, "h0": h0, "dhs": dhs}
    copies = {name: array.copy() for name, array in given.items()}
    for oracle in ("complex_step", "finite_difference"):
        rl.check_gradients(layer, xs, h0, dhs=dhs, oracle=oracle)
    for name, array in given.items():
        np.testing.assert_array_equal(array, copies[name], err_msg=name)


# What is refused


def test_an_unknown_oracle_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"^oracle must be one of complex_step, finite_difference.*; got 'gypsy'$"):
        rl.check_gradients(*small(), oracle="gypsy")


@pytest.mark.parametrize("array", ["W", "U", "b", "xs", "hs"])
def test_a_gradient_of_the_wrong_shape_is_refused(array):
    class Misshapen(rl.RNN):
        def backward(self, trace, dhs):
            grads = super().backward(trace, dhs)
            at = array if array in ("xs", "hs") else f"params.{array}"
            names = iter(grads.arrays())
            return grads.map(lambda gradient: gradient[:-1] if next(names) == at else gradient)

    layer, xs = small(Misshapen)
    shapes = {**{n: a.shape for n, a in layer.arrays().items()}, "xs": (5, 2, 3), "hs": (6, 2, 4)}
    wanted = re.escape(str(shapes[array]))
    with pytest.raises(ValueError, match=f"^backward must return a gradient {wanted} for {array}; got "):
        rl.check_gradients(layer, xs)


def test_a_missing_gradient_is_refused():
    @dataclass(frozen=True, eq=False, repr=False)
    class Half(rl.Record):
        W: np.ndarray

    class Forgetful(rl.RNN):
        def backward(self, trace, dhs):
            grads = super().backward(trace, dhs)
            return rl.Gradients(Half(grads.params.W), grads.xs, grads.hs)

    with pytest.raises(ValueError, match=r"^backward must return a gradient \(4, 4\) for U; got nothing$"):
        rl.check_gradients(*small(Forgetful))


def test_inputs_that_do_not_fit_are_refused_in_the_layers_own_words():
    layer, xs = small()
    with pytest.raises(ValueError, match=r"^xs must be \(T, B, D\) with D = 3 to match W \(3, 4\); got \(5, 2, 2\)$"):
        rl.check_gradients(layer, xs[:, :, :2])
    with pytest.raises(ValueError, match=r"^dhs must be \(T, B, H\) with T = 5 to match the trace"):
        rl.check_gradients(layer, xs, dhs=np.ones((4, 2, 4)))


# Precision and size


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
def test_a_float32_layer_passes_at_the_digits_it_has(kind, oracle):
    report = rl.check_gradients(*small(kind, dtype=np.float32), oracle=oracle)
    assert report.passed
    assert report.tolerance == pytest.approx(4096 * float(np.finfo(np.float32).eps))


def test_a_float32_layer_with_a_wrong_backward_fails():
    message, _, _, _ = planted("U", (1, 2), lambda value: 1.1 * value, dtype=np.float32)
    assert message.startswith("U[1, 2] is wrong")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_right_backward_is_not_called_wrong_where_its_gradient_underflows(dtype):
    # No digits are left to compare there, in the backward or in the oracle: "inconclusive" is the honest word.
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=2, hidden=3, activation="sigmoid", dtype=dtype)
    T = 600 if dtype == np.float64 else 100
    xs, dhs = rng.standard_normal((T, 1, 2)).astype(dtype), np.zeros((T, 1, 3), dtype)
    dhs[-1] = 1
    assert (layer.backward(layer.forward(xs), dhs).hs[0] == 0).all()
    report = rl.check_gradients(layer, xs, dhs=dhs)
    assert report.verdict in ("passed", "inconclusive")


def test_one_step_of_one_sequence_is_enough():
    assert rl.check_gradients(*small(T=1, B=1)).passed
    assert rl.check_gradients(*small(T=1, B=1, hidden=1)).passed


def test_a_gradient_that_is_zero_on_both_sides_agrees():
    layer, xs = small()
    report = rl.check_gradients(layer, xs, dhs=np.zeros((5, 2, 4)))
    assert report.passed
    assert report.worst().error == 0


# A layer of one's own


@dataclass(frozen=True, eq=False, repr=False)
class Integrator(rl.Record):
    """h[t] = (1 - k) h[t-1] + k tanh(x[t] W), k learned: not one of the library's."""

    W: np.ndarray
    k: np.ndarray

    def forward(self, xs, h0=None):
        T, B, _ = xs.shape
        hs = np.zeros((T + 1, B, len(self.k)), np.result_type(xs, self.W))
        if h0 is not None:
            hs[0] = h0
        for t in range(T):
            hs[t + 1] = (1 - self.k) * hs[t] + self.k * np.tanh(xs[t] @ self.W)
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs):
        xs, hs = trace.xs, trace.hs
        totals = np.concatenate([np.zeros_like(hs[:1]), dhs])
        for t in range(len(xs), 0, -1):
            totals[t - 1] += (1 - self.k) * totals[t]
        drive = np.tanh(xs @ self.W)
        dk = (totals[1:] * (drive - hs[:-1])).sum(axis=(0, 1))
        da = totals[1:] * self.k * (1 - drive**2)
        dW = np.einsum("tbd,tbh->dh", xs, da)
        return rl.Gradients(type(self)(dW, dk), da @ self.W.T, totals)


class LeakyWrongly(Integrator):
    """The same with the drive's gradient left out of k."""

    def backward(self, trace, dhs):
        grads = super().backward(trace, dhs)
        grads.params.k[:] = -(grads.hs[1:] * trace.hs[:-1]).sum(axis=(0, 1))
        return grads


def integrator(kind):
    rng = np.random.default_rng(0)
    return kind(rng.standard_normal((2, 3)), rng.uniform(0.1, 0.9, 3)), rng.standard_normal((4, 2, 2))


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_layer_of_ones_own_is_checked_like_any_other(oracle):
    layer, xs = integrator(Integrator)
    assert rl.check_gradients(layer, xs, np.full((2, 3), 0.3), oracle=oracle).passed


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_bug_in_a_layer_of_ones_own_is_named(oracle):
    layer, xs = integrator(LeakyWrongly)
    with pytest.raises(rl.GradientError, match=r"(?s)^k\[\d\] is wrong: .* look at the sum over time that collects k"):
        rl.check_gradients(layer, xs, np.full((2, 3), 0.3), oracle=oracle)


def test_a_forward_that_drops_the_imaginary_part_is_named_for_it():
    class Blunt(Integrator):
        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            return rl.Trace(trace.xs, trace.hs.real.copy())

    layer, xs = integrator(Blunt)
    with pytest.raises(rl.GradientError, match="the oracle sees no effect: does forward keep complex numbers"):
        rl.check_gradients(layer, xs)


# Finite differences


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "identity"])
def test_finite_differences_pass_on_a_small_smooth_net(kind, activation):
    report = rl.check_gradients(*small(kind, activation=activation), oracle="finite_difference")
    assert report.passed
    assert report.tolerance == 1e-6
    assert 0 < report.worst().doubt <= 1e-6


@every_kind
@any_sizes
@settings(max_examples=25)
def test_finite_differences_never_fail_a_right_backward(kind, draw):
    case = build(kind, draw)
    rl.check_gradients(case.layer, case.xs, *case.starts, dhs=case.from_above, oracle="finite_difference")


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_on_its_kinks_a_net_passes_the_complex_step(kind, activation):
    # No input, no state, no bias: every pre-activation is exactly 0, where the left slope is the one promised.
    layer = kind.init(np.random.default_rng(3), inputs=3, hidden=4, activation=activation)
    assert rl.check_gradients(layer, np.zeros((5, 2, 3))).passed


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_on_its_kinks_a_net_is_not_failed_by_finite_differences(kind, activation):
    # One input moves several units off their kinks, some up and some down, so that the slopes on the two sides mix
    # them: slope 0 for all is a right choice, and need not lie between the two.
    layer = kind.init(np.random.default_rng(3), inputs=3, hidden=4, activation=activation)
    report = rl.check_gradients(layer, np.zeros((5, 2, 3)), oracle="finite_difference")
    assert report.verdict in ("passed", "inconclusive")


class Kinked(rl.RNN):
    """A ReLU net whose slope at 0 is `at_zero`."""

    def backward(self, trace, dhs):
        dh, dhs_total = np.zeros_like(trace.hs[0]), np.zeros_like(trace.hs)
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
    assert report.verdict != "failed"
    assert {report.worst(array).verdict for array in ("b", "xs", "hs")} == {"passed"}


@pytest.mark.parametrize("at_zero", [1.1, -0.1])
def test_at_a_kink_finite_differences_pass_no_slope_outside_the_two_sides(at_zero):
    try:
        report = rl.check_gradients(*one_unit_on_its_kink(at_zero), dhs=np.ones((1, 1, 1)), oracle="finite_difference")
    except rl.GradientError as error:
        report = error.report
    assert "passed" not in {report.worst(array).verdict for array in ("b", "xs", "hs")}


@pytest.mark.parametrize("lag", [40, 100])
def test_finite_differences_never_pass_where_noise_dominates(lag):
    rng = np.random.default_rng(4)
    layer = rl.RNN.init(rng, inputs=2, hidden=3, activation="sigmoid")
    xs, dhs = rng.uniform(-1, 1, (lag, 1, 2)), np.zeros((lag, 1, 3))
    dhs[-1] = 1
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle="finite_difference")
    assert report.verdict == "inconclusive"
    grads = layer.backward(layer.forward(xs), dhs)
    lost = [f for f in report.findings if f.array == "hs" and np.abs(grads.hs[f.timestep, 0]).max() < 1e-12]
    assert len(lost) > 10
    assert {f.verdict for f in lost} == {"inconclusive"}
    assert min(f.doubt for f in lost) > 1e-6


def test_finite_differences_do_not_fail_a_right_backward_whose_loss_cancels():
    # 1e6 h - 1e6 h' is nearly nothing, and yet it carries the rounding of terms of size 1e6.
    layer = rl.RNN(np.ones((1, 2)), np.zeros((2, 2)), np.array([0.0, 1e-7]), "tanh")
    xs = np.linspace(0.2, 1.5, 5).reshape(5, 1, 1)
    dhs = np.tile([1e6, -1e6], (5, 1, 1))
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle="finite_difference")
    assert report.verdict in ("passed", "inconclusive")


# The verdict


def judged(got, value, *, error=0.0, low=None, high=None, roundoff=0.0, tolerance=1e-6, floor=0.0):
    """error, doubt and verdict of a single slice."""
    value = np.array([value], dtype=float)
    low = value if low is None else np.array([low], dtype=float)
    high = value if high is None else np.array([high], dtype=float)
    estimate = Estimate(value, np.broadcast_to(error, value.shape).astype(float), low, high)
    errors, doubts, worst, verdicts = judge(np.array([got], dtype=float), estimate, roundoff, tolerance, floor)
    return float(errors[0]), float(doubts[0]), int(worst[0]), verdicts[0]


@pytest.mark.parametrize(
    ("got", "verdict"),
    [
        (2.0, "passed"),
        (2.0 + 1.9e-6, "passed"),
        (2.0 - 1.9e-6, "passed"),
        (2.0 + 2.1e-6, "failed"),
        (2.0 - 2.1e-6, "failed"),
    ],
)
def test_the_verdict_turns_at_the_tolerance_on_either_side(got, verdict):
    error, doubt, _, said = judged([got], [2.0])
    assert said == verdict
    assert error == pytest.approx(abs(got - 2) / 2)
    assert doubt == 0


def test_an_error_is_relative_to_the_largest_entry_of_its_slice_and_the_worst_is_named():
    error, _, worst, verdict = judged([100.0, 1.0, 5.5], [100.0, 1.0, 5.0])
    assert error == pytest.approx(0.005)
    assert worst == 2
    assert verdict == "failed"


@pytest.mark.parametrize("size", [1e-300, 1e-90, 1.0, 1e90])
def test_the_verdict_does_not_depend_on_the_size_of_the_gradient(size):
    assert judged([size * (1 + 5e-7)], [size])[3] == "passed"
    assert judged([size * (1 + 2e-6)], [size])[3] == "failed"
    assert judged([0.0], [size])[:4:3] == (1.0, "failed")


def test_each_slice_is_judged_on_its_own_scale():
    value = np.array([[1.0], [1e-90]])
    estimate = Estimate(value, np.zeros_like(value), value, value)
    assert judge(np.array([[1.0], [2e-90]]), estimate, 0.0, 1e-6)[3] == ["passed", "failed"]
    assert judge(np.array([[2.0], [1e-90]]), estimate, 0.0, 1e-6)[3] == ["failed", "passed"]


def test_an_oracle_that_doubts_itself_more_than_the_tolerance_leaves_it_open():
    assert judged([1.0], [1.0], error=2e-6)[3] == "inconclusive"
    assert judged([1.0], [1.0], error=0.9e-6)[3] == "passed"


def test_an_error_beyond_five_times_the_doubt_fails_however_large_the_doubt():
    assert judged([1.6], [1.0], error=0.1)[3] == "failed"
    assert judged([0.4], [1.0], error=0.1)[3] == "failed"
    assert judged([1.4], [1.0], error=0.1)[3] == "inconclusive"
    assert judged([0.6], [1.0], error=0.1)[3] == "inconclusive"


def test_what_roundoff_may_move_neither_fails_nor_passes():
    assert judged([2.04], [2.0], roundoff=1e-3)[3] == "inconclusive"
    assert judged([1.96], [2.0], roundoff=1e-3)[3] == "inconclusive"
    assert judged([2.06], [2.0], roundoff=1e-3)[3] == "failed"
    assert judged([1.94], [2.0], roundoff=1e-3)[3] == "failed"
    assert judged([2.0 + 1e-6], [2.0], roundoff=1e-3)[3] == "passed"  # it agrees to the tolerance all the same


def test_each_slice_has_roundoff_of_its_own():
    value = np.ones((2, 1))
    estimate = Estimate(value, np.zeros_like(value), value, value)
    assert judge(1.01 * value, estimate, np.array([1e-2, 1e-4]), 1e-6)[3] == ["inconclusive", "failed"]


def test_an_error_above_the_tolerance_never_passes_even_within_the_doubt():
    assert judged([1 + 4e-6], [1.0], error=0.9e-6)[3] == "inconclusive"
    assert judged([1 + 0.9e-6], [1.0], error=0.9e-6)[3] == "passed"


def test_where_numbers_run_out_of_digits_nothing_fails_and_only_exact_zeros_pass():
    assert judged([1e-300], [2e-300], floor=2e-288)[3] == "inconclusive"
    assert judged([1e-300], [0.0], floor=2e-288)[3] == "inconclusive"
    assert judged([0.0], [0.0], floor=2e-288)[3] == "passed"
    assert judged([1e-280], [2e-280], floor=2e-288)[3] == "failed"


@pytest.mark.parametrize("got", [0.0, 0.3, 1.0])
def test_at_a_kink_the_whole_interval_passes(got):
    assert judged([got], [0.5], low=[0.0], high=[1.0])[3] == "passed"


@pytest.mark.parametrize("got", [-0.01, 1.01])
def test_beside_the_interval_of_a_kink_nothing_passes(got):
    assert judged([got], [0.5], low=[0.0], high=[1.0])[3] == "inconclusive"


def test_a_kink_excuses_its_own_entry_alone_and_no_nan():
    assert judged([-0.01, 3.0], [0.5, 2.0], low=[0.0, 2.0], high=[1.0, 2.0])[3] == "failed"
    assert judged([np.nan], [0.5], low=[0.0], high=[1.0])[3] == "failed"


def test_zero_on_both_sides_passes_and_zero_on_one_side_fails():
    assert judged([0.0], [0.0])[:4:3] == (0.0, "passed")
    assert judged([1e-300], [0.0])[:4:3] == (np.inf, "failed")
    assert judged([0.0], [1e-300])[:4:3] == (1.0, "failed")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_fails_on_either_side(bad):
    assert judged([1.0, bad], [1.0, 1.0])[:4:3] == (np.inf, "failed")
    assert judged([1.0, 1.0], [1.0, bad])[3] == "failed"
    assert judged([bad], [1.0], error=1.0)[3] == "failed"


# The diagnosis


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        ([finding("hs", 1.0, "failed", 2, got=0.0)], "backward gives exact zeros"),
        ([finding("hs", np.inf, "failed", 2, wanted=0.0)], "the oracle sees no effect"),
        ([finding("hs", 9e-7, "failed", 2)], "an error this small is roundoff"),
        ([finding("hs", 1.1e-6, "failed", 2)], "look at the carry"),
        ([finding("hs", 1.0, "failed", 5), finding("hs", 1.0, "failed", 4)], "hs is wrong at the last step already"),
        (
            [finding("hs", 1.0, "failed", 2), finding("hs", 1.0, "failed", 3)],
            "hs is wrong first at timestep 3: look at the carry",
        ),
        ([finding("hs", 1.0, "failed", 0)], "hs is wrong first at timestep 0: look at the carry"),
        (
            [finding("xs", 1.0, "failed", 2), finding("U", 1.0, "failed")],
            "hs is right and xs is not: look at dx[t] = da[t] Wᵀ",
        ),
        ([finding("W", 1.0, "failed"), finding("U", 1.0, "failed")], "look at the sum over time that collects U and W"),
    ],
)
def test_each_pattern_of_errors_has_its_diagnosis(findings, says):
    assert says in diagnose(report_of(finding("b"), finding("hs", timestep=1), *findings), steps=5)


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
    np.testing.assert_array_equal(estimate.low, estimate.value)
    np.testing.assert_array_equal(estimate.high, estimate.value)


@every_function
@given(xs=points)
def test_finite_differences_know_their_error(f, slope, xs):
    x = np.array([xs])
    estimate = finite_difference(lambda eps: f(x + eps))
    assert (np.abs(estimate.value - slope(x)) <= 5 * estimate.error).all()
    assert (estimate.error <= 1e-7 * np.maximum(1, np.abs(slope(x)))).all()
    np.testing.assert_array_equal(estimate.low, estimate.high)


def test_finite_differences_know_the_noise_of_a_loss_whose_terms_cancel_if_told_their_size():
    x = np.linspace(-2, 2, 400)[None]
    estimate = finite_difference(lambda eps: (1e6 + np.sin(x + eps)) - 1e6, 1e6)
    assert (np.abs(estimate.value - np.cos(x)) <= 5 * estimate.error).all()
    np.testing.assert_array_equal(estimate.low, estimate.high)


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
    assert estimate.low.item() == pytest.approx(low, abs=1e-9)
    assert estimate.high.item() == pytest.approx(high, abs=1e-9)


@given(exponent=st.floats(-10, -1), side=st.sampled_from([-1, 1]))
def test_beside_a_kink_the_right_slope_is_never_outside_what_finite_differences_allow(exponent, side):
    x = np.full((1, 1), side * 10**exponent)
    estimate = finite_difference(lambda eps: np.maximum(x + eps, 0))
    right = float(side > 0)
    assert estimate.low - 5 * estimate.error - 1e-9 <= right <= estimate.high + 5 * estimate.error + 1e-9


@given(exponent=st.floats(-6.3, -1), side=st.sampled_from([-1, 1]))
def test_beside_a_kink_a_wrong_slope_does_not_hide_in_the_interval(exponent, side):
    # Where the smallest step does not reach the kink, the slope is known, and half of it is not a derivative.
    x = np.full((1, 1), side * 10**exponent)
    estimate = finite_difference(lambda eps: np.maximum(x + eps, 0))
    sure = estimate.error.item() <= 1e-6
    inside = estimate.low.item() <= 0.5 <= estimate.high.item()
    assert not (sure and inside)


@pytest.mark.parametrize("seed", [0, 1, 4, 36, 53])
def test_a_right_backward_is_not_called_wrong_in_a_chaotic_net(seed):
    # Roundoff alone moves such a run, so the oracle and the trace soon follow different trajectories.
    rng = np.random.default_rng(seed)
    gain = rng.uniform(1.5, 3.5)
    U = gain / np.sqrt(40) * rng.standard_normal((40, 40))
    layer = rl.RNN(0.5 * rng.standard_normal((2, 40)), U, np.zeros(40))
    xs, h0 = 0.5 * rng.standard_normal((150, 1, 2)), rng.uniform(-1, 1, (1, 40))
    assert rl.check_gradients(layer, xs, h0).verdict == "inconclusive"
