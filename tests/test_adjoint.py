"""The adjoint test: two numbers that are equal for a right backward, and how far apart roundoff may leave them."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import museum
import rnnlab as rl
from deep import one_in
from planted import EPS
from rnnlab.gradcheck.verdict import PLACES
from rnnlab.testing import KINDS, cases
from rnnlab.trace import FeedforwardGradients, FeedforwardTrace

every_kind = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=max(3, settings.default.max_examples // 8))


@every_kind
@given(data=st.data())
@few
def test_a_right_backward_is_the_transpose_of_its_forward(kind, data):
    case = data.draw(cases(KINDS[kind], ["as made"]))
    # At most 6 steps, each a sum of at most 10 products that are rounded and passed on.
    assert rl.adjoint_test(case.layer, case.xs, *case.starts).error <= 6 * 10 * EPS


@pytest.mark.parametrize("gain", [0.01, 2.0, 8.0])
def test_it_holds_where_the_gradient_vanished_and_where_the_net_is_chaotic(gain):
    rng = np.random.default_rng(0)
    layer = rl.RNN(rng.standard_normal((2, 16)), gain / 4 * rng.standard_normal((16, 16)), np.zeros(16))
    assert rl.adjoint_test(layer, 0.5 * rng.standard_normal((150, 2, 2))).error <= 4096 * EPS


def museum_case(piece):
    rng = np.random.default_rng(6)
    blocks = 4 if issubclass(piece, rl.LSTM) else 3 if issubclass(piece, rl.GRU) else 1
    W, b = 0.4 * rng.standard_normal((3, blocks * 3)), rng.uniform(0, 0.4, (1 + issubclass(piece, rl.GRU), blocks * 3))
    U = rng.uniform(0.4, 1.1, 3) if issubclass(piece, rl.IndRNN) else 0.5 * rng.standard_normal((3, blocks * 3))
    activation = ("sigmoid",) if blocks == 1 else ()
    return piece(W, U, *b, *activation), rng.uniform(-1, 1, (6, 2, 3))


every_bug = [*museum.RNN_BUGS, *museum.INDRNN_BUGS, *museum.LSTM_BUGS, *museum.GRU_BUGS]


@pytest.mark.parametrize("piece", one_in(2, every_bug), ids=lambda piece: piece.__name__)
def test_every_piece_of_the_museum_fails_the_adjoint_test(piece):
    layer, xs = museum_case(piece)
    error = rl.adjoint_test(layer, xs, *(np.full((2, 3), 0.5) for _ in layer.carries)).error
    if piece is museum.CellsTotalWithTheOutputs:  # spoils totals in between alone, which stand in neither product
        assert error <= 64 * EPS
    else:
        assert error > 1e-6


@pytest.mark.parametrize("plain", [museum.PlainRNN, museum.PlainIndRNN, museum.PlainLSTM, museum.PlainGRU])
def test_the_plain_backwards_pass_it(plain):
    assert rl.adjoint_test(*museum_case(plain)).error <= 64 * EPS


def test_a_fault_of_a_vanished_gradient_has_no_share_in_it():
    class Cut(rl.IndRNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.hs[abs(grads.hs) < 1e-20] = 0
            return grads

    rng = np.random.default_rng(0)
    layer, xs = Cut(rng.standard_normal((2, 2)), np.array([1.0, 0.05]), np.zeros(2), "identity"), np.ones((60, 1, 2))
    dhs = np.zeros((60, 1, 2))
    dhs[-1] = 1
    assert rl.adjoint_test(layer, xs).error <= 4096 * EPS
    with pytest.raises(rl.GradientError):
        rl.check_gradients(layer, xs, dhs=dhs)


def test_it_repeats_itself_and_another_generator_draws_other_numbers():
    layer, xs = museum_case(museum.PlainRNN)
    assert rl.adjoint_test(layer, xs) == rl.adjoint_test(layer, xs)
    assert rl.adjoint_test(layer, xs) != rl.adjoint_test(layer, xs, rng=np.random.default_rng(1))


def test_a_backward_that_is_right_from_a_start_of_zeros_alone_is_found_from_another():
    class StartLeftOut(rl.RNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.params.U[...] -= trace.hs[0].T @ (grads.hs[1] * self.activation.slope(trace.hs[1]))
            return grads

    layer, xs = museum_case(StartLeftOut)
    assert rl.adjoint_test(layer, xs).error <= 64 * EPS
    assert rl.adjoint_test(layer, xs, np.full((2, 3), 0.5)).error > 1e-6


@pytest.mark.parametrize("kind", [rl.RNN, rl.LSTM, rl.GRU])
def test_a_layer_in_float32_is_given_float32_and_is_right_to_its_places(kind):
    rng = np.random.default_rng(0)
    layer = kind.init(rng, inputs=2, hidden=3, dtype=np.float32)
    assert rl.adjoint_test(layer, rng.uniform(-1, 1, (5, 2, 2)).astype(np.float32)).error <= 64 * 2.0**-23


@pytest.mark.parametrize("reads", ["last", "every"])
def test_a_network_that_reads_integers_is_tested_by_all_its_floats(reads):
    rng = np.random.default_rng(0)
    layers = rl.Embedding.init(rng, symbols=5, outputs=2), rl.LSTM.init(rng, inputs=2, hidden=3)
    network = rl.Network(layers, rl.Dense.init(rng, inputs=3, outputs=2), reads)
    assert rl.adjoint_test(network, rng.integers(0, 5, (4, 2))).error <= 64 * EPS


def test_integers_are_not_moved_whatever_a_backward_gives_for_them():
    class Talkative(rl.Embedding):
        def backward(self, trace, dys):
            return replace(super().backward(trace, dys), xs=np.ones(trace.xs.shape))

    rng = np.random.default_rng(0)
    assert rl.adjoint_test(Talkative.init(rng, symbols=5, outputs=2), rng.integers(0, 5, (4, 2))).error <= 64 * EPS


def test_it_holds_where_a_change_grows_beyond_what_a_complex_step_may_be():
    # ε = 1e-170 of 1e200, in the middle of three steps of 1e100 each, would be no small change.
    layer = rl.RNN(np.ones((1, 1)), np.full((1, 1), 1e100), np.zeros(1))
    sides = rl.adjoint_test(layer, np.zeros((3, 1, 1)))
    assert abs(sides.forward) > 1e298
    assert sides.error <= 8 * EPS


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {"activation": name}) for kind in (rl.RNN, rl.IndRNN) for name in ("relu", "leaky_relu", "tanh")),
        *((rl.LSTM, {}), (rl.GRU, {})),
    ],
)
def test_it_holds_where_all_is_zero_at_first_though_a_relu_has_its_kink_there(kind, options):
    layer = kind.init(np.random.default_rng(0), inputs=2, hidden=3, **options)
    xs = np.zeros((5, 2, 2))
    assert rl.adjoint_test(layer, xs).error <= 64 * EPS
    xs[3:] = 1
    assert rl.adjoint_test(layer, xs).error <= 64 * EPS


class NoBias(rl.Record):
    W: np.ndarray
    U: np.ndarray


class BiasMissing(rl.RNN):
    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        return replace(grads, params=NoBias(grads.params.W, grads.params.U))


@dataclass(frozen=True, eq=False, repr=False)
class WithoutStart(rl.Gradients):
    dstarts: ClassVar = ()


class StartMissing(rl.RNN):
    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        return WithoutStart(grads.params, grads.xs, grads.hs)


@dataclass(frozen=True, eq=False, repr=False)
class WithoutEnd(rl.Trace):
    ends: ClassVar = ()


class EndMissing(rl.RNN):
    def forward(self, xs, h0=None):
        return WithoutEnd(xs, super().forward(xs, h0).hs)


@pytest.mark.parametrize("check", [rl.adjoint_test, rl.check_gradients])
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (BiasMissing, r"^backward must return a gradient \(3,\) for b; got nothing$"),
        (StartMissing, r"^backward must return a gradient for the start of each of \('hs',\); got 0$"),
        (EndMissing, r"^EndMissing.forward must leave an end for each of \('hs',\); got 0$"),
    ],
)
def test_a_layer_that_leaves_something_out_is_refused_and_not_tested_by_the_rest(kind, says, check):
    with pytest.raises(ValueError, match=says):
        check(*museum_case(kind))


# What roundoff is allowed


def test_what_differs_from_call_to_call_is_not_taken_for_roundoff():
    class Noisy(rl.RNN):
        noise: ClassVar = np.random.default_rng(0)

        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            return grads.map(lambda array: array * self.noise.uniform(0.99, 1.01, array.shape))

    assert rl.adjoint_test(*museum_case(Noisy)).error > 1e-6


class Squashed(rl.Record):
    """y = (1e6 tanh x[0], tanh x[1]); at x[0] = 10 the slope 1 - tanh² has half its digits.

    `wrong` is a factor of dx[1].
    """

    wrong: float = 1.0
    carries: ClassVar = ()

    def forward(self, xs):
        return FeedforwardTrace(xs, np.tanh(xs) * [1e6, 1])

    def backward(self, trace, dys):
        slope = 1 - (trace.ys / [1e6, 1]) ** 2
        return FeedforwardGradients(self, dys * slope * [1e6, self.wrong])


class Given(np.random.Generator):
    """A generator whose normal numbers are those given to it, array by array."""

    def __init__(self, *arrays):
        super().__init__(np.random.PCG64(0))
        self.arrays = [np.array([array], float) for array in arrays]

    def standard_normal(self, shape):
        return self.arrays.pop(0)


def test_roundoff_of_an_entry_counts_by_how_far_that_entry_is_moved():
    # The slope at 10 is 8e-9, and its roundoff a few places of 1: all of what is left of v[0] w[0] · 1e6.
    xs = np.array([[10.0, 0.5]])
    sides = rl.adjoint_test(Squashed(), xs, rng=Given([1000, 0], [1, 1]))
    assert 0.5e9 < sides.terms < 8e9
    assert abs(sides.forward - sides.backward) > PLACES * EPS * abs(sides.forward)
    assert sides.error <= 2 * EPS
    # Where that entry is not moved at all, it excuses nothing.
    assert rl.adjoint_test(Squashed(1.01), xs, rng=Given([0, 1], [1, 1])).error > 1e-4
