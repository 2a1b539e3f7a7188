# %% [markdown]
# # 11. Memory, and waiting
#
# Backpropagation through time has two costs. It keeps every state until the backward pass has used it, so long
# sequences need much memory. And its steps wait for one another, so they cannot be done side by side. Here you see what
# can be done about each, and what each remedy costs: which gives the same gradient, and which another one.
#
# The letters are as before: T steps, B sequences, H units. New are k, the length of a *chunk* of steps, and for the
# parallel part v[t], what a linear step adds.

# %%
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import rnnlab as rl

# %% [markdown]
# ## What is kept
#
# To go back through step t one needs h[t-1], h[t] and x[t]. So the forward pass keeps all T + 1 states. How much is
# that for 4,000 steps, 8 sequences and 128 units, at 8 bytes a number? And how much does a forward and a backward take
# together, at its highest point?


# %%
def last_state(steps, ys):
    """L = Σ h[T]: its value, and dL/dh[T]."""
    return float(ys.sum()), np.ones_like(ys)


def peak(work):
    """What `work` returns, and the most memory that it held at a time, in megabytes."""
    tracemalloc.start()
    result = work()
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return result, most


# %%
T, B, H = 4000, 8, 128
rng = np.random.default_rng(0)
long_net = rl.Network((rl.RNN.init(rng, inputs=2, hidden=H),), reads="last")
long_xs = rng.standard_normal((T, B, 2))
states = (T + 1) * B * H * 8 / 1e6
full, full_peak = peak(lambda: rl.bptt.full(long_net, long_xs, last_state))
print(f"all states: {states:.1f} MB; forward and backward together: {full_peak:.1f} MB")
assert full_peak > 2 * states

# %% [markdown]
# Three times the states: what arrives from above and the total derivatives are as large as they are.
#
# ## Truncated
#
# The first idea: cut the sequence into chunks of k steps. Run a chunk forward and backward, keep its last state as the
# start of the next chunk, and forget the rest. The state goes on. The gradient does not: nothing comes back from a
# later chunk. This is *truncated* BPTT. Here it is, for a loss on the last state.


# %%
def truncated(layer, xs, k):
    """dL/d(parameters), without the paths that cross from one chunk into the one before."""
    h, total = None, None
    for first in range(0, len(xs), k):
        trace = layer.forward(xs[first : first + k], h)
        dhs = np.zeros_like(trace.hs[1:])
        if first + k >= len(xs):
            dhs[-1] = 1  # the loss reads the last state
        params = layer.backward(trace, dhs).params
        total = params if total is None else total.map(np.add, params)
        h = trace.hs[-1]
    return total


# %% [markdown]
# How wrong is that? Try it on two nets over 200 steps. The gradient of the tanh RNN vanishes; that of the IRNN is kept.
# Which of the two does truncation harm?


# %%
def error(ours, right):
    """|ours - right| / |right|, over all parameters together."""
    return rl.optim.global_norm(ours.map(np.subtract, right)) / rl.optim.global_norm(right)


def whole(layer, xs):
    trace = layer.forward(xs)
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = 1
    return layer.backward(trace, dhs).params


# %%
rng = np.random.default_rng(0)
xs = rng.random((200, 4, 2))
tanh = rl.RNN.init(rng, inputs=2, hidden=20)
irnn = rl.RNN.irnn(rng, inputs=2, hidden=20, kernel_stddev=0.1)
errors = {}
for name, layer in (("tanh RNN", tanh), ("IRNN", irnn)):
    for k in (10, 50, 100):
        errors[name, k] = error(truncated(layer, xs, k), whole(layer, xs))
        print(f"{name:8} k = {k:3}: gradient off by {errors[name, k]:.0e} of its norm")
library = rl.bptt.truncated(rl.Network((tanh,), reads="last"), xs, last_state, 50).params.layers[0]
assert error(truncated(tanh, xs, 50), library) < 1e-12
assert errors["tanh RNN", 100] < 1e-4
assert errors["IRNN", 100] > 0.2

# %%
off_by = np.linalg.norm(truncated(irnn, xs, 50).W - whole(irnn, xs).W) / np.linalg.norm(whole(irnn, xs).W)
print(f"IRNN, k = 50: dW off by {off_by:.2f}, and 1 - 50/200 = {1 - 50 / 200:.2f}")
assert abs(off_by - 0.75) < 0.05

# %% [markdown]
# Truncation harms the net that remembers. What it cuts off had vanished in the tanh RNN anyway. In the IRNN every step
# contributes about the same to dW, and only k of 200 steps are left: the error is about 1 - k/200, 0.75 for k = 50.
#
# A gradient that is wrong in this way is *biased*: a larger batch does not make it better, and the net is not told that
# it should look further back. Often one has to live with that, in a language model for instance, whose text has no end.
#
# ## Checkpointed
#
# The second idea: forget the states, too, but compute them again when they are needed. Keep only the states between
# chunks. Then take the chunks from the last to the first: forward again from the kept state, backward, and hand dL/dh
# of the chunk's first state on to the chunk before. In `truncated` two things change.


