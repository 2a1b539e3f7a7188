"""A museum of broken backwards: the correct algorithm one step at a time, and beside it one bug a piece.

Every piece overrides one line of PlainRNN or PlainIndRNN and is a mistake that people make; FACTS says where some were
seen. A bug can be invisible (slope² = slope where slopes are 0 and 1), so each piece says with which activations it
shows, and which gradients it spoils there; with the others it must do no harm.
"""

import numpy as np

import rnnlab as rl

EVERY = ("sigmoid", "tanh", "relu", "leaky_relu", "identity")
BENT = ("sigmoid", "tanh", "relu", "leaky_relu")  # slope not 1 everywhere
NOT_0_OR_1 = ("sigmoid", "tanh", "leaky_relu")  # slope² ≠ slope
CURVED = ("sigmoid", "tanh")  # slope differs at a and at φ(a)


class Plain:
    """Backpropagation through time, a step and a line at a time; what a layer does its own way is a method."""

    shows = EVERY
    spoils = frozenset()

    def backward(self, trace, dhs):
        xs, hs = trace.xs, trace.hs
        totals, dxs = np.zeros_like(hs), np.zeros_like(xs)
        dW, dR, db = np.zeros_like(self.W), np.zeros_like(self.recurrent), np.zeros_like(self.b)
        for t in range(len(xs), self.first_step(), -1):
            totals[t] += self.from_above(dhs, t)
            da = totals[t] * self.slope(hs, t)
            dW += self.to_W(xs, t, da)
            dR += self.to_recurrent(self.past(hs, t), da)
            db += self.to_b(da, t, len(xs))
            dxs[t - 1] = self.to_x(da, dhs[t - 1] * self.slope(hs, t))
            totals[t - 1] += self.carry(da, totals[t])
        return rl.Gradients(self.layer_shaped(dW, dR, db), dxs, totals)

    def first_step(self):
        return 0

    def from_above(self, dhs, t):
        return dhs[t - 1]

    def slope(self, hs, t):
        return self.activation.slope(hs[t])

    def past(self, hs, t):
        return hs[t - 1]

    def to_W(self, xs, t, da):
        return xs[t - 1].T @ da

    def to_b(self, da, t, T):
        return da.sum(axis=0)

    def to_x(self, da, da_from_above_alone):
        return da @ self.W.T


class PlainRNN(Plain, rl.RNN):
    """The RNN without a bug."""

    @property
    def recurrent(self):
        return self.U

    def layer_shaped(self, dW, dU, db):
        return rl.RNN(dW, dU, db, self.activation)

    def to_recurrent(self, past, da):
        return past.T @ da

    def carry(self, da, dh):
        return da @ self.U.T


class PlainIndRNN(Plain, rl.IndRNN):
    """The IndRNN without a bug."""

    @property
    def recurrent(self):
        return self.u

    def layer_shaped(self, dW, du, db):
        return rl.IndRNN(dW, du, db, self.activation)

    def to_recurrent(self, past, da):
        return (past * da).sum(axis=0)

    def carry(self, da, dh):
        return self.u * da


# Bugs of either layer. Each is mixed into a plain one. "U" stands for the recurrent weights of both.

ALL_BUT_THE_LAST_STATE = frozenset({"W", "U", "b", "xs", "hs"})


class CarryDropped:
    """dh[t-1] is what arrives from above and nothing else: no backpropagation through time at all."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return np.zeros_like(dh)


class CarryNegated:
    """A sign lost in the carry."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return -super().carry(da, dh)


class CarryWithoutSlope:
    """dh instead of da goes back: the recurrent weight is there, the slope is not."""

    shows = BENT
    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return super().carry(dh, dh)


class CarryHalved:
    """A factor that crept into the carry."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return super().carry(0.5 * da, dh)


class SlopeMissing:
    """da = dh."""

    shows = BENT
    spoils = ALL_BUT_THE_LAST_STATE

    def slope(self, hs, t):
        return np.ones_like(hs[t])


class SlopeTwice:
    """da = dh φ' φ'."""

    shows = NOT_0_OR_1
    spoils = ALL_BUT_THE_LAST_STATE

    def slope(self, hs, t):
        return super().slope(hs, t) ** 2


class SlopeAtTheOutput:
    """φ'(h) for φ'(a): the derivative of the pre-activation, applied to the value that is activated already."""

    shows = CURVED
    spoils = ALL_BUT_THE_LAST_STATE

    def slope(self, hs, t):
        again = hs[t].copy()
        self.activation.apply(again)
        return self.activation.slope(again)


class SlopeOfTheStepBefore:
    """φ' read from h[t-1]."""

    shows = BENT
    spoils = ALL_BUT_THE_LAST_STATE

    def slope(self, hs, t):
        return super().slope(hs, t - 1)


class StateOffByOne:
    """h[t] where h[t-1] belongs, in the recurrent weights' gradient."""

    spoils = frozenset({"U"})

    def past(self, hs, t):
        return hs[t]


class InputOffByOne:
    """The next step's input, in the kernel's gradient."""

    spoils = frozenset({"W"})

    def to_W(self, xs, t, da):
        return xs[t % len(xs)].T @ da


