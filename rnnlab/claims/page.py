"""CLAIMS.md: the table of all claims, each claim with its parts, and the papers' numbers beside ours."""

from rnnlab.claims.claim import NOT_RUN, SIGNS, WAITING, Judged, Verdict, judge
from rnnlab.claims.evidence import CHANGED, FINER, PLANNED, RULED, Evidence
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.margins import MARGIN, margins
from rnnlab.claims.number import SHORT, Finding
from rnnlab.claims.papers import ours, theirs
from rnnlab.claims.sources import CONSTRUCTIONS, STATEMENTS
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import REPORTED
from rnnlab.experiments.results.tables import RUNS, link, location
from rnnlab.gallery.figures import BEARS_ON, FIGURES

EARLIER = {
    "C1": "the error to reach, and two more rivals",
    "C2": "one more rival, and both widths at once",
    "C3": "what is undecided",
    "C4": "the error to reach",
    "C5": "every seed instead of the median",
    "C6": "every seed instead of the median",
    "C10": "T = 100 must be solved",
    "C12": "longer runs count",
    "C18": "stacks with and without shortcuts apart, and updates instead of the last error",
}
"""The earlier rules that were changed after the first numbers were in, and in what."""
HEADS = "| | part | measured | number | 95 % interval | seeds, nets or units | confirmed if | first |"


def judged(evidence: Evidence) -> list[Verdict]:
    """Every claim."""
    return [judge(claim, evidence) for claim in CLAIMS]


def counts(verdict: Verdict) -> str:
    """How many parts have each outcome, by their signs."""
    found = [sign(judged.finding) for judged in verdict.parts]
    return " ".join(f"{one}{found.count(one)}" for one in (*SIGNS.values(), WAITING) if one in found)


def sign(finding: Finding) -> str:
    """Of an outcome; of a part that waits for its runs one of its own."""
    return WAITING if finding.why == NOT_RUN else SIGNS[finding.outcome]


def text(verdicts: list[Verdict], evidence: Evidence) -> str:
    """The page."""
    paragraphs = [
        "# The survey's claims, measured",
        "Three texts about recurrent nets started this lab: a survey, reading notes on the IRNN paper, and an answer "
        "about ReLU. They make eighteen claims. Each was divided into parts that a yes or no can answer, and each part "
        "was measured: ✔ confirmed, ✘ contradicted, ? undecided, … not run yet, – not tested. A claim is *partly* "
        "confirmed if some of its parts are: (4 of 8) is of those that have been run. What follows holds for our tasks "
        "and sizes, which are small.",
        *_own(evidence),
        "![how many parts of each claim came to what](CLAIMS.png)",
        "| | claim | what came out | to take away |\n|---|---|---|---|\n"
        + "\n".join(
            f"| [{verdict.claim.name}](#{verdict.claim.name.lower()}) | {_cell(verdict.claim.says)} | "
            f"**{verdict.word}** {counts(verdict)} | {_cell(verdict.sentence)} |"
            for verdict in verdicts
        ),
        "## How a part is decided",
        "A part has one number with a 95 % interval (of times, the middle 80 % of the rounds), and a rule in words, "
        "which `rnnlab/claims/` has in code. The part is confirmed if the rule holds everywhere in the interval, and "
        "contradicted if it holds nowhere. Otherwise it is undecided: *too noisy* if the interval is too wide, *too "
        "short* if a learning curve still falls at the end, so that more training could change the answer, *the task "
        "cannot tell* if no model learns, *not run yet* if there are no runs since the rule was committed. Models are "
        "compared with the same seeds, at the same number of updates or the same time, with learning rates that were "
        "chosen with other seeds. *A against B* is by how much more A has than B, in percent of B: −20 % is a fifth "
        "less. *Of the budget* is after which part of the updates that a run was given; 100 % if it never does. λ is "
        "the growth of the gradient in nats per step back: below 0 it vanishes.",
        "## Which came first, the rule or the numbers",
        "A rule that is written when its numbers are known can be made to fit them. So:",
        *_order(evidence),
        "## The claims, part by part",
        *(_claim(verdict) for verdict in verdicts),
        "## Built, not judged",
        "\n".join(f"- {name}: {STATEMENTS[name]}. See {where}." for name, where in CONSTRUCTIONS.items()),
        "## Against a linear model",
        "The lowest held-out error of a run, the median of the seeds. A recurrent model beats the linear one on the "
        f"same input if its error is at most {MARGIN:g} of the linear one's.",
        "| task | trivial answer | linear | best recurrent | recurrent / linear | beaten |\n|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.contest} | {digits(row.trivial)} | {digits(row.linear)} | {digits(row.best)} ({row.model}) | "
            f"{row.share:.2f} | {row.answer} |"
            for row in margins(evidence)
        ),
        "## The papers' numbers beside ours",
        "Except for the adding problem, ours are smaller and on other data: where a number differs, that may be why. "
        "Older runs ended before the rules above were committed, with other budgets and learning rates.",
        "| experiment | paper | source | ours | our budget |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.experiment} | {theirs(row)} | {row.source} | {' | '.join(ours(row, evidence))} |"
            for row in REPORTED
        ),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _order(evidence: Evidence) -> list[str]:
    """What was fixed before, and what was changed after, in a list; and where every run stands."""
    runs = link(location(RUNS, evidence.out), evidence.out)
    items = [
        f"Parts that need training: the rule. They are judged only by runs that ended after {_when(RULED)}, when the "
        "rules were committed.",
        f"One of these rules was changed at {_when(CHANGED)[11:]}, while runs were under way: whether a net learns was "
        "judged by the share of its seeds that do, which three seeds cannot decide. It is now judged by the "
        "mean time that they take, and only by runs after that, except where *first* says numbers.",
        f"The plan of the runs was changed at {_when(PLANNED)[11:]}, to fit the time: the adding problem without "
        "T = 150 and 300, fewer updates on pixels. No such run had been made. The pilots of the phonemes were made "
        "as long as the scored runs, because one had been seen: with the rate that short pilots chose, the LSTM "
        "learned and then lost it again.",
        f"And at {_when(FINER)}: the net of one sigmoid layer is measured every 4 updates instead of every 40. Each of "
        "its runs had learned after 120 to 200, so that nothing could be decided; all of them were made again.",
        "Parts that are computed in a moment: the column *first* says which.",
        "The rules of an earlier page, which these replace: of nine claims something was changed after their numbers "
        f"were in. {'; '.join(f'{name}: {what}' for name, what in EARLIER.items())}. That of C7 was written after its "
        "numbers.",
    ]
    return [
        "\n".join(f"- {item}" for item in items),
        f"The history of `rnnlab/claims/` shows it all. [Every run]({runs}) is listed with its command, seed, time and "
        "versions.",
    ]


