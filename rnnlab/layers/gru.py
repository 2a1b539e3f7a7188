"""The gated recurrent unit, in the form that needs one recurrent product a step."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import initializers
from rnnlab.activations import Sigmoid, Tanh
from rnnlab.affine import block_buffers, blocks, by_gate, collect, flat, projected
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
        T, B, _ = xs.shape
        gates, ms = np.empty((T, 3, B, H), xs.dtype), np.empty((T, B, H), xs.dtype)
        W, U, b = negated(self.W), negated(self.U), negated(self.b + self.bu)
        b_n, bu_n = self.b[2 * H :], self.bu[2 * H :]
        b[2 * H :] = b_n  # what r multiplies has its own bias, the others share theirs
        s, new = np.empty((B, 3 * H), xs.dtype), np.empty((B, H), xs.dtype)
        s_by_gate = by_gate(s, 3)
        steps = zip(projected(xs, W, b), gates, ms, pairwise(hs), strict=True)  # 1. project, in blocks
        for xW, a, m, (h_prev, h) in steps:  # 2. recur
            np.matmul(h_prev, U, out=s)
            np.add(s_by_gate[2], bu_n, out=m)
            a_by_gate = by_gate(xW, 3)
            np.add(a_by_gate[:2], s_by_gate[:2], out=a[:2])
            z, r, n = a
            SIGMOID.apply_to_negated(a[:2])  # z, r
            np.multiply(r, m, out=n)
            n += a_by_gate[2]
            TANH.apply(n)
            np.subtract(1, z, out=new)
            new *= n
            np.multiply(z, h_prev, out=h)
            h += new
        return GRUTrace(xs, hs, gates, ms)

    def backward(self, trace: GRUTrace, dhs: Array, dh_end: Array | None = None) -> Gradients[Self]:
        """The gradients of a loss L, given dhs (T, B, H): dL/dh[t] as it arrives from above at steps 1 … T.

        `dh_end` (B, H) is what a later chunk of the same sequence sends back to h[T]; nothing if not given.

        Raises:
            ValueError, TypeError: dhs or dh_end does not fit the trace.
        """
        xs, hs = trace.xs, trace.hs
        dhs, above = gradient_buffer(hs, dhs, dh_end)
        dW, dU, db, dbu = map(np.zeros_like, (self.W, self.U, self.b, self.bu))
        dxs = np.empty_like(xs, order="C")
        U_T = np.ascontiguousarray(self.U.T)  # BLAS multiplies by a matrix up to twice as fast as by a transposed one
        carried = np.empty_like(hs[0])
        B, H = carried.shape
        buffers = block_buffers(xs, (B, 3 * H), (3, B, H), (B, H), (B, H))
        for block in reversed(blocks(xs)):
            dss, to, through_n, slope = (buffer[: block.stop - block.start] for buffer in buffers)
            ds, (to_z, to_r, to_m) = by_gate(dss, 3), to.swapaxes(0, 1)
            h_prev, m = hs[:-1][block], trace.ms[block]
            z, r, n = trace.gates[block].swapaxes(0, 1)
            # What multiplies dh[t] in the equations is known before going back: every step at once.
            np.multiply(np.subtract(h_prev, n, out=to_z), SIGMOID.slope(z, out=slope), out=to_z)
            np.multiply(np.subtract(1, z, out=through_n), TANH.slope(n, out=slope), out=through_n)
            np.multiply(through_n, r, out=to_m)
            np.multiply(np.multiply(through_n, m, out=to_r), SIGMOID.slope(r, out=slope), out=to_r)
            for k in reversed(range(len(dss))):  # 2. recur, backwards
                t = block.start + k + 1
                np.multiply(dhs[t], to[k], out=ds[k])  # da_z, da_r, dm
                np.multiply(dhs[t], z[k], out=dhs[t - 1])  # ← the gradient is kept here: by z alone, unit by unit
                np.matmul(dss[k], U_T, out=carried)  # ← and vanishes here, as in an RNN
                carried += above[t - 1]
                dhs[t - 1] += carried
            dU += flat(h_prev).T @ flat(dss)  # 3. collect
            dbu += flat(dss).sum(axis=0)
            np.multiply(dhs[1:][block], through_n, out=ds[:, 2])  # da_n takes the place of dm, and ds is da
            collect(xs[block], self.W, dss, dW, db, dxs[block])
        return Gradients(self.like(W=dW, U=dU, b=db, bu=dbu), dxs, dhs)


def negated(kernels: Array) -> Array:
    """The blocks z, r, n; the first two give -a, which σ(a) = 1 / (1 + exp(-a)) is made of.

    Once for all steps, where a would be negated at each.
    """
    z, r, n = np.split(kernels, 3, axis=-1)
    return np.concatenate([-z, -r, n], axis=-1)
