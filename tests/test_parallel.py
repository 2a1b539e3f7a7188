"""Data parallelism: the whole batch's gradient from any shards on any executor; failures in a sentence, nobody left."""

import multiprocessing
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import on_workers
import rnnlab as rl
from deep import deep
from rnnlab.layers.batchnorm import evaluating
from rnnlab.losses import softmax_cross_entropy, squared_error
from rnnlab.parallel import Processes, WorkerError, data_parallel
from rnnlab.parallel.data import averaged, labelled, replica
from rnnlab.tasks import Phonemes

D, H, K = 2, 3, 4
seeds, few = st.integers(0, 10**6), st.integers(1, 6)


class InTurn(Executor):
    """No worker at all: each call is made when it is submitted."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Backwards(InTurn):
    """The last call is done first."""

    def __init__(self):
        self.waiting = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.insert(0, lambda: future.set_result(fn(*args, **kwargs)))
        if len(self.waiting) == 3:
            for run in self.waiting:
                run()
        return future


def last(rng, T, B):
    net = rl.Network((rl.RNN.init(rng, inputs=D, hidden=H),), rl.Dense.init(rng, inputs=H, outputs=K), "last")
    return net, squared_error, rng.uniform(-1, 1, (T, B, D)), rng.uniform(-1, 1, (B, K))


def every(rng, T, B):
    layers = (rl.LSTM.init(rng, inputs=D, hidden=H), rl.Residual(rl.GRU.init(rng, inputs=H, hidden=H)))
    net = rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), "every")
    return net, softmax_cross_entropy, rng.uniform(-1, 1, (T, B, D)), rng.integers(0, K, (T, B))


def symbols(rng, T, B):
    layers = (rl.Embedding.init(rng, symbols=5, outputs=D), rl.IndRNN.init(rng, inputs=D, hidden=H))
    net = rl.Network(layers, rl.Dense.init(rng, inputs=H, outputs=K), "last")
    return net, softmax_cross_entropy, rng.integers(0, 5, (T, B)), rng.integers(0, K, B)


def masked(rng, T, B):
    """As phonemes are: -1 marks a frame without an answer, in some shards every frame."""
    net, _, xs, labels = every(rng, T, B)
    return net, Phonemes.loss, xs, np.where(rng.random((T, B)) < rng.random(), -1, labels)


def running_norm(rng, T, B):
    """A BatchNorm in use, not in training, works row by row."""
    net, loss, xs, targets = last(rng, T, B)
    layers = (*net.layers, rl.BatchNorm.init(inputs=H))
    return evaluating(rl.Network(layers, net.readout, "last")), loss, xs, targets


PROBLEMS = {problem.__name__: problem for problem in (last, every, symbols, masked, running_norm)}
every_problem = pytest.mark.parametrize("name", PROBLEMS)


def whole(net, loss, xs, targets):
    trace = net.forward(xs)
    value, dys = loss(trace.ys, targets)
    return value, net.backward(trace, dys).params


def assert_same(got, wanted, problem):
    """Up to roundoff: the same products, added in another order. An entry is a sum over at most 6 sequences of 6 steps
    of products of 5 numbers, so a few hundred eps of the largest gradient that a sequence has alone, which stays where
    sequences cancel one another; 1e-12 is 4,500 eps."""
    net, loss, xs, targets = problem
    alone = []
    for b in range(xs.shape[1]):
        part = targets[b : b + 1] if net.reads == "last" else targets[:, b : b + 1]
        alone.append(whole(net, loss, xs[:, b : b + 1], part))
    assert got[0] == pytest.approx(wanted[0], rel=0, abs=1e-12 * max(abs(value) for value, _ in alone))
    for name, array in wanted[1].arrays().items():
        scale = max(np.abs(gradient.arrays()[name]).max() for _, gradient in alone)
        found = got[1].arrays()[name]
        assert found.dtype == array.dtype
        np.testing.assert_allclose(found, array, rtol=0, atol=1e-12 * scale, err_msg=name)


@every_problem
@given(seeds, few, few, st.integers(1, 8))
def test_the_gradient_is_that_of_the_whole_batch(name, seed, T, B, workers):
    problem = PROBLEMS[name](np.random.default_rng(seed), T, B)
    assert_same(data_parallel(InTurn(), *problem, workers=workers), whole(*problem), problem)


@every_problem
@given(seeds, few, st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_so_it_is_from_any_unequal_shards(name, seed, T, sizes):
    net, loss, xs, targets = problem = PROBLEMS[name](np.random.default_rng(seed), T, sum(sizes))
    cuts = np.cumsum([0, *sizes])
    batch = [(xs[:, a:b], targets[a:b] if net.reads == "last" else targets[:, a:b]) for a, b in pairwise(cuts)]
    parts = [replica(net, loss, *shard) for shard in batch]
    assert_same(averaged([labelled(part) for _, part in batch], parts), whole(*problem), problem)


def test_without_the_weights_it_would_be_another_gradient():
    net, loss, xs, targets = problem = last(np.random.default_rng(0), 4, 3)
    parts = [replica(net, loss, xs[:, part], targets[part]) for part in (slice(0, 1), slice(1, 3))]
    assert_same(averaged([1, 2], parts), whole(*problem), problem)
    with pytest.raises(AssertionError):
        assert_same(averaged([1, 1], parts), whole(*problem), problem)


def test_answers_are_numbers_and_labels_from_zero_on():
    assert labelled(np.full((2, 3), -1.0)) == 6
    assert labelled(np.array([[0, -1], [3, -1]])) == 2


def test_a_loss_that_counts_otherwise_says_how():
    """A mean over the sequences whose first target is positive."""

    def loss(ys, targets):
        kept = (targets[:, :1] > 0) / max((targets[:, 0] > 0).sum(), 1)
        return float((kept * (ys - targets) ** 2).sum()), 2 * kept * (ys - targets)

    net, _, xs, targets = last(np.random.default_rng(3), 4, 5)
    problem = net, loss, xs, targets
    answers = lambda part: int((part[:, 0] > 0).sum())  # noqa: E731
    assert_same(data_parallel(InTurn(), *problem, workers=3, answers=answers), whole(*problem), problem)


def test_a_batch_without_an_answer_has_no_gradient():
    net, loss, xs, labels = masked(np.random.default_rng(0), 3, 4)
    value, gradient = data_parallel(InTurn(), net, loss, xs, np.full_like(labels, -1), workers=2)
    assert value == 0
    assert not any(array.any() for array in gradient.arrays().values())


def test_no_worker_is_sent_an_empty_shard():
    sent = []

    class Counting(InTurn):
        def submit(self, fn, /, *args, **kwargs):
            sent.append(args[-2].shape[1])
            return super().submit(fn, *args, **kwargs)

    problem = last(np.random.default_rng(0), 2, 5)
    for workers, sizes in ((2, [2, 3]), (3, [1, 2, 2]), (5, [1] * 5), (9, [1] * 5)):
        sent.clear()
        data_parallel(Counting(), *problem, workers=workers)
        assert sent == sizes


def same_bits(a, b):
    return a[0] == b[0] and all(
        np.array_equal(x, y) for x, y in zip(a[1].arrays().values(), b[1].arrays().values(), strict=True)
    )


@every_problem
def test_which_shard_is_done_first_does_not_matter(name):
    problem = PROBLEMS[name](np.random.default_rng(1), 5, 7)
    assert same_bits(*(data_parallel(run(), *problem, workers=3) for run in (InTurn, Backwards)))


@pytest.fixture(scope="module")
def pool():
    with Processes(2) as executor:
        yield executor


@every_problem
def test_threads_and_processes_give_the_same_bits(name, pool):
    problem = PROBLEMS[name](np.random.default_rng(2), 6, 7)
    wanted = data_parallel(InTurn(), *problem, workers=3)
    with ThreadPoolExecutor(2) as threads:
        assert same_bits(data_parallel(threads, *problem, workers=3), wanted)
    assert same_bits(data_parallel(pool, *problem, workers=3), wanted)


def test_workers_have_one_blas_thread(pool, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert pool.submit(on_workers.blas_threads, 0).result() == "1"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"


def test_a_batch_norm_in_training_is_refused():
    net, loss, xs, targets = last(np.random.default_rng(0), 3, 4)
    net = rl.Network((*net.layers, rl.BatchNorm.init(inputs=H)), net.readout, "last")
    with pytest.raises(ValueError, match="a BatchNorm that is training takes its statistics from the whole batch"):
        data_parallel(InTurn(), net, loss, xs, targets, workers=2)


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(ValueError, match="workers must be at least 1; got 0"):
        data_parallel(InTurn(), *last(np.random.default_rng(0), 3, 4), workers=0)
    with pytest.raises(ValueError, match="workers must be at least 1; got 0"):
        Processes(0)


# Failures. Each is to be a sentence within seconds; a worker's start, which imports NumPy, is most of them.

SECONDS = 60  # for a machine that is very busy; on a quiet one each takes about one


@pytest.fixture
def problem():
    return last(np.random.default_rng(0), 3, 4)


@pytest.fixture
def nobody_left():
    """The test's own workers are gone when it ends."""
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) <= before


