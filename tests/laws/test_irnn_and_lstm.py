"""The IRNN is an LSTM whose forget gate does not decay: what of this is exact, and where it ends.

Without input the state of an IRNN stays, and its error derivative flows back unchanged, as in an LSTM whose forget
gate does not decay, says its source (Le, Jaitly, Hinton 2015). It is the LSTM's *cell* that does this. With U = 0 and
gates held by their biases, b = 40, at exactly 1:

    LSTM    c[t] =      c[t-1] + g[t]      dc[t-1] = dc[t]
    IRNN    h[t] = ReLU(h[t-1] + x[t])     dh[t-1] = dh[t]        where the unit is on

so an IRNN that reads x = g has the cells of the LSTM as its states as long as no unit falls to 0, and α I is f = α.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl

OPEN = 40.0
"""σ(40) rounds to exactly 1, in float32 too: 1 + e⁻⁴⁰ does."""

seeds = st.integers(0, 2**32 - 1)
steps, sizes = st.integers(1, 30), st.integers(1, 4)
dtypes = st.sampled_from([np.float32, np.float64])


def lstm(H, dtype=np.float64, forget=OPEN):
    """i = o = 1 and f = σ(forget) at every step, g = tanh(x); the blocks are i, f, g, o."""
    nothing, whole = np.zeros((H, H)), np.eye(H)
    W, U = np.hstack([nothing, nothing, whole, nothing]), np.zeros((H, 4 * H))
    b = np.repeat([OPEN, forget, 0.0, OPEN], H)
    return rl.LSTM(W.astype(dtype), U.astype(dtype), b.astype(dtype))


def irnn(H, dtype=np.float64, scale=1.0):
    """W = I, so that it reads its inputs as they are."""
    whole = np.eye(H, dtype=dtype)
    return rl.RNN(whole, whole * dtype(scale), np.zeros(H, dtype), "relu")


def draw(seed, T, B, H, dtype):
    """Inputs, a start so high that T inputs in -1 … 1 bring no unit to 0, and what arrives at the h and the last c."""
    rng = np.random.default_rng(seed)
    arrays = rng.standard_normal((T, B, H)), rng.uniform(T + 1, T + 9, (B, H))
    arrivals = rng.standard_normal((T, B, H)), rng.standard_normal((B, H))
    return [array.astype(dtype) for array in (*arrays, *arrivals)]


def both_ways(forget, scale, seed, T, B, H, dtype):
    """The traces of the two, and their gradients for one loss on h = tanh(c) at every step and on the last c."""
    xs, start, dhs, dc = draw(seed, T, B, H, dtype)
    if scale < 1:
        xs = np.abs(xs)  # a start that decays does not stay above what inputs take away
    gated, plain = lstm(H, dtype, forget), irnn(H, dtype, scale)
    cells = gated.forward(xs, None, start)
    states = plain.forward(np.ascontiguousarray(cells.gates[:, 3]), start)  # reads g
    through_h = dhs * rl.activations.get("tanh").slope(cells.tanh_cs)
    return cells, states, gated.backward(cells, dhs, None, dc), plain.backward(states, through_h, dc), through_h


@pytest.mark.parametrize(("forget", "scale"), [(OPEN, 1.0), (0.0, 0.5)])
@given(seed=seeds, T=steps, B=sizes, H=sizes, dtype=dtypes)
def test_the_states_and_the_gradients_of_an_irnn_are_those_of_the_cells_bit_for_bit(
    forget, scale, seed, T, B, H, dtype
):
    cells, states, by_lstm, by_irnn, through_h = both_ways(forget, scale, seed, T, B, H, dtype)
    assert states.hs.min() > 0
    np.testing.assert_array_equal(states.hs, cells.cs)
    np.testing.assert_array_equal(by_lstm.cs[0], by_irnn.hs[0])
    np.testing.assert_array_equal(by_lstm.cs[1:] + through_h, by_irnn.hs[1:])  # an LSTM's dc[t] leaves out its h[t]
    slope = rl.activations.get("tanh").slope(cells.gates[:, 3].copy())
    np.testing.assert_array_equal(by_lstm.xs, by_irnn.xs * slope)  # its x reaches g through a tanh


@given(seed=seeds, T=steps, B=sizes, H=sizes, dtype=dtypes)
def test_without_input_and_with_nothing_added_neither_changes_anything_forward_or_backward(seed, T, B, H, dtype):
    _, start, _, dc = draw(seed, T, B, H, dtype)
    xs = nothing = np.zeros((T, B, H), dtype)
    for layer, starts, dends, name in (
        (lstm(H, dtype), (np.zeros_like(start), start), (np.zeros_like(dc), dc), "cs"),
        (irnn(H, dtype), (start,), (dc,), "hs"),
    ):
        trace = layer.forward(xs, *starts)
        totals = layer.backward(trace, nothing, *dends).states[name]
        np.testing.assert_array_equal(trace.states[name], np.broadcast_to(start, (T + 1, B, H)))
        np.testing.assert_array_equal(totals, np.broadcast_to(dc, (T + 1, B, H)))


@given(seed=seeds, T=steps, B=sizes, H=sizes, alpha=st.floats(0.5, 0.99))
def test_a_scaled_identity_is_a_forget_gate_of_that_value(seed, T, B, H, alpha):
    _, start, _, dc = draw(seed, T, B, H, np.float64)
    xs = nothing = np.zeros((T, B, H))
    gated, plain = lstm(H, forget=np.log(alpha / (1 - alpha))), irnn(H, scale=alpha)
    cells, states = gated.forward(xs, None, start), plain.forward(xs, start)
    by_lstm, by_irnn = gated.backward(cells, nothing, None, dc), plain.backward(states, nothing, dc)
    # f = σ(log(α / (1 - α))) is within 5 ε of α, |log| < 5 among the roundings; either side rounds once a step.
    tolerance = (5 + 2) * T * np.finfo(float).eps
    np.testing.assert_allclose(states.hs, cells.cs, rtol=tolerance, atol=0)
    np.testing.assert_allclose(by_irnn.hs, by_lstm.cs, rtol=tolerance, atol=0)
    np.testing.assert_allclose(by_irnn.hs[0], alpha**T * dc, rtol=tolerance, atol=0)


def test_it_ends_where_a_unit_falls_to_zero_while_a_cell_goes_on_below():
    xs, start, dc, nothing = np.array([-9.0, 1.0, 9.0])[:, None, None], [[0.5]], np.ones((1, 1)), np.zeros((3, 1, 1))
    gated, plain = lstm(1), irnn(1)
    cells = gated.forward(xs, None, np.array(start))
    states = plain.forward(np.ascontiguousarray(cells.gates[:, 3]), np.array(start))
    np.testing.assert_allclose(cells.cs[:, 0, 0], [0.5, -0.5, 0.26, 1.26], atol=0.01)  # it adds -1, tanh(1), 1
    np.testing.assert_allclose(states.hs[:, 0, 0], [0.5, 0, 0.76, 1.76], atol=0.01)
    assert (gated.backward(cells, nothing, None, dc).cs == 1).all()
    np.testing.assert_array_equal(plain.backward(states, nothing, dc).hs[:, 0, 0], [0, 1, 1, 1])


def test_a_gate_that_is_only_nearly_open_would_be_noticed():
    cells, states, by_lstm, by_irnn, _ = both_ways(30.0, 1.0, 0, 20, 2, 3, np.float64)
    assert not np.array_equal(states.hs, cells.cs)
    assert not np.array_equal(by_lstm.cs[0], by_irnn.hs[0])
