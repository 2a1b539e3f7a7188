"""The copying problem: repeat ten symbols, in order, after a long delay."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.losses import softmax_cross_entropy
from rnnlab.tasks.task import Batch

SYMBOLS, LENGTH = 8, 10
BLANK, MARKER = SYMBOLS, SYMBOLS + 1
HELD_OUT = 4, 125
"""Held-out batches, and the sequences in each."""


@dataclass(frozen=True)
class Copying:
    """Ten symbols out of eight, T - 1 blanks, a marker, ten blanks; the target is blank until the ten symbols again.

    A sequence has T + 20 steps. The best answer without a memory is blank at T + 10 of them and any symbol at the last
    ten, with the mean cross-entropy 10 ln 8 / (T + 20) nats.

    Attributes:
        delay: T, the steps between the last symbol and the first to repeat.

    Raises:
        ValueError: a delay under 1.

    Source: Hochreiter, Schmidhuber (1997), §5; in this form Arjovsky et al. (2016), arXiv 1511.06464, §4.1.
    """

    delay: Annotated[int, "T: steps between the last symbol and the first to repeat"] = 100
    inputs = SYMBOLS + 2
    symbolic = True
    outputs = SYMBOLS + 1
    reads: ClassVar[Literal["every"]] = "every"
    measure = "cross-entropy (nats)"

    def __post_init__(self) -> None:
        if self.delay < 1:
            raise ValueError(f"the copying problem needs a delay of at least 1 step; got {self.delay}")

    @property
    def steps(self) -> int:
        return self.delay + 2 * LENGTH

    @property
    def baseline(self) -> float:
        return LENGTH * log(SYMBOLS) / self.steps

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs and targets, integers (T + 20, size)."""
        symbols = rng.integers(SYMBOLS, size=(LENGTH, size))
        xs = np.full((self.steps, size), BLANK)
        xs[:LENGTH] = symbols
        xs[self.delay + LENGTH - 1] = MARKER
        targets = np.full_like(xs, BLANK)
        targets[-LENGTH:] = symbols
        return xs, targets

    def test(self) -> Iterator[Batch]:
        """500 sequences from a separate generator, the same every time."""
        rng = np.random.default_rng([self.delay, 2])
        count, size = HELD_OUT
        return (self.batch(rng, size) for _ in range(count))

    @staticmethod
    def loss(ys: Array, targets: NDArray[np.int64]) -> tuple[float, Array]:
        return softmax_cross_entropy(ys, targets)

    def answers(self, targets: NDArray[np.int64]) -> int:
        return targets.size

    def score(self, ys: Array, targets: NDArray[np.int64]) -> tuple[float, int]:
        return softmax_cross_entropy(ys, targets)[0] * targets.size, targets.size
