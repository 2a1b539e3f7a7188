# %% [markdown]
# # 10. Learning to remember
#
# Here nets are trained on a task that needs a memory. You write the training loop yourself, look at what the gradient
# does meanwhile, and build a net that needs no training at all. Each net is trained from three seeds, and every run is
# shown, because a single run proves little.
#
# ## The task
#
# The adding problem: the net reads T numbers between 0 and 1, one at a time, and two of them are marked. After the last
# step it must give the sum of those two. One marker is in the first half of the sequence, the other in the second half,
# so the net has to remember the first number over many steps. At each step the input has two entries: the number, and a
# marker, 1 where the number is marked and 0 elsewhere.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl
from rnnlab.experiments.results import tables
from rnnlab.experiments.run import Run

# %%
task = rl.tasks.Adding(steps=40)
xs, targets = task.batch(np.random.default_rng(0), 1000)
marked = (xs[:, :, 0] * xs[:, :, 1]).sum(axis=0)  # each number times its marker, over all steps
print("xs", xs.shape, " targets", targets.shape)
assert np.allclose(marked, targets[:, 0])

# %% [markdown]
# How good is a net without a memory? A net that ignores the sequence can do no better than always to answer 1, the mean
# of all sums. Its mean squared error is the variance of the sum of two uniform numbers, 1/6 = 0.167. That is the
# *baseline*. A net that knows one of the two numbers, and adds 1/2 for the other, has half of that, 1/12 = 0.083. Only
# below 1/12 must a net know something about both.

# %%
numbers = xs[:, :, 0].T[xs[:, :, 1].T == 1].reshape(-1, 2)  # the first and the second marked number of each sequence
always_1 = np.square(targets[:, 0] - 1).mean()
knows_one = np.square(targets[:, 0] - numbers[:, 1] - 0.5).mean()
print(f"always 1: {always_1:.3f} (1/6 = {1 / 6:.3f});  knows the second number: {knows_one:.3f} (1/12 = {1 / 12:.3f})")
assert abs(always_1 - task.baseline) < 0.01
assert abs(knows_one - task.baseline / 2) < 0.01

# %% [markdown]
# ## Training, every line of it
#
# A *network* is one or more layers, one above the other, and a *readout*: a matrix and a bias that turn the last state
# into the answer y. An update of its parameters takes five lines.
#
# 1. Draw a batch of sequences.
# 2. Forward: the answers ys.
# 3. The loss, and its gradient by the answers, dys = dL/dy.
# 4. Backward: from dys the gradient by every parameter.
# 5. A step: each parameter p becomes p - lr · dp. The number lr is the *learning rate*.
#
# The gradient is a network of the same shape, so `map` can pair each parameter with its gradient.


# %%
def updated(network, rng, lr):
    """The network after one update, and the loss before it."""
    xs, targets = task.batch(rng, 32)
    trace = network.forward(xs)
    loss, dys = rl.losses.squared_error(trace.ys, targets)
    gradient = network.backward(trace, dys).params
    return network.map(lambda p, dp: p - lr * dp, gradient), loss


# %%
network = rl.models.build(np.random.default_rng(0), task, layer="rnn", hidden=40, dtype=np.float64)
rng, losses = np.random.default_rng(1), []
for _ in range(100):
    network, loss = updated(network, rng, lr=0.01)
    losses.append(loss)
print(f"loss {losses[0]:.2f} before the first update, {np.mean(losses[-50:]):.2f} over the last 50")
assert np.mean(losses[-50:]) < 0.5 * losses[0]
assert np.mean(losses[-50:]) > 0.8 * task.baseline

# %% [markdown]
# It learns the mean, and no more. `rl.fit` is the same loop with two things added. *Adam* divides each parameter's step
# by the recent size of its gradient, so that parameters with small gradients move as well. And the gradient is clipped
# to norm 1 (tutorial 8). At every row of its log it measures the error on sequences that were not trained on, and the
# norm of dL/dh[t] at every step.
#
# ## Every run
#
# Train a tanh RNN and an IRNN alike, from three seeds each. For each run two rows are shown: the error, and how much of
# the gradient is left at the first step, |dh[0]| / |dh[T]|.


