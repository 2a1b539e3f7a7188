# %% [markdown]
# # 2. Through time by hand
#
# In the first tutorial the gradient went back through one step. Now it goes back through all of them:
# *backpropagation through time* (BPTT). You derive it, write it in a dozen lines, and find the two lines that make the
# gradient vanish. Then you check it, and see why the usual check is blind exactly where it matters here.
#
# The letters are those of the first tutorial: T steps, B sequences, D inputs, H units; x, a, h for one step,
# xs, hs for all; W, U, b the parameters; dz for dL/dz, the derivative of the loss L by any z.

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
print(f"u³ = {u**3:.3f}   dh[0] = {dh0:.6f}   quotient = {quotient:.6f}")
assert dh0 < u**3
assert abs(quotient / dh0 - 1) < 1e-9

# %% [markdown]
# ## The derivation
#
# Now H units, and a loss that depends directly on the last state alone. Every earlier state still matters: change h[t]
# a little, and h[t+1] changes, then h[t+2], and so on up to h[T] and L. By dh[t] we mean the *total* derivative, which
# counts all of that. (The partial, or immediate, derivative counts only how L depends on h[t] directly. Before the last
# step it is 0.)
#
# We find it from the end. The loss itself gives dh[T]. Suppose dh[t] is known, and recall how h[t] was computed:
#
#     a[t] = x[t] W + h[t-1] U + b
#     h[t] = φ(a[t])
#
# The only path from h[t-1] to L leads through a[t]. Going back along it is the step of the first tutorial:
#
#     da[t]   = dh[t] ⊙ φ'(a[t])      ① the slope
#     dh[t-1] = da[t] Uᵀ              ② Uᵀ
#
# With a loss at every step, L also depends on h[t-1] directly. Then there are two paths, and their derivatives add up.
# So before the loop, dh[t-1] already holds what *arrives from above*, that is, directly from the loss at that step. The
# loop adds to it what comes back from step t:
#
#     dh[t-1] ← dh[t-1] + da[t] Uᵀ
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
# time is a single product, as in stage 3 of the first tutorial. (T, B, H, D and the weights U and W are those above.)


# %%
def backward(xs, hs, dhs):
    dh, da = np.zeros_like(hs), np.zeros_like(hs)
    dh[1:] = dhs  # what arrives from above
    for t in range(T, 0, -1):
        da[t] = dh[t] * (1 - hs[t] ** 2)  # ← ① the slope and
        dh[t - 1] += da[t] @ U.T  # ← ② Uᵀ: by this pair, T times, the gradient vanishes
    rows = da[1:].reshape(T * B, H)
    dW = xs.reshape(T * B, D).T @ rows
    dU = hs[:-1].reshape(T * B, H).T @ rows
    db = rows.sum(axis=0)
    dxs = da[1:] @ W.T
    return dh, da, {"W": dW, "U": dU, "b": db, "xs": dxs}


# %% [markdown]
# The loss is the sum of the last state, L = Σ h[T]. So 1 arrives from above at every unit of the last step, and 0 at
# all other steps. The library's `backward` agrees at each of the 201 states, to within 1e-13 of the largest entry *of
# that state's gradient*. That is strict, and you will soon see why it has to be.

# %%
dhs = np.zeros((T, B, H))
dhs[-1] = 1
dh, da, parameters = backward(xs, hs, dhs)

grads = layer.backward(layer.forward(xs), dhs)
apart = np.abs(grads.hs - dh).max(axis=(1, 2)) / np.abs(dh).max(axis=(1, 2))
print("dh, worst of", len(apart), "states:", apart.max())
assert apart.max() < 1e-13
for name, theirs in {**grads.params.arrays(), "xs": grads.xs}.items():
    assert np.abs(theirs - parameters[name]).max() < 1e-13 * np.abs(theirs).max()

# %% [markdown]
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
# The decay is steady, so one number describes it: the rate r in norm ∝ exp(-r k), in *nats* per step. The library
# measures r and the half-life log 2 / r: 0.246 nats per step, so the norm halves every 2.8 steps.

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
# Remember that U is orthogonal.

