"""The initializers: exact bounds and spectra, variances and whole distributions, and Keras's formulas by hand.

The statistical tests have fixed seeds, so they never change their mind. Had the seeds been drawn anew, each test of a
mean or a variance would raise a false alarm with probability 2e-9 (six standard errors), each test of a distribution
with 1e-9 (the Dvoretzky-Kiefer-Wolfowitz bound, which holds for every n).
"""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep import one_in
from rnnlab import initializers
from rnnlab.initializers import INITIALIZERS, fans, get

NAMES = tuple(INITIALIZERS)
every_name = pytest.mark.parametrize("name", NAMES)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def rng(seed=0):
    return np.random.default_rng(seed)


def shape_for(name):
    return (5, 5) if name == "normalized_positive_definite" else (4, 6)


# What holds for every one


def test_the_names_are_those_of_the_survey_the_irnn_paper_and_their_family():
    assert set(NAMES) == {
        *("glorot_uniform", "he_uniform", "lecun_uniform", "orthogonal", "random_normal", "variance_scaling"),
        *("identity", "zeros", "ones", "constant", "random_uniform", "truncated_normal"),
        *("glorot_normal", "he_normal", "lecun_normal"),
        *("indrnn_range", "normalized_positive_definite", "torch_uniform"),
    }
    assert all(getattr(initializers, name) is INITIALIZERS[name] for name in NAMES)


@every_name
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_has_the_shape_and_dtype_and_lies_in_c_order(name, dtype):
    weights = get(name)(rng(), shape_for(name), dtype)
    assert weights.shape == shape_for(name)
    assert weights.dtype == dtype
    assert weights.flags.c_contiguous
    assert weights.flags.writeable
    assert np.isfinite(weights).all()


@every_name
def test_float64_is_the_default(name):
    assert get(name)(rng(), shape_for(name)).dtype == np.float64


@every_name
@given(seed=seeds)
def test_one_seed_gives_one_set_of_weights(name, seed):
    one, two = (get(name)(rng(seed), shape_for(name)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@every_name
@given(seed=seeds)
def test_float32_weights_are_the_float64_ones_rounded(name, seed):
    wide = get(name)(rng(seed), shape_for(name), np.float64)
    np.testing.assert_array_equal(get(name)(rng(seed), shape_for(name), np.float32), wide.astype(np.float32))


CONSTANTS = ("zeros", "ones", "constant", "identity")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CONSTANTS])
def test_another_seed_and_the_next_draw_give_other_weights(name):
    generator = rng(0)
    first, second = get(name)(generator, shape_for(name)), get(name)(generator, shape_for(name))
    assert (first != second).all()
    assert (first != get(name)(rng(1), shape_for(name))).all()


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_draws_nothing(name):
    generator = rng(0)
    get(name)(generator, (3, 3))
    assert generator.random() == rng(0).random()


@every_name
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (-1, 3), (2, 0, 3)])
def test_an_empty_shape_is_refused(name, shape):
    message = f"shape must have at least one axis and none empty; got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get(name)(rng(), shape)


# Constants


@given(shape=st.lists(sizes, min_size=1, max_size=4).map(tuple), value=st.floats(-1e6, 1e6))
def test_constants_are_constant(shape, value):
    np.testing.assert_array_equal(initializers.zeros(rng(), shape), np.zeros(shape))
    np.testing.assert_array_equal(initializers.ones(rng(), shape), np.ones(shape))
    np.testing.assert_array_equal(initializers.constant(rng(), shape, value=value), np.full(shape, value))


def test_the_constant_is_zero_if_not_given():
    np.testing.assert_array_equal(initializers.constant(rng(), (2,)), [0, 0])


@given(rows=sizes, columns=sizes, gain=st.floats(-3, 3))
def test_identity_has_the_gain_on_its_diagonal_and_zeros_elsewhere(rows, columns, gain):
    got = initializers.identity(rng(), (rows, columns), gain=gain)
    for i in range(rows):
        for j in range(columns):
            assert got[i, j] == (gain if i == j else 0)


