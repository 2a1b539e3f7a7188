"""The README tells the truth: its example runs, its quoted lines are in the code, its links and tables are complete."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import rnnlab as rl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_fifteen_line_example_runs_and_says_what_its_comments_say(capsys):
    names: dict = {}
    exec(PYTHON[0], names)
    assert float(capsys.readouterr().out.split()[0]) > 0.05
    grads = names["grads"]
    assert isinstance(grads.params, rl.RNN)
    assert grads.xs.shape == (150, 16, 2)
    assert grads.hs.shape == names["trace"].hs.shape == (151, 16, 100)
    assert names["norms"].shape == (151, 16)
    np.testing.assert_array_equal(grads.hs[0], grads.h0)
    np.testing.assert_array_equal(names["norms"], rl.flow.norms(grads.hs))


def test_the_training_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"rl": rl, "np": np}
    exec(PYTHON[2].replace("20_000", "20").replace("steps=100", "steps=8"), names)
    assert names["trained"].rows[-1].update == 20
    assert len(names["trained"].norms) == 2 * 9
    assert (tmp_path / "runs" / "mine" / "checkpoint.npz").exists()


def test_the_example_has_fifteen_lines():
    assert len([line for line in PYTHON[0].splitlines() if line.strip()]) <= 16


def test_the_quoted_loop_is_in_the_rnn_word_for_word():
    source = (ROOT / "rnnlab/layers/rnn.py").read_text(encoding="utf-8")
    for line in PYTHON[1].splitlines():
        assert line.strip() in source, line


def test_there_are_two_commands_and_each_makes_its_own_environment():
    assert len(SHELL) == 2
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/python -m pip install") for command in SHELL)
    assert "pytest" in SHELL[1]
    assert "rnnlab flow" in SHELL[0]


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", rl.initializers.INITIALIZERS)
def test_the_table_names_every_initializer(name):
    assert f"`{name}`" in README.partition("## Initializers")[2]


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 45


def test_the_top_level_holds_nothing_else():
    allowed = {"pyproject.toml", "rnnlab", "tests", "tutorials", "figures", "README.md", "LICENSE", "CONTRIBUTING.md"}
    built = {"build", "dist", "rnnlab.egg-info"}
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - built == allowed


def test_the_project_table_promises_what_the_readme_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert project["scripts"] == {"rnnlab": "rnnlab.cli:main"}
    assert {"test", "dev"} <= project["optional-dependencies"].keys()
