"""Parameters to and from PyTorch's and Keras's layouts: exact round trips, names, shapes, gate order, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.interop import from_keras, from_torch, to_keras, to_torch

KINDS = {
    "RNN": lambda rng, D, H: rl.RNN.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
    "LSTM": lambda rng, D, H: rl.LSTM.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
    "GRU": lambda rng, D, H: rl.GRU.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
}


def same(ours, theirs):
    assert type(ours) is type(theirs)
    for mine, other in zip(ours.arrays().values(), theirs.arrays().values(), strict=True):
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype == other.dtype
        assert mine.flags.c_contiguous


@given(st.sampled_from(list(KINDS)), st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 5), st.booleans())
def test_to_either_layout_and_back_is_exact(kind, seed, D, H, single):
    layer = KINDS[kind](np.random.default_rng(seed), D, H)
    layer = layer.map(lambda array: array.astype(np.float32)) if single else layer
    same(from_torch(to_torch(layer)), layer)
    same(from_torch(to_torch(layer, index=3), index=3), layer)
    same(from_keras(to_keras(layer)), layer)


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_shapes_are_those_of_the_frameworks(kind):
    layer = KINDS[kind](np.random.default_rng(0), 2, 3)
    G = {"RNN": 3, "LSTM": 12, "GRU": 9}[kind]
    state = to_torch(layer, index=1)
    assert {name: array.shape for name, array in state.items()} == {
        "weight_ih_l1": (G, 2),
        "weight_hh_l1": (G, 3),
        "bias_ih_l1": (G,),
        "bias_hh_l1": (G,),
    }
    bias = (2, G) if kind == "GRU" else (G,)
    assert [array.shape for array in to_keras(layer)] == [(2, G), (3, G), bias]


def test_gates_are_in_the_frameworks_order():
    H = 2
    lstm = rl.LSTM(np.repeat([[1.0, 2.0, 3.0, 4.0]], H, axis=1), np.zeros((H, 4 * H)), np.zeros(4 * H))  # i f g o
    np.testing.assert_array_equal(to_torch(lstm)["weight_ih_l0"].ravel(), [1, 1, 2, 2, 3, 3, 4, 4])  # i f g o
    gru = rl.GRU(
        np.repeat([[1.0, 2.0, 3.0]], H, axis=1), np.zeros((H, 3 * H)), np.zeros(3 * H), np.zeros(3 * H)
    )  # z r n
    np.testing.assert_array_equal(to_torch(gru)["weight_ih_l0"].ravel(), [2, 2, 1, 1, 3, 3])  # r z n
    np.testing.assert_array_equal(to_keras(gru)[0].ravel(), [1, 1, 2, 2, 3, 3])  # z r h


def test_pytorchs_two_biases_are_added_up():
    state = {
        "weight_ih_l0": np.ones((3, 2)),
        "weight_hh_l0": np.eye(3),
        "bias_ih_l0": np.full(3, 2.0),
        "bias_hh_l0": np.full(3, 5.0),
    }
    layer = from_torch(state, activation="relu")
    np.testing.assert_array_equal(layer.b, 7)
    assert layer.activation.name == "relu"
    del state["bias_ih_l0"], state["bias_hh_l0"]
    np.testing.assert_array_equal(from_torch(state).b, 0)


def test_weights_without_bias_are_read():
    rng = np.random.default_rng(0)
    for kind in KINDS:
        weights = to_keras(KINDS[kind](rng, 2, 3))[:2]
        assert all((bias == 0).all() for name, bias in from_keras(weights).arrays().items() if name.startswith("b"))


def test_what_comes_back_shares_no_memory_with_what_went_in():
    layer = KINDS["GRU"](np.random.default_rng(0), 2, 3)
    for array in (*to_torch(layer).values(), *to_keras(layer)):
        assert not any(np.shares_memory(array, mine) for mine in layer.arrays().values())


def test_what_is_not_known_is_refused():
    with pytest.raises(TypeError, match="PyTorch's layout is known for RNN, LSTM and GRU; got IndRNN"):
        to_torch(rl.IndRNN.init(np.random.default_rng(0), inputs=2, hidden=3))
    with pytest.raises(TypeError, match="Keras's layout is known for RNN, LSTM and GRU; got Dense"):
        to_keras(rl.Dense.init(np.random.default_rng(0), inputs=2, outputs=3))
    with pytest.raises(ValueError, match="the state_dict has no weight_ih_l0 and no weight_hh_l0; it has nothing"):
        from_torch({})
    with pytest.raises(ValueError, match="has no weight_hh_l0; it has weight_ih_l0"):
        from_torch({"weight_ih_l0": np.ones((3, 2))})
    with pytest.raises(ValueError, match=r"must be \(H, H\), \(H, 3H\) or \(H, 4H\) after transposing; got \(3, 6\)"):
        from_torch({"weight_ih_l0": np.ones((6, 2)), "weight_hh_l0": np.ones((6, 3))})
    with pytest.raises(ValueError, match="weights must be kernel, recurrent kernel and bias; got 1 arrays"):
        from_keras([np.ones((2, 3))])
    with pytest.raises(ValueError, match=r"a GRU's bias must be \(2, 9\), as with reset_after=True; got \(9,\)"):
        from_keras([np.ones((2, 9)), np.ones((3, 9)), np.ones(9)])
    with pytest.raises(ValueError, match="U must be"):
        from_torch({"weight_ih_l0": np.ones((4, 2)), "weight_hh_l0": np.eye(3)})
