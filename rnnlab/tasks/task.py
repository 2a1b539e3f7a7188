"""What a task is: training batches, held-out batches, a loss, and a score with a baseline to beat."""

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np

from rnnlab.arrays import Array

Batch = tuple[Any, Any]
"""xs and targets: xs (T, B, D) in float64 or integers (T, B); targets (B, …) or (T, B, …) as the network reads."""


class Task(Protocol):
    """What `fit` asks of a task. Batches depend on the generator alone: the same state, the same batch.

    Attributes:
        steps: T.
        inputs: D, or how many symbols there are where xs are integers.
        symbolic: whether xs are integers.
        outputs: K, how many numbers the network must output for each answer.
        reads: whether the answer is wanted at the "last" step or at "every" step.
        measure: what `score` measures, and in which units; lower is better.
        baseline: that measure for the best answer that does not look at the input.
    """

    @property
    def steps(self) -> int: ...

    @property
    def inputs(self) -> int: ...

    @property
    def symbolic(self) -> bool: ...

    @property
    def outputs(self) -> int: ...

    @property
    def reads(self) -> Literal["last", "every"]: ...

    @property
    def measure(self) -> str: ...

    @property
    def baseline(self) -> float: ...

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """A training batch of `size` sequences, drawn with `rng`."""
        ...

    def test(self) -> Iterator[Batch]:
        """The held-out batches, the same every time."""
        ...

    def loss(self, ys: Array, targets: Any) -> tuple[float, Array]:
        """The training loss, a mean over the answers, and its gradient."""
        ...

    def answers(self, targets: Any) -> int:
        """The number of answers in `targets`, which weights the loss of each chunk of a sequence."""
        ...

    def score(self, ys: Array, targets: Any) -> tuple[float, int]:
        """The measure summed over the answers in a batch, and the number of answers."""
        ...
