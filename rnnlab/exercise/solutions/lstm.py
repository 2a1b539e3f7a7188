"""An exercise: backpropagation through time of a long short-term memory, by hand.

Forward, for t = 1 … T, the four blocks of a[t] side by side in the order i, f, g, o, with σ(a) = 1 / (1 + exp(-a)):

    a[t] = x[t] W + h[t-1] U + b
    i, f, o = σ(a_i), σ(a_f), σ(a_o)        g = tanh(a_g)
    c[t] = f ⊙ c[t-1] + i ⊙ g
    h[t] = o ⊙ tanh(c[t])

T steps, B sequences, D inputs, H units. Time comes first, and every row is a sequence: xs is (T, B, D), x[t] is
xs[t - 1]; hs and cs are (T+1, B, H), h[t] is hs[t], and hs[0] is the start. W is (D, 4H), U (H, 4H), b (4H,).

`forward` is written. Write `backward`, then run

    rnnlab check FILE.py
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates(x, h_before, W, U, b):
    """i, f, g, o of one step, (B, H) each."""
    a_i, a_f, a_g, a_o = np.split(x @ W + h_before @ U + b, 4, axis=1)
    return sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)


def forward(xs, h0, c0, W, U, b):
    """Run over xs (T, B, D) from h0 and c0 (B, H). Returns hs, cs (T+1, B, H), and what you want to keep."""
    T, B, D = xs.shape
    hs, cs = np.zeros((T + 1, *h0.shape), xs.dtype), np.zeros((T + 1, *c0.shape), xs.dtype)
    hs[0], cs[0] = h0, c0
    for t in range(1, T + 1):
        i, f, g, o = gates(xs[t - 1], hs[t - 1], W, U, b)
        cs[t] = f * cs[t - 1] + i * g
        hs[t] = o * np.tanh(cs[t])
    return hs, cs, (xs, hs, cs, W, U, b)


def backward(dys, dc_end, kept):
    """The gradients of a loss L. The loss reads every h[t] and the last c: dys (T, B, H) is what it sends to the h[t]
    directly, dys[t - 1] to h[t], and dc_end (B, H) what it sends to c[T].

    Return a dictionary, each gradient shaped like what it differentiates:

        dhs  dL/dh[t], the total: what arrives at h[t], and what flows back from step t+1    (T+1, B, H)
        dcs  dL/dc[t] in the same way, without what c[t] does by way of h[t]: dhs has that   (T+1, B, H)
        dxs  dL/dx[t]    (T, B, D)
        dW, dU, db       dL/dW, dL/dU, dL/db
    """
    xs, hs, cs, W, U, b = kept
    T, B, D = xs.shape
    dxs, dhs, dcs = np.zeros_like(xs), np.zeros_like(hs), np.zeros_like(cs)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    # your part
    dcs[T] += dc_end
    for t in range(T, 0, -1):
        i, f, g, o = gates(xs[t - 1], hs[t - 1], W, U, b)
        dhs[t] += dys[t - 1]
        dc = dcs[t] + dhs[t] * o * (1 - np.tanh(cs[t]) ** 2)
        da_i = dc * g * i * (1 - i)
        da_f = dc * cs[t - 1] * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        da_o = dhs[t] * np.tanh(cs[t]) * o * (1 - o)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dW += xs[t - 1].T @ da
        dU += hs[t - 1].T @ da
        db += da.sum(axis=0)
        dxs[t - 1] = da @ W.T
        dcs[t - 1] += dc * f
        dhs[t - 1] += da @ U.T
    # to here
    return {"dxs": dxs, "dhs": dhs, "dcs": dcs, "dW": dW, "dU": dU, "db": db}
