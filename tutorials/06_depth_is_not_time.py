# %% [markdown]
# # 6. Depth is not time: MLP, CNN, RNN
#
# "ReLU cures vanishing gradients." In a deep feedforward net it does; in the fourth tutorial it did not cure a
# recurrent net. What is the difference? Both are products of many matrices. Here you put three nets side by side whose
# gradients are computed by the same few lines, and change only the matrices:
#
# - an *MLP*, 50 layers, each with a matrix of its own;
# - a *CNN*, 50 convolutions, each with a filter of its own;
# - an *RNN*, 50 steps, all with the same matrix.
#
# k counts layers or steps back from the loss. The other letters are those of the earlier tutorials.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl

# %% [markdown]
# ## A convolution is one matrix product
#
# A convolution lays a small filter on an image at every position, multiplies what is under it, and adds up. Take an
# image of 4×4 numbers and a filter of 2×2, moved by 1 (the *stride*), with a border of one row or column of zeros (the
# *padding*). In each direction there are
#
#     (H - F + 2P) / S + 1  =  (4 - 2 + 2·1) / 1 + 1  =  5
#
# positions (here H is the image's height, F the filter's, P the padding, S the stride). In all, 25. Write what is under
# the filter at each position as a row of 4 numbers. This is called *im2col*. The rows make a 25×4 matrix, and the whole
# convolution is that matrix times the filter.


# %%
def im2col(image, F, S=1, P=0):
    padded = np.pad(image, P)
    positions = range(0, len(padded) - F + 1, S)
    return np.array([padded[i : i + F, j : j + F].ravel() for i in positions for j in positions])


# %%
rng = np.random.default_rng(0)
image, weights = rng.standard_normal((4, 4)), rng.standard_normal((2, 2))
patches = im2col(image, F=2, S=1, P=1)
product = patches @ weights.ravel()
library = rl.Conv2D(weights.reshape(2, 2, 1, 1), np.zeros(1), padding=1).forward(image.reshape(1, 4, 4, 1)).ys
print("patches", patches.shape, " result", product.reshape(5, 5).shape)
print("the library's convolution is apart by", np.abs(library.ravel() - product).max())
assert patches.shape == (25, 4)
assert np.abs(library.ravel() - product).max() < 1e-14

# %% [markdown]
# Seen from the other side, a convolution is a layer like any other, y = x C, with x the 16 numbers of the image in a
# row. Only its matrix C (16, 25) is a special one: most entries are 0, and the others are the filter's four numbers
# over and over. Row i of C is what the convolution makes of an image that is 1 at number i and 0 elsewhere.

# %%
C = np.array([im2col(one.reshape(4, 4), F=2, P=1) @ weights.ravel() for one in np.eye(16)])
print(f"C {C.shape}: {np.mean(C != 0):.2f} of its entries are not 0, {len(np.unique(C[C != 0]))} different ones")
assert np.abs(image.ravel() @ C - product).max() < 1e-14
assert len(np.unique(C[C != 0])) == 4

# %% [markdown]
# ## Three nets, the same lines
#
# So MLP, CNN and RNN are the same computation with different lists of matrices. An RNN without further input is an MLP
# whose list holds one matrix 50 times. `backwards` runs through the list, then goes back as in the second tutorial: ①
# times the slope, ② times the transpose. It gives |dh| k layers or steps back from a loss, 1 at the loss.


# %%
def backwards(matrices, activation, rng):
    h, slopes = rng.standard_normal(len(matrices[0])), []
    for M in matrices:
        h = h @ M
        activation.apply(h)  # in place
        slopes.append(activation.slope(h))
    dh = rng.standard_normal(len(h))
    norms = [np.linalg.norm(dh)]
    for M, slope in zip(reversed(matrices), reversed(slopes), strict=True):
        dh = (dh * slope) @ M.T
        norms.append(np.linalg.norm(dh))
    return np.array(norms) / norms[0], h


