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


def rnn_backward(p, xs, h0, dhs):
    """Every path from the loss, backwards: through h[t] = φ(a[t]), then from a[t] to all it was made of."""
    _, slope = ACTIVATIONS[p["activation"]]
    W, U, b = p["W"], p["U"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    run = rnn_forward(p, xs, h0)
    x, a, h = from_one(xs), run["a"], run["hs"]
    dW, dU, db = zeros(D, H), zeros(H, H), zeros(H)
    dx = zeros(T + 1, B, D)
    dh = zeros(T + 1, B, H)
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


def indrnn_backward(p, xs, h0, dhs):
    """As the RNN's, but unit n hands its gradient to its own past alone."""
    _, slope = ACTIVATIONS[p["activation"]]
    W, u, b = p["W"], p["u"], p["b"]
    T, B, D, H = len(xs), len(h0), len(W), len(b)
    run = indrnn_forward(p, xs, h0)
    x, a, h = from_one(xs), run["a"], run["hs"]
    dW, du, db = zeros(D, H), zeros(H), zeros(H)
    dx = zeros(T + 1, B, D)
    dh = zeros(T + 1, B, H)
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


# class of the layer: forward, backward
LAYERS = {
    "RNN": (rnn_forward, rnn_backward),
    "IndRNN": (indrnn_forward, indrnn_backward),
}


def numbers_of(layer):
    """A layer's parameters as nested lists of Python floats, with the name of its activation."""
    parameters = {name: array.tolist() for name, array in layer.arrays().items()}
    return parameters | {"activation": layer.activation.name}


def forward(layer, xs, h0):
    """What a layer's run holds, by this page: {"hs": (T+1, B, H), ...} as nested lists."""
    rule, _ = LAYERS[type(layer).__name__]
    return rule(numbers_of(layer), xs.tolist(), h0.tolist())


def backward(layer, xs, h0, dhs):
    """Every gradient by this page, under the names the layer's own gradients have, as nested lists."""
    _, rule = LAYERS[type(layer).__name__]
    return rule(numbers_of(layer), xs.tolist(), h0.tolist(), dhs.tolist())
