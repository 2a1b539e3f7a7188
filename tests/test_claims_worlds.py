"""Parts that need training, on made-up runs: what confirms each, what contradicts it, and what is still too short.

Which side must win is read here from a part's words alone, so that they say what is measured.
"""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from rnnlab.claims.claim import Part, judge_part
from rnnlab.claims.clause import NOT_RUN
from rnnlab.claims.evidence import CURVES, Evidence, NotRunError
from rnnlab.claims.history import CHANGED, RULED
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.number import BLIND, NOISY, SHORT, SINGLE, CannotTellError, Number
from rnnlab.claims.page import row
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.comparison import Comparison, Side
from rnnlab.experiments.results.scores import SCORE
from rnnlab.experiments.results.tables import UPDATE_COST
from rnnlab.settings import Settings
from rnnlab.table import Table
from small_figures import curves

BASE = {"adding": 1 / 6, "initializers": 90.0, "pixels": 90.0, "phonemes": 90.0, "characters": 4.7, "stacks": 4.7}
ROWS, SEEDS = 40, 8
RUNS = "recipe variant model seed status updates best baseline command ended"
AFTER, BEFORE = "2999-01-01T00:00:00", "2000-01-01T00:00:00"
assert BEFORE < RULED < AFTER

Spec = dict[tuple[str, Side], str]


def shape(word: str, base: float, first: bool, rng: np.random.Generator) -> list[float]:
    """A curve: good or bad, which is late if the first crossing counts; never; or falling to the end and above good."""
    noise = 1 + 0.001 * rng.standard_normal(ROWS)
    if first and word in ("good", "bad"):
        crossing = (4 if word == "good" else 30) + rng.integers(2)
        return [*([base] * crossing), *([0.005 * base] * (ROWS - crossing))]
    if word == "falling":
        return list(np.linspace(1, 0.55, ROWS) * base * noise)
    return list({"good": 0.02, "middle": 0.3, "bad": 0.9, "never": 0.99}[word] * base * noise)


def world(tmp_path, spec: Spec, ended: str = AFTER, status: str = "done") -> Evidence:
    """Evidence of these runs and no others."""
    evidence = Evidence(tmp_path)
    rows, tables = [], {recipe: [] for recipe in CURVES}
    for (recipe, side), word in spec.items():
        base = 1 / 6 if "RNN" in side.variant else BASE[recipe]
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            scores = shape(word, base, SCORE[recipe].score == "first", rng)
            tables[recipe].append((*side, seed, status, scores))
            command = f"rnnlab train x --updates {100 * ROWS}"
            rows.append((recipe, *side, float(seed), status, 100.0 * (ROWS - 1), min(scores), base, command, ended))
    evidence.__dict__["all_runs"] = Table.of(RUNS, rows)
    evidence._tables.update({CURVES[recipe]: curves(*runs) for recipe, runs in tables.items()})
    return evidence


@dataclass
class Contest:
    """The side that must win for a part to be confirmed, and the one that must lose, if there is one."""

    recipe: str
    winner: Side | None
    loser: Side | None = None


def layers(words: str) -> str:
    return words.replace("ten ", "10 ")


