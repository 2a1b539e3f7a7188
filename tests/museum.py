"""A museum of broken backwards: the correct algorithm one step at a time, and beside it one bug a piece.

Every piece overrides one line of PlainRNN, PlainIndRNN, PlainLSTM or PlainGRU and is a mistake that people make; FACTS
says where some were seen. A bug can be invisible (slope² = slope where slopes are 0 and 1), so each piece of the first
two says with which activations it shows; with other activations it must do no harm. Every piece says which gradients it
spoils, one step at a time: a wrong carry spoils the states' and no others, which are right for the dh they were given.

It is not made of the known mistakes of `rnnlab check`, lines of text for tanh alone: those have to tell each piece by
its name (test_check_mistakes.py), and would be tested by themselves.
"""

import numpy as np

import rnnlab as rl
from rnnlab.layers.lstm import LSTMGradients

EVERY = ("sigmoid", "tanh", "relu", "leaky_relu", "identity")
BENT = ("sigmoid", "tanh", "relu", "leaky_relu")  # slope not 1 everywhere
NOT_0_OR_1 = ("sigmoid", "tanh", "leaky_relu")  # slope² ≠ slope
CURVED = ("sigmoid", "tanh")  # slope differs at a and at φ(a)


class Plain:
    """Backpropagation through time, a step and a line at a time; what a layer does its own way is a method."""

    shows = EVERY
    spoils = frozenset()

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        totals, dxs = np.zeros_like(hs), np.zeros_like(xs)
        dW, dR, db = np.zeros_like(self.W), np.zeros_like(self.recurrent), np.zeros_like(self.b)
        totals[-1] += self.from_later(dh_end)
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

    def from_later(self, dh_end):
        return 0.0 if dh_end is None else dh_end

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

THE_CARRY = frozenset({"hs"})
ALL_OF_A_STEP = frozenset({"W", "U", "b", "xs", "hs"})


class CarryDropped:
    """dh[t-1] is what arrives from above and nothing else: no backpropagation through time at all."""

    spoils = THE_CARRY

    def carry(self, da, dh):
        return np.zeros_like(dh)


class CarryNegated:
    """A sign lost in the carry."""

    spoils = THE_CARRY

    def carry(self, da, dh):
        return -super().carry(da, dh)


class CarryWithoutSlope:
    """dh instead of da goes back: the recurrent weight is there, the slope is not."""

    shows = BENT
    spoils = THE_CARRY

    def carry(self, da, dh):
        return super().carry(dh, dh)


class CarryHalved:
    """A factor that crept into the carry."""

    spoils = THE_CARRY

    def carry(self, da, dh):
        return super().carry(0.5 * da, dh)


class SlopeMissing:
    """da = dh."""

    shows = BENT
    spoils = ALL_OF_A_STEP

    def slope(self, hs, t):
        return np.ones_like(hs[t])


class SlopeTwice:
    """da = dh φ' φ'."""

    shows = NOT_0_OR_1
    spoils = ALL_OF_A_STEP

    def slope(self, hs, t):
        return super().slope(hs, t) ** 2


class SlopeAtTheOutput:
    """φ'(h) for φ'(a): the derivative of the pre-activation, applied to the value that is activated already."""

    shows = CURVED
    spoils = ALL_OF_A_STEP

    def slope(self, hs, t):
        again = hs[t].copy()
        self.activation.apply(again)
        return self.activation.slope(again)


class SlopeOfTheStepBefore:
    """φ' read from h[t-1]."""

    shows = BENT
    spoils = ALL_OF_A_STEP

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

    spoils = ALL_OF_A_STEP

    def first_step(self):
        return 1


class FromAboveAtTheEndAlone:
    """What arrives from above at the steps before the last is not added."""

    spoils = THE_CARRY

    def from_above(self, dhs, t):
        return dhs[t - 1] if t == len(dhs) else np.zeros_like(dhs[t - 1])


class AllZero:
    """The gradient is never written; every shape is right."""

    spoils = THE_CARRY

    def backward(self, trace, dhs, *dends):
        return super().backward(trace, dhs, *dends).map(np.zeros_like)


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

    spoils = THE_CARRY

    def carry(self, da, dh):
        return da @ self.U


