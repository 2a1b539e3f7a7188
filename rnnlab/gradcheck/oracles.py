"""Two ways to know a derivative without a backward: the complex step, and finite differences that know their error.

An oracle is given a function `outputs(ε)`: all that a run puts out after one of its arguments was moved by ε. It
returns the derivative of each output at ε = 0, and how far it trusts itself.

Why the complex step comes first: a difference quotient subtracts two nearly equal numbers, so it cannot see a
derivative smaller than about 1e-11 of the function, and a vanished gradient is exactly that. The imaginary part of
f(x + iε) has nothing subtracted from it: with ε = 1e-20 the truncation error, of order ε², is far below roundoff,
and a derivative of 1e-90 comes out with all its digits (Squire, Trapp 1998; Martins, Sturdza, Alonso 2003).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnlab.arrays import Array

COMPLEX_STEP = 1e-20
COARSEST_STEPS = (2e-3, 2e-5, 2e-7)


@dataclass(frozen=True)
class Estimate:
    """A derivative per output, and the interval it may lie in: value ± radius at a kink, widened by the error."""

    value: Array
    error: Array
    radius: Array

    @property
    def largest(self) -> Array:
        """The largest |derivative| that the interval holds."""
        return abs(self.value) + self.radius


def complex_step(outputs: Callable[[complex], Array]) -> Estimate:
    """Im f(iε) / ε with ε = 1e-20: exact but for roundoff, where the forward is holomorphic.

    Derivatives below 2e-288 = 2^-1022 / ε lose digits, as their ε-fold falls below the smallest normal number.
    """
    value = outputs(1j * COMPLEX_STEP).imag / COMPLEX_STEP
    return Estimate(value, np.zeros_like(value), np.zeros_like(value))


def finite_difference(outputs: Callable[[complex], Array]) -> Estimate:
    """Central differences at steps h, h/2, h/4, twice extrapolated (Richardson), at the h that errs least.

        D(h) = (f(h) - f(-h)) / 2h        R(h) = (4 D(h/2) - D(h)) / 3 = f' + O(h⁴)

    The error is |R(h/2) - R(h)| plus the noise of subtraction, which the largest |f| sets. Of three h each output keeps
    the one with the smallest error: large h truncates and steps over kinks, small h drowns in noise.

    A step that crosses a kink shows in its one-sided slopes, which do not draw together as h shrinks; their gap is
    then part of the error, as it is where the widest step crosses one and the smallest does not: R(h) and R(h/2) may
    agree by chance there. If even the smallest step crosses one, the kink is here: the interval between its
    one-sided slopes is the answer.
    """
    centre = outputs(0.0)
    value, error = np.zeros_like(centre), np.full_like(centre, np.inf)
    for h in COARSEST_STEPS:
        right = [outputs(h / n) for n in (1, 2, 4)]
        left = [outputs(-h / n) for n in (1, 2, 4)]
        D = [(r - l) / (2 * h / n) for r, l, n in zip(right, left, (1, 2, 4), strict=True)]
        R = [(4 * D[1] - D[0]) / 3, (4 * D[2] - D[1]) / 3]
        largest = np.maximum.reduce([np.abs(f) for f in right + left])
        noise = 4 * np.finfo(np.float64).eps * largest / (h / 4)

        up, down = (right[2] - centre) / (h / 4), (centre - left[2]) / (h / 4)
        gap, wider_gap = np.abs(up - down), np.abs(right[0] + left[0] - 2 * centre) / h
        kink = (gap > 0.75 * wider_gap) & (gap > 4 * noise)
        crossed = (wider_gap > 100 * gap) & (wider_gap > 4 * noise)  # of a smooth f it is 4 times the gap, or 64 times
        doubt = np.abs(R[1] - R[0]) + noise + np.where(kink, gap, 0) + np.where(crossed, wider_gap, 0)
        value, error = np.where(doubt < error, R[1], value), np.minimum(doubt, error)
    return Estimate(np.where(kink, (up + down) / 2, value), np.where(kink, noise, error), np.where(kink, gap / 2, 0))


Oracle = Callable[[Callable[[complex], Array]], Estimate]
ORACLES: dict[str, Oracle] = {
    "complex_step": complex_step,
    "finite_difference": finite_difference,
}
