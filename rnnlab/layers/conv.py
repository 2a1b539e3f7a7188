"""The convolution as one matrix product: im2col lays every patch of an image out as a row."""

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


def im2col(xs: Array, size: tuple[int, int], *, stride: int = 1, padding: int = 0) -> Array:
    """Every patch of size (R, S) of images (B, Y, X, C) as a row: (B, Y', X', R S C).

    Y' = (Y + 2 padding - R) // stride + 1, and X' likewise.

    A 4×4 image, a 2×2 filter, stride 1 and padding 1 have 5×5 = 25 positions: a 25×4 matrix.

    Raises:
        ValueError: the patch is larger than the padded image.
    """
    _, Y, X, C = xs.shape
    R, S = size
    if min(Y + 2 * padding - R, X + 2 * padding - S) < 0:
        raise ValueError(f"a patch {size} does not fit images {(Y, X)} with padding {padding}")
    padded = np.pad(xs, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(1, 2))[:, ::stride, ::stride]
    patches = patches.transpose(0, 1, 2, 4, 5, 3)  # (B, Y', X', R, S, C)
    return patches.reshape(*patches.shape[:3], R * S * C)


def col2im(
    columns: Array, shape: tuple[int, ...], size: tuple[int, int], *, stride: int = 1, padding: int = 0
) -> Array:
    """The transpose of `im2col`: every patch added back to where it was taken from, (B, Y, X, C) = shape."""
    B, Y, X, C = shape
    R, S = size
    rows, across = columns.shape[1:3]
    patches = columns.reshape(B, rows, across, R, S, C)
    padded = np.zeros((B, Y + 2 * padding, X + 2 * padding, C), columns.dtype)
    for r in range(R):
        for s in range(S):
            padded[:, r : r + rows * stride : stride, s : s + across * stride : stride] += patches[:, :, :, r, s]
    return padded[:, padding : padding + Y, padding : padding + X]


@dataclass(frozen=True, eq=False, repr=False)
class Conv2D(Record):
    """y[i, j] = φ(Σ_{r,s} x[i·stride + r - padding, j·stride + s - padding] W[r, s] + b), for images (B, Y, X, C).

    As a product, with P = im2col(x) one row for each position and W (R S C, K) flattened:

        y = φ(P W + b)
        da = dy ⊙ φ'(a)      dW = Pᵀ da      db = Σ da      dx = col2im(da Wᵀ)

    Attributes:
        W: kernel, (R, S, C, K): C channels in, K out.
        b: bias, (K,).
        stride: how far the filter moves, in both directions.
        padding: rows and columns of zeros around the image.
        activation: φ, a name or an Activation; identity if not given.

    Raises:
        ValueError, TypeError: shapes or dtypes do not fit together, stride < 1 or padding < 0.
    """

    W: Array
    b: Array
    stride: int = 1
    padding: int = 0
    activation: Activation = activations.Identity()  # noqa: RUF009 - it is frozen and holds nothing
    carries: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        contract("W", self.W, "R S C K")
        contract("b", self.b, "K", dtype=self.W.dtype, K=(self.W.shape[3], f"to match W {self.W.shape}"))
        if self.stride < 1 or self.padding < 0:
            raise ValueError(f"stride must be ≥ 1 and padding ≥ 0; got {self.stride} and {self.padding}")
        object.__setattr__(self, "activation", activations.get(self.activation))

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        channels: int,
        filters: int,
        size: tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        activation: str | Activation = "identity",
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """`filters` filters of `size` (R, S) over `channels` channels.

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        W = initializers.get(kernel_initializer)(rng, (*size, channels, filters), dtype)
        b = initializers.get(bias_initializer)(rng, (filters,), dtype)
        return cls(W, b, stride, padding, activations.get(activation))

    def forward(self, xs: Array) -> FeedforwardTrace:
        """ys (B, Y', X', K) of images xs (B, Y, X, C), Y' = (Y + 2 padding - R) // stride + 1.

        Raises:
            ValueError, TypeError: shapes, dtypes or values do not fit.
        """
        C = (self.W.shape[2], f"to match W {self.W.shape}")
        contract("xs", xs, "B Y X C", dtype=self.W.dtype, C=C)
        patches = self._patches(xs)
        ys = np.empty((*patches.shape[:3], self.W.shape[3]), xs.dtype)
        project(patches, self.W.reshape(-1, self.W.shape[3]), self.b, out=ys)
        self.activation.apply(ys)
        return FeedforwardTrace(xs, ys)

    def backward(self, trace: FeedforwardTrace, dys: Array) -> FeedforwardGradients[Self]:
        """The gradients of a loss L, given dL/dy (B, Y', X', K).

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        das = self.activation.slope(trace.ys)
        das *= matching(dys, trace.ys)
        kernel = self.W.reshape(-1, self.W.shape[3])
        dW, db, dpatches = project_back(self._patches(trace.xs), kernel, das)
        size = (self.W.shape[0], self.W.shape[1])
        dxs = col2im(dpatches, trace.xs.shape, size, stride=self.stride, padding=self.padding)
        return FeedforwardGradients(self.like(W=dW.reshape(self.W.shape), b=db), dxs)

    def _patches(self, xs: Array) -> Array:
        return im2col(xs, (self.W.shape[0], self.W.shape[1]), stride=self.stride, padding=self.padding)