# %%
def train(seed, updates, every, layer, layers=1, W=None, **words):
    """A network trained from a seed, which gives it its weights and its batches."""
    weights = np.random.default_rng(seed).spawn(2)[0]
    start = rl.models.build(weights, task, layer=layer, layers=layers, hidden=40, kernel_initializer=W)
    return rl.fit(start, task, updates=updates, every=every, clip_norm=1.0, seed=seed, **words)


def left(trained):
    """|dh[0]| / |dh[T]| of the lowest layer, at every row of the log."""
    norms = {(row.update, row.t): row.norm for row in trained.norms if row.layer == 0}
    return [norms[row.update, 0] / norms[row.update, task.steps] for row in trained.rows]


# %%
runs = {}
for name, layer in (("tanh RNN", "rnn"), ("IRNN", "irnn")):
    for seed in range(3):
        runs[name, seed] = trained = train(seed, updates=200, every=100, lr=3e-3, layer=layer)
        print(f"{name:8} seed {seed}  error   ", " ".join(f"{row.score:7.3f}" for row in trained.rows))
        print(f"{name:8} seed {seed}  gradient", " ".join(f"{share:7.0e}" for share in left(trained)))

# %% [markdown]
# After 200 updates no run is much better than the baseline. But look at the gradients. In each tanh RNN less than a
# hundredth of the gradient is left at the first step, from the first row after the start on, mostly far less. Each IRNN
# keeps more than a tenth, and here it even grows. The two do not overlap.

# %%
tanh_most = max(max(left(trained)[1:]) for (name, _), trained in runs.items() if name == "tanh RNN")
irnn_least = min(min(left(trained)[1:]) for (name, _), trained in runs.items() if name == "IRNN")
print(f"left at the first step: tanh RNN at most {tanh_most:.0e}, IRNN at least {irnn_least:.0e}")
print(f"lowest error of any run: {min(row.score for trained in runs.values() for row in trained.rows):.3f}")
assert tanh_most < 1e-2 < 1e-1 < irnn_least
assert min(row.score for trained in runs.values() for row in trained.rows) > 0.75 * task.baseline

# %% [markdown]
# So a gradient that arrives is not yet a net that has learned. It makes learning possible; it does not promise it.
# Where a hundred-thousandth of the gradient is left, the first number hardly changes a weight. But other steps change
# the weights, and with the weights the gradient changes: the GRU of tutorial 9 started with less than any of these.
#
# ## One lucky run
#
# Given more time, which of the two learns? With 200 updates one cannot tell; these runs would need thousands. The lab
# has made them, with T = 200, and the lowest error of every run is recorded.

# %%
recorded = tables.read("runs").where(recipe="adding")
for model in ("tanh RNN", "IRNN", "LSTM", "GRU", "IndRNN"):
    best = recorded.where(variant="T = 200", model=model)["best"]
    print(f"T = 200, {model:8}", "  ".join(f"{error:.4f}" for error in best), f"  ({len(best)} seeds)")
tanh = recorded.where(variant="T = 200", model="tanh RNN")["best"]
irnn = recorded.where(variant="T = 200", model="IRNN")["best"]
assert np.median(irnn) < 1 / 12 < np.median(tanh)

# %% [markdown]
# The IRNN learns, the tanh RNN does not. Whether one seed would have told you how soon is another matter. Take all
# recorded groups of runs that differ in nothing but the seed and that all came below an error of 0.01. In which group
# did the slowest seed need the most updates, compared with the fastest?

# %%
apart = []
for variant, model in recorded.each("variant", "model"):
    after = recorded.where(variant=variant, model=model)["first"]
    if np.isfinite(after).all():
        apart.append((after.max() / after.min(), variant, model, after.min(), after.max()))
ratio, variant, model, lucky, unlucky = max(apart)
print(f"{variant}, {model}: {lucky:,.0f} updates with one seed, {unlucky:,.0f} with another, {ratio:.1f} times as many")
assert ratio > 1

