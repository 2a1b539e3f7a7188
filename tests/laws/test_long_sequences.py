"""Two hundred steps with the loss on the last alone: every digit of the gradient holds, at every step back."""

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.testing.kinds import uniform

T, B, D, H = 200, 2, 3, 5


def rnn(activation, recurrent_initializer="orthogonal", bias=0.0):
    def build(rng):
        return rl.RNN.init(
            rng,
            inputs=D,
            hidden=H,
            activation=activation,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=rl.initializers.get("constant", value=bias),
        )

    return build


def indrnn(activation):
    def build(rng):
        initializer = rl.initializers.get("indrnn_range", steps=T)
        return rl.IndRNN.init(
            rng,
            inputs=D,
            hidden=H,
            activation=activation,
            recurrent_initializer=initializer,
            bias_initializer=rl.initializers.get("constant", value=0.5),
        )

    return build


def gated(layer):
    def build(rng):
        return layer.init(rng, inputs=D, hidden=H, bias_initializer=uniform(0.5))

    return build


# Kept away from saturation (inputs of half size) and from chaos (σ_max(U) about 1 or less), so that roundoff stays
# small; the ReLUs have a bias or a start above 0, or they would be shut long before step 200.
LAYERS = {
    "RNN sigmoid": rnn("sigmoid"),
    "RNN sigmoid, glorot": rnn("sigmoid", "glorot_uniform"),
    "RNN tanh": rnn("tanh"),
    "RNN tanh, small U": rnn("tanh", uniform(0.05)),
    "RNN relu": rnn("relu", bias=1.0),
    "RNN leaky_relu": rnn("leaky_relu"),
    "RNN identity": rnn("identity"),
    "IRNN": lambda rng: rl.RNN.irnn(rng, inputs=D, hidden=H),
    "IRNN scaled": lambda rng: rl.RNN.irnn(rng, inputs=D, hidden=H, scale=0.99),
    "IndRNN relu": indrnn("relu"),
    "IndRNN tanh": indrnn("tanh"),
    "LSTM": gated(rl.LSTM),
    "GRU": gated(rl.GRU),
}
VANISHING = ("RNN sigmoid", "RNN sigmoid, glorot", "RNN tanh, small U", "IndRNN tanh")


def run(name):
    """A layer, inputs, starts inside its range, and a loss on the last step and the states it ends with alone."""
    rng = np.random.default_rng(11)
    layer = LAYERS[name](rng)
    xs = 0.5 * rng.standard_normal((T, B, D))
    starts = [rng.uniform(0.1, 0.9, (B, H))]
    dhs = np.zeros((T, B, H))
    dhs[-1] = rng.standard_normal((B, H))
    if isinstance(layer, rl.LSTM):
        starts.append(rng.uniform(-0.9, 0.9, (B, H)))
    dends = [np.zeros((B, H)), rng.standard_normal((B, H))]
    return layer, xs, starts, dhs, dends[: len(starts)]


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_check_holds_twelve_digits_at_every_timestep(name):
    layer, xs, starts, dhs, dends = run(name)
    report = rl.check_gradients(layer, xs, *starts, dhs=dhs, dends=dends)
    assert report.passed
    errors = {(f.array, f.timestep, f.sequence): f.error for f in report.findings}
    states = {(name, t, s) for name in layer.carries for t in range(T + 1) for s in range(B)}
    inputs = {("xs", t, s) for t in range(1, T + 1) for s in range(B)}
    assert states | inputs <= errors.keys()
    assert max(errors.values()) <= 1e-12


@pytest.mark.parametrize("name", LAYERS)
def test_a_complex_step_written_here_agrees_all_the_way_back(name):
    # All the way, not one step at a time: another trajectory after the nudge, which is why none of these is chaotic.
    layer, xs, starts, dhs, dends = run(name)
    trace = layer.forward(xs, *starts)
    grads = layer.backward(trace, dhs, *dends)
    late = [dends[0] + dhs[-1], *dends[1:]]
    wide = layer.map(lambda parameter: parameter.astype(np.complex128))
    for t in range(0, T, 20):
        for k, (state, totals) in enumerate(grads.states.items()):
            wanted = np.empty((B, H))
            for n in range(H):
                nudged = [states[t].astype(np.complex128) for states in trace.states.values()]
                nudged[k][:, n] += 1e-20j
                ends = wide.forward(xs[t:].astype(np.complex128), *nudged).ends
                losses = [(d * reached.imag).sum(axis=1) for d, reached in zip(late, ends, strict=True)]
                wanted[:, n] = sum(losses) / 1e-20
            scale = np.abs(wanted).max(axis=1, keepdims=True)
            assert (np.abs(totals[t] - wanted) <= 1e-12 * scale).all(), (state, t)


def largest_gradients(name):
    """max|dL/dh[t]| over the units, (T+1, B); a norm would square 1e-200 to nothing."""
    layer, xs, starts, dhs, dends = run(name)
    return np.abs(layer.backward(layer.forward(xs, *starts), dhs, *dends).hs).max(axis=2)


@pytest.mark.parametrize("name", VANISHING)
def test_the_twelve_digits_include_gradients_below_1e_90(name):
    sizes = largest_gradients(name)
    assert (sizes > 0).all()
    assert (sizes[0] < 1e-90).all()


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in VANISHING])
def test_the_other_layers_still_have_a_gradient_after_200_steps(name):
    assert (largest_gradients(name) > 1e-80).all()
