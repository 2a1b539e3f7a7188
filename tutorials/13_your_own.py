# %% [markdown]
# # 13. Your own layer, data and weights
#
# All that you have used so far works for what you bring along: a layer that nobody has written here, a series from a
# CSV file, weights from PyTorch. In this last tutorial you write a gated layer in about fifty lines. You break it in
# three ways and see each mistake found. Then you train it, look at its gradient, and do the same with weights from
# elsewhere.

# %%
import inspect
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

import rnnlab as rl

# %% [markdown]
# ## The equations
#
# The minimal gated unit (Zhou et al., 2016) is a GRU with one gate, f. It decides both how much of the state is
# replaced and how much of the old state the candidate n sees.
#
#     f = σ(x[t] W_f + h[t-1] U_f + b_f)
#     n = tanh(x[t] W_n + (f ⊙ h[t-1]) U_n + b_n)
#     h[t] = (1 - f) ⊙ h[t-1] + f ⊙ n
#
# W, U and b hold the two blocks side by side, f first. The forward pass keeps what the backward pass will need: f and n
# of every step. That is the *trace*.


# %%
class MGUTrace(rl.Trace):
    fs: np.ndarray
    ns: np.ndarray


# %%
def forward(self, xs, h0=None):
    (Wf, Wn), (Uf, Un), (bf, bn) = (np.split(array, 2, axis=-1) for array in (self.W, self.U, self.b))
    hs = np.zeros((len(xs) + 1, xs.shape[1], len(self.U)), xs.dtype)
    hs[0] = 0 if h0 is None else h0
    fs, ns = np.empty_like(hs[1:]), np.empty_like(hs[1:])
    for t, x in enumerate(xs):
        fs[t] = 1 / (1 + np.exp(-(x @ Wf + hs[t] @ Uf + bf)))
        ns[t] = np.tanh(x @ Wn + (fs[t] * hs[t]) @ Un + bn)
        hs[t + 1] = (1 - fs[t]) * hs[t] + fs[t] * ns[t]
    return MGUTrace(xs, hs, fs, ns)


# %% [markdown]
# Now back, as in tutorial 2: from dh[t] to everything that made h[t]. Three paths lead from h[t-1] to h[t]: it is kept,
# it is seen by the candidate through f ⊙ h[t-1], and it is seen by the gate. Each adds a term to dh[t-1].
#
# (`xs.dtype` above, and no `abs`, let the complex step through. In the code, `daf` and `dan` are the gradients of what
# σ and tanh are applied to, `das` holds both for all steps, and `dfh` is the gradient of f ⊙ h[t-1]. As Python counts
# from 0, `h` is h[t-1] there and `dh[t + 1]` is dh[t].)


# %%
def backward(self, trace, dhs, dh_end=None):
    Uf, Un = np.split(self.U, 2, axis=1)
    dh, das = np.zeros_like(trace.hs), np.empty((*dhs.shape[:2], self.U.shape[1]), dhs.dtype)
    dh[1:] = dhs  # what arrives from above
    dh[-1] += 0 if dh_end is None else dh_end
    for t in reversed(range(len(dhs))):
        f, n, h = trace.fs[t], trace.ns[t], trace.hs[t]
        dan = dh[t + 1] * f * (1 - n**2)
        dfh = dan @ Un.T
        daf = (dh[t + 1] * (n - h) + dfh * h) * f * (1 - f)
        das[t] = np.concatenate([daf, dan], axis=1)
        dh[t] += dh[t + 1] * (1 - f) + dfh * f + daf @ Uf.T  # kept + by the candidate + by the gate
    return collect(self, trace, das, dh)


# %% [markdown]
# At last the sums over time. U_f is multiplied by h[t-1], U_n by f ⊙ h[t-1].


# %%
def collect(self, trace, das, dh):
    h, (daf, dan) = trace.hs[:-1], np.split(das, 2, axis=2)
    dW = np.einsum("tbd,tbg->dg", trace.xs, das)
    dUf = np.einsum("tbh,tbg->hg", h, daf)
    dUn = np.einsum("tbh,tbg->hg", trace.fs * h, dan)
    params = self.like(W=dW, U=np.concatenate([dUf, dUn], axis=1), b=das.sum(axis=(0, 1)))
    return rl.Gradients(params, das @ self.W.T, dh)


