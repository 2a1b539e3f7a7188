"""Layers without time: Dense, Embedding, Conv2D and BatchNorm by their definitions, and by the complex step."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.layers.batchnorm import evaluating, with_batch_statistics
from rnnlab.layers.conv import col2im, im2col

seeds, few = st.integers(0, 10**6), st.integers(1, 4)
activations = st.sampled_from(["identity", "tanh", "sigmoid", "relu", "leaky_relu"])


def layers_of_four_kinds():
    rng = np.random.default_rng(0)
    return (
        rl.Dense.init(rng, inputs=3, outputs=2),
        rl.Conv2D.init(rng, channels=2, filters=3, size=(2, 1)),
        rl.Embedding.init(rng, symbols=4, outputs=2),
        rl.BatchNorm.init(inputs=3),
    )


def refuses(error, message):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


# Dense


@given(seeds, few, few, few, few, activations, st.booleans())
def test_dense_is_a_product_row_by_row_and_passes_the_check(seed, T, B, D, K, activation, flat):
    rng = np.random.default_rng(seed)
    layer = rl.Dense.init(rng, inputs=D, outputs=K, activation=activation, bias_initializer="random_normal")
    xs = rng.standard_normal((B, D) if flat else (T, B, D))
    ys = layer.forward(xs).ys
    for index in np.ndindex(xs.shape[:-1]):
        a = np.array([sum(xs[index][i] * layer.W[i, k] for i in range(D)) + layer.b[k] for k in range(K)])
        layer.activation.apply(a)
        np.testing.assert_allclose(ys[index], a, rtol=1e-13, atol=1e-15)
    assert rl.check_gradients(layer, xs).worst().error <= 1e-12


def test_dense_refuses_what_does_not_fit():
    layer = rl.Dense.init(np.random.default_rng(0), inputs=3, outputs=2)
    with pytest.raises(ValueError, match=r"xs must be \(T, B, D\) with D = 3 to match W \(3, 2\); got \(5, 4, 2\)"):
        layer.forward(np.ones((5, 4, 2)))
    with pytest.raises(ValueError, match=r"xs must be \(B, D\) with B ≥ 1; got \(0, 3\)"):
        layer.forward(np.ones((0, 3)))
    with pytest.raises(TypeError, match="xs must be float32 or float64; got int64"):
        layer.forward(np.ones((4, 3), int))
    with pytest.raises(ValueError, match=r"dys must be \(4, 2\) like the outputs; got \(2, 4\)"):
        layer.backward(layer.forward(np.ones((4, 3))), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"b must be \(K,\) with K = 2 to match W \(3, 2\); got \(3,\)"):
        rl.Dense(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match=r"W must be \(D, K\); got \(2, 3, 2\)"):
        rl.Dense(np.ones((2, 3, 2)), np.ones(3))
    with pytest.raises(ValueError, match=r"W must be finite; got nan at W\[0, 0\]"):
        rl.Dense(np.full((3, 2), np.nan), np.ones(2))
    with pytest.raises(TypeError, match="W must be float32 or float64; got int64"):
        rl.Dense(np.ones((3, 2), np.int64), np.ones(2, np.int64))


def test_dense_takes_any_number_of_axes_in_front():
    rng = np.random.default_rng(1)
    layer, xs = replace(layers_of_four_kinds()[0], b=np.array([0.5, -2.0])), rng.standard_normal((2, 3, 4, 3))
    np.testing.assert_allclose(layer.forward(xs).ys, np.einsum("abcd,dk->abck", xs, layer.W) + layer.b, atol=1e-14)
    with refuses(ValueError, "xs must be (N0, N1, N2, D) with D = 3 to match W (3, 2); got (2, 3, 4, 5)"):
        layer.forward(np.ones((2, 3, 4, 5)))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_slope_of_a_layers_activation_stands_in_its_gradient(activation):
    dense = rl.Dense.init(np.random.default_rng(0), inputs=3, outputs=2, activation=activation)
    assert dense.activation.name == activation
    xs, dys = np.random.default_rng(1).standard_normal((5, 3)), np.random.default_rng(2).uniform(1, 2, (5, 2))
    trace = dense.forward(xs)
    slope = trace.ys * (1 - trace.ys) if activation == "sigmoid" else 1 - trace.ys**2
    np.testing.assert_allclose(dense.backward(trace, dys).params.b, (dys * slope).sum(axis=0), rtol=1e-13)
    pixel = rl.Conv2D(dense.W[None, None], dense.b, activation=activation)  # a patch of one pixel is a Dense
    trace = pixel.forward(xs[None, None])
    np.testing.assert_allclose(pixel.backward(trace, dys[None, None]).params.b, (dys * slope).sum(axis=0), rtol=1e-13)


def test_every_parameter_is_a_draw_of_the_generator_one_after_another():
    options = {"kernel_initializer": "random_normal", "bias_initializer": "random_normal"}
    for layer in (
        rl.Dense.init(np.random.default_rng(0), inputs=3, outputs=2, **options),
        rl.Conv2D.init(np.random.default_rng(0), channels=2, filters=3, size=(2, 1), **options),
        rl.Embedding.init(np.random.default_rng(0), symbols=3, outputs=2, embeddings_initializer="random_normal"),
    ):
        rng, normal = np.random.default_rng(0), rl.initializers.get("random_normal")
        for array in layer.arrays().values():
            np.testing.assert_array_equal(array, normal(rng, array.shape, np.float64))


# Embedding


@given(seeds, few, few, st.integers(1, 6), few)
def test_an_embedding_is_a_one_hot_product_without_the_product(seed, T, B, K, D):
    rng = np.random.default_rng(seed)
    layer, ids = rl.Embedding.init(rng, symbols=K, outputs=D), rng.integers(0, K, (T, B))
    one_hot = np.eye(K)[ids]
    trace = layer.forward(ids)
    np.testing.assert_array_equal(trace.ys, one_hot @ layer.E)
    dys = rng.standard_normal(trace.ys.shape)
    dE = layer.backward(trace, dys).params.E
    np.testing.assert_allclose(dE, np.einsum("tbk,tbd->kd", one_hot, dys), rtol=1e-12, atol=1e-14)
    assert rl.check_gradients(layer, ids).worst().error <= 1e-12


def test_an_embedding_refuses_what_it_has_no_row_for():
    layer = rl.Embedding.init(np.random.default_rng(0), symbols=4, outputs=2)
    with pytest.raises(ValueError, match=r"xs must be in 0 … 3 to match E \(4, 2\); got 0 … 4"):
        layer.forward(np.array([0, 4]))
    with pytest.raises(ValueError, match=r"got -1 … 0"):
        layer.forward(np.array([0, -1]))
    with pytest.raises(TypeError, match="xs must be an array of integers; got float64"):
        layer.forward(np.ones((2, 3)))
    with pytest.raises(TypeError, match="xs must be an array of integers; got list"):
        layer.forward([1, 2])
    with pytest.raises(ValueError, match=r"xs must not be empty; got \(0, 3\)"):
        layer.forward(np.ones((0, 3), int))


# Convolution


def test_a_4_by_4_image_with_a_2_by_2_filter_has_25_positions():
    image = np.arange(16.0).reshape(1, 4, 4, 1)
    patches = im2col(image, (2, 2), stride=1, padding=1)
    assert patches.shape == (1, 5, 5, 4)
    matrix = patches.reshape(25, 4)
    np.testing.assert_array_equal(matrix[0], [0, 0, 0, 0])  # the corner: padding, and image[0, 0] = 0
    np.testing.assert_array_equal(matrix[6], [0, 1, 4, 5])
    np.testing.assert_array_equal(matrix[24], [15, 0, 0, 0])
    kernel = np.array([1.0, 10.0, 100.0, 1000.0])
    layer = rl.Conv2D(kernel.reshape(2, 2, 1, 1), np.zeros(1), stride=1, padding=1)
    np.testing.assert_array_equal(layer.forward(image).ys.ravel(), matrix @ kernel)


@given(
    seeds,
    few,
    st.integers(1, 6),
    st.integers(1, 6),
    few,
    few,
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_a_convolution_is_its_definition_and_passes_the_check(seed, B, Y, X, C, K, R, S, stride, padding):
    rng = np.random.default_rng(seed)
    layer = rl.Conv2D.init(rng, channels=C, filters=K, size=(R, S), stride=stride, padding=padding, activation="tanh")
    xs = rng.standard_normal((B, Y, X, C))
    if Y + 2 * padding < R or X + 2 * padding < S:
        with pytest.raises(ValueError, match="does not fit images"):
            layer.forward(xs)
        return
    ys = layer.forward(xs).ys
    assert ys.shape == (B, (Y + 2 * padding - R) // stride + 1, (X + 2 * padding - S) // stride + 1, K)
    for n, i, j, k in np.ndindex(ys.shape):
        a = layer.b[k]
        for r, s, c in np.ndindex(R, S, C):
            y, x = i * stride + r - padding, j * stride + s - padding
            if 0 <= y < Y and 0 <= x < X:
                a += xs[n, y, x, c] * layer.W[r, s, c, k]
        assert abs(ys[n, i, j, k] - np.tanh(a)) < 1e-13
    assert rl.check_gradients(layer, xs).worst().error <= 1e-12


@given(seeds, st.integers(2, 6), st.integers(2, 6), st.integers(1, 2), st.integers(1, 3), st.integers(0, 2))
def test_col2im_is_the_transpose_of_im2col(seed, Y, X, C, stride, padding):
    rng = np.random.default_rng(seed)
    xs = rng.standard_normal((2, Y, X, C))
    columns = im2col(xs, (2, 2), stride=stride, padding=padding)
    other = rng.standard_normal(columns.shape)
    back = col2im(other, xs.shape, (2, 2), stride=stride, padding=padding)
    assert np.vdot(columns, other) == pytest.approx(np.vdot(xs, back), rel=1e-12, abs=1e-12)


def test_patches_overlap_and_unless_told_otherwise_they_move_by_one_without_padding():
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    columns = im2col(image, (2, 2))
    np.testing.assert_array_equal(columns[0, 1, 1], [4, 5, 7, 8])
    np.testing.assert_array_equal(columns, im2col(image, (2, 2), stride=1, padding=0))
    counts = col2im(np.ones_like(columns), image.shape, (2, 2))  # in how many of the patches a pixel is
    np.testing.assert_array_equal(counts[0, :, :, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_a_patch_may_be_as_large_as_the_padded_image_and_no_larger():
    image = np.ones((1, 1, 1, 1))
    assert im2col(image, (3, 3), padding=1).shape == (1, 1, 1, 9)
    for size in ((4, 3), (3, 4)):
        with pytest.raises(ValueError, match="does not fit images"):
            im2col(image, size, padding=1)


def test_a_fresh_convolution_moves_by_one_without_padding_and_is_linear():
    layer = layers_of_four_kinds()[1]
    assert (layer.stride, layer.padding, layer.activation.name) == (1, 0, "identity")


@pytest.mark.parametrize("number", [0, 1])
def test_an_activation_may_be_given_by_name(number):
    assert replace(layers_of_four_kinds()[number], activation="tanh").activation.name == "tanh"


@pytest.mark.parametrize(("number", "shape"), [(0, (2, 3)), (1, (1, 2, 2, 2)), (3, (2, 2, 3))])
def test_inputs_of_another_precision_are_refused(number, shape):
    with refuses(TypeError, "xs must be float64 like the parameters; got float32: convert one of the two"):
        layers_of_four_kinds()[number].forward(np.ones(shape, np.float32))


def test_a_convolution_refuses_what_does_not_fit():
    rng = np.random.default_rng(0)
    layer = rl.Conv2D.init(rng, channels=2, filters=3, size=(2, 2))
    with pytest.raises(
        ValueError, match=r"xs must be \(B, Y, X, C\) with C = 2 to match W \(2, 2, 2, 3\); got \(1, 5, 5, 3\)"
    ):
        layer.forward(np.ones((1, 5, 5, 3)))
    with pytest.raises(ValueError, match=r"stride must be ≥ 1 and padding ≥ 0; got 0 and 0"):
        rl.Conv2D.init(rng, channels=2, filters=3, size=(2, 2), stride=0)
    with pytest.raises(ValueError, match=r"a patch \(2, 2\) does not fit images \(1, 5\) with padding 0"):
        layer.forward(np.ones((1, 1, 5, 2)))


# Batch normalisation


def worn(rng, D):
    """A layer whose γ, β and running statistics are not those it began with."""
    arrays = (rng.uniform(0.5, 2, D), rng.standard_normal(D), rng.standard_normal(D), rng.uniform(0.5, 2, D))
    return rl.BatchNorm(*arrays, momentum=0.9)


@given(seeds, st.integers(2, 4), st.integers(2, 3), few)
def test_batch_norm_gives_every_feature_its_mean_and_spread_over_batch_and_time(seed, T, B, D):
    rng = np.random.default_rng(seed)
    layer, xs = worn(rng, D), 3 + 2 * rng.standard_normal((T, B, D))
    trace = layer.forward(xs)
    np.testing.assert_allclose(trace.ys.mean(axis=(0, 1)), layer.beta, atol=1e-12)
    variance = xs.var(axis=(0, 1))
    np.testing.assert_allclose(
        trace.ys.var(axis=(0, 1)), layer.gamma**2 * variance / (variance + layer.epsilon), rtol=1e-10
    )
    np.testing.assert_allclose(trace.variance, variance, rtol=1e-12)
    assert rl.check_gradients(layer, xs).worst().error <= 1e-12
    assert rl.check_gradients(evaluating(layer), xs).worst().error <= 1e-12


def test_the_gradient_of_batch_norm_is_blind_to_a_common_shift_and_scale():
    rng = np.random.default_rng(0)
    layer, xs = worn(rng, 3), rng.standard_normal((5, 4, 3))
    dxs = layer.backward(layer.forward(xs), rng.standard_normal(xs.shape)).xs
    np.testing.assert_allclose(dxs.sum(axis=(0, 1)), 0, atol=1e-13)
    apart = (dxs * (xs - xs.mean(axis=(0, 1)))).sum(axis=(0, 1))
    assert np.abs(apart).max() < 0.01  # exactly 0 but for ε = 0.001


def test_running_statistics_move_only_when_they_are_told_to():
    rng = np.random.default_rng(1)
    layer, xs = worn(rng, 3), rng.standard_normal((5, 4, 3))
    before = {name: array.copy() for name, array in layer.arrays().items()}
    trace = layer.forward(xs)
    layer.backward(trace, xs)
    for name, array in layer.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    moved = with_batch_statistics(layer, trace)
    np.testing.assert_allclose(moved.mean, 0.9 * layer.mean + 0.1 * xs.mean(axis=(0, 1)), rtol=1e-13)
    np.testing.assert_allclose(moved.variance, 0.9 * layer.variance + 0.1 * xs.var(axis=(0, 1)), rtol=1e-13)
    np.testing.assert_array_equal(moved.gamma, layer.gamma)


def test_an_evaluating_layer_treats_every_row_alone():
    rng = np.random.default_rng(2)
    layer, xs = evaluating(worn(rng, 3)), rng.standard_normal((5, 4, 3))
    np.testing.assert_allclose(layer.forward(xs).ys[2:3, 1:2], layer.forward(xs[2:3, 1:2].copy()).ys, rtol=1e-13)


def test_statistics_settle_at_those_of_the_data():
    rng = np.random.default_rng(3)
    layer = rl.BatchNorm.init(inputs=2, momentum=0.5)
    for _ in range(60):
        layer = with_batch_statistics(layer, layer.forward(5 + 3 * rng.standard_normal((50, 40, 2))))
    np.testing.assert_allclose(layer.mean, 5, atol=0.2)
    np.testing.assert_allclose(layer.variance, 9, rtol=0.1)


def test_batch_norm_refuses_what_does_not_fit():
    layer = rl.BatchNorm.init(inputs=3)
    with pytest.raises(ValueError, match=r"xs must be \(T, B, D\) with D = 3 to match gamma \(3,\); got \(2, 2, 4\)"):
        layer.forward(np.ones((2, 2, 4)))
    with pytest.raises(ValueError, match=r"variance must be \(D,\) with D = 3"):
        rl.BatchNorm(np.ones(3), np.ones(3), np.ones(3), np.ones(4))
    for momentum in (-0.01, 1.01, np.nan):
        with pytest.raises(ValueError, match=f"momentum must be in 0 … 1; got {momentum}"):
            rl.BatchNorm.init(inputs=3, momentum=momentum)
    for momentum in (0.0, 1.0):
        assert rl.BatchNorm.init(inputs=3, momentum=momentum).momentum == momentum


@pytest.mark.parametrize(
    ("number", "name", "axes"), [(0, "W", "(D, K)"), (1, "W", "(R, S, C, K)"), (2, "E", "(K, D)"), (3, "gamma", "(D,)")]
)
def test_the_axes_of_a_kernel_are_said(number, name, axes):
    layer = layers_of_four_kinds()[number]
    with refuses(ValueError, f"{name} must be {axes}; got (1, 2, 3)"):
        replace(layer, **{name: np.ones((1, 2, 3))})


@pytest.mark.parametrize(
    ("number", "name", "size"),
    [
        (0, "b", "(K,) with K = 2 to match W (3, 2)"),
        (1, "b", "(K,) with K = 3 to match W (2, 1, 2, 3)"),
        *((3, name, "(D,) with D = 3 to match gamma (3,)") for name in ("beta", "mean", "variance")),
    ],
)
def test_a_vector_that_does_not_fit_its_kernel_is_refused(number, name, size):
    layer = layers_of_four_kinds()[number]
    with refuses(ValueError, f"{name} must be {size}; got (7,)"):
        replace(layer, **{name: np.ones(7)})
    with refuses(TypeError, f"{name} must be float64 like the parameters; got float32: convert one of the two"):
        replace(layer, **{name: getattr(layer, name).astype(np.float32)})


def test_a_fresh_batch_norm_has_the_epsilon_that_is_asked_for():
    assert rl.BatchNorm.init(inputs=3, momentum=0.5, epsilon=0.25).epsilon == 0.25


def test_a_fresh_batch_norm_neither_scales_nor_shifts():
    layer = rl.BatchNorm.init(inputs=3)
    for name, value in {"gamma": 1, "beta": 0, "mean": 0, "variance": 1}.items():
        np.testing.assert_array_equal(getattr(layer, name), np.full(3, value))
    assert (layer.momentum, layer.epsilon) == (0.99, 1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_layer_changes_the_dtype(dtype):
    rng = np.random.default_rng(0)
    for layer, xs in (
        (rl.Dense.init(rng, inputs=2, outputs=3, activation="tanh", dtype=dtype), np.ones((4, 2), dtype)),
        (rl.Embedding.init(rng, symbols=2, outputs=3, dtype=dtype), np.array([[0, 1]])),
        (rl.Conv2D.init(rng, channels=2, filters=3, size=(2, 2), dtype=dtype), np.ones((1, 3, 3, 2), dtype)),
        (rl.BatchNorm.init(inputs=2, dtype=dtype), np.ones((4, 1, 2), dtype)),
    ):
        trace = layer.forward(xs)
        grads = layer.backward(trace, np.ones_like(trace.ys))
        assert {trace.ys.dtype, *(array.dtype for array in grads.params.arrays().values())} == {np.dtype(dtype)}
        assert grads.xs is None or grads.xs.dtype == dtype
