"""The gradient check itself: what it says of right and wrong backwards, and how far each oracle is to be believed."""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from laws.cases import build, draws, every_kind
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.oracles import complex_step, finite_difference
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

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
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
    found = [(f.array, f.timestep, f.sequence, f.whole) for f in rl.check_gradients(*small(T=4, B=2)).findings]
    parameters = [(name, None, None, None) for name in ("W", "U", "b")]
    inputs = [("xs", t, s, None) for t in (1, 2, 3, 4) for s in (0, 1)]
    states = [("hs", t, s, None) for t in (0, 1, 2, 3, 4) for s in (0, 1)]
    trace = [("trace.hs", t, s, None) for t in (1, 2, 3, 4) for s in (0, 1)]
    whole = [(name, None, None, 3) for name in ("W", "U", "b", "xs", "hs at the start")]
    assert found == parameters + inputs + states + trace + whole


def test_a_report_prints_as_a_table_with_a_line_for_each_array():
    title, header, *lines = str(rl.check_gradients(*small(T=3, B=2))).splitlines()
    assert title == "complex_step against backward: passed (relative tolerance 9.1e-13)"
    columns = ["array", "slices", "verdict", "worst error", "doubt", "where", "backward", "oracle"]
    assert re.split(r"  +", header) == columns
    cells = [re.split(r"  +", line) for line in lines]
    assert [row[:3] for row in cells] == [
        ["W", "1", "passed"],
        ["U", "1", "passed"],
        ["b", "1", "passed"],
        ["xs", "6", "passed"],
        ["hs", "8", "passed"],
        ["trace.hs", "6", "passed"],
        ["steps 1 to 3 as a whole", "5", "passed"],
    ]
    assert all(len(row) == 8 for row in cells)


def finding(array="U", error=0.0, verdict="passed", timestep=None, got=1.0, wanted=2.0, index=(0,), whole=None):
    sequence = None if timestep is None else 0
    return rl.Finding(array, timestep, sequence, error, 0.0, index, got, wanted, verdict, whole)


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
    assert finding("U", index=(3, 7), whole=3).place == "U[3, 7] over steps 1 to 3"
    assert finding("hs", timestep=17, index=(3,)).place == "hs at timestep 17, sequence 0, unit 3"
    assert finding("xs", timestep=2, index=None).place == "xs at timestep 2, sequence 0"


# Naming what is wrong


