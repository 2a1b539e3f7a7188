"""A number and a rule give an outcome: every part's rule is tried from both sides, and where runs are too short."""

from dataclasses import replace
from itertools import product
from math import inf, isfinite, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.claims.clause import NOT_RUN, Clause, Told
from rnnlab.claims.ledger import CLAIMS
from rnnlab.claims.number import BLIND, NOISY, SHORT, SINGLE, Finding, Number, Rule, at_least, at_most, between, exactly
from rnnlab.table import Table

RULES = list(dict.fromkeys(part.rule for claim in CLAIMS for part in claim.parts if part.measure))
YES, NO = Finding("confirmed"), Finding("contradicted")


def number(low: float, high: float, may: str = "") -> Number:
    return Number((low + high) / 2, low, high, 8, may=frozenset(filter(None, [may])))


def sides(rule: Rule) -> tuple[tuple[float, float], list[tuple[float, float]]]:
    """An interval inside the rule's, and one or two outside."""
    low, high = rule.low, rule.high
    outside = [(end + sign * 1.0, end + sign * 2.0) for end, sign in ((low, -1), (high, 1)) if isfinite(end)]
    if isfinite(low) and isfinite(high):
        return (low, high) if not rule.strict else ((low + high) / 2,) * 2, [tuple(sorted(one)) for one in outside]
    inside = (high - 2.0, high - 1.0) if isfinite(high) else (low + 1.0, low + 2.0)
    return inside, [tuple(sorted(one)) for one in outside]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_every_rule_can_confirm_and_contradict(rule):
    inside, outside = sides(rule)
    assert outside, "a rule without an end cannot fail"
    assert rule(number(*inside)) == YES
    for interval in outside:
        assert rule(number(*interval)) == NO


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_an_interval_on_both_sides_is_too_noisy(rule):
    inside, outside = sides(rule)
    for interval in outside:
        both = min(inside[0], interval[0]), max(inside[1], interval[1])
        assert rule(number(*both)) == Finding("undecided", NOISY)
    assert rule(Number(nan, -inf, inf)) == Finding("undecided", BLIND)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_what_more_training_could_change_is_too_short(rule):
    inside, outside = sides(rule)
    short = Finding("undecided", SHORT)
    for interval in outside:
        towards = "fall" if interval[0] > inside[1] else "rise"
        away = {"fall": "rise", "rise": "fall"}[towards]
        assert rule(number(*interval, towards)) == short
        if not (isfinite(rule.low) and isfinite(rule.high)):
            assert rule(number(*interval, away)) == NO
            assert rule(number(*inside, away)) == short
            assert rule(number(*inside, towards)) == YES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_a_run_that_may_still_cross_its_threshold_contradicts_nothing(rule):
    inside, outside = sides(rule)
    assert rule(number(*inside, "cross")) == YES
    for interval in outside:
        assert rule(number(*interval, "cross")) == Finding("undecided", SHORT)


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(-10, 10), st.booleans())
def test_a_rule_never_says_two_things(middle, half, end, strict):
    for rule in (Rule(low=end, strict=strict), Rule(high=end, strict=strict)):
        finding = rule(number(middle - half, middle + half))
        opposite = (Rule(high=end, strict=not strict) if isfinite(rule.low) else Rule(low=end, strict=not strict))(
            number(middle - half, middle + half)
        )
        assert {finding.outcome, opposite.outcome} in ({"confirmed", "contradicted"}, {"undecided"})


def test_the_ends_belong_to_a_rule_unless_it_is_strict():
    assert at_most(1)(Number.exact(1)) == at_least(1)(Number.exact(1)) == exactly(1)(Number.exact(1)) == YES
    assert Rule(high=1, strict=True)(Number.exact(1)) == Rule(low=1, strict=True)(Number.exact(1)) == NO
    assert exactly(0)(Number.exact(5e-324)) == NO
    assert between(1, 2)(Number.exact(2)) == YES
    assert between(1, 2)(Number.exact(np.nextafter(2, 3))) == NO


def test_rules_in_words():
    words = (
        at_most(0.1),
        at_most(0.1, percent=True),
        at_least(-1),
        between(1, 2),
        exactly(0),
        Rule(high=0, strict=True),
    )
    assert [rule.says for rule in words] == [
        "at most 0.1",
        "at most 10 %",
        "at least −1",
        "from 1 to 2",
        "exactly 0",
        "below 0",
    ]


