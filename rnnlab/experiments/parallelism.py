"""What can be done at the same time in a recurrent net, measured: batches, replicas, ensembles, and what has to wait.

Everything is in float32, each process has one BLAS thread, and what is compared takes turns.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.speed import LAYERS, ours, problem
from rnnlab.experiments.timing import elsewhere, in_turns, machine, middle, versions
from rnnlab.layers import LSTM, Dense
from rnnlab.losses import squared_error
from rnnlab.models import build
from rnnlab.network import Network
from rnnlab.parallel import Processes, ambiguity, data_parallel, ensemble, stages
from rnnlab.parallel.data import replica
from rnnlab.table import Table
from rnnlab.tasks import Adding
from rnnlab.training import fit

COLUMNS = "kind series x workers seconds other ratio low high bytes machine versions"
"""Of the table; times in seconds are medians over the rounds, ratio with its 10 and 90 % (low, high).

batch     series the layer, x = B; a sequence's time in a batch, and in a loop over sequences; loop / batch
stage     series the stage, x = t, 0 for all steps at once; when it began, and when it ended
data      series LSTM, x = H; the whole batch's time in one process, and with two workers; their ratio, the speed-up
shard     series LSTM, x = H; the time of a shard of B / workers sequences alone, and with two workers; ratio the whole
          batch over the shard; bytes of the parameters
gradient  series LSTM, x = H; ratio the largest difference of a gradient of two workers from that of the whole batch,
          relative to the largest entry of each parameter's
