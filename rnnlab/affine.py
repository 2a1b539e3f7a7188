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


def backwards(xs: Array, width: int) -> Iterator[tuple[slice, Array]]:
    """The blocks of xs (T, B, D), the last steps first, each with room for its das (steps, B, width), in one buffer."""
    buffer = np.empty((blocks(xs)[0].stop, xs.shape[1], width), xs.dtype)
    for block in reversed(blocks(xs)):
        yield block, buffer[: block.stop - block.start]


def project(xs: Array, W: Array, b: Array, out: Array) -> None:
    """out[t] = x[t] W + b for every t, (T, B, D) to (T, B, N): one GEMM."""
    np.matmul(flat(xs), W, out=flat(out))
    out += b


def projected(xs: Array, W: Array, b: Array, out: Array) -> Iterator[Array]:
    """out[…, t] = x[t] W + b, a block of steps at once, and out[…, t] for t = 1 … T, one after another.

    W is (D, H), b (H,) and out (T, B, H), or each with the gates as a first axis: (G, D, H), (G, H), (G, T, B, H).
    """
    W_b = np.concatenate([W, b[..., np.newaxis, :]], axis=-2)
    for block in blocks(xs):
        here = out[..., block, :, :]
        np.matmul(with_one(xs[block]), W_b, out=here.reshape(*W.shape[:-2], -1, W.shape[-1]))
        for t in range(here.shape[-3]):
            yield here[..., t, :, :]


def with_one(xs: Array) -> Array:
    """[x, 1] of every row x, (…, D) to (rows, D+1): x W + b = [x, 1] [W; b], and so b costs no pass of its own."""
    rows = flat(xs)
    return np.concatenate([rows, np.ones((len(rows), 1), xs.dtype)], axis=1)


def by_gate(array: Array, gates: int) -> Array:
    """(…, B, G·H), the blocks of the gates side by side, as (…, G, B, H), one after another; not a copy."""
    return array.reshape(*array.shape[:-1], gates, -1).swapaxes(-3, -2)


def collect(xs: Array, W_T: Array, das: Array, dW_b: Array, dxs: Array) -> None:
    """The gradients of `projected` from da[t] at some of the steps: dW_b is added to, dxs are written.

    [dW; db] = [dW; db] + Σ_t [x[t], 1]ᵀ da[t]      dx[t] = da[t] Wᵀ
    """
    dW_b += with_one(xs).T @ flat(das)
    np.matmul(flat(das), W_T, out=flat(dxs))


def project_back(xs: Array, W: Array, das: Array) -> tuple[Array, Array, Array]:
    """The gradients of `project`, given da[t] at every step: dW (D, N), db (N,), dxs (T, B, D)."""
    dxs = np.empty_like(xs, order="C")
    np.matmul(flat(das), W.T, out=flat(dxs))
    return flat(xs).T @ flat(das), flat(das).sum(axis=0), dxs
