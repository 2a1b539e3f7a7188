"""The ledger: each rule tried from both sides with made-up numbers, each measure on made-up runs, and the page."""

from math import inf, nextafter

import numpy as np
import pytest

from rnnlab.claims.claim import Claim, judge
from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.initializers import DEEP, KERNELS, NORMALS, VARIANCE, sooner
from rnnlab.claims.irnn import LENGTHS
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.margins import CONTESTS, Margin, margins
from rnnlab.claims.page import number, text
from rnnlab.claims.papers import ours
from rnnlab.claims.verdict import Verdict, nearer, of_parts
from rnnlab.cli import main
from rnnlab.experiments.recipes import MODELS, RECIPES
from rnnlab.experiments.results.ends import SOLVED
from rnnlab.experiments.results.papers import REPORTED
from rnnlab.experiments.results.tables import read
from rnnlab.experiments.runner import CURVES, RUNS
from rnnlab.table import Table
from small_figures import full_table, small_table

BY_NAME = {claim.name: claim for claim in CLAIMS}

HOLDS: dict[str, dict[str, float]] = {
    "C1": {
        "forward variance ratio": 1.9,
        "backward variance ratio": 0.51,
        "updates with glorot_uniform": 1000,
        "fewest": 900,
    },
    "C2": {
        f"{name}, {variant}": 90.0 if name == "he_uniform" else 100.0
        for variant in DEEP
        for name in ("he_uniform", *KERNELS)
    },
    "C3": {
        "lecun_uniform": 10.0,
        "glorot_uniform": 10.5,
        "he_uniform": 14.0,
        "orthogonal": 9.5,
        **{f"range of {name}": 1.0 for name in ("lecun_uniform", "glorot_uniform", "he_uniform", "orthogonal")},
    },
    "C4": {
        "growth, orthogonal as U": -0.1,
        "growth, glorot_uniform as U": -0.2,
        "spread, orthogonal as U": 0.01,
        "spread, glorot_uniform as U": 0.03,
        "growth, orthogonal as W and U": -0.1,
        "growth, glorot_uniform as W and U": -0.2,
        "spread, orthogonal as W and U": 0.01,
        "spread, glorot_uniform as W and U": 0.03,
        "updates, orthogonal": 900,
        "updates, glorot_uniform": 1000,
    },
    "C5": {f"share of seeds, σ = {std}": share for std, share in zip(NORMALS, (0.0, 2 / 3, 1.0), strict=True)},
    "C6": {
        f"{name}, {variant}": share
        for name, shares in {
            VARIANCE: (1.0, 1.0),
            NORMALS[0.01]: (0.0, 0.0),
            NORMALS[0.05]: (1.0, 2 / 3),
            NORMALS[0.2]: (2 / 3, 1.0),
        }.items()
        for variant, share in zip(DEEP, shares, strict=True)
    },
    "C7": {
        "steps": 24.0,
        "times as fast without all that does not wait": 1.9,
        "all steps at once, off from one by one": 1e-15,
        "two workers' gradient, off from the batch's": 2e-6,
        "speed-up of two workers, largest network": 1.6,
        "its 10 %": 1.2,
        "least that a batch is faster than a loop": 3.0,
        "largest error of an ensemble over its members'": 1.0,
        "members at once, off from one by one": 0.0,
        "speed-up of two members at once": 1.8,
    },
    "C8": {"largest change of the state": 0.0, "largest change of the derivative": 0.0},
    "C9": {"growth over log α": 1.0, "left after 100 steps": 2.7e-5},
    "C10": {
        **{f"tanh RNN, T = {steps}": 0.0 for steps in LENGTHS},
        **{f"LSTM, T = {steps}": 2 / 3 for steps in LENGTHS},
        **{f"IRNN, T = {steps}": 2 / 3 for steps in LENGTHS},
        **{f"{model}, T = 100": 1.0 for model in ("tanh RNN", "LSTM", "IRNN")},
    },
    "C11": {"H = 64": 4.0, "H = 128": 5.0},
    "C12": {
        "tanh RNN": 60.0,
        "tanh RNN, 5 times as long": 50.0,
        "IRNN": 10.0,
        "IRNN, 5 times as long": 3.0,
        "LSTM": 2.0,
    },
    "C13": {"IRNN": 2.0, "LSTM": 1.9, "tanh RNN": 2.4, "largest range of the seeds": 0.1},
    "C14": {"IRNN, 0.01 I": 20.0, "IRNN": 19.0, "tanh RNN": 25.0, "LSTM": 19.5},
    "C15": {
        "smallest slope": 0.002,
        "largest slope": 0.25,
        "largest product of ten over 0.25^10": 1.0,
        "growth over ten layers of 16 times the weights": 1.0,
    },
    "C16": {
        "smallest slope": 1.0,
        "largest slope": 1.0,
        "|gradient| after 50 ReLU layers": 0.02,
        "|gradient| after 50 sigmoid layers": 1e-30,
        "rows of the im2col matrix": 25.0,
        "columns of the im2col matrix": 4.0,
    },
    "C17": {"RNN": 1e9, "MLP": 100.0, "CNN": 10.0},
    "C18": {
        "share of adding runs solved": 1.0,
        "runs diverged": 0.0,
        "deepest": 21.0,
        "gradient at u = ε^(1/T), T = 2000": 0.5,
        "gradient at u = γ^(1/T), T = 2000": 2.0,
        "IndRNN, deepest": 2.3,
        "IndRNN residual, deepest": 2.2,
        "IndRNN residual, batch norm, deepest": 2.0,
        "tanh RNN, deepest": 2.5,
        "tanh RNN residual, deepest": 2.1,
        "IndRNN, 1 layer": 2.4,
        "IndRNN residual, 2 layers": 2.3,
        "updates to solve adding, T = 400": 4000.0,
        "of the best rival": 4500.0,
        **{
            f"score over the best rival's: {contest}": 0.99
            for contest in ("pixels, sequential", "pixels, permuted", "characters", "phonemes")
        },
    },
}
"""Numbers just on the side where a claim holds."""