# %%
def checkpointed(layer, xs, k):
    """The exact gradient, in the memory of the kept states and of one chunk."""
    kept = [None]  # the state before each chunk; None is zeros
    for first in range(0, len(xs) - k, k):
        kept.append(layer.forward(xs[first : first + k], kept[-1]).hs[-1].copy())
    dh, total = np.ones((xs.shape[1], layer.U.shape[0])), None
    for number in reversed(range(len(kept))):
        trace = layer.forward(xs[number * k : (number + 1) * k], kept[number])
        gradients = layer.backward(trace, np.zeros_like(trace.hs[1:]), dh)
        total = gradients.params if total is None else total.map(np.add, gradients.params)
        dh = gradients.h0  # what the chunk before is handed
    return total


# %%
for name, layer in (("tanh RNN", tanh), ("IRNN", irnn)):
    off = error(checkpointed(layer, xs, 10), whole(layer, xs))
    print(f"{name:8} k = 10, checkpointed: gradient off by {off:.0e}")
    assert off < 1e-13
thrifty, thrifty_peak = peak(lambda: rl.bptt.checkpointed(long_net, long_xs, last_state))
off = error(thrifty.params, full.params)
print(f"4,000 steps: {thrifty_peak:.1f} MB, {thrifty_peak / full_peak:.3f} of full BPTT; gradient off by {off:.0e}")
assert thrifty_peak < 0.06 * full_peak
assert off < 1e-13

# %% [markdown]
# The same gradient in a twentieth of the memory. (The `.copy()` matters: a view of the last state would keep all states
# of its chunk alive.) With chunks of k steps one keeps T/k states between chunks and k inside one; the sum is smallest
# for k = √T. The price is time, not truth: all steps but those of the last chunk run forward twice.
#
# ## What must wait
#
# Now to the waiting. In tutorial 1 only h[t-1] U had to wait for the step before. Is there a way around it? For one
# kind of net there is: where the step is *linear*.
#
#     h[t] = u ⊙ h[t-1] + v[t]
#
# Two such steps in a row are again one of the same kind. Put the first into the second:
#
#     h[t+1] = u₂ ⊙ (u₁ ⊙ h[t-1] + v₁) + v₂ = (u₂ ⊙ u₁) ⊙ h[t-1] + (u₂ ⊙ v₁ + v₂)
#
# So pairs of steps can be put together, all pairs at the same time, then pairs of pairs. After log2(T) rounds the whole
# sequence is one step. As many rounds back give the states in between. This is a *prefix scan*.


# %%
def together(first, second):
    """Two steps (u, v) as one."""
    (u1, v1), (u2, v2) = first, second
    return u2 * u1, u2 * v1 + v2


# %%
rng = np.random.default_rng(0)
us, vs = rng.uniform(0.8, 1.1, 8), rng.standard_normal(8)
h = 0.7
for u, v in zip(us, vs, strict=True):
    h = u * h + v  # eight steps, one after the other
steps = list(zip(us, vs, strict=True))
while len(steps) > 1:  # three rounds
    steps = [together(*pair) for pair in zip(steps[::2], steps[1::2], strict=True)]
u, v = steps[0]
print(f"one after the other {h:.6f}; in three rounds {u * 0.7 + v:.6f}")
assert abs(u * 0.7 + v - h) < 1e-12

# %% [markdown]
# An IndRNN whose activation is the identity is such a net, and so is its gradient: dh[t-1] = u ⊙ dh[t] + what arrives
# from above, the same recurrence backwards. The library has both scans. Over 1,000 steps they agree with the loop to
# 1e-12 of the largest entry. How many rounds do they take?

# %%
linear = rl.IndRNN.init(rng, inputs=2, hidden=20, activation="identity")
linear = rl.IndRNN(linear.W, rng.uniform(0.9, 1.0, 20), linear.b, "identity")
xs = rng.standard_normal((1000, 4, 2))
trace, dhs = linear.forward(xs), rng.standard_normal((1000, 4, 20))
loop, scan = linear.backward(trace, dhs), rl.parallel.scan_backward(linear, trace, dhs)
states = rl.parallel.scan_forward(linear, xs).hs
pairs = {"states": (states, trace.hs), "dh": (scan.hs, loop.hs), "du": (scan.params.u, loop.params.u)}
for name, (ours, theirs) in pairs.items():
    apart = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"scan and loop, {name}: apart by {apart:.0e}")
    assert apart < 1e-12

# %%
work, rounds = rl.parallel.work_and_depth(1000)
print(f"the loop: 999 steps in 999 rounds; the scan: {work} steps in {rounds} rounds")
assert rounds <= 2 * np.log2(1000)
assert work <= 2 * 1000

# %% [markdown]
# Twice the work, a fiftieth of the waiting. Why not always? Because of φ. One ReLU step, as a function of h, is 0 and
# then a straight line. Two in a row, ReLU(u₂ ReLU(u₁ h + v₁) + v₂), may be a constant *above 0* and then a line. That
# is no ReLU step, whatever its u and v. With tanh not even the pieces are straight. (A full matrix U would stay linear.
# But putting two steps together then multiplies two H × H matrices, H³ products, where a step has H².)