PATTERNS = {
    r"C1 with it, (ten \w+ layers) learn the digits": lambda v: Contest(
        "initializers", Side(layers(v), "glorot_uniform")
    ),
    r"C1 for U of a (\w+ RNN, T = 60), (?:the )?(\w+) needs fewer updates": lambda v, m: Contest(
        "initializers", Side(v, m), Side(v, "glorot_uniform")
    ),
    r"C1 (ten ReLU layers) learn the digits in fewer updates with (\w+)": lambda v, m: Contest(
        "initializers", Side(layers(v), m), Side(layers(v), "glorot_uniform")
    ),
    r"C2 with he_uniform (ten .*) learn the digits in fewer updates than with (\w+)": lambda v, m: Contest(
        "initializers", Side(layers(v), "he_uniform"), Side(layers(v), m)
    ),
    r"C2 with he_uniform (ten \w+ layers) learn the digits": lambda v: Contest(
        "initializers", Side(layers(v), "he_uniform")
    ),
    r"C3 one sigmoid layer learns the digits about as soon as with (\w+), or sooner": lambda m: Contest(
        "initializers", Side("1 sigmoid layer", "lecun_uniform"), Side("1 sigmoid layer", m)
    ),
    r"C3 (ten sigmoid layers), not shallow, do not learn the digits with it": lambda v: Contest(
        "initializers", None, Side(layers(v), "lecun_uniform")
    ),
    r"C4 a tanh RNN learns to add, T = 30, in fewer updates": lambda: Contest(
        "initializers", Side("tanh RNN", "orthogonal"), Side("tanh RNN", "glorot_uniform")
    ),
    r"C5 with σ = 0.2 (ten ReLU layers) learn the digits": lambda v: Contest(
        "initializers", Side(layers(v), "random_normal:stddev=0.2")
    ),
    r"C5 with σ = 0.01 (ten ReLU layers) do not": lambda v: Contest(
        "initializers", None, Side(layers(v), "random_normal:stddev=0.01")
    ),
    r"C5 with σ = 0.2 (ten ReLU layers of 25) do not, .*": lambda v: Contest(
        "initializers", None, Side(layers(v), "random_normal:stddev=0.2")
    ),
    r"C6 (ten ReLU layers of \d+) learn the digits": lambda v: Contest(
        "initializers", Side(layers(v), "variance_scaling:scale=2")
    ),
    r"C9 where the past matters little, phonemes, 0.01·I has a lower error than I": lambda: Contest(
        "phonemes", Side("frames", "IRNN, 0.01 I"), Side("frames", "IRNN")
    ),
    r"C10 the (\w+) needs more updates for (T = 400) than for (T = 100)": lambda m, late, soon: Contest(
        "adding", Side(soon, m), Side(late, m)
    ),
    r"C10 the (.+) solves (T = 100)": lambda m, v: Contest("adding", Side(v, m)),
    r"C10 the (.+) needs twice as many updates, or fails, at (T = 200)": lambda m, v: Contest(
        "adding", Side("T = 100", m), Side(v, m)
    ),
    r"C10 (T = \d+): the IRNN needs at most a tenth more (?:updates|time) than the LSTM": lambda v: Contest(
        "adding", Side(v, "IRNN"), Side(v, "LSTM")
    ),
    r"C12 (\w+ digits): the plain RNN does badly.*": lambda d: Contest("pixels", None, Side(ORDER[d], "tanh RNN")),
    r"C12 (\w+ digits): the IRNN comes to.*": lambda d: Contest("pixels", Side(ORDER[d], "IRNN")),
    r"C12 (\w+ digits): the LSTM does well.*": lambda d: Contest("pixels", Side(ORDER[d], "LSTM")),
    r"C12 (\w+ digits): the IRNN is better than a linear classifier": lambda d: Contest(
        "pixels", Side(ORDER[d], "IRNN"), Side(WHOLE[d], "linear")
    ),
    r"C14 .*than the (tanh RNN)'s.*|C14 .*above the (LSTM)'s": lambda a, b: Contest(
        "phonemes", Side("frames", "IRNN, 0.01 I"), Side("frames", a or b)
    ),
    r"C18 it solves the adding problem at (T = [\d,]+)": lambda v: Contest(
        "adding", Side(v.replace(",", ""), "IndRNN")
    ),
    r"C18 (\d speakers) to learn from: a lower error than with tanh": lambda v: Contest(
        "phonemes", Side(f"frames, {v}", "IndRNN"), Side(f"frames, {v}", "IndRNN, tanh")
    ),
    r"C18 (\d speakers) to learn from: a lower error than the LSTM's": lambda v: Contest(
        "phonemes", Side(f"frames, {v}", "IndRNN"), Side(f"frames, {v}", "LSTM")
    ),
    r"C18 21 layers without shortcuts are better than one": lambda: Contest(
        "stacks", Side("21 layers", "IndRNN"), Side("1 layers", "IndRNN")
    ),
    r"C18 21 layers with shortcuts are better than two": lambda: Contest(
        "stacks", Side("21 layers", "IndRNN residual"), Side("2 layers", "IndRNN residual")
    ),
    r"C18 21 layers without shortcuts are better than 21 of a tanh RNN": lambda: Contest(
        "stacks", Side("21 layers", "IndRNN"), Side("21 layers", "tanh RNN")
    ),
    r"C18 21 layers with shortcuts are better than 21 of a tanh RNN with shortcuts": lambda: Contest(
        "stacks", Side("21 layers", "IndRNN residual"), Side("21 layers", "tanh RNN residual")
    ),
    r"C18 (.+): better than the (.+)": lambda contest, m: Contest(
        PLACES[contest][0], Side(PLACES[contest][1], "IndRNN"), Side(PLACES[contest][1], m)
    ),
}
ORDER = {"drawn digits": "sequential", "real digits": "real digits"}
WHOLE = {"drawn digits": "whole image", "real digits": "real digits, whole image"}
PLACES = {
    "the adding problem, T = 400": ("adding", "T = 400"),
    "drawn digits in order": ("pixels", "sequential"),
    "shuffled drawn digits": ("pixels", "permuted"),
    "real digits": ("pixels", "real digits"),
    "characters": ("characters", "characters"),
    "phonemes": ("phonemes", "frames"),
}
APART = (
    "C13 characters: the IRNN's bits are nearer to the LSTM's than to the tanh RNN's",
    "C18 no run of an IndRNN with ReLU diverges",
)
"""Tried by themselves, below."""


