"""Comparisons: what is undecided, what is decided, and that the interval holds what it should."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deep import deep
from rnnlab.claims.number import BELOW_0, BLIND, SINGLE, CannotTellError, Number
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.comparison import STUDENT, Comparison, Side, compare, paired
from rnnlab.experiments.results.ends import LEARNED, ends
from rnnlab.experiments.results.scores import SCORE, falling, judged, late_line
from rnnlab.table import Table
from small_figures import curves

A, B = Side("v", "a"), Side("v", "b")
FIRST, BEST, LAST = SCORE["adding"], SCORE["pixels"], SCORE["pixels"]._replace(score="last")
ROWS = 40


def flat(level: float, rows: int = ROWS) -> list[float]:
    """A curve that is down at once, and stays there with a little noise."""
    noise = np.random.default_rng(round(level * 100)).normal(0, 0.02 * level, rows)
    return [90.0, *(level + noise)]


def table(a: list[list[float]], b: list[list[float]], status: str = "done") -> Table:
    runs = [("v", model, seed, status, one) for model, all_ in (("a", a), ("b", b)) for seed, one in enumerate(all_)]
    return curves(*runs)


def contest(a: list[list[float]], b: list[list[float]], by=BEST, **more) -> Comparison:
    return compare(table(a, b), by, A, B, trivial=90.0, **more)


def word(found: Comparison, trivial: float = 90.0) -> str:
    """What a is beside b, as the claims' rule for "lower than what it is compared with" finds."""
    try:
        finding = BELOW_0(Number.less(found, trivial))
    except CannotTellError:
        return BLIND
    return {"confirmed": "better", "contradicted": "worse"}.get(finding.outcome, finding.why)


def crossing(row: int, rows: int = ROWS) -> list[float]:
    """At the baseline, then solved from that row on."""
    return [0.17] * row + [0.002] * (rows - row)


def shaped(kind: str, level: float, seed: int) -> list[float]:
    """A curve from three numbers: Hypothesis would draw its 40 scores one by one, which takes many times as long."""
    steps = {
        "level": np.zeros(ROWS),  # so two may be equal
        "noise": np.random.default_rng(seed).uniform(-0.5, 0.5, ROWS),
        "falls": np.linspace(0.5, -0.5, ROWS),
        "falls at last": np.r_[np.zeros(ROWS - 10), np.linspace(0, -0.5, 10)],
        "rises": np.linspace(-0.5, 0.5, ROWS),
    }
    return list(level * (1 + steps[kind]))


kinds = st.sampled_from(["level", "noise", "falls", "falls at last", "rises"])
curve = st.builds(shaped, kinds, st.sampled_from([0.005, 1.0]) | st.floats(0.001, 90), st.integers(0, 10_000))
several = st.lists(curve, min_size=2, max_size=4)


@given(several, st.sampled_from([FIRST, BEST, LAST]))
def test_a_model_is_neither_better_nor_worse_than_itself(one, by):
    same = contest(one, one, by)
    assert same.difference == 0
    assert same.low <= 0 <= same.high
    assert word(same) != "better"


