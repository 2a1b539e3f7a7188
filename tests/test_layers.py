"""The recurrent layers at their boundary: what they refuse and in which words, and what they are made of by default."""

import re

import numpy as np
import pytest

import rnnlab as rl

D, H, T, B = 3, 5, 7, 2
LAYERS = (rl.RNN, rl.IndRNN)
every_layer = pytest.mark.parametrize("kind", LAYERS)
every_layer_gated_or_not = pytest.mark.parametrize("kind", [*LAYERS, rl.LSTM, rl.GRU])


def made(kind, dtype=np.float64, **options):
    return kind.init(np.random.default_rng(0), inputs=D, hidden=H, dtype=dtype, **options)


def inputs(dtype=np.float64):
    return np.random.default_rng(1).standard_normal((T, B, D)).astype(dtype)


def refuses(error, message):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


# Construction


def parameters(kind, **changed):
    """W, the recurrent weights and b, with some replaced."""
    shapes = {"W": (D, H), "U": (H, H), "u": (H,), "b": (H,)}
    names = ("W", "U", "b") if kind is rl.RNN else ("W", "u", "b")
    return {name: np.ones(shapes[name]) for name in names} | changed


@every_layer
def test_a_layer_holds_the_arrays_that_it_is_given(kind):
    given = parameters(kind)
    layer = kind(**given)
    assert all(layer.arrays()[name] is array for name, array in given.items())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"W": np.ones(3)}, "W must be (D, H); got (3,)"),
        ({"W": np.ones((0, 5))}, "W must be (D, H) with D ≥ 1; got (0, 5)"),
        ({"b": np.ones(4)}, "b must be (H,) with H = 5 to match W (3, 5); got (4,)"),
        ({"b": np.ones((1, 5))}, "b must be (H,) with H = 5 to match W (3, 5); got (1, 5)"),
        ({"b": np.full(5, np.nan)}, "b must be finite; got nan at b[0]"),
        ({"W": np.array([[1.0, np.inf]])}, "W must be finite; got inf at W[0, 1]"),
    ],
)
@every_layer
def test_parameters_that_do_not_fit_are_refused(kind, changed, message):
    with refuses(ValueError, message):
        kind(**parameters(kind, **changed))


@pytest.mark.parametrize("shape", [(4, 4), (4, 5), (5, 4), (5,), (5, 5, 5)])
def test_a_recurrent_kernel_that_is_not_square_or_not_of_the_layers_size_is_refused(shape):
    with refuses(ValueError, f"U must be (H, H) with H = 5 to match W (3, 5); got {shape}"):
        rl.RNN(**parameters(rl.RNN, U=np.ones(shape)))


@pytest.mark.parametrize("shape", [(4,), (5, 5), (1, 5), ()])
def test_recurrent_weights_that_are_no_vector_of_the_layers_size_are_refused(shape):
    with refuses(ValueError, f"u must be (H,) with H = 5 to match W (3, 5); got {shape}"):
        rl.IndRNN(**parameters(rl.IndRNN, u=np.ones(shape)))


@every_layer
def test_parameters_of_different_precision_are_refused(kind):
    message = "b must be float64 like the parameters; got float32: convert one of the two"
    with refuses(TypeError, message):
        kind(**parameters(kind, b=np.ones(H, np.float32)))


@every_layer
def test_integer_parameters_are_refused(kind):
    with refuses(TypeError, "W must be float32 or float64; got int64: convert it with W.astype(np.float64)"):
        kind(**parameters(kind, W=np.ones((D, H), np.int64)))


@every_layer
def test_parameters_that_are_no_arrays_are_refused(kind):
    with refuses(TypeError, "b must be a NumPy array; got list: convert it with np.asarray"):
        kind(**parameters(kind, b=[1.0] * H))


@every_layer
def test_an_unknown_activation_is_refused_with_the_choices(kind):
    message = "activation must be one of sigmoid, tanh, relu, leaky_relu, identity; got 'softplus'"
    with refuses(ValueError, message):
        kind(**parameters(kind), activation="softplus")
    with refuses(ValueError, message):
        made(kind, activation="softplus")


@every_layer
def test_an_activation_may_be_given_by_name_or_by_value(kind):
    by_name = kind(**parameters(kind), activation="leaky_relu")
    by_value = kind(**parameters(kind), activation=rl.activations.LeakyReLU(negative_slope=0.1))
    assert by_name.activation.negative_slope == 0.3
    assert by_value.activation.negative_slope == 0.1


@every_layer
def test_a_layer_is_a_value(kind):
    with pytest.raises(AttributeError):
        made(kind).b = np.zeros(H)


def test_the_activation_is_tanh_for_an_rnn_and_relu_for_an_indrnn_unless_given():
    assert rl.RNN(**parameters(rl.RNN)).activation.name == "tanh"
    assert rl.IndRNN(**parameters(rl.IndRNN)).activation.name == "relu"