def needs_runs(part: Part, evidence: Evidence) -> bool:
    try:
        part.measure(evidence)
    except NotRunError:
        return True
    except (AttributeError, KeyError, CannotTellError):
        return False
    return False


def trained() -> dict[str, tuple[Part, Contest]]:
    found = {}
    for claim in CLAIMS:
        for part in claim.parts:
            words = f"{claim.name} {part.says}"
            for pattern, contest in PATTERNS.items():
                if (match := re.fullmatch(pattern, words)) and words not in found:
                    found[words] = part, contest(*match.groups())
    return found


TRAINED = trained()


def spec(contest: Contest, winner: str, loser: str) -> Spec:
    sides = {contest.winner: winner, contest.loser: loser}
    return {(contest.recipe, side): word for side, word in sides.items() if side is not None}


def lost(contest: Contest) -> str:
    """How the losing side looks: late if it is compared, else never."""
    return "bad" if contest.winner and contest.loser else "never"


@pytest.mark.parametrize("words", TRAINED)
def test_a_trained_part_is_confirmed_on_one_side(words, tmp_path):
    part, contest = TRAINED[words]
    assert judge_part(part, world(tmp_path, spec(contest, "good", lost(contest)))).finding == ("confirmed", "")


@pytest.mark.parametrize("words", TRAINED)
def test_and_contradicted_on_the_other(words, tmp_path):
    part, contest = TRAINED[words]
    assert judge_part(part, world(tmp_path, spec(contest, lost(contest), "good"))).finding == ("contradicted", "")


@pytest.mark.parametrize("words", TRAINED)
def test_and_too_short_where_the_worse_still_falls(words, tmp_path):
    part, contest = TRAINED[words]
    for winner, loser in (("good", "falling"), ("falling", "good")):
        falls = contest.loser if loser == "falling" else contest.winner
        if falls is None:
            continue
        outcome, why = judge_part(part, world(tmp_path, spec(contest, winner, loser))).finding
        if contest.winner and loser == "falling" and SCORE[contest.recipe].score == "first":
            assert outcome == "confirmed"  # it will take longer still
            continue
        assert outcome == "undecided"
        assert why == (BLIND if "needs twice" in words and winner == "falling" else SHORT)


