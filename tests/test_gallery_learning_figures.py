"""The figures of the experiments, each by itself: dots, curves and words for tables of known runs."""

import re

import numpy as np
import pytest

from rnnlab.experiments.results.ends import digits
from rnnlab.experiments.results.looks import look
from rnnlab.experiments.results.tables import baseline
from rnnlab.experiments.runner import GRADIENTS
from rnnlab.gallery import (
    adding_problem,
    character_model,
    compared,
    deep_stacks,
    dots,
    gradient_while_learning,
    initializer_learning,
    learning,
    page,
    phoneme_frames,
    pixel_digits,
)
from rnnlab.table import Table
from small_figures import curves, found, plain, titled

ADDING = curves(
    ("T = 150", "IRNN", 0, "solved", [1.0, 0.1, 0.001]),
    ("T = 150", "IRNN", 1, "done", [1.0, 0.2, 0.009, 0.008]),
    ("T = 150", "tanh RNN", 0, "done", [1.0, 0.17, 0.16, 0.165]),
    ("T = 150", "tanh RNN", 1, "diverged", [1.0, 0.1]),
    ("T = 50", "IRNN", 0, "done", [1.0, 0.5]),
)


# Dots


def drawn(ax, color, marker):
    """The dots of that look: their places across and up."""
    lines = [line for line in ax.lines if line.get_color() == color and line.get_marker() == marker]
    return [(float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_a_row_has_a_dot_for_each_seed_its_median_and_a_strip_for_who_has_no_number():
    _, (ax,) = page.page(1, 1, height=3, width=7)
    some = dots.Row("GRU", look("GRU"), np.array([2.0, 3.0, np.inf]))
    none = dots.Row("LSTM", look("LSTM"), np.array([]))
    lost = dots.Row("IRNN", look("IRNN"), np.array([np.inf]))
    dots.draw_rows(ax, [some, none, lost], {"linear": 5.0, "far": 50.0}, limits=(0, 10))
    color, _, marker = look("GRU")
    assert [x for x, _ in drawn(ax, color, marker)] == [2, 3]
    ((crossed, _),) = drawn(ax, color, "x")
    assert 10 < crossed < ax.get_xlim()[1]
    words = [text.get_text() for text in ax.texts]
    assert "3.00" in words  # the median of all three
    assert "not run" in words
    assert "diverged" in words
    assert "linear" in words
    assert "far →" in words
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["GRU", "LSTM", "IRNN"]


def test_without_anything_lost_there_is_no_strip_and_named_it_keeps_the_models_marker():
    _, (ax,) = page.page(1, 1, height=3, width=7)
    dots.draw_rows(ax, [dots.Row("GRU", look("GRU"), np.array([2.0]))], limits=(0, 10))
    assert ax.get_xlim() == (0, 10)
    _, (ax,) = page.page(1, 1, height=3, width=7)
    dots.draw_rows(ax, [dots.Row("GRU", look("GRU"), np.array([np.inf]))], limits=(1, 10), log=True, edge="never")
    ((x, _),) = drawn(ax, look("GRU").color, look("GRU").marker)
    assert x > 10
    assert "never" in [text.get_text() for text in ax.texts]


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


def test_a_curve_that_still_falls_is_named_and_one_that_solved_it_is_not():
    falls = [100.0 - 4 * n for n in range(20)]
    flat = [50.0 + n % 2 for n in range(20)]
    table = curves(
        ("frames", "GRU", 0, "done", falls),
        ("frames", "GRU", 1, "done", flat),
        ("frames", "LSTM", 0, "done", flat),
        ("frames", "IRNN", 0, "solved", falls),
        ("frames", "tanh RNN", 0, "done", [9.0, 5.0, 4.0, 2.0]),
        ("frames", "ReLU RNN", 0, "done", [9.0, 5.0, 4.0, 4.0]),
    )
    models = [model for (model,) in table.each("model")]
    assert learning.still_falling(table, "frames", models) == ["GRU", "tanh RNN"]
    assert learning.pace(table, "frames", models) == "GRU and tanh RNN still fall"
    assert learning.pace(table, "frames", ["LSTM"]) == "No curve still falls by 5 %"
    assert learning.pace(table, "frames", ["GRU", "tanh RNN"]) == "All still fall"
    assert learning.pace(table, "frames", ["GRU", "LSTM"]) == "GRU still falls"


def test_curves_that_end_above_their_lowest_point_are_said_to_rise_where_that_is_asked():
    ends_at = {"GRU": 2.2, "LSTM": 2.09, "tanh RNN": 3.0}  # after 2.0
    runs = [
        ("v", model, seed, "done", [5.0] * 10 + [2.0] * 30 + [end]) for model, end in ends_at.items() for seed in (0, 1)
    ]
    table = curves(*runs, ("v", "tanh RNN", 2, "diverged", [5.0, 2.0]))
    assert learning.rising(table, "v", list(ends_at)) == ["GRU", "tanh RNN"]
    assert learning.pace(table, "v", list(ends_at), up=True).endswith("; GRU and tanh RNN rise again")
    assert learning.pace(table, "v", ["GRU"], up=True).endswith("; GRU rises again")
    assert learning.pace(table, "v", list(ends_at)) == learning.pace(table, "v", ["LSTM"], up=True)


def test_a_logarithmic_axis_has_no_line_from_the_start():
    _, (ax,) = page.page(1, 1, height=3)
    table = curves(("v", "GRU", 0, "done", [90.0, 50.0, 20.0]))
    ax.set_xscale("log")
    learning.draw_curves(ax, table, "v", ["GRU"])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [50.0, 20.0])


# The adding problem


def test_every_seed_is_a_dot_where_it_was_first_below_and_on_top_if_it_never_was():
    panels = titled(adding_problem.draw(ADDING))
    assert list(panels) == ["tanh RNN: no seed at any length", "IRNN: 2 of 3 runs"]
    irnn, tanh = panels["IRNN: 2 of 3 runs"], panels["tanh RNN: no seed at any length"]
    color, _, marker = look("IRNN")
    places = drawn(irnn, color, marker)
    assert sorted(y for _, y in places)[:2] == [200, 200]
    top = max(y for _, y in places)
    assert top > 300
    assert irnn.get_ylim()[1] > top
    assert {y for _, y in drawn(tanh, *look("tanh RNN")[::2])} == {top}
    assert "not run" in [text.get_text() for text in tanh.texts]
    assert "not run" not in [text.get_text() for text in irnn.texts]
    assert [tick.get_text() for tick in tanh.get_xticklabels()] == ["50", "150"]
    assert irnn.get_yscale() == "log"


SOLVED, NOT = ("done", [1.0, 0.001]), ("done", [1.0, 0.2])


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ({100: [SOLVED, SOLVED], 400: [SOLVED]}, "GRU: every seed, to T = 400"),
        ({100: [SOLVED, SOLVED], 400: [NOT, SOLVED]}, "GRU: every seed to T = 100, then 1 of 2"),
        ({100: [SOLVED, SOLVED], 1000: [NOT], 5000: [NOT]}, "GRU: every seed to T = 100, then none of 2"),
        ({100: [SOLVED, NOT], 400: [SOLVED]}, "GRU: 2 of 3 runs"),
        ({100: [NOT], 400: [NOT]}, "GRU: no seed at any length"),
    ],
)
def test_the_title_of_a_model_follows_from_its_runs(runs, words):
    table = curves(
        *((f"T = {steps}", "GRU", seed, *run) for steps, seeds in runs.items() for seed, run in enumerate(seeds))
    )
    assert adding_problem.finding(table, "GRU") == words
    assert words in titled(adding_problem.draw(table))


