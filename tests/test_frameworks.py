"""Against PyTorch's and Keras's own layers: pip install -e '.[frameworks]'; pytest -m frameworks."""

import os

import numpy as np
import pytest

import rnnlab as rl

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("default")]

T, B, D, H = 12, 3, 4, 5
KINDS = {
    "tanh RNN": lambda rng: rl.RNN.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
    "ReLU RNN": lambda rng: rl.RNN.init(rng, inputs=D, hidden=H, activation="relu", bias_initializer="random_normal"),
    "LSTM": lambda rng: rl.LSTM.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
    "GRU": lambda rng: rl.GRU.init(rng, inputs=D, hidden=H, bias_initializer="random_normal"),
}


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-12 * max(np.abs(theirs).max(), 1e-300)


def problem(name: str):
    rng = np.random.default_rng(0)
    layer = KINDS[name](rng)
    xs = rng.standard_normal((T, B, D))
    starts = [rng.standard_normal((B, H)) for _ in layer.forward(xs).states]
    trace = layer.forward(xs, *starts)
    dhs = rng.standard_normal((T, B, H))
    late = np.zeros((T, B, H))
    late[-1] = rng.standard_normal((B, H))
    from_above = (dhs, late)[: len(starts)]
    return layer, xs, starts, trace, from_above, layer.backward(trace, *from_above)


@pytest.mark.parametrize("name", KINDS)
def test_outputs_and_every_gradient_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    layer, xs, starts, trace, from_above, grads = problem(name)
    kind = {"tanh RNN": torch.nn.RNN, "ReLU RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[name]
    options = {"nonlinearity": layer.activation.name} if isinstance(layer, rl.RNN) else {}
    module = kind(D, H, **options).double()
    module.load_state_dict({key: torch.from_numpy(value) for key, value in rl.interop.to_torch(layer).items()})

    inputs = torch.from_numpy(xs).requires_grad_()
    states = [torch.from_numpy(start[None].copy()).requires_grad_() for start in starts]
    out, last = module(inputs, tuple(states) if len(states) == 2 else states[0])
    loss = (out * torch.from_numpy(from_above[0])).sum()
    if len(states) == 2:
        loss = loss + (last[1][0] * torch.from_numpy(from_above[1][-1])).sum()
    loss.backward()

    close(trace.ys, out.detach().numpy())
    close(grads.xs, inputs.grad.numpy())
    for ours, theirs in zip(grads.starts, states, strict=True):
        close(ours, theirs.grad.numpy()[0])
    ours = rl.interop.to_torch(grads.params)
    if not isinstance(layer, rl.GRU):
        ours["bias_hh_l0"] = ours["bias_ih_l0"]  # the two are added up, so they have one gradient
    for key, parameter in module.named_parameters():
        close(ours[key], parameter.grad.numpy())


@pytest.mark.parametrize("name", KINDS)
def test_outputs_and_every_gradient_agree_with_keras(name):
    # On JAX with JAX's own tanh and σ: Keras 3.15 rounds its own to float32, and on PyTorch its matrix products too.
    os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1")
    jax = pytest.importorskip("jax")
    keras = pytest.importorskip("keras")
    keras.config.set_floatx("float64")
    layer, xs, starts, trace, from_above, grads = problem(name)
    kind = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}.get(name, keras.layers.SimpleRNN)
    relu = isinstance(layer, rl.RNN) and layer.activation.name == "relu"
    options = {"activation": jax.nn.relu if relu else jax.numpy.tanh}
    if not isinstance(layer, rl.RNN):
        options["recurrent_activation"] = jax.nn.sigmoid
    module = kind(H, return_sequences=True, return_state=True, dtype="float64", **options)
    module.build((B, T, D))
    module.set_weights(rl.interop.to_keras(layer))
    unchanged = [variable.value for variable in module.non_trainable_variables]

    def loss(weights, inputs, states):
        (out, *last), _ = module.stateless_call(weights, unchanged, inputs.swapaxes(0, 1), initial_state=states)
        value = (out.swapaxes(0, 1) * from_above[0]).sum()
        if len(states) == 2:
            value = value + (last[1] * from_above[1][-1]).sum()
        return value, out.swapaxes(0, 1)

    weights = [variable.value for variable in module.trainable_variables]
    gradient = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)
    (dweights, dxs, dstarts), ys = gradient(weights, jax.numpy.array(xs), [jax.numpy.array(start) for start in starts])

    close(trace.ys, np.asarray(ys))
    close(grads.xs, np.asarray(dxs))
    for ours, theirs in zip(grads.starts, dstarts, strict=True):
        close(ours, np.asarray(theirs))
    for ours, theirs in zip(rl.interop.to_keras(grads.params), dweights, strict=True):
        close(ours, np.asarray(theirs))
    again = rl.interop.from_keras(module.get_weights(), activation="relu" if relu else "tanh")
    for ours, theirs in zip(layer.arrays().values(), again.arrays().values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