BREAKS: dict[str, list[dict[str, float]]] = {
    "C1": [
        {"forward variance ratio": 2.1},
        {"forward variance ratio": 0.49},
        {"backward variance ratio": 2.1},
        {"backward variance ratio": 0.49},
        {"fewest": 901},
        {"fewest": inf},
    ],
    "C2": [{f"he_uniform, {variant}": 91.0} for variant in DEEP]
    + [{f"{name}, {variant}": 99.0} for variant in DEEP for name in KERNELS]
    + [{f"he_uniform, {variant}": inf for variant in DEEP}],
    "C3": [{"lecun_uniform": 10.6}, {"he_uniform": 10.9}, {"glorot_uniform": inf}],
    "C4": [
        {"spread, orthogonal as U": 0.016},
        {"growth, orthogonal as U": -0.18},
        {"growth, orthogonal as W and U": -0.18},
        {"updates, orthogonal": 901},
    ],
    "C5": [
        {f"share of seeds, σ = {std}": 1.0 for std in NORMALS},
        {"share of seeds, σ = 0.2": 2 / 3},
        {"share of seeds, σ = 0.01": 1 / 3},
    ],
    "C6": [
        {f"{VARIANCE}, {DEEP[0]}": 2 / 3},
        {f"{VARIANCE}, {DEEP[1]}": 2 / 3},
        {f"{NORMALS[0.05]}, {DEEP[1]}": 1.0},
        {f"{NORMALS[0.2]}, {DEEP[0]}": 1.0},
    ],
    "C7": [
        {"times as fast without all that does not wait": 12.0},
        {"all steps at once, off from one by one": 1e-3},
        {"two workers' gradient, off from the batch's": 0.1},
        {"its 10 %": 0.9},
        {"least that a batch is faster than a loop": 0.99},
        {"largest error of an ensemble over its members'": 1.1},
        {"members at once, off from one by one": 1e-9},
        {"speed-up of two members at once": 0.95},
    ],
    "C8": [{"largest change of the state": 1e-16}, {"largest change of the derivative": 1e-16}],
    "C9": [{"growth over log α": 1 + 2e-12}, {"left after 100 steps": 1.1e-3}],
    "C10": [
        {"tanh RNN, T = 150": 1.0},
        {"tanh RNN, T = 100": 2 / 3},
        {"LSTM, T = 100": 2 / 3},
        dict.fromkeys(HOLDS["C10"], 0.0),
        {"LSTM, T = 150": 1.0, "LSTM, T = 200": 1.0, "IRNN, T = 150": 1.0, "IRNN, T = 200": 1.0},
        *({f"IRNN, T = {steps}": 1 / 3} for steps in LENGTHS),
    ],
    "C11": [{"H = 64": 3.99}, {"H = 128": 3.99}],
    "C12": [
        {"tanh RNN": 45.0},
        {"tanh RNN, 5 times as long": 45.0},
        {"IRNN, 5 times as long": 5.1},
        {"LSTM": 10.1},
    ],
    "C13": [{"IRNN": 2.3}, {"LSTM": inf}, {"largest range of the seeds": inf}],
    "C14": [{"tanh RNN": 22.0}, {"LSTM": 19.0}, dict.fromkeys(HOLDS["C14"], inf)],
    "C15": [
        {"smallest slope": 0.0},
        {"largest slope": nextafter(0.25, 1)},
        {"largest product of ten over 0.25^10": 1.01},
        {"growth over ten layers of 16 times the weights": 1.01},
    ],
    "C16": [
        {"smallest slope": 0.0},
        {"largest slope": 0.99},
        {"|gradient| after 50 ReLU layers": 0.009},
        {"|gradient| after 50 ReLU layers": 101.0},
        {"|gradient| after 50 sigmoid layers": 0.02},
        {"rows of the im2col matrix": 16.0},
        {"columns of the im2col matrix": 9.0},
    ],
    "C17": [{"RNN": 1e3}, {"MLP": 1.1e3}, {"CNN": 1.1e3}],
    "C18": [
        {"share of adding runs solved": 0.9},
        {"runs diverged": 1.0},
        {"gradient at u = ε^(1/T), T = 2000": 0.49},
        {"gradient at u = γ^(1/T), T = 2000": 2.01},
        {"IndRNN, 1 layer": 2.3},
        {"IndRNN residual, 2 layers": 2.0},
        {"tanh RNN, deepest": 2.3},
        {"tanh RNN residual, deepest": 2.0},
        {"IndRNN residual, batch norm, deepest": 2.3},
        {"of the best rival": 4000.0},
        {"updates to solve adding, T = 400": inf, "of the best rival": inf},
        *({name: 1.0} for name in HOLDS["C18"] if name.startswith("score over the best rival")),
    ],
}
"""Changes, each of which is enough that the claim no longer simply holds."""