def test_the_adding_caption_counts_what_was_solved():
    caption = adding_problem.caption(ADDING)
    assert found(caption) == "At T = 150, within 300 updates, every seed of IRNN solves it, none of tanh RNN."
    assert "T = 150: tanh RNN 0 of 2 (last error 0.165, 1 diverged)" in caption
    assert "IRNN 2 of 2 (after 200); not run: ReLU RNN, LSTM" in caption
    assert caption.index("T = 50: IRNN 0 of 1 (last error 0.500)") < caption.index("T = 150: tanh")
    assert "5 runs, 1 to 2 seeds of each and at most 300 updates, of which 1 diverged" in caption


def test_who_was_below_once_has_solved_it_and_that_it_came_up_again_is_said():
    table = curves(("T = 50", "LSTM", 0, "done", [1.0, 0.005, 0.2]), ("T = 50", "LSTM", 1, "done", [1.0, 0.2, 0.005]))
    assert adding_problem.solved_after(table, "T = 50", "LSTM") == (100, 200)
    assert "ended above it again: LSTM T = 50 1" in adding_problem.caption(table)
    assert "ended above" not in adding_problem.caption(ADDING)


# Compared with baselines


@pytest.mark.parametrize(
    ("module", "variant", "flat"), [(character_model, "characters", "bigrams"), (phoneme_frames, "frames", "linear")]
)
def test_dots_left_with_their_levels_curves_right(module, variant, flat):
    table = curves(
        (variant, "GRU", 0, "done", [5.0, 2.0]),
        (variant, "GRU", 1, "done", [5.0, 2.2]),
        (variant, "GRU", 2, "done", [5.0, 1.9]),
        (variant, flat, 0, "done", [5.0, 3.5]),
    )
    left, right = module.draw(table).axes
    rows = [tick.get_text() for tick in left.get_yticklabels()]
    assert rows == list(module.MODELS)
    assert flat not in rows
    assert sorted(x for x, _ in drawn(left, *look("GRU")[::2])) == [1.9, 2.0, 2.2]
    words = [text.get_text() for text in left.texts]
    assert any(word.startswith(flat) and "3.50" in word for word in words)
    assert any(word.startswith(module.TRIVIAL) for word in words)
    assert words.count("not run") == len(module.MODELS) - 1
    levels = [line.get_ydata()[0] for line in right.lines if list(line.get_xdata()) == [0, 1]]
    assert levels == [3.5, baseline(module.RECIPE)]
    assert len([line for line in right.lines if list(line.get_xdata()) == [0, 100]]) == 3
    caption = module.caption(table)
    assert "GRU 2.00 (1.90 to 2.20) at " in caption
    assert f"{flat} 3.50" in caption
    assert "LSTM" in caption.partition("; not run: ")[2].partition("\n")[0]
    assert "2.00" in found(caption)
    assert found(module.caption(table.without(model=flat))).count("beat") == 0