members   series adding, x = 2; the time of training two members one after another, and at once; their ratio
same      series adding, x = M; ratio how far the members trained at once are from those trained one after another
ensemble  series error, members or diversity, x = M members; ratio that of any M in a row, median and 10 to 90 %
"""

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
BATCH_SIZE = 100, 32, 128
"""T, D, H of the batches."""

STAGES_SIZE = 24, 64, 128, 256
"""T, B, D, H of the run whose stages are drawn."""

WIDTHS = (16, 32, 64, 128, 256, 512)
DATA_SIZE = 50, 64, 32
"""T, B, D of the batch that replicas share."""
SHARDS = (1, 2, 4, 8, 16, 32, 64)
"""In so many shards of equal size."""

MEMBERS, UPDATES, TASK = 8, 400, Adding(steps=30)

Row = tuple[str | float, ...]


def measure(
    *,
    layers: Sequence[str] = tuple(LAYERS),
    batches: Sequence[int] = BATCHES,
    widths: Sequence[int] = WIDTHS,
    members: int = MEMBERS,
    updates: int = UPDATES,
    rounds: int = 9,
    report: Callable[[str], None] = lambda what: None,
) -> Table:
    """The table of all of it.

    Args:
        layers: those whose batches are timed, words of `LAYERS`.
        batches: B of each.
        widths: H of the networks that replicas share the work of.
        members: of the ensemble.
        updates: how long each member is trained.
        rounds: how many at most; see `timing.LONGEST`.
        report: called before each part with what it measures.
    """
    rows: list[Row] = []
    for what, one in (
        ("sequences in a batch", partial(of_batches, tuple(layers), tuple(batches), rounds)),
        ("stages", partial(of_stages, rounds)),
        ("replicas", partial(of_replicas, tuple(widths), rounds)),
        ("an ensemble", partial(of_ensemble, members, updates)),
    ):
        report(what)
        rows += elsewhere(1, one)
    where = machine(), versions("numpy")
    return Table.of(COLUMNS, [(*row, *where) for row in rows])


def of_batches(words: Sequence[str], batches: Sequence[int], rounds: int) -> list[Row]:
    """Forward and backward of B sequences as one batch beside a loop over them, for each layer and B."""
    T, D, H = BATCH_SIZE
    rows: list[Row] = []
    for word in words:
        for B in batches:
            given = problem(word, (T, B, D, H))
            batch, loop = in_turns([ours(*given), one_by_one(*given)], rounds).T
            times = float(np.median(batch)) / B, float(np.median(loop)) / B
            rows.append(_row("batch", LAYERS[word][0], B, times, loop / batch))
    return rows


def one_by_one(layer: Any, xs: Array, starts: tuple[Array, ...], dys: Array) -> Callable[[], list[Any]]:
    """Forward and backward of each sequence alone: the gradients, each of a batch of one."""
    alone = [
        (xs[:, b : b + 1].copy(), tuple(start[b : b + 1] for start in starts), dys[:, b : b + 1].copy())
        for b in range(xs.shape[1])
    ]

    def run() -> list[Any]:
        return [layer.backward(layer.forward(x, *start), dy) for x, start, dy in alone]

    return run


def of_stages(rounds: int) -> list[Row]:
    """When each piece of one run began and ended, in the fastest round: the others were interrupted."""
    layer, xs, _, dys = problem("rnn", STAGES_SIZE)
    runs = [stages(layer, xs, dys) for _ in range(rounds + 1)][1:]
    fastest = min(runs, key=lambda run: float(run["end"][-1]))
    pieces = fastest.each("stage", "t", "start", "end")
    return [_row("stage", stage, t, (start, end), np.zeros(1)) for stage, t, start, end in pieces]


def of_replicas(widths: Sequence[int], rounds: int) -> list[Row]:
    """One gradient of a batch, in one process and by two workers; shards alone; and how far the gradients differ."""
    T, B, D = DATA_SIZE
    rows: list[Row] = []
    with Processes(2) as executor:
        for H in widths:
            rng = np.random.default_rng(0)
            layer = LSTM.init(rng, inputs=D, hidden=H, dtype=np.float32)
            network = Network((layer,), Dense.init(rng, inputs=H, outputs=1, dtype=np.float32))
            xs, targets = (rng.standard_normal(shape).astype(np.float32) for shape in ((T, B, D), (B, 1)))
            size = float(sum(array.nbytes for array in network.arrays().values()))

            parts = [slice(0, B // count) for count in SHARDS]
            shards = [partial(replica, network, squared_error, xs[:, part].copy(), targets[part]) for part in parts]
            two = partial(data_parallel, executor, network, squared_error, xs, targets, workers=2)
            together, *alone = in_turns([two, *shards], rounds).T
            whole = alone[0]
            times = float(np.median(whole)), float(np.median(together))
            rows.append(_row("data", "LSTM", H, times, whole / together, workers=2, size=size))
            for count, taken in zip(SHARDS, alone, strict=True):
                times = float(np.median(taken)), float(np.median(together))
                rows.append(_row("shard", "LSTM", H, times, whole / taken, workers=count, size=size))
            difference = distance(two()[1], shards[0]()[1])
            rows.append(_row("gradient", "LSTM", H, (0.0, 0.0), np.array([difference]), workers=2, size=size))
    return rows


def of_ensemble(members: int, updates: int) -> list[Row]:
    """Members that differ in their seed, trained one after another and two at a time; the errors of their mean."""
    train = partial(member, updates=updates)
    seconds, networks, differences = list[tuple[float, float]](), list[Network](), list[float]()
    with Processes(1) as one, Processes(2) as two:
        for executor in (one, two):
            ensemble(executor, partial(member, updates=1), (0, 1))  # starts the processes
        for first in range(0, members, 2):
            pair = range(first, min(first + 2, members))
            (alone, in_turn), (together, at_once) = (timed(executor, train, pair) for executor in (one, two))
            if len(pair) == 2:
                seconds.append((alone, together))
            networks += at_once
            differences += [distance(a, b) for a, b in zip(in_turn, at_once, strict=True)]
    alone, together = np.array(seconds).T
    times = float(np.median(alone)), float(np.median(together))
    rows = [_row("members", "adding", 2, times, alone / together, workers=2)]
    rows.append(_row("same", "adding", members, (0.0, 0.0), np.array([max(differences)]), workers=2))
    xs, targets = (array.astype(np.float32) for array in next(iter(TASK.test())))
    ys = np.stack([network.forward(xs).ys for network in networks])
    for count in range(1, len(ys) + 1):
        some = [ambiguity(np.roll(ys, -first, axis=0)[:count], targets) for first in range(len(ys))]
        for name in ("error", "members", "diversity"):
            rows.append(_row("ensemble", name, count, (0.0, 0.0), np.array([getattr(one, name) for one in some])))
    return rows


def member(seed: int, *, updates: int) -> Network:
    """One of the ensemble."""
    network = build(np.random.default_rng(seed), TASK, layer="gru", hidden=24)
    return fit(network, TASK, updates=updates, every=updates, batch=16, lr=3e-3, clip_norm=1.0, seed=seed).network


def timed(executor: Executor, train: Callable[[int], Network], seeds: Sequence[int]) -> tuple[float, list[Network]]:
    """(seconds, networks)."""
    start = time.perf_counter()
    networks = ensemble(executor, train, seeds)
    return time.perf_counter() - start, networks


def distance(ours: Network, theirs: Network) -> float:
    """The largest difference of two records, relative to the largest entry of each of their arrays."""
    pairs = zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def _row(
    kind: str,
    series: str,
    x: float,
    times: tuple[float, float],
    ratios: Array,
    *,
    workers: int = 1,
    size: float = 0.0,
) -> Row:
    return (kind, series, float(x), float(workers), *times, *middle(ratios), size)
