"""The README and its pages tell the truth: their blocks print what they say, their links and tables are whole."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PRINTED = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
CODE, TRAINING, INITIALIZERS = (
    (ROOT / "tutorials" / f"{name}.md").read_text(encoding="utf-8") for name in ("CODE", "TRAINING", "INITIALIZERS")
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def run(block: str) -> dict:
    names = {"__name__": "__main__"}
    exec(block, names)
    return names


@pytest.mark.parametrize("place", [0, 1])
def test_a_block_prints_what_stands_below_it(place, capsys, monkeypatch):
    """The words to the letter; a number that is printed to two or three digits may be another by one in its last."""
    monkeypatch.setattr(rl.models, "LAYERS", dict(rl.models.LAYERS))  # it adds one
    run(PYTHON[place])
    out, said = capsys.readouterr().out, PRINTED[1 + place]
    assert NUMBER.sub("#", out) == NUMBER.sub("#", said)
    for ours, theirs in zip(NUMBER.findall(out), NUMBER.findall(said), strict=True):
        assert float(ours) == pytest.approx(float(theirs), rel=0.05)


def test_a_layer_of_ones_own_takes_25_lines():
    (layer,) = re.findall(r"^class .*?(?=\n\n\n)", PYTHON[1], re.MULTILINE | re.DOTALL)
    assert len([line for line in layer.splitlines() if line.strip()]) <= 25


def test_the_file_with_a_layer_of_ones_own_is_checked_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaky.py").write_text(PYTHON[1], encoding="utf-8")
    for command, said in (
        ("rnnlab check leaky.py:Leaky", "right"),
        ("rnnlab figures gradient_decay --series all,leaky.py:Leaky", "wrote my_figures/gradient_decay.png"),
    ):
        assert f"`{command}`" in README
        small = " --set seeds=1 --set hidden=5 --set steps=20" if "figures" in command else ""
        assert main((command + small).split()[1:]) == 0
        assert said in capsys.readouterr().out


def test_the_main_command_prints_what_the_readme_shows(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pydoc_data.topics")
    monkeypatch.chdir(tmp_path)
    assert main(["flow"]) == 0
    out, said = capsys.readouterr().out, PRINTED[0]
    assert NUMBER.sub("#", out) == NUMBER.sub("#", said)  # its numbers follow the documentation of this Python
    assert (tmp_path / "figures" / "flow.png").exists()


def test_the_commands_that_the_readme_names_exist():
    named = set(re.findall(r"`(?:\.venv/bin/)?rnnlab (\w+)", README + CODE + TRAINING))
    assert {"flow", "explore", "figures", "check", "train", "experiments", "claims"} <= named <= COMMANDS.keys()


def test_the_example_of_the_page_on_code_does_what_its_comments_say(capsys):
    (quoted, example) = re.findall(r"```python\n(.*?)```", CODE, re.DOTALL)
    assert "(150, 16, 2)" in example
    names = run(example.replace("(150, 16, 2)", "(150, 4, 2)"))  # 16 take the check five seconds
    assert float(capsys.readouterr().out.split()[0]) > 0.05
    grads = names["grads"]
    assert isinstance(grads.params, rl.RNN)
    assert grads.xs.shape == (150, 4, 2)
    assert grads.hs.shape == names["trace"].hs.shape == (151, 4, 100)
    assert names["norms"].shape == (151, 4)
    np.testing.assert_array_equal(grads.hs[0], grads.h0)
    np.testing.assert_array_equal(names["norms"], rl.flow.norms(grads.hs))
    assert len([line for line in example.splitlines() if line.strip()]) <= 16
    source = (ROOT / "rnnlab/layers/rnn.py").read_text(encoding="utf-8")
    for line in quoted.splitlines():
        assert line.strip() in source, line


def test_the_training_example_runs_and_runs_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", TRAINING, re.DOTALL)
    small = block.replace("20_000", "20").replace("steps=100", "steps=8")
    trained = run(small)["trained"]
    assert trained.rows[-1].update == 20
    assert len(trained.norms) == 2 * 9
    assert (tmp_path / "runs" / "mine" / "checkpoint.npz").exists()
    again = run(small)["trained"]  # pasted twice
    assert again.rows == trained.rows
    assert len(capsys.readouterr().out.splitlines()) == 2 * 4


@pytest.mark.parametrize("task", rl.tasks.TASKS)
def test_the_page_on_training_names_every_task(task):
    assert f"| `{task}` |" in TRAINING


def test_there_are_two_commands_and_each_makes_its_own_environment():
    assert len(SHELL) == 2
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/python -m pip install") for command in SHELL)
    assert "pytest" in SHELL[1]
    assert "rnnlab flow" in SHELL[0]


@pytest.mark.parametrize(
    "page", ["README.md", *(f"tutorials/{path.name}" for path in (ROOT / "tutorials").glob("*.md"))]
)
def test_every_link_leads_to_a_file(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("name", rl.initializers.INITIALIZERS)
def test_the_table_names_every_initializer(name):
    assert f"`{name}`" in INITIALIZERS


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 45


def test_the_top_level_holds_nothing_else():
    """Of what is kept in git: a reader's own files, leaky.py or the folder of his runs, are his affair."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a clone")
    words = ["git", "-C", str(ROOT), "ls-files"]
    kept = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    allowed = {"pyproject.toml", "rnnlab", "tests", "tutorials", "figures", "README.md", "LICENSE", "CONTRIBUTING.md"}
    assert {name for path in kept if not (name := path.split("/")[0]).startswith(".")} == allowed


def test_the_project_table_promises_what_the_readme_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert project["scripts"] == {"rnnlab": "rnnlab.cli:main"}
    assert {"test", "dev"} <= project["optional-dependencies"].keys()
