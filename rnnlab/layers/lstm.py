"""The long short-term memory: a cell that adds instead of multiplying, so that its gradient can pass unchanged."""

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
class LSTMTrace(Trace):
    """What `LSTM.forward` leaves.

    Attributes:
        cs: (T+1, B, H), every cell state; cs[0] is c0.
        gates: (T, 4, B, H), i, f, o, g of every step, after their activations: not in W's order i, f, g, o, but the
            three sigmoids side by side, so that one call serves them all.
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

        dc = dc[t] + dh[t] ⊙ (o - h[t] ⊙ tanh(c[t]))       that is o (1 - tanh²(c[t])), as h = o tanh(c)
        dc[t-1] = dc[t-1] + dc ⊙ f              ← multiplied by the forget gate alone: f = 1 keeps the gradient
        da_i = dc ⊙ i ⊙ g (1 - i)               da_f = dc ⊙ f ⊙ c[t-1] (1 - f)
        da_g = dc ⊙ i ⊙ (1 - g²)                da_o = dh[t] ⊙ h[t] (1 - o)
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
        gates, tanh_cs = np.empty((4, *hs[1:].shape), xs.dtype), np.empty_like(hs[1:])
        W, U, b = negated(self.W), negated(self.U), negated(self.b)
        hU, ig = np.empty_like(gates[:, 0]), np.empty_like(hs[0])
        # 1. project, in blocks
        steps = zip(projected(xs, W, b, out=gates), pairwise(hs), pairwise(cs), tanh_cs, strict=True)
        for a, (h_prev, h), (c_prev, c), tanh_c in steps:  # 2. recur
            np.matmul(h_prev, U, out=hU)
            a += hU
            i, f, o, g = a
            SIGMOID.apply_to_negated(a[:3])  # i, f, o
            TANH.apply(g)
            np.multiply(f, c_prev, out=c)
            c += np.multiply(i, g, out=ig)
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)
        return LSTMTrace(xs, hs, cs, gates.swapaxes(0, 1), tanh_cs)

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
        dU, dW_b = np.zeros_like(self.U), np.zeros((len(self.W) + 1, len(self.b)), xs.dtype)
        dxs = np.empty_like(xs, order="C")
        U_T, W_T = map(np.ascontiguousarray, (self.U.T, self.W.T))  # BLAS is up to twice as fast without a transpose
        carried, dc, slope = np.empty((3, *hs[0].shape), xs.dtype)
        for block, das in backwards(xs, width=len(self.b)):
            for t, da in zip(range(block.stop, block.start, -1), reversed(das), strict=True):  # 2. recur, backwards
                h, dh, tanh_c, (i, f, o, g) = hs[t], dhs[t], trace.tanh_cs[t - 1], trace.gates[t - 1]
                da_i, da_f, da_g, da_o = by_gate(da, 4)
                np.subtract(o, np.multiply(h, tanh_c, out=dc), out=dc)
                dc *= dh
                dc += dcs[t]
                np.multiply(dc, f, out=dcs[t - 1])  # ← the gradient is kept here: by f alone, cell by cell
                dc *= i
                np.multiply(dc, complement(i, g, out=slope), out=da_i)
                np.multiply(dcs[t - 1], complement(f, cs[t - 1], out=slope), out=da_f)
                np.multiply(dc, TANH.slope(g, out=slope), out=da_g)
                np.multiply(dh, complement(o, h, out=slope), out=da_o)
                np.matmul(da, U_T, out=carried)  # ← and vanishes here, as in an RNN
                np.add(above[t - 1], carried, out=dhs[t - 1])
            dU += flat(hs[:-1][block]).T @ flat(das)  # 3. collect
            collect(xs[block], W_T, das, dW_b, dxs[block])
        return LSTMGradients(self.like(W=dW_b[:-1], U=dU, b=dW_b[-1]), dxs, dhs, dcs)


def negated(kernels: Array) -> Array:
    """The blocks i, f, o, g one after another, (D, 4H) to (4, D, H), the first three negated: σ(a) = 1 / (1 + exp(-a)).

    Once for all steps, where a would be negated at each.
    """
    i, f, g, o = np.split(kernels, 4, axis=-1)
    return np.stack([-i, -f, -o, g])
