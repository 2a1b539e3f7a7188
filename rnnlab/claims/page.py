"""CLAIMS.md: the table of all claims, each claim with its parts, and the papers' numbers beside ours."""

from collections.abc import Iterable

from rnnlab.claims.claim import Judged, Verdict, judge
from rnnlab.claims.clause import NOT_RUN, SIGNS
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.history import CHANGES
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.margins import MARGIN, margins
from rnnlab.claims.number import SHORT, Outcome
from rnnlab.claims.papers import ours, theirs
from rnnlab.claims.sources import CONSTRUCTIONS, STATEMENTS
from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.papers import REPORTED
from rnnlab.experiments.results.tables import RUNS, link, location
from rnnlab.gallery import publish
from rnnlab.gallery.captions import listed
from rnnlab.gallery.figures import BEARS_ON, FIGURES

RESULTS: tuple[Outcome, ...] = ("confirmed", "contradicted", "undecided")
DOUBTFUL = 3
"""As many contradicted parts make a claim one of the most doubtful."""
HEADS = "| | part | measured | number | interval | seeds, nets or units | confirmed if | fixed first |"
GLOSSARY = (
    "A sentence with (✘) says what we found, and the claim says the opposite. What is undecided has the reason beside "
    "it: *too noisy*, the seeds differ too much, or the number is too near to the limit; *too short*, the curves still "
    "fall; *one seed only*; *the task cannot tell*, no model learns it.",
    "W is a kernel on the inputs and U the recurrent one: h[t] = φ(x[t] W + h[t-1] U + b). In C17 alone, as in its "
    "source, W is the recurrent one.",
    "IRNN: a ReLU RNN that starts with U = I. 0.01·I: the same with U = 0.01 I. IndRNN: every unit sees its own past "
    "alone, through one weight, u. T: how many steps a sequence has.",
    "A gradient vanishes, or is lost, if it falls below a thousandth of what it was, and explodes if it grows more "
    "than a thousandfold. We call that rare if it happens in at most 5 % of the nets. Unless a part says otherwise, it "
    "is the gradient of a net as initialised.",
    "A net *learns* if its held-out error falls below half of what it was untrained; one that learns to add, if it "
    "falls below 0.05. It learns *sooner* if it takes fewer updates for that. It *solves* the adding problem if its "
    "error falls below 0.01, and *struggles* at T = 200 if that takes twice the updates of T = 100, or never comes.",
    "Drawn digits: 14 × 14 pixels, in the fonts that Matplotlib brings; in order, or in one shuffled order, a pixel a "
    "step. Real digits: 5,000 images of MNIST, in order. Phonemes, or frames: vowels and fricatives, synthesised, of "
    "40 speakers, or of as many as is said. Bits: the loss per character. Shortcuts: residual connections.",
    "Percentages with a sign compare: −12 % error, an eighth less than the other model's; +206 % updates, three times "
    "as many. Less is always better.",
)
MIND = (
    "Pixels, characters, phonemes and stacks are judged by the lowest held-out error of a run. It, and the learning "
    "rate, were chosen on the held-out data that it is measured on, so it flatters; it flatters all models.",
    "A model's learning rate is the best of four to nine that pilots tried, with a seed that is not scored; all "
    "initializers of a net have one rate. Some rates are borrowed: for T = 60 from 30, for 1,000 and 5,000 from 500, "
    "for one and two layers from four, for 21 from 12, for fewer speakers from all of them, for real and permuted "
    "digits from drawn ones in order; and, since none of their own pilots learned anything, for the tanh RNN's "
    "T = 200 and 400 from 100, for the LSTM's T = 400 from 200.",
    "Where the highest rate that was tried came out best, a higher one may be better still: for LSTM and GRU on the "
    "adding problem, the LSTM's stacks, every model on characters, linear models and perceptrons, and the initializers "
    "of the ReLU RNN, of sigmoid layers and of ten ReLU layers of 16 units.",
    "All runs on frames of 40 speakers have the same data: their intervals hold no chance of the data.",
    "At the same number of updates a model whose update costs more has more time: an IndRNN of six layers with "
    "BatchNorm takes as long for one as a tanh RNN for about thirteen.",
)


def judged(evidence: Evidence) -> list[Verdict]:
    """Every claim."""
    return [judge(claim, evidence) for claim in CLAIMS]


def counts(verdict: Verdict) -> str:
    """How many parts have each outcome: by their signs, and in words those that have none."""
    found = verdict.standings
    signs = " ".join(f"{SIGNS[one]}{found.count(one)}" for one in RESULTS if one in found)
    words = (f"{found.count(one)} {one}" for one in (NOT_RUN, "not tested") if one in found)
    return ", ".join(filter(None, (signs, *words)))


def in_short(verdicts: list[Verdict]) -> str:
    """Which claims have nothing against them, and which the most, in a sentence or two."""
    against = {verdict.claim.name: verdict.standings.count("contradicted") for verdict in verdicts}
    measured = [verdict.claim.name for verdict in verdicts if set(verdict.standings) - {NOT_RUN, "not tested"}]
    none = [name for name in measured if not against[name]]
    most = sorted((name for name, count in against.items() if count >= DOUBTFUL), key=lambda name: -against[name])
    said = [f"Nothing that we measured contradicts {listed(none)}."] if none else []
    if most:
        counted = [f"{name} ({SIGNS['contradicted']}{against[name]})" for name in most]
        said.append(f"Most is wrong with {listed(counted)}.")
    return f"**In short.** {' '.join(said)}" if said else ""


