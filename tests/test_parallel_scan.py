"""The scan over time: the loop's states and gradients, for all T; its work and depth counted; where it is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab.parallel import scan, scan_backward, scan_forward, stages, work_and_depth

seeds, lengths = st.integers(0, 10**6), st.integers(1, 40)
EPS = np.finfo(float).eps


@given(seeds, lengths)
def test_it_is_the_loop_exactly_where_numbers_are_exact(seed, T):
    rng = np.random.default_rng(seed)
    u = np.array([Fraction(int(n), 3) for n in rng.integers(-5, 6, 2)], object)
    vs = np.array([[Fraction(int(n)) for n in row] for row in rng.integers(-9, 10, (T, 2))], object)
    h, hs = vs[0] * 0, []
    for v in vs:
        h = u * h + v
        hs.append(h)
    before = vs.copy()
    assert (scan(u, vs) == np.array(hs)).all()
    assert (vs == before).all()


class Counted:
    """A number that counts steps: one with another is a product and a sum, u h + v. `depth` is how many came before."""

    steps = 0

    def __init__(self, depth=0):
        self.depth = depth

    def __mul__(self, other):
        return Counted(max(self.depth, other.depth))

    def __add__(self, other):
        Counted.steps += 1
        return Counted(max(self.depth, other.depth) + 1)


@pytest.mark.parametrize("T", [*range(1, 34), 100, 784, 1000, 1024])
def test_work_and_depth_are_as_counted(T):
    Counted.steps = 0
    hs = scan(np.array([Counted()]), np.array([[Counted()] for _ in range(T)]))
    work, depth = work_and_depth(T)
    assert work == Counted.steps
    assert depth - 1 <= max(h.depth for h in hs.ravel()) <= depth  # a round waits for all of the one before
    assert T - 1 <= work <= 2 * T
    assert depth <= 2 * np.log2(T)


def linear(rng, D=2, H=3, dtype=np.float64):
    layer = rl.IndRNN.init(rng, inputs=D, hidden=H, activation="identity", dtype=dtype)
    return layer.like(W=layer.W, u=rng.uniform(-1.1, 1.1, H).astype(dtype), b=rng.standard_normal(H).astype(dtype))


@given(seeds, lengths, st.integers(1, 3), st.booleans())
def test_states_and_gradients_are_those_of_the_loop(seed, T, B, with_ends):
    rng = np.random.default_rng(seed)
    layer = linear(rng)
    xs, dhs = rng.standard_normal((T, B, 2)), rng.standard_normal((T, B, 3))
    h0, dh_end = rng.standard_normal((2, B, 3)) if with_ends else (None, None)
    loop, scanned = layer.forward(xs, h0), scan_forward(layer, xs, h0)
    # h[t] = Σ_s u^(t-s) v[s] in both, each term with at most 2 T roundings (the powers of u among them): the error is
    # at most 2 T eps of the sum of the terms' sizes, in each of the two. The same sum backwards for the gradient.
    sizes = abs_loop(layer, np.abs(xs) @ np.abs(layer.W) + np.abs(layer.b), h0)
    assert (np.abs(scanned.hs - loop.hs) <= 4 * (T + 2) * EPS * sizes).all()
    wanted, found = layer.backward(loop, dhs, dh_end), scan_backward(layer, loop, dhs, dh_end)
    above = np.abs(dhs)
    if with_ends:
        above[-1] += np.abs(dh_end)
    d_sizes = abs_loop(layer, above[::-1], None)[::-1]
    assert (np.abs(found.hs[1:] - wanted.hs[1:]) <= 4 * (T + 2) * EPS * d_sizes[:-1]).all()
    # The parameters' gradients are sums over T·B such numbers, times a state or an input.
    terms = 8 * (T + 2) * T * B * EPS
    assert (np.abs(found.params.u - wanted.params.u) <= terms * sizes.max() * d_sizes.max()).all()
    for name in ("W", "b"):
        difference = getattr(found.params, name) - getattr(wanted.params, name)
        assert (np.abs(difference) <= terms * max(1, np.abs(xs).max()) * d_sizes.max()).all()
    assert (np.abs(found.xs - wanted.xs) <= terms * np.abs(layer.W).max() * d_sizes.max()).all()
    assert (np.abs(found.dstarts[0] - wanted.dstarts[0]) <= 4 * (T + 2) * EPS * 1.1 * d_sizes[0]).all()


def abs_loop(layer, sizes, h0):
    """(T+1, B, H): Σ_s |u|^(t-s) |v[s]|, the sizes of the terms that a state is the sum of."""
    hs = [np.zeros(sizes.shape[1:]) if h0 is None else np.abs(h0)]
    for v in sizes:
        hs.append(np.abs(layer.u) * hs[-1] + v)
    return np.array(hs)


def test_float32_stays_float32():
    rng = np.random.default_rng(0)
    layer, xs = linear(rng, dtype=np.float32), rng.standard_normal((9, 2, 2)).astype(np.float32)
    trace = scan_forward(layer, xs)
    gradients = scan_backward(layer, trace, np.ones_like(trace.hs[1:]))
    assert trace.hs.dtype == gradients.hs.dtype == gradients.params.u.dtype == np.float32


def test_a_broken_scan_is_seen():
    """One that forgets to square u: right for two steps, wrong for three."""
    u, vs = np.array([0.5]), np.ones((4, 1))
    wrong = np.array([[1.0], [1.5], [0.5 * 1.5 + 1], [0.5 * 1.5 + 1.5]])
    assert not np.allclose(scan(u, vs), wrong)
    np.testing.assert_array_equal(scan(u, vs), [[1], [1.5], [1.75], [1.875]])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_is_not_linear_is_refused(activation):
    rng = np.random.default_rng(0)
    xs = np.ones((3, 1, 2))
    layer = rl.IndRNN.init(rng, inputs=2, hidden=3, activation=activation)
    with pytest.raises(
        ValueError, match=f'needs a linear recurrence, an IndRNN with activation="identity"; .*{activation}'
    ):
        scan_forward(layer, xs)
    with pytest.raises(ValueError, match="needs a linear recurrence"):
        scan_backward(layer, layer.forward(xs), np.ones((3, 1, 3)))
    with pytest.raises(ValueError, match="got RNN with identity"):
        scan_forward(rl.RNN.init(rng, inputs=2, hidden=3, activation="identity"), xs)
    with pytest.raises(ValueError, match="got LSTM with its gates"):
        scan_forward(rl.LSTM.init(rng, inputs=2, hidden=3), xs)


def test_the_stages_are_on_one_time_axis():
    rng = np.random.default_rng(0)
    T = 5
    layer, xs = rl.RNN.init(rng, inputs=2, hidden=3), rng.standard_normal((T, 2, 2))
    table = stages(layer, xs, np.ones((T, 2, 3)))
    steps = list(range(1, T + 1))
    assert table["stage"].tolist() == ["project", *["recur"] * T, *["recur back"] * T, "collect"]
    assert table["t"].tolist() == [0, *steps, *reversed(steps), 0]
    assert table["start"][0] == 0
    np.testing.assert_array_equal(table["start"][1:], table["end"][:-1])  # each waits for the one before
    assert (table["end"] > table["start"]).all()
