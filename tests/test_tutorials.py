"""The tutorials run as they stand in a clean interpreter, state no number that they do not show, and are indexed.

A tutorial is a script of cells. `# %% [markdown]` is prose, `# %%` code. Two more kinds are code that a reader is asked
to change or to write, and both are run here:

- `# %% knob`: the first prose after it (or the prose right before it) lists values and what each prints, a line each:
  `#     name = value  →  printed text`, with a remark in brackets behind it if need be. The line `name = …` of the cell
  is replaced, and the cell is run again in the finished tutorial; whatever it asserts must hold at every value.
- `# %% answer`: the answer to an exercise, with an assert. Each is introduced by a line `**Exercise N.**`.

The last line of prose is the sentence to remember: `**To remember:** …`.
"""

import ast
import json
import os
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
from deep import deep

FOLDER = Path(__file__).parents[1] / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
MOST_LINES = 15
MOST_SECONDS = 300  # to end one that hangs, even on a busy machine
MOST_CPU_SECONDS = 15

# Cut off from the environment and the working directory. rnnlab need not be installed: the one under test comes last.
# After the tutorial come its knobs, a cell each: what they print goes into a file.
RUN = """
import runpy, sys
sys.path.append(sys.argv[1])
names = runpy.run_path(sys.argv[2], run_name="__main__")
import contextlib, io, json, pathlib, time, traceback
took, printed = time.process_time(), []
for cell in json.loads(sys.argv[3]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(cell, dict(names))
        except Exception:
            traceback.print_exc(file=sys.stdout)
    printed.append(out.getvalue())
pathlib.Path(sys.argv[4]).write_text(json.dumps([took, printed]), encoding="utf-8")
"""
CLEAN = ("-E", "-P", "-B", "-X", "utf8", "-W", "error")
KNOB = re.compile(r"^#     (\w+) = (.+?) +→ +(.+?)(?: +\(.*)?$", re.MULTILINE)

LONGEST = (3, 5, 6, 8, 9, 10, 11, 12, 13)  # nine tenths of the time that all take
every_tutorial = pytest.mark.parametrize(
    "path", [deep(path) if int(path.stem[:2]) in LONGEST else path for path in TUTORIALS], ids=lambda path: path.stem
)


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
    return [cell for cell in cells(path) if cell.marker != "[markdown]"]


class Knob(NamedTuple):
    """A line of a knob's list: what it sets, what it should print, and the knob's cell with that line in it."""

    setting: str
    expected: str
    text: str


def listed(path):
    """Every knob's cell, with the (name, value, printed) that the prose after or before it lists."""
    every = cells(path)
    for n, cell in enumerate(every):
        if cell.marker == "knob":
            after = next((later.text for later in every[n + 1 :] if later.marker == "[markdown]"), "")
            for text in (after, every[n - 1].text):
                if lines := [found for found in KNOB.findall(text) if re.search(rf"^{found[0]} = ", cell.text, re.M)]:
                    break
            yield cell, lines


def knobs(path):
    found = []
    for cell, lines in listed(path):
        for name, value, expected in lines:
            text, set_in = re.subn(rf"^{name} = .*$", lambda _, new=f"{name} = {value}": new, cell.text, flags=re.M)
            assert set_in == 1, f"{path.name}, line {cell.line}: {set_in} lines set {name}"
            found.append(Knob(f"{name} = {value}", expected, text))
    return found


class Run(NamedTuple):
    """A finished process, the files it left where it worked, those it drew, its CPU seconds, what each knob printed."""

    done: subprocess.CompletedProcess
    left: list
    drawn: list
    seconds: float
    knobs: list


@cache
def run(path):
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as drawings:
        house, after = Path(rnnlab.__file__).parents[1], Path(drawings) / "knobs.json"
        turned = json.dumps([knob.text for knob in knobs(path)])
        command = [sys.executable, *CLEAN, "-c", RUN, str(house), str(path), turned, str(after)]
        environment = {**os.environ, "TMPDIR": drawings, "TEMP": drawings}
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, encoding="utf-8", timeout=MOST_SECONDS
        )
        seconds, printed = json.loads(after.read_text(encoding="utf-8")) if after.exists() else (0.0, [])
        left = sorted(file.name for file in Path(work).iterdir())
        return Run(done, left, sorted(map(str, Path(drawings).glob("*.png"))), seconds, printed)


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


def test_there_are_tutorials_and_they_are_numbered_from_one_without_a_gap():
    assert [int(path.name[:2]) for path in TUTORIALS] == list(range(1, len(TUTORIALS) + 1))
    assert len(TUTORIALS) == 13


