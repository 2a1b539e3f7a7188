"""A series of numbers: predict the next value from those before it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np

from rnnlab.arrays import Array
from rnnlab.losses import squared_error
from rnnlab.sequences import read_numbers
from rnnlab.tasks import windows
from rnnlab.tasks.task import Batch


@dataclass(frozen=True)
class Series:
    """xs are a window of the series, (T, B, 1), targets the same window shifted by one; every step is read.

    The first nine tenths are for training, the last for the test. All values are standardised by the mean and the
    standard deviation of the training part, so an error of 1 is about its variance, and the score of a network times
    `std`² is the error in the units of the series. Windows start anywhere in the training part, with a state of zeros;
    the test windows, 500 at most, are spread over the test part and do not overlap. The baseline is the error of always
    answering the mean of the training part.

    Attributes:
        values: the series as it was given, (N,).
        source: where it comes from.
        steps: T.

    Raises:
        ValueError: not one finite value after another, too few of them for a window in each part, or a training part in
            which nothing changes.
    """

    values: Array
    source: str
    steps: int = 50
    inputs = 1
    symbolic = False
    outputs = 1
    reads: ClassVar[Literal["every"]] = "every"
    measure = "mean squared error, in variances of the series"

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or not np.isfinite(self.values).all():
            raise ValueError(f"a series is an array (N,) of finite numbers; got {self.values.shape} from {self.source}")
        windows.check(self.values, self.steps, self.source, "values")
        if not self.std > 0:
            raise ValueError(f"the first nine tenths of {self.source} are all {self.mean:g}: there is nothing to learn")

    @classmethod
    def load(
        cls,
        input: Annotated[str | None, "your CSV file; default: the Mackey-Glass series"] = None,
        column: Annotated[str | None, "its column; default: the only one with numbers"] = None,
        steps: Annotated[int, "T: length of a sequence"] = 50,
    ) -> "Series":
        """The task on a column of your own CSV file, or on the Mackey-Glass series."""
        if input is None and column is not None:
            raise ValueError("a column is one of your CSV file: give the file, too (--input)")
        return cls.mackey_glass(steps=steps) if input is None else cls.read(input, column=column, steps=steps)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, column: str | None = None, steps: int = 50) -> "Series":
        """The task on a column of a CSV file, the only one with numbers if none is named.

        Raises:
            ValueError: no such column, or several to choose from; something in it is no number; too short.
            OSError: it cannot be read.
        """
        found = read_numbers(path, column)
        if len(found) > 1:
            raise ValueError(f"{Path(path).name} has several columns of numbers: choose one of {', '.join(found)}")
        ((name, values),) = found.items()
        return cls(values, f"{Path(path).name}, column {name}", steps)

    @classmethod
    def mackey_glass(cls, *, length: int = 5000, steps: int = 50) -> "Series":
        """dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)¹⁰) - 0.1 x(t), by Euler steps of 1: chaotic, with a delay to learn.

        Source: Mackey, Glass (1977), Oscillation and Chaos in Physiological Control Systems.
        """
        delay, begun = 17, 500  # what it was started from is over by then
        x = np.full(delay + begun + length, 1.2)
        for t in range(delay, len(x) - 1):
            x[t + 1] = x[t] + 0.2 * x[t - delay] / (1 + x[t - delay] ** 10) - 0.1 * x[t]
        return cls(x[-length:], "the Mackey-Glass series", steps)

    @property
    def _train(self) -> Array:
        return windows.parts(self.values)[0]

    @property
    def _test(self) -> Array:
        return windows.parts(self.values)[1]

    @property
    def mean(self) -> float:
        """Of the training part."""
        return float(self._train.mean())

    @property
    def std(self) -> float:
        """Of the training part."""
        return float(self._train.std())

    @property
    def baseline(self) -> float:
        return float(np.square((self._test[1:] - self.mean) / self.std).mean())

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs and targets, (T, size, 1)."""
        return self._standardised(windows.drawn(rng, self._train, self.steps, size))

    def test(self) -> Iterator[Batch]:
        """Windows of the test part, spread evenly over it, 50 a batch."""
        return map(self._standardised, windows.spread(self._test, self.steps))

    def _standardised(self, window: Array) -> Batch:
        window = (window - self.mean) / self.std
        return window[:-1, :, None], window[1:, :, None]

    @staticmethod
    def loss(ys: Array, targets: Array) -> tuple[float, Array]:
        return squared_error(ys, targets)

    def answers(self, targets: Array) -> int:
        return targets.size

    def score(self, ys: Array, targets: Array) -> tuple[float, int]:
        return float(np.square(ys - targets).sum()), targets.size
