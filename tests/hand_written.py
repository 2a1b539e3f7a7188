"""The exercises solved by another hand, each in several right ways and with mistakes, as text for `rnnlab check`.

The lines share nothing with `rnnlab/exercise/solutions/`: other names, other orders of summation, gates apart. A
mistake is a piece of the text and what stands in its place; beside it a part of the sentence that names it.
"""

RNN = """
import numpy as np

def forward(xs, h0, W, U, b):
    states = [h0]
    for x in xs:
        states.append(np.tanh(b + states[-1].dot(U) + x.dot(W)))
    return np.stack(states), {"inputs": xs, "states": states, "weights": (W, U, b)}

def backward(dys, memory):
    inputs, states, (W, U, b) = memory["inputs"], memory["states"], memory["weights"]
    batch, last = len(states[0]), len(inputs)
    gW, gU, gb, gx, gh = 0 * W, 0 * U, 0 * b, [], [None] * (last + 1)
    later = np.zeros_like(states[0])
    for k in reversed(range(last)):
        above = dys[k]
        now = later + above
        gh[k + 1] = now
        slope = 1 - states[k + 1] * states[k + 1]
        delta = now * slope
        gW = gW + np.einsum("bd,bh->dh", inputs[k], delta)
        gU = gU + np.einsum("bm,bn->mn", states[k], delta)
        gb = gb + np.ones(batch, b.dtype) @ delta
        gx.insert(0, np.einsum("bh,dh->bd", delta, W))
        later = np.einsum("bn,mn->bm", delta, U)
    gh[0] = later
    return {"dW": gW, "dU": gU, "db": gb, "dxs": np.array(gx), "dhs": np.array(gh)}
"""

RNN_MISTAKES = [  # the museum's, in this hand
    ('later = np.einsum("bn,mn->bm", delta, U)', "later = 0 * now", "carries nothing back"),
    ('later = np.einsum("bn,mn->bm", delta, U)', 'later = -np.einsum("bn,mn->bm", delta, U)', "sign of the carry"),
    ('later = np.einsum("bn,mn->bm", delta, U)', 'later = np.einsum("bn,mn->bm", now, U)', "carries dh Uᵀ"),
    ('later = np.einsum("bn,mn->bm", delta, U)', 'later = np.einsum("bn,mn->bm", delta, U) / 2', "halves the carry"),
    ('later = np.einsum("bn,mn->bm", delta, U)', "later = delta.dot(U)", "carries da U instead of da Uᵀ"),
    ("slope = 1 - states[k + 1] * states[k + 1]", "slope = 1", "leaves out the slope"),
    ("delta = now * slope", "delta = now * slope * slope", "the slope twice"),
    ("slope = 1 - states[k + 1] * states[k + 1]", "slope = 1 / np.cosh(states[k + 1]) ** 2", "the slope at h[t]"),
    ("slope = 1 - states[k + 1] * states[k + 1]", "slope = 1 - states[k] ** 2", "the slope of the step before"),
    ('np.einsum("bm,bn->mn", states[k], delta)', "states[k + 1].T.dot(delta)", "reads h[t] in dU"),
    ('"bd,bh->dh", inputs[k], delta', '"bd,bh->dh", inputs[(k + 1) % last], delta', "reads x[t + 1] in dW"),
    ('"bd,bh->dh", inputs[k], delta', '"bd,bh->dh", inputs[k][:-1], delta[:-1]', "leaves the last sequence"),
    ("gb = gb + np.ones(batch, b.dtype) @ delta", "gb = gb + (k == last - 1) * delta.sum(0)", "db of the last step"),
    ("gb = gb + np.ones(batch, b.dtype) @ delta", "gb = gb + delta.mean(0)", "mean over the batch in db"),
    ('np.einsum("bh,dh->bd", delta, W)', "(above * slope) @ W.T", "makes dx[t] of what arrives from above"),
    ('np.einsum("bh,dh->bd", delta, W)', "delta @ W", "da W in dxs instead of da Wᵀ"),
    ("now = later + above", "now = later + (above if k == last - 1 else 0)", "at the last step alone"),
    ('"bm,bn->mn", states[k], delta', '"bm,bn->nm", states[k], delta', "has dU transposed"),
    (
        'return {"dW": gW',
        'gW, gU, gb, gx, gh = (0 * np.array(g) for g in (gW, gU, gb, gx, gh))\n    return {"dW": gW',
        "writes nothing",
    ),
]

INDRNN = (
    RNN.replace("W, U, b", "W, u, b")
    .replace("0 * U", "0 * u")
    .replace("states[-1].dot(U)", "u * states[-1]")
    .replace('gU = gU + np.einsum("bm,bn->mn", states[k], delta)', "gU = gU + np.diag(states[k].T @ delta)")
    .replace('np.einsum("bn,mn->bm", delta, U)', "delta * u")
    .replace('"dU"', '"du"')
)

