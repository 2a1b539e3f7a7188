"""The figures of the experiments: what they draw and say follows the table, whatever runs it holds."""

from dataclasses import replace

import numpy as np
import pytest

from rnnlab.cli import main
from rnnlab.experiments.recipes import LONGER, RECIPES, Recipe
from rnnlab.experiments.results.tables import baseline, read
from rnnlab.experiments.run import Run
from rnnlab.experiments.runner import GRADIENTS
from rnnlab.gallery import (
    adding_problem,
    character_model,
    deep_stacks,
    gradient_while_learning,
    initializer_learning,
    learning,
    page,
    phoneme_frames,
    pixel_digits,
)
from rnnlab.gallery.figures import FIGURES
from rnnlab.gallery.publish import publish
from rnnlab.table import Table
from small_figures import curves

LEARNING = {name: module for name, module in FIGURES.items() if hasattr(module, "RECIPE")}


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


@pytest.mark.parametrize("name", sorted(LEARNING.keys() - {"gradient_while_learning"}))
def test_every_recorded_curve_is_a_recorded_run_and_ends_as_it_did(name):
    table, runs = read(name), read("runs")
    mine = runs.where(recipe=LEARNING[name].RECIPE)
    assert table.each("variant", "model", "seed") == mine.each("variant", "model", "seed")
    for variant, model, seed, status, score in mine.each("variant", "model", "seed", "status", "score"):
        rows = table.where(variant=variant, model=model, seed=seed)
        assert rows["status"][-1] == status
        assert rows["score"][-1] == score


@pytest.mark.parametrize("name", LEARNING)
def test_a_table_of_one_run_is_drawn_and_told_too(name):
    table = read(name)
    variant, model, seed = table.each("variant", "model", "seed")[0]
    one = table.where(variant=variant, model=model, seed=seed)
    assert LEARNING[name].draw(one).axes
    caption = LEARNING[name].caption(one)
    assert model in caption
    if "score" in table.columns:
        assert "1 run, 1 seed of each" in caption
    assert not {"nan", "inf", "None"} & set(caption.replace(",", " ").split())


def test_labels_on_the_right_keep_their_order_and_their_distance():
    figure, (ax,) = page.page(1, 1, height=4)
    ax.set(yscale="log", ylim=(1, 100))
    learning.label_right(ax, [(10, "b", "k"), (10, "c", "k"), (1e9, "top", "k"), (2, "a", "k"), (100, "high", "k")])
    figure.draw_without_rendering()
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert list(places) == ["a", "b", "c", "high", "top"] or list(places) == ["a", "b", "c", "top", "high"]
    heights = sorted(places.values())
    assert (np.diff(heights) > 0.03).all()
    assert heights[-1] <= 1
    assert places["a"] == pytest.approx(np.log10(2) / 2)
    assert places["b"] == pytest.approx(0.5)


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
    levels = {line.get_ydata()[0]: line.get_linestyle() for line in ax.lines if list(line.get_xdata()) == [0, 1]}
    assert list(levels) == pytest.approx([1 / 6, 0.01])
    assert len(set(levels.values())) == 2
    assert ax.get_xlabel() == "thousands of updates"
    assert min(score for score in ADDING["score"]) > ax.get_ylim()[0]
    key = [text.get_text() for text in figure.axes[2].get_legend().get_texts()]
    assert key == [
        "tanh RNN",
        "IRNN",
        "always the mean: 1/6",
        "solved: below 0.01",
        "stopped, solved",
        "all updates made",
        "diverged",
    ]


def test_the_adding_caption_counts_what_was_solved():
    caption = adding_problem.caption(ADDING)
    assert "T = 150: tanh RNN 0 of 2 (0.165, 1 diverged), IRNN 2 of 2 (after 200); not run: ReLU RNN, LSTM" in caption
    assert caption.index("T = 50: IRNN 0 of 1 (0.500)") < caption.index("T = 150")
    assert "5 runs, 1 to 2 seeds of each and at most 300 updates, of which 1 diverged" in caption
    solved = adding_problem.caption(curves(("T = 50", "tanh RNN", 0, "solved", [1.0, 0.001])))
    assert "tanh RNN 1 of 1 (after 100)" in solved
    assert "1 run, 1 seed of each and at most 100 updates, none of which diverged" in solved


