"""A claim: its parts, each with its measure and its rule; the word that counts them, and the sentence that follows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rnnlab.claims.clause import NOT_RUN, Clause, Told
from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.number import BLIND, CannotTellError, Finding, Number, Outcome, Rule

RERUN = "rnnlab figures {} --recompute"
"""The command that makes recorded numbers again."""


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
        label: how the clause names it where only some of the group's parts hold: "T = 400", "sigmoid".
        told: how the clause gives its number, "{} %" for instance; empty if it does not.
    """

    source: str
    group: str
    says: str
    measure: Callable[[Evidence], Number] | None
    rule: Rule
    unit: str = "updates until half the error"
    first: Literal["rule", "numbers"] = "rule"
    why: str = ""
    label: str = ""
    told: str = ""


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

    @property
    def standing(self) -> str:
        """Its outcome; `NOT_RUN` if it waits for its runs."""
        return NOT_RUN if self.finding.why == NOT_RUN else self.finding.outcome

    @property
    def told(self) -> Told:
        """What the sentence to take away tells of it."""
        number = self.part.told.format(self.number.text) if self.number else ""
        return Told(self.standing, self.part.label, number, self.finding.why if self.standing == "undecided" else "")


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
    def standings(self) -> list[str]:
        """The outcomes; of parts that wait for their runs `NOT_RUN`."""
        return [one.standing for one in self.parts]

    @property
    def word(self) -> str:
        """Confirmed if every part is, contradicted if none is and half or more are contradicted; else the count.

        What is not tested does not count. Nor does what has not been run, but then the word is said to hold so far.
        """
        run = [one for one in self.standings if one not in (NOT_RUN, "not tested")]
        yes, no, total = run.count("confirmed"), run.count("contradicted"), len(run)
        so_far = "so far " if NOT_RUN in self.standings else ""
        if so_far and not run:
            return NOT_RUN
        if run and yes == total:
            return f"{so_far}confirmed{' where tested' if 'not tested' in self.standings else ''}"
        if yes:
            return f"{so_far}partly ({yes} of {total})"
        return f"{so_far}contradicted" if no and 2 * no >= total else f"{so_far}undecided"

    @property
    def sentence(self) -> str:
        """What to take away: for each group of parts the sentence that their outcomes choose."""
        if set(self.standings) <= {NOT_RUN, "not tested"} and NOT_RUN in self.standings:
            return f"{NOT_RUN.capitalize()}."
        groups = [[one.told for one in self.parts if one.part.group == clause.group] for clause in self.claim.clauses]
        said = [clause.of(group) for clause, group in zip(self.claim.clauses, groups, strict=True)]
        return " ".join(f"{words[0].upper()}{words[1:]}." for words in said)


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
