"""The figures of the experiments: what they draw and say follows the table, whatever runs it holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlab.cli import main
from rnnlab.experiments.recipes import RECIPES, Recipe
from rnnlab.experiments.run import Run
from rnnlab.experiments.runner import CURVES, GRADIENTS
from rnnlab.gallery import (
    adding_problem,
    character_model,
    deep_stacks,
    gradient_while_learning,
    initializer_learning,
    learning,
    phoneme_frames,
    pixel_digits,
)
from rnnlab.gallery.publish import FIGURES, RECORDED, publish
from rnnlab.table import Table

LEARNING = {name: module for name, module in FIGURES.items() if hasattr(module, "RECIPE")}


def curves(*runs: tuple[str, str, int, str, list[float]]) -> Table:
    """A table of runs, each (variant, model, seed, status, scores), a row of the log every 100 updates."""
    rows = [
        (variant, model, float(seed), status, 100.0 * n, score, score, 1.0, 10.0 * n)
        for variant, model, seed, status, scores in runs
        for n, score in enumerate(scores)
    ]
    return Table.of(CURVES, rows)


ADDING = curves(
    ("T = 150", "IRNN", 0, "solved", [1.0, 0.1, 0.001]),
    ("T = 150", "IRNN", 1, "done", [1.0, 0.2, 0.009, 0.008]),
    ("T = 150", "tanh RNN", 0, "done", [1.0, 0.17, 0.16, 0.165]),
    ("T = 150", "tanh RNN", 1, "diverged", [1.0, 0.001]),
    ("T = 50", "IRNN", 0, "done", [1.0, 0.5]),
)


def test_seven_figures_come_from_training():
    assert len(LEARNING) == 7
    assert {module.RECIPE for module in LEARNING.values()} == RECIPES.keys()


@pytest.mark.parametrize("name", LEARNING)
def test_the_recorded_table_is_whole_and_is_the_one_in_the_gallery(name):
    table = Table.read(RECORDED / f"{name}.csv")
    assert list(table.columns) == LEARNING[name].RECORDED.split()
    assert len(table) > 50
    gallery = Path(__file__).parents[1] / "figures" / f"{name}.csv"
    assert gallery.read_bytes() == (RECORDED / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", LEARNING.keys() - {"gradient_while_learning"})
def test_every_recorded_curve_is_a_recorded_run_and_ends_as_it_did(name):
    table, runs = Table.read(RECORDED / f"{name}.csv"), Table.read(RECORDED / "runs.csv")
    mine = runs.where(recipe=LEARNING[name].RECIPE)
    assert table.each("variant", "model", "seed") == mine.each("variant", "model", "seed")
    for variant, model, seed, status, score in mine.each("variant", "model", "seed", "status", "score"):
        rows = table.where(variant=variant, model=model, seed=seed)
        assert rows["status"][-1] == status
        assert rows["score"][-1] == score


def test_ends_are_the_last_rows_of_the_seeds():
    end = learning.ends(ADDING, "T = 150", "IRNN")
    assert end.scores.tolist() == [0.001, 0.008]
    assert end.updates.tolist() == [200, 300]
    assert end.seconds.tolist() == [20, 30]
    assert (end.solved, end.diverged) == (1, 0)
    assert end.told(" bits") == "0.0045 bits (0.001 to 0.008)"
    lost = learning.ends(ADDING, "T = 150", "tanh RNN")
    assert lost.scores.tolist() == [0.165, np.inf]
    assert lost.told() == "diverged"
    assert learning.ends(ADDING, "T = 150", "LSTM") is None


def ends_drawn(ax, color):
    return [
        (line.get_marker(), line.get_markerfacecolor())
        for line in ax.lines
        if line.get_linestyle() == "None" and line.get_color() == color
    ]


def test_every_run_is_a_line_with_an_end_that_says_how_it_ended():
    figure = adding_problem.draw(ADDING)
    panels = {ax.get_title(loc="left"): ax for ax in figure.axes if ax.get_title(loc="left")}
    assert list(panels) == ["T = 50", "T = 150"]
    ax = panels["T = 150"]
    assert ax.get_yscale() == "log"
    color = adding_problem.LOOKS["IRNN"][0]
    assert sorted(ends_drawn(ax, color)) == sorted([("o", color), ("o", "white")])
    assert ends_drawn(ax, adding_problem.LOOKS["tanh RNN"][0])[-1][0] == "x"
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert len(drawn) == 2
    assert drawn[0].get_ydata().tolist() in ([1.0, 0.2, 0.009, 0.008], [1.0, 0.17, 0.16, 0.165])
    levels = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
    assert levels == pytest.approx([1 / 6, 0.01])


def test_the_adding_caption_counts_what_was_solved():
    caption = adding_problem.caption(ADDING)
    assert "T = 150: tanh RNN 0 of 2, at best 0.17, IRNN 2 of 2, at most 300 updates" in caption
    assert caption.index("T = 50: IRNN 0 of 1, at best 0.5") < caption.index("T = 150")
    assert "5 runs (1 to 2 seeds each), of which 1 diverged" in caption
    solved = adding_problem.caption(curves(("T = 50", "tanh RNN", 0, "solved", [1.0, 0.001])))
    assert "tanh RNN 1 of 1, at most 100 updates" in solved
    assert "1 runs (1 seed each), none of which diverged" in solved


@pytest.mark.parametrize(
    ("module", "variant", "flat"),
    [(character_model, "characters", "bigrams"), (phoneme_frames, "frames", "linear")],
)
def test_curves_left_ends_right(module, variant, flat):
    table = curves(
        (variant, "GRU", 0, "done", [5.0, 2.0]),
        (variant, "GRU", 1, "done", [5.0, 2.2]),
        (variant, "GRU", 2, "done", [5.0, 1.9]),
        (variant, flat, 0, "done", [5.0, 3.5]),
    )
    left, right = module.draw(table).axes
    assert [tick.get_text() for tick in right.get_xticklabels()] == [flat, "GRU"]
    marks = next(line for line in right.lines if len(line.get_ydata()) == 3)
    assert marks.get_ydata().tolist() == [2.0, 2.2, 1.9]
    assert len([line for line in left.lines if len(line.get_xdata()) == 2]) == 4
    caption = module.caption(table)
    assert "GRU 2 (1.9 to 2.2)" in caption
    assert f"{flat} 3.5" in caption
    assert "LSTM" in caption.partition("; not run: ")[2]
    assert "GRU" not in caption.partition("; not run: ")[2].partition(". The")[0]


def test_pixels_have_the_whole_image_for_comparison():
    table = curves(
        ("sequential", "IRNN", 0, "done", [90.0, 12.0]),
        ("permuted", "IRNN", 0, "done", [90.0, 20.0]),
        ("whole image", "linear", 0, "done", [90.0, 30.0]),
    )
    panels = pixel_digits.draw(table).axes
    assert len(panels) == 4
    for ax in panels:
        assert any(line.get_ydata()[0] == 30 for line in ax.lines if list(line.get_xdata()) == [0, 1])
    caption = pixel_digits.caption(table)
    assert "sequential: IRNN 12; not run: tanh RNN" in caption
    assert "permuted: IRNN 20; not run" in caption
    assert "whole image: linear 30; not run: perceptron" in caption
    assert "whole image: not run: linear, perceptron" in pixel_digits.caption(table.without(variant="whole image"))


def test_stacks_go_from_shallow_to_deep():
    table = curves(
        ("12 layers", "IndRNN", 0, "done", [5.0, 3.0]),
        ("1 layers", "IndRNN", 0, "done", [5.0, 2.5]),
        ("1 layers", "IndRNN", 1, "done", [5.0, 2.7]),
        ("12 layers", "tanh RNN", 0, "diverged", [5.0, 4.0]),
    )
    left, right = deep_stacks.draw(table).axes
    line = next(line for line in left.lines if line.get_label() == "IndRNN")
    assert line.get_xdata().tolist() == [1, 12]
    assert line.get_ydata().tolist() == [2.6, 3.0]
    assert right.get_title(loc="left").startswith("12 layers")
    caption = deep_stacks.caption(table)
    assert "IndRNN 1: 2.6 (2.5 to 2.7), 12: 3" in caption
    assert "tanh RNN 12: diverged" in caption


def test_initializers_have_a_panel_for_each_net_and_its_median():
    table = curves(
        ("tanh RNN", "orthogonal", 0, "solved", [1.0, 0.001]),
        ("tanh RNN", "orthogonal", 1, "done", [1.0, 0.2, 0.1]),
        ("tanh RNN", "orthogonal", 2, "done", [1.0, 0.3, 0.1]),
        ("1 sigmoid layer", "lecun_uniform", 0, "done", [90.0, 50.0]),
    )
    panels = initializer_learning.draw(table).axes
    assert panels[0].lines[0].get_ydata().tolist() == [1.0, 0.2, 0.1]
    assert panels[0].get_yscale() == "log"
    assert panels[1].get_yscale() == "linear"
    assert "tanh RNN: orthogonal 0.1 (0.001 to 0.1)" in initializer_learning.caption(table)


def norms(*runs: tuple[str, list[float]]) -> Table:
    rows = [
        ("T = 150", model, 0.0, "done", 500.0 * moment, 0.0, float(t), norm)
        for model, norms in runs
        for moment in range(3)
        for t, norm in enumerate(norms)
    ]
    return Table.of(GRADIENTS, rows)


def test_the_gradient_is_drawn_back_from_the_loss_and_its_zeros_are_marked():
    table = norms(("IRNN", [1.0, 1.0, 2.0]), ("tanh RNN", [0.0, 1e-3, 1.0]))
    tanh, irnn = gradient_while_learning.draw(table).axes[:2]
    assert tanh.get_title(loc="left") == "tanh RNN"
    assert irnn.lines[0].get_xdata().tolist() == [2, 1, 0]
    assert irnn.get_yscale() == "log"
    crosses = [line for line in tanh.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert len(crosses) == 3
    assert crosses[0].get_xdata().tolist() == [2]
    assert [text.get_text() for text in irnn.get_legend().get_texts()] == ["0", "500", "1,000"]
    caption = gradient_while_learning.caption(table)
    assert "IRNN 0.5 as initialised, 0.5 after 1,000 updates" in caption
    assert "tanh RNN 0 as initialised" in caption


# Carried out


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Every recipe is two short runs."""
    monkeypatch.chdir(tmp_path)
    run = Run("adding", steps=6, hidden=5, updates=40, batch=4, every=2, layer="indrnn", layers=2)
    for name in RECIPES:
        entries = tuple(
            replace(entry, run=replace(run, seed=entry.run.seed))
            for entry in RECIPES[name].paper[:60]
            if entry.run.seed < 2 and entry.variant == RECIPES[name].paper[7].variant
        )[:2]
        monkeypatch.setitem(RECIPES, name, Recipe("Made up.", (), entries))


