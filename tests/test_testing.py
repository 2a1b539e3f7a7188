"""The public laws, on a layer that rnnlab has never seen: a right one passes all, each wrong one fails where said."""

from dataclasses import replace
from typing import ClassVar
from unittest import SkipTest

import numpy as np
import pytest
from hypothesis import find, settings

import rnnlab as rl
from deep import deep
from own_layers import LeakyCell
from rnnlab import testing


class Untransposed(LeakyCell):
    """da U in the carry in place of da Uᵀ."""

    def backward(self, trace, dhs, dh_end=None):
        wrong = super(Untransposed, self.like(**self.arrays() | {"U": self.U.T})).backward
        right = super().backward(trace, dhs, dh_end)
        return replace(right, hs=wrong(trace, dhs, dh_end).hs)


class Endless(LeakyCell):
    """What a later chunk sends back is left out."""

    def backward(self, trace, dhs, dh_end=None):
        return super().backward(trace, dhs)


class Averaging(LeakyCell):
    """The mean over the batch in place of the sum."""

    def backward(self, trace, dhs, dh_end=None):
        grads = super().backward(trace, dhs, dh_end)
        return replace(grads, params=grads.params.map(lambda gradient: gradient / dhs.shape[1]))


class Reusing(LeakyCell):
    """One buffer for the results of every call."""

    buffers: ClassVar = {}

    def backward(self, trace, dhs, dh_end=None):
        grads = super().backward(trace, dhs, dh_end)
        buffer = self.buffers.setdefault((grads.xs.shape, grads.xs.dtype), np.empty_like(grads.xs))
        buffer[...] = grads.xs
        return replace(grads, xs=buffer)


class Overwriting(LeakyCell):
    """The slope is taken in the trace's own memory."""

    def backward(self, trace, dhs, dh_end=None):
        grads = super().backward(trace, dhs, dh_end)
        trace.hs[1:] *= 1 - trace.hs[1:]
        return grads


class Foreseeing(LeakyCell):
    """Every step reads the mean of all inputs, which later ones are part of."""

    def forward(self, xs, h0=None):
        return replace(super().forward(xs - xs.mean(axis=0), h0), xs=xs)


class Coupled(LeakyCell):
    """Centred over the batch, as a batch normalisation is."""

    def forward(self, xs, h0=None):
        return replace(super().forward(xs - xs.mean(axis=1, keepdims=True), h0), xs=xs)


class Double(LeakyCell):
    """float64 whatever it is given."""

    def backward(self, trace, dhs, dh_end=None):
        return super().backward(trace, dhs, dh_end).map(lambda array: array.astype(np.float64))


class Rounding(LeakyCell):
    """float32 within: seven digits where sixteen are promised."""

    def backward(self, trace, dhs, dh_end=None):
        narrow = self.map(lambda array: array.astype(np.float32)), trace.map(lambda array: array.astype(np.float32))
        late = [] if dh_end is None else [dh_end.astype(np.float32)]
        grads = super(Rounding, narrow[0]).backward(narrow[1], dhs.astype(np.float32), *late)
        return grads.map(lambda array: array.astype(dhs.dtype))


# One of the laws that each breaks.
WRONG = {
    Untransposed: "two_chunks_go_back_as_the_whole",
    Endless: "what_a_later_chunk_sends_back_is_added_to_the_last_state",
    Averaging: "each_sequence_goes_back_as_it_would_alone",
    Reusing: "a_run_gives_the_same_bits_again",
    Overwriting: "nothing_given_is_changed",
    Foreseeing: "an_input_alters_no_earlier_state",
    Coupled: "each_sequence_runs_as_it_would_alone",
    Double: "every_result_has_the_dtype_of_the_layer",
    Rounding: "backward_is_the_adjoint_of_the_derivative",
}


def breaks(law, case):
    try:
        testing.LAWS[law](case)
    except (AssertionError, ValueError, np.exceptions.ComplexWarning):  # a ValueError: a step depends on t
        return True
    return False


TestLeakyCell = testing.laws(LeakyCell.init)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda kind: kind.__name__)
def test_a_wrong_layer_breaks_its_law(wrong):
    tried = [testing.case(wrong.init, T=3, B=2, D=2, H=2, seed=seed) for seed in range(3)]
    assert any(breaks(WRONG[wrong], case) for case in tried)


@pytest.mark.parametrize("wrong", [Untransposed, Averaging, Foreseeing], ids=lambda kind: kind.__name__)
def test_the_case_that_is_shown_is_small(wrong):
    law = WRONG[wrong]
    quick = settings(max_examples=100, database=None, derandomize=True, deadline=None)
    smallest = find(testing.cases(wrong.init), lambda case: breaks(law, case), settings=quick)
    assert max(smallest.T, smallest.B, smallest.D, smallest.H) <= 3
    assert smallest.condition == "as made"
    assert not breaks(law, replace(smallest, layer=LeakyCell(**smallest.layer.arrays())))


