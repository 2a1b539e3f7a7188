# %% [markdown]
# # 8. The cliff, and clipping
#
# A gradient that vanishes fails quietly: the loss stays where it is. A gradient that explodes fails loudly. One update
# is enough to throw away all that the net had learned, and often the run ends with a NaN. Here you see how that
# happens, first in the smallest net there is, then in a training run. The remedy is one line.
#
# New letters: E is the error of the small net, g a gradient, |g| its norm, lr the *learning rate*. Gradient descent is
# the rule p ← p - lr · g: every parameter takes a step against its gradient.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl

# %% [markdown]
# ## The smallest net
#
# One number as the state h, 50 steps, two parameters w and b, and no input (Pascanu, Mikolov and Bengio, 2013, who call
# the state x):
#
#     h[t] = w σ(h[t-1]) + b        h[0] = 0.5        E = (σ(h[50]) - 0.7)²
#
# The gradient of E is taken by the complex step of the third tutorial: exact to the last digits, and two lines long.


# %%
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def error(w, b):
    h = 0.5
    for _ in range(50):
        h = w * sigmoid(h) + b
    return (sigmoid(h) - 0.7) ** 2


def gradient(w, b, ε=1e-20):
    return np.array([error(w + 1j * ε, b).imag, error(w, b + 1j * ε).imag]) / ε


# %% [markdown]
# Keep w at 5 and move b from -2.64 to -2.59 in steps of 0.01. Where is the error steep?

# %%
for b in (-2.64, -2.63, -2.62, -2.61, -2.60, -2.59):
    print(f"b = {b:.2f}: E = {error(5.0, b):.3f}, |g| = {np.linalg.norm(gradient(5.0, b)):.2f}")
assert error(5.0, -2.62) > 20 * error(5.0, -2.61)

# %% [markdown]
# It is steep nowhere in this list: no |g| is above 0.3. Yet between two of the points the error falls from 0.343 to
# 0.010. Such a place is called a *cliff*, and it is so narrow that we stepped over it.
#
# Where is it? At the b for which h[0] = 0.5 is a *fixed point*, a state that the step does not change: h = w σ(h) + b.
# A state that starts a little above goes up, one a little below goes down, and at each step the distance is multiplied
# by the slope w σ'(0.5).

# %%
crest = 0.5 - 5 * sigmoid(0.5)
per_step = 5 * sigmoid(0.5) * (1 - sigmoid(0.5))
on_top = np.linalg.norm(gradient(5.0, crest))
print(f"b = {crest:.4f}: |g| = {on_top:.0f}; the slope is {per_step:.3f}, and {per_step:.3f}^50 = {per_step**50:.0f}")
assert per_step**50 > 1000
assert on_top > 2000 * np.linalg.norm(gradient(5.0, -2.62))

# %% [markdown]
# A slope of 1.175 is close to 1. But 50 steps multiply it by itself 50 times: that is the power of the earlier
# tutorials, this time above 1. On the cliff the gradient is 779, and 0.01 away from it below 0.3.
#
# ## One step leaves the valley
#
# Now descend. Start at w = 4.6, b = -2.1, in the valley on the low side of the cliff, with lr = 0.1. The best points
# lie close to the foot of the cliff, so gradient descent walks straight towards it. With `limit`, a gradient longer
# than that is shortened to it.


# %%
def descend(limit=np.inf, lr=0.1, updates=40):
    """w, b, E and |g| before every update, (updates + 1, 4)."""
    p, rows = np.array([4.6, -2.1]), []
    for _ in range(updates + 1):
        g = gradient(*p)
        norm = np.linalg.norm(g)
        rows.append((*p, error(*p), norm))
        p = p - lr * g * min(1, limit / norm)
    return np.array(rows)


# %%
free = descend()
for update in (0, 5, 10, 15, 16, 17, 18, 19, 20, 40):
    w, b, E, norm = free[update]
    print(f"after {update:2} updates: w {w:.2f}, b {b:5.2f}, E {E:.5f}, |g| {norm:.4f}")
assert free[17, 2] < 1e-4
assert free[18, 3] > 30
assert free[19:, 2].min() > 0.08

# %% [markdown]
# After 17 updates the error is 0.00003. One more step of the usual size, and the point is on the cliff, where |g| is
# about 38. The next step has a length of 3.783, and it ends on a plain where the gradient is 0.0005. There it stays: E
# is 0.090, three times what it was at the start.
#
# The gradient was not wrong. It says how steep the error is *at this point*. A step that trusts it for that distance,
# across a cliff less than 0.01 wide, trusts it too far.
#
# ## Clipping
#
# So keep the direction, and limit the length. If |g| is above a limit, multiply g by limit / |g|. That is all that
# *clipping by norm* means. With a limit of 0.5 no step is longer than lr · 0.5 = 0.05.


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
clipped = descend(limit=0.5)
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, rows, line in (("free", free, "--"), ("clipped", clipped, "-")):
    longest, later = np.hypot(*np.diff(rows[:, :2], axis=0).T).max(), rows[17:, 2].max()
    print(f"{name:8} longest step {longest:.3f}, largest |g| {rows[:, 3].max():.0f}", end="")
    print(f", E from update 17 on at most {later:.3f}, best {rows[:, 2].min():.0e}")
    axes.semilogy(rows[:, 2], line, label=name)
