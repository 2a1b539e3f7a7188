"""What a gradient check found: findings, their verdicts, a report to read, and the error that names the worst entry.

The error of an entry is relative to the entry, |wanted - got| / Σ |terms of wanted|: a sum of terms that cancel has
fewer digits than its terms, and a gradient of 1e-90 is held to as many digits as one of size 1, even beside it. No
absolute tolerance enters anywhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from rnnlab.arrays import Array

Verdict = Literal["passed", "inconclusive", "failed"]
VERDICTS: tuple[Verdict, ...] = ("passed", "inconclusive", "failed")

PLACES = 4096  # units in the last place that roundoff may amount to: in the tolerance, and under jitter
SIX_DIGITS = 1e-6  # the agreement required of an entry where roundoff leaves fewer digits than the tolerance requires


@dataclass(frozen=True)
class Finding:
    """One slice of one array held against the oracle: a parameter, or a timestep of one sequence.

    Attributes:
        array: "U", "xs", "hs", …; "trace.hs" for the states that forward left.
        timestep, sequence: t for a slice of xs (1 … T) or a state (0 … T), and the sequence; None for a parameter.
        error: |wanted - got| / Σ |terms| of the worst entry.
        doubt: the oracle's own error on the same scale; 0 for the complex step.
        index: the worst entry, where it was looked for entry by entry.
        got, wanted: the backward's and the oracle's value there, or along the worst direction.
        verdict: "failed" where the backward is wrong beyond doubt, "inconclusive" where the doubt is too large to say.
        whole: how many steps, where the first steps were differentiated as a whole; else None.
        again: whether this is of a second call of backward, which did not give what the first gave.
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
    whole: int | None = None
    again: bool = False

    @property
    def place(self) -> str:
        """Where: "U[3, 7]", "hs at timestep 17, sequence 0, unit 3"."""
        call = " on a second call" if self.again else ""
        if self.timestep is None:
            steps = f" over steps 1 to {self.whole}" if self.whole else ""
            return f"{self.array}{list(self.index or ()) or ''}{steps}{call}"
        unit = f", {'input' if self.array.endswith('xs') else 'unit'} {self.index[0]}" if self.index else ""
        return f"{self.array} at timestep {self.timestep}, sequence {self.sequence}{unit}{call}"

    @property
    def line(self) -> str:
        """The line of the report's table that counts it."""
        line = f"steps 1 to {self.whole} as a whole" if self.whole else self.array
        return f"{line}, again" if self.again else line

    @property
    def of_trace(self) -> bool:
        """Whether it is about a state that forward left, not about a gradient."""
        return self.array.rpartition(".")[0].endswith("trace")


def judge(got: Array, wanted: Array, tolerance: float, dtype: DTypeLike) -> list[tuple[float, float, int, Verdict]]:
    """Per slice (row) over its entries (columns): error, doubt and index of the worst entry, and the verdict.

    Args:
        got: (M, rows, columns): what backward gave; then, if M > 1, what it gave again, and with the trace and every
            result of its arithmetic moved in the last place. A difference of up to 4096 times what that moves is
            roundoff (the slope of a saturated unit is 1 - h², say): it does not fail, and if six digits agree it
            passes. But not if backward does not give the same again.
        wanted: (3 + M, rows, columns): the sum of its |terms|, the radius of the interval that it is anywhere in, the
            oracle's doubt, and M versions of it for those of `got`.
        dtype: of the gradient. Differences below its smallest normal number do not fail, nor pass unless they are 0;
            beyond its largest nothing is known.
    """
    with np.errstate(all="ignore"):
        terms, radius, uncertain = wanted[:3]
        miss = got - wanted[3:]
        distance = np.maximum(abs(miss[0]) - radius, 0)
        steady = len(got) > 1 and np.allclose(got[0], got[1], rtol=tolerance, atol=0, equal_nan=True)
        roundoff = PLACES * np.nan_to_num(abs(miss[2:] - miss[0]).max(axis=0)) if steady else 0.0
        sure = distance - 5 * uncertain - roundoff - np.finfo(dtype).tiny
        enough = np.where(sure <= 0, max(tolerance, SIX_DIGITS), tolerance) if steady else tolerance
        error, doubt = _relative(distance, terms), _relative(uncertain, terms)
        wrong = ~(_relative(np.maximum(sure, 0), terms) <= tolerance)
        known = terms <= np.finfo(dtype).max
        error = np.where(known, error, np.inf)
    gravity = np.where(known & wrong, 2, np.where(known & (error <= enough) & (doubt <= tolerance), 0, 1))
    gravest = gravity.max(axis=1)
    worst = np.where(gravity == gravest[:, None], error, -1).argmax(axis=1)
    best = [each[np.arange(len(worst)), worst].tolist() for each in (error, doubt)]
    return list(zip(*best, worst.tolist(), [VERDICTS[each] for each in gravest], strict=True))


def _relative(part: Array, whole: Array) -> Array:
    """With 0 / 0 = 0: a gradient that is exactly zero on both sides agrees. What is not a number is infinitely far."""
    return np.where(part == 0, 0.0, np.nan_to_num(part / whole, nan=np.inf, posinf=np.inf))


@dataclass(frozen=True)
class Report:
    """The outcome of `check_gradients`; print it for a table with a line per array.

    Attributes:
        note: what was not checked or could not be told, and why; empty where everything was.
    """

    oracle: str
    tolerance: float
    findings: tuple[Finding, ...]
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """ "failed" if any finding failed, else "inconclusive" if any is, else "passed"."""
        return max((finding.verdict for finding in self.findings), key=VERDICTS.index)

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    def worst(self, array: str | None = None) -> Finding:
        """The finding with the gravest verdict, and among those the largest error; of one array if named."""
        chosen = [finding for finding in self.findings if array in (None, finding.line)]
        return max(chosen, key=lambda finding: (VERDICTS.index(finding.verdict), finding.error))

    def __str__(self) -> str:
        title = f"{self.oracle} against backward: {self.verdict} (relative tolerance {self.tolerance:.1e})"
        rows = [("array", "slices", "verdict", "worst error", "doubt", "where", "backward", "oracle")]
        for line in dict.fromkeys(finding.line for finding in self.findings):
            w = self.worst(line)
            count = sum(finding.line == line for finding in self.findings)
            numbers = (f"{w.error:.1e}", f"{w.doubt:.1e}", w.place, f"{w.got:.6e}", f"{w.wanted:.6e}")
            rows.append((line, str(count), w.verdict, *numbers))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([title, *lines, *([self.note] if self.note else [])])


class GradientError(AssertionError):
    """A backward disagrees with the oracle. `.report` holds every finding."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report
