# %% [markdown]
# # 9. Gates: LSTM and GRU
#
# In a tanh RNN the gradient must pass through a slope and Uᵀ at every step. An IRNN sets U = I, and hopes that its
# units stay on. Gated nets go a third way: they have a path on which the state is only multiplied by a *gate*, a number
# between 0 and 1 that the net computes itself, at every step and for every unit.
#
# Before training this hardly helps. You will see a GRU that starts with less than a hundred-thousandth of its gradient
# at the first step, worse than a tanh RNN, and then learns to keep a good part of it.
#
# The letters are as before; σ is the sigmoid, and ⊙ multiplies entry by entry.

# %%
import inspect
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rnnlab as rl

# %% [markdown]
# ## The LSTM
#
# Beside its state h the LSTM (Hochreiter and Schmidhuber, 1997) carries a second one, the *cell* c. Three gates, all
# sigmoids, act on it: i lets something in, f keeps what is there (*forget gate*), o lets it out. g is what could be
# added.
#
#     i, f, o = σ(a_i), σ(a_f), σ(a_o)        g = tanh(a_g)        each a = x[t] W + h[t-1] U + b, with its own W, U, b
#     c[t] = f ⊙ c[t-1] + i ⊙ g
#     h[t] = o ⊙ tanh(c[t])
#
# Here is one step by hand, from the four blocks of the library's W, U and b. They agree to within 1e-14.

# %%
rng = np.random.default_rng(0)
lstm = rl.LSTM.init(rng, inputs=2, hidden=3)
x, h, c = rng.standard_normal((1, 2)), rng.standard_normal((1, 3)), rng.standard_normal((1, 3))
a_i, a_f, a_g, a_o = np.split(x @ lstm.W + h @ lstm.U + lstm.b, 4, axis=1)
i, f, o = (1 / (1 + np.exp(-a)) for a in (a_i, a_f, a_o))
c_next = f * c + i * np.tanh(a_g)
h_next = o * np.tanh(c_next)
trace = lstm.forward(x[None], h, c)
apart = max(np.abs(trace.hs[1] - h_next).max(), np.abs(trace.cs[1] - c_next).max())
print(f"one step by hand: apart by {apart:.0e}")
assert apart < 1e-14

# %% [markdown]
# Now go back. The cell is multiplied by f and nothing else, so
#
#     dc[t-1] = dc[t] ⊙ f  +  what comes back through the gates and Uᵀ
#
# The first term has no slope and no matrix: where f is 1, it passes on the gradient unchanged. These are the two paths
# in the library:

# %%
marked = [line.strip() for line in inspect.getsource(rl.LSTM.backward).splitlines() if "←" in line]
print("\n".join(marked))
assert len(marked) == 2
assert "kept" in marked[0]

# %% [markdown]
# ## An LSTM without decay is an IRNN
#
# Set U = 0 and hold all gates open by their biases: σ(40) is exactly 1 in floating-point numbers. Then c[t] = c[t-1] +
# g[t], and h[t-1] enters nowhere. An IRNN adds as well: h[t] = ReLU(h[t-1] + x[t] W). Let it read the LSTM's g with W =
# I, and begin at 20, so that no unit ever falls to 0. What do you expect: will its states be close to the LSTM's cells,
# or equal?


# %%
def held_open(forget):
    """An LSTM with U = 0 and constant gates: i = o = 1 and f = σ(forget)."""
    W, b = np.zeros((H, 4 * H)), np.zeros(4 * H)
    W[:, 2 * H : 3 * H] = rng.standard_normal((H, H))  # the blocks are i, f, g, o
    b[:H], b[H : 2 * H], b[3 * H :] = 40, forget, 40
    return rl.LSTM(W, np.zeros((H, 4 * H)), b)


# %%
T, B, H = 100, 4, 10
xs, start = rng.standard_normal((T, B, H)), np.full((B, H), 20.0)
open_lstm = held_open(40.0)
cells = open_lstm.forward(xs, None, start)
irnn = rl.RNN(np.eye(H), np.eye(H), np.zeros(H), "relu")
states = irnn.forward(np.ascontiguousarray(cells.gates[:, 3]), start)  # here g comes last: i, f, o, g
print("smallest state:", states.hs.min().round(2), "  all cells equal all states:", (cells.cs == states.hs).all())
assert states.hs.min() > 0
assert (cells.cs == states.hs).all()