def test_who_was_below_and_came_up_again_has_not_solved_it():
    table = curves(("T = 50", "LSTM", 0, "done", [1.0, 0.005, 0.2]), ("T = 50", "LSTM", 1, "done", [1.0, 0.2, 0.005]))
    assert adding_problem.solved_after(table, "T = 50", "LSTM") == [200]
    assert "LSTM 1 of 2 (after 200)" in adding_problem.caption(table)


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
    columns = [tick.get_text() for tick in right.get_xticklabels()]
    assert columns == (["GRU"] if flat == "bigrams" else [flat, "GRU"])
    assert ("bigrams, 3.50" in right.get_title(loc="right")) == (flat == "bigrams")
    assert any(
        line.get_ydata()[0] == baseline(module.RECIPE) for line in left.lines if list(line.get_xdata()) == [0, 1]
    )
    marks = next(line for line in right.lines if len(line.get_ydata()) == 3)
    assert marks.get_ydata().tolist() == [2.0, 2.2, 1.9]
    assert len([line for line in left.lines if list(line.get_xdata()) in ([0, 100], [0, 0.1])]) == 4
    caption = module.caption(table)
    assert "GRU 2.00 (1.90 to 2.20)" in caption
    assert f"{flat} 3.50" in caption
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
    labels = [text.get_text() for text in panels[1].texts]
    assert labels == ["12.0", "whole image, linear: 30.0", "always one digit: 90.1"]
    for ax in panels:
        assert any(line.get_ydata()[0] == 30 for line in ax.lines if list(line.get_xdata()) == [0, 1])
    caption = pixel_digits.caption(table)
    assert "sequential: IRNN 12.0; not run: tanh RNN" in caption
    assert "permuted: IRNN 20.0; not run" in caption
    assert "whole image at once: linear 30.0; not run: perceptron" in caption
    assert "whole image at once: none was run" in pixel_digits.caption(table.without(variant="whole image"))


def test_pixels_learned_for_longer_have_panels_of_their_own():
    longer = f"permuted, {LONGER}"
    table = curves(("permuted", "tanh RNN", 0, "done", [90.0, 45.0]), (longer, "tanh RNN", 0, "done", [90.0, 25.0]))
    panels = pixel_digits.draw(table).axes
    assert [ax.get_title(loc="left") for ax in panels[2::3]] == [f"sequential, {LONGER}", longer]
    assert "not run" in [text.get_text() for text in panels[2].texts]
    assert [90.0, 25.0] in [list(line.get_ydata()) for line in panels[5].lines]
    assert f"{longer}: tanh RNN 25.0; not run: IRNN" in pixel_digits.caption(table)


def test_pixels_in_one_order_alone_leave_the_other_panels_empty_and_say_so():
    panels = pixel_digits.draw(curves(("sequential", "GRU", 0, "diverged", [90.0, 80.0]))).axes
    assert "not run" in [text.get_text() for text in panels[2].texts]
    assert "not run" not in [text.get_text() for text in panels[1].texts]
    assert [line.get_marker() for line in panels[1].lines if list(line.get_ydata()) == [0.97]] == ["x"]


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
    crosses = [line for line in left.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[12]]
    assert right.get_title(loc="left").startswith("12 layers")
    assert [text.get_text() for text in right.texts][-1] == "IndRNN"
    assert "tanh RNN" not in [text.get_text() for text in right.texts]  # it has no last score to stand at
    caption = deep_stacks.caption(table)
    assert (
        "median of the seeds, which are at most 0.2 apart. IndRNN 1: 2.60, 12: 3.00; tanh RNN 12: diverged" in caption
    )
    assert "; not run: IndRNN residual," in caption
    assert "The lowest is IndRNN of 1 layer, 2.60 (2.50 to 2.70)." in caption
    lost = deep_stacks.caption(
        curves(("2 layers", "LSTM", 0, "diverged", [5.0]), ("2 layers", "LSTM", 1, "done", [3.0]))
    )
    assert "LSTM 2: 1 of 2 diverged, else 3.00" in lost
    alone = deep_stacks.caption(curves(("2 layers", "LSTM", 0, "done", [3.0])))
    assert "at every depth (layers: bits). LSTM 2: 3.00" in alone


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
    caption = initializer_learning.caption(table)
    assert "tanh RNN, not below 0.05 orthogonal 0.100 (0.00100 to 0.100)" in caption
    assert "1 sigmoid layer, not below 45 lecun_uniform 50.0" in caption
    assert "the same numbers" not in caption


