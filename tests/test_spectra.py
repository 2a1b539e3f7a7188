"""Jacobian products, singular values and Lyapunov exponents: exact cases, and the complex step for the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab import flow

D, H = 2, 4
KINDS = {
    "RNN": lambda rng: rl.RNN.init(rng, inputs=D, hidden=H),
    "ReLU RNN": lambda rng: rl.RNN.init(rng, inputs=D, hidden=H, activation="relu", bias_initializer="ones"),
    "IndRNN": lambda rng: rl.IndRNN.init(rng, inputs=D, hidden=H, activation="tanh"),
    "LSTM": lambda rng: rl.LSTM.init(rng, inputs=D, hidden=H),
    "GRU": lambda rng: rl.GRU.init(rng, inputs=D, hidden=H),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def problem(kind, seed, T, B):
    rng = np.random.default_rng(seed)
    layer, xs = KINDS[kind](rng), rng.uniform(-1, 1, (T, B, D))
    return layer, xs, [rng.uniform(-0.5, 0.5, (B, H)) for _ in layer.forward(xs).states]


@every_kind
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 3))
def test_products_are_the_derivatives_that_the_complex_step_gives(kind, seed, T, B):
    layer, xs, starts = problem(kind, seed, T, B)
    products = flow.jacobian_products(layer, xs, *starts)
    wide = layer.map(lambda p: p + 0j)
    N = H * len(starts)
    assert products.shape == (T + 1, B, N, N)
    for j in range(N):
        moved = [start + 0j for start in starts]
        moved[j // H][:, j % H] += 1e-20j
        column = np.concatenate(wide.forward(xs + 0j, *moved).ends, axis=1).imag / 1e-20  # (B, N)
        assert np.abs(products[0, :, :, j] - column).max() <= 1e-12 * np.abs(products[0]).max()
    np.testing.assert_array_equal(products[T], np.broadcast_to(np.eye(N), (B, N, N)))


@every_kind
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 2))
def test_a_product_is_the_product_of_its_steps(kind, seed, T, B):
    layer, xs, starts = problem(kind, seed, T, B)
    steps, products = flow.jacobians(layer, xs, *starts), flow.jacobian_products(layer, xs, *starts)
    product = products[T]
    for t in range(T - 1, -1, -1):
        product = product @ steps[t]
        assert np.abs(product - products[t]).max() <= 1e-12 * max(np.abs(product).max(), 1e-30)


@every_kind
def test_a_gradient_is_its_loss_times_the_product(kind):
    layer, xs, starts = problem(kind, 0, 10, 2)
    products = flow.jacobian_products(layer, xs, *starts)[:, :, :H, :H]
    for t, norm in enumerate(flow.gradient_norms(layer, xs, *starts)):
        np.testing.assert_allclose(np.linalg.norm(products[t].sum(axis=1), axis=-1), norm, rtol=1e-12)


@pytest.mark.parametrize("kind", ["RNN", "IndRNN", "LSTM", "GRU"])  # a ReLU that is off has no volume
def test_exponents_add_up_to_the_volume(kind):
    layer, xs, starts = problem(kind, 1, 30, 2)
    volume = np.linalg.slogdet(flow.jacobians(layer, xs, *starts))[1].mean(axis=0)
    exponents = flow.lyapunov_exponents(layer, xs, *starts)
    np.testing.assert_allclose(exponents.sum(axis=1), volume, rtol=1e-10)
    assert (np.diff(exponents, axis=1) <= 0).all()


def test_an_orthogonal_linear_net_neither_shrinks_nor_grows_in_any_direction():
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=D, hidden=9, activation="identity")
    xs = rng.standard_normal((500, 2, D))
    assert np.abs(flow.lyapunov_exponents(layer, xs)).max() < 1e-14
    np.testing.assert_allclose(flow.singular_values(layer, xs), 1, rtol=1e-12)


def test_the_exponents_of_an_active_indrnn_are_the_logarithms_of_its_weights():
    rng = np.random.default_rng(0)
    u = np.array([0.5, 0.9, 1.0, 1.05, 0.99])
    layer = rl.IndRNN(np.zeros((1, 5)), u, np.zeros(5))
    exponents = flow.lyapunov_exponents(layer, np.zeros((80, 2, 1)), rng.uniform(1, 2, (2, 5)))
    np.testing.assert_allclose(exponents, np.broadcast_to(np.sort(np.log(u))[::-1], (2, 5)), atol=1e-14)


@pytest.mark.parametrize("alpha", [0.9, 0.99, 1.0, 1.02])
def test_the_exponents_of_a_scaled_identity_are_log_alpha(alpha):
    layer = rl.RNN.irnn(np.random.default_rng(0), inputs=1, hidden=6, scale=alpha)
    exponents = flow.lyapunov_exponents(layer, np.zeros((200, 1, 1)), np.ones((1, 6)))
    np.testing.assert_allclose(exponents, np.log(alpha), atol=1e-14)


def test_a_dead_relu_loses_its_direction_for_good():
    layer = rl.IndRNN(np.zeros((1, 2)), np.array([1.0, 1.0]), np.array([0.0, -5.0]))
    exponents = flow.lyapunov_exponents(layer, np.zeros((10, 1, 1)), np.ones((1, 2)))
    np.testing.assert_array_equal(exponents, [[0.0, -np.inf]])


def test_exponents_see_what_singular_values_of_a_long_product_cannot():
    u = np.array([1.0, 0.5])
    layer = rl.RNN(
        np.zeros((1, 2)), np.linalg.qr(np.array([[1.0, 2], [3, 4]]))[0] @ np.diag(u), np.zeros(2), "identity"
    )
    xs = np.zeros((400, 1, 1))
    exponents = flow.lyapunov_exponents(layer, xs)[0]
    assert exponents.sum() == pytest.approx(np.log(0.5), rel=1e-10)
    largest, smallest = flow.singular_values(layer, xs)[0, 0]
    # The two multiply to |det U|^400. The smaller lies far under the roundoff of the entries, eps × the larger:
    # noise, or 0, stands in its place, and is not even of the right size.
    truth = 0.5**400 / largest
    assert truth < 1e-6 * np.finfo(float).eps * largest
    assert not truth / 2 < smallest < truth * 2


@pytest.mark.parametrize("discard", [0, 1, 150, 199])
def test_exponents_are_means_over_the_steps_that_are_not_discarded(discard):
    """A linear net that turns and shrinks by 0.9 at every step has log 0.9 in all directions, from any step on."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    layer = rl.RNN(np.zeros((1, 5)), 0.9 * turn, np.zeros(5), "identity")
    exponents = flow.lyapunov_exponents(layer, np.zeros((200, 1, 1)), discard=discard)
    np.testing.assert_allclose(exponents, np.log(0.9), rtol=1e-13)