def test_a_layer_prints_its_shapes():
    assert repr(made(rl.RNN)) == "RNN(W=float64[3, 5], U=float64[5, 5], b=float64[5], activation=tanh)"
    wanted = "IndRNN(W=float32[3, 5], u=float32[5], b=float32[5], activation=relu)"
    assert repr(made(rl.IndRNN, np.float32)) == wanted


# init


def test_the_defaults_of_an_rnn_are_those_of_kerass_simple_rnn():
    layer, again = made(rl.RNN), np.random.default_rng(0)
    assert layer.activation.name == "tanh"
    np.testing.assert_array_equal(layer.W, rl.initializers.glorot_uniform(again, (D, H)))
    np.testing.assert_array_equal(layer.U, rl.initializers.orthogonal(again, (H, H)))
    np.testing.assert_array_equal(layer.b, np.zeros(H))


def test_the_defaults_of_an_indrnn_are_the_papers():
    layer, again = made(rl.IndRNN), np.random.default_rng(0)
    assert layer.activation.name == "relu"
    np.testing.assert_array_equal(layer.W, rl.initializers.glorot_uniform(again, (D, H)))
    np.testing.assert_array_equal(layer.u, rl.initializers.indrnn_range(again, (H,), steps=100))
    np.testing.assert_array_equal(layer.b, np.zeros(H))


@every_layer
def test_each_initializer_goes_to_its_own_parameter(kind):
    def filled(value):
        return rl.initializers.get("constant", value=value)

    layer = made(
        kind,
        activation="sigmoid",
        kernel_initializer=filled(1.0),
        recurrent_initializer=filled(2.0),
        bias_initializer=filled(3.0),
    )
    assert [np.unique(array).tolist() for array in layer.arrays().values()] == [[1.0], [2.0], [3.0]]
    assert layer.activation.name == "sigmoid"


@every_layer
def test_every_parameter_is_a_draw_of_the_generator_one_after_another(kind):
    names = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
    layer = made(kind, **dict.fromkeys(names, "random_normal"))
    rng, normal = np.random.default_rng(0), rl.initializers.get("random_normal")
    for array in layer.arrays().values():
        np.testing.assert_array_equal(array, normal(rng, array.shape, np.float64))


@every_layer
@pytest.mark.parametrize("argument", ["kernel_initializer", "recurrent_initializer", "bias_initializer"])
def test_an_unknown_initializer_is_refused_with_the_choices(kind, argument):
    with pytest.raises(ValueError, match=r"^initializer must be one of glorot_uniform, he_uniform, .*; got 'xavier'$"):
        made(kind, **{argument: "xavier"})


def test_an_indrnn_refuses_an_initializer_that_makes_matrices():
    with refuses(ValueError, "orthogonal needs at least two axes; got (5,)"):
        made(rl.IndRNN, recurrent_initializer="orthogonal")


@every_layer
@pytest.mark.parametrize("size", ["inputs", "hidden"])
def test_a_layer_without_units_or_inputs_is_refused(kind, size):
    sizes = {"inputs": D, "hidden": H} | {size: 0}
    with pytest.raises(ValueError, match=r"^shape must have at least one axis and none empty; got "):
        kind.init(np.random.default_rng(0), **sizes)


@every_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_parameter_has_the_dtype_that_is_asked_for(kind, dtype):
    assert {array.dtype for array in made(kind, dtype).arrays().values()} == {np.dtype(dtype)}


def test_an_irnn_has_relu_the_identity_no_bias_and_small_input_weights():
    layer = rl.RNN.irnn(np.random.default_rng(0), inputs=400, hidden=100)
    assert type(layer) is rl.RNN
    assert layer.activation.name == "relu"
    np.testing.assert_array_equal(layer.U, np.eye(100))
    np.testing.assert_array_equal(layer.b, np.zeros(100))
    # Forty thousand draws: the standard deviation is off by more than 2.2 % once in 1e9 times.
    assert layer.W.std() == pytest.approx(0.001, rel=0.022)
    assert abs(layer.W.mean()) < 6 * 0.001 / 200


def test_the_scale_and_the_input_weights_of_an_irnn_are_the_callers_to_set():
    layer = rl.RNN.irnn(
        np.random.default_rng(0), inputs=400, hidden=100, scale=0.9, kernel_stddev=0.5, dtype=np.float32
    )
    np.testing.assert_array_equal(layer.U, np.float32(0.9) * np.eye(100, dtype=np.float32))
    assert layer.W.std() == pytest.approx(0.5, rel=0.022)
    assert {array.dtype for array in layer.arrays().values()} == {np.dtype(np.float32)}


# Inputs that are refused


