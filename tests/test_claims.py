"""The ledger: every statement of the sources has its part, the page shows every part, and the command writes it."""

import re
from itertools import chain
from pathlib import Path

import pytest

import rnnlab.claims
from rnnlab.claims import depth, glorot, indrnn, nets, orthogonal, scales
from rnnlab.claims.claim import Claim, Judged, Part, Verdict, judge
from rnnlab.claims.clause import NOT_RUN, SIGNS
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.margins import CONTESTS, Margin, margins
from rnnlab.claims.number import Finding, Number, at_most
from rnnlab.claims.page import MIND, anchor, counts, in_short, row, text
from rnnlab.claims.papers import ours
from rnnlab.claims.sources import CONSTRUCTIONS, STATEMENTS
from rnnlab.cli import main
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.papers import REPORTED
from rnnlab.experiments.results.tables import read
from rnnlab.gallery.figures import BEARS_ON, FIGURES
from rnnlab.gallery.publish import _links
from rnnlab.table import Table
from small_figures import full_table

BY_NAME = {claim.name: claim for claim in CLAIMS}
RUNS = " ".join(read("runs").columns)


# What the ledger is made of


def test_the_page_names_the_rates_of_longer_tasks_that_those_of_shorter_ones_gave():
    pilots = read("pilots").where(recipe="adding")
    own = {(entry.model, entry.variant): entry for entry in RECIPES["adding"].paper if entry.before}
    borrowed = {}
    for (model, variant), entry in own.items():
        for pilot in (entry.pilot, *entry.before):
            rows = pilots.where(variant=pilot, model=model)
            if (rows["best"] < rows["baseline"]).any():
                break
        if pilot != entry.pilot:
            borrowed[model, variant] = pilot
    said = {
        (model, f"T = {steps}"): f"T = {source}"
        for model, lengths, source in re.findall(r"the ([\w ]+)'s T = ([\d ]+(?:and \d+ )?)from (\d+)", " ".join(MIND))
        for steps in re.findall(r"\d+", lengths)
    }
    assert borrowed == said


def test_the_page_says_where_the_highest_rate_came_out_best():
    pilots, highest = read("pilots"), set()
    for name, recipe in RECIPES.items():
        for entry in recipe.entries("paper", pilots):
            rates = [one.run.lr for one in recipe.pilots if one.variant == entry.pilot]
            if rates and entry.run.lr == max(rates):
                highest.add((name, entry.variant if name == "initializers" else entry.model))
    simple = {(name, model) for name in ("phonemes", "pixels") for model in ("linear", "perceptron")}
    gated = {("adding", "LSTM"), ("adding", "GRU"), ("stacks", "LSTM")}
    nets = ("ReLU RNN", "ReLU RNN, T = 60", "1 sigmoid layer", "10 sigmoid layers", "10 ReLU layers of 16")
    every = {("characters", entry.model) for entry in RECIPES["characters"].paper}
    assert highest == simple | gated | every | {("initializers", net) for net in nets}
    assert "for LSTM and GRU on the adding problem, the LSTM's stacks, every model on characters" in " ".join(MIND)


def test_there_are_eighteen_claims_in_order():
    assert list(BY_NAME) == [f"C{n}" for n in range(1, 19)]


def test_every_statement_of_the_sources_is_a_part_of_a_claim_or_is_built():
    wanted = [*(f"A{n}" for n in range(1, 13)), *(f"B{n}" for n in range(1, 10)), *(f"D{n}" for n in range(1, 11))]
    assert list(STATEMENTS) == wanted
    judged = {part.source for claim in CLAIMS for part in claim.parts}
    assert judged | CONSTRUCTIONS.keys() == set(wanted)
    assert not judged & CONSTRUCTIONS.keys()


def test_a_claim_s_parts_are_said_once_and_no_file_is_long():
    for claim in CLAIMS:
        said = [part.says for part in claim.parts]
        assert len(said) == len(set(said)), claim.name
        assert all(part.measure or part.why for part in claim.parts), claim.name
    for path in Path(rnnlab.claims.__file__).parent.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path.name


def test_what_is_built_is_where_it_is_said_to_be():
    root = Path(rnnlab.claims.__file__).parents[2]
    for where in CONSTRUCTIONS.values():
        for path in re.findall(r"(?:rnnlab|tests|tutorials)/[\w/]+\.py", where):
            assert (root / path).exists(), path


# Words and sentences


