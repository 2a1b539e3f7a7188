"""Full, truncated and checkpointed BPTT: the same gradient where it should be, another where not, less memory."""

import math
import tracemalloc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.layers.batchnorm import evaluating, with_batch_statistics

D, H, K = 3, 4, 2


def every_step(rng, T, B):
    """A loss with a weight of its own for every step: L = Σ_t ⟨w[t], y[t]⟩."""
    weights = rng.standard_normal((T, B, K))
    return weights, lambda steps, ys: (float((weights[steps] * ys).sum()), weights[steps])


def network(rng, reads="every"):
    layers = (
        rl.LSTM.init(rng, inputs=D, hidden=H),
        rl.Residual(rl.GRU.init(rng, inputs=H, hidden=H)),
        rl.RNN.init(rng, inputs=H, hidden=H),
    )
    return rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), reads)


def apart(ours, theirs):
    """The largest distance of two records' arrays, relative to the largest entry of each array."""
    pairs = zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)) for a, b in pairs)


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 3), st.integers(1, 12))
def test_checkpointed_is_the_whole_gradient_for_every_length_of_chunk(seed, T, B, chunk):
    rng = np.random.default_rng(seed)
    net, xs = network(rng), rng.standard_normal((T, B, D))
    weights, loss = every_step(rng, T, B)
    starts = tuple(0.5 * rng.standard_normal((B, H)) for _ in net.carries)
    whole = net.backward(net.forward(xs, *starts), weights)
    ours = rl.bptt.checkpointed(net, xs, loss, *starts, chunk=chunk)
    assert apart(ours.params, whole.params) < 1e-12
    assert np.abs(ours.xs - whole.xs).max() < 1e-12
    for mine, theirs in zip(ours.dstarts, whole.dstarts, strict=True):
        assert np.abs(mine - theirs).max() < 1e-12
    for mine, theirs in zip(ours.ends, net.forward(xs, *starts).ends, strict=True):
        assert np.abs(mine - theirs).max() < 1e-13
    assert ours.loss == pytest.approx(float((weights * net.forward(xs, *starts).ys).sum()), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN, rl.LSTM, rl.GRU])