# %% [markdown]
# A layer is a *record*: its fields are the parameters, and nothing can be assigned to it later. It has the names of the
# states that it `carries` from step to step, a `forward` and a `backward`. `init` draws the parameters.


# %%
class MGU(rl.Record):
    W: np.ndarray  # (D, 2H)
    U: np.ndarray  # (H, 2H)
    b: np.ndarray  # (2H,)
    carries: ClassVar = ("hs",)
    forward = forward
    backward = backward

    @classmethod
    def init(cls, rng, *, inputs, hidden, dtype=np.float64):
        W = [rl.initializers.glorot_uniform(rng, (inputs, hidden), dtype) for _ in "fn"]
        U = [rl.initializers.orthogonal(rng, (hidden, hidden), dtype) for _ in "fn"]
        return cls(np.concatenate(W, axis=1), np.concatenate(U, axis=1), np.zeros(2 * hidden, dtype))


# %% [markdown]
# ## The proof
#
# Is the backward right? `rl.check_gradients` compares every parameter, input and state with the complex step, one step
# at a time, with no absolute tolerance (tutorial 3).

# %%
rng = np.random.default_rng(0)
layer = MGU.init(rng, inputs=2, hidden=5)
check_xs = rng.standard_normal((20, 3, 2))
report = rl.check_gradients(layer, check_xs)
print(report)
lines = sum(len(inspect.getsource(part).splitlines()) for part in (MGUTrace, forward, backward, collect, MGU))
print(f"{report.verdict}, in {lines} lines")
assert report.passed
assert 40 <= lines <= 55

# %% [markdown]
# ## Three mistakes
#
# Three slips that the shapes do not show. The candidate's path is forgotten in the carry. The gate's second task, to
# show h[t-1] to the candidate, is forgotten. And U_n is given h[t-1] where it reads f ⊙ h[t-1]. What does the check
# say?


# %%
def broken(right, wrong):
    """The class MGU, with one piece of the source of its backward replaced."""
    source = inspect.getsource(collect) + inspect.getsource(backward)
    assert source.count(right) == 1
    names = {**globals()}
    exec(source.replace(right, wrong), names)
    return type("Broken", (MGU,), {"backward": names["backward"]})


# %%
SLIPS = {"the carry": (" + dfh * f", ""), "the gate": (" + dfh * h", ""), "dU_n": ("trace.fs * h", "h")}
messages = {}
for name, (right, wrong) in SLIPS.items():
    try:
        rl.check_gradients(broken(right, wrong)(layer.W, layer.U, layer.b), check_xs)
    except rl.GradientError as found:
        messages[name] = str(found)
        print(f"{name:9}", messages[name].splitlines()[0])
assert len(messages) == 3
assert messages["the carry"].startswith("hs at timestep 19")
assert messages["dU_n"].startswith("U[")

# %% [markdown]
# All three are found, and the place helps. The first two are wrong in hs at timestep 19, the first state that is
# carried back, so the mistake is in the loop. In the third only U is wrong: the loop is right, and the sum is not.
#
# A gradient is not all that can be wrong. Does a step see later inputs? Do the sequences of a batch see each other? Is
# anything kept between two calls, or written over? In a file of tests, three lines try all of this, in small cases, and
# show the smallest that fails (they need `pip install 'rnnlab[testing]'` and pytest):
#
#     import rnnlab.testing
#     from mine import MGU
#     TestMGU = rnnlab.testing.laws(MGU.init)
#
# ## Your data
#
# A CSV file with a column of numbers is a series: the task is to predict its next value from those before. Here is one,
# written for this purpose: the equation of Mackey and Glass, whose next value depends on the one 17 steps ago.

# %%
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
values = rl.tasks.Series.mackey_glass(length=3000).values
(folder / "blood.csv").write_text("\n".join(["day,cells", *(f"{day},{x}" for day, x in enumerate(values))]))
task = rl.tasks.Series.read(folder / "blood.csv", column="cells", steps=50)
xs, targets = next(task.test())
same_again = np.square(targets - xs).mean()  # the next value is like this one
print(task.source, " xs", xs.shape, " targets", targets.shape)
print(f"baseline, always the mean: {task.baseline:.3f}; always the value before: {same_again:.3f}")
assert same_again < 0.1 * task.baseline