def verdict(claim: Claim, *outcomes: str) -> Verdict:
    parts = claim.parts[: len(outcomes)]
    found = [Finding("undecided", NOT_RUN) if one == NOT_RUN else Finding(one) for one in outcomes]
    return Verdict(claim, tuple(Judged(part, None, one) for part, one in zip(parts, found, strict=True)))


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (["confirmed"] * 4, "confirmed"),
        (["confirmed", "confirmed", "contradicted", "undecided"], "partly (2 of 4)"),
        (["confirmed", "contradicted", "not tested"], "partly (1 of 2)"),
        (["confirmed", "not tested"], "confirmed where tested"),
        (["contradicted"] * 4, "contradicted"),
        (["contradicted", "contradicted", "undecided", "undecided"], "contradicted"),
        (["contradicted", "undecided", "undecided", "undecided"], "undecided"),
        (["undecided", "not tested"], "undecided"),
        ([NOT_RUN] * 3, "not run yet"),
        (["not tested", NOT_RUN], "not run yet"),
        (["not tested"], "undecided"),
        (["confirmed", "contradicted", NOT_RUN, NOT_RUN], "so far partly (1 of 2)"),
        (["confirmed", NOT_RUN], "so far confirmed"),
        (["contradicted", NOT_RUN, NOT_RUN, NOT_RUN], "so far contradicted"),
        (["undecided", NOT_RUN], "so far undecided"),
    ],
)
def test_the_word_counts_the_parts_that_have_been_run(outcomes, word):
    assert verdict(BY_NAME["C10"], *outcomes).word == word


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_the_sentence_to_take_away_follows_from_the_outcomes(claim):
    sentences = {
        verdict(claim, *[outcome] * len(claim.parts)).sentence for outcome in ("confirmed", "contradicted", "undecided")
    }
    assert len(sentences) == 3
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "{" not in sentence


def test_in_short_it_says_what_is_contradicted_and_what_is_not():
    some = verdict(BY_NAME["C1"], "confirmed", "undecided")
    doubtful = verdict(BY_NAME["C2"], *["contradicted"] * 3)
    more = verdict(BY_NAME["C5"], *["contradicted"] * 4)
    once, waiting = verdict(BY_NAME["C3"], "contradicted"), verdict(BY_NAME["C4"], NOT_RUN, "not tested")
    said = "Nothing that we measured contradicts C1. Most is wrong with C5 (✘4) and C2 (✘3)."
    assert in_short([some, doubtful, once, waiting, more]) == f"**In short.** {said}"
    assert in_short([once, waiting]) == ""


def test_what_has_not_been_run_is_counted():
    claim = BY_NAME["C3"]
    waiting, decided = Finding("undecided", NOT_RUN), Finding("confirmed")
    found = Verdict(claim, tuple(Judged(part, None, waiting) for part in claim.parts))
    assert found.sentence == "Not run yet."
    some = [decided if part.group == "data" else waiting for part in claim.parts]
    found = Verdict(claim, tuple(Judged(part, None, one) for part, one in zip(claim.parts, some, strict=True)))
    said = "With it normalised data saturate few sigmoid units; data 100 times as large saturate most."
    assert found.sentence.endswith(said)
    assert found.sentence.count("is open (not run yet)") == 2
    assert counts(found) == "✔2, 4 not run yet"


def test_the_sentence_has_the_numbers_that_its_parts_tell():
    claim = BY_NAME["C11"]
    numbers = [Number(ratio, ratio - 0.1, ratio + 0.1, 20) for ratio in (3.8, 4.2, 4.7)]
    found = Verdict(
        claim, tuple(Judged(part, one, part.rule(one)) for part, one in zip(claim.parts, numbers, strict=True))
    )
    assert found.sentence == (
        "An LSTM step costs four IRNN steps or more with 128 units (4.20) and 256 units (4.70); "
        "an LSTM step costs less than four with 64 units (3.80) (✘)."
    )
    noisy = Verdict(
        claim, tuple(Judged(part, Number(4, 3, 5, 20), part.rule(Number(4, 3, 5, 20))) for part in claim.parts)
    )
    assert "is open (4, too noisy, each)" in noisy.sentence


# The page


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Every claim, judged by what the package comes with and by what is computed now, of fewer nets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nets.norms, "__defaults__", (nets.LONG, nets.WIDTH, 8))
        patch.setattr(depth, "CNNS", 4)
        patch.setattr(indrnn, "COUNT", 4)
        for module in (orthogonal, glorot, scales):
            patch.setattr(module, "SEEDS", 4)
        evidence = Evidence(tmp_path_factory.mktemp("none"))
        evidence._tables.update({name: full_table(name) for name in ("activation_slopes", "indrnn_range")})
        return evidence, [judge(claim, evidence) for claim in CLAIMS]


