"""When an entry of a gradient passes, fails or stays open, and what a pattern of failures is told."""

from dataclasses import replace

import numpy as np
import pytest

from planted import finding, report_of
from rnnlab.gradcheck.diagnosis import diagnose
from rnnlab.gradcheck.verdict import judge

# The verdict


def judged(got, value, *, doubt=0.0, radius=0.0, terms=None, others=(), tolerance=1e-6, dtype=np.float64):
    """error, doubt, worst entry and verdict of a single slice; `others` are what backward gave on other occasions."""
    value = np.array([value], dtype=float)
    terms = np.abs(value) if terms is None else np.array([terms], dtype=float)
    versions = np.array([[got], *([other] for other in others)], dtype=float)
    parts = [terms, *(np.broadcast_to(each, value.shape).astype(float) for each in (radius, doubt))]
    wanted = np.array([*parts, *([value] * len(versions))])
    (one,) = judge(versions, wanted, tolerance, dtype)
    return one


@pytest.mark.parametrize(
    ("got", "verdict"),
    [
        (2.0, "passed"),
        (2.0 + 1.9e-6, "passed"),
        (2.0 - 1.9e-6, "passed"),
        (2.0 + 2.1e-6, "failed"),
        (2.0 - 2.1e-6, "failed"),
    ],
)
def test_the_verdict_turns_at_the_tolerance_on_either_side(got, verdict):
    error, doubt, _, said = judged([got], [2.0])
    assert said == verdict
    assert error == pytest.approx(abs(got - 2) / 2)
    assert doubt == 0


def test_an_error_is_relative_to_the_terms_of_its_own_entry_and_the_worst_is_named():
    error, _, worst, verdict = judged([100.0, 1.0, 5.5], [100.0, 1.0, 5.0])
    assert error == pytest.approx(0.1)
    assert worst == 2
    assert verdict == "failed"
    assert judged([1e-9], [2e-9], terms=[1.0])[::3] == (pytest.approx(1e-9), "passed")


def test_at_the_tolerance_itself_an_entry_passes():
    assert judged([1.5], [1.0], tolerance=0.5)[3] == "passed"
    assert judged([1.0], [1.0], doubt=0.5, tolerance=0.5)[3] == "passed"


@pytest.mark.parametrize("size", [1e-300, 1e-90, 1.0, 1e90])
def test_the_verdict_does_not_depend_on_the_size_of_the_gradient_nor_on_its_neighbours(size):
    assert judged([size * (1 + 5e-7), 1.0], [size, 1.0])[3] == "passed"
    assert judged([size * (1 + 2e-6), 1.0], [size, 1.0])[2:] == (0, "failed")
    assert judged([0.0, 1.0], [size, 1.0])[::3] == (1.0, "failed")


def test_a_failed_entry_is_named_before_a_larger_error_that_is_doubtful():
    assert judged([1.1, 2.0], [1.0, 1.0], doubt=[0.0, 1.0])[2:] == (0, "failed")


def test_an_oracle_that_doubts_itself_more_than_the_tolerance_leaves_it_open():
    assert judged([1.0], [1.0], doubt=2e-6)[3] == "inconclusive"
    assert judged([1.0], [1.0], doubt=0.9e-6)[3] == "passed"


def test_an_error_beyond_five_times_the_doubt_fails_however_large_the_doubt():
    assert judged([1.6], [1.0], doubt=0.1)[3] == "failed"
    assert judged([0.4], [1.0], doubt=0.1)[3] == "failed"
    assert judged([1.4], [1.0], doubt=0.1)[3] == "inconclusive"
    assert judged([0.6], [1.0], doubt=0.1)[3] == "inconclusive"


def test_an_error_above_the_tolerance_never_passes_even_within_the_doubt():
    assert judged([1 + 4e-6], [1.0], doubt=0.9e-6)[3] == "inconclusive"
    assert judged([1 + 0.9e-6], [1.0], doubt=0.9e-6)[3] == "passed"


def test_what_a_jitter_in_the_last_place_moves_does_not_fail_and_passes_with_six_digits():
    def moved(got, by):
        return judged([got], [2.0], others=([got], [got + by], [got - by / 2]), tolerance=1e-12)[3]

    assert moved(2 + 1e-9, 1e-12) == "passed"
    assert moved(2 - 1e-9, 1e-12) == "passed"
    assert moved(2 + 1e-4, 1e-7) == "inconclusive"
    assert moved(2 + 1e-8, 1e-12) == "failed"  # 4096 times what the jitter moved is less
    # Off by hardly more than that: not wrong beyond doubt, and not right for all that is known.
    assert moved(2 + 2**-28 + 2**-40, 2**-40) == "inconclusive"


def test_each_version_of_a_gradient_is_held_against_its_own_right_side():
    # The jitter moved ds[t] on the right as well, by as much: what is left of it between the two is nothing.
    value = np.array([[[2.0]], [[2.0]], [[2.5]]])
    got = np.array([[[2.1]], [[2.1]], [[2.6]]])
    wanted = np.concatenate([value[:1], np.zeros((2, 1, 1)), value])
    ((_, _, _, said),) = judge(got, wanted, 1e-12, float)
    assert said == "failed"