@pytest.mark.parametrize(
    ("xs", "error", "message"),
    [
        (np.ones((7, 2, 4)), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, 5); got (7, 2, 4)"),
        (np.ones((7, 3)), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, 5); got (7, 3)"),
        (np.ones(3), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, 5); got (3,)"),
        (np.ones((1, 7, 2, 3)), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, 5); got (1, 7, 2, 3)"),
        (np.ones((0, 2, 3)), ValueError, "xs must be (T, B, D) with T ≥ 1; got (0, 2, 3)"),
        (np.ones((7, 0, 3)), ValueError, "xs must be (T, B, D) with B ≥ 1; got (7, 0, 3)"),
        (np.full((7, 2, 3), np.nan), ValueError, "xs must be finite; got nan at xs[0, 0, 0]"),
        (np.full((7, 2, 3), -np.inf), ValueError, "xs must be finite; got -inf at xs[0, 0, 0]"),
        (
            np.ones((7, 2, 3), np.int64),
            TypeError,
            "xs must be float32 or float64; got int64: convert it with xs.astype(np.float64)",
        ),
        (
            np.ones((7, 2, 3), object),
            TypeError,
            "xs must be float32 or float64; got object: convert it with xs.astype(np.float64)",
        ),
        (
            np.ones((7, 2, 3), np.float32),
            TypeError,
            "xs must be float64 like the parameters; got float32: convert one of the two",
        ),
        (
            np.ones((7, 2, 3), np.complex128),
            TypeError,
            "xs must be float64 like the parameters; got complex128: convert one of the two",
        ),
        ([[[1.0, 2.0, 3.0]]], TypeError, "xs must be a NumPy array; got list: convert it with np.asarray"),
        (None, TypeError, "xs must be a NumPy array; got NoneType: convert it with np.asarray"),
    ],
)
@every_layer
def test_inputs_that_do_not_fit_are_refused(kind, xs, error, message):
    with refuses(error, message):
        made(kind).forward(xs)


@pytest.mark.parametrize(
    ("h0", "error", "message"),
    [
        (np.ones((3, 5)), ValueError, "h0 must be (B, H) with B = 2 to match xs (7, 2, 3); got (3, 5)"),
        (np.ones((2, 4)), ValueError, "h0 must be (B, H) with H = 5 to match the layer; got (2, 4)"),
        (
            np.ones(5),
            ValueError,
            "h0 must be (B, H) with B = 2 to match xs (7, 2, 3) and H = 5 to match the layer; got (5,)",
        ),
        (np.full((2, 5), np.inf), ValueError, "h0 must be finite; got inf at h0[0, 0]"),
        (
            np.ones((2, 5), np.float32),
            TypeError,
            "h0 must be float64 like the parameters; got float32: convert one of the two",
        ),
        (
            np.ones((2, 5), int),
            TypeError,
            "h0 must be float32 or float64; got int64: convert it with h0.astype(np.float64)",
        ),
    ],
)
@every_layer
def test_an_initial_state_that_does_not_fit_is_refused(kind, h0, error, message):
    with refuses(error, message):
        made(kind).forward(inputs(), h0)


@pytest.mark.parametrize(
    ("dhs", "error", "message"),
    [
        (np.ones((8, 2, 5)), ValueError, "dhs must be (T, B, H) with T = 7 to match the trace; got (8, 2, 5)"),
        (np.ones((7, 1, 5)), ValueError, "dhs must be (T, B, H) with B = 2 to match the trace; got (7, 1, 5)"),
        (np.ones((7, 2, 1)), ValueError, "dhs must be (T, B, H) with H = 5 to match the trace; got (7, 2, 1)"),
        (np.full((7, 2, 5), np.nan), ValueError, "dhs must be finite; got nan at dhs[0, 0, 0]"),
        (
            np.ones((7, 2, 5), np.float32),
            TypeError,
            "dhs must be float64 like the parameters; got float32: convert one of the two",
        ),
        (1.0, TypeError, "dhs must be a NumPy array; got float: convert it with np.asarray"),
    ],
)
@every_layer
def test_a_gradient_from_above_that_does_not_fit_is_refused(kind, dhs, error, message):
    layer = made(kind)
    with refuses(error, message):
        layer.backward(layer.forward(inputs()), dhs)


@every_layer
def test_a_float32_layer_asks_for_float32(kind):
    with refuses(TypeError, "xs must be float32 like the parameters; got float64: convert one of the two"):
        made(kind, np.float32).forward(inputs())


# Results


@every_layer
def test_the_trace_has_a_state_before_and_after_every_step(kind):
    h0 = np.full((B, H), 0.25)
    trace = made(kind).forward(inputs(), h0)
    assert trace.hs.shape == (T + 1, B, H)
    np.testing.assert_array_equal(trace.hs[0], h0)


