"""Subnormal numbers count as zero while a network is updated, and nowhere else."""

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import optim, training
from rnnlab.subnormals import flushed_subnormals

TINY = {np.float32: np.float32(1e-38), np.float64: np.float64(1e-308)}  # each subnormal


def flushes(dtype):
    """Whether results that are subnormal are zero: of one number, of an array, and of a product of matrices."""
    halves = np.full((40, 40), TINY[dtype] * 2) * dtype(0.5)
    found = {bool((result == 0).all()) for result in (halves, halves[:1, :1], halves @ np.eye(40, dtype=dtype))}
    assert len(found) == 1
    return found.pop()


@pytest.fixture
def supported():
    with flushed_subnormals() as done:
        if not done:
            pytest.skip("this processor or system cannot")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inside_the_block_they_are_zero_and_after_it_they_are_not(supported, dtype):
    assert not flushes(dtype)
    with flushed_subnormals():
        assert flushes(dtype)
        with flushed_subnormals():
            assert flushes(dtype)
        assert flushes(dtype)  # the inner block leaves what it found
    assert not flushes(dtype)


def test_an_error_inside_the_block_ends_it(supported):
    with pytest.raises(KeyError), flushed_subnormals():
        raise KeyError
    assert not flushes(np.float32)


def test_normal_numbers_are_computed_as_ever(supported):
    rng = np.random.default_rng(0)
    xs = np.exp2(rng.uniform(-100, 60, (50, 50))).astype(np.float32)
    outside = xs * xs[::-1], xs + xs.T, np.sqrt(xs)
    with flushed_subnormals():
        inside = xs * xs[::-1], xs + xs.T, np.sqrt(xs)
    for a, b in zip(outside, inside, strict=True):
        small = np.abs(a) < np.finfo(np.float32).tiny
        assert small.sum() < a.size / 2
        np.testing.assert_array_equal(np.where(small, 0, a), b)


def test_training_flushes_while_it_computes_a_gradient_and_not_while_it_measures_or_steps(supported, monkeypatch):
    seen = {}

    def watched(name, its):
        def watch(*args, **kwargs):
            seen[name] = flushes(np.float32)
            return its(*args, **kwargs)

        return watch

    for owner, name in ((training, "_require_finite"), (training, "evaluate"), (training, "_probe"), (optim, "get")):
        monkeypatch.setattr(owner, name, watched(name, getattr(owner, name)))
    rl.fit(rl.RNN, rl.tasks.Adding(steps=5), updates=2)
    assert seen == {"_require_finite": True, "evaluate": False, "_probe": False, "get": False}
    assert not flushes(np.float32)
