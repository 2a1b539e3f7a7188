# %% [markdown]
# # 12. Jacobians and Lyapunov exponents
#
# So far the gradient was followed from one loss on one path. What would happen to *another* gradient on the same path?
# The Jacobians know it for all of them at once. From many of them one computes a handful of numbers, the Lyapunov
# exponents, that say how fast a net forgets, forward and backward. With them you draw the map of where gradients vanish
# and where they explode.
#
# The letters: J[t] is the Jacobian of step t, σ a singular value, λ an exponent, in nats per step. As before the loss
# is on the last step alone, and k counts the steps back from it.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl
from rnnlab.initializers import get

# %% [markdown]
# ## The Jacobian of a step
#
# J[t] is the matrix of all derivatives of one state by the one before: row i, column j is ∂h[t][i] / ∂h[t-1][j]. For a
# tanh RNN it is diag(1 - h[t]²) Uᵀ. The library computes it for any layer, from the layer's own backward. They agree to
# within 1e-14.

# %%
T, H = 100, 40
rng = np.random.default_rng(0)
layer = rl.RNN.init(rng, inputs=8, hidden=H)
xs = rng.standard_normal((T, 1, 8))
hs = layer.forward(xs).hs
J = rl.flow.jacobians(layer, xs)[:, 0]  # (T, H, H); J[t - 1] is the Jacobian of step t
by_formula = np.array([np.diag(1 - h[0] ** 2) @ layer.U.T for h in hs[1:]])
print("J", J.shape, f" apart by {np.abs(J - by_formula).max():.0e}")
assert np.abs(J - by_formula).max() < 1e-14

# %% [markdown]
# ## What is left, by direction
#
# k steps back a gradient dh[T] has become dh[T] P, where P is the product J[T] J[T-1] … of k Jacobians. Its singular
# values say by how much: a dh[T] in the best direction is multiplied by the largest one, in the worst by the smallest.
# So let us count the directions that matter: those whose σ is at least a tenth of the largest. There are 40 in all. How
# many are left after 100 steps?

# %%
σ = rl.flow.singular_values(layer, xs)[::-1, 0]  # [k], largest first
counts = [(σ[k] >= σ[k, 0] / 10).sum() for k in range(T + 1)]
for k in (0, 1, 10, 20, 50, 100):
    print(f"{k:3} steps back: largest σ {σ[k, 0]:.1e}, directions within a tenth of it: {counts[k]}")
assert counts[0] == 40
assert counts[100] <= 8
assert counts[10] > counts[50] > counts[100]

# %% [markdown]
# A handful. So the gradient does not only become short. It also loses its direction: whatever dh[T] was, dh[0] lies
# nearly in the same few directions. Take a thousand random gradients at the end, and send them all back. At the end two
# of them are nearly perpendicular, as random vectors in 40 dimensions are. And at the start?