@every_layer
def test_the_gradient_is_shaped_like_what_it_differentiates(kind):
    layer, xs = made(kind), inputs()
    grads = layer.backward(layer.forward(xs), np.ones((T, B, H)))
    assert type(grads.params) is kind
    assert {n: a.shape for n, a in grads.params.arrays().items()} == {n: a.shape for n, a in layer.arrays().items()}
    assert grads.xs.shape == xs.shape
    assert grads.hs.shape == (T + 1, B, H)
    np.testing.assert_array_equal(grads.h0, grads.hs[0])


@every_layer
def test_at_the_last_step_the_gradient_is_what_arrives_from_above(kind):
    layer = made(kind)
    dhs = np.random.default_rng(2).standard_normal((T, B, H))
    np.testing.assert_array_equal(layer.backward(layer.forward(inputs()), dhs).hs[-1], dhs[-1])


@every_layer
@pytest.mark.parametrize("later", [False, True], ids=["alone", "with a later chunk"])
def test_a_gradient_is_what_arrives_from_above_plus_what_the_next_step_carries_back(kind, later):
    # dh[t-1] = above[t-1] + (dh[t] ⊙ φ'(a[t])) Uᵀ. All numbers are positive, so nothing cancels: the few roundings of
    # a sum of H products are all that the two sides may differ by.
    rng = np.random.default_rng(3)
    layer = made(kind).map(np.abs)
    dhs, dh_end = rng.uniform(0.5, 1, (T, B, H)), rng.uniform(0.5, 1, (B, H)) if later else None
    trace = layer.forward(np.abs(inputs()), np.full((B, H), 0.25))
    grads = layer.backward(trace, dhs, dh_end)
    above = np.concatenate([np.zeros((1, B, H)), dhs])
    above[-1] += dh_end if later else 0
    das = grads.hs[1:] * layer.activation.slope(trace.hs[1:])
    above[:-1] += das @ layer.U.T if kind is rl.RNN else das * layer.u
    np.testing.assert_allclose(grads.hs, above, rtol=1e-14)


@every_layer_gated_or_not
def test_the_gradient_of_a_batch_is_the_sum_over_its_sequences_in_several_blocks_or_in_one(kind):
    # 300 sequences are taken one step at a time, 100 all three steps at once (affine.ROWS).
    rng = np.random.default_rng(4)
    layer, xs, dhs = made(kind), rng.standard_normal((3, 300, D)), rng.standard_normal((3, 300, H))
    whole = layer.backward(layer.forward(xs), dhs)
    parts = [slice(first, first + 100) for first in (0, 100, 200)]
    few = [layer.backward(layer.forward(xs[:, part]), dhs[:, part]) for part in parts]
    total = few[0].params.map(lambda *grads: sum(grads), few[1].params, few[2].params)
    for name, wanted in total.arrays().items():  # sums of 900 terms of size 1
        np.testing.assert_allclose(whole.params.arrays()[name], wanted, rtol=0, atol=1e-11, err_msg=name)
    np.testing.assert_allclose(whole.xs, np.concatenate([each.xs for each in few], axis=1), rtol=0, atol=1e-13)


@every_layer_gated_or_not
@pytest.mark.parametrize(
    "view",
    [
        lambda array: np.asfortranarray(array),
        lambda array: np.ascontiguousarray(array.transpose(1, 0, 2)).transpose(1, 0, 2),
        lambda array: np.repeat(array, 2, axis=0)[::2],
        lambda array: np.repeat(array, 2, axis=2)[:, :, ::2],
        lambda array: array[::-1].copy()[::-1],
    ],
    ids=["fortran", "batch first", "every other step", "every other input", "reversed"],
)
def test_arrays_that_do_not_lie_in_c_order_give_the_same_results(kind, view):
    layer, xs = made(kind), inputs()
    h0, dhs = np.full((B, H), 0.25), np.random.default_rng(2).standard_normal((T, B, H))
    trace = layer.forward(xs, h0)
    same = layer.forward(view(xs), np.asfortranarray(h0))
    np.testing.assert_allclose(same.hs, trace.hs, rtol=0, atol=1e-14)
    wanted, got = layer.backward(trace, dhs).arrays(), layer.backward(same, view(dhs)).arrays()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=0, atol=1e-13, err_msg=name)


@every_layer_gated_or_not
def test_parameters_that_do_not_lie_in_c_order_give_the_same_results(kind):
    layer, xs = made(kind), inputs()
    turned = layer.map(np.asfortranarray)
    np.testing.assert_allclose(turned.forward(xs).hs, layer.forward(xs).hs, rtol=0, atol=1e-14)


@every_layer_gated_or_not
def test_an_input_that_may_not_be_written_to_is_enough(kind):
    layer, xs, dhs = made(kind), inputs(), np.ones((T, B, H))
    for array in (xs, dhs, *layer.arrays().values()):
        array.flags.writeable = False
    trace = layer.forward(xs)
    for array in trace.arrays().values():
        array.flags.writeable = False
    layer.backward(trace, dhs)


