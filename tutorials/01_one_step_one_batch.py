# %% [markdown]
# # 1. One step, one batch
#
# A recurrent net reads a sequence one step at a time. What it remembers is its *state*: a few numbers, updated at every
# step. Here you build such a net by hand, first for one step of one sequence, then for many sequences side by
# side, then for all steps. At the end you derive the gradient of a single step, and check it.
#
# You need the chain rule and NumPy arrays, but nothing about recurrent nets.
#
# Run the cells one by one, from the top. Where the text asks a question, answer it before you run the next cell.

# %%
import timeit

import numpy as np

import rnnlab as rl

# %% [markdown]
# ## The letters
#
# The same few letters are used in the equations, in the code and in the library. First the sizes.
#
#     T  steps in a sequence          B  sequences in a batch, read side by side
#     D  numbers in one input         H  numbers in the state, one for each unit
#
# Then the arrays. For one step of one sequence:
#
#     x  (D,)    the input                        h_prev  (H,)  the state before the step
#     W  (D, H)  weights from input to state      h       (H,)  the state after the step
#     U  (H, H)  weights from state to state      a       (H,)  the pre-activation, on the way to h
#     b  (H,)    the bias
#
# W, U and b are the *parameters*: the same at every step. The four sizes below are all different, so that mixing up two
# axes raises an error.

# %%
T, B, D, H = 5, 4, 2, 3
rng = np.random.default_rng(0)
W = rng.uniform(-1, 1, (D, H))
U = rng.uniform(-1, 1, (H, H))
b = rng.uniform(-1, 1, H)
print("W", W.shape, " U", U.shape, " b", b.shape)
assert len({T, B, D, H}) == 4

# %% [markdown]
# ## One step, number by number
#
# Each unit computes a weighted sum of its inputs and applies an *activation* to it, here tanh:
#
#     a[j] = Σ_i x[i] W[i, j]  +  Σ_k h_prev[k] U[k, j]  +  b[j]
#     h[j] = tanh(a[j])
#
# So W[i, j] connects input i to unit j, and U[k, j] connects unit k, one step ago, to unit j. Read the loops
# beside the equation. tanh lies strictly between -1 and 1, and so must every h[j].


# %%
def step_by_numbers(x, h_prev):
    h = np.empty(H)
    for j in range(H):
        a = b[j]
        for i in range(D):
            a += x[i] * W[i, j]
        for k in range(H):
            a += h_prev[k] * U[k, j]
        h[j] = np.tanh(a)
    return h


# %%
x, h_prev = rng.standard_normal(D), rng.uniform(-1, 1, H)
h = step_by_numbers(x, h_prev)
print("h =", h)
assert (np.abs(h) < 1).all()

# %% [markdown]
# ## The same step as row vectors
#
# The two sums are matrix products. With x and h_prev as row vectors on the left:
#
#     a = x W + h_prev U + b
#     h = tanh(a)
#
# (Many books write column vectors, W x. It is the same net with its matrices transposed. This library uses row vectors
# throughout, because a batch will be a stack of rows.)
#
# The two results agree to within 1e-15, which is roundoff. They need not agree to the last bit: a matrix product may
# add its terms in another order.

# %%
h_rows = np.tanh(x @ W + h_prev @ U + b)
print("apart by", np.abs(h_rows - h).max())
assert np.abs(h_rows - h).max() < 1e-15

# %% [markdown]
# ## A batch
#
# Now B sequences at once. Stack their inputs as the rows of x (B, D) and their states as the rows of h_prev (B, H).
# Each row of the result should be what the loops give for that sequence alone, to within 1e-15. What has to change in
# the line above?

# %%
x, h_prev = rng.standard_normal((B, D)), rng.uniform(-1, 1, (B, H))
h = np.tanh(x @ W + h_prev @ U + b)
alone = np.array([step_by_numbers(x[r], h_prev[r]) for r in range(B)])
print("x", x.shape, " h", h.shape, " apart by", np.abs(h - alone).max())
assert np.abs(h - alone).max() < 1e-15