def test_what_is_exact_comes_out(shipped):
    words = {found.claim.name: found.word for found in shipped[1]}
    assert words["C8"] == "confirmed"
    outcomes = {judged.part.says: judged.finding.outcome for found in shipped[1] for judged in found.parts}
    assert outcomes["an active ReLU's slope is 1"] == "confirmed"
    assert outcomes["ReLU's slope is always 1"] == "contradicted"
    assert outcomes["there are 25 positions"] == outcomes["the matrix has 4 columns"] == "confirmed"
    assert outcomes["αI forgets: the gradient grows by log α a step, to twelve digits"] == "confirmed"


def test_the_table_at_the_top_says_what_came_out(shipped):
    evidence, verdicts = shipped
    page = text(verdicts, evidence)
    top = page.partition("\n### ")[0]
    for found in verdicts:
        assert f"| [{found.claim.name}](#{found.claim.name.lower()}) | {found.claim.says} | **{found.word}** " in top
        assert found.sentence in top


def test_the_page_has_every_part_with_its_number_rule_and_source(shipped):
    evidence, verdicts = shipped
    page = text(verdicts, evidence)
    for found in verdicts:
        section = page.partition(f"### {found.claim.name}\n")[2].partition("\n##")[0]
        assert found.claim.unlike in section
        assert found.claim.change in section
        assert found.claim.command in section
        for judged in found.parts:
            assert row(judged) in section
            assert STATEMENTS[judged.part.source] in section
            assert row(judged).startswith(f"| {SIGNS[judged.standing]}")
    for sentence in STATEMENTS.values():
        assert sentence in page
    for banned in ("nobody chose", "no more is meant", "nan", "holds if"):
        assert banned not in page


def test_a_claim_links_to_its_figures_and_a_figure_to_its_claims(shipped, tmp_path):
    evidence, verdicts = shipped
    page = text(verdicts, evidence)
    assert BEARS_ON.keys() <= FIGURES.keys()
    assert set(chain(*BEARS_ON.values())) == BY_NAME.keys()
    for name, claims in BEARS_ON.items():
        for claim in claims:
            section = page.partition(f"### {claim}\n")[2].partition("\n##")[0]
            assert f"({anchor(name)})" in section
            assert f"[{claim}](CLAIMS.md#{claim.lower()})" in _links(name, tmp_path / name, tmp_path)


# The other two tables


def test_a_linear_model_is_beaten_by_the_margin_or_not():
    assert Margin("m", 90.0, 30.0, 24.0, "GRU", 3).beaten
    assert not Margin("m", 90.0, 30.0, 24.1, "GRU", 3).beaten
    assert not Margin("m", 30.0, 30.0, 10.0, "GRU", 3).beaten
    answers = [Margin("m", 90.0, 30.0, best, "GRU", 3).answer for best in (24.0, 24.1, 29.9, 30.0)]
    assert answers == ["yes", "by less", "by less", "no"]


def recorded(**given: object) -> tuple[object, ...]:
    """A row of the table of runs."""
    plain = {"size": "paper", "status": "done", "updates": 100.0, "seed": 0.0, "seconds": 5.0, "baseline": 93.0}
    row = {"measure": "%", "command": "", "versions": "", "machine": "", "first": 0.0, "ended": "", **plain, **given}
    return tuple(row.get(name, row["best"]) for name in RUNS.split())


def test_the_best_recurrent_model_is_the_one_with_the_lowest_median(tmp_path):
    rows = [
        recorded(recipe="phonemes", variant="frames", model=model, seed=float(seed), status=status, best=best)
        for model, seed, status, best in (
            ("linear", 0, "done", 30.0),
            ("GRU", 0, "done", 12.0),
            ("GRU", 1, "done", 14.0),
            ("GRU", 2, "diverged", 1.0),
            ("LSTM", 0, "done", 13.0),
        )
    ]
    (tmp_path / "runs.csv").write_text(Table.of(RUNS, rows).text(), encoding="utf-8")
    (found,) = margins(Evidence(tmp_path))
    assert found == Margin("phonemes, frame error %", 93.0, 30.0, 13.0, "LSTM", 1, older=True)
    assert found.of == "LSTM, 1 seed, older runs"
    assert "phonemes, frame error %" in CONTESTS


