"""The protocol: a network is measured as a layer is, the walk reaches every layer, and an own layer joins in."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab import flow
from rnnlab.layers.batchnorm import evaluating, normalises_over_time
from rnnlab.layers.indrnn import bounded
from rnnlab.trace import innermost, rebuilt

D, H = 3, 4


@dataclass(frozen=True, eq=False, repr=False)
class Leaking(rl.Record):
    """h[t] = (1 - α) h[t-1] + α tanh(x[t] W + h[t-1] U): a layer that rnnlab has never seen.

    Not own_layers.LeakyCell: its α is a number that is saved and not learned, and it has no init to be built by.
    """

    W: np.ndarray
    U: np.ndarray
    alpha: float = 0.3
    carries: ClassVar = ("hs",)

    def forward(self, xs, h0=None):
        hs = np.zeros((len(xs) + 1, xs.shape[1], len(self.U)), xs.dtype)
        hs[0] = 0 if h0 is None else h0
        for t in range(1, len(hs)):
            a = xs[t - 1] @ self.W + hs[t - 1] @ self.U
            hs[t] = (1 - self.alpha) * hs[t - 1] + self.alpha * np.tanh(a)
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=0.0):
        hs, dhs = trace.hs, np.concatenate([np.zeros_like(dhs[:1]), dhs])
        dhs[-1] += dh_end
        dW, dU, dxs = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(trace.xs)
        for t in range(len(dxs), 0, -1):
            slope = 1 - np.tanh(trace.xs[t - 1] @ self.W + hs[t - 1] @ self.U) ** 2
            da = dhs[t] * self.alpha * slope
            dhs[t - 1] += (1 - self.alpha) * dhs[t] + da @ self.U.T
            dW += trace.xs[t - 1].T @ da
            dU += hs[t - 1].T @ da
            dxs[t - 1] = da @ self.W.T
        return rl.Gradients(self.like(W=dW, U=dU), dxs, dhs)


def own(rng, inputs):
    return Leaking(rng.standard_normal((inputs, H)), 0.5 * rng.standard_normal((H, H)))


def deep(rng):
    """All there is to walk through: two kinds of state, a shortcut around two layers, BatchNorms, an own layer."""
    branch = rl.IndRNN.init(rng, inputs=H, hidden=H, activation="tanh"), evaluating(rl.BatchNorm.init(inputs=H))
    layers = (
        rl.LSTM.init(rng, inputs=D, hidden=H),
        rl.Residual(rl.Network(branch, reads="every")),
        evaluating(rl.BatchNorm.init(inputs=H)),
        own(rng, H),
    )
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=2), reads="last")


NAMES = ("layers.0.hs", "layers.0.cs", "layers.1.layer.layers.0.hs", "layers.3.hs")


def test_states_have_one_name_everywhere():
    rng = np.random.default_rng(0)
    network, xs = deep(rng), rng.standard_normal((5, 2, D))
    trace = network.forward(xs)
    grads = network.backward(trace, np.ones_like(trace.ys))
    assert network.carries == tuple(trace.states) == tuple(grads.states) == NAMES
    for name, states in trace.states.items():
        assert trace.arrays()[name] is states
        assert grads.arrays()[name] is grads.states[name]
    assert [start.shape for start in grads.dstarts] == [(2, H)] * 4


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 3), st.data())
@settings(max_examples=30)
def test_a_network_run_and_taken_back_in_two_chunks_is_the_whole(seed, T, B, data):
    rng = np.random.default_rng(seed)
    network, xs = deep(rng), rng.standard_normal((T, B, D))
    cut = data.draw(st.integers(1, T - 1))
    dy = rng.standard_normal((B, 2))
    whole = network.backward(network.forward(xs), dy)
    first = network.forward(xs[:cut])
    second = network.forward(xs[cut:], *first.ends)
    late = network.backward(second, dy)
    early = network.backward(first, np.zeros_like(dy), *late.dstarts)
    both = early.params.map(np.add, late.params)
    scale = max(float(np.abs(array).max()) for array in whole.params.arrays().values())
    for name, array in whole.params.arrays().items():
        np.testing.assert_allclose(both.arrays()[name], array, rtol=0, atol=1e-12 * scale, err_msg=name)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 2))
@settings(max_examples=20)
def test_the_jacobian_of_a_network_is_that_of_its_joint_state(seed, T, B):
    rng = np.random.default_rng(seed)
    network, xs = deep(rng), rng.standard_normal((T, B, D))
    starts = [rng.uniform(-0.5, 0.5, (B, H)) for _ in NAMES]
    wide = network.map(lambda array: array.astype(np.complex128))
    products = flow.jacobian_products(network, xs, *starts)
    assert products.shape == (T + 1, B, 4 * H, 4 * H)
    for j in range(4 * H):  # column j: the last states moved by a complex step in number j of the first
        moved = [start.astype(np.complex128) for start in starts]
        moved[j // H][:, j % H] += 1e-20j
        ends = np.concatenate(wide.forward(xs + 0j, *moved).ends, axis=1).imag / 1e-20
        np.testing.assert_allclose(products[0, :, :, j], ends, rtol=1e-11, atol=1e-13 * np.abs(products[0]).max())


def test_the_exponents_of_layers_in_series_are_those_of_each():
    # The joint Jacobian is block triangular, so over many steps its exponents are those of the blocks.
    rng = np.random.default_rng(1)
    lower = rl.IndRNN(rng.standard_normal((1, 2)), np.array([0.9, 0.5]), np.zeros(2), "identity")
    upper = rl.IndRNN(rng.standard_normal((2, 2)), np.array([0.7, 0.3]), np.zeros(2), "identity")
    exponents = flow.lyapunov_exponents(rl.Network((lower, upper), reads="every"), np.zeros((400, 1, 1)), discard=100)
    np.testing.assert_allclose(exponents[0], np.log([0.9, 0.7, 0.5, 0.3]), atol=1e-3)
    assert flow.pascanu_bound(rl.Network((lower, upper))) == 0.9


def test_the_norms_of_a_network_are_those_of_its_backward_by_layer():
    rng = np.random.default_rng(2)
    network, xs = deep(rng), rng.standard_normal((6, 2, D))
    trace = network.forward(xs)
    grads = network.backward(trace, np.ones_like(trace.ys))
    for name in NAMES:
        wanted = np.linalg.norm(grads.states[name], axis=2)
        np.testing.assert_allclose(flow.gradient_norms(network, xs, of=name), wanted, rtol=1e-13)
    np.testing.assert_array_equal(flow.gradient_norms(network, xs), flow.gradient_norms(network, xs, of=NAMES[0]))
    with pytest.raises(ValueError, match=r"^of must be one of layers\.0\.hs, .*; got 'hs'$"):
        flow.gradient_norms(network, xs, of="hs")


def test_a_network_that_reads_every_step_has_its_loss_on_the_last():
    rng = np.random.default_rng(3)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((6, 2, D))
    alone = flow.gradient_norms(layer, xs)
    np.testing.assert_array_equal(flow.gradient_norms(rl.Network((layer,), reads="every"), xs), alone)
    np.testing.assert_array_equal(flow.gradient_norms(rl.Network((layer,), reads="last"), xs), alone)


def test_a_network_that_was_saved_is_looked_at_like_a_fresh_one(tmp_path):
    rng = np.random.default_rng(4)
    network, xs = deep(rng), rng.standard_normal((5, 1, D))
    rl.save(tmp_path / "network.npz", network)
    again = rl.load(tmp_path / "network.npz")
    for instrument in (flow.gradient_norms, flow.singular_values, flow.lyapunov_exponents):
        np.testing.assert_array_equal(instrument(again, xs), instrument(network, xs))


@pytest.mark.parametrize(
    "instrument", [flow.gradient_norms, flow.jacobians, flow.singular_values, flow.lyapunov_exponents]
)
def test_what_carries_no_state_is_refused(instrument):
    dense = rl.Dense.init(np.random.default_rng(0), inputs=D, outputs=2)
    with pytest.raises(ValueError, match=r"^Dense carries no state from step to step"):
        instrument(dense, np.ones((3, 1, D)))
    with pytest.raises(TypeError, match=r"^layer must be a layer, not a class: make one with RNN.init"):
        instrument(rl.RNN, np.ones((3, 1, D)))


def test_symbols_are_measured_as_vectors_are():
    rng = np.random.default_rng(5)
    layers = (rl.Embedding.init(rng, symbols=5, outputs=D), rl.GRU.init(rng, inputs=D, hidden=H))
    network, xs = rl.Network(layers, reads="every"), rng.integers(0, 5, (6, 2))
    vectors = network.layers[0].forward(xs).ys
    for instrument in (flow.gradient_norms, flow.jacobians):
        np.testing.assert_allclose(instrument(network, xs), instrument(network.layers[1], vectors), rtol=1e-12)


# The walk


def test_the_walk_reaches_every_innermost_layer_once_from_the_lowest_up():
    network = deep(np.random.default_rng(0))
    kinds = [type(layer).__name__ for layer in innermost(network)]
    assert kinds == ["LSTM", "IndRNN", "BatchNorm", "BatchNorm", "Leaking", "Dense"]
    assert list(innermost(network.layers[0])) == [network.layers[0]]


def test_the_walk_rebuilds_and_leaves_the_rest_alone():
    network = deep(np.random.default_rng(0))
    zeroed = rebuilt(network, lambda layer: layer.map(np.zeros_like))
    assert not any(array.any() for array in zeroed.arrays().values())
    assert list(zeroed.arrays()) == list(network.arrays())
    assert zeroed.reads == network.reads
    assert zeroed.layers[3].alpha == network.layers[3].alpha
    assert network.layers[0].W.any()


def test_a_bound_reaches_the_indrnn_behind_a_shortcut():
    network = bounded(deep(np.random.default_rng(0)), 0.25)
    assert np.abs(network.layers[1].layer.layers[0].u).max() == 0.25


def test_a_bound_holds_below_zero_too():
    layer = rl.IndRNN.init(np.random.default_rng(0), inputs=D, hidden=3)
    layer = bounded(layer.like(W=layer.W, u=np.array([-2.0, 0.1, 2.0]), b=layer.b), 0.25)
    np.testing.assert_array_equal(layer.u, [-0.25, 0.1, 0.25])


def test_whether_anything_normalises_over_time():
    rng = np.random.default_rng(0)
    network = rl.Network((rl.Residual(rl.BatchNorm.init(inputs=D)), rl.RNN.init(rng, inputs=D, hidden=H)))
    assert normalises_over_time(network)
    assert not normalises_over_time(evaluating(network))
    assert not normalises_over_time(network.layers[1])


# A layer of one's own


def test_a_backward_that_takes_no_dends_or_returns_nothing_is_refused():
    @dataclass(frozen=True, eq=False, repr=False)
    class Endless(Leaking):
        def backward(self, trace, dhs):
            return super().backward(trace, dhs)

    @dataclass(frozen=True, eq=False, repr=False)
    class Silent(Leaking):
        def backward(self, trace, dhs, dh_end=0.0):
            pass

    layer, xs = own(np.random.default_rng(0), D), np.ones((3, 1, D))
    wanted = r"Endless\.backward does not take \(trace, dys, \*dends\) with one array for each of carries = \('hs',\)"
    with pytest.raises(TypeError, match=wanted):
        rl.check_gradients(Endless(layer.W, layer.U), xs)
    with pytest.raises(TypeError, match=r"^Silent\.backward must return gradients, rl\.Gradients .*; got NoneType$"):
        rl.check_gradients(Silent(layer.W, layer.U), xs)


def test_a_network_of_two_dtypes_is_refused_where_it_is_made():
    rng = np.random.default_rng(0)
    readout = rl.Dense.init(rng, inputs=H, outputs=1, dtype=np.float32)
    with pytest.raises(TypeError, match=r"^a network has one dtype; got readout\.W in float32 and .* in float64"):
        rl.Network((own(rng, 2),), readout)


def test_a_layer_of_ones_own_joins_in_everything(tmp_path):
    rng = np.random.default_rng(6)
    layer, xs = own(rng, D), rng.standard_normal((20, 3, D))
    assert rl.check_gradients(layer, xs).passed
    assert flow.decay_rate(flow.gradient_norms(layer, xs)).shape == (3,)
    assert flow.lyapunov_exponents(layer, xs).shape == (3, H)
    rl.save(tmp_path / "own.npz", layer)
    assert rl.load(tmp_path / "own.npz").alpha == layer.alpha
    task = rl.tasks.Adding(steps=10)
    network = rl.Network((own(rng, 2),), rl.Dense.init(rng, inputs=H, outputs=1), reads="last")
    trained = rl.fit(network, task, updates=30, lr=1e-2, every=30)
    assert trained.rows[-1].loss < trained.rows[0].loss


@pytest.mark.parametrize("missing", ["carries", "forward", "backward"])
def test_what_a_layer_lacks_is_said_and_where_it_is_written(missing):
    members = {"carries": ("hs",), "forward": lambda self, xs: None, "backward": lambda self, trace, dhs: None}
    del members[missing]
    kind = dataclass(frozen=True, eq=False, repr=False)(type("Half", (rl.Record,), members))
    wanted = rf"^layers\[0\] must be a layer, but Half has no {missing}: help\(rnnlab\.trace\.Layer\) shows"
    with pytest.raises(TypeError, match=wanted):
        rl.Network((kind(),))


# What a layer of one's own gets wrong at first


class Undecorated(rl.Record):
    """As the README says it: a record with a forward and a backward, and nothing else."""

    W: np.ndarray
    U: np.ndarray
    alpha: float = 0.3
    carries: ClassVar = ("hs",)

    forward = Leaking.forward
    backward = Leaking.backward


class Inherits(Undecorated):
    """Without fields of its own."""


@pytest.mark.parametrize("kind", [Inherits, Undecorated])
def test_a_record_needs_no_decorator(kind, tmp_path):
    rng = np.random.default_rng(0)
    layer = kind(rng.standard_normal((D, H)), rng.standard_normal((H, H)) / 4, alpha=0.5)
    assert rl.check_gradients(layer, rng.standard_normal((6, 2, D))).passed
    assert repr(layer) == f"{kind.__name__}(W=float64[{D}, {H}], U=float64[{H}, {H}], alpha=0.5)"
    with pytest.raises(AttributeError, match="cannot assign to field 'alpha'"):
        layer.alpha = 1.0
    rl.save(tmp_path / "own.npz", layer)
    again = rl.load(tmp_path / "own.npz")
    assert type(again) is kind
    assert (again.U == layer.U).all()


def test_a_class_that_is_not_imported_is_named_by_load(tmp_path, monkeypatch):
    layer = own(np.random.default_rng(0), D)
    rl.save(tmp_path / "own.npz", rl.Network((layer,)))
    monkeypatch.delitem(rl.Record.kinds, "Leaking")
    with pytest.raises(ValueError, match="it holds a Leaking, and no such class is defined: import the module"):
        rl.load(tmp_path / "own.npz")


def spoilt(forward=lambda trace: trace, backward=lambda gradients: gradients):
    """An own layer whose forward or backward returns something else."""

    class Spoilt(Leaking):
        def forward(self, xs, h0=None):
            return forward(super().forward(xs, h0))

        def backward(self, trace, dhs, dh_end=0.0):
            return backward(super().backward(trace, dhs, dh_end))

    rng = np.random.default_rng(0)
    return Spoilt(rng.standard_normal((D, H)), rng.standard_normal((H, H)) / 4)


def total(steps, ys):
    return float(ys.sum()), np.ones_like(ys)


USES = {
    "check": lambda layer, xs: rl.check_gradients(layer, xs),
    "check of a network": lambda layer, xs: rl.check_gradients(rl.Network((layer,)), xs),
    "norms": lambda layer, xs: flow.gradient_norms(layer, xs),
    "jacobians": lambda layer, xs: flow.jacobians(layer, xs[:1]),
    "full BPTT": lambda layer, xs: rl.bptt.full(rl.Network((layer,)), xs, total),
    "shortcut": lambda layer, xs: rl.bptt.full(rl.Residual(layer), xs, total),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("layer", "kind", "says"),
    [
        (
            spoilt(lambda t: t.hs),
            TypeError,
            r"^Spoilt\.forward must return a trace, rl\.Trace\(xs, hs\) .*; got ndarray",
        ),
        (spoilt(lambda t: (t.xs, t.hs)), TypeError, r"^Spoilt\.forward must return a trace, .*; got tuple"),
        (spoilt(lambda t: None), TypeError, r"^Spoilt\.forward must return a trace, .*; got NoneType"),
        (
            spoilt(lambda t: rl.Trace(t.xs, t.hs[1:])),
            ValueError,
            r"\.forward must keep T \+ 1 = \d states in .*hs, the",
        ),
        (
            spoilt(backward=lambda g: (g.params, g.xs, g.hs)),
            TypeError,
            r"^Spoilt\.backward must return gradients, .* tuple",
        ),
        (
            spoilt(backward=lambda g: rl.Gradients({"U": 1}, g.xs, g.hs)),
            TypeError,
            r"as a layer, self\.like.*; got dict",
        ),
        (
            spoilt(backward=lambda g: rl.Gradients(g.params, g.xs, g.hs[1:])),
            ValueError,
            r"backward must return a gradient \(\d, \d+, 4\) for .*hs; got \(\d, \d+, 4\)",
        ),
    ],
)
def test_what_a_forward_or_backward_must_return_is_said_wherever_the_layer_is_used(use, layer, kind, says):
    inputs = H if use == "shortcut" else D
    layer = layer.like(W=np.ones((inputs, H)) / 4, U=layer.U)
    with pytest.raises(kind, match=says):
        USES[use](layer, np.random.default_rng(1).standard_normal((6, 2, inputs)))


def test_layers_that_do_not_fit_on_one_another_are_named():
    rng = np.random.default_rng(0)
    twice = rl.Network((own(rng, D), own(rng, D)))
    with pytest.raises(ValueError, match=r"^layers\[1\], Leaking, on outputs \(6, 2, 4\) of the layer below: "):
        twice.forward(rng.standard_normal((6, 2, D)))


def test_a_float32_network_takes_a_task_s_batch():
    task = rl.tasks.Adding(steps=6)
    network = rl.models.build(np.random.default_rng(0), task, hidden=4)
    xs, targets = task.batch(np.random.default_rng(0), 3)
    trace = network.forward(xs)
    loss, dys = task.loss(trace.ys, targets)
    assert xs.dtype == targets.dtype == np.float64
    assert {a.dtype for a in (trace.ys, dys, *network.backward(trace, dys).params.arrays().values())} == {
        np.dtype("f4")
    }
    assert loss == task.loss(trace.ys, targets.astype(np.float32))[0]
    assert (trace.ys == network.forward(xs.astype(np.float32)).ys).all()


class Buildable(Leaking):
    """As the user's page says: with a class method init."""

    @classmethod
    def init(cls, rng, *, inputs, hidden, dtype=np.float64):
        W, U = rng.standard_normal((inputs, hidden)), np.eye(hidden)
        return cls(W.astype(dtype), U.astype(dtype))


