"""Runs carried out: what has ended is kept and not run again, side by side is the same as one by one."""

import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.experiments import runner
from rnnlab.experiments.recipes import Entry
from rnnlab.experiments.run import Outcome, Run

TINY = Run("adding", {"steps": 6}, hidden=5, updates=6, batch=4, every=3)


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
