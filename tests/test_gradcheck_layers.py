"""The gradient check on layers of one's own: wrong ones that are hard to catch, and right ones that are unusual."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from deep import deep
from own_layers import LeakyCell
from planted import small

# A layer of one's own


class LeakyWrongly(LeakyCell):
    """The drive's gradient is left out of alpha."""

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        grads.params.alpha[:] = -(grads.hs[1:] * trace.hs[:-1]).sum(axis=(0, 1))
        return grads


def leaky(kind):
    rng = np.random.default_rng(0)
    return kind.init(rng, inputs=2, hidden=3), rng.standard_normal((4, 2, 2))


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_layer_of_ones_own_is_checked_like_any_other(oracle):
    layer, xs = leaky(LeakyCell)
    assert rl.check_gradients(layer, xs, np.full((2, 3), 0.3), oracle=oracle).passed


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_bug_in_a_layer_of_ones_own_is_named(oracle):
    layer, xs = leaky(LeakyWrongly)
    with pytest.raises(
        rl.GradientError, match=r"(?s)^alpha\[\d\] is wrong: .* look at the sum over time that collects alpha"
    ):
        rl.check_gradients(layer, xs, np.full((2, 3), 0.3), oracle=oracle)


def test_a_forward_that_drops_the_imaginary_part_is_named_for_it():
    class Blunt(LeakyCell):
        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            return rl.Trace(trace.xs, trace.hs.real.copy())

    layer, xs = leaky(Blunt)
    with pytest.raises(rl.GradientError, match="the oracle sees no effect: does forward keep complex numbers"):
        rl.check_gradients(layer, xs)


# Wrong at a second look: what a call keeps, changes or shares


def caught(layer, xs, *starts, **options):
    """The message of a check that has to raise."""
    with pytest.raises(rl.GradientError) as error:
        rl.check_gradients(layer, xs, *starts, **options)
    assert error.value.report.verdict == "failed"
    return str(error.value)


class Altered(rl.RNN):
    """An RNN whose right backward is followed by `alter(gradients, trace, dhs)`."""

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        return self.alter(grads, trace, dhs) or grads


def altered(alter, **sizes):
    return small(type("AlteredHere", (Altered,), {"alter": lambda self, *given: alter(*given)}), **sizes)


@pytest.mark.parametrize(
    ("name", "entry"),
    [("trace.xs", "trace.xs[0, 0, 0]"), ("trace.hs", "trace.hs[0, 0, 0]"), ("dhs", "dhs[0, 0, 0]")],
)
def test_a_backward_that_writes_into_what_it_is_given_is_told_so(name, entry):
    def write(grads, trace, dhs):
        array = {"trace.xs": trace.xs, "trace.hs": trace.hs, "dhs": dhs}[name]
        array += 0.5

    message = caught(*altered(write))
    assert message.startswith(f"backward changes {entry} from ")
    assert message.endswith("so let it work on a copy")


def test_a_backward_that_writes_into_a_parameter_or_a_later_gradient_is_told_so():
    class Steps(rl.RNN):
        def backward(self, trace, dhs, dh_end):
            grads = super().backward(trace, dhs, dh_end)
            self.b[1] -= 0.1 * grads.params.b[1]
            return grads

    class Reuses(rl.RNN):
        def backward(self, trace, dhs, dh_end):
            grads = super().backward(trace, dhs, dh_end)
            dh_end[...] = grads.h0
            return grads

    assert caught(*small(Steps)).startswith("backward changes b[1] from ")
    assert caught(*small(Reuses)).startswith("backward changes dends.0[0, 0] from ")


@pytest.mark.parametrize(("name", "entry"), [("xs", "xs[0, 0, 0]"), ("b", "b[0]"), ("h0", "starts.0[0, 0]")])
def test_a_forward_that_writes_into_what_it_is_given_is_told_so(name, entry):
    class Writes(rl.RNN):
        def forward(self, xs, h0):
            trace = super().forward(xs.copy(), h0.copy())
            array = {"xs": xs, "h0": h0, "b": self.b}[name]
            array += 0.5
            return trace

    layer, xs = small(Writes, T=1, B=1)
    message = caught(layer, xs, np.zeros((1, 4)))
    assert message.startswith(f"forward changes {entry} from ")
    assert message.endswith("it must leave what it is given as it is, so let it work on a copy")