def test_the_gain_of_identity_is_one_if_not_given():
    np.testing.assert_array_equal(initializers.identity(rng(), (2, 3)), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("shape", [(3,), (3, 3, 3)])
def test_identity_of_what_is_no_matrix_is_refused(shape):
    message = f"identity needs a matrix shape (rows, columns); got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        initializers.identity(rng(), shape)


# Distributions

N = 60_000
# Of N(0, 1) cut at ±2, by integration by parts: m₂ = 1 - 4 φ(2) / P, m₄ = 3 m₂ - 16 φ(2) / P, P = P(|z| < 2).
P_WITHIN_2 = math.erf(math.sqrt(2))
DENSITY_AT_2 = math.exp(-2) / math.sqrt(2 * math.pi)
CUT_VARIANCE = 1 - 4 * DENSITY_AT_2 / P_WITHIN_2
CUT_KURTOSIS = (3 * CUT_VARIANCE - 16 * DENSITY_AT_2 / P_WITHIN_2) / CUT_VARIANCE**2
KURTOSIS = {"uniform": 1.8, "normal": 3.0, "cut": CUT_KURTOSIS}


def cdf(kind, z):
    """P(Z ≤ z) of the standard kind: U(-√3, √3), N(0, 1), or N(0, 1) cut at ±2 and widened; all of variance 1."""
    if kind == "uniform":
        return np.clip((z / math.sqrt(3) + 1) / 2, 0, 1)
    normal = np.vectorize(lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2))))
    if kind == "normal":
        return normal(z)
    return np.clip((normal(z * math.sqrt(CUT_VARIANCE)) - normal(-2)) / P_WITHIN_2, 0, 1)


def assert_distributed(samples, kind, mean, std):
    z = np.sort((samples.ravel() - mean) / std)
    n = len(z)
    assert abs(z.mean()) <= 6 / math.sqrt(n)
    assert abs(np.square(z).mean() - 1) <= 6 * math.sqrt((KURTOSIS[kind] - 1) / n)
    steps = np.arange(n + 1) / n
    gap = max(np.abs(cdf(kind, z) - steps[1:]).max(), np.abs(cdf(kind, z) - steps[:-1]).max())
    assert gap <= math.sqrt(math.log(2 / 1e-9) / (2 * n))


def test_the_librarys_constant_is_the_standard_deviation_of_the_cut_normal():
    assert pytest.approx(math.sqrt(CUT_VARIANCE), rel=1e-15) == initializers.TRUNCATED_STD


PLAIN = {
    "random_normal": ("normal", 0.0, 0.05, {}),
    "random_normal, mean 3, stddev 2": ("normal", 3.0, 2.0, {"mean": 3.0, "stddev": 2.0}),
    "random_uniform": ("uniform", 0.0, 0.05 / math.sqrt(3), {}),
    "random_uniform, -1 to 5": ("uniform", 2.0, 6 / math.sqrt(12), {"minval": -1.0, "maxval": 5.0}),
    "truncated_normal": ("cut", 0.0, 0.05 * math.sqrt(CUT_VARIANCE), {}),
    "truncated_normal, mean -2": ("cut", -2.0, 3 * math.sqrt(CUT_VARIANCE), {"mean": -2.0, "stddev": 3.0}),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_distribution_has_its_mean_variance_and_shape(case):
    kind, mean, std, options = PLAIN[case]
    name = case.split(",", maxsplit=1)[0]
    assert_distributed(get(name)(rng(1), (N,), **options), kind, mean, std)


@given(seed=seeds, low=st.floats(-5, 5), width=st.floats(0, 5))
def test_random_uniform_keeps_to_its_bounds(seed, low, width):
    weights = initializers.random_uniform(rng(seed), (50,), minval=low, maxval=low + width)
    assert (weights >= low).all()
    assert (weights <= low + width).all()


@given(seed=seeds, mean=st.floats(-5, 5), stddev=st.floats(0, 5))
def test_truncated_normal_keeps_within_two_standard_deviations(seed, mean, stddev):
    weights = initializers.truncated_normal(rng(seed), (50,), mean=mean, stddev=stddev)
    assert (np.abs(weights - mean) <= 2 * stddev + 1e-15 * (abs(mean) + 2 * stddev)).all()


@pytest.mark.parametrize("name", ["random_normal", "truncated_normal"])
def test_no_spread_gives_the_mean(name):
    np.testing.assert_array_equal(get(name)(rng(), (3,), mean=0.7, stddev=0.0), [0.7, 0.7, 0.7])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("random_normal", {"stddev": -1.0}, "random_normal needs stddev ≥ 0; got -1.0"),
        ("truncated_normal", {"stddev": -0.1}, "truncated_normal needs stddev ≥ 0; got -0.1"),
        ("random_uniform", {"minval": 2.0, "maxval": 1.0}, "random_uniform needs minval ≤ maxval; got 2.0 and 1.0"),
        ("random_uniform", {"minval": math.nan}, "random_uniform needs minval ≤ maxval; got nan and 0.05"),
        ("variance_scaling", {"scale": 0.0}, "scale must be > 0; got 0.0"),
        ("variance_scaling", {"scale": -2.0}, "scale must be > 0; got -2.0"),
        ("variance_scaling", {"mode": "fan_max"}, "mode must be one of fan_in, fan_out, fan_avg; got 'fan_max'"),
        (
            "variance_scaling",
            {"distribution": "normal"},
            "distribution must be truncated_normal, untruncated_normal or uniform; got 'normal'",
        ),
        ("indrnn_range", {"steps": 0}, "indrnn_range needs steps ≥ 1 and 0 ≤ epsilon ≤ gamma; got 0, 0.5 and 2.0"),
        (
            "indrnn_range",
            {"epsilon": -0.1},
            "indrnn_range needs steps ≥ 1 and 0 ≤ epsilon ≤ gamma; got 100, -0.1 and 2.0",
        ),
        (
            "indrnn_range",
            {"epsilon": 3.0},
            "indrnn_range needs steps ≥ 1 and 0 ≤ epsilon ≤ gamma; got 100, 3.0 and 2.0",
        ),
    ],
)
def test_an_option_outside_its_range_is_refused(name, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get(name)(rng(), (3, 3), **options)


# Fans


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((7,), (7, 7)),
        ((3, 5), (3, 5)),
        ((9, 2, 4), (9 * 2, 9 * 4)),
        ((3, 3, 2, 4), (9 * 2, 9 * 4)),
        ((2, 3, 4, 5, 6), (24 * 5, 24 * 6)),
    ],
)
def test_the_fans_of_a_vector_a_matrix_and_a_convolution(shape, wanted):
    assert fans(shape) == wanted


