"""Windows of one long sequence: its first nine tenths are for training, its last for the test."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

TEST_SHARE = 0.1
HELD_OUT = 500
"""Windows of the test part that are scored, at most."""

Value = TypeVar("Value", bound=np.generic)


def parts(values: NDArray[Value]) -> tuple[NDArray[Value], NDArray[Value]]:
    """(training part, test part)."""
    first = int(len(values) * (1 - TEST_SHARE))
    return values[:first], values[first:]


def check(values: NDArray[Value], steps: int, source: str, noun: str) -> None:
    """Each part of the sequence holds a window of `steps`, and the value after it that is to be predicted.

    Raises:
        ValueError: it does not, or steps < 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}")
    if min(map(len, parts(values))) <= steps:
        raise ValueError(
            f"{source} has {len(values)} {noun}; windows of {steps} in each of its two parts need "
            f"at least {10 * steps + 1}"
        )


def drawn(rng: np.random.Generator, part: NDArray[Value], steps: int, size: int) -> NDArray[Value]:
    """(steps + 1, size): windows that start anywhere."""
    return _from(part, rng.integers(len(part) - steps, size=size), steps)


def spread(part: NDArray[Value], steps: int) -> Iterator[NDArray[Value]]:
    """(steps + 1, 50) a batch: windows that do not overlap, spread evenly over the part, `HELD_OUT` of them at most."""
    possible = (len(part) - 1) // steps
    starts = np.linspace(0, possible - 1, min(possible, HELD_OUT)).astype(int) * steps
    return (_from(part, starts[first : first + 50], steps) for first in range(0, len(starts), 50))


def _from(part: NDArray[Value], starts: NDArray[np.int64], steps: int) -> NDArray[Value]:
    windows: NDArray[Value] = part[starts + np.arange(steps + 1)[:, None]]
    return windows