class RecurrentGradientTransposed(PlainRNN):
    """dU = Σ da[t]ᵀ h[t-1]."""

    spoils = frozenset({"U"})

    def to_recurrent(self, past, da):
        return da.T @ past


class CarryWithoutWeight(PlainIndRNN):
    """dh[t-1] = da[t]: u is left out."""

    spoils = THE_CARRY

    def carry(self, da, dh):
        return da


class CarrySummedOverUnits(PlainIndRNN):
    """u as if it were a full matrix: every unit hears of all."""

    spoils = THE_CARRY

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


# The gated layers. Their gates are computed again from W, U and b, one after the other.


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class PlainLSTM(rl.LSTM):
    """The LSTM without a bug; `of_c` is dL/dc[t] with what comes by way of h[t]."""

    spoils = frozenset()

    def backward(self, trace, dhs, dh_end=None, dc_end=None):
        xs, hs, cs = trace.xs, trace.hs, trace.cs
        dh, dc, dxs = np.zeros_like(hs), np.zeros_like(cs), np.zeros_like(xs)
        dW, dU, db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)
        dh[-1] += 0.0 if dh_end is None else dh_end
        dc[-1] += self.from_later(dc_end)
        for t in range(len(xs), 0, -1):
            a_i, a_f, a_g, a_o = np.split(xs[t - 1] @ self.W + hs[t - 1] @ self.U + self.b, 4, axis=1)
            i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
            dh[t] += dhs[t - 1]
            of_c = dc[t] + self.by_way_of_h(dh[t], o, np.tanh(cs[t]))
            dc[t] = self.kept(dc[t], of_c)
            da_i, da_f = self.to_i(of_c, i, g), self.to_f(of_c, f, cs[t - 1], cs[t])
            da_g, da_o = self.to_g(of_c, i, g), self.to_o(dh[t], o, cs[t])
            da = self.side_by_side(da_i, da_f, da_g, da_o)
            dW += xs[t - 1].T @ da
            dU += self.to_U(hs, t, da)
            db += self.to_b(da, t, len(xs))
            dxs[t - 1] = da @ self.W.T
            dc[t - 1] += self.carry_of_c(of_c, f)
            dh[t - 1] += self.carry_of_h(da)
        return LSTMGradients(rl.LSTM(dW, dU, db), dxs, dh, dc)

    def from_later(self, dc_end):
        return 0.0 if dc_end is None else dc_end

    def by_way_of_h(self, dh, o, tanh_c):
        return dh * o * (1 - tanh_c**2)

    def kept(self, dc, of_c):
        return dc

    def to_i(self, of_c, i, g):
        return of_c * g * i * (1 - i)

    def to_f(self, of_c, f, c_before, c):
        return of_c * c_before * f * (1 - f)

    def to_g(self, of_c, i, g):
        return of_c * i * (1 - g**2)

    def to_o(self, dh, o, c):
        return dh * np.tanh(c) * o * (1 - o)

    def side_by_side(self, da_i, da_f, da_g, da_o):
        return np.concatenate([da_i, da_f, da_g, da_o], axis=1)

    def to_U(self, hs, t, da):
        return hs[t - 1].T @ da

    def to_b(self, da, t, T):
        return da.sum(axis=0)

    def carry_of_c(self, of_c, f):
        return of_c * f

    def carry_of_h(self, da):
        return da @ self.U.T


ALL_OF_AN_LSTMS_STEP = frozenset({"W", "U", "b", "xs", "hs", "cs"})


class GatesSwapped(PlainLSTM):
    """The gradients of i and f change places."""

    spoils = ALL_OF_A_STEP

    def side_by_side(self, da_i, da_f, da_g, da_o):
        return super().side_by_side(da_f, da_i, da_g, da_o)


class ForgetPathDropped(PlainLSTM):
    """dc[t-1] hears nothing of dc[t]: the very path that an LSTM is built for."""

    spoils = frozenset({"cs"})

    def carry_of_c(self, of_c, f):
        return np.zeros_like(of_c)


