"""Against PyTorch's and Keras's own layers: pip install -e '.[frameworks]'; pytest -m frameworks."""

import os

import numpy as np
import pytest

import rnnlab as rl
import rnnlab.testing
from rnnlab import models, optim
from rnnlab.tasks import Adding
from rnnlab.training import fit

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
    starts = [rng.standard_normal((B, H)) for _ in layer.carries]
    trace = layer.forward(xs, *starts)
    dhs = rng.standard_normal((T, B, H))
    dends = [rng.standard_normal((B, H)) for _ in layer.carries]
    return layer, xs, starts, trace, dhs, dends, layer.backward(trace, dhs, *dends)


@pytest.mark.parametrize("name", KINDS)
def test_outputs_and_every_gradient_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    layer, xs, starts, trace, dhs, dends, grads = problem(name)
    kind = {"tanh RNN": torch.nn.RNN, "ReLU RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[name]
    options = {"nonlinearity": layer.activation.name} if isinstance(layer, rl.RNN) else {}
    module = kind(D, H, **options).double()
    module.load_state_dict({key: torch.from_numpy(value) for key, value in rl.interop.to_torch(layer).items()})

    inputs = torch.from_numpy(xs).requires_grad_()
    states = [torch.from_numpy(start[None].copy()).requires_grad_() for start in starts]
    out, last = module(inputs, tuple(states) if len(states) == 2 else states[0])
    loss = (out * torch.from_numpy(dhs)).sum()
    for end, dend in zip(last if len(states) == 2 else [last], dends, strict=True):
        loss = loss + (end[0] * torch.from_numpy(dend)).sum()
    loss.backward()

    close(trace.ys, out.detach().numpy())
    close(grads.xs, inputs.grad.numpy())
    for ours, theirs in zip(grads.dstarts, states, strict=True):
        close(ours, theirs.grad.numpy()[0])
    ours = rl.interop.to_torch(grads.params)
    if not isinstance(layer, rl.GRU):
        ours["bias_hh_l0"] = ours["bias_ih_l0"]  # the two are added up, so they have one gradient
    for key, parameter in module.named_parameters():
        close(ours[key], parameter.grad.numpy())


@pytest.mark.parametrize("law", rnnlab.testing.LAWS)
@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_a_module_of_pytorch_obeys_the_laws(name, law):
    torch = pytest.importorskip("torch")
    make = rnnlab.testing.from_torch(getattr(torch.nn, name))
    getattr(rnnlab.testing.laws(make), f"test_{law}")()


def test_a_module_of_pytorch_with_two_layers_and_a_wrong_one_are_told_apart():
    torch = pytest.importorskip("torch")

    class Coupled(torch.nn.GRU):
        def forward(self, xs, state=None):
            ys, last = super().forward(xs, state)
            return ys, last * (1 + ys[-1:].mean(dim=1, keepdim=True))  # the batch's mean: its sequences are coupled

    laws, broken = rnnlab.testing.LAWS, set()
    for build in (lambda D, H: torch.nn.GRU(D, H, num_layers=2), Coupled):
        case = rnnlab.testing.case(rnnlab.testing.from_torch(build), T=3, B=2, D=1, H=2)
        for name in laws:
            try:
                laws[name](case)
            except AssertionError:
                broken.add((build, name))
    wrong = {"each_sequence_runs_as_it_would_alone", "each_sequence_goes_back_as_it_would_alone"}
    assert broken == {(Coupled, name) for name in wrong}


@pytest.mark.parametrize("name", KINDS)
def test_a_stack_of_pytorchs_read_from_a_file_has_its_outputs(name, tmp_path):
    torch = pytest.importorskip("torch")
    kind = {"tanh RNN": torch.nn.RNN, "ReLU RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[name]
    relu = {"nonlinearity": "relu"} if name == "ReLU RNN" else {}
    module = torch.nn.ModuleDict({"core": kind(D, H, num_layers=2, **relu), "out": torch.nn.Linear(H, 1)}).double()
    np.savez(tmp_path / "w.npz", **{key: value.numpy() for key, value in module.state_dict().items()})
    network = rl.interop.read(tmp_path / "w.npz", activation="relu" if relu else "tanh")
    xs = np.random.default_rng(0).standard_normal((T, B, D))
    close(network.forward(xs).ys, module["core"](torch.from_numpy(xs))[0].detach().numpy())


def test_a_stack_of_kerass_read_from_a_file_has_its_outputs(tmp_path):
    os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1")
    jax = pytest.importorskip("jax")
    keras = pytest.importorskip("keras")
    keras.config.set_floatx("float64")
    exact = {"activation": jax.numpy.tanh, "return_sequences": True}
    gates = {"recurrent_activation": jax.nn.sigmoid}
    lower, upper = keras.layers.LSTM(H, **exact, **gates), keras.layers.GRU(H, **exact, **gates)
    model = keras.Sequential([keras.Input((T, D)), lower, keras.layers.SimpleRNN(3, **exact), upper])
    np.savez(tmp_path / "w.npz", **{weight.path: np.asarray(weight.value) for weight in model.weights})
    xs = np.random.default_rng(0).standard_normal((T, B, D))
    ours = rl.interop.read(tmp_path / "w.npz").forward(xs).ys
    close(ours, np.asarray(model(xs.transpose(1, 0, 2))).transpose(1, 0, 2))


@pytest.mark.parametrize("name", KINDS)
def test_outputs_and_every_gradient_agree_with_keras(name):
    # On JAX with JAX's own tanh and σ: Keras 3.15 rounds its own to float32, and on PyTorch its matrix products too.
    os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1")
    jax = pytest.importorskip("jax")
    keras = pytest.importorskip("keras")
    keras.config.set_floatx("float64")
    layer, xs, starts, trace, dhs, dends, grads = problem(name)
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
        value = (out.swapaxes(0, 1) * dhs).sum()
        for end, dend in zip(last, dends, strict=True):
            value = value + (end * dend).sum()
        return value, out.swapaxes(0, 1)

    weights = [variable.value for variable in module.trainable_variables]
    gradient = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)
    (dweights, dxs, dstarts), ys = gradient(weights, jax.numpy.array(xs), [jax.numpy.array(start) for start in starts])

    close(trace.ys, np.asarray(ys))
    close(grads.xs, np.asarray(dxs))
    for ours, theirs in zip(grads.dstarts, dstarts, strict=True):
        close(ours, np.asarray(theirs))
    for ours, theirs in zip(rl.interop.to_keras(grads.params), dweights, strict=True):
        close(ours, np.asarray(theirs))
    again = rl.interop.from_keras(module.get_weights(), activation="relu" if relu else "tanh")
    for ours, theirs in zip(layer.arrays().values(), again.arrays().values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Optimisers and training, against PyTorch's

UPDATES = 10
OPTIMIZERS = {
    "sgd": lambda torch, params: torch.optim.SGD(params, lr=0.01),
    "momentum": lambda torch, params: torch.optim.SGD(params, lr=0.01, momentum=0.9),
    "rmsprop": lambda torch, params: torch.optim.RMSprop(params, lr=0.01),
    "adam": lambda torch, params: torch.optim.Adam(params, lr=0.01),
}
SETTINGS = {
    "momentum": lambda torch, params: torch.optim.SGD(params, lr=0.01, momentum=0.5),
    "rmsprop": lambda torch, params: torch.optim.RMSprop(params, lr=0.01, alpha=0.8, eps=1e-3),
    "adam": lambda torch, params: torch.optim.Adam(params, lr=0.01, betas=(0.5, 0.9), eps=1e-3),
}
OURS = {
    "momentum": optim.Momentum(mu=0.5),
    "rmsprop": optim.RMSprop(rho=0.8, epsilon=1e-3),
    "adam": optim.Adam(beta1=0.5, beta2=0.9, epsilon=1e-3),
}


def gradients_of(layer: rl.RNN, count: int) -> list[rl.RNN]:
    rng = np.random.default_rng(1)
    scales = 10.0 ** rng.integers(-2, 3, count)
    return [layer.map(lambda a, scale=scale: scale * rng.standard_normal(a.shape)) for scale in scales]


def parameters(torch, record: rl.Record) -> list:
    return [torch.from_numpy(array.copy()).requires_grad_() for array in record.arrays().values()]


def give(torch, params: list, gradient: rl.Record) -> None:
    for parameter, array in zip(params, gradient.arrays().values(), strict=True):
        parameter.grad = torch.from_numpy(array.copy())


@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        *((optim.get(name), make) for name, make in OPTIMIZERS.items()),
        *((OURS[name], make) for name, make in SETTINGS.items()),
    ],
    ids=[*OPTIMIZERS, *(f"{name} with settings" for name in SETTINGS)],
)
def test_ten_updates_of_every_optimiser_agree_with_pytorch(optimizer, theirs):
    torch = pytest.importorskip("torch")
    layer = KINDS["tanh RNN"](np.random.default_rng(0))
    params = parameters(torch, layer)
    rule, state = theirs(torch, params), optimizer.start(layer)
    for gradient in gradients_of(layer, UPDATES):
        layer, state = optimizer.update(layer, gradient, state, 0.01)
        give(torch, params, gradient)
        rule.step()
        for ours, parameter in zip(layer.arrays().values(), params, strict=True):
            close(ours, parameter.detach().numpy())


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_by_norm_is_pytorch_s_but_for_the_millionth_it_adds_to_the_norm(limit):
    torch = pytest.importorskip("torch")
    layer = KINDS["tanh RNN"](np.random.default_rng(0))
    for gradient in gradients_of(layer, UPDATES):
        norm = optim.global_norm(gradient)
        params = parameters(torch, layer)
        give(torch, params, gradient)
        close(np.array(norm), torch.nn.utils.clip_grad_norm_(params, limit).numpy())
        # torch multiplies by min(1, limit / (norm + 1e-6)), so it ends a little under the limit, and begins to clip a
        # millionth before it; we multiply by limit / norm, above the limit alone.
        ours = optim.clip_by_norm(gradient, limit)
        times = min(1.0, limit / (norm + 1e-6)) / min(1.0, limit / norm)
        for mine, parameter in zip(ours.arrays().values(), params, strict=True):
            close(times * mine, parameter.grad.numpy())


