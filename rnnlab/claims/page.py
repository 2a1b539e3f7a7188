"""CLAIMS.md: the verdicts in a table, each claim with its numbers and its rule, and the papers' numbers beside ours."""

from math import isinf, isnan

from rnnlab.claims.claim import Judged, judge
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.margins import MARGIN, margins
from rnnlab.claims.papers import ours, theirs
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import REPORTED
from rnnlab.experiments.results.tables import RUNS, link, location


def judged(evidence: Evidence) -> list[Judged]:
    """Every claim."""
    return [judge(claim, evidence) for claim in CLAIMS]


def number(value: float) -> str:
    """Four digits are enough to read; infinity is what a run that never got there needs."""
    if isinf(value) or isnan(value):
        return "never"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.4g}"


def numbers(entry: Judged) -> str:
    """The numbers of a claim in a line."""
    return "; ".join(f"{name}: {number(value)}" for name, value in entry.numbers.items()) or "none"


def text(entries: list[Judged], evidence: Evidence) -> str:
    """The page."""
    parts = [
        "# The survey's claims, measured",
        "`rnnlab claims` writes this page. A verdict follows from its numbers by a rule in "
        '`rnnlab/claims/`; nobody chose it. "Recorded": at least some of the numbers come from runs '
        "that took hours and were made once ([each with its command, seed, time and versions]"
        f"({link(location(RUNS, evidence.out), evidence.out)})), or are "
        "times; all others are measured as the page is written. A verdict is about these tasks at these "
        "sizes.",
        *_own(evidence),
        "| | claim | verdict | |\n|---|---|---|---|\n"
        + "\n".join(
            f"| [{entry.claim.name}](#{entry.claim.name.lower()}) | {_cell(entry.claim.says)} | "
            f"**{entry.verdict.word}** | {'recorded' if entry.claim.recorded else 'now'} |"
            for entry in entries
        ),
    ]
    for entry in entries:
        claim = entry.claim
        parts += [
            f"### {claim.name}",
            f"> {claim.says}",
            f"**{entry.verdict.word[0].upper()}{entry.verdict.word[1:]}**"
            + (" " if entry.verdict.word == "holds if" else ": ")
            + f"{entry.verdict.why}.",
            f"- measured: {numbers(entry)}\n- rule: {claim.rule_says}"
            + (f"\n- note: {claim.note}" if claim.note else "")
            + (f"\n- re-run: `{claim.command}`" if claim.command else ""),
        ]
    parts += [
        "## Against a linear model",
        "Median scores of the seeds. A recurrent model beats the linear one on the same input if its score is at "
        f"most {MARGIN:g} of the linear one's.",
        "| task | trivial answer | linear | best recurrent | of the linear | beaten |\n|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.contest} | {digits(row.trivial)} | {digits(row.linear)} | {digits(row.best)} ({row.model}) | "
            f"{row.share:.2f} | {row.answer} |"
            for row in margins(evidence)
        ),
        "## The papers' numbers beside ours",
        "But for the adding problem, ours are smaller and on other data: where a number differs, that may be why.",
        "| experiment | paper | source | ours | our budget |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.experiment} | {theirs(row)} | {row.source} | {' | '.join(ours(row, evidence))} |"
            for row in REPORTED
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _own(evidence: Evidence) -> list[str]:
    """What was not judged by the recorded tables, in a sentence."""
    names = ", ".join(f"[{path.name}]({link(path, evidence.out)})" for path in dict.fromkeys(evidence.own))
    return [f"**Judged by tables of your own, which differ from the recorded ones: {names}.**"] if names else []


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