@every_layer
def test_a_gradient_that_explodes_is_not_blamed_on_the_weights(kind):
    # dL/dW overflows while every weight is finite: whatever is said, it must not be that W has to be finite.
    # The states stay finite: without input, and from a start of 0, they are 0.
    recurrent = {"U": 1e3 * np.eye(1)} if kind is rl.RNN else {"u": np.full(1, 1e3)}
    layer = kind(W=np.ones((1, 1)), b=np.zeros(1), activation="identity", **recurrent)
    trace = layer.forward(np.zeros((200, 1, 1)))
    dhs = np.zeros((200, 1, 1))
    dhs[-1] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            hs = layer.backward(trace, dhs).hs
        except ValueError as error:
            assert "must be finite" not in str(error)  # noqa: PT017 - another sentence would do
        else:
            assert np.isinf(hs[0]).all()


# The gated layers: LSTM and GRU

GATED = (rl.LSTM, rl.GRU)
BLOCKS = {rl.LSTM: 4, rl.GRU: 3}
every_gated = pytest.mark.parametrize("kind", GATED)


def gated_parameters(kind, **changed):
    """W, U, b and a GRU's bu, with some replaced."""
    G = BLOCKS[kind] * H
    shapes = {"W": (D, G), "U": (H, G), "b": (G,)} | ({"bu": (G,)} if kind is rl.GRU else {})
    return {name: np.ones(shape) for name, shape in shapes.items()} | changed


def blocks(kind, array):
    """One array a gate."""
    return np.split(array, BLOCKS[kind], axis=-1)


@every_gated
def test_a_gated_layer_holds_the_arrays_that_it_is_given(kind):
    given = gated_parameters(kind)
    layer = kind(**given)
    assert layer.arrays().keys() == given.keys()
    assert all(layer.arrays()[name] is array for name, array in given.items())


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        (rl.LSTM, {"W": (3, 19)}, "W must be (D, G) with G = 20 for H = 5, four gates side by side; got (3, 19)"),
        (rl.LSTM, {"W": (3, 5)}, "W must be (D, G) with G = 20 for H = 5, four gates side by side; got (3, 5)"),
        (rl.LSTM, {"W": (20,)}, "W must be (D, G) with G = 20 for H = 5, four gates side by side; got (20,)"),
        (rl.LSTM, {"U": (5, 15)}, "U must be (H, G) with G = 20 for H = 5, four gates side by side; got (5, 15)"),
        (rl.LSTM, {"U": (4, 20)}, "U must be (H, G) with G = 16 for H = 4, four gates side by side; got (4, 20)"),
        (rl.LSTM, {"b": (5,)}, "b must be (G,) with G = 20 for H = 5, four gates side by side; got (5,)"),
        (rl.LSTM, {"b": (1, 20)}, "b must be (G,) with G = 20 for H = 5, four gates side by side; got (1, 20)"),
        (rl.GRU, {"W": (3, 20)}, "W must be (D, G) with G = 15 for H = 5, three gates side by side; got (3, 20)"),
        (rl.GRU, {"U": (5, 5)}, "U must be (H, G) with G = 15 for H = 5, three gates side by side; got (5, 5)"),
        (rl.GRU, {"b": (16,)}, "b must be (G,) with G = 15 for H = 5, three gates side by side; got (16,)"),
        (rl.GRU, {"bu": (5,)}, "bu must be (G,) with G = 15 for H = 5, three gates side by side; got (5,)"),
    ],
)
def test_parameters_of_a_gated_layer_that_do_not_fit_are_refused(kind, changed, message):
    with refuses(ValueError, message):
        kind(**gated_parameters(kind, **{name: np.ones(shape) for name, shape in changed.items()}))


@every_gated
@pytest.mark.parametrize("name", ["W", "U", "b"])
def test_a_gated_layer_refuses_values_that_are_not_finite_and_other_types(kind, name):
    array = gated_parameters(kind)[name]
    array.flat[0] = np.nan
    with refuses(ValueError, f"{name} must be finite; got nan at {name}[{', '.join('0' * array.ndim)}]"):
        kind(**gated_parameters(kind, **{name: array}))
    with refuses(TypeError, f"{name} must be a NumPy array; got list: convert it with np.asarray"):
        kind(**gated_parameters(kind, **{name: array.tolist()}))
    whole = array.astype(bool).astype(int)
    with refuses(TypeError, f"{name} must be float32 or float64; got int64: convert it with {name}.astype(np.float64)"):
        kind(**gated_parameters(kind, **{name: whole}))
    with pytest.raises(TypeError, match=r" must be float(32|64) like the parameters; got float(64|32): convert one"):
        kind(**gated_parameters(kind, **{name: np.ones_like(array, np.float32)}))


def test_a_gated_layer_prints_its_shapes():
    assert repr(made(rl.LSTM)) == "LSTM(W=float64[3, 20], U=float64[5, 20], b=float64[20])"
    wanted = "GRU(W=float32[3, 15], U=float32[5, 15], b=float32[15], bu=float32[15])"
    assert repr(made(rl.GRU, np.float32)) == wanted


