"""A look at one layer: what is looked at twice, what the second look allows for, and what it does not."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

import rnnlab as rl
from planted import EPS
from rnnlab.gradcheck.look import Look, _directions
from rnnlab.gradcheck.oracles import complex_step, finite_difference
from rnnlab.gradcheck.pullback import Point, rows


def a_look(layer, xs, *starts, plant=None, prefix="", **options):
    """A look at a run of `layer` and at its gradients after `plant` has changed them."""
    rng = np.random.default_rng(7)
    trace = layer.forward(xs, *starts)
    draw = lambda like: rng.standard_normal(like.shape).astype(like.dtype)  # noqa: E731
    dys, dends = draw(trace.ys), tuple(map(draw, trace.ends))
    grads = layer.backward(trace, dys, *dends)
    if plant is not None:
        plant(grads)
    params = {prefix + name: gradient for name, gradient in grads.params.arrays().items()}
    given = {"oracle": complex_step, "tolerance": 4096 * EPS, "rng": rng, **options}
    return Look(prefix, layer, xs, trace, dys, dends, (grads,), params, **given)


def failed(findings):
    """(array, timestep, sequence, index) of what failed."""
    return {(f.array, f.timestep, f.sequence, f.index) for f in findings if f.verdict == "failed"}


def tiny_rnn(T=3, B=2, D=2, H=3):
    rng = np.random.default_rng(5)
    layer = rl.RNN.init(rng, inputs=D, hidden=H, bias_initializer="random_normal")
    return layer, rng.uniform(-1, 1, (T, B, D)), rng.uniform(-1, 1, (B, H))


# What a second call gives


def test_what_a_second_call_gives_wrong_is_found_beside_what_the_first_gave_right():
    look = a_look(*tiny_rnn(), prefix="layers.1.")
    again = look.grads[0].map(np.copy)
    again.params.U[2, 1] += 0.25
    again.xs[0, 1, 1] += 0.25
    first, second = look.findings(), replace(look, again=again).findings()
    assert second[: len(first)] == first
    assert all(finding.verdict == "passed" for finding in first)
    wrong, wrong_too = second[len(first) :]
    assert wrong_too.place == "layers.1.xs at timestep 1, sequence 1, input 1 on a second call"
    assert wrong.place == "layers.1.U[2, 1] on a second call"
    assert (wrong.verdict, wrong.line) == ("failed", "layers.1.U, again")
    assert wrong.got == again.params.U[2, 1]
    assert wrong.wanted == pytest.approx(look.grads[0].params.U[2, 1], rel=1e-12)


def test_a_second_call_that_gives_the_same_adds_nothing():
    look = a_look(*tiny_rnn())
    again = look.grads[0].map(lambda a: a * (1 + 4 * EPS))
    assert replace(look, again=again).findings() == look.findings()


# The second look, with allowance for roundoff


def saturated(a):
    """A layer at a, its gradients by 1 - y²: where tanh is near 1 these have few digits, all of them right."""
    return rl.Dense(np.array([[a]]), np.zeros(1), "tanh"), np.ones((1, 1))


@pytest.mark.parametrize(("a", "verdict"), [(0.5, "passed"), (5.0, "passed"), (16.0, "inconclusive")])
def test_few_digits_pass_if_they_are_six_and_are_inconclusive_if_fewer(a, verdict):
    found = a_look(*saturated(a)).findings()
    assert [(finding.array, finding.verdict) for finding in found] == [(name, verdict) for name in ("W", "b", "xs")]


def test_only_what_failed_is_looked_at_again():
    runs = []

    class Counted(rl.Dense):
        def backward(self, trace, dys):
            runs.append(type(dys))
            return super().backward(trace, dys)

    layer, xs = saturated(0.5)
    look = a_look(Counted(layer.W, layer.b), xs)
    look.findings()
    assert len(runs) == 1  # the one of a_look


def test_a_second_look_warns_of_nothing():
    class BySquareRoot(rl.Dense):
        def backward(self, trace, dys):
            das = dys * np.sqrt(1 - trace.ys**2) ** 2  # right at y = 1, and no number at 1 + eps
            return rl.trace.FeedforwardGradients(self.like(W=trace.xs.T @ das, b=das.sum(axis=0)), das @ self.W.T)

    layer, xs = saturated(40.0)
    look = a_look(BySquareRoot(layer.W, layer.b, layer.activation), xs, plant=lambda grads: grads.xs.fill(1))
    assert ("xs", None, None, (0, 0)) in failed(look.findings())


class Summed(rl.Record):
    """h[t] = u h[t-1] + Σ w_d x_d[t] + Σ c, one unit; complex numbers are added up in another order, as a BLAS may."""

    w: np.ndarray
    u: np.ndarray
    constants: tuple[float, ...] = ()
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = [np.zeros((xs.shape[1], 1), xs.dtype) if h0 is None else h0]
        for x in xs:
            terms = [*(x[:, d : d + 1] * w for d, w in enumerate(self.w)), *self.constants]
            hs.append(self.u * hs[-1] + sum(terms if x.dtype.kind == "f" else terms[::-1]))
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=0.0):
        totals = np.concatenate([np.zeros_like(trace.hs[:1]), dhs])
        totals[-1] += dh_end
        for t in range(len(dhs), 0, -1):
            totals[t - 1] += self.u * totals[t]
        dw, du = np.einsum("tbd,tbh->d", trace.xs, totals[1:]), np.sum(totals[1:] * trace.hs[:-1])
        return rl.Gradients(self.like(w=dw, u=np.array(du)), totals[1:] * self.w, totals)


CANCEL = 0.1, 0.2, -0.3  # in this order 6e-17 is left, in the other 3e-17; neither is wrong


@pytest.mark.parametrize(("w", "constants"), [(CANCEL, ()), ((0.0,) * 3, CANCEL)])
def test_a_state_that_is_roundoff_alone_fails_no_gradient_of_a_whole_run(w, constants):
    look = a_look(Summed(np.array(w), np.array(0.5), constants), np.ones((2, 1, 3)), whole=2)
    assert failed(look.once()) == {("u", None, None, ())}
    assert not failed(look.judged())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_oracles_own_runs_are_one_as_it_is_and_three_from_jittered_points(dtype):
    layer = Summed(np.ones(1, dtype), np.array(0.5, dtype), CANCEL)
    look = a_look(layer, np.zeros((2, 1, 1), dtype), np.full((1, 1), 3, dtype))
    first, *jittered = look.runs_again()
    want = layer.forward(look.xs.astype(complex), look.trace.starts[0].astype(complex)).hs.real.astype(dtype)
    np.testing.assert_array_equal(first.hs, want)
    moved = max(abs(run.hs[0].item() / 3 - 1) for run in jittered)  # by several places, as a sum of many terms is off
    assert 8 * np.finfo(dtype).eps < moved < 64 * np.finfo(dtype).eps
    for run in (first, *jittered):
        assert run.hs.dtype == run.xs.dtype == dtype
        np.testing.assert_allclose(run.hs, look.trace.hs, rtol=64 * np.finfo(dtype).eps)


def test_integer_inputs_stay_what_they_are_in_every_run_of_the_oracle():
    layer = rl.Embedding(np.random.default_rng(0).standard_normal((3, 2)))
    look = a_look(layer, np.array([[0, 2], [1, 1]]), plant=lambda grads: grads.params.E.__setitem__((1, 1), 0.5))
    assert failed(look.judged()) == {("E", None, None, (1, 1))}
    assert len(list(look.runs_again())) == 4


def test_a_jittered_run_beyond_the_largest_number_is_left_out():
    layer = rl.RNN(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1))
    with np.errstate(over="ignore"):
        look = a_look(layer, np.full((1, 9, 1), np.finfo(float).max))
        assert len(list(look.runs_again())) == 1


class Logistic(rl.Record):
    """h[t] = k h[t-1] (1 - h[t-1]) + x[t], one unit, chaotic for k = 3.9: what begins at 1e-15 is of size 1 later."""

    k: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = [np.full((xs.shape[1], 1), 0.4, xs.dtype) if h0 is None else h0]
        for x in xs:
            hs.append(self.k * hs[-1] * (1 - hs[-1]) + x)
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=0.0):
        totals = np.concatenate([np.zeros_like(trace.hs[:1]), dhs])
        totals[-1] += dh_end
        for t in range(len(dhs), 0, -1):
            totals[t - 1] += totals[t] * self.k * (1 - 2 * trace.hs[t - 1])
        dk = np.sum(totals[1:] * trace.hs[:-1] * (1 - trace.hs[:-1]))
        return rl.Gradients(self.like(k=np.array(dk)), totals[1:], totals)


def test_single_steps_are_not_allowed_what_a_chaotic_run_makes_of_roundoff():
    look = a_look(Logistic(np.array(3.9)), np.full((80, 1, 1), 1e-3), plant=lambda grads: grads.params.k.__imul__(1.01))
    assert np.ptp([run.hs[-1] for run in look.runs_again()]) > 0.1
    assert failed(look.judged()) == {("k", None, None, ())}


@pytest.mark.parametrize(("factor", "verdict"), [(0, "passed"), (1, "passed"), (1.5, "failed"), (-0.5, "failed")])
def test_at_a_kink_that_roundoff_crosses_either_slope_is_right_and_what_lies_beyond_is_wrong(factor, verdict):
    # A ReLU at a = 6 eps, a sum that several places of its terms bring to either side of 0; the trace has it at 0.
    look = a_look(rl.Dense(np.array([[1 + 6 * EPS]]), -np.ones(1), "relu"), np.ones((1, 1)))
    of_one = look.grads[0].map(lambda gradient: factor * gradient)
    trace = replace(look.trace, ys=np.zeros((1, 1)))
    look = replace(look, trace=trace, grads=(of_one,), params=of_one.params.arrays())
    assert {finding.verdict for finding in look.once()} == ({"passed"} if factor == 1 else {"failed"})
    assert {finding.verdict for finding in look.judged()} == {verdict}


@pytest.mark.parametrize(("oracle", "more"), [(complex_step, 9), (finite_difference, 1)])
def test_the_complex_step_is_taken_at_jittered_points_too_and_finite_differences_step_over_them(oracle, more):
    runs = []

    class Counted(rl.Dense):
        def forward(self, xs):
            runs.append(xs)
            return super().forward(xs)

    look = a_look(Counted(np.ones((1, 1)), np.ones(1)), np.ones((1, 1)), oracle=oracle)
    look = replace(look, dys=2 * look.dys)
    runs.clear()
    assert failed(look.once())
    first = len(runs)
    assert failed(look.judged())
    assert len(runs) == first * (1 + 1 + more)


def test_a_run_as_a_whole_may_pass_several_kinks_whose_slopes_bound_nothing():
    # h = relu(±x) and then relu(h₊ - h₋ / 2 + 1): at x = 0 its slope is 1 or 1/2. By the left slopes it would be 0.
    U = np.array([[0, 0, 1.0], [0, 0, -0.5], [0, 0, 0]])
    layer = rl.RNN(np.array([[1.0, -1.0, 0.0]]), U, np.array([0, 0, 1.0]), "relu")
    look = a_look(layer, np.zeros((2, 1, 1)), oracle=finite_difference, tolerance=1e-6, whole=2)
    assert not failed(look.once())
    assert not look.grads[0].xs[0].any()


def test_a_single_step_at_a_kink_passes_with_the_slope_of_either_side():
    look = a_look(rl.RNN(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), "relu"), np.zeros((1, 1, 1)))
    found = replace(look, oracle=finite_difference, tolerance=1e-6).once()
    assert {(f.array, f.verdict) for f in found if f.array != "trace.hs"} == {
        *((name, "passed") for name in ("W", "U", "b", "xs", "hs"))
    }


# Whether a run is looked at as a whole


def test_a_step_that_depends_on_t_is_looked_at_from_any_start_as_a_whole():
    class Ageing(Summed):
        def forward(self, xs, h0=None):
            return super().forward(xs * np.arange(1, len(xs) + 1)[:, None, None], h0)

        def backward(self, trace, dhs, dh_end=0.0):
            grads = super().backward(trace, dhs, dh_end)
            return replace(grads, xs=grads.xs * np.arange(1, len(dhs) + 1)[:, None, None])

    rng = np.random.default_rng(0)
    layer, xs, h0 = Ageing(np.array([1.0, 2]), np.array(0.5)), rng.uniform(0, 1, (4, 2, 2)), np.full((2, 1), 3.0)
    look = a_look(layer, xs, h0)
    found = look.findings()
    assert {finding.line for finding in found} == {"steps 1 to 4 as a whole"}
    assert {finding.verdict for finding in found} == {"passed"}


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("T", [2, 6])
def test_a_forward_that_gives_other_states_over_fewer_steps_or_again_does_not_unroll(T, size):
    class Foresees(Summed):
        """h[t] reads the last input, too: 1e-9 of it."""

        def forward(self, xs, h0=None):
            return super().forward(xs + 1e-9 * xs[-1], h0)

    class Draws(Summed):
        draw = np.random.default_rng(0).uniform

        def forward(self, xs, h0=None):
            return super().forward(xs * (1 + self.draw(0, 1e-3, xs.shape)), h0)

    xs = size * np.random.default_rng(0).uniform(0.1, 1, (T, 2, 1))
    for kind, unrolls in ((Summed, True), (Foresees, False), (Draws, False)):
        assert a_look(kind(np.ones(1), np.array(0.5)), xs).unrolls() is unrolls


def test_states_that_another_number_of_steps_rounds_otherwise_are_the_same_states():
    class Blocked(Summed):
        """A product over another number of rows has another order of summation."""

        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            return rl.Trace(trace.xs, trace.hs * (1 + EPS * len(xs)))

    xs = 1e6 * np.random.default_rng(0).uniform(0.1, 1, (4, 2, 1))
    assert a_look(Blocked(np.ones(1), np.array(0.5)), xs).unrolls()


# One step at a time


class Pictures(rl.Record):
    """h[t] = k ⊙ h[t-1] + w ⊙ x[t] for pictures, (T, B, Y, X): every pixel is a unit."""

    w: np.ndarray
    k: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = [np.zeros_like(xs[0]) if h0 is None else h0]
        for x in xs:
            hs.append(self.k * hs[-1] + self.w * x)
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=0.0):
        totals = np.concatenate([np.zeros_like(trace.hs[:1]), dhs])
        totals[-1] += dh_end
        for t in range(len(dhs), 0, -1):
            totals[t - 1] += self.k * totals[t]
        dw, dk = ((totals[1:] * each).sum(axis=(0, 1)) for each in (trace.xs, trace.hs[:-1]))
        return rl.Gradients(self.like(w=dw, k=dk), self.w * totals[1:], totals)


def pictures(plant=None):
    rng = np.random.default_rng(0)
    layer = Pictures(*rng.uniform(0.5, 1, (2, 2, 3)))
    return a_look(layer, rng.uniform(-1, 1, (3, 2, 2, 3)), rng.uniform(-1, 1, (2, 2, 3)), plant=plant)


def test_states_and_inputs_of_two_axes_are_checked_unit_by_unit():
    assert {finding.verdict for finding in pictures().findings()} == {"passed"}
    assert failed(pictures(lambda grads: grads.xs[1, 0, 1].__iadd__([0, 1e-3, 0])).once()) == {("xs", 2, 0, (4,))}
    assert failed(pictures(lambda grads: grads.hs[0, 1, 0].__iadd__([0, 0, 1e-3])).once()) == {("hs", 0, 1, (2,))}
    assert failed(pictures(lambda grads: grads.params.k[1].__iadd__([0, 0, 1e-3])).once()) == {
        ("k", None, None, (1, 2))
    }


def an_lstm(plant=None):
    rng = np.random.default_rng(0)
    layer = rl.LSTM.init(rng, inputs=1, hidden=2)
    return a_look(layer, rng.uniform(-1, 1, (2, 2, 1)), *rng.uniform(-1, 1, (2, 2, 2)), plant=plant)


@pytest.mark.parametrize("state", ["hs", "cs"])
@pytest.mark.parametrize("t", [0, 1, 2])
def test_of_two_states_the_one_is_named_that_is_wrong(state, t):
    def enlarge(record):
        record.states[state][t, 1, 1] *= 1 + 1e-10

    assert (state, t, 1, (1,)) in failed(an_lstm(enlarge).once())
    look = an_lstm()
    enlarge(look.trace)
    assert {found for found in failed(look.once()) if "trace" in found[0] and found[1] == t} == (
        {(f"trace.{state}", t, 1, (1,))} if t else set()
    )


def test_what_arrives_and_what_is_carried_may_cancel_in_a_state_and_its_error_is_relative_to_them():
    # dh[0] = dy[0] + u dy[1] = 0.1 - 0.3 / 3: whether that is 0 or 1e-17 is roundoff.
    layer = Summed(np.ones(1), np.array(1 / 3))
    look = a_look(layer, np.ones((2, 1, 1)), np.ones((1, 1)))
    dys = np.array([0.1, -0.3]).reshape(2, 1, 1)
    grads = layer.backward(look.trace, dys)
    grads.hs[1] = 1e-17
    look = replace(look, dys=dys, dends=(np.zeros((1, 1)),), grads=(grads,), params=grads.params.arrays())
    (at_1,) = [finding for finding in look.once() if (finding.array, finding.timestep) == ("hs", 1)]
    assert at_1.verdict == "passed"
    assert at_1.error == pytest.approx(abs(1e-17 - (0.1 - 0.3 / 3)) / 0.2, abs=1e-16)


def test_the_terms_of_a_state_may_cancel_in_it_and_its_error_is_relative_to_them():
    layer, xs = Summed(np.array([1e6, -1e6]), np.array(1e-3)), np.ones((2, 1, 2))
    look = a_look(layer, xs)
    for off, verdict in ((1e-7, "passed"), (1e-4, "failed")):  # of terms of 1e6: 5e-14 and 5e-11
        look.trace.hs[2] = off
        assert {f.verdict for f in look.once() if (f.array, f.timestep) == ("trace.hs", 2)} == {verdict}


class Threshold(rl.Record):
    """h[t] = 1 where w x[t] ≥ 1, else 0: its gradients are zero, and a roundoff can be all of it."""

    w: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        h = np.zeros((xs.shape[1], 1), xs.dtype) if h0 is None else h0
        return rl.Trace(xs, np.array([h, *((x * self.w).real >= 1 for x in xs)], xs.dtype))

    def backward(self, trace, dhs, dh_end=0.0):
        totals = np.concatenate([np.zeros_like(trace.hs[:1]), dhs])
        totals[-1] += dh_end
        return rl.Gradients(self.like(w=np.zeros(1)), np.zeros_like(trace.xs), totals)


@pytest.mark.parametrize(("left", "wrong"), [(0, False), (1, False), (0.5, False), (1.1, True), (-0.1, True)])
def test_a_state_is_right_anywhere_in_what_single_steps_from_jittered_points_lead_to(left, wrong):
    look = a_look(Threshold(np.array([1 + 6 * EPS])), np.ones((1, 1, 1)))
    look.trace.hs[1] = left
    once, jittered = (
        [finding.verdict for finding in each.once() if finding.array == "trace.hs"]
        for each in (look, replace(look, jitters=8))
    )
    assert once == ["passed" if left == 1 else "failed"]
    assert jittered == ["failed" if wrong else "passed"]


def test_a_right_backward_is_not_called_wrong_where_the_states_are_no_numbers():
    class Breaks(Summed):
        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            trace.hs[3:] = np.nan
            return trace

    found = a_look(Breaks(np.ones(1), np.array(0.5)), np.ones((4, 1, 1))).findings()
    assert not failed(found)
    assert [f.verdict for f in found if f.array == "trace.hs"] == ["passed", "passed", "inconclusive", "inconclusive"]


TINY = 4096 * float(np.finfo(np.float32).tiny)  # what a float32 state of size 1 or less may be off by


@pytest.mark.parametrize(
    ("start", "off", "verdict"),
    [
        *((1e-3, 0.0, "passed"), (1e-3, 4 * TINY, "inconclusive"), (1e-3, 7 * TINY, "failed")),
        *((1e9, 4e9 * TINY, "inconclusive"), (1e9, 7e9 * TINY, "failed")),
    ],
)
def test_a_state_where_numbers_run_out_is_left_open_relative_to_what_came_before(start, off, verdict):
    # h[1] = 0 h[0]. Another sequence of the batch is larger, and allows this one nothing.
    layer, xs = Summed(np.zeros(1, np.float32), np.array(0, np.float32)), np.zeros((1, 2, 1), np.float32)
    look = a_look(layer, xs, np.array([[start], [1e15]], np.float32), tolerance=4096 * float(np.finfo(np.float32).eps))
    look.trace.hs[1, 0] = off
    assert [f.verdict for f in look.once() if f.array == "trace.hs" and f.sequence == 0] == [verdict]


# One argument along some directions


def wide_dense(plant=None, D=6, K=7, dtype=np.float64):
    rng = np.random.default_rng(0)
    layer = rl.Dense(rng.uniform(-1, 1, (D, K)).astype(dtype), np.zeros(K, dtype), "tanh")
    tolerance = 4096 * float(np.finfo(dtype).eps)
    return a_look(layer, rng.uniform(-1, 1, (2, D)).astype(dtype), plant=plant, tolerance=tolerance)


@pytest.mark.parametrize("index", [(0, 0), (3, 4), (5, 6)])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 0.75])
def test_of_a_large_array_the_wrong_entry_is_found_with_its_value(index, wrong):
    look = wide_dense(lambda grads: grads.params.W.__setitem__(index, wrong))
    (finding,) = [finding for finding in look.once() if finding.array == "W"]
    assert (finding.verdict, finding.index) == ("failed", index)
    assert finding.got == pytest.approx(wrong, nan_ok=True)
    assert finding.wanted == pytest.approx(wide_dense().grads[0].params.W[index], rel=1e-12)


def test_of_a_vector_each_wrong_entry_is_found_however_few_share_its_direction():
    for index in (0, 16, 32):  # of 33 in sixteen directions

        def enlarge(grads, index=index):
            grads.params.b[index] *= 1.5

        assert failed(wide_dense(enlarge, D=1, K=33).once()) == {("b", None, None, (index,))}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_array_that_is_right_is_right_along_directions_and_has_no_entry_to_name(dtype):
    found = {finding.array: finding for finding in wide_dense(dtype=dtype).once()}
    assert (found["W"].verdict, found["W"].index) == ("passed", None)
    assert found["W"].got == pytest.approx(found["W"].wanted, rel=1e-6)
    assert found["W"].error < 4096 * np.finfo(dtype).eps
    assert found["W"].doubt < 1e-30  # a complex step has none but what underflows
    assert found["b"].index is not None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_number_is_right_for_zero(bad):
    look = a_look(
        rl.Dense(np.zeros((1, 1)), np.zeros(1)), np.zeros((1, 1)), plant=lambda grads: grads.params.W.fill(bad)
    )
    assert failed(look.once()) == {("W", None, None, (0, 0))}


def along(directions, dW):
    """The finding of y = x w at x = (1, 1) along some directions, where dW, in units of the right one, was got."""
    look = a_look(rl.Dense(np.ones((2, 1)), np.zeros(1)), np.ones((1, 2)))
    run = look.map(Point(look.layer, look.xs, ()), [rows(1, look.dys)], rows(1, look.trace.ys), mixes=True)
    got = look.grads[0].params.W * np.array(dW)[:, None]
    return look.argument(run, "params.W", "W", look.layer.W, [got], np.array(directions, float))


def test_the_terms_of_a_direction_may_cancel_and_its_error_is_relative_to_them():
    # Along (1, -1) nothing is left of dW = (dy, dy) but the roundoff of a right backward.
    assert along([[1, -1]], [1, 1 + 4 * EPS]).verdict == "passed"
    assert along([[1, -1]], [1, 1 + 1e-9]).verdict == "failed"
    assert along([[1, 1], [1, -1]], [np.inf, 1]).verdict == "failed"


def test_a_direction_that_is_wrong_though_no_entry_of_it_is_wrong_beyond_the_tolerance_names_none():
    off = 1.6 * 4096 * EPS  # relative to two terms, the oracle's and the backward's own
    finding = along([[1, -1]], [1 + off, 1 - off])
    assert (finding.verdict, finding.index) == ("failed", None)
    assert abs(finding.got) == pytest.approx(2 * off * abs(along([[1, 0]], [1, 1]).got), rel=1e-3)
    assert along(np.eye(2), [1 + off, 1 - off]).verdict == "passed"


# Directions


def directions_of(gradient, rng=None):
    """Those of each axis, whose lines they move once: [(axis, one of its directions, its lines)]."""
    directions = list(_directions(gradient, rng or np.random.default_rng(0)))
    found, moved, axis = [], np.zeros(gradient.shape, int), 0
    for flat in directions:
        direction = np.moveaxis(flat.reshape(gradient.shape), axis, 0)
        lines = np.flatnonzero(direction.reshape(len(direction), -1).any(axis=1))
        assert direction[lines].all()
        found.append((axis, flat.reshape(gradient.shape), lines))
        moved += flat.reshape(gradient.shape) != 0
        if moved.all():
            assert moved.max() == 1
            moved[...], axis = 0, axis + 1
    assert axis == gradient.ndim
    assert not moved.any()
    return found


@pytest.mark.parametrize("shape", [(), (1,), (32,), (4, 8), (2, 4, 4)])
def test_a_small_array_is_moved_entry_by_entry(shape):
    size = int(np.prod(shape))
    np.testing.assert_array_equal(list(_directions(np.zeros(shape), np.random.default_rng(0))), np.eye(size))


@pytest.mark.parametrize("shape", [(33,), (40, 3), (3, 40), (3, 5, 17), (17, 16)])
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_of_a_large_array_each_line_along_each_axis_is_moved_once_by_at_most_sixteen_directions(shape, zeros):
    gradient = np.random.default_rng(1).standard_normal(shape)
    gradient[:zeros] = 0
    found = directions_of(gradient)
    for axis, length in enumerate(shape):
        groups = [lines.tolist() for its_axis, _, lines in found if its_axis == axis]
        assert len(groups) <= 16
        if axis == 0 and zeros:
            assert list(range(min(zeros, length))) in groups  # those that backward left at zero are apart
        alive = length - (zeros if axis == 0 else 0)
        if alive <= 16 - (axis == 0 and zeros > 0):
            assert sum(len(lines) == 1 for lines in groups) >= alive  # each has one to itself


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_lines_that_share_a_direction_are_of_like_size_and_enter_it_with_like_size(bad):
    class Twos:
        standard_normal = partial(np.full, fill_value=2.0)

    sizes = 10.0 ** np.arange(-30, 10)
    gradient = np.random.default_rng(0).permutation(sizes)[:, None] * np.ones((40, 3))
    gradient[7, 1] = bad  # which hides nothing: its line is as large as the rest of it
    found = [each for each in directions_of(gradient, Twos()) if each[0] == 0]
    size = gradient[:, 0]
    for _, direction, lines in found:
        if 7 not in lines or bad is np.nan:
            np.testing.assert_allclose(size[lines] * direction[lines, 0], 2 * size[lines].min())
    spans = sorted((size[lines].min(), size[lines].max()) for _, _, lines in found if 7 not in lines)
    assert all(low > high for (_, high), (low, _) in pairwise(spans))


def test_a_line_enters_however_much_larger_it_is_than_what_shares_its_direction():
    gradient = np.full((40, 1), 1e-200)
    gradient[:20] = 1e200
    directions_of(gradient, np.random.default_rng(0))


def test_what_is_wrong_beside_zeros_is_found_where_every_line_is_zero_or_one_is_not():
    for alive in (0, 1):
        gradient = np.zeros((20, 2))
        gradient[5 : 5 + alive] = 1
        assert len([each for each in directions_of(gradient) if each[0] == 0]) == 1 + alive


def test_a_gradient_of_another_shape_is_refused_with_both_shapes():
    layer, xs, h0 = tiny_rnn()
    look = a_look(layer, xs, h0)
    short = replace(look.grads[0], xs=look.grads[0].xs[1:])
    with pytest.raises(ValueError, match=r"^backward must return a gradient \(3, 2, 2\) for xs; got \(2, 2, 2\)$"):
        replace(look, grads=(short,)).findings()