axes.set(xlabel="updates", ylabel="error E", title="One step leaves the valley; a clipped one does not")
axes.legend()
show(figure, "rnnlab_tutorial_8.png")
assert clipped[:, 3].max() > 30
assert clipped[19:, 2].max() < 0.07
assert clipped[:, 2].min() < 1e-5

# %% [markdown]
# The clipped path meets the cliff again and again, with gradients up to 77, and each time it takes a small step back.
# It stays in the valley.
#
# ## A run that does diverge
#
# Now a real net: an IRNN (ReLU, U = I) on the adding problem with 200 steps, trained by plain gradient descent with lr
# = 1. (The tenth tutorial is about this task.) Its readout starts as large as that of any other net, not as small as
# the IRNN's authors have it. The library stops such a run with a message, not with a NaN.

# %%
task = rl.tasks.Adding(steps=200)
words = {"layer": "irnn", "hidden": 20, "readout_initializer": "glorot_uniform"}
start = rl.models.build(np.random.default_rng(0), task, **words, dtype=np.float64)
recipe = {"updates": 100, "batch": 32, "optimizer": "sgd", "lr": 1.0}
try:
    rl.fit(start, task, **recipe)
    message = "it did not diverge"
except rl.DivergenceError as stopped:
    message = str(stopped)
print(message)
assert "update 2 diverged" in message
assert "clip the gradient" in message

# %% [markdown]
# The message gives the update that could not be made, what went wrong, the last loss, and two remedies. The second
# update was impossible already, so the first one did the damage. Take it by hand. How large is its gradient? And has
# the gradient exploded on its way back through the 200 steps?

# %%
xs, targets = task.batch(np.random.default_rng(1), 32)
trace = start.forward(xs)
loss, dys = task.loss(trace.ys, targets)
grads = start.backward(trace, dys)
left = np.linalg.norm(grads.layers[0].hs[0]) / np.linalg.norm(grads.layers[0].hs[-1])
size = rl.optim.global_norm(grads.params)
by_steps = np.linalg.norm(grads.params.layers[0].b)
print(f"loss {loss:.2f}; |dh[0]| is {left:.2f} of |dh[T]|; |g| = {size:.0f}, of which db {by_steps:.0f}")
assert 0.5 < left < 1
assert size > 200

# %% [markdown]
# Nothing exploded on the way: an IRNN keeps its gradient, and more than half of it is left at the first step. But that
# is just it. db is a *sum* over the steps, and 200 terms of about the same size and sign add up. A gradient that is
# kept makes large gradients of the parameters: twice the steps, twice the norm, or a little more.

# %%
for steps in (50, 100, 200, 400):
    longer = rl.tasks.Adding(steps=steps)
    xs_long, targets_long = longer.batch(np.random.default_rng(1), 32)
    run = start.forward(xs_long)
    gradient_long = start.backward(run, longer.loss(run.ys, targets_long)[1]).params
    print(f"T = {steps}: |g| = {rl.optim.global_norm(gradient_long):.0f}")
assert rl.optim.global_norm(gradient_long) > 1.5 * size

# %% [markdown]
# Now the step. With lr = 1 it is as long as g: several hundred, while U has a norm of √20, less than 5. What does the
# state do afterwards?


# %%
def after(g, lr=1.0):
    """The loss after a step against g, and the factor by which the largest state then grows at a time step."""
    moved = start.map(lambda p, dp: p - lr * dp, g)
    hs = moved.layers[0].forward(xs).hs
    sizes = np.abs(hs[1:]).max(axis=(1, 2))
    return task.loss(moved.forward(xs).ys, targets)[0], np.median(sizes[100:] / sizes[99:-1])


# %%
with np.errstate(over="ignore"):
    thrown, factor = after(grads.params)
print(f"without clipping: loss {thrown:.0e}, the state grows by {factor:.2f} a step")
tamed, factor_clipped = after(rl.optim.clip_by_norm(grads.params, 1.0))
print(f"clipped to 1:     loss {tamed:.0f}, the state grows by {factor_clipped:.2f} a step")
assert factor > 1.5
assert thrown > 1e50
assert loss < tamed < 1e20

# %% [markdown]
# Without clipping the new U multiplies the state at every step, and 200 steps are more than a float can hold. Clipped
# to 1, the step still makes the loss worse: lr = 1 is too large even so. Clipping limits the damage of one step. It
# does not choose a learning rate for you. With clipping *and* lr = 0.01, a rate that the IRNN paper used, the run goes
# through.