def word(claim: str, numbers: dict[str, float]) -> str:
    return BY_NAME[claim].rule(numbers).word


def test_there_are_eighteen_claims_and_all_are_tried_from_both_sides():
    assert list(BY_NAME) == [f"C{n}" for n in range(1, 19)]
    assert HOLDS.keys() == BREAKS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("claim", HOLDS)
def test_on_one_side_a_claim_holds(claim):
    assert word(claim, HOLDS[claim]) == "holds"


@pytest.mark.parametrize(("claim", "change"), [(claim, change) for claim in BREAKS for change in BREAKS[claim]])
def test_on_the_other_side_it_does_not(claim, change):
    assert change.keys() <= HOLDS[claim].keys()
    assert word(claim, {**HOLDS[claim], **change}) != "holds"


@pytest.mark.parametrize(
    ("claim", "changes", "wanted"),
    [
        ("C1", {"forward variance ratio": 9.0, "fewest": inf}, "does not hold"),
        ("C1", {"fewest": inf}, "holds if"),
        ("C3", {"lecun_uniform": 12.0}, "does not hold"),
        ("C3", {"he_uniform": 9.6, "lecun_uniform": 9.9, "glorot_uniform": 10.4}, "not decided"),
        ("C3", {"orthogonal": inf}, "not decided"),
        ("C5", dict.fromkeys(HOLDS["C5"], 0.0), "not decided"),
        ("C5", dict.fromkeys(HOLDS["C5"], 1.0), "does not hold"),
        ("C7", {"its 10 %": 0.9}, "holds if"),
        ("C11", {"H = 64": 3.0, "H = 128": 3.0}, "does not hold"),
        ("C13", {"IRNN": 2.19}, "not decided"),
        ("C13", {"IRNN": 2.3}, "does not hold"),
        ("C13", {"LSTM": inf}, "not decided"),
        ("C14", {"IRNN, 0.01 I": 30.0}, "does not hold"),
        ("C14", {"IRNN, 0.01 I": inf}, "not decided"),
        ("C17", {"RNN": 1.0, "MLP": 1e9}, "does not hold"),
    ],
)
def test_the_other_words(claim, changes, wanted):
    assert word(claim, {**HOLDS[claim], **changes}) == wanted


