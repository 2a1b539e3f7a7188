"""The gradient check itself: its report, what it names, and what it refuses."""

import re
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

import rnnlab as rl
from deep import deep, one_in
from planted import EPS, Planted, finding, report_of, small
from rnnlab.gradcheck.check import HIDDEN, RESTRICTED, _telling


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


def test_a_report_of_a_right_backward_has_nothing_to_note_and_the_tolerance_of_its_oracle():
    layer, xs = small(T=1, B=1)
    exact, differences = (rl.check_gradients(layer, xs, oracle=o) for o in ("complex_step", "finite_difference"))
    assert exact.note == differences.note == ""
    assert exact.tolerance == 4096 * EPS
    assert differences.tolerance == 1e-6


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


@pytest.mark.parametrize(
    ("array", "index"), one_in(2, [("U", (17, 31)), ("U", (0, 0)), ("W", (1, 22)), ("U", (39, 39))])
)
def test_in_a_large_parameter_the_wrong_entry_is_found(array, index):
    message, _, right, wrong = planted(array, index, lambda value: value + 1e-3, hidden=40)
    assert message.startswith(f"{array}{list(index)} is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))


def test_in_a_large_state_the_wrong_unit_is_found():
    message, _, right, wrong = planted("hs", (2, 1, 29), lambda value: value + 1e-3, hidden=40)
    assert message.startswith("hs at timestep 2, sequence 1, unit 29 is wrong: ")
    assert values_named(message) == (pytest.approx(wrong, rel=1e-8), pytest.approx(right, rel=1e-8))


@pytest.mark.parametrize("hidden", [4, deep(40)])
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


def test_without_a_generator_a_check_draws_from_seed_0():
    layer, xs = small(T=1, B=1, hidden=1)
    from_0, from_1 = (rl.check_gradients(layer, xs, rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert rl.check_gradients(layer, xs) == from_0 != from_1


@pytest.mark.parametrize("given", [False, True])
def test_what_a_later_chunk_sends_back_is_drawn_unless_only_what_arrives_from_above_is_given(given):
    class Deaf(rl.RNN):
        def backward(self, trace, dhs, *dends):
            return super().backward(trace, dhs)

    layer, xs = small(Deaf, T=2, B=1, hidden=1)
    place = "hs at the start over steps 1 to 2|xs|[WUb]" if given else "hs at timestep 2, sequence 0, unit 0"
    with pytest.raises(rl.GradientError, match=f"^({place})") as caught:
        rl.check_gradients(layer, xs, dhs=np.ones((2, 1, 1)) if given else None)
    assert all(f.whole for f in caught.value.report.findings if f.verdict == "failed") is given


def test_the_first_steps_as_a_whole_start_where_the_run_does_and_without_a_start_where_they_would_end():
    seen = []

    class Watched(rl.RNN):
        def backward(self, trace, dhs, *dends):
            seen.append(trace)
            return super().backward(trace, dhs, *dends)

    layer, xs = small(Watched, T=4, B=1, hidden=2)
    for starts in ((np.full((1, 2), 0.25),), ()):
        assert rl.check_gradients(layer, xs, *starts).passed
        whole = seen[-1]
        np.testing.assert_array_equal(whole.xs, xs[:3])
        np.testing.assert_array_equal(whole.hs[0], starts[0] if starts else layer.forward(xs[:3]).hs[-1])


def test_a_note_says_what_too_few_digits_hide_and_what_was_not_checked():
    class Ages(rl.RNN):
        """W grows with t, so that a step depends on it."""

        def forward(self, xs, h0=None):
            return replace(super().forward(xs * self.age(xs), h0), xs=xs)

        def backward(self, trace, dhs, *dends):
            age = self.age(trace.xs)
            grads = super().backward(replace(trace, xs=trace.xs * age), dhs, *dends)
            return replace(grads, xs=grads.xs * age)

        def age(self, xs):
            return np.arange(1, len(xs) + 1)[:, None, None]

    for kind, notes in ((rl.RNN, ()), (Ages, (RESTRICTED,))):
        layer, xs = small(kind, T=2, B=1, hidden=2)
        assert rl.check_gradients(layer, xs).note == " ".join(notes)
        report = rl.check_gradients(replace(layer, b=layer.b + np.array([18, 0])), xs)  # one unit is saturated
        assert report.verdict == "inconclusive"
        assert report.note == " ".join([*notes, HIDDEN])
        assert notes or {f.verdict for f in report.findings if f.whole} == {"passed"}  # the whole has no other opinion


def test_of_all_that_fails_the_error_names_what_the_rest_follows_from():
    trace, state = partial(finding, "trace.hs", 1e-3, "failed"), partial(finding, "hs", 1e-3, "failed")
    from_first_to_last = [
        *(trace(timestep=1), trace(timestep=2)),  # forward goes on from what it left
        *(state(timestep=2), state(timestep=1), state(timestep=0)),  # backward goes back
        finding("xs", 1e-3, "failed", timestep=2),
        finding("U", 1.0, "failed"),
        finding("W", 1e-3, "failed"),
    ]
    for first, *rest in (from_first_to_last[i:] for i in range(len(from_first_to_last))):
        assert max([*rest, first], key=_telling) is first
    louder = finding("hs", 1.0, "failed", timestep=0)
    assert _telling(state(timestep=1)) > _telling(louder) > _telling(finding("xs", 9.0, "failed", timestep=5))


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


def test_the_findings_of_a_network_come_layer_by_layer_from_the_lowest_also_of_one_that_is_there_twice():
    layer, xs = small(rl.RNN, hidden=3, T=1, B=1)
    report = rl.check_gradients(rl.Network((layer, layer, layer)), xs)
    assert report.passed
    places = [f.array.split(".")[1] for f in report.findings if f.whole is None]
    assert list(dict.fromkeys(places)) == ["0", "1", "2"]
    assert places == sorted(places)


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
