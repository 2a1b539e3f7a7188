"""Training: the same as a loop written by hand, the same after any stop, and nothing lost when it is killed."""

import io
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import naive
import rnnlab as rl
from deep import deep, one_in
from rnnlab import models, optim, training
from rnnlab.arrays import NotFiniteError
from rnnlab.checkpoint import CHECKPOINT, LOG, NORMS
from rnnlab.layers.batchnorm import evaluating
from rnnlab.settings import Settings
from rnnlab.table import Table
from rnnlab.tasks import Adding, Copying
from rnnlab.training import DivergenceError, fit

OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)
posix = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX's")


@pytest.fixture
def _unsynced(monkeypatch):
    """Spares waiting for the disk, where no power is cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


quick = pytest.mark.usefixtures("_unsynced")


def built(task, dtype=np.float64, **words):
    return models.build(np.random.default_rng(7), task, dtype=dtype, **{"hidden": 4, **words})


def batches(seed):
    """The generator of the batches: the second of two that are spawned from the seed; the first draws weights."""
    return np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])


def unseconded(rows):
    return [row._replace(seconds=0.0) for row in rows]


# The same as a loop written by hand


def loss_and_gradient(p, xs, targets):
    """Loss and gradient of a tanh RNN with an affine readout of its last state, on the scalar loops of naive.py."""
    rnn = {"W": p["layers.0.W"], "U": p["layers.0.U"], "b": p["layers.0.b"]}
    rnn = {name: array.tolist() for name, array in rnn.items()} | {"activation": "tanh"}
    V, c = p["readout.W"][:, 0].tolist(), float(p["readout.b"][0])
    T, B, _ = xs.shape
    h0, dhs = naive.zeros(B, len(V)), naive.zeros(T, B, len(V))
    last = naive.rnn_forward(rnn, xs.tolist(), h0)["hs"][-1]
    loss, dV, dc = 0.0, np.zeros(len(V)), 0.0
    for s in range(B):
        error = c + sum(h * v for h, v in zip(last[s], V, strict=True)) - float(targets[s, 0])
        loss += error * error / B
        dc += 2 * error / B
        for n, h in enumerate(last[s]):
            dV[n] += 2 * error / B * h
            dhs[-1][s][n] = 2 * error / B * V[n]
    grads = naive.rnn_backward(rnn, xs.tolist(), h0, dhs, naive.zeros(B, len(V)))
    lower = {f"layers.0.{name}": np.array(grads[f"params.{name}"]) for name in "WUb"}
    return loss, lower | {"readout.W": dV[:, None], "readout.b": np.array([dc])}


def clipped(g, clip_norm, clip_value):
    """The gradient and whether clipping changed it."""
    norm, out = math.sqrt(sum(float(np.sum(a * a)) for a in g.values())), g
    if clip_norm is not None and norm > clip_norm:
        out = {name: a * clip_norm / norm for name, a in g.items()}
    if clip_value is not None:
        out = {
            name: np.where(a > clip_value, clip_value, np.where(a < -clip_value, -clip_value, a))
            for name, a in out.items()
        }
    return out, any((out[name] != g[name]).any() for name in g)


class ByHand:
    """The four optimisers with their usual settings, in place."""

    def __init__(self, name):
        self.name, self.k, self.v, self.s = name, 0, {}, {}

    def step(self, p, g, lr):
        self.k += 1
        for name, d in g.items():
            v, s = self.v.get(name, 0.0), self.s.get(name, 0.0)
            if self.name == "sgd":
                p[name] = p[name] - lr * d
            elif self.name == "momentum":
                v = 0.9 * v + d
                p[name] = p[name] - lr * v
            elif self.name == "rmsprop":
                s = s + 0.01 * (d * d - s)
                p[name] = p[name] - lr * d / (s**0.5 + 1e-8)
            else:
                v, s = v + 0.1 * (d - v), s + 0.001 * (d * d - s)
                unbiased = math.sqrt(1 - 0.999**self.k) / (1 - 0.9**self.k)
                p[name] = p[name] - lr * unbiased * v / (s**0.5 + 1e-8 * math.sqrt(1 - 0.999**self.k))
            self.v[name], self.s[name] = v, s


def trained_by_hand(
    network, task, optimizer, *, updates, batch, seed, lr, lr_every=None, clip_norm=None, clip_value=None, jitter=None
):
    """Parameters after all updates; of each update the loss, the norm before clipping, and whether clipping bit."""
    p, rng, rule, log = dict(network.arrays()), batches(seed), ByHand(optimizer), []
    for update in range(updates):
        loss, g = loss_and_gradient(p, *task.batch(rng, batch))
        if jitter is not None:
            g = {name: a * (1 + np.finfo(float).eps * jitter.standard_normal(a.shape)) for name, a in g.items()}
        norm = math.sqrt(sum(float(np.sum(a * a)) for a in g.values()))
        g, bitten = clipped(g, clip_norm, clip_value)
        rule.step(p, g, lr if lr_every is None else lr * 0.1 ** (update // lr_every))
        log.append((loss, norm, bitten))
    return p, log


OPTIONS = {
    "plain": {},
    "clip_norm": {"clip_norm": 1.0},
    "clip_value": {"clip_value": 0.3},
    "both": {"clip_norm": 2.0, "clip_value": 0.5},
    "lr_every": {"lr_every": 3},
}


RATES = {"rmsprop": 0.003}
"""RMSprop's first update is lr / √(1 - ρ) = 10 lr for every weight, however small its gradient. At the others' rate,
0.03, ten such jumps of 0.3 among weights of 0.1 to 1 amplify a last place by a thousand (the norms move by 8e-13, of
1e-12 allowed); at 0.003 an update is as small as the others', and nothing is amplified."""


def by_hand(optimizer, options, jitter=None):
    """The network and settings of a case, and the loop by hand; with `jitter`, its gradients off in the last place."""
    task = Adding(steps=12)
    network = built(task, hidden=3)
    how = {"updates": 10, "batch": 4, "seed": 3, "lr": RATES.get(optimizer, 0.03), **OPTIONS[options]}
    return task, network, how, *trained_by_hand(network, task, optimizer, jitter=jitter, **how)


@every_optimizer
@pytest.mark.parametrize("options", ["plain", "clip_norm"])
def test_the_cases_by_hand_amplify_no_error_in_the_last_place(optimizer, options):
    *_, p, log = by_hand(optimizer, options)
    *_, moved, moved_log = by_hand(optimizer, options, np.random.default_rng(0))
    assert any((moved[name] != p[name]).any() for name in p)
    for name in p:
        assert np.abs(moved[name] - p[name]).max() <= 2e-14 * np.abs(p[name]).max()  # 100 last places in 10 updates
    np.testing.assert_allclose(*([row[:2] for row in rows] for rows in (moved_log, log)), rtol=2e-14)