def test_parts_are_told_apart():
    assert of_parts({"a": True, "b": True}) == Verdict("holds", "a; b")
    assert of_parts({"a": False}).word == "does not hold"
    mixed = of_parts({"a": True, "b": False})
    assert mixed.word == "holds if"
    assert mixed.why.index("a") < mixed.why.index("Not found: b")


def test_nearer_needs_more_than_noise():
    assert nearer(1.0, 2.0, 0.5, "").word == "holds"
    assert nearer(2.0, 1.0, 0.5, "").word == "does not hold"
    assert nearer(1.0, 1.5, 0.5, "").word == "not decided"


def test_sooner():
    assert sooner(90, 100)
    assert not sooner(91, 100)
    assert sooner(5, inf)
    assert not sooner(inf, inf)
    assert not sooner(inf, 5)


# The measures, on made-up runs


def folder(tmp_path, runs, curves=()):
    rows = [
        (
            "adding",
            "paper",
            variant,
            model,
            float(seed),
            status,
            100.0,
            score,
            score,
            1 / 6,
            "mse",
            5.0,
            "",
            "",
            "",
            inf,
            "",
        )
        for variant, model, seed, status, score in runs
    ]
    (tmp_path / "runs.csv").write_text(Table.of(RUNS, rows).text(), encoding="utf-8")
    if curves:
        rows = [
            (variant, model, float(seed), "done", float(update), 0.0, score, 0.0, 0.0)
            for variant, model, seed, update, score in curves
        ]
        (tmp_path / "initializer_learning.csv").write_text(Table.of(CURVES, rows).text(), encoding="utf-8")
    return Evidence(tmp_path)


def test_solved_is_the_share_of_the_seeds_below_a_hundredth(tmp_path):
    evidence = folder(
        tmp_path,
        [
            ("T = 100", "IRNN", 0, "solved", 0.0099),
            ("T = 100", "IRNN", 1, "done", 0.01),
            ("T = 100", "IRNN", 2, "diverged", 0.001),  # it was once, and then blew up
            ("T = 100", "LSTM", 0, "done", 0.2),
        ],
    )
    assert evidence.solved("T = 100", "IRNN") == pytest.approx(1 / 3)
    assert evidence.solved("T = 100", "LSTM") == 0
    assert evidence.score("adding", "T = 100", "IRNN") == 0.01
    with pytest.raises(NotRunError, match="GRU has not been run on adding, T = 100"):
        evidence.solved("T = 100", "GRU")


