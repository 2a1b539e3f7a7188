"""A claim: its words, its measure, and its rule, which takes the numbers and nothing else to the verdict."""

from collections.abc import Callable
from dataclasses import dataclass

from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.verdict import Verdict

Numbers = dict[str, float]
RERUN = "rnnlab figures {} --recompute"
"""The command that makes recorded numbers again."""


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        name: C1 … C18.
        says: the claim, in our words.
        measure: the evidence's numbers for it.
        rule: the verdict on the numbers.
        rule_says: the rule in words.
        command: what measures the numbers again.
        recorded: whether they come, all or some, from recorded runs.
        note: what was not measured, or what others found.
    """

    name: str
    says: str
    measure: Callable[[Evidence], Numbers]
    rule: Callable[[Numbers], Verdict]
    rule_says: str
    command: str
    recorded: bool = False
    note: str = ""


@dataclass(frozen=True)
class Judged:
    """A claim with its numbers and its verdict."""

    claim: Claim
    numbers: Numbers
    verdict: Verdict


def judge(claim: Claim, evidence: Evidence) -> Judged:
    """Measure, then apply the rule; a claim whose runs are missing is not decided."""
    try:
        numbers = claim.measure(evidence)
    except NotRunError as missing:
        return Judged(claim, {}, Verdict("not decided", str(missing)))
    return Judged(claim, numbers, claim.rule(numbers))