# %% [markdown]
# The error is in units of the variance of the series, so always answering the mean has an error near 1. To answer the
# value before is far better, and that is the mark to beat. `build` takes the class itself, and `fit` trains it like any
# other.

# %%
start = rl.models.build(np.random.default_rng(0), task, layer=MGU, hidden=16)
trained = rl.fit(start, task, updates=200, batch=16, lr=1e-2, clip_norm=1.0, every=50)
print("error on the last tenth:", " ".join(f"{row.score:.4f}" for row in trained.rows))
assert trained.rows[-1].score < 0.5 * same_again

# %% [markdown]
# It is well below the mark. And where does its gradient go? The instruments take it as they take any layer.

# %%
for name, network in (("before", start), ("after", trained.network)):
    norms = rl.flow.gradient_norms(network, xs)
    rate = np.median(rl.flow.decay_rate(norms))
    λ = np.median(rl.flow.lyapunov_exponents(network, xs, count=1))
    print(f"{name:6} training: rate {rate:.3f} nats a step, -λ {-λ:.3f}, half is gone in {np.log(2) / rate:.1f} steps")
    assert abs(rate + λ) < 0.1

# %% [markdown]
# Saving works as well: `rl.save` writes every array by its name, and `rl.load` builds the layer again, as long as the
# class has been defined by then.

# %%
rl.save(folder / "mine.npz", trained.network)
again = rl.load(folder / "mine.npz")
print(again.layers[0])
assert (again.forward(xs).ys == trained.network.forward(xs).ys).all()
temporary.cleanup()

# %% [markdown]
# ## Your weights
#
# In PyTorch a module's parameters are its `state_dict`, arrays by name. If the recurrent layer is a part of a larger
# module, its names begin with a *prefix*. Save them with NumPy, and neither program needs the other:
#
#     np.savez("weights.npz", **{name: value.numpy() for name, value in module.state_dict().items()})
#
# Here such arrays are made up: an LSTM called `encoder.rnn` with 3 inputs and 4 units, and a Linear called `head`.

# %%
rng = np.random.default_rng(0)
state = {
    "encoder.rnn.weight_ih_l0": rng.standard_normal((16, 3)),
    "encoder.rnn.weight_hh_l0": 0.3 * rng.standard_normal((16, 4)),
    "encoder.rnn.bias_ih_l0": rng.standard_normal(16),
    "encoder.rnn.bias_hh_l0": rng.standard_normal(16),
    "head.weight": rng.standard_normal((2, 4)),
    "head.bias": rng.standard_normal(2),
}
lstm = rl.interop.from_torch(state, prefix="encoder.rnn.")
head = rl.interop.from_torch(state, prefix="head.")
print(lstm, head, sep="\n")
assert isinstance(lstm, rl.LSTM)

# %% [markdown]
# Never trust a conversion that you have not checked. PyTorch writes a column x and matrices on its left, with two
# biases and the gates in the order i, f, g, o. One step by its formula:

# %%
x = rng.standard_normal(3)
rnn = {name.removeprefix("encoder.rnn."): array for name, array in state.items() if name.startswith("encoder")}
a = rnn["weight_ih_l0"] @ x + rnn["bias_ih_l0"] + rnn["bias_hh_l0"]  # h[0] = 0
a_i, a_f, a_g, a_o = np.split(a, 4)
c = 1 / (1 + np.exp(-a_i)) * np.tanh(a_g)
h = 1 / (1 + np.exp(-a_o)) * np.tanh(c)
y = state["head.weight"] @ h + state["head.bias"]
network = rl.Network((lstm,), head, "last")
print("by PyTorch's formula:", y, "  by the network:", network.forward(x[None, None]).ys[0])
assert np.abs(network.forward(x[None, None]).ys[0] - y).max() < 1e-14

# %% [markdown]
# From here on it is a network like any other: check it, train it, send a gradient back through it.

# %%
norms = rl.flow.gradient_norms(network, rng.standard_normal((100, 8, 3)))
print(f"|dh[0]| / |dh[T]| over 100 steps: {np.median(norms[0] / norms[-1]):.0e}")
assert rl.check_gradients(network, rng.standard_normal((10, 2, 3))).passed
try:
    rl.interop.from_torch({**state, "encoder.rnn.weight_ih_l0_reverse": np.ones((16, 3))}, prefix="encoder.rnn.")
    refused = "it was taken"