def test_the_title_names_another_model_if_another_one_is_best():
    for best, other in (("GRU", "LSTM"), ("LSTM", "GRU")):
        table = curves(
            ("frames", best, 0, "done", [9.0, 5.0]),
            ("frames", other, 0, "done", [9.0, 7.0]),
            ("frames", "linear", 0, "done", [9.0, 6.0]),
        )
        (title, _) = titled(phoneme_frames.draw(table))
        assert title == f"{best} errs least, 5.00 %; 1 of 2 beat a linear of one frame"


def test_pixels_have_the_whole_image_for_comparison():
    table = curves(
        ("sequential", "IRNN", 0, "done", [90.0, 12.0]),
        ("permuted", "IRNN", 0, "done", [90.0, 40.0]),
        ("real digits", "GRU", 0, "done", [90.0, 9.0]),
        ("whole image", "linear", 0, "done", [90.0, 30.0]),
        ("real digits, whole image", "linear", 0, "done", [90.0, 8.0]),
    )
    panels = pixel_digits.draw(table).axes
    assert [plain(ax.get_title(loc="left")) for ax in panels[::2]] == [
        "Sequential: IRNN errs least, 12.0 %; 1 of 1 better than linear",
        "Permuted: IRNN errs least, 40.0 %; none of 1 better than linear",
        "Real digits: GRU errs least, 9.00 %; none of 1 better than linear",
    ]
    for ax, level in zip(panels[::2], ("30.0", "30.0", "8.00"), strict=True):
        assert f"linear, whole image: {level}" in [text.get_text() for text in ax.texts]
    caption = pixel_digits.caption(table)
    assert re.search(r"sequential: IRNN 12\.0 at .*; not run: tanh RNN", caption)  # the recorded rate
    assert "whole image, all pixels at once: linear 30.0" in caption
    assert "Not run" not in caption
    assert "Not run: permuted and real digits." in pixel_digits.caption(table.where(variant="sequential"))