def test_updates_until_is_the_median_of_the_seeds_and_never_is_infinite(tmp_path):
    curves = [
        *(("tanh RNN", "he", 0, update, score) for update, score in ((0, 1.0), (10, 0.5), (20, 0.04), (30, 0.06))),
        *(("tanh RNN", "he", 1, update, score) for update, score in ((0, 1.0), (10, 0.01), (20, 0.04))),
        *(("tanh RNN", "he", 2, update, score) for update, score in ((0, 1.0), (10, 0.5), (40, 0.04))),
        *(("tanh RNN", "glorot", 0, update, score) for update, score in ((0, 1.0), (10, 0.5))),
    ]
    evidence = folder(tmp_path, [("T = 100", "IRNN", 0, "solved", 0.001)], curves)
    assert evidence.updates_until("initializer_learning", "tanh RNN", "he", 0.05) == 20
    assert evidence.updates_until("initializer_learning", "tanh RNN", "glorot", 0.05) == np.inf


def test_a_claim_whose_runs_are_missing_is_not_decided_and_says_which(tmp_path):
    entry = judge(BY_NAME["C10"], folder(tmp_path, [("T = 100", "IRNN", 0, "solved", 0.001)]))
    assert entry.verdict.word == "not decided"
    assert "tanh RNN has not been run on adding, T = 100" in entry.verdict.why


@pytest.mark.parametrize("contents", ["a,b\n1,2\n", ""])
def test_a_table_of_something_else_is_refused_by_name(tmp_path, contents, capsys):
    (tmp_path / "runs.csv").write_text(contents, encoding="utf-8")
    assert main(["claims", "C10", "--out", str(tmp_path)]) == 2
    assert f"{tmp_path / 'runs.csv'} is not a table with the columns" in capsys.readouterr().err


def test_a_paper_s_number_stands_beside_ours_and_what_was_spent(tmp_path):
    evidence = folder(tmp_path, [("T = 150", "IRNN", 0, "solved", 0.001), ("T = 150", "IRNN", 1, "done", 0.1)])
    (row,) = [row for row in REPORTED if row.ours == ("adding", "T = 150", "IRNN")]
    assert ours(row, evidence) == ("1 of 2 seeds below 0.01", "100 updates, 5 s a run")
    (row,) = [row for row in REPORTED if row.ours == ("adding", "T = 150", "LSTM")]
    assert ours(row, evidence) == ("not run", "")


def test_a_linear_model_is_beaten_by_the_margin_or_not():
    assert Margin("m", 90.0, 30.0, 24.0, "GRU").beaten
    assert not Margin("m", 90.0, 30.0, 24.1, "GRU").beaten
    assert not Margin("m", 30.0, 30.0, 10.0, "GRU").beaten
    answers = [Margin("m", 90.0, 30.0, best, "GRU").answer for best in (24.0, 24.1, 29.9, 30.0)]
    assert answers == ["yes", "by less", "by less", "no"]


def test_the_best_recurrent_model_is_the_one_with_the_lowest_median(tmp_path):
    rows = [
        (
            "phonemes",
            "paper",
            "frames",
            model,
            float(seed),
            status,
            1.0,
            score,
            score,
            93.0,
            "%",
            5.0,
            "",
            "",
            "",
            inf,
            "",
        )
        for model, seed, status, score in (
            ("linear", 0, "done", 30.0),
            ("GRU", 0, "done", 12.0),
            ("GRU", 1, "done", 14.0),
            ("GRU", 2, "diverged", 1.0),
            ("LSTM", 0, "done", 13.0),
        )
    ]
    (tmp_path / "runs.csv").write_text(Table.of(RUNS, rows).text(), encoding="utf-8")
    assert margins(Evidence(tmp_path)) == [Margin("phonemes, frame error %", 93.0, 30.0, 13.0, "LSTM")]


