"""`rnnlab check FILE.py:NAME` on layers that rnnlab has never seen: right ones pass, a wrong one does not."""

import numpy as np
import pytest

import own_layers
import rnnlab as rl
from rnnlab.exercise.own import check_layer
from rnnlab.exercise.run import UnusableError


@pytest.mark.parametrize("name", ["LeakyCell", "PeepholeLSTM", "MinimalGatedUnit"])
def test_a_right_layer_that_nobody_has_seen_passes(name):
    answer = check_layer(name, getattr(own_layers, name))
    assert (answer.verdict, answer.status) == ("right", 0)
    assert "finite differences" not in answer.sentence


def test_a_forward_that_keeps_no_complex_numbers_is_checked_by_finite_differences_and_that_is_said():
    answer = check_layer("Absolute", own_layers.Absolute)
    assert answer.status == 0
    assert "by finite differences, to six digits or so, since forward does not keep complex numbers" in answer.sentence


def test_a_wrong_layer_is_wrong_and_its_worst_entry_is_named():
    answer = check_layer("DeafPeephole", own_layers.DeafPeephole)
    assert answer.status == 1
    assert answer.sentence.startswith("Where D = H, cs at timestep 4")
    assert {line.array for line in answer.lines if line.verdict == "wrong"} >= {"cs", "W"}
    assert all("\n" not in sentence for sentence in (answer.sentence, *answer.diagnosis))


def test_a_layer_as_it_is_and_a_function_that_makes_one_are_taken_too():
    layer = own_layers.LeakyCell.init(np.random.default_rng(0), inputs=4, hidden=3)
    assert check_layer("layer", layer).status == 0
    assert check_layer("make", lambda rng, D, H: rl.GRU.init(rng, inputs=D, hidden=H)).status == 0


@pytest.mark.parametrize("value", [3, own_layers.sigmoid, rl.Trace], ids=["a number", "a function", "a trace"])
def test_what_is_no_layer_and_makes_none_is_refused(value):
    with pytest.raises(UnusableError, match="give a layer, a class with init"):
        check_layer("it", value)


def test_where_forward_leaves_nan_that_is_said_and_no_right_layer_is_wrong():
    answer = check_layer("SquareRoots", lambda rng, D, H: own_layers.SquareRoots.init(rng, inputs=D, hidden=H, bias=4))
    assert answer.status == 0
    (said,) = answer.diagnosis
    assert said.startswith("Of infinity or NaN nothing can be told: where ")
    assert ", forward leaves nan in trace.hs at timestep " in said


def test_where_every_case_is_nan_the_error_names_the_first_place():
    with pytest.raises(UnusableError, match=r"about nans\. Of infinity .* where D = H, forward leaves nan in trace"):
        check_layer("nans", lambda rng, D, H: own_layers.SquareRoots.init(rng, inputs=D, hidden=H, bias=-20))