def test_a_model_that_was_trained_for_longer_is_compared_at_the_common_budget_and_shown_whole_below():
    table = curves(
        ("sequential", "GRU", 0, "done", [90.0, 50.0]), ("sequential", "IRNN", 0, "done", [90.0, 80.0, 40.0, 20.0])
    )
    one = compared.band(table, "pixels", "sequential", ["GRU", "IRNN", "LSTM"], {})
    assert [(row.name, row.values.tolist(), row.longer.tolist()) for row in one.rows] == [
        ("GRU", [50.0], []),
        ("IRNN", [80.0], [20.0]),
        ("LSTM", [], []),
    ]
    left, _ = pixel_digits.draw(table).axes
    assert plain(left.get_title(loc="left")) == "Sequential: GRU errs least after 100 updates, 50.0 %"
    assert [x for x, _ in drawn(left, *look("IRNN")[::2])] == [80, 20]
    assert "80.0 → 20.0" in [text.get_text() for text in left.texts]
    assert titled(pixel_digits.draw(table))["All still fall"].get_xscale() == "linear"
    much = curves(
        ("sequential", "GRU", 0, "done", [90.0, 50.0]), ("sequential", "IRNN", 0, "done", list(np.linspace(90, 20, 9)))
    )
    assert titled(pixel_digits.draw(much))["All still fall"].get_xscale() == "log"
    caption = pixel_digits.caption(table)
    assert found(caption).startswith("Lowest error at equal updates, sequential: GRU 50.0 %")
    assert "Compared at the updates that all had: sequential after 100 updates (filled: IRNN 300)." in caption
    assert "Compared at" not in pixel_digits.caption(table.where(model="GRU"))


def test_real_digits_have_a_trivial_answer_of_their_own():
    real, drawn = ("real digits", "GRU", 0, "done", [90.0, 8.0]), ("sequential", "GRU", 0, "done", [90.0, 8.0])
    said = {variant: _levels_of(pixel_digits.draw(curves(run)).axes[0]) for run in (real, drawn) for variant in run[:1]}
    for variant, words in said.items():
        assert f"always one digit: {digits(baseline('pixels', variant))}" in words
    assert said["real digits"] != said["sequential"]


def _levels_of(ax):
    return {plain(text.get_text()) for text in ax.texts if "always" in text.get_text()}


def test_who_diverged_has_a_cross_in_the_strip_and_no_last_score():
    left, right = pixel_digits.draw(curves(("sequential", "GRU", 0, "diverged", [90.0, 80.0]))).axes
    assert len(drawn(left, look("GRU").color, "x")) == 1
    assert plain(left.get_title(loc="left")) == "Sequential: all diverged"
    assert "GRU" not in [text.get_text() for text in right.texts]


def test_stacks_go_from_shallow_to_deep():
    table = curves(
        ("12 layers", "IndRNN", 0, "done", [5.0, 3.0]),
        ("1 layers", "IndRNN", 0, "done", [5.0, 2.5]),
        ("1 layers", "IndRNN", 1, "done", [5.0, 2.7]),
        ("12 layers", "tanh RNN", 0, "diverged", [5.0, 4.0]),
        ("1 layers", "LSTM", 0, "done", [5.0, 2.4]),
    )
    left, right = deep_stacks.draw(table).axes
    line = next(line for line in left.lines if line.get_label() == "IndRNN")
    assert line.get_ydata().tolist() == [2.6, 3.0]
    assert [round(y, 2) for _, y in drawn(left, *look("IndRNN")[::2])] == [2.5, 2.7, 3.0]
    assert len([line for line in left.lines if line.get_marker() == "x"]) == 1
    assert plain(left.get_title(loc="left")) == "At 12 layers IndRNN is best, 3.00 bits"
    assert [text.get_text() for text in right.texts] == ["IndRNN"]  # who diverged has no last score to stand at
    assert "LSTM" in [text.get_text() for text in left.texts]
    caption = deep_stacks.caption(table)
    assert "IndRNN: 1 layer 2.60 (2.50 to 2.70), 12 layers 3.00" in caption
    assert "tanh RNN: 12 layers diverged" in caption
    assert "not run: IndRNN residual," in caption
    assert "The lowest of all: LSTM of 1 layer, 2.40" in caption
    lost = curves(("2 layers", "LSTM", 0, "diverged", [5.0]), ("2 layers", "LSTM", 1, "done", [3.0]))
    assert "LSTM: 2 layers 1 of 2 diverged, else 3.00" in deep_stacks.caption(lost)


