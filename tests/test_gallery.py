"""The figures: their tables show what the captions say, their axes are labelled, and they come out the same twice."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from deep import deep, one_in
from rnnlab.experiments.results.tables import read
from rnnlab.gallery import (
    decay_words,
    indrnn_range,
    initializer_survey,
    irnn_memory,
    oracle_errors,
    page,
)
from rnnlab.gallery.figures import FIGURES, NAMES
from rnnlab.gallery.knobs import fate, setting, with_knobs
from rnnlab.gallery.publish import EXAMPLE, anchor, publish
from rnnlab.table import Table
from small_figures import full_table

SOME = one_in(2, FIGURES)
PUBLISHED = Path(__file__).parents[1] / "figures"
TRAINED = [name for name, module in FIGURES.items() if hasattr(module, "RECIPE") and name != "gradient_while_learning"]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    """As published, in figures/ or among the recorded results: so what was published can be drawn and told again."""
    kept = {path.stem: path for path in PUBLISHED.glob("*.csv")}
    return {name: Table.read(kept[name]) if name in kept else read(name) for name in FIGURES}


class Drawn(dict[str, Figure]):
    """Each figure drawn once, for the first test that looks at it."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self.tables = tables

    def __missing__(self, name: str) -> Figure:
        self[name] = FIGURES[name].draw(self.tables[name])
        return self[name]


@pytest.fixture(scope="module")
def figures(tables) -> dict[str, Figure]:
    return Drawn(tables)


@pytest.mark.parametrize("name", SOME)
def test_a_figure_has_titled_panels_labelled_axes_and_something_drawn(name, figures):
    figure = figures[name]
    panels = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert panels
    for ax in panels:
        sharing = ax.get_shared_x_axes().get_siblings(ax)  # panels above one another have one label
        assert any(one.get_xlabel() for one in sharing) or name == "initializer_survey"
        assert ax.lines or ax.images or ax.patches
    assert any(ax.get_ylabel() for ax in figure.axes)


@pytest.mark.parametrize("name", SOME)
def test_lines_of_a_panel_differ_in_more_than_their_colour(name, figures):
    figure = figures[name]
    keys = [(ax.get_title(loc="left"), ax.lines, ax.get_legend()) for ax in figure.axes if ax.get_legend()]
    keys += [("above the panels", [], legend) for legend in figure.legends]
    for place, drawn, legend in keys:
        lines = {line.get_label(): line for line in drawn}
        entries = zip(legend.get_texts(), legend.legend_handles, strict=True)
        shown = [lines.get(text.get_text(), handle) for text, handle in entries]
        looks = [
            (line.get_linestyle(), line.get_marker(), line.get_linewidth(), line.get_fillstyle()) for line in shown
        ]
        assert len(set(looks)) == len(looks), f"{place}: {looks}"


@pytest.mark.parametrize("name", TRAINED)
def test_nothing_is_smaller_than_9_points_on_a_page_of_7_inches_and_every_panel_has_a_finding(name, figures):
    figure = figures[name]
    assert figure.get_figwidth() == 7
    assert all(text.get_fontsize() >= 9 for text in figure.findobj(Text) if text.get_text())
    assert all(ax.get_title(loc="left") for ax in figure.axes if ax.axison)


@pytest.mark.parametrize("name", SOME)
def test_nothing_is_written_under_nine_points_at_seven_inches(name, figures):
    figure = figures[name]
    assert figure.get_figwidth() <= 7
    small = {text.get_text(): text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()}
    assert all(size >= 9 for size in small.values()), small


@pytest.mark.parametrize("name", SOME)
def test_a_caption_speaks_in_measured_numbers(name, tables):
    caption = FIGURES[name].caption(tables[name])
    assert sum(character.isdigit() for character in caption) > 8
    assert "nan" not in caption
    assert "NOT" not in caption
    assert "0e+00" not in caption


