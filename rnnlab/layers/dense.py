"""The dense layer: one product, one activation; the readout of networks and the layer of a multilayer perceptron."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from rnnlab import activations, initializers
from rnnlab.activations import Activation
from rnnlab.affine import project, project_back
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import FeedforwardGradients, FeedforwardTrace, matching


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Record):
    """y = φ(x W + b) for every row x of an array (..., D).

    Backward:

        da = dy ⊙ φ'(a)
        dW = Σ xᵀ da      db = Σ da      dx = da Wᵀ

    Attributes:
        W: kernel, (D, K).
        b: bias, (K,).
        activation: φ, a name or an Activation; identity if not given.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together, or the activation is unknown.
    """

    W: Array
    b: Array
    activation: Activation = activations.Identity()  # noqa: RUF009 - it is frozen and holds nothing
    carries: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        contract("W", self.W, "D K")
        contract("b", self.b, "K", dtype=self.W.dtype, K=(self.W.shape[1], f"to match W {self.W.shape}"))
        object.__setattr__(self, "activation", activations.get(self.activation))

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        inputs: int,
        outputs: int,
        activation: str | Activation = "identity",
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A layer from `inputs` to `outputs`; the defaults are Keras's.

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        W = initializers.get(kernel_initializer)(rng, (inputs, outputs), dtype)
        b = initializers.get(bias_initializer)(rng, (outputs,), dtype)
        return cls(W, b, activations.get(activation))

    def forward(self, xs: Array) -> FeedforwardTrace:
        """ys (..., K) of xs (..., D), with any number of axes in front, at least one.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        D, K = self.W.shape
        rows = np.ndim(xs) - 1
        letters = {1: "B D", 2: "T B D"}.get(rows, " ".join(f"N{axis}" for axis in range(rows)) + " D")
        contract("xs", xs, letters, dtype=self.W.dtype, D=(D, f"to match W {self.W.shape}"))
        ys = np.empty((*xs.shape[:-1], K), xs.dtype)
        project(xs, self.W, self.b, out=ys)
        self.activation.apply(ys)
        return FeedforwardTrace(xs, ys)

    def backward(self, trace: FeedforwardTrace, dys: Array) -> FeedforwardGradients[Self]:
        """The gradients of a loss L, given dL/dy for every row.

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        das = self.activation.slope(trace.ys)
        das *= matching(dys, trace.ys)
        dW, db, dxs = project_back(trace.xs, self.W, das)
        return FeedforwardGradients(self.like(W=dW, b=db), dxs)
