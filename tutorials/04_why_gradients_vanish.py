# %% [markdown]
# # 4. Why gradients vanish: slope × U
#
# In the second tutorial a gradient lost twenty-one orders of magnitude in 200 steps, through a pair of lines: ① the
# slope, ② Uᵀ. Here you find out when such a pair must make the gradient vanish, and when it only may make it explode.
#
# The letters are those of the earlier tutorials: T steps, D inputs, H units; x, a, h; W, U, b; and dz for the total
# derivative dL/dz. The loss is on the last step alone. New is s, the slope φ'(a) of the activation φ, one number for
# each unit and step.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl
from rnnlab.initializers import get

# %% [markdown]
# ## One unit
#
# Take one unit with weight u, and pretend that its slope s is the same at every step. Then each step back multiplies
# by s u, and k steps multiply by its k-th power. 0.9 and 1.1 are both close to 1. How much of the gradient is left
# after 100 steps?

# %%
for su in (0.9, 1.0, 1.1):
    print(f"{su}^100 = {su**100:.2g}")
assert 0.9**100 < 3e-5
assert 1.1**100 > 1e4

# %% [markdown]
# 2.7e-05 and 1.4e+04. There is nothing in between: a power vanishes or explodes, unless its base is exactly 1. The rest
# of this tutorial is the same fact for H units.
#
# ## A product of Jacobians
#
# With H units, the pair of lines is one product:
#
#     dh[t-1] = dh[t] J[t]         J[t] = diag(s[t]) Uᵀ
#
# where diag(s) is the matrix with s on its diagonal and 0 elsewhere. J[t] is called a *Jacobian*: its entry (j, k) says
# how h[t][j] changes with h[t-1][k]. From the end to the start there are T of them:
#
#     dh[0] = dh[T] J[T] J[T-1] … J[1]
#
# Multiplied out, this product equals the library's dh[0] to within 1e-13.

# %%
rng = np.random.default_rng(0)
T, D, H = 50, 8, 100
layer = rl.RNN.init(rng, inputs=D, hidden=H, activation="tanh")
xs, dhs = rng.standard_normal((T, 1, D)), np.zeros((T, 1, H))
dhs[-1] = 1
trace = layer.forward(xs)
dh = layer.backward(trace, dhs).hs

product = np.eye(H)
for t in range(T, 0, -1):
    product = product @ np.diag(1 - trace.hs[t, 0] ** 2) @ layer.U.T
apart = np.abs(dh[T] @ product - dh[0]).max() / np.abs(dh[0]).max()
print(f"|dh[0]| = {np.linalg.norm(dh[0]):.3e}, relative difference {apart:.0e}")
assert apart < 1e-13

# %% [markdown]
# The slopes change from step to step; U is always the same. So two things matter: how steep the activation is where the
# units are, and what Uᵀ does to the length of a row vector.
#
# ## A bound
#
# Every slope is at most γ, the largest slope of the activation: 1/4 for sigmoid, 1 for tanh and ReLU. And Uᵀ stretches
# no vector by more than σ_max(U), the largest *singular value* of U. (Each matrix has H directions at right angles that
# it stretches by its H singular values.) Together:
#
#     |dh[t-1]|  ≤  γ σ_max(U) |dh[t]|
#
# This is the bound of Pascanu, Mikolov and Bengio (2013). If γ σ_max(U) is below 1 the gradient *must* vanish: k steps
# back at most the k-th power of it is left. If it is above 1 the gradient *may* explode, but need not.
#
# Begin with sigmoid. Ten slopes in a row leave at most 0.25^10 = 9.5e-07 of a gradient. U is orthogonal: all its
# singular values are 1, it keeps every length. So the bound is 0.25, whatever the input.

# %%
rng = np.random.default_rng(0)
layer = rl.RNN.init(rng, inputs=8, hidden=100, activation="sigmoid", recurrent_initializer="orthogonal")
norms = rl.flow.gradient_norms(layer, rng.standard_normal((100, 1, 8)))  # |dh[t]|; the loss is the sum of h[T]
norms = norms[::-1, 0]  # [k]: k steps back
left = norms / norms[0]
print(f"bound per step: {rl.flow.pascanu_bound(layer):.4f}")
for k in (1, 10, 100):
    print(f"{k:3} steps back: at most {0.25**k:.1e}, measured {left[k]:.1e}")
