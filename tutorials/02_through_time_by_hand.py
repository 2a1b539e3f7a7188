# %% [markdown]
# # 2. Through time by hand
#
# In the first tutorial the gradient went back through one step. Now it goes back through all of them:
# *backpropagation through time* (BPTT). You derive it, write it in a dozen lines, and find the two lines that make the
# gradient vanish.
#
# The letters are those of the first tutorial: T steps, B sequences, D inputs, H units; x, a, h for one step,
# xs, hs for all; W, U, b the parameters; dz for dL/dz, the derivative of the loss L by any z. (All letters and words
# are in the [glossary](GLOSSARY.md).)

# %%
import inspect

import numpy as np

import rnnlab as rl

# %% [markdown]
# ## Three steps, one unit
#
# Begin with the smallest case: one unit, three steps, no input and no bias. The only recurrent weight is u, and the
# loss is the last state, L = h[3].
#
#     h[t] = tanh(u h[t-1])
#
# The state h[0] reaches L by one path only, through h[1], h[2] and h[3]. Each step of the path contributes one factor,
# its derivative: the slope times the weight.
#
#     dh[0] = (1 - h[3]²) u · (1 - h[2]²) u · (1 - h[1]²) u
#
# With u = 0.8 the weights alone give u³ = 0.512. The slope of tanh is at most 1. So, do you expect dh[0] to be more
# than 0.512, or less? A difference quotient agrees with it to within 1e-9.


# %%
def last_state(h, u=0.8):
    for _ in range(3):
        h = np.tanh(u * h)
    return h


# %%
u = 0.8
h1 = np.tanh(u * 0.5)  # h[0] = 0.5
h2 = np.tanh(u * h1)
h3 = np.tanh(u * h2)
dh0 = (1 - h3**2) * u * (1 - h2**2) * u * (1 - h1**2) * u
quotient = (last_state(0.5 + 1e-5) - last_state(0.5 - 1e-5)) / 2e-5
print(f"u³ = {u**3:.3f}   dh[0] = {dh0:.3f}   quotient = {quotient:.3f}")
assert dh0 < u**3
assert abs(quotient / dh0 - 1) < 1e-9

# %% [markdown]
# Less: 0.379, because each of the three slopes is below 1. Three steps of such factors are harmless. What if there are
# two hundred?
#
# ## The derivation
#
# Now H units, and first a loss that depends directly on the last state alone. Every earlier state still matters:
# change h[t] a little, and h[t+1] changes, then h[t+2], and so on up to h[T] and L. By dh[t] we mean the *total*
# derivative, which counts all of that. The *immediate* derivative counts only how L depends on h[t] directly, while
# all later states are held fixed. Here it is 0 before the last step.
#
# We find the total derivative from the end. The loss itself gives dh[T]. Suppose dh[t] is known, and recall how h[t]
# was computed:
#
#     a[t] = x[t] W + h[t-1] U + b
#     h[t] = φ(a[t])
#
# The only path from h[t-1] to L leads through a[t]. Going back along it is the step of the first tutorial:
#
#     da[t]   = dh[t] ⊙ φ'(a[t])      ① the slope
#     dh[t-1] = da[t] Uᵀ              ② Uᵀ
#
# What if there is a loss at every step? Then h[t-1] reaches L by two paths: directly, through the loss at its own step,
# and through a[t] as before. The derivatives along the two paths add up:
#
#     dh[t-1] = (immediate derivative at t-1) + da[t] Uᵀ
#
# In the code, dh holds the immediate derivatives to begin with; one says that they *arrive from above*, because the
# loss is drawn above the layer. The loop then adds da[t] Uᵀ to dh[t-1], from t = T down to 1. When it gets to step t-1,
# dh[t-1] is the total.
#
# The parameters are used at every step, so each step contributes, and the contributions add up:
#
#     dW = Σ_t x[t]ᵀ da[t]      dU = Σ_t h[t-1]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ
#
# That is all of backpropagation through time. First a net to try it on: 200 steps, one sequence, 20 units, the
# library's default weights. We compute the states by hand as before; the library's agree to within 1e-14.

# %%
T, B, D, H = 200, 1, 2, 20
rng = np.random.default_rng(0)
layer = rl.RNN.init(rng, inputs=D, hidden=H, activation="tanh")
W, U, b = layer.W, layer.U, layer.b
xs = rng.standard_normal((T, B, D))

