"""The simple recurrent net (Elman 1990) and its backpropagation through time, with the IRNN as one way to start it."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import activations, initializers
from rnnlab.activations import Activation, ReLU
from rnnlab.affine import backwards, collect, flat, projected
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import Gradients, Trace, gradient_buffer, state_buffer


@dataclass(frozen=True, eq=False, repr=False)
class RNN(Record):
    """A recurrent layer in which one matrix U carries the state from step to step.

    Forward, for t = 1 … T:

        a[t] = x[t] W + h[t-1] U + b
        h[t] = φ(a[t])

    Backward, for t = T … 1, where dh[t] starts as what arrives from above:

        da[t]   = dh[t] ⊙ φ'(a[t])             ← ① a slope and
        dh[t-1] = dh[t-1] + da[t] Uᵀ           ← ② Uᵀ: by this pair, T times, the gradient vanishes or explodes
        dU = Σ_t h[t-1]ᵀ da[t]      dW = Σ_t x[t]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ

    From T back to 0 the gradient is multiplied T times by diag(φ'(a[t])) Uᵀ, always the same U.

    Attributes:
        W: input kernel, (D, H).
        U: recurrent kernel, (H, H).
        b: bias, (H,).
        activation: φ, a name or an Activation; it becomes an Activation.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together, or the activation is unknown.

    Source: Elman (1990), Finding Structure in Time; the backward is Werbos (1990), Backpropagation Through Time.
    """

    W: Array
    U: Array
    b: Array
    activation: Activation = activations.Tanh()  # noqa: RUF009 - it is frozen and holds nothing
    carries: ClassVar[tuple[str, ...]] = ("hs",)

    def __post_init__(self) -> None:
        contract("W", self.W, "D H")
        H = (self.W.shape[1], f"to match W {self.W.shape}")
        contract("U", self.U, "H H", dtype=self.W.dtype, H=H)
        contract("b", self.b, "H", dtype=self.W.dtype, H=H)
        object.__setattr__(self, "activation", activations.get(self.activation))

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        inputs: int,
        hidden: int,
        activation: str | Activation = "tanh",
        kernel_initializer: str | Initializer = "glorot_uniform",
        recurrent_initializer: str | Initializer = "orthogonal",
        bias_initializer: str | Initializer = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A layer of `hidden` units on `inputs` inputs; the defaults are those of Keras's SimpleRNN.

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        W = initializers.get(kernel_initializer)(rng, (inputs, hidden), dtype)
        U = initializers.get(recurrent_initializer)(rng, (hidden, hidden), dtype)
        b = initializers.get(bias_initializer)(rng, (hidden,), dtype)
        return cls(W, U, b, activations.get(activation))

    @classmethod
    def irnn(
        cls,
        rng: np.random.Generator,
        *,
        inputs: int,
        hidden: int,
        scale: float = 1.0,
        kernel_stddev: float = 0.001,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """The IRNN: ReLU, U = scale · I, b = 0, W ~ N(0, kernel_stddev²).

        Without input the state stays as it is and the gradient flows back unchanged; with scale α < 1 both decay as
        α^k over k steps. Source: Le, Jaitly, Hinton (2015), arXiv 1504.00941.
        """
        return cls.init(
            rng,
            inputs=inputs,
            hidden=hidden,
            activation=ReLU(),
            kernel_initializer=initializers.get("random_normal", stddev=kernel_stddev),
            recurrent_initializer=initializers.get("identity", gain=scale),
            dtype=dtype,
        )

    def forward(self, xs: Array, h0: Array | None = None) -> Trace:
        """Run over xs (T, B, D) from h0 (B, H), zeros if not given; `.hs` (T+1, B, H) holds every state.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D, H = self.W.shape
        contract("xs", xs, "T B D", dtype=self.W.dtype, D=(D, f"to match W {self.W.shape}"))
        hs = state_buffer("h0", xs, h0, H)
        hU = np.empty_like(hs[0])
        for h_prev, h in zip(hs[:-1], projected(xs, self.W, self.b, out=hs[1:]), strict=True):  # 1. project, in blocks
            h += np.matmul(h_prev, self.U, out=hU)  # 2. recur
            self.activation.apply(h)
        return Trace(xs, hs)

    def backward(self, trace: Trace, dhs: Array, dh_end: Array | None = None) -> Gradients[Self]:
        """The gradients of a loss L, given dhs (T, B, H): dL/dh[t] as it arrives from above at steps 1 … T.

        `dh_end` (B, H) is what a later chunk of the same sequence sends back to h[T]; nothing if not given.

        Raises:
            ValueError, TypeError: dhs or dh_end does not fit the trace.
        """
        xs, hs = trace.xs, trace.hs
        dhs, above = gradient_buffer(hs, dhs, dh_end)
        dU, dW_b = np.zeros_like(self.U), np.zeros((len(self.W) + 1, len(self.b)), xs.dtype)
        dxs = np.empty_like(xs, order="C")
        U_T, W_T = map(np.ascontiguousarray, (self.U.T, self.W.T))  # BLAS is up to twice as fast without a transpose
        carried = np.empty_like(hs[0])
        for block, das in backwards(xs, width=len(self.b)):
            self.activation.slope(hs[1:][block], out=das)  # ← ① a slope, at every step of the block, and
            for t, da in zip(range(block.stop, block.start, -1), reversed(das), strict=True):  # 2. recur, backwards
                da *= dhs[t]
                np.matmul(da, U_T, out=carried)  # ← ② the same Uᵀ: by this pair, T times, the gradient vanishes
                np.add(above[t - 1], carried, out=dhs[t - 1])
            dU += flat(hs[:-1][block]).T @ flat(das)  # 3. collect
            collect(xs[block], W_T, das, dW_b, dxs[block])
        return Gradients(self.like(W=dW_b[:-1], U=dU, b=dW_b[-1]), dxs, dhs)
