"""The tutorials run as they stand in a clean interpreter, state no number that they do not show, and are indexed."""

import ast
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib.font_manager  # noqa: F401 - builds its cache here: once a machine, longer than any tutorial
import pytest

import rnnlab

FOLDER = Path(__file__).parents[1] / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
MOST_LINES = 15
MOST_SECONDS = 300  # to end one that hangs, even on a busy machine

# Cut off from the environment and the working directory. rnnlab need not be installed: the one under test comes last.
RUN = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_path(sys.argv[2], run_name='__main__')"
CLEAN = ("-E", "-P", "-B", "-X", "utf8", "-W", "error")
NO_SCREEN = ("-W", "ignore:FigureCanvasAgg is non-interactive:UserWarning")

every_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)


class Cell(NamedTuple):
    """A cell: its marker's rest, its text, and the line of the file that it starts on."""

    marker: str
    text: str
    line: int


def cells(path):
    before, *parts = re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert before == "", "a tutorial starts with a cell"
    found, line = [], 1
    for marker, text in zip(parts[::2], parts[1::2], strict=True):
        found.append(Cell(marker.strip(), text.strip("\n"), line))
        line += 1 + text.count("\n")
    return found


def prose(path):
    return [cell for cell in cells(path) if cell.marker == "[markdown]"]


def code(path):
    return [cell for cell in cells(path) if cell.marker == ""]


@cache
def run(path):
    """The finished process, and the files it left in its working directory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *CLEAN, *NO_SCREEN, "-c", RUN, str(Path(rnnlab.__file__).parents[1]), str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=MOST_SECONDS)
        return done, sorted(file.name for file in Path(folder).iterdir())


def numbers(text):
    """Every number with a decimal point or an exponent, without its sign."""
    return {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)(?!\w)", text)}


def shows(text):
    """Whether code prints, asserts or plots when it runs; what a function only would do, if called, does not count."""
    kept = [node for node in ast.parse(text).body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for node in (inner for statement in kept for inner in ast.walk(statement)):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("print", "plot", "show"):
                return True
    return False


def only_defines(text):
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return all(isinstance(node, kinds) for node in ast.parse(text).body)


def test_there_are_tutorials_and_each_has_a_number_of_its_own():
    numbered = [int(path.name[:2]) for path in TUTORIALS]
    assert numbered == sorted(set(numbered))
    assert numbered[:3] == [1, 2, 3]


@every_tutorial
def test_it_runs_in_a_clean_interpreter_without_a_warning(path):
    done, _ = run(path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout


@every_tutorial
def test_it_leaves_no_file_behind(path):
    assert run(path)[1] == []


@every_tutorial
def test_it_starts_with_a_title(path):
    first = cells(path)[0]
    assert first.marker == "[markdown]"
    assert re.match(rf"# # {int(path.name[:2])}\. \w", first.text)


@every_tutorial
def test_its_cells_are_prose_in_comments_or_code(path):
    assert {cell.marker for cell in cells(path)} == {"[markdown]", ""}
    for cell in prose(path):
        assert all(line == "#" or line.startswith("# ") for line in cell.text.splitlines()), f"line {cell.line}"


@every_tutorial
def test_no_code_cell_is_longer_than_a_glance(path):
    long = {cell.line: n for cell in code(path) if (n := len(cell.text.splitlines())) > MOST_LINES}
    assert not long, f"cells by line, and their lengths: {long}"


@every_tutorial
def test_every_code_cell_shows_something_unless_it_only_defines(path):
    silent = [cell.line for cell in code(path) if not only_defines(cell.text) and not shows(cell.text)]
    assert not silent, f"cells at lines {silent}"


@every_tutorial
def test_every_number_in_its_prose_is_one_that_its_code_holds_or_prints(path):
    shown = numbers(run(path)[0].stdout).union(*(numbers(cell.text) for cell in code(path)))
    unfounded = {cell.line: missing for cell in prose(path) if (missing := numbers(cell.text) - shown)}
    assert not unfounded, f"by line: {unfounded}"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("x = 1", False),
        ("def f():\n    print(1)", False),
        ("print(1)", True),
        ("for i in range(3):\n    assert i < 3", True),
        ("axes.plot(x)", True),
    ],
)
def test_the_rule_for_code_cells_can_fail(text, verdict):
    assert shows(text) is verdict


def test_the_rule_for_numbers_can_fail():
    assert numbers("at 1e-15, 0.220 ± 0.005, h[0], 15 lines, 0.25^10") == {1e-15, 0.22, 0.005, 0.25}


def test_the_index_names_every_tutorial_and_nothing_else():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d_\w+\.py)\)", index) == [path.name for path in TUTORIALS]
    assert set(re.findall(r"\d\d_\w+\.py", index)) == {path.name for path in TUTORIALS}
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(["README.md", *(path.name for path in TUTORIALS)])