def test_the_forget_gate_of_an_lstm_and_no_other_has_a_bias_of_1_unless_given():
    zeros, ones = np.zeros(H), np.ones(H)
    np.testing.assert_array_equal(made(rl.LSTM).b, np.concatenate([zeros, ones, zeros, zeros]))
    np.testing.assert_array_equal(made(rl.LSTM, forget_bias=-2.5).b, np.concatenate([zeros, -2.5 * ones, zeros, zeros]))
    np.testing.assert_array_equal(made(rl.LSTM, forget_bias=0).b, np.zeros(4 * H))


def test_the_forget_bias_is_added_to_what_the_initializer_gives():
    b = made(rl.LSTM, bias_initializer=rl.initializers.get("constant", value=0.5), forget_bias=2.0).b
    np.testing.assert_array_equal(b, np.repeat([0.5, 2.5, 0.5, 0.5], H))


def test_the_biases_of_a_gru_are_zero_unless_given():
    layer = made(rl.GRU)
    np.testing.assert_array_equal(layer.b, np.zeros(3 * H))
    np.testing.assert_array_equal(layer.bu, np.zeros(3 * H))
    random = made(rl.GRU, bias_initializer="random_uniform")
    assert (random.b != 0).all()
    assert not (random.b == random.bu).any()


@every_gated
def test_each_initializer_of_a_gated_layer_goes_to_its_own_parameter(kind):
    def filled(value):
        return rl.initializers.get("constant", value=value)

    layer = made(
        kind,
        kernel_initializer=filled(1.0),
        recurrent_initializer=filled(2.0),
        bias_initializer=filled(3.0),
        **({"forget_bias": 0.0} if kind is rl.LSTM else {}),
    )
    wanted = {"W": 1.0, "U": 2.0, "b": 3.0} | ({"bu": 3.0} if kind is rl.GRU else {})
    assert {name: np.unique(array).tolist() for name, array in layer.arrays().items()} == {
        name: [value] for name, value in wanted.items()
    }


@every_gated
@pytest.mark.parametrize("hidden", [1, 5, 16])
def test_the_recurrent_kernel_of_each_gate_is_orthogonal_by_itself(kind, hidden):
    U = kind.init(np.random.default_rng(3), inputs=2, hidden=hidden).U
    for block in blocks(kind, U):
        np.testing.assert_allclose(block @ block.T, np.eye(hidden), rtol=0, atol=1e-14)
        np.testing.assert_allclose(block.T @ block, np.eye(hidden), rtol=0, atol=1e-14)


@every_gated
def test_the_input_kernel_of_each_gate_is_drawn_with_the_fans_of_one_gate(kind):
    # Glorot's limit is √(6 / (D + H)); the fused matrix would have √(6 / (D + 4H)), little more than half of it.
    inputs, hidden = 30, 40
    limit = np.sqrt(6 / (inputs + hidden))
    for block in blocks(kind, kind.init(np.random.default_rng(4), inputs=inputs, hidden=hidden).W):
        assert np.abs(block).max() <= limit
        assert np.abs(block).max() > 0.98 * limit  # 1200 draws all under 0.98 of it: once in 3e10 times
        assert block.std() == pytest.approx(limit / np.sqrt(3), rel=0.08)


@every_gated
@pytest.mark.parametrize("name", ["W", "U"])
def test_no_two_gates_are_drawn_alike(kind, name):
    gates = blocks(kind, getattr(made(kind), name))
    for k, one in enumerate(gates):
        for other in gates[:k]:
            assert not np.isclose(one, other).any()


@every_gated
def test_a_gated_layer_is_a_draw_of_its_generator_and_of_nothing_else(kind):
    for name, array in made(kind).arrays().items():
        np.testing.assert_array_equal(array, made(kind).arrays()[name], err_msg=name)
    other = kind.init(np.random.default_rng(1), inputs=D, hidden=H)
    assert (other.W != made(kind).W).all()


