"""`rnnlab bench`: what is timed is the same computation on every side, in turns, on as many threads as it says."""

import os

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.cli import main
from rnnlab.experiments import frameworks, speed, timing
from rnnlab.table import Table

SMALL = (6, 3, 2, 5)


def test_runs_take_turns_and_the_first_round_is_not_counted(monkeypatch):
    monkeypatch.setenv(timing.BLAS_THREADS[0], "1")
    order = []
    seconds = timing.in_turns([lambda: order.append("a"), lambda: order.append("b")], rounds=3)
    assert order == ["a", "b"] * 4
    assert seconds.shape == (3, 2)
    assert (seconds > 0).all()


def test_with_several_threads_there_is_a_pause_before_each_turn(monkeypatch):
    monkeypatch.setenv(timing.BLAS_THREADS[0], "2")
    order, pauses = [], []
    monkeypatch.setattr(timing.time, "sleep", pauses.append)
    timing.in_turns([lambda: order.append("a"), lambda: order.append("b")], rounds=1)
    assert order == ["a", "b"] * 2
    assert pauses == [timing.PAUSE] * 4


def test_rounds_that_take_long_are_fewer(monkeypatch):
    monkeypatch.setattr(timing, "LONGEST", 0.0)
    assert timing.in_turns([lambda: None], rounds=50).shape == (timing.FEWEST, 1)
    assert timing.in_turns([lambda: None], rounds=2).shape == (2, 1)


def test_the_collector_is_off_while_it_counts_and_as_before_afterwards():
    import gc

    seen = []
    timing.in_turns([lambda: seen.append(gc.isenabled())], rounds=2)
    assert not any(seen)
    assert gc.isenabled()


@pytest.mark.parametrize("count", [1, 2])
def test_a_process_of_its_own_has_its_own_number_of_threads(count):
    before = dict(os.environ)
    assert timing.elsewhere(count, timing.threads) == count
    assert dict(os.environ) == before


def test_what_fails_elsewhere_fails_here():
    with pytest.raises(ValueError, match="adding problem has D = 2"):
        timing.elsewhere(1, speed.of_training, ("lstm",), (*SMALL[:2], 3, 5), 1)
    with pytest.raises(ValueError, match="blas_threads must be at least 1; got 0"):
        timing.elsewhere(0, timing.threads)


@pytest.mark.parametrize("word", speed.LAYERS)
def test_ours_is_the_whole_of_forward_and_backward(word):
    layer, xs, starts, dys = speed.problem(word, SMALL)
    gradients = speed.ours(layer, xs, starts, dys)()
    wanted = layer.backward(layer.forward(xs, *starts), dys)
    assert gradients.arrays().keys() == wanted.arrays().keys()
    assert len(gradients.dstarts) == len(layer.carries)
    assert all(array.dtype == np.float32 for array in gradients.arrays().values())
    speed.limit(layer, xs, dys)()


def test_the_table_has_a_row_for_each_pair(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        speed, "elsewhere", lambda count, measure, *arguments: measure(*arguments)
    )  # no time is at stake
    monkeypatch.setattr(frameworks, "installed", lambda name: False)
    options = ["--layer", "lstm", "--layer", "indrnn", "--size", "6,3,2,5", "--threads", "1", "--rounds", "2"]
    assert main(["bench", *options, "--out", str(tmp_path)]) == 0
    table = Table.read(tmp_path / "bench.csv")
    assert list(table.columns) == speed.COLUMNS.split()
    assert {"IndRNN", "LSTM"} == set(table["layer"])
    rows = table.where(kind="layer", other="limit")
    assert len(rows) == 2
    assert (rows["low"] <= rows["ratio"]).all()
    assert (rows["ratio"] <= rows["high"]).all()
    assert "(6, 3, 2, 5)" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["6,3,2", "6,3,2,x", "0,1,1,1", "6;3;2;5"])
def test_a_size_that_is_none_is_refused_in_one_sentence(size, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--size", size])
    assert "a size is four whole numbers above 0, T,B,D,H" in capsys.readouterr().err


def test_updates_lower_the_loss_in_the_network_s_own_dtype():
    task = rl.tasks.Adding(steps=6)
    network = rl.models.build(np.random.default_rng(0), task, layer="gru", hidden=20, dtype=np.float32)
    update = speed.updates(network, task, 16)
    losses = [update() for _ in range(200)]
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) / 2


# Against the frameworks themselves, where they are installed

FRAMEWORKS = [pytest.mark.frameworks, pytest.mark.filterwarnings("default")]


def close(ours, theirs, terms):
    """Both sum up to `terms` products in float32: each is off by about that many roundings of the largest entry."""
    theirs = np.asarray(theirs).reshape(ours.shape)
    assert np.abs(ours - theirs).max() <= terms * np.finfo(np.float32).eps * np.abs(theirs).max()


@pytest.mark.parametrize("size", [SMALL, (20, 4, 3, 8)])
@pytest.mark.parametrize("word", speed.LAYERS)
@pytest.mark.parametrize("name", [pytest.param(name, marks=FRAMEWORKS) for name in ("torch", "jax")])
def test_the_frameworks_are_given_the_same_and_return_the_same(name, word, size):
    pytest.importorskip(name)
    T, B, D, H = size
    layer, xs, starts, dys = speed.problem(word, size)
    trace, gradients = layer.forward(xs, *starts), speed.ours(layer, xs, starts, dys)()
    ys, dxs, *rest = (frameworks.pytorch if name == "torch" else frameworks.jax)(layer, xs, starts, dys)()
    terms = T * B * (D + H)
    close(trace.ys, ys, terms)
    close(gradients.xs, dxs, terms)
    dstarts, dparams = rest[: len(starts)], rest[len(starts) :]
    for ours, theirs in zip(gradients.dstarts, dstarts, strict=True):
        close(ours, theirs, terms)
    params = gradients.params
    if name == "jax":
        wanted = list(params.arrays().values())
    elif word == "indrnn":
        wanted = [params.W.T, params.u, params.b]
    else:
        wanted = list(rl.interop.to_torch(params).values())
        if word != "gru":
            wanted[3] = wanted[2]  # the two biases are added up, so they have one gradient
    for ours, theirs in zip(wanted, dparams, strict=True):
        close(ours, theirs, terms)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("word", ["rnn", "irnn", "indrnn", "lstm", "gru"])
def test_pytorch_trains_on_the_same_batches(word):
    pytest.importorskip("torch")
    task = rl.tasks.Adding(steps=6)
    network = rl.models.build(np.random.default_rng(0), task, layer=word, hidden=5, dtype=np.float32)
    ours, theirs = speed.updates(network, task, 4), frameworks.pytorch_training(network, task, 4, 1.0, speed.LR)
    for _ in range(3):
        assert ours() == pytest.approx(theirs(), rel=1e-5)