@pytest.mark.parametrize("options", OPTIONS)
@every_optimizer
def test_ten_updates_are_those_of_a_loop_written_by_hand(optimizer, options):
    task, network, how, p, log = by_hand(optimizer, options)
    ours = fit(network, task, optimizer=optimizer, every=1, **how)
    assert ours.network.arrays().keys() == p.keys()
    for name, array in ours.network.arrays().items():
        assert np.abs(array - p[name]).max() <= 1e-12 * np.abs(p[name]).max(), name
        assert (array != network.arrays()[name]).all()  # it learns
    losses, norms, bitten = zip(*log, strict=True)
    np.testing.assert_allclose([row.loss for row in ours.rows[1:]], losses, rtol=1e-12)
    np.testing.assert_allclose([row.norm for row in ours.rows[1:]], norms, rtol=1e-12)
    assert any(bitten) == ("clip" in options or options == "both")


def test_a_row_holds_the_mean_loss_and_the_median_norm_since_the_row_before():
    task = Adding(steps=5)
    network = built(task, hidden=3)
    how = {"updates": 10, "batch": 4, "seed": 3, "lr": 0.03}
    rows = fit(network, task, optimizer="sgd", every=4, **how).rows
    _, log = trained_by_hand(network, task, "sgd", **how)
    losses, norms, _ = (np.array(column) for column in zip(*log, strict=True))
    assert [row.update for row in rows] == [0, 4, 8, 10]
    for row, since in zip(rows[1:], (slice(0, 4), slice(4, 8), slice(8, 10)), strict=True):
        assert row.loss == pytest.approx(losses[since].mean(), rel=1e-12)
        assert row.norm == pytest.approx(np.median(norms[since]), rel=1e-12)
    xs, targets = next(task.test())
    held_out, _ = loss_and_gradient(network.arrays(), xs[:, :32], targets[:32])
    assert rows[0].loss == pytest.approx(held_out, rel=1e-12)
    assert rows[0].norm == 0
    assert all(later.seconds >= earlier.seconds >= 0 for earlier, later in pairwise(rows))


def test_the_network_that_was_given_is_not_changed():
    task = Adding(steps=5)
    network = built(task, layer="indrnn", batch_norm=True)
    before = {name: array.copy() for name, array in network.arrays().items()}
    out = fit(network, task, updates=3, every=3, batch=4, gamma=0.5)
    assert all(np.array_equal(array, before[name]) for name, array in network.arrays().items())
    assert not any(np.array_equal(array, before[name]) for name, array in out.network.arrays().items())


@pytest.mark.parametrize("layer", ["rnn", "lstm", "indrnn"])
def test_the_dtype_is_kept(layer):
    task = Adding(steps=5)
    network = built(task, np.float32, layer=layer, layers=2, batch_norm=True)
    out = fit(network, task, updates=3, every=3, batch=4, clip_norm=0.1, clip_value=0.1, gamma=1.0)
    assert {array.dtype for array in out.network.arrays().values()} == {np.dtype(np.float32)}


def test_another_seed_draws_other_batches():
    task = Adding(steps=5)
    network = built(task)
    outs = [fit(network, task, updates=2, every=2, batch=4, seed=seed).network.readout.W for seed in (1, 1, 2)]
    assert np.array_equal(outs[0], outs[1])
    assert not np.array_equal(outs[0], outs[2])


# What is measured on the way


class Uneven(Adding):
    """Held-out batches of different sizes."""

    def test(self):
        rng = np.random.default_rng(5)
        return (self.batch(rng, size) for size in (40, 3, 1))


def test_evaluate_is_the_mean_over_all_answers_of_all_batches():
    task = Uneven(steps=5)
    network = built(task)
    errors = [float(e) ** 2 for xs, targets in task.test() for e in (network.forward(xs).ys - targets)[:, 0]]
    assert len(errors) == 44
    assert training.evaluate(network, task) == pytest.approx(math.fsum(errors) / 44, rel=1e-13)
    assert fit(network, task, updates=1).rows[0].score == training.evaluate(network, task)


def test_evaluate_normalises_by_running_statistics():
    task = Adding(steps=5)
    network = built(task, batch_norm=True)
    assert training.evaluate(network, task) == training.evaluate(evaluating(network), task)
    out = fit(network, task, updates=20, every=20, batch=16)
    batches = [(evaluating(out.network).forward(xs).ys, targets) for xs, targets in task.test()]
    assert out.rows[-1].score == pytest.approx(np.mean([np.square(ys - targets) for ys, targets in batches]), rel=1e-12)
    assert not out.network.layers[1].running


def direct_norms(network, task, layer):
    """Median over the sequences of |dL/dh[t]|, each sequence run alone; L is the loss of that sequence."""
    xs, targets = next(task.test())
    norms = []
    for s in range(32):
        trace = network.forward(xs[:, s : s + 1])
        answers = targets[s : s + 1] if task.reads == "last" else targets[:, s : s + 1]
        _, dys = task.loss(trace.ys, answers)
        hs = network.backward(trace, dys).states[layer]
        norms.append([math.hypot(*dh) for dh in hs[:, 0]])
    return np.median(norms, axis=0)


@pytest.mark.parametrize(
    ("task", "words", "places"),
    [
        (Adding(steps=6), {"layer": "rnn"}, ["layers.0.hs"]),
        (Adding(steps=6), {"layer": "gru", "layers": 2, "residual": True}, ["layers.0.hs", "layers.1.layer.hs"]),
        (Copying(delay=2), {"layer": "lstm", "layers": 2}, ["layers.1.hs", "layers.2.hs"]),  # above the embedding
    ],
)
def test_norm_rows_are_the_gradient_of_every_recurrent_layer_at_every_step(task, words, places):
    network = built(task, **words)
    out = fit(network, task, updates=4, every=2, batch=4)
    assert {row.update for row in out.norms} == {0, 2, 4}
    for update, then in ((0, network), (4, out.network)):
        for number, place in enumerate(places):
            rows = [row for row in out.norms if (row.update, row.layer) == (update, number)]
            assert [row.t for row in rows] == list(range(task.steps + 1))
            np.testing.assert_allclose([row.norm for row in rows], direct_norms(then, task, place), rtol=1e-12)
    assert {row.layer for row in out.norms} == set(range(len(places)))


