"""A right formula that has no digits left is not called wrong; one that has them is held to them at the same point."""

from typing import ClassVar

import numpy as np
import pytest

import own_layers
import rnnlab as rl
from deep import deep
from rnnlab.exercise.own import check_layer
from rnnlab.gradcheck.check import HIDDEN
from rnnlab.gradcheck.roundoff import MOVE, Rounded, backward_rounded

EPS = float(np.finfo(np.float64).eps)


class Textbook(rl.Record):
    """h[t] = tanh(x[t] W + h[t-1] U), and a backward that computes the slope from a[t], not from what was kept."""

    W: np.ndarray
    U: np.ndarray
    carries: ClassVar = ("hs",)

    def slope(self, a):
        return 1 - np.tanh(a) ** 2

    def forward(self, xs, h0=None):
        hs = [np.zeros((xs.shape[1], len(self.U)), xs.dtype) if h0 is None else h0]
        for x in xs:
            hs.append(np.tanh(x @ self.W + hs[-1] @ self.U))
        return rl.Trace(xs, np.array(hs))

    def back(self, da):
        return da @ self.U.T

    def backward(self, trace, dhs, dh_end=0.0):
        slopes = self.slope(np.einsum("tbd,dh->tbh", trace.xs, self.W) + trace.hs[:-1] @ self.U)
        totals, das = np.concatenate([np.zeros_like(dhs[:1]), dhs]), np.zeros_like(dhs)
        totals[-1] += dh_end
        for t in reversed(range(len(dhs))):
            das[t] = totals[t + 1] * slopes[t]
            totals[t] += self.back(das[t])
        dW, dU = np.einsum("tbd,tbh->dh", trace.xs, das), np.einsum("tbg,tbh->gh", trace.hs[:-1], das)
        return rl.Gradients(self.like(W=dW, U=dU), das @ self.W.T, totals)


class Sharp(Textbook):
    """The same with all digits of every slope, 1 / cosh² a."""

    def slope(self, a):
        e = np.exp(-2 * np.abs(a))
        return 4 * e / (1 + e) ** 2


class Cut(Sharp):
    """Wrong where the slope is small alone."""

    def slope(self, a):
        return np.where(super().slope(a) < 1e-20, 0, super().slope(a))


class NotTransposed(Textbook):
    def back(self, da):
        return da @ self.U


class Plain(Textbook):
    """Refuses what is no plain array."""

    def slope(self, a):
        if type(a) is not np.ndarray:
            raise TypeError("an array, please")
        return super().slope(a)