def test_initializers_are_rows_of_dots_where_their_nets_had_learned_something():
    table = curves(
        ("tanh RNN", "orthogonal", 0, "solved", [1.0, 0.001]),
        ("tanh RNN", "orthogonal", 1, "done", [1.0, 0.2, 0.04]),
        ("tanh RNN", "orthogonal", 2, "done", [1.0, 0.3, 0.1]),
        ("tanh RNN", "identity", 0, "done", [1.0, 0.3, 0.1]),
        ("1 sigmoid layer", "lecun_uniform", 0, "done", [90.0, 44.0]),
    )
    panels = titled(initializer_learning.draw(table))
    assert list(panels) == [
        "tanh RNN: none of 2 learns, 1 at times",
        "1 sigmoid layer: all learn",
    ]
    ax = next(iter(panels.values()))
    color, _, marker = initializer_learning.LOOKS["orthogonal"]
    assert [x for x, _ in drawn(ax, color, marker)][:2] == [100, 200]
    assert drawn(ax, color, marker)[2][0] > 240
    assert ax.get_xlabel() == "updates to 0.05"
    assert [text.get_text() for text in ax.texts].count("200") == 1  # the median of 100, 200 and never
    assert list(panels.values())[1].get_xlabel() == "updates to 45 %"
    caption = initializer_learning.caption(table)
    assert found(caption).startswith("Initializers of which not every seed learns in time: tanh RNN: 2")
    assert "tanh RNN: orthogonal 1 of 3 never, else 150 (100 to 200), at last 0.0400 (0.00100 to 0.100)" in caption
    assert caption.index("orthogonal 1 of 3") < caption.index("identity never")
    assert "the same numbers" not in caption


def test_nets_of_one_kind_are_side_by_side_and_a_row_is_empty_where_an_initializer_is_not_one_of_theirs():
    pair, three = ("orthogonal", "identity"), ("orthogonal", "he_uniform", "lecun_uniform")
    nets = {"10 ReLU layers of 16": pair, "10 ReLU layers": three, "1 sigmoid layer": three, "ReLU RNN": pair}
    runs = [
        (variant, name, 0, "done", [90.0, 0.04])
        for variant, names in {**nets, "tanh RNN, T = 60": pair}.items()
        for name in names
    ]
    table = curves(*runs)
    assert initializer_learning.bands(table) == [
        ["ReLU RNN", "tanh RNN, T = 60"],
        ["10 ReLU layers", "1 sigmoid layer", "10 ReLU layers of 16"],
    ]
    panels = titled(initializer_learning.draw(table))
    (first, _, last) = (ax for title, ax in panels.items() if "layer" in title)
    assert [label.get_text() for label in first.get_yticklabels()] == ["he_uniform", "lecun_uniform", *pair]
    assert not any(label.get_text() for label in last.get_yticklabels())
    assert [text.get_text() for text in last.texts if text.get_text()] == [
        "not",
        "100",
        "100",
    ]  # the medians of two rows of four
    projected = titled(initializer_learning.draw(table, scale=2))
    assert all(
        any(label.get_text() for label in ax.get_yticklabels()) for ax in projected.values()
    )  # no panel has another beside it


def test_initializers_of_one_limit_are_said_to_be_the_same():
    table = curves(
        ("tanh RNN", "glorot_uniform", 0, "done", [1.0, 0.02]), ("tanh RNN", "lecun_uniform", 0, "done", [1.0, 0.02])
    )
    caption = initializer_learning.caption(table)
    assert found(caption) == "In 1 of 1 nets every initializer learns in time."
    assert "glorot_uniform and lecun_uniform are the same numbers" in caption


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
    title = plain(tanh.get_title(loc="left"))
    assert title == "tanh RNN: 0 as initialised, 0 after 1,000 updates (all updates made)"
    assert irnn.lines[0].get_xdata().tolist() == [2, 1, 0]
    assert irnn.get_yscale() == "log"
    zeros = [line for line in tanh.lines if line.get_marker() == "v"]
    assert [line.get_xdata().tolist() for line in zeros] == [[2], [2], [2]]
    assert not any(line.get_marker() == "v" for line in irnn.lines)
    assert "steps back" in tanh.get_xlabel()
    assert [text.get_text() for text in irnn.get_legend().get_texts()] == ["0", "500", "1,000"]
    caption = gradient_while_learning.caption(table)
    assert "IRNN 0.5 as initialised, 0.5 after 1,000 updates" in caption
    assert "tanh RNN 0 as initialised" in caption
    assert "Triangles: exactly 0 (tanh RNN)." in caption
    assert "Triangles" not in gradient_while_learning.caption(table.where(model="IRNN"))
