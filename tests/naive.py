"""The recurrent nets once more, one scalar product per line: slow, obvious, and sharing nothing with rnnlab.

Steps are counted as in the equations: h[0] is the start and t runs from 1 to T, so a given sequence is shifted by one.
Letters: t step, s sequence, d input, n unit, m unit of the step before. Every slope is taken at the pre-activation a,
in a form of its own, whereas the library reads it from the output h.

To add a layer, write its forward and its backward and put the pair in LAYERS.
"""

import math


def sigmoid(a):
    return 1.0 / (1.0 + math.exp(-a))


def sigmoid_slope(a):
    return 1.0 / (2.0 + math.exp(a) + math.exp(-a))


def tanh_slope(a):
    return 1.0 / (math.cosh(a) * math.cosh(a))


def relu(a):
    return a if a > 0.0 else 0.0


def relu_slope(a):
    return 1.0 if a > 0.0 else 0.0


def leaky_relu(a):
    return a if a > 0.0 else 0.3 * a


def leaky_relu_slope(a):
    return 1.0 if a > 0.0 else 0.3


def identity(a):
    return a


def identity_slope(a):
    return 1.0


# name: φ, φ'
ACTIVATIONS = {
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (math.tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "identity": (identity, identity_slope),
}


def zeros(*sizes):
    """Nested lists of 0.0: zeros(T, B)[t][s]."""
    if not sizes:
        return 0.0
    return [zeros(*sizes[1:]) for _ in range(sizes[0])]


def copied(rows):
    """The same numbers in lists of their own."""
    return [list(row) for row in rows]


def from_one(sequence):
    """The same steps, the first of them at index 1."""
    return [None, *sequence]


def rnn_forward(p, xs, h0):
    """h[t] = φ(x[t] W + h[t-1] U + b)."""
    φ, _ = ACTIVATIONS[p["activation"]]
    W, U, b = p["W"], p["U"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    x = from_one(xs)
    a = zeros(T + 1, B, H)
    h = zeros(T + 1, B, H)
    h[0] = h0
    for t in range(1, T + 1):
        for s in range(B):
            for n in range(H):
                a[t][s][n] = b[n]
                for d in range(D):
                    a[t][s][n] += x[t][s][d] * W[d][n]
                for m in range(H):
                    a[t][s][n] += h[t - 1][s][m] * U[m][n]
                h[t][s][n] = φ(a[t][s][n])
    return {"a": a, "hs": h}


def rnn_backward(p, xs, h0, dhs, dh_end):
    """Every path from the loss, backwards: through h[t] = φ(a[t]), then from a[t] to all it was made of."""
    _, slope = ACTIVATIONS[p["activation"]]
    W, U, b = p["W"], p["U"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    run = rnn_forward(p, xs, h0)
    x, a, h = from_one(xs), run["a"], run["hs"]
    dW, dU, db = zeros(D, H), zeros(H, H), zeros(H)
    dx = zeros(T + 1, B, D)
    dh = zeros(T + 1, B, H)
    dh[T] = copied(dh_end)
    for t in range(T, 0, -1):
        for s in range(B):
            for n in range(H):
                dh[t][s][n] += from_one(dhs)[t][s][n]
                da = dh[t][s][n] * slope(a[t][s][n])
                db[n] += da
                for d in range(D):
                    dW[d][n] += da * x[t][s][d]
                    dx[t][s][d] += da * W[d][n]
                for m in range(H):
                    dU[m][n] += da * h[t - 1][s][m]
                    dh[t - 1][s][m] += da * U[m][n]
    return {"params.W": dW, "params.U": dU, "params.b": db, "xs": dx[1:], "hs": dh}


def indrnn_forward(p, xs, h0):
    """h[t] = φ(x[t] W + u ⊙ h[t-1] + b)."""
    φ, _ = ACTIVATIONS[p["activation"]]
    W, u, b = p["W"], p["u"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    x = from_one(xs)
    a = zeros(T + 1, B, H)
    h = zeros(T + 1, B, H)
    h[0] = h0
    for t in range(1, T + 1):
        for s in range(B):
            for n in range(H):
                a[t][s][n] = b[n]
                for d in range(D):
                    a[t][s][n] += x[t][s][d] * W[d][n]
                a[t][s][n] += h[t - 1][s][n] * u[n]
                h[t][s][n] = φ(a[t][s][n])
    return {"a": a, "hs": h}


def indrnn_backward(p, xs, h0, dhs, dh_end):
    """As the RNN's, but unit n hands its gradient to its own past alone."""
    _, slope = ACTIVATIONS[p["activation"]]
    W, u, b = p["W"], p["u"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    run = indrnn_forward(p, xs, h0)
    x, a, h = from_one(xs), run["a"], run["hs"]
    dW, du, db = zeros(D, H), zeros(H), zeros(H)
    dx = zeros(T + 1, B, D)
    dh = zeros(T + 1, B, H)
    dh[T] = copied(dh_end)
    for t in range(T, 0, -1):
        for s in range(B):
            for n in range(H):
                dh[t][s][n] += from_one(dhs)[t][s][n]
                da = dh[t][s][n] * slope(a[t][s][n])
                db[n] += da
                for d in range(D):
                    dW[d][n] += da * x[t][s][d]
                    dx[t][s][d] += da * W[d][n]
                du[n] += da * h[t - 1][s][n]
                dh[t - 1][s][n] += da * u[n]
    return {"params.W": dW, "params.u": du, "params.b": db, "xs": dx[1:], "hs": dh}


def lstm_forward(p, xs, h0, c0):
    """c[t] = f c[t-1] + i g and h[t] = o tanh(c[t]), where i, f, g, o are made of a[t] = x[t] W + h[t-1] U + b."""
    W, U, b = p["W"], p["U"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(U)
    x = from_one(xs)
    a = zeros(T + 1, B, 4 * H)
    h, c = zeros(T + 1, B, H), zeros(T + 1, B, H)
    h[0], c[0] = h0, c0
    for t in range(1, T + 1):
        for s in range(B):
            for k in range(4 * H):
                a[t][s][k] = b[k]
                for d in range(D):
                    a[t][s][k] += x[t][s][d] * W[d][k]
                for m in range(H):
                    a[t][s][k] += h[t - 1][s][m] * U[m][k]
            for n in range(H):
                i, f = sigmoid(a[t][s][n]), sigmoid(a[t][s][H + n])
                g, o = math.tanh(a[t][s][2 * H + n]), sigmoid(a[t][s][3 * H + n])
                c[t][s][n] = f * c[t - 1][s][n] + i * g
                h[t][s][n] = o * math.tanh(c[t][s][n])
    return {"a": a, "hs": h, "cs": c}


def lstm_backward(p, xs, h0, c0, dhs, dh_end, dc_end):
    """The loss reads every h[t] and the last c; what reaches c[t] through h[t] is `of_c`, and is not part of dc[t]."""
    W, U = p["W"], p["U"]
    T, B, D, H = len(xs), len(h0), len(W), len(U)
    run = lstm_forward(p, xs, h0, c0)
    x, a, h, c = from_one(xs), run["a"], run["hs"], run["cs"]
    dW, dU, db = zeros(D, 4 * H), zeros(H, 4 * H), zeros(4 * H)
    dx = zeros(T + 1, B, D)
    dh, dc = zeros(T + 1, B, H), zeros(T + 1, B, H)
    dh[T], dc[T] = copied(dh_end), copied(dc_end)
    for t in range(T, 0, -1):
        for s in range(B):
            da = zeros(4 * H)
            for n in range(H):
                a_i, a_f, a_g, a_o = (a[t][s][block * H + n] for block in range(4))
                dh[t][s][n] += from_one(dhs)[t][s][n]
                of_c = dc[t][s][n] + dh[t][s][n] * sigmoid(a_o) * tanh_slope(c[t][s][n])
                da[n] = of_c * math.tanh(a_g) * sigmoid_slope(a_i)
                da[H + n] = of_c * c[t - 1][s][n] * sigmoid_slope(a_f)
                da[2 * H + n] = of_c * sigmoid(a_i) * tanh_slope(a_g)
                da[3 * H + n] = dh[t][s][n] * math.tanh(c[t][s][n]) * sigmoid_slope(a_o)
                dc[t - 1][s][n] += of_c * sigmoid(a_f)
            for k in range(4 * H):
                db[k] += da[k]
                for d in range(D):
                    dW[d][k] += da[k] * x[t][s][d]
                    dx[t][s][d] += da[k] * W[d][k]
                for m in range(H):
                    dU[m][k] += da[k] * h[t - 1][s][m]
                    dh[t - 1][s][m] += da[k] * U[m][k]
    return {"params.W": dW, "params.U": dU, "params.b": db, "xs": dx[1:], "hs": dh, "cs": dc}


def gru_gates(a, e, n):
    """Of unit n: z and r before their sigmoids, m, and the candidate before its tanh."""
    H = len(a) // 3
    m = e[2 * H + n]
    a_r = a[H + n] + e[H + n]
    return a[n] + e[n], a_r, m, a[2 * H + n] + sigmoid(a_r) * m


def gru_forward(p, xs, h0):
    """h[t] = z h[t-1] + (1 - z) tanh(a_n + r m), where a[t] = x[t] W + b, e[t] = h[t-1] U + bu, m the last of e."""
    W, U, b, bu = p["W"], p["U"], p["b"], p["bu"]
    T, B, D, H = len(xs), len(h0), len(W), len(U)
    x = from_one(xs)
    a, e = zeros(T + 1, B, 3 * H), zeros(T + 1, B, 3 * H)
    h = zeros(T + 1, B, H)
    h[0] = h0
    for t in range(1, T + 1):
        for s in range(B):
            for k in range(3 * H):
                a[t][s][k] = b[k]
                e[t][s][k] = bu[k]
                for d in range(D):
                    a[t][s][k] += x[t][s][d] * W[d][k]
                for m in range(H):
                    e[t][s][k] += h[t - 1][s][m] * U[m][k]
            for n in range(H):
                a_z, _, _, a_n = gru_gates(a[t][s], e[t][s], n)
                h[t][s][n] = sigmoid(a_z) * h[t - 1][s][n] + sigmoid(-a_z) * math.tanh(a_n)
    return {"a": a, "e": e, "hs": h}


def gru_backward(p, xs, h0, dhs, dh_end):
    """Each of the sums a[t] and e[t] gets a gradient of its own; they differ in the last third, where r is between."""
    W, U = p["W"], p["U"]
    T, B, D, H = len(xs), len(h0), len(W), len(U)
    run = gru_forward(p, xs, h0)
    x, a, e, h = from_one(xs), run["a"], run["e"], run["hs"]
    dW, dU, db, dbu = zeros(D, 3 * H), zeros(H, 3 * H), zeros(3 * H), zeros(3 * H)
    dx = zeros(T + 1, B, D)
    dh = zeros(T + 1, B, H)
    dh[T] = copied(dh_end)
    for t in range(T, 0, -1):
        for s in range(B):
            da, de = zeros(3 * H), zeros(3 * H)
            for n in range(H):
                a_z, a_r, m, a_n = gru_gates(a[t][s], e[t][s], n)
                dh[t][s][n] += from_one(dhs)[t][s][n]
                da_n = dh[t][s][n] * sigmoid(-a_z) * tanh_slope(a_n)
                da[n] = de[n] = dh[t][s][n] * (h[t - 1][s][n] - math.tanh(a_n)) * sigmoid_slope(a_z)
                da[H + n] = de[H + n] = da_n * m * sigmoid_slope(a_r)
                da[2 * H + n] = da_n
                de[2 * H + n] = da_n * sigmoid(a_r)
                dh[t - 1][s][n] += dh[t][s][n] * sigmoid(a_z)
            for k in range(3 * H):
                db[k] += da[k]
                dbu[k] += de[k]
                for d in range(D):
                    dW[d][k] += da[k] * x[t][s][d]
                    dx[t][s][d] += da[k] * W[d][k]
                for m in range(H):
                    dU[m][k] += de[k] * h[t - 1][s][m]
                    dh[t - 1][s][m] += de[k] * U[m][k]
    return {"params.W": dW, "params.U": dU, "params.b": db, "params.bu": dbu, "xs": dx[1:], "hs": dh}


# class of the layer: forward, backward
LAYERS = {
    "RNN": (rnn_forward, rnn_backward),
    "IndRNN": (indrnn_forward, indrnn_backward),
    "LSTM": (lstm_forward, lstm_backward),
    "GRU": (gru_forward, gru_backward),
}


def numbers_of(layer):
    """A layer's parameters as nested lists of Python floats, with the name of the activation it has, if any."""
    parameters = {name: array.tolist() for name, array in layer.arrays().items()}
    return parameters | ({"activation": layer.activation.name} if hasattr(layer, "activation") else {})


def forward(layer, xs, starts):
    """What a layer's run holds, by this page: {"hs": (T+1, B, H), ...} as nested lists."""
    rule, _ = LAYERS[type(layer).__name__]
    return rule(numbers_of(layer), xs.tolist(), *(start.tolist() for start in starts))


def backward(layer, xs, starts, dys, dends):
    """Every gradient by this page, under the names the layer's own gradients have, as nested lists."""
    _, rule = LAYERS[type(layer).__name__]
    return rule(numbers_of(layer), xs.tolist(), *(array.tolist() for array in (*starts, dys, *dends)))