class ForgetPathWithoutForgetGate(PlainLSTM):
    """dc[t-1] = dc[t]: the constant error carousel of 1997, before there was a forget gate."""

    spoils = frozenset({"cs"})

    def carry_of_c(self, of_c, f):
        return of_c


class SlopeOfTheReadCellMissing(PlainLSTM):
    """dh o for dh o (1 - tanh²(c))."""

    spoils = ALL_OF_AN_LSTMS_STEP

    def by_way_of_h(self, dh, o, tanh_c):
        return dh * o


class SlopeOfTheReadCellTooLate(PlainLSTM):
    """1 - tanh²(tanh(c)): tanh taken once too often."""

    spoils = ALL_OF_AN_LSTMS_STEP

    def by_way_of_h(self, dh, o, tanh_c):
        return super().by_way_of_h(dh, o, np.tanh(tanh_c))


class CellDeafToTheOutput(PlainLSTM):
    """c[t] hears nothing of h[t]."""

    spoils = ALL_OF_AN_LSTMS_STEP

    def by_way_of_h(self, dh, o, tanh_c):
        return np.zeros_like(dh)


class CandidateWithSigmoidsSlope(PlainLSTM):
    """g (1 - g) for 1 - g²: all four blocks treated alike."""

    spoils = ALL_OF_A_STEP

    def to_g(self, of_c, i, g):
        return of_c * i * g * (1 - g)


class OutputGateReadsTheBareCell(PlainLSTM):
    """c for tanh(c) in da_o."""

    spoils = ALL_OF_A_STEP

    def to_o(self, dh, o, c):
        return dh * c * o * (1 - o)


class CellOffByOne(PlainLSTM):
    """c[t] for c[t-1] in da_f."""

    spoils = ALL_OF_A_STEP

    def to_f(self, of_c, f, c_before, c):
        return super().to_f(of_c, f, c, c)


class CarryOfHDropped(PlainLSTM):
    """The gates' own dependence on h[t-1] is left out."""

    spoils = THE_CARRY

    def carry_of_h(self, da):
        return np.zeros_like(da[:, : len(self.U)])


class BlocksNotTransposedInLSTM(PlainLSTM):
    """Σ da U over the gates, block by block: every shape is right."""

    spoils = THE_CARRY

    def carry_of_h(self, da):
        return sum(block @ U for block, U in zip(np.split(da, 4, axis=1), np.split(self.U, 4, axis=1), strict=True))


class CellsOfALaterChunkIgnored(PlainLSTM):
    """dc_end is taken and never added."""

    spoils = frozenset({"cs"})

    def from_later(self, dc_end):
        return 0.0


class CellsTotalWithTheOutputs(PlainLSTM):
    """cs[t] counts what c[t] does by way of h[t], which dh[t] counts already; all else is right."""

    spoils = ALL_OF_AN_LSTMS_STEP

    def kept(self, dc, of_c):
        return of_c


class StateOffByOneInLSTM(PlainLSTM):
    """h[t] for h[t-1] in dU."""

    spoils = frozenset({"U"})

    def to_U(self, hs, t, da):
        return hs[t].T @ da


class BiasOfTheLastStepInLSTM(PlainLSTM):
    """db is not summed over time."""

    spoils = frozenset({"b"})

    def to_b(self, da, t, T):
        return super().to_b(da, t, T) if t == T else 0.0


class AllZeroInLSTM(PlainLSTM):
    """The gradient is never written; every shape is right."""

    spoils = frozenset({"cs", "hs"})

    def backward(self, trace, dhs, *dends):
        return super().backward(trace, dhs, *dends).map(np.zeros_like)


LSTM_BUGS = [
    GatesSwapped,
    ForgetPathDropped,
    ForgetPathWithoutForgetGate,
    SlopeOfTheReadCellMissing,
    SlopeOfTheReadCellTooLate,
    CellDeafToTheOutput,
    CandidateWithSigmoidsSlope,
    OutputGateReadsTheBareCell,
    CellOffByOne,
    CarryOfHDropped,
    BlocksNotTransposedInLSTM,
    CellsOfALaterChunkIgnored,
    CellsTotalWithTheOutputs,
    StateOffByOneInLSTM,
    BiasOfTheLastStepInLSTM,
    AllZeroInLSTM,
]


