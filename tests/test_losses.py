"""The losses: values by hand, gradients against the complex step, stability, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.losses import softmax_cross_entropy, squared_error


def test_squared_error_is_the_mean_over_all_entries():
    value, gradient = squared_error(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 1.0]]))
    assert value == (4 + 9) / 4
    np.testing.assert_array_equal(gradient, [[0, 1], [0, 1.5]])


def test_cross_entropy_is_the_mean_of_minus_log_p():
    value, gradient = softmax_cross_entropy(np.log(np.array([[1.0, 3.0], [2.0, 2.0]])), np.array([1, 0]))
    assert value == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2, rel=1e-15)
    np.testing.assert_allclose(gradient, [[0.125, -0.125], [-0.25, 0.25]], rtol=1e-15)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.integers(2, 5))
def test_gradients_agree_with_the_complex_step(seed, T, B, K):
    rng = np.random.default_rng(seed)
    ys, targets, labels = rng.standard_normal((T, B, K)), rng.standard_normal((T, B, K)), rng.integers(0, K, (T, B))
    for loss, truth, wide in ((squared_error, targets, targets + 0j), (softmax_cross_entropy, labels, labels)):
        _, gradient = loss(ys, truth)
        for index in np.ndindex(ys.shape):
            moved = ys + 0j
            moved[index] += 1e-20j
            wanted = loss(moved, wide)[0].imag / 1e-20
            assert abs(gradient[index] - wanted) <= 1e-14 * np.abs(gradient).max()


@given(st.integers(0, 10**6), st.floats(-1e300, 1e300))
def test_cross_entropy_does_not_change_with_a_common_shift_and_its_rows_sum_to_zero(seed, shift):
    rng = np.random.default_rng(seed)
    logits, labels = rng.integers(-9, 9, (3, 4)).astype(float), rng.integers(0, 4, 3)
    value, gradient = softmax_cross_entropy(logits, labels)
    assert abs(gradient.sum(axis=1)).max() < 1e-15
    if abs(shift) < 2**40:
        assert softmax_cross_entropy(logits + round(shift), labels)[0] == pytest.approx(value, rel=1e-12)


def test_cross_entropy_is_stable_at_a_million():
    value, gradient = softmax_cross_entropy(np.array([[1e6, -1e6, 0.0]]), np.array([1]))
    assert value == 2e6
    np.testing.assert_array_equal(gradient, [[1, -1, 0]])


def test_every_row_is_shifted_by_its_own_largest_logit():
    value, gradient = softmax_cross_entropy(np.array([[0.0, 0.0], [2000.0, 2000.0]]), np.array([0, 1]))
    assert value == pytest.approx(math.log(2), rel=1e-15)
    np.testing.assert_allclose(gradient, [[-0.25, 0.25], [0.25, -0.25]], rtol=1e-15)


def test_targets_in_float64_are_taken_in_the_precision_of_the_outputs():
    ys, targets = np.array([1.0, 2.0], np.float32), np.array([0.1, 0.7])
    value, gradient = squared_error(ys, targets)
    same_value, same = squared_error(ys, targets.astype(np.float32))
    assert gradient.dtype == np.float32
    assert value == same_value
    np.testing.assert_array_equal(gradient, same)
    with pytest.raises(TypeError, match="targets must be complex128 like the parameters; got float64"):
        squared_error(ys.astype(np.complex128), targets)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_keeps_the_dtype(dtype):
    ys = np.ones((2, 3), dtype)
    assert squared_error(ys, ys)[1].dtype == dtype
    assert softmax_cross_entropy(ys, np.array([0, 1]))[1].dtype == dtype


def test_what_does_not_fit_is_refused():
    ys = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"targets must be \(2, 3\) like the outputs; got \(3, 2\)"):
        squared_error(ys, np.ones((3, 2)))
    with pytest.raises(TypeError, match="targets must be float64 like the parameters; got float32"):
        squared_error(ys, np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="targets must be finite"):
        squared_error(ys, np.full((2, 3), np.nan))
    with pytest.raises(TypeError, match="labels must be an array of integers; got float64"):
        softmax_cross_entropy(ys, np.zeros(2))
    with pytest.raises(TypeError, match="labels must be an array of integers; got list"):
        softmax_cross_entropy(ys, [0, 1])
    with pytest.raises(ValueError, match=r"labels must be \(2,\) to match logits \(2, 3\); got \(3,\)"):
        softmax_cross_entropy(ys, np.zeros(3, int))
    with pytest.raises(ValueError, match=r"labels must be \(4, 2\) to match logits \(4, 2, 3\); got \(2,\)"):
        softmax_cross_entropy(np.ones((4, 2, 3)), np.zeros(2, int))
    with pytest.raises(ValueError, match=r"labels must be in 0 … 2; got 0 … 3"):
        softmax_cross_entropy(ys, np.array([0, 3]))
    with pytest.raises(ValueError, match=r"labels must be in 0 … 2; got -1 … 0"):
        softmax_cross_entropy(ys, np.array([0, -1]))