@pytest.mark.parametrize("words", TRAINED)
def test_a_run_that_ended_before_the_rules_does_not_count(words, tmp_path):
    part, contest = TRAINED[words]
    old = world(tmp_path, spec(contest, "good", "bad"), ended=BEFORE)
    assert judge_part(part, old).finding == ("undecided", NOT_RUN)


def test_no_other_part_needs_runs(tmp_path, monkeypatch):
    empty = world(tmp_path, {})
    monkeypatch.setattr(Evidence, "table", lambda self, name: {}[name])
    monkeypatch.setattr(Evidence, "once", lambda self, measure, *settings: (_ for _ in ()).throw(KeyError))
    needy = {
        f"{claim.name} {part.says}"
        for claim in CLAIMS
        for part in claim.parts
        if part.measure and needs_runs(part, empty)
    }
    assert needy == {*TRAINED, *APART}


def test_every_run_that_a_part_needs_is_in_a_recipe():
    there = {(name, entry.variant, entry.model) for name, recipe in RECIPES.items() for entry in recipe.paper}
    for words, (_, contest) in TRAINED.items():
        assert {(contest.recipe, *side) for side in (contest.winner, contest.loser) if side} <= there, words


def test_what_needs_runs_has_its_rule_first_but_for_four_parts_whose_rule_was_changed():
    late = [words for words, (part, _) in TRAINED.items() if part.first != "rule"]
    assert len(late) == 4
    assert all(re.match(r"C2 with he_uniform ten ReLU layers learn|C5 with σ", words) for words in late)


def test_a_changed_rule_judges_no_earlier_run(tmp_path):
    part, contest = TRAINED["C1 with it, ten tanh layers learn the digits"]
    for ended, why in ((RULED + ":01", NOT_RUN), (CHANGED + ":01", "")):
        assert judge_part(part, world(tmp_path, spec(contest, "good", ""), ended=ended)).finding.why == why


def part_of(words: str) -> Part:
    claim, _, says = words.partition(" ")
    (part,) = [part for one in CLAIMS if one.name == claim for part in one.parts if part.says == says]
    return part


@pytest.mark.parametrize(
    ("lstm", "rnn", "finding"),
    [
        ("middle", "bad", ("confirmed", "")),
        ("bad", "middle", ("contradicted", "")),
        ("falling", "middle", ("undecided", SHORT)),
        ("middle", "falling", ("undecided", SHORT)),
    ],
)
def test_nearer_to_the_lstm(lstm, rnn, finding, tmp_path):
    words = {"IRNN": "good", "LSTM": lstm, "tanh RNN": rnn}
    evidence = world(tmp_path, {("characters", Side("characters", model)): word for model, word in words.items()})
    assert judge_part(part_of(APART[0]), evidence).finding == finding


@pytest.mark.parametrize(("status", "outcome"), [("done", "confirmed"), ("diverged", "contradicted")])
def test_one_run_that_diverges_is_enough(status, outcome, tmp_path):
    evidence = world(tmp_path, {("stacks", Side("21 layers", "IndRNN residual")): "good"}, status=status)
    assert judge_part(part_of(APART[1]), evidence).finding.outcome == outcome


def test_a_budget_that_is_the_default_is_not_in_the_command(tmp_path, monkeypatch):
    """Solved in row 4 of 40, update 400 or 500, of 4,000 updates."""
    key = ("adding", Side("T = 100", "LSTM"))
    said = world(tmp_path, {key: "good"}).until("adding", *key[1])
    monkeypatch.setattr(Settings, "updates", 8000)
    evidence = world(tmp_path, {key: "good"})
    evidence.all_runs["command"][:] = "rnnlab train x"
    assert 0.1 <= said.value <= 0.125
    assert evidence.until("adding", *key[1]).value == said.value / 2


