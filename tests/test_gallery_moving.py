"""The first pictures that a reader sees: the hero, and those that move; they show the numbers of their tables."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context

from rnnlab.gallery import backward_pass, cliff, cliff_descent, gradient_decay, hero, page, unrolled
from rnnlab.gallery.figures import NAMES, frames
from rnnlab.gallery.publish import publish
from rnnlab.layers import RNN
from rnnlab.table import Table

GALLERY = Path(__file__).parents[1] / "figures"
MOVING = [name for name in NAMES if frames(name)]


@pytest.fixture(scope="module")
def backward() -> Table:
    return Table.parse(backward_pass.compute(steps=5, hidden=12, inputs=2).text())


@pytest.mark.parametrize("name", MOVING)
def test_a_moving_picture_of_the_gallery_is_under_a_megabyte(name):
    picture = (GALLERY / f"{name}.gif").read_bytes()
    assert picture.startswith(b"GIF89a")
    assert len(picture) < 1_000_000
    assert f"![{name}]({name}.gif)" in (GALLERY / "README.md").read_text(encoding="utf-8")


@pytest.mark.deep
def test_a_moving_picture_has_the_same_bytes_twice_and_carries_its_caption(backward):
    one, two = (page.animated(backward_pass.frames(backward), "left of the gradient") for _ in range(2))
    assert one == two
    assert b"left of the gradient" in one
    assert one.count(b"\x21\xf9\x04") == 6  # a graphic control block for each frame: h[5] … h[0]


@pytest.mark.deep
def test_a_figure_that_moves_is_written_as_a_gif_unless_it_is_asked_for_otherwise(backward, tmp_path, monkeypatch):
    monkeypatch.setattr(backward_pass, "compute", lambda: backward)
    publish(["backward_pass"], tmp_path / "moving")
    assert sorted(path.name for path in (tmp_path / "moving").iterdir()) == [
        "README.md",
        "backward_pass.csv",
        "backward_pass.gif",
    ]
    publish(["backward_pass"], tmp_path / "still", "svg")
    assert (tmp_path / "still" / "backward_pass.svg").exists()
    assert not (tmp_path / "still" / "backward_pass.gif").exists()


def test_the_bars_are_the_numbers_of_the_table_and_come_one_by_one(backward):
    shown = np.repeat(np.arange(6), backward_pass.STILL)  # so few moments are all shown for a second
    for moment, figure in zip(shown, backward_pass.frames(backward), strict=True):
        for ax, model in zip(figure.axes, backward_pass.MODELS, strict=True):
            rows, t = backward.where(model=model), 5 - moment
            bars = ax.containers[0]
            np.testing.assert_array_equal([bar.get_height() for bar in bars], rows["gradient"])
            assert [bar.get_visible() for bar in bars] == [place >= t for place in range(6)]
            assert f"left at h[{t}]" in ax.get_title(loc="left")
            assert unrolled.share(rows["gradient"][t]) in ax.get_title(loc="left")


def test_slope_and_u_of_each_step_make_its_bar_and_are_written_above(backward):
    for model in backward_pass.MODELS:
        rows = backward.where(model=model)
        made = rows["gradient"][1:] * rows["first"][1:] * rows["second"][1:]
        np.testing.assert_allclose(rows["gradient"][:-1], made, rtol=1e-12)
    *_, figure = backward_pass.frames(backward)
    words = figure.axes[0].texts[0].get_text()
    assert f"① slope 1 − h²:  × {rows_of(backward)['first'][1]:.2f}" in words
    assert f"② Uᵀ:  × {rows_of(backward)['second'][1]:.2f}" in words


def rows_of(table: Table) -> Table:
    return table.where(model="tanh RNN")


def test_a_long_backward_is_shown_in_at_most_sixty_moments_and_ends_at_the_first_state():
    for steps in (1, 2, 59, 60, 61, 400):
        shown = backward_pass.moments(Table.of("t", [(float(t),) for t in range(steps + 1)]))
        assert shown[0] == steps
        assert shown[-1] == 0
        assert len(shown) <= backward_pass.MOST + 1
        assert len(set(shown)) == len(shown)


def test_a_gradient_that_is_gone_has_no_bar():
    rows = [("tanh RNN", float(t), size, np.nan, np.nan, 2.0, 1.0, 1.0) for t, size in enumerate((0.0, 0.5, 1.0))]
    figure = backward_pass.draw(Table.of("model t gradient first second steps hidden inputs", rows))
    assert [bar.get_visible() for bar in figure.axes[0].containers[0]] == [False, True, True]
    assert "nothing left at h[0]" in figure.axes[0].get_title(loc="left")
    assert "nan" not in figure.axes[0].texts[0].get_text()


def slow(rng, inputs, hidden):
    return RNN.irnn(rng, inputs=inputs, hidden=hidden, scale=0.9)


def test_a_layer_of_one_s_own_joins_the_hero_in_a_look_of_its_own():
    table = hero.compute(seeds=1, steps=6, hidden=4, inputs=2, series=("IRNN", slow))
    assert [model for (model,) in table.each("model")] == ["IRNN", "slow"]
    assert hero.left(table, "slow") < hero.left(table, "IRNN")
    (ax,) = hero.draw(table).axes
    inks = {text.get_text().split()[0]: text.get_color() for text in ax.texts}
    assert inks["slow"] != inks["IRNN"]
    assert "slow" in hero.caption(table)


def test_the_hero_is_the_long_view_s_runs_and_its_title_what_they_give():
    knobs = {"seeds": 2, "steps": 12, "hidden": 10, "inputs": 2}
    table, runs = hero.compute(**knobs), gradient_decay.compute(**knobs, every=1)
    for model, series in hero.LINES.items():
        rows = table.where(model=model)
        np.testing.assert_array_equal(rows["median"], runs.where(series=series)["median"])
        np.testing.assert_array_equal(rows["back"], np.arange(13))
    (ax,) = hero.draw(table).axes
    title = ax.get_title(loc="left").replace("\u00a0", " ").replace("\n", " ")
    assert title.startswith("As initialised, ")
    assert f"tanh RNN {unrolled.share(hero.left(table, 'tanh RNN'))}" in title
    best = max(hero.LINES, key=lambda model: hero.left(table, model))
    assert f"{best} has {unrolled.share(hero.left(table, best))} of its gradient left 12 steps back" in title
    said = {text.get_text() for text in ax.texts}
    assert said == {f"{model}  {unrolled.share(hero.left(table, model))}" for model in hero.LINES}


def test_labels_of_lines_stand_a_line_of_text_apart():
    ends = {"a": 1.0, "b": 0.99, "c": 0.5, "d": 1e-9}
    heights = page.apart(ends, 0.07 * np.log(1e12))
    logs = np.log([heights[name] for name in "abcd"])
    assert (np.diff(logs) <= -0.07 * np.log(1e12) * (1 - 1e-12)).all()
    assert heights["a"] == 1.0
    assert heights["d"] == 1e-9


def styled(moments):
    """As they are when a GIF is made of them."""
    with rc_context(page.STYLE):
        yield from moments


def test_the_descents_come_update_by_update_as_the_table_has_them():
    table = Table.parse(cliff_descent.compute(updates=20, points=5).text())
    for update, figure in enumerate(styled(cliff_descent.frames(table))):
        surface, errors = figure.axes
        for clip, over, beside in zip(cliff_descent.CLIPS, surface.lines[2:], errors.lines, strict=True):
            rows = cliff.path(table, "top", clip)
            np.testing.assert_array_equal(over.get_xydata(), np.column_stack((rows["w"], rows["b"]))[: update + 1])
            np.testing.assert_array_equal(beside.get_ydata(), rows["error"][: update + 1])
        title = surface.get_title(loc="left").replace("\n", " ")
        assert ("without clipping a step of length 3.8" in title) == (update >= 19)
        assert f"{update} updates" in title or update < 19  # it counts as the right one does
    assert update == 20
    assert "One step of length 3.8 leaves the valley" in cliff_descent.caption(table)


def test_a_descent_that_is_not_thrown_is_not_said_to_be():
    table = Table.parse(cliff_descent.compute(updates=5, points=5).text())
    assert "Within 5 updates no step is longer than" in cliff_descent.caption(table)
    assert "up to update 5 no step is longer" in cliff_descent.draw(table).axes[0].get_title(loc="left").replace(
        "\n", " "
    )
    assert "no step is longer" in cliff.draw(cliff.compute(updates=5, points=5)).axes[0].get_title(loc="left")
