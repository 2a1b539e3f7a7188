# %% [markdown]
# # 10. Learning to remember
#
# So far no net has learned anything. Here you train two nets on a task that needs a memory. One fails and one succeeds,
# and you see what their gradients do meanwhile. At the end you interrupt a training run and resume it.
#
# ## The task
#
# The adding problem: the net reads T numbers between 0 and 1, one at a time, and two of them are marked. After the last
# it must give the sum of those two. The first marker is in the first half of the sequence, the second in the second
# half, so the net has to remember the first number over many steps.

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl

# %%
task = rl.tasks.Adding(steps=40)
xs, targets = task.batch(np.random.default_rng(0), 1000)
marked = (xs[:, :, 0] * xs[:, :, 1]).sum(axis=0)  # each number times its marker, over all steps
print(xs.shape, targets.shape)
assert np.allclose(marked, targets[:, 0])

# %% [markdown]
# Without a memory, the best answer is 1, the mean of all sums, every time. Its mean squared error is the variance of
# the sum of two uniform numbers, 1/6. This is the *baseline*: a net whose error stays there has learned only the mean.

# %%
print(f"always 1: {np.square(targets - 1).mean():.3f}, and 1/6 = {1 / 6:.3f}")
assert abs(task.baseline - np.square(targets - 1).mean()) < 0.01

# %% [markdown]
# ## Training, every line of it
#
# A network is one or more layers and a *readout*, a matrix that turns the last state into the answer y. One update of
# its parameters takes five lines: a batch, forward, the loss and its gradient dys = dL/dy, backward, and a step against
# the gradient, as long as the gradient times the *learning rate* lr. `map` pairs each parameter with its gradient,
# since the gradient is a network of the same shape.


# %%
def descend(network, rng, lr):
    """The network after one update, and the loss before it."""
    xs, targets = task.batch(rng, 32)
    trace = network.forward(xs)
    loss, dys = rl.losses.squared_error(trace.ys, targets)
    gradient = network.backward(trace, dys).params
    return network.map(lambda p, dp: p - lr * dp, gradient), loss


# %%
start = rl.models.build(np.random.default_rng(0), task, layer="rnn", hidden=40, dtype=np.float64)
network, rng, losses = start, np.random.default_rng(0), []
for _ in range(200):
    network, loss = descend(network, rng, lr=0.01)
    losses.append(loss)
print(f"loss {losses[0]:.2f} before the first update, {np.mean(losses[-50:]):.2f} over the last 50")
assert np.mean(losses[-50:]) < 0.5 * losses[0]

# %% [markdown]
# It learns, but only the mean. `rl.fit` runs the same loop with a better optimizer, Adam, which divides each
# parameter's step by the recent size of its gradient, and with gradient clipping: if the norm of the gradient is above
# 1, it is scaled down to 1. Clipping is the usual remedy for exploding gradients. It does nothing for vanishing ones:
# those need another architecture or other initial weights, as here, or a regularizer that keeps the norm of dL/dh[t]
# from changing (Ω of Pascanu, Mikolov and Bengio, 2013).
#
# Train both nets alike, from readouts of the same size, and print the held-out error every 250 updates. (The IRNN's
# authors draw the readout as small as W, too. Then it needs about half as many updates more.)

# %%
settings = {"updates": 1250, "batch": 32, "clip_norm": 1.0, "every": 250}
tanh = rl.fit(start, task, lr=3e-3, **settings)
words = {"layer": "irnn", "hidden": 40, "readout_initializer": "glorot_uniform"}
start = rl.models.build(np.random.default_rng(0), task, **words, dtype=np.float64)
irnn = rl.fit(start, task, lr=3e-3, **settings)
for name, trained in (("tanh RNN", tanh), ("IRNN", irnn)):
    print(f"{name:8}", " ".join(f"{row.score:.2f}" for row in trained.rows))

# %% [markdown]
# In these 1,250 updates the tanh RNN gets no further than the baseline, while the IRNN's error falls far below it. Both
# saw 40,000 sequences and have 40 units. Two things are different: the IRNN's slope is 1 wherever a unit is on, and it
# starts with the identity as its U and with small W.

