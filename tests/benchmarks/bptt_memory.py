"""Peak memory of backpropagation through time in its three ways: python tests/benchmarks/bptt_memory.py

Memory as tracemalloc counts it, beyond the inputs and the parameters; the loss is on every step. The gradient's
distance is the largest over all parameters, relative to the largest entry of each.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np

import rnnlab as rl

T, B, D, H = 4000, 16, 2, 128


def half_square(steps: slice, ys: np.ndarray) -> tuple[float, np.ndarray]:
    """L = Σ h² / 2, so dL/dh = h: a loss that needs no targets."""
    return float(np.vdot(ys, ys)) / 2, ys


def peak(run: Callable[[], rl.bptt.SequenceGradients]) -> tuple[rl.bptt.SequenceGradients, float, float]:
    """(what it returns, peak bytes, seconds)."""
    tracemalloc.start()
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return result, most, seconds


def distance(ours: rl.Record, theirs: rl.Record) -> float:
    pairs = zip(ours.arrays().values(), theirs.arrays().values(), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def main() -> None:
    print(f"T = {T}, B = {B}, D = {D}, H = {H}, float64")
    for kind in (rl.RNN, rl.LSTM):
        rng = np.random.default_rng(0)
        layer = kind.init(rng, inputs=D, hidden=H)
        xs = rng.standard_normal((T, B, D))
        ways = {
            "full": partial(rl.bptt.full, layer, xs, half_square),
            "checkpointed, chunks of ⌈√T⌉": partial(rl.bptt.checkpointed, layer, xs, half_square),
            "checkpointed, of 500": partial(rl.bptt.checkpointed, layer, xs, half_square, chunk=500),
            "truncated, k = 100": partial(rl.bptt.truncated, layer, xs, half_square, 100),
        }
        print(f"{kind.__name__:26} {'peak':>9} {'of full':>8} {'seconds':>8} {'gradient off by':>16}")
        whole, most, _ = peak(ways["full"])
        for name, run in ways.items():
            result, memory, seconds = peak(run)
            off = distance(result.params, whole.params)
            print(f"  {name:24} {memory / 2**20:6.1f} MB {memory / most:8.3f} {seconds:8.2f} {off:16.1e}")


if __name__ == "__main__":
    main()
