"""The gated recurrent unit, in the form that needs one recurrent product a step."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import initializers
from rnnlab.activations import Sigmoid, Tanh, complement
from rnnlab.affine import backwards, by_gate, collect, flat, projected
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import Gradients, Trace, gradient_buffer, state_buffer

SIGMOID, TANH = Sigmoid(), Tanh()


@dataclass(frozen=True, eq=False, repr=False)
class GRUTrace(Trace):
    """What `GRU.forward` leaves.

    Attributes:
        gates: (T, 3, B, H), z, r, n of every step, after their activations.
        rms: (T, B, H), r ⊙ m: of m[t] = h[t-1] U_n + b'_n what the reset gate lets through.
    """

    gates: Array
    rms: Array


@dataclass(frozen=True, eq=False, repr=False)
class GRU(Record):
    """A recurrent layer whose update gate z keeps the state, and whose reset gate r hides it from the candidate n.

    Forward, for t = 1 … T, the three blocks in the order z, r, n, and m the last block of h[t-1] U + b':

        a[t] = x[t] W + b                       s[t] = h[t-1] U + b'
        z, r = σ(a_z + s_z), σ(a_r + s_r)       n = tanh(a_n + r ⊙ m)
        h[t] = z ⊙ h[t-1] + (1 - z) ⊙ n

    Backward, for t = T … 1, where dh[t] starts as what arrives from above:

        dn   = dh[t] ⊙ (1 - z)
        da_z = dn ⊙ z ⊙ (h[t-1] - n)            da_n = dn ⊙ (1 - n²)
        da_r = da_n ⊙ r ⊙ m (1 - r)             dm = da_n ⊙ r             ds = [da_z, da_r, dm]
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

        Every gate's kernels are drawn separately, with fan_out = H, and each recurrent block is orthogonal;
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
        gates, rms = np.empty((3, *hs[1:].shape), xs.dtype), np.empty_like(hs[1:])
        W, U, b = negated(self.W), negated(self.U), negated(self.b + self.bu)
        b[2], bu_n = self.b[2 * H :], self.bu[2 * H :]  # what r multiplies has its own bias, the others share theirs
        s, zh = np.empty_like(gates[:, 0]), np.empty_like(hs[0])
        steps = zip(projected(xs, W, b, out=gates), rms, pairwise(hs), strict=True)  # 1. project, in blocks
        for a, rm, (h_prev, h) in steps:  # 2. recur
            np.matmul(h_prev, U, out=s)
            a[:2] += s[:2]
            SIGMOID.apply_to_negated(a[:2])  # z, r
            z, r, n = a
            m = np.add(s[2], bu_n, out=s[2])
            n += np.multiply(r, m, out=rm)
            TANH.apply(n)
            complement(z, n, out=h)
            h += np.multiply(z, h_prev, out=zh)
        return GRUTrace(xs, hs, gates.swapaxes(0, 1), rms)

    def backward(self, trace: GRUTrace, dhs: Array, dh_end: Array | None = None) -> Gradients[Self]:
        """The gradients of a loss L, given dhs (T, B, H): dL/dh[t] as it arrives from above at steps 1 … T.

        `dh_end` (B, H) is what a later chunk of the same sequence sends back to h[T]; nothing if not given.

        Raises:
            ValueError, TypeError: dhs or dh_end does not fit the trace.
        """
        xs, hs = trace.xs, trace.hs
        dhs, above = gradient_buffer(hs, dhs, dh_end)
        H = len(self.U)
        dU, dbu_n = np.zeros_like(self.U), np.zeros(H, xs.dtype)
        dW_b = np.zeros((len(self.W) + 1, 3 * H), xs.dtype)
        dxs = np.empty_like(xs, order="C")
        # da[t] and ds[t] differ in one block: side by side dm, da_z, da_r, da_n, the first three are ds, the last da.
        U_T = np.ascontiguousarray(np.roll(self.U, H, axis=1).T)  # BLAS is up to twice as fast without a transpose
        W_T = np.ascontiguousarray(self.W.T)
        carried, dn, slope = np.empty((3, *hs[0].shape), xs.dtype)
        for block, all_das in backwards(xs, width=4 * H):
            dss, das = all_das[..., : 3 * H], all_das[..., H:]
            for t, da in zip(range(block.stop, block.start, -1), reversed(all_das), strict=True):  # 2. recur, backwards
                h_prev, dh, rm, (z, r, n) = hs[t - 1], dhs[t], trace.rms[t - 1], trace.gates[t - 1]
                dm, da_z, da_r, da_n = by_gate(da, 4)
                complement(z, dh, out=dn)
                np.subtract(h_prev, n, out=slope)
                slope *= z
                np.multiply(dn, slope, out=da_z)
                dn *= TANH.slope(n, out=slope)
                np.copyto(da_n, dn)
                np.multiply(dn, complement(r, rm, out=slope), out=da_r)
                np.multiply(dn, r, out=dm)
                np.multiply(dh, z, out=dhs[t - 1])  # ← the gradient is kept here: by z alone, unit by unit
                np.matmul(da[:, : 3 * H], U_T, out=carried)  # ← and vanishes here, as in an RNN
                carried += above[t - 1]
                dhs[t - 1] += carried
            dU += flat(hs[:-1][block]).T @ flat(dss)  # 3. collect
            dbu_n += flat(dss[..., :H]).sum(axis=0)
            collect(xs[block], W_T, das, dW_b, dxs[block])
        dW, db = dW_b[:-1], dW_b[-1]
        dbu = np.concatenate([db[: 2 * H], dbu_n])
        return Gradients(self.like(W=dW, U=np.roll(dU, -H, axis=1), b=db, bu=dbu), dxs, dhs)


def negated(kernels: Array) -> Array:
    """The blocks z, r, n one after another, (D, 3H) to (3, D, H), the first two negated: σ(a) = 1 / (1 + exp(-a)).

    Once for all steps, where a would be negated at each.
    """
    z, r, n = np.split(kernels, 3, axis=-1)
    return np.stack([-z, -r, n])