# %% [markdown]
# With one seed each, you could have published either number. Show every run, or at least the worst beside the best.
#
# ## A stack, by hand
#
# What does a net have to do here? Two things: pick a number where it is marked, and add up what was picked. Two layers,
# one on top of the other, can share the work. Take IndRNNs, h[t] = ReLU(x[t] W + u ⊙ h[t-1] + b), with one unit each.
#
#     lower:  h[t] = ReLU(value + marker - 1)       u = 0: no memory. It is the value if marked, else 0
#     upper:  h[t] = ReLU(h[t-1] + lower[t])        u = 1: it adds up, and never forgets

# %%
lower = rl.IndRNN(np.array([[1.0], [1.0]]), np.array([0.0]), np.array([-1.0]), "relu")
upper = rl.IndRNN(np.array([[1.0]]), np.array([1.0]), np.array([0.0]), "relu")
stack = rl.Network((lower, upper), reads="last")
by_hand = np.square(stack.forward(xs).ys - targets).mean()
print(f"mean squared error of two units, untrained: {by_hand:.0e}")
assert by_hand < 1e-30

# %% [markdown]
# Two units, seven numbers, and no error. And one layer of IndRNN? Its units do not see each other's states. A unit that
# adds up (u = 1) would also add up its own bias, at every step. So one layer has to do both in the same unit, and
# cannot. Do trained nets find the same? One layer and two, three seeds each.

# %%
stacks = {}
for layers in (1, 2):
    for seed in range(3):
        trained = train(
            seed, updates=200, every=50, lr=1e-2, layer="indrnn", layers=layers, W="glorot_uniform", gamma=2.0
        )
        stacks[layers, seed] = [row.score for row in trained.rows]
        print(f"{layers} layers, seed {seed}:", " ".join(f"{score:8.3f}" for score in stacks[layers, seed]))
assert min(min(stacks[1, seed]) for seed in range(3)) > 1 / 12
assert max(min(stacks[2, seed]) for seed in range(3)) < 1 / 12

# %% [markdown]
# With one layer no run gets below 1/12 in 200 updates; with two layers every run does. (Their W is larger than in the
# paper, glorot_uniform, so that seconds are enough. `gamma=2` keeps every |u| at most 2^(1/T), as the paper does. The
# first error of the two-layer nets can be in the hundreds. That is no harm: Adam takes steps of the same size for large
# gradients and for small ones.)
#
# A stack is not deeper in time: each of its layers carries its own state over the same 40 steps. It is a second place
# to put what one layer cannot do.


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
for (layers, _), scores in stacks.items():
    color, line = (("#0072B2", "--"), ("#D55E00", "-"))[layers - 1]
    axes.semilogy(range(0, 201, 50), scores, line, color=color)
axes.axhline(1 / 12, color="black", linewidth=0.8)
axes.text(200, 1 / 12, "1/12", va="bottom", ha="right")
axes.set(xlabel="updates", ylabel="held-out error", title="IndRNN: one layer (dashed) and two, three seeds each")
show(figure, "rnnlab_tutorial_10.png")
print(len(stacks), "runs")

# %% [markdown]
# ## Interrupt and resume
#
# With a folder, `fit` writes a checkpoint at every row: the parameters, Adam's averages, and the state of the random
# generator. So a run that is interrupted and resumed ends with the same bits as one that ran through.

# %%
start = rl.models.build(np.random.default_rng(0), task, layer="irnn", hidden=40)
short = {"batch": 32, "every": 20, "lr": 1e-3}
whole = rl.fit(start, task, updates=40, **short)
with tempfile.TemporaryDirectory() as folder:
    rl.fit(start, task, updates=20, folder=folder, **short)  # as if the power had failed here
    resumed = rl.fit(start, task, updates=40, folder=folder, resume=True, **short)
difference = whole.network.layers[0].U - resumed.network.layers[0].U
print("largest difference of any recurrent weight:", np.abs(difference).max())
assert not difference.any()

# %% [markdown]
# ## The same from the shell
#
# `rnnlab train` makes the same run, with a log and a line of progress. The class `Run` is that command in Python: it
# says how it is typed, and carries it out. Its weights are those of `train` above, bit for bit.