# %%
def he(rng, width=50):
    return rl.initializers.he_uniform(rng, (width, width))


images = np.eye(144).reshape(144, 6, 6, 4)  # 6×6 images with 4 channels, each 1 at one number and 0 elsewhere
PATCHES = rl.layers.conv.im2col(images, (3, 3), padding=1)  # (144, 6, 6, 36): a row of 36 for each position


def convolution(rng):
    """The matrix (144, 144) of a 3×3 convolution from 4 channels to 4, as C above."""
    filters = rl.initializers.he_uniform(rng, (3, 3, 4, 4)).reshape(36, 4)
    return (PATCHES @ filters).reshape(144, 144)


print("patches", PATCHES.shape, " a convolution's matrix", convolution(np.random.default_rng(0)).shape)


# %%
DEPTH = 50
NETS = {
    "MLP": lambda rng: [he(rng) for _ in range(DEPTH)],
    "CNN": lambda rng: [convolution(rng) for _ in range(DEPTH)],
    "RNN": lambda rng: [he(rng)] * DEPTH,
}
for name, build in NETS.items():
    matrices = build(np.random.default_rng(0))
    different, filled = len({id(M) for M in matrices}), np.mean(matrices[0] != 0)
    print(f"{name}: {different:2} different matrices, {filled:.2f} of the entries not 0")

# %% [markdown]
# ## Sigmoid: depth and time are alike
#
# Sigmoid's slope lies between 0 and 1/4. Ten slopes in a row leave at most 0.25^10, less than a millionth. (Times what
# the matrices do: he_uniform stretches by √2 on average, ten of them by 32.) What do you expect of the three nets after
# 50?


# %%
def norms_of(name, activation, seeds):
    activation = rl.activations.get(activation)
    rngs = [np.random.default_rng(seed) for seed in range(seeds)]
    return np.array([backwards(NETS[name](rng), activation, rng)[0] for rng in rngs])  # (seeds, 51)


# %%
print(f"0.25^10 = {0.25**10:.1e}, times √2^10: {0.25**10 * 2**5:.1e}")
for name in NETS:
    norms = np.median(norms_of(name, "sigmoid", seeds=5), axis=0)
    print(f"{name}: after 10 × {norms[10]:.0e}, after 50 × {norms[50]:.0e}")
    assert norms[10] < 1e-4
    assert norms[50] < 1e-20

# %% [markdown]
# All three vanish, in depth as in time. The slope is the culprit, and here it is in every net.
#
# ## ReLU: the typical net
#
# ReLU's slope is 1 where a unit is on (and 0 where it is off, which he_uniform makes up for). If the slope was the only
# culprit, the gradient should now be kept in all three. Look at the median first, then at the extremes.

# %%
relu = {name: norms_of(name, "relu", seeds=24 if name == "CNN" else 100) for name in NETS}
for name, norms in relu.items():
    low, middle, high = np.quantile(norms[:, DEPTH], (0.1, 0.5, 0.9))
    print(f"{name}: after 50, median × {middle:.1e}; 10 % of the seeds below {low:.0e}, 10 % above {high:.0e}")
assert 0.1 < np.median(relu["MLP"][:, DEPTH]) < 1
assert 0.1 < np.median(relu["RNN"][:, DEPTH]) < 1

# %% [markdown]
# In the median ReLU cures the MLP: a third is left after 50 layers, where sigmoid left nothing. In the median it cures
# the RNN, too, and even better. (The CNN loses some at each layer, since the zeros of the border carry nothing.) But
# look at the extremes. Of the MLPs 80 % lie within a factor of about ten. The RNNs lie anywhere: in some the gradient
# has vanished, in others it has exploded.
#
# ## Shared weights widen the spread
#
# Measure how far the seeds lie apart: the *spread*, the standard deviation of log |dh| over the seeds, k layers or
# steps back from the loss. How does it grow from k = 10 to k = 50? If it grows like k^p, it becomes 5^p times as large.

