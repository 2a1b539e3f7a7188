# %% [markdown]
# # 2. Through time by hand
#
# In the first tutorial the gradient went back through one step. Now it goes back through all of them:
# *backpropagation through time*. You derive it, write it in a dozen lines, and find the line in which the gradient
# vanishes. Then you check it, and see why the usual check is blind exactly where it matters here.
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
# Begin with the smallest case: one unit, three steps, no input and no bias. The single recurrent weight is u, and the
# loss is the last state, L = h[3].
#
#     h[t] = tanh(u h[t-1])
#
# The state h[0] reaches L by one road only, through h[1], h[2] and h[3]. Each stretch of the road multiplies by its
# own derivative, which is the slope times the weight:
#
#     dh[0] = (1 - h[3]²) u · (1 - h[2]²) u · (1 - h[1]²) u
#
# With u = 0.8 the weights alone give u³ = 0.512. Slopes of tanh are at most 1. So, what do you expect for dh[0]: more
# than 0.512, or less? Compare it with a difference quotient; the two agree to within 1e-9.


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
# Now H units, and a loss that looks at the last state alone. Still every earlier state matters: move h[t] a little,
# and h[t+1] moves, then h[t+2], and so on up to h[T] and L. By dh[t] we mean the *total* derivative: it counts all of
# that. (The partial derivative would count only what L reads from h[t] directly. Before the last step, that is
# nothing.)
#
# It is found from the end. The loss itself gives dh[T]. Suppose dh[t] is known, and recall how h[t] came about:
#
#     a[t] = x[t] W + h[t-1] U + b
#     h[t] = φ(a[t])
#
# The only road from h[t-1] to L leads through a[t], and back along it goes the step of the first tutorial:
#
#     da[t]   = dh[t] ⊙ φ'(a[t])
#     dh[t-1] = da[t] Uᵀ
#
# If L reads h[t-1] directly too, as it does with a loss at every step, then there are two roads, and they add up. So
# let dh[t-1] start as what *arrives from above*, directly from the loss, and add to it:
#
#     dh[t-1] = dh[t-1] + da[t] Uᵀ
#
# The parameters are used at every step, so each step contributes, and the contributions add up:
#
#     dW = Σ_t x[t]ᵀ da[t]      dU = Σ_t h[t-1]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ
#
# That is all of backpropagation through time. First a net to try it on: 200 steps, one sequence, 20 units, the
# library's default weights. Its states are computed by hand as before; the library's agree to within 1e-14.

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
# Now the derivation again, in the same letters. `dhs` (T, B, H) is what arrives from above at steps 1 … T. The sums
# over time are single products, as in the first tutorial's stage 3.


# %%
def backward(xs, hs, dhs):
    dh, da = np.zeros_like(hs), np.zeros_like(hs)
    dh[1:] = dhs  # what arrives from above
    for t in range(T, 0, -1):
        da[t] = dh[t] * (1 - hs[t] ** 2)
        dh[t - 1] += da[t] @ U.T  # ← the line where the gradient vanishes
    rows = da[1:].reshape(T * B, H)
    dW = xs.reshape(T * B, D).T @ rows
    dU = hs[:-1].reshape(T * B, H).T @ rows
    db = rows.sum(axis=0)
    dxs = da[1:] @ W.T
    return dh, da, {"W": dW, "U": dU, "b": db, "xs": dxs}


# %% [markdown]
# The loss is the sum of the last state, L = Σ h[T]. So 1 arrives from above at every unit of the last step, and 0
# at all others. The library's `backward` agrees at every one of the 201 states, to within 1e-13 of the largest entry
# *of that state's gradient*. That is a strict measure, and you will soon see why it has to be.

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
# Watch the norm |dh[t]|, the length of the row, on its way back. It starts at √20 = 4.472, since dh[T] holds 20 ones.
# U is orthogonal here: it turns a row, but keeps its length. What do you expect, 200 steps back?

# %%
norms = np.linalg.norm(dh[:, 0], axis=1)
for k in (0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 150, 200):
    print(f"{k:3} steps back: |dh[{T - k}]| = {norms[T - k]:.3e}")
assert norms[0] < 1e-20

