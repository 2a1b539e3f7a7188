"""The adding problem: remember two marked numbers among many, and give their sum after the last."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from rnnlab.arrays import Array
from rnnlab.losses import squared_error
from rnnlab.tasks.task import Batch

HELD_OUT = 4, 250
"""Held-out batches, and the sequences in each."""


@dataclass(frozen=True)
class Adding:
    """x[t] = (value, marker): values uniform in [0, 1), two markers 1, all others 0; the target is the marked sum.

    A network must remember a number for up to T steps. The mean squared error of always answering the mean, 1, is
    Var(v₁ + v₂) = 1/6.

    Attributes:
        steps: T.
        markers: "halves" for one marker in each half, "anywhere" for two different places.

    Raises:
        ValueError: fewer than two steps, or another word for markers.

    Source: Hochreiter, Schmidhuber (1997), §5.4; one marker in each half is Arjovsky et al. (2016), arXiv
    1511.06464, §4.2; anywhere, Hu et al. (2018), arXiv 1801.06105 (RIN).
    """

    steps: Annotated[int, "T: length of a sequence"] = 100
    markers: Annotated[Literal["halves", "anywhere"], "one in each half, or two anywhere"] = "halves"
    inputs = 2
    symbolic = False
    outputs = 1
    reads: ClassVar[Literal["last"]] = "last"
    measure = "mean squared error"
    baseline = 1 / 6

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise ValueError(f"the adding problem needs at least 2 steps; got {self.steps}")
        if self.markers not in ("halves", "anywhere"):
            raise ValueError(f"markers must be 'halves' or 'anywhere'; got {self.markers!r}")

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs (T, size, 2) and targets (size, 1)."""
        T, half = self.steps, self.steps // 2
        xs = np.zeros((T, size, 2))
        xs[:, :, 0] = rng.random((T, size))
        first, second = rng.integers(half, size=size), rng.integers(half, T, size=size)
        if self.markers == "anywhere":
            first, second = rng.integers(T, size=size), rng.integers(T - 1, size=size)
            second += second >= first  # anywhere but at the first
        each = np.arange(size)
        xs[first, each, 1] = xs[second, each, 1] = 1
        return xs, (xs[first, each, 0] + xs[second, each, 0])[:, None]

    def test(self) -> Iterator[Batch]:
        """1,000 sequences from a separate generator, the same every time."""
        rng = np.random.default_rng([self.steps, 1])
        count, size = HELD_OUT
        return (self.batch(rng, size) for _ in range(count))

    @staticmethod
    def loss(ys: Array, targets: Array) -> tuple[float, Array]:
        return squared_error(ys, targets)

    def answers(self, targets: Array) -> int:
        return targets.size

    def score(self, ys: Array, targets: Array) -> tuple[float, int]:
        return float(np.square(ys - targets).sum()), targets.size