def gone(pids):
    """Whether none of the processes is left, once they had time to go."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def alive(pid):
    try:
        os.kill(pid, 0)
        # A zombie, which only its parent can bury, does no work any more.
        status = Path(f"/proc/{pid}/stat").read_text() if Path("/proc/self/stat").exists() else ""
    except (ProcessLookupError, FileNotFoundError):
        return False
    return ") Z" not in status


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (on_workers.raising, r"shard [12] of 2 raised KeyError: 'no such phoneme'"),
        (on_workers.raising_awkwardly, r"shard [12] of 2 raised AwkwardError: one"),
        (on_workers.leaving, r"shard [12] of 2 raised SystemExit: 3"),
        (
            lambda ys, targets: squared_error(ys, targets),
            r"a shard cannot be sent between processes .*lambda.*top level",
        ),
        (threading.Lock().__enter__, r"a shard cannot be sent between processes .*pickle.*: define"),
    ],
    ids=["raises", "raises what cannot travel", "exits", "a lambda", "a lock"],
)
def test_what_raises_or_cannot_be_sent_is_said_and_the_workers_live_on(loss, message, problem, pool):
    net, _, xs, targets = problem
    before = time.monotonic()
    with pytest.raises(WorkerError, match=message):
        data_parallel(pool, net, loss, xs, targets, workers=2)
    assert time.monotonic() - before < SECONDS
    assert same_bits(data_parallel(pool, *problem, workers=2), data_parallel(InTurn(), *problem, workers=2))


def test_the_trace_of_what_raised_is_kept(problem):
    net, _, xs, targets = problem
    with ThreadPoolExecutor(2) as threads, pytest.raises(WorkerError) as caught:
        data_parallel(threads, net, on_workers.raising, xs, targets, workers=2)
    assert "in raising" in caught.value.__notes__[0]


def test_numbers_that_explode_on_a_worker_have_diverged(problem):
    net, _, xs, targets = problem
    with pytest.raises(FloatingPointError, match="the loss is inf"):
        data_parallel(InTurn(), net, on_workers.exploding, xs, targets, workers=2)


@pytest.mark.usefixtures("nobody_left")
def test_after_one_death_the_update_is_tried_again(problem, tmp_path):
    net, loss, xs, targets = problem
    mortal = partial(on_workers.killed_once, tmp_path / "mark")
    with Processes(2) as executor:
        assert same_bits(
            data_parallel(executor, net, mortal, xs, targets, workers=2),
            data_parallel(InTurn(), net, loss, xs, targets, workers=2),
        )


# Python's own, too, started as ours are: a fork beside other threads may inherit a lock that nobody releases.
PYTHONS = partial(ProcessPoolExecutor, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("kind", [Processes, deep(PYTHONS)], ids=["ours", "Python's"])
@pytest.mark.usefixtures("nobody_left")
def test_after_two_deaths_it_is_given_up(kind, problem):
    net, _, xs, targets = problem
    before = time.monotonic()
    with pytest.raises(WorkerError, match="a shard was lost twice, its worker killed"), kind(2) as executor:
        data_parallel(executor, net, on_workers.killed, xs, targets, workers=2)
    assert time.monotonic() - before < SECONDS


@pytest.mark.usefixtures("nobody_left")
def test_a_worker_killed_from_outside_is_replaced(problem):
    with Processes(2) as executor:
        victim = executor.submit(os.getpid).result()
        os.kill(victim, signal.SIGKILL)
        assert gone([victim])
        assert same_bits(data_parallel(executor, *problem, workers=2), data_parallel(InTurn(), *problem, workers=2))


@pytest.mark.usefixtures("nobody_left")
def test_a_block_that_raises_does_not_wait_for_its_workers():
    before = time.monotonic()
    workers = []

    def interrupted():
        with Processes(2) as executor:
            workers.append(executor.submit(os.getpid).result())
            executor.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - before < SECONDS
    assert gone(workers)


posix = pytest.mark.skipif(os.name != "posix", reason="signals, process groups and pipes as POSIX has them")


@pytest.mark.deep
@posix
@pytest.mark.usefixtures("nobody_left")
def test_half_a_result_is_not_waited_for(problem):
    before = time.monotonic()
    with Processes(2) as executor:
        other = executor.submit(time.sleep, 0.5)
        half = executor.submit(on_workers.dying_in_the_middle_of_its_result)
        with pytest.raises(BrokenExecutor):
            half.result(SECONDS)
        assert other.result(SECONDS) is None  # nobody else is harmed
        assert same_bits(data_parallel(executor, *problem, workers=2), data_parallel(InTurn(), *problem, workers=2))
    assert time.monotonic() - before < SECONDS


@pytest.mark.deep
@pytest.mark.usefixtures("nobody_left")
def test_a_worker_killed_while_another_starts_does_not_stall_the_rest(problem, monkeypatch):
    """What hung Python's own pool: the death is noticed while the second worker, slow here, is not yet known."""
    start = multiprocessing.context.SpawnProcess.start

    def slow(process):
        start(process)
        time.sleep(0.05)

    with Processes(2) as executor:
        victim = executor.submit(os.getpid).result()
        monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", slow)
        os.kill(victim, signal.SIGKILL)
        assert same_bits(data_parallel(executor, *problem, workers=2), data_parallel(InTurn(), *problem, workers=2))