def test_fewer_exponents_are_the_largest_ones():
    layer, xs, starts = problem("RNN", 2, 400, 1)
    every = flow.lyapunov_exponents(layer, xs, *starts, discard=50)
    few = flow.lyapunov_exponents(layer, xs, *starts, count=2, discard=50)
    assert few.shape == (1, 2)
    np.testing.assert_allclose(few, every[:, :2], atol=5e-3)


@every_kind
def test_singular_values_are_those_of_the_products_from_the_same_start(kind):
    layer, xs, starts = problem(kind, 0, 4, 2)
    wanted = np.linalg.svd(flow.jacobian_products(layer, xs, *starts), compute_uv=False)
    np.testing.assert_array_equal(flow.singular_values(layer, xs, *starts), wanted)


def test_exponents_repeat_themselves_though_a_frame_of_few_directions_is_drawn():
    layer, xs, starts = problem("RNN", 2, 5, 1)
    one, same = (flow.lyapunov_exponents(layer, xs, *starts, count=2) for _ in range(2))
    np.testing.assert_array_equal(one, same)


@every_kind
def test_a_float32_layer_has_jacobians_in_float32(kind):
    layer, xs, starts = problem(kind, 0, 4, 2)
    in_float32 = (layer.map(np.float32), *(array.astype(np.float32) for array in (xs, *starts)))
    # Numbers of size 1 in few steps, each rounded to 6e-8: together they are off by far less than 1e-5.
    for of in (flow.jacobians, flow.jacobian_products):
        assert of(*in_float32).dtype == np.float32
        np.testing.assert_allclose(of(*in_float32), of(layer, xs, *starts), rtol=0, atol=1e-5)
    exponents = flow.lyapunov_exponents(*in_float32)[:, 0]
    np.testing.assert_allclose(exponents, flow.lyapunov_exponents(layer, xs, *starts)[:, 0], rtol=0, atol=1e-5)