def crossing(tmp_path, **crossings: list[int]) -> Evidence:
    """Evidence of runs on the adding problem that cross in these rows of the 40; ROWS: never. T100_LSTM=[3, 40, 40]."""
    sides = {name: Side(f"T = {name.split('_')[0][1:]}", name.split("_")[1]) for name in crossings}
    evidence = world(tmp_path, {("adding", side): "good" for side in sides.values()})
    runs = []
    for name, side in sides.items():
        of_seeds = [[1 / 6] * first + [0.001] * (ROWS - first) for first in crossings[name]]
        runs += [(*side, seed, "done", scores) for seed, scores in enumerate(of_seeds)]
    evidence._tables[CURVES["adding"]] = curves(*runs)
    return evidence


@pytest.mark.parametrize(
    ("soon", "late", "finding"),
    [
        ([29, 23, ROWS], [ROWS, ROWS, ROWS], ("confirmed", "")),  # it fails, though the budget is less than twice
        ([10, 11, 12], [22, 24, 30], ("confirmed", "")),
        ([10, 11, 12], [21, 20, 13], ("contradicted", "")),
        ([10, 11, 12], [21, ROWS, 30], ("undecided", NOISY)),
        ([29, ROWS, ROWS], [ROWS, ROWS, ROWS], ("undecided", BLIND)),
    ],
)
def test_a_model_struggles_if_it_takes_twice_the_updates_or_fails(soon, late, finding, tmp_path):
    part, _ = TRAINED["C10 the LSTM needs twice as many updates, or fails, at T = 200"]
    assert judge_part(part, crossing(tmp_path, T100_LSTM=soon, T200_LSTM=late)).finding == finding


def test_who_never_solves_it_is_not_as_good_as_who_hardly_does(tmp_path):
    """By the budget alone the IRNN would be 1 % behind."""
    part, _ = TRAINED["C10 T = 400: the IRNN needs at most a tenth more updates than the LSTM"]
    never = crossing(tmp_path, T400_IRNN=[ROWS] * 3, T400_LSTM=[ROWS - 1, ROWS, ROWS])
    assert judge_part(part, never).finding.outcome == "undecided"
    sooner = crossing(tmp_path, T400_IRNN=[3, 3, 3], T400_LSTM=[ROWS] * 3)
    assert judge_part(part, sooner).finding == ("confirmed", "")


def test_who_crosses_in_the_last_row_has_crossed(tmp_path):
    part, _ = TRAINED["C10 the LSTM solves T = 100"]
    evidence = crossing(tmp_path, T100_LSTM=[ROWS - 3, ROWS - 2, ROWS - 1])
    evidence.all_runs["command"][:] = f"rnnlab train x --updates {100 * (ROWS - 1)}"
    assert judge_part(part, evidence).finding == ("confirmed", "")
    none = judge_part(part, crossing(tmp_path, T100_LSTM=[ROWS] * 3))
    assert none.finding == ("contradicted", "")
    assert none.number.text == "not in 4,000"
    some = judge_part(part, crossing(tmp_path, T100_LSTM=[3, 4, ROWS]))
    assert some.finding == ("undecided", NOISY)
    assert some.number.interval.endswith("or more")


def test_a_curve_that_ends_elsewhere_than_its_run_is_of_another_run(tmp_path):
    for longer in range(3):
        evidence = crossing(tmp_path, T100_LSTM=[3, 4, 5])
        evidence.all_runs["updates"][:longer] *= 2
        assert evidence.until("adding", "T = 100", "LSTM").seeds == evidence.level("adding", "T = 100", "LSTM").seeds
        assert evidence.until("adding", "T = 100", "LSTM").seeds == 3 - longer
    evidence = crossing(tmp_path, T100_LSTM=[3, 4, 5])
    evidence.all_runs["updates"][:] *= 2
    for measure in (evidence.until, evidence.level):
        with pytest.raises(NotRunError, match="no curve of the runs of LSTM"):
            measure("adding", "T = 100", "LSTM")