@every_gated
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_parameter_and_result_of_a_gated_layer_has_the_dtype_that_is_asked_for(kind, dtype):
    layer = made(kind, dtype)
    trace = layer.forward(inputs(dtype))
    grads = layer.backward(trace, np.ones((T, B, H), dtype))
    arrays = [*layer.arrays().values(), *trace.arrays().values(), *grads.arrays().values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@every_gated
@pytest.mark.parametrize("argument", ["kernel_initializer", "recurrent_initializer", "bias_initializer"])
def test_an_unknown_initializer_of_a_gated_layer_is_refused_with_the_choices(kind, argument):
    with pytest.raises(ValueError, match=r"^initializer must be one of glorot_uniform, he_uniform, .*; got 'xavier'$"):
        made(kind, **{argument: "xavier"})


@every_gated
@pytest.mark.parametrize(
    ("xs", "error", "message"),
    [
        (np.ones((7, 2, 4)), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, {G}); got (7, 2, 4)"),
        (np.ones((7, 3)), ValueError, "xs must be (T, B, D) with D = 3 to match W (3, {G}); got (7, 3)"),
        (np.ones((0, 2, 3)), ValueError, "xs must be (T, B, D) with T ≥ 1; got (0, 2, 3)"),
        (np.full((7, 2, 3), np.nan), ValueError, "xs must be finite; got nan at xs[0, 0, 0]"),
        (
            np.ones((7, 2, 3), np.float32),
            TypeError,
            "xs must be float64 like the parameters; got float32: convert one of the two",
        ),
    ],
)
def test_inputs_that_do_not_fit_a_gated_layer_are_refused(kind, xs, error, message):
    with refuses(error, message.format(G=BLOCKS[kind] * H)):
        made(kind).forward(xs)


MISFITTING_STARTS = [
    (np.ones((3, 5)), ValueError, "{0} must be (B, H) with B = 2 to match xs (7, 2, 3); got (3, 5)"),
    (np.ones((2, 4)), ValueError, "{0} must be (B, H) with H = 5 to match the layer; got (2, 4)"),
    (np.full((2, 5), np.inf), ValueError, "{0} must be finite; got inf at {0}[0, 0]"),
    (
        np.ones((2, 5), np.float32),
        TypeError,
        "{0} must be float64 like the parameters; got float32: convert one of the two",
    ),
    (0.0, TypeError, "{0} must be a NumPy array; got float: convert it with np.asarray"),
]


@pytest.mark.parametrize(("kind", "name"), [(rl.LSTM, "h0"), (rl.LSTM, "c0"), (rl.GRU, "h0")])
@pytest.mark.parametrize(("start", "error", "message"), MISFITTING_STARTS)
def test_an_initial_state_that_does_not_fit_a_gated_layer_is_refused_by_name(kind, name, start, error, message):
    with refuses(error, message.format(name)):
        made(kind).forward(inputs(), **{name: start})


@pytest.mark.parametrize(("kind", "name"), [(rl.LSTM, "dhs"), (rl.GRU, "dhs")])
@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.ones((8, 2, 5)), ValueError, "{0} must be (T, B, H) with T = 7 to match the trace; got (8, 2, 5)"),
        (np.ones((7, 1, 5)), ValueError, "{0} must be (T, B, H) with B = 2 to match the trace; got (7, 1, 5)"),
        (np.ones((7, 2, 1)), ValueError, "{0} must be (T, B, H) with H = 5 to match the trace; got (7, 2, 1)"),
        (np.full((7, 2, 5), np.nan), ValueError, "{0} must be finite; got nan at {0}[0, 0, 0]"),
        (
            np.ones((7, 2, 5), np.float32),
            TypeError,
            "{0} must be float64 like the parameters; got float32: convert one of the two",
        ),
        (1.0, TypeError, "{0} must be a NumPy array; got float: convert it with np.asarray"),
    ],
)
def test_a_gradient_from_above_that_does_not_fit_a_gated_layer_is_refused_by_name(kind, name, array, error, message):
    layer = made(kind)
    with refuses(error, message.format(name)):
        layer.backward(layer.forward(inputs()), **{"dhs": np.ones((T, B, H)), name: array})


ENDS = [(rl.RNN, "dh_end"), (rl.IndRNN, "dh_end"), (rl.GRU, "dh_end"), (rl.LSTM, "dh_end"), (rl.LSTM, "dc_end")]


@pytest.mark.parametrize(("kind", "name"), ENDS)
@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (
            np.ones((7, 2, 5)),
            ValueError,
            "{0} must be (B, H) with B = 2 to match the trace and H = 5 to match the trace",
        ),
        (np.ones((1, 5)), ValueError, "{0} must be (B, H) with B = 2 to match the trace; got (1, 5)"),
        (np.full((2, 5), np.inf), ValueError, "{0} must be finite; got inf at {0}[0, 0]"),
        (1.0, TypeError, "{0} must be a NumPy array; got float: convert it with np.asarray"),
    ],
)
def test_a_gradient_from_a_later_chunk_that_does_not_fit_is_refused_by_name(kind, name, array, error, message):
    layer = made(kind)
    with pytest.raises(error, match=re.escape(message.format(name))):
        layer.backward(layer.forward(inputs()), np.ones((T, B, H)), **{name: array})


