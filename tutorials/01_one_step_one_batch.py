# %% [markdown]
# # 1. One step, one batch
#
# A recurrent net reads a sequence one step at a time. What it has read so far it keeps in a *state*: a few numbers,
# rewritten at every step. Here you build such a net by hand, first for one step of one sequence, then for many
# sequences side by side, then for all steps. At the end stands the gradient of a single step, checked.
#
# You need the chain rule and NumPy arrays. You need to know nothing about recurrent nets.
#
# Run the cells one by one, from the top. Where the text asks a question, answer it before you run the next cell.

# %%
import timeit

import numpy as np

import rnnlab as rl

# %% [markdown]
# ## The letters
#
# A few letters return everywhere: in the equations, in the code, in the library. First the sizes.
#
#     T  steps in a sequence          B  sequences read side by side: a batch
#     D  numbers in one input         H  numbers in the state; each of them is a unit
#
# Then the arrays. For one step of one sequence:
#
#     x  (D,)    the input                        h_prev  (H,)  the state before the step
#     W  (D, H)  weights from input to state      h       (H,)  the state after the step
#     U  (H, H)  weights from state to state      a       (H,)  the pre-activation, on the way to h
#     b  (H,)    the bias
#
# W, U and b are the *parameters*: the same at every step. The four sizes below all differ, so that a mixed-up axis
# cannot hide.

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
# Each unit adds up what reaches it, and squeezes the sum with an *activation*, here tanh:
#
#     a[j] = Σ_i x[i] W[i, j]  +  Σ_k h_prev[k] U[k, j]  +  b[j]
#     h[j] = tanh(a[j])
#
# So W[i, j] leads from input i to unit j, and U[k, j] from unit k, one step ago, to unit j. Read the loops
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
# The two sums are matrix products. With x and h_prev as rows, they stand on the left:
#
#     a = x W + h_prev U + b
#     h = tanh(a)
#
# (Many books write columns, W x. It is the same net with its matrices transposed. This library writes rows
# throughout, because a batch will be a stack of rows.)
#
# The numbers agree to within 1e-15, which is roundoff. They need not agree to the last bit: a matrix product may
# add in another order.

# %%
h_rows = np.tanh(x @ W + h_prev @ U + b)
print("apart by", np.abs(h_rows - h).max())
assert np.abs(h_rows - h).max() < 1e-15

# %% [markdown]
# ## A batch
#
# Now B sequences at once. Stack their inputs as the rows of x (B, D) and their states as the rows of h_prev (B, H).
# Each row of the result should be what the loops give for that sequence alone, to within 1e-15. What do you have to
# change in the line above?

# %%
x, h_prev = rng.standard_normal((B, D)), rng.uniform(-1, 1, (B, H))
h = np.tanh(x @ W + h_prev @ U + b)
alone = np.array([step_by_numbers(x[r], h_prev[r]) for r in range(B)])
print("x", x.shape, " h", h.shape, " apart by", np.abs(h - alone).max())
assert np.abs(h - alone).max() < 1e-15

# %% [markdown]
# Nothing. Row r of `x @ W` needs row r of x and no other, and b is added to every row.
#
# Then the sequences of a batch never see each other. Change the first of them, by a lot. Do the others notice, be it in
# a single bit?

# %%
x_changed = x.copy()
x_changed[0] += 100
h_changed = np.tanh(x_changed @ W + h_prev @ U + b)
print("changed:", (h_changed != h).any(axis=1))
assert np.array_equal(h_changed[1:], h[1:])
assert (h_changed[0] != h[0]).any()

# %% [markdown]
# ## All steps: time comes first
#
# They do not.
#
# All inputs of all sequences fill one array, xs (T, B, D). T is the first axis because the net walks along time. With
# time first, `xs[i]` is one step of the whole batch, and it lies in memory as one unbroken block. With the batch first,
# the same step is `[:, i]`, picked together from B places.

