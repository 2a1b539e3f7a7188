"""Jᵀ w by an oracle, on runs small enough to know J: what is moved, what is weighed, and what is put back."""

from dataclasses import dataclass

import numpy as np
import pytest

import rnnlab as rl
from own_layers import LeakyCell
from rnnlab.arrays import NotFiniteError
from rnnlab.gradcheck.oracles import Estimate, complex_step
from rnnlab.gradcheck.pullback import UNKNOWN, Map, Point, jittered, led, rows

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(rl.Record):
    """Outputs w x, whose derivatives are x and w; beyond 1e6 it gives up."""

    w: np.ndarray

    def forward(self, xs):
        if abs(self.w).max() > 1e6:
            raise NotFiniteError("too large")
        return self.w * xs


W, XS = np.array([2.0, -3.0]), np.array([[1.0, 0.0], [5.0, 7.0], [-4.0, 0.5]])  # three rows of two outputs
WEIGHTS = np.array([[[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [[2.0, 4.0], [1.0, -2.0], [6.0, 1.0]]])


def scaled(oracle=complex_step, least=0.0, mixes=False, ws=(W,)):
    points = [Point(Scaled(w.astype(complex)), XS.astype(complex), ()) for w in ws]
    return Map(points, lambda run: run, WEIGHTS, oracle, least, mixes)


def fixed(value, error, radius):
    """An oracle that answers so, whatever it is asked."""
    return lambda outputs: Estimate(*(np.full_like(XS, each) for each in (value, error, radius)))


def test_arrays_stand_side_by_side_in_rows():
    a, b = np.arange(12.0).reshape(3, 2, 2), np.arange(3.0)
    np.testing.assert_array_equal(rows(3, a, b), [[0, 1, 2, 3, 0], [4, 5, 6, 7, 1], [8, 9, 10, 11, 2]])


# Single steps


@pytest.mark.parametrize("N", [1, 2, 4])
def test_single_steps_lead_where_the_run_was_led(N):
    rng = np.random.default_rng(0)
    layer, xs = LeakyCell.init(rng, inputs=2, hidden=3), rng.standard_normal((1, N, 2))
    starts = (rng.standard_normal((N, 3)),)
    trace = layer.forward(xs, *starts)
    wanted = np.concatenate([trace.ends[0], trace.ys[0]], axis=1)
    np.testing.assert_allclose(led(Point(layer, xs, starts)), wanted, rtol=0, atol=8 * EPS)  # of states below 1


class Centred(rl.RNN):
    """Takes the mean over the batch away: a step depends on the other sequences."""

    def forward(self, xs, h0=None):
        return super().forward(xs - xs.mean(axis=1, keepdims=True), h0)


@pytest.mark.parametrize("N", [2, 5])
def test_the_first_row_takes_its_step_alone_and_so_shows_a_layer_that_couples_the_sequences(N):
    rng = np.random.default_rng(0)
    layer = Centred.init(rng, inputs=2, hidden=3)
    xs, start = rng.standard_normal((1, N, 2)), np.zeros((N, 3))
    alone, others = layer.forward(xs[:, :1]).ends[0], layer.forward(xs[:, 1:]).ends[0]
    reached = led(Point(layer, xs, (start,)))[:, :3]
    np.testing.assert_allclose(reached, np.concatenate([alone, others]), rtol=0, atol=8 * EPS)
    assert abs(reached - layer.forward(xs).ends[0]).max() > 0.01


# Jitter


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [{}, {"places": 16}])
def test_a_jitter_moves_every_float_by_its_places_up_or_down(dtype, given):
    array = np.ones(100, dtype)
    moved = jittered(Scaled(array), np.random.default_rng(0), **given).w
    assert moved.dtype == dtype
    off = (moved - array) / np.finfo(dtype).eps
    assert set(off) == {-given.get("places", 1), given.get("places", 1)}
    assert (array == 1).all()


def test_a_jitter_leaves_integers_as_they_are():
    symbols = np.arange(5)
    moved = jittered(Point(Scaled(np.ones(3)), symbols, ()), np.random.default_rng(0))
    np.testing.assert_array_equal(moved.xs, symbols)
    assert moved.xs.dtype == symbols.dtype
    assert (moved.params.w != 1).all()


# The map


def test_an_argument_is_moved_along_a_direction_and_put_back():
    run = scaled()
    out = run.moved(run.points[0], "params.w", np.array([1.0, -2.0]), 0.5)
    np.testing.assert_array_equal(out, np.array([2.5, -4.0]) * XS)
    np.testing.assert_array_equal(run.points[0].params.w, W)


def test_a_run_that_leaves_the_range_of_numbers_is_nan_and_its_argument_is_put_back():
    run = scaled()
    out = run.moved(run.points[0], "params.w", np.array([1e9, 0.0]), 1.0)
    assert out.shape == XS.shape
    assert np.isnan(out.real).all()
    assert np.isnan(out.imag).all()
    np.testing.assert_array_equal(run.points[0].params.w, W)


def test_the_derivative_along_a_direction_is_of_every_output():
    J = scaled().jacobian("params.w", np.array([1.0, -2.0]))
    np.testing.assert_allclose(J.value, XS * [1.0, -2.0], rtol=4 * EPS)
    assert not J.error.any()
    assert not J.radius.any()


def test_of_several_points_the_derivative_lies_anywhere_between_theirs():
    # d(w x)/dx = w: the hull of 2, 2.5 and 1 for the first output, of -3, -3 and -4 for the second
    run = scaled(ws=(W, np.array([2.5, -3.0]), np.array([1.0, -4.0])))
    J = run.jacobian("xs", np.ones_like(XS))
    np.testing.assert_allclose(J.value, np.broadcast_to([1.75, -3.5], XS.shape), rtol=4 * EPS)
    np.testing.assert_allclose(J.radius, np.broadcast_to([0.75, 0.5], XS.shape), rtol=8 * EPS)


@pytest.mark.parametrize(("radius", "low", "high"), [(0.5, 0.125, 2.25), (1.5, -0.5, 2.5)])
def test_intervals_at_several_points_are_joined_whole(radius, low, high):
    answers = iter([fixed(1.0, 0.25, radius), fixed(2.0, 9.0, 0.25), fixed(0.875, 9.0, 0.75)])
    J = scaled(oracle=lambda outputs: next(answers)(outputs), ws=(W, W, W)).jacobian("xs", XS)
    np.testing.assert_array_equal(J.value - J.radius, low)
    np.testing.assert_array_equal(J.value + J.radius, high)
    np.testing.assert_array_equal(J.error, 0.25)  # the first point's: it is the run's own


@pytest.mark.parametrize(("mixes", "radius", "error"), [(True, 0.5, UNKNOWN), (True, 0.0, 0.25), (False, 0.5, 0.25)])
def test_at_a_kink_a_map_that_mixes_several_knows_nothing(mixes, radius, error):
    J = scaled(oracle=fixed(3.0, 0.25, radius), mixes=mixes).jacobian("xs", XS)
    assert (J.value == 3).all()
    assert (J.error == error).all()
    assert (J.radius == radius).all()


def test_what_outputs_do_is_weighed_by_what_each_is_worth():
    J = Estimate(np.array([[1.0, -2.0], [0.0, 4.0], [8.0, 16.0]]), np.full((3, 2), 0.25), np.full((3, 2), 0.5))
    terms, radius, doubt, value, doubled = scaled(least=0.125).weighed(J)
    np.testing.assert_array_equal(terms, [1.5 + 2 * 2.5, 0.5 * 0.5 + 4.5, 3 * 8.5])  # Σ |w| (|J| + radius)
    np.testing.assert_array_equal(radius, [3 * 0.5, 1.5 * 0.5, 3 * 0.5])  # Σ |w| radius
    np.testing.assert_array_equal(doubt, [3 * 0.375, 0.5 * 0.25 + 0.375, 3 * 0.375])  # Σ |w| (error + least if J ≠ 0)
    np.testing.assert_array_equal(value, [1 - 4, -4, 24])
    np.testing.assert_array_equal(doubled, [2 - 8, -8, 48 + 16])


def test_along_several_directions_the_rows_are_summed():
    found = scaled().along("params.w", [np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0])])
    by_entry = (WEIGHTS * XS).sum(axis=1)  # Σ over rows of w J, for each version
    np.testing.assert_allclose(found[3:], np.concatenate([by_entry, by_entry.sum(axis=1)[:, None]], axis=1), rtol=1e-14)
    np.testing.assert_allclose(found[0, :2], (abs(WEIGHTS[0]) * abs(XS)).sum(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(found[1:3], 0)


def test_infinite_weights_give_what_they_give_without_a_warning():
    run = Map(scaled().points, lambda trace: trace, np.full((1, 3, 2), np.inf), complex_step, 0.0, mixes=False)
    assert np.isnan(run.along("params.w", [np.array([1.0, 0.0])])[3:]).all()  # inf · 0 is among the terms
    assert np.isnan(run.weighed(run.jacobian("params.w", np.array([1.0, 0.0])))[3:]).all()


def test_a_run_may_go_beyond_the_largest_number_without_a_warning():
    large = Point(Scaled(W.astype(complex)), np.full_like(XS, 1e308).astype(complex), ())
    run = Map([large], lambda trace: trace, WEIGHTS, complex_step, 0.0, mixes=False)
    assert not np.isfinite(run.along("params.w", [np.array([1.0, 0.0])])[3:]).all()