# %% [markdown]
# Equal, bit for bit. And the gradients?

# %%
dc = rng.standard_normal((B, H))
nothing = np.zeros((T, B, H))
by_lstm = open_lstm.backward(cells, nothing, None, dc)
by_irnn = irnn.backward(states, nothing, dc)
print("dc[0] equals dc[T]:", (by_lstm.cs[0] == dc).all(), "  all dc equal all dh:", (by_lstm.cs == by_irnn.hs).all())
assert (by_lstm.cs[0] == dc).all()
assert (by_lstm.cs == by_irnn.hs).all()

# %% [markdown]
# They are equal, too. So this is exactly true: *with open gates, U = 0, and as long as the IRNN's units are on, the
# cells of an LSTM are an IRNN that reads g*. Two differences remain. A unit of the IRNN that falls to 0 is off and
# loses its gradient; a cell may change its sign and loses nothing. And the LSTM can close its gates.
#
# A forget gate that is not quite open forgets like the IRNN with U = α I: f = α at every step leaves α^k of the
# gradient after k steps. f is σ(b_f), so b_f = log(α / (1 - α)) gives α.

# %%
for α in (0.5, 0.9, 0.99):
    leaky = held_open(np.log(α / (1 - α)))
    left = leaky.backward(leaky.forward(xs), nothing, None, dc).cs[0] / dc
    print(f"α = {α}: {left.mean():.3e} of the gradient is left, α^100 = {α**T:.3e}")
    assert np.abs(left / α**T - 1).max() < 1e-12

# %% [markdown]
# So the bias of the forget gate sets how long an LSTM remembers when it starts. The library, like Keras, starts with
# b_f = 1 (Jozefowicz, Zaremba and Sutskever, 2015): f is then about 0.73. Is that enough for 100 steps?

# %%
for bias in (0.0, 1.0, 3.0, 5.0):
    f = 1 / (1 + np.exp(-bias))
    print(f"b_f = {bias}: f = {f:.2f}, f^100 = {f**100:.0e}, half is gone after {np.log(0.5) / np.log(f):.0f} steps")
assert (1 / (1 + np.exp(-1.0))) ** 100 < 1e-13
assert (1 / (1 + np.exp(-5.0))) ** 100 > 0.5

# %% [markdown]
# No. With b_f = 1 half of it is gone after 2 steps. With 5, half of it survives 100 steps.
#
# ## The GRU
#
# The GRU (Cho et al., 2014) has no cell. Its *update gate* z mixes the old state with a new candidate n; a second gate
# r, *reset*, decides how much of the old state the candidate sees.
#
#     h[t] = z ⊙ h[t-1] + (1 - z) ⊙ n        n = tanh(x W_n + r ⊙ (h[t-1] U_n) + …)
#
# z = 1 keeps the state, and the gradient with it: dh[t-1] = dh[t] ⊙ z + what comes back through the gates.
#
# At the start the weights are small and the biases 0, so z and r are near 1/2. One step back then multiplies by about
#
#     1/2 + 1/2 · 1/2 · U_nᵀ
#
# U_n is orthogonal, so it turns a vector without stretching it, and the result is at most 3/4 as long. Over 40 steps
# that is 0.75^40. What is measured?

# %%
task = rl.tasks.Adding(steps=40)
print(f"0.75^40 = {0.75**40:.0e}")
xs, _ = task.batch(np.random.default_rng(0), 32)
starts = {}
for name, kind in (("tanh RNN", rl.RNN), ("LSTM", rl.LSTM), ("GRU", rl.GRU)):
    norms = rl.flow.gradient_norms(kind.init(np.random.default_rng(0), inputs=2, hidden=20), xs)
    starts[name] = np.median(norms[0] / norms[-1])
    print(f"{name:8} before training: |dh[0]| / |dh[T]| = {starts[name]:.0e}")