hs = np.zeros((T + 1, B, H))
for t in range(1, T + 1):
    hs[t] = np.tanh(xs[t - 1] @ W + hs[t - 1] @ U + b)

print(layer)
print("apart by", np.abs(layer.forward(xs).hs - hs).max())
assert np.abs(layer.forward(xs).hs - hs).max() < 1e-14

# %% [markdown]
# ## The code
#
# Now the same in code, with the same letters. `dhs` (T, B, H) is what arrives from above at steps 1 … T. Each sum over
# time is a single product, as in stage 3 of the first tutorial.


# %%
def backward(W, U, xs, hs, dhs):
    dh, da = np.zeros_like(hs), np.zeros_like(hs)
    dh[1:] = dhs  # what arrives from above
    for t in range(len(xs), 0, -1):
        da[t] = dh[t] * (1 - hs[t] ** 2)  # ← ① the slope and
        dh[t - 1] += da[t] @ U.T  # ← ② Uᵀ: by this pair, T times, the gradient vanishes
    rows = da[1:].reshape(-1, len(U))  # (T·B, H)
    dW = xs.reshape(-1, len(W)).T @ rows
    dU = hs[:-1].reshape(-1, len(U)).T @ rows
    db = rows.sum(axis=0)
    dxs = da[1:] @ W.T
    return dh, da, {"W": dW, "U": dU, "b": db, "xs": dxs}


# %% [markdown]
# The loss is the sum of the last state, L = Σ h[T]. So 1 arrives from above at every unit of the last step, and 0 at
# all other steps. The library's `backward` agrees at each of the 201 states, to within 1e-13 of the largest entry *of
# that state's gradient*. That is strict, and the next tutorial shows why it has to be.

# %%
dhs = np.zeros((T, B, H))
dhs[-1] = 1
dh, da, parameters = backward(W, U, xs, hs, dhs)

grads = layer.backward(layer.forward(xs), dhs)
apart = np.abs(grads.hs - dh).max(axis=(1, 2)) / np.abs(dh).max(axis=(1, 2))
print("dh, worst of", len(apart), "states:", apart.max())
assert apart.max() < 1e-13
for name, theirs in {**grads.params.arrays(), "xs": grads.xs}.items():
    assert np.abs(theirs - parameters[name]).max() < 1e-13 * np.abs(theirs).max()

# %% [markdown]
# ## Total and immediate, measured
#
# The two derivatives are easily confused, so measure both. Take a loss at every step, the sum of all states. Nudge the
# first unit of h[190]. If the later states follow, the change of L gives the total derivative; if they stay as they
# were, it gives the immediate one, which is 1. Which of them is the dh[190] of our `backward`?


# %%
def loss_after(nudge, follow):
    states = hs.copy()
    states[190, 0, 0] += nudge
    for t in range(191, T + 1) if follow else ():
        states[t] = np.tanh(xs[t - 1] @ W + states[t - 1] @ U + b)
    return states[1:].sum()


# %%
everywhere, _, _ = backward(W, U, xs, hs, np.ones((T, B, H)))  # 1 arrives from above at every step
total, immediate = ((loss_after(1e-6, follow) - loss_after(-1e-6, follow)) / 2e-6 for follow in (True, False))
print(f"immediate {immediate:.3f}   total {total:.3f}   backward's dh[190] {everywhere[190, 0, 0]:.3f}")
assert abs(immediate - 1) < 1e-6
assert abs(total - everywhere[190, 0, 0]) < 1e-6
assert abs(total - 1) > 0.1

# %% [markdown]
# It is the total. Everything in this library that is called dL/dh[t] is a total derivative.
#
# ## Where the gradient vanishes
#
# Follow the norm |dh[t]|, the length of the row vector, back through time. It starts at √20 = 4.472, since dh[T] is 20
# ones. U is orthogonal here: it rotates a row vector, but keeps its length. What do you expect, 200 steps back?

# %%
norms = np.linalg.norm(dh[:, 0], axis=1)
for k in (0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 150, 200):
    print(f"{k:3} steps back: |dh[{T - k}]| = {norms[T - k]:.3e}")
assert norms[0] < 1e-20