def test_time_is_that_of_the_cost_table_of_ones_own(tmp_path):
    part, _ = TRAINED["C10 T = 100: the IRNN needs at most a tenth more time than the LSTM"]
    for cost, outcome in ((1.0, "contradicted"), (0.1, "confirmed")):
        evidence = crossing(tmp_path, T100_IRNN=[20, 21, 22], T100_LSTM=[10, 11, 12])
        rows = [("adding", "T = 100", "IRNN", cost), ("adding", "T = 100", "LSTM", 1.0)]
        evidence._tables[UPDATE_COST] = Table.of("recipe variant model seconds", rows)
        assert judge_part(part, evidence).finding.outcome == outcome
    evidence._tables[UPDATE_COST] = Table.of("recipe variant model seconds", rows[:1])
    assert judge_part(part, evidence).finding == ("undecided", NOT_RUN)


def test_runs_on_other_data_are_not_compared(tmp_path):
    """Where the trivial answer of a seed is another for the two, as of another Python's texts."""
    ours, theirs = Side("characters", "IRNN"), Side("characters", "LSTM")
    evidence = world(tmp_path, {("characters", ours): "good", ("characters", theirs): "bad"})
    assert evidence.less("characters", ours, theirs).seeds == SEEDS
    evidence.all_runs["baseline"][:2] = 5.0
    again = Evidence(tmp_path)
    again.__dict__["all_runs"] = evidence.all_runs
    again._tables.update(evidence._tables)
    assert again.less("characters", ours, theirs).seeds == SEEDS - 2


def test_where_nobody_crosses_the_task_cannot_tell(tmp_path):
    part, contest = TRAINED["C10 T = 400: the IRNN needs at most a tenth more updates than the LSTM"]
    assert judge_part(part, world(tmp_path, spec(contest, "never", "never"))).finding == ("undecided", BLIND)


def test_where_no_model_learns_the_lowest_errors_cannot_tell_either(tmp_path):
    part, contest = TRAINED["C18 21 layers without shortcuts are better than 21 of a tanh RNN"]
    assert judge_part(part, world(tmp_path, spec(contest, "never", "never"))).finding == ("undecided", BLIND)
    assert judge_part(part, world(tmp_path, spec(contest, "bad", "never"))).finding == ("confirmed", "")


def test_a_level_that_still_falls_says_how_fast(tmp_path):
    """The made-up curves fall from 90 to 49.5 in 39 rows of 100 updates: 10.4 in 1,000 updates."""
    part, contest = TRAINED["C12 drawn digits: the IRNN comes to about 3 %, at most 5"]
    judged = judge_part(part, world(tmp_path, spec(contest, "falling", "")))
    assert judged.number.pace == pytest.approx(40.5 / 3900, rel=0.05)
    assert row(judged).startswith("| ? *too short*: falls 10.")
    assert "5 in 4." in row(judged)
    still = judge_part(part, world(tmp_path, spec(contest, "bad", "")))
    assert still.number.pace == 0
    assert row(still).startswith("| ✘ |")


def test_the_lowest_error_is_that_of_all_rows_though_a_long_runs_table_has_fewer(tmp_path):
    ours, theirs = Side("sequential", "IRNN"), Side("whole image", "linear")
    evidence = world(tmp_path, {("pixels", ours): "bad", ("pixels", theirs): "bad"})
    evidence.all_runs["best"][:SEEDS] = 9.0
    assert evidence.level("pixels", *ours) == Number(9, 9, 9, SEEDS)
    assert evidence.less_than_ended("pixels", ours, theirs).value == pytest.approx(9 / 81 - 1, rel=0.01)


