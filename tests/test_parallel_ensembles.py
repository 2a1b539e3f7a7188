"""Ensembles: what combining gains is what the members disagree; the same bits on any executor."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import on_workers
from rnnlab.parallel import (
    Processes,
    WorkerError,
    ambiguity,
    ensemble,
    majority_vote,
    mean_prediction,
    mean_probability,
)

sizes = st.integers(1, 6)


@pytest.fixture(scope="module")
def pool():
    with Processes(2) as executor:
        yield executor


@given(st.integers(0, 10**6), sizes, sizes, sizes, st.floats(0, 6))
def test_the_ensembles_error_is_its_members_less_their_diversity(seed, M, B, K, spread):
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((B, K))
    ys = targets + 10**-spread * rng.standard_normal((M, B, K)) + rng.standard_normal((B, K))
    error, members, diversity = ambiguity(ys, targets)
    assert diversity >= 0
    # Each of the three is a mean of squares, right to a few eps of itself and of y² + target², whose difference is
    # squared; with numbers of at most about 5 that is some hundred eps.
    roundoff = 100 * np.finfo(float).eps * float(np.square(ys).max() + np.square(targets).max())
    assert abs(error - (members - diversity)) <= roundoff
    assert error <= members + roundoff


def test_by_hand():
    assert ambiguity(np.array([[1.0], [3.0]]), np.array([1.0])) == (1.0, 2.0, 1.0)
    assert ambiguity(np.array([[2.0], [2.0]]), np.array([1.0])) == (1.0, 1.0, 0.0)


@given(st.integers(0, 10**6), sizes, sizes, st.integers(2, 5))
def test_a_vote_is_counted_as_by_hand(seed, M, B, K):
    logits = 3 * np.random.default_rng(seed).standard_normal((M, B, K))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(mean_probability(logits), p.mean(axis=0), rtol=1e-13)
    for b, chosen in enumerate(majority_vote(logits)):
        votes = [list(logits[:, b].argmax(axis=-1)).count(k) for k in range(K)]
        assert chosen == max(range(K), key=lambda k: (votes[k], p[:, b, k].mean()))


def test_a_vote_is_not_a_mean():
    """Two members are nearly undecided, one is very sure of the other class."""
    logits = np.log([[[0.51, 0.49]], [[0.51, 0.49]], [[0.01, 0.99]]])
    assert majority_vote(logits).tolist() == [0]
    assert mean_probability(logits).argmax(axis=-1).tolist() == [1]


def test_probabilities_of_large_logits_do_not_overflow():
    np.testing.assert_array_equal(mean_probability(np.array([[[1e4, 0.0]], [[0.0, 1e4]]])), [[0.5, 0.5]])


def test_what_is_no_stack_of_predictions_is_refused():
    for combine in (mean_prediction, mean_probability, majority_vote):
        with pytest.raises(
            ValueError, match=r"predictions must be \(M, …\), np.stack of those of M members; got \(3,\)"
        ):
            combine(np.ones(3))
    with pytest.raises(ValueError, match=r"targets must be \(4, 1\) like the outputs; got \(4,\)"):
        ambiguity(np.ones((2, 4, 1)), np.ones(4))


def test_members_have_the_same_bits_however_many_workers_there_are(pool):
    wanted = [on_workers.member(seed) for seed in range(3)]
    for executor in (ThreadPoolExecutor(1), pool):
        found = ensemble(executor, on_workers.member, range(3))
        for ours, theirs in zip(wanted, found, strict=True):
            for name, array in ours.arrays().items():
                np.testing.assert_array_equal(theirs.arrays()[name], array)
    assert not np.array_equal(found[0].layers[0].U, found[1].layers[0].U)


def test_members_on_shares_of_the_data_beat_their_mean(pool):
    """Least squares on a fifth of the data each, a little more than there are unknowns: very different members."""
    rng = np.random.default_rng(0)
    xs, truth = rng.standard_normal((150, 20)), rng.standard_normal(20)
    targets = xs @ truth + rng.standard_normal(150)
    shares = [(xs[part], targets[part]) for part in (rng.choice(150, 30, replace=False) for _ in range(8))]
    weights = ensemble(pool, on_workers.fitted, shares)
    new = rng.standard_normal((100, 20))
    ys = np.stack([new @ w for w in weights])
    error, members, diversity = ambiguity(ys, new @ truth)
    assert error < members / 2
    assert members - diversity == pytest.approx(error, rel=1e-12)


def test_a_member_that_fails_is_named(pool):
    with pytest.raises(WorkerError, match="member 3 of 4 raised ValueError: seed 2 is unlucky"):
        ensemble(pool, on_workers.failing_member, range(4))


def test_a_member_that_fails_stops_the_others():
    before = time.monotonic()

    def trained():
        with Processes(2) as executor:
            ensemble(executor, on_workers.failing_or_endless_member, range(2))

    with pytest.raises(WorkerError, match="member 2 of 2 raised ValueError: unlucky"):
        trained()
    assert time.monotonic() - before < 60
