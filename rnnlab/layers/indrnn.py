"""The independently recurrent net: each neuron keeps its own state with its own weight, so its gradient is a power."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import activations, initializers
from rnnlab.activations import Activation
from rnnlab.affine import backwards, collect, flat, projected
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, Gradients, Trace, gradient_buffer, rebuilt, state_buffer


@dataclass(frozen=True, eq=False, repr=False)
class IndRNN(Record):
    """A recurrent layer in which neuron n sees only its own past, through the single weight u[n].

    Forward, for t = 1 … T:

        a[t] = x[t] W + u ⊙ h[t-1] + b
        h[t] = φ(a[t])

    Backward, for t = T … 1, where dh[t] starts as what arrives from above:

        da[t]   = dh[t] ⊙ φ'(a[t])
        dh[t-1] = dh[t-1] + u ⊙ da[t]          ← each neuron's gradient is multiplied by its own u[n]
        du = Σ_t h[t-1] ⊙ da[t]     dW = Σ_t x[t]ᵀ da[t]      db = Σ_t da[t]      dx[t] = da[t] Wᵀ

    With ReLU, on a path that stays active, the gradient over T steps is exactly u[n]^T: |u| in [ε^(1/T), γ^(1/T)]
    keeps it in [ε, γ]. The recurrence costs H products a step where an RNN's costs H².

    Attributes:
        W: input kernel, (D, H).
        u: recurrent weights, (H,).
        b: bias, (H,).
        activation: φ, a name or an Activation; it becomes an Activation.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together, or the activation is unknown.

    Source: Li, Li, Cook, Zhu, Gao (2018), arXiv 1803.04831, §3.
    """

    W: Array
    u: Array
    b: Array
    activation: Activation = activations.ReLU()  # noqa: RUF009 - it is frozen and holds nothing
    carries: ClassVar[tuple[str, ...]] = ("hs",)

    def __post_init__(self) -> None:
        contract("W", self.W, "D H")
        H = (self.W.shape[1], f"to match W {self.W.shape}")
        contract("u", self.u, "H", dtype=self.W.dtype, H=H)
        contract("b", self.b, "H", dtype=self.W.dtype, H=H)
        object.__setattr__(self, "activation", activations.get(self.activation))

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        inputs: int,
        hidden: int,
        activation: str | Activation = "relu",
        kernel_initializer: str | Initializer = "glorot_uniform",
        recurrent_initializer: str | Initializer = "indrnn_range",
        bias_initializer: str | Initializer = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A layer of `hidden` units on `inputs` inputs.

        The range of u follows the length of the sequences: for T steps give
        recurrent_initializer=rl.initializers.get("indrnn_range", steps=T). The name alone means T = 100.

        Raises:
            ValueError: an unknown name, or one that needs a matrix (u is a vector).
        """
        W = initializers.get(kernel_initializer)(rng, (inputs, hidden), dtype)
        u = initializers.get(recurrent_initializer)(rng, (hidden,), dtype)
        b = initializers.get(bias_initializer)(rng, (hidden,), dtype)
        return cls(W, u, b, activations.get(activation))

    def forward(self, xs: Array, h0: Array | None = None) -> Trace:
        """Run over xs (T, B, D) from h0 (B, H), zeros if not given; `.hs` (T+1, B, H) holds every state.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D, H = self.W.shape
        contract("xs", xs, "T B D", dtype=self.W.dtype, D=(D, f"to match W {self.W.shape}"))
        hs = state_buffer("h0", xs, h0, H)
        uh = np.empty_like(hs[0])
        for h_prev, h in zip(hs[:-1], projected(xs, self.W, self.b, out=hs[1:]), strict=True):  # 1. project, in blocks
            h += np.multiply(self.u, h_prev, out=uh)  # 2. recur
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
        du, dW_b = np.zeros_like(self.u), np.zeros((len(self.W) + 1, len(self.b)), xs.dtype)
        dxs, W_T = np.empty_like(xs, order="C"), np.ascontiguousarray(self.W.T)
        carried = np.empty_like(hs[0])
        for block, das in backwards(xs, width=len(self.b)):
            self.activation.slope(hs[1:][block], out=das)
            for t, da in zip(range(block.stop, block.start, -1), reversed(das), strict=True):  # 2. recur, backwards
                da *= dhs[t]
                np.multiply(self.u, da, out=carried)  # ← where the gradient vanishes: T times the same u, by neuron
                np.add(above[t - 1], carried, out=dhs[t - 1])
            du += np.einsum("nh,nh->h", flat(hs[:-1][block]), flat(das))  # 3. collect
            collect(xs[block], W_T, das, dW_b, dxs[block])
        return Gradients(self.like(W=dW_b[:-1], u=du, b=dW_b[-1]), dxs, dhs)


L = TypeVar("L")


def bounded(layer: L, limit: float) -> L:
    """`layer`, a network for instance, with the u of every IndRNN in it clipped to [-limit, limit].

    Source: Li et al. (2018), §3.2: |u| ≤ γ^(1/T) keeps a gradient over T steps from growing beyond γ.
    """

    def clipped(inner: AnyLayer) -> AnyLayer:
        return replace(inner, u=np.clip(inner.u, -limit, limit)) if isinstance(inner, IndRNN) else inner

    return rebuilt(layer, clipped)
