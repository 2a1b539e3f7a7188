"""A check that cannot fail is a defect: every piece of the museum is caught, and the plain backward is not."""

import numpy as np
import pytest

import museum
import rnnlab as rl
from deep import deep, one_in

T, B, N = 6, 2, 3  # D = H = N, so that a missing transpose of W has the right shape
PLAIN = {rl.RNN: museum.PlainRNN, rl.IndRNN: museum.PlainIndRNN}


def layer_of(kind, activation):
    """Generic weights: no unit saturated, none shut throughout, U not symmetric."""
    rng = np.random.default_rng(6)
    W, b = 0.4 * rng.standard_normal((N, N)), rng.uniform(0, 0.4, N)
    recurrent = 0.5 * rng.standard_normal((N, N)) if issubclass(kind, rl.RNN) else rng.uniform(0.4, 1.1, N)
    return kind(W, recurrent, b, activation)


def case(kind, activation):
    rng = np.random.default_rng(6)
    return layer_of(kind, activation), rng.uniform(-1, 1, (T, B, N)), rng.uniform(0, 1, (B, N))


def gated_case(kind):
    rng = np.random.default_rng(9)
    blocks, H = 4 if issubclass(kind, rl.LSTM) else 3, 2  # few numbers: finite differences move each many times
    W, U = 0.4 * rng.standard_normal((H, blocks * H)), 0.5 * rng.standard_normal((H, blocks * H))
    biases = rng.uniform(-0.4, 0.4, (1 if blocks == 4 else 2, blocks * H))
    starts = rng.uniform(-1, 1, (2 if blocks == 4 else 1, B, H))
    return kind(W, U, *biases), rng.uniform(-1, 1, (4, B, H)), *starts


def name_of(piece):
    return piece.__name__


every_plain = pytest.mark.parametrize("plain", [museum.PlainRNN, museum.PlainIndRNN], ids=name_of)
gated_pieces = pytest.mark.parametrize("piece", one_in(3, [*museum.LSTM_BUGS, *museum.GRU_BUGS]), ids=name_of)
every_gated_plain = pytest.mark.parametrize("plain", [museum.PlainLSTM, museum.PlainGRU], ids=name_of)
# Finite differences, the second opinion, are slow: of the pieces one in sixteen, in CI all.
some_pieces = pytest.mark.parametrize("piece", one_in(16, [*museum.RNN_BUGS, *museum.INDRNN_BUGS]), ids=name_of)
some_gated_pieces = pytest.mark.parametrize("piece", one_in(16, [*museum.LSTM_BUGS, *museum.GRU_BUGS]), ids=name_of)
every_activation = pytest.mark.parametrize("activation", museum.EVERY)


def failed(report):
    return {"U" if f.array == "u" else f.array for f in report.findings if f.verdict == "failed"}


def places():
    """Every piece with one activation where it shows, one where it does not, if there is; with the others if deep."""
    for number, piece in enumerate([*museum.RNN_BUGS, *museum.INDRNN_BUGS]):
        hides = [activation for activation in museum.EVERY if activation not in piece.shows]
        some = [side[number % len(side)] for side in (piece.shows, hides) if side]
        yield from ((piece, one) if one in some else deep(piece, one) for one in museum.EVERY)


@pytest.mark.parametrize(("piece", "activation"), [*places()], ids=lambda given: getattr(given, "__name__", given))
def test_the_check_catches_the_piece_wherever_its_bug_shows(piece, activation):
    if activation in piece.shows:
        with pytest.raises(rl.GradientError) as caught:
            rl.check_gradients(*case(piece, activation))
        assert caught.value.report.verdict == "failed"
        assert failed(caught.value.report) == piece.spoils
    else:
        assert rl.check_gradients(*case(piece, activation)).passed


@some_pieces
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_finite_differences_catch_it_too_at_ordinary_sizes(piece, activation):
    if activation in piece.shows:
        with pytest.raises(rl.GradientError):
            rl.check_gradients(*case(piece, activation), oracle="finite_difference")
    else:
        rl.check_gradients(*case(piece, activation), oracle="finite_difference")