@pytest.mark.deep
def test_the_example_of_the_gallery_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(EXAMPLE, {})
    assert (tmp_path / "mine.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "T = 200, H = 50, 8 inputs" in said
    assert "medians of 5 seeds" in said
    page = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    assert EXAMPLE in page


def test_what_the_caption_says_of_the_smallest_values_is_what_is_drawn(tables, figures):
    caption = FIGURES["jacobian_spectrum"].caption(tables["jacobian_spectrum"])
    fans = figures["jacobian_spectrum"].axes[2:4]
    for ax, name in zip(fans, ("orthogonal", "glorot_uniform"), strict=True):
        crosses = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x"]
        assert f"{name} {min(crosses):.0f} steps" in caption


def test_half_a_life_is_said_of_an_exponential_alone(tables):
    table = tables["gradient_decay"]
    assert re.fullmatch(r"halves in [\d.]+ steps", decay_words.pace(table.where(series="sigmoid, orthogonal")))
    assert re.fullmatch(r"0\.\d+ left after \d+ steps(, then 0)?", decay_words.pace(table.where(series="IndRNN")))
    assert decay_words.pace(table.where(series="IRNN, no input")) == "kept"
    assert "in 600 steps" in decay_words.pace(table.where(series="LSTM, c, forget bias 5"))


@pytest.mark.parametrize(
    ("growth", "steps", "word"),
    [(-0.1, 100, "vanishes"), (-0.04, 100, "is roughly kept"), (0.04, 100, "is roughly kept"), (0.05, 100, "explodes")],
)
def test_a_gradient_vanishes_where_a_hundredth_is_left(growth, steps, word):
    assert fate(growth, steps) == word


def test_one_of_something_has_no_s_and_every_knob_a_word():
    table = with_knobs(Table.of("x", [(1.0,)]), seeds=1, inputs=2, steps=100, hidden=50, samples=20_000)
    assert setting(table, "steps", "hidden", "inputs", "seeds") == "T = 100, H = 50, 2 inputs, 1 seed"
    assert setting(table, "samples") == "20,000 samples"


# Lines, cells and text as SVG, which holds all that is drawn; the other formats with one of them.
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("truncation_error", "svg"),
        deep("tasks", "svg"),
        deep("irnn_memory", "png"),
        deep("irnn_memory", "pdf"),
    ],
)
def test_drawing_twice_gives_the_same_bytes_and_they_carry_the_caption(name, kind, tables):
    pictures = []
    for _ in range(2):
        file = BytesIO()
        page.save(FIGURES[name].draw(tables[name]), file, kind, "where the gradient goes")
        pictures.append(file.getvalue())
    assert pictures[0] == pictures[1]
    if kind != "pdf":  # compressed there
        assert b"where the gradient goes" in pictures[0]


def test_decay_is_drawn_on_a_logarithmic_scale_over_steps_back(figures):
    for ax in figures["gradient_decay"].axes:
        assert ax.get_yscale() == "log"
        assert "steps back" in ax.get_xlabel()


def test_the_survey_covers_every_initializer_in_every_role():
    table = initializer_survey.compute(seeds=2)
    assert set(initializer_survey.SURVEY) <= set(table["initializer"])
    assert len(table) == 3 * 3 * (len(initializer_survey.SURVEY) + len(initializer_survey.FAMILY))
    sigmoid = table.where(activation="sigmoid")["growth"]
    assert (sigmoid[~np.isnan(sigmoid)] < -1).all()
    he, glorot = (
        table.only("growth", role="U", initializer=n, activation="relu") for n in ("he_uniform", "glorot_uniform")
    )
    assert abs(he) < 0.1 < -glorot


def test_scaled_identities_forget_at_log_alpha():
    table = full_table("irnn_memory")
    for alpha in irnn_memory.INKS:
        rows = table.where(alpha=alpha)
        assert rows["growth"][0] == pytest.approx(np.log(alpha), abs=1e-12)
        np.testing.assert_allclose(rows["state"], alpha ** rows["k"], rtol=1e-12)
    kept = table.where(alpha=1.0)
    assert (kept["state"] == 1).all()
    assert (kept["gradient"] == 1).all()


def test_an_indrnn_neuron_stays_in_its_range_at_every_length():
    table = full_table("indrnn_range")
    np.testing.assert_allclose(table.where(kind="epsilon")["gradient"], indrnn_range.EPSILON, rtol=1e-10)
    np.testing.assert_allclose(table.where(kind="gamma")["gradient"], indrnn_range.GAMMA, rtol=1e-10)
    fixed = table.where(kind="u", steps=1000.0)
    np.testing.assert_allclose(fixed["gradient"], fixed["u"] ** 1000, rtol=1e-10)