# %% [markdown]
# Nothing. Row r of `x @ W` uses row r of x and no other, and b is added to every row.
#
# So the sequences of a batch should not affect each other, and they can be computed side by side. Test it: change the
# first sequence by a lot. Does any other sequence change, even in a single bit?

# %%
x_changed = x.copy()
x_changed[0] += 100
h_changed = np.tanh(x_changed @ W + h_prev @ U + b)
print("changed:", (h_changed != h).any(axis=1))
assert np.array_equal(h_changed[1:], h[1:])
assert (h_changed[0] != h[0]).any()

# %% [markdown]
# Only the first did.
#
# ## All steps: time comes first
#
# All inputs of all sequences go into one array, xs (T, B, D). T is the first axis because the net goes through time
# step by step. With time first, `xs[i]` is one step of the whole batch, and contiguous in memory. With the batch first,
# the same step is `[:, i]`, and its numbers lie in B different places.

# %%
xs = rng.standard_normal((T, B, D))
batch_first = xs.transpose(1, 0, 2).copy()  # (B, T, D)
print("one step, time first:  contiguous =", xs[0].flags.c_contiguous)
print("one step, batch first: contiguous =", batch_first[:, 0].flags.c_contiguous)
assert xs[0].flags.c_contiguous
assert not batch_first[:, 0].flags.c_contiguous

# %% [markdown]
# The states go into one array too. It has T + 1 entries, one more than there are steps, because it also holds h[0], the
# state before the first step, which is 0 unless you say otherwise.
#
#     h[t] = tanh(x[t] W + h[t-1] U + b)        t = 1 … T
#
# Steps are counted from 1 and Python counts from 0, so x[t] is `xs[t - 1]`, while h[t] is simply `hs[t]`.
# Thanks to hs[0], the first step needs no special case. Here is the whole net:


# %%
def forward(xs):
    hs = np.zeros((len(xs) + 1, len(xs[0]), H))
    for t in range(1, len(xs) + 1):
        hs[t] = np.tanh(xs[t - 1] @ W + hs[t - 1] @ U + b)
    return hs


# %%
hs = forward(xs)
print("hs", hs.shape)
print("the first sequence's state, from h[0] to h[T]:")
print(hs[:, 0])
assert hs.shape == (T + 1, B, H)

# %% [markdown]
# The library's `rl.RNN` is this net. Its `forward` returns a *trace*, the record of a run, which holds xs and hs.
# Our states and the library's agree to within 1e-15.

# %%
layer = rl.RNN(W, U, b, "tanh")
trace = layer.forward(xs)
print(layer)
print(trace)
print("apart by", np.abs(trace.hs - hs).max())
assert np.abs(trace.hs - hs).max() < 1e-15

# %% [markdown]
# ## What must wait, and what need not
#
# Look at the three terms of x[t] W + h[t-1] U + b. Which of them must wait for the step before? Change one input and
# see which states change: try the first input, then the last.

# %%
first, last = xs.copy(), xs.copy()
first[0] += 0.1
last[-1] += 0.1
reached_by_first = (forward(first) != hs).any(axis=(1, 2))
reached_by_last = (forward(last) != hs).any(axis=(1, 2))
print("the first input reaches h[0] … h[T]:", reached_by_first)
print("the last input reaches  h[0] … h[T]:", reached_by_last)
assert reached_by_first.tolist() == [False] + [True] * T
assert reached_by_last.tolist() == [False] * T + [True]

# %% [markdown]
# The first input reaches every state after it, the last input only the last state. Only h[t-1] U carries a change on to
# the next step, so it is the only term that has to wait.
#
# The term x[t] W + b waits for nothing. It can be computed for all steps before the first step is taken. The T·B input
# rows are stacked into one matrix of T·B rows and multiplied by W once. What is left for each step is h[t-1] U:
#
#     1. project   x[t] W + b      all steps at once, one matrix product
#     2. recur     + h[t-1] U      one step after the other
#
# The result is the same, to within 1e-15.

