"""Data and ensemble parallelism on a real Dask cluster, two workers on this machine. Skipped where Dask is missing."""

import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

import on_workers
import rnnlab as rl
from rnnlab.cli import main
from rnnlab.losses import softmax_cross_entropy
from rnnlab.parallel import Processes, WorkerError, data_parallel, ensemble

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that Dask is made of

SECONDS = 60  # for a machine that is very busy


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def executor(cluster):
    with distributed.Client(cluster) as client:
        yield client.get_executor(pure=False)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    layers = (rl.LSTM.init(rng, inputs=3, hidden=6),)
    net = rl.Network(layers, rl.Dense.init(rng, inputs=6, outputs=4), "every")
    return net, softmax_cross_entropy, rng.standard_normal((7, 9, 3)), rng.integers(0, 4, (7, 9))


def test_the_gradient_is_that_of_the_whole_batch_and_that_of_local_processes_to_the_bit(problem, executor):
    net, loss, xs, targets = problem
    value, gradient = data_parallel(executor, *problem, workers=2)
    trace = net.forward(xs)
    whole, dys = loss(trace.ys, targets)
    wanted = net.backward(trace, dys).params
    assert value == pytest.approx(whole, rel=1e-12)
    with Processes(2) as local:
        same_value, same = data_parallel(local, *problem, workers=2)
    assert value == same_value
    for name, array in gradient.arrays().items():
        np.testing.assert_allclose(array, wanted.arrays()[name], rtol=0, atol=1e-12 * np.abs(array).max())
        np.testing.assert_array_equal(array, same.arrays()[name])


def test_workers_have_one_blas_thread(executor):
    assert executor.submit(on_workers.blas_threads, 0).result(SECONDS) == "1"


def test_an_ensemble_has_the_same_bits_there(executor):
    wanted = [on_workers.member(seed) for seed in range(3)]
    for ours, theirs in zip(wanted, ensemble(executor, on_workers.member, range(3)), strict=True):
        for name, array in ours.arrays().items():
            np.testing.assert_array_equal(theirs.arrays()[name], array)


def test_a_shard_that_raises_is_a_sentence(problem, executor):
    net, _, xs, targets = problem
    with pytest.raises(WorkerError, match=r"shard [12] of 2 raised KeyError: 'no such phoneme'"):
        data_parallel(executor, net, on_workers.raising, xs, targets, workers=2)
    with pytest.raises(WorkerError, match=r"a shard cannot be sent between processes .*define its functions"):
        data_parallel(executor, net, partial(on_workers.raising, (n for n in range(3))), xs, targets, workers=2)


def test_training_there_has_the_bits_of_training_here(executor):
    task = rl.tasks.Adding(8)
    network = rl.models.build(np.random.default_rng(0), task, layer="lstm", hidden=5)
    how = {"updates": 4, "batch": 7, "every": 2, "workers": 2}
    there, here = (rl.fit(network, task, executor=where, **how).network for where in (executor, None))
    for name, array in here.arrays().items():
        np.testing.assert_array_equal(there.arrays()[name], array)


def test_by_the_command_line(cluster, tmp_path, capsys):
    words = ["train", "adding", "--steps", "8", "--hidden", "4", "--updates", "4", "--dask", cluster.scheduler_address]
    assert main([*words, "--out", str(tmp_path / "one")]) == 0
    assert "--workers 2" in capsys.readouterr().out  # as many as the cluster has
    assert main([*words, "--ensemble", "2", "--out", str(tmp_path / "two")]) == 0
    assert "2 together" in capsys.readouterr().out


def test_the_work_of_a_killed_worker_is_done_by_another(problem, executor, tmp_path):
    net, _, xs, targets = problem
    targets = np.eye(4)[targets]
    mortal = partial(on_workers.killed_once, str(tmp_path / "mark"))
    found = data_parallel(executor, net, mortal, xs, targets, workers=2)
    wanted = data_parallel(executor, net, rl.losses.squared_error, xs, targets, workers=2)
    assert found[0] == wanted[0]


def test_a_scheduler_that_is_gone_ends_the_update_within_seconds(problem):
    """How many is the client's `timeout`: until then it hopes that the scheduler comes back."""
    begin = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    with subprocess.Popen([*begin, "--host", "127.0.0.1"], stderr=subprocess.PIPE, text=True) as scheduler:
        address = next(line for line in scheduler.stderr if "Scheduler at" in line).split()[-1]
        with distributed.Client(address, timeout=3) as client:
            executor = client.get_executor(pure=False)
            before = time.monotonic()
            scheduler.kill()
            with pytest.raises(
                WorkerError, match="a shard was lost twice, its worker killed or the cluster out of reach"
            ):
                data_parallel(executor, *problem, workers=2)
            assert time.monotonic() - before < SECONDS