def test_only_the_complex_step_sees_a_vanished_gradient():
    table = full_table("oracle_errors")
    size = table.where(panel="size")
    small = size["size"] < 1e-20
    assert small.sum() > 20
    assert (size["error"][small & (size["rule"] == "complex step")] < 1e-12).all()
    for rule in ("forward", "central", "Richardson"):
        assert (size["error"][small & (size["rule"] == rule)] > 0.5).all()
    assert oracle_errors.RULES.keys() == oracle_errors.INKS.keys()
    # One error is roundoff over a derivative, and may be small by chance; the median of twenty and more is not.
    for rule, limit in (("central", 1e-12), ("Richardson", 1e-14)):
        lost = (size["rule"] == rule) & (size["size"] < limit)
        assert np.median(size["error"][lost]) >= 1
        assert oracle_errors.size_lost(table, rule) > 0
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert "central ones are lost in roundoff below 1e-12, extrapolated ones below 1e-14" in readme


def test_every_error_of_the_oracles_is_drawn_at_its_height_or_as_a_stroke_above():
    table = full_table("oracle_errors")
    above = oracle_errors.draw(table).axes[0]
    for rule, (color, _) in oracle_errors.INKS.items():
        errors = table.where(panel="size", rule=rule)["error"]
        lines = [line for line in above.lines if line.get_color() == color and len(line.get_xdata()) != 2]
        drawn = sum(len(line.get_xdata()) for line in lines)
        strokes = sum(len(line.get_xdata()) for line in lines if line.get_marker() == "|")
        assert drawn == len(errors)
        assert strokes == (errors > 1e10).sum()
        assert not strokes or any(f"{rule} {strokes}" in text.get_text() for text in above.texts)


def test_what_is_computed_twice_is_the_same_table():
    assert irnn_memory.compute().text() == irnn_memory.compute().text()
    assert oracle_errors.compute(steps=60).text() == oracle_errors.compute(steps=60).text()


def test_publishing_writes_pictures_tables_and_a_gallery(tmp_path):
    announced = []
    publish(["irnn_memory"], tmp_path / "new", announce=announced.append)
    publish(["indrnn_range"], tmp_path / "new", announce=announced.append)
    assert announced == ["irnn_memory", "indrnn_range"]
    gallery = (tmp_path / "new" / "README.md").read_text(encoding="utf-8")
    assert "![irnn_memory](irnn_memory.png)" in gallery
    assert "![indrnn_range](indrnn_range.png)" in gallery
    assert "gradient_decay.png" not in gallery
    assert (tmp_path / "new" / "irnn_memory.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("unrendered")
def test_the_gallery_begins_with_its_routes_each_small_picture_a_link_to_a_heading(tmp_path):
    assert sorted(NAMES) == sorted(set(NAMES))
    publish(["irnn_memory", "indrnn_range"], tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    small = re.findall(r'<a href="#([^"]+)"><img src="([^"]+)"', text)
    assert [picture for _, picture in small] == ["irnn_memory.png", "indrnn_range.png"]
    headings = [anchor(line.removeprefix("## ")) for line in text.splitlines() if line.startswith("## ")]
    assert [place for place, _ in small] == headings
    assert "**Remedies**" in text
    assert "Why it vanishes" not in text
    assert anchor("Where does the gradient go?") == "where-does-the-gradient-go"


@pytest.mark.usefixtures("unrendered")
def test_a_table_of_another_version_is_said_to_be_one(tmp_path):
    publish(["irnn_memory"], tmp_path)
    (tmp_path / "irnn_memory.csv").write_text("alpha,k,rate\n1,2,3\n", encoding="utf-8")
    publish(["indrnn_range"], tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "written by another version of rnnlab: redraw the figure" in page


def test_a_drawing_that_fails_leaves_nothing_half_written(tmp_path, monkeypatch):
    def broken(table):
        raise RuntimeError("no ink")

    monkeypatch.setattr(irnn_memory, "draw", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        publish(["irnn_memory"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_table_survives_csv_to_the_last_digit():
    table = Table.of("name value", [("a, b", 0.1), ('say "c"', 5e-324), ("d", float("inf")), ("e", float("nan"))])
    again = Table.parse(table.text())
    assert list(again["name"]) == list(table["name"])
    np.testing.assert_array_equal(again["value"], table["value"])
    assert again.only("value", name="a, b") == 0.1