def text(verdicts: list[Verdict], evidence: Evidence) -> str:
    """The page."""
    paragraphs = [
        "# The survey's claims, measured",
        "Three texts about recurrent nets started this lab: a survey, reading notes on the IRNN paper, and an answer "
        "about why ReLU does not cure an RNN. They make eighteen claims. Each was divided into parts that a yes or no "
        "can answer, and each part was measured: ✔ confirmed, ✘ contradicted, ? undecided. A claim is *partly (3 of "
        "5)* confirmed if three of its five parts are; parts that are not run yet, or not tested, do not count, and "
        "*so far* says that some are not run yet. What follows holds for our tasks and sizes, which are small.",
        *_own(evidence),
        in_short(verdicts),
        "![how many parts of each claim are confirmed, contradicted and undecided](CLAIMS.png)",
        "**The words**\n\n" + _listed(GLOSSARY),
        "| | claim | what came out | to take away |\n|---|---|---|---|\n"
        + "\n".join(
            f"| [{verdict.claim.name}](#{verdict.claim.name.lower()}) | {_cell(verdict.claim.says)} | "
            f"**{verdict.word}** {counts(verdict)} | {_cell(verdict.sentence)} |"
            for verdict in verdicts
        ),
        "## How a part is decided",
        "A part has one number with its interval, and a rule in words, which `rnnlab/claims/` has in code. The part is "
        "confirmed if the rule holds everywhere in the interval, and contradicted if it holds nowhere. Otherwise it is "
        "undecided: *too noisy* if the interval is too wide, *one seed only* if there is none, *too short* if more "
        "training could change the answer because the curves still fall, *the task cannot tell* if no model learns, "
        "*not run yet* if there are no runs since the rule was committed.",
        "The interval is for 95 %: of a mean over seeds, or of the mean difference of two models with the same seeds, "
        "by the bootstrap, made wider as Student's t is for so few; of a share, Wilson's. Of times it is the middle 80 "
        "% of the rounds. Where two models are compared by the updates until something is reached, it is wider again: "
        "the error is measured every so many updates, and what is reached was reached somewhere in between. A run that "
        "never got there counts as if it had at the end of its updates, or one measurement later, and would have "
        "needed more: on that side the interval is open, *51 % or more*. Where chance has no part in a number, or all "
        "seeds agree, it is left out.",
        "A curve still falls if the straight line through the last quarter of its rows does, by more than 5 % and by "
        "more than two standard errors, or if the run went on after the last row that is compared and came more than 5 "
        "% below it. A model's curves do if half of them or more do; where the number is a share of the "
        "updates, if any does that has not got there. What is too short and too noisy is called too short.",
        "Models are compared with the same seeds, at the same number of updates or the same time, with learning rates "
        "that were chosen with other seeds. *A against B* is by how much more A has than B, in percent of B: −20 % is "
        "a fifth less. *12 % of 3,000*: so much of the 3,000 updates that were allowed was needed; *not in 3,000*: "
        "no seed got there. *Fixed first* says which was there first, the rule or its numbers. "
        "λ is by how much log |gradient| grows with every step back; below 0 it vanishes. A1 is the first statement of "
        "the survey, B1 of the notes, D1 of the answer.",
        "To keep in mind:",
        _listed(MIND),
        "## The claims, part by part",
        *(_claim(verdict) for verdict in verdicts),
        "## Which came first, the rule or the numbers",
        "A rule that is written when its numbers are known can be made to fit them. So:",
        *_order(evidence),
        "## Built, not judged",
        _listed(f"{name}: {STATEMENTS[name]}. See {where}." for name, where in CONSTRUCTIONS.items()),
        "## Against a linear model",
        "The lowest held-out error of a run, the median of the seeds. A recurrent model beats the linear one on the "
        f"same input if its error is at most {MARGIN:g} of the linear one's.",
        "| task | trivial answer | linear | best recurrent | recurrent / linear | beaten |\n|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.contest} | {digits(row.trivial)} | {digits(row.linear)} | {digits(row.best)} ({row.of}) | "
            f"{row.share:.2f} | {row.answer} |"
            for row in margins(evidence)
        ),
        "## The papers' numbers beside ours",
        "Except for the adding problem, ours are smaller and on other data: where a number differs, that may be why. "
        "Ours is the median of the seeds, with their range, where the parts above have the mean. Older runs "
        "ended before the rules above were committed, with other budgets and learning rates.",
        "| experiment | paper | source | ours | our budget |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| {row.experiment} | {theirs(row)} | {row.source} | {' | '.join(ours(row, evidence))} |"
            for row in REPORTED
        ),
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _order(evidence: Evidence) -> list[str]:
    """What was fixed before, and what was changed after, in a list; and where every run stands."""
    runs = link(location(RUNS, evidence.out), evidence.out)
    return [
        _listed(CHANGES),
        f"The history of `rnnlab/claims/` shows it all. [Every run]({runs}) is listed with its command, seed, time and "
        "versions.",
    ]


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


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
    return f"README.md#{publish.anchor(FIGURES[figure].TITLE)}"


def row(judged: Judged) -> str:
    """A part in the table."""
    part, number, finding = judged
    tested = part.measure is not None
    pace = number.at_this_pace(part.rule.high) if number and finding.why == SHORT else ""
    cells = [
        f"{SIGNS[judged.standing]}{f' *{finding.why}*' if finding.why else ''}{f': {pace}' if pace else ''}",
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
