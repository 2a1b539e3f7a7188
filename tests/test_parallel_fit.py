"""Training on several workers: the same run up to roundoff, the same bits on any executor; what a failure leaves."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import on_workers
import rnnlab as rl
from deep import deep
from rnnlab.checkpoint import CHECKPOINT
from rnnlab.cli import main
from rnnlab.commands import train
from rnnlab.experiments.parallelism import of_ensemble
from rnnlab.parallel import Processes, WorkerError, ambiguity, evaluate_ensemble, majority_vote, mean_probability

ADDING = rl.tasks.Adding(8)
HOW = {"updates": 6, "batch": 7, "every": 2, "clip_norm": 1.0}
SECONDS = 60  # for a machine that is very busy


@pytest.fixture(scope="module")
def pool():
    with Processes(2) as executor:
        yield executor


def net(task=ADDING, **words):
    return rl.models.build(np.random.default_rng(0), task, layer="gru", hidden=5, dtype=np.float64, **words)


def bits(trained):
    return [array.tobytes() for array in trained.network.arrays().values()]


def test_the_run_is_that_of_one_process_up_to_roundoff(pool):
    """Gradients differ by roundoff, some 1e-16. Adam divides by √ŝ + 1e-8 and multiplies by lr = 0.001, so an entry
    whose gradient is all but 0 may move by 1e-11 more in an update, and by 1e-10 in six."""
    wanted = rl.fit(net(), ADDING, **HOW)
    for workers in (2, 3, 9):
        found = rl.fit(net(), ADDING, executor=pool, workers=workers, **HOW)
        for name, array in wanted.network.arrays().items():
            np.testing.assert_allclose(found.network.arrays()[name], array, rtol=0, atol=1e-10, err_msg=name)
        assert [row.loss for row in found.rows] == pytest.approx([row.loss for row in wanted.rows], rel=1e-10)


def test_frames_without_a_label_do_not_count(pool):
    """Phonemes of unequal weight: a plain mean over the shards would be another run."""
    task = rl.tasks.Phonemes.synthesised(steps=6, train=2, test=1, each=2)
    labels = np.where(np.random.default_rng(0).random(task.labels.shape) < 0.5, -1, task.labels)
    task = rl.tasks.Phonemes(task.frames, labels, task.test_frames, task.test_labels, task.names, "half of the labels")
    wanted, found = rl.fit(net(task), task, **HOW), rl.fit(net(task), task, executor=pool, workers=3, **HOW)
    for name, array in wanted.network.arrays().items():
        np.testing.assert_allclose(found.network.arrays()[name], array, rtol=0, atol=1e-10, err_msg=name)


def test_the_bits_are_the_same_on_any_executor_and_from_any_checkpoint(tmp_path, pool):
    wanted = rl.fit(net(), ADDING, workers=3, **HOW)  # in processes of its own
    assert bits(rl.fit(net(), ADDING, executor=pool, workers=3, **HOW)) == bits(wanted)
    with ThreadPoolExecutor(2) as threads:
        assert bits(rl.fit(net(), ADDING, executor=threads, workers=3, **HOW)) == bits(wanted)
        rl.fit(net(), ADDING, folder=tmp_path, executor=threads, workers=3, **{**HOW, "updates": 4})
    assert bits(rl.fit(net(), ADDING, folder=tmp_path, resume=True, executor=pool, workers=3, **HOW)) == bits(wanted)


def test_a_run_may_go_on_with_other_workers(tmp_path, pool):
    rl.fit(net(), ADDING, folder=tmp_path, executor=pool, workers=2, **{**HOW, "updates": 4})
    assert rl.fit(net(), ADDING, folder=tmp_path, resume=True, **HOW).rows[-1].update == 6


def test_what_cannot_be_shared_is_refused_before_anything_is_written(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match="a BatchNorm that is training takes its statistics from the whole batch"):
        rl.fit(net(batch_norm=True), ADDING, folder=folder, workers=2, **HOW)
    with pytest.raises(ValueError, match="workers take sequences whole: train without truncate and checkpointed"):
        rl.fit(net(), ADDING, folder=folder, workers=2, truncate=4, **HOW)
    with pytest.raises(ValueError, match="an executor needs to know how many replicas share a batch: workers=2"):
        rl.fit(net(), ADDING, folder=folder, executor=ThreadPoolExecutor(2), **HOW)
    with pytest.raises(ValueError, match="workers must be a whole number and at least 1; got 0"):
        rl.fit(net(), ADDING, folder=folder, workers=0, **HOW)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (on_workers.Raising, r"shard [12] of 2 raised KeyError: 'no such phoneme'"),
        deep(on_workers.Killed, "a shard was lost twice, its worker killed"),
        deep(on_workers.Unsendable, "a shard cannot be sent between processes .*define its functions"),
    ],
)
def test_a_failure_stops_the_run_and_its_checkpoint_stands(task, message, tmp_path):
    rl.fit(net(), task(8), folder=tmp_path, **{**HOW, "updates": 4})
    before, others = (tmp_path / CHECKPOINT).read_bytes(), set(multiprocessing.active_children())
    begun = time.monotonic()
    with pytest.raises(
        WorkerError, match=f"^update 5 could not be made: {message}.*; the checkpoint of update 4 stands$"
    ):
        rl.fit(net(), task(8), folder=tmp_path, resume=True, workers=2, **HOW)
    assert time.monotonic() - begun < SECONDS
    assert set(multiprocessing.active_children()) <= others
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert rl.fit(net(), task(8), folder=tmp_path, resume=True, **HOW).rows[-1].update == 6


def test_a_run_that_diverges_says_so_as_in_one_process(pool):
    with pytest.raises(rl.DivergenceError, match="lower the learning rate") as alone:
        rl.fit(net(), ADDING, lr=1e300, optimizer="sgd", updates=9)
    with pytest.raises(rl.DivergenceError, match="lower the learning rate") as shared:
        rl.fit(net(), ADDING, lr=1e300, optimizer="sgd", updates=9, executor=pool, workers=2)
    assert shared.value.update == alone.value.update


SMALL = ["train", "adding", "--steps", "8", "--hidden", "4", "--updates", "4", "--every", "2"]


def test_workers_by_the_command_line(tmp_path, capsys):
    assert main([*SMALL, "--workers", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "rnnlab train adding --steps 8 --hidden 4 --updates 4 --workers 2" in printed
    assert main([*SMALL, "--workers", "0", "--out", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("task", "length", "end"),
    [deep("adding", "--steps", "on average"), ("copying", "--delay", "their majority vote is wrong on")],
)
def test_an_ensemble_by_the_command_line(task, length, end, tmp_path, capsys):
    words = ["train", task, length, "8", "--hidden", "4", "--updates", "4", "--ensemble", "2", "--out", f"{tmp_path}"]
    assert main([*words, "--jobs", "2"]) == 0
    line = capsys.readouterr().out.splitlines()[-2]
    assert line.startswith("2 together:")
    assert end in line


def test_ensembles_are_refused_where_they_make_no_sense(tmp_path, capsys):
    for words, message in (
        (["--ensemble", "2", "--seeds", "2"], "--ensemble N is --seeds N and more"),
        (["--ensemble", "1"], "--ensemble must be at least 2; got 1"),
        (["--seeds", "0"], "--seeds must be at least 1; got 0"),
    ):
        assert main([*SMALL, *words, "--out", str(tmp_path)]) == 2
        assert message in capsys.readouterr().err


def test_an_ensemble_is_scored_by_its_combined_prediction():
    networks = [on_workers.member(seed) for seed in range(3)]
    score, members, wrong = evaluate_ensemble(networks, ADDING)
    batches = list(ADDING.test())
    xs, targets = np.concatenate([xs for xs, _ in batches], axis=1), np.concatenate([targets for _, targets in batches])
    ys = np.stack([network.forward(xs.astype(np.float32)).ys for network in networks]).astype(float)
    assert (score, members) == pytest.approx(ambiguity(ys, targets)[:2], rel=1e-5)  # float32 runs in other batches
    assert wrong is None
    assert score <= members


def test_a_classifying_ensemble_is_scored_by_its_mean_probability_and_its_vote():
    task = rl.tasks.Copying(3)
    networks = [rl.models.build(np.random.default_rng(seed), task, hidden=6) for seed in range(3)]
    score, members, wrong = evaluate_ensemble(networks, task)
    losses, votes = [], []
    for xs, targets in task.test():
        inputs = xs if xs.dtype.kind in "iu" else xs.astype(np.float32)
        ys = np.stack([network.forward(inputs).ys for network in networks]).astype(float)
        p = np.take_along_axis(mean_probability(ys), targets[..., None], axis=-1)
        losses.append(-np.log(p).ravel())
        votes.append((majority_vote(ys) != targets).ravel())
    assert score == pytest.approx(np.concatenate(losses).mean(), rel=1e-6)
    assert wrong == np.concatenate(votes).mean()
    assert score <= members


def test_a_cluster_that_does_not_answer_is_a_sentence(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(train, "ANSWERS_WITHIN", 1)
    begun = time.monotonic()
    assert main([*SMALL, "--dask", "tcp://127.0.0.1:1", "--out", str(tmp_path)]) == 2
    assert time.monotonic() - begun < SECONDS
    assert "error: Timed out trying to connect to tcp://127.0.0.1:1 after 1 s" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_dask_a_cluster_is_a_sentence(tmp_path, capsys, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(train, "import_module", missing)
    assert main([*SMALL, "--dask", "tcp://127.0.0.1:1", "--out", str(tmp_path)]) == 2
    assert '--dask needs Dask: pip install "rnnlab[distributed]"' in capsys.readouterr().err


@pytest.mark.deep
def test_an_odd_number_of_members_is_no_more():
    rows = of_ensemble(3, 2)
    assert max(x for kind, _, x, *_ in rows if kind == "ensemble") == 3
    (same,) = (row for row in rows if row[0] == "same")
    assert same[2] == 3
