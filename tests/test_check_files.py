"""`rnnlab check` on files that nobody can use: one sentence each, with the line, and nothing left running."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deep import one_in
from rnnlab.cli import main
from rnnlab.exercise import child
from rnnlab.exercise.answer import Answer
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.handed import answer, line_of
from rnnlab.exercise.process import check_file
from rnnlab.exercise.run import UnusableError
from rnnlab.table import Table

SOLUTION = EXERCISES["rnn"].solution
PART = 42  # the line of "# your part" in the solution


def with_part(line):
    return SOLUTION.replace("    # your part", f"    {line}")


# In this process: what ends with an ordinary exception.
REFUSED = {
    "empty": ("", "it has no function forward and no function backward", None),
    "no backward": (SOLUTION.partition("def backward")[0], "it has no function backward", None),
    "syntax": ("x = 1\ndef forward(:\n", "it is not Python: invalid syntax", 2),
    "binary": ("\0", "it is not Python: source code string cannot contain null bytes", None),
    "import": ("import nothing_of_that_name", "importing it raises ModuleNotFoundError: No module named", 1),
    "divides": (with_part("1 / 0"), "backward raises ZeroDivisionError: division by zero", PART),
    "arguments": (SOLUTION.replace("(xs, h0, W, U, b)", "(x, h, W, U, b)"), "arguments of no exercise", None),
    "one argument": (SOLUTION.replace("backward(dys, kept)", "backward(dys)"), "backward raises TypeError", None),
    "nothing": (
        SOLUTION.replace("    return {", "    {"),
        "dhs, dxs, dW, dU, db; it returns nothing",
        None,
    ),
    "no db": (SOLUTION.replace(', "db": db', ""), "db is missing", None),
    "list": (SOLUTION.replace('"db": db', '"db": [1.0]'), "must return db as a NumPy array; it is a list", None),
    "shape": (SOLUTION.replace('"db": db', '"db": db[:-1]'), "db with the shape (3,); it has (2,)", None),
    "integers": (SOLUTION.replace('"db": db', '"db": db.astype(int)'), "db in float64 or float32; it is int64", None),
    "half": (SOLUTION.replace('"db": db', '"db": db.astype("f2")'), "db in float64 or float32; it is float16", None),
    "nan": (SOLUTION.replace('"db": db', '"db": db * np.nan'), "backward returns nan at db[0]", None),
    "no kept": (SOLUTION.replace("return hs, (xs, hs, W, U, b)", "return hs"), "forward must return hs, kept", None),
    "only square": (
        with_part("W.reshape(3, 3)"),
        "where D ≠ H, backward raises ValueError: cannot reshape array of size 8 into shape (3,3)",
        PART,
    ),
}


@pytest.mark.parametrize(("text", "why", "line"), REFUSED.values(), ids=REFUSED)
def test_what_raises_or_returns_something_else_is_refused_with_its_line(text, why, line, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableError) as caught:
        answer(path)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert line_of(caught.value, path) == line


# In processes of their own: what would take this one with it.
HOSTILE = {
    "endless loop": (with_part("while True: pass"), f"It is too slow: 1 s were over, where D = H (line {PART})."),
    "waits": (with_part("import time; time.sleep(999)"), f"It is too slow: 1 s were over, where D = H (line {PART})."),
    "stubborn loop": (
        with_part("while True:\n        try:\n            while True: pass\n        except: pass"),
        "It is too slow",
    ),
    "sys.exit": (with_part("import sys; sys.exit(0)"), f"It calls sys.exit (line {PART})."),
    "os._exit": (with_part("import os; os._exit(0)"), "Its process ended with status 0 and without an answer"),
    "10 GB": (with_part("np.ones(10**10 // 8)"), f"It needs more than 4 GB of memory (line {PART})."),
    "prints": (with_part("while True: print('x' * 9999)"), "It prints without end: more than 1 MB."),
    "forks": (with_part("import os; os.fork()"), f"must not start another process (line {PART})."),
    "threads": (
        with_part("import threading, time; threading.Thread(target=time.sleep, args=(999,)).start()"),
        "Every gradient is right",
    ),
}


@pytest.mark.skipif(os.name == "nt", reason="limits are the system's")
@pytest.mark.parametrize(("text", "why"), one_in(4, HOSTILE.values()), ids=HOSTILE)
def test_a_hostile_file_gets_one_sentence_and_leaves_nothing_running(text, why, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    said = check_file(path, seconds=1.0 if "too slow" in why else 20.0)
    assert why in said.sentence
    assert "\n" not in said.sentence
    assert said.status == (0 if "right" in why else 2)
    assert not running(path)


def running(path):
    """Whether any process has the file among its arguments."""
    time.sleep(0.05)
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(["ps", "-axo", "command"], capture_output=True, text=True, check=True).stdout
        return str(path) in listed
    commands = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(each.read_bytes().decode(errors="replace"))
        except OSError:  # it has ended since
            continue
    return any(str(path) in command for command in commands)


@pytest.mark.deep
def test_a_class_gets_a_row_for_each_file_and_one_bad_file_stops_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    folder.mkdir()
    for name, text in {
        "ada": SOLUTION,
        "ben": "def forward(:",
        "cleo": SOLUTION.replace("da @ U.T", "da @ U"),
        "dan": EXERCISES["gru"].template,
    }.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "notes.txt").write_text("not handed in", encoding="utf-8")
    (folder / "folder.py").mkdir()
    assert main(["check", "--batch", "class"]) == 2
    out = capsys.readouterr().out
    table = Table.read("check.csv")
    assert table["file"].tolist() == ["ada.py", "ben.py", "cleo.py", "dan.py"]
    assert table["verdict"].tolist() == ["right", "unusable", "wrong", "unusable"]
    assert table["status"].tolist() == [0, 2, 1, 2]
    assert "carries da U instead of da Uᵀ" in table.only("diagnosis", file="cleo.py")
    assert "Backward is not written yet" in table.only("sentence", file="dan.py")
    assert out.endswith("4 files: 1 right, 1 wrong, 2 unusable; wrote check.csv\n")
    assert [line.split()[0] for line in out.splitlines()[:4]] == table["file"].tolist()


def test_a_batch_that_is_stopped_keeps_what_it_has(tmp_path, monkeypatch, capsys):
    def check_one(path, **_):
        if path.name == "cleo.py":
            raise KeyboardInterrupt
        return Answer(str(path), "rnn", "right", "Every gradient is right.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rnnlab.commands.check.check_file", check_one)
    for name in ("ada", "ben", "cleo", "dan"):
        Path(f"{name}.py").write_text("", encoding="utf-8")
    assert main(["check", "--batch", "."]) == 130
    assert Table.read("check.csv")["file"].tolist() == ["ada.py", "ben.py"]
    assert capsys.readouterr().err == "rnnlab check: stopped after 2 of 4 files\n"


def test_two_alarms_at_once_are_one_answer(monkeypatch):
    monkeypatch.setattr(child, "_rung", [float("-inf")])
    with pytest.raises(child.TooSlowError):
        child._over(0, None)
    child._over(0, None)