def test_a_millionth_under_the_limit_pytorch_clips_and_we_do_not():
    torch = pytest.importorskip("torch")
    (gradient,) = gradients_of(KINDS["tanh RNN"](np.random.default_rng(0)), 1)
    gradient = optim.clip_by_norm(gradient, 1.0)
    limit = optim.global_norm(gradient) + 5e-7
    params = parameters(torch, gradient)
    give(torch, params, gradient)
    torch.nn.utils.clip_grad_norm_(params, limit)
    ours = optim.clip_by_norm(gradient, limit)
    for mine, before, parameter in zip(ours.arrays().values(), gradient.arrays().values(), params, strict=True):
        np.testing.assert_array_equal(mine, before)
        close((1 - 5e-7) * before, parameter.grad.numpy())


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_by_value_is_pytorch_s(limit):
    torch = pytest.importorskip("torch")
    layer = KINDS["tanh RNN"](np.random.default_rng(0))
    for gradient in gradients_of(layer, UPDATES):
        params = parameters(torch, layer)
        give(torch, params, gradient)
        torch.nn.utils.clip_grad_value_(params, limit)
        for ours, parameter in zip(optim.clip_by_value(gradient, limit).arrays().values(), params, strict=True):
            np.testing.assert_array_equal(ours, parameter.grad.numpy())


