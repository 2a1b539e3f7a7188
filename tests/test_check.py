"""`rnnlab check`: templates, answers and exit statuses; a right backward passes, a wrong one is told what is wrong."""

import json

import numpy as np
import pytest
from matplotlib import image

from rnnlab.cli import main
from rnnlab.exercise.answer import Answer, Line
from rnnlab.exercise.cases import cases
from rnnlab.exercise.diagnosis import gives
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.mistakes import PAGES
from rnnlab.exercise.picture import draw
from rnnlab.exercise.plain import check
from rnnlab.exercise.run import UnusableError

every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)


def functions_in(text):
    names = {}
    exec(text, names)
    return names["forward"], names["backward"]


@every_exercise
def test_the_template_as_it_comes_is_not_written_yet(exercise):
    with pytest.raises(UnusableError, match=r"^backward is not written yet$"):
        check(functions_in(exercise.template), exercise)


@every_exercise
def test_the_solution_is_right(exercise):
    answer = check(exercise.functions(), exercise)
    assert (answer.verdict, answer.status, answer.diagnosis) == ("right", 0, ())
    assert {line.verdict for line in answer.lines} == {"right"}


@every_exercise
def test_every_known_mistake_is_a_line_of_its_own_and_no_two_give_the_same(exercise):
    lines = {line for page in PAGES[exercise.name] for line in page}
    used = {mistake.right for mistake in exercise.mistakes}
    assert {line for line in lines if line not in used} <= {"dU += hs[t - 1].T @ da", "dhs[t - 1] += da @ U.T"}
    case = cases(exercise)[0]
    outcomes = [np.concatenate([each.ravel() for each in gives(case, ()).values()])]
    for mistake in exercise.mistakes:
        outcome = np.concatenate([each.ravel() for each in gives(case, (mistake,)).values()])
        assert min(np.abs(outcome - other).max() for other in outcomes) > 1e-4, mistake
        outcomes.append(outcome)


def test_the_command_prints_a_template_and_checks_what_it_became(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--template", "rnn"]) == 0
    template = capsys.readouterr().out
    filled = EXERCISES["rnn"].solution.replace("da @ U.T", "da @ U")
    assert template.partition("    # your part")[0] == filled.partition("    # your part")[0]
    (tmp_path / "mine.py").write_text(filled, encoding="utf-8")
    assert main(["check", "mine.py"]) == 1
    out = capsys.readouterr().out
    assert "dhs, dxs, dW, dU and db are what a backward gives that carries da U instead of da Uᵀ." in out
    assert "Look at line 50: dhs[t - 1] += da @ U" in out
    (tmp_path / "mine.py").write_text(EXERCISES["gru"].solution, encoding="utf-8")
    assert main(["check", "mine.py", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["status"], answer["kind"]) == ("right", 0, "gru")


def test_an_error_without_bound_is_null_in_json(tmp_path, monkeypatch, capsys):
    line = Line("dW", "wrong", float("inf"), "dW[0, 0]", 1.0, 0.0)
    answer = Answer("mine.py", "a layer", "wrong", "dW is wrong.", lines=(line,))
    monkeypatch.setattr("rnnlab.commands.check.check_file", lambda *arguments, **named: answer)
    assert main(["check", "mine.py", "--json"]) == 1
    out = capsys.readouterr().out
    assert "Infinity" not in out
    assert json.loads(out)["lines"][0]["error"] is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing.py"], "nothing.py: unusable. There is no such file."),
        ([], "give one of FILE.py, --template NAME and --batch DIR"),
        (["--batch", "nowhere"], "nowhere: No such file or directory"),
        (["."], ".: unusable. It is a folder: --batch . checks every file in it."),
        (["mine.py", "--csv", "table.csv"], "--csv goes with --batch DIR"),
        (["--batch", ".", "--plot", "errors.png"], "--plot goes with FILE.py"),
        (["mine.py", "--seconds", "-1"], "--seconds must be positive; got -1"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(arguments, why, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"rnnlab check: error: {why}\n"


def test_the_picture_has_a_row_for_each_array_and_a_column_for_each_timestep(tmp_path):
    answer = check(functions_in(EXERCISES["lstm"].solution.replace("dc * f", "dc")), EXERCISES["lstm"])
    figure = draw(answer)
    axes, bar = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["hs", "cs", "dhs", "dcs", "dxs"]
    assert axes.images[0].get_array().shape == (5, 6)
    assert axes.get_title() == "lstm, wrong: step by step, T = 5, B = 3, D = 3, H = 3"
    assert bar.get_ylabel() == "relative error"
    sizes = [text.get_fontsize() for text in axes.texts]
    assert min(sizes) >= 9
    figure.savefig(tmp_path / "errors.png")
    wrong = {row for row, name in enumerate(answer.errors) if max(filter(None, answer.errors[name])) > 1e-3}
    assert {text.get_position()[1] for text in axes.texts if text.get_color() == "black"} == wrong == {3}


def test_the_command_draws_it_on_request(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(EXERCISES["indrnn"].solution, encoding="utf-8")
    assert main(["check", "mine.py", "--plot", "errors.png"]) == 0
    assert image.imread("errors.png").shape[2] >= 3
    assert capsys.readouterr().out.startswith("mine.py: right. Every gradient is right in all 14 cases")