@given(several, several, st.sampled_from([FIRST, BEST, LAST]))
@example(
    [[1.0] * ROWS] * 2, [[1.0] + [2.0] * (ROWS - 11) + np.linspace(2, 1.1, 10).tolist()] * 2, BEST
)  # equal; one falls
def test_the_order_of_the_two_flips_the_sign_and_only_one_is_better(one, other, by):
    there, back = contest(one, other, by), contest(other, one, by)
    assert (there.a, there.b) == (back.b, back.a)
    np.testing.assert_allclose((there.difference, there.low, there.high), (-back.difference, -back.high, -back.low))
    assert (word(there), word(back)) != ("better", "better")
    assert there.difference == 0 or (word(there), word(back)) != ("worse", "worse")


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.1, 9), st.floats(-5, 5))
def test_the_interval_holds_the_mean_and_moves_and_grows_with_the_numbers(differences, scale, shift):
    a = np.array(differences)
    mean, low, high = paired(a, np.zeros(len(a)))
    assert low - 1e-12 <= mean <= high + 1e-12
    moved = [scale * end + shift for end in (mean, low, high)]
    # A mean of nine numbers below 20, five times wider, is off by at most some tens of roundings of that size.
    np.testing.assert_allclose(paired(scale * a + shift, np.zeros(len(a))), moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seeds", [deep(3), 5, deep(8)])
def test_the_interval_holds_the_true_difference_about_as_often_as_it_says(seeds):
    """Of 400 repetitions 380 are expected; 18 fewer would be four standard deviations of a binomial number of 95 %."""
    rng = np.random.default_rng(seeds)
    held = 0
    for _ in range(400):
        common = rng.normal(0, 3, seeds)  # a seed that is hard for both
        _, low, high = paired(10 + common + rng.normal(0, 1, seeds), 12 + common + rng.normal(0, 1, seeds))
        held += low <= -2 <= high
    assert held >= 380 - 18


def test_the_percentiles_alone_would_be_too_narrow():
    """Why the interval is widened: of three normal numbers the percentiles hold the mean three times in four."""
    rng = np.random.default_rng(0)
    alone = [values.min() <= 0 <= values.max() for values in rng.normal(size=(400, 3))]
    assert np.mean(alone) < 0.82
    assert all(np.diff(STUDENT) < 0)


def test_one_seed_decides_nothing():
    assert paired(np.array([1.0]), np.array([2.0])) == (-1.0, -np.inf, np.inf)
    assert word(contest([flat(10)], [flat(60)])) == SINGLE


def test_a_clear_difference_decides():
    clear = contest([flat(10), flat(11), flat(12)], [flat(60), flat(62), flat(61)])
    assert word(clear) == "better"
    assert clear.high < -40 < clear.low + 20
    assert clear.seeds == 3
    assert clear.crossed == (3, 0)
    noisy = contest([flat(10), flat(60), flat(12)], [flat(60), flat(11), flat(20)])
    assert word(noisy) == "too noisy"


def test_the_worse_one_still_falling_is_undecided_and_the_better_one_may_fall():
    falls = [list(np.linspace(80, 50 + seed, ROWS)) for seed in range(3)]
    low, high = [flat(10), flat(11), flat(12)], [flat(85), flat(84), flat(86)]
    assert word(contest(falls, low)) == "too short"
    assert word(contest(low, falls)) == "too short"
    assert contest(falls, low).falling == ("a",)
    assert word(contest(falls, high)) == "better"
    assert word(contest(high, falls)) == "worse"


def test_a_longer_curve_is_cut_at_the_shorter_ones_budget():
    long = [list(np.r_[flat(70), flat(5, 200)]) for _ in range(3)]
    one = contest(long, [flat(60), flat(61), flat(62)])
    assert one.budget == 100 * ROWS
    assert min(one.a) > 60


@pytest.mark.parametrize(
    ("later", "said", "falls"), [(5, "too short", ("a",)), (66, "too short", ("a",)), (68, "worse", ())]
)
def test_a_run_that_came_lower_after_the_budget_still_falls_there_however_flat_it_is(later, said, falls):
    """By more than a twentieth: the rows after the budget prove what those before it do not show."""
    long = [list(np.r_[flat(70), flat(later, 200)]) for _ in range(3)]
    one = contest(long, [flat(60), flat(61), flat(62)])
    assert (word(one), one.falling) == (said, falls)
    assert word(contest([flat(60), flat(61), flat(62)], long)) == {"worse": "better"}.get(said, said)


def test_by_time_the_cheaper_model_makes_more_updates():
    learns = [list(np.r_[np.full(30, 80.0), np.full(11, 20.0 + seed)]) for seed in range(3)]  # after 3,000 updates
    other = [list(np.r_[np.full(15, 85.0), np.full(26, 40.0 + seed)]) for seed in range(3)]  # after 1,500
    assert word(contest(learns, other)) == "better"
    dear = contest(learns, other, seconds=(2.0, 1.0))
    assert dear.budget == 4000
    assert dear.difference > 30
    assert word(dear) == "too short"  # with as many updates it is the better one
    again = contest(learns, other, FIRST._replace(below=45.0), seconds=(2.0, 2.0))
    assert again.a == (6000.0,) * 3
    assert again.b == (3000.0,) * 3


def test_never_crossing_costs_the_budget_and_a_row_of_the_log_is_no_difference():
    never, late = [crossing(ROWS)] * 3, [crossing(20), crossing(22), crossing(21)]
    one = contest(never, late, FIRST)
    assert one.a == (100.0 * (ROWS - 1),) * 3
    assert one.b == (2000.0, 2200.0, 2100.0)
    assert one.crossed == (0, 3)
    assert word(one) == "worse"
    assert word(contest(never, never, FIRST)) == BLIND
    assert word(contest([crossing(20)] * 3, [crossing(21)] * 3, FIRST)) == "too noisy"
    assert word(contest([crossing(20)] * 3, [crossing(23)] * 3, FIRST)) == "better"


def test_a_run_that_was_solved_does_not_shorten_the_budget():
    runs = [("v", "a", seed, "solved", crossing(5, 6)) for seed in range(3)]
    runs += [("v", "b", seed, "done", crossing(30)) for seed in range(3)]
    one = compare(curves(*runs), FIRST, A, B, trivial=1 / 6)
    assert one.budget == 100 * (ROWS - 1)
    assert one.b == (3000.0,) * 3
    assert word(one) == "better"


def test_a_run_that_diverged_or_is_worse_than_the_trivial_answer_has_that_answers_score():
    runs = [("v", "a", seed, "diverged", [90.0, 20.0]) for seed in range(3)]
    runs += [("v", "b", seed, "done", flat(30 + seed)) for seed in range(3)]
    one = compare(curves(*runs), BEST, A, B, trivial=90.0)
    assert one.a == (90.0,) * 3
    assert one.budget == 100 * ROWS
    assert word(one) == "worse"
    wild = compare(table([[1e9] * ROWS] * 2, [flat(30), flat(31)]), LAST, A, B, trivial=90.0)
    assert wild.a == (90.0, 90.0)


def test_only_seeds_that_both_have_are_compared():
    runs = [("v", "a", seed, "done", flat(10 + seed)) for seed in (0, 1, 2)]
    runs += [("v", "b", seed, "done", flat(50 + seed)) for seed in (1, 2, 3)]
    one = compare(curves(*runs), BEST, A, B, trivial=90.0)
    assert one.seeds == 2
    with pytest.raises(LookupError, match=r"^a \(v\) and c \(v\) have no seed in common$"):
        compare(curves(*runs), BEST, A, Side("v", "c"), trivial=90.0)


# Falling


def updates(count: int = ROWS) -> np.ndarray:
    return np.arange(count) * 250.0


@given(st.integers(0, 10_000))
def test_noise_around_a_level_rarely_falls_and_a_steep_fall_does(seed):
    noise = np.random.default_rng(seed).normal(0, 1, ROWS)
    assert falling(updates(), np.linspace(90, 40, ROWS) + noise)
    assert not falling(updates(), np.linspace(40, 90, ROWS) + noise)
    assert not falling(updates(), 40 + 0.5 * noise)  # the line falls by a twentieth only at four of its errors


def test_a_fall_that_has_ended_is_none_and_one_in_the_last_quarter_is():
    fell = np.r_[np.linspace(90, 20, 28), np.full(12, 20.0)]
    falls = np.r_[np.full(30, 90.0), np.linspace(88, 60, 10)]
    assert not falling(updates(), fell)
    assert falling(updates(), falls)
    assert not falling(updates(), np.linspace(20.5, 20.0, ROWS))  # by less than a twentieth


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.integers(0, 1000))
def test_falling_does_not_depend_on_the_units(scale, speed, seed):
    scores = np.linspace(50, 44, ROWS) + np.random.default_rng(seed).normal(0, 1, ROWS)
    assert falling(speed * updates(), scale * scores) == falling(updates(), scores)


