# %% [markdown]
# # 3. Check what has vanished
#
# In the second tutorial you wrote backpropagation through time, and its gradient fell to 1.7e-21. Is that number
# right, or is it rounding noise? Here you try the usual check and see it go blind. Then you build two checks that work:
# the complex step, and the difference quotient taken one step at a time.
#
# The letters are those of the earlier tutorials: T steps, B sequences, D inputs, H units; x, a, h; W, U, b; and dz for
# the total derivative dL/dz. New is ε, the size of a nudge.

# %%
import tempfile
from pathlib import Path

import numpy as np

import rnnlab as rl
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.process import check_file

# %% [markdown]
# ## The net and its gradient
#
# The net of the second tutorial: 200 steps, one sequence, 20 units, U orthogonal. The loss is the sum of the last
# state. We take the library's gradient, which was the same as that of our own `backward`.

# %%
T, B, D, H = 200, 1, 2, 20
rng = np.random.default_rng(0)
layer = rl.RNN.init(rng, inputs=D, hidden=H, activation="tanh")
W, U, b = layer.W, layer.U, layer.b
xs = rng.standard_normal((T, B, D))

dhs = np.zeros((T, B, H))
dhs[-1] = 1  # the loss is the sum of the last state
trace = layer.forward(xs)
hs, dh = trace.hs, layer.backward(trace, dhs).hs
norms = np.linalg.norm(dh[:, 0], axis=1)
print(f"|dh[{T}]| = {norms[T]:.1e}   |dh[0]| = {norms[0]:.1e}")
assert norms[0] < 1e-20

# %% [markdown]
# ## The usual check
#
# Nudge one unit of h[t] by ±ε, run the net from there to the end, and divide the change of the loss by 2ε. This is the
# *difference quotient*. `quotients` takes it for all 20 units at once: a batch of 20 runs, with unit k nudged in row k.


# %%
def losses_from(t, h):
    for x in xs[t:]:
        h = np.tanh(x @ W + h @ U + b)
    return h.sum(axis=1)  # one for each row of h


def quotients(t, ε=1e-6):
    nudges = ε * np.eye(H)
    return (losses_from(t, hs[t] + nudges) - losses_from(t, hs[t] - nudges)) / (2 * ε)


# %% [markdown]
# We compare it with dh[t]. The error is the largest difference, relative to the largest entry of dh[t]. One step back
# from the loss it is below 1e-8. And further back?


# %%
def error(estimate, t, dh=dh):
    return np.abs(estimate - dh[t, 0]).max() / np.abs(dh[t]).max()


for k in (0, 1, 10, 20, 40, 60, 80, 100, 150, 200):
    t = T - k
    print(f"{k:3} steps back: |dh| = {norms[t]:.0e}, relative error of the quotient {error(quotients(t), t):.0e}")
assert error(quotients(T - 1), T - 1) < 1e-8
assert error(quotients(T - 150), T - 150) >= 1
assert error(quotients(0), 0) >= 1

# %% [markdown]
# The error grows as the gradient shrinks. Near |dh| = 1e-15 the quotient is wrong by 100 % or more, and at h[0] it is
# nowhere near dh[0].
#
# ## Why it goes blind
#
# Our dh is not to blame. The quotient subtracts two losses that are almost equal. The loss is near -2.254, and
# floating-point numbers of that size are 4.4e-16 apart. So the difference is either 0 or at least that much. Divided by
# 2ε it is either 0 or at least 2.2e-10. No smaller gradient can come out.

# %%
L = losses_from(T, hs[T])[0]
gap = np.spacing(abs(L))
print(f"L = {L:.3f}; the next number is {gap:.1e} away; quotients come in steps of {gap / 2e-6:.1e}")
print("quotients at h[0]:", np.unique(np.abs(quotients(0))))
assert np.abs(quotients(0)[quotients(0) != 0]).min(initial=1) > 0.99 * gap / 2e-6

# %% [markdown]
# Would another ε help? A larger one divides the same roundoff by more. But no entry of dh[0] is larger than 8e-22. Even
# with ε = 1, as large as a state can be, the two losses would differ by about twice that, far less than the 4.4e-16
# between neighbouring numbers. None of these ε brings the error at h[0] under 100 %.

# %%
for ε in (1.0, 1e-2, 1e-4, 1e-8):
    print(f"ε = {ε:.0e}: relative error {error(quotients(0, ε), 0):.0e}")
    assert error(quotients(0, ε), 0) >= 1
print(f"largest entry of dh[0]: {np.abs(dh[0]).max():.0e}")

# %% [markdown]
# It is tempting to say: the gradient is tiny there, so allow a small absolute error. `np.allclose` does that, with an
# absolute tolerance of 1e-8. Suppose a backward returned zeros everywhere. At how many of the 201 states would
# `np.allclose` accept them?


