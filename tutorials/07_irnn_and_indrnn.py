# %% [markdown]
# # 7. IRNN and IndRNN, built from the papers' words
#
# A random U is either too large or too small, and it is so at every step. Two papers choose it instead. The first, in
# words, starts the recurrent matrix as the identity and the biases at zero. The second lets each neuron see only its
# own last state. What does that mean in code? Here you turn the words into equations and the equations into lines, and
# check each line against the library. Then you measure what is kept, and through how many units.
#
# The letters are those of the earlier tutorials: T steps, B sequences, D inputs, H units; x, a, h; W, U, b; dz for the
# total derivative dL/dz.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl
from rnnlab.initializers import get

# %% [markdown]
# ## The IRNN: words, equations, code
#
# Le, Jaitly and Hinton (2015) describe their net in words. One by one:
#
#     the words                                       in code
#     the recurrent matrix is the identity            U = np.eye(H)
#     the biases are zero                             b = np.zeros(H)
#     the other weights are small                     W = 0.001 * rng.standard_normal((D, H))
#     rectified linear units                          φ(a) = max(a, 0)
#
# So the equation is that of any recurrent net, h[t] = φ(x[t] W + h[t-1] U + b), and with these U and b it becomes
#
#     h[t] = max(x[t] W + h[t-1], 0)
#
# In words again: the new state is the old one, plus what the input adds, and negative numbers are replaced by 0. Here
# is the whole net. The library's `rl.RNN.irnn` has the same weights to the last bit, and gives the same states to
# within 1e-15.

# %%
T, B, D, H = 100, 1, 8, 100
rng = np.random.default_rng(0)
W, U, b = 0.001 * rng.standard_normal((D, H)), np.eye(H), np.zeros(H)
xs = rng.standard_normal((T, B, D))

hs = np.zeros((T + 1, B, H))
for t in range(1, T + 1):
    hs[t] = np.maximum(xs[t - 1] @ W + hs[t - 1] @ U + b, 0)

irnn = rl.RNN.irnn(np.random.default_rng(0), inputs=D, hidden=H)
print(irnn, " same weights:", (irnn.W == W).all() and (irnn.U == U).all())
print("apart by", np.abs(irnn.forward(xs).hs - hs).max())
assert (irnn.W == W).all()
assert (irnn.U == U).all()
assert np.abs(irnn.forward(xs).hs - hs).max() < 1e-15

# %% [markdown]
# All this is said of the net before training. U = I is only the start. Training changes U like every other parameter:
# compute the gradient by backpropagation through time, and after each batch take a step against it, lr times as long as
# the gradient (lr is the *learning rate*). After a single update U is no longer the identity.


# %%
def updated(layer, xs, lr):
    """The layer after one step against the gradient of L = ½ |h[T] - 1|²."""
    trace = layer.forward(xs)
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = trace.hs[-1] - 1
    gradient = layer.backward(trace, dhs).params  # a layer as well: its W, U, b are dW, dU, db
    return layer.map(lambda p, dp: p - lr * dp, gradient)


changed = updated(irnn, xs, lr=0.01).U - U
print(f"entries of U that one update has changed: {np.count_nonzero(changed)}, off the diagonal too:", end=" ")
print(np.count_nonzero(changed - np.diag(np.diag(changed))))
assert np.count_nonzero(changed - np.diag(np.diag(changed))) > 100

# %% [markdown]
# ## Kept exactly
#
# Without input, the paper says, the state stays as it is. And the gradient flows back unchanged, as long as none is
# added on the way. To how many digits, do you think, after 1000 steps? (h[0] is positive here. A negative entry would
# be replaced by 0.)


# %%
def back_through(layer, xs, h0, dh):
    """Every state h[0] … h[T] and its gradient, for a loss with gradient dh (1, H) at the last one."""
    trace = layer.forward(xs, h0)
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = dh
    return trace.hs, layer.backward(trace, dhs).hs


# %%
rng = np.random.default_rng(0)
h0, dh = np.abs(rng.standard_normal((1, H))), rng.standard_normal((1, H))
silence = np.zeros((1000, 1, D))
states, gradients = back_through(irnn, silence, h0, dh)
print("states equal h[0]:", (states == h0).all(), "  gradients equal dh[T]:", (gradients == dh).all())
assert (states == h0).all()
assert (gradients == dh).all()

# %% [markdown]
# To all digits: not one bit changes, forward or backward. Both lines of the pair are 1: ① the slope of a unit that is
# on, and ② Uᵀ = I.
#
# If a task needs no long memory, the paper says, use the identity times a small number. So U = αI with α < 1: the
# gradient is multiplied by α at each step, and halves in log 2 / log(1/α) steps. With α = 0.9 that is 6.6 steps, with
# 0.99 it is 69.0.

