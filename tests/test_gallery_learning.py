"""The figures of the experiments: what they draw and say follows the table, whatever runs it holds."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep import one_in
from rnnlab.cli import main
from rnnlab.experiments.recipes import RECIPES, Recipe
from rnnlab.experiments.results.looks import GREY, MODELS, look
from rnnlab.experiments.results.tables import read
from rnnlab.experiments.run import Run
from rnnlab.experiments.runner import GRADIENTS
from rnnlab.gallery import (
    captions,
    gradient_while_learning,
    initializer_learning,
    learning,
)
from rnnlab.gallery.figures import FIGURES
from rnnlab.gallery.publish import publish
from rnnlab.table import Table
from small_figures import curves, found, titled

LEARNING = {name: module for name, module in FIGURES.items() if hasattr(module, "RECIPE")}
SCORED = {name: module for name, module in LEARNING.items() if name != "gradient_while_learning"}


def test_seven_figures_come_from_training():
    assert len(LEARNING) == 7
    assert {module.RECIPE for module in LEARNING.values()} == RECIPES.keys()


@pytest.mark.parametrize("name", sorted(SCORED))
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


@pytest.mark.parametrize("name", SCORED)
def test_every_caption_has_a_finding_the_rates_and_the_numbers_folded(name):
    caption = SCORED[name].caption(read(name))
    assert caption.startswith("**")
    shown, folded = caption.split("<details>")
    assert "Learning rate" in shown
    assert " of each and at most " in shown
    assert len(shown.split()) < 160
    assert RECIPES[SCORED[name].RECIPE].about in folded
    assert folded.rstrip().endswith("</details>")


# Any table


VARIANTS = {
    "adding_problem": ["T = 100", "T = 400", "T = 5000"],
    "pixel_digits": ["sequential", "permuted", "real digits", "whole image", "real digits, whole image"],
    "phoneme_frames": ["frames"],
    "character_model": ["characters"],
    "deep_stacks": ["1 layers", "4 layers", "21 layers"],
    "initializer_learning": ["tanh RNN", "relu RNN", "10 ReLU layers", "1 sigmoid layer"],
}


@st.composite
def tables(draw, name):
    module = SCORED[name]
    models = initializer_learning.LOOKS if name == "initializer_learning" else module.MODELS
    models = [*models, "linear", "GRU, raw pixels", "bigrams", "of somebody"]
    runs = []
    for variant in draw(st.lists(st.sampled_from(VARIANTS[name]), min_size=1, unique=True)):
        for model in draw(st.lists(st.sampled_from(models), min_size=1, max_size=4, unique=True)):
            for seed in range(draw(st.integers(1, 4))):
                scores = draw(
                    st.lists(st.sampled_from([90.0, 40.0, 3.0, 2.5, 0.2, 0.009, 0.001]), min_size=1, max_size=9)
                )
                runs.append((variant, model, seed, draw(st.sampled_from(["done", "solved", "diverged"])), scores))
    return curves(*runs)


@pytest.mark.parametrize("name", SCORED)
@given(data=st.data())
def test_the_caption_of_any_table_has_a_finding_of_at_most_twenty_words(name, data):
    caption = SCORED[name].caption(data.draw(tables(name)))
    assert 3 <= len(found(caption).split()) <= 20
    assert not {"nan", "inf", "-inf", "None"} & set(re.findall(r"[-\w]+", caption))


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("seed", one_in(3, range(3), first=2))
def test_any_table_is_drawn_with_titles_without_nan(name, seed):
    rng = np.random.default_rng(seed)
    models = initializer_learning.LOOKS if name == "initializer_learning" else SCORED[name].MODELS
    runs = [
        (variant, model, float(one), rng.choice(["done", "solved", "diverged"]), list(rng.uniform(0.001, 90, 6)))
        for variant in rng.permutation(VARIANTS[name])[: seed + 1]
        for model in rng.permutation([*models, "of somebody"])[: 1 + 2 * seed]
        for one in range(seed + 1)
    ]
    titles = titled(SCORED[name].draw(curves(*runs)))
    assert titles
    assert not {"nan", "inf", "None"} & {word.strip(",;%") for title in titles for word in title.split() if title}


def test_a_model_looks_the_same_everywhere_and_its_variations_as_its_kin():
    assert look("IRNN") == MODELS["IRNN"]
    assert look("IRNN, 0.01 I") == MODELS["IRNN, 0.01 I"]
    assert look("IRNN, standardised") == MODELS["IRNN"]
    assert look("IndRNN residual, wide") == MODELS["IndRNN residual"]
    assert look("LSTMs").color == GREY == look("of somebody").color


# Captions


def test_a_finding_is_the_fullest_wording_of_at_most_twenty_words():
    long, short = "a " * 21, "two words"
    assert captions.finding(long, short, "none") == short
    with pytest.raises(ValueError, match="at most 20 words"):
        captions.finding(long)


def test_a_caption_folds_its_lists_and_has_no_fold_without_them():
    caption = captions.told("It vanishes.", "Left is old.", "H = 5.", ["a: 1", "b: 2"], "Smaller than theirs.")
    assert caption.startswith("**It vanishes.** Left is old. H = 5.\n\n<details>")
    assert "\n\n- a: 1\n- b: 2\n\nSmaller than theirs.\n\n</details>" in caption
    assert captions.told("It vanishes.", "Left is old.", "H = 5.") == "**It vanishes.** Left is old. H = 5."


@pytest.mark.parametrize(
    ("names", "words"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")]
)
def test_names_are_listed_as_one_says_them(names, words):
    assert captions.listed(names) == words


def test_rates_are_grouped_and_come_from_the_recorded_commands():
    runs = read("runs").where(recipe="adding")
    table = read("adding_problem")
    said = learning.rates(table, "adding")
    for model, command in runs.each("model", "command"):
        words = command.split()
        rate = float(words[words.index("--lr") + 1]) if "--lr" in words else 1e-3
        group = next(group for group in re.findall(r"([^()]*)\(([^()]*)\)", said) if model in group[1].split(", "))
        assert learning.power(rate) in group[0], (model, said)
    assert learning.rate("adding", "T = 100", "nobody") is None
    assert learning.rates(curves(("T = 100", "nobody", 0, "done", [1.0])), "adding") == ""
    assert [learning.power(rate) for rate in (1e-3, 3e-5, 1.5e-4, 0.01)] == ["1e-3", "3e-5", "1.5e-4", "1e-2"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "1e-3"),
        ("--lr 0.0002 --clip-norm 1.0", "2e-4"),
        ("--lr 0.0002 --clip-norm 100.0 --forget-bias 4.0", "2e-4, forget bias 4, clip 100"),
        ("--standardised --readout-initializer glorot_uniform", "1e-3, standardised, readout glorot_uniform"),
    ],
)
def test_what_the_pilots_chose_is_read_from_the_command(given, said, monkeypatch):
    command = ["rnnlab", "train", "pixels", *given.split()]
    monkeypatch.setattr(learning, "_commands", lambda recipe: {("sequential", "IRNN"): command})
    assert learning.chosen("pixels", "sequential", "IRNN") == said
    assert learning.chosen("pixels", "sequential", "GRU") == ""


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (("", ""), "All of these runs are"),
        (("", "2026-11-21T19:00:00"), "The runs of T = 100 are"),
        (("2026-11-21T19:00:00",) * 2, ""),
    ],
)
def test_a_caption_says_which_runs_are_older_than_their_recipe(ended, says, monkeypatch):
    table = curves(("T = 100", "IRNN", 0, "done", [1.0, 0.5]))
    rows = [("adding", f"T = {100 * (n + 1)}", "IRNN", "x", one) for n, one in enumerate(ended)]
    runs = Table.of("recipe variant model command ended", rows)
    monkeypatch.setattr(learning, "read", lambda name: runs)
    said = learning.set_up(table, "adding")
    assert said.startswith("Learning rate ")
    assert "1 run, 1 seed of each" in said
    assert said.endswith(f" {says} {learning.OLDER}.") == bool(says)
    assert (learning.OLDER in said) == bool(says)


# Carried out


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Every recipe is two short runs."""
    monkeypatch.chdir(tmp_path)
    run = Run("adding", {"steps": 6}, hidden=5, updates=40, batch=4, every=2, layer="indrnn", layers=2)
    for name in RECIPES:
        variant = gradient_while_learning.VARIANT if name == "adding" else RECIPES[name].paper[7].variant
        entries = tuple(
            replace(entry, run=replace(run, seed=entry.run.seed), pilot="")
            for entry in RECIPES[name].paper
            if entry.run.seed < 2 and entry.variant == variant
        )[:2]
        monkeypatch.setitem(RECIPES, name, Recipe("Made up.", (), entries))


@pytest.mark.deep
@pytest.mark.usefixtures("tiny", "unrendered")
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


@pytest.mark.deep
@pytest.mark.usefixtures("tiny")
def test_the_norms_are_thinned_to_a_few_moments_of_the_top_layer():
    table = gradient_while_learning.compute(jobs=2)
    assert list(table.columns) == GRADIENTS.split()
    assert set(table["variant"]) == {gradient_while_learning.VARIANT}
    assert set(table["layer"]) == {1}
    moments = [update for (update,) in table.each("update")]
    assert moments == [0, 6, 14, 20, 26, 34, 40]
    assert set(table["t"]) == set(range(7))


@pytest.mark.deep
@pytest.mark.usefixtures("tiny", "unrendered")
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