@pytest.mark.parametrize("clip_value", [None, 0.2])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_updates_of_training_agree_with_pytorch(optimizer, kind, clip_value):
    torch = pytest.importorskip("torch")
    task = Adding(steps=T)
    network = models.build(np.random.default_rng(0), task, layer=kind, hidden=H, dtype=np.float64)
    how = {"optimizer": optimizer, "lr": 0.01, "clip_value": clip_value, "batch": 8, "seed": 3}
    ours = fit(network, task, updates=UPDATES, every=1, **how)

    (layer,), readout = network.layers, network.readout
    recurrent = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](2, H).double()
    recurrent.load_state_dict({key: torch.from_numpy(value) for key, value in rl.interop.to_torch(layer).items()})
    if kind != "gru":
        recurrent.bias_hh_l0.requires_grad_(False)  # torch adds up two biases where we have one: one of them learns
    linear = torch.nn.Linear(H, 1).double()
    linear.load_state_dict({"weight": torch.from_numpy(readout.W.T.copy()), "bias": torch.from_numpy(readout.b)})
    params = [parameter for parameter in (*recurrent.parameters(), *linear.parameters()) if parameter.requires_grad]
    rule, rng, losses = OPTIMIZERS[optimizer](torch, params), np.random.default_rng(3), []
    for _ in range(UPDATES):
        xs, targets = (torch.from_numpy(array) for array in task.batch(rng, 8))
        out, _ = recurrent(xs)
        loss = torch.nn.functional.mse_loss(linear(out[-1]), targets)
        rule.zero_grad()
        loss.backward()
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(params, clip_value)
        rule.step()
        losses.append(loss.item())

    np.testing.assert_allclose([row.loss for row in ours.rows[1:]], losses, rtol=1e-12)
    trained = rl.interop.to_torch(ours.network.layers[0])
    for key, parameter in recurrent.named_parameters():
        assert np.abs(trained[key] - parameter.detach().numpy()).max() <= 1e-12 * max(
            np.abs(trained[key]).max(), 1e-300
        )
    for mine, parameter in ((ours.network.readout.W.T, linear.weight), (ours.network.readout.b, linear.bias)):
        assert np.abs(mine - parameter.detach().numpy()).max() <= 1e-12 * np.abs(mine).max()
