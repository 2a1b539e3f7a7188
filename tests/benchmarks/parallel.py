"""What two workers gain at the largest sizes, and a scan over time: python tests/benchmarks/parallel.py [ROUNDS]

Everything in float32 with one BLAS thread in each process, the runs taking turns; ratios are of one round, median and
10 to 90 % over the rounds. On a machine that does other things as well, two workers may wait for a core: `cores` is
the same ratio in CPU time, of the whole batch over that of the slower shard and of sending and receiving, which is
what two free cores give. `rnnlab.experiments.parallelism` measures how all this grows.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab.experiments.timing import in_turns, middle
from rnnlab.losses import squared_error
from rnnlab.parallel import Processes, data_parallel, scan_backward, scan_forward, work_and_depth
from rnnlab.parallel.data import Loss, replica
from rnnlab.table import Table

LARGEST = ((rl.LSTM, (200, 128, 128, 256)), (rl.RNN, (50, 128, 256, 512)))
SCANNED = ((100, 1, 16), (1000, 1, 16), (10000, 1, 16), (100, 16, 128), (1000, 16, 128))
"""(T, B, D, H) that a batch in shards is measured at, and (T, B, H) of a scan."""

Row = tuple[str | float, ...]


def two_workers(rounds: int) -> Table:
    """One gradient of a batch, whole in this process and by two workers."""
    with Processes(2) as processes, ThreadPoolExecutor(2) as threads:
        executors = {"processes": processes, "threads": threads}
        rows = [row for kind, size in LARGEST for row in one_size(kind, size, executors, rounds)]
    return Table.of("layer T B D H workers whole shards speedup low high cores", rows)


def one_size(kind: type, size: tuple[int, ...], executors: dict[str, Executor], rounds: int) -> Iterator[Row]:
    T, B, D, H = size
    rng = np.random.default_rng(0)
    layer = kind.init(rng, inputs=D, hidden=H, dtype=np.float32)
    network = rl.Network((layer,), rl.Dense.init(rng, inputs=H, outputs=1, dtype=np.float32))
    xs = rng.standard_normal((T, B, D)).astype(np.float32)
    batch = network, squared_error, xs, rng.standard_normal((B, 1)).astype(np.float32)
    runs = [partial(replica, *batch)]
    runs += [partial(data_parallel, executor, *batch, workers=2) for executor in executors.values()]
    seconds = in_turns(runs, rounds).T
    cores = np.median([in_cpu_time(executors["processes"], *batch) for _ in range(rounds)])
    for name, taken in zip(executors, seconds[1:], strict=True):
        ratios = middle(seconds[0] / taken)
        known = cores if name == "processes" else np.nan  # threads share one clock
        yield (kind.__name__, *size, name, np.median(seconds[0]), np.median(taken), *ratios, known)


def in_cpu_time(executor: Executor, network: rl.Network, loss: Loss, xs: np.ndarray, targets: np.ndarray) -> float:
    """CPU seconds of the whole batch over those of the slower of two shards and of this process meanwhile."""
    whole = timed(network, loss, xs, targets)
    begun = time.process_time()
    half = xs.shape[1] // 2
    parts = [(np.ascontiguousarray(xs[:, part]), targets[part]) for part in (slice(half), slice(half, None))]
    futures = [executor.submit(timed, network, loss, *part) for part in parts]
    slower = max(future.result()[0] for future in futures)
    return whole[0] / (slower + time.process_time() - begun)


def timed(*shard: Any) -> tuple[float, Any]:
    """CPU seconds of a replica, and what it returns."""
    begun = time.process_time()
    result = replica(*shard)
    return time.process_time() - begun, result


def scans(rounds: int) -> Table:
    """Forward and backward of a linear IndRNN, by the loop and by the scan, in one process."""
    rows: list[Row] = []
    for T, B, H in SCANNED:
        rng = np.random.default_rng(0)
        layer = rl.IndRNN.init(rng, inputs=2, hidden=H, activation="identity", dtype=np.float32)
        xs = rng.standard_normal((T, B, 2)).astype(np.float32)
        dhs = np.ones((T, B, H), np.float32)

        def loop(layer=layer, xs=xs, dhs=dhs):
            layer.backward(layer.forward(xs), dhs)

        def scan(layer=layer, xs=xs, dhs=dhs):
            scan_backward(layer, scan_forward(layer, xs), dhs)

        taken = in_turns([loop, scan], rounds).T
        rows.append((T, B, H, *work_and_depth(T), *np.median(taken, axis=1), *middle(taken[0] / taken[1])))
    return Table.of("T B H work depth loop scan speedup low high", rows)


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(two_workers(rounds).text())
    print(scans(rounds).text())
