"""Stages 1 and 3 of every layer: the products that take all timesteps at once, one GEMM each.

They hold all of a layer's work that does not wait for the previous step. What is left for a layer's own file is
stage 2, the recurrence.
"""

import numpy as np

from rnnlab.arrays import Array


def flat(array: Array) -> Array:
    """(T, B, N) as (T·B, N): every step of every sequence is one row of one matrix."""
    return array.reshape(-1, array.shape[-1])


def project(xs: Array, W: Array, b: Array, out: Array) -> None:
    """out[t] = x[t] W + b for every t, (T, B, D) to (T, B, N): one GEMM."""
    np.matmul(flat(xs), W, out=flat(out))
    out += b


def project_back(xs: Array, W: Array, das: Array) -> tuple[Array, Array, Array]:
    """The gradients of `project`, given da[t] at every step.

        dW = Σ_t x[t]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ

    Returns:
        dW (D, N), db (N,), dxs (T, B, D).
    """
    dW = flat(xs).T @ flat(das)
    db = flat(das).sum(axis=0)
    dxs = flat(das) @ W.T
    return dW, db, dxs.reshape(xs.shape)
