"""How much of a layer's time is its GEMMs: python tests/benchmarks/layers.py

For each size (T, B, D, H), forward + backward of an RNN in float32 against nothing but the matrix products that the
algorithm cannot do without, in the same run, taking turns: the ratio is what can be trusted on a noisy machine.
For IndRNN the time per unit is shown as H doubles: without an H² term it stays flat.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import time
from collections.abc import Callable
from functools import partial

import numpy as np

import rnnlab as rl
from rnnlab.affine import flat

SIZES = ((100, 64, 64, 128), (200, 128, 128, 256), (100, 16, 2, 100))


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turns(*runs: Callable[[], object], rounds: int) -> np.ndarray:
    """(rounds, len(runs)) seconds, one run of each a round, after one that is not counted."""
    for run in runs:
        run()
    return np.array([[seconds(run) for run in runs] for _ in range(rounds)])


def problem(kind: type, T: int, B: int, D: int, H: int) -> tuple:
    rng = np.random.default_rng(0)
    layer = kind.init(rng, inputs=D, hidden=H, dtype=np.float32)
    xs = rng.standard_normal((T, B, D)).astype(np.float32)
    dhs = rng.standard_normal((T, B, H)).astype(np.float32)
    return layer, xs, dhs


def forward_and_backward(layer: rl.RNN | rl.IndRNN, xs: np.ndarray, dhs: np.ndarray) -> None:
    layer.backward(layer.forward(xs), dhs)


def gemms(layer: rl.RNN, xs: np.ndarray, hs: np.ndarray, das: np.ndarray) -> Callable[[], None]:
    """The products of forward and backward, into buffers that are there already."""
    a_s, step, dxs = np.empty_like(das), np.empty_like(das[0]), np.empty_like(xs)
    U_T = np.ascontiguousarray(layer.U.T)  # the faster way round

    def run() -> None:
        np.matmul(flat(xs), layer.W, out=flat(a_s))  # project
        for h in hs[:-1]:  # recur
            np.matmul(h, layer.U, out=step)
        for da in das[::-1]:  # recur, backwards
            np.matmul(da, U_T, out=step)
        flat(hs[:-1]).T @ flat(das)  # collect
        flat(xs).T @ flat(das)
        np.matmul(flat(das), layer.W.T, out=flat(dxs))

    return run


def main() -> None:
    print("RNN, float32, one BLAS thread: GEMMs alone / forward + backward, median of the rounds (10–90 %)")
    for T, B, D, H in SIZES:
        layer, xs, dhs = problem(rl.RNN, T, B, D, H)
        alone = gemms(layer, xs, layer.forward(xs).hs, dhs)
        whole = partial(forward_and_backward, layer, xs, dhs)
        gemm_ms, whole_ms = 1e3 * in_turns(alone, whole, rounds=25).T
        low, ratio, high = np.quantile(gemm_ms / whole_ms, (0.1, 0.5, 0.9))
        times = f"{np.median(gemm_ms):7.2f} of {np.median(whole_ms):7.2f} ms"
        print(f"  {(T, B, D, H)!s:20} {ratio:.2f} ({low:.2f}–{high:.2f})   {times}")
    print("IndRNN, float32, (T, B, D) = (100, 64, 2): forward + backward per hidden unit")
    for H in (128, 256, 512, 1024):
        layer, xs, dhs = problem(rl.IndRNN, 100, 64, 2, H)
        times = in_turns(partial(forward_and_backward, layer, xs, dhs), rounds=15)
        print(f"  H = {H:5d}   {np.median(times) / H * 1e6:7.1f} µs")


if __name__ == "__main__":
    main()
