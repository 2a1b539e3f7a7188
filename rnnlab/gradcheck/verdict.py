"""What a gradient check found: findings, their verdicts, a report to read, and the error that names the worst entry.

The error of a slice is relative to the slice, max|wanted - got| / max|wanted|. A slice is one parameter, or one
timestep of one sequence, so that a gradient of 1e-90 far back in time is held to as many digits as one of size 1.
No absolute tolerance enters anywhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck.oracles import Estimate

Verdict = Literal["passed", "inconclusive", "failed"]


@dataclass(frozen=True)
class Finding:
    """One slice of one array held against the oracle.

    Attributes:
        array: "U", "xs", "hs", …
        timestep: t for a slice of xs (1 … T) or hs (0 … T); None for a parameter.
        sequence: which sequence of the batch; None where the slice spans them all.
        error: max|wanted - got| / max|wanted| over the slice.
        doubt: the oracle's own error on the same scale; 0 for the complex step.
        index: the worst entry, where it was looked for entry by entry.
        got, wanted: the backward's and the oracle's value there, or along the worst direction.
        verdict: "failed" where the backward is wrong beyond doubt, "inconclusive" where the doubt is too large to
            say, "passed" otherwise.
    """

    array: str
    timestep: int | None
    sequence: int | None
    error: float
    doubt: float
    index: tuple[int, ...] | None
    got: float
    wanted: float
    verdict: Verdict

    @property
    def place(self) -> str:
        """Where: "U[3, 7]", "hs at timestep 17, sequence 0, unit 3"."""
        if self.timestep is None:
            return f"{self.array}{list(self.index)}" if self.index else self.array
        if self.sequence is None:
            return f"{self.array} at timestep {self.timestep}" + (f", entry {list(self.index)}" if self.index else "")
        unit = f", {'input' if self.array == 'xs' else 'unit'} {self.index[0]}" if self.index else ""
        return f"{self.array} at timestep {self.timestep}, sequence {self.sequence}{unit}"


def judge(
    got: Array, estimate: Estimate, roundoff: Array | float, tolerance: float, floor: float = 0.0
) -> tuple[Array, Array, Array, list[Verdict]]:
    """Per slice (row) over its directions (columns): error, doubt, worst direction, verdict.

    Args:
        roundoff: how far roundoff alone moved the backward's gradient once, for each row; another time it may move it
            fifty times as far, and a difference within that does not fail.
        floor: where numbers run out of digits. A difference below it is nobody's fault: it does not fail, and unless
            both sides are exactly 0 it does not pass.

    Beside the interval of a kink nothing is certain either: several units may sit on theirs, and what one direction
    sees of them mixes their two sides.
    """
    scale = np.abs(estimate.value).max(axis=1)
    distance = np.maximum(np.maximum(estimate.low - got, got - estimate.high), 0)
    distance[~np.isfinite(distance)] = np.inf
    roundoff = np.reshape(roundoff, (-1, 1))
    error = _relative(distance.max(axis=1), scale)
    doubt = _relative(estimate.error.max(axis=1), scale)
    surplus = np.maximum(distance - 5 * estimate.error - 50 * roundoff - floor, 0)
    surplus[(estimate.low < estimate.high) & np.isfinite(distance)] = 0
    certain = _relative(surplus.max(axis=1), scale)
    verdicts: list[Verdict] = [
        "failed" if not c <= tolerance else "passed" if d <= tolerance and e <= tolerance else "inconclusive"
        for c, d, e in zip(certain, doubt, error, strict=True)
    ]
    return error, doubt, distance.argmax(axis=1), verdicts


def _relative(part: Array, whole: Array) -> Array:
    """part / whole, with 0 / 0 = 0: a gradient that is exactly zero on both sides agrees."""
    ratio = np.full_like(part, np.inf)
    np.divide(part, whole, out=ratio, where=(whole > 0) & np.isfinite(whole) & np.isfinite(part))
    ratio[part == 0] = 0
    return ratio


@dataclass(frozen=True)
class Report:
    """The outcome of `check_gradients`; print it for a table with a line per array.

    Attributes:
        oracle: the oracle's name.
        tolerance: the largest relative error that passes.
        findings: one per parameter, and per timestep and sequence of xs and hs.
    """

    oracle: str
    tolerance: float
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """ "failed" if any finding failed, else "inconclusive" if any is, else "passed"."""
        verdicts = {finding.verdict for finding in self.findings}
        return "failed" if "failed" in verdicts else "inconclusive" if "inconclusive" in verdicts else "passed"

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    def worst(self, array: str | None = None) -> Finding:
        """The finding with the gravest verdict, and among those the largest error; of one array if named."""
        gravity = ("passed", "inconclusive", "failed")
        chosen = [finding for finding in self.findings if array in (None, finding.array)]
        return max(chosen, key=lambda finding: (gravity.index(finding.verdict), finding.error))

    def __str__(self) -> str:
        title = f"{self.oracle} against backward: {self.verdict} (relative tolerance {self.tolerance:.1e})"
        rows = [("array", "slices", "verdict", "worst error", "doubt", "where", "backward", "oracle")]
        for array in dict.fromkeys(finding.array for finding in self.findings):
            w = self.worst(array)
            count = sum(finding.array == array for finding in self.findings)
            numbers = (f"{w.error:.1e}", f"{w.doubt:.1e}", w.place, f"{w.got:.6e}", f"{w.wanted:.6e}")
            rows.append((array, str(count), w.verdict, *numbers))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([title, *lines])


class GradientError(AssertionError):
    """A backward disagrees with the oracle. `.report` holds every finding."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report