# %% [markdown]
# Twenty-one orders of magnitude are gone. The loss of the last step cannot tell what happened at the first.
#
# The decay is steady, so one number describes it: the rate r in norm ∝ exp(-r k), in *nats* per step. The library
# measures it, and the half-life log 2 / r that belongs to it: 0.246 nats per step, half of it lost every 2.8 steps.

# %%
rate = rl.flow.decay_rate(norms)
print(f"{rate:.3f} nats per step; half is lost every {rl.flow.half_life(rate):.1f} steps")
assert abs(rate - 0.246) < 5e-4
assert np.abs(rl.flow.gradient_norms(layer, xs)[:, 0] / norms - 1).max() < 1e-13

# %% [markdown]
# Now look for the place. In our `backward` two lines are repeated T times, and no other line touches dh:
#
#     da[t] = dh[t] * (1 - hs[t] ** 2)
#     dh[t - 1] += da[t] @ U.T
#
# The second one carries the gradient from step to step. It is the line where the gradient vanishes: what it hands
# on is what the next step starts from. In the library it is this one, and there is only one:

# %%
lines, first = inspect.getsourcelines(rl.RNN.backward)
found = [(n, line.strip()) for n, line in enumerate(lines, first) if "da @ U_T" in line]
for n, line in found:
    print(f"rnnlab/layers/rnn.py, line {n}:\n    {line}")
assert len(found) == 1

# %% [markdown]
# The line multiplies by the slope (which is already in da) and by Uᵀ. Which of the two makes the gradient smaller?
# Measure both: |da| / |dh| for the slope, |da Uᵀ| / |da| for U. You know that U is orthogonal.

# %%
by_slope = np.linalg.norm(da[1:, 0], axis=1) / norms[1:]
by_matrix = norms[:-1] / np.linalg.norm(da[1:, 0], axis=1)
for k in range(4):
    print(f"{k} → {k + 1} steps back: slope × {by_slope[-1 - k]:.3f}, U × {by_matrix[-1 - k]:.3f}")
print(f"typical: slope × {np.exp(np.log(by_slope).mean()):.3f}, U × {np.exp(np.log(by_matrix).mean()):.3f}")
assert by_slope.max() < 1
assert 0.75 < np.exp(np.log(by_slope).mean()) < 0.8
assert np.abs(by_matrix - 1).max() < 1e-14

# %% [markdown]
# Here it is the slope alone. U keeps the length at every step, to within 1e-14, while the slope takes about a fifth
# each time. With other weights U takes its share, or gives: that is the third tutorial.
#
# And what does it matter? dW is a sum over steps. Ask how much of it comes from the first hundred of the 200
# steps.

# %%
early = xs[:100].reshape(-1, D).T @ da[1:101].reshape(-1, H)
share = np.linalg.norm(early) / np.linalg.norm(parameters["W"])
print(f"share of the first 100 steps in dW: {share:.0e}")
assert share < 1e-9

# %% [markdown]
# Less than a billionth. Whatever the net should have learned from the first half of its sequence, the gradient does
# not say.
#
# ## The check, and how it fails
#
# Is dh right? Nudge one unit of h[t], run on from there to the end, and divide. (`loss_from` starts at any step; the
# quotient is taken for all 20 units in turn.)


# %%
def loss_from(t, h):
    for x in xs[t:]:
        h = np.tanh(x @ W + h @ U + b)
    return h.sum()


def quotients(t, ε=1e-6):
    nudges = ε * np.eye(H)
    return np.array([loss_from(t, hs[t] + n) - loss_from(t, hs[t] - n) for n in nudges]) / (2 * ε)


# %% [markdown]
# The error is again relative to the largest entry of that state's gradient. Next to the loss the quotient is right to
# within 1e-8. What becomes of it further back?


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
# Where the gradient is 1e-15, the quotient is at least 100 % wrong, and mostly far more. Our dh is not to blame. Two
# losses are subtracted, and they are almost equal. The loss is near -2.254, and numbers of that size lie 4.4e-16
# apart. So the difference is 0, or it is at least that much; divided by 2ε it is 0, or at least 2.2e-10. Nothing in
# between can come out.

# %%
L = loss_from(T, hs[T])
gap = np.spacing(abs(L))
print(f"L = {L:.3f}; the next number is {gap:.1e} away; quotients come in steps of {gap / 2e-6:.1e}")
print("quotients at h[0]:", np.unique(np.abs(quotients(0))))
assert np.abs(quotients(0)[quotients(0) != 0]).min(initial=1) > 0.99 * gap / 2e-6