def test_a_backward_that_does_not_repeat_itself_has_no_roundoff_to_plead():
    assert judged([2 + 1e-9], [2.0], others=([2.1], [2.3], [2.2]), tolerance=1e-12)[3] == "failed"
    assert judged([2 + 1e-9], [2.0], others=([2 + 1e-8], [2.3], [2.2]), tolerance=1e-12)[3] == "failed"
    assert judged([1e-30 + 1e-38], [1e-30], others=([2e-30], [3e-30], [4e-30]), tolerance=1e-12)[3] == "failed"


def test_what_a_second_call_differs_by_is_not_taken_for_roundoff():
    assert judged([2 + 4e-10], [2.0], others=([2 + 4.002e-10], *2 * [[2 + 4e-10]]), tolerance=1e-12)[3] == "failed"


def test_a_nan_in_one_slice_takes_no_roundoff_from_another():
    got = np.array([[[np.nan], [by]] for by in (2 + 1e-9, 2 + 1e-9, 2 + 2e-9, 2.0)])
    wanted = np.concatenate([np.full((1, 2, 1), 2.0), np.zeros((2, 2, 1)), np.full((4, 2, 1), 2.0)])
    assert [said for *_, said in judge(got, wanted, 1e-12, float)] == ["failed", "passed"]


def test_where_numbers_run_out_of_digits_nothing_fails_and_only_equals_pass():
    assert judged([1e-309], [2e-309])[3] == "inconclusive"
    assert judged([1e-309], [0.0])[3] == "inconclusive"
    assert judged([0.0], [0.0])[3] == "passed"
    assert judged([1e-300], [2e-300])[3] == "failed"
    assert judged([1e-39], [2e-39], dtype=np.float32)[3] == "inconclusive"
    assert judged([1e-36], [2e-36], dtype=np.float32)[3] == "failed"
    assert judged([1e-305 * (1 + 1e-8)], [1e-305], tolerance=1e-12)[3] == "inconclusive"


def test_beyond_the_largest_number_nothing_is_known():
    assert judged([np.inf], [1.0], terms=[np.inf])[3] == "inconclusive"
    assert judged([np.nan], [np.nan])[::3] == (np.inf, "inconclusive")
    assert judged([1.0], [1.0], terms=[np.nan])[::3] == (np.inf, "inconclusive")
    assert judged([2.0], [1.0], terms=[np.nan])[::3] == (np.inf, "inconclusive")
    largest = np.finfo(np.float64).max
    assert judged([largest], [largest])[3] == "passed"
    assert judged([np.inf], [1e39], dtype=np.float32)[3] == "inconclusive"
    assert judged([np.inf], [1e39])[3] == "failed"


@pytest.mark.parametrize("got", [0.0, 0.3, 1.0])
def test_at_a_kink_the_whole_interval_passes(got):
    assert judged([got], [0.5], radius=0.5)[3] == "passed"


@pytest.mark.parametrize("got", [-0.01, 1.01, np.nan])
def test_beside_the_interval_of_a_kink_nothing_passes(got):
    assert judged([got], [0.5], radius=0.5)[3] == "failed"


def test_zero_on_both_sides_passes_and_zero_on_one_side_fails():
    assert judged([0.0], [0.0])[::3] == (0.0, "passed")
    assert judged([1e-300], [0.0])[::3] == (np.inf, "failed")
    assert judged([0.0], [1e-300])[::3] == (1.0, "failed")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails(bad):
    assert judged([1.0, bad], [1.0, 1.0])[::3] == (np.inf, "failed")
    assert judged([bad], [1.0], doubt=1.0)[3] == "failed"


# The report


def test_the_table_shows_of_every_array_its_own_worst_and_ends_with_the_note():
    findings = finding("W", 0.25, "passed"), finding("W", 0.5, "passed"), finding("b", 2.0, "failed", index=(1,))
    title, header, *lines = str(replace(report_of(*findings), note="Not all was checked.")).splitlines()
    assert header.startswith("array  slices  verdict  worst error  doubt")
    assert [line.split()[:5] for line in lines[:2]] == [
        ["W", "2", "passed", "5.0e-01", "0.0e+00"],
        ["b", "1", "failed", "2.0e+00", "0.0e+00"],
    ]
    assert lines[2:] == ["Not all was checked."]
    assert str(report_of(*findings)) == "\n".join([title, header, *lines[:2]])


# The diagnosis