# %%
xs = rng.standard_normal((T, B, D))
batch_first = xs.transpose(1, 0, 2).copy()  # (B, T, D)
print("one step, time first:  unbroken =", xs[0].flags.c_contiguous)
print("one step, batch first: unbroken =", batch_first[:, 0].flags.c_contiguous)
assert xs[0].flags.c_contiguous
assert not batch_first[:, 0].flags.c_contiguous

# %% [markdown]
# The states go into one array too. It has T + 1 entries, because there is one state more than there are steps: h[0],
# the state before the first step. It is 0 unless you say otherwise.
#
#     h[t] = tanh(x[t] W + h[t-1] U + b)        t = 1 … T
#
# Steps are counted from 1 and Python counts from 0, so x[t] is `xs[t - 1]`, while h[t] is simply `hs[t]`.
# Thanks to hs[0], no line has to ask whether this is the first step. Here is the whole net:


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
# Ours and the library's agree to within 1e-15.

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
# see which states move: once the first input, once the last.

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
# The first input reaches every state after it, the last input only the last state. It is h[t-1] U that carries the
# change on, and it alone has to wait. This splits every recurrent layer into three stages.
#
#     1. project   x[t] W + b for all t at once: one big matrix product (a GEMM, says the manual)
#     2. recur     h[t] = φ(… + h[t-1] U), one step after the other
#     3. collect   on the way back: the sums over time that make the gradients, again one product each
#
# (φ is the activation, whichever it is.) Stage 1 sees T·B rows and does not care which step a row belongs to. The
# result is the same, to within 1e-15.

# %%
staged = np.zeros((T + 1, B, H))
staged[1:] = (xs.reshape(T * B, D) @ W + b).reshape(T, B, H)  # 1. project
for t in range(1, T + 1):  # 2. recur
    staged[t] = np.tanh(staged[t] + staged[t - 1] @ U)
print("apart by", np.abs(staged - hs).max())
assert np.abs(staged - hs).max() < 1e-15

# %% [markdown]
# Stage 3 belongs to the gradient, so here is only its shape. For W it will have to add up a product xᵀ da over all
# steps, where da (B, H) is some array for each step; the last section says which. T products and a sum are again one
# product, whatever da is, to within 1e-14.

# %%
das = rng.standard_normal((T, B, H))
one_by_one = sum(xs[i].T @ das[i] for i in range(T))
at_once = xs.reshape(T * B, D).T @ das.reshape(T * B, H)
print("apart by", np.abs(at_once - one_by_one).max())
assert np.abs(at_once - one_by_one).max() < 1e-14

# %% [markdown]
# ## What can be done in parallel
#
# Count. To *wait* is to need a result that is not there yet. Take a net of a more usual size, with D = H.
#
#     stage            multiplications     rounds of waiting
#     1. project       T B D H             1
#     2. recur         T B H H             T
#
# The work is the same. The waiting is not: stage 2 can share its work among the sequences of the batch, but never
# among the steps.

# %%
steps, batch, inputs, hidden = 200, 16, 64, 64
project, recur = steps * batch * inputs * hidden, steps * batch * hidden * hidden
print(f"project: {project:,} multiplications,   1 round")
print(f"recur:   {recur:,} multiplications, {steps} rounds")
assert project == recur

# %% [markdown]
# What is it worth to do at once what need not wait? That depends on your machine, so let it answer. How many times
# faster, do you think: one product for all steps instead of one for each? A batch instead of one sequence after the
# other? (The ratios will differ from run to run. Nothing below depends on them.)

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
# - *Across the batch*: everything. You have just used it.
# - *Across copies of the net* (data parallelism): each worker takes a part of the batch. The states are the same, to
#   within 1e-15; the gradients of the parts are added up, as you will see in the last section. (Averaged, if the loss
#   is a mean over the batch.)
# - *Across different nets* (an ensemble): several nets are trained side by side and their predictions averaged. They
#   share nothing, so nothing waits.