except ValueError as reason:
    refused = str(reason)
print(refused)
assert "encoder.rnn.weight_ih_l0_reverse" in refused

# %% [markdown]
# What does not exist here is refused by its name, as this half of a bidirectional layer, rather than left out.
#
# ## Knobs to turn
#
# Change the first line of a knob's cell. Guess what it will print, then run it. What you should see stands below it.
#
# *A bias for the gate.* Here f near 0 keeps the state. With which bias of f is more of the gradient left over 100
# steps?

# %% knob
bias = 0.0  # try 2.0 and -5.0
biased = MGU.init(np.random.default_rng(0), inputs=2, hidden=20)
biased.b[:20] += bias  # f is the first of the two blocks
norms = rl.flow.gradient_norms(biased, np.random.default_rng(1).standard_normal((100, 4, 2)))
share = np.median(norms[0] / norms[-1])
print(f"{share:.0e} left: {'more than 0.1' if share > 0.1 else 'less than 1e-12' if share < 1e-12 else 'in between'}")

# %% [markdown]
# What you should see:
#
#     bias = 2.0   →  left: less than 1e-12
#     bias = 0.0   →  left: less than 1e-12
#     bias = -5.0  →  left: more than 0.1
#
# *Another slip.* Leave out one piece of the backward. Where does the check find the mistake?

# %% knob
piece = " + daf @ Uf.T"  # try " * (1 - n**2)" and " @ self.W.T"
try:
    rl.check_gradients(broken(piece, "")(layer.W, layer.U, layer.b), check_xs)
except rl.GradientError as found:
    print(str(found).splitlines()[0])
except ValueError as found:
    print("no check at all:", found)

# %% [markdown]
# What you should see:
#
#     piece = " + daf @ Uf.T"  →  hs at timestep 19
#     piece = " * (1 - n**2)"  →  hs at timestep 19
#     piece = " @ self.W.T"    →  no check at all   (the shape is wrong)
#
# ## Exercises
#
# **Exercise 1.** Let the candidate see h[t-1] itself, without the gate: n = tanh(x W_n + h[t-1] U_n + b_n). Which
# pieces of the backward change?
#
# **Exercise 2.** PyTorch keeps the gates of a GRU in the order r, z, n, this library in the order z, r, n. Make a
# state_dict whose kernel says which block is which, and see where `from_torch` puts them.
#
# The answers follow.

# %% answer
source = "".join(inspect.getsource(function) for function in (forward, collect, backward))
for right, wrong in (
    ("(fs[t] * hs[t]) @ Un", "hs[t] @ Un"),  # the forward
    (" + dfh * h)", ")"),  # the gate is not used twice any more
    (" + dfh * f", " + dfh"),  # the candidate's path does not pass the gate
    ("trace.fs * h", "h"),  # what U_n is multiplied by
):
    assert source.count(right) == 1
    source = source.replace(right, wrong)
names = {**globals()}
exec(source, names)
simpler = type("Simpler", (MGU,), {"forward": names["forward"], "backward": names["backward"]})
print(rl.check_gradients(simpler(layer.W, layer.U, layer.b), check_xs).verdict)

# %% [markdown]
# *Answer 1.* Three: two of them are the slips from above. What is a mistake for one layer is right for another, so only
# the check against the forward itself can tell.

# %% answer
blocks = np.repeat([1.0, 2.0, 3.0], 2)[:, None]  # r, z, n with two units each
gru = rl.interop.from_torch({"weight_ih_l0": blocks, "weight_hh_l0": np.zeros((6, 2))})
print("z, r, n here:", gru.W)
assert gru.W.tolist() == [[2, 2, 1, 1, 3, 3]]
assert (rl.interop.to_torch(gru)["weight_ih_l0"] == blocks).all()

# %% [markdown]
# *Answer 2.* The first two blocks change places, and `to_torch` puts them back.
#
# ## What you have
#
# The whole way: one step, all steps back, the check, why gradients vanish, what helps, and how to ask these questions
# of a layer of your own. Go on with `rnnlab figures` and `rnnlab flow yours.csv`.
#
# **To remember:** a layer of your own that passes the check can be trained, measured and compared like any other, so
# check it first.