# %%
for α in (0.9, 0.99):
    layer = rl.RNN.irnn(np.random.default_rng(0), inputs=D, hidden=H, scale=α)
    states, gradients = back_through(layer, silence[:100], h0, dh)
    print(
        f"α = {α}: after 100 steps × {gradients[0, 0, 0] / dh[0, 0]:.3g}, halves in {np.log(2) / -np.log(α):.1f} steps"
    )
    assert np.abs(gradients[0] / (α**100 * dh) - 1).max() < 1e-12
    assert np.abs(states[-1] / (α**100 * h0) - 1).max() < 1e-12

# %% [markdown]
# ## Through few units
#
# And with input? U = I keeps the units apart, and each slope is 0 or 1. So a unit's gradient comes back unchanged or
# not at all: one step at which the unit is off cuts off everything before it. Through how many of the 100 units will
# the gradient come back over 100 steps? Let dh[T] be 1 for every unit, so that dh[0] is 1 where it has come through.


# %%
def alive(kernel_stddev=0.001, bias=0.0):
    """For each of ten nets, through how many units the gradient comes back over 100 steps."""
    counts = []
    for rng in map(np.random.default_rng, range(10)):
        layer = rl.RNN.irnn(rng, inputs=D, hidden=H, kernel_stddev=kernel_stddev)
        layer = replace(layer, b=layer.b + bias)
        _, gradients = back_through(layer, rng.standard_normal((100, 1, D)), None, np.ones((1, H)))
        assert set(np.unique(gradients)) <= {0.0, 1.0}
        counts.append(int(gradients[0].sum()))
    return counts


print("units alive, seed by seed:", alive(), " median", np.median(alive()))
assert np.median(alive()) == 5
assert min(alive()) == 0

# %% [markdown]
# Five, in the median, and none in one of the ten nets. The IRNN keeps a gradient exactly, but through few units. What
# does that do to the norm? At the loss it is √100, since all 100 entries are 1. At the start five entries of 1 are
# left, and the norm is √5. So √(5/100) = 0.22 of the norm is left.
#
# Why so few? With inputs around 0 a unit's state wanders up and down, and sooner or later reaches 0. Many data are not
# around 0, though. A pixel's brightness is never negative. Let D = 1 and x ≥ 0: what will the units do?

# %%
rng = np.random.default_rng(0)
pixels = rng.uniform(0, 1, (100, 1, 1))
layer = rl.RNN.irnn(rng, inputs=1, hidden=H)
states, gradients = back_through(layer, pixels, None, np.ones((1, H)))
through = gradients[0, 0] == 1
print("units with a positive weight:", (layer.W[0] > 0).sum(), "  gradient comes through:", through.sum())
print("units that are ever on:", (states > 0).any(axis=(0, 1)).sum())
assert (through == (layer.W[0] > 0)).all()
assert ((states > 0).any(axis=(0, 1)) == through).all()
assert 40 < through.sum() < 60

# %% [markdown]
# About half of them have a negative weight. They are off at the first step and never come on again: dead, and no
# gradient will ever change them. The others are on for ever, and their gradient comes through whole.
#
# ## The IndRNN: words, equations, code
#
# Li et al. (2018) say: each neuron receives only its own last state, and no other neuron's; the product is element by
# element. So the matrix U becomes a vector u, one weight for each unit:
#
#     h[t] = φ(x[t] W + u ⊙ h[t-1] + b)
#
# It is the RNN with a matrix that has u on its diagonal and 0 elsewhere. With u = 1 it is the IRNN. Check both.

# %%
rng = np.random.default_rng(0)
u = rng.uniform(0.9, 1.0, H)
indrnn = rl.IndRNN(W, u, b, "relu")
as_matrix = rl.RNN(W, np.diag(u), b, "relu")
with_ones = rl.IndRNN(W, np.ones(H), b, "relu")
print("apart from diag(u):", np.abs(indrnn.forward(xs).hs - as_matrix.forward(xs).hs).max())
print("u = 1, apart from the IRNN:", np.abs(with_ones.forward(xs).hs - hs).max())
assert np.abs(indrnn.forward(xs).hs - as_matrix.forward(xs).hs).max() < 1e-15
assert np.abs(with_ones.forward(xs).hs - hs).max() < 1e-15