# %%
halves = [layer.forward(xs[:, :2]).hs, layer.forward(xs[:, 2:]).hs]  # as two workers would
apart = np.abs(np.concatenate(halves, axis=1) - hs).max()
print("two halves of the batch against the whole: apart by", apart)
assert apart < 1e-15

# %% [markdown]
# ## Activations, and their slope
#
# A gradient will need the slope of the activation, φ'(a): how much h moves when a moves. The three that matter most
# here have a slope that can be read from the *output* h alone:
#
#     name       h = φ(a)              slope, from h
#     sigmoid    1 / (1 + exp(-a))     h (1 - h)
#     tanh       tanh(a)               1 - h²
#     relu       max(a, 0)             1 where h > 0, else 0
#
# That is why the trace keeps xs and hs and no a. A difference quotient, taken on both sides of a, agrees with each
# slope to within 1e-9.

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
# How steep can they get? Sigmoid's slope never exceeds 1/4, tanh's never exceeds 1. Both are steepest at a = 0 and
# flatten out on either side: at a = 6 less than a hundredth of that is left, and the unit is called *saturated*.
# Keep the 1/4 in mind. It comes back in the third tutorial.

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
# z, and says how L moves when an entry of z moves. Suppose dh is given. What are the others?
#
# First through the activation, entry by entry (⊙ multiplies entries, and φ' is the slope):
#
#     da = dh ⊙ φ'(a)
#
# Then through a = x W + h_prev U + b. In row r of the batch, h_prev[r, k] enters every a[r, j], with the factor
# U[k, j]. The chain rule adds up all it touches:
#
#     dh_prev[r, k] = Σ_j da[r, j] U[k, j]        that is   dh_prev = da Uᵀ
#
# And W[i, j] enters a[r, j] in every row r, with the factor x[r, i]:
#
#     dW[i, j] = Σ_r x[r, i] da[r, j]             that is   dW = xᵀ da
#
# The transposes are no convention to learn by heart. They record which index is summed. In the same way:
#
#     dx = da Wᵀ        dU = h_prevᵀ da        db = Σ_r da[r]
#
# In the code below, dh is drawn at random. h_prev is random too: were it 0, then dU would be 0, and a mistake in it
# could not show.

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
# Never trust a gradient that you have not checked. Nudge one entry of one array by ±ε, watch the loss, and divide:
#
#     dL/dz ≈ (L(z + ε) - L(z - ε)) / 2ε
#
# As the loss we take L = Σ dh ⊙ h with dh held fixed, since then dL/dh is exactly dh.


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
# Can this check fail? U is square, so `da @ U` without the transpose has the right shape, and NumPy is content. The
# check is not.

# %%
wrong = da @ U
error = np.abs(quotients("h_prev") - wrong).max() / np.abs(wrong).max()
print(f"without the transpose: shape {wrong.shape}, relative error {error:.2f}")
assert wrong.shape == hand["h_prev"].shape
assert error > 0.1

# %% [markdown]
# The library's `backward` gives the same five arrays for a sequence of one step, to within 1e-14. It takes the trace
# and the dh of every step, and returns the gradients in the shape of what they belong to: `grads.params.U` is dU,
# `grads.h0` is dh_prev. Its own check, `rl.check_gradients`, is content as well.

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
# And the promise about data parallelism: the gradient of the whole batch is the sum of the gradients of its halves,
# to within 1e-14.

# %%
both = x[:2].T @ da[:2] + x[2:].T @ da[2:]
print("dW, halves added, against the whole: apart by", np.abs(both - hand["W"]).max())
assert np.abs(both - hand["W"]).max() < 1e-14

# %% [markdown]
# ## What you have
#
# One line for a step, the same line for a batch, a loop for a sequence, and a few short products for the gradient of
# one step. Among them is da Uᵀ, which carries the gradient from h[t] to h[t-1]. In `02_through_time_by_hand.py` you
# will use it T times in a row, and see what becomes of the gradient.