ALL_ZERO = "b: exact zeros, and all else is right. Is the sum added up, or cut to zero where it is small?"
CARRY = "nothing else is, given hs: look at the carry (transposed? slope there once? kept at all?)"
SMALL = (
    "\nThe error is small, but roundoff was allowed for: is a constant rounded, an epsilon added, or float32 used on "
    "the way?"
)


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        (
            [finding("hs", 1.0, "failed", 2, got=0.0)],
            "hs is wrong first at timestep 2, and exactly zero: is the carry cut off after 2 steps?",
        ),
        (
            [finding("hs", 1.0, "failed", 4, got=0.0)],
            "hs is wrong first at timestep 4, and exactly zero: is the carry kept at all?",
        ),
        (
            [finding("hs", 1.0, "failed", 5, got=0.0)],
            "hs is exactly zero at the last step already: is the gradient written at all?",
        ),
        (
            [finding("hs", 1.0, "failed", 5)],
            "hs is wrong at the last step already, before any recurrence: is what arrives added once?",
        ),
        ([finding("hs", 1.0, "failed", 3)], f"hs is wrong first at timestep 3, and {CARRY}"),
        (
            [finding("hs", 1.0, "failed", 2)],
            f"hs is wrong first at timestep 2, and {CARRY}. It is right at 2 steps: is it cut off after them?",
        ),
        (
            [finding("hs", 1.0, "failed", 3), finding("U", 1.0, "failed"), finding("b", 1.0, "failed", got=0.0)],
            "hs is wrong first at timestep 3, and U, b with it: look at da[t], which they share "
            "(slope there once? the right state?)",
        ),
        (
            [finding("xs", 1.0, "failed", 2), finding("U", 1.0, "failed")],
            "the states are right and xs is not: look at dx[t] = da[t] Wᵀ and which da it uses",
        ),
        (
            [finding("hs", 1.0, "failed", 5), finding("hs", 1.0, "failed", 4)],
            "hs is wrong at the last step already, before any recurrence: is what arrives added once?",
        ),
        (
            [finding("hs", 1.0, "failed", 2), finding("hs", 1.0, "failed", 3)],
            f"hs is wrong first at timestep 3, and {CARRY}",
        ),
        (
            [finding("hs", 1.0, "failed", 0)],
            f"hs is wrong first at timestep 0, and {CARRY}. It is right at 4 steps: is it cut off after them?",
        ),
        (
            [finding("layers.1.hs", 1.0, "failed", 3), finding("layers.0.W", 0.5, "failed")],
            f"hs is wrong first at timestep 3, and {CARRY}",
        ),
        (
            [finding("hs", 1.0, "failed", 0), finding("hs", 1.0, "failed", 1)],
            f"hs is wrong first at timestep 1, and {CARRY}. It is right at 3 steps: is it cut off after them?",
        ),
        ([finding("hs", 1e-6, "failed", 3)], f"hs is wrong first at timestep 3, and {CARRY}"),
        ([finding("hs", 9e-7, "failed", 3)], f"hs is wrong first at timestep 3, and {CARRY}{SMALL}"),
        ([finding("b", 1.0, "failed", got=0.0)], ALL_ZERO),
        (
            [finding("W", 1.0, "failed", got=0.0), finding("U", 1.0, "failed")],
            "states and inputs are right, so look at the sum over time that collects U and W",
        ),
        (
            [finding("W", 9e-7, "failed")],
            f"states and inputs are right, so look at the sum over time that collects W{SMALL}",
        ),
        (
            [finding("hs", np.inf, "failed", 2), finding("U", 1.0, "failed", wanted=0.0)],
            "the oracle sees no effect: does forward keep complex numbers (no abs, no float(), no .real)?",
        ),
        (
            [finding("layers.1.trace.hs", 1.0, "failed", 2), replace(finding("layers.1.U", 1.0, "failed"), again=True)],
            "a second call gives something else: is anything kept between calls, drawn at random, or left unset?",
        ),
        (
            [replace(finding("U", 1.0, "failed"), again=True)],
            "a second call gives something else: is anything kept between calls, drawn at random, or left unset?",
        ),
        (
            [finding("trace.hs", 1.0, "failed", 2), finding("hs", 1.0, "failed", 1)],
            "one step from the trace's own states does not lead to the trace, and forward over fewer steps gives "
            "other states: is each kept as is, and nothing drawn?",
        ),
        (
            [finding("U", 1.0, "failed", whole=3), finding("W", 1.0, "failed", whole=3)],
            "U and W are right from a start of zeros and wrong from another: is the start left out of a sum over time?",
        ),
        (
            [finding("U", 1.0, "failed", whole=3)],
            "U is right from a start of zeros and wrong from another: is the start left out of a sum over time?",
        ),
        (
            [finding("xs", 1.0, "failed", whole=3)],
            "every step is right by itself, but not the first 3 as a whole: are the layers combined correctly?",
        ),
        (
            [finding("U", 1.0, "failed", whole=3), finding("hs at the start", 1.0, "failed", whole=3)],
            "every step is right by itself, but not the first 3 as a whole: are the layers combined correctly?",
        ),
    ],
)
def test_a_diagnosis_is_whole_sentences(findings, says):
    assert diagnose(report_of(finding("b"), finding("hs", timestep=1), *findings), findings[0], steps=5) == says


def test_a_run_that_was_checked_as_a_whole_is_told_so():
    wrong = finding("U", 1.0, "failed", whole=5)
    report = replace(report_of(wrong), note="It was a whole.")
    says = "It was a whole. Which step is wrong is not known: try T = 1, then T = 2."
    assert diagnose(report, wrong, steps=5) == says