# %% [markdown]
# It has lost twenty-one orders of magnitude. The first steps have next to no influence on the loss at the last.
#
# The decay is steady, so one number describes it, the rate r: k steps back, the norm is about exp(-r k) times what it
# was at the loss. The unit of r is *nats* per step; one nat is a factor of e. The library measures r and the
# *half-life* log 2 / r: 0.246 nats per step, so the norm halves every 2.8 steps.

# %%
rate = rl.flow.decay_rate(norms)
print(f"{rate:.3f} nats per step; the norm halves every {rl.flow.half_life(rate):.1f} steps")
assert abs(rate - 0.246) < 5e-4
assert np.abs(rl.flow.gradient_norms(layer, xs)[:, 0] / norms - 1).max() < 1e-13

# %% [markdown]
# Now find the place in the code. In our `backward` two lines are repeated T times, and no other line changes dh:
#
#     da[t] = dh[t] * (1 - hs[t] ** 2)    ① the slope
#     dh[t - 1] += da[t] @ U.T            ② Uᵀ
#
# Together they carry the gradient one step back, and T times in a row they make it vanish. In the library the same pair
# is marked ① and ②:

# %%
lines, first = inspect.getsourcelines(rl.RNN.backward)
found = [(n, line.strip()) for n, line in enumerate(lines, first) if "←" in line]
for n, line in found:
    print(f"rnnlab/layers/rnn.py, line {n}:\n    {line}")
assert "①" in found[0][1]
assert "②" in found[1][1]

# %% [markdown]
# Which of the two makes the gradient smaller? Measure both: |da| / |dh| for the slope ①, |da Uᵀ| / |da| for Uᵀ ②.
# Remember that U is orthogonal. The *typical* factor is the geometric mean: T times over, it gives the product of all.

# %%
by_slope = np.linalg.norm(da[1:, 0], axis=1) / norms[1:]
by_matrix = norms[:-1] / np.linalg.norm(da[1:, 0], axis=1)
for k in range(4):
    print(f"{k} → {k + 1} steps back: ① slope × {by_slope[-1 - k]:.3f}, ② Uᵀ × {by_matrix[-1 - k]:.3f}")
typical = np.exp(np.log(by_slope).mean())
print(f"typical: slope × {typical:.3f}, Uᵀ × {np.exp(np.log(by_matrix).mean()):.3f}")
print(f"{T} times: {typical:.3f}^{T} = {typical**T:.1e}, and |dh[0]| / |dh[{T}]| = {norms[0] / norms[T]:.1e}")
assert by_slope.max() < 1
assert abs(typical**T / (norms[0] / norms[T]) - 1) < 1e-9
assert np.abs(by_matrix - 1).max() < 1e-14

# %% [markdown]
# Here only the slope shrinks the gradient. Uᵀ keeps the length at every step, to within 1e-14, while the slope takes
# away about a fifth each time: × 0.781 typically, and 200 such factors are the twenty-one orders of magnitude. That
# does not make ① the only culprit. The factor of a step is the pair: with another U, the second line shrinks or
# stretches the gradient too, and can make up for the first or make it worse. That is tutorial 4.
#
# Why does it matter? dW is a sum over steps. How much of it comes from the first hundred of the 200 steps?

# %%
early = xs[:100].reshape(-1, D).T @ da[1:101].reshape(-1, H)
share = np.linalg.norm(early) / np.linalg.norm(parameters["W"])
print(f"share of the first 100 steps in dW: {share:.0e}")
assert share < 1e-9

# %% [markdown]
# Less than a billionth. The gradient contains almost nothing about the first half of the sequence, so the net cannot
# learn from it.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
# This function measures ① and ② over a whole run.


# %%
def factors(net, xs):
    trace = net.forward(xs)
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = 1
    dh = net.backward(trace, dhs).hs
    da = dh[1:] * net.activation.slope(trace.hs[1:])
    dh, da = np.linalg.norm(dh[:, 0], axis=1), np.linalg.norm(da[:, 0], axis=1)
    slope, matrix = (np.exp(np.log(ratio).mean()) for ratio in (da / dh[1:], dh[:-1] / da))
    return f"slope × {slope:.3f}, Uᵀ × {matrix:.3f}, |dh[0]| = {dh[0]:.1e}"


