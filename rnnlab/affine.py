"""Stages 1 and 3 of every layer: the products that take many timesteps at once, one GEMM each.

They hold all of a layer's work that does not wait for the previous step. What is left for a layer's own file is
stage 2, the recurrence.

A recurrent layer goes through its steps in blocks: the numbers of a block that stage 1 or 2 has just written are still
in the processor's cache when the next stage reads them, and what backward needs between its stages (da of a block) is
never in memory for all T.
"""

from collections.abc import Iterator

import numpy as np

from rnnlab.arrays import Array

ROWS = 512
"""Rows (steps · sequences) of a block: enough for a GEMM at full speed, few enough for the cache. 256 to 2,048 do."""


def flat(array: Array) -> Array:
    """(T, B, N) as (T·B, N): every step of every sequence is one row of one matrix."""
    return array.reshape(-1, array.shape[-1])


def blocks(xs: Array) -> list[slice]:
    """The steps of xs (T, B, D) in blocks of about ROWS rows, the first steps first: slices of 0 … T."""
    T, B, _ = xs.shape
    steps = max(1, ROWS // B)
    return [slice(start, min(start + steps, T)) for start in range(0, T, steps)]


def block_buffers(xs: Array, *shapes: tuple[int, ...]) -> tuple[Array, ...]:
    """One buffer of each shape for every step of the longest block, the first: (steps, *shape), not initialised."""
    return tuple(np.empty((blocks(xs)[0].stop, *shape), xs.dtype) for shape in shapes)


def project(xs: Array, W: Array, b: Array, out: Array) -> None:
    """out[t] = x[t] W + b for every t, (T, B, D) to (T, B, N): one GEMM."""
    np.matmul(flat(xs), W, out=flat(out))
    out += b


def by_gate(array: Array, gates: int) -> Array:
    """(…, B, G·H), the blocks of the gates side by side, as (…, G, B, H), one after another; not a copy."""
    return array.reshape(*array.shape[:-1], gates, -1).swapaxes(-3, -2)


def projected(xs: Array, W: Array, b: Array) -> Iterator[Array]:
    """x[t] W + b (B, N) for t = 1 … T, one after another; computed for a block of steps at once, in one buffer."""
    (buffer,) = block_buffers(xs, (xs.shape[1], W.shape[1]))
    for block in blocks(xs):
        out = buffer[: block.stop - block.start]
        project(xs[block], W, b, out)
        yield from out


def collect(xs: Array, W: Array, das: Array, dW: Array, db: Array, dxs: Array) -> None:
    """The gradients of `project` from da[t] at some of the steps: dW and db are added to, dxs are written.

    dW = dW + Σ_t x[t]ᵀ da[t]      db = db + Σ_t da[t]      dx[t] = da[t] Wᵀ
    """
    dW += flat(xs).T @ flat(das)
    db += flat(das).sum(axis=0)
    np.matmul(flat(das), W.T, out=flat(dxs))


def project_back(xs: Array, W: Array, das: Array) -> tuple[Array, Array, Array]:
    """The gradients of `project`, given da[t] at every step: dW (D, N), db (N,), dxs (T, B, D)."""
    dW, db, dxs = np.zeros_like(W), np.zeros_like(W[0]), np.empty_like(xs, order="C")
    collect(xs, W, das, dW, db, dxs)
    return dW, db, dxs