# %%
scores = {name: trained.rows[-1].score for name, trained in (("tanh RNN", tanh), ("IRNN", irnn))}
print({name: round(score, 3) for name, score in scores.items()}, "baseline", round(task.baseline, 3))
assert scores["IRNN"] < 0.5 * task.baseline
assert min(row.score for row in tanh.rows) > 0.85 * task.baseline

# %% [markdown]
# ## The gradient during training
#
# With each row, `fit` also records the norm of dL/dh[t] at every step t. Here is how much of it is left at the first
# step, |dL/dh[0]| / |dL/dh[T]|. The smaller this is, the less the weights can learn from the beginning of the sequence.


# %%
def arrives(trained, update):
    """|dL/dh[0]| over |dL/dh[T]|, after so many updates."""
    norms = {row.t: row.norm for row in trained.norms if row.update == update}
    return norms[0] / norms[task.steps]


# %%
for update in (0, 250, 750, 1250):
    print(f"after {update:4} updates: tanh RNN {arrives(tanh, update):.0e}, IRNN {arrives(irnn, update):.0e}")
assert arrives(tanh, 0) > 1e-3
assert max(arrives(tanh, update) for update in (250, 500, 750, 1000)) < 1e-3
assert min(arrives(irnn, row.update) for row in irnn.rows) > 1e-2

# %% [markdown]
# In its first updates the tanh RNN learns the mean, and that makes its gradient vanish faster: about a hundredth was
# left at the first step before training, and less than a thousandth after it. So it hardly learns anything from the
# beginning of a sequence. The IRNN keeps more than a hundredth throughout, mostly far more, and so can learn to
# remember.

# %%
for (name, trained), line in zip((("tanh RNN", tanh), ("IRNN", irnn)), ("--", "-"), strict=True):
    for update, width in ((0, 0.7), (1250, 2.0)):
        rows = [row for row in trained.norms if row.update == update]
        back, norms = [task.steps - row.t for row in rows], [row.norm for row in rows]
        plt.semilogy(back, norms, line, lw=width, label=f"{name}, update {update}")
plt.xlabel("steps back from the loss")
plt.ylabel("|dL/dh[t]|, median")
plt.legend()
plt.show()

# %% [markdown]
# ## Interrupt and resume
#
# With a folder, `fit` writes a checkpoint at every row: the parameters, the optimizer's state, and the state of the
# random generator. So a run that is interrupted and resumed ends with the same bits as one that ran through.

# %%
short = {"batch": 32, "every": 50, "lr": 1e-3}
whole = rl.fit(start, task, updates=200, **short)
with tempfile.TemporaryDirectory() as folder:
    rl.fit(start, task, updates=100, folder=folder, **short)  # as if the power had failed here
    resumed = rl.fit(start, task, updates=200, folder=folder, resume=True, **short)
difference = whole.network.layers[0].U - resumed.network.layers[0].U
print("largest difference of any recurrent weight:", np.abs(difference).max())
assert not difference.any()

# %% [markdown]
# ## Knobs to turn
#
# 1. `steps=20` in the task: does the tanh RNN learn now?
# 2. `layer="indrnn"` and `layers=2` in `build`, `gamma=2.0` in `fit`, which keeps every |u| ≤ 2^(1/T): is it faster?
# 3. `layer="lstm"` and `layer="gru"`: which learns first? What does `arrives` say about both before the first update?
#    (A gate that is half open at the start can learn to stay open: what vanishes at first need not vanish for good.)
# 4. The IRNN with `lr=1e-2` and no `clip_norm`. Nothing explodes, but what does `arrives` say? (An exact 0 means that
#    every unit is off at some step: ReLU units that a large step has switched off get no gradient back.)
#
# The same training from the shell, with a log and a progress line:
#
#     rnnlab train adding --steps 40 --layer irnn --hidden 40 --readout-initializer glorot_uniform \
#         --updates 1250 --lr 3e-3 --clip-norm 1 --every 250
#
# How far each net gets at T = 100 … 1,000 is shown in [the gallery](../figures/README.md), and what that says about the
# claims of the survey in [the ledger](../figures/CLAIMS.md).
