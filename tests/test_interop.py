"""Parameters to and from PyTorch's and Keras's layouts: exact round trips, names, shapes, gate order, refusals."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab import interop
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_larger_module_is_found_by_its_prefix(kind):
    layer = KINDS[kind](np.random.default_rng(0), 2, 3)
    state = {f"encoder.rnn.{name}": array for name, array in to_torch(layer, index=1).items()}
    state["head.weight"], state["head.bias"] = np.arange(6.0).reshape(2, 3), np.array([7.0, 8.0])
    same(from_torch(state, prefix="encoder.rnn.", index=1), layer)
    with pytest.raises(ValueError, match=r"no weight_ih_l1 and no weight_hh_l1; .*: say prefix='encoder\.rnn\.'$"):
        from_torch(state, index=1)
    with pytest.raises(ValueError, match=r"has no decoder\.weight_ih_l0 and no decoder\.weight_hh_l0; it has encoder"):
        from_torch(state, prefix="decoder.")


def test_a_linear_is_a_dense():
    weight, bias = np.arange(6.0).reshape(2, 3), np.array([7.0, 8.0])
    dense = from_torch({"head.weight": weight, "head.bias": bias}, prefix="head.")
    x = np.array([[1.0, 2.0, -1.0]])
    np.testing.assert_array_equal(dense.forward(x).ys, x @ weight.T + bias)
    assert dense.W.flags.c_contiguous
    assert (from_torch({"weight": weight}).b == 0).all()


@pytest.mark.parametrize("index", [0, 1])
def test_a_layer_that_does_not_exist_here_is_refused_by_name(index):
    state = to_torch(KINDS["LSTM"](np.random.default_rng(0), 2, 3), index=index)
    backwards = {f"rnn.{name}{end}": array for name, array in state.items() for end in ("", "_reverse")}
    says = f"the state_dict has a layer that runs backwards in time, rnn.weight_ih_l{index}_reverse, which no layer"
    with pytest.raises(ValueError, match=says):
        from_torch(backwards, prefix="rnn.", index=index)
    with pytest.raises(
        ValueError, match=f"the state_dict has a projection, weight_hr_l{index}, which no layer here has"
    ):
        from_torch({**state, f"weight_hr_l{index}": np.ones((2, 3))}, index=index)


# A file of weights


def drawn(kinds, sizes):
    rng = np.random.default_rng(0)
    return [KINDS[kind](rng, D, H) for kind, (D, H) in zip(kinds, pairwise(sizes), strict=True)]


@pytest.mark.parametrize("prefix", ["", "encoder.rnn."])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_of_pytorchs_is_read(kind, prefix, tmp_path):
    layers = drawn([kind] * 11, [2, *range(3, 14)])
    arrays = {f"{prefix}{name}": a for i, layer in enumerate(layers) for name, a in to_torch(layer, index=i).items()}
    rest = {"embed.weight": np.ones((5, 2)), "fc.weight": np.ones((2, 13)), "fc.bias": np.ones(2)}
    np.savez(tmp_path / "w.npz", **rest, **dict(sorted(arrays.items())))  # by name: l10 comes before l2
    network = interop.read(tmp_path / "w.npz")
    assert (network.reads, network.readout) == ("every", None)
    for theirs, mine in zip(network.layers, layers, strict=True):
        same(theirs, mine)


@pytest.mark.parametrize("style", ["sequential/{0}_{1}/{0}_cell/{2}", "{0}_{1}.{2}", "{0}_{1}/{0}_cell/{2}:0"])
def test_a_stack_of_kerass_is_read(style, tmp_path):
    kinds = ["LSTM", "RNN", "GRU"]
    layers = drawn(kinds, [2, 3, 4, 5])
    arrays = {}
    for number, (kind, layer) in enumerate(zip(kinds, layers, strict=True)):
        for part, array in zip(("kernel", "recurrent_kernel", "bias"), to_keras(layer), strict=True):
            arrays[style.format(kind.lower(), number, part)] = array
    np.savez(tmp_path / "w.npz", **arrays, **{"dense/kernel": np.ones((5, 2)), "dense/bias": np.ones(2)})
    for theirs, mine in zip(interop.read(tmp_path / "w.npz").layers, layers, strict=True):
        same(theirs, mine)


def test_one_layer_of_kerass_and_an_rnn_with_relu(tmp_path):
    (layer,) = drawn(["RNN"], [2, 3])
    np.savez(tmp_path / "w.npz", kernel=layer.W, recurrent_kernel=layer.U)
    (read,) = interop.read(tmp_path / "w.npz", activation="relu").layers
    np.testing.assert_array_equal(read.U, layer.U)
    assert (read.b == 0).all()
    assert read.activation.name == "relu"


def test_a_file_that_cannot_be_used_is_refused(tmp_path):
    path = tmp_path / "w.npz"
    (layer,) = drawn(["LSTM"], [2, 3])
    backwards = {f"{name}_reverse": array for name, array in to_torch(layer).items()}
    both = {f"{part}.{name}": array for part in ("encoder", "decoder") for name, array in to_torch(layer).items()}
    keras = {f"bidirectional/backward_lstm/{part}": a for part, a in zip(("recurrent_kernel",), [layer.U], strict=True)}
    for arrays, says in (
        ({**to_torch(layer), **backwards}, "a layer that runs backwards in time, weight_ih_l0_reverse, which no layer"),
        (keras, "runs backwards in time, bidirectional/backward_lstm/recurrent_kernel, which no layer here has"),
        ({**to_torch(layer), "weight_hr_l0": np.ones((2, 3))}, "has a projection, weight_hr_l0, which no layer here"),
        (both, "recurrent layers that do not follow one another: 3 units, then a layer that reads 2"),
        ({"fc.weight": np.ones((2, 2))}, r"no recurrent layer by PyTorch's names .* it has fc.weight$"),
        ({}, "it has nothing$"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=says):
            interop.read(path)


@pytest.mark.parametrize("kept", [0, 1, 30, 200, 500])
def test_a_damaged_file_is_refused(kept, tmp_path):
    np.savez(tmp_path / "whole.npz", **to_torch(drawn(["LSTM"], [2, 3])[0]))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cut\.npz is not a whole \.npz file of weights: "):
        interop.read(tmp_path / "cut.npz")
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"one\.npy is not a whole \.npz file of weights: "):
        interop.read(tmp_path / "one.npy")
