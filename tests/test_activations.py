"""The activations against arithmetic of fifty digits, their slopes against the complex step, and their far ends."""

import cmath
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.activations import ACTIVATIONS, Identity, LeakyReLU, ReLU, Sigmoid, Tanh, get

NAMES = tuple(ACTIVATIONS)
DTYPES = (np.float32, np.float64, np.complex128)
every_activation = pytest.mark.parametrize("name", NAMES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)

GRID = np.concatenate([np.linspace(-30, 30, 241), [-1e-3, 1e-3, -1e-8, 1e-8, -1e-20, 1e-20, 80.0, -80.0]])


def applied(name, a):
    h = np.array(a)
    get(name).apply(h)
    return h


# Values


def exactly(name, a):
    """φ(a) in fifty digits."""
    with localcontext(prec=50):
        a = Decimal(float(a))
        if name == "sigmoid":
            return 1 / (1 + (-a).exp())
        if name == "tanh":
            small = (-2 * abs(a)).exp()
            return ((1 - small) / (1 + small)).copy_sign(a)
        if name == "identity":
            return +a
        return a if a > 0 else a * {"relu": 0, "leaky_relu": Decimal("0.3")}[name]


@every_activation
@every_dtype
def test_the_value_is_right_to_the_last_few_bits(name, dtype):
    a = GRID.astype(dtype)
    h = applied(name, a)
    eps = Decimal(float(np.finfo(dtype).eps))
    for point, value in zip(a.real, h.real, strict=True):
        wanted = exactly(name, point)
        assert abs(Decimal(float(value)) - wanted) <= 4 * eps * abs(wanted), (point, value, wanted)
    assert (h.imag == 0).all()


HOLOMORPHIC = {
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "tanh": cmath.tanh,
    "relu": lambda z: z if z.real > 0 else 0,
    "leaky_relu": lambda z: z if z.real > 0 else 0.3 * z,
    "identity": lambda z: z,
}


@every_activation
@given(x=st.floats(-20, 20), y=st.floats(-1, 1))
def test_a_complex_value_is_that_of_the_holomorphic_function(name, x, y):
    z = complex(x, y)
    got, wanted = applied(name, np.array([z]))[0], HOLOMORPHIC[name](z)
    assert abs(got - wanted) <= 1e-15 * max(1, abs(wanted))


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_larger_the_input_the_larger_the_output(name, dtype):
    h = applied(name, np.linspace(-50, 50, 2001, dtype=dtype))
    assert (np.diff(h) >= 0).all()
    assert h[-1] > h[0]


@every_activation
@every_dtype
@pytest.mark.parametrize("size", [60, 100, 750, 1e6])
def test_far_out_there_is_no_overflow_and_no_nan(name, dtype, size):
    with np.errstate(all="raise", under="ignore"):
        h = applied(name, np.array([-size, size], dtype))
        slope = get(name).slope(h)
    limits = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, size), "leaky_relu": (-0.3 * size, size)}
    np.testing.assert_allclose(h.real, limits.get(name, (-size, size)), rtol=1e-6, atol=1e-25)
    assert (h.imag == 0).all()
    slopes = {"sigmoid": (0, 0), "tanh": (0, 0), "relu": (0, 1), "leaky_relu": (0.3, 1), "identity": (1, 1)}
    np.testing.assert_allclose(slope.real, slopes[name], rtol=1e-6, atol=1e-25)


@every_activation
@pytest.mark.parametrize("size", [60.0, 100.0, 750.0, 1e6])
def test_far_out_a_complex_step_stays_finite(name, size):
    with np.errstate(all="raise", under="ignore"):
        h = applied(name, np.array([-size, size]) + 1e-20j)
    assert np.isfinite(h).all()
    np.testing.assert_allclose(h.imag / 1e-20, get(name).slope(h.real), rtol=1e-6, atol=1e-25)


@every_activation
@every_dtype
def test_a_nan_stays_a_nan(name, dtype):
    with np.errstate(invalid="ignore"):
        h = applied(name, np.array([np.nan, 1.0], dtype))
    assert np.isnan(h[0])
    assert np.isfinite(h[1])


# In place


@every_activation
@every_dtype
def test_apply_works_in_place_and_returns_nothing(name, dtype):
    a = np.linspace(-2, 2, 8).astype(dtype)
    wanted = applied(name, a)
    part = a[::2]
    assert get(name).apply(part) is None
    np.testing.assert_array_equal(a[::2], wanted[::2])
    np.testing.assert_array_equal(a[1::2], np.linspace(-2, 2, 8).astype(dtype)[1::2])
    assert a.dtype == dtype


@every_activation
def test_every_shape_is_taken_entry_by_entry(name):
    a = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_array_equal(applied(name, a).ravel(), applied(name, a.ravel()))
    np.testing.assert_array_equal(applied(name, a.T), applied(name, a).T)


# Slopes