# %%
h = np.array([-9.0, -3.0, 3.0, 9.0])
two_steps = np.maximum(np.maximum(h, 0) + 0.5, 0)  # u₁ = u₂ = 1, v₁ = 0, v₂ = 0.5
print("two ReLU steps from h = -9, -3, 3, 9:", two_steps)
assert two_steps[0] == two_steps[1] == 0.5 < two_steps[2] < two_steps[3]

# %% [markdown]
# ## What need not wait
#
# The sequences of a batch wait for nobody, and neither do different nets. So the work is shared *there*. Each of two
# workers takes half of the batch; their losses and gradients are averaged, weighted by how many sequences each has.
# That is the gradient of the whole batch. (Threads here; processes and clusters take the same call.)

# %%
task = rl.tasks.Adding(steps=50)
network = rl.models.build(rng, task, layer="lstm", hidden=16, dtype=np.float64)
xs, targets = task.batch(rng, 30)
trace = network.forward(xs)
loss, dys = task.loss(trace.ys, targets)
with ThreadPoolExecutor(2) as executor:
    shared_loss, shared = rl.parallel.data_parallel(executor, network, task.loss, xs, targets, workers=2)
off = error(shared, network.backward(trace, dys).params)
print(f"loss {loss:.6f} and {shared_loss:.6f}; gradients apart by {off:.0e}")
assert abs(shared_loss / loss - 1) < 1e-12
assert off < 1e-12

# %% [markdown]
# Several nets side by side, an *ensemble*, do not even exchange gradients. Their answers are averaged, and for the
# squared error there is an equation for what that gains: the error of the mean is the mean error of the members, minus
# how much they disagree. So the mean is never worse than its members on average.

# %%
members = [
    rl.models.build(np.random.default_rng(seed), task, layer="gru", hidden=8, dtype=np.float64) for seed in range(5)
]
ys = np.stack([member.forward(xs).ys for member in members])
parts = rl.parallel.ambiguity(ys, targets)
print(f"members {parts.members:.3f} - disagreement {parts.diversity:.3f} = error of the mean {parts.error:.3f}")
assert abs(parts.members - parts.diversity - parts.error) < 1e-12

# %% [markdown]
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *The length of a chunk* in checkpointed BPTT over 4,000 steps. How many states are held at most: those between chunks,
# and those of one chunk?

# %% knob
k = 63  # try 10 and 1000
between, inside = -(-4000 // k), k
print(f"k = {k}: {between + inside} states, of 4001 that full BPTT keeps")

# %% [markdown]
# What you should see:
#
#     k = 10    →  410 states
#     k = 63    →  127 states    (about √4000)
#     k = 1000  →  1004 states
#
# *Forgetting.* An IRNN with U = α I forgets. Over 200 steps with chunks of 50, how wrong is truncated BPTT?

# %% knob
α = 1.0  # try 0.9 and 0.5
xs_irnn = np.random.default_rng(0).random((200, 4, 2))
leaky = rl.RNN.irnn(np.random.default_rng(1), inputs=2, hidden=20, scale=α, kernel_stddev=0.1)
off = error(truncated(leaky, xs_irnn, 50), whole(leaky, xs_irnn))
word = (
    "more than half" if off > 0.5 else "less than 1e-12" if off < 1e-12 else "less than 5 %" if off < 0.05 else "more"
)
print(f"{off:.0e}: off by {word}")

# %% [markdown]
# What you should see:
#
#     α = 1.0  →  off by more than half
#     α = 0.9  →  off by less than 5 %
#     α = 0.5  →  off by less than 1e-12
#
# ## Exercises
#
# **Exercise 1.** In `truncated`, k = 150 over 200 steps is no better for the IRNN than k = 50. Why?
#
# **Exercise 2.** Checkpointing can be repeated: keep only ∛T states between long chunks, and inside each long chunk
# only ∛T between short ones. How many states are held for T = 4,000, and how often does a step run forward?
#
# The answers follow.

# %% answer
right = whole(irnn, xs_irnn)
by_k = {k: error(truncated(irnn, xs_irnn, k), right) for k in (50, 150)}
print(" ".join(f"k = {k}: {off:.3f}" for k, off in by_k.items()))
assert abs(by_k[50] / by_k[150] - 1) < 1e-9

# %% [markdown]
# *Answer 1.* The chunks are steps 1 to 150 and 151 to 200. The loss is at the end, so only the last chunk gets a
# gradient, and that has 50 steps in both cases. Cut so that the last chunk is a whole one.

# %% answer
third = round(4000 ** (1 / 3))
print(f"∛T = {third}: {3 * third} states, each step up to 3 times forward; √T: {2 * 63} states, up to 2 times")
assert third**3 >= 4000 - third**2
assert 3 * third < 2 * 63

# %% [markdown]
# *Answer 2.* 48 states instead of 126, for three forward runs instead of two.
#
# **To remember:** checkpointing trades time for memory and keeps the gradient, truncation keeps the time and changes
# the gradient, and only a linear step need not wait.
