"""Infinity and NaN: of what they reach nothing can be told, which is said; the rest is checked as ever."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import own_layers
import rnnlab as rl
from rnnlab.gradcheck.check import BEYOND, HIDDEN


@given(seed=st.integers(0, 2**32 - 1), T=st.integers(1, 4), bias=st.sampled_from([-1.0, 1.0, 3.0]))
def test_a_right_backward_of_a_forward_that_leaves_nan_is_never_called_wrong(seed, T, bias):
    rng = np.random.default_rng(seed)
    layer = own_layers.SquareRoots.init(rng, inputs=2, hidden=3, bias=bias)
    xs = rng.standard_normal((T, 2, 2))
    report = rl.check_gradients(layer, xs)  # the complex step sees no NaN: √-1 is a number there
    hs = layer.forward(xs).hs
    assert report.verdict == ("passed" if np.isfinite(hs).all() else "inconclusive")
    if report.verdict == "inconclusive":
        assert f"forward leaves nan in trace.hs at timestep {np.argwhere(np.isnan(hs))[0, 0]}, " in report.note


def one_of_two_sequences_ends_in_nan(layer_type=own_layers.SquareRoots):
    layer = layer_type(np.ones((1, 2)), np.full((2, 2), 0.3), np.full(2, 1.5))
    return rl.check_gradients(layer, np.array([[[0.5], [0.2]], [[-4.0], [0.1]]]))


def test_the_first_place_is_named_and_why_nothing_else_is_known():
    report = one_of_two_sequences_ends_in_nan()
    first = "forward leaves nan in trace.hs at timestep 2, sequence 0, unit 0"
    assert report.note == f"{BEYOND} {first}. Smaller inputs or weights may help."
    of_xs = {(each.timestep, each.sequence): each.verdict for each in report.findings if each.array == "xs"}
    assert of_xs == {(1, 0): "inconclusive", (2, 0): "inconclusive", (1, 1): "passed", (2, 1): "passed"}


def test_a_mistake_in_a_sequence_beside_it_is_caught():
    class Doubled(own_layers.SquareRoots):
        def backward(self, trace, dhs, dh_end=None):
            grads = super().backward(trace, dhs, dh_end)
            grads.xs[0] *= 2
            return grads

    with pytest.raises(rl.GradientError, match=r"^xs at timestep 1, sequence 1, input 0 is wrong") as failure:
        one_of_two_sequences_ends_in_nan(Doubled)
    assert BEYOND in failure.value.report.note


@pytest.mark.parametrize("size", [1e100, 1e200, 1e308])
def test_a_net_that_overflows_is_inconclusive_and_says_where(size):
    """Where a state is infinite, the layer's own forward would refuse to go on from it."""
    rng = np.random.default_rng(0)
    small = rl.RNN.init(rng, inputs=3, hidden=4, activation="relu")
    layer, xs = rl.RNN(small.W, small.U * size, small.b, "relu"), rng.standard_normal((5, 2, 3))
    with np.errstate(all="ignore"):
        report, lost = rl.check_gradients(layer, xs), ~np.isfinite(layer.forward(xs).hs)
    assert report.verdict == "inconclusive"
    # ∞, or NaN where the BLAS kernel adds 0 · ∞; and where forward stays finite, backward does not.
    first = (
        rf"forward leaves (inf|nan) in trace\.hs at timestep {np.argwhere(lost)[0, 0]},"
        if lost.any()
        else "backward gives"
    )
    assert re.search(rf"{BEYOND} {first} ", report.note)
    assert HIDDEN not in report.note  # it is no matter of roundoff


def test_a_sum_whose_terms_overflow_is_told_from_its_value():
    layer = rl.Dense(np.array([[1.5e308, 1.5e308]]), np.zeros(2))
    report = rl.check_gradients(layer, np.full((1, 1, 1), 0.5), dhs=np.array([[[1.0, -1.0]]]))  # dx is 0
    assert report.worst("xs").got == 0
    assert f"{BEYOND} a sum has terms beyond the largest number in xs[0, 0, 0]." in report.note