CARRY = 'np.einsum("bn,mn->bm", delta, U)'
INDRNN_MISTAKES = [
    *(
        (right.replace(CARRY, "delta * u"), wrong.replace(CARRY, "delta * u"), says)
        for right, wrong, says in RNN_MISTAKES
        if not any(each in says for each in ("dU", "da U", "dh Uᵀ"))
    ),
    ("later = delta * u", "later = now * u", "carries u dh instead of u da"),
    ("np.diag(states[k].T @ delta)", "np.diag(states[k + 1].T @ delta)", "reads h[t] in du"),
    ("later = delta * u", "later = delta", "carries da without u"),
    ("later = delta * u", "later = np.repeat(delta @ u[:, None], len(u), axis=1)", "sums the carry over the units"),
    ("np.diag(states[k].T @ delta)", "np.trace(states[k].T @ delta)", "sums du over the units"),
]

LSTM = """
import numpy as np

def s(a):
    return 0.5 * (1 + np.tanh(0.5 * a))

def forward(xs, h0, c0, W, U, b):
    h, c, steps = h0, c0, []
    for x in xs:
        a = x @ W + h @ U + b
        H = len(U)
        i, f, g, o = s(a[:, :H]), s(a[:, H : 2 * H]), np.tanh(a[:, 2 * H : 3 * H]), s(a[:, 3 * H :])
        old, c = c, f * c + i * g
        before, h = h, o * np.tanh(c)
        steps.append((x, before, old, i, f, g, o, c, h))
    hs, cs = [h0] + [step[8] for step in steps], [c0] + [step[7] for step in steps]
    return np.stack(hs), np.stack(cs), (steps, W, U, b)

def backward(dys, dc_end, memory):
    steps, W, U, b = memory
    flow_h, flow_c, last = 0 * dc_end, 1 * dc_end, len(steps)
    gW, gU, gb, gx, gh, gc = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), [], [], [flow_c]
    for k, (x, before, old, i, f, g, o, c, h) in reversed(list(enumerate(steps))):
        flow_h = flow_h + dys[k]
        gh.insert(0, flow_h)
        squashed = np.tanh(c)
        cell = flow_c + flow_h * o * (1 - squashed**2)
        at_i = cell * g * i * (1 - i)
        at_f = cell * old * f * (1 - f)
        at_g = cell * i * (1 - g * g)
        at_o = flow_h * squashed * o * (1 - o)
        delta = np.hstack([at_i, at_f, at_g, at_o])
        gW += x.T @ delta
        gU += before.T @ delta
        gb += delta.sum(0)
        gx.insert(0, delta @ W.T)
        flow_h = delta @ U.T
        flow_c = cell * f
        gc.insert(0, flow_c)
    gh.insert(0, flow_h)
    return np.array(gh), np.array(gc), np.array(gx), gW, gU, gb
"""

LSTM_MISTAKES = [
    ("np.hstack([at_i, at_f, at_g, at_o])", "np.hstack([at_f, at_i, at_g, at_o])", "i and f in each other's place"),
    ("flow_c = cell * f", "flow_c = 0 * cell", "dc f is missing"),
    ("flow_c = cell * f", "flow_c = cell", "without the forget gate f"),
    ("flow_h * o * (1 - squashed**2)", "flow_h * o", "leaves the slope 1 - tanh²(c) out of dc"),
    ("flow_h * o * (1 - squashed**2)", "flow_h * o / np.cosh(squashed) ** 2", "tanh once too often"),
    ("cell = flow_c + flow_h * o * (1 - squashed**2)", "cell = flow_c", "hear nothing of h[t]"),
    ("at_g = cell * i * (1 - g * g)", "at_g = cell * i * (g - g * g)", "sigmoid's slope for the candidate"),
    ("at_o = flow_h * squashed", "at_o = flow_h * c", "has c in da_o"),
    ("at_f = cell * old", "at_f = cell * c", "reads c[t] in da_f"),
    ("flow_h = delta @ U.T", "flow_h = 0 * flow_h", "carries nothing back"),
    (
        "flow_h = delta @ U.T",
        "flow_h = sum(d @ V for d, V in zip(np.hsplit(delta, 4), np.hsplit(U, 4)))",
        "gate by gate",
    ),
    ("1 * dc_end", "0 * dc_end", "never adds dc_end"),
    ("flow_c = cell * f", "gc[0] = cell\n        flow_c = cell * f", "which dhs[t] has already"),
    ("gU += before.T @ delta", "gU += h.T @ delta", "reads h[t] in dU"),
    ("gb += delta.sum(0)", "gb += delta.sum(0) * (k == last - 1)", "db of the last step"),
    (
        "return np.array(gh)",
        "gh, gc, gx, gW, gU, gb = (0 * np.array(each) for each in (gh, gc, gx, gW, gU, gb))\n    return np.array(gh)",
        "writes nothing",
    ),
]

