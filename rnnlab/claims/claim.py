"""A claim: its parts, each with its measure and its rule; the word that counts them, and the sentence that follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rnnlab.claims.evidence import CannotTellError, Evidence, NotRunError
from rnnlab.claims.number import BLIND, Finding, Number, Outcome, Rule

RERUN = "rnnlab figures {} --recompute"
"""The command that makes recorded numbers again."""
NOT_RUN = "not run yet"
SIGNS: dict[Outcome, str] = {"confirmed": "✔", "contradicted": "✘", "undecided": "?", "not tested": "–"}
WAITING = "…"
"""The sign of a part that has not been run yet."""


@dataclass(frozen=True)
class Part:
    """The smallest statement that can be judged.

    Attributes:
        source: the statement that it is of, A1 … D10.
        group: the clause of the claim's last sentence that it counts for.
        says: the statement, so that a yes or no answers it.
        measure: its number, from the evidence; None if it is not tested.
        rule: what the number means.
        unit: what the number is, in a few words.
        first: which came first, the rule or its numbers. Trained parts are judged by runs after the rule alone.
        why: why it is not tested.
    """

    source: str
    group: str
    says: str
    measure: Callable[[Evidence], Number] | None
    rule: Rule
    unit: str = "updates until half the error, of the budget"
    first: Literal["rule", "numbers"] = "rule"
    why: str = ""


@dataclass(frozen=True)
class Clause:
    """What a group of parts says, in a clause: one of four, which their outcomes choose.

    Attributes:
        group: the parts that it tells.
        yes: all are confirmed.
        no: all are contradicted.
        some: a part of them is confirmed: {k} of {n}; what the rest are follows in brackets, if some are open.
        unknown: none is decided.
    """

    group: str
    yes: str
    no: str
    unknown: str
    some: str = ""

    def of(self, outcomes: Sequence[Outcome], waiting: int = 0) -> str:
        """The clause that these outcomes choose; so many of the undecided ones wait for their runs."""
        k, no, n = outcomes.count("confirmed"), outcomes.count("contradicted"), len(outcomes)
        decided = k + no
        if not decided:
            return self.unknown
        if k == n or k == decided == n:
            return self.yes
        if k == 0 and decided == n:
            return self.no
        said = self.some.format(k=k or "none", n=n)
        rest = {"no": no, "undecided": n - decided - waiting, NOT_RUN: waiting}
        return (
            said
            if decided == n
            else f"{said} ({', '.join(f'{count} {word}' for word, count in rest.items() if count)})"
        )


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        name: C1 … C18.
        says: the claim, in our words.
        parts: what it is made of.
        clauses: the sentence to take away, a clause for each group that it tells.
        unlike: what was unlike the paper, or the usual practice.
        change: what would change our mind.
        command: what measures the numbers again.
    """

    name: str
    says: str
    parts: tuple[Part, ...]
    clauses: tuple[Clause, ...]
    unlike: str
    change: str
    command: str


class Judged(NamedTuple):
    """A part with its number, if it was measured, and what its rule finds."""

    part: Part
    number: Number | None
    finding: Finding


@dataclass(frozen=True)
class Verdict:
    """A claim, judged part by part."""

    claim: Claim
    parts: tuple[Judged, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        """Of the parts, in their order."""
        return [judged.finding.outcome for judged in self.parts]

    @property
    def word(self) -> str:
        """Confirmed if every part is, contradicted if none is and half or more are contradicted; else the count."""
        yes, no = self.outcomes.count("confirmed"), self.outcomes.count("contradicted")
        total = len(self.outcomes)
        if yes == total:
            return "confirmed"
        if yes:
            return f"partly ({yes} of {total})"
        return "contradicted" if no and 2 * no >= total else "undecided"

    @property
    def sentence(self) -> str:
        """What to take away: the clauses that the outcomes choose, and how many parts have not been run."""
        said, waiting = [], sum(judged.finding.why == NOT_RUN for judged in self.parts)
        for clause in self.claim.clauses:
            findings = [judged.finding for judged in self.parts if judged.part.group == clause.group]
            unrun = sum(finding.why == NOT_RUN for finding in findings)
            if unrun < len(findings):
                said.append(clause.of([finding.outcome for finding in findings], unrun))
        if waiting:
            said.append(f"{NOT_RUN}: {waiting} of {len(self.parts)} parts" if said else NOT_RUN)
        words = "; ".join(said)
        return f"{words[0].upper()}{words[1:]}."


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """Every part: measure, then apply the rule."""
    return Verdict(claim, tuple(judge_part(part, evidence) for part in claim.parts))


def judge_part(part: Part, evidence: Evidence) -> Judged:
    """One part; where its runs are missing, or cannot tell, it is undecided and says why."""
    if part.measure is None:
        return Judged(part, None, Finding("not tested", part.why))
    try:
        number = part.measure(evidence)
    except NotRunError:
        return Judged(part, None, Finding("undecided", NOT_RUN))
    except CannotTellError:
        return Judged(part, None, Finding("undecided", BLIND))
    return Judged(part, number, part.rule(number))