# %%
staged = np.zeros((T + 1, B, H))
staged[1:] = (xs.reshape(T * B, D) @ W + b).reshape(T, B, H)  # 1. project
for t in range(1, T + 1):  # 2. recur
    staged[t] = np.tanh(staged[t] + staged[t - 1] @ U)
print("apart by", np.abs(staged - hs).max())
assert np.abs(staged - hs).max() < 1e-15

# %% [markdown]
# There is a third stage. It belongs to the backward pass, which comes below. There, every step t yields an array da[t]
# (B, H), and the gradient of W is the sum of x[t]ᵀ da[t] over all steps. This sum waits for nothing either, once every
# da[t] is known:
#
#     3. collect   Σ_t x[t]ᵀ da[t]   all steps at once, one matrix product
#
# We do not have da yet, so here it is random: the T products added up, and the single product. They agree to within
# 1e-14.

# %%
das = rng.standard_normal((T, B, H))
one_by_one = sum(xs[i].T @ das[i] for i in range(T))
at_once = xs.reshape(T * B, D).T @ das.reshape(T * B, H)
print("apart by", np.abs(at_once - one_by_one).max())
assert np.abs(at_once - one_by_one).max() < 1e-14

# %% [markdown]
# ## What can be done in parallel
#
# Imagine as many processors as you like, and count in rounds. What needs no other result is computed in round 1.
# Everything else is computed in the round after the last result that it needs. How many rounds does each stage take?
# Take a net of a more usual size, with D = H.

# %%
steps, batch, inputs, hidden = 200, 16, 64, 64
project, recur = steps * batch * inputs * hidden, steps * batch * hidden * hidden
projected = [1] * steps  # x[t] W + b needs the inputs alone: ready in round 1, at every t
carried = [1]  # so is h[0] U
for _ in range(1, steps):
    carried.append(carried[-1] + 1)  # h[t] U needs h[t], and h[t] needs h[t-1] U
print(f"project: {project:,} multiplications, {max(projected):3} round")
print(f"recur:   {recur:,} multiplications, {max(carried)} rounds")
assert project == recur
assert (max(projected), max(carried)) == (1, 200)

# %% [markdown]
# The work is the same, T·B·D·H multiplications and T·B·H·H. The waiting is not: stage 2 can be spread over the
# sequences of the batch, but not over the steps. (Not with tanh in between. Without it the recurrence is linear, and
# there are ways: tutorial 11.)
#
# How much time does this save? That depends on your machine, so measure it. What do you expect: how many times faster
# is one product for all steps than one for each step? And a batch than one sequence after the other? (The ratios differ
# from run to run. Nothing below depends on them.)

# %%
big = rl.RNN.init(rng, inputs=inputs, hidden=hidden)
big_xs = rng.standard_normal((steps, batch, inputs))


def seconds(work):
    return min(timeit.repeat(work, number=1, repeat=5))


by_step = seconds(lambda: [x @ big.W for x in big_xs])
at_once = seconds(lambda: big_xs.reshape(-1, inputs) @ big.W)
alone = seconds(lambda: [big.forward(big_xs[:, [r]]) for r in range(batch)])
together = seconds(lambda: big.forward(big_xs))
print(f"project: all steps at once is {by_step / at_once:.1f} times faster than step by step")
print(f"forward: a batch of {batch} is {alone / together:.1f} times faster than one after the other")

# %% [markdown]
# So, what can be parallelised in a recurrent net?
#
# - *Across time*: stages 1 and 3. Not stage 2.
# - *Across the batch*: everything, as you have just seen.
# - *Across copies of the net* (data parallelism): each worker takes a part of the batch. The states are the same, to
#   within 1e-15. The gradients of the parts are added up (below), or averaged, if the loss is a mean (exercise 2).
# - *Across different nets* (an ensemble): several nets are trained side by side and their predictions averaged. They
#   share nothing, so none of them waits for another.

