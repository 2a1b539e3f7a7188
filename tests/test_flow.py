"""Where the gradient goes: the norms, the rates that are fitted to them, and the bound that no run may break."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.testing import KINDS, case

flow = rl.flow
EVERY_ACTIVATION = ("sigmoid", "tanh", "relu", "leaky_relu", "identity")
seeds = st.integers(0, 2**32 - 1)


def small(dtype=np.float64, **options):
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=2, hidden=4, dtype=dtype, **options)
    return layer, rng.standard_normal((6, 3, 2)).astype(dtype)


# Norms


@pytest.mark.parametrize("kind", KINDS)
def test_the_norms_are_those_of_the_gradient_with_the_loss_on_the_last_step_alone(kind):
    one = case(KINDS[kind], T=5, B=3, D=2, H=4)
    dhs = np.zeros_like(one.dys)
    dhs[-1] = 1
    hs = one.layer.backward(one.forward(), dhs).hs
    got = flow.gradient_norms(one.layer, one.xs, *one.starts)
    assert got.shape == (6, 3)
    for t in range(6):
        for s in range(3):
            assert got[t, s] == pytest.approx(math.sqrt(sum(float(dh) ** 2 for dh in hs[t, s])), rel=1e-14)


def test_the_last_norm_is_that_of_ones_unless_the_gradient_there_is_given():
    layer, xs = small()
    np.testing.assert_allclose(flow.gradient_norms(layer, xs)[-1], 2.0, rtol=1e-15)
    dh = np.array([[3.0, 4, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(flow.gradient_norms(layer, xs, dh=dh)[-1], [5, 0, 1], rtol=1e-15)


def test_the_norms_start_from_the_given_state():
    layer, xs = small()
    assert (flow.gradient_norms(layer, xs, np.ones((3, 4)))[0] != flow.gradient_norms(layer, xs)[0]).all()


def test_the_norms_of_a_float32_layer_are_float64():
    assert flow.gradient_norms(*small(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("dh", "error", "message"),
    [
        (np.ones((2, 4)), ValueError, "dh must be (B, H) with B = 3 to match xs; got (2, 4)"),
        (np.ones((3, 5)), ValueError, "dh must be (B, H) with H = 4 to match the layer; got (3, 5)"),
        (
            np.ones((3, 4), np.float32),
            TypeError,
            "dh must be float64 like the parameters; got float32: convert one of the two",
        ),
        (np.full((3, 4), np.nan), ValueError, "dh must be finite; got nan at dh[0, 0]"),
    ],
)
def test_a_gradient_at_the_last_step_that_does_not_fit_is_refused(dh, error, message):
    layer, xs = small()
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        flow.gradient_norms(layer, xs, dh=dh)


def test_inputs_that_do_not_fit_are_refused():
    layer, xs = small()
    with pytest.raises(ValueError, match=r"^xs must be \(T, B, D\) with D = 2"):
        flow.gradient_norms(layer, xs[:, :, :1])


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e-160, 1.0, 1e160, 1e200, 1e307])
def test_a_norm_survives_where_the_squares_of_its_entries_do_not(size):
    vectors = size * np.array([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]])
    with np.errstate(all="raise", under="ignore"):
        got = flow.norms(vectors)
    assert got[1] == 0
    np.testing.assert_allclose(got[[0, 2]] / size, [5, 13], rtol=1e-15 if size > 1e-300 else 1e-3)


def test_a_vanishing_gradient_is_followed_down_to_1e_200():
    layer = rl.RNN.irnn(np.random.default_rng(0), inputs=1, hidden=3, scale=0.01)
    norms = flow.gradient_norms(layer, np.zeros((100, 1, 1)), np.ones((1, 3)))
    np.testing.assert_allclose(norms[:, 0], math.sqrt(3) * 0.01 ** np.arange(100, -1, -1.0), rtol=1e-12)


# Rates


@st.composite
def exponentials(draw):
    """T, a rate, and norms exp(-rate · steps back), as they vanish towards t = 0 or grow."""
    T, rate, size = draw(st.integers(1, 60)), draw(st.floats(-5, 5)), draw(st.floats(-100, 100))
    return rate, np.exp(size - rate * np.arange(T, -1, -1.0))


@given(exponential=exponentials())
def test_the_rate_of_an_exponential_is_found_exactly(exponential):
    rate, norms = exponential
    # log rounds numbers up to 400 by 3e-14 each.
    assert float(flow.decay_rate(norms)) == pytest.approx(rate, abs=1e-12)


@given(exponential=exponentials(), seed=seeds)
def test_zeros_are_left_out_of_the_rate(exponential, seed):
    rate, norms = exponential
    lost = np.random.default_rng(seed).random(len(norms)) < 0.4
    assume((~lost).sum() >= 2)
    assert float(flow.decay_rate(np.where(lost, 0, norms))) == pytest.approx(rate, abs=1e-12)


def test_a_gradient_that_vanishes_backwards_has_a_positive_rate():
    assert flow.decay_rate(np.array([0.25, 0.5, 1.0])) == pytest.approx(math.log(2))
    assert flow.decay_rate(np.array([1.0, 1.0, 1.0])) == 0
    assert flow.decay_rate(np.array([4.0, 2.0, 1.0])) == pytest.approx(-math.log(2))


def test_the_rate_is_the_least_squares_slope():
    log = np.array([0.3, -1.0, 2.0, 0.7, 1.1])
    slope, _ = np.polynomial.polynomial.polyfit(np.arange(5), log, 1)[::-1]
    assert flow.decay_rate(np.exp(log)) == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("instrument", [flow.decay_rate, flow.half_life])
@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_numbers_of_another_type_are_taken_in_float64(instrument, dtype):
    numbers = np.array([7, 3, 2]).astype(dtype)
    assert instrument(numbers).dtype == np.float64
    np.testing.assert_array_equal(instrument(numbers), instrument(numbers.astype(np.float64)))


def test_two_norms_make_a_rate_whatever_is_lost_beside_them():
    assert flow.decay_rate(np.array([0.0, 1.0, 4.0])) == pytest.approx(math.log(4), rel=1e-15)
    assert flow.decay_rate(np.array([1.0, 0.0, 4.0])) == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize("norms", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 2.0]])
def test_what_is_lost_at_once_has_an_infinite_rate(norms):
    assert flow.decay_rate(np.array(norms)) == np.inf


def test_each_sequence_has_a_rate_of_its_own():
    t = np.arange(5.0)
    norms = np.stack([np.exp(t), np.ones(5), np.exp(-2 * t), [0, 0, 0, 0, 1]], axis=1).reshape(5, 2, 2)
    np.testing.assert_allclose(flow.decay_rate(norms), [[1, 0], [-2, np.inf]], atol=1e-14)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (1, 3), (0, 3)])
def test_a_rate_needs_two_timesteps(shape):
    message = f"norms must be (T+1, ...) with T ≥ 1; got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        flow.decay_rate(np.ones(shape))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
def test_a_norm_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match=r"^norms must be finite and ≥ 0; got one that is not: did the run explode\?$"):
        flow.decay_rate(np.array([1.0, bad, 1.0]))


@given(rate=st.floats(-10, 10).filter(lambda rate: abs(rate) > 1e-6))
def test_after_a_half_life_half_is_left(rate):
    assert math.exp(-rate * float(flow.half_life(rate))) == pytest.approx(0.5, rel=1e-12)


def test_the_half_life_of_what_is_kept_is_infinite_and_of_what_is_lost_at_once_nothing():
    np.testing.assert_array_equal(flow.half_life([0.0, np.inf, math.log(2), -math.log(2)]), [np.inf, 0, 1, -1])


# Bounds


@pytest.mark.parametrize(
    ("activation", "slope"), [("sigmoid", 0.25), ("tanh", 1), ("relu", 1), ("leaky_relu", 1), ("identity", 1)]
)
def test_the_bound_is_the_largest_slope_times_the_largest_singular_value(activation, slope):
    rotation = np.array([[0.6, 0.8], [-0.8, 0.6]])
    U = rotation @ np.diag([3.0, 0.5]) @ rotation
    layer = rl.RNN(np.ones((1, 2)), U, np.zeros(2), activation)
    assert flow.pascanu_bound(layer) == pytest.approx(3 * slope, rel=1e-14)


def test_the_bound_of_an_indrnn_is_the_largest_slope_times_the_largest_weight():
    u = np.array([0.5, -2.0, 1.5])
    assert flow.pascanu_bound(rl.IndRNN(np.ones((1, 3)), u, np.zeros(3))) == 2.0
    assert flow.pascanu_bound(rl.IndRNN(np.ones((1, 3)), u, np.zeros(3), "sigmoid")) == 0.5


def test_a_bound_is_a_plain_number():
    assert type(flow.pascanu_bound(small()[0])) is float


def test_the_bound_of_another_layer_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"^pascanu_bound is for RNN and IndRNN; got LSTM$"):
        flow.pascanu_bound(rl.LSTM.init(rng, inputs=2, hidden=3))
    with pytest.raises(TypeError, match=r"^pascanu_bound is for recurrent layers; Dense carries no state$"):
        flow.pascanu_bound(rl.Dense.init(rng, inputs=2, outputs=3))
    with pytest.raises(TypeError, match=r"^layer must be a layer"):
        flow.pascanu_bound(3)


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
@pytest.mark.parametrize("activation", EVERY_ACTIVATION)
@given(seed=seeds, H=st.integers(1, 6), scale=st.floats(0.05, 3))
def test_no_step_back_enlarges_the_gradient_by_more_than_the_bound(kind, activation, seed, H, scale):
    rng = np.random.default_rng(seed)
    recurrent = rl.initializers.get("random_normal", stddev=scale / math.sqrt(H) if kind is rl.RNN else scale)
    layer = kind.init(rng, inputs=2, hidden=H, activation=activation, recurrent_initializer=recurrent)
    xs, dh = rng.standard_normal((8, 2, 2)), rng.standard_normal((2, H))
    norms = flow.gradient_norms(layer, xs, rng.standard_normal((2, H)), dh=dh)
    assert (norms[:-1] <= flow.pascanu_bound(layer) * norms[1:] * (1 + 1e-13)).all()


def test_a_linear_net_can_reach_the_bound():
    layer = rl.RNN(np.ones((1, 2)), np.diag([2.0, 0.5]), np.zeros(2), "identity")
    norms = flow.gradient_norms(layer, np.zeros((5, 1, 1)), dh=np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(norms[:-1] / norms[1:], flow.pascanu_bound(layer), rtol=1e-15)


# What the survey and the papers say


@given(seed=seeds, H=st.integers(1, 8), T=st.integers(2, 40))
@pytest.mark.parametrize("recurrent_initializer", ["glorot_uniform", "orthogonal"])
def test_a_sigmoid_net_forgets_at_least_as_fast_as_a_quarter_of_sigma_max_per_step(recurrent_initializer, seed, H, T):
    rng = np.random.default_rng(seed)
    layer = rl.RNN.init(rng, inputs=3, hidden=H, activation="sigmoid", recurrent_initializer=recurrent_initializer)
    norms = flow.gradient_norms(layer, rng.standard_normal((T, 2, 3)))
    slowest = -math.log(0.25 * np.linalg.svd(layer.U, compute_uv=False)[0])
    assert (flow.decay_rate(norms) >= slowest - 1e-12).all()


@given(seed=seeds, H=st.integers(1, 8), T=st.integers(1, 60))
def test_without_input_an_irnn_forgets_nothing(seed, H, T):
    rng = np.random.default_rng(seed)
    layer = rl.RNN.irnn(rng, inputs=2, hidden=H)
    norms = flow.gradient_norms(layer, np.zeros((T, 2, 2)), rng.uniform(0.01, 1, (2, H)))
    assert (np.abs(flow.decay_rate(norms)) < 1e-12).all()


def test_an_orthogonal_tanh_net_forgets_more_slowly_than_a_glorot_one():
    def median_rate(recurrent_initializer):
        rates = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            layer = rl.RNN.init(
                rng, inputs=2, hidden=30, activation="tanh", recurrent_initializer=recurrent_initializer
            )
            rates.append(flow.decay_rate(flow.gradient_norms(layer, rng.standard_normal((60, 4, 2)))))
        return np.median(rates)

    assert 0 < median_rate("orthogonal") < median_rate("glorot_uniform")
