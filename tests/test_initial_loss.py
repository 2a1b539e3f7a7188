"""Before the first update every model is about as good as an answer that does not look at the input."""

import math
from functools import cache
from itertools import product

import numpy as np
import pytest

from deep import deep, one_in
from rnnlab.experiments.recipes import MODELS, RECIPES
from rnnlab.models import Model, build
from rnnlab.tasks import Adding, Characters, Copying, Phonemes, Pixels

BATCH, SEEDS = 4, range(3)

TASKS = {
    "adding": Adding,
    "copying": Copying,
    "pixels": lambda side=14, **order: Pixels.drawn(side=side, train=2 * BATCH, test=1, **order),
    "characters": Characters.documentation,
    "phonemes": lambda **length: Phonemes.synthesised(train=2, test=1, **length),
}
"""The tasks of the recipes; of pixels and phonemes fewer examples than in a run."""
SHORT = {"copying": {"delay": 10}, "pixels": {"side": 7}, "phonemes": {"steps": 40}}
"""Of these the networks of SHAPES run fewer steps, and have 50 units, but for the one output of the adding problem,
which more units make steadier; those of the recipes, below, are as in the recipes."""


@cache
def task_and_batch(name, **data):
    task = TASKS[name](**data)
    xs, targets = task.batch(np.random.default_rng(0), BATCH)
    as_floats = [array.astype(np.float32) if array.dtype.kind == "f" else array for array in (xs, targets)]
    return task, *as_floats


def initial_loss(name, data=None, **words):
    """The mean over seeds: that of a single net depends on which few units its readout happens to favour."""
    task, xs, targets = task_and_batch(name, **(data or {}))
    networks = (build(np.random.default_rng(seed), task, **words) for seed in SEEDS)
    return np.mean([task.loss(network.forward(xs).ys, targets)[0] for network in networks])


def bound(name, data=None):
    """Three times the loss of the trivial answer: ln K for one of K classes, all as likely.

    For sums 3: the answer 0 has a loss of E[(v₁ + v₂)²] = 7/6, the mean 1/6; features of mean square 1 and a glorot
    readout add nearly 2 to the 7/6, because its one output has a variance of 2 H / (H + 1).
    """
    return 3.0 if name == "adding" else 3 * math.log(task_and_batch(name, **(data or {}))[0].outputs)


SHAPES = [{"layers": layers, "batch_norm": norm} for layers in (1, 2, 6) for norm in (False, True)]
SHAPES += [{"layers": 2, "residual": True}, *({"layers": n, "residual": True, "batch_norm": True} for n in (2, 6))]
WORDS = {
    name: {key: value for key, value in words.items() if key in Model.__annotations__} for name, words in MODELS.items()
}


@pytest.mark.parametrize(("name", "model"), one_in(12, product(TASKS, MODELS)))
def test_the_first_loss_is_within_three_times_that_of_the_trivial_answer(name, model):
    narrow = {} if name == "adding" else {"hidden": 50}
    for shape in SHAPES:
        if name == "adding" and shape.get("batch_norm"):
            continue  # the last step, alone read, is where sums over time are largest: a mean square above 1
        loss = initial_loss(name, SHORT.get(name), **{**WORDS[model], **shape, **narrow})
        assert loss < bound(name, SHORT.get(name)), f"{name}, {model}, {shape}"


def recipe_networks():
    """Every task and network in the recipes once; "initializers" has bad ones on purpose."""
    found = {}
    for recipe in (recipe for name, recipe in RECIPES.items() if name != "initializers"):
        for entry in (*recipe.quick, *recipe.paper):
            data = {key: value for key, value in entry.run.data.items() if key in ("steps", "side", "permuted")}
            words = {key: getattr(entry.run, key) for key in Model.__annotations__}
            if "pixels_per_step" not in entry.run.data:
                found[entry.run.task, *sorted(data.items()), *words.values()] = (entry, data, words)
    return found.values()


@pytest.mark.parametrize("task", one_in(5, sorted({entry.run.task for entry, _, _ in recipe_networks()})))
def test_every_network_of_the_recipes_starts_so(task):
    for entry, data, words in recipe_networks():
        if entry.run.task == task:
            assert initial_loss(task, data, **words) < bound(task, data), entry.name


@pytest.mark.parametrize(("name", "least"), [("adding", 100), deep("pixels", 20), deep("phonemes", 20)])
def test_it_would_notice_input_weights_that_are_not_small(name, least):
    """The start that this project first gave the IndRNN: glorot, as large as for an RNN."""
    loss = initial_loss(name, layer="indrnn", layers=2, hidden=128, kernel_initializer="glorot_uniform")
    assert loss > least > bound(name)
