"""`rnnlab train`: what it prints and keeps, several seeds, a recipe, an interruption, and words that it refuses."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.cli import main
from rnnlab.experiments.recipes import RECIPES, Entry, Recipe
from rnnlab.experiments.run import Outcome, Run
from rnnlab.table import Table
from rnnlab.tasks import TASKS

TINY = Run("adding", {"steps": 6}, hidden=5, updates=6, batch=4, every=3)


def entries(count: int) -> list[Entry]:
    return [Entry("v", "m", replace(TINY, seed=seed)) for seed in range(count)]


@pytest.fixture
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


NAME = "adding-rnn-steps=6-hidden=5-batch=4-every=3-seed"
WORDS = ["train", "adding", "--steps", "6", "--hidden", "5", "--updates", "6", "--batch", "4", "--every", "3"]


@pytest.mark.usefixtures("_here")
def test_train_prints_what_came_out_and_where_it_is_kept(tmp_path, capsys):
    assert main(WORDS) == 0
    out, err = capsys.readouterr()
    assert "rnnlab train adding --steps 6" in out
    assert "baseline 0.1667" in out
    assert "6/6  loss" in err
    assert "s left" in err
    kept = tmp_path / "runs" / f"{NAME}-0"
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


def test_a_run_is_named_by_what_it_runs_and_not_by_how_long():
    run = Run("series", {"input": "/home/me/my data.csv", "column": "x"}, layer="irnn", scale=0.9, residual=True)
    assert Entry(run.task, run.words, run).name == "series-irnn-input=my-data-column=x-scale=0.9-residual-seed-0"
    assert replace(run, updates=7, until=0.5, workers=2, seed=3).words == run.words
    assert Run("adding").words == "rnn"


@pytest.mark.usefixtures("_here")
def test_train_goes_on_only_when_told_to(capsys):
    main(WORDS)
    capsys.readouterr()
    assert main(WORDS) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--resume continues it" in err
    assert main([*WORDS, "--lr", "0.5"]) == 0  # another run, in a folder of its own
    Path("runs/adding-rnn-steps=6-hidden=5-batch=4-lr=0.5-every=3-seed-0").rename(f"runs/{NAME}-1")
    assert main([*WORDS, "--seed", "1", "--resume"]) == 2
    assert "is of another run" in capsys.readouterr().err
    assert main([*WORDS, "--updates", "9", "--resume"]) == 0
    ended = Outcome.read(Path(f"runs/{NAME}-0"))
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


@pytest.mark.deep
@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
@pytest.mark.parametrize(
    ("words", "folder", "names"),
    [
        (
            [*WORDS[1:6], "--batch", "4", "--every", "20", "--seeds", "2"],
            "runs",
            [f"adding-rnn-steps=6-hidden=5-batch=4-every=20-seed-{seed}" for seed in (0, 1)],
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
    written = capsys.readouterr().out.split("kept in runs/characters-rnn-input=a-steps=5-hidden=5-every=4-seed-0\n")[1]
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
        (["pixels", "--input", "nowhere", "--seeds", "2"], "nowhere"),
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