@pytest.mark.parametrize("wrong", [Untransposed, deep(Endless), deep(Averaging), deep(Foreseeing), deep(Coupled)])
def test_a_wrong_formula_is_not_taken_for_roundoff(wrong):
    case = testing.case(wrong.init, T=3, B=2, D=2, H=2, condition="saturated")
    with pytest.raises(rl.GradientError):
        testing.LAWS["backward_agrees_with_the_complex_step"](case)


def test_a_case_prints_its_sizes_and_every_array_on_a_line():
    case = testing.case(LeakyCell.init, T=1, B=1, D=2, H=1, seed=3, condition="chaotic")
    lines = [line.strip() for line in repr(case).splitlines()]
    assert lines[0] == "case(make, T=1, B=1, D=2, H=1, seed=3, condition='chaotic')"
    assert lines[1] == "LeakyCell(W=float64[2, 1], U=float64[1, 1], b=float64[1], alpha=float64[1])"
    assert [line.split(" = ")[0] for line in lines[2:]] == ["W", "U", "b", "alpha", "xs", "starts", "dys", "dends"]
    again = eval(lines[0], {"case": testing.case, "make": LeakyCell.init})
    assert repr(again) == repr(case)
    assert all((one == other).all() for one, other in zip(again.given, case.given, strict=True))


class Drifting(LeakyCell):
    """Its inputs count for less with every step: a step depends on t."""

    def faded(self, xs):
        return xs / np.arange(1, len(xs) + 1, dtype=xs.dtype)[:, None, None]

    def forward(self, xs, h0=None):
        return replace(super().forward(self.faded(xs), h0), xs=xs)

    def backward(self, trace, dhs, dh_end=None):
        grads = super().backward(replace(trace, xs=self.faded(trace.xs)), dhs, dh_end)
        return replace(grads, xs=self.faded(grads.xs))


class Centred(Coupled):
    """The right backward of what is centred over the batch."""

    def backward(self, trace, dhs, dh_end=None):
        def centred(xs):
            return xs - xs.mean(axis=1, keepdims=True)

        grads = super().backward(replace(trace, xs=centred(trace.xs)), dhs, dh_end)
        return replace(grads, xs=centred(grads.xs))


class Absolute(LeakyCell):
    """Reads |x|, which no complex step goes through."""

    def forward(self, xs, h0=None):
        trace = super().forward(np.abs(xs), h0)
        return replace(trace, xs=xs, hs=trace.hs.real.copy())

    def backward(self, trace, dhs, dh_end=None):
        grads = super().backward(replace(trace, xs=np.abs(trace.xs)), dhs, dh_end)
        return replace(grads, xs=grads.xs * np.sign(trace.xs))


@pytest.mark.parametrize(
    ("kind", "without"),
    [
        (Drifting, testing.ABSOLUTE_TIME),
        deep(Centred, testing.COUPLED_BATCH),
        (Absolute, testing.NOT_HOLOMORPHIC),
    ],
)
def test_a_right_layer_breaks_the_laws_that_it_need_not_obey_and_no_other(kind, without):
    tried = [testing.case(kind.init, T=3, B=2, D=2, H=2, condition=how) for how in ("as made", "chaotic")]
    assert {law for law in testing.LAWS if any(breaks(law, case) for case in tried)} == set(without)


def test_a_law_that_a_layer_need_not_obey_is_skipped_with_the_reason():
    suite = testing.laws(Centred.init, without=testing.COUPLED_BATCH | {"backward_is_linear": "tired"})
    assert {name for name in vars(suite) if name.startswith("test_")} == {f"test_{name}" for name in testing.LAWS}
    with pytest.raises(SkipTest, match=r"^tired$"):
        suite.test_backward_is_linear()
    with pytest.raises(SkipTest, match=r"^the sequences of a batch depend on each other"):
        suite.test_each_sequence_runs_as_it_would_alone()
    suite.test_nothing_from_above_gives_zeros()


def test_a_law_that_is_none_and_a_layer_that_is_none_are_refused():
    with pytest.raises(ValueError, match=r"^without must name laws; linearity is none: they are results_have_the_"):
        testing.laws(LeakyCell.init, without={"linearity": "it is not"})
    with pytest.raises(TypeError, match=r"^what is made must be a layer: a rnnlab.Record with carries, .*; got int$"):
        testing.laws(lambda rng, *, inputs, hidden: 7)
    with pytest.raises(ValueError, match=r"^condition must be one of as made, chaotic, .*; got 'calm'$"):
        testing.case(LeakyCell.init, T=1, B=1, D=1, H=1, condition="calm")


def test_layers_in_series_are_under_the_laws_as_well():
    def make(rng, *, inputs, hidden):
        layers = rl.LSTM.init(rng, inputs=inputs, hidden=hidden), LeakyCell.init(rng, inputs=hidden, hidden=2)
        return rl.Network(layers, rl.Dense.init(rng, inputs=2, outputs=3), reads="every")

    for condition in testing.CONDITIONS:
        for name, law in testing.LAWS.items():
            if name != "backward_agrees_with_finite_differences":
                law(testing.case(make, T=3, B=2, D=1, H=2, condition=condition))