def saturated(kind, scale, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    layer = kind(rng.standard_normal((2, 4)), rng.standard_normal((4, 4)))
    return layer.map(lambda array: (scale * array).astype(dtype)), rng.standard_normal((10, 2, 2)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [deep(6), 20, deep(100)])
def test_the_textbooks_slope_is_not_called_wrong_and_it_is_said_what_it_hides(scale, dtype):
    reports = [rl.check_gradients(*saturated(Textbook, scale, seed, dtype)) for seed in range(5)]
    assert all((report.note == HIDDEN) == (report.verdict == "inconclusive") for report in reports)
    assert scale == 6 or any(report.verdict == "inconclusive" for report in reports)


@pytest.mark.parametrize(
    "kind", [own_layers.LeakyCell, deep(own_layers.MinimalGatedUnit), deep(own_layers.PeepholeLSTM)]
)
@pytest.mark.parametrize("scale", [deep(6), 20, deep(100)])
def test_a_right_layer_with_gates_is_not_called_wrong_where_it_is_saturated(kind, scale):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        layer = kind.init(rng, inputs=2, hidden=4).map(lambda array: scale * array)
        with np.errstate(over="ignore", invalid="ignore"):
            rl.check_gradients(layer, rng.standard_normal((8, 2, 2)), dhs=rng.standard_normal((8, 2, 4)))


def test_a_slope_that_has_all_its_digits_is_held_to_them_at_the_same_point():
    for seed in range(3):
        layer, xs = saturated(Sharp, 30, seed)
        slopes = layer.slope(xs @ layer.W)
        assert slopes.min() < 1e-40
        assert rl.check_gradients(layer, xs).passed
        with pytest.raises(rl.GradientError) as error:
            rl.check_gradients(Cut(layer.W, layer.U), xs)
        failed = [finding for finding in error.value.report.findings if finding.verdict == "failed"]
        assert any(finding.got == 0 and abs(finding.wanted) < 1e-20 for finding in failed)


@pytest.mark.parametrize("scale", [6, 20])
def test_a_wrong_formula_is_not_hidden_by_units_that_have_no_digits(scale):
    with pytest.raises(rl.GradientError, match=r"^hs at timestep \d, "):
        rl.check_gradients(*saturated(NotTransposed, scale, 0))


def test_a_backward_that_takes_plain_arrays_alone_is_checked_without():
    assert rl.check_gradients(*saturated(Plain, 1, 0)).passed
    with pytest.raises(rl.GradientError):  # what it does to roundoff cannot be seen
        rl.check_gradients(*saturated(Plain, 100, 0))


def test_what_cannot_be_told_is_said_by_the_command_as_well():
    def made(rng, inputs, hidden):
        return Textbook(10 * rng.standard_normal((inputs, hidden)), 10 * rng.standard_normal((hidden, hidden)))

    answer = check_layer("made", made)
    assert (answer.verdict, answer.status) == ("right", 0)
    assert answer.advice.startswith("Where ")
    assert answer.advice.endswith(f"not all can be told. {HIDDEN}")


@pytest.mark.parametrize("scale", [1, 6, 20, 100])
def test_the_adjoint_test_allows_for_slopes_that_have_no_digits(scale):
    assert max(rl.adjoint_test(*saturated(Textbook, scale, seed)).error for seed in range(5)) < 1e-12
    if scale <= 6:  # beyond, no carry has a share that can be seen
        assert min(rl.adjoint_test(*saturated(NotTransposed, scale, seed)).error for seed in range(5)) > 1e-6


# The arithmetic


def places(result, exact):
    """By how many units in the last place of `exact` a result is off."""
    return np.abs(np.asarray(result) - exact) / (EPS * np.abs(exact))


def rounded(values, eps=EPS):
    return Rounded.of(np.asarray(values), np.random.default_rng(0), eps)


@pytest.mark.parametrize(
    "function",
    [
        *(np.tanh, np.exp, lambda a: a + 1, lambda a: 3 * a, lambda a: a.sum(axis=0), lambda a: a @ np.eye(50)),
        lambda a: np.add(a, 1, out=np.empty_like(a)),
        lambda a: np.tanh(a, out=np.empty(a.shape)),
    ],
)
def test_every_result_is_moved_by_64_places_at_most(function):
    values = np.random.default_rng(1).uniform(1, 2, (40, 50))
    off = places(function(rounded(values)), function(values))
    assert 0.9 * MOVE < off.max() < 2 * MOVE  # a place of a number is up to two of the next smaller power of 2
    assert np.mean(off > 1) > 0.9


def test_what_is_exact_is_left_alone():
    values = np.random.default_rng(1).standard_normal((4, 5))
    array = rounded(values)
    for function in (abs, np.negative, np.sign, np.transpose, lambda a: np.maximum(a, 0), lambda a: a > 0, np.copy):
        assert (function(array) == function(values)).all()
    counted = np.zeros(3)
    np.add.at(counted, [0, 0, 2], rounded([1.0, 2.0, 4.0]))
    assert counted.tolist() == [3, 0, 4]


def test_a_coarser_dtype_than_the_layers_own_has_no_roundoff_to_plead():
    values = np.random.default_rng(1).standard_normal(100).astype(np.float32)
    assert (rounded(values) * np.float32(3) == values * np.float32(3)).all()
    narrow = rounded(values, eps=float(np.finfo(np.float32).eps)) * np.float32(3)
    assert narrow.dtype == np.float32
    assert np.mean(narrow != values * np.float32(3)) > 0.9


def test_a_class_that_is_lost_on_the_way_comes_back():
    array = rounded(np.ones((2, 3)))
    for result in (np.einsum("ij->j", array), np.where(array > 0, array, 0), np.concatenate([array, array])):
        assert isinstance(result, Rounded)
    assert type(np.allclose(array, 1)) is bool
    parts = np.split(array, 2)
    assert type(parts) is list
    assert [type(part) for part in parts] == [Rounded, Rounded]


def test_a_function_with_two_results_gives_two_and_with_two_places_for_them_fills_both():
    values = np.random.default_rng(1).uniform(1, 2, (40, 50))
    exact = np.modf(values)
    given = np.empty_like(values), np.empty_like(values)
    filled = np.modf(rounded(values), out=given)
    assert filled[0] is given[0]
    assert filled[1] is given[1]
    for results in (np.modf(rounded(values)), given):
        assert len(results) == 2
        for result, right in zip(results, exact, strict=True):
            off = places(result, right)
            assert 0.9 * MOVE < off.max() < 2 * MOVE
    assert all(isinstance(result, Rounded) for result in np.modf(rounded(values)))


def test_results_are_moved_up_as_often_as_down():
    off = np.asarray(rounded(np.ones(1000)) * 1) - 1
    assert 400 < np.sum(off > 0) < 600  # of a fair coin's 1,000 throws: 500, give or take 16
    assert 400 < np.sum(off < 0) < 600


def test_a_number_may_be_moved_beyond_the_largest_without_a_warning():
    largest = np.finfo(np.float64).max
    moved = np.asarray(rounded(np.full(100, largest)) * 1)
    assert set(moved[~np.isfinite(moved)]) == {np.inf}


def test_what_comes_back_is_plain_and_moved_by_about_one_place():
    layer, xs = saturated(Textbook, 0.5, 0)
    trace = layer.forward(xs)
    dys = np.ones_like(trace.ys)
    plain = layer.backward(trace, dys)
    moved = backward_rounded(layer, trace, dys, (), np.random.default_rng(0))
    for name, array in moved.arrays().items():
        assert type(array) is np.ndarray
        largest = np.abs(plain.arrays()[name]).max()
        # ten steps of products and sums of two to four terms, each term no larger than the largest by much
        assert 0 < np.abs(array - plain.arrays()[name]).max() < 100 * EPS * largest


class Thrice(rl.Record):
    """y = 3 x. Its backward reads no trace, and gives infinity where dy is above 10."""

    w: np.ndarray
    carries: ClassVar = ()

    def forward(self, xs):
        return rl.Trace(xs, 3 * xs)

    def backward(self, trace, dys):
        return rl.Gradients(self.like(w=np.zeros_like(self.w)), np.where(dys > 10, np.inf, 3 * dys), np.zeros((1, 1)))


def test_a_gradient_that_is_infinite_stays_so_and_those_beside_it_are_moved():
    xs = np.ones((1, 2, 3))
    dys = np.array([[[1.0, 20.0, 3.0], [4.0, 5.0, 6.0]]])
    layer = Thrice(np.ones(2))
    moved = backward_rounded(layer, layer.forward(xs), dys, (), np.random.default_rng(0)).xs
    assert moved.dtype == np.float64
    assert moved[0, 0, 1] == np.inf
    others = np.isfinite(moved)
    assert others.sum() == 5
    assert (moved[others] != 3 * dys[others]).any()
    np.testing.assert_allclose(moved[others], 3 * dys[others], rtol=2 * EPS)
