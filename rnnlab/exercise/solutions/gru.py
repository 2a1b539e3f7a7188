"""An exercise: backpropagation through time of a gated recurrent unit, by hand.

Forward, for t = 1 … T, the three blocks side by side in the order z, r, n, with σ(a) = 1 / (1 + exp(-a)):

    a[t] = x[t] W + b                       s[t] = h[t-1] U + bu          m = s_n, the last block of s[t]
    z, r = σ(a_z + s_z), σ(a_r + s_r)       n = tanh(a_n + r ⊙ m)
    h[t] = z ⊙ h[t-1] + (1 - z) ⊙ n

T steps, B sequences, D inputs, H units. Time comes first, and every row is a sequence: xs is (T, B, D), x[t] is
xs[t - 1]; hs is (T+1, B, H), h[t] is hs[t], and hs[0] is the start. W is (D, 3H), U (H, 3H), b and bu (3H,).

`forward` is written. Write `backward`, then run

    rnnlab check FILE.py
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates(x, h_before, W, U, b, bu):
    """z, r, n and m of one step, (B, H) each."""
    a_z, a_r, a_n = np.split(x @ W + b, 3, axis=1)
    s_z, s_r, m = np.split(h_before @ U + bu, 3, axis=1)
    z, r = sigmoid(a_z + s_z), sigmoid(a_r + s_r)
    return z, r, np.tanh(a_n + r * m), m


def forward(xs, h0, W, U, b, bu):
    """Run over xs (T, B, D) from h0 (B, H). Returns hs (T+1, B, H), and whatever you want to keep for backward."""
    T, B, D = xs.shape
    hs = np.zeros((T + 1, *h0.shape), xs.dtype)
    hs[0] = h0
    for t in range(1, T + 1):
        z, r, n, m = gates(xs[t - 1], hs[t - 1], W, U, b, bu)
        hs[t] = z * hs[t - 1] + (1 - z) * n
    return hs, (xs, hs, W, U, b, bu)


def backward(dys, kept):
    """The gradients of a loss L. The loss reads every state: dys (T, B, H) is what it sends to them directly.

    dys[t - 1] arrives at h[t]. Return a dictionary, each gradient shaped like what it differentiates:

        dhs  dL/dh[t], the total: what arrives at h[t], and what flows back from step t+1    (T+1, B, H)
        dxs  dL/dx[t]    (T, B, D)
        dW, dU, db, dbu  dL/dW, dL/dU, dL/db, dL/dbu
    """
    xs, hs, W, U, b, bu = kept
    T, B, D = xs.shape
    dxs, dhs = np.zeros_like(xs), np.zeros_like(hs)
    dW, dU, db, dbu = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(bu)
    # your part
    for t in range(T, 0, -1):
        z, r, n, m = gates(xs[t - 1], hs[t - 1], W, U, b, bu)
        dhs[t] += dys[t - 1]
        da_z = dhs[t] * (hs[t - 1] - n) * z * (1 - z)
        da_n = dhs[t] * (1 - z) * (1 - n**2)
        da_r = da_n * m * r * (1 - r)
        dm = da_n * r
        da = np.concatenate([da_z, da_r, da_n], axis=1)
        ds = np.concatenate([da_z, da_r, dm], axis=1)
        dW += xs[t - 1].T @ da
        dU += hs[t - 1].T @ ds
        db += da.sum(axis=0)
        dbu += ds.sum(axis=0)
        dxs[t - 1] = da @ W.T
        dhs[t - 1] += dhs[t] * z
        dhs[t - 1] += ds @ U.T
    # to here
    return {"dxs": dxs, "dhs": dhs, "dW": dW, "dU": dU, "db": db, "dbu": dbu}
