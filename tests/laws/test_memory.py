"""What IRNN and IndRNN promise beyond the common laws: memory kept bit for bit, and gradients that are powers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.testing import KINDS, cases
from rnnlab.testing.cases import gradients_by_name, trace_of
from rnnlab.testing.closeness import largest, largest_term, require_close, same_bits

seeds = st.integers(0, 2**32 - 1)
steps = st.integers(1, 50)
sizes = st.integers(1, 5)


def start(rng, B, H):
    """Positive states of very different sizes."""
    return 10.0 ** rng.uniform(-200, 200, (B, H))


def last_step_alone(rng, T, B, H):
    dhs = np.zeros((T, B, H))
    dhs[-1] = rng.standard_normal((B, H)) * 10.0 ** rng.uniform(-50, 50, (B, H))
    return dhs


@given(seed=seeds, T=steps, B=sizes, D=sizes, H=sizes)
def test_without_input_an_irnn_keeps_its_state_bit_for_bit(seed, T, B, D, H):
    rng = np.random.default_rng(seed)
    layer = rl.RNN.irnn(rng, inputs=D, hidden=H)
    h0 = start(rng, B, H) * rng.integers(0, 2, (B, H))  # zeros are kept too
    hs = layer.forward(np.zeros((T, B, D)), h0).hs
    np.testing.assert_array_equal(hs, np.broadcast_to(h0, hs.shape))


@given(seed=seeds, T=steps, B=sizes, D=sizes, H=sizes)
def test_without_input_the_gradient_of_an_irnn_is_the_same_at_every_step_bit_for_bit(seed, T, B, D, H):
    rng = np.random.default_rng(seed)
    layer = rl.RNN.irnn(rng, inputs=D, hidden=H)
    trace = layer.forward(np.zeros((T, B, D)), start(rng, B, H))
    dhs = last_step_alone(rng, T, B, H)
    hs = layer.backward(trace, dhs).hs
    np.testing.assert_array_equal(hs, np.broadcast_to(dhs[-1], hs.shape))


def test_an_irnn_unit_at_exactly_zero_hands_no_gradient_back():
    layer = rl.RNN.irnn(np.random.default_rng(0), inputs=1, hidden=2)
    trace = layer.forward(np.zeros((3, 1, 1)), np.array([[0.0, 2.0]]))
    dhs = np.zeros((3, 1, 2))
    dhs[-1] = 5
    np.testing.assert_array_equal(layer.backward(trace, dhs).hs[:, 0], [[0, 5], [0, 5], [0, 5], [5, 5]])


@given(seed=seeds, T=steps, B=sizes, H=sizes, scale=st.floats(0.5, 1.1))
def test_without_input_a_scaled_irnn_decays_as_a_power_forward_and_backward(seed, T, B, H, scale):
    rng = np.random.default_rng(seed)
    layer = rl.RNN.irnn(rng, inputs=2, hidden=H, scale=scale)
    h0 = start(rng, B, H)
    dhs = last_step_alone(rng, T, B, H)
    trace = layer.forward(np.zeros((T, B, 2)), h0)
    powers = scale ** np.arange(T + 1.0)[:, None, None]
    # T roundings of 1.1e-16 each, and the power's own.
    np.testing.assert_allclose(trace.hs, powers * h0, rtol=2e-14, atol=0)
    np.testing.assert_allclose(layer.backward(trace, dhs).hs, powers[::-1] * dhs[-1], rtol=2e-14, atol=0)


@given(seed=seeds, T=steps, H=sizes)
def test_on_an_active_path_the_gradient_of_an_indrnn_is_a_power_of_u(seed, T, H):
    rng = np.random.default_rng(seed)
    layer = rl.IndRNN.init(rng, inputs=1, hidden=H, recurrent_initializer="indrnn_range")
    trace = layer.forward(np.zeros((T, 1, 1)), np.ones((1, H)))
    dhs = np.zeros((T, 1, H))
    dhs[-1] = 1
    powers = layer.u ** np.arange(T, -1, -1.0)[:, None]
    np.testing.assert_allclose(layer.backward(trace, dhs).hs[:, 0], powers, rtol=2e-14, atol=0)


@pytest.mark.parametrize("kind", ["IndRNN relu", "IndRNN tanh"])
@given(data=st.data())
def test_an_indrnn_is_an_rnn_with_a_diagonal_recurrent_kernel(kind, data):
    case = data.draw(cases(KINDS[kind]))
    dense = replace(case, layer=rl.RNN(case.layer.W, np.diag(case.layer.u), case.layer.b, case.layer.activation))
    trace, same = case.forward(), dense.forward()
    require_close(case, trace_of(trace), trace_of(same), within=1e-14, scale=largest(same.hs))
    wanted, full = gradients_by_name(case.backward(trace)), gradients_by_name(dense.backward(same))
    got = {**full, "params.u": np.diag(full.pop("params.U"))}
    require_close(case, got, wanted, within=1e-13, scale=largest_term(case, {**trace_of(trace), **wanted}))


@given(case=cases(KINDS["IndRNN tanh"]), unit=st.integers(0, 4))
def test_the_units_of_an_indrnn_do_not_see_each_other(case, unit):
    unit %= case.H
    (h0,), others = case.starts, [n for n in range(case.H) if n != unit]
    changed = h0.copy()
    changed[:, unit] /= 2
    before, after = case.forward().hs, replace(case, starts=(changed,)).forward().hs
    same_bits({"hs": after[:, :, others]}, {"hs": before[:, :, others]}, "after another unit's start was changed")
    if case.condition != "saturated":
        assert (after[:2, :, unit] != before[:2, :, unit]).all()