class PlainGRU(rl.GRU):
    """The GRU without a bug. ds is the gradient of h[t-1] U + bu, and differs from da in the last block."""

    spoils = frozenset()

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        dh, dxs = np.zeros_like(hs), np.zeros_like(xs)
        dh[-1] += 0.0 if dh_end is None else dh_end
        dW, dU, db, dbu = (np.zeros_like(array) for array in (self.W, self.U, self.b, self.bu))
        for t in range(len(xs), 0, -1):
            a_z, a_r, a_n = np.split(xs[t - 1] @ self.W + self.b, 3, axis=1)
            s_z, s_r, m = np.split(hs[t - 1] @ self.U + self.bu, 3, axis=1)
            z, r = sigmoid(a_z + s_z), sigmoid(a_r + s_r)
            n = np.tanh(a_n + r * m)
            dh[t] += dhs[t - 1]
            da_z, da_n = self.to_z(dh[t], z, n, hs[t - 1]), self.to_n(dh[t], z, n)
            da_r, dm = self.to_r(da_n, r, m, n), self.to_m(da_n, r)
            da = np.concatenate([da_z, da_r, da_n], axis=1)
            ds = np.concatenate([da_z, da_r, dm], axis=1)
            dW += self.to_W(xs[t - 1], da, ds)
            dU += self.to_U(hs, t, da, ds, r)
            db += self.to_b(da, t, len(xs))
            dbu += self.to_bu(da, ds, t, len(xs))
            dxs[t - 1] = da @ self.W.T
            dh[t - 1] += self.carry_of_z(dh[t], z) + self.carry_of_s(da, ds, r)
        return rl.Gradients(rl.GRU(dW, dU, db, dbu), dxs, dh)

    def to_z(self, dh, z, n, h_before):
        return dh * (h_before - n) * z * (1 - z)

    def to_n(self, dh, z, n):
        return dh * (1 - z) * (1 - n**2)

    def to_r(self, da_n, r, m, n):
        return da_n * m * r * (1 - r)

    def to_m(self, da_n, r):
        return da_n * r

    def to_W(self, x, da, ds):
        return x.T @ da

    def to_U(self, hs, t, da, ds, r):
        return hs[t - 1].T @ ds

    def to_b(self, da, t, T):
        return da.sum(axis=0)

    def to_bu(self, da, ds, t, T):
        return ds.sum(axis=0)

    def carry_of_z(self, dh, z):
        return dh * z

    def carry_of_s(self, da, ds, r):
        return ds @ self.U.T


ALL_OF_A_GRUS_STEP = frozenset({"W", "U", "b", "bu", "xs", "hs"})


class UpdatePathDropped(PlainGRU):
    """dh[t-1] without dh[t] z: the very path that a GRU is built for."""

    spoils = THE_CARRY

    def carry_of_z(self, dh, z):
        return np.zeros_like(dh)


class UpdateGateTheOtherWayRound(PlainGRU):
    """dh[t-1] with dh[t] (1 - z): Cho's letters, mixed with PyTorch's."""

    spoils = THE_CARRY

    def carry_of_z(self, dh, z):
        return dh * (1 - z)


class SignOfTheUpdateGate(PlainGRU):
    """n - h[t-1] for h[t-1] - n."""

    spoils = ALL_OF_A_GRUS_STEP

    def to_z(self, dh, z, n, h_before):
        return -super().to_z(dh, z, n, h_before)


class UpdateGateWithoutCandidate(PlainGRU):
    """h[t-1] for h[t-1] - n: the half of da_z that comes by way of 1 - z is missing."""

    spoils = ALL_OF_A_GRUS_STEP

    def to_z(self, dh, z, n, h_before):
        return super().to_z(dh, z, np.zeros_like(n), h_before)