assert starts["GRU"] < 1e-5
assert starts["GRU"] < starts["tanh RNN"] / 100

# %% [markdown]
# Of the three the GRU starts worst by far. Would you bet on it?
#
# ## How it starts is not its fate
#
# Train it on the adding problem with 40 steps: two of 40 numbers are marked, and after the last step the net must give
# their sum. (The tenth tutorial says more. A net that always answers the mean has an error of 1/6.) `fit` makes 225
# updates, and every 25 it measures the error on held-out sequences, and the norm of dL/dh[t] at every step.

# %%
start = rl.models.build(np.random.default_rng(0), task, layer="gru", hidden=20)
trained = rl.fit(start, task, updates=225, batch=32, lr=1e-2, clip_norm=1.0, every=25)
left, reach = {}, {}
for row in trained.rows:
    norms = np.array([norm.norm for norm in trained.norms if norm.update == row.update])  # [t], t = 0 … T
    left[row.update] = norms[0] / norms[-1]
    reach[row.update] = task.steps - np.flatnonzero(norms > norms[-1] / 100).min()
    print(f"{row.update:3} updates: error {row.score:.3f}, |dh[0]| / |dh[T]| = {left[row.update]:.0e}", end="")
    print(f"; over 1 % up to {reach[row.update]} steps back")
assert left[0] < 1e-4
assert left[225] > 0.05
assert trained.rows[-1].score < 0.05


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
figure, (above, below) = plt.subplots(2, 1, sharex=True, layout="constrained")
above.semilogy([row.update for row in trained.rows], [row.score for row in trained.rows], "o-")
above.axhline(task.baseline, linestyle="--")
above.set(ylabel="error (dashed: 1/6)", title="The gradient comes back before the error falls")
below.semilogy(list(left), list(left.values()), "s-", color="#D55E00")
below.set_ylabel("|dh[0]| / |dh[T]|")
below.set_xlabel("updates")
show(figure, "rnnlab_tutorial_9.png")

# %% [markdown]
# It learns the task, and what is left of the gradient rises from less than 1e-4 to more than 0.05: ten thousand times
# as much, and more.
#
# Look at the order. After 75 updates the error is still close to that of the mean, but the gradient at h[0] is already
# more than a hundred times what it was. The last column says why. At first only the steps near the end get a gradient
# worth the name. What they teach the gates holds for all steps, since W, U and b are the same at each. So the reach
# grows, and with it the number of steps that teach.

# %%
early = next(row for row in trained.rows if row.update == 75)
print(f"after 75 updates: error {early.score:.3f}, gradient × {left[75] / left[0]:.0f}")
print(f"over 1 %: {reach[0]} steps back, then {reach[75]}, then {reach[225]}")
assert early.score > 0.8 * task.baseline
assert left[75] > 100 * left[0]
assert left[225] > 1e4 * left[0]
assert reach[0] < 20 < reach[75] < reach[225] == 40

# %% [markdown]
# What have the gates learned? Compare z at the two marked steps with z at all others, in the unit that keeps most.


# %%
def mean_gates(network):
    """The mean z of every unit, at unmarked and at marked steps, (2, H)."""
    xs, _ = task.batch(np.random.default_rng(1), 200)
    z = network.forward(xs).layers[0].gates[:, 0]  # gates are z, r, n of every step
    marked = xs[:, :, 1] == 1
    return np.array([z[~marked].mean(axis=0), z[marked].mean(axis=0)])


for name, network in (("before", start), ("after", trained.network)):
    unmarked, marked = mean_gates(network)
    keeper = unmarked.argmax()
    print(f"{name:6} training: z = {unmarked[keeper]:.2f} at unmarked steps, {marked[keeper]:.2f} at marked ones")
assert unmarked[keeper] > 0.85
assert marked[keeper] < unmarked[keeper] - 0.1

# %% [markdown]
# The gate is a function of the input, and it has learned what to do with each: keep the state when nothing is marked (z
# above 0.85), let something in when a number is. Before training it did neither.
#
# Is it z alone that carries the gradient back? Multiply the z of every unit over all 40 steps.

