"""Models: every word builds the network that it stands for, and a word without a use is refused."""

import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import initializers, models
from rnnlab.tasks import Adding, Characters, Copying
from rnnlab.training import fit

KINDS = {
    "rnn": rl.RNN,
    "irnn": rl.RNN,
    "indrnn": rl.IndRNN,
    "lstm": rl.LSTM,
    "gru": rl.GRU,
    "dense": rl.Dense,
    "linear": rl.Dense,
}
TASKS = {
    "adding": Adding(steps=6),
    "copying": Copying(delay=2),
    "characters": Characters.of("abracadabra " * 10, steps=5),
}
HIDDEN = 5
ADDING = TASKS["adding"]
deep_words = [word for word in KINDS if word != "linear"]


def built(task=ADDING, seed=0, **words):
    return models.build(np.random.default_rng(seed), task, **{"hidden": HIDDEN, **words})


def inputs(task, dtype=np.float64, B=3):
    xs, _ = task.batch(np.random.default_rng(1), B)
    return xs if task.symbolic else xs.astype(dtype)


def test_every_word_is_tried_here():
    assert set(KINDS) == {*models.LAYERS, *models.COMPARED, models.LINEAR}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("word", KINDS)
def test_every_word_builds_a_network_that_runs_on_every_task(word, name, dtype):
    task = TASKS[name]
    network = built(task, layer=word, dtype=dtype)
    ys = network.forward(inputs(task, dtype)).ys
    assert ys.shape == ((3, task.outputs) if task.reads == "last" else (task.steps, 3, task.outputs))
    assert ys.dtype == dtype
    assert {array.dtype for array in network.arrays().values()} == {np.dtype(dtype)}
    assert network.reads == task.reads
    if word != "linear":
        assert isinstance(network.layers[-1], KINDS[word])
        assert network.readout.W.shape == (HIDDEN, task.outputs)
        assert network.readout.activation.name == "identity"