# %% [markdown]
# Would another ε help? A larger one divides the same noise by more. But even a step of 1, as large as a state can be,
# would have to show a difference of about 2e-21 in a number near -2.254. None of the steps below brings the error at
# h[0] under 100 %.

# %%
for ε in (1.0, 1e-2, 1e-4, 1e-8):
    print(f"ε = {ε:.0e}: relative error {error(quotients(0, ε), 0):.0e}")
    assert error(quotients(0, ε), 0) >= 1

# %% [markdown]
# It is tempting to say: the gradient is tiny there, so allow a small absolute error. `np.allclose` does that, with an
# absolute tolerance of 1e-8. Give it a backward that returns nothing but zeros. At how many of the 201 states does it
# find nothing wrong?

# %%
zeros = np.zeros(H)
fooled = sum(np.allclose(zeros, dh[t]) for t in range(T + 1))
print(f"np.allclose takes zeros for the gradient at {fooled} of {T + 1} states")
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
# The value stays in the real part; the derivative goes into the imaginary part, alone. Divide that by ε. No two
# losses are subtracted, so nothing is lost. And with ε = 1e-20 the error, of order ε², is far below the last digit.
# NumPy's tanh and its products accept complex numbers, so `loss_from` needs no change. Four lines do it:


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
# Equal but for the last bits: to within 1e-13 at every distance, whether |dh| is 4 or 2e-21. Our dh was right all
# along. Now we know.
#
# ## The library's check
#
# `rl.check_gradients` does this for every parameter, every input and every state. Its error is relative, for each
# timestep by itself, and it has no absolute tolerance. Give it our dhs, so that it sees the gradient vanish.

# %%
report = rl.check_gradients(layer, xs, dhs=dhs)
print(report)
assert report.passed
assert report.worst("hs").error < 1e-12

# %% [markdown]
# A line for each array. "slices" says how many parts were judged, each by itself: one for a parameter, one for each
# timestep of xs and hs. The rest of a line is about its worst slice: the error, the doubt (how far the oracle, the one
# we compare with, trusts itself), the place, and the two values there.
#
# Difference quotients are available too, as a second opinion. They estimate their own error, and where it is too
# large to judge they say so. What will they say about the last 100 steps of this run, started from h[100]?

# %%
report = rl.check_gradients(layer, xs[100:], hs[100], dhs=dhs[100:], oracle="finite_difference")
states = [finding for finding in report.findings if finding.array == "hs"]
undecided = [finding.timestep for finding in states if finding.verdict == "inconclusive"]
print(f"{report.verdict}: no verdict on {len(undecided)} of {len(states)} states")
assert report.verdict == "inconclusive"
assert not report.passed
assert 0 in undecided

# %% [markdown]
# "inconclusive" is not "passed", and not "failed". It is the honest answer.
#
# ## Break it
#
# A check that cannot fail proves nothing. So forget the transpose, on purpose, in a net small enough to look at.
# (Running the library's `backward` with Uᵀ in the place of U turns its da Uᵀ into da U. All shapes are right.)


# %%
class Broken(rl.RNN):
    def backward(self, trace, dhs):
        transposed = rl.RNN(self.W, self.U.T.copy(), self.b, self.activation)
        return transposed.backward(trace, dhs)


broken = Broken.init(rng, inputs=2, hidden=3)
try:
    rl.check_gradients(broken, rng.standard_normal((6, 1, 2)))
    message = "nothing was noticed"
except rl.GradientError as error_found:
    message = str(error_found)
print(message)
assert "hs is wrong first at timestep 5" in message

# %% [markdown]
# Read the message from the top. It names the worst entry and both values. Then it says where to look. The sequence
# has 6 steps. dh[6] is right, because it only arrives from above; dh[5] is the first to have been carried back, and
# the first to be wrong. So it is the carry, the line with U. The table shows the rest of the harm: everything that
# uses da is wrong as well.
#
# ## What you have
#
# Backpropagation through time in a dozen lines, the line where the gradient vanishes, and a check that sees it
# vanish. What remains is why, and what can be done about it: `03_why_gradients_vanish.py`.