@pytest.mark.usefixtures("tiny")
def test_computed_anew_the_runs_are_carried_out_and_replace_those_of_their_recipe(tmp_path):
    assert publish(["deep_stacks"], tmp_path / "out") == ["deep_stacks"]
    before = Table.read(tmp_path / "out" / "runs.csv")
    assert publish(["deep_stacks"], tmp_path / "out", recompute=True) == []
    assert len(Table.read(tmp_path / "out" / "deep_stacks.csv")) == 2 * 21
    assert (tmp_path / "runs" / "stacks-paper").is_dir()
    after = Table.read(tmp_path / "out" / "runs.csv")
    assert len(after.where(recipe="stacks")) == 2
    assert len(after.without(recipe="stacks")) == len(before.without(recipe="stacks")) > 0
    gallery = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "[runs](runs.csv)" in gallery
    assert publish(["deep_stacks"], tmp_path / "out") == ["deep_stacks"]
    assert len(Table.read(tmp_path / "out" / "runs.csv").where(recipe="stacks")) == 2


@pytest.mark.usefixtures("tiny")
def test_the_norms_are_thinned_to_a_few_moments_of_the_top_layer():
    table = gradient_while_learning.compute(jobs=2)
    assert list(table.columns) == GRADIENTS.split()
    assert set(table["variant"]) == {"T = 150"}
    assert set(table["layer"]) == {1}
    moments = [update for (update,) in table.each("update")]
    assert moments == [0, 6, 14, 20, 26, 34, 40]
    assert set(table["t"]) == set(range(7))


@pytest.mark.usefixtures("tiny")
def test_the_command_foretells_how_long_it_will_take(capsys):
    assert main(["figures", "phoneme_frames", "--recompute", "--out", "out"]) == 0
    out, err = capsys.readouterr()
    assert "training phonemes anew, " in err
    assert "hours of one core" in err
    assert "wrote 1 figure" in out


def test_an_unrecorded_figure_is_no_table_of_another(tmp_path):
    (tmp_path / "deep_stacks.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"deep_stacks\.csv is not a table with the columns variant model"):
        publish(["deep_stacks"], tmp_path)