# %%
through = rl.fit(start, task, **{**recipe, "lr": 0.01, "clip_norm": 1.0, "every": 5})
print("loss:", " ".join(f"{row.loss:.2f}" for row in through.rows))
print("|g| before clipping, largest median of five:", max(round(row.norm, 1) for row in through.rows))
assert max(row.loss for row in through.rows) < 50
assert through.rows[-1].loss < 0.4

# %% [markdown]
# ## By norm, or by value?
#
# Some programs clip every entry by itself to [-limit, limit]: *clipping by value*. It is as easy, but it turns the
# gradient. The cosine of the angle between g and what is left of it says how far: 1 means the same direction.


# %%
def flat(record):
    return np.concatenate([array.ravel() for array in record.arrays().values()])


def cosine(p, q):
    return p @ q / np.linalg.norm(p) / np.linalg.norm(q)


# %%
g = flat(grads.params)
by_norm, by_value = flat(rl.optim.clip_by_norm(grads.params, 1.0)), flat(rl.optim.clip_by_value(grads.params, 1.0))
print(f"by norm:  length {np.linalg.norm(by_norm):6.3f}, cosine {cosine(g, by_norm):.3f}")
print(f"by value: length {np.linalg.norm(by_value):6.3f}, cosine {cosine(g, by_value):.3f}")
assert abs(cosine(g, by_norm) - 1) < 1e-12
assert cosine(g, by_value) < 0.95

# %% [markdown]
# And vanishing? Clipping never makes a gradient longer. All of g is multiplied by one number, so the share that comes
# from the early steps stays what it was. Against vanishing it can do nothing.

# %% [markdown]
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *The limit.* Where is E after 40 updates?

# %% knob
limit = 0.5  # try 5.0 and 0.05
rows = descend(limit)
longest = np.hypot(*np.diff(rows[:, :2], axis=0).T).max()
print(f"limit {limit}: longest step {longest:.3f}, E {rows[-1, 2]:.3f}")

# %% [markdown]
# What you should see:
#
#     limit = 5.0   →  longest step 0.500, E 0.040
#     limit = 0.5   →  longest step 0.050, E 0.004
#     limit = 0.05  →  longest step 0.005, E 0.003
#
# With a limit of 5 it is thrown out again and again, only not so far. A good limit is a little above the norms of the
# ordinary steps, which are 0.1 to 0.2 here.
#
# *The learning rate.* Without clipping, does a smaller lr stay in the valley? And what does it cost?

# %% knob
lr = 0.1  # try 0.05 and 0.01
rows = descend(lr=lr)
print(f"lr {lr}: E after 40 updates {rows[-1, 2]:.3f}, largest on the way {rows[:, 2].max():.3f}")
print(f"norms of the first 16 gradients: {rows[:16, 3].min():.1f} to {rows[:16, 3].max():.1f}")

# %% [markdown]
# What you should see:
#
#     lr = 0.1   →  E after 40 updates 0.090, largest on the way 0.090
#     lr = 0.05  →  E after 40 updates 0.001, largest on the way 0.029
#     lr = 0.01  →  E after 40 updates 0.024, largest on the way 0.029
#
# With 0.05 these 40 updates stay in the valley, but by luck: a smaller lr makes the step across the cliff shorter, not
# safe. And lr = 0.01 makes *every* step ten times shorter, also the good ones.
#
# ## Exercises
#
# **Exercise 1.** Train the same IRNN on 100 steps with lr = 0.1 and no clipping, for 200 updates. No message comes, and
# the last loss is near 1/6, the error of a net that always answers the mean. Has it recovered? Count the units that are
# ever on.
#
# **Exercise 2.** Clip by value to [-1, 1] in a net with P parameters, with lr = 1. How long can a step be at most?
#
# The answers follow.

# %% answer
shorter = rl.tasks.Adding(steps=100)
calm = rl.fit(start, shorter, updates=200, batch=32, optimizer="sgd", lr=0.1, every=20)
ever_on = (calm.network.layers[0].forward(next(shorter.test())[0]).hs > 0).any(axis=(0, 1)).sum()
print(f"largest loss {max(row.loss for row in calm.rows):.0e}, the last {calm.rows[-1].loss:.3f}")
print(f"units that are ever on: {ever_on} of 20")
assert max(row.loss for row in calm.rows) > 1e6
assert calm.rows[-1].score < 0.2
assert ever_on == 0

# %% [markdown]
# *Answer 1.* It has not recovered: all units are dead. The first updates threw W, U and b so far that every ReLU is
# off, for every input. From then on no gradient comes through, and only the bias of the readout learns: the mean. If a
# loss jumps once and then rests at the baseline, look at the states.

# %% answer
print(f"P = {g.size}: √P = {g.size**0.5:.3f}; the step above was {np.linalg.norm(by_value):.3f}")
assert np.linalg.norm(by_value) <= g.size**0.5

# %% [markdown]
# *Answer 2.* √P, if every entry is clipped. So the same number means more as a limit by value than as a limit by norm,
# the more so the larger the net.
#
# **To remember:** an exploding gradient says where the loss is steep, not how far one may walk, so limit the length of
# the step and keep its direction.