def test_a_class_is_built_and_trained_like_a_layer_that_has_a_word(monkeypatch):
    monkeypatch.setattr(rl.models, "LAYERS", dict(rl.models.LAYERS))
    task = rl.tasks.Adding(steps=6)
    network = rl.models.build(np.random.default_rng(0), task, layer=Buildable, hidden=4, layers=2)
    assert [type(layer) for layer in network.layers] == [Buildable, Buildable]
    assert network.layers[1].W.shape == (4, 4)
    again = rl.models.build(np.random.default_rng(0), task, layer="Buildable", hidden=4, layers=2)
    assert all((a == b).all() for a, b in zip(network.arrays().values(), again.arrays().values(), strict=True))
    assert rl.fit(network, task, updates=2, batch=4).rows[-1].update == 2
    with pytest.raises(TypeError, match=r"Leaking needs a class method init\(rng, \*, inputs, hidden, dtype\)"):
        rl.models.build(np.random.default_rng(0), task, layer=Leaking)


def test_fit_takes_the_class_of_a_layer(monkeypatch):
    monkeypatch.setattr(rl.models, "LAYERS", dict(rl.models.LAYERS))
    task, settings = rl.tasks.Adding(steps=6), {"updates": 2, "batch": 4, "seed": 3}
    network = rl.models.build(np.random.default_rng(3).spawn(2)[0], task, layer=Buildable)
    ours, theirs = (rl.fit(start, task, **settings).network for start in (Buildable, network))
    assert all((a == b).all() for a, b in zip(ours.arrays().values(), theirs.arrays().values(), strict=True))
    with pytest.raises(TypeError, match=r"Leaking needs a class method init\(rng, \*, inputs, hidden, dtype\)"):
        rl.fit(Leaking, task, **settings)


def test_fit_says_how_a_layer_becomes_a_network():
    given = Buildable.init(np.random.default_rng(0), inputs=2, hidden=4)
    with pytest.raises(TypeError, match=r"fit trains a network, .* layer=Buildable, hidden=40\) .*; got Buildable$"):
        rl.fit(given, rl.tasks.Adding(steps=6), updates=2)


def test_bptt_shows_what_is_public():
    assert dir(rl.bptt) == ["Loss", "SequenceGradients", "checkpointed", "full", "truncated"]