# %%
halves = [layer.forward(xs[:, :2]).hs, layer.forward(xs[:, 2:]).hs]  # as two workers would
apart = np.abs(np.concatenate(halves, axis=1) - hs).max()
print("two halves of the batch against the whole: apart by", apart)
assert apart < 1e-15

# %% [markdown]
# ## Activations and their slopes
#
# The gradient needs the slope of the activation, φ'(a): how much h changes when a changes. For the three activations
# that matter most here, it can be computed from the *output* h alone:
#
#     name       h = φ(a)              slope, from h
#     sigmoid    1 / (1 + exp(-a))     h (1 - h)
#     tanh       tanh(a)               1 - h²
#     relu       max(a, 0)             1 where h > 0, else 0
#
# That is why the trace keeps xs and hs, but not a. Check each slope by a *difference quotient*: move a by 1e-5 to
# either side, and divide the change of h by the change of a. It agrees to within 1e-9.

# %%
a = np.array([-2.0, -0.5, 0.5, 2.0])
nudge = 1e-5
for name in ("sigmoid", "tanh", "relu"):
    activation = rl.activations.get(name)
    h, right, left = a.copy(), a + nudge, a - nudge
    for array in (h, right, left):
        activation.apply(array)  # in place: array becomes φ(array)
    quotient = (right - left) / (2 * nudge)
    print(f"{name:8} h {h.round(3)}  slope {activation.slope(h).round(3)}")
    assert np.abs(activation.slope(h) - quotient).max() < 1e-9

# %% [markdown]
# How steep can they get? Sigmoid's slope is at most 1/4, tanh's at most 1. Both are steepest at a = 0 and flatten out
# on either side: at a = 6 the slope is less than a hundredth of its maximum, and the unit is called *saturated*. Keep
# the 1/4 in mind. It comes back in tutorial 4.

# %%
for name, steepest in (("sigmoid", 0.25), ("tanh", 1.0)):
    h = np.linspace(-6, 6, 1201)  # a, with a = 0 in the middle
    rl.activations.get(name).apply(h)  # now h
    slope = rl.activations.get(name).slope(h)
    print(f"{name:8} slope at a = 0: {slope[600]:.4f}   at a = 6: {slope[-1]:.4f}")
    assert slope.max() == slope[600] == steepest
    assert slope[-1] < steepest / 100

# %% [markdown]
# ## The gradient of one step
#
# A *loss* L is one number that says how wrong the net is. Write dz for dL/dz, for any array z: it has the shape of
# z, and says how L changes with each entry of z. Suppose dh is given. What are the others?
#
# First back through the activation φ, entry by entry (⊙ multiplies entry by entry):
#
#     da = dh ⊙ φ'(a)
#
# Why multiply by the slope? We go backwards through tanh; should we not *divide*, to undo it? No. We do not look for
# the a that belongs to an h. We ask what L does when a is nudged: h moves φ'(a) times as far, and L moves dh times as
# far as h. So the factors multiply. Take a saturated unit, a = 3, with L = h. Its slope is 0.0099. Dividing would give
# 101.4. Ask the quotient which it is.

# %%
nudge = 1e-5
slope = 1 - np.tanh(3.0) ** 2
quotient = (np.tanh(3.0 + nudge) - np.tanh(3.0 - nudge)) / (2 * nudge)
print(f"multiply: {slope:.4f}   divide: {1 / slope:.1f}   quotient: {quotient:.4f}")
assert abs(quotient - slope) < 1e-9

# %% [markdown]
# Multiply. A saturated unit hardly moves, whatever a does; so L hardly depends on its a.
#
# Then back through a = x W + h_prev U + b. In row r of the batch, h_prev[r, k] enters every a[r, j], with the factor
# U[k, j]. The chain rule adds up all of these contributions:
#
#     dh_prev[r, k] = Σ_j da[r, j] U[k, j]        that is   dh_prev = da Uᵀ
#
# And W[i, j] enters a[r, j] in every row r, with the factor x[r, i]:
#
#     dW[i, j] = Σ_r x[r, i] da[r, j]             that is   dW = xᵀ da
#
# You need not learn the transposes by heart: they follow from which index is summed. In the same way:
#
#     dx = da Wᵀ        dU = h_prevᵀ da        db = Σ_r da[r]
#
# In the code below, dh is random. So is h_prev: if it were 0, dU would be 0 too, and would hide a mistake.

