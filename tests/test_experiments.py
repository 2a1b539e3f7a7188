"""Experiments: a run knows the command that repeats it, ends are kept, side by side is the same as one by one."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.cli import _parser, main
from rnnlab.commands.train import given
from rnnlab.experiments import run as run_module
from rnnlab.experiments import runner
from rnnlab.experiments.options import options
from rnnlab.experiments.recipes import RECIPES, SIZES, Entry, Recipe
from rnnlab.experiments.results.tables import read
from rnnlab.experiments.run import Outcome, Run, without_goals
from rnnlab.initializers import INITIALIZERS, get
from rnnlab.models import Model
from rnnlab.settings import Settings
from rnnlab.table import Table
from rnnlab.tasks import TASKS, Adding, Task

TINY = Run("adding", {"steps": 6}, hidden=5, updates=6, batch=4, every=3)


def parsed(command: str) -> Run:
    """The run that a command line describes."""
    arguments = _parser().parse_args(shlex.split(command)[1:])
    data, words = given(arguments)
    return Run(arguments.task, data, **words)


@pytest.mark.parametrize("size", [*SIZES, "pilots"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_command_of_every_run_of_every_recipe_means_that_run(name, size):
    entries = getattr(RECIPES[name], size)
    assert entries
    for entry in entries:
        assert parsed(entry.run.command) == entry.run
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
    """Those that are newer than the recipes; one may have made fewer updates than it is to make."""
    runs = read("runs")
    for recipe in {recipe for recipe, ended in runs.each("recipe", "ended") if ended}:
        ready = RECIPES[recipe].ready(read("pilots"))
        entries = {(one.variant, one.model, one.run.seed): one for one in ready}
        rows = runs.where(recipe=recipe)
        assert "" not in rows["ended"]  # the rows of a recipe are replaced as a whole
        for *key, command, updates in rows.each("variant", "model", "seed", "command", "updates"):
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
    for declared in (Model, Settings):
        for name, option in options(declared).items():
            value = values[str][name] if option.kind is str else values[option.kind]
            more = {"layer": "indrnn"} if name == "gamma" else {}
            run = Run("adding", {"steps": 6}, **{**more, name: value})
            assert parsed(run.command) == run != Run("adding", {"steps": 6}, **more)
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


# Carrying out


def entries(count: int) -> list[Entry]:
    return [Entry("v", "m", replace(TINY, seed=seed)) for seed in range(count)]


def test_side_by_side_is_the_same_as_one_by_one_to_the_last_bit(tmp_path):
    runner.carry_out(entries(3), tmp_path / "two", jobs=2)
    for entry in entries(3):
        entry.run.train(tmp_path / "one" / entry.name)
        mine, theirs = (rl.load(tmp_path / way / entry.name / "checkpoint.npz") for way in ("one", "two"))
        assert all(np.array_equal(mine.arrays()[name], array) for name, array in theirs.arrays().items())


def test_workers_end_with_their_parent(tmp_path):
    """Killed outright, the parent can tell its workers nothing: they must notice."""
    script = tmp_path / "script.py"
    script.write_text(
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from rnnlab.experiments.recipes import Entry\n"
        "from rnnlab.experiments.run import Run\n"
        "from rnnlab.experiments.runner import carry_out\n"
        "if __name__ == '__main__':\n"
        "    run = Run('adding', {'steps': 6}, hidden=5, updates=10_000_000, batch=4, every=20)\n"
        f"    carry_out([Entry('v', 'm', run)], Path({str(tmp_path)!r}), jobs=1)\n",
        encoding="utf-8",
    )
    log = tmp_path / "v-m-seed-0" / "log.csv"
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    try:
        while not log.exists():
            assert parent.poll() is None
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    time.sleep(0.5)
    seen = log.read_bytes()
    time.sleep(0.5)
    assert log.read_bytes() == seen


def test_what_has_ended_is_not_run_again(tmp_path, monkeypatch):
    (entry,) = entries(1)
    ended = runner.one(entry, tmp_path)
    assert ended.status == "done"
    assert ended.updates == 6
    assert ended.command == entry.run.command
    assert ended.seconds > 0
    seen = []
    monkeypatch.setattr(runner, "one", lambda *_: pytest.fail("run again"))
    runner.carry_out([entry], tmp_path, report=lambda entry, outcome: seen.append(outcome))
    assert seen == [ended]


def test_another_run_s_folder_is_refused(tmp_path):
    (entry,) = entries(1)
    runner.one(entry, tmp_path)
    with pytest.raises(ValueError, match="is of another run"):
        runner.carry_out([replace(entry, run=replace(entry.run, lr=0.1))], tmp_path)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"recurrent_initializer": "identity"}),
        ({"layer": "irnn"}, {"layer": "irnn", "scale": 0.01}),
    ],
)
def test_other_weights_are_another_run_also_before_its_end(before, now, tmp_path):
    first, other = replace(TINY, **before), replace(TINY, **now, updates=9, until=1e-9)
    first.train(tmp_path)
    (tmp_path / "outcome.json").unlink()
    kept = (tmp_path / "command.txt").read_text(encoding="utf-8")
    theirs, own = (replace(run, updates=1000, until=None).command for run in (first, other))
    assert kept == theirs + "\n"
    with pytest.raises(ValueError, match=f"^{re.escape(f'{tmp_path} is of another run, {theirs}, not {own}: ')}"):
        other.train(tmp_path, resume=True)
    assert (tmp_path / "command.txt").read_text(encoding="utf-8") == kept
    assert Outcome.read(tmp_path) is None


def test_a_folder_from_before_commands_were_kept_is_gone_on_with(tmp_path):
    TINY.train(tmp_path)
    (tmp_path / "command.txt").unlink()
    assert replace(TINY, updates=9).train(tmp_path, resume=True).rows[-1].update == 9


def test_a_run_killed_before_its_first_row_has_no_say(tmp_path):
    (tmp_path / "command.txt").write_text("rnnlab train adding --lr 0.5\n", encoding="utf-8")
    (tmp_path / ".command.txt.a1b2").write_bytes(b"half")
    TINY.train(tmp_path, resume=True)
    assert (tmp_path / "command.txt").read_text(encoding="utf-8").startswith("rnnlab train adding --steps 6")
    assert not list(tmp_path.glob(".*"))


def test_longer_is_the_same_run_and_shorter_is_not(tmp_path):
    (entry,) = entries(1)
    short, long = (replace(entry, run=replace(entry.run, updates=updates)) for updates in (6, 9))
    runner.one(short, tmp_path)
    seen = []
    runner.carry_out([long], tmp_path, report=lambda entry, outcome: seen.append(outcome))
    assert [(outcome.updates, outcome.command) for outcome in seen] == [(9, long.run.command)]
    with pytest.raises(ValueError, match="has made 9 updates; 6 were asked for"):
        runner.carry_out([short], tmp_path)
    assert runner.ended(long, tmp_path) == seen[0]


@pytest.mark.parametrize("text", ["", '{"command": "rnnlab', "null", '{"command": "x"}', "\udcff"])
def test_a_damaged_outcome_is_named(text, tmp_path):
    (entry,) = entries(1)
    ended = runner.one(entry, tmp_path)
    path = tmp_path / entry.name / "outcome.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} is damaged: delete it"):
        runner.carry_out([entry], tmp_path)
    path.unlink()
    assert replace(runner.one(entry, tmp_path), ended=ended.ended) == ended  # at another time


def test_an_outcome_half_written_by_a_killed_run_is_removed(tmp_path):
    TINY.train(tmp_path)
    (tmp_path / ".outcome.json.a1b2").write_bytes(b"half")
    (tmp_path / ".notes").write_bytes(b"mine")
    TINY.train(tmp_path, resume=True)
    assert [path.name for path in tmp_path.glob(".*")] == [".notes"]


def test_a_run_that_diverges_is_kept_as_such(tmp_path, capsys):
    wild = replace(TINY, activation="relu", optimizer="sgd", lr=1e30)
    outcome = runner.one(Entry("v", "wild", wild), tmp_path)
    assert outcome.status == "diverged"
    assert "diverged" in capsys.readouterr().err
    table = runner.curves([Entry("v", "wild", wild)], tmp_path)
    assert set(table["status"]) == {"diverged"}


def test_solved_is_said(tmp_path):
    (entry,) = entries(1)
    entry = replace(entry, run=replace(entry.run, until=1e9))
    assert runner.one(entry, tmp_path).status == "solved"


def test_the_tables_have_a_row_for_every_row_and_every_run(tmp_path):
    three = entries(3)
    for entry in three[:2]:
        runner.one(entry, tmp_path)
    runs = runner.outcomes("adding", "quick", three, tmp_path)
    assert list(runs.columns) == runner.RUNS.split()
    assert runs["seed"].tolist() == [0, 1]
    curves = runner.curves(three, tmp_path)
    assert list(curves.columns) == runner.CURVES.split()
    assert curves["update"].tolist() == [0, 3, 6] * 2
    assert curves.where(seed=1, update=6)["score"][0] == runs["score"][1]
    gradients = runner.gradients(three, tmp_path)
    assert list(gradients.columns) == runner.GRADIENTS.split()
    assert gradients.where(seed=0, update=3)["t"].tolist() == list(range(7))


def test_of_nothing_the_tables_are_empty(tmp_path):
    assert len(runner.curves(entries(2), tmp_path)) == 0
    assert runner.curves([], tmp_path).text() == runner.CURVES.replace(" ", ",") + "\n"


def test_jobs_must_be_at_least_one(tmp_path):
    with pytest.raises(ValueError, match="jobs must be at least 1; got 0"):
        runner.carry_out(entries(1), tmp_path, jobs=0)


# The command


@pytest.fixture
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


WORDS = ["train", "adding", "--steps", "6", "--hidden", "5", "--updates", "6", "--batch", "4", "--every", "3"]


@pytest.mark.usefixtures("_here")
def test_train_prints_what_came_out_and_where_it_is_kept(tmp_path, capsys):
    assert main(WORDS) == 0
    out, err = capsys.readouterr()
    assert "rnnlab train adding --steps 6" in out
    assert "baseline 0.1667" in out
    assert "6/6  loss" in err
    assert "s left" in err
    kept = tmp_path / "runs" / "adding-rnn-seed-0"
    assert {path.name for path in kept.iterdir()} == {
        "checkpoint.npz",
        "log.csv",
        "norms.csv",
        "command.txt",
        "outcome.json",
    }
    assert Table.read(kept / "log.csv")["update"].tolist() == [0, 3, 6]


@pytest.mark.usefixtures("_here")
def test_on_a_terminal_the_progress_is_one_line_and_what_follows_is_below_it(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main([*WORDS, "--until", "9"]) == 0  # it stops before the last update
    err = capsys.readouterr().err
    assert err.startswith("\r0/6  loss")
    assert "  mean squared error 0." in err
    assert err.endswith("\n")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("_here")
def test_train_goes_on_only_when_told_to(capsys):
    main(WORDS)
    capsys.readouterr()
    assert main(WORDS) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--resume continues it" in err
    assert main([*WORDS, "--lr", "0.5", "--resume"]) == 2
    assert "is of another run" in capsys.readouterr().err
    assert main([*WORDS, "--recurrent-initializer", "identity", "--resume"]) == 2
    assert "is of another run" in capsys.readouterr().err
    assert main([*WORDS, "--updates", "9", "--resume"]) == 0
    ended = Outcome.read(Path("runs/adding-rnn-seed-0"))
    assert ended is not None
    assert ended.updates == 9


@pytest.mark.usefixtures("_here")
def test_seeds_go_on_for_longer(capsys):
    assert main([*WORDS, "--seeds", "1"]) == 0
    assert main([*WORDS, "--seeds", "1", "--updates", "9", "--resume"]) == 0
    assert "seed 0: done at update 9" in capsys.readouterr().out


@pytest.mark.usefixtures("_here")
def test_resuming_where_there_is_nothing_begins_as_the_help_says(capsys):
    assert main([*WORDS, "--resume"]) == 0
    assert "6 updates" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "resume the runs in --out, if there are any" in out
    assert "list the experiments and their number of runs" in out


@pytest.mark.usefixtures("_here")
def test_seeds_side_by_side(capsys):
    assert main([*WORDS, "--seeds", "3", "--jobs", "2", "--seed", "4"]) == 0
    out = capsys.readouterr().out
    for seed in (4, 5, 6):
        assert f"seed {seed}: done at update 6" in out
    assert "median" in out


TRAIN_UP_TO = """
import sys
from dataclasses import replace
from rnnlab.cli import main
from rnnlab.experiments.recipes import RECIPES, Entry, Recipe
from rnnlab.experiments.run import Run