# %%
def fooled(tolerance=1e-8):
    return sum(np.allclose(np.zeros(H), dh[t], atol=tolerance) for t in range(T + 1))


print(f"np.allclose accepts zeros as the gradient at {fooled()} of {T + 1} states")
assert fooled() == 121

# %% [markdown]
# At 121 of them. Whoever studies vanishing gradients needs a check that is *relative*, and an estimate that is right to
# many digits even where the gradient is tiny.
#
# ## The complex step
#
# Nudge h[t] by iε instead, an imaginary number. Taylor's series of a smooth function f says
#
#     f(x + iε) = f(x) + iε f'(x) - ε² f''(x)/2 - …
#
# The value f(x) is in the real part, and ε f'(x) is alone in the imaginary part. So take the imaginary part and divide
# it by ε. Nothing is subtracted, so no digits are lost, and ε can be tiny: with 1e-20 the error, of order ε², is far
# below the last digit. NumPy's tanh and its products accept complex numbers, so `losses_from` works as it is.


# %%
def complex_steps(t, ε=1e-20):
    nudges = 1j * ε * np.eye(H)
    return losses_from(t, hs[t] + nudges).imag / ε


# %%
for k in (0, 1, 10, 20, 40, 60, 80, 100, 150, 200):
    t = T - k
    e = error(complex_steps(t), t)
    print(f"{k:3} steps back: |dh| = {norms[t]:.0e}, relative error of the complex step {e:.0e}")
    assert e < 1e-13

# %% [markdown]
# They agree to within 1e-13 at every distance, whether |dh| is 4 or 1.7e-21. The gradient was right all along, and now
# we know it.
#
# ## One step at a time
#
# Is the difference quotient useless, then? Only over the whole run. Its trouble is that it looks for 1.7e-21 in a loss
# of -2.254. But one step alone changes little: Uᵀ keeps the length here, and the slope takes away a fifth. So check
# only the step from dh[t] to dh[t-1]:
#
#     dh[t-1][k] = Σ_j dh[t][j] · (how much h[t][j] changes when h[t-1][k] is nudged)
#
# The factor in brackets is the derivative of one step, a matrix with row j and column k: the *Jacobian* J[t].
# Its entries are of ordinary size, so a quotient can measure it. Take J[t] from the quotient and dh[t] as it is. Does
# the product give dh[t-1]?


# %%
def one_step(t, h):
    return np.tanh(xs[t - 1] @ W + h @ U + b)


def carried_back(t, dh, ε=1e-5):
    nudges = ε * np.eye(H)  # row k nudges unit k; the rows are one batch
    changes = (one_step(t, hs[t - 1] + nudges) - one_step(t, hs[t - 1] - nudges)) / (2 * ε)  # J[t]ᵀ
    return changes @ dh[t, 0]  # entry k: Σ_j dh[t][j] · changes[k, j]


# %%
errors = [error(carried_back(t, dh), t - 1) for t in range(1, T + 1)]
print(f"difference quotient, one step at a time: worst of {T} steps {max(errors):.0e}")
print(f"over the whole run, at h[0]: {error(quotients(0), 0):.0e}; the complex step: {error(complex_steps(0), 0):.0e}")
assert max(errors) < 1e-9

# %% [markdown]
# The same quotient that was hopeless over the whole run is right to within 1e-9 at every one of the 200 steps. And that
# is enough: dh[T] is what arrives from above. If it is right, and every step from dh[t] to dh[t-1] is right, then every
# dh[t] is right, however small.
#
# ## The library's check
#
# `rl.check_gradients` goes one step at a time too, and takes the derivatives of a step from the complex step. It does
# so for every parameter, every input and every state. Give it our dhs, so that it sees the gradient vanish.

# %%
report = rl.check_gradients(layer, xs, dhs=dhs)
print(report)
assert report.passed
assert report.worst("hs").error < 1e-12

# %% [markdown]
# There is one line for each array. A parameter is checked as a whole; xs and hs are checked at each timestep, so that
# "slices" says 200 and 201. `trace.hs` checks the forward pass: is each state what one step makes of the state before?
# The last line takes the first three steps as a whole, for a second opinion. The rest of a line describes its worst
# slice:
#
# - worst error: the difference between backward and oracle (what it is compared with), relative to their size;
# - doubt: how far the oracle itself may be wrong, 0 for the complex step;
# - where: the entry that is furthest off, and both values there.
#
# Quotients are available as well, for layers that cannot compute with complex numbers. Their doubt is larger, but below
# 1e-6, because here too they measure one step alone.

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
# Read the message from the top. It names the worst entry and both values. Then it says where to look. The sequence has
# 6 steps. dh[6] is right, because it only arrives from above; dh[5] is the first that was carried back, and the first
# that is wrong. So the mistake is in the carry, the line with U. In the table W, U, b and xs pass: given each dh, they
# are computed correctly.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *The absolute tolerance.* How small must it be before `np.allclose` is no longer fooled?