assert abs(rl.flow.pascanu_bound(layer) - 0.25) < 1e-12
assert (left[1:] < 0.25 ** np.arange(1, 101)).all()

# %% [markdown]
# Sixty-four orders of magnitude in a hundred steps. The bound holds, and the gradient falls faster than the bound.
#
# ## Below 1 must, above 1 may
#
# Now tanh, whose γ is 1, with three choices of U:
#
# - 0.9 times an orthogonal matrix: the bound is 0.90;
# - `glorot_uniform`, entries drawn independently: the bound is 1.97;
# - 2 times an orthogonal matrix: the bound is 2.00.
#
# With which of the three does the gradient vanish, and with which does it explode?
#
# A number for the answer: the *rate* r at which |dh| falls. k steps back, |dh| is about exp(-r k) times what it was at
# the loss. Above 0 the gradient vanishes, below 0 it explodes. The unit is nats per step; one nat is a factor of e. For
# the bound of 0.90 to hold, r must be at least log(1/0.9) = 0.105. (`rnnlab flow` and the figures print the growth λ,
# which is -r.) Every rate below is the median over ten nets with different seeds, ± their standard deviation. Each
# has 100 units and reads 100 steps of 8 inputs from N(0, 1).


# %%
def curves(activation, U, dtype=np.float64):
    """|dh| k steps back, k = 0 … 100, for ten nets: (101, 10)."""
    found = []
    for rng in map(np.random.default_rng, range(10)):
        kinds = {"activation": activation, "recurrent_initializer": U, "dtype": dtype}
        layer = rl.RNN.init(rng, inputs=8, hidden=100, **kinds)
        xs = rng.standard_normal((100, 1, 8)).astype(dtype)
        found.append(rl.flow.gradient_norms(layer, xs)[::-1, 0] / 10)  # |dh[T]| = √100 becomes 1
    return np.array(found).T


def rates(norms):
    return -rl.flow.decay_rate(norms)  # decay_rate expects time to run forwards; here it runs backwards


# %%
THREE = {
    "0.9 × orthogonal": get("orthogonal", gain=0.9),
    "glorot_uniform": get("glorot_uniform"),
    "2 × orthogonal": get("orthogonal", gain=2.0),
}
found, medians = {name: curves("tanh", U) for name, U in THREE.items()}, []
for name, U in THREE.items():
    bound = np.linalg.norm(U(np.random.default_rng(0), (100, 100)), 2)  # σ_max, since γ = 1
    r = rates(found[name])
    medians.append(np.median(r))
    print(f"{name:17} bound {bound:.2f}   r = {medians[-1]:6.3f} ± {r.std():.3f} nats per step")
print(f"with a bound of 0.90, r must be at least {np.log(1 / 0.9):.3f}")
assert abs(medians[0] - 0.298) < 5e-4
assert abs(medians[1] - 0.213) < 5e-4
assert abs(medians[2] + 0.123) < 5e-4

# %% [markdown]
# With a bound of 0.90 it must vanish, and does, at 0.298. The other two bounds are nearly the same. But glorot_uniform
# makes the gradient vanish, r = 0.213, and 2 × orthogonal makes it explode, r = -0.123. Above 1 the bound decides
# nothing.
#
# Why not? σ_max is the largest of 100 stretches. An orthogonal matrix times 2 stretches every vector by 2. A glorot
# matrix stretches one direction by 1.97, others by next to nothing, and an average vector by 1. Measure what ① and ② do
# to the dh that they are really given.


# %%
def factors(activation, U):
    """The typical factors of ① and ② over the last 50 steps of one net."""
    rng = np.random.default_rng(0)
    layer = rl.RNN.init(rng, inputs=8, hidden=100, activation=activation, recurrent_initializer=U)
    trace = layer.forward(rng.standard_normal((100, 1, 8)))
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = 1
    dh = layer.backward(trace, dhs).hs
    da = dh[1:] * layer.activation.slope(trace.hs[1:])
    dh, da = np.linalg.norm(dh[50:, 0], axis=1), np.linalg.norm(da[50:, 0], axis=1)
    return np.exp(np.log(da / dh[1:]).mean()), np.exp(np.log(dh[:-1] / da).mean())