def test_initializers_that_solved_it_are_told_by_their_updates_and_the_best_first():
    table = curves(
        ("relu RNN", "he_uniform", 0, "solved", [1.0, 0.2, 0.0005]),
        ("relu RNN", "identity", 0, "solved", [1.0, 0.0009]),
        ("relu RNN", "orthogonal", 0, "done", [1.0, 0.2, 0.02]),
        ("tanh RNN", "glorot_uniform", 0, "done", [1.0, 0.2]),
        ("tanh RNN", "lecun_uniform", 0, "done", [1.0, 0.2]),
        ("tanh RNN", "identity", 0, "diverged", [1.0, 0.2]),
    )
    caption = initializer_learning.caption(table)
    assert "ReLU RNN, at 0.001 after identity 100, he_uniform 200; at the end orthogonal 0.0200" in caption
    assert "identity diverged" in caption
    assert "glorot_uniform and lecun_uniform are the same numbers" in caption
    tanh = next(ax for ax in initializer_learning.draw(table).axes if ax.get_title(loc="left").startswith("tanh"))
    assert [line.get_xdata().tolist() for line in tanh.lines if line.get_marker() == "x"] == [[100]]


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
    zeros = [line for line in tanh.lines if line.get_marker() == "v"]
    assert [line.get_xdata().tolist() for line in zeros] == [[2], [2], [2]]
    assert not any(line.get_marker() == "v" for line in irnn.lines)
    assert tanh.get_title(loc="right") == "all updates made: 1,000"
    assert "steps back" in tanh.get_xlabel()
    assert [text.get_text() for text in irnn.get_legend().get_texts()] == ["0", "500", "1,000"]
    caption = gradient_while_learning.caption(table)
    assert "IRNN 0.5 as initialised, 0.5 after 1,000 updates" in caption
    assert "tanh RNN 0 as initialised" in caption
    assert "Triangles: exactly 0 (tanh RNN)." in caption
    assert "Triangles" not in gradient_while_learning.caption(table.where(model="IRNN"))


# Carried out


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Every recipe is two short runs."""
    monkeypatch.chdir(tmp_path)
    run = Run("adding", {"steps": 6}, hidden=5, updates=40, batch=4, every=2, layer="indrnn", layers=2)
    for name in RECIPES:
        entries = tuple(
            replace(entry, run=replace(run, seed=entry.run.seed))
            for entry in RECIPES[name].paper[:60]
            if entry.run.seed < 2 and entry.variant == RECIPES[name].paper[7].variant
        )[:2]
        monkeypatch.setitem(RECIPES, name, Recipe("Made up.", (), entries))


@pytest.mark.usefixtures("tiny")
def test_computed_anew_the_runs_are_carried_out_and_replace_those_of_their_recipe(tmp_path):
    assert publish(["deep_stacks"], tmp_path / "out") == {"deep_stacks": "recorded"}
    before = read("runs")
    assert not list((tmp_path / "out").glob("*.csv"))
    assert publish(["deep_stacks"], tmp_path / "out", recompute=True) == {"deep_stacks": "computed"}
    assert len(Table.read(tmp_path / "out" / "deep_stacks.csv")) == 2 * 21
    assert (tmp_path / "runs" / "stacks-paper").is_dir()
    after = Table.read(tmp_path / "out" / "runs.csv")
    assert len(after.where(recipe="stacks")) == 2
    assert len(after.without(recipe="stacks")) == len(before.without(recipe="stacks")) > 0
    gallery = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "[runs](runs.csv)" in gallery
    assert publish(["deep_stacks"], tmp_path / "out") == {"deep_stacks": "own"}
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
    assert "training phonemes again, " in err
    assert "hours of one core" in err
    assert "wrote 1 figure" in out


def test_an_unrecorded_figure_is_no_table_of_another(tmp_path):
    (tmp_path / "deep_stacks.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"deep_stacks\.csv is not a table with the columns variant model"):
        publish(["deep_stacks"], tmp_path)
