"""A claim: its parts, each with its measure and its rule; the word that counts them, and the sentence that follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, NamedTuple

from rnnlab.claims.evidence import CannotTellError, Evidence, NotRunError
from rnnlab.claims.number import BLIND, Finding, Number, Outcome, Rule

RERUN = "rnnlab figures {} --recompute"
"""The command that makes recorded numbers again."""
NOT_RUN = "not run yet"
SIGNS: dict[Outcome, str] = {"confirmed": "✔", "contradicted": "✘", "undecided": "?", "not tested": "–"}
WAITING = "…"
"""The sign of a part that has not been run yet."""
LEFT = ("contradicted", "undecided", NOT_RUN, "not tested")
"""What a clause tells of those parts that are not confirmed, in this order."""
MANY = 3
"""More parts that have not been run are counted, not named."""


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
    unit: str = "updates until half the error, of the budget"
    first: Literal["rule", "numbers"] = "rule"
    why: str = ""
    label: str = ""
    told: str = ""


@dataclass(frozen=True)
class Clause:
    """What a group of parts says, in a sentence: one of four, which their outcomes choose.

    Attributes:
        group: the parts that it tells.
        yes: all are confirmed.
        no: all are contradicted.
        some: some are confirmed: {which} by their labels, or {k} of the {n} that have been run; what the rest came
            to follows.
        unknown: none is decided, or none is confirmed and some are open.
    """

    group: str
    yes: str
    no: str
    unknown: str
    some: str = ""

    def of(self, standings: Sequence[str], labels: Sequence[str] = (), numbers: Sequence[str] = ()) -> str:
        """The sentence that these outcomes choose, of which those that have not been run are `NOT_RUN`.

        Args:
            standings: of the parts.
            labels, numbers: of the parts, too; where one has no number that is told, it is empty.
        """
        run = [one for one in standings if one != NOT_RUN]
        k, no = run.count("confirmed"), run.count("contradicted")
        if k + no == 0 or len(standings) in (k, no):
            said = self.unknown if k + no == 0 else self.yes if k else self.no
            told = (f"{label}: {one}" if label else one for label, one in zip_longest(labels, numbers) if one)
            noted = "; ".join([SIGNS["contradicted"]] * (no > 0) + list(told))
            return f"{said} ({noted})" if noted else said
        if "{which}" not in self.some:
            said, still = self.some.format(k=k or "none", n=len(run)), len(run) - k - no
            return f"{said} ({still} undecided)" if still else said
        named: dict[str, list[str]] = {}
        for one, label, number in zip_longest(standings, labels, numbers, fillvalue=""):
            named.setdefault(one, []).append(f"{label} ({number})" if number else label)
        said = self.some.format(which=_and(named["confirmed"])) if k else self.unknown.replace(" open", " partly open")
        if len(named.get(NOT_RUN, ())) > MANY:
            named[NOT_RUN] = [f"{len(named[NOT_RUN])} others"]
        return "; ".join([said, *(f"{one}: {', '.join(named[one])}" for one in LEFT if one in named)])


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
    def told(self) -> str:
        """Its number, as the sentence to take away gives it, and why it decides nothing; empty if it does not."""
        told = self.part.told.format(self.number.text) if self.number else ""
        return f"{told}, {self.finding.why}" if told and self.finding.why else told


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
        """What to take away: the sentences that the outcomes choose, and how many parts have not been run."""
        said, waiting = [], self.standings.count(NOT_RUN)
        for clause in self.claim.clauses:
            group = [one for one in self.parts if one.part.group == clause.group]
            standings = [one.standing for one in group]
            if set(standings) != {NOT_RUN}:
                said.append(clause.of(standings, [one.part.label for one in group], [one.told for one in group]))
        if waiting:
            said.append(f"{NOT_RUN}: {waiting} of {len(self.parts)} parts" if said else NOT_RUN)
        return " ".join(f"{words[0].upper()}{words[1:]}." for words in said)


def _and(names: Sequence[str]) -> str:
    """As "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


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