# %%
σ = np.linalg.svd(get("glorot_uniform")(np.random.default_rng(0), (100, 100)), compute_uv=False)
print(
    f"glorot_uniform stretches by {σ.min():.2f} to {σ.max():.2f}, root mean square {np.sqrt(np.square(σ).mean()):.2f}"
)
pairs = {name: factors("tanh", U) for name, U in THREE.items()}
for name, (slope, matrix) in pairs.items():
    print(f"{name:17} ① slope × {slope:.3f}   ② Uᵀ × {matrix:.3f}   together × {slope * matrix:.3f}")
assert σ.min() < 0.1
assert abs(np.sqrt(np.square(σ).mean()) - 1) < 0.05
assert 0.9 < pairs["glorot_uniform"][1] < 1.1
assert np.prod(pairs["glorot_uniform"]) < 1 < np.prod(pairs["2 × orthogonal"])

# %% [markdown]
# There is the reason. With glorot_uniform, Uᵀ stretches by about 1, not by 1.97, and the slope takes away a fifth. With
# 2 × orthogonal it stretches by 2, and the slope takes away less than half. Slope times U is what counts: together
# below 1 it vanishes, above 1 it explodes.

# %%
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, norms), ink in zip(found.items(), ("#0072B2", "#009E73", "#D55E00"), strict=True):
    bound = np.linalg.norm(THREE[name](np.random.default_rng(0), (100, 100)), 2)
    axes.plot(np.median(norms, axis=1), color=ink)
    axes.plot(bound ** np.arange(101), color=ink, linestyle=":")
    axes.text(101, np.median(norms[-1]), name, color=ink, va="center")
    assert (np.median(norms, axis=1)[1:] < bound ** np.arange(1, 101)).all()
axes.set(
    yscale="log",
    xlabel="steps back from the loss, k",
    ylabel="|dh[T - k]|, 1 at the loss",
    xlim=(0, 130),
    xticks=range(0, 101, 20),
)
axes.set_title("Nearly the same bound (dotted), opposite fates", loc="left")

# %%
if plt.get_backend().lower() == "agg":  # no display
    path = Path(tempfile.gettempdir(), "rnnlab_tutorial_4.png")
    figure.savefig(path)
    print("no display: the figure is in", path)
else:
    plt.show()

# %% [markdown]
# Each curve is straight, a power as promised, and lies below the dotted line of its bound. For the first the bound says
# what happens; for the other two it says nothing.
#
# ## ReLU
#
# ReLU's slope is 1 where the unit is on, and a factor of 1 shrinks nothing. In deep feedforward nets it is often called
# the cure for vanishing gradients. Is it one here? Take ReLU and glorot_uniform. What do you expect of ①?

# %%
relu = rates(curves("relu", "glorot_uniform"))
slope, matrix = factors("relu", "glorot_uniform")
rng = np.random.default_rng(0)
layer = rl.RNN.init(rng, inputs=8, hidden=100, activation="relu", recurrent_initializer="glorot_uniform")
share = (layer.forward(rng.standard_normal((100, 1, 8))).hs[1:] > 0).mean()
print(f"r = {np.median(relu):.3f} ± {relu.std():.3f}   ① slope × {slope:.3f}   ② Uᵀ × {matrix:.3f}")
print(f"share of units that are on: {share:.2f};  √½ = {np.sqrt(0.5):.3f}, ½ log 2 = {np.log(2) / 2:.3f}")
assert abs(np.median(relu) - 0.364) < 5e-4
assert 0.4 < share < 0.6
assert 0.6 < slope < 0.8

# %% [markdown]
# ReLU does not cure a recurrent net: r = 0.364, more than with tanh. Its slope is 0 or 1, not always 1. At each step
# about half of the units are off, and their part of the gradient is gone. That is about half of |dh|², so the norm
# shrinks by √½ = 0.707, a rate of ½ log 2 = 0.347. What can be done about it by the choice of weights is the subject of
# the next tutorial; what ReLU does in other nets is that of tutorial 6.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *A gain for tanh.* Between 0.9 × and 2 × orthogonal the gradient goes from vanishing to exploding. Is it kept at 1?

# %% knob
gain = 1.0  # try 1.3, 1.6 and 2.0
r = rates(curves("tanh", get("orthogonal", gain=gain)))
print(f"r = {np.median(r):.3f} ± {r.std():.3f}")