def test_unless_told_otherwise_the_dtype_is_float32():
    assert {array.dtype for array in built().arrays().values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("word", KINDS)
def test_the_network_follows_the_seed_at_either_precision(word):
    task = TASKS["copying"]
    one, again, other = (built(task, seed, layer=word, dtype=np.float64) for seed in (0, 0, 1))
    single = built(task, 0, layer=word, dtype=np.float32)
    for name, array in one.arrays().items():
        assert np.array_equal(array, again.arrays()[name])
        assert np.array_equal(array.astype(np.float32), single.arrays()[name])
    if word != "linear":  # which starts at zero
        assert any(not np.array_equal(array, other.arrays()[name]) for name, array in one.arrays().items())


@pytest.mark.parametrize("word", deep_words)
def test_so_many_layers_of_so_many_units(word):
    network = built(layer=word, layers=3, hidden=4)
    assert [layer.W.shape[0] for layer in network.layers] == [2, 4, 4]
    assert all(isinstance(layer, KINDS[word]) for layer in network.layers)
    assert network.forward(inputs(ADDING, np.float32)).layers[-1].ys.shape == (6, 3, 4)
    assert network.readout.W.shape == (4, 1)


@pytest.mark.parametrize("word", deep_words)
def test_shortcuts_are_around_every_layer_but_the_lowest_and_a_batch_norm_follows_each(word):
    plain = built(layer=word, layers=3, residual=True)
    assert [isinstance(layer, rl.Residual) for layer in plain.layers] == [False, True, True]
    assert all(isinstance(layer.layer, KINDS[word]) for layer in plain.layers[1:])
    normed = built(layer=word, layers=3, batch_norm=True)
    assert [type(layer) for layer in normed.layers] == [KINDS[word], rl.BatchNorm] * 3
    assert not any(isinstance(layer, rl.Residual) for layer in built(layer=word, residual=True).layers)


@pytest.mark.parametrize("word", deep_words)
def test_a_batch_norm_is_inside_the_shortcut_so_the_trunk_is_an_identity_from_bottom_to_top(word):
    network = built(layer=word, layers=4, residual=True, batch_norm=True, dtype=np.float64)
    lowest, norm, *blocks, last = network.layers
    assert [type(layer) for layer in (lowest, norm, last)] == [KINDS[word], rl.BatchNorm, rl.BatchNorm]
    for block in blocks:
        assert isinstance(block, rl.Residual)
        assert [type(layer) for layer in block.layer.layers] == [KINDS[word], rl.BatchNorm]
    trace = network.forward(inputs(ADDING))
    assert trace.ys.shape == (3, 1)
    assert np.allclose(
        trace.layers[-1].ys.mean(axis=(0, 1)), 0
    )  # the sum of all branches is normalised before the readout

    silent = [replace(block, layer=zeroed_norms(block.layer)) for block in blocks]
    trunk = rl.Network((lowest, norm, *silent), reads="every")
    below, above = trunk.layers[:2], trunk.forward(inputs(ADDING))
    assert np.array_equal(above.ys, rl.Network(below, reads="every").forward(inputs(ADDING)).ys)
    dys = np.random.default_rng(3).standard_normal(above.ys.shape)
    gradients = trunk.backward(above, dys)
    assert np.array_equal(gradients.layers[2].xs, dys)


def zeroed_norms(branch):
    """The branch with γ = β = 0 in its BatchNorm: its output is 0."""
    layer, norm = branch.layers
    return replace(branch, layers=(layer, replace(norm, gamma=0 * norm.gamma, beta=0 * norm.beta)))


def test_batch_norms_forget_in_ten_updates():
    norms = [layer for layer in built(layers=2, batch_norm=True).layers if isinstance(layer, rl.BatchNorm)]
    assert [(norm.momentum, norm.epsilon) for norm in norms] == [(0.9, 1e-5)] * 2


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_where_the_last_step_is_read_an_indrnn_s_u_is_in_a_narrow_range_at_the_top_and_from_zero_below(steps):
    task = Adding(steps=max(steps, 2))
    T = task.steps
    network = built(task, layer="indrnn", layers=3, residual=True, hidden=500, dtype=np.float64)
    lowest, middle, top = (getattr(layer, "layer", layer).u for layer in network.layers)
    highest, least = 2 ** (1 / T), 2 ** (-1 / T)
    for u, low in ((lowest, 0.0), (middle, 0.0), (top, least)):
        assert low <= u.min()
        assert u.max() <= highest
        margin = 10 * (highest - low) / 500  # that none of 500 falls within it has a chance of e⁻¹⁰
        assert u.min() < low + margin
        assert u.max() > highest - margin
    (alone,) = built(task, layer="indrnn", hidden=500, dtype=np.float64).layers
    assert alone.u.min() >= least


@pytest.mark.parametrize("name", ["copying", "characters"])
def test_where_every_step_is_read_an_indrnn_s_u_starts_at_zero_at_the_top_too(name):
    task = TASKS[name]
    _, lower, top = built(task, layer="indrnn", layers=2, hidden=500, dtype=np.float64).layers
    for layer in (lower, top):
        assert 0 <= layer.u.min() < 10 / 500
        assert layer.u.max() <= 2 ** (1 / task.steps)


@pytest.mark.parametrize(
    ("name", "words", "stddev"),
    [
        ("adding", {}, lambda inputs: 0.001),
        ("adding", {"batch_norm": True}, lambda inputs: math.sqrt(2 / 65 / inputs)),
        ("characters", {}, lambda inputs: math.sqrt(2 / 65 / inputs)),
        ("characters", {"batch_norm": True}, lambda inputs: math.sqrt(2 / 65 / inputs)),
    ],
)
def test_an_indrnn_s_input_weights_are_its_authors(name, words, stddev):
    task = TASKS[name]
    network = built(task, layer="indrnn", layers=2, hidden=400, dtype=np.float64, **words)
    lower, upper = (layer for layer in network.layers if isinstance(layer, rl.IndRNN))
    for layer in (lower, upper):
        inputs = len(layer.W)
        assert np.std(layer.W) == pytest.approx(stddev(inputs), rel=0.1)
        uniform = np.abs(layer.W).max() <= math.sqrt(3) * stddev(inputs)
        assert uniform is not (stddev(inputs) == 0.001)  # 800 normal numbers go further than √3 σ


def test_an_indrnn_s_u_is_drawn_as_asked():
    named = built(layer="indrnn", layers=2, recurrent_initializer="indrnn_range")
    default = built(layer="indrnn", layers=2)
    assert all(np.array_equal(array, named.arrays()[name]) for name, array in default.arrays().items())
    ones = built(layer="indrnn", layers=2, recurrent_initializer="ones")
    assert all((layer.u == 1).all() for layer in ones.layers)
    half = built(layer="indrnn", recurrent_initializer=initializers.get("constant", value=0.5))
    assert (half.layers[0].u == 0.5).all()


def test_an_irnn_is_relu_with_a_scaled_identity():
    for scale, words in ((1.0, {}), (0.7, {"scale": 0.7})):
        (layer,) = built(layer="irnn", hidden=300, dtype=np.float64, **words).layers
        np.testing.assert_array_equal(layer.U, scale * np.eye(300))
        assert layer.activation.name == "relu"
        assert not layer.b.any()
        assert np.std(layer.W) == pytest.approx(0.001, rel=0.2)


def test_an_irnn_s_readout_is_drawn_like_its_input_weights_and_the_others_are_glorot():
    for word in deep_words:
        limit = math.sqrt(6 / 301)
        W = built(layer=word, hidden=300, dtype=np.float64).readout.W
        if word == "irnn":
            assert np.std(W) == pytest.approx(0.001, rel=0.2)
        else:
            assert limit / 2 < np.abs(W).max() <= limit
        assert (built(layer=word, readout_initializer="constant:value=0.25").readout.W == 0.25).all()
    with pytest.raises(ValueError, match=r"^a linear network takes no readout_initializer; got ones$"):
        built(layer="linear", readout_initializer="ones")


@pytest.mark.parametrize(("word", "usual"), [("rnn", "tanh"), ("indrnn", "relu"), ("dense", "relu")])
def test_the_activation_is_the_usual_one_unless_another_is_asked_for(word, usual):
    for asked, wanted in ((None, usual), ("sigmoid", "sigmoid"), ("tanh", "tanh")):
        layers = built(layer=word, layers=2, activation=asked).layers
        assert [layer.activation.name for layer in layers] == [wanted] * 2


@pytest.mark.parametrize("word", ["rnn", "lstm", "gru", "indrnn"])
def test_the_initializers_are_those_asked_for(word):
    network = built(
        layer=word, layers=2, kernel_initializer="ones", recurrent_initializer=initializers.get("constant", value=3.0)
    )
    for layer in network.layers:
        assert (layer.W == 1).all()
        assert (getattr(layer, "u", None) if word == "indrnn" else layer.U).flat[0] == 3
    assert not (network.readout.W == 1).any()


def test_dense_takes_the_kernel_initializer():
    assert all((layer.W == 1).all() for layer in built(layer="dense", layers=2, kernel_initializer="ones").layers)


@pytest.mark.parametrize("word", deep_words)
@pytest.mark.parametrize("name", ["copying", "characters"])
def test_symbols_start_as_one_hot_vectors_and_are_trained(word, name):
    task = TASKS[name]
    network = built(task, layer=word, layers=2, residual=True)
    first, second, *_ = network.layers
    assert isinstance(first, rl.Embedding)
    np.testing.assert_array_equal(first.E, np.eye(task.inputs))
    assert isinstance(second, KINDS[word])  # the shortcut is around the next
    assert isinstance(network.layers[2], rl.Residual)
    xs = inputs(task)
    one_hot = (xs[..., None] == np.arange(task.inputs)).astype(np.float32)
    np.testing.assert_array_equal(network.forward(xs).layers[0].ys, one_hot)
    trained = fit(network, task, updates=1, every=1, batch=8).network
    assert not np.array_equal(trained.layers[0].E, first.E)


def test_dense_sees_each_step_alone():
    network = built(layer="dense", layers=2, dtype=np.float64)
    xs = inputs(ADDING)
    np.testing.assert_array_equal(network.forward(xs).ys, network.forward(xs[[4, 2, 0, 1, 3, 5]]).ys)
    assert not np.array_equal(network.forward(xs).ys, network.forward(xs[::-1].copy()).ys)


@pytest.mark.parametrize("share", [-1.0, 0.3, 2.0])
def test_linear_is_one_affine_map_of_the_inputs(share):
    network = built(layer="linear", dtype=np.float64)
    assert network.readout is None
    (layer,) = network.layers
    assert layer.W.shape == (2, 1)
    network = network.map(lambda a: np.random.default_rng(a.size).standard_normal(a.shape))
    rng = np.random.default_rng(2)
    one, other = rng.standard_normal((2, 6, 3, 2))
    mixed = network.forward(share * one + (1 - share) * other).ys
    np.testing.assert_allclose(
        mixed, share * network.forward(one).ys + (1 - share) * network.forward(other).ys, rtol=1e-12, atol=1e-14
    )


def test_linear_on_symbols_is_a_row_of_logits_for_each_and_starts_without_an_opinion():
    task = TASKS["characters"]
    network = built(task, layer="linear", dtype=np.float64)
    (table,) = network.layers
    assert isinstance(table, rl.Embedding)
    assert table.E.shape == (task.inputs, task.outputs)
    assert not table.E.any()
    xs, targets = task.batch(np.random.default_rng(0), 4)
    assert task.loss(network.forward(xs).ys, targets)[0] == pytest.approx(math.log(task.outputs), rel=1e-12)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            {"layer": "transformer"},
            "layer must be one of rnn, irnn, indrnn, lstm, gru, dense, linear; got 'transformer'",
        ),
        ({"layers": 0}, "layers must be at least 1; got 0"),
        ({"layers": -2, "layer": "linear"}, "layers must be at least 1; got -2"),
        ({"hidden": 0}, "hidden must be at least 1; got 0"),
        ({"hidden": -1, "layer": "gru"}, "hidden must be at least 1; got -1"),
        ({"hidden": -1, "layer": "dense"}, r"(hidden|shape) must .*; got"),
        ({"activation": "swish"}, "activation must be one of"),
        ({"kernel_initializer": "xavier"}, "initializer must be one of"),
        ({"recurrent_initializer": "xavier", "layer": "lstm"}, "initializer must be one of"),
        ({"recurrent_initializer": "orthogonal", "layer": "indrnn"}, "orthogonal needs at least two axes"),
        ({"activation": "relu", "layer": "lstm"}, "activation is for rnn, indrnn, dense; got relu for lstm"),
        ({"activation": "tanh", "layer": "gru"}, "activation is for rnn, indrnn, dense; got tanh for gru"),
        ({"activation": "tanh", "layer": "irnn"}, "activation is for rnn, indrnn, dense; got tanh for irnn"),
        (
            {"kernel_initializer": "ones", "layer": "irnn"},
            "kernel_initializer is for rnn, indrnn, lstm, gru, dense; got",
        ),
        (
            {"recurrent_initializer": "ones", "layer": "irnn"},
            "recurrent_initializer is for rnn, indrnn, lstm, gru; got",
        ),
        ({"scale": 0.5}, "scale is for irnn; got 0.5 for rnn"),
        ({"scale": 0.5, "layer": "gru"}, "scale is for irnn; got 0.5 for gru"),
        ({"dtype": np.int64}, "must be float32 or float64"),
    ],
)
def test_a_word_that_cannot_be_is_refused(words, says):
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        built(**words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        {"layer": "dense", "recurrent_initializer": "orthogonal"},
        {"layer": "dense", "scale": 0.5},
        {"layer": "linear", "activation": "tanh"},
        {"layer": "linear", "kernel_initializer": "ones"},
        {"layer": "linear", "recurrent_initializer": "orthogonal"},
        {"layer": "linear", "scale": 0.5},
        {"layer": "linear", "residual": True},
        {"layer": "linear", "batch_norm": True},
        {"layer": "linear", "layers": 3},
    ],
)
def test_a_word_without_a_use_is_refused(words):
    with pytest.raises(ValueError, match=r"\w"):
        built(**words)


