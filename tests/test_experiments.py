"""A run: it knows the command that repeats it, and its seed gives its weights and its batches."""

import shlex
from argparse import ArgumentParser
from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest

from rnnlab.cli import _parser, main
from rnnlab.commands.train import given
from rnnlab.experiments import run as run_module
from rnnlab.experiments.options import options
from rnnlab.experiments.recipes import RECIPES, SIZES
from rnnlab.experiments.results.tables import read
from rnnlab.experiments.run import Run, without_goals
from rnnlab.initializers import INITIALIZERS, get
from rnnlab.models import Model
from rnnlab.settings import Settings
from rnnlab.tasks import TASKS, Adding, Task

TINY = Run("adding", {"steps": 6}, hidden=5, updates=6, batch=4, every=3)


def parsed(command: str, parser: ArgumentParser | None = None) -> Run:
    """The run that a command line describes."""
    arguments = (parser or _parser()).parse_args(shlex.split(command)[1:])
    data, words = given(arguments)
    return Run(arguments.task, data, **words)


@pytest.mark.parametrize("size", [*SIZES, "pilots"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_command_of_every_run_of_every_recipe_means_that_run(name, size):
    entries = getattr(RECIPES[name], size)
    assert entries
    parser = _parser()
    for entry in entries:
        assert parsed(entry.run.command, parser) == entry.run
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    assert len({(entry.variant, entry.model, entry.run.seed, entry.tries) for entry in entries}) == len(entries)


def test_every_field_is_an_option_that_says_what_it_means(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for declared in (Model, Settings, *TASKS.values()):
        for option in options(declared).values():
            assert f"{option.flag} " in out
            assert option.meaning


def test_recorded_runs_are_runs_of_their_recipes():
    """Those that are newer than the recipes, wherever the pilots that chose their rates are recorded as well.

    One may have made fewer updates than it is to make.
    """
    runs = read("runs")
    for recipe in {recipe for recipe, ended in runs.each("recipe", "ended") if ended}:
        ready = RECIPES[recipe].ready(read("pilots"))
        entries = {(one.variant, one.model, one.run.seed): one for one in ready}
        rows = runs.where(recipe=recipe)
        for (variant,) in rows.each("variant"):  # the rows of a variant are replaced as a whole
            assert len({bool(ended) for ended in rows.where(variant=variant)["ended"]}) == 1
        for *key, command, updates, ended in rows.each("variant", "model", "seed", "command", "updates", "ended"):
            if ended and tuple(key) in entries:
                assert without_goals(command) == without_goals(entries[tuple(key)].run.command)
                assert updates <= entries[tuple(key)].run.updates


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": "sorting"}, "task must be one of adding, copying"),
        ({"data": {"side": 7}}, "--side is for pixels; the task is adding"),
        ({"data": {"permuted": True}}, "--permuted is for pixels"),
        (
            {"task": "pixels", "data": {"steps": 9}},
            "--steps is for adding, characters, phonemes, series; the task is pixels",
        ),
        ({"task": "copying"}, "--steps is for adding, characters, phonemes, series; the task is copying"),
        ({"data": {"speed": 9}}, "--speed is for no task; the task is adding"),
        ({"layer": "sru"}, "layer must be one of rnn, irnn"),
        ({"hidden": 0}, "hidden must be at least 1; got 0"),
        ({"gamma": 2.0}, "--gamma is for indrnn; the layer is rnn"),
        ({"layer": "indrnn", "gamma": -1.0}, r"^gamma must be above 0 and finite; got -1\.0$"),
        ({"layer": "indrnn", "gamma": float("nan")}, "^gamma must be above 0 and finite; got nan$"),
        ({"data": {"input": "x"}}, "--input is for pixels, characters, phonemes, series"),
    ],
)
def test_an_option_that_the_run_has_no_use_for_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        replace(TINY, **change)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_s_name_is_the_initializer(name):
    assert get(name) is INITIALIZERS[name]


def test_an_initializer_takes_options_after_a_colon():
    values = get("random_normal:stddev=0.2,mean=3")(np.random.default_rng(0), (200, 200))
    assert values.mean() == pytest.approx(3, abs=0.01)
    assert values.std() == pytest.approx(0.2, abs=0.01)
    by_name, by_option = get("variance_scaling:scale=2,mode=fan_out"), get("variance_scaling", scale=2, mode="fan_out")
    draws = [chosen(np.random.default_rng(0), (3, 5)) for chosen in (by_name, by_option)]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("xavier", "initializer must be one of"),
        ("xavier:gain=2", "initializer must be one of"),
        ("orthogonal:volume=3", "^orthogonal has no option 'volume'; it has gain$"),
        ("zeros:dtype=3", "^zeros has no option 'dtype'; it has none$"),
        ("orthogonal:gain=much", "^orthogonal's gain must be a number; got much$"),
        ("variance_scaling:mode=3", "^variance_scaling's mode must be text; got 3.0$"),
        ("orthogonal:gain", "an initializer is NAME or NAME:option=value"),
        ("orthogonal:=3", "an initializer is NAME or NAME:option=value"),
    ],
)
def test_a_wrong_initializer_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        get(text)