def test_drawn_and_real_digits_have_a_trivial_answer_each(tmp_path):
    drawn = (("sequential", "IRNN", 20.0, 90.1), ("whole image", "linear", 33.0, 90.1))
    later = "2026-11-22T05:00:00"
    real = (("real digits", "IRNN", 10.0, 90.0), ("real digits, whole image", "linear", 8.0, 90.0))
    rows = [
        recorded(recipe="pixels", variant=variant, model=model, best=best, baseline=baseline, ended=later)
        for variant, model, best, baseline in drawn + real
    ]
    (tmp_path / "runs.csv").write_text(Table.of(RUNS, rows).text(), encoding="utf-8")
    assert margins(Evidence(tmp_path)) == [
        Margin("pixels, sequential, error %", 90.1, 33.0, 20.0, "IRNN", 1),
        Margin("real digits, error %", 90.0, 8.0, 10.0, "IRNN", 1),
    ]


def test_a_paper_s_number_stands_beside_ours_and_what_was_spent(tmp_path):
    rows = [
        recorded(recipe="adding", variant="T = 200", model="IRNN", seed=float(seed), best=best, baseline=1 / 6)
        for seed, best in ((0, 0.001), (1, 0.1))
    ]
    (tmp_path / "runs.csv").write_text(Table.of(RUNS, rows).text(), encoding="utf-8")
    evidence = Evidence(tmp_path)
    (irnn,) = [row for row in REPORTED if row.ours == ("adding", "T = 200", "IRNN")]
    assert ours(irnn, evidence) == ("1 of 2 seeds below 0.01, older runs", "100 updates, 5 s a run")
    (lstm,) = [row for row in REPORTED if row.ours == ("adding", "T = 200", "LSTM")]
    assert ours(lstm, evidence) == ("not run", "")


# The command


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rnnlab.claims.page.CLAIMS", [BY_NAME["C7"], BY_NAME["C11"]])
    assert main(["claims", "--out", str(tmp_path / "new")]) == 0
    out = capsys.readouterr().out
    assert "C7" in out
    assert "CLAIMS.md" in out
    assert "### C11" in (tmp_path / "new" / "CLAIMS.md").read_text(encoding="utf-8")


def test_a_verdict_by_a_table_of_ones_own_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rnnlab.claims.page.CLAIMS", [BY_NAME["C11"]])
    own = tmp_path / "step_cost.csv"
    text = read("step_cost").text()
    own.write_text(text, encoding="utf-8")
    assert main(["claims", "--out", str(tmp_path)]) == 0
    assert "your own" not in capsys.readouterr().out + (tmp_path / "CLAIMS.md").read_text(encoding="utf-8")
    own.write_text(text.replace(",25\n", ",26\n"), encoding="utf-8")
    assert main(["claims", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"judged by your own {own}, which differs from the recorded table" in out
    assert "[step_cost.csv](step_cost.csv)" in (tmp_path / "CLAIMS.md").read_text(encoding="utf-8")
    assert main(["figures", "step_cost", "--out", str(tmp_path)]) == 0
    assert f"drawn from your own {own}, which differs from the recorded table" in capsys.readouterr().out


def test_the_command_tells_one_claim_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["claims", "C11"]) == 0
    out = capsys.readouterr().out
    assert "rule: at least 4" in out
    assert re.search(r"^ *[✔✘?] with 64 units", out, re.MULTILINE)  # a time: the machine decides which
    assert list(tmp_path.iterdir()) == []
    assert main(["claims", "C19"]) == 2
    assert "a claim is one of C1, C2" in capsys.readouterr().err


@pytest.mark.parametrize("contents", ["a,b\n1,2\n", ""])
def test_a_table_of_something_else_is_refused_by_name(tmp_path, contents, capsys):
    (tmp_path / "runs.csv").write_text(contents, encoding="utf-8")
    assert main(["claims", "C10", "--out", str(tmp_path)]) == 2
    assert f"{tmp_path / 'runs.csv'} is not a table with the columns" in capsys.readouterr().err


def test_the_recorded_runs_say_how_to_repeat_them():
    runs = read("runs")
    assert all(command.startswith("rnnlab train ") for command in runs["command"])
    assert (runs["seconds"] > 0).all()
    assert all("NumPy" in versions for versions in runs["versions"])


def test_a_part_that_is_not_tested_says_why(tmp_path):
    claim = Claim("C0", "", (Part("A1", "g", "s", None, at_most(0), why="too dear"),), (), "", "", "")
    (judged,) = judge(claim, Evidence(tmp_path)).parts
    assert judged.finding == Finding("not tested", "too dear")
    assert row(judged).startswith("| – *too dear* | s (A1) |")