# %%
x, h_prev = rng.standard_normal((B, D)), rng.uniform(-1, 1, (B, H))
dh = rng.standard_normal((B, H))

h = np.tanh(x @ W + h_prev @ U + b)
da = dh * (1 - h**2)
hand = {"W": x.T @ da, "U": h_prev.T @ da, "b": da.sum(axis=0), "x": da @ W.T, "h_prev": da @ U.T}
arrays = {"W": W, "U": U, "b": b, "x": x, "h_prev": h_prev}
for name, gradient in hand.items():
    print(f"d{name:7} {gradient.shape}")
    assert gradient.shape == arrays[name].shape

# %% [markdown]
# ## The check
#
# Never trust a gradient that you have not checked. Nudge one entry of one array by ±ε and see how the loss changes:
#
#     dL/dz ≈ (L(z + ε) - L(z - ε)) / 2ε
#
# As the loss we take L = Σ dh ⊙ h with a fixed dh, because then dL/dh is exactly dh.


# %%
def loss(W, U, b, x, h_prev):
    return np.sum(dh * np.tanh(x @ W + h_prev @ U + b))


def quotients(name, ε=1e-5):
    slopes = np.empty_like(arrays[name])
    for index in np.ndindex(slopes.shape):
        nudge = np.zeros_like(slopes)
        nudge[index] = ε
        up = loss(**{**arrays, name: arrays[name] + nudge})  # the same arrays, one of them nudged
        down = loss(**{**arrays, name: arrays[name] - nudge})
        slopes[index] = (up - down) / (2 * ε)
    return slopes


# %% [markdown]
# Every entry of every gradient agrees, to within 1e-9 of the largest entry of its array.

# %%
for name, gradient in hand.items():
    error = np.abs(quotients(name) - gradient).max() / np.abs(gradient).max()
    print(f"d{name:7} relative error {error:.0e}")
    assert error < 1e-9

# %% [markdown]
# Can this check fail? U is square, so `da @ U` without the transpose has the right shape, and NumPy raises no error.
# The check finds it.

# %%
wrong = da @ U
error = np.abs(quotients("h_prev") - wrong).max() / np.abs(wrong).max()
print(f"without the transpose: shape {wrong.shape}, relative error {error:.2f}")
assert wrong.shape == hand["h_prev"].shape
assert error > 0.1

# %% [markdown]
# The library's `backward` gives the same five arrays for a sequence of one step, to within 1e-14. It takes the trace
# and the dh of every step. Each gradient has the name and the shape of what it belongs to: `grads.params.U` is dU,
# `grads.h0` is dh_prev. The library's own check, `rl.check_gradients`, passes as well.

# %%
trace = layer.forward(x[None], h_prev)  # [None] makes it a sequence: (1, B, D)
grads = layer.backward(trace, dh[None])
theirs = {**grads.params.arrays(), "x": grads.xs[0], "h_prev": grads.h0}
for name, gradient in hand.items():
    print(f"d{name:7} apart by {np.abs(theirs[name] - gradient).max():.0e}")
    assert np.abs(theirs[name] - gradient).max() < 1e-14
report = rl.check_gradients(layer, x[None], h_prev)
print("check:", report.verdict)
assert report.passed

# %% [markdown]
# And, as promised for data parallelism: the gradient of the whole batch is the sum of the gradients of its halves, to
# within 1e-14.

# %%
both = x[:2].T @ da[:2] + x[2:].T @ da[2:]
print("dW, halves added, against the whole: apart by", np.abs(both - hand["W"]).max())
assert np.abs(both - hand["W"]).max() < 1e-14

# %% [markdown]
# ## Knobs to turn
#
# A knob is a cell whose first line you change. Guess what it will print, then run it. What you should see stands below.
#
# *Which input is nudged?* Here it is the input of one step, in the first sequence alone.