@every_activation
@given(a=st.floats(-10, 10))
def test_the_slope_is_the_complex_steps_derivative(name, a):
    # h carries an error of half its last bit, and 1 - h² or h (1 - h) as much: 4e-16 absolute, whatever the slope.
    if a == 0 and name in ("relu", "leaky_relu"):
        return
    stepped = applied(name, np.array([a + 1e-20j]))
    slope = get(name).slope(applied(name, np.array([a])))
    assert abs(slope[0] - stepped[0].imag / 1e-20) <= 4e-16


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_slope_has_the_shape_and_dtype_of_the_output_and_leaves_it_alone(name, dtype):
    h = applied(name, np.random.default_rng(0).standard_normal((3, 2)).astype(dtype))
    copy = h.copy()
    slope = get(name).slope(h)
    assert slope.shape == h.shape
    assert slope.dtype == dtype
    np.testing.assert_array_equal(h, copy)
    assert not np.may_share_memory(slope, h)


@every_activation
@every_dtype
def test_the_slope_goes_into_out_if_given(name, dtype):
    h = applied(name, np.linspace(-2, 2, 8).astype(dtype))
    out = np.full(8, 77, dtype)
    assert get(name).slope(h, out=out) is out
    np.testing.assert_array_equal(out, get(name).slope(h))


@every_activation
def test_the_largest_slope_is_reached_and_never_passed(name):
    slopes = get(name).slope(applied(name, np.linspace(-10, 10, 20_001)))
    assert slopes.max() == get(name).max_slope
    assert slopes.min() >= 0


def test_the_largest_slopes_are_those_of_the_table():
    table = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "leaky_relu": 1.0, "identity": 1.0}
    assert {name: get(name).max_slope for name in NAMES} == table


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.3)])
@pytest.mark.parametrize("zero", [0.0, -0.0])
@every_dtype
def test_at_the_kink_the_slope_is_the_left_one_and_so_is_the_complex_step(name, slope, zero, dtype):
    h = applied(name, np.array([zero], dtype))
    assert h[0] == 0
    assert get(name).slope(h)[0] == dtype(slope)
    assert applied(name, np.array([zero + 1e-20j]))[0].imag == pytest.approx(slope * 1e-20)


@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 1e-20])
def test_just_beside_the_kink_the_slope_is_that_of_its_side(tiny):
    h = applied("relu", np.array([-tiny, tiny]))
    np.testing.assert_array_equal(get("relu").slope(h), [0, 1])
    h = applied("leaky_relu", np.array([-tiny, tiny]))
    np.testing.assert_array_equal(get("leaky_relu").slope(h), [0.3, 1])


# Leaky ReLU's setting


@pytest.mark.parametrize("s", [0.0, 0.01, 0.3, 0.99])
def test_a_leaky_relu_takes_its_slope_on_the_left_from_its_setting(s):
    leaky = LeakyReLU(negative_slope=s)
    h = np.array([-2.0, 0.0, 3.0])
    leaky.apply(h)
    np.testing.assert_array_equal(h, [-2 * s, 0, 3])
    np.testing.assert_array_equal(leaky.slope(h), [s, s, 1])


@pytest.mark.parametrize("s", [-0.1, 1.0, 1.5, math.nan, math.inf])
def test_a_slope_that_is_not_in_the_unit_interval_is_refused(s):
    with pytest.raises(ValueError, match=rf"^negative_slope must be in \[0, 1\); got {s}$"):
        LeakyReLU(negative_slope=s)


# Names


def test_the_names_are_those_of_the_table():
    assert {name: type(get(name)) for name in NAMES} == {
        "sigmoid": Sigmoid,
        "tanh": Tanh,
        "relu": ReLU,
        "leaky_relu": LeakyReLU,
        "identity": Identity,
    }


def test_an_activation_comes_back_as_it_is():
    leaky = LeakyReLU(negative_slope=0.1)
    assert get(leaky) is leaky


def test_an_unknown_name_lists_the_choices():
    choices = "sigmoid, tanh, relu, leaky_relu, identity"
    with pytest.raises(ValueError, match=f"^activation must be one of {choices}; got 'swish'$"):
        get("swish")


@pytest.mark.parametrize("value", [None, 3, np.tanh, Tanh])
def test_what_is_neither_a_name_nor_an_activation_is_refused(value):
    with pytest.raises(TypeError, match=f"^activation must be a name or an Activation; got {type(value).__name__}$"):
        get(value)


@every_activation
def test_an_activation_prints_as_its_name(name):
    assert repr(get(name)) == {"leaky_relu": "leaky_relu(0.3)"}.get(name, name)


@every_activation
def test_an_activation_is_a_record_that_can_be_saved(name, tmp_path):
    rl.save(tmp_path / "activation", get(name))
    assert repr(rl.load(tmp_path / "activation")) == repr(get(name))


@every_activation
@every_dtype
@pytest.mark.parametrize("width", range(1, 17))
def test_a_column_of_a_matrix_is_activated_like_an_array_of_its_own(name, dtype, width):
    # NumPy 2.4's negative, given a strided view as its output, is wrong at a stride of 4 (float32) or 8 (float64).
    matrix = np.linspace(-3, 3, 9 * width).reshape(9, width).astype(dtype)
    whole = matrix.copy()
    for column in range(width):
        get(name).apply(whole[:, column])
    np.testing.assert_allclose(whole, applied(name, matrix), rtol=8 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.3)])
def test_at_exactly_zero_a_complex_step_sees_the_slope_from_the_left(name, slope):
    np.testing.assert_array_equal(applied(name, [1e-20j, -1e-20j]), [slope * 1e-20j, slope * -1e-20j])