# %% [markdown]
# What is new, then? In the IRNN the units are apart only at the start: the first update changed thousands of entries
# off the diagonal. In the IndRNN they stay apart. There are no other entries to change. (Units still need to mix, and
# do so in the next layer, through its W. Therefore IndRNNs are stacked.)
#
# Because they stay apart, one can say what becomes of each unit's gradient *during training*. As long as unit j is on,
# ① is 1 and ② is u[j], so T steps multiply its gradient by u[j]^T. Say that it should end between 1/2 and 2. Then u has
# to lie between (1/2)^(1/T) and 2^(1/T), for T = 100 between 0.993092 and 1.006956. The library draws u from this
# range.

# %%
print(f"range of u: {0.5 ** (1 / T):.6f} to {2 ** (1 / T):.6f}")
u_range = get("indrnn_range", steps=T)  # ε = 1/2 and γ = 2, the paper's letters, unless you say otherwise
layer = rl.IndRNN.init(np.random.default_rng(0), inputs=D, hidden=H, recurrent_initializer=u_range)
_, gradients = back_through(layer, silence[:T], h0, dh)
factors = (gradients[0] / gradients[T])[0]
print(f"gradient over {T} steps: × {factors.min():.2f} to × {factors.max():.2f}")
assert np.abs(factors / layer.u**T - 1).max() < 1e-12
assert 0.5 <= factors.min() < factors.max() <= 2

# %% [markdown]
# That controls the gradient of a unit that stays on. It does not keep the unit on: as in the IRNN, one step at which it
# is off cuts its gradient. In training one clips u after each update, so that |u| stays at most 2^(1/T) (`gamma=2` in
# `rl.fit`).
#
# ## The picture
#
# All nets of the tutorials so far, side by side: the median over ten seeds, with |dh[T]| = 1. The y axis is
# logarithmic, so a steady decay is a straight line. Which lines will be straight, and which will leave the picture?

# %%
SIZE = {"inputs": D, "hidden": H}
NETS = {
    "sigmoid, U orthogonal": lambda rng: rl.RNN.init(rng, **SIZE, activation="sigmoid"),
    "tanh, U random_normal": lambda rng: rl.RNN.init(rng, **SIZE, recurrent_initializer="random_normal"),
    "tanh, U orthogonal": lambda rng: rl.RNN.init(rng, **SIZE),
    "ReLU, U he_uniform": lambda rng: rl.RNN.init(rng, **SIZE, activation="relu", recurrent_initializer="he_uniform"),
    "IRNN": lambda rng: rl.RNN.irnn(rng, **SIZE),
    "IndRNN": lambda rng: rl.IndRNN.init(rng, **SIZE, recurrent_initializer=u_range),
}
print(len(NETS), "nets:", ", ".join(NETS))

# %%
curves = {}
for name, build in NETS.items():
    runs = []
    for rng in map(np.random.default_rng, range(10)):
        layer, inputs = build(rng), rng.standard_normal((100, 1, D))
        runs.append(rl.flow.gradient_norms(layer, inputs, dh=np.full((1, H), 0.1))[::-1, 0])
    curves[name] = np.median(runs, axis=0)  # [k]: k steps back
    dead = sum(run[-1] == 0 for run in runs)
    print(f"{name:22} 100 steps back: {curves[name][-1]:.1e}   exactly 0 in {dead} of 10 nets")
assert abs(curves["IRNN"][-1] - 0.22) < 5e-3
assert abs(curves["IndRNN"][-1] - 0.27) < 5e-3

# %%
INKS = ["#D55E00", "#E69F00", "#0072B2", "#CC79A7", "#009E73", "#000000"]
LABELS = [(3, 1e-17), (60, 1e-18), (101, 4e-10), (101, 1e2), (101, 2e-2), (101, 1.0)]  # where each name stands
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, curve), ink, (x, y) in zip(curves.items(), INKS, LABELS, strict=True):
    axes.plot(curve, color=ink, linestyle="--" if name == "IndRNN" else "-")
    axes.text(x, y, name.replace("sigmoid, ", "sigmoid,\n"), color=ink, va="center")
axes.set(yscale="log", ylim=(1e-20, 1e4), xlim=(0, 140), xticks=range(0, 101, 20))
axes.set(xlabel="steps back from the loss, k", ylabel="|dh[T - k]|, 1 at the loss")
axes.set_title("The identity, and u near 1, keep the gradient", loc="left")
print("lines:", len(axes.lines))

# %%
if plt.get_backend().lower() == "agg":  # no display
    path = Path(tempfile.gettempdir(), "rnnlab_tutorial_7.png")
    figure.savefig(path)
    print("no display: the figure is in", path)