def test_on_digits_characters_and_phonemes_the_best_recurrent_model_beats_the_linear_one(shipped):
    """Not on permuted pixels after 6,000 updates, and the page says so; after 30,000 there too."""
    rows = margins(shipped[0])
    assert [row.contest for row in rows] == list(CONTESTS)
    assert {row.contest for row in rows if row.beaten} >= CONTESTS.keys() - {"pixels, permuted, error %"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Every claim, judged by what the package comes with and what is computed now."""
    evidence = Evidence(tmp_path_factory.mktemp("none"))
    computed = ("initializer_survey", "irnn_memory", "activation_slopes", "indrnn_range")
    evidence._tables.update({name: full_table(name) for name in computed})  # other tests look at them too,
    evidence._tables["depth_vs_time"] = small_table("depth_vs_time")  # and at this with fewer seeds
    return evidence, [judge(claim, evidence) for claim in CLAIMS]


def test_every_measure_gives_its_rule_the_numbers_that_it_was_tried_with(shipped):
    for entry in shipped[1]:
        if entry.claim.name != "C11":
            assert entry.numbers.keys() == HOLDS[entry.claim.name].keys(), entry.claim.name


def test_all_claims_are_decided_by_the_recorded_runs(shipped):
    undecided = [entry.claim.name for entry in shipped[1] if "not been run" in entry.verdict.why]
    assert undecided == []


def test_the_recorded_runs_solve_the_adding_problem_where_they_must(shipped):
    """IndRNN at T = 100, 500 and 1,000 and IRNN at 100 and 150, every one of three seeds."""
    wanted = {"IndRNN": (100, 500, 1000), "IRNN": (100, 150)}
    for model, lengths in wanted.items():
        for steps in lengths:
            scores = shipped[0].scores("adding", f"T = {steps}", model)
            assert len(scores) == 3
            assert (scores < SOLVED).all(), (model, steps)


def test_of_every_length_all_models_have_the_same_budget_and_three_seeds():
    rows = read("runs").where(recipe="adding")
    for (variant,) in rows.each("variant"):
        runs = [entry.run for entry in RECIPES["adding"].paper if entry.variant == variant]
        assert len({(run.updates, run.batch, run.until) for run in runs}) == 1
        assert {model for (model,) in rows.where(variant=variant).each("model")} == (
            {"IndRNN"} if variant in ("T = 500", "T = 1000") else set(MODELS)
        )
        assert {len(rows.where(variant=variant, model=model)) for (model,) in rows.each("model")} <= {0, 3}


def test_what_is_known_for_certain_comes_out(shipped):
    verdicts = {entry.claim.name: entry.verdict.word for entry in shipped[1]}
    assert verdicts["C8"] == verdicts["C9"] == "holds"
    assert verdicts["C15"] == verdicts["C16"] == verdicts["C17"] == "holds if"


def test_the_page_has_every_claim_its_numbers_its_rule_and_its_command(shipped):
    evidence, entries = shipped
    page = text(entries, evidence)
    for entry in entries:
        claim: Claim = entry.claim
        assert f"### {claim.name}\n" in page
        assert claim.says in page
        assert claim.command in page
        assert claim.rule_says in page
        for name, value in entry.numbers.items():
            assert f"{name}: {number(value)}" in page
    assert page.count("| not run |") == 0
    assert "nan" not in page


def test_numbers_are_short_and_infinity_is_never():
    assert number(inf) == "never"
    assert number(20_000.0) == "20,000"
    assert number(0.123456) == "0.1235"
    assert number(1.0) == "1"


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
    assert "rule: " in out
    assert "H = 64: " in out
    assert list(tmp_path.iterdir()) == []
    assert main(["claims", "C19"]) == 2
    assert "a claim is one of C1, C2" in capsys.readouterr().err


def test_the_recorded_runs_say_how_to_repeat_them():
    runs = read("runs")
    assert all(command.startswith("rnnlab train ") for command in runs["command"])
    assert (runs["seconds"] > 0).all()
    assert all("NumPy" in versions for versions in runs["versions"])