# %%
words = {"layer": "irnn", "hidden": 40, "updates": 20, "lr": 3e-3, "clip_norm": 1.0, "every": 20, "seed": 2}
command = Run("adding", {"steps": 40}, **words)
print(command.command)
from_shell = command.train()
ours = train(2, updates=20, every=20, lr=3e-3, layer="irnn")
print("the same weights:", (from_shell.network.layers[0].U == ours.network.layers[0].U).all())
assert (from_shell.network.layers[0].U == ours.network.layers[0].U).all()

# %% [markdown]
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *A little forgetting.* The upper unit of the stack by hand keeps everything, u = 1. Let it forget. How much can it
# forget before it is no better than a net that knows one number only?

# %% knob
keep = 1.0  # try 0.99, 0.98 and 0.9
leaky = rl.IndRNN(np.array([[1.0]]), np.array([keep]), np.array([0.0]), "relu")
error = np.square(rl.Network((lower, leaky), reads="last").forward(xs).ys - targets).mean()
print(f"error {error:.3f},", "below 1/12" if error < 1 / 12 else "not below 1/12")

# %% [markdown]
# What you should see:
#
#     keep = 1.0   →  error 0.000, below 1/12
#     keep = 0.99  →  error 0.038, below 1/12
#     keep = 0.98  →  error 0.120, not below 1/12
#     keep = 0.9   →  error 0.706, not below 1/12
#
# *The length.* Which error does the stack by hand have on longer sequences than any it could have been trained on?

# %% knob
steps = 40  # try 4000
long_xs, long_targets = rl.tasks.Adding(steps=steps).batch(np.random.default_rng(2), 50)
long_error = np.square(stack.forward(long_xs).ys - long_targets).mean()
print(f"T = {steps}:", "error at most 1e-29" if long_error <= 1e-29 else f"error {long_error:.0e}")

# %% [markdown]
# What you should see:
#
#     steps = 40    →  error at most 1e-29
#     steps = 4000  →  error at most 1e-29
#
# ## Exercises
#
# **Exercise 1.** One layer of IndRNN cannot do it, but one layer of RNN with ReLU and a full U can, with two units.
# Find W, U, b and the readout. (Unit 1 picks. Unit 2 adds up what unit 1 had *one step ago*.)
#
# **Exercise 2.** Is the net of exercise 1 an IRNN, that is, could U = I solve the task?
#
# The answers follow.

# %% answer
W, U = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])  # U[k, j]: from unit k to unit j
one_layer = rl.RNN(W, U, np.array([-1.0, 0.0]), "relu")
readout = rl.Dense(np.array([[1.0], [1.0]]), np.array([0.0]))
answers = rl.Network((one_layer,), readout, "last").forward(xs).ys
print(f"error {np.square(answers - targets).mean():.0e}")
assert np.square(answers - targets).mean() < 1e-30

# %% [markdown]
# *Answer 1.* Unit 1 is ReLU(value + marker - 1), with no weight from its past. Unit 2 is ReLU(unit 1 one step ago +
# unit 2 one step ago). The readout adds both: unit 1 still holds a number that was marked at the last step.

# %% answer
singular = np.linalg.svd(U, compute_uv=False)
print("singular values of U:", singular.round(3), "  eigenvalues:", np.linalg.eigvals(U).round(3))
assert abs(singular.max() - 2**0.5) < 1e-12
assert sorted(np.linalg.eigvals(U).real.round(12)) == [0.0, 1.0]

# %% [markdown]
# *Answer 2.* No. With U = I the units do not see each other, as in an IndRNN with u = 1, and unit 1 would add up its
# bias of -1. An IRNN only *starts* at U = I; to solve the task it has to learn entries beside the diagonal. The U that
# works has one eigenvalue 1, for the memory, and one 0, for the unit that only looks at the input.
#
# ## What you have
#
# A task with two errors to beat, 1/6 and 1/12, a training loop of five lines, and twelve runs, all shown. How far each
# net gets at T = 100 … 1,000 is in [the gallery](../figures/README.md), and what that says about the claims of the
# survey in [CLAIMS.md](../figures/CLAIMS.md).
#
# **To remember:** a gradient that arrives makes learning possible and does not promise it, so train from several seeds
# and show every run.
