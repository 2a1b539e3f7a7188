"""The embedding: a row of a table for every integer, the same as a product with a one-hot vector."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnlab import initializers
from rnnlab.arrays import Array, contract
from rnnlab.initializers import Initializer
from rnnlab.record import Record
from rnnlab.trace import FeedforwardGradients, FeedforwardTrace, matching


@dataclass(frozen=True, eq=False, repr=False)
class Embedding(Record):
    """y = E[x], row x of the table E, for every integer x of an array (...); with one_hot(x) E it would be the same.

    Backward: dE[k] = Σ dy over all places where x = k. Integers have no gradient.

    Attributes:
        E: table, (K, D): K symbols, D numbers for each.

    Raises:
        ValueError, TypeError: E is not a matrix of floats.
    """

    E: Array
    carries: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        contract("E", self.E, "K D")

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        *,
        symbols: int,
        outputs: int,
        embeddings_initializer: str | Initializer = "random_uniform",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """A table for `symbols` symbols with `outputs` numbers each; the default initializer is Keras's.

        Raises:
            ValueError: an unknown name; the message lists the choices.
        """
        return cls(initializers.get(embeddings_initializer)(rng, (symbols, outputs), dtype))

    def forward(self, xs: NDArray[np.integer[Any]]) -> FeedforwardTrace:
        """ys (..., D) of integers xs (...) in 0 … K-1.

        Raises:
            TypeError: xs is not an array of integers.
            ValueError: it is empty, or holds a symbol that the table has no row for.
        """
        if not isinstance(xs, np.ndarray) or xs.dtype.kind not in "iu":
            what = xs.dtype if isinstance(xs, np.ndarray) else type(xs).__name__
            raise TypeError(f"xs must be an array of integers; got {what}")
        if xs.size == 0:
            raise ValueError(f"xs must not be empty; got {xs.shape}")
        if not 0 <= xs.min() <= xs.max() < len(self.E):
            raise ValueError(
                f"xs must be in 0 … {len(self.E) - 1} to match E {self.E.shape}; got {xs.min()} … {xs.max()}"
            )
        return FeedforwardTrace(xs, self.E[xs])

    def backward(self, trace: FeedforwardTrace, dys: Array) -> FeedforwardGradients[Self]:
        """The gradient of a loss L, given dL/dy (..., D).

        Raises:
            ValueError, TypeError: dys does not fit the trace.
        """
        dE = np.zeros_like(self.E)
        np.add.at(dE, trace.xs.ravel(), matching(dys, trace.ys).reshape(-1, self.E.shape[1]))
        return FeedforwardGradients(self.like(E=dE), None)