# Scaled by the fans. The limits and standard deviations are worked out by hand, as a reader of Keras's formulas would.

UNIFORM_LIMITS = {
    ("glorot_uniform", (3, 5)): math.sqrt(6 / 8),
    ("glorot_uniform", (7,)): math.sqrt(6 / 14),
    ("glorot_uniform", (3, 3, 2, 4)): math.sqrt(6 / (18 + 36)),
    ("he_uniform", (3, 5)): math.sqrt(6 / 3),
    ("he_uniform", (7,)): math.sqrt(6 / 7),
    ("he_uniform", (3, 3, 2, 4)): math.sqrt(6 / 18),
    ("lecun_uniform", (3, 5)): math.sqrt(3 / 3),
    ("lecun_uniform", (7,)): math.sqrt(3 / 7),
    ("lecun_uniform", (5, 2, 4)): math.sqrt(3 / 10),
    ("torch_uniform", (3, 5)): 1 / math.sqrt(5),
    ("torch_uniform", (7,)): 1 / math.sqrt(7),
}
NORMAL_STDS = {
    ("glorot_normal", (3, 5)): math.sqrt(2 / 8),
    ("glorot_normal", (3, 3, 2, 4)): math.sqrt(2 / (18 + 36)),
    ("he_normal", (3, 5)): math.sqrt(2 / 3),
    ("he_normal", (5, 2, 4)): math.sqrt(2 / 10),
    ("lecun_normal", (3, 5)): math.sqrt(1 / 3),
    ("lecun_normal", (7,)): math.sqrt(1 / 7),
    ("variance_scaling", (3, 5)): math.sqrt(1 / 3),
}


