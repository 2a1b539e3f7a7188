# %% [markdown]
# # 4. Learning to remember
#
# So far nothing has learned. Here two nets are trained on a task that cannot be done without a memory, one that fails
# and one that succeeds, and you watch their gradients while they do. At the end you stop a training in its middle and
# go on with it.
#
# ## The task
#
# The adding problem: T numbers between 0 and 1 come one at a time, two of them marked. After the last, say the sum of
# the two. One marker is in the first half, so its number must be carried over at least half of the sequence.

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
# Whoever has no memory does best to say 1, the mean of all sums, every time. The squared error of that is the variance
# of the sum of two uniform numbers, 1/6. It is the number to beat: a net whose error stays there has learned nothing
# but the mean.

# %%
print(f"always 1: {np.square(targets - 1).mean():.3f}, and 1/6 = {1 / 6:.3f}")
assert abs(task.baseline - np.square(targets - 1).mean()) < 0.01

# %% [markdown]
# ## Training, with nothing left out
#
# A network is layers and a readout. One update of its parameters is five lines: a batch, forward, the loss and its
# gradient, backward, and a step against the gradient. `map` goes through the parameters and their gradients side by
# side, for both are networks of the same build.


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
print(f"loss {losses[0]:.2f} at first, {np.mean(losses[-50:]):.2f} at last")
assert np.mean(losses[-50:]) < 0.5 * losses[0]

# %% [markdown]
# It learns, but only the mean. `rl.fit` does the same, with a better rule for the step (Adam, which divides each
# parameter's step by the size of its own gradients) and with the gradient clipped: where its norm is above 1, it is
# scaled down to 1. That is the cure for gradients that explode. There is none for those that vanish.

# %%
settings = {"updates": 1500, "batch": 32, "clip_norm": 1.0, "every": 250}
tanh = rl.fit(start, task, lr=3e-3, **settings)
start = rl.models.build(np.random.default_rng(0), task, layer="irnn", hidden=40, dtype=np.float64)
irnn = rl.fit(start, task, lr=1e-3, **settings)
for name, trained in (("tanh RNN", tanh), ("IRNN", irnn)):
    print(f"{name:8}", " ".join(f"{row.score:.2f}" for row in trained.rows))

# %% [markdown]
# The tanh RNN stays at the baseline; the IRNN leaves it behind. Both had 48,000 sequences to learn from, and as many
# units. Two things differ, beside a learning rate that suits each: the IRNN's slope is 1 wherever a unit is active, and
# its recurrent matrix begins as the identity.

# %%
scores = {name: trained.rows[-1].score for name, trained in (("tanh RNN", tanh), ("IRNN", irnn))}
print({name: round(score, 3) for name, score in scores.items()}, "baseline", round(task.baseline, 3))
assert scores["IRNN"] < 0.5 * task.baseline < scores["tanh RNN"]

# %% [markdown]
# ## The gradient while it learns
#
# `fit` keeps the norm of dL/dh[t] at every step, each time it writes a row. Here is the share of it that comes from
# the last step back to the first: the smaller, the less the first number's place can tell the weights what to do.


# %%
def arrives(trained, update):
    """|dL/dh[0]| over |dL/dh[T]|, as the network stood after so many updates."""
    norms = {row.t: row.norm for row in trained.norms if row.update == update}
    return norms[0] / norms[task.steps]


# %%
for update in (0, 250, 1000, 1500):
    print(f"after {update:4} updates: tanh RNN {arrives(tanh, update):.0e}, IRNN {arrives(irnn, update):.0e}")
assert arrives(tanh, 250) < 1e-2 < arrives(irnn, 250)

# %% [markdown]
# The tanh RNN's first updates teach it the mean, and in doing so make it forget faster. From then on nothing arrives
# from the first half, so nothing can teach it to remember. The IRNN keeps its gradient, and has time to find out.

# %%
for (name, trained), line in zip((("tanh RNN", tanh), ("IRNN", irnn)), ("--", "-"), strict=True):
    for update, width in ((0, 0.7), (1500, 2.0)):
        rows = [row for row in trained.norms if row.update == update]
        back, norms = [task.steps - row.t for row in rows], [row.norm for row in rows]
        plt.semilogy(back, norms, line, lw=width, label=f"{name}, update {update}")
plt.xlabel("steps back from the loss")
plt.ylabel("|dL/dh[t]|, median")
plt.legend()
plt.show()

# %% [markdown]
# ## Stopped, and gone on with
#
# With a folder, `fit` writes a checkpoint at every row: parameters, the optimiser's memory, and the state of the random
# numbers. A run that is broken off and resumed is then the same as one that never was, to the last bit.

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
# 2. `layer="indrnn"`, `layers=2`, `gamma=2.0`, which keeps |u| ≤ 2^(1/T): how long does it take?
# 3. `layer="lstm"` or `layer="gru"`, `lr=3e-3`: look at `arrives` as they begin, and as they have learned.
# 4. Leave out `clip_norm` with the IRNN and `lr=1e-2`. What does the message say?
#
# The same from the shell, with a log and a line of progress: `rnnlab train adding --steps 40 --layer irnn`. How far
# each net gets at T = 100 … 1,000 is in [the gallery](../figures/README.md), and what it says of the survey's claims in
# [the ledger](../figures/CLAIMS.md).