# %%
by_slope = np.linalg.norm(da[1:, 0], axis=1) / norms[1:]
by_matrix = norms[:-1] / np.linalg.norm(da[1:, 0], axis=1)
for k in range(4):
    print(f"{k} → {k + 1} steps back: ① slope × {by_slope[-1 - k]:.3f}, ② Uᵀ × {by_matrix[-1 - k]:.3f}")
print(f"typical: slope × {np.exp(np.log(by_slope).mean()):.3f}, U × {np.exp(np.log(by_matrix).mean()):.3f}")
assert by_slope.max() < 1
assert 0.75 < np.exp(np.log(by_slope).mean()) < 0.8
assert np.abs(by_matrix - 1).max() < 1e-14

# %% [markdown]
# Here it is the slope alone. Uᵀ keeps the length at every step, to within 1e-14, while the slope takes away about a
# fifth each time. Other weights shrink or stretch the gradient too: that is the third tutorial.
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
# ## The usual check, and how it fails
#
# Is dh right? Nudge one unit of h[t], run the net from there to the end, and divide the change of the loss by the
# nudge. (`loss_from` starts at any step; the quotient is taken for all 20 units in turn.)


# %%
def loss_from(t, h):
    for x in xs[t:]:
        h = np.tanh(x @ W + h @ U + b)
    return h.sum()


def quotients(t, ε=1e-6):
    nudges = ε * np.eye(H)
    return np.array([loss_from(t, hs[t] + n) - loss_from(t, hs[t] - n) for n in nudges]) / (2 * ε)


# %% [markdown]
# The error is again relative to the largest entry of that state's gradient. One step back from the loss, the quotient
# is right to within 1e-8. And further back?


# %%
def error(estimate, t):
    return np.abs(estimate - dh[t, 0]).max() / np.abs(dh[t]).max()


for k in (0, 1, 10, 20, 40, 60, 80, 100, 150, 200):
    t = T - k
    print(f"{k:3} steps back: |dh| = {norms[t]:.0e}, relative error of the quotient {error(quotients(t), t):.0e}")
assert error(quotients(T - 1), T - 1) < 1e-8
assert error(quotients(T - 150), T - 150) >= 1
assert error(quotients(0), 0) >= 1

# %% [markdown]
# Where the gradient is 1e-15, the quotient is at least 100 % wrong, and mostly far more. Our dh is not to blame. The
# quotient subtracts two losses that are almost equal. The loss is near -2.254, and floating-point numbers of that size
# are 4.4e-16 apart. So the difference is either 0 or at least that much, and the quotient, divided by 2ε, is either 0
# or at least 2.2e-10. Nothing in between is possible.

# %%
L = loss_from(T, hs[T])
gap = np.spacing(abs(L))
print(f"L = {L:.3f}; the next number is {gap:.1e} away; quotients come in steps of {gap / 2e-6:.1e}")
print("quotients at h[0]:", np.unique(np.abs(quotients(0))))
assert np.abs(quotients(0)[quotients(0) != 0]).min(initial=1) > 0.99 * gap / 2e-6

# %% [markdown]
# Would another ε help? With a larger one, the same roundoff is divided by more. But even with ε = 1, as large as a
# state can be, the losses would differ by about 2e-21, in a number near -2.254. None of the ε below brings the error at
# h[0] under 100 %.

# %%
for ε in (1.0, 1e-2, 1e-4, 1e-8):
    print(f"ε = {ε:.0e}: relative error {error(quotients(0, ε), 0):.0e}")
    assert error(quotients(0, ε), 0) >= 1

# %% [markdown]
# It is tempting to say: the gradient is tiny there, so allow a small absolute error. `np.allclose` does that, with an
# absolute tolerance of 1e-8. Suppose a backward returned zeros everywhere. At how many of the 201 states would
# `np.allclose` accept them?

# %%
zeros = np.zeros(H)
fooled = sum(np.allclose(zeros, dh[t]) for t in range(T + 1))
print(f"np.allclose accepts zeros as the gradient at {fooled} of {T + 1} states")
assert np.allclose(zeros, dh[0])
assert not np.allclose(zeros, dh[T])

