"""The contracts at the library's boundary, and the sentences in which they refuse."""

import re

import numpy as np
import pytest

from rnnlab.arrays import contract


def refused(error, message, *args, **kwargs):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        contract(*args, **kwargs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_an_array_that_fits_is_accepted(dtype):
    xs = np.ones((2, 3, 4), dtype)
    contract("xs", xs, "T B D", dtype=np.dtype(dtype), D=(4, "to match W"), T=(2, "to match h0"))


@pytest.mark.parametrize("value", [[[1.0]], 3.0, None, "text", (1.0,)])
def test_what_is_no_array_is_refused(value):
    kind = type(value).__name__
    refused(TypeError, f"xs must be a NumPy array; got {kind}: convert it with np.asarray", "xs", value, "T B D")


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool", "float16", "complex64", "object", ">f8", "U3"])
def test_any_other_dtype_is_refused(dtype):
    array = np.zeros(2, dtype)
    message = f"u must be float32 or float64; got {array.dtype}: convert it with u.astype(np.float64)"
    refused(TypeError, message, "u", array, "H")


def test_a_dtype_unlike_the_parameters_is_refused():
    message = "b must be float64 like the parameters; got float32: convert one of the two"
    refused(TypeError, message, "b", np.ones(3, np.float32), "H", dtype=np.dtype(np.float64))


def test_the_wrong_number_of_axes_is_refused_with_their_letters():
    refused(ValueError, "xs must be (T, B, D); got (2, 3)", "xs", np.ones((2, 3)), "T B D")
    refused(ValueError, "b must be (H,); got (1, 3)", "b", np.ones((1, 3)), "H")
    refused(ValueError, "b must be (H,); got ()", "b", np.ones(()), "H")


def test_a_wrong_size_is_refused_with_the_reason_for_the_right_one():
    message = "xs must be (T, B, D) with D = 3 to match W (3, 5); got (7, 2, 4)"
    refused(ValueError, message, "xs", np.ones((7, 2, 4)), "T B D", D=(3, "to match W (3, 5)"))


def test_two_wrong_sizes_are_both_named():
    message = "h0 must be (B, H) with B = 2 to match xs and H = 5 to match W; got (3, 4)"
    refused(ValueError, message, "h0", np.ones((3, 4)), "B H", B=(2, "to match xs"), H=(5, "to match W"))


def test_a_right_size_is_not_complained_about():
    message = "h0 must be (B, H) with H = 5 to match W; got (2, 4)"
    refused(ValueError, message, "h0", np.ones((2, 4)), "B H", B=(2, "to match xs"), H=(5, "to match W"))


@pytest.mark.parametrize("shape", [(4, 5), (5, 4), (4, 4)])
def test_a_letter_that_stands_twice_fixes_both_axes(shape):
    message = f"U must be (H, H) with H = 5 to match W (3, 5); got {shape}"
    refused(ValueError, message, "U", np.ones(shape), "H H", H=(5, "to match W (3, 5)"))


@pytest.mark.parametrize(("shape", "letter"), [((0, 2, 3), "T"), ((4, 0, 3), "B"), ((4, 2, 0), "D")])
def test_an_empty_axis_is_refused_by_its_letter(shape, letter):
    refused(ValueError, f"xs must be (T, B, D) with {letter} ≥ 1; got {shape}", "xs", np.ones(shape), "T B D")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_value_that_is_not_finite_is_refused_with_its_place(bad, dtype):
    xs = np.ones((2, 3, 4), dtype)
    xs[1, 0, 2] = xs[1, 2, 3] = bad
    refused(ValueError, f"xs must be finite; got {bad} at xs[1, 0, 2]", "xs", xs, "T B D")


def test_an_imaginary_part_that_is_not_finite_is_refused():
    u = np.array([1.0, complex(0, np.nan)])
    with pytest.raises(ValueError, match=r"^u must be finite; got .* at u\[1\]$"):
        contract("u", u, "H")
