"""Layers that rnnlab has never seen, as somebody would write them for `rnnlab check FILE.py:NAME`."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

import rnnlab as rl


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class LeakyCell(rl.Record):
    """h[t] = (1 - α) h[t-1] + α tanh(x[t] W + h[t-1] U + b), with one α for each unit that is learnt."""

    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    alpha: np.ndarray
    carries: ClassVar = ("hs",)

    @classmethod
    def init(cls, rng, *, inputs, hidden):
        W, U = rng.uniform(-0.6, 0.6, (inputs, hidden)), rng.uniform(-0.6, 0.6, (hidden, hidden))
        return cls(W, U, rng.uniform(-0.5, 0.5, hidden), rng.uniform(0.2, 0.9, hidden))

    def forward(self, xs, h0=None):
        h = np.zeros((xs.shape[1], len(self.b)), xs.dtype) if h0 is None else h0
        hs = [h]
        for x in xs:
            h = (1 - self.alpha) * h + self.alpha * np.tanh(x @ self.W + h @ self.U + self.b)
            hs.append(h)
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        totals, dxs = np.zeros_like(hs), np.zeros_like(xs)
        dW, dU, db, dalpha = (np.zeros_like(each) for each in (self.W, self.U, self.b, self.alpha))
        totals[-1] = 0 if dh_end is None else dh_end
        for t in range(len(xs), 0, -1):
            totals[t] += dhs[t - 1]
            n = np.tanh(xs[t - 1] @ self.W + hs[t - 1] @ self.U + self.b)
            da = totals[t] * self.alpha * (1 - n**2)
            dalpha += (totals[t] * (n - hs[t - 1])).sum(axis=0)
            dW, dU, db = dW + xs[t - 1].T @ da, dU + hs[t - 1].T @ da, db + da.sum(axis=0)
            dxs[t - 1] = da @ self.W.T
            totals[t - 1] += totals[t] * (1 - self.alpha) + da @ self.U.T
        return rl.Gradients(self.like(W=dW, U=dU, b=db, alpha=dalpha), dxs, totals)


class MinimalGatedUnit(rl.Record):
    """f = σ(x Wf + h U_f), n = tanh(x Wn + (f ⊙ h) U_n), h[t] = (1 - f) ⊙ h[t-1] + f ⊙ n (Zhou et al. 2016)."""

    Wf: np.ndarray
    Uf: np.ndarray
    Wn: np.ndarray
    Un: np.ndarray
    carries: ClassVar = ("hs",)

    @classmethod
    def init(cls, rng, *, inputs, hidden):
        shapes = (inputs, hidden), (hidden, hidden), (inputs, hidden), (hidden, hidden)
        return cls(*(rng.uniform(-0.7, 0.7, shape) for shape in shapes))

    def step(self, x, h):
        f = sigmoid(x @ self.Wf + h @ self.Uf)
        return f, np.tanh(x @ self.Wn + (f * h) @ self.Un)

    def forward(self, xs, h0=None):
        h = np.zeros((xs.shape[1], len(self.Uf)), xs.dtype) if h0 is None else h0
        hs = [h]
        for x in xs:
            f, n = self.step(x, h)
            h = (1 - f) * h + f * n
            hs.append(h)
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        totals, dxs = np.zeros_like(hs), np.zeros_like(xs)
        dWf, dUf, dWn, dUn = (np.zeros_like(each) for each in (self.Wf, self.Uf, self.Wn, self.Un))
        totals[-1] = 0 if dh_end is None else dh_end
        for t in range(len(xs), 0, -1):
            totals[t] += dhs[t - 1]
            x, h = xs[t - 1], hs[t - 1]
            f, n = self.step(x, h)
            da_n = totals[t] * f * (1 - n**2)
            dfh = da_n @ self.Un.T
            da_f = (totals[t] * (n - h) + dfh * h) * f * (1 - f)
            dWf, dUf, dWn, dUn = dWf + x.T @ da_f, dUf + h.T @ da_f, dWn + x.T @ da_n, dUn + (f * h).T @ da_n
            dxs[t - 1] = da_f @ self.Wf.T + da_n @ self.Wn.T
            totals[t - 1] += totals[t] * (1 - f) + dfh * f + da_f @ self.Uf.T
        return rl.Gradients(self.like(Wf=dWf, Uf=dUf, Wn=dWn, Un=dUn), dxs, totals)


@dataclass(frozen=True, eq=False, repr=False)
class PeepholeTrace(rl.Trace):
    cs: np.ndarray

    @property
    def states(self):
        return {"hs": self.hs, "cs": self.cs}


@dataclass(frozen=True, eq=False, repr=False)
class PeepholeGradients(rl.Gradients):
    cs: np.ndarray

    @property
    def states(self):
        return {"hs": self.hs, "cs": self.cs}


class PeepholeLSTM(rl.Record):
    """An LSTM whose gates i and f see c[t-1], and o sees c[t], each unit its own (Gers, Schmidhuber 2000)."""

    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    p: np.ndarray  # (3, H): of i, f, o
    carries: ClassVar = ("hs", "cs")

    @classmethod
    def init(cls, rng, *, inputs, hidden):
        W, U = rng.uniform(-0.6, 0.6, (inputs, 4 * hidden)), rng.uniform(-0.6, 0.6, (hidden, 4 * hidden))
        return cls(W, U, rng.uniform(-0.5, 0.5, 4 * hidden), rng.uniform(-0.8, 0.8, (3, hidden)))

    def step(self, x, h, c):
        a_i, a_f, a_g, a_o = np.split(x @ self.W + h @ self.U + self.b, 4, axis=1)
        i, f, g = sigmoid(a_i + self.p[0] * c), sigmoid(a_f + self.p[1] * c), np.tanh(a_g)
        new = f * c + i * g
        return i, f, g, sigmoid(a_o + self.p[2] * new), new

    def forward(self, xs, h0=None, c0=None):
        nothing = np.zeros((xs.shape[1], len(self.U)), xs.dtype)
        h, c = (nothing if start is None else start for start in (h0, c0))
        hs, cs = [h], [c]
        for x in xs:
            *_, o, c = self.step(x, h, c)
            h = o * np.tanh(c)
            hs.append(h)
            cs.append(c)
        return PeepholeTrace(xs, np.array(hs), np.array(cs))

    def backward(self, trace, dhs, dh_end=None, dc_end=None):
        xs, hs, cs = trace.xs, trace.hs, trace.cs
        dh, dc, dxs = np.zeros_like(hs), np.zeros_like(cs), np.zeros_like(xs)
        dW, dU, db, dp = (np.zeros_like(each) for each in (self.W, self.U, self.b, self.p))
        dh[-1] = 0 if dh_end is None else dh_end
        dc[-1] = 0 if dc_end is None else dc_end
        for t in range(len(xs), 0, -1):
            dh[t] += dhs[t - 1]
            i, f, g, o, c = self.step(xs[t - 1], hs[t - 1], cs[t - 1])
            da_o = dh[t] * np.tanh(c) * o * (1 - o)
            of_c = dc[t] + dh[t] * o * (1 - np.tanh(c) ** 2) + da_o * self.p[2]
            da_i, da_f = of_c * g * i * (1 - i), of_c * cs[t - 1] * f * (1 - f)
            da = np.concatenate([da_i, da_f, of_c * i * (1 - g**2), da_o], axis=1)
            dW, dU, db = dW + xs[t - 1].T @ da, dU + hs[t - 1].T @ da, db + da.sum(axis=0)
            dp += [(da_i * cs[t - 1]).sum(axis=0), (da_f * cs[t - 1]).sum(axis=0), (da_o * c).sum(axis=0)]
            dxs[t - 1] = da @ self.W.T
            dh[t - 1] += da @ self.U.T
            dc[t - 1] += of_c * f + da_i * self.p[0] + da_f * self.p[1]
        return PeepholeGradients(self.like(W=dW, U=dU, b=db, p=dp), dxs, dh, dc)


class DeafPeephole(PeepholeLSTM):
    """Wrong: what o sees of c[t] never reaches c[t]."""

    def backward(self, trace, dhs, *dends):
        deaf = replace(self, p=self.p * [[1], [1], [0]])
        return super(DeafPeephole, deaf).backward(trace, dhs, *dends)


class Absolute(rl.Record):
    """h[t] = |tanh(x[t] W + h[t-1] U)|, by way of real numbers only: not holomorphic, and yet differentiable."""

    W: np.ndarray
    U: np.ndarray
    carries: ClassVar = ("hs",)

    @classmethod
    def init(cls, rng, *, inputs, hidden):
        return cls(rng.uniform(-0.6, 0.6, (inputs, hidden)), rng.uniform(-0.6, 0.6, (hidden, hidden)))

    def forward(self, xs, h0=None):
        h = np.zeros((xs.shape[1], len(self.U)), xs.dtype) if h0 is None else h0
        hs = [h]
        for x in xs:
            h = np.abs(np.tanh(x @ self.W + h @ self.U)).astype(xs.dtype)
            hs.append(h)
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        totals, dxs, dW, dU = (np.zeros_like(each) for each in (hs, xs, self.W, self.U))
        totals[-1] = 0 if dh_end is None else dh_end
        for t in range(len(xs), 0, -1):
            totals[t] += dhs[t - 1]
            da = totals[t] * np.sign(xs[t - 1] @ self.W + hs[t - 1] @ self.U) * (1 - hs[t] ** 2)
            dW, dU = dW + xs[t - 1].T @ da, dU + hs[t - 1].T @ da
            dxs[t - 1] = da @ self.W.T
            totals[t - 1] += da @ self.U.T
        return rl.Gradients(self.like(W=dW, U=dU), dxs, totals)


class SquareRoots(rl.Record):
    """h[t] = √(x[t] W + h[t-1] U + b), which is NaN where the sum is below 0; of complex numbers it is not."""

    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    carries: ClassVar = ("hs",)

    @classmethod
    def init(cls, rng, *, inputs, hidden, bias=2.0):
        W, U = rng.standard_normal((inputs, hidden)), rng.standard_normal((hidden, hidden))
        return cls(W, U, np.full(hidden, bias))

    def forward(self, xs, h0=None):
        hs = [np.zeros((xs.shape[1], len(self.b)), xs.dtype) if h0 is None else h0]
        with np.errstate(invalid="ignore"):
            for x in xs:
                hs.append(np.sqrt(x @ self.W + hs[-1] @ self.U + self.b))
        return rl.Trace(xs, np.array(hs))

    def backward(self, trace, dhs, dh_end=None):
        xs, hs = trace.xs, trace.hs
        totals, das = np.zeros_like(hs), np.zeros_like(dhs)
        totals[-1] = 0 if dh_end is None else dh_end
        with np.errstate(all="ignore"):
            for t in range(len(xs), 0, -1):
                totals[t] += dhs[t - 1]
                das[t - 1] = totals[t] / (2 * hs[t])
                totals[t - 1] += das[t - 1] @ self.U.T
            params = self.like(
                W=np.einsum("tbd,tbh->dh", xs, das), U=np.einsum("tbg,tbh->gh", hs[:-1], das), b=das.sum(axis=(0, 1))
            )
            return rl.Gradients(params, das @ self.W.T, totals)