# %%
xs, _ = task.batch(np.random.default_rng(1), 200)
z = trained.network.forward(xs).layers[0].gates[:, 0]
by_gate_alone = np.median(z.prod(axis=0), axis=0).max()
print(f"by z alone: at most {by_gate_alone:.3f} in any unit (median sequence); all paths: {left[225]:.2f}")
assert by_gate_alone < left[225]

# %% [markdown]
# No. The path through z alone leaves less than what is measured. The rest comes back through the candidate and the
# gates, which read h[t-1] as well. "The gate keeps the gradient" is a good picture of why a GRU *can* learn to
# remember. What a trained one does, one has to measure.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *A GRU that starts open.* Before training, add a bias to z. How much of the gradient is left at h[0]?

# %% knob
bias = 0.0  # try 3.0 and 5.0
gru = rl.GRU.init(np.random.default_rng(0), inputs=2, hidden=20)
gru.b[:20] += bias  # z is the first of the three blocks
norms = rl.flow.gradient_norms(gru, xs)
share = np.median(norms[0] / norms[-1])
print(f"left: {share:.0e}")
print(f"of the candidate 1 - σ({bias}) = {1 - 1 / (1 + np.exp(-bias)):.3f} gets in at a step")

# %% [markdown]
# What you should see:
#
#     bias = 0.0  →  left: 3e-06
#     bias = 3.0  →  left: 2e-01
#     bias = 5.0  →  left: 7e-01   (but see what is let in)
#
# An open gate has a price in the GRU: with z = σ(5) only 0.007 of the candidate gets in. In the LSTM i is a gate of its
# own, and a large forget bias closes nothing.
#
# *An LSTM that starts open.* The same for the forget gate, and the gradient of the cell. (The loss reads h[T], so c[T]
# itself gets nothing from later steps, and the share is counted from c[T-1].)

# %% knob
forget_bias = 0.0  # try 5.0
lstm = rl.LSTM.init(np.random.default_rng(0), inputs=2, hidden=20, forget_bias=forget_bias)
norms = rl.flow.gradient_norms(lstm, xs, of="cs")
share = np.median(norms[0] / norms[-2])
print(f"left: {share:.0e}")

# %% [markdown]
# What you should see:
#
#     forget_bias = 0.0  →  left: 3e-07
#     forget_bias = 5.0  →  left: 3e+00   (what comes back through the gates is added)
#
# ## Exercises
#
# **Exercise 1.** Which bias of the forget gate makes the gradient of the cell halve every 1,000 steps? Check it with
# `held_open`.
#
# **Exercise 2.** Above, the start of the GRU was explained by 1/2 + 1/4 U_nᵀ. Measure the largest singular value of its
# Jacobians, `rl.flow.jacobians(gru, xs)`. Is it near 3/4?
#
# The answers follow.

# %% answer
α = 0.5 ** (1 / 1000)
b_f = np.log(α / (1 - α))
quiet = np.zeros((1000, 1, H))
slow = held_open(b_f)
half = slow.backward(slow.forward(quiet), quiet, None, np.ones((1, H))).cs[0]
print(f"bias {b_f:.2f}: after 1,000 steps {half.mean():.6f} of the gradient is left")
assert np.abs(half - 0.5).max() < 1e-9

# %% [markdown]
# *Answer 1.* b_f = log(α / (1 - α)) with α^1000 = 1/2: a bias of 7.27.

# %% answer
plain = rl.GRU.init(np.random.default_rng(0), inputs=2, hidden=20)
largest = np.linalg.norm(rl.flow.jacobians(plain, xs[:, :4]), 2, axis=(2, 3))
print(f"largest singular value: median {np.median(largest):.2f}, from {largest.min():.2f} to {largest.max():.2f}")
assert abs(np.median(largest) - 0.75) < 0.1

# %% [markdown]
# *Answer 2.* It is, to within 0.1. The gates are not exactly 1/2, and they depend on h[t-1] too.
#
# **To remember:** a gate is a factor that the net can learn, so what vanishes before training need not vanish after it.
