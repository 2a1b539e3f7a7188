"""An exercise: backpropagation through time of a simple recurrent net, by hand.

Forward, for t = 1 … T:

    a[t] = x[t] W + h[t-1] U + b
    h[t] = tanh(a[t])

T steps, B sequences, D inputs, H units. Time comes first, and every row is a sequence: xs is (T, B, D), x[t] is
xs[t - 1]; hs is (T+1, B, H), h[t] is hs[t], and hs[0] is the start. W is (D, H), U (H, H), b (H,).

`forward` is written. Write `backward`, then run

    rnnlab check FILE.py
"""

import numpy as np


def forward(xs, h0, W, U, b):
    """Run over xs (T, B, D) from h0 (B, H). Returns hs (T+1, B, H), and whatever you want to keep for backward."""
    T, B, D = xs.shape
    hs = np.zeros((T + 1, *h0.shape), xs.dtype)
    hs[0] = h0
    for t in range(1, T + 1):
        hs[t] = np.tanh(xs[t - 1] @ W + hs[t - 1] @ U + b)
    return hs, (xs, hs, W, U, b)


def backward(dys, kept):
    """The gradients of a loss L. The loss reads every state: dys (T, B, H) is what it sends to them directly.

    dys[t - 1] arrives at h[t]. Return a dictionary, each gradient shaped like what it differentiates:

        dhs  dL/dh[t], the total: what arrives at h[t], and what flows back from step t+1    (T+1, B, H)
        dxs  dL/dx[t]    (T, B, D)
        dW, dU, db       dL/dW, dL/dU, dL/db
    """
    xs, hs, W, U, b = kept
    T, B, D = xs.shape
    dxs, dhs = np.zeros_like(xs), np.zeros_like(hs)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    # your part
    for t in range(T, 0, -1):
        dhs[t] += dys[t - 1]
        da = dhs[t] * (1 - hs[t] ** 2)
        dW += xs[t - 1].T @ da
        dU += hs[t - 1].T @ da
        db += da.sum(axis=0)
        dxs[t - 1] = da @ W.T
        dhs[t - 1] += da @ U.T
    # to here
    return {"dxs": dxs, "dhs": dhs, "dW": dW, "dU": dU, "db": db}