# %% [markdown]
# *How strong is the input?* Does the gradient of the same net vanish faster with stronger inputs, or more slowly? And
# without any?

# %% knob
scale = 1.0  # try 0.0, 0.1 and 3.0
print(factors(layer, scale * xs))

# %% [markdown]
# What you should see: without input every unit stays at a = 0, where tanh has slope 1, and nothing is lost: |dh[0]| is
# √20. Strong inputs drive the units to where tanh is flat.
#
#     scale = 0.0  →  slope × 1.000, Uᵀ × 1.000, |dh[0]| = 4.5e+00
#     scale = 0.1  →  slope × 0.970, Uᵀ × 1.000, |dh[0]| = 1.0e-02
#     scale = 1.0  →  slope × 0.781, Uᵀ × 1.000, |dh[0]| = 1.7e-21
#     scale = 3.0  →  slope × 0.554, Uᵀ × 1.000, |dh[0]| = 2.6e-51
#
# *Another U.* Multiply U by a gain, so that ② shrinks or stretches by that factor. Will a gain of 1.2 make up for the
# slope?

# %% knob
gain = 1.2  # try 0.5 and 2.0
print(factors(rl.RNN(W, gain * U, b, "tanh"), xs))

# %% [markdown]
# What you should see: ① depends on ②. A larger U makes larger states, where tanh is flatter. What counts is the
# product: 0.728 times 1.2 is still below 1, and 0.556 times 2 is above it.
#
#     gain = 0.5  →  slope × 0.856, Uᵀ × 0.500, |dh[0]| = 8.6e-74
#     gain = 1.0  →  slope × 0.781, Uᵀ × 1.000, |dh[0]| = 1.7e-21
#     gain = 1.2  →  slope × 0.728, Uᵀ × 1.200, |dh[0]| = 7.8e-12
#     gain = 2.0  →  slope × 0.556, Uᵀ × 2.000, |dh[0]| = 8.7e+09  (it explodes)
#
# ## Exercises
#
# **Exercise 1.** Stop the loop of `backward` after k steps, as if the sequence began at T - k. (This is *truncated*
# BPTT.) How far is dU from the full one, relative to its norm, for k = 10, 50 and 100?
#
# **Exercise 2.** Give the net a loss at every step, L = Σ_t Σ h[t]. Is the share of the first 100 steps in dW still
# tiny? Has the gradient stopped vanishing?
#
# The answers follow.

# %% answer
for k in (10, 50, 100):
    _, _, cut = backward(W, U, xs[-k:], hs[-k - 1 :], dhs[-k:])
    off = np.linalg.norm(cut["U"] - parameters["U"]) / np.linalg.norm(parameters["U"])
    print(f"k = {k:3}: dU is off by {off:.0e}")
assert off < 1e-9

# %% [markdown]
# *Answer 1.* After 100 steps nothing worth mentioning is missing. Where the gradient has vanished, truncation costs
# nothing, because there was nothing to cut off. (Tutorial 11 has nets for which it costs a lot.)

# %% answer
late = np.ones((T, B, H))
late[:150] = 0  # the losses after step 150 alone
early_norms = []
for losses in (np.ones((T, B, H)), late):
    _, da_here, parts = backward(W, U, xs, hs, losses)
    early_norms.append(np.linalg.norm(xs[:100].reshape(-1, D).T @ da_here[1:101].reshape(-1, H)))
    print(f"first 100 steps: {early_norms[-1]:.1e} of |dW| = {np.linalg.norm(parts['W']):.1e}")
assert early_norms[0] > 0.1
assert early_norms[1] < 1e-3 * early_norms[0]

# %% [markdown]
# *Answer 2.* The share is no longer tiny, because every step has a loss of its own close by. But the gradient vanishes
# as before: take the losses after step 150 alone, and next to nothing arrives at the first 100 steps. The net can learn
# what has an effect soon, and nothing else.
#
# ## What you have
#
# Backpropagation through time in a dozen lines, and the pair of lines that makes the gradient vanish. But is it right?
# How do you check a gradient of 1.7e-21? That is the next tutorial, `03_check_what_has_vanished.py`.
#
# **To remember:** going back one step multiplies the gradient by the slope and by Uᵀ, and it is this pair of lines, T
# times in a row, that makes it vanish.