# %%
spread = {name: np.log(norms[:, 1:]).std(axis=0) for name, norms in relu.items()}  # [k - 1]
power = {name: np.log(s[49] / s[9]) / np.log(5) for name, s in spread.items()}
for name, s in spread.items():
    print(f"{name}: spread {s[0]:.2f} at k = 1, {s[9]:.2f} at 10, {s[49]:.2f} at 50: it grows as k^{power[name]:.2f}")
assert power["RNN"] > 0.9
assert max(power["MLP"], power["CNN"]) < 0.65

# %% [markdown]
# One layer, or one step, has the same spread in MLP and RNN: 0.17 at k = 1. Every matrix, drawn at random, stretches a
# little more or a little less than it should. In an MLP each layer draws anew. What one layer stretches too much the
# next may stretch too little, so that they partly cancel, as in a random walk, and the spread grows like √k. In an RNN
# the same matrix is used at every step. If it stretches too much, it does so k times, and the spread grows like k: 4.45
# against 1.01 at k = 50. That is the difference between depth and time.

# %%
titles = {"MLP": "MLP: the luck averages out", "RNN": "RNN: the same luck at every step"}
figure, axes = plt.subplots(1, 2, figsize=(7, 3.5), sharey=True, layout="constrained")
for axis, name, ink in zip(axes, ("MLP", "RNN"), ("#0072B2", "#D55E00"), strict=True):
    axis.plot(relu[name][:40].T, color=ink, lw=0.7)
    axis.set(yscale="log", xlabel="layers or steps back, k", title=titles[name])
axes[0].set_ylabel("|dh|, 1 at the loss")
print("lines:", [len(axis.lines) for axis in axes])

# %%
if plt.get_backend().lower() == "agg":  # no display
    path = Path(tempfile.gettempdir(), "rnnlab_tutorial_6.png")
    figure.savefig(path)
    print("no display: the figure is in", path)
else:
    plt.show()

# %% [markdown]
# ## The same matrix, over and over
#
# The same without any slopes, to see what repeating a matrix does. Let a matrix stretch some directions by up to 1.5
# and shrink others to as little as 0.5. Multiply a vector of length 1 by the same matrix 50 times, and another vector
# by 50 different matrices of this kind. Which will be longer?


# %%
def stretching(rng):
    Q = rl.initializers.orthogonal(rng, (100, 100))
    return Q.T @ np.diag(np.linspace(0.5, 1.5, 100)) @ Q


rng = np.random.default_rng(0)
same = stretching(rng)
shared = independent = np.full(100, 0.1)  # length 1
for _ in range(50):
    shared, independent = shared @ same, independent @ stretching(rng)
print(f"the same 50 times: {np.linalg.norm(shared):.1e}")
print(f"50 different ones: {np.linalg.norm(independent):.1f}")
assert np.linalg.norm(shared) > 1e6 * np.linalg.norm(independent)

# %% [markdown]
# The same matrix stretches the same directions every time, and what lies in them grows without limit. With different
# matrices, what one stretches the next may shrink.
#
# ## Independence is no shield
#
# Does independence keep a CNN or an MLP from exploding? Multiply every matrix by 1.5. ReLU of 1.5 a is 1.5 times ReLU
# of a: the same units are on, and each layer adds a factor of exactly 1.5, forward and back.

# %%
activation = rl.activations.get("relu")
for name, build in NETS.items():
    matrices = build(np.random.default_rng(0))
    plain, h = backwards(matrices, activation, np.random.default_rng(1))
    scaled, h_scaled = backwards([1.5 * M for M in matrices], activation, np.random.default_rng(1))
    outputs, gradients = np.linalg.norm(h_scaled) / np.linalg.norm(h), scaled[DEPTH] / plain[DEPTH]
    print(f"{name}: outputs × {outputs:.2e}, gradient × {gradients:.2e}, 1.5^50 = {1.5**50:.2e}")
    assert abs(outputs / 1.5**50 - 1) < 1e-12
    assert abs(gradients / 1.5**50 - 1) < 1e-12

