"""Verdicts, and the rules that several claims share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Word = Literal["holds", "holds if", "does not hold", "not decided"]


@dataclass(frozen=True)
class Verdict:
    """What the numbers say of a claim: a word, and the condition or the reason, as half a sentence."""

    word: Word
    why: str

    def __str__(self) -> str:
        return f"{self.word} {self.why}" if self.word == "holds if" else f"{self.word}: {self.why}"


DIVERGED = Verdict("not decided", "runs that it compares diverged")


def of_parts(parts: Mapping[str, bool]) -> Verdict:
    """A claim of several parts holds if all do, does not if none does; else it holds if the false ones are left out."""
    true = "; ".join(part for part, held in parts.items() if held)
    false = "; ".join(part for part, held in parts.items() if not held)
    if not false:
        return Verdict("holds", true)
    if not true:
        return Verdict("does not hold", f"not found: {false}")
    return Verdict("holds if", f"no more is meant than this: {true}. Not found: {false}")


def nearer(distance: float, other: float, noise: float, what: str) -> Verdict:
    """Whether `distance` is the smaller of the two; a difference within `noise`, the seeds' range, decides nothing."""
    if abs(distance - other) <= noise:
        return Verdict("not decided", f"{what}: the two distances differ by less than the seeds do")
    return Verdict("holds" if distance < other else "does not hold", what)
