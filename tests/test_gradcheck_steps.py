"""The gradient check one step at a time: vanished, chaotic, saturated and on a kink, right and wrong."""

import numpy as np
import pytest

import rnnlab as rl
from benchmarks.right_backwards import KINDS, checked
from deep import one_in
from planted import Planted, small

# One step at a time


def vanishing_beside_a_live_unit(kind):
    """Three units that do not hear each other: of 60 steps back 1, 2e-3 and 9e-79 are left."""
    rng = np.random.default_rng(0)
    layer = kind(rng.standard_normal((2, 3)), np.array([1.0, 0.9, 0.05]), np.zeros(3), "identity")
    dhs = np.zeros((60, 2, 3))
    dhs[-1] = 1
    return layer, 0.1 * rng.standard_normal((60, 2, 2)), dhs


@pytest.mark.parametrize("oracle", ["complex_step", "finite_difference"])
def test_a_unit_that_vanished_beside_live_ones_is_checked(oracle):
    layer, xs, dhs = vanishing_beside_a_live_unit(rl.IndRNN)
    assert layer.backward(layer.forward(xs), dhs).hs[0].min() < 1e-77
    report = rl.check_gradients(layer, xs, dhs=dhs, oracle=oracle)
    if oracle == "complex_step":
        assert report.passed
        assert report.worst("hs").error < 1e-15
    else:  # the off-diagonal zeros of J are known to 1e-12, and a live unit's gradient is 1e77 times as large
        assert report.verdict == "inconclusive"


@pytest.mark.parametrize("factor", [0.0, 1 + 1e-11])
def test_a_unit_that_is_wrong_only_where_it_vanished_is_named(factor):
    class Cut(rl.IndRNN):
        def backward(self, trace, dhs, *dends):
            grads = super().backward(trace, dhs, *dends)
            grads.hs[np.abs(grads.hs) < 1e-20] *= factor
            return grads

    layer, xs, dhs = vanishing_beside_a_live_unit(Cut)
    with pytest.raises(rl.GradientError, match=r"^hs at timestep 44, sequence \d, unit 2 is wrong"):
        rl.check_gradients(layer, xs, dhs=dhs)


def chaotic(seed, lowest, highest):
    rng = np.random.default_rng(seed)
    gain, T, H = rng.uniform(lowest, highest), int(rng.integers(60, 151)), int(rng.integers(8, 41))
    U = gain / np.sqrt(H) * rng.standard_normal((H, H))
    layer = rl.RNN(0.5 * rng.standard_normal((2, H)), U, 0.1 * rng.standard_normal(H))
    return layer, 0.5 * rng.standard_normal((T, 1, 2)), rng.uniform(-1, 1, (1, H))


@pytest.mark.parametrize("seed", one_in(10, range(10)))
def test_a_right_backward_is_not_called_wrong_in_a_chaotic_net(seed):
    # No step knows that the net is chaotic. At larger gains units saturate: 1 - h² has fewer digits than h.
    report = rl.check_gradients(*chaotic(seed, 2, 4))
    assert report.passed
    assert max(f.error for f in report.findings if f.whole is None) <= report.tolerance
    rl.check_gradients(*chaotic(seed, 4, 8))


def test_a_wrong_carry_is_seen_in_a_chaotic_net_however_far_the_gradient_explodes():
    class Slightly(rl.RNN):
        def backward(self, trace, dhs, *dends):
            return rl.RNN(self.W, self.U * (1 + 1e-11), self.b).backward(trace, dhs, *dends)

    layer, xs, h0 = chaotic(1, 4, 4.1)
    assert np.abs(layer.backward(layer.forward(xs, h0), np.ones((len(xs), *h0.shape))).h0).max() > 1e6
    with pytest.raises(rl.GradientError, match=f"^hs at timestep {len(xs) - 1}, "):
        rl.check_gradients(Slightly(layer.W, layer.U, layer.b), xs, h0)


@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
def test_a_right_backward_of_saturated_units_does_not_fail(kind):
    # |a| is up to 40: slopes from 1 - h² have few digits or none. Nobody's fault: a passing report needs six of them.
    rng = np.random.default_rng(2)
    layer = kind.init(rng, inputs=2, hidden=5, activation="tanh")
    for scale in (3.0, 6.0, 10.0, 20.0):
        report = rl.check_gradients(layer, scale * rng.standard_normal((20, 2, 2)))
        assert report.verdict in ("passed", "inconclusive")


def test_memory_that_was_never_filled_is_not_taken_for_roundoff():
    draws = np.random.default_rng(0)
    kind = type("Unfilled", (Planted,), {"plant": staticmethod(lambda g: draws.standard_normal(out=g["U"]))})
    with pytest.raises(rl.GradientError, match=r"^U\["):
        rl.check_gradients(*small(kind))


@pytest.mark.parametrize("seed", range(20))
def test_a_float32_unit_within_roundoff_of_its_kink_does_not_fail(seed):
    # a[t] = 0.1 + 0.2 - 0.3 in any order: 0, or a little above or below, and the slope 0 or 1 with it.
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.array([0.1, 0.2, -0.3, 0.7, -0.7], np.float32))
    layer = rl.RNN(values[:, None], np.zeros((1, 1), np.float32), np.zeros(1, np.float32), "relu")
    rl.check_gradients(layer, np.ones((3, 2, 5), np.float32) * np.float32(rng.uniform(0.1, 10)))


def test_a_trace_that_is_not_the_forwards_own_is_named():
    class Rounded(rl.RNN):
        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            if len(xs) == 5:
                trace.hs[3, 1, 2] += 1e-9
            return trace

    layer, xs = small(Rounded)
    with pytest.raises(rl.GradientError, match=r"^trace.hs at timestep 3, sequence 1, unit 2 is wrong: forward left"):
        rl.check_gradients(layer, xs)


def test_outputs_that_are_no_state_have_their_own_derivative():
    class HalvedTrace(rl.Trace):
        @property
        def ys(self):
            return 0.5 * self.hs[1:]

    class Halved(rl.RNN):
        """y[t] = h[t] / 2. The state's gradient is then what flows back from later steps alone."""

        def forward(self, xs, h0=None):
            trace = super().forward(xs, h0)
            return HalvedTrace(trace.xs, trace.hs)

        def backward(self, trace, dys, *dends):
            grads = super().backward(trace, 0.5 * dys, *dends)
            grads.hs[1:] -= 0.5 * dys
            return grads

    report = rl.check_gradients(*small(Halved))
    assert report.passed
    assert report.worst("trace.ys").verdict == "passed"


FOUND = [("saturated", 121), ("saturated", 134), ("saturated", 229), ("saturated", 243), ("saturated", 292)]
"""Once called wrong: a slope of few digits, a float32 gate that underflowed, states that are roundoff alone, and two
gates at 1 whose moves by one place each cancelled in every trial.
"""

RANDOM = [(kind, seed) for kind in KINDS for seed in (0, 4)]


@pytest.mark.parametrize(("kind", "seed"), one_in(5, [*RANDOM, *FOUND]))
def test_random_nets_with_right_backwards_are_not_called_wrong(kind, seed):
    with np.errstate(over="ignore"):
        assert checked(kind, seed)[1] == ""