# %% [markdown]
# At 121 of them. A laboratory for vanishing gradients needs a better check.
#
# ## The complex step
#
# Nudge h[t] by iε instead, an imaginary number. Taylor's series of any smooth f says
#
#     f(x + iε) = f(x) + iε f'(x) - ε² f''(x)/2 - …
#
# The value is in the real part, and the derivative, times ε, is alone in the imaginary part. So divide that by ε.
# Nothing is subtracted, so no digits are lost. And with ε = 1e-20 the error, of order ε², is far below the last digit.
# NumPy's tanh and its products accept complex numbers, so `loss_from` works as it is. Four lines are enough:


# %%
def complex_steps(t, ε=1e-20):
    nudges = 1j * ε * np.eye(H)
    losses = np.array([loss_from(t, hs[t] + n) for n in nudges])
    return losses.imag / ε


# %%
for k in (0, 1, 10, 20, 40, 60, 80, 100, 150, 200):
    t = T - k
    e = error(complex_steps(t), t)
    print(f"{k:3} steps back: |dh| = {norms[t]:.0e}, relative error of the complex step {e:.0e}")
    assert e < 1e-13

# %% [markdown]
# They agree to within 1e-13 at every distance, whether |dh| is 4 or 2e-21. Our dh was right all along, and now we know
# it.
#
# ## The library's check
#
# `rl.check_gradients` does this for every parameter, every input and every state, and one step at a time: dh[t-1] has
# to be what arrives from above and J[t]ᵀ dh[t], where the complex step gives J[t], the derivative of one step. If every
# step is right, so is the whole way back. The error is relative, entry by entry, and there is no absolute tolerance.
# Give it our dhs, so that it sees the gradient vanish.

# %%
report = rl.check_gradients(layer, xs, dhs=dhs)
print(report)
assert report.passed
assert report.worst("hs").error < 1e-12

# %% [markdown]
# There is one line for each array. A parameter is checked as a whole, xs and hs at each timestep separately: "slices"
# is how many separate checks that makes. The rest of the line describes the slice with the largest error: that error;
# the doubt, which is how far the oracle (what we compare with) may itself be wrong; the place; and the two values
# there.
#
# Difference quotients are available too, as a second opinion. They estimate their own error, and where it is too
# large to judge they say "inconclusive". Over 200 steps they lost the gradient. But here they have to know the
# derivative of one step alone, and one step does not vanish. What will they say about the last 100 steps of this run,
# started from h[100]?

# %%
report = rl.check_gradients(layer, xs[100:], hs[100], dhs=dhs[100:], oracle="finite_difference")
worst = report.worst("hs")
print(f"{report.verdict}: relative error {worst.error:.0e}, known to {worst.doubt:.0e}")
assert report.passed
assert worst.doubt < 1e-6

# %% [markdown]
# ## Break it
#
# A check that cannot fail proves nothing. So leave out the transpose, on purpose, in a net small enough to look at.
# (Running the library's `backward` with Uᵀ in the place of U turns its da Uᵀ into da U. All shapes are right.)


# %%
class Broken(rl.RNN):
    def backward(self, trace, dhs, *dends):
        transposed = rl.RNN(self.W, self.U.T.copy(), self.b, self.activation)
        return transposed.backward(trace, dhs, *dends)


broken = Broken.init(rng, inputs=2, hidden=3)
try:
    rl.check_gradients(broken, rng.standard_normal((6, 1, 2)))
    message = "no mistake found"
except rl.GradientError as error_found:
    message = str(error_found)
print(message)
assert "hs is wrong first at timestep 5" in message

# %% [markdown]
# Read the message from the top. It names the worst entry and both values. Then it says where to look. The sequence
# has 6 steps. dh[6] is right, because it only arrives from above; dh[5] is the first that was carried back, and the
# first that is wrong. So the mistake is in the carry, the line with U. The table shows that nothing else is wrong: dx,
# dW, dU and db are right for the dh that they were given, though that dh is not.
#
# ## What you have
#
# Backpropagation through time in a dozen lines, the pair of lines that makes the gradient vanish, and a check that
# works even where it has vanished. Next: why it vanishes, and what can be done about it, in
# `03_why_gradients_vanish.py`.