else:
    plt.show()

# %% [markdown]
# Sigmoid and tanh are straight lines, powers as promised. ReLU with he_uniform drifts, up or down by the seed. IRNN and
# IndRNN stay, with 0.22 and 0.27 of the norm left. But look at the numbers above: in one of ten IRNNs and two of ten
# IndRNNs the gradient is exactly 0, because every unit was off at some step. A median hides that, and so does a
# logarithmic axis.

# %%
for name in ("IRNN", "IndRNN"):
    print(f"{name}: {curves[name][-1]:.2f} of the norm left;  √(5/100) = {np.sqrt(5 / 100):.2f}")
assert curves["sigmoid, U orthogonal"][31] < 1e-19

# %% [markdown]
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *More units alive?* Give the IRNN a W a hundred times larger, or a small bias.

# %% knob
change = {"bias": 0.01}  # try {"kernel_stddev": 0.1} and {"bias": 0.001}
print("units alive, median of ten nets:", np.median(alive(**change)))
print(f"an input adds about {(xs @ W).std():.3f} to a state")

# %% [markdown]
# What you should see: a larger W changes nothing. With b = 0 all states grow in proportion to W, and the same units are
# on. A bias, even a third as large as what an input adds (0.001 against 0.003), lifts many units above 0 for good.
#
#     change = {}                      →  median of ten nets: 5.0
#     change = {"kernel_stddev": 0.1}  →  median of ten nets: 5.0
#     change = {"bias": 0.001}         →  median of ten nets: 45.0
#     change = {"bias": 0.01}          →  median of ten nets: 100.0
#
# *Longer sequences.* How narrow is the range of u for 10, 100, 1000 steps?

# %% knob
steps = 100  # try 10 and 1000
u = get("indrnn_range", steps=steps)(np.random.default_rng(0), (10_000,))
print(f"u from {u.min():.4f} to {u.max():.4f}; u^{steps} from {(u**steps).min():.2f} to {(u**steps).max():.2f}")
assert 0.5 <= (u**steps).min() < (u**steps).max() <= 2

# %% [markdown]
# What you should see: ten times the steps, a tenth of the range. The factors over all steps are the same.
#
#     steps = 10    →  u from 0.9330 to 1.0718; u^10 from 0.50 to 2.00
#     steps = 100   →  u from 0.9931 to 1.0070; u^100 from 0.50 to 2.00
#     steps = 1000  →  u from 0.9993 to 1.0007; u^1000 from 0.50 to 2.00
#
# ## Exercises
#
# **Exercise 1.** Is the identity the only U that keeps a ReLU state without input? Try a *permutation* matrix, the
# identity with its rows shuffled. Is the gradient kept?
#
# **Exercise 2.** An IndRNN was made for T = 100, with u up to 2^(1/100). What is the largest factor on a sequence of
# 1000 steps? And for u^T to stay below 2 there, what may u be?
#
# The answers follow.

# %% answer
rng = np.random.default_rng(0)
shuffled = rl.RNN(W, rng.permutation(np.eye(H)), b, "relu")
states, gradients = back_through(shuffled, silence, h0, dh)
print("the state after 1000 steps is h[0]:", (states[-1] == h0).all())
print("but the same numbers, shuffled:", (np.sort(states[-1]) == np.sort(h0)).all())
print("the gradient's, too:", (np.sort(gradients[0]) == np.sort(dh)).all())
assert (np.sort(states[-1]) == np.sort(h0)).all()
assert (np.sort(gradients[0]) == np.sort(dh)).all()

# %% [markdown]
# *Answer 1.* Yes: every number is handed on exactly, to another unit at each step. So nothing is lost, forward or back.
# What is special about the identity is that every unit keeps its own.

# %% answer
largest = 2 ** (1 / 100)
print(f"{largest:.6f}^1000 = {largest**1000:.0f};  2^(1/1000) = {2 ** (1 / 1000):.6f}")
assert abs(largest**1000 - 1024) < 1e-6

# %% [markdown]
# *Answer 2.* 2^10 = 1024. For 1000 steps u may be 1.000693 at most. The range has to be chosen for the longest
# sequence.
#
# ## What you have
#
# Two nets that keep a gradient because their recurrence was chosen to, and a count of the units through which they do.
# Whether they learn with it is the subject of `10_learning_to_remember.py`. Before that: the opposite case, a gradient
# that explodes, in `08_the_cliff_and_clipping.py`.
#
# **To remember:** with U = I and ReLU the gradient is kept exactly, but only through the units that are on at every
# step.