def test_every_setting_is_reached_from_the_command_line():
    """A value that is none of the defaults, for every option of the network and the training, goes there and back."""
    values = {
        int: 7,
        float: 0.25,
        str: {
            "layer": "lstm",
            "optimizer": "sgd",
            "activation": "relu",
            "kernel_initializer": "ones",
            "recurrent_initializer": "identity:gain=0.9",
            "bias_initializer": "constant:value=0.5",
            "readout_initializer": "glorot_normal",
        },
        bool: True,
    }
    parser = _parser()
    for declared in (Model, Settings):
        for name, option in options(declared).items():
            value = values[str][name] if option.kind is str else values[option.kind]
            more = {"layer": "indrnn"} if name == "gamma" else {}
            run = Run("adding", {"steps": 6}, **{**more, name: value})
            assert parsed(run.command, parser) == run != Run("adding", {"steps": 6}, **more)
            assert option.flag in run.command


def test_the_settings_reach_the_training_and_the_words_the_network():
    words = {"layer": "lstm", "forget_bias": 3.0, "bias_initializer": "constant:value=0.5"}
    run = replace(TINY, **words, updates=1, lr=1e-30, lr_every=1, lr_factor=0.5, truncate=2)
    (layer,) = run.network(run.the_task()).layers
    np.testing.assert_array_equal(layer.b.reshape(4, 5)[:, 0], [0.5, 3.5, 0.5, 0.5])
    cut, whole, again = (
        replace(TINY, updates=1, every=1, optimizer="sgd", **how).train().network.layers[0].U
        for how in ({"truncate": 2}, {}, {"checkpointed": True})
    )
    assert np.abs(cut - whole).max() > 1e-6
    np.testing.assert_allclose(again, whole, rtol=1e-4, atol=1e-7)  # float32


@pytest.mark.parametrize("path", ["my text.txt", "it's $HOME.txt", "--updates 7 of them.txt", 'a "b" c.txt'])
def test_a_path_is_quoted_for_the_shell_and_survives(path, tmp_path):
    run = Run("characters", {"input": path, "steps": 5}, updates=3)
    assert parsed(run.command) == run
    assert shlex.split(run.command)[:5] == ["rnnlab", "train", "characters", "--input", path]
    assert without_goals(run.command) == shlex.join(["rnnlab", "train", "characters", "--input", path, "--steps", "5"])
    assert without_goals(replace(run, until=0.5).command) == without_goals(run.command)


def test_the_weights_and_the_batches_follow_the_seed():
    task = TINY.the_task()
    same, other = TINY.network(task), replace(TINY, seed=1).network(task)
    assert all(
        np.array_equal(a, b) for a, b in zip(same.arrays().values(), TINY.network(task).arrays().values(), strict=True)
    )
    assert not np.array_equal(same.layers[0].W, other.layers[0].W)


def test_the_weights_and_the_batches_have_no_numbers_in_common(monkeypatch):
    """Neither with each other nor with default_rng(seed), which a network of one's own is often drawn from."""
    run = replace(TINY, hidden=8, kernel_initializer="random_uniform:minval=0,maxval=1")
    drawn = []

    class Watched(Adding):
        def batch(self, rng, size):
            drawn.append(super().batch(rng, size))
            return drawn[-1]

    monkeypatch.setattr(run_module, "_task", lambda name, **data: Watched(**data))
    run.train()
    batches = {float(value) for xs, _ in drawn if xs.shape[1] == run.batch for value in xs[:, :, 0].ravel()}
    weights = {float(w) for w in run.network(run.the_task()).layers[0].W.ravel()}
    root = set(np.random.default_rng(run.seed).random(1000))
    assert len(batches) == run.updates * run.batch * 6
    assert len(weights) == 2 * 8
    assert not batches & root
    assert not {float(np.float32(value)) for value in batches | root} & weights


def test_a_task_of_ones_own_joins_by_a_line(monkeypatch, capsys):
    class Longer(Adding):
        """The adding problem, with an option of its own."""

        @classmethod
        def load(cls, length: Annotated[int, "how long"] = 7, fast: Annotated[bool, "at once"] = False) -> Task:
            return cls(length + fast)

    monkeypatch.setitem(TASKS, "longer", Longer.load)
    run = parsed("rnnlab train longer --length 9 --fast --hidden 5 --updates 2 --batch 2")
    assert run.the_task().steps == 10
    assert run.command == "rnnlab train longer --length 9 --fast --hidden 5 --updates 2 --batch 2"
    assert [row.update for row in run.train().rows] == [0, 2]
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "longer: how long; default: 7" in capsys.readouterr().out


def test_gamma_bounds_u_by_the_length():
    run = replace(TINY, layer="indrnn", gamma=1.01)
    u = run.train().network.layers[0].u
    assert np.abs(u).max() == pytest.approx(1.01 ** (1 / 6), rel=1e-6)
