"""The long short-term memory: a cell that adds instead of multiplying, so that its gradient can pass unchanged."""

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
class LSTMTrace(Trace):
    """What `LSTM.forward` leaves.

    Attributes:
        cs: (T+1, B, H), every cell state; cs[0] is c0.
        gates: (T, 4, B, H), i, f, o, g of every step, after their activations.
        tanh_cs: (T, B, H), tanh(c[t]).
    """

    cs: Array
    gates: Array
    tanh_cs: Array

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

        Every gate's kernels are drawn separately, with fan_out = H, and each recurrent block is orthogonal.
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
        T, B, _ = xs.shape
        gates, tanh_cs = np.empty((T, 4, B, H), xs.dtype), np.empty((T, B, H), xs.dtype)
        W, U, b = negated(self.W), negated(self.U), negated(self.b)
        s, ig = np.empty((B, 4 * H), xs.dtype), np.empty((B, H), xs.dtype)
        s_by_gate = by_gate(s, 4)
        # 1. project, in blocks
        steps = zip(projected(xs, W, b), gates, pairwise(hs), pairwise(cs), tanh_cs, strict=True)
        for xW, a, (h_prev, h), (c_prev, c), tanh_c in steps:  # 2. recur
            np.matmul(h_prev, U, out=s)
            np.add(by_gate(xW, 4), s_by_gate, out=a)
            i, f, o, g = a
            SIGMOID.apply_to_negated(a[:3])  # i, f, o
            TANH.apply(g)
            np.multiply(f, c_prev, out=c)
            c += np.multiply(i, g, out=ig)
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)
        return LSTMTrace(xs, hs, cs, gates, tanh_cs)

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
        dhs, above = gradient_buffer(hs, dhs, dh_end)
        dcs, _ = gradient_buffer(cs, None, dc_end, "dc")
        dW, dU, db = map(np.zeros_like, (self.W, self.U, self.b))
        dxs = np.empty_like(xs, order="C")
        U_T = np.ascontiguousarray(self.U.T)  # BLAS multiplies by a matrix up to twice as fast as by a transposed one
        carried, dc = np.empty_like(hs[0]), np.empty_like(cs[0])
        B, H = carried.shape
        buffers = block_buffers(xs, (B, 4 * H), (4, B, H), (B, H), (B, H))
        for block in reversed(blocks(xs)):
            das, to, through_h, slope = (buffer[: block.stop - block.start] for buffer in buffers)
            da, (to_i, to_f, to_g, to_o) = by_gate(das, 4), to.swapaxes(0, 1)
            h_prev, c_prev, tanh_c = hs[:-1][block], cs[:-1][block], trace.tanh_cs[block]
            i, f, o, g = trace.gates[block].swapaxes(0, 1)
            # What multiplies dc and dh[t] in the equations is known before going back: every step at once.
            np.multiply(o, TANH.slope(tanh_c, out=slope), out=through_h)
            np.multiply(g, SIGMOID.slope(i, out=slope), out=to_i)
            np.multiply(c_prev, SIGMOID.slope(f, out=slope), out=to_f)
            np.multiply(i, TANH.slope(g, out=slope), out=to_g)
            np.multiply(tanh_c, SIGMOID.slope(o, out=slope), out=to_o)
            for k in reversed(range(len(das))):  # 2. recur, backwards
                t = block.start + k + 1
                np.multiply(dhs[t], through_h[k], out=dc)
                dc += dcs[t]
                np.multiply(dc, to[k, :3], out=da[k, :3])  # da_i, da_f, da_g
                np.multiply(dhs[t], to[k, 3], out=da[k, 3])  # da_o
                np.multiply(dc, f[k], out=dcs[t - 1])  # ← the gradient is kept here: by f alone, cell by cell
                np.matmul(das[k], U_T, out=carried)  # ← and vanishes here, as in an RNN
                np.add(above[t - 1], carried, out=dhs[t - 1])
            dU += flat(h_prev).T @ flat(das)  # 3. collect
            collect(xs[block], self.W, das, dW, db, dxs[block])
        return LSTMGradients(self.like(W=dW, U=dU, b=db), dxs, dhs, dcs)


def negated(kernels: Array) -> Array:
    """The blocks in the order i, f, o, g; the first three give -a, which σ(a) = 1 / (1 + exp(-a)) is made of.

    Once for all steps, where a would be negated at each.
    """
    i, f, g, o = np.split(kernels, 4, axis=-1)
    return np.concatenate([-i, -f, -o, g], axis=-1)