@every_plain
@every_activation
@pytest.mark.parametrize("oracle", ["complex_step", deep("finite_difference")])
def test_the_plain_backward_passes(plain, activation, oracle):
    assert rl.check_gradients(*case(plain, activation), oracle=oracle).passed


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@every_activation
def test_the_plain_backward_gives_what_the_librarys_gives(kind, activation):
    layer, xs, h0 = case(kind, activation)
    plain = layer_of(PLAIN[kind], activation)
    dhs = np.random.default_rng(7).standard_normal((T, B, N))
    wanted = layer.backward(layer.forward(xs, h0), dhs).arrays()
    got = plain.backward(plain.forward(xs, h0), dhs).arrays()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=0, atol=1e-13 * np.abs(wanted[name]).max())


@gated_pieces
def test_the_check_catches_a_gated_piece_and_names_all_that_it_spoils(piece):
    with pytest.raises(rl.GradientError) as caught:
        rl.check_gradients(*gated_case(piece))
    assert caught.value.report.verdict == "failed"
    assert failed(caught.value.report) == piece.spoils


@some_gated_pieces
def test_finite_differences_catch_a_gated_piece_too(piece):
    with pytest.raises(rl.GradientError):
        rl.check_gradients(*gated_case(piece), oracle="finite_difference")


@every_gated_plain
@pytest.mark.parametrize("oracle", ["complex_step", deep("finite_difference")])
def test_the_plain_gated_backward_passes(plain, oracle):
    assert rl.check_gradients(*gated_case(plain), oracle=oracle).passed


@every_gated_plain
def test_the_plain_gated_backward_gives_what_the_librarys_gives(plain):
    (layer, xs, *starts), (own, *_) = gated_case(plain.__mro__[1]), gated_case(plain)
    assert type(layer) in (rl.LSTM, rl.GRU)
    rng = np.random.default_rng(7)
    dhs, dends = rng.standard_normal(xs.shape), rng.standard_normal((len(starts), *xs.shape[1:]))  # D = H
    wanted = layer.backward(layer.forward(xs, *starts), dhs, *dends).arrays()
    got = own.backward(own.forward(xs, *starts), dhs, *dends).arrays()
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=0, atol=1e-13 * np.abs(wanted[name]).max())


def vanishing(kind):
    """Sigmoid, 90 steps, the loss on the last alone: the gradient is under 1e-40 where they start."""
    layer, _, h0 = case(kind, "sigmoid")
    xs = np.random.default_rng(8).uniform(-1, 1, (90, B, N))
    dhs = np.zeros((90, B, N))
    dhs[-1] = 1
    return layer, xs, h0, dhs


@pytest.mark.parametrize("piece", museum.VANISHED_BUGS, ids=name_of)
def test_a_bug_that_only_a_vanished_gradient_has_is_caught(piece):
    layer, xs, h0, dhs = vanishing(piece)
    with pytest.raises(rl.GradientError) as caught:
        rl.check_gradients(layer, xs, h0, dhs=dhs)
    wrong = [f for f in caught.value.report.findings if f.verdict == "failed"]
    assert {f.array for f in wrong} == {"hs"}
    assert max(abs(f.wanted) for f in wrong) < 1e-28
    assert min(f.error for f in wrong) > 0.9e-3


@pytest.mark.parametrize("piece", museum.VANISHED_BUGS, ids=name_of)
def test_one_step_at_a_time_finite_differences_see_it_as_well(piece):
    layer, xs, h0, dhs = vanishing(piece)
    with pytest.raises(rl.GradientError, match=r"^hs at timestep \d+, "):
        rl.check_gradients(layer, xs, h0, dhs=dhs, oracle="finite_difference")


@every_plain
def test_without_a_bug_the_same_vanished_gradient_passes(plain):
    layer, xs, h0, dhs = vanishing(plain)
    assert np.abs(layer.backward(layer.forward(xs, h0), dhs).hs[0]).max() < 1e-40
    assert rl.check_gradients(layer, xs, h0, dhs=dhs).passed


@every_activation
def test_a_backward_of_zeros_is_named_for_what_it_is(activation):
    piece = next(piece for piece in museum.RNN_BUGS if piece.__name__ == "AllZeroInRNN")
    with pytest.raises(rl.GradientError, match="hs is exactly zero at the last step already"):
        rl.check_gradients(*case(piece, activation))


def test_the_museum_holds_enough():
    assert len(museum.RNN_BUGS) >= 8
    assert len(museum.INDRNN_BUGS) >= 7
    assert len(museum.LSTM_BUGS) >= 7
    assert len(museum.GRU_BUGS) >= 7