def test_a_feedforward_layer_that_writes_into_what_arrives_is_told_so_in_its_own_word():
    class Writes(rl.Dense):
        def backward(self, trace, dys):
            grads = super().backward(trace, dys)
            dys += 0.5
            return grads

    layer = Writes(np.ones((1, 1)), np.zeros(1))
    assert caught(layer, np.ones((1, 1))).startswith("backward changes dys[0, 0] from ")


def test_of_a_network_the_layer_is_named_whose_backward_writes_into_its_trace():
    class Writes(rl.RNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            trace.hs[2, 1, 0] = 7
            return grads

    rng = np.random.default_rng(0)
    net = rl.Network((rl.RNN.init(rng, inputs=3, hidden=4), Writes.init(rng, inputs=4, hidden=4)))
    assert caught(net, small()[1]).startswith("backward changes layers.1.trace.hs[2, 1, 0] from ")


def test_a_result_buffer_that_two_calls_share_is_named():
    kept = {}

    def share(grads, trace, dhs):
        buffer = kept.setdefault(grads.hs.shape, np.empty_like(grads.hs))
        buffer[...] = grads.hs
        return rl.Gradients(grads.params, grads.xs, buffer)

    message = caught(*altered(share))
    assert message.startswith("a second call of backward changes gradients.hs[0, 0, 0] from ")
    assert message.endswith("each call must return arrays of its own, so allocate them in it")


def test_a_trace_buffer_that_two_calls_share_is_named():
    class Shares(rl.RNN):
        kept: ClassVar = {}

        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            buffer = self.kept.setdefault((trace.hs.shape, trace.hs.dtype), np.empty_like(trace.hs))
            buffer[...] = trace.hs
            return rl.Trace(xs, buffer)

    for T in (1, 5):
        message = caught(*small(Shares, T=T))
        assert message.startswith("a second call of forward changes trace.hs[1, 0, 0] from ")
        assert message.endswith("each call must return arrays of its own, so allocate them in it")


def test_a_state_that_is_kept_between_runs_is_named():
    class Goes(rl.RNN):
        last: ClassVar = {}

        def forward(self, xs, h0=None):
            trace = super().forward(xs, self.last.get(xs.shape) if h0 is None else h0)
            self.last[xs.shape] = trace.ends[0]
            return trace

    message = caught(*small(Goes))
    assert message.startswith("a second call of forward, on the same inputs, changes its start hs[0][0, 0] from 0 to ")
    assert message.endswith("so keep no state between calls")


def test_a_gradient_that_adds_up_over_calls_is_wrong_on_the_second():
    total = {}

    def add(grads, trace, dhs):
        total["U"] = total.get("U", 0) + grads.params.U
        grads.params.U[...] = total["U"]

    message = caught(*altered(add))
    assert re.match(r"U\[\d, \d\] on a second call is wrong: ", message)
    assert "a second call gives something else: is anything kept between calls" in message


@pytest.mark.parametrize("size", [3e-12, 3e-11, 1e-6])
def test_noise_above_the_tolerance_is_told_apart_from_a_wrong_formula(size):
    rng = np.random.default_rng(0)
    message = caught(*altered(lambda grads, *_: grads.map(lambda a: a * (1 + size * rng.standard_normal(a.shape)))))
    assert "a second call gives something else" in message


def test_a_second_run_on_other_inputs_may_lead_beyond_the_largest_number():
    layer, xs = small(rl.RNN, activation="identity", T=2, B=1, hidden=1)
    layer, xs = replace(layer, U=np.array([[1e150]])), np.array([0, 1e200])[:, None, None] * np.ones(3)
    above = rl.RNN(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1))
    with pytest.raises(RuntimeWarning, match="overflow"):
        layer.forward(xs[::-1])
    for run in (layer, rl.Network((layer, above))):  # where the layer above refuses what overflowed
        starts = (np.zeros((1, 1)),) * len(run.carries)
        dys = np.ones_like(run.forward(xs, *starts).ys)
        assert rl.check_gradients(run, xs, *starts, dhs=dys).verdict != "failed"