def _when(moment: str) -> str:
    """As "2026-11-21 18:15 UTC"."""
    return f"{moment.replace('T', ' ')} UTC"


def _claim(verdict: Verdict) -> str:
    """A claim, with its parts in a table."""
    claim = verdict.claim
    sources = dict.fromkeys(part.source for part in claim.parts)
    figures = [name for name, claims in BEARS_ON.items() if claim.name in claims]
    return "\n\n".join(
        [
            f"### {claim.name}",
            "> " + "\n>\n> ".join(f"{source}: {STATEMENTS[source]}" for source in sources),
            f"**{verdict.word[0].upper()}{verdict.word[1:]}** ({counts(verdict)}). {verdict.sentence}",
            f"{HEADS}\n|{'---|' * HEADS.count(' | ')}---|\n" + "\n".join(map(row, verdict.parts)),
            f"- unlike the source: {claim.unlike}\n- what would change our mind: {claim.change}\n"
            + "".join(f"- figure: [{FIGURES[name].TITLE}]({anchor(name)})\n" for name in figures)
            + f"- re-run: `{claim.command}`",
        ]
    )


def anchor(figure: str) -> str:
    """Where the gallery's page shows it: that page's heading, as GitHub makes a link of it."""
    kept = "".join(letter for letter in FIGURES[figure].TITLE.lower() if letter.isalnum() or letter in " -_")
    return f"README.md#{kept.replace(' ', '-')}"


def row(judged: Judged) -> str:
    """A part in the table."""
    part, number, finding = judged
    tested = part.measure is not None
    pace = number.at_this_pace(part.rule.high) if number and finding.why == SHORT else ""
    cells = [
        f"{sign(finding)}{f' *{finding.why}*' if finding.why else ''}{f': {pace}' if pace else ''}",
        f"{part.says} ({part.source})",
        part.unit if tested else "",
        number.text if number else "",
        number.interval if number else "",
        f"{number.seeds:,}" if number and number.seeds else "",
        part.rule.says if tested else "",
        part.first if tested else "",
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _own(evidence: Evidence) -> list[str]:
    """What was not judged by the recorded tables, in a sentence."""
    names = ", ".join(f"[{path.name}]({link(path, evidence.out)})" for path in dict.fromkeys(evidence.own))
    return [f"**Judged by tables of your own, which differ from the recorded ones: {names}.**"] if names else []


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