@every_gated
def test_the_trace_of_a_gated_layer_has_its_states_before_and_after_every_step(kind):
    names = ("h0", "c0") if kind is rl.LSTM else ("h0",)
    starts = {name: np.full((B, H), 0.25 + k) for k, name in enumerate(names)}
    trace = made(kind).forward(inputs(), **starts)
    assert tuple(trace.states) == kind.carries == ("hs", "cs")[: len(names)]
    for states, start in zip(trace.states.values(), starts.values(), strict=True):
        assert states.shape == (T + 1, B, H)
        np.testing.assert_array_equal(states[0], start)
    for first, start in zip(trace.starts, starts.values(), strict=True):
        np.testing.assert_array_equal(first, start)
    for end, states in zip(trace.ends, trace.states.values(), strict=True):
        np.testing.assert_array_equal(end, states[-1])
        assert not np.may_share_memory(end, states)


@every_gated
def test_the_gradient_of_a_gated_layer_is_shaped_like_what_it_differentiates(kind):
    layer, xs = made(kind), inputs()
    grads = layer.backward(layer.forward(xs), np.ones((T, B, H)))
    assert type(grads.params) is kind
    assert {n: a.shape for n, a in grads.params.arrays().items()} == {n: a.shape for n, a in layer.arrays().items()}
    assert grads.xs.shape == xs.shape
    assert {name: totals.shape for name, totals in grads.states.items()} == dict.fromkeys(kind.carries, (T + 1, B, H))
    np.testing.assert_array_equal(grads.h0, grads.hs[0])
    if kind is rl.LSTM:
        np.testing.assert_array_equal(grads.c0, grads.cs[0])


@every_gated
def test_without_a_gradient_from_a_later_chunk_it_is_zero(kind):
    layer, dhs = made(kind), np.random.default_rng(2).standard_normal((T, B, H))
    trace = layer.forward(inputs())
    zeros = [np.zeros((B, H)) for _ in kind.carries]
    without, with_zeros = layer.backward(trace, dhs), layer.backward(trace, dhs, *zeros)
    for name, array in with_zeros.arrays().items():
        np.testing.assert_array_equal(without.arrays()[name], array, err_msg=name)


def test_at_the_last_step_the_gradient_of_a_pair_is_what_arrives_from_above():
    rng = np.random.default_rng(2)
    dhs, dh_end, dc_end = rng.standard_normal((T, B, H)), *rng.standard_normal((2, B, H))
    layer = made(rl.LSTM)
    grads = layer.backward(layer.forward(inputs()), dhs, dh_end, dc_end)
    np.testing.assert_array_equal(grads.hs[-1], dhs[-1] + dh_end)
    np.testing.assert_array_equal(grads.cs[-1], dc_end)


# Saturated gates: an open path is open exactly.


def test_an_lstm_that_forgets_nothing_and_takes_in_nothing_carries_its_cell_bit_for_bit():
    # i = σ(-800) is 0, or so small that c does not feel it; f = σ(800) is 1.
    layer = made(rl.LSTM)
    b = np.concatenate([np.full(H, -800.0), np.full(H, 800.0), np.zeros(2 * H)])
    layer = rl.LSTM(layer.W, layer.U, b)
    c0 = np.random.default_rng(3).uniform(0.5, 2, (B, H))
    trace = layer.forward(inputs(), None, c0)
    np.testing.assert_array_equal(trace.cs, np.broadcast_to(c0, trace.cs.shape))
    dc_end = np.random.default_rng(4).standard_normal((B, H))
    cs = layer.backward(trace, np.zeros((T, B, H)), dc_end=dc_end).cs
    np.testing.assert_array_equal(cs, np.broadcast_to(dc_end, cs.shape))


def test_a_gru_whose_update_gate_keeps_everything_carries_its_state_bit_for_bit():
    layer = made(rl.GRU)
    b = np.concatenate([np.full(H, 800.0), np.zeros(2 * H)])
    layer = rl.GRU(layer.W, layer.U, b, layer.bu)
    h0 = np.random.default_rng(3).uniform(0.5, 2, (B, H))
    trace = layer.forward(inputs(), h0)
    np.testing.assert_array_equal(trace.hs, np.broadcast_to(h0, trace.hs.shape))
    dhs = np.zeros((T, B, H))
    dhs[-1] = np.random.default_rng(4).standard_normal((B, H))
    hs = layer.backward(trace, dhs).hs
    np.testing.assert_array_equal(hs, np.broadcast_to(dhs[-1], hs.shape))


@pytest.mark.parametrize(("kind", "name"), [(rl.RNN, "U"), (rl.IndRNN, "u"), (rl.GRU, "bu"), (rl.LSTM, "b")])
def test_every_parameter_has_the_precision_of_the_kernel(kind, name):
    arrays = made(kind).arrays()
    with refuses(TypeError, f"{name} must be float64 like the parameters; got float32: convert one of the two"):
        kind(**{**arrays, name: arrays[name].astype(np.float32)})


@pytest.mark.parametrize("kind", [rl.LSTM, rl.GRU])
def test_a_gated_layer_says_the_axes_of_its_recurrent_kernel(kind):
    with refuses(ValueError, "U must be (H, G); got (5,)"):
        kind(**{**made(kind).arrays(), "U": np.ones(5)})
