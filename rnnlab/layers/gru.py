"""The gated recurrent unit, in the form that needs one recurrent product a step."""

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
class GRUTrace(Trace):
    """What `GRU.forward` leaves.

    Attributes:
        gates: (T, B, 3H), z, r, n of every step side by side, after their activations.
        ms: (T, B, H), m[t] = h[t-1] U_n + b'_n, which the reset gate lets through.
    """

    gates: Array
    ms: Array


@dataclass(frozen=True, eq=False, repr=False)
class GRU(Record):
    """A recurrent layer whose update gate z keeps the state, and whose reset gate r hides it from the candidate n.

    Forward, for t = 1 … T, the three blocks in the order z, r, n, and m the last block of h[t-1] U + b':

        a[t] = x[t] W + b                       s[t] = h[t-1] U + b'
        z, r = σ(a_z + s_z), σ(a_r + s_r)       n = tanh(a_n + r ⊙ m)
        h[t] = z ⊙ h[t-1] + (1 - z) ⊙ n

    Backward, for t = T … 1, where dh[t] starts as what arrives from above:

        da_z = dh[t] ⊙ (h[t-1] - n) ⊙ z (1 - z)
        da_n = dh[t] ⊙ (1 - z) ⊙ (1 - n²)       dm = da_n ⊙ r
        da_r = da_n ⊙ m ⊙ r (1 - r)             ds = [da_z, da_r, dm]
        dh[t-1] = dh[t-1] + dh[t] ⊙ z           ← multiplied by the update gate alone: z = 1 keeps the gradient
        dh[t-1] = dh[t-1] + ds[t] Uᵀ            ← this path vanishes as an RNN's does
        dU = Σ_t h[t-1]ᵀ ds[t]      db' = Σ_t ds[t]      dW = Σ_t x[t]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ

    The reset gate acts after the recurrent product, so that one product serves all three gates, as in cuDNN, PyTorch
    and Keras (reset_after=True), and in v1 of Cho et al. (2014). In their v3 it acts before:
    n = tanh(a_n + (r ⊙ h[t-1]) U_n). Their z is the z here: it keeps h[t-1].

    Attributes:
        W: input kernels side by side, (D, 3H).
        U: recurrent kernels side by side, (H, 3H).
        b: biases of the input, (3H,).
        bu: biases of the recurrence, b' above, (3H,); only the last block differs in effect from b.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together.

    Source: Cho et al. (2014), arXiv 1406.1078, §2.3; the reset gate as in its v1 and in cuDNN.
    """

    W: Array
    U: Array
    b: Array
    bu: Array
    carries: ClassVar[tuple[str, ...]] = ("hs",)

    def __post_init__(self) -> None:
        contract("U", self.U, "H G")
        H = len(self.U)
        wide = (3 * H, f"for H = {H}, three gates side by side")
        contract("U", self.U, "H G", G=wide)
        contract("W", self.W, "D G", dtype=self.U.dtype, G=wide)
        contract("b", self.b, "G", dtype=self.U.dtype, G=wide)
        contract("bu", self.bu, "G", dtype=self.U.dtype, G=wide)

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
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A layer of `hidden` units on `inputs` inputs.

        Every gate's kernels are drawn on their own, with fan_out = H and each recurrent block orthogonal by itself;
        Keras draws the three side by side as one matrix.

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        W = [initializers.get(kernel_initializer)(rng, (inputs, hidden), dtype) for _ in range(3)]
        U = [initializers.get(recurrent_initializer)(rng, (hidden, hidden), dtype) for _ in range(3)]
        b, bu = (initializers.get(bias_initializer)(rng, (3 * hidden,), dtype) for _ in range(2))
        return cls(np.concatenate(W, axis=1), np.concatenate(U, axis=1), b, bu)

    def forward(self, xs: Array, h0: Array | None = None) -> GRUTrace:
        """Run over xs (T, B, D) from h0 (B, H), zeros if not given.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D, H = len(self.W), len(self.U)
        contract("xs", xs, "T B D", dtype=self.W.dtype, D=(D, f"to match W {self.W.shape}"))
        hs = state_buffer("h0", xs, h0, H)
        gates = np.empty((*xs.shape[:2], 3 * H), xs.dtype)
        ms = np.empty((*xs.shape[:2], H), xs.dtype)
        project(xs, self.W, self.b, out=gates)  # 1. project: every step and every gate at once
        for a, m, (h_prev, h) in zip(gates, ms, pairwise(hs), strict=True):  # 2. recur
            s = h_prev @ self.U + self.bu
            m[:] = s[:, 2 * H :]
            zr, n = a[:, : 2 * H], a[:, 2 * H :]
            zr += s[:, : 2 * H]
            SIGMOID.apply(zr)
            z, r = zr[:, :H], zr[:, H:]
            n += r * m
            TANH.apply(n)
            np.multiply(z, h_prev, out=h)
            h += (1 - z) * n
        return GRUTrace(xs, hs, gates, ms)

    def backward(self, trace: GRUTrace, dhs: Array, dh_end: Array | None = None) -> Gradients[Self]:
        """The gradients of a loss L, given dhs (T, B, H): dL/dh[t] as it arrives from above at steps 1 … T.

        `dh_end` (B, H) is what a later chunk of the same sequence sends back to h[T]; nothing if not given.

        Raises:
            ValueError, TypeError: dhs or dh_end does not fit the trace.
        """
        xs, hs = trace.xs, trace.hs
        dhs = gradient_buffer(hs, dhs, dh_end)
        dss = np.empty_like(trace.gates)
        # What multiplies dh[t] in the equations is known before going back: every step at once.
        T, B, H = hs[1:].shape
        z, r, n = np.moveaxis(trace.gates.reshape(T, B, 3, H), 2, 0)
        ds_z, ds_r, dm = np.moveaxis(dss.reshape(T, B, 3, H), 2, 0)
        through_n = (1 - z) * TANH.slope(n)
        np.multiply(SIGMOID.slope(z), hs[:-1] - n, out=ds_z)
        np.multiply(through_n, r, out=dm)
        np.multiply(SIGMOID.slope(r), trace.ms * through_n, out=ds_r)
        # Copied once: BLAS multiplies by a matrix up to twice as fast as by the transpose of one.
        U_T = np.ascontiguousarray(self.U.T)
        for t in range(T, 0, -1):  # 2. recur, backwards
            ds = dss[t - 1].reshape(B, 3, H)
            ds *= dhs[t][:, None]
            dhs[t - 1] += dhs[t] * z[t - 1]  # ← the line where the gradient is kept: by z alone, unit by unit
            dhs[t - 1] += dss[t - 1] @ U_T  # ← the line where it vanishes, as in an RNN
        das = dss.copy()
        np.multiply(dhs[1:], through_n, out=das[:, :, 2 * H :])  # da_n; the other two blocks are those of ds
        dU = flat(hs[:-1]).T @ flat(dss)  # 3. collect: every step at once
        dbu = flat(dss).sum(axis=0)
        dW, db, dxs = project_back(xs, self.W, das)
        return Gradients(self.like(W=dW, U=dU, b=db, bu=dbu), dxs, dhs)