def test_what_a_call_raises_comes_back_with_its_trace(pool):
    """As itself where it can travel, else in words."""
    with pytest.raises(KeyError, match="no such phoneme") as caught:
        pool.submit(on_workers.raising, 0, 0).result(SECONDS)
    assert "in raising" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="AwkwardError: one"):
        pool.submit(on_workers.raising_awkwardly, 0, 0).result(SECONDS)


@posix
@pytest.mark.parametrize(
    ("rows", "delay", "times"),
    [
        deep(1, 0.0, 1),  # its workers are about to be started,
        deep(1, 0.2, 2),  # they start,
        (2, 0.0, 1),  # they work
    ],
)
def test_ctrl_c_once_or_twice_ends_a_training_on_workers_and_leaves_nobody(rows, delay, times, tmp_path):
    words = shlex.split("train adding --steps 6 --hidden 5 --batch 4 --updates 1000000 --every 50 --workers 2")
    child = subprocess.Popen(
        [sys.executable, "-m", "rnnlab", *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for _ in range(rows):  # each is reported when its checkpoint is written
            assert "mean squared error" in child.stderr.readline()
        time.sleep(delay)
        for _ in range(times):  # the terminal sends it to parent and workers alike
            os.killpg(child.pid, signal.SIGINT)
            time.sleep(0.01)
        _, complaints = child.communicate(timeout=15)  # all have let go of stderr, the workers too
        assert child.returncode == 130
        kept = "runs/adding-rnn-steps=6-hidden=5-batch=4-every=50-seed-0"
        said = f"rnnlab train: interrupted; --resume continues from the checkpoint in {kept}"
        assert complaints.splitlines()[-1] == said
        assert "Traceback" not in complaints
        assert gone(members(child.pid))
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def members(group):
    """The processes of a group."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if int(line.split()[1]) == group]


def test_workers_end_with_a_parent_that_is_killed():
    script = """
import os, time
from rnnlab.parallel import Processes
if __name__ == "__main__":
    with Processes(1) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        executor.submit(time.sleep, 600).result()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        assert alive(worker)
        parent.kill()
    assert gone([worker])


def test_workers_end_with_a_program_that_never_shuts_them_down():
    script = """
import os
from rnnlab.parallel import Processes
if __name__ == "__main__":
    print(Processes(1).submit(os.getpid).result())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stderr == ""
    assert gone([int(done.stdout)])


def test_losses_of_the_tasks_take_no_data_along():
    import pickle

    task = Phonemes.synthesised(steps=5, train=1, test=1, each=1)
    for one in (task, rl.tasks.Adding(10), rl.tasks.Copying(5)):
        assert len(pickle.dumps(one.loss)) < 100
    assert re.match("Phonemes.loss", task.loss.__qualname__)
