"""Networks: what a stack computes is what its layers compute in turn, and the whole is checked like a layer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from deep import one_in
from rnnlab.arrays import NotFiniteError
from rnnlab.layers.batchnorm import evaluating, with_batch_statistics
from rnnlab.trace import FeedforwardGradients, FeedforwardTrace

D, H, K = 2, 3, 2
seeds, few = st.integers(0, 10**6), st.integers(1, 5)


def lstm_gru(rng):
    layers = (rl.LSTM.init(rng, inputs=D, hidden=H), rl.GRU.init(rng, inputs=H, hidden=H))
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), "every")


def residual(rng):
    layers = (
        rl.Dense.init(rng, inputs=D, outputs=H, activation="tanh"),
        rl.Residual(rl.RNN.init(rng, inputs=H, hidden=H)),
        rl.Residual(rl.LSTM.init(rng, inputs=H, hidden=H)),
    )
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), "last")


def deep_indrnn(rng):
    layers = (
        rl.IndRNN.init(rng, inputs=D, hidden=H),
        rl.BatchNorm.init(inputs=H),
        rl.Residual(rl.IndRNN.init(rng, inputs=H, hidden=H, activation="tanh")),
        rl.BatchNorm.init(inputs=H),
    )
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), "every")


def without_readout(rng):
    return rl.Network((rl.RNN.init(rng, inputs=D, hidden=H), rl.IndRNN.init(rng, inputs=H, hidden=K)), reads="last")


def embedding(rng):
    layers = (rl.Embedding.init(rng, symbols=5, outputs=H), rl.GRU.init(rng, inputs=H, hidden=H))
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=5), "every")


NETWORKS = {
    "LSTM, GRU": lstm_gru,
    "residual": residual,
    "deep IndRNN": deep_indrnn,
    "without readout": without_readout,
    "embedding": embedding,
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def inputs(rng, net, T, B):
    first = net.layers[0]
    return rng.integers(0, 5, (T, B)) if isinstance(first, rl.Embedding) else rng.uniform(-1, 1, (T, B, D))


@pytest.mark.parametrize("name", one_in(2, NETWORKS))
@given(seeds, st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=max(4, settings.default.max_examples // 3))  # each checks every layer, then the whole
def test_every_gradient_agrees_with_the_complex_step(name, seed, T, B):
    # Two rows are normalised to ±1 whatever they are: their gradient is a difference of equals, and only digits of it
    # are left that ε = 0.001 leaves.
    T, B = (T + 1, B + 2) if name == "deep IndRNN" else (T, B)
    rng = np.random.default_rng(seed)
    net = NETWORKS[name](rng)
    assert rl.check_gradients(net, inputs(rng, net, T, B)).worst().error <= 1e-12


@every_network
@given(seeds, few, st.integers(1, 3))
def test_a_network_is_its_layers_in_turn(name, seed, T, B):
    rng = np.random.default_rng(seed)
    net = NETWORKS[name](rng)
    xs = inputs(rng, net, T, B)
    trace, ys = net.forward(xs), xs
    for layer in net.layers:
        ys = ys + layer.layer.forward(ys).ys if isinstance(layer, rl.Residual) else layer.forward(ys).ys
    ys = ys[-1] if net.reads == "last" else ys
    ys = ys if net.readout is None else net.readout.forward(ys).ys
    np.testing.assert_array_equal(trace.ys, ys)


@pytest.mark.parametrize("name", ["LSTM, GRU", "residual", "without readout", "embedding"])
@given(seeds, st.integers(2, 6), st.integers(1, 3), st.data())
def test_a_run_in_two_chunks_with_carried_states_is_the_whole_run(name, seed, T, B, data):
    rng = np.random.default_rng(seed)
    net = NETWORKS[name](rng)
    xs, cut = inputs(rng, net, T, B), data.draw(st.integers(1, T - 1))
    first = net.forward(xs[:cut])
    second = net.forward(xs[cut:], *first.ends)
    whole = net.forward(xs).ys
    got = second.ys if net.reads == "last" else np.concatenate([first.ys, second.ys])
    np.testing.assert_allclose(got, whole, rtol=1e-12, atol=1e-14)


def test_a_shortcut_hands_the_gradient_down_unchanged():
    rng = np.random.default_rng(0)
    layer = rl.Residual(rl.RNN(np.zeros((H, H)), np.zeros((H, H)), np.zeros(H)))  # the layer itself gives 0
    xs, dys = rng.standard_normal((5, 2, H)), rng.standard_normal((5, 2, H))
    trace = layer.forward(xs)
    np.testing.assert_array_equal(trace.ys, xs)
    np.testing.assert_array_equal(layer.backward(trace, dys).xs, dys)


def test_total_derivatives_of_every_layer_are_there_to_look_at():
    rng = np.random.default_rng(0)
    net, xs = lstm_gru(rng), rng.standard_normal((6, 2, D))
    trace = net.forward(xs)
    grads = net.backward(trace, np.ones_like(trace.ys))
    assert grads.layers[0].hs.shape == grads.layers[0].cs.shape == (7, 2, H)
    np.testing.assert_array_equal(grads.layers[1].hs[-1], np.ones((2, K)) @ net.readout.W.T)
    # what the upper layer sends down arrives from above at the lower one
    np.testing.assert_array_equal(grads.layers[0].hs[-1], grads.layers[1].xs[-1])


@every_network
def test_a_network_is_saved_and_loaded_and_mapped_like_a_layer(name, tmp_path):
    rng = np.random.default_rng(0)
    net = NETWORKS[name](rng)
    xs = inputs(rng, net, 4, 2)
    rl.save(tmp_path / "net.npz", net)
    again = rl.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(again.forward(xs).ys, net.forward(xs).ys)
    trace = net.forward(xs)
    grads = net.backward(trace, np.ones_like(trace.ys))
    step = net.map(lambda p, g: p - 1e-3 * g, grads.params)
    assert step.forward(xs).ys.sum() < trace.ys.sum()  # downhill of the sum


@every_network
def test_a_trace_holds_the_inputs_as_they_were_given(name):
    rng = np.random.default_rng(0)
    net = NETWORKS[name](rng)
    xs = inputs(rng, net, 3, 2)
    assert net.forward(xs).xs is xs


def test_the_gradients_of_the_readout_are_there_to_look_at():
    rng = np.random.default_rng(0)
    net, xs = lstm_gru(rng), rng.standard_normal((3, 2, D))
    trace = net.forward(xs)
    grads = net.backward(trace, np.ones_like(trace.ys))
    np.testing.assert_array_equal(grads.readout.params.W, grads.params.readout.W)
    np.testing.assert_array_equal(grads.readout.xs, np.ones((3, 2, K)) @ net.readout.W.T)


@dataclass(frozen=True, eq=False, repr=False)
class Halved(rl.Record):
    """y[t] = x[t] / 2: a layer without parameters."""

    carries: ClassVar[tuple[str, ...]] = ()

    def forward(self, xs):
        return FeedforwardTrace(xs, xs / 2)

    def backward(self, trace, dys):
        return FeedforwardGradients(self, dys / 2)


def test_a_layer_without_parameters_may_come_first():
    rng = np.random.default_rng(0)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((3, 2, D))
    net = rl.Network((Halved(), layer), reads="every")
    np.testing.assert_array_equal(net.forward(xs).ys, layer.forward(xs / 2).ys)
    assert rl.check_gradients(net, xs).passed


def test_a_run_that_diverges_in_an_upper_layer_is_that_layers_to_tell():
    rng = np.random.default_rng(0)
    lower = rl.RNN.init(rng, inputs=D, hidden=H, activation="identity").map(lambda a: 1e200 * a)
    net = rl.Network((rl.RNN.init(rng, inputs=D, hidden=D), lower, rl.RNN.init(rng, inputs=H, hidden=H)))
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match=r"^xs must be finite"):
        net.forward(rng.standard_normal((5, 2, D)))


def test_running_statistics_move_through_shortcuts_and_nothing_else_moves():
    rng = np.random.default_rng(0)
    net = rl.Network((rl.Residual(rl.BatchNorm.init(inputs=D)), rl.RNN.init(rng, inputs=D, hidden=H)))
    xs = 1 + 0.5 * rng.standard_normal((5, 2, D))
    moved = with_batch_statistics(net, net.forward(xs))
    changed = [n for n, a in net.arrays().items() if not np.array_equal(a, moved.arrays()[n])]
    assert changed == ["layers.0.layer.mean", "layers.0.layer.variance"]
    fixed = evaluating(moved)
    assert fixed.layers[0].layer.running
    assert not moved.layers[0].layer.running
    assert rl.check_gradients(fixed, xs).passed


def test_learning_a_little_makes_the_loss_smaller():
    rng = np.random.default_rng(0)
    net, xs, labels = embedding(rng), rng.integers(0, 5, (10, 4)), rng.integers(0, 5, (10, 4))
    losses = []
    for _ in range(30):
        trace = net.forward(xs)
        value, dys = rl.losses.softmax_cross_entropy(trace.ys, labels)
        losses.append(value)
        net = net.map(lambda p, g: p - 2 * g, net.backward(trace, dys).params)
    assert losses[-1] < 0.9 * losses[0]


def test_a_wrong_wiring_is_caught():
    class Forgetful(rl.Network):
        def backward(self, trace, dys, *dends):
            grads = super().backward(trace, dys, *dends)
            lower = grads.layers[0]
            params = grads.params.map(lambda a: a)
            params.layers[0].b[:] = 0.5 * lower.params.b
            return type(grads)(params, grads.layers, grads.readout)

    rng = np.random.default_rng(0)
    net = lstm_gru(rng)
    broken = Forgetful(net.layers, net.readout, net.reads)
    with pytest.raises(rl.GradientError, match=r"^layers\.0\.b\[\d+\] is wrong"):
        rl.check_gradients(broken, rng.standard_normal((4, 2, D)))


def test_what_does_not_fit_is_refused():
    rng = np.random.default_rng(0)
    net = lstm_gru(rng)
    with pytest.raises(ValueError, match=r"layers must be a tuple of at least one layer; got \(\)"):
        rl.Network(())
    with pytest.raises(ValueError, match="layers must be a tuple"):
        rl.Network([net.layers[0]])
    with pytest.raises(TypeError, match=r"^layers\[0\] must be a layer, not a class"):
        rl.Network((rl.RNN,))
    with pytest.raises(TypeError, match=r"^layers\[1\] must be a layer: .*; got int$"):
        rl.Network((net.layers[0], 3))
    with pytest.raises(TypeError, match=r"^layer must be a layer, but Tanh has no carries and no forward"):
        rl.Residual(rl.activations.get("tanh"))
    with pytest.raises(ValueError, match="reads must be 'last' or 'every'; got 'first'"):
        rl.Network(net.layers, reads="first")
    with pytest.raises(
        ValueError, match=r"starts must be one array for each of layers\.0\.hs, layers\.0\.cs, layers\.1\.hs; got 1"
    ):
        net.forward(np.ones((3, 2, D)), np.ones((2, H)))
    with pytest.raises(ValueError, match=r"^xs must be \(T, B, D\) with D = 2"):
        net.forward(np.ones((3, 2, D + 1)))
    with pytest.raises(ValueError, match=r"^dends must be one array for each of .*; got 1"):
        net.backward(net.forward(np.ones((3, 2, D))), np.ones((3, 2, K)), np.ones((2, H)))
    with pytest.raises(ValueError, match=r"dys must be \(3, 2, 2\) like the outputs; got \(2, 2\)"):
        net.backward(net.forward(np.ones((3, 2, D))), np.ones((2, K)))
    with pytest.raises(ValueError, match="a residual layer needs as many outputs as inputs"):
        rl.Residual(rl.RNN.init(rng, inputs=D, hidden=H)).forward(np.ones((3, 2, D)))
    unread = rl.Network(net.layers, reads="last")
    with pytest.raises(ValueError, match=r"dys must be \(2, 3\) like the outputs"):
        unread.backward(unread.forward(np.ones((3, 2, D))), np.ones((3, 2, H)))
