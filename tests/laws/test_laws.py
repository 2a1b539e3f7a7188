"""Every law of rnnlab.testing on every kind of our own layers, and what only these can be held to: the scalar loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import rnnlab as rl
from deep import deep
from rnnlab.testing import CONDITIONS, KINDS, LAWS, case, cases
from rnnlab.testing.cases import gradients_by_name, trace_of
from rnnlab.testing.closeness import largest, largest_term, require_close

# So wide that a layer takes its steps in blocks of 2, 2 and 1 (512 rows each).
IN_BLOCKS = {"T": 5, "B": 200, "D": 2, "H": 1}
EDGE = {"T": 1, "B": 1, "D": 3, "H": 2}

# Finite differences one step at a time are slow: tests/test_gradcheck.py holds them to fewer cases.
QUICK = {name: law for name, law in LAWS.items() if not name.startswith("backward_agrees_with")}
every_kind = pytest.mark.parametrize("kind", KINDS)
at_the_edges = pytest.mark.parametrize("sizes", [EDGE, deep(IN_BLOCKS)], ids=["one step", "in blocks"])


def as_made(kind):
    return cases(KINDS[kind], ["as made"])


@every_kind
@given(data=st.data())
def test_every_law_holds(kind, data):
    one = data.draw(cases(KINDS[kind]))
    for law in QUICK.values():
        law(one)


@every_kind
@at_the_edges
def test_every_law_holds_at_the_edges(kind, sizes):
    for condition in CONDITIONS if sizes is EDGE else ["as made"]:
        for law in QUICK.values():
            law(case(KINDS[kind], **sizes, condition=condition))


def check(kind, one):
    report = rl.check_gradients(one.layer, one.xs, *one.starts, dhs=one.dys, dends=one.dends)
    steps = {finding.array: finding for finding in report.findings if finding.whole is None}
    carries = one.layer.carries
    assert steps.keys() == {*one.layer.arrays(), "xs", *carries, *(f"trace.{name}" for name in carries)}
    assert report.passed


@every_kind
@given(data=st.data())
@settings(max_examples=settings.default.max_examples // 2)  # the loops and the adjoint law look at the same gradients
def test_the_gradient_check_passes_with_twelve_digits(kind, data):
    check(kind, data.draw(as_made(kind)))


@every_kind
@at_the_edges
def test_the_gradient_check_passes_at_the_edges(kind, sizes):
    check(kind, case(KINDS[kind], **sizes))


@every_kind
@given(data=st.data())
@settings(max_examples=max(3, settings.default.max_examples // 8))  # saturated, it looks at each of them again
def test_the_gradient_check_fails_in_no_condition(kind, data):
    LAWS["backward_agrees_with_the_complex_step"](data.draw(cases(KINDS[kind], list(CONDITIONS)[1:])))


# The scalar loops: as made, no unit is saturated and no net chaotic, so their roundoff is small.


def equals_the_scalar_loops(one):
    trace = one.forward()
    got = gradients_by_name(one.backward(trace))
    run = naive.forward(one.layer, one.xs, one.starts)
    states = {f"trace.{name}": np.array(run[name]) for name in one.layer.carries}
    require_close(one, trace_of(trace), states, within=1e-14, scale=largest(*states.values()))
    back = naive.backward(one.layer, one.xs, one.starts, one.dys, one.dends)
    wanted = {name: np.array(array) for name, array in back.items()}
    assert got.keys() == wanted.keys()
    require_close(one, got, wanted, within=1e-12, scale=largest_term(one, {**trace_of(trace), **got}))


def is_zero_exactly_where_no_path_leads_to_the_loss(one):
    # Generic numbers never cancel, so a zero means a path that is shut: a ReLU unit whose output is 0, or a state of 0.
    layer, trace = one.layer, one.forward()
    grads = one.backward(trace)
    if not hasattr(layer, "activation"):  # neither a gate nor a tanh is ever shut, nor is a state 0
        assert [name for name, array in grads.arrays().items() if (array == 0).any()] == []
        return
    open_units = trace.hs[1:] > 0 if layer.activation.name == "relu" else np.ones(trace.hs[1:].shape, bool)
    past = trace.hs[:-1] != 0
    some = open_units.any(axis=(0, 1))
    np.testing.assert_array_equal(grads.params.b != 0, some)
    np.testing.assert_array_equal(grads.params.W != 0, np.broadcast_to(some, grads.params.W.shape))
    np.testing.assert_array_equal(grads.xs != 0, np.broadcast_to(open_units.any(axis=2)[..., None], grads.xs.shape))
    np.testing.assert_array_equal(grads.hs[1:] != 0, np.ones(one.dys.shape, bool))
    if isinstance(layer, rl.IndRNN):
        np.testing.assert_array_equal(grads.params.u != 0, (past & open_units).any(axis=(0, 1)))
        np.testing.assert_array_equal(grads.h0 != 0, open_units[0])
    else:
        used = np.einsum("tbm,tbn->mn", past.astype(int), open_units.astype(int)) > 0
        np.testing.assert_array_equal(grads.params.U != 0, used)
        followers = open_units[0] @ (layer.U != 0).T
        np.testing.assert_array_equal(grads.h0 != 0, followers)


@every_kind
@given(data=st.data())
def test_forward_and_backward_equal_the_scalar_loops_and_are_zero_where_no_path_leads(kind, data):
    one = data.draw(as_made(kind))
    equals_the_scalar_loops(one)
    is_zero_exactly_where_no_path_leads_to_the_loss(one)


@every_kind
@at_the_edges
def test_they_equal_the_scalar_loops_at_the_edges(kind, sizes):
    equals_the_scalar_loops(case(KINDS[kind], **sizes))