@pytest.mark.parametrize("steps", [50, 51, 120])
def test_of_long_sequences_norms_are_taken_at_fifty_one_times_spread_evenly(steps):
    task = Adding(steps=steps)
    ts = [row.t for row in fit(built(task), task, updates=1, every=1, batch=2).norms if row.update == 0]
    assert len(ts) == 51
    assert (ts[0], ts[-1]) == (0, steps)
    assert set(np.diff(ts)) <= {steps // 50, -(-steps // 50)}


def test_a_network_without_recurrence_has_no_norm_rows():
    task = Adding(steps=5)
    assert fit(built(task, layer="dense"), task, updates=2, every=1, batch=4).norms == ()


# In chunks of time


class Masked(Copying):
    """The copying problem with answers that do not count, marked -1: some chunks have few of them, the first none."""

    def batch(self, rng, size):
        xs, targets = super().batch(rng, size)
        t, s = np.indices(targets.shape)
        return xs, np.where((t < 4) | ((t + s) % 3 == 0), -1, targets)

    def loss(self, ys, targets):
        gradient, kept = np.zeros_like(ys), targets >= 0
        if not kept.any():
            return 0.0, gradient
        value, gradient[kept] = rl.losses.softmax_cross_entropy(ys[kept], targets[kept])
        return value, gradient

    def answers(self, targets):
        return int((targets >= 0).sum())

    def score(self, ys, targets):
        return self.loss(ys, targets)[0] * self.answers(targets), self.answers(targets)


CHUNKED = {"last": Adding(steps=7), "every": Copying(delay=2), "some": Masked(delay=2)}


def cut_by_hand(network, task, xs, targets, k):
    """The loss of the whole batch, and its gradient without what flows back from one chunk of k steps to another."""
    whole = network.forward(xs)
    loss, dys = task.loss(whole.ys, targets)
    total, states = None, ()
    for first in range(0, task.steps, k):
        steps = slice(first, min(first + k, task.steps))
        trace = network.forward(xs[steps], *states)
        states = trace.ends
        last = steps.stop == task.steps
        part = dys[steps] if task.reads == "every" else dys if last else np.zeros_like(dys)
        params = network.backward(trace, part).params
        total = params if total is None else total.map(np.add, params)
    return loss, total


def close(ours, theirs):
    """Whether all entries agree to 1e-12 of the largest: sums of some hundred terms of that size, in another order."""
    return all(
        np.abs(mine - other).max() <= 1e-12 * np.abs(other).max()
        for mine, other in zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
    )


@pytest.mark.parametrize("name", CHUNKED)
@pytest.mark.parametrize("k", [1, 3, 5, 100])
def test_truncated_training_has_the_gradient_that_stops_between_chunks(name, k):
    task = CHUNKED[name]
    network = built(task, layer="lstm", layers=2)
    xs, targets = task.batch(np.random.default_rng(0), 4)
    loss, gradient, trace = training.loss_and_gradient(network, task, xs, targets, Settings(truncate=k))
    wanted, cut = cut_by_hand(network, task, xs, targets, k)
    assert loss == pytest.approx(wanted, rel=1e-13)
    assert close(gradient, cut)
    assert trace is None
    whole = network.backward(network.forward(xs), task.loss(network.forward(xs).ys, targets)[1]).params
    assert close(gradient, whole) == (k == 100)


@pytest.mark.parametrize("name", CHUNKED)
def test_checkpointed_training_has_the_whole_gradient(name):
    task = CHUNKED[name]
    network = built(task, layer="lstm", layers=2)
    xs, targets = task.batch(np.random.default_rng(0), 4)
    plain = training.loss_and_gradient(network, task, xs, targets)
    ours = training.loss_and_gradient(network, task, xs, targets, Settings(checkpointed=True))
    assert ours[0] == pytest.approx(plain[0], rel=1e-13)
    assert close(ours[1], plain[1])


@pytest.mark.parametrize("name", CHUNKED)
def test_the_ways_of_bptt_reach_every_update_of_a_run(name):
    task = CHUNKED[name]
    how = {"updates": 5, "every": 5, "batch": 4, "optimizer": "sgd", "lr": 0.1}
    plain, checkpointed, one_chunk, truncated = (
        fit(built(task), task, **how, **way).network
        for way in ({}, {"checkpointed": True}, {"truncate": task.steps}, {"truncate": 2})
    )
    assert close(checkpointed, plain)
    assert close(one_chunk, plain)
    assert not close(truncated, plain)


def test_a_run_in_chunks_goes_on_as_one_and_only_as_one(tmp_path):
    how = {**HOW, "truncate": 2}
    whole = fit(built(TASK), TASK, folder=tmp_path / "whole", **how)
    fit(built(TASK), TASK, folder=tmp_path / "part", **{**how, "updates": 4})
    out = fit(built(TASK), TASK, folder=tmp_path / "part", resume=True, **how)
    same_to_the_last_bit(tmp_path / "part", out, tmp_path / "whole", whole)
    with pytest.raises(ValueError, match=r"is of another run: its truncate is 2, not None"):
        fit(built(TASK), TASK, folder=tmp_path / "part", resume=True, **HOW)


@pytest.mark.parametrize("way", [{"truncate": 2}, {"checkpointed": True}])
def test_what_normalises_over_all_steps_is_not_trained_in_chunks(way):
    network = built(TASK, layer="indrnn", layers=2, residual=True, batch_norm=True)
    with pytest.raises(ValueError, match="a BatchNorm normalises over all steps at once: train without"):
        fit(network, TASK, updates=1, **way)
    fit(evaluating(network), TASK, updates=1, batch=4, **way)


def test_a_loss_in_chunks_that_is_not_finite_is_a_divergence():
    with pytest.raises(DivergenceError, match=r"^update 2 diverged: the loss is nan"):
        fit(built(TASK), spoilt(2, lambda value, dys: (math.nan, dys)), updates=3, batch=4, truncate=6)


def test_the_loss_and_the_gradient_of_a_batch_can_be_sent_to_another_process():
    task = Adding(steps=5)
    network = built(task)
    batch = task.batch(np.random.default_rng(0), 4)
    fn, arguments = pickle.loads(pickle.dumps((training.loss_and_gradient, (network, task, *batch, Settings()))))
    loss, gradient, trace = fn(*arguments)
    direct = training.loss_and_gradient(network, task, *batch)
    assert fn is training.loss_and_gradient
    assert loss == direct[0]
    assert all(np.array_equal(a, gradient.arrays()[name]) for name, a in direct[1].arrays().items())
    assert np.array_equal(trace.ys, direct[2].ys)


# Settings


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("updates", (0, -1, 2.5, math.inf, math.nan), "a whole number and at least 1"),
        ("batch", (0, -1, 0.5, math.inf, math.nan), "a whole number and at least 1"),
        ("every", (0, -1, math.inf, math.nan), "a whole number and at least 1"),
        ("lr_every", (0, -1, math.inf, math.nan), "a whole number and at least 1"),
        ("truncate", (0, -1, 2.5, math.inf, math.nan), "a whole number and at least 1"),
        ("seed", (-1, math.inf, math.nan), "a whole number and at least 0"),
        ("lr", (0, -0.1, math.inf, math.nan), "above 0 and finite"),
        ("lr_factor", (0, -0.1, math.inf, math.nan), "above 0 and finite"),
        ("clip_norm", (0, -0.1, math.inf, math.nan), "above 0 and finite"),
        ("clip_value", (0, -0.1, math.inf, math.nan), "above 0 and finite"),
        ("gamma", (0, -0.1, math.inf, math.nan), "above 0 and finite"),
    ],
)
def test_a_number_out_of_its_range_is_refused(name, values, wanted, tmp_path):
    task = Adding(steps=5)
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name} must be {wanted}; got {value}$"):
            Settings(**{name: value})
        with pytest.raises(ValueError, match=f"^{name} must be {wanted}"):
            fit(built(task), task, folder=tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()


def test_two_ways_of_bptt_at_once_are_refused():
    with pytest.raises(ValueError, match="truncate and checkpointed are two ways of BPTT: choose one"):
        Settings(truncate=3, checkpointed=True)


def test_an_unknown_optimiser_or_setting_is_refused():
    task = Adding(steps=5)
    with pytest.raises(
        ValueError, match=r"^optimizer must be one of sgd, momentum, rmsprop, adam; got 'adamw': did you mean adam\?$"
    ):
        fit(built(task), task, optimizer="adamw")
    with pytest.raises(TypeError, match="learning_rate"):
        fit(built(task), task, learning_rate=0.1)


def test_outputs_that_do_not_fit_the_task_are_refused():
    with pytest.raises(ValueError, match="targets must be"):
        fit(built(Adding(steps=5)), Wide(steps=5))
    with pytest.raises(ValueError, match="xs must be"):
        fit(rl.Network((rl.RNN.init(np.random.default_rng(0), inputs=3, hidden=2),)), Adding(steps=5))


class Wide(Adding):
    """Two answers are wanted for each sequence."""

    def batch(self, rng, size):
        xs, targets = super().batch(rng, size)
        return xs, np.concatenate([targets, targets], axis=1)


def test_every_u_stays_within_the_root_of_gamma_also_inside_a_shortcut():
    task = Adding(steps=5)
    network = built(task, layer="indrnn", layers=3, residual=True, hidden=20)
    how = {"updates": 10, "every": 10, "batch": 8, "lr": 0.05}
    gamma, limit = 0.9**5, (0.9**5) ** (1 / 5)
    free, held = (fit(network, task, **how, **more).network for more in ({}, {"gamma": gamma}))
    us = [[array for name, array in net.arrays().items() if name.endswith(".u")] for net in (free, held)]
    assert [len(some) for some in us] == [3, 3]
    for loose, tight in zip(*us, strict=True):
        assert np.abs(loose).max() > limit >= np.abs(tight).max()
        assert len(np.unique(tight)) > 1  # clipped, not scaled
    assert max(np.abs(tight).max() for tight in us[1]) == limit


@quick
def test_it_stops_where_the_score_is_at_or_below_until(tmp_path):
    task = Adding(steps=5)
    how = {"updates": 40, "every": 5, "batch": 16, "lr": 0.03}
    whole = fit(built(task), task, **how)
    assert not whole.solved
    scores = [row.score for row in whole.rows]
    goal = sorted(scores)[len(scores) // 2]
    first = next(i for i, score in enumerate(scores) if score <= goal)
    assert 0 < first < len(scores) - 1
    part = fit(built(task), task, until=goal, folder=tmp_path, **how)
    assert part.solved
    assert unseconded(part.rows) == unseconded(whole.rows[: first + 1])
    again = fit(built(task), task, until=goal, folder=tmp_path, resume=True, **how)
    assert again.rows == part.rows
    onward = fit(built(task), task, folder=tmp_path, resume=True, **how)
    assert unseconded(onward.rows) == unseconded(whole.rows)
    at_once = fit(built(task), task, until=1e9, **how)
    assert at_once.solved
    assert [row.update for row in at_once.rows] == [0]


@quick
def test_report_is_called_with_every_row_once_it_is_written(tmp_path):
    task = Adding(steps=5)
    seen = []

    def report(row):
        seen.append(row)
        assert Table.read(tmp_path / LOG)["update"][-1] == row.update

    assert fit(built(task), task, folder=tmp_path, report=report, updates=7, every=3, batch=4).rows == tuple(seen)
    assert [row.update for row in seen] == [0, 3, 6, 7]


@quick
def test_the_folder_holds_the_log_the_norms_and_the_checkpoint(tmp_path):
    task = Adding(steps=5)
    folder = tmp_path / "made" / "if need be"
    out = fit(built(task), task, folder=str(folder), updates=4, every=2, batch=4)
    assert sorted(path.name for path in folder.iterdir()) == sorted([CHECKPOINT, LOG, NORMS])
    log, norms = Table.read(folder / LOG), Table.read(folder / NORMS)
    assert list(log.columns) == ["update", "loss", "score", "norm", "seconds"]
    assert list(zip(*(column.tolist() for column in log.columns.values()), strict=True)) == list(out.rows)
    assert list(norms.columns) == ["update", "layer", "t", "norm"]
    assert list(zip(*(column.tolist() for column in norms.columns.values()), strict=True)) == list(out.norms)
    kept = rl.load(folder / CHECKPOINT)
    assert kept.update == kept.optimizer.updates == 4
    assert all(np.array_equal(a, out.network.arrays()[name]) for name, a in kept.network.arrays().items())


# Going on


def until_row(stop):
    """A report that is Ctrl-C at a row."""

    def report(row):
        if row.update == stop:
            raise KeyboardInterrupt

    return report


NETWORKS = {
    "BatchNorm": {"layer": "indrnn", "layers": 2, "residual": True, "batch_norm": True, "dtype": np.float32},
    "LSTM": {"layer": "lstm"},
}
HOW = {"updates": 8, "every": 2, "batch": 4, "lr": 0.02, "lr_every": 3, "clip_norm": 1.0, "gamma": 1.05}
TASK = Adding(steps=6)


def same_to_the_last_bit(folder, out, other_folder, other):
    mine, theirs = rl.load(folder / CHECKPOINT), rl.load(other_folder / CHECKPOINT)
    assert mine.arrays().keys() == theirs.arrays().keys()
    for name, array in mine.arrays().items():  # the network's and the optimiser's
        assert array.dtype == theirs.arrays()[name].dtype
        assert np.array_equal(array, theirs.arrays()[name]), name
    assert mine.optimizer.updates == theirs.optimizer.updates == mine.update == theirs.update
    assert mine.generator == theirs.generator
    assert mine.norms == theirs.norms
    assert unseconded(out.rows) == unseconded(other.rows)
    assert out.norms == other.norms
    assert out.solved == other.solved
    for name, array in out.network.arrays().items():
        assert np.array_equal(array, other.network.arrays()[name]), name
    for file in (LOG, NORMS):
        ours, others = Table.read(folder / file), Table.read(other_folder / file)
        assert all(np.array_equal(ours[name], others[name]) for name in ours.columns if name != "seconds")


@quick
@pytest.mark.parametrize("name", one_in(4, NETWORKS))
@every_optimizer
def test_a_run_stopped_at_any_row_goes_on_as_if_it_had_not(optimizer, name, tmp_path):
    network = built(TASK, **NETWORKS[name])
    how = {"optimizer": optimizer, **HOW}
    whole = fit(network, TASK, folder=tmp_path / "whole", **how)
    for stops in ((4,), (0, 2, 4, 6, 8)):
        folder = tmp_path / "-".join(map(str, stops))
        for stop in stops:
            with pytest.raises(KeyboardInterrupt):
                fit(network, TASK, folder=folder, resume=True, report=until_row(stop), **how)
            assert rl.load(folder / CHECKPOINT).update == stop
        reported = []
        out = fit(network, TASK, folder=folder, resume=True, report=reported.append, **how)
        same_to_the_last_bit(folder, out, tmp_path / "whole", whole)
        assert [row.update for row in reported] == list(range(stops[-1] + 2, 9, 2))
        assert all(later.seconds >= earlier.seconds for earlier, later in pairwise(out.rows))


@quick
def test_the_weights_go_on_from_the_checkpoint_not_from_those_given(tmp_path):
    whole = fit(built(TASK), TASK, **HOW)
    with pytest.raises(KeyboardInterrupt):
        fit(built(TASK), TASK, folder=tmp_path, report=until_row(4), **HOW)
    other = models.build(np.random.default_rng(99), TASK, hidden=4, dtype=np.float64)
    out = fit(other, TASK, folder=tmp_path, resume=True, **HOW)
    assert all(np.array_equal(array, whole.network.arrays()[name]) for name, array in out.network.arrays().items())


@quick
def test_resuming_at_the_end_returns_at_once_and_writes_nothing(tmp_path, monkeypatch):
    done = fit(built(TASK), TASK, folder=tmp_path, **HOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for part in ("update", "_probe", "evaluate", "write"):
        monkeypatch.setattr(training, part, lambda *_: pytest.fail("it went on"))
    again = fit(built(TASK), TASK, folder=tmp_path, resume=True, **HOW)
    assert again.rows == done.rows
    assert again.norms == done.norms
    assert all(np.array_equal(array, done.network.arrays()[name]) for name, array in again.network.arrays().items())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@quick
@every_optimizer
def test_more_updates_on_resuming_make_the_longer_run(optimizer, tmp_path):
    how = {"optimizer": optimizer, **HOW}
    longer = fit(built(TASK), TASK, folder=tmp_path / "longer", **how)
    fit(built(TASK), TASK, folder=tmp_path / "shorter", **{**how, "updates": 4})
    out = fit(built(TASK), TASK, folder=tmp_path / "shorter", resume=True, **how)
    same_to_the_last_bit(tmp_path / "shorter", out, tmp_path / "longer", longer)


@quick
def test_resuming_in_an_empty_or_missing_folder_begins(tmp_path):
    whole = fit(built(TASK), TASK, **HOW)
    out = fit(built(TASK), TASK, folder=tmp_path / "new", resume=True, **HOW)
    assert unseconded(out.rows) == unseconded(whole.rows)


@quick
def test_a_folder_that_holds_a_run_is_refused_without_resume(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **HOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="^" + re.escape(f"{tmp_path} holds a run already: resume it, or choose")):
        fit(built(TASK), TASK, folder=tmp_path, **HOW)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@quick
def test_another_run_is_refused_by_the_name_of_what_differs(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    settings = {
        "batch": 5,
        "optimizer": "sgd",
        "lr": 0.03,
        "lr_every": 4,
        "lr_factor": 0.2,
        "clip_norm": None,
        "clip_value": 1.0,
        "gamma": None,
        "every": 3,
        "seed": 1,
    }
    others = [(built(TASK), TASK, {name: value}, name, value) for name, value in settings.items()]
    others += [
        (built(TASK, hidden=5), TASK, {}, "network", "5"),
        (built(TASK, np.float32), TASK, {}, "network", "float32"),
        (built(TASK, layer="gru"), TASK, {}, "network", "GRU"),
        (built(TASK, activation="relu"), TASK, {}, "network", "relu"),
        (built(TASK), Adding(steps=7), {}, "task", "7 steps"),
        (built(TASK), Uneven(steps=6), {}, "task", "Uneven"),
    ]
    for network, task, changed, name, value in others:
        with pytest.raises(ValueError, match="is of another run") as caught:
            fit(network, task, folder=tmp_path, resume=True, **{**HOW, **changed})
        sentence = str(caught.value)
        assert sentence.startswith(f"{tmp_path / CHECKPOINT} is of another run: its {name} is ")
        assert "\n" not in sentence
        assert str(value) in sentence.partition(", not ")[2]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@quick
def test_the_same_task_with_other_options_is_refused(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    with pytest.raises(ValueError, match="is of another run: its task is"):
        fit(built(TASK), Adding(steps=6, markers="anywhere"), folder=tmp_path, resume=True, **HOW)


@quick
def test_a_damaged_or_foreign_checkpoint_is_refused_and_left_as_it_is(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path / "good", **{**HOW, "updates": 2})
    good = (tmp_path / "good" / CHECKPOINT).read_bytes()
    rl.save(tmp_path / "network.npz", built(TASK))
    np.savez(tmp_path / "arrays.npz", W=np.ones(3))
    middle = len(good) // 2
    contents = {
        "empty": b"",
        "text": b"update,loss\n",
        "network": (tmp_path / "network.npz").read_bytes(),
        "arrays": (tmp_path / "arrays.npz").read_bytes(),
        "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        **{f"cut {share}": good[: int(len(good) * share)] for share in (0.01, 0.3, 0.5, 0.9, 0.999)},
    }
    for name, content in contents.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / CHECKPOINT).write_bytes(content)
        with pytest.raises(ValueError, match=r" is not a (whole rnnlab record|checkpoint): ") as caught:
            fit(built(TASK), TASK, folder=folder, resume=True, **HOW)
        assert str(caught.value).startswith(str(folder / CHECKPOINT))
        assert "\n" not in str(caught.value)
        assert (folder / CHECKPOINT).read_bytes() == content
        assert [path.name for path in folder.iterdir()] == [CHECKPOINT]


@quick
def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    for name in (f".{CHECKPOINT}.a1b2", f".{LOG}.c3", f".{NORMS}.d4"):
        (tmp_path / name).write_bytes(b"half")
    mine = [tmp_path / name for name in (".notes", "notes.txt", f"{CHECKPOINT}.old")]
    for path in mine:
        path.write_text("mine")
    fit(built(TASK), TASK, folder=tmp_path, resume=True, **HOW)
    assert sorted(tmp_path.iterdir()) == sorted([*(tmp_path / name for name in (CHECKPOINT, LOG, NORMS)), *mine])


@quick
def test_what_a_run_killed_at_its_first_checkpoint_was_writing_is_removed(tmp_path):
    (tmp_path / f".{CHECKPOINT}.a1b2").write_bytes(b"half")
    fit(built(TASK), TASK, folder=tmp_path, resume=True, **{**HOW, "updates": 2})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CHECKPOINT, LOG, NORMS])


@quick
@pytest.mark.parametrize("file", [LOG, NORMS])
def test_a_log_that_the_last_checkpoint_was_killed_before_is_made_up_for(file, tmp_path, monkeypatch):
    whole = fit(built(TASK), TASK, folder=tmp_path / "whole", **HOW)
    real, died = os.replace, []

    def dies(source, target):
        if target == tmp_path / "run" / file and Table.read(tmp_path / "run" / NORMS)["update"][-1] == 6:
            died.append(target)
            raise KeyboardInterrupt
        real(source, target)

    with pytest.raises(KeyboardInterrupt):
        fit(built(TASK), TASK, folder=tmp_path / "run", report=until_row(6), **HOW)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            fit(built(TASK), TASK, folder=tmp_path / "run", resume=True, **HOW)
    assert died
    out = fit(built(TASK), TASK, folder=tmp_path / "run", resume=True, **HOW)
    same_to_the_last_bit(tmp_path / "run", out, tmp_path / "whole", whole)


# Killed

PREAMBLE = """
import io, os, signal, sys, time
import numpy as np
from rnnlab import models, optim, training
from rnnlab.tasks import Adding

task = Adding(steps=6)
network = models.build(np.random.default_rng(7), task, layer="gru", hidden=4, dtype=np.float64)
"""

KILLED_FROM_OUTSIDE = (
    PREAMBLE
    + """
folder, updates, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def report(row):
    global rows
    print(row.update, flush=True)
    rows -= 1
    if rows == 0:
        time.sleep(60)  # far enough: the signal comes before the run is at its end, however slow its sender is

print("begun", flush=True)
training.fit(network, task, folder=folder, resume=True, report=report, updates=updates, every=1, batch=4)
"""
)


@posix
@quick  # here; the child does sync
@pytest.mark.parametrize("kills", [3, deep(20)])  # each is of a program
def test_killed_again_and_again_a_run_ends_as_if_it_had_not_been(kills, tmp_path):
    at_most = 6
    updates = kills * at_most
    rng, folder = np.random.default_rng(0), tmp_path / "run"
    (tmp_path / "child.py").write_text(KILLED_FROM_OUTSIDE, encoding="utf-8")
    standing = []
    for kill in range(kills):
        awaited = int(rng.integers(0, 4))
        command = [sys.executable, str(tmp_path / "child.py"), str(folder), str(updates), str(at_most - 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            said = [child.stdout.readline().strip() for _ in range(1 + awaited)]
            time.sleep(rng.uniform(0, 0.02))
            child.kill()
            _, complaints = child.communicate()
        assert child.returncode == -signal.SIGKILL, complaints
        assert said[0] == "begun"
        if not (folder / CHECKPOINT).exists():
            assert not standing
            assert not any(said[1:])
            continue
        kept = rl.load(folder / CHECKPOINT)
        standing.append(kept.update)
        assert Table.parse(kept.log)["update"].tolist() == list(range(kept.update + 1))
        assert not awaited or kept.update >= int(said[-1]), f"kill {kill}: a reported row is lost"
    assert standing == sorted(standing)
    assert len(set(standing)) >= kills // 2
    assert standing[-1] < updates
    network = built(TASK, layer="gru")
    how = {"updates": updates, "every": 1, "batch": 4}
    out = fit(network, TASK, folder=folder, resume=True, **how)
    whole = fit(network, TASK, folder=tmp_path / "whole", **how)
    same_to_the_last_bit(folder, out, tmp_path / "whole", whole)
    assert [row.update for row in out.rows] == list(range(updates + 1))
    assert sorted(path.name for path in folder.iterdir()) == sorted([CHECKPOINT, LOG, NORMS])


PLACES = ("half written", "before fsync", "before replace", "after replace")

KILLED_FROM_INSIDE = (
    PREAMBLE
    + """
def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Half(io.BufferedWriter):
    def write(self, data):
        super().write(bytes(data)[: len(data) // 2])
        self.flush()
        die()

def run(folder, place, k):
    real, calls = {name: getattr(os, name) for name in ("fdopen", "fsync", "replace")}, []

    def at(name, here, before):
        def call(*args):
            calls.append(name)
            if here and calls.count(name) == k and before:
                return here(*args)
            out = real[name](*args) if name != "fsync" else None
            if here and calls.count(name) == k:
                here(*args)
            return out
        return call

    half = (lambda number, mode: Half(io.FileIO(number, "wb"))) if place == "half written" else None
    os.fdopen = at("fdopen", half, True)
    os.fsync = at("fsync", (lambda *_: die()) if place == "before fsync" else None, True)
    os.replace = at("replace", (lambda *_: die()) if "replace" in place else None, place == "before replace")
    training.fit(network, task, folder=folder, updates=4, every=2, batch=4)

for place in sys.argv[2:]:
    for k in range(1, 7):
        child = os.fork()
        if child == 0:
            run(f"{sys.argv[1]}/{place} {k}", place, k)
            os._exit(0)
        print(place, k, os.WTERMSIG(os.waitpid(child, 0)[1]), sep=",")
"""
)


@posix
@quick
@pytest.mark.deep
def test_killed_in_the_middle_of_writing_the_last_whole_row_stands(tmp_path):
    (tmp_path / "child.py").write_text(KILLED_FROM_INSIDE, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "child.py"), str(tmp_path), *PLACES]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert said == [f"{place},{k},{int(signal.SIGKILL)}" for place in PLACES for k in range(1, 7)]
    network, how = built(TASK, layer="gru"), {"updates": 4, "every": 2, "batch": 4}
    whole = fit(network, TASK, folder=tmp_path / "whole", **how)
    for place in PLACES:
        for k in range(1, 7):  # the checkpoint, the log and the norms of update 0, then those of update 2
            folder, written = tmp_path / f"{place} {k}", k - (place != "after replace")
            assert (folder / CHECKPOINT).exists() == (written >= 1)
            half = [path for path in folder.iterdir() if path.name.startswith(".")]
            assert len(half) == (place != "after replace")
            assert (half[0].stat().st_size > 0) if half else True
            if written:
                assert rl.load(folder / CHECKPOINT).update == (2 if written >= 4 else 0)
            out = fit(network, TASK, folder=folder, resume=True, **how)
            same_to_the_last_bit(folder, out, tmp_path / "whole", whole)
            if written:
                assert not any(path.name.startswith(".") for path in folder.iterdir())


# A loss or a gradient that is not a number


def spoilt(at, spoil):
    """A task whose training loss, of batches of four, is spoilt at the `at`-th update."""
    seen = []

    class Spoilt(Adding):
        def loss(self, ys, targets):
            value, dys = super().loss(ys, targets)
            if len(targets) == 4:
                seen.append(value)
            return spoil(value, dys) if len(targets) == 4 and len(seen) == at else (value, dys)

    return Spoilt(steps=6)


FLAT = rl.Network((rl.Dense(np.zeros((2, 1)), np.zeros(1)),))  # its backward multiplies by zeros: nothing overflows


@quick
@pytest.mark.parametrize(
    ("network", "spoil", "says"),
    [
        (built(TASK), lambda value, dys: (math.nan, dys), "the loss is nan"),
        (built(TASK), lambda value, dys: (math.inf, dys), "the loss is inf"),
        (
            FLAT,
            lambda value, dys: (value, 1.75e308 * np.eye(*dys.shape)),
            r"the loss is \d\S* and the norm of its gradient inf",
        ),
    ],
)
def test_a_loss_or_a_norm_that_is_not_finite_stops_the_run_and_says_so(network, spoil, says, tmp_path):
    wanted = fit(network, TASK, updates=4, every=2, batch=4).rows
    with pytest.raises(DivergenceError) as caught:
        fit(network, spoilt(6, spoil), folder=tmp_path, updates=8, every=2, batch=4, lr=1e-3)
    assert re.fullmatch(
        rf"update 6 diverged: {says}: lower the learning rate \(now 0\.001\), or clip the gradient \(clip_norm = 1\); "
        r"the checkpoint of update 4 stands",
        str(caught.value),
    )
    assert caught.value.update == 6
    assert unseconded(caught.value.rows) == unseconded(wanted)
    assert isinstance(caught.value, ArithmeticError)
    kept = rl.load(tmp_path / CHECKPOINT)
    assert kept.update == 4
    assert Table.read(tmp_path / LOG)["update"].tolist() == [0, 2, 4]


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_loss_whose_gradient_is_not_finite_stops_the_run_as_a_divergence(value):
    with pytest.raises(DivergenceError, match=r"^update 2 diverged"):
        fit(built(TASK), spoilt(2, lambda loss, dys: (loss, np.full_like(dys, value))), updates=3, batch=4)


@quick
@pytest.mark.parametrize(("dtype", "lr"), [(np.float32, 1e30), (np.float64, 1e200)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@every_optimizer
def test_a_run_that_explodes_stops_with_advice_and_its_last_checkpoint_stands(
    optimizer, activation, dtype, lr, tmp_path
):
    network = built(TASK, dtype, activation=activation)
    with pytest.raises(DivergenceError) as caught:
        fit(network, TASK, folder=tmp_path, optimizer=optimizer, lr=lr, updates=100, every=1, batch=4)
    error = caught.value
    sentence = str(error)
    assert sentence.startswith(f"update {error.update} diverged: ")
    assert f"lower the learning rate (now {lr:g}), or clip the gradient (clip_norm = 1)" in sentence
    assert sentence.endswith(f"; the checkpoint of update {error.rows[-1].update} stands")
    assert "\n" not in sentence
    assert [row.update for row in error.rows] == list(range(len(error.rows)))
    kept = rl.load(tmp_path / CHECKPOINT)
    assert kept.update == error.rows[-1].update
    assert all(np.isfinite(array).all() for array in kept.arrays().values())
    assert Table.read(tmp_path / LOG)["update"].tolist() == [row.update for row in error.rows]


def test_without_a_folder_no_checkpoint_is_spoken_of_and_with_clipping_no_clipping():
    with pytest.raises(DivergenceError) as caught:
        fit(built(TASK, activation="relu"), TASK, optimizer="sgd", lr=1e300, updates=9, every=9, batch=4, clip_norm=1.0)
    assert "stands" not in str(caught.value)
    assert "clip" not in str(caught.value)
    assert [row.update for row in caught.value.rows] == [0]


def test_a_run_that_explodes_names_its_loss():
    with pytest.raises(DivergenceError, match="loss"):
        fit(built(TASK), TASK, optimizer="sgd", lr=1e10, updates=1000, every=1, batch=4)


def test_saturated_gates_are_no_divergence():
    network = built(TASK, layer="lstm").map(lambda a: 1e3 * a)
    assert len(fit(network, TASK, updates=2, every=1, batch=4).rows) == 3


def test_the_settings_of_a_checkpoint_are_those_of_the_run(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, updates=1, every=1, batch=4, clip_norm=1.0)
    kept = json.loads(rl.load(tmp_path / CHECKPOINT).settings)
    assert kept["batch"] == 4
    assert kept["clip_norm"] == 1.0
    assert "Adding of 6 steps" in kept["task"]
    assert "updates" not in kept


def test_numpys_numbers_are_numbers(tmp_path):
    how = {"updates": np.int64(4), "every": np.int64(2), "batch": np.int64(3), "lr": np.float32(0.125)}
    plain = {name: value.item() for name, value in how.items()}
    fit(built(TASK), TASK, folder=tmp_path, **{**how, "updates": 2})
    again = fit(built(TASK), TASK, folder=tmp_path, resume=True, **plain)
    assert [row.update for row in again.rows] == [0, 2, 4]


OTHER = built(TASK, hidden=5)
PLAIN = built(TASK)
MERSENNE = {**np.random.Generator(np.random.MT19937(0)).bit_generator.state, "state": {"key": [0] * 624, "pos": 0}}
FOREIGN = {
    "settings that are no JSON": {"settings": "{"},
    "settings that are a number": {"settings": "3"},
    "no settings": {"settings": None},
    "a generator without a state": {"generator": "{}"},
    "a generator of another kind": {"generator": json.dumps(MERSENNE)},
    "a generator whose state is text": {
        "generator": json.dumps({**np.random.default_rng(0).bit_generator.state, "state": {"state": "a", "inc": 1}})
    },
    "a generator whose state is too large": {
        "generator": json.dumps({**np.random.default_rng(0).bit_generator.state, "state": {"state": 2**200, "inc": 1}})
    },
    "a log with other columns": {"log": "update\nx,y"},
    "a log of text": {"log": "update,loss,score,norm,seconds\nx,1,1,1,1\n"},
    "a log that counts to infinity": {"log": "update,loss,score,norm,seconds\ninf,1,1,1,1\n"},
    "a log that begins later": {"log": "update,loss,score,norm,seconds\n2,1,1,1,1\n"},
    "a log that goes back": {"log": "update,loss,score,norm,seconds\n0,1,1,1,1\n4,1,1,1,1\n2,1,1,1,1\n"},
    "an empty log": {"log": ""},
    "no log": {"log": None},
    "a log that is a number": {"log": 5},
    "norms that are a number": {"norms": 5},
    "no norms": {"norms": None},
    "an update below 0": {"update": -5},
    "an update that is text": {"update": "x"},
    "an update that is none": {"update": None},
    "an update that is a fraction": {"update": 2.0},
    "an update that is a truth": {"update": True},
    "an update that the log does not have": {"update": 3},
    "no network": {"network": None},
    "a network that is a layer": {"network": PLAIN.layers[0]},
    "a network of other sizes": {"network": OTHER},
    "a network of another dtype": {"network": PLAIN.map(lambda array: array.astype(np.float32))},
    "a network without its readout": {"network": replace(PLAIN, readout=None)},
    "an optimizer that is text": {"optimizer": "adam"},
    "an optimizer that is a network": {"optimizer": PLAIN},
    "an optimizer without averages": {"optimizer": optim.OptimizerState(2, ())},
    "an optimizer with one average too many": {"optimizer": optim.OptimizerState(2, (PLAIN, PLAIN, PLAIN))},
    "an optimizer with averages of another network": {"optimizer": optim.OptimizerState(2, (OTHER, OTHER))},
    "an optimizer with averages of another dtype": {
        "optimizer": optim.OptimizerState(2, (PLAIN.map(lambda array: array.astype(np.float32)),) * 2)
    },
    "an optimizer with averages that are numbers": {"optimizer": optim.OptimizerState(2, (1.0, 2.0))},
    "an optimizer that has made other updates": {"optimizer": optim.OptimizerState(5, (PLAIN, PLAIN))},
    "an optimizer whose updates are text": {"optimizer": optim.OptimizerState("2", (PLAIN, PLAIN))},
}


@quick
@pytest.mark.parametrize("contents", FOREIGN)
def test_a_whole_checkpoint_that_fit_cannot_have_written_is_refused_by_name(contents, tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    path = tmp_path / CHECKPOINT
    rl.save(path, replace(rl.load(path), **FOREIGN[contents]))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="is not a checkpoint") as refusal:
        fit(built(TASK), TASK, folder=tmp_path, resume=True, **HOW)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@quick
def test_a_checkpoint_from_which_an_array_is_missing_is_refused(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    path = tmp_path / CHECKPOINT
    with zipfile.ZipFile(path) as whole:
        entries = {entry.filename: whole.read(entry) for entry in whole.infolist()}
    for missing in entries:
        with zipfile.ZipFile(path, "w") as part:
            for name, content in entries.items():
                if name != missing:
                    part.writestr(name, content)
        with pytest.raises(ValueError, match="is not a whole rnnlab record"):
            fit(built(TASK), TASK, folder=tmp_path, resume=True, **HOW)


@quick
def test_a_run_that_went_on_where_a_looser_goal_would_have_stopped_it_is_not_called_solved(tmp_path):
    how = {"updates": 40, "every": 5, "batch": 16, "lr": 0.03}
    whole = fit(built(TASK), TASK, folder=tmp_path, **how)
    scores = [row.score for row in whole.rows]
    looser = sorted(scores)[len(scores) // 2]
    first = next(row for row in whole.rows if row.score <= looser)
    assert first.update < 40
    with pytest.raises(
        ValueError, match=rf"has gone on from update {first.update}, where its score was .* a lower until"
    ):
        fit(built(TASK), TASK, folder=tmp_path, resume=True, until=looser, **how)
    lowest = min(scores) * 0.999
    assert not fit(built(TASK), TASK, folder=tmp_path, resume=True, until=lowest, **how).solved


def test_another_runs_half_written_file_is_left_alone(tmp_path):
    fit(built(TASK), TASK, folder=tmp_path, **{**HOW, "updates": 2})
    half = tmp_path / f".{CHECKPOINT}.a1b2"
    half.write_bytes(b"half")
    with pytest.raises(ValueError, match="is of another run"):
        fit(built(TASK), TASK, folder=tmp_path, resume=True, **{**HOW, "batch": 9})
    assert half.exists()


def test_a_state_that_overflows_without_a_flag_is_a_divergence(monkeypatch):
    """BLAS threads other than the first keep their floating-point flags to themselves; the next layer sees infinity."""

    def forward(self, xs, *starts):
        raise NotFiniteError("xs must be finite; got inf at xs[0, 0, 0]")

    monkeypatch.setattr(rl.Network, "forward", forward)
    with pytest.raises(DivergenceError, match="update 1 diverged: xs must be finite; got inf"):
        fit(built(TASK), TASK, updates=2, batch=4)


# What is seen of a training in Python


class Screen(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_fit_shows_how_far_it_is_and_elsewhere_it_is_silent(monkeypatch, capsys):
    task = rl.tasks.Adding(steps=5)
    network = rl.models.build(np.random.default_rng(0), task, hidden=4)
    rl.fit(network, task, updates=4, batch=2, every=2)
    assert capsys.readouterr() == ("", "")
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "70")
    rl.fit(network, task, updates=4, batch=2, every=2)
    lines = screen.getvalue().removesuffix("\n").split("\r")[1:]
    assert [line.split()[0] for line in lines] == ["0/4", "2/4", "4/4"]
    assert {len(line) for line in lines} == {69}  # each covers the one before, and none wraps
    assert "mean squared error" in lines[0]
    seen = len(screen.getvalue())
    rows = []
    rl.fit(network, task, updates=4, batch=2, every=2, report=rows.append)
    assert (len(rows), len(screen.getvalue())) == (3, seen)


def test_the_line_of_a_training_that_stops_ends_before_what_follows(monkeypatch):
    task = rl.tasks.Adding(steps=5)
    network = rl.models.build(np.random.default_rng(0), task, hidden=4)
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    with pytest.raises(rl.DivergenceError):
        rl.fit(network, task, updates=400, batch=2, lr=1e30)
    assert screen.getvalue().endswith("\n")


def test_what_fit_returns_shows_itself_in_a_few_lines():
    task = rl.tasks.Adding(steps=20)
    network = rl.models.build(np.random.default_rng(0), task, layer="irnn", hidden=4)
    trained = rl.fit(network, task, updates=40, batch=2, every=1)
    shown = repr(trained)
    assert shown.count("\n") == 3
    assert len(shown) < 500
    assert "ended after 40 updates" in shown
    assert f"score {trained.rows[-1].score:.4g}\n" in shown
    assert "41 rows" in shown