# %% knob
tolerance = 1e-8  # try 1e-12 and 0.0
print(f"zeros pass at {fooled(tolerance)} of {T + 1} states")

# %% [markdown]
# What you should see: only an absolute tolerance of 0 fools nobody. (The relative one, which np.allclose adds, is no
# problem here: zeros are wrong by 100 %.)
#
#     tolerance = 1e-8   →  zeros pass at 121 of 201 states
#     tolerance = 1e-12  →  zeros pass at 84 of 201 states
#     tolerance = 0.0    →  zeros pass at 0 of 201 states
#
# *The size of the complex step.* Can it be too large? Too small?

# %% knob
ε = 1e-20  # try 1e-3, 1e-200 and 1e-307
e = error(complex_steps(0, ε), 0)
print(f"at h[0]: error {e:.0e},", "right to 1e-13" if e < 1e-13 else "wrong by more than 1e-13")

# %% [markdown]
# What you should see: its error is of order ε², so that 1e-3 is too large. And the computer's numbers end near ten to
# the power of -308: ε = 1e-307 can be held, but ε times the gradient cannot.
#
#     ε = 1e-3    →  wrong by more than 1e-13
#     ε = 1e-20   →  right to 1e-13
#     ε = 1e-200  →  right to 1e-13
#     ε = 1e-307  →  wrong by more than 1e-13
#
# ## Exercises
#
# **Exercise 1.** Suppose a mistake doubles the gradient at a single step: dh[99] is twice what it should be, and so is
# all that is computed from it. At how many states does the complex step over the whole run report an error? And one
# step at a time?
#
# **Exercise 2.** Let the loss be Σ |h[T]|, the sum of absolute values, written with `np.abs`. What does the complex
# step give? How should the loss be written?
#
# The answers follow.

# %% answer
doubled = dh.copy()
doubled[:100] *= 2  # a gradient is linear: all that comes from a doubled one is doubled
run_wrong = [t for t in range(T) if error(complex_steps(t), t, doubled) > 1e-6]
step_wrong = [t - 1 for t in range(1, T + 1) if error(carried_back(t, doubled), t - 1, doubled) > 1e-6]
print(f"whole run: wrong at {len(run_wrong)} states, {run_wrong[0]} to {run_wrong[-1]}")
print(f"one step at a time: wrong at {step_wrong}")
assert run_wrong == list(range(100))
assert step_wrong == [99]

# %% [markdown]
# *Answer 1.* At 100 states, and at one. The steps before dh[99] are right, given what they were given. So the check one
# step at a time also says where the mistake is.

# %% answer
last = one_step(T, hs[T - 1] + 1j * 1e-20 * np.eye(H))  # row k: h[T], when unit k of h[T-1] is nudged
with_abs = np.abs(last).sum(axis=1).imag / 1e-20
with_sign = (last * np.sign(last.real)).sum(axis=1).imag / 1e-20
expected = (np.sign(hs[T]) * (1 - hs[T] ** 2)) @ U.T
print("np.abs:", np.unique(with_abs), f"  h · sign(real part): apart by {np.abs(with_sign - expected).max():.0e}")
assert not with_abs.any()
assert np.abs(with_sign - expected).max() < 1e-14

# %% [markdown]
# *Answer 2.* Exactly 0, for every unit. `np.abs` of a complex number is its length, a real number: the imaginary part,
# and the derivative in it, is gone. Write h · sign(real part of h) instead. The same goes for `np.linalg.norm`, and for
# comparisons: compare real parts.
#
# ## A backward of your own
#
# All of this is a command: `rnnlab check --template rnn > mine.py` writes the exercise of tutorial 2, and
# `rnnlab check mine.py` checks what you filled in, one step at a time. Here is what it says of the best-known mistake,
# a carry without the transpose:

# %%
with tempfile.TemporaryDirectory() as folder:
    mine = Path(folder, "mine.py")
    mine.write_text(EXERCISES["rnn"].solution.replace("da @ U.T", "da @ U"), encoding="utf-8")
    answer = check_file(mine)  # what the command runs
print(answer.sentence, *answer.diagnosis, sep="\n")
assert answer.status == 1
assert "da U instead of da Uᵀ" in answer.advice

# %% [markdown]
# It names the mistake, and the line. How many mistakes it finds, and other checkers: [CHECKERS.md](CHECKERS.md).
#
# ## What you have
#
# A gradient of 1.7e-21, known to 13 digits. Next: why it is so small, in `04_why_gradients_vanish.py`.
#
# **To remember:** a difference quotient cannot see a gradient that has vanished, but one step never vanishes, so check
# one step at a time, and relative to its size.