def many(name, shape, **options):
    """At least N weights of that shape, from one generator."""
    generator = rng(2)
    return np.concatenate([get(name)(generator, shape, **options).ravel() for _ in range(-(-N // math.prod(shape)))])


@pytest.mark.parametrize(("name", "shape"), one_in(4, UNIFORM_LIMITS))
def test_a_uniform_initializer_has_kerass_limit_exactly(name, shape):
    weights, limit = many(name, shape), UNIFORM_LIMITS[name, shape]
    assert np.abs(weights).max() <= limit * (1 + 1e-15)
    # Of N draws the largest falls short of the limit by a share d with probability (1 - d)^N: 1e-9 for d = 20.8 / N.
    assert np.abs(weights).max() >= limit * (1 - 20.8 / N)
    assert_distributed(weights, "uniform", 0.0, limit / math.sqrt(3))


@pytest.mark.parametrize(("name", "shape"), one_in(4, NORMAL_STDS))
def test_a_normal_initializer_has_kerass_standard_deviation_and_is_cut_at_two_of_its_own(name, shape):
    weights, std = many(name, shape), NORMAL_STDS[name, shape]
    cut = 2 * std / 0.87962566103423978
    assert np.abs(weights).max() <= cut
    assert np.abs(weights).max() >= 0.999 * cut
    assert_distributed(weights, "cut", 0.0, std)


MODES = {"fan_in": 18, "fan_out": 36, "fan_avg": 27}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("distribution", "kind"), [("truncated_normal", "cut"), ("untruncated_normal", "normal"), ("uniform", "uniform")]
)
def test_variance_scaling_has_the_variance_scale_over_fan(mode, distribution, kind):
    weights = many("variance_scaling", (3, 3, 2, 4), scale=1.7, mode=mode, distribution=distribution)
    assert_distributed(weights, kind, 0.0, math.sqrt(1.7 / MODES[mode]))


@pytest.mark.parametrize(("mode", "shape"), [("fan_in", (1, 900)), ("fan_out", (900, 1)), ("fan_avg", (1, 1))])
def test_a_fan_of_one_divides_by_one(mode, shape):
    limit = np.sqrt(3 * 2.0)  # √(3 scale / n) with n = 1
    drawn = initializers.variance_scaling(np.random.default_rng(0), shape, scale=2.0, mode=mode, distribution="uniform")
    wanted = initializers.random_uniform(np.random.default_rng(0), shape, minval=-limit, maxval=limit)
    np.testing.assert_allclose(drawn, wanted, rtol=1e-15)


@pytest.mark.parametrize("a", [0.01, 0.3, 1.0])
def test_the_scale_for_a_leaky_relu_is_two_over_one_plus_the_squared_slope(a):
    # gain = √(2 / (1 + a²)): 1.3546 at a = 0.3, where √(2/1 + a²) would give 1.4457.
    weights = many("variance_scaling", (4, 3), scale=2 / (1 + a**2), distribution="uniform")
    gain = {0.01: 1.414143, 0.3: 1.354571, 1.0: 1.0}[a]
    assert np.abs(weights).max() == pytest.approx(gain * math.sqrt(3 / 4), rel=1.1e-4)


FAMILY = {
    "glorot_uniform": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"},
    "glorot_normal": {"scale": 1.0, "mode": "fan_avg", "distribution": "truncated_normal"},
    "he_uniform": {"scale": 2.0, "mode": "fan_in", "distribution": "uniform"},
    "he_normal": {"scale": 2.0, "mode": "fan_in", "distribution": "truncated_normal"},
    "lecun_uniform": {"scale": 1.0, "mode": "fan_in", "distribution": "uniform"},
    "lecun_normal": {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"},
}


@pytest.mark.parametrize("name", FAMILY)
@given(seed=seeds, shape=st.lists(sizes, min_size=1, max_size=4).map(tuple))
def test_the_family_is_variance_scaling_with_its_options(name, seed, shape):
    wanted = initializers.variance_scaling(rng(seed), shape, **FAMILY[name])
    np.testing.assert_array_equal(get(name)(rng(seed), shape), wanted)


# Orthogonal


def gram_error(weights, gain):
    """max|QᵀQ - gain² I| over the shorter side."""
    Q = weights.reshape(-1, weights.shape[-1])
    gram = Q.T @ Q if Q.shape[0] >= Q.shape[1] else Q @ Q.T
    return np.abs(gram - gain**2 * np.eye(len(gram))).max()


@given(seed=seeds, shape=st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple), gain=st.floats(0.1, 3))
def test_orthogonal_is_orthogonal_whether_tall_wide_square_or_a_convolution(seed, shape, gain):
    weights = initializers.orthogonal(rng(seed), shape, gain=gain)
    assert weights.shape == shape
    assert gram_error(weights, gain) <= 1e-13 * gain**2


@pytest.mark.parametrize("shape", [(100, 100), (200, 50), (50, 200), (3, 3, 8, 16)])
def test_orthogonal_is_orthogonal_at_full_size(shape):
    assert gram_error(initializers.orthogonal(rng(), shape), 1.0) <= 1e-13


def test_orthogonal_is_uniform_among_the_orthogonal_matrices():
    # Each entry of a uniform 2×2 one is the cosine of a uniform angle; without the sign rule Q[0, 0] is never positive.
    generator = rng(3)
    entries = np.array([initializers.orthogonal(generator, (2, 2)) for _ in range(20_000)]).reshape(-1, 4)
    bound = math.sqrt(math.log(2 / 1e-9) / (2 * len(entries)))
    for entry in entries.T:
        angles = np.sort(np.arccos(np.clip(entry, -1, 1)) / math.pi)
        assert np.abs(angles - (np.arange(len(angles)) + 0.5) / len(angles)).max() <= bound
    determinants = entries[:, 0] * entries[:, 3] - entries[:, 1] * entries[:, 2]
    assert abs((determinants > 0).mean() - 0.5) <= 6 * 0.5 / math.sqrt(len(entries))


def test_orthogonal_needs_two_axes():
    with pytest.raises(ValueError, match=r"^orthogonal needs at least two axes; got \(3,\)$"):
        initializers.orthogonal(rng(), (3,))


# The others


@given(seed=seeds, n=st.integers(1, 12))
def test_normalized_positive_definite_has_one_eigenvalue_of_one_and_the_others_between_zero_and_one(seed, n):
    U = initializers.normalized_positive_definite(rng(seed), (n, n))
    np.testing.assert_allclose(U, U.T, rtol=0, atol=1e-15)
    eigenvalues = np.linalg.eigvalsh(U)
    assert eigenvalues[-1] == pytest.approx(1, abs=1e-13)
    assert (eigenvalues > 0).all()
    assert (eigenvalues[:-1] < 1).all()


def test_normalized_positive_definite_is_the_papers_formula():
    # Its eigenvalues are (1 + λ) / (1 + λ_max) for those λ of R Rᵀ / N, R ~ N(0, 1).
    N = 300
    eigenvalues = np.linalg.eigvalsh(initializers.normalized_positive_definite(rng(4), (N, N)))
    # Marchenko-Pastur: λ runs from 0 to 4 and has mean 1, so 1 / (1 + λ_max) is about 1/5 and the mean about 2/5.
    assert eigenvalues[0] == pytest.approx(1 / 5, abs=0.01)
    assert eigenvalues.mean() == pytest.approx(2 / 5, abs=0.01)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 3, 3)])