# Wrong where one example is blind


def test_a_start_left_out_of_the_recurrent_gradient_is_caught_though_the_default_start_is_zero():
    def forget(grads, trace, dhs):
        slope = 1 - trace.hs[1] ** 2
        grads.params.U[...] -= trace.hs[0].T @ (grads.hs[1] * slope)

    layer, xs = altered(forget)
    message = caught(layer, xs)
    assert re.match(r"U\[\d, \d\] over steps 1 to 3 is wrong: ", message)
    assert "U is right from a start of zeros and wrong from another: is the start left out" in message
    assert "the sum over time that collects U" in caught(layer, xs, np.full((2, 4), 0.5))


@given(inputs=st.sampled_from([2, 5, 17, 40]), hidden=st.sampled_from([3, 20]), exponent=st.integers(-16, -3))
@settings(max_examples=max(5, settings.default.max_examples // 8))
def test_a_kernels_row_is_checked_however_small_its_input(inputs, hidden, exponent):
    class Twice(rl.RNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.params.W[1] *= 2
            return grads

    rng = np.random.default_rng(0)
    layer, xs = Twice.init(rng, inputs=inputs, hidden=hidden), rng.uniform(-1, 1, (2, 1, inputs))
    xs[..., 1] *= 10.0**exponent
    with pytest.raises(rl.GradientError, match=r"^W\[1, \d+\] is wrong"):
        rl.check_gradients(layer, xs)
    assert rl.check_gradients(rl.RNN(layer.W, layer.U, layer.b), xs).passed


@pytest.mark.parametrize("size", [1e-6, 1e-30, 1e-90])
def test_a_row_of_zeros_is_caught_however_small_the_row(size):
    class Unwritten(rl.RNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.params.W[7] = 0
            return grads

    rng = np.random.default_rng(0)
    layer, xs = Unwritten.init(rng, inputs=40, hidden=5), rng.uniform(-1, 1, (3, 2, 40))
    xs[..., 7] *= size
    xs[..., 9] = 0  # and here zeros are right
    with pytest.raises(rl.GradientError, match=r"^W\[7, \d+\] is wrong: backward gives 0, (?s:.*)W: exact zeros"):
        rl.check_gradients(layer, xs)


@pytest.mark.parametrize("forget_bias", [deep(30), 32])
def test_a_slope_of_a_nearly_shut_gate_that_is_cut_to_zero_is_caught_and_the_right_one_is_not_refused(forget_bias):
    class Cut(rl.LSTM):
        """σ' = 0 where the gate is within 1e-12 of 1; read from the output, f (1 - f), it has few digits there."""

        def backward(self, trace, dhs, *dends):
            gates = trace.gates.copy()
            gates[:, 1][gates[:, 1] > 1 - 1e-12] = 1
            return super().backward(replace(trace, gates=gates), dhs, *dends)

    rng = np.random.default_rng(1)
    layer, xs = Cut.init(rng, inputs=3, hidden=4, forget_bias=forget_bias), rng.uniform(-1, 1, (5, 2, 3))
    assert re.match(r"[WUb]\[[\d, ]+\] is wrong: backward gives 0, ", caught(layer, xs))
    assert rl.check_gradients(rl.LSTM(layer.W, layer.U, layer.b), xs).verdict in ("passed", "inconclusive")


# Told where to look


def backward_cut_after(steps):
    """An RNN whose carry goes back so many steps and no further."""

    class Truncated(rl.RNN):
        def backward(self, trace, dhs, dh_end):
            T, hs = len(trace.xs), np.zeros_like(trace.hs)
            hs[1:] = dhs
            hs[-1] += dh_end
            das = np.empty_like(dhs)
            for t in range(T, 0, -1):
                das[t - 1] = hs[t] * (1 - trace.hs[t] ** 2)
                hs[t - 1] += das[t - 1] @ self.U.T if t > T - steps else 0
            dW, dU = np.einsum("tbd,tbh->dh", trace.xs, das), np.einsum("tbm,tbh->mh", trace.hs[:-1], das)
            return rl.Gradients(self.like(W=dW, U=dU, b=das.sum(axis=(0, 1))), das @ self.W.T, hs)

    return Truncated


def on_the_last(T):
    dhs = np.zeros((T, 2, 4))
    dhs[-1] = 1
    return dhs


@pytest.mark.parametrize("T", [21, 40])
def test_backpropagation_that_is_cut_off_is_told_how_far_it_reaches(T):
    layer, xs = small(backward_cut_after(20), T=T)
    message = caught(layer, xs, dhs=on_the_last(T))
    assert f"hs is wrong first at timestep {T - 21}, and exactly zero: is the carry cut off after 20 steps?" in message
    message = caught(layer, xs)  # something arrives at every step, so nothing is zero
    assert T == 21 or "look at the carry" in message
    assert T == 21 or "It is right at 20 steps: is it cut off after them?" in message


def test_a_carry_that_is_never_kept_is_told_so():
    layer, xs = small(backward_cut_after(0), T=9)
    message = caught(layer, xs, dhs=on_the_last(9))
    assert "hs is wrong first at timestep 8, and exactly zero: is the carry kept at all?" in message


def test_a_bias_of_zeros_is_told_so():
    message = caught(*altered(lambda grads, *_: grads.params.b.fill(0)))
    assert "b: exact zeros, and all else is right. Is the sum added up" in message


@pytest.mark.parametrize("size", [1e-11, 1e-9, 1e-7])
def test_a_small_fault_is_told_where_it_is_and_that_it_is_no_roundoff(size):
    def enlarge(grads, trace, dhs):
        grads.params.b[...] *= 1 + size

    message = caught(*altered(enlarge))
    assert "states and inputs are right, so look at the sum over time that collects b" in message
    assert "The error is small, but roundoff was allowed for" in message


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("size", [1e150, 1e250])
def test_huge_inputs_are_checked_and_not_called_infinite(kind, size):
    layer, xs = small(kind, activation="relu")
    assert rl.check_gradients(layer, size * xs).passed
    rng = np.random.default_rng(0)
    gated = rl.LSTM.init(rng, inputs=4, hidden=3)
    net = rl.Network((layer, rl.BatchNorm.init(inputs=4), gated))  # its variance overflows, as a complex number to NaN
    with np.errstate(over="ignore", invalid="ignore"):
        assert rl.check_gradients(net, size * xs).verdict in ("passed", "inconclusive")


def test_a_tuple_for_gradients_or_a_trace_is_refused_with_what_to_return():
    layer, xs = altered(lambda grads, *_: (grads.params, grads.xs, grads.hs))
    with pytest.raises(TypeError, match=r"^AlteredHere.backward must return gradients, rl.Gradients for instance"):
        rl.check_gradients(layer, xs)
    layer, xs = altered(lambda grads, *_: rl.Gradients(tuple(grads.params.arrays().values()), grads.xs, grads.hs))
    with pytest.raises(TypeError, match=r"must return the gradients of its parameters as a layer"):
        rl.check_gradients(layer, xs)


# Right, and unusual


def test_a_layer_that_has_no_start_of_its_own_is_checked_from_the_one_given():
    class Bare(rl.RNN):
        def forward(self, xs, h0):
            return super().forward(xs, h0)

    layer, xs = small(Bare, T=2, B=1, hidden=1)
    assert rl.check_gradients(layer, xs, np.full((1, 1), 0.5)).passed


def test_a_layer_without_parameters_is_checked_under_the_name_of_its_inputs():
    class Squares(rl.Record):
        carries: ClassVar = ()
        factor = 2

        def forward(self, xs):
            return rl.trace.FeedforwardTrace(xs, xs * xs)

        def backward(self, trace, dys):
            return rl.trace.FeedforwardGradients(self, self.factor * trace.xs * dys)

    assert [f.array for f in rl.check_gradients(Squares(), np.array([[0.5, 2.0]])).findings] == ["xs"]
    wrong = type("Halved", (Squares,), {"factor": 1})
    assert re.match(r"xs\[0, \d\] is wrong: backward gives ", caught(wrong(), np.array([[0.5, 2.0]])))


@dataclass(frozen=True, eq=False, repr=False)
class ScaledTrace(rl.trace.StatesOfTrace):
    inner: rl.Trace

    @property
    def ys(self):
        return self.inner.hs.shape[-1] * self.inner.ys


class Scaled(rl.Record):
    """y = H h: a layer with an RNN inside, whose parameters tell it H and whose last state it leaves to nobody."""

    inner: rl.RNN
    carries: ClassVar = ()

    def forward(self, xs):
        return ScaledTrace(self.inner.forward(xs))

    def backward(self, trace, dys):
        grads = self.inner.backward(trace.inner, len(self.inner.U) * dys)
        params = {f"inner.{name}": gradient for name, gradient in grads.params.arrays().items()}
        return rl.trace.FeedforwardGradients(self.like(**params), grads.xs)


def test_a_layer_with_a_layer_inside_may_read_its_parameters_and_send_nothing_back_to_its_end():
    inner, xs = small(T=2, B=1, hidden=2)
    report = rl.check_gradients(Scaled(inner), xs)
    assert report.passed
    assert {f.array for f in report.findings} == {f"inner.{name}" for name in ("W", "U", "b", "xs", "hs", "trace.hs")}


@dataclass(frozen=True, eq=False, repr=False)
class Clockwork(rl.Record):
    """A simple net whose unit n moves at every 2^n-th step alone: a step depends on t. Koutník et al. (2014)."""

    W: np.ndarray
    U: np.ndarray
    carries: ClassVar = ("hs",)

    def moves(self, t):
        return (t % 2 ** np.arange(len(self.U)) == 0).astype(float)

    def drive(self, x, h):
        return np.tanh(x @ self.W + h @ self.U)

    def forward(self, xs, h0=None):
        T, B, _ = xs.shape
        hs = np.zeros((T + 1, B, len(self.U)), np.result_type(xs, self.W))
        hs[0] = 0 if h0 is None else h0
        for t in range(1, T + 1):
            moves = self.moves(t)
            hs[t] = moves * self.drive(xs[t - 1], hs[t - 1]) + (1 - moves) * hs[t - 1]
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=0.0):
        xs, hs = trace.xs, trace.hs
        totals, das = np.concatenate([np.zeros_like(hs[:1]), dhs]), np.zeros_like(dhs)
        totals[-1] += dh_end
        for t in range(len(xs), 0, -1):
            moves = self.moves(t)
            das[t - 1] = totals[t] * moves * (1 - self.drive(xs[t - 1], hs[t - 1]) ** 2)
            totals[t - 1] += totals[t] * (1 - moves) + self.carried(das[t - 1])
        dW, dU = np.einsum("tbd,tbh->dh", xs, das), np.einsum("tbm,tbh->mh", hs[:-1], das)
        return rl.Gradients(self.like(W=dW, U=dU), das @ self.W.T, totals)

    def carried(self, da):
        return da @ self.U.T


class ClockworkNotTransposed(Clockwork):
    def carried(self, da):
        return da @ self.U


@dataclass(frozen=True, eq=False, repr=False)
class Centred(rl.Record):
    """A simple net whose pre-activations are centred over the batch at every step: its sequences see each other."""

    W: np.ndarray
    U: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        T, B, _ = xs.shape
        hs = np.zeros((T + 1, B, len(self.U)), np.result_type(xs, self.W))
        hs[0] = 0 if h0 is None else h0
        for t in range(1, T + 1):
            hs[t] = np.tanh(self.centred(xs[t - 1] @ self.W + hs[t - 1] @ self.U))
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=0.0):
        xs, hs = trace.xs, trace.hs
        totals, das = np.concatenate([np.zeros_like(hs[:1]), dhs]), np.zeros_like(dhs)
        totals[-1] += dh_end
        for t in range(len(xs), 0, -1):
            das[t - 1] = self.centred_back(totals[t] * (1 - hs[t] ** 2))
            totals[t - 1] += das[t - 1] @ self.U.T
        dW, dU = np.einsum("tbd,tbh->dh", xs, das), np.einsum("tbm,tbh->mh", hs[:-1], das)
        return rl.Gradients(self.like(W=dW, U=dU), das @ self.W.T, totals)

    def centred(self, a):
        return a - a.mean(axis=0)

    def centred_back(self, da):
        return da - da.mean(axis=0)


class CentredForwardsOnly(Centred):
    def centred_back(self, da):
        return da


@dataclass(frozen=True, eq=False, repr=False)
class Decay(rl.Record):
    """h[t] = k h[t-1] + x[t] W with one number k for all units, an array without axes."""

    W: np.ndarray
    k: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        T, B, _ = xs.shape
        hs = np.zeros((T + 1, B, self.W.shape[1]), np.result_type(xs, self.W))
        hs[0] = 0 if h0 is None else h0
        for t in range(1, T + 1):
            hs[t] = self.k * hs[t - 1] + xs[t - 1] @ self.W
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=0.0):
        totals = np.concatenate([np.zeros_like(trace.hs[:1]), dhs])
        totals[-1] += dh_end
        for t in range(len(dhs), 0, -1):
            totals[t - 1] += self.k * totals[t]
        dk = self.times * np.sum(totals[1:] * trace.hs[:-1])
        dW = np.einsum("tbd,tbh->dh", trace.xs, totals[1:])
        return rl.Gradients(self.like(W=dW, k=dk), totals[1:] @ self.W.T, totals)

    times: ClassVar = 1


class DecayTwice(Decay):
    times: ClassVar = 2


def unusual(kind, T=9, B=3):
    rng = np.random.default_rng(0)
    W, U = rng.standard_normal((2, 4)), 0.5 * rng.standard_normal((4, 4))
    return kind(W, np.array(0.8) if issubclass(kind, Decay) else U), rng.uniform(-1, 1, (T, B, 2))


@pytest.mark.parametrize("T", [1, 2, deep(9)])
@pytest.mark.parametrize("kind", [Clockwork, Centred, Decay])
@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_right_layer_that_is_unusual_passes(kind, T, oracle):
    report = rl.check_gradients(*unusual(kind, T), oracle=oracle)
    if oracle == "complex_step":
        assert report.passed
    else:  # of a gradient that is exactly 0 a difference knows nothing
        assert report.verdict in ("passed", "inconclusive")


@pytest.mark.parametrize("kind", [ClockworkNotTransposed, CentredForwardsOnly, DecayTwice])
def test_a_wrong_layer_that_is_unusual_is_caught(kind):
    caught(*unusual(kind))


@pytest.mark.parametrize("kind", [Clockwork, Centred])
def test_a_report_says_what_was_not_checked_where_a_step_depends_on_more(kind):
    report = rl.check_gradients(*unusual(kind))
    assert "A step depends on more than x[t] and the state (on t, or on the other sequences)" in report.note
    assert str(report).endswith(report.note)
    assert {f.line for f in report.findings} == {"steps 1 to 9 as a whole", "steps 1 to 3 as a whole"}
    wrong = {Clockwork: ClockworkNotTransposed, Centred: CentredForwardsOnly}[kind]
    assert f"{report.note} Which step is wrong is not known" in caught(*unusual(wrong))
    assert rl.check_gradients(*small()).note == ""


def test_a_layer_with_dropout_in_its_forward_is_told_that_it_does_not_repeat_itself():
    class Drops(rl.RNN):
        rng = np.random.default_rng(0)

        def forward(self, xs, h0=None):
            return rl.Trace(xs, super().forward(xs * self.rng.integers(0, 2, xs.shape), h0).hs)

    message = caught(*small(Drops))
    assert re.match(r"trace\.hs at timestep 1, sequence \d, unit \d is wrong: forward left ", message)
    assert "is each kept as is, and nothing drawn?" in message
