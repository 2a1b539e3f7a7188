"""Forward mode and the adjoint test: derivations that share no line with a backward, and agree with every right one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import museum
import rnnlab as rl
from rnnlab.gradcheck.forward_mode import of_steps
from rnnlab.testing import KINDS, cases

EPS = float(np.finfo(np.float64).eps)
every_kind = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=max(3, settings.default.max_examples // 8))


def agree(one, other, within):
    """All arrays of two records are as close as `within` says, on the scale of the largest number of either."""
    ours, theirs = one.arrays(), other.arrays()
    assert ours.keys() == theirs.keys()
    scale = max(1.0, *(abs(array).max() for array in ours.values()))
    for name, array in ours.items():
        assert array.shape == theirs[name].shape, name
        assert abs(array - theirs[name]).max() <= within * scale, name


def of_backward(layer, xs, starts, dys, dends):
    grads = layer.backward(layer.forward(xs, *starts), dys, *dends)
    return rl.gradcheck.ForwardGradients(grads.params, tuple(grads.dstarts))


def of_complex_step(layer, xs, starts, dys, dends):
    """Im L(θ + iε) / ε of the whole run, entry by entry."""

    def gradient(record, loss):
        moving = record.map(lambda array: array.astype(complex))
        result = record.map(np.zeros_like)
        for name, array in moving.arrays().items():
            for index in np.ndindex(array.shape):
                array[index] += 1e-20j
                result.arrays()[name][index] = loss(moving).imag / 1e-20
                array[index] -= 1e-20j
        return result

    def loss(layer, starts):
        trace = layer.forward(xs.astype(complex), *(start.astype(complex) for start in starts))
        return np.sum(dys * trace.ys) + sum(np.sum(d * end) for d, end in zip(dends, trace.ends, strict=True))

    in_complex = layer.map(lambda array: array.astype(complex))
    params = gradient(layer, lambda moving: loss(moving, starts))
    from_start = gradient(
        rl.gradcheck.ForwardGradients(None, tuple(starts)), lambda each: loss(in_complex, each.dstarts)
    )
    return rl.gradcheck.ForwardGradients(params, from_start.dstarts)


@every_kind
@given(data=st.data())
@few
def test_forward_mode_backpropagation_and_the_complex_step_agree(kind, data):
    # The cases hold |dh| and |P| to a few hundred at most, so 1e-10 is 1e4 times the roundoff of their sums.
    case = data.draw(cases(KINDS[kind], ["as made"]))
    forward = rl.forward_mode(case.layer, case.xs, *case.starts, dhs=case.dys, dends=case.dends)
    given_ = case.layer, case.xs, case.starts, case.dys, case.dends
    agree(forward, of_backward(*given_), within=1e-10)
    agree(forward, of_complex_step(*given_), within=1e-10)


@pytest.mark.parametrize("kind", ["RNN tanh", "RNN relu", "IndRNN tanh", "IndRNN relu"])
@given(data=st.data())
@few
def test_what_is_written_by_hand_is_what_single_steps_give(kind, data):
    case = data.draw(cases(KINDS[kind], ["as made"]))
    by_hand = rl.forward_mode(case.layer, case.xs, *case.starts, dhs=case.dys, dends=case.dends)
    agree(by_hand, of_steps(case.layer, case.xs, case.forward(), case.dys, case.dends), within=1e-12)


def stack(reads):
    rng = np.random.default_rng(1)
    layers = (rl.RNN.init(rng, inputs=3, hidden=4), rl.Residual(rl.LSTM.init(rng, inputs=4, hidden=4)))
    return rl.Network(layers, rl.Dense.init(rng, inputs=4, outputs=2), reads), rng.uniform(-1, 1, (6, 2, 3))


def without_states():
    rng = np.random.default_rng(2)
    yield rl.Dense.init(rng, inputs=3, outputs=2), rng.standard_normal((5, 3))
    yield rl.BatchNorm.init(inputs=3), rng.standard_normal((4, 2, 3))
    yield rl.Conv2D.init(rng, channels=2, filters=2, size=(2, 2)), rng.standard_normal((2, 4, 4, 2))
    yield rl.Embedding.init(rng, symbols=5, outputs=3), rng.integers(0, 5, (4, 2))


@pytest.mark.parametrize(
    ("layer", "xs"), [stack("last"), stack("every"), *without_states()], ids=lambda value: type(value).__name__
)
def test_networks_and_layers_without_states_agree_too(layer, xs):
    dys = np.random.default_rng(0).standard_normal(layer.forward(xs).ys.shape)
    agree(rl.forward_mode(layer, xs, dhs=dys), of_backward(layer, xs, (), dys, ()), within=1e-12)
    assert rl.adjoint_test(layer, xs).error <= 8 * EPS


def test_forward_mode_of_an_indrnn_holds_as_many_numbers_as_it_has_weights():
    # An RNN's would be 3,000 for each of 9,009,000 weights: 216 GB.
    rng = np.random.default_rng(0)
    layer, xs = rl.IndRNN.init(rng, inputs=2, hidden=3000), rng.standard_normal((3, 1, 2))
    dhs = rng.standard_normal((3, 1, 3000))
    agree(rl.forward_mode(layer, xs, dhs=dhs), of_backward(layer, xs, (), dhs, ()), within=1e-12)


def test_forward_mode_keeps_a_vanished_gradient_to_its_last_digits():
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=2, hidden=3, activation="sigmoid")
    xs, dhs = rng.uniform(-1, 1, (150, 1, 2)), np.zeros((150, 1, 3))
    dhs[-1] = 1
    (got,), (wanted,) = rl.forward_mode(layer, xs, dhs=dhs).dstarts, layer.backward(layer.forward(xs), dhs).dstarts
    assert abs(wanted).max() < 1e-90
    np.testing.assert_allclose(got, wanted, rtol=150 * 16 * EPS)  # 150 factors, of three terms and a slope each


@dataclass(frozen=True, eq=False, repr=False)
class Fading(rl.Record):
    """h[t] = tanh(x[t] W / t + h[t-1]): a step depends on t."""

    W: np.ndarray
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = np.zeros((len(xs) + 1, xs.shape[1], self.W.shape[1]), np.result_type(xs, self.W))
        for t in range(1, len(hs)):
            hs[t] = np.tanh(xs[t - 1] @ self.W / t + hs[t - 1])
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=None):
        return rl.Gradients(self, trace.xs, trace.hs)


def test_a_step_that_depends_on_its_number_has_no_forward_mode():
    xs, ys = np.ones((4, 2, 2)), np.ones((4, 2, 3))
    says = r"^a step of Fading depends on more than x\[t\] and the state"
    with pytest.raises(ValueError, match=says):
        rl.forward_mode(Fading(np.ones((2, 3))), xs, dhs=ys)
    with pytest.raises(ValueError, match=says):
        rl.adjoint_test(Fading(np.ones((2, 3))), xs)


def test_what_does_not_fit_is_refused():
    layer, xs = rl.IndRNN.init(np.random.default_rng(0), inputs=2, hidden=3), np.ones((4, 2, 2))
    with pytest.raises(ValueError, match=r"^dhs must be \(4, 2, 3\) like the outputs; got \(4, 2, 2\)$"):
        rl.forward_mode(layer, xs, dhs=xs)
    with pytest.raises(TypeError, match=r"^layer must be a layer"):
        rl.forward_mode(xs, xs, dhs=xs)


# The adjoint test


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


@pytest.mark.parametrize("piece", every_bug, ids=lambda piece: piece.__name__)
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