GRU = """
import numpy as np

def s(a):
    return 0.5 * (1 + np.tanh(0.5 * a))

def forward(xs, h0, W, U, b, bu):
    h, steps, hs = h0, [], [h0]
    for x in xs:
        (Wz, Wr, Wn), (Uz, Ur, Un) = np.hsplit(W, 3), np.hsplit(U, 3)
        (bz, br, bn), (cz, cr, cn) = np.split(b, 3), np.split(bu, 3)
        z, r, m = s(x @ Wz + h @ Uz + bz + cz), s(x @ Wr + h @ Ur + br + cr), h @ Un + cn
        n = np.tanh(x @ Wn + bn + r * m)
        steps.append((x, h, z, r, m, n))
        h = n + z * (h - n)
        hs.append(h)
    return np.stack(hs), (steps, W, U, hs)

def backward(dys, memory):
    steps, W, U, hs = memory
    flow, last, H = 0 * hs[0], len(steps), len(U)
    gW, gU, gb, gc, gx, gh = 0 * W, 0 * U, 0 * W[0], 0 * W[0], [], []
    for k, (x, h, z, r, m, n) in reversed(list(enumerate(steps))):
        flow = flow + dys[k]
        gh.insert(0, flow)
        at_z = flow * (h - n) * z * (1 - z)
        at_n = flow * (1 - z) * (1 - n * n)
        at_r = at_n * m * r * (1 - r)
        at_m = at_n * r
        delta, sigma = np.hstack([at_z, at_r, at_n]), np.hstack([at_z, at_r, at_m])
        gW += x.T @ delta
        gU += h.T @ sigma
        gb += delta.sum(0)
        gc += sigma.sum(0)
        gx.insert(0, delta @ W.T)
        flow = flow * z + sigma @ U.T
    gh.insert(0, flow)
    return {"dxs": np.array(gx), "dhs": np.array(gh), "dW": gW, "dU": gU, "db": gb, "dbu": gc}
"""

GRU_MISTAKES = [
    ("flow = flow * z + sigma @ U.T", "flow = sigma @ U.T", "leaves out dh[t] z"),
    ("flow = flow * z + sigma @ U.T", "flow = flow - flow * z + sigma @ U.T", "(1 - z) instead of dh[t] z"),
    ("at_z = flow * (h - n)", "at_z = flow * (n - h)", "n - h[t-1] in da_z"),
    ("at_z = flow * (h - n)", "at_z = flow * h", "h[t-1] in da_z"),
    ("at_n = flow * (1 - z) * (1 - n * n)", "at_n = flow * (1 - n * n)", "leaves 1 - z out of da_n"),
    ("at_r = at_n * m * r * (1 - r)", "at_r = 0 * at_n", "never writes da_r"),
    ("at_r = at_n * m", "at_r = at_n * n", "n in da_r"),
    ("at_m = at_n * r", "at_m = at_n", "leaves the reset gate r out of dm"),
    (
        "flow = flow * z + sigma @ U.T",
        "flow = flow * z + sigma[:, : 2 * H] @ U[:, : 2 * H].T + (at_n @ U[:, 2 * H :].T) * r",
        "Cho et al. (2014)",
    ),
    ("flow = flow * z + sigma @ U.T", "flow = flow * z", "leaves ds Uᵀ out of the carry"),
    (
        "flow = flow * z + sigma @ U.T",
        "flow = flow * z + sum(d @ V for d, V in zip(np.hsplit(sigma, 3), np.hsplit(U, 3)))",
        "gate by gate",
    ),
    ("gU += h.T @ sigma", "gU += hs[k + 1].T @ sigma", "reads h[t] in dU"),
    ("gU += h.T @ sigma", "gU += h.T @ delta", "makes dU of da"),
    ("gW += x.T @ delta", "gW += x.T @ sigma", "makes dW of ds"),
    ("gc += sigma.sum(0)", "gc += delta.sum(0)", "makes dbu of da"),
    (
        "gb += delta.sum(0)\n        gc += sigma.sum(0)",
        "if k == last - 1:\n            gb, gc = delta.sum(0), sigma.sum(0)",
        "db of the last step alone",
    ),
    (
        'return {"dxs"',
        'gx, gh, gW, gU, gb, gc = (0 * np.array(each) for each in (gx, gh, gW, gU, gb, gc))\n    return {"dxs"',
        "writes nothing",
    ),
]

SOLUTIONS = {"rnn": RNN, "indrnn": INDRNN, "lstm": LSTM, "gru": GRU}
MISTAKES = {"rnn": RNN_MISTAKES, "indrnn": INDRNN_MISTAKES, "lstm": LSTM_MISTAKES, "gru": GRU_MISTAKES}


def with_mistake(name, right, wrong):
    """The text of a solution with a piece of it replaced."""
    if SOLUTIONS[name].count(right) != 1:
        raise ValueError(f"{right!r} is {SOLUTIONS[name].count(right)} times in the {name}")
    return SOLUTIONS[name].replace(right, wrong)