def test_a_share_of_all_or_none_has_an_interval_all_the_same():
    """Wilson's interval for 8 of 8 begins at 8 / (8 + 1.96²), as one sees by putting p = 1 into it."""
    every, none = Number.share(8, 8), Number.share(0, 8)
    assert (every.low, every.high) == (pytest.approx(8 / (8 + 1.96**2)), 1)
    assert (none.low, none.high) == (0, pytest.approx(1 - every.low))
    assert (every.text, none.text, Number.share(2, 3).text) == ("8 of 8", "0 of 8", "2 of 3")


@given(st.integers(1, 300), st.integers(0, 300))
def test_a_share_s_interval_holds_it_and_narrows(of, hits):
    hits = min(hits, of)
    one, ten = Number.share(hits, of), Number.share(10 * hits, 10 * of)
    assert -1e-9 <= one.low <= one.value <= one.high <= 1 + 1e-9
    assert ten.high - ten.low < one.high - one.low


def test_a_mean_of_one_seed_decides_nothing():
    assert at_most(5)(Number.mean([1.0])) == Finding("undecided", SINGLE)
    assert at_most(5)(Number.mean([1.0, 1.1, 0.9])) == YES
    assert at_most(5)(Number.mean([1.0, inf])) == Finding("undecided", NOISY)


def test_numbers_in_words():
    assert Number.exact(20_000.0).text == "20,000"
    assert Number.exact(0.123456).text == "0.123"
    assert Number(-0.2, -0.3, -0.1, 3, "relative").text == "−20 %"
    assert Number(-0.2, -0.3, -0.1, 3, "relative").interval == "−30 % to −10 %"
    assert replace(Number.exact(0.25), kind="percent").text == "25 %"
    assert Number(0.001, -0.1, 0.1, 3, "relative").text == "0 %"
    assert (Number.exact(1).interval, Number(1, -inf, inf).interval) == ("", "unknown")
    row = Table.of("ratio low high", [(4.3, 4.1, 4.6)])
    assert Number.ratio(row) == Number(4.3, 4.1, 4.6)


def test_a_share_of_the_updates_says_of_how_many():
    half = Number(0.5, 0.4, 0.6, 3, "percent", budget=3000)
    assert (half.text, half.interval) == ("50 % of 3,000", "40 % to 60 %")
    some = replace(half, high=1.01, may=frozenset({"more"}))
    assert (some.text, some.interval) == ("50 % of 3,000", "40 % or more")
    never = replace(half, value=1.01, low=1.01, high=1.01, may=frozenset({"more"}))
    assert (never.text, never.interval) == ("not in 3,000", "")


@pytest.mark.parametrize(
    ("may", "said"), [((), "−30 % to +20 %"), (("more",), "−30 % or more"), (("less",), "+20 % or less")]
)
def test_an_interval_is_open_where_a_run_never_crossed(may, said):
    assert Number(-0.1, -0.3, 0.2, 3, "relative", frozenset(may)).interval == said
    assert Number(-0.1, -0.3, 0.2, 3, "relative", frozenset({"less", "more"})).interval == "unknown"


def test_what_still_falls_says_how_fast_and_when_it_could_be_there():
    """From 20 to 5 at 0.5 in a thousand updates takes 30 thousand."""
    falls = replace(number(19, 21, "fall"), pace=0.5 / 1000)
    assert falls.at_this_pace(5) == "falls 0.500 in 1,000 updates: 5 in 30.0 thousand more at the soonest"
    assert falls.at_this_pace(20) == falls.at_this_pace(inf) == number(19, 21).at_this_pace(5) == ""
    assert replace(falls, pace=nan).at_this_pace(5) == ""


COUNTS = Clause("g", "yes", "no", "open", "{k} of {n}")
NAMES = Clause("g", "yes", "no", "this is open", "yes with {which}", "no with {which}")
LABELS = ("tanh", "ReLU", "sigmoid")


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["confirmed"] * 3, "yes"),
        (["contradicted"] * 3, "no (✘)"),
        (["undecided", "not tested"], "open"),
        (["undecided", NOT_RUN], "open"),
        (["confirmed", "contradicted"], "1 of 2"),
        (["confirmed", "contradicted", "undecided"], "1 of 3 (1 undecided)"),
        (["confirmed", "undecided"], "1 of 2 (1 undecided)"),
        (["contradicted", "undecided"], "none of 2 (1 undecided)"),
    ],
)
def test_a_clause_follows_from_the_outcomes(outcomes, said):
    assert COUNTS.of(list(map(Told, outcomes))) == said