def test_normalized_positive_definite_needs_a_square(shape):
    message = f"normalized_positive_definite needs a square matrix shape; got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        initializers.normalized_positive_definite(rng(), shape)


@given(seed=seeds, steps=st.integers(1, 1000), epsilon=st.floats(0, 1), gamma=st.floats(1, 4))
def test_indrnn_range_keeps_u_to_the_power_of_steps_between_epsilon_and_gamma(seed, steps, epsilon, gamma):
    u = initializers.indrnn_range(rng(seed), (20,), steps=steps, epsilon=epsilon, gamma=gamma)
    assert (u >= 0).all()
    assert (u**steps >= epsilon * (1 - 1e-12)).all()
    assert (u**steps <= gamma * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({}, 0.5**0.01, 2**0.01),
        ({"steps": 10}, 0.5**0.1, 2**0.1),
        ({"steps": 500, "epsilon": 0.0}, 0.0, 1.0013872557113346),
        ({"steps": 1, "epsilon": 0.25, "gamma": 3.0}, 0.25, 3.0),
    ],
)
def test_indrnn_range_is_uniform_between_the_two_roots(options, low, high):
    u = initializers.indrnn_range(rng(5), (N,), **options)
    assert u.min() >= low
    assert u.max() <= high
    assert_distributed(u, "uniform", (low + high) / 2, (high - low) / math.sqrt(12))


# Names


@every_name
def test_a_name_gives_its_initializer(name):
    assert get(name) is INITIALIZERS[name]


def test_an_initializer_of_ones_own_comes_back_as_it_is():
    def own(rng, shape, dtype=np.float64):
        return np.zeros(shape, dtype)

    assert get(own) is own


def test_options_are_bound_to_a_name_or_a_callable():
    np.testing.assert_array_equal(get("identity", gain=0.9)(rng(), (2, 2)), [[0.9, 0], [0, 0.9]])
    np.testing.assert_array_equal(get(initializers.constant, value=4.0)(rng(), (2,), np.float32), [4, 4])


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(ValueError, match=f"^initializer must be one of {', '.join(NAMES)}; got 'xavier'$"):
        get("xavier")


@pytest.mark.parametrize("value", [None, 3, np.zeros(2)])
def test_what_is_neither_a_name_nor_callable_is_refused(value):
    with pytest.raises(TypeError, match=f"^initializer must be a name or a callable; got {type(value).__name__}$"):
        get(value)