def test_the_line_through_the_last_quarter_has_its_slope_height_and_length():
    """Of 40 rows the last quarter has ten."""
    x = updates()
    line = late_line(x, np.r_[np.zeros(30), np.linspace(9, 0, 10)])
    assert (line.slope, line.height) == (pytest.approx(-9 / (x[-1] - x[30])), pytest.approx(9))
    assert (line.length, line.rows) == (x[-1] - x[30], 10)
    assert line.error == pytest.approx(0, abs=1e-12)


def test_a_curve_of_a_few_rows_is_too_short_to_tell():
    assert np.isnan(late_line(updates(8), np.full(8, 20.0)).slope)
    assert falling(updates(8), np.full(8, 20.0))
    assert not falling(updates(16), np.full(16, 20.0))


# Scores


def test_every_recipe_is_judged_by_one_score_with_its_reason():
    assert SCORE.keys() == RECIPES.keys()
    assert all(one.why and one.score in ("first", "best", "last") for one in SCORE.values())
    assert judged("initializers", "tanh RNN").below == LEARNED
    assert judged("initializers", "1 sigmoid layer") == SCORE["initializers"]


def test_ends_have_three_scores():
    end = ends(
        curves(("v", "m", 0, "done", [9.0, 2.0, 1.0, 3.0]), ("v", "m", 1, "diverged", [9.0, 4.0])), "v", "m", 2.5
    )
    assert end is not None
    assert end.firsts.tolist() == [100, np.inf]
    assert end.bests.tolist() == [1, np.inf]
    assert end.scores.tolist() == [3, np.inf]