def test_a_model_of_fewer_seeds_is_held_against_those_alone(tmp_path):
    ours, theirs = Side("real digits", "IRNN"), Side("real digits, whole image", "linear")
    evidence = world(tmp_path, {("pixels", ours): "bad", ("pixels", theirs): "bad"})
    evidence.all_runs["best"][:] = np.r_[np.full(SEEDS, 40.0), 10.0, np.full(SEEDS - 1, 20.0)]
    kept = np.arange(2 * SEEDS) % SEEDS == 0
    kept[SEEDS:] = True
    evidence.__dict__["all_runs"] = Table({name: column[kept] for name, column in evidence.all_runs.columns.items()})
    found = evidence.less_than_ended("pixels", ours, theirs)
    assert (found.value, found.seeds) == (3.0, 1)  # 40 against 10, not against the mean of all


def test_a_changed_rule_takes_no_model_of_which_one_run_is_older(tmp_path):
    key = ("adding", Side("T = 100", "LSTM"))
    evidence = world(tmp_path, {key: "good"})
    evidence.all_runs["ended"][0] = RULED + ":01"
    assert evidence.until("adding", *key[1]).seeds == SEEDS
    with pytest.raises(NotRunError, match="not all runs of LSTM"):
        evidence.until("adding", *key[1], since=CHANGED)


def test_an_indrnn_with_tanh_that_diverges_is_none_with_relu(tmp_path):
    keys = [("phonemes", Side("frames", name)) for name in ("IndRNN", "IndRNN, tanh")]
    evidence = world(tmp_path, dict.fromkeys(keys, "good"))
    evidence.all_runs["status"][SEEDS:] = "diverged"
    number = judge_part(part_of(APART[1]), evidence).number
    assert (number.value, number.seeds, number.interval) == (0, SEEDS, "")


def test_a_single_seed_is_called_so(tmp_path):
    part, contest = TRAINED["C12 drawn digits: the IRNN comes to about 3 %, at most 5"]
    evidence = world(tmp_path, spec(contest, "bad", ""))
    one = {name: column[:1] for name, column in evidence.all_runs.columns.items()}
    evidence.__dict__["all_runs"] = Table(one)
    assert judge_part(part, evidence).finding == ("undecided", SINGLE)


def test_a_run_that_diverged_has_the_trivial_answer_s_score(tmp_path):
    key = ("pixels", Side("sequential", "IRNN"))
    assert world(tmp_path, {key: "good"}, status="diverged").level(key[0], *key[1]) == Number(90, 90, 90, SEEDS)


def test_by_time_the_dear_one_has_fewer_updates(tmp_path):
    """Both need as many updates; by time the IRNN, whose update costs less than a quarter, is far ahead."""
    by_updates, contest = TRAINED["C10 T = 200: the IRNN needs at most a tenth more updates than the LSTM"]
    by_time, _ = TRAINED["C10 T = 200: the IRNN needs at most a tenth more time than the LSTM"]
    evidence = world(tmp_path, spec(contest, "good", "good"))
    updates, time = (judge_part(part, evidence).number for part in (by_updates, by_time))
    assert updates.value == 0
    assert time.value < -0.7


def test_no_interval_says_that_an_error_is_lower_by_more_than_all_of_it(tmp_path, monkeypatch):
    """Of three seeds that differ much, the interval of a mean reaches beyond what an error can be."""
    ours, theirs = Side("sequential", "IRNN"), Side("whole image", "linear")
    evidence = world(tmp_path, {("pixels", ours): "good", ("pixels", theirs): "bad"})
    monkeypatch.setattr("rnnlab.claims.evidence.paired", lambda a, b: (-20.0, -1000.0, -1.0))
    ended = evidence.less_than_ended("pixels", ours, theirs)
    assert (ended.low, ended.high) == (-1, pytest.approx(-1 / 81, rel=0.05))
    found = Comparison("best", (1.0, 2.0, 1.0), (10.0, 2.0, 20.0), -9.5, -25.0, -0.5, 3, 100.0, (0, 0), ())
    monkeypatch.setattr(Evidence, "compared", lambda *given: found)
    less = evidence.less("pixels", ours, theirs)
    assert (less.value, less.low, less.high) == (pytest.approx(-0.890625), -1, pytest.approx(-0.046875))
