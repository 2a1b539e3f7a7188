"""The long short-term memory: a cell that adds instead of multiplying, so that its gradient can pass unchanged."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import initializers
from rnnlab.activations import Sigmoid, Tanh
from rnnlab.affine import flat, project, project_back
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import Gradients, Trace, gradient_buffer, state_buffer

SIGMOID, TANH = Sigmoid(), Tanh()


@dataclass(frozen=True, eq=False, repr=False)
class LSTMTrace(Trace):
    """What `LSTM.forward` leaves.

    Attributes:
        cs: (T+1, B, H), every cell state; cs[0] is c0.
        gates: (T, B, 4H), i, f, g, o of every step side by side, after their activations.
    """

    cs: Array
    gates: Array

    @property
    def states(self) -> dict[str, Array]:
        return {"hs": self.hs, "cs": self.cs}


@dataclass(frozen=True, eq=False, repr=False)
class LSTMGradients(Gradients["LSTM"]):
    """What `LSTM.backward` returns.

    The state between two steps is the pair (h[t], c[t]): hs[t] and cs[t] are the total derivatives by either, the
    other held. That c[t] has made h[t] belongs to step t, before the pair is formed.

    Attributes:
        cs: dL/dc[t], (T+1, B, H).
    """

    cs: Array

    @property
    def states(self) -> dict[str, Array]:
        return {"hs": self.hs, "cs": self.cs}

    @property
    def c0(self) -> Array:
        """dL/dc0, (B, H)."""
        c0: Array = self.cs[0]
        return c0


@dataclass(frozen=True, eq=False, repr=False)
class LSTM(Record):
    """A recurrent layer whose cell c is kept, added to and read through three gates.

    Forward, for t = 1 … T, the four blocks of a[t] in the order i, f, g, o:

        a[t] = x[t] W + h[t-1] U + b
        i, f, o = σ(a_i), σ(a_f), σ(a_o)        g = tanh(a_g)
        c[t] = f ⊙ c[t-1] + i ⊙ g
        h[t] = o ⊙ tanh(c[t])

    Backward, for t = T … 1, where dh[t] starts as what arrives from above and dc[t] as 0:

        dc = dc[t] + dh[t] ⊙ o ⊙ (1 - tanh²(c[t]))
        da_i = dc ⊙ g ⊙ i (1 - i)               da_f = dc ⊙ c[t-1] ⊙ f (1 - f)
        da_g = dc ⊙ i ⊙ (1 - g²)                da_o = dh[t] ⊙ tanh(c[t]) ⊙ o (1 - o)
        dc[t-1] = dc[t-1] + dc ⊙ f              ← multiplied by the forget gate alone: f = 1 keeps the gradient
        dh[t-1] = dh[t-1] + da[t] Uᵀ            ← this path vanishes as an RNN's does
        dU = Σ_t h[t-1]ᵀ da[t]      dW = Σ_t x[t]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ

    Attributes:
        W: input kernels side by side, (D, 4H).
        U: recurrent kernels side by side, (H, 4H).
        b: biases, (4H,).

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together.

    Source: Hochreiter, Schmidhuber (1997); the forget gate is Gers, Schmidhuber, Cummins (2000). No peepholes.
    """

    W: Array
    U: Array
    b: Array
    carries: ClassVar[tuple[str, ...]] = ("hs", "cs")

    def __post_init__(self) -> None:
        contract("U", self.U, "H G")
        H = len(self.U)
        wide = (4 * H, f"for H = {H}, four gates side by side")
        contract("U", self.U, "H G", G=wide)
        contract("W", self.W, "D G", dtype=self.U.dtype, G=wide)
        contract("b", self.b, "G", dtype=self.U.dtype, G=wide)

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        inputs: int,
        hidden: int,
        kernel_initializer: str | Initializer = "glorot_uniform",
        recurrent_initializer: str | Initializer = "orthogonal",
        bias_initializer: str | Initializer = "zeros",
        forget_bias: float = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A layer of `hidden` cells on `inputs` inputs; `forget_bias` is added to the forget gate's bias.

        Every gate's kernels are drawn on their own, with fan_out = H and each recurrent block orthogonal by itself.
        (Keras draws the four side by side as one matrix: its glorot sees fan_out = 4H, and only the rows of its
        orthogonal (H, 4H) are orthonormal.) A forget bias of 1 is Jozefowicz, Zaremba, Sutskever (2015).

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        W = [initializers.get(kernel_initializer)(rng, (inputs, hidden), dtype) for _ in range(4)]
        U = [initializers.get(recurrent_initializer)(rng, (hidden, hidden), dtype) for _ in range(4)]
        b = [initializers.get(bias_initializer)(rng, (hidden,), dtype) for _ in range(4)]
        b[1] += forget_bias
        return cls(np.concatenate(W, axis=1), np.concatenate(U, axis=1), np.concatenate(b))

    def forward(self, xs: Array, h0: Array | None = None, c0: Array | None = None) -> LSTMTrace:
        """Run over xs (T, B, D) from h0 and c0 (B, H), zeros if not given.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D, H = len(self.W), len(self.U)
        contract("xs", xs, "T B D", dtype=self.W.dtype, D=(D, f"to match W {self.W.shape}"))
        hs, cs = state_buffer("h0", xs, h0, H), state_buffer("c0", xs, c0, H)
        gates = np.empty((*xs.shape[:2], 4 * H), xs.dtype)
        project(xs, self.W, self.b, out=gates)  # 1. project: every step and every gate at once
        steps = zip(gates, pairwise(hs), pairwise(cs), strict=True)
        for a, (h_prev, h), (c_prev, c) in steps:  # 2. recur
            a += h_prev @ self.U
            SIGMOID.apply(a[:, : 2 * H])
            TANH.apply(a[:, 2 * H : 3 * H])
            SIGMOID.apply(a[:, 3 * H :])
            i, f, g, o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
            np.multiply(f, c_prev, out=c)
            c += i * g
            np.tanh(c, out=h)
            h *= o
        return LSTMTrace(xs, hs, cs, gates)

    def backward(
        self, trace: LSTMTrace, dhs: Array, dh_end: Array | None = None, dc_end: Array | None = None
    ) -> LSTMGradients:
        """The gradients of a loss L, given dhs (T, B, H): dL/dh[t] as it arrives from above at steps 1 … T.

        `dh_end` and `dc_end` (B, H) are what a later chunk of the same sequence sends back to h[T] and c[T]; nothing if
        not given.

        Raises:
            ValueError, TypeError: dhs, dh_end or dc_end does not fit the trace.
        """
        xs, hs, cs = trace.xs, trace.hs, trace.cs
        dhs = gradient_buffer(hs, dhs, dh_end)
        dcs = gradient_buffer(cs, None, dc_end, "dc")
        das = np.empty_like(trace.gates)
        # What multiplies dc and dh[t] in the equations is known before going back: every step at once.
        T, B, H = cs[1:].shape
        i, f, g, o = np.moveaxis(trace.gates.reshape(T, B, 4, H), 2, 0)
        da_i, da_f, da_g, da_o = np.moveaxis(das.reshape(T, B, 4, H), 2, 0)
        tanh_cs = np.tanh(cs[1:])
        SIGMOID.slope(i, out=da_i)
        SIGMOID.slope(f, out=da_f)
        TANH.slope(g, out=da_g)
        SIGMOID.slope(o, out=da_o)
        da_i *= g
        da_f *= cs[:-1]
        da_g *= i
        da_o *= tanh_cs
        through_h = TANH.slope(tanh_cs, out=tanh_cs)
        through_h *= o
        # Copied once: BLAS multiplies by a matrix up to twice as fast as by the transpose of one.
        U_T = np.ascontiguousarray(self.U.T)
        for t in range(T, 0, -1):  # 2. recur, backwards
            dc = dcs[t] + dhs[t] * through_h[t - 1]
            da = das[t - 1].reshape(B, 4, H)
            da[:, :3] *= dc[:, None]  # da_i, da_f, da_g
            da[:, 3] *= dhs[t]  # da_o
            dcs[t - 1] += dc * f[t - 1]  # ← the line where the gradient is kept: by f alone, cell by cell
            dhs[t - 1] += das[t - 1] @ U_T  # ← the line where it vanishes, as in an RNN
        dU = flat(hs[:-1]).T @ flat(das)  # 3. collect: every step at once
        dW, db, dxs = project_back(xs, self.W, das)
        return LSTMGradients(self.like(W=dW, U=dU, b=db), dxs, dhs, dcs)