# %%
def alike(rows):
    """The mean |cosine| of the angle between different rows."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T)
    return (cosines.sum() - len(rows)) / (len(rows) * (len(rows) - 1))


# %%
gradients = rng.standard_normal((1000, H))
at_the_end, at_the_start = alike(gradients), alike(gradients @ rl.flow.jacobian_products(layer, xs)[0, 0])
print(f"mean |cosine| at h[T]: {at_the_end:.2f}; at h[0]: {at_the_start:.2f}")
assert at_the_end < 0.15
assert at_the_start > 3 * at_the_end

# %% [markdown]
# So even a loss that could tell 40 things apart tells the first steps only very few of them.
#
# ## Exponents
#
# How fast does each direction shrink? The product itself cannot tell: after 100 steps its smallest singular values are
# smaller than the roundoff of the largest. The remedy is to make the directions perpendicular again *at every step*,
# before one of them swallows the others. Carry along a frame of perpendicular unit vectors Q:
#
#     J[t] Q[t-1] = Q[t] R[t]        λ_i = the mean over t of log |R_ii[t]|
#
# QR does it: Q[t] is the new frame, and R_ii says by how much direction i was stretched in this step. The λ are the
# *Lyapunov exponents*. Four lines:


# %%
def exponents(J):
    Q, total = np.eye(J.shape[1]), 0.0
    for step in J:
        Q, R = np.linalg.qr(step @ Q)
        total = total + np.log(np.abs(np.diag(R)))
    return np.sort(total / len(J))[::-1]


# %%
λ = exponents(J)
print("largest:", λ[:4].round(3), " smallest:", λ[-2:].round(3))
print(f"smallest over largest factor in {T} steps: e^({T} · {λ[-1] - λ[0]:.2f}) = {np.exp(T * (λ[-1] - λ[0])):.0e}")
assert np.abs(λ - rl.flow.lyapunov_exponents(layer, xs)[0]).max() < 1e-10
assert np.exp(T * (λ[-1] - λ[0])) < 1e-30 < np.finfo(float).eps

# %% [markdown]
# The library's `lyapunov_exponents` gives the same to within 1e-10. From the largest to the smallest there are more
# than 30 orders of magnitude in 100 steps, and all are known.
#
# ## The rate is -λ
#
# A typical gradient has a part in every direction. After a while the part in the best direction is all that is left of
# it. So the decay rate r of the earlier tutorials should be -λ, with λ the largest exponent, which was computed without
# any loss or gradient. Is it?

# %%
KINDS = {
    "tanh, U orthogonal": {"recurrent_initializer": "orthogonal"},
    "tanh, U glorot_uniform": {"recurrent_initializer": "glorot_uniform"},
    "tanh, U large": {"recurrent_initializer": get("random_normal", stddev=0.4)},
    "ReLU, U glorot_uniform": {"recurrent_initializer": "glorot_uniform", "activation": "relu"},
    "sigmoid, U orthogonal": {"activation": "sigmoid"},
}
for name, words in KINDS.items():
    rng = np.random.default_rng(0)
    net, inputs = rl.RNN.init(rng, inputs=8, hidden=H, **words), rng.standard_normal((200, 1, 8))
    r = rl.flow.decay_rate(rl.flow.gradient_norms(net, inputs))[0]
    first = rl.flow.lyapunov_exponents(net, inputs, count=1)[0, 0]
    print(f"{name:23} rate {r:6.3f}, -λ {-first:6.3f}")
    assert abs(r + first) < 0.04

# %% [markdown]
# It is, to within 0.04, whether the gradient vanishes or explodes. (Not exactly: the rate is fitted to one gradient
# over 200 steps, the exponent is a mean over the same steps.)
#
# And forward? The transpose of a matrix has the same singular values. So λ also says what becomes of a small change of
# the *state*: forward, it grows like exp(λ t). Below 0 the net forgets where it started. Above 0 it never does: a tiny
# difference grows until the runs have nothing in common. That is *chaos*. Nudge h[0] by 1e-8 in both kinds of net.

# %%
nudge = 1e-8 * np.random.default_rng(1).standard_normal((1, H)) / H**0.5
for name in ("tanh, U orthogonal", "tanh, U large"):
    rng = np.random.default_rng(0)
    net, inputs = rl.RNN.init(rng, inputs=8, hidden=H, **KINDS[name]), rng.standard_normal((200, 1, 8))
    distance = np.linalg.norm(net.forward(inputs, nudge).hs - net.forward(inputs).hs, axis=2)[:, 0]
    print(f"{name:19} distance after 0, 20, 200 steps:", " ".join(f"{distance[t]:.0e}" for t in (0, 20, 200)))
    if name == "tanh, U orthogonal":
        assert distance[200] < 1e-14
assert distance[200] > 0.1

# %% [markdown]
# The same number, both ways: a net that forgets its start forgets the way back to it, too. A net whose gradient neither
# vanishes nor explodes has λ near 0, on the edge between the two. (Where ReLU units are off, λ may be -∞: those
# directions are lost altogether.)
#
# ## The map
#
# What decides the sign of λ? Two things: the size of U, and how hard the inputs drive the units into saturation. Draw U
# from N(0, g²/H), so that g, the *gain*, is the radius of its eigenvalues. Scale the inputs. Where is the edge?


# %%
def largest(g, scale, seed=0):
    """The largest exponent of a tanh RNN with gain g, on inputs N(0, scale²)."""
    rng = np.random.default_rng(seed)
    net = rl.RNN.init(rng, inputs=8, hidden=H, recurrent_initializer=get("random_normal", stddev=g / H**0.5))
    inputs = scale * rng.standard_normal((80, 1, 8))
    return rl.flow.lyapunov_exponents(net, inputs, count=1, discard=20)[0, 0]


# %%
gains, scales = np.array([0.25, 0.5, 1, 1.5, 2, 4, 8]), np.array([0.01, 0.1, 1, 3, 10])
grid = np.array([[largest(g, scale) for g in gains] for scale in scales])
print("gain       ", " ".join(f"{g:6g}" for g in gains))
for scale, row in zip(scales[::-1], grid[::-1], strict=True):
    print(f"input {scale:5g}", " ".join(f"{value:6.2f}" for value in row))
assert (grid[:, :2] < 0).all()
assert (grid[:3, 5:] > 0).all()


# %%
def show(figure, name):
    """On the screen; without a display it is saved, and the path is printed."""
    if plt.get_backend().lower() != "agg":
        plt.show()
    else:
        path = Path(tempfile.gettempdir()) / name
        figure.savefig(path)
        print("no display: the figure is in", path)


# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
image = axes.imshow(grid, origin="lower", cmap="PuOr", vmin=-1.5, vmax=1.5, aspect="auto")
axes.contour(grid, levels=[0.0], colors="black")
axes.set_xticks(range(len(gains)), [f"{g:g}" for g in gains])
axes.set_yticks(range(len(scales)), [f"{scale:g}" for scale in scales])
axes.set(
    xlabel="gain g of U", ylabel="scale of the input", title="λ of a tanh RNN: vanishes (orange), explodes (purple)"
)
figure.colorbar(image, label="λ, nats per step; line: λ = 0")
show(figure, "rnnlab_tutorial_12.png")
by_input = grid[:, list(gains).index(2)]
print("gain 2, by input:", by_input.round(2))
assert by_input[0] > 0 > by_input[-1]

# %% [markdown]
# On the left the gradient vanishes whatever the input is, on the right it explodes, unless the input is strong. The
# edge leans to the right: a strong input saturates the units, their slopes fall, and a larger U is needed to make up
# for it. So no gain is right for every input. An initializer alone cannot put a net on the edge and keep it there.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *The gain*, at inputs of scale 1.

# %% knob
g = 1.0  # try 0.5 and 3.0
found = [largest(g, 1.0, seed) for seed in range(3)]
word = "explodes" if min(found) > 0.05 else "vanishes" if max(found) < -0.05 else "on the edge"
print(f"gain {g}: λ from {min(found):.2f} to {max(found):.2f}: {word}")

# %% [markdown]
# What you should see:
#
#     g = 0.5  →  vanishes
#     g = 1.0  →  vanishes
#     g = 3.0  →  explodes
#
# *The layer.* The state of an LSTM is the pair (h, c), so it has 2H exponents. Before training, which of these forgets
# the slowest?

# %% knob
kind = rl.LSTM  # try rl.RNN and rl.GRU
rng = np.random.default_rng(0)
net, inputs = kind.init(rng, inputs=8, hidden=20), rng.standard_normal((100, 1, 8))
spectrum = rl.flow.lyapunov_exponents(net, inputs)[0]
print(f"{kind.__name__}: {len(spectrum)} exponents, the largest {spectrum[0]:.2f}")

# %% [markdown]
# What you should see:
#
#     kind = rl.RNN   →  20 exponents, the largest -0.42
#     kind = rl.GRU   →  20 exponents, the largest -0.42
#     kind = rl.LSTM  →  40 exponents, the largest -0.16
#
# ## Exercises
#
# **Exercise 1.** An IndRNN with ReLU, u > 0, b = 0 and no input keeps its units on if h[0] > 0. What are its exponents?
# Derive them, then measure.
#
# **Exercise 2.** The sum of all exponents is the mean of log |det J[t]|: how volumes shrink. Which part of it comes
# from the slopes, and which from an orthogonal U?
#
# The answers follow.

# %% answer
u = np.linspace(0.5, 1.1, H)
indrnn = rl.IndRNN(np.zeros((8, H)), u, np.zeros(H), "relu")
measured = rl.flow.lyapunov_exponents(indrnn, np.zeros((50, 1, 8)), np.ones((1, H)))[0]
print(f"apart from log u by {np.abs(measured - np.sort(np.log(u))[::-1]).max():.0e}")
assert np.abs(measured - np.sort(np.log(u))[::-1]).max() < 1e-12

# %% [markdown]
# *Answer 1.* J is diag(u) at every step, so the exponents are log u: each unit forgets, or explodes, by itself.

# %% answer
by_slopes = np.log(1 - hs[1:, 0] ** 2).sum(axis=1).mean()
by_matrix = np.log(np.abs(np.linalg.det(layer.U)))
print(f"sum of all λ {λ.sum():.4f}; from the slopes {by_slopes:.4f}, from U {by_matrix:.0e}")
assert abs(λ.sum() - by_slopes) < 1e-9
assert abs(by_matrix) < 1e-12

# %% [markdown]
# *Answer 2.* det J = det diag(s) · det Uᵀ, and |det U| = 1 if U is orthogonal: all of it comes from the slopes.
#
# **To remember:** the largest Lyapunov exponent λ is one number for both directions of time, and the gradient decays at
# the rate -λ.
