"""Copies from before a call are held against what is there after it: what is named, and what passes for the same."""

from dataclasses import dataclass

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.gradcheck.calls import named, require_same, same, unchanged


@dataclass(frozen=True, eq=False, repr=False)
class Pair(rl.Record):
    a: np.ndarray
    b: np.ndarray


def pair(a=(1.0, 2.0), b=(3.0,)):
    return Pair(np.array(a), np.array(b))


def test_every_array_has_its_dotted_name_and_those_of_params_their_bare_one():
    xs, starts = np.zeros(2), (np.ones(1), np.ones(3))
    found = named(params=pair(), trace=pair(), xs=xs, starts=starts)
    assert list(found) == ["a", "b", "trace.a", "trace.b", "xs", "starts.0", "starts.1"]
    assert found["xs"] is xs
    assert found["starts.1"] is starts[1]


def test_a_block_that_changes_nothing_passes_with_nan_and_infinity_as_well():
    with unchanged("forward", "copy", xs=np.array([np.nan, np.inf, 1.0]), starts=(np.zeros(0),)):
        pass


@pytest.mark.parametrize(("was", "now"), [(2.0, 2.5), (2.0, np.nan), (np.nan, 2.0), (0.5, np.nextafter(0.5, 1))])
def test_a_change_is_named_with_its_entry_both_values_and_what_to_do(was, now):
    xs = np.array([[1.0, 4.0], [3.0, was], [was, 5.0]])
    with pytest.raises(rl.GradientError) as caught, unchanged("forward", "work on a copy", xs=xs):
        xs[1:, :][np.isclose(xs[1:], was, equal_nan=True)] = now  # two of them: the first is named
    assert str(caught.value) == f"forward changes xs[1, 1] from {was:.9g} to {now:.9g}: work on a copy"
    report = caught.value.report
    assert (report.oracle, report.tolerance, report.verdict) == ("unchanged", 0.0, "failed")
    (finding,) = report.findings
    assert (finding.array, finding.timestep, finding.sequence, finding.index) == ("xs", None, None, (1, 1))
    assert (finding.error, finding.doubt) == (np.inf, 0.0)
    np.testing.assert_equal((finding.got, finding.wanted), (now, was))


def test_of_two_records_every_array_is_required_to_be_the_same():
    require_same("a second call changes", "keep no state", pair().arrays(), pair().arrays())
    with pytest.raises(rl.GradientError, match=r"^a second call changes b\[0\] from 3 to 4: keep no state$"):
        require_same("a second call changes", "keep no state", pair().arrays(), pair(b=[4.0]).arrays())


def test_two_calls_gave_the_same_within_the_tolerance_of_every_entry():
    assert same(pair(), pair(), tolerance=0)
    assert same(pair(a=[1.0, np.nan]), pair(a=[1.0, np.nan]), tolerance=0)
    assert same(pair(), pair(a=[1.0, 2.0 + 1e-9]), tolerance=1e-9)
    assert not same(pair(), pair(a=[1.0, 2.0 + 3e-9]), tolerance=1e-9)
    assert not same(pair(b=[1e-30]), pair(b=[2e-30]), tolerance=1e-9)  # however small: relative to the entry
    assert not same(pair(b=[1e-30]), pair(b=[0.0]), tolerance=1e-9)
    assert not same(pair(), pair(b=[np.nan]), tolerance=1e-9)


def test_two_calls_that_gave_other_arrays_or_shapes_did_not_give_the_same():
    assert not same(pair(a=[1.0, 1.0]), pair(a=[1.0]), tolerance=1e-9)  # which would fit by broadcasting

    @dataclass(frozen=True, eq=False, repr=False)
    class One(rl.Record):
        a: np.ndarray

    assert not same(One(np.ones(2)), Pair(np.ones(2), np.ones(2)), tolerance=1e-9)