def test_what_has_not_been_run_is_no_defeat():
    outcomes = ["contradicted", "contradicted", "undecided", *[NOT_RUN] * 15]
    assert COUNTS.of(list(map(Told, outcomes))) == "none of 3 (1 undecided)"
    assert COUNTS.of([Told("confirmed"), Told(NOT_RUN)]) == "1 of 1"
    assert COUNTS.of([Told("contradicted"), Told(NOT_RUN)]) == "none of 1"
    assert COUNTS.of([Told(NOT_RUN)] * 2) == NAMES.of([Told(NOT_RUN)]).replace("this is ", "") == "open (not run yet)"


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["confirmed"] * 3, "yes"),
        (["contradicted"] * 3, "no (✘)"),
        (["confirmed", "contradicted", "confirmed"], "yes with tanh and sigmoid; no with ReLU (✘)"),
        (["undecided", "confirmed", NOT_RUN], "yes with ReLU; undecided: tanh; not run yet: sigmoid"),
        (["confirmed", "confirmed", NOT_RUN], "yes with tanh and ReLU; not run yet: sigmoid"),
        (
            ["contradicted", "contradicted", NOT_RUN],
            "no with tanh and ReLU (✘); not run yet: sigmoid",
        ),
        (
            ["contradicted", "not tested", "undecided"],
            "no with tanh (✘); undecided: sigmoid; not tested: ReLU",
        ),
    ],
)
def test_a_clause_names_what_holds_and_what_does_not(outcomes, said):
    assert NAMES.of(list(map(Told, outcomes, LABELS))) == said


def test_a_clause_gives_the_numbers_of_its_parts_where_they_are_told():
    assert NAMES.of([Told("confirmed", "tanh", "3 %"), Told("confirmed", "ReLU")]) == "yes (tanh: 3 %)"
    assert NAMES.of([Told("undecided", number="3 %")]) == "this is open (3 %)"
    mixed = [Told("confirmed", "tanh", "3 %"), Told("contradicted", "ReLU", "40 %"), Told("undecided", "sigmoid")]
    assert NAMES.of(mixed) == "yes with tanh (3 %); no with ReLU (40 %) (✘); undecided: sigmoid"
    both = [Told("contradicted", "tanh", "3 %"), Told("contradicted", "ReLU", "4 %")]
    assert NAMES.of(both) == "no (✘; tanh: 3 %; ReLU: 4 %)"


def test_what_is_said_of_all_parts_is_said_once():
    alike = [Told("confirmed", label, "0 of 200") for label in LABELS]
    assert NAMES.of(alike) == "yes (0 of 200, each)"
    assert NAMES.of([Told("undecided", label, why=NOISY) for label in LABELS]) == "this is open (too noisy, each)"


def test_what_is_undecided_says_why():
    decided, noisy = Told("confirmed", "tanh"), [Told("undecided", label, "3 %", NOISY) for label in "AB"]
    assert NAMES.of([decided, *noisy]) == "yes with tanh; undecided, too noisy: A (3 %), B (3 %)"
    mixed = [decided, *noisy, *(Told("undecided", label, "4 %", SHORT) for label in "CD")]
    short = "undecided, too short: C (4 %), D (4 %)"
    assert NAMES.of(mixed) == f"yes with tanh; undecided, too noisy: A (3 %), B (3 %); {short}"
    assert NAMES.of(noisy) == "this is open (3 %, too noisy, each)"
    open_ = [Told("undecided", "A", "3 %", NOISY), Told("undecided", "B", "4 %", SHORT), Told(NOT_RUN, "C")]
    assert NAMES.of(open_) == "this is open (A: 3 %, too noisy; B: 4 %, too short); not run yet: C"


def test_many_parts_that_have_not_been_run_are_counted_and_not_named():
    parts = [Told("confirmed", "0 layers"), Told("undecided", "1 layer"), *(Told(NOT_RUN, str(n)) for n in range(4))]
    assert NAMES.of(parts) == "yes with 0 layers; undecided: 1 layer; not run yet: 4 others"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_another_outcome_gives_another_clause(claim):
    for clause in claim.clauses:
        count = sum(part.group == clause.group for part in claim.parts)
        assert count, f"no part is of {clause.group}"
        labels = [part.label for part in claim.parts if part.group == clause.group]
        said = {
            clause.of(list(map(Told, outcomes, labels)))
            for outcomes in product(("confirmed", "contradicted", "undecided"), repeat=min(count, 2))
        }
        assert len(said) >= (3 if count == 1 else 5), clause.group
        if clause.others:
            assert "{which}" in clause.some
            assert "{which}" in clause.others
            assert all(labels), clause.group
            assert len(set(labels)) == count, clause.group
        else:
            assert count == 1 or ("{k}" in clause.some and "{n}" in clause.some) or count == 2, clause.group


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_part_is_told(claim):
    assert {part.group for part in claim.parts} == {clause.group for clause in claim.clauses}