if __name__ == "__main__":
    updates, *words = sys.argv[1:]
    run = Run("adding", {"steps": 6}, hidden=5, updates=int(updates), batch=4, every=20)
    RECIPES["adding"] = Recipe("small", tuple(Entry("v", "m", replace(run, seed=seed)) for seed in (0, 1)), ())
    sys.exit(main(words if "--recipe" in words else [*words, "--updates", updates]))
"""


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
@pytest.mark.parametrize(
    ("words", "folder", "names"),
    [
        (
            [*WORDS[1:6], "--batch", "4", "--every", "20", "--seeds", "2"],
            "runs",
            ["adding-rnn-seed-0", "adding-rnn-seed-1"],
        ),
        (["--recipe", "adding"], "runs/adding-quick", ["v-m-seed-0", "v-m-seed-1"]),
    ],
)
def test_ctrl_c_stops_every_run_at_once_and_all_go_on_as_if_nothing_had_been(words, folder, names, tmp_path):
    (tmp_path / "script.py").write_text(TRAIN_UP_TO, encoding="utf-8")
    first, second = (tmp_path / folder / name for name in names)

    def command(updates):
        return [sys.executable, "script.py", str(updates), "train", *words]

    child = subprocess.Popen(
        command(10**9), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (first / "log.csv").exists():
        assert child.poll() is None
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)  # the terminal sends it to parent and workers alike
    _, complaints = child.communicate(timeout=60)
    assert child.returncode == 130
    assert complaints == f"rnnlab train: interrupted; --resume continues from the checkpoints in {folder}\n"
    stopped = (first / "log.csv").read_bytes()
    assert not (first / "outcome.json").exists()
    assert not second.exists()  # the next did not begin
    time.sleep(0.3)
    assert (first / "log.csv").read_bytes() == stopped  # nor does anyone go on
    updates = int(Table.parse(stopped.decode())["update"][-1]) + 40
    resumed = [*command(updates), "--resume"]
    subprocess.run(resumed, cwd=tmp_path, capture_output=True, check=True, timeout=300)
    assert all((run / "outcome.json").exists() for run in (first, second))
    Run("adding", {"steps": 6}, hidden=5, updates=updates, batch=4, every=20).train(tmp_path / "whole")
    ours, theirs = (rl.load(run / "checkpoint.npz") for run in (first, tmp_path / "whole"))
    assert all(np.array_equal(ours.arrays()[name], array) for name, array in theirs.arrays().items())


@pytest.mark.usefixtures("_here")
def test_a_recipe_writes_its_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES, "adding", Recipe("small", tuple(entries(2)), ()))
    assert main(["train", "--recipe", "adding", "--jobs", "2"]) == 0
    root = tmp_path / "runs" / "adding-quick"
    assert len(Table.read(root / "runs.csv")) == 2
    assert len(Table.read(root / "curves.csv")) == 6
    capsys.readouterr()
    assert main(["train", "--recipe", "adding"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["train", "--recipe", "adding", "--resume"]) == 0


@pytest.mark.usefixtures("_here")
def test_a_trained_network_writes_text(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("abracadabra " * 40, encoding="utf-8")
    words = ["--input", "a.txt", "--steps", "5", "--hidden", "5", "--updates", "4", "--every", "4", "--sample", "30"]
    assert main(["train", "characters", *words]) == 0
    written = capsys.readouterr().out.split("kept in runs/characters-rnn-seed-0\n")[1]
    assert len(written) == 31
    assert set(written) <= set("abracadabra \n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which task? one of adding, copying"),
        (["sorting"], "invalid choice: 'sorting'"),
        (["adding", "--steps", "1"], "needs at least 2 steps; got 1"),
        (["copying", "--delay", "0"], "a delay of at least 1 step"),
        (["adding", "--hidden", "0"], "hidden must be at least 1; got 0"),
        (["adding", "--layers", "0"], "layers must be at least 1; got 0"),
        (["adding", "--updates", "0"], "updates must be a whole number and at least 1; got 0"),
        (["adding", "--lr", "-1"], "lr must be above 0 and finite; got -1.0"),
        (["adding", "--lr", "nan"], "lr must be above 0 and finite; got nan"),
        (["adding", "--clip-norm", "0"], "clip_norm must be above 0"),
        (
            ["adding", "--layer", "lstm", "--activation", "relu"],
            "activation is for rnn, indrnn, dense; got relu for lstm",
        ),
        (["adding", "--scale", "2"], "scale is for irnn"),
        (["adding", "--seeds", "0"], "--seeds must be at least 1"),
        (["adding", "--seed", "-3"], "seed must be a whole number and at least 0; got -3"),
        (["adding", "--jobs", "0", "--seeds", "2"], "jobs must be at least 1"),
        (["adding", "--jobs", "0"], "--jobs must be at least 1; got 0"),
        (["adding", "--gamma", "-1", "--layer", "indrnn"], "gamma must be above 0 and finite; got -1.0"),
        (["adding", "--size", "paper"], "--size is for --recipe"),
        (["adding", "--sample", "9"], "--sample is for characters"),
        (["adding", "--recipe", "adding"], "leave out task"),
        (["--recipe", "adding", "--lr", "1"], "leave out --lr"),
        (["--recipe", "subtracting"], "invalid choice"),
        (["characters", "--input", "nowhere.txt"], "nowhere.txt: No such file"),
        (["pixels", "--input", "nowhere"], "nowhere"),
        (["phonemes", "--input", "nowhere"], "nowhere"),
        (["adding", "--recurrent-initializer", "xavier"], "initializer must be one of"),
    ],
)
@pytest.mark.usefixtures("_here")
def test_a_wrong_word_is_one_sentence_and_writes_nothing(arguments, says, tmp_path, capsys):
    try:
        status = main(["train", *arguments])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_experiments_are_listed(capsys):
    assert main(["train", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in RECIPES)
    assert set(TASKS) == {"adding", "copying", "pixels", "characters", "phonemes", "series"}