@every_tutorial
def test_it_runs_in_a_clean_interpreter_without_a_warning(path):
    done = run(path).done
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout


@every_tutorial
def test_it_ends_in_seconds(path):
    assert run(path).seconds < MOST_CPU_SECONDS


@every_tutorial
def test_it_leaves_no_file_behind(path):
    assert run(path).left == []


@every_tutorial
def test_its_figures_are_saved_where_it_says_if_there_is_no_display(path):
    done, drawn = run(path).done, run(path).drawn
    assert bool(drawn) is ("matplotlib" in path.read_text(encoding="utf-8"))
    assert all(file in done.stdout for file in drawn)


@every_tutorial
def test_its_knobs_print_what_it_says(path):
    turned = knobs(path)
    assert len(turned) >= 4, "two knobs or more, with two values or more"
    assert len(turned) == len(run(path).knobs), run(path).done.stderr
    for knob, printed in zip(turned, run(path).knobs, strict=True):
        assert knob.expected in printed, f"{knob.setting} should print {knob.expected!r}; it prints:\n{printed}"


@every_tutorial
def test_every_knob_has_a_list_of_values(path):
    bare = [cell.line for cell, lines in listed(path) if len(lines) < 2]
    assert not bare, f"knobs at lines {bare}"


@every_tutorial
def test_it_has_two_exercises_with_answers(path):
    asked = re.findall(r"\*\*Exercise (\d)\.\*\*", "\n".join(cell.text for cell in prose(path)))
    answers = [cell for cell in code(path) if cell.marker == "answer"]
    assert asked == ["1", "2"]
    assert len(answers) >= 2
    assert "assert " in answers[0].text
    assert "assert " in answers[-1].text


@every_tutorial
def test_it_ends_with_one_sentence_to_remember(path):
    last = cells(path)[-1]
    assert last.marker == "[markdown]"
    final = last.text.split("\n#\n")[-1].replace("\n# ", " ")
    assert final.startswith("# **To remember:** ")
    assert final.endswith(".")
    assert final.count(". ") == 0, "one sentence"


@every_tutorial
def test_it_starts_with_a_title(path):
    first = cells(path)[0]
    assert first.marker == "[markdown]"
    assert re.match(rf"# # {int(path.name[:2])}\. \w", first.text)


@every_tutorial
def test_its_cells_are_prose_in_comments_or_code(path):
    assert {"[markdown]", ""} <= {cell.marker for cell in cells(path)} <= {"[markdown]", "", "knob", "answer"}
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


def shown_by(path):
    """The numbers that a tutorial's code holds or prints, its knobs included."""
    texts = [run(path).done.stdout, *run(path).knobs, *(cell.text for cell in [*code(path), *knobs(path)])]
    return set().union(*map(numbers, texts))


@every_tutorial
def test_every_number_in_its_prose_is_one_that_its_code_holds_or_prints(path):
    shown = shown_by(path)
    unfounded = {cell.line: missing for cell in prose(path) if (missing := numbers(cell.text) - shown)}
    assert not unfounded, f"by line: {unfounded}"


@every_tutorial
def test_every_number_in_its_line_of_the_index_is_one_that_it_shows(path):
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in index.splitlines() if line.startswith("|") and f"({path.name})" in line]
    assert not numbers(line) - shown_by(path)


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


def test_a_knob_is_read_as_it_is_written():
    listed = '# Turn it.\n#\n#     gain = 0.9   →  rate 0.298   (it must vanish)\n#     name = "relu"  →  on: 0.52'
    assert KNOB.findall(listed) == [("gain", "0.9", "rate 0.298"), ("name", '"relu"', "on: 0.52")]


def test_a_knob_is_turned_to_each_listed_value_and_a_wrong_promise_shows(tmp_path):
    path = tmp_path / "01_small.py"
    path.write_text(
        "# %%\nfactor = 10\n\n# %% knob\nx = 2  # try 3\nprint(factor * x)\n\n"
        "# %% [markdown]\n#     x = 2  →  20\n#     x = 3  →  31  (it is 30)\n",
        encoding="utf-8",
    )
    assert [knob.expected for knob in knobs(path)] == ["20", "31"]
    assert run(path).knobs == ["20\n", "30\n"]


def test_the_index_names_every_tutorial_and_page_and_nothing_else():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d_\w+\.py)\)", index) == [path.name for path in TUTORIALS]
    assert set(re.findall(r"\d\d_\w+\.py", index)) == {path.name for path in TUTORIALS}
    pages = {file.name for file in FOLDER.iterdir()} - {"README.md", *(path.name for path in TUTORIALS)}
    assert pages == set(re.findall(r"\]\((\w+\.md)\)", index))