# %% knob
step = 3  # try 1 and 5
nudged = xs.copy()
nudged[step - 1, 0] += 0.1
reached = (forward(nudged) != hs).any(axis=2)
print("h[1] … h[T] of the first sequence:", *reached[1:, 0])
assert not reached[:, 1:].any()

# %% [markdown]
# What you should see: the states from that step on change, and no other sequence's.
#
#     step = 1  →  True True True True True
#     step = 3  →  False False True True True
#     step = 5  →  False False False False True
#
# *How small a nudge?* Is smaller always better?

# %% knob
ε = 1e-5  # try 1e-1 and 1e-13
error = max(np.abs(quotients(name, ε) - gradient).max() / np.abs(gradient).max() for name, gradient in hand.items())
print(f"error {error:.0e}:", "right to 1e-9" if error < 1e-9 else "wrong by more than 1e-5")
assert error < 1e-9 or error > 1e-5

# %% [markdown]
# What you should see: a large nudge measures the slope over too wide a stretch. A tiny one subtracts two losses that
# agree in almost all of their digits, and what is left is rounding. (That becomes the subject of tutorial 3.)
#
#     ε = 1e-1   →  wrong by more than 1e-5
#     ε = 1e-5   →  right to 1e-9
#     ε = 1e-13  →  wrong by more than 1e-5
#
# ## Exercises
#
# **Exercise 1.** The softsign, h = a / (1 + |a|), also lies between -1 and 1. Write its slope from the output h alone.
#
# **Exercise 2.** Let the loss be the *mean* over the batch of Σ dh ⊙ h, not the sum. Two workers compute the gradient
# of W on half of the batch each, with the mean over their own half. How do you combine them? And if the halves are not
# equal, one sequence and three?
#
# The answers follow.

# %% [markdown]
# *Answer 1.* The slope is 1 / (1 + |a|)². Since 1 - |h| = 1 / (1 + |a|), it is (1 - |h|)².

# %% answer
a = np.array([-2.0, -0.5, 0.5, 2.0])
h = a / (1 + np.abs(a))
quotient = ((a + nudge) / (1 + np.abs(a + nudge)) - (a - nudge) / (1 + np.abs(a - nudge))) / (2 * nudge)
print("slope from h:", ((1 - np.abs(h)) ** 2).round(4), " quotient:", quotient.round(4))
assert np.abs((1 - np.abs(h)) ** 2 - quotient).max() < 1e-9

# %% [markdown]
# *Answer 2.* With equal halves the gradients are averaged. In general each counts as many times as it has sequences:
# with one and three, the weights are 1/4 and 3/4.


# %% answer
def mean_gradient(rows):
    return x[rows].T @ da[rows] / len(rows)


whole = mean_gradient([0, 1, 2, 3])
equal = (mean_gradient([0, 1]) + mean_gradient([2, 3])) / 2
weighted = mean_gradient([0]) / 4 + mean_gradient([1, 2, 3]) * 3 / 4
plain = (mean_gradient([0]) + mean_gradient([1, 2, 3])) / 2
for name, combined in {"equal halves": equal, "1 and 3, weighted": weighted, "1 and 3, plain": plain}.items():
    print(f"{name:18} apart by {np.abs(combined - whole).max():.0e}")
assert max(np.abs(equal - whole).max(), np.abs(weighted - whole).max()) < 1e-14
assert np.abs(plain - whole).max() > 0.1

# %% [markdown]
# ## What you have
#
# One line for a step, the same line for a batch, a loop for a sequence, and a few short products for the gradient of
# one step. Two of them, da = dh ⊙ φ'(a) and dh_prev = da Uᵀ, carry the gradient from h[t] to h[t-1]. In
# `02_through_time_by_hand.py` you use them T times in a row, and see what becomes of the gradient.
#
# **To remember:** only the term h[t-1] U has to wait for the step before, and all else can be computed for all steps at
# once.