@pytest.mark.parametrize(("array", "index"), [("W", (2, 1)), ("U", (3, 0)), ("b", (2,))])
def test_an_error_in_a_parameter_is_named_with_its_index_and_both_values(array, index):
    message, report, right, wrong = planted(array, index, lambda value: value + 1e-3)
    assert message.startswith(f"{array}{list(index)} is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))
    assert {f.array for f in report.findings if f.verdict == "failed"} == {array}


@pytest.mark.parametrize("t", [1, 4])
def test_an_error_in_one_input_at_one_timestep_of_one_sequence_is_named(t):
    message, report, right, wrong = planted("xs", (t - 1, 1, 2), lambda value: value + 1e-3)
    assert message.startswith(f"xs at timestep {t}, sequence 1, input 2 is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))
    assert [(f.array, f.timestep, f.sequence) for f in report.findings if f.verdict == "failed"] == [("xs", t, 1)]


@pytest.mark.parametrize("t", [0, 3, 5])
def test_an_error_in_one_unit_at_one_timestep_of_one_sequence_is_named(t):
    message, report, right, wrong = planted("hs", (t, 1, 2), lambda value: value + 1e-3)
    assert message.startswith(f"hs at timestep {t}, sequence 1, unit 2 is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))
    failed = [(f.array, f.timestep, f.sequence) for f in report.findings if f.verdict == "failed" and f.timestep]
    # What step t makes of its dh[t] is right for another dh[t] than this.
    rests_on_it = {("hs", t - 1, 1), ("xs", t, 1)}
    assert set(failed) - rests_on_it == ({("hs", t, 1)} if t else set())


@pytest.mark.parametrize("t", [1, 2, 6, 7])
def test_a_step_that_goes_wrong_once_is_reported_at_its_own_timestep_alone(t):
    class WrongOnce(rl.RNN):
        def backward(self, trace, dhs, dh_end=None):
            later = super().backward(self.chunk(trace, t, 7), dhs[t:], dh_end) if t < 7 else None
            here = super().backward(self.chunk(trace, t - 1, t), dhs[t - 1 : t], later.h0 if later else dh_end)
            here.hs[0] *= 1.5  # the carry from t to t - 1; what goes on from there is right for it
            parts = [here, *([later] if later else [])]
            if t > 1:
                parts.insert(0, super().backward(self.chunk(trace, 0, t - 1), dhs[: t - 1], here.h0))
            hs = np.concatenate([parts[0].hs[:1], *(part.hs[1:] for part in parts)])
            hs[t - 1] = here.hs[0] + (dhs[t - 2] if t > 1 else 0)
            params = parts[0].params.map(lambda *arrays: sum(arrays), *(part.params for part in parts[1:]))
            return rl.Gradients(params, np.concatenate([part.xs for part in parts]), hs)

        @staticmethod
        def chunk(trace, start, stop):
            return rl.Trace(trace.xs[start:stop], trace.hs[start : stop + 1])

    layer, xs = small(WrongOnce, T=7)
    with pytest.raises(rl.GradientError, match=f"^hs at timestep {t - 1}, ") as caught:
        rl.check_gradients(layer, xs)
    failed = {(f.array, f.timestep) for f in caught.value.report.findings if f.verdict == "failed"}
    assert failed == {("hs", t - 1)}


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
    tolerance = rl.check_gradients(*small()).tolerance

    def scaled(factor):
        return type("PlantedScaled", (Planted,), {"plant": staticmethod(lambda g: g["b"].__imul__(factor))})

    # Relative to b itself; relative to the ten terms that an entry of b is a sum of, at most ten times less.
    with pytest.raises(rl.GradientError, match=r"^b\[\d\] is wrong"):
        rl.check_gradients(*small(scaled(1 + 100 * tolerance)))
    assert rl.check_gradients(*small(scaled(1 + tolerance / 100))).passed


def test_the_tolerance_is_the_callers_to_set():
    kind = type("PlantedSlightly", (Planted,), {"plant": staticmethod(lambda g: g["b"].__imul__(1 + 1e-5))})
    assert rl.check_gradients(*small(kind), tolerance=1e-4).passed
    with pytest.raises(rl.GradientError, match=r"tolerance 1\.0e-07"):
        rl.check_gradients(*small(kind), tolerance=1e-7)


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
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
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
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
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
    assert {f.error for f in report.findings if f.array in ("W", "U", "b", "xs", "hs") and f.whole is None} == {0.0}


# A layer of one's own


@dataclass(frozen=True, eq=False, repr=False)
class Integrator(rl.Record):
    """h[t] = (1 - k) h[t-1] + k tanh(x[t] W), k learned: not one of the library's."""

    W: np.ndarray
    k: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        T, B, _ = xs.shape
        hs = np.zeros((T + 1, B, len(self.k)), np.result_type(xs, self.W))
        if h0 is not None:
            hs[0] = h0
        for t in range(T):
            hs[t + 1] = (1 - self.k) * hs[t] + self.k * np.tanh(xs[t] @ self.W)
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=0.0):
        xs, hs = trace.xs, trace.hs
        totals = np.concatenate([np.zeros_like(hs[:1]), dhs])
        totals[-1] += dh_end
        for t in range(len(xs), 0, -1):
            totals[t - 1] += (1 - self.k) * totals[t]
        drive = np.tanh(xs @ self.W)
        dk = (totals[1:] * (drive - hs[:-1])).sum(axis=(0, 1))
        da = totals[1:] * self.k * (1 - drive**2)
        dW = np.einsum("tbd,tbh->dh", xs, da)
        return rl.Gradients(type(self)(dW, dk), da @ self.W.T, totals)


class LeakyWrongly(Integrator):
    """The same with the drive's gradient left out of k."""

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
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
@given(draw=draws())  # but not IN_BLOCKS: finite differences move each of its thousand states by itself
@settings(max_examples=max(3, settings.default.max_examples // 12))  # 16 in CI
def test_finite_differences_never_fail_a_right_backward(kind, draw):
    case = build(kind, draw)
    rl.check_gradients(case.layer, case.xs, *case.starts, dhs=case.dhs, dends=case.dends, oracle="finite_difference")


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


# One step at a time


def vanishing_beside_a_live_unit(kind):
    """Three units that do not hear each other: of 60 steps back 1, 2e-3 and 9e-79 are left."""
    rng = np.random.default_rng(0)
    layer = kind(rng.standard_normal((2, 3)), np.array([1.0, 0.9, 0.05]), np.zeros(3), "identity")
    dhs = np.zeros((60, 2, 3))
    dhs[-1] = 1
    return layer, 0.1 * rng.standard_normal((60, 2, 2)), dhs


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_unit_that_vanished_beside_live_ones_is_checked(oracle):
    layer, xs, dhs = vanishing_beside_a_live_unit(rl.IndRNN)
    assert layer.backward(layer.forward(xs), dhs).hs[0].min() < 1e-77
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle=oracle)
    if oracle == "complex_step":
        assert report.passed
        assert report.worst("hs").error < 1e-15
    else:  # the off-diagonal zeros of J are known to 1e-12, and a live unit's gradient is 1e77 times as large
        assert report.verdict == "inconclusive"


@pytest.mark.parametrize("factor", [0.0, 1 + 1e-11])
def test_a_unit_that_is_wrong_only_where_it_vanished_is_named(factor):
    class Cut(rl.IndRNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.hs[np.abs(grads.hs) < 1e-20] *= factor
            return grads

    layer, xs, dhs = vanishing_beside_a_live_unit(Cut)
    with pytest.raises(rl.GradientError, match=r"^hs at timestep 44, sequence \d, unit 2 is wrong"):
        rl.check_gradients(layer, xs, dhs=dhs)


def chaotic(seed, lowest, highest):
    rng = np.random.default_rng(seed)
    gain, T, H = rng.uniform(lowest, highest), int(rng.integers(60, 151)), int(rng.integers(8, 41))
    U = gain / np.sqrt(H) * rng.standard_normal((H, H))
    layer = rl.RNN(0.5 * rng.standard_normal((2, H)), U, 0.1 * rng.standard_normal(H))
    return layer, 0.5 * rng.standard_normal((T, 1, 2)), rng.uniform(-1, 1, (1, H))


@pytest.mark.parametrize("seed", range(10))
def test_a_right_backward_is_not_called_wrong_in_a_chaotic_net(seed):
    # No step knows that the net is chaotic. At larger gains units saturate: 1 - h² has fewer digits than h.
    report = rl.check_gradients(*chaotic(seed, 2, 4))
    assert report.passed
    assert max(f.error for f in report.findings if f.whole is None) <= report.tolerance
    rl.check_gradients(*chaotic(seed, 4, 8))


def test_a_wrong_carry_is_seen_in_a_chaotic_net_however_far_the_gradient_explodes():
    class Slightly(rl.RNN):
        def backward(self, trace, dhs, *dends):
            return rl.RNN(self.W, self.U * (1 + 1e-11), self.b).backward(trace, dhs, *dends)

    layer, xs, h0 = chaotic(1, 4, 4.1)
    assert np.abs(layer.backward(layer.forward(xs, h0), np.ones((len(xs), *h0.shape))).h0).max() > 1e6
    with pytest.raises(rl.GradientError, match=f"^hs at timestep {len(xs) - 1}, "):
        rl.check_gradients(Slightly(layer.W, layer.U, layer.b), xs, h0)


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
def test_a_right_backward_of_saturated_units_does_not_fail(kind):
    # |a| is up to 40: slopes from 1 - h² have few digits or none. Nobody's fault: a passing report needs six of them.
    rng = np.random.default_rng(2)
    layer = kind.init(rng, inputs=2, hidden=5, activation="tanh")
    for scale in (3.0, 6.0, 10.0, 20.0):
        report = rl.check_gradients(layer, scale * rng.standard_normal((20, 2, 2)))
        assert report.verdict in ("passed", "inconclusive")


def test_memory_that_was_never_filled_is_not_taken_for_roundoff():
    draws = np.random.default_rng(0)
    kind = type("Unfilled", (Planted,), {"plant": staticmethod(lambda g: draws.standard_normal(out=g["U"]))})
    with pytest.raises(rl.GradientError, match=r"^U\["):
        rl.check_gradients(*small(kind))


@pytest.mark.parametrize("seed", range(20))
def test_a_float32_unit_within_roundoff_of_its_kink_does_not_fail(seed):
    # a[t] = 0.1 + 0.2 - 0.3 in any order: 0, or a little above or below, and the slope 0 or 1 with it.
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.array([0.1, 0.2, -0.3, 0.7, -0.7], np.float32))
    layer = rl.RNN(values[:, None], np.zeros((1, 1), np.float32), np.zeros(1, np.float32), "relu")
    rl.check_gradients(layer, np.ones((3, 2, 5), np.float32) * np.float32(rng.uniform(0.1, 10)))


def test_a_trace_that_is_not_the_forwards_own_is_named():
    class Rounded(rl.RNN):
        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            if len(xs) == 5:
                trace.hs[3, 1, 2] += 1e-9
            return trace

    layer, xs = small(Rounded)
    with pytest.raises(rl.GradientError, match=r"^trace.hs at timestep 3, sequence 1, unit 2 is wrong: forward left"):
        rl.check_gradients(layer, xs)


def test_the_assumption_is_named_where_a_step_depends_on_its_number():
    class Fading(rl.RNN):
        """h[t] is that of an RNN whose input fades: right, backwards as well, but not one step at a time."""

        def forward(self, xs, h0=None):
            fading = 0.5 ** np.arange(len(xs)).reshape(-1, 1, 1)
            return rl.Trace(xs, super().forward(xs * fading, h0).hs)

        def backward(self, trace, dhs, *dends):
            fading = 0.5 ** np.arange(len(trace.xs)).reshape(-1, 1, 1)
            grads = super().backward(rl.Trace(trace.xs * fading, trace.hs), dhs, *dends)
            return rl.Gradients(grads.params, grads.xs * fading, grads.hs)

    with pytest.raises(rl.GradientError, match=r"A step is assumed to depend on x\[t\] and the state alone") as caught:
        rl.check_gradients(*small(Fading))
    assert "one step from the trace's own states does not lead to the trace" in str(caught.value)


def test_outputs_that_are_no_state_have_their_own_derivative():
    class HalvedTrace(rl.Trace):
        @property
        def ys(self):
            return 0.5 * self.hs[1:]

    class Halved(rl.RNN):
        """y[t] = h[t] / 2. The state's gradient is then what flows back from later steps alone."""

        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            return HalvedTrace(trace.xs, trace.hs)

        def backward(self, trace, dys, *dends):
            grads = super().backward(trace, 0.5 * dys, *dends)
            grads.hs[1:] -= 0.5 * dys
            return grads

    report = rl.check_gradients(*small(Halved))
    assert report.passed
    assert report.worst("trace.ys").verdict == "passed"


# Networks


def stack(layer=rl.RNN):
    rng = np.random.default_rng(1)
    layers = (layer.init(rng, inputs=3, hidden=4), rl.Residual(rl.LSTM.init(rng, inputs=4, hidden=4)))
    return rl.Network(layers, rl.Dense.init(rng, inputs=4, outputs=2)), rng.uniform(-1, 1, (6, 2, 3))


def test_a_network_is_checked_layer_by_layer_and_then_as_a_whole():
    report = rl.check_gradients(*stack())
    assert report.passed
    arrays = {f.array for f in report.findings if f.whole is None}
    first = {f"layers.0.{name}" for name in ("W", "U", "b", "xs", "hs", "trace.hs")}
    second = {f"layers.1.layer.{name}" for name in ("W", "U", "b", "xs", "hs", "cs", "trace.hs", "trace.cs")}
    assert arrays == first | second | {"readout.W", "readout.b", "readout.xs"}
    assert {f.array for f in report.findings if f.whole} == {
        *stack()[0].arrays(),
        "xs",
        "layers.0.hs at the start",
        "layers.1.layer.hs at the start",
        "layers.1.layer.cs at the start",
    }


def test_of_a_network_the_layer_is_named_whose_carry_is_wrong():
    class Dropped(rl.RNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.hs[2] *= 1.5
            return grads

    with pytest.raises(rl.GradientError, match=r"^layers\.0\.hs at timestep 2, .*\nhs is wrong first at timestep 2"):
        rl.check_gradients(*stack(Dropped))


@pytest.mark.parametrize("fault", ["the layers below hear nothing", "the last step is not read", "a shortcut is lost"])
def test_layers_that_are_put_together_wrongly_are_caught(fault):
    class Wrong(rl.Network):
        def backward(self, trace, dys, *dends):
            grads = super().backward(trace, dys, *dends)
            if fault == "a shortcut is lost":
                top = self.readout.backward(trace.readout, dys).xs
                upper = self.layers[1].layer.backward(trace.layers[1].layer, _last(top, 6), *dends[1:])
                lower = self.layers[0].backward(trace.layers[0], upper.xs, dends[0])
            else:
                dys = dys * 0 if fault == "the layers below hear nothing" else dys
                upper = grads.layers[1]
                lower = self.layers[0].backward(trace.layers[0], 0 * upper.xs, dends[0])
            params = grads.params.map(lambda a: a)
            for name, array in params.layers[0].arrays().items():
                array[...] = lower.params.arrays()[name]
            return type(grads)(params, (lower, grads.layers[1]), grads.readout)

    def _last(dy, T):
        dys = np.zeros((len(xs_of[0]) if len(xs_of[0]) < T else T, *dy.shape))
        dys[-1] = dy
        return dys

    net, xs = stack()
    xs_of = [xs]
    with pytest.raises(rl.GradientError):
        rl.check_gradients(Wrong(net.layers, net.readout, net.reads), xs)


# The verdict


def judged(got, value, *, doubt=0.0, radius=0.0, terms=None, others=(), tolerance=1e-6, dtype=np.float64):
    """error, doubt, worst entry and verdict of a single slice; `others` are what backward gave on other occasions."""
    value = np.array([value], dtype=float)
    terms = np.abs(value) if terms is None else np.array([terms], dtype=float)
    versions = np.array([[got], *([other] for other in others)], dtype=float)
    parts = [terms, *(np.broadcast_to(each, value.shape).astype(float) for each in (radius, doubt))]
    wanted = np.array([*parts, *([value] * len(versions))])
    (one,) = judge(versions, wanted, tolerance, dtype)
    return one


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


def test_an_error_is_relative_to_the_terms_of_its_own_entry_and_the_worst_is_named():
    error, _, worst, verdict = judged([100.0, 1.0, 5.5], [100.0, 1.0, 5.0])
    assert error == pytest.approx(0.1)
    assert worst == 2
    assert verdict == "failed"
    assert judged([1e-9], [2e-9], terms=[1.0])[::3] == (pytest.approx(1e-9), "passed")


@pytest.mark.parametrize("size", [1e-300, 1e-90, 1.0, 1e90])
def test_the_verdict_does_not_depend_on_the_size_of_the_gradient_nor_on_its_neighbours(size):
    assert judged([size * (1 + 5e-7), 1.0], [size, 1.0])[3] == "passed"
    assert judged([size * (1 + 2e-6), 1.0], [size, 1.0])[2:] == (0, "failed")
    assert judged([0.0, 1.0], [size, 1.0])[::3] == (1.0, "failed")


def test_a_failed_entry_is_named_before_a_larger_error_that_is_doubtful():
    assert judged([1.1, 2.0], [1.0, 1.0], doubt=[0.0, 1.0])[2:] == (0, "failed")


def test_an_oracle_that_doubts_itself_more_than_the_tolerance_leaves_it_open():
    assert judged([1.0], [1.0], doubt=2e-6)[3] == "inconclusive"
    assert judged([1.0], [1.0], doubt=0.9e-6)[3] == "passed"


def test_an_error_beyond_five_times_the_doubt_fails_however_large_the_doubt():
    assert judged([1.6], [1.0], doubt=0.1)[3] == "failed"
    assert judged([0.4], [1.0], doubt=0.1)[3] == "failed"
    assert judged([1.4], [1.0], doubt=0.1)[3] == "inconclusive"
    assert judged([0.6], [1.0], doubt=0.1)[3] == "inconclusive"


def test_an_error_above_the_tolerance_never_passes_even_within_the_doubt():
    assert judged([1 + 4e-6], [1.0], doubt=0.9e-6)[3] == "inconclusive"
    assert judged([1 + 0.9e-6], [1.0], doubt=0.9e-6)[3] == "passed"


def test_what_a_jitter_in_the_last_place_moves_does_not_fail_and_passes_with_six_digits():
    def moved(got, by):
        return judged([got], [2.0], others=([got], [got + by], [got - by / 2]), tolerance=1e-12)[3]

    assert moved(2 + 1e-9, 1e-12) == "passed"
    assert moved(2 - 1e-9, 1e-12) == "passed"
    assert moved(2 + 1e-4, 1e-7) == "inconclusive"
    assert moved(2 + 1e-8, 1e-12) == "failed"  # 4096 times what the jitter moved is less


def test_each_version_of_a_gradient_is_held_against_its_own_right_side():
    # The jitter moved ds[t] on the right as well, by as much: what is left of it between the two is nothing.
    value = np.array([[[2.0]], [[2.0]], [[2.5]]])
    got = np.array([[[2.1]], [[2.1]], [[2.6]]])
    wanted = np.concatenate([value[:1], np.zeros((2, 1, 1)), value])
    ((_, _, _, said),) = judge(got, wanted, 1e-12, float)
    assert said == "failed"


def test_a_backward_that_does_not_repeat_itself_has_no_roundoff_to_plead():
    assert judged([2 + 1e-9], [2.0], others=([2.1], [2.3], [2.2]), tolerance=1e-12)[3] == "failed"


def test_where_numbers_run_out_of_digits_nothing_fails_and_only_equals_pass():
    assert judged([1e-309], [2e-309])[3] == "inconclusive"
    assert judged([1e-309], [0.0])[3] == "inconclusive"
    assert judged([0.0], [0.0])[3] == "passed"
    assert judged([1e-300], [2e-300])[3] == "failed"
    assert judged([1e-39], [2e-39], dtype=np.float32)[3] == "inconclusive"
    assert judged([1e-36], [2e-36], dtype=np.float32)[3] == "failed"


def test_beyond_the_largest_number_nothing_is_known():
    assert judged([np.inf], [1.0], terms=[np.inf])[3] == "inconclusive"
    assert judged([np.nan], [np.nan])[3] == "inconclusive"
    assert judged([np.inf], [1e39], dtype=np.float32)[3] == "inconclusive"
    assert judged([np.inf], [1e39])[3] == "failed"


@pytest.mark.parametrize("got", [0.0, 0.3, 1.0])
def test_at_a_kink_the_whole_interval_passes(got):
    assert judged([got], [0.5], radius=0.5)[3] == "passed"


@pytest.mark.parametrize("got", [-0.01, 1.01, np.nan])
def test_beside_the_interval_of_a_kink_nothing_passes(got):
    assert judged([got], [0.5], radius=0.5)[3] == "failed"


def test_zero_on_both_sides_passes_and_zero_on_one_side_fails():
    assert judged([0.0], [0.0])[::3] == (0.0, "passed")
    assert judged([1e-300], [0.0])[::3] == (np.inf, "failed")
    assert judged([0.0], [1e-300])[::3] == (1.0, "failed")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails(bad):
    assert judged([1.0, bad], [1.0, 1.0])[::3] == (np.inf, "failed")
    assert judged([bad], [1.0], doubt=1.0)[3] == "failed"


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
            "hs is wrong first at timestep 3, and nothing else is, given hs: look at the carry",
        ),
        ([finding("hs", 1.0, "failed", 0)], "hs is wrong first at timestep 0, and nothing else is"),
        (
            [finding("hs", 1.0, "failed", 3), finding("U", 1.0, "failed")],
            "hs is wrong first at timestep 3, and U with it: look at da[t], which they share",
        ),
        (
            [finding("xs", 1.0, "failed", 2), finding("U", 1.0, "failed")],
            "the states are right and xs is not: look at dx[t] = da[t] Wᵀ",
        ),
        ([finding("W", 1.0, "failed"), finding("U", 1.0, "failed")], "look at the sum over time that collects U and W"),
        ([finding("trace.hs", 1.0, "failed", 2), finding("hs", 1.0, "failed", 1)], "does not lead to the trace"),
        ([finding("U", 1.0, "failed", whole=3)], "every step is right by itself, but not the first 3 as a whole"),
        (
            [finding("layers.1.hs", 1.0, "failed", 2), finding("layers.0.W", 0.5, "failed")],
            "hs is wrong first at timestep 2, and nothing else is",
        ),
    ],
)
def test_each_pattern_of_errors_has_its_diagnosis(findings, says):
    assert says in diagnose(report_of(finding("b"), finding("hs", timestep=1), *findings), findings[0], steps=5)


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