def test_the_largest_exponent_is_the_rate_at_which_the_gradient_decays():
    rng = np.random.default_rng(3)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=20), rng.standard_normal((400, 3, D))
    rates = flow.decay_rate(flow.gradient_norms(layer, xs))
    np.testing.assert_allclose(flow.lyapunov_exponents(layer, xs, count=1)[:, 0], -rates, rtol=0.1)


def test_a_saturated_lstm_carries_its_cell_and_nothing_else():
    b = np.concatenate([np.full(H, -1e3), np.full(H, 1e3), np.zeros(H), np.zeros(H)])  # i = 0, f = 1
    layer = rl.LSTM(np.zeros((1, 4 * H)), np.zeros((H, 4 * H)), b)
    c0 = np.arange(1.0, 1 + H)[None]
    trace = layer.forward(np.zeros((50, 1, 1)), np.zeros((1, H)), c0)
    np.testing.assert_array_equal(trace.cs, np.broadcast_to(c0, (51, 1, H)))
    cs = layer.backward(trace, np.zeros((50, 1, H)), dc_end=np.ones((1, H))).cs
    np.testing.assert_array_equal(cs, np.ones((51, 1, H)))


def test_a_gru_with_a_closed_update_gate_carries_its_state():
    b = np.concatenate([np.full(H, 1e3), np.zeros(2 * H)])  # z = 1
    rng = np.random.default_rng(0)
    layer = rl.GRU(rng.standard_normal((1, 3 * H)), np.zeros((H, 3 * H)), b, np.zeros(3 * H))
    h0 = rng.standard_normal((1, H))
    trace = layer.forward(rng.uniform(-1, 1, (50, 1, 1)), h0)
    np.testing.assert_array_equal(trace.hs, np.broadcast_to(h0, (51, 1, H)))
    dhs = np.zeros((50, 1, H))
    dhs[-1] = 1
    np.testing.assert_array_equal(layer.backward(trace, dhs).hs, np.ones((51, 1, H)))


def test_the_norm_of_the_cells_gradient_is_asked_for_by_name():
    layer, xs, starts = problem("LSTM", 0, 6, 2)
    trace = layer.forward(xs, *starts)
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = 1
    wanted = np.linalg.norm(layer.backward(trace, dhs).cs, axis=-1)
    np.testing.assert_allclose(flow.gradient_norms(layer, xs, *starts, of="cs"), wanted, rtol=1e-13)
    with pytest.raises(ValueError, match="of must be one of hs, cs; got 'gates'"):
        flow.gradient_norms(layer, xs, of="gates")
    with pytest.raises(ValueError, match="of must be one of hs; got 'cs'"):
        flow.gradient_norms(problem("GRU", 0, 6, 2)[0], xs, of="cs")


def test_what_is_out_of_range_is_refused():
    layer, xs, _ = problem("RNN", 0, 6, 2)
    for words in ({"count": 0}, {"count": 5}, {"discard": 6}, {"discard": -1}):
        with pytest.raises(ValueError, match=r"count must be in 1 … 4 and discard in 0 … 5; got"):
            flow.lyapunov_exponents(layer, xs, **words)
    with pytest.raises(ValueError, match=r"xs must be \(T, B, D\) with D = 2"):
        flow.jacobians(layer, np.ones((6, 2, 3)))
    with pytest.raises(ValueError, match=r"xs must be \(T, B, D\) with D = 2"):
        flow.singular_values(layer, np.ones((6, 2)))