# %% [markdown]
# What you should see: not at 1, where the slopes still shrink the gradient, but somewhere between 1.3 and 1.6.
#
#     gain = 1.0  →  r = 0.220 ± 0.005
#     gain = 1.3  →  r = 0.063 ± 0.007
#     gain = 1.6  →  r = -0.031 ± 0.007
#     gain = 2.0  →  r = -0.123 ± 0.010
#
# *Save the sigmoid.* Its slope is at most 1/4. So multiply U by 4: the bound is then 1. Is the gradient kept?

# %% knob
gain = 4  # try 1 and 16
r = rates(curves("sigmoid", get("orthogonal", gain=gain)))
slope, matrix = factors("sigmoid", get("orthogonal", gain=gain))
print(f"bound {gain / 4:.2f}, r = {np.median(r):.3f}, slope × {slope:.2f}, Uᵀ × {matrix:.2f}")

# %% [markdown]
# What you should see: no. Larger weights drive the units to where sigmoid is flat, far below 1/4.
#
#     gain = 1   →  bound 0.25, r = 1.472, slope × 0.23, Uᵀ × 1.00
#     gain = 4   →  bound 1.00, r = 0.493, slope × 0.15, Uᵀ × 4.00
#     gain = 16  →  bound 4.00, r = -0.130, slope × 0.07, Uᵀ × 16.00
#
# *Half the precision.* The sigmoid net loses a factor of four and more at each step, and float32 holds no number
# below 1.4e-45. After how many steps is the gradient exactly 0?

# %% knob
dtype = np.float32  # try np.float64
norms = np.median(curves("sigmoid", "orthogonal", dtype), axis=1)
print(f"smallest number {np.finfo(dtype).smallest_subnormal:.1e}; exactly 0: {np.flatnonzero(norms == 0)[:1]}")

# %% [markdown]
# What you should see:
#
#     dtype = np.float32  →  exactly 0: [71]
#     dtype = np.float64  →  exactly 0: []   (not within 100 steps)
#
# ## Exercises
#
# **Exercise 1.** From the bound alone: after how many steps is at most 1e-16 of a sigmoid net's gradient left, if U is
# orthogonal? And if U is 2 × orthogonal? Check the first by the `left` measured above.
#
# **Exercise 2.** "May, but need not" has a middle case. Take a linear net (φ(a) = a) of two units, with b = 0 and
# U = [[0.5, 4], [0, 0.5]]. What is the bound? What becomes of |dh| after 1, 5, 20 and 60 steps? Why?
#
# The answers follow.

# %% answer
for stretch in (1, 2):
    steps = int(np.ceil(np.log(1e-16) / np.log(stretch / 4)))
    print(f"U = {stretch} × orthogonal: {steps} steps")
    assert (stretch / 4) ** steps <= 1e-16 < (stretch / 4) ** (steps - 1)
print(f"measured after 27 steps: {left[27]:.0e}")
assert left[27] < 1e-16

# %% [markdown]
# *Answer 1.* 27 steps, since 0.25^27 is the first power below 1e-16; and 54 steps for a bound of 0.5.

# %% answer
U = np.array([[0.5, 4.0], [0.0, 0.5]])
linear = rl.RNN(np.zeros((1, 2)), U, np.zeros(2), "identity")
norms = rl.flow.gradient_norms(linear, np.zeros((60, 1, 1)))[::-1, 0]
print(f"bound {rl.flow.pascanu_bound(linear):.2f}, eigenvalues {np.linalg.eigvals(U)}")
for k in (0, 1, 5, 20, 60):
    print(f"{k:2} steps back: |dh| = {norms[k]:.1e}")
assert norms[1] > norms[0]
assert norms[60] < 1e-14

# %% [markdown]
# *Answer 2.* The bound is 4.06, and the first step does stretch the gradient. But in the long run it vanishes: both
# eigenvalues of U are 0.5. What a step stretches, the next ones need not stretch again. When the same U is applied over
# and over, its eigenvalues decide how it ends, and its singular values only how it begins.
#
# ## What you have
#
# Back through time the gradient is multiplied by the slope and by Uᵀ, step after step. A product of many factors
# vanishes or explodes, and the bound tells for sure only where it is below 1. Next: `05_initializers_one_by_one.py`,
# what the choice of the first weights does to it.
#
# **To remember:** if the largest slope times the largest singular value of U is below 1 the gradient must vanish, and
# if it is above 1 it may explode, vanish or be kept.