class KernelMinusOneSequence:
    """The last sequence of the batch is forgotten."""

    spoils = frozenset({"W"})

    def to_W(self, xs, t, da):
        return xs[t - 1, :-1].T @ da[:-1]


class BiasOfTheLastStep:
    """db is not summed over time."""

    spoils = frozenset({"b"})

    def to_b(self, da, t, T):
        return super().to_b(da, t, T) if t == T else 0.0


class BiasAveraged:
    """db is the mean over the batch where the others are sums."""

    spoils = frozenset({"b"})

    def to_b(self, da, t, T):
        return da.mean(axis=0)


class InputWithoutTheRecurrentPath:
    """dx[t] from what arrives from above at t alone."""

    spoils = frozenset({"xs"})

    def to_x(self, da, da_from_above_alone):
        return da_from_above_alone @ self.W.T


class KernelNotTransposed:
    """dx[t] = da[t] W: its shape is right where D = H."""

    spoils = frozenset({"xs"})

    def to_x(self, da, da_from_above_alone):
        return da @ self.W


class FirstStepForgotten:
    """The loop ends a step early."""

    spoils = ALL_BUT_THE_LAST_STATE

    def first_step(self):
        return 1


class FromAboveAtTheEndAlone:
    """What arrives from above at the steps before the last is not added."""

    spoils = ALL_BUT_THE_LAST_STATE

    def from_above(self, dhs, t):
        return dhs[t - 1] if t == len(dhs) else np.zeros_like(dhs[t - 1])


class AllZero:
    """The gradient is never written; every shape is right."""

    spoils = ALL_BUT_THE_LAST_STATE

    def backward(self, trace, dhs):
        return super().backward(trace, dhs).map(np.zeros_like)


class NeverFilled:
    """Memory that was reserved and never written: other numbers every time."""

    spoils = frozenset({"W"})
    rng = np.random.default_rng(0)

    def to_W(self, xs, t, da):
        return self.rng.standard_normal(self.W.shape)


COMMON = (
    CarryDropped,
    CarryNegated,
    CarryWithoutSlope,
    CarryHalved,
    SlopeMissing,
    SlopeTwice,
    SlopeAtTheOutput,
    SlopeOfTheStepBefore,
    StateOffByOne,
    InputOffByOne,
    KernelMinusOneSequence,
    BiasOfTheLastStep,
    BiasAveraged,
    InputWithoutTheRecurrentPath,
    KernelNotTransposed,
    FirstStepForgotten,
    FromAboveAtTheEndAlone,
    AllZero,
    NeverFilled,
)


# Bugs of one layer


class RecurrentKernelNotTransposed(PlainRNN):
    """dh[t-1] = da[t] U: wrong by little where U is small, and so it still trains."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return da @ self.U


class RecurrentGradientTransposed(PlainRNN):
    """dU = Σ da[t]ᵀ h[t-1]."""

    spoils = frozenset({"U"})

    def to_recurrent(self, past, da):
        return da.T @ past


class CarryWithoutWeight(PlainIndRNN):
    """dh[t-1] = da[t]: u is left out."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return da


class CarrySummedOverUnits(PlainIndRNN):
    """u as if it were a full matrix: every unit hears of all."""

    spoils = ALL_BUT_THE_LAST_STATE

    def carry(self, da, dh):
        return np.broadcast_to((da @ self.u)[:, None], da.shape)


class WeightSummedOverUnits(PlainIndRNN):
    """Every entry of du is the sum of all."""

    spoils = frozenset({"U"})

    def to_recurrent(self, past, da):
        return np.full_like(self.u, (past * da).sum())


def pieces(plain, name):
    """The common bugs in one layer."""
    return [type(f"{bug.__name__}In{name}", (bug, plain), {"__doc__": bug.__doc__}) for bug in COMMON]


RNN_BUGS = [*pieces(PlainRNN, "RNN"), RecurrentKernelNotTransposed, RecurrentGradientTransposed]
INDRNN_BUGS = [*pieces(PlainIndRNN, "IndRNN"), CarryWithoutWeight, CarrySummedOverUnits, WeightSummedOverUnits]


# Bugs that only a vanished gradient has: at ordinary sizes these backwards are right.


class WrongWhereVanished:
    """Where every |dh| is under 1e-30, the carry is a thousandth too large."""

    def carry(self, da, dh):
        return super().carry(da, dh) * (1.001 if np.abs(dh).max() < 1e-30 else 1.0)


class ZeroWhereVanished:
    """Where every |dh| is under 1e-30, it is cut to zero."""

    def carry(self, da, dh):
        return super().carry(da, dh) * (0.0 if np.abs(dh).max() < 1e-30 else 1.0)


VANISHED_BUGS = [
    type(f"{bug.__name__}In{name}", (bug, plain), {"__doc__": bug.__doc__})
    for bug in (WrongWhereVanished, ZeroWhereVanished)
    for plain, name in ((PlainRNN, "RNN"), (PlainIndRNN, "IndRNN"))
]
