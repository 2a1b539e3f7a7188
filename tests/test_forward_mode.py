"""Forward mode: a derivation that shares no line with a backward, and agrees with every right one."""

import tracemalloc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from planted import EPS
from rnnlab.gradcheck.forward_mode import of_steps
from rnnlab.testing import KINDS, cases

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


def test_forward_mode_of_an_rnn_keeps_nothing_of_the_run():
    # Its trace is 3,600 numbers and P 288; J[t] and F[t] of all steps would be 194,400.
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=1, hidden=6)
    xs, dhs = rng.standard_normal((300, 2, 1)), rng.standard_normal((300, 2, 6))
    tracemalloc.start()
    rl.forward_mode(layer, xs, dhs=dhs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 20_000


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


class Drifting(rl.Record):
    """h[t] = scale · tanh(x[t] W) (1 + drift (t - 1)): a single step, which is a first one, has no drift."""

    W: np.ndarray
    scale: float
    drift: float
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = [np.zeros((xs.shape[1], self.W.shape[1]), xs.dtype)]
        hs += [self.scale * np.tanh(x @ self.W) * (1 + self.drift * t) for t, x in enumerate(xs)]
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=None):
        return rl.Gradients(self, trace.xs, trace.hs)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_a_single_step_may_differ_from_the_run_by_what_is_roundoff_in_float32_and_by_no_more(scale):
    # h[2] is one number; a place of float32 is 1.2e-7 of it.
    xs, ys = np.ones((2, 1, 1)), np.ones((2, 1, 1))
    alike, apart = (Drifting(np.ones((1, 1)), scale, drift) for drift in (1.2e-7, 3e-6))
    rl.forward_mode(alike, xs, dhs=ys)
    rl.adjoint_test(alike, xs)
    says = r"^a step of Drifting depends on more than x\[t\] and the state"
    with pytest.raises(ValueError, match=says):
        rl.forward_mode(apart, xs, dhs=ys)
    with pytest.raises(ValueError, match=says):
        rl.adjoint_test(apart, xs)


class Folded(rl.Record):
    """An IndRNN whose state is a matrix of two rows for each sequence, (B, 2, H / 2)."""

    W: np.ndarray
    u: np.ndarray
    b: np.ndarray
    carries: ClassVar = ("hs",)

    def flat(self):
        return rl.IndRNN(self.W, self.u, self.b, "tanh")

    def forward(self, xs, h0):
        hs = self.flat().forward(xs, h0.reshape(len(h0), -1)).hs
        return rl.Trace(xs, hs.reshape(*hs.shape[:2], 2, -1))

    def backward(self, trace, dhs, dh_end): ...


def test_a_state_may_have_more_than_one_axis():
    rng = np.random.default_rng(0)
    layer = Folded(rng.uniform(-1, 1, (2, 6)), rng.uniform(-1, 1, 6), rng.uniform(-1, 1, 6))
    xs, h0, dhs, dh_end = (rng.uniform(-1, 1, shape) for shape in [(4, 3, 2), (3, 6), (4, 3, 6), (3, 6)])
    flat = rl.forward_mode(layer.flat(), xs, h0, dhs=dhs, dends=(dh_end,))
    folded = rl.forward_mode(
        layer, xs, h0.reshape(3, 2, 3), dhs=dhs.reshape(4, 3, 2, 3), dends=(dh_end.reshape(3, 2, 3),)
    )
    agree(folded, rl.gradcheck.ForwardGradients(flat.params, (flat.dstarts[0].reshape(3, 2, 3),)), within=1e-12)


class Wired(rl.Record):
    """An RNN each of whose units reads one other, h[t, n] = tanh(x[t] W[:, n] + u[n] h[t-1, reads[n]])."""

    reads: np.ndarray  # integers
    W: np.ndarray
    u: np.ndarray
    carries: ClassVar = ("hs",)

    def full(self):
        H = len(self.u)
        U = np.zeros((H, H), self.u.dtype)
        U[self.reads, range(H)] = self.u
        return rl.RNN(self.W, U, np.zeros(H, U.dtype))

    def forward(self, xs, h0=None):
        return self.full().forward(xs, h0)

    def backward(self, trace, dhs, *dends):
        grads = self.full().backward(trace, dhs, *dends)
        du = grads.params.U[self.reads, range(len(self.u))]
        return rl.Gradients(self.like(reads=np.zeros_like(self.reads), W=grads.params.W, u=du), grads.xs, grads.hs)


def test_an_array_of_integers_has_no_gradient_and_the_others_have_theirs():
    rng = np.random.default_rng(0)
    layer = Wired(np.array([2, 0, 1]), rng.uniform(-1, 1, (2, 3)), rng.uniform(-1, 1, 3))
    xs, dhs = rng.uniform(-1, 1, (4, 2, 2)), rng.uniform(-1, 1, (4, 2, 3))
    agree(rl.forward_mode(layer, xs, dhs=dhs), of_backward(layer, xs, (), dhs, ()), within=1e-12)
    assert rl.adjoint_test(layer, xs).error <= 64 * EPS


def test_what_does_not_fit_is_refused():
    layer, xs = rl.IndRNN.init(np.random.default_rng(0), inputs=2, hidden=3), np.ones((4, 2, 2))
    with pytest.raises(ValueError, match=r"^dhs must be \(4, 2, 3\) like the outputs; got \(4, 2, 2\)$"):
        rl.forward_mode(layer, xs, dhs=xs)
    with pytest.raises(TypeError, match=r"^layer must be a layer"):
        rl.forward_mode(xs, xs, dhs=xs)
