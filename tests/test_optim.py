"""Optimisers: ten updates of each agree with the equations written out for one number, and clipping does as it says."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlab as rl
from rnnlab import optim

UPDATES = 10
seeds, sizes = st.integers(0, 10**6), st.integers(1, 4)


# The equations for one number p with the gradients gs so far, every average as the sum that it is


def average(values, keep):
    """Σᵢ keepᵏ⁻ⁱ valueᵢ, with i up to k: each value fades by `keep` an update."""
    return math.fsum(keep ** (len(values) - 1 - i) * value for i, value in enumerate(values))


def sgd(p, gs, lr, rule):
    return p - lr * gs[-1]


def momentum(p, gs, lr, rule):
    return p - lr * average(gs, rule.mu)


def rmsprop(p, gs, lr, rule):
    mean_square = (1 - rule.rho) * average([g * g for g in gs], rule.rho)
    return p - lr * gs[-1] / (math.sqrt(mean_square) + rule.epsilon)


def adam(p, gs, lr, rule):
    weights = [average([1.0] * len(gs), keep) for keep in (rule.beta1, rule.beta2)]  # (1 - βᵏ) / (1 - β)
    mean = average(gs, rule.beta1) / weights[0]
    mean_square = average([g * g for g in gs], rule.beta2) / weights[1]
    return p - lr * mean / (math.sqrt(mean_square) + rule.epsilon)


EQUATIONS = {"sgd": sgd, "momentum": momentum, "rmsprop": rmsprop, "adam": adam}
every_optimizer = pytest.mark.parametrize("name", EQUATIONS)


def settings_of(name, rng):
    """An optimiser of that name with settings drawn."""
    epsilon = 10.0 ** rng.integers(-10, -1)
    return {
        "sgd": lambda: optim.SGD(),
        "momentum": lambda: optim.Momentum(rng.uniform(0, 1)),
        "rmsprop": lambda: optim.RMSprop(rng.uniform(0.5, 1), epsilon),
        "adam": lambda: optim.Adam(rng.uniform(0, 0.99), rng.uniform(0.5, 0.9999), epsilon),
    }[name]()


def layer_of(rng, D=2, H=3, scale=1.0, dtype=np.float64):
    """Parameters or a gradient: an RNN full of normal numbers."""
    W, U, b = (scale * rng.standard_normal(shape) for shape in ((D, H), (H, H), (H,)))
    return rl.RNN(W.astype(dtype), U.astype(dtype), b.astype(dtype))


def filled(value, dtype=np.float64):
    """An RNN with 5 · 7 + 7 · 7 + 7 = 91 entries, all of them `value`."""
    return rl.RNN(np.full((5, 7), value, dtype), np.full((7, 7), value, dtype), np.full(7, value, dtype))


def copies(record):
    return {name: array.copy() for name, array in record.arrays().items()}


def same(record, arrays):
    return all(np.array_equal(array, arrays[name]) for name, array in record.arrays().items())


@every_optimizer
@given(seeds, sizes, sizes, st.floats(1e-4, 1))
def test_ten_updates_are_the_equations_entry_by_entry(name, seed, D, H, lr):
    rng = np.random.default_rng(seed)
    rule, params = settings_of(name, rng), layer_of(rng, D, H)
    scales = 10.0 ** rng.integers(-2, 3, UPDATES)
    gradients = [layer_of(rng, D, H, scale) for scale in scales]
    state, trained = rule.start(params), params
    for gradient in gradients:
        trained, state = rule.update(trained, gradient, state, lr)
    assert state.updates == UPDATES
    for array, start in params.arrays().items():
        histories = [gradient.arrays()[array] for gradient in gradients]
        got = trained.arrays()[array]
        for place in np.ndindex(start.shape):
            p, gs = float(start[place]), [float(history[place]) for history in histories]
            largest = abs(p)
            for k in range(1, UPDATES + 1):
                p = EQUATIONS[name](p, gs[:k], lr, rule)
                largest = max(largest, abs(p))
            assert abs(got[place] - p) <= 1e-12 * largest, (array, place)


@every_optimizer
@given(seeds)
@settings(max_examples=20)
def test_an_update_changes_nothing_that_it_was_given(name, seed):
    rng = np.random.default_rng(seed)
    rule, params, gradient = settings_of(name, rng), layer_of(rng), layer_of(rng)
    _, state = rule.update(params, gradient, rule.start(params), 0.1)  # a state that is not zeros
    before = copies(params), copies(gradient), copies(state)
    first, state_1 = rule.update(params, gradient, state, 0.1)
    again, state_2 = rule.update(params, gradient, state, 0.1)
    assert all(same(record, arrays) for record, arrays in zip((params, gradient, state), before, strict=True))
    assert state.updates == 1
    assert same(again, copies(first))
    assert same(state_2, copies(state_1))
    assert state_2.updates == state_1.updates == 2
    assert not any(
        np.shares_memory(new, old)
        for record in (first, state_1)
        for new in record.arrays().values()
        for old in (*params.arrays().values(), *gradient.arrays().values(), *state.arrays().values())
    )


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(name, dtype):
    rng = np.random.default_rng(0)
    rule = optim.get(name)
    params = layer_of(rng, dtype=dtype)
    state, gradient = rule.start(params), layer_of(rng, dtype=dtype)
    for _ in range(3):
        params, state = rule.update(params, gradient, state, 0.1)
    assert isinstance(params, rl.RNN)
    assert {array.dtype for array in (*params.arrays().values(), *state.arrays().values())} == {np.dtype(dtype)}
    for clipped in (optim.clip_by_norm(gradient, 0.1), optim.clip_by_value(gradient, 0.1)):
        assert {array.dtype for array in clipped.arrays().values()} == {np.dtype(dtype)}


@every_optimizer
def test_in_float32_an_update_is_that_of_float64_to_float32(name):
    rng = np.random.default_rng(0)
    rule, params, gradients = optim.get(name), layer_of(rng), [layer_of(rng) for _ in range(UPDATES)]
    outs = []
    for dtype in (np.float32, np.float64):
        trained = params.map(lambda a, dtype=dtype: a.astype(dtype))
        state = rule.start(trained)
        for gradient in gradients:
            gradient = gradient.map(lambda a, dtype=dtype: a.astype(dtype))
            trained, state = rule.update(trained, gradient, state, 0.01)
        outs.append(trained)
    for single, double in zip(*(out.arrays().values() for out in outs), strict=True):
        assert 0 < np.abs(single - double).max() <= 1e-5 * np.abs(double).max()


@given(seeds, st.floats(1e-6, 1e6), st.floats(0.1, 10))
def test_sgd_is_linear_in_the_learning_rate(seed, lr, factor):
    gradient = layer_of(np.random.default_rng(seed))
    origin = gradient.map(np.zeros_like)
    state = optim.SGD().start(origin)
    once, _ = optim.SGD().update(origin, gradient, state, lr)
    other, _ = optim.SGD().update(origin, gradient, state, factor * lr)
    for a, b in zip(once.arrays().values(), other.arrays().values(), strict=True):
        np.testing.assert_allclose(b, factor * a, rtol=1e-15)


@given(seeds, st.integers(-120, 120), st.floats(1e-6, 10))
def test_adam_s_first_step_is_the_learning_rate_whatever_the_gradient_s_scale(seed, exponent, lr):
    rng = np.random.default_rng(seed)
    gradient = layer_of(rng, scale=10.0**exponent)
    origin = gradient.map(np.zeros_like)
    adam = optim.Adam(epsilon=1e-300)
    stepped, _ = adam.update(origin, gradient, adam.start(origin), lr)
    for p, g in zip(stepped.arrays().values(), gradient.arrays().values(), strict=True):
        np.testing.assert_allclose(p, -lr * np.sign(g), rtol=1e-12)


@given(seeds)
@settings(max_examples=20)
def test_momentum_without_memory_is_sgd(seed):
    rng = np.random.default_rng(seed)
    plain = heavy = layer_of(rng)
    ball = optim.Momentum(mu=0.0)
    state, nothing = ball.start(plain), optim.SGD().start(plain)
    for _ in range(3):
        gradient = layer_of(rng)
        heavy, state = ball.update(heavy, gradient, state, 0.1)
        plain, nothing = optim.SGD().update(plain, gradient, nothing, 0.1)
    assert same(heavy, copies(plain))


@every_optimizer
def test_a_gradient_of_zero_moves_nothing_from_rest(name):
    params = layer_of(np.random.default_rng(0))
    rule = optim.get(name)
    stepped, state = rule.update(params, params.map(np.zeros_like), rule.start(params), 0.1)
    assert same(stepped, copies(params))
    assert not any(array.any() for array in state.arrays().values())


def test_momentum_rolls_on_where_the_gradient_has_ended():
    rng = np.random.default_rng(0)
    params, gradient = layer_of(rng), layer_of(rng)
    ball = optim.Momentum(mu=0.5)
    moved, state = ball.update(params, gradient, ball.start(params), 0.1)
    rolled, _ = ball.update(moved, gradient.map(np.zeros_like), state, 0.1)
    for before, after, g in zip(*(record.arrays().values() for record in (moved, rolled, gradient)), strict=True):
        np.testing.assert_allclose(after, before - 0.1 * 0.5 * g, rtol=1e-14)


def test_parameters_without_a_gradient_stay_where_they_are():
    # as the running statistics of a BatchNorm, whose gradient is 0 while training
    layer = rl.BatchNorm.init(inputs=3)
    gradient = layer.map(np.zeros_like).like(gamma=np.ones(3), beta=np.ones(3), mean=np.zeros(3), variance=np.zeros(3))
    for name in EQUATIONS:
        rule = optim.get(name)
        state, moved = rule.start(layer), layer
        for _ in range(3):
            moved, state = rule.update(moved, gradient, state, 0.1)
        assert np.array_equal(moved.mean, layer.mean)
        assert np.array_equal(moved.variance, layer.variance)
        assert (moved.gamma != layer.gamma).all()


# Clipping


def entries(record):
    return [float(x) for array in record.arrays().values() for x in array.ravel()]


def length(record):
    return math.sqrt(math.fsum(x * x for x in entries(record)))


@given(seeds, sizes, sizes, st.integers(-100, 100))
def test_the_global_norm_is_over_all_entries_of_all_arrays(seed, D, H, exponent):
    gradient = layer_of(np.random.default_rng(seed), D, H, 10.0**exponent)
    assert optim.global_norm(gradient) == pytest.approx(length(gradient), rel=1e-14)


@given(seeds, st.integers(-100, 100), st.floats(1e-3, 0.999))
def test_clipped_by_norm_the_norm_is_the_limit_and_the_direction_stays(seed, exponent, share):
    gradient = layer_of(np.random.default_rng(seed), scale=10.0**exponent)
    before, norm = copies(gradient), length(gradient)
    clipped = optim.clip_by_norm(gradient, share * norm)
    assert length(clipped) == pytest.approx(share * norm, rel=1e-14)
    for name, array in clipped.arrays().items():
        np.testing.assert_allclose(array, share * before[name], rtol=1e-14)
    assert same(gradient, before)


@given(seeds, st.floats(1, 1e6))
def test_under_the_limit_clipping_by_norm_is_the_identity(seed, times):
    gradient = layer_of(np.random.default_rng(seed))
    limit = times * optim.global_norm(gradient)
    assert same(optim.clip_by_norm(gradient, limit), copies(gradient))


@pytest.mark.parametrize(
    ("value", "dtype", "rel"),
    [(1e200, np.float64, 1e-14), (1e-200, np.float64, 1e-14), (1e30, np.float32, 1e-6), (1e-30, np.float32, 1e-6)],
)
def test_the_norm_neither_overflows_nor_underflows_where_the_entries_do_not(value, dtype, rel):
    gradient = filled(value, dtype)
    with np.errstate(over="raise", invalid="raise"):
        assert optim.global_norm(gradient) == pytest.approx(value * math.sqrt(91), rel=rel)
        clipped = optim.clip_by_norm(gradient, 0.5 * value)
        np.testing.assert_allclose(entries(clipped), 0.5 * value / math.sqrt(91), rtol=rel)
        if value > 1:
            assert length(optim.clip_by_norm(gradient, 1.0)) == pytest.approx(1, rel=rel)


def test_a_gradient_of_zero_is_clipped_to_zero():
    zero = filled(0.0)
    assert optim.global_norm(zero) == 0
    assert same(optim.clip_by_norm(zero, 1.0), copies(zero))
    assert same(optim.clip_by_value(zero, 1.0), copies(zero))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_the_norm_of_what_is_not_finite_is_not_finite(bad):
    gradient = filled(1.0)
    gradient.U[3, 4] = bad
    assert not math.isfinite(optim.global_norm(gradient))


@given(seeds, st.floats(1e-3, 3))
def test_clipped_by_value_every_entry_is_the_nearest_within_the_limit(seed, limit):
    gradient = layer_of(np.random.default_rng(seed))
    before = copies(gradient)
    clipped = optim.clip_by_value(gradient, limit)
    assert entries(clipped) == [max(-limit, min(limit, x)) for x in entries(gradient)]
    assert same(gradient, before)
    assert isinstance(clipped, rl.RNN)


@pytest.mark.parametrize("clip", [optim.clip_by_norm, optim.clip_by_value])
@pytest.mark.parametrize("limit", [0, 0.0, -1.0, math.nan])
def test_a_limit_that_is_not_above_zero_is_refused(clip, limit):
    with pytest.raises(ValueError, match=f"^the limit to clip at must be above 0; got {limit}$"):
        clip(filled(1.0), limit)


# Names


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("sgd", optim.SGD()),
        ("momentum", optim.Momentum(mu=0.9)),
        ("rmsprop", optim.RMSprop(rho=0.99, epsilon=1e-8)),
        ("adam", optim.Adam(beta1=0.9, beta2=0.999, epsilon=1e-8)),
    ],
)
def test_a_name_means_the_optimiser_with_its_defaults(name, optimizer):
    assert optim.get(name) == optimizer
    assert type(optim.get(name)) is type(optimizer)


def test_an_optimiser_is_taken_as_it_is():
    mine = optim.Adam(beta1=0.5)
    assert optim.get(mine) is mine


@pytest.mark.parametrize(
    ("name", "hint"), [("adamw", ": did you mean adam?"), ("", ""), ("SGD", ": did you mean sgd?")]
)
def test_an_unknown_name_is_refused_and_the_names_are_listed(name, hint):
    says = f"optimizer must be one of sgd, momentum, rmsprop, adam; got '{name}'{hint}"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        optim.get(name)


def test_gradient_descent_remembers_its_updates_and_nothing_else():
    params = rl.Dense.init(np.random.default_rng(0), inputs=1, outputs=1)
    state = optim.SGD().start(params)
    assert (state.updates, state.averages) == (0, ())
    _, state = optim.SGD().update(params, params, state, lr=0.1)
    assert (state.updates, state.averages) == (1, ())