def test_one_layer_by_itself():
    rng = np.random.default_rng(0)
    assert isinstance(models.recurrent(rng, "gru", inputs=2, hidden=3, steps=5), rl.GRU)
    lower = models.recurrent(rng, "indrnn", inputs=2, hidden=200, steps=5, top=False)
    assert lower.u.min() < 2 ** (-1 / 5) <= models.recurrent(rng, "indrnn", inputs=2, hidden=200, steps=5).u.min()
    for word, hint in (("dense", ""), ("linear", ""), ("sru", ": did you mean gru?")):
        says = f"a recurrent layer must be one of rnn, irnn, indrnn, lstm, gru; got '{word}'{hint}"
        with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
            models.recurrent(rng, word, inputs=2, hidden=3, steps=5)


def test_the_bias_and_the_forget_gate_start_as_asked():
    (plain,) = built(layer="lstm").layers
    (asked,) = built(layer="lstm", bias_initializer="constant:value=0.5", forget_bias=3.0).layers
    np.testing.assert_array_equal(plain.b.reshape(4, HIDDEN)[:, 0], [0, 1, 0, 0])
    np.testing.assert_array_equal(asked.b.reshape(4, HIDDEN), np.tile([[0.5], [3.5], [0.5], [0.5]], HIDDEN))
    for word in ("rnn", "indrnn", "gru", "dense"):
        assert (built(layer=word, bias_initializer="ones").layers[0].b == 1).all()
        with pytest.raises(ValueError, match=rf"^forget_bias is for lstm; got 2\.0 for {word}$"):
            built(layer=word, forget_bias=2.0)