class CandidateWithoutUpdateGate(PlainGRU):
    """da_n without 1 - z."""

    spoils = ALL_OF_A_GRUS_STEP

    def to_n(self, dh, z, n):
        return dh * (1 - n**2)


class ResetGateForgotten(PlainGRU):
    """da_r is never written."""

    spoils = ALL_OF_A_GRUS_STEP

    def to_r(self, da_n, r, m, n):
        return np.zeros_like(da_n)


class ResetGateReadsTheCandidate(PlainGRU):
    """n for m in da_r."""

    spoils = ALL_OF_A_GRUS_STEP

    def to_r(self, da_n, r, m, n):
        return da_n * n * r * (1 - r)


class ProductWithoutReset(PlainGRU):
    """dm = da_n: the reset gate is left out on the way back."""

    spoils = frozenset({"U", "bu", "hs"})

    def to_m(self, da_n, r):
        return da_n


class ResetBeforeTheProduct(PlainGRU):
    """The backward of Cho's original, where r acts on h[t-1]: (da_n U_nᵀ) r for (da_n r) U_nᵀ."""

    spoils = THE_CARRY

    def carry_of_s(self, da, ds, r):
        H = len(self.U)
        return da[:, : 2 * H] @ self.U[:, : 2 * H].T + (da[:, 2 * H :] @ self.U[:, 2 * H :].T) * r


class CarryOfSDropped(PlainGRU):
    """The gates' own dependence on h[t-1] is left out."""

    spoils = THE_CARRY

    def carry_of_s(self, da, ds, r):
        return np.zeros_like(r)


class BlocksNotTransposedInGRU(PlainGRU):
    """Σ ds U over the gates, block by block: every shape is right."""

    spoils = THE_CARRY

    def carry_of_s(self, da, ds, r):
        return sum(block @ U for block, U in zip(np.split(ds, 3, axis=1), np.split(self.U, 3, axis=1), strict=True))


class StateOffByOneInGRU(PlainGRU):
    """h[t] for h[t-1] in dU."""

    spoils = frozenset({"U"})

    def to_U(self, hs, t, da, ds, r):
        return hs[t].T @ ds


class RecurrentKernelFromTheInputSum(PlainGRU):
    """dU from da for ds: r is left out of its last block."""

    spoils = frozenset({"U"})

    def to_U(self, hs, t, da, ds, r):
        return hs[t - 1].T @ da


class InputKernelFromTheRecurrentSum(PlainGRU):
    """dW from ds for da: an r too many in its last block."""

    spoils = frozenset({"W"})

    def to_W(self, x, da, ds):
        return x.T @ ds


class RecurrentBiasFromTheInputSum(PlainGRU):
    """dbu = db: as if the second bias did what the first does."""

    spoils = frozenset({"bu"})

    def to_bu(self, da, ds, t, T):
        return da.sum(axis=0)


class BiasesOfTheLastStepInGRU(PlainGRU):
    """db and dbu are not summed over time."""

    spoils = frozenset({"b", "bu"})

    def to_b(self, da, t, T):
        return super().to_b(da, t, T) if t == T else 0.0

    def to_bu(self, da, ds, t, T):
        return super().to_bu(da, ds, t, T) if t == T else 0.0


class AllZeroInGRU(PlainGRU):
    """The gradient is never written; every shape is right."""

    spoils = THE_CARRY

    def backward(self, trace, dhs, *dends):
        return super().backward(trace, dhs, *dends).map(np.zeros_like)


GRU_BUGS = [
    UpdatePathDropped,
    UpdateGateTheOtherWayRound,
    SignOfTheUpdateGate,
    UpdateGateWithoutCandidate,
    CandidateWithoutUpdateGate,
    ResetGateForgotten,
    ResetGateReadsTheCandidate,
    ProductWithoutReset,
    ResetBeforeTheProduct,
    CarryOfSDropped,
    BlocksNotTransposedInGRU,
    StateOffByOneInGRU,
    RecurrentKernelFromTheInputSum,
    InputKernelFromTheRecurrentSum,
    RecurrentBiasFromTheInputSum,
    BiasesOfTheLastStepInGRU,
    AllZeroInGRU,
]