def test_a_layer_alone_is_run_like_a_network(kind):
    rng = np.random.default_rng(0)
    layer, xs, weights = (
        kind.init(rng, inputs=D, hidden=H),
        rng.standard_normal((10, 2, D)),
        rng.standard_normal((10, 2, H)),
    )

    def loss(steps, ys):
        return float((weights[steps] * ys).sum()), weights[steps]

    starts = tuple(rng.standard_normal((2, H)) for _ in layer.carries)
    grads = layer.backward(layer.forward(xs, *starts), weights)
    for ours in (rl.bptt.full(layer, xs, loss, *starts), rl.bptt.checkpointed(layer, xs, loss, *starts, chunk=3)):
        assert type(ours.params) is kind
        assert apart(ours.params, grads.params) < 1e-13
        for mine, theirs in zip(ours.dstarts, grads.dstarts, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_one_chunk_is_bit_for_bit_the_whole():
    rng = np.random.default_rng(1)
    net, xs = network(rng), rng.standard_normal((8, 2, D))
    weights, loss = every_step(rng, 8, 2)
    whole = net.backward(net.forward(xs), weights)
    for ours in (
        rl.bptt.full(net, xs, loss),
        rl.bptt.checkpointed(net, xs, loss, chunk=8),
        rl.bptt.truncated(net, xs, loss, 8),
    ):
        for mine, theirs in zip(ours.params.arrays().values(), whole.params.arrays().values(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_equal_chunks_give_the_same_bits_with_checkpoints_and_with_every_trace_kept():
    rng = np.random.default_rng(2)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((12, 2, D))
    weights = rng.standard_normal((12, 2, H))
    ours = rl.bptt.checkpointed(layer, xs, lambda steps, ys: (0.0, weights[steps]), chunk=4)
    traces, state = [], ()
    for first in (0, 4, 8):
        traces.append(layer.forward(xs[first : first + 4], *state))
        state = traces[-1].ends
    total, dends = None, ()
    for first, trace in ((8, traces[2]), (4, traces[1]), (0, traces[0])):
        grads = layer.backward(trace, weights[first : first + 4], *dends)
        dends = grads.dstarts
        total = grads.params if total is None else total.map(np.add, grads.params)
    for mine, theirs in zip(ours.params.arrays().values(), total.arrays().values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_truncated_cuts_exactly_the_paths_between_chunks():
    rng = np.random.default_rng(3)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((9, 2, D))
    weights = rng.standard_normal((9, 2, H))
    ours = rl.bptt.truncated(layer, xs, lambda steps, ys: (float((weights[steps] * ys).sum()), weights[steps]), 3)
    hs = layer.forward(xs).hs
    parts = []
    for first in (0, 3, 6):
        trace = layer.forward(xs[first : first + 3], hs[first])
        parts.append(layer.backward(trace, weights[first : first + 3]))
    total = parts[0].params.map(lambda a, b, c: a + b + c, parts[1].params, parts[2].params)
    assert apart(ours.params, total) < 1e-14
    np.testing.assert_allclose(ours.xs, np.concatenate([part.xs for part in parts]), rtol=1e-13)
    assert apart(ours.params, layer.backward(layer.forward(xs), weights).params) > 1e-3


def test_truncation_matters_where_the_layer_remembers_and_not_where_it_forgets():
    rng = np.random.default_rng(4)
    xs = rng.uniform(0, 1, (60, 2, D))
    last = np.zeros((60, 2, H))
    last[-1] = 1
    errors = {}
    for name, layer in (
        ("forgets", rl.RNN.init(rng, inputs=D, hidden=H, activation="sigmoid")),
        ("keeps", rl.RNN.irnn(rng, inputs=D, hidden=H)),
    ):
        layer = layer.map(np.abs) if name == "keeps" else layer  # positive inputs and weights: no unit is ever off
        ours = rl.bptt.truncated(layer, xs, lambda steps, ys: (0.0, last[steps]), 10)
        errors[name] = apart(ours.params, rl.bptt.full(layer, xs, lambda steps, ys: (0.0, last[steps])).params)
    assert errors["forgets"] < 1e-4
    assert errors["keeps"] > 0.5


@pytest.mark.parametrize("T", [1, 6, 7])
def test_the_loss_is_the_sum_over_all_steps_and_the_ends_are_those_of_the_whole_run(T):
    rng = np.random.default_rng(10)
    layer, xs, start = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((T, 2, D)), rng.standard_normal((2, H))

    def loss(steps, ys):
        return float((ys**2).sum()) / 2, ys

    whole = layer.forward(xs, start)
    for ours in (
        rl.bptt.full(layer, xs, loss, start),
        rl.bptt.truncated(layer, xs, loss, 3, start),
        rl.bptt.checkpointed(layer, xs, loss, start, chunk=3),
    ):
        assert ours.loss == pytest.approx(float((whole.ys**2).sum()) / 2, rel=1e-13)  # squares: nothing cancels
        np.testing.assert_allclose(ours.ends, whole.ends, rtol=0, atol=1e-13)  # of states below 1


def reading_the_last_step(rng):
    """A network, ten inputs, a loss, and the list of the steps that the loss is asked for."""
    target, asked = rng.standard_normal((2, K)), []

    def loss(steps, ys):
        asked.append(steps)
        return rl.losses.squared_error(ys, target)

    return network(rng, "last"), rng.standard_normal((10, 2, D)), loss, asked


def test_truncated_of_a_network_that_reads_the_last_step_is_the_last_chunk_alone():
    rng = np.random.default_rng(11)
    net, xs, loss, asked = reading_the_last_step(rng)
    ours = rl.bptt.truncated(net, xs, loss, 4)
    assert asked == [slice(8, 10)]
    trace = net.forward(xs[8:], *net.forward(xs[:8]).ends)
    value, dys = loss(None, trace.ys)
    assert ours.loss == pytest.approx(value, rel=1e-13)
    assert apart(ours.params, net.backward(trace, dys).params) < 1e-12


def test_a_network_that_reads_the_last_step_is_asked_for_its_loss_once():
    rng = np.random.default_rng(5)
    net, xs, loss, asked = reading_the_last_step(rng)
    ours = rl.bptt.checkpointed(net, xs, loss, chunk=4)
    assert asked == [slice(8, 10)]
    trace = net.forward(xs)
    value, dys = loss(None, trace.ys)
    assert ours.loss == pytest.approx(value, rel=1e-13)
    assert apart(ours.params, net.backward(trace, dys).params) < 1e-12


def test_integers_have_no_gradient():
    rng = np.random.default_rng(6)
    layers = (rl.Embedding.init(rng, symbols=5, outputs=D), rl.GRU.init(rng, inputs=D, hidden=H))
    net, ids = rl.Network(layers, reads="every"), rng.integers(0, 5, (7, 2))
    weights = rng.standard_normal((7, 2, H))
    ours = rl.bptt.checkpointed(net, ids, lambda steps, ys: (0.0, weights[steps]), chunk=3)
    assert ours.xs is None
    assert apart(ours.params, net.backward(net.forward(ids), weights).params) < 1e-12


@pytest.mark.deep
def test_checkpoints_take_a_tenth_of_the_memory_at_four_thousand_steps():
    rng = np.random.default_rng(0)
    layer, xs = rl.RNN.init(rng, inputs=2, hidden=128), rng.standard_normal((4000, 16, 2))

    def loss(steps, ys):
        return float(np.vdot(ys, ys)) / 2, ys

    peaks, params = [], []
    for way in (rl.bptt.full, rl.bptt.checkpointed):
        tracemalloc.start()
        params.append(way(layer, xs, loss).params)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= peaks[0] / 10
    assert apart(params[1], params[0]) <= 1e-12


@pytest.mark.parametrize("words", [{"chunk": 0}, {"chunk": -3}])
def test_a_chunk_of_no_steps_is_refused(words):
    rng = np.random.default_rng(0)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), np.ones((4, 2, D))
    with pytest.raises(ValueError, match="chunk must be at least 1; got"):
        rl.bptt.checkpointed(layer, xs, lambda steps, ys: (0.0, ys), **words)
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        rl.bptt.truncated(layer, xs, lambda steps, ys: (0.0, ys), 0)
    with pytest.raises(ValueError, match=r"xs must have at least one step; got \(0, 2, 3\)"):
        rl.bptt.full(layer, xs[:0], lambda steps, ys: (0.0, ys))


@pytest.mark.parametrize("wrap", [lambda layer: layer, rl.Residual])
def test_what_normalises_over_all_steps_is_not_run_in_chunks(wrap):
    rng = np.random.default_rng(0)
    net = rl.Network((wrap(rl.BatchNorm.init(inputs=D)), rl.RNN.init(rng, inputs=D, hidden=H)), reads="every")
    xs, weights = rng.standard_normal((8, 2, D)), rng.standard_normal((8, 2, H))

    def loss(steps, ys):
        return float((weights[steps] * ys).sum()), weights[steps]

    says = r"^a BatchNorm normalises over all steps at once: run the network whole, or evaluating\(network\)$"
    for way in (lambda: rl.bptt.checkpointed(net, xs, loss), lambda: rl.bptt.truncated(net, xs, loss, 4)):
        with pytest.raises(ValueError, match=says):
            way()
    whole = net.backward(net.forward(xs), weights)
    assert apart(rl.bptt.full(net, xs, loss).params, whole.params) == 0
    settled = evaluating(with_batch_statistics(net, net.forward(xs)))
    whole = settled.backward(settled.forward(xs), weights)
    assert apart(rl.bptt.checkpointed(settled, xs, loss, chunk=3).params, whole.params) < 1e-12


class Counted(rl.RNN):
    """An RNN that notes how many steps it runs forward and backward, and the longest run of either."""

    ran: ClassVar[list[tuple[str, int]]] = []

    def forward(self, xs, *starts):
        self.ran.append(("forward", len(xs)))
        return super().forward(xs, *starts)

    def backward(self, trace, dys, *dends):
        self.ran.append(("backward", len(trace.xs)))
        return super().backward(trace, dys, *dends)


def steps_run(way, T):
    """How many steps forward, how many backward, and the most of either at a time."""
    layer = Counted.init(np.random.default_rng(0), inputs=D, hidden=H)
    Counted.ran.clear()
    way(layer, np.ones((T, 2, D)), lambda steps, ys: (0.0, ys))
    forward, backward = (sum(n for which, n in Counted.ran if which == name) for name in ("forward", "backward"))
    return forward, backward, max(n for _, n in Counted.ran)


@pytest.mark.parametrize(("T", "k"), [(6, 2), (7, 3), (5, 1), (4, 9), (1, 1)])
def test_truncated_goes_forward_in_time_once_and_keeps_k_steps(T, k):
    assert steps_run(lambda *run: rl.bptt.truncated(*run, k), T) == (T, T, min(k, T))
    chunks = [slice(first, min(first + k, T)) for first in range(0, T, k)]
    asked = []
    layer = rl.RNN.init(np.random.default_rng(0), inputs=D, hidden=H)
    rl.bptt.truncated(layer, np.ones((T, 2, D)), lambda steps, ys: (asked.append(steps) or 0.0, ys), k)
    assert asked == chunks


@pytest.mark.parametrize(("T", "root"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4), (16, 4), (17, 5)])
def test_unless_told_otherwise_a_chunk_has_the_root_of_t_steps_rounded_up(T, root):
    assert root - 1 < math.sqrt(T) <= root
    asked = []
    layer = rl.RNN.init(np.random.default_rng(0), inputs=D, hidden=H)
    rl.bptt.checkpointed(layer, np.ones((T, 2, D)), lambda steps, ys: (asked.append(steps) or 0.0, ys))
    assert asked[::-1] == [slice(first, min(first + root, T)) for first in range(0, T, root)]


def test_in_chunks_of_one_step_nothing_comes_back_and_with_checkpoints_all_of_it():
    rng = np.random.default_rng(8)
    layer, xs = rl.RNN.init(rng, inputs=D, hidden=H), rng.standard_normal((5, 2, D))
    weights = rng.standard_normal((5, 2, H))
    hs = layer.forward(xs).hs
    das = weights * (1 - hs[1:] ** 2)  # dL/da[t] with nothing from later steps
    ours = rl.bptt.truncated(layer, xs, lambda steps, ys: (0.0, weights[steps]), 1)
    np.testing.assert_allclose(ours.params.U, np.einsum("tbi,tbj->ij", hs[:-1], das), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.params.b, das.sum(axis=(0, 1)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.dstarts[0], das[0] @ layer.U.T, rtol=1e-12, atol=1e-15)
    whole = layer.backward(layer.forward(xs), weights)
    exact = rl.bptt.checkpointed(layer, xs, lambda steps, ys: (0.0, weights[steps]), chunk=1)
    assert apart(exact.params, whole.params) < 1e-13


@dataclass(frozen=True, eq=False, repr=False)
class Leaky(rl.Record):
    """A layer of one's own, h[t] = r ⊙ h[t-1] + x[t], that no file of the library knows."""

    r: np.ndarray
    carries: ClassVar[tuple[str, ...]] = ("hs",)

    def forward(self, xs, h0=None):
        hs = np.zeros((len(xs) + 1, *xs.shape[1:]))
        hs[0] = 0 if h0 is None else h0
        for t, x in enumerate(xs):
            hs[t + 1] = self.r * hs[t] + x
        return rl.Trace(xs, hs)

    def backward(self, trace, dhs, dh_end=None):
        totals = np.concatenate([np.zeros_like(dhs[:1]), dhs])
        totals[-1] += 0 if dh_end is None else dh_end
        for t in range(len(dhs), 0, -1):
            totals[t - 1] += self.r * totals[t]
        dr = (totals[1:] * trace.hs[:-1]).sum(axis=(0, 1))
        return rl.Gradients(self.like(r=dr), totals[1:], totals)


@pytest.mark.parametrize("wrap", [lambda layer: layer, rl.Residual, lambda layer: rl.Network((layer,), reads="every")])
def test_a_layer_of_ones_own_runs_in_all_three_ways(wrap):
    rng = np.random.default_rng(9)
    layer, xs = wrap(Leaky(rng.uniform(0.5, 1, H))), rng.standard_normal((7, 2, H))
    weights, start = rng.standard_normal((7, 2, H)), rng.standard_normal((2, H))

    def loss(steps, ys):
        return float((weights[steps] * ys).sum()), weights[steps]

    whole = layer.backward(layer.forward(xs, start), weights)
    for ours in (
        rl.bptt.full(layer, xs, loss, start),
        rl.bptt.checkpointed(layer, xs, loss, start, chunk=3),
        rl.bptt.truncated(layer, xs, loss, 7, start),
    ):
        assert type(ours.params) is type(layer)
        assert apart(ours.params, whole.params) < 1e-12
        np.testing.assert_allclose(ours.xs, whole.xs, rtol=1e-12)
        np.testing.assert_allclose(ours.dstarts[0], whole.dstarts[0], rtol=1e-12)
    cut = rl.bptt.truncated(layer, xs, loss, 3, start)
    assert apart(cut.params, whole.params) > 1e-3
    np.testing.assert_allclose(cut.ends[0], layer.forward(xs, start).ends[0], rtol=1e-13)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (lambda ys: (0.0, ys), r"must return .*; yours takes \(ys\): write lambda steps, ys"),
        (lambda steps, ys, targets: (0.0, ys), r"; yours takes \(steps, ys, targets\)"),
        (lambda steps, ys: 0.0, r"of the shape of ys \(4, 2, 3\); yours returned float"),
        (lambda steps, ys: (0.0, ys[-1]), r"yours returned \[\(\), \(2, 3\)\]"),
        (lambda steps, ys: (0.0, ys, ys), r"yours returned \[\(\), "),
    ],
)
def test_a_loss_of_another_form_is_refused_in_one_sentence(loss, says):
    layer, xs = rl.RNN.init(np.random.default_rng(0), inputs=2, hidden=3), np.zeros((4, 2, 2))
    for way in (
        lambda: rl.bptt.full(layer, xs, loss),
        lambda: rl.bptt.checkpointed(layer, xs, loss, chunk=4),
        lambda: rl.bptt.truncated(layer, xs, loss, 4),
    ):
        with pytest.raises(TypeError, match=rf"^loss is called as loss\(steps, ys\), .*{says}"):
            way()