def test_an_initializer_brings_its_options_along():
    (layer,) = built(recurrent_initializer="identity:gain=0.9", kernel_initializer="random_normal:stddev=0.01").layers
    np.testing.assert_array_equal(layer.U, np.eye(HIDDEN, dtype=np.float32) * np.float32(0.9))
    assert np.abs(layer.W).max() < 0.05


def test_a_layer_of_ones_own_is_a_model_by_a_line(monkeypatch):
    @dataclass(frozen=True, eq=False, repr=False)
    class Leaky(rl.RNN):
        """Its builder is told the length of the sequences, whether it is the top layer, what is read and normalised."""

        @classmethod
        def init(cls, rng, *, inputs, hidden, steps, top, reads, batch_norm, scale=1.0, dtype=np.float64):
            assert (reads, batch_norm) == ("last", False)
            W, U = rng.standard_normal((inputs, hidden)).astype(dtype), np.full((hidden, hidden), scale * steps, dtype)
            return cls(W, U, np.full(hidden, top, dtype), rl.activations.get("tanh"))

    monkeypatch.setitem(models.LAYERS, "leaky", Leaky.init)
    low, high = built(layer="leaky", layers=2, scale=0.5).layers
    assert isinstance(low, Leaky)
    assert (low.U == 3).all()
    assert (low.b.max(), high.b.min()) == (0, 1)
    with pytest.raises(ValueError, match=r"^scale is for irnn, leaky; got 2\.0 for gru$"):
        built(layer="gru", scale=2.0)
    with pytest.raises(
        ValueError, match=r"^kernel_initializer is for rnn, indrnn, lstm, gru, dense; got ones for leaky$"
    ):
        built(layer="leaky", kernel_initializer="ones")