# %% [markdown]
# No. All three explode alike, and their outputs with them. What independence gives is that one right scale,
# he_uniform's, suits almost every draw. With shared weights no scale does: the next draw may need another.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *How many different matrices?* 50 layers made of a few matrices, used in turn. 1 is the RNN, 50 the MLP.


# %%
def spread_at_50(build):
    rngs = [np.random.default_rng(seed) for seed in range(100)]
    last = [backwards(build(rng), activation, rng)[0][DEPTH] for rng in rngs]
    return np.log(last).std()


# %% knob
different = 5  # try 1, 2 and 50
result = spread_at_50(lambda rng: [he(rng) for _ in range(different)] * (DEPTH // different))
print(f"spread at k = 50: {result:.2f}")

# %% [markdown]
# What you should see: the fewer different matrices, the wider the spread.
#
#     different = 1   →  spread at k = 50: 4.45
#     different = 2   →  spread at k = 50: 3.33
#     different = 5   →  spread at k = 50: 2.19
#     different = 50  →  spread at k = 50: 1.01
#
# *How wide?* Does a wider RNN depend less on luck?

# %% knob
width = 50  # try 25 and 200
result = spread_at_50(lambda rng: [he(rng, width)] * DEPTH)
print(f"{width} units: spread {result:.1f}")

# %% [markdown]
# What you should see: less, since a wide matrix averages over more random numbers. But it still grows like k.
#
#     width = 25   →  25 units: spread 6.8
#     width = 50   →  50 units: spread 4.5
#     width = 200  →  200 units: spread 2.1
#
# ## Exercises
#
# **Exercise 1.** Images of 28×28, filters of 3×3, stride 2, padding 1. What is the shape of the matrix that im2col
# makes?
#
# **Exercise 2.** It is said that a CNN is safe because its matrices are independent *and sparse*. Which of the two is
# it? Take a CNN of 50 layers that all share one filter: sparse, but not independent. How does its spread grow?
#
# The answers follow.

# %% answer
rows = im2col(np.zeros((28, 28)), F=3, S=2, P=1)
print("im2col:", rows.shape, " positions in each direction:", (28 - 3 + 2 * 1) // 2 + 1)
assert rows.shape == (14 * 14, 9)

# %% [markdown]
# *Answer 1.* (28 - 3 + 2)/2 + 1 is 14 and a half; the half step does not fit, so 14 positions in each direction, 196 in
# all, and rows of 9.

# %% answer
rngs = [np.random.default_rng(seed) for seed in range(40)]
norms = np.array([backwards([convolution(rng)] * DEPTH, activation, rng)[0] for rng in rngs])
shared_filter = np.log(norms[:, 1:]).std(axis=0)
p = np.log(shared_filter[49] / shared_filter[9]) / np.log(5)
print(f"one filter shared: spread {shared_filter[9]:.2f} at 10, {shared_filter[49]:.2f} at 50: it grows as k^{p:.2f}")
print(f"a filter each:     spread {spread['CNN'][9]:.2f} at 10, {spread['CNN'][49]:.2f} at 50")
assert p > 0.9
assert shared_filter[49] > 4 * spread["CNN"][49]

# %% [markdown]
# *Answer 2.* Like k, as in the RNN. So it is independence, not sparseness, that helps. A small filter makes it worse,
# if anything: few random numbers, so a matrix is further from what it should be on average.
#
# ## What you have
#
# Three nets, one computation. ReLU keeps the gradient in a net whose layers have weights of their own. In a recurrent
# net a random matrix is either too large or too small, and at every step again. So choose it, instead of drawing it:
# that is `07_irnn_and_indrnn.py`.
#
# **To remember:** in depth the luck of random weights averages out, in time the same luck is repeated at every step.
