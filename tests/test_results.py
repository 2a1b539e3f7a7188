"""Recorded results: each table stands once, a copy of one's own is named, looks are one table, nothing is drawn."""

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from rnnlab.experiments.recipes import MODELS, RECIPES
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import HALF, digits, ends
from rnnlab.experiments.results.papers import REPORTED, reported
from rnnlab.experiments.results.tables import (
    FOLDER,
    PILOTS,
    RUNS,
    UPDATE_COST,
    baseline,
    is_recorded,
    link,
    location,
    own_copy,
    read,
)
from rnnlab.experiments.runner import CURVES, GRADIENTS, TRIES
from rnnlab.experiments.runner import RUNS as RUNS_COLUMNS
from rnnlab.experiments.update_cost import COLUMNS
from rnnlab.gallery.figures import FIGURES, NAMES, recipe
from small_figures import curves

ROOT = Path(__file__).parents[1]
RECORDED = sorted(path.stem for path in FOLDER.glob("*.csv"))

OTHERS = {PILOTS: TRIES, UPDATE_COST: COLUMNS}
"""Tables that no figure draws."""
TIMES = "step_cost", "speed", "parallelism"
"""Figures of measured times; the tests of each look at its columns."""


def test_no_table_exists_twice():
    copies = [*FOLDER.glob("*.csv"), *(ROOT / "figures").glob("*.csv")]
    assert len({path.name for path in copies}) == len(copies)
    assert len({sha256(path.read_bytes()).digest() for path in copies}) == len(copies)


def test_every_recorded_table_is_a_figures_or_that_of_the_runs():
    figures = {name for name in NAMES if recipe(name) is not None}
    assert {RUNS, *TIMES, *figures} <= set(RECORDED) <= {RUNS, *TIMES, *figures, *OTHERS}
    columns = {RUNS: RUNS_COLUMNS, "gradient_while_learning": GRADIENTS, **OTHERS}
    for name in RECORDED:
        assert name in TIMES or list(read(name).columns) == columns.get(name, CURVES).split()


def test_recorded_tables_stay_under_eight_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 8e6


def test_a_copy_of_ones_own_comes_first_and_is_told_from_one_that_is_the_same(tmp_path):
    assert own_copy("step_cost", tmp_path) is None
    assert location("step_cost", tmp_path) == FOLDER / "step_cost.csv"
    contents = (FOLDER / "step_cost.csv").read_text(encoding="utf-8")
    (tmp_path / "step_cost.csv").write_text(contents, encoding="utf-8")
    assert own_copy("step_cost", tmp_path) is None
    (tmp_path / "step_cost.csv").write_text(contents.replace("IndRNN,64,", "IndRNN,65,"), encoding="utf-8")
    assert own_copy("step_cost", tmp_path) == location("step_cost", tmp_path) == tmp_path / "step_cost.csv"
    assert 65 in read("step_cost", tmp_path)["hidden"]
    assert 65 not in read("step_cost")["hidden"]


def test_what_has_not_been_recorded_is_said():
    assert not is_recorded("cliff")
    with pytest.raises(LookupError, match="cliff has not been recorded"):
        read("cliff")


def test_a_page_links_to_a_table_by_a_relative_path(tmp_path):
    assert link(tmp_path / "a.csv", tmp_path) == "a.csv"
    assert link(tmp_path / "b" / "a.csv", tmp_path / "c") == "../b/a.csv"


def test_baselines_are_those_of_the_recorded_runs():
    assert baseline("adding") == 1 / 6
    assert baseline("characters") == baseline("stacks")
    drawn, real = read(RUNS).where(recipe="pixels", variant="sequential"), read(RUNS).where(variant="real digits")
    assert baseline("pixels", "sequential") == drawn["baseline"][0]
    assert baseline("pixels", "real digits") == real["baseline"][0] != drawn["baseline"][0]
    assert baseline("pixels", "one's own") == baseline("pixels")
    kernels = read(RUNS).where(recipe="initializers")["baseline"]
    np.testing.assert_allclose(kernels.max() / 2, HALF, rtol=2e-3)


def test_a_model_looks_like_no_other():
    recurrent = looks.MODELS.keys() - {"linear", "bigrams", "perceptron"}
    assert len({looks.MODELS[model] for model in looks.MODELS}) == len(looks.MODELS)
    assert len({looks.MODELS[model][:2] for model in recurrent}) == len(recurrent)
    assert len({look.line for look in looks.INITIALIZERS.values()}) > 5
    assert len(set(looks.INITIALIZERS.values())) == len(looks.INITIALIZERS)


def test_every_recorded_model_and_initializer_has_a_look():
    assert MODELS.keys() <= looks.MODELS.keys()
    for name, known in (("initializers", looks.INITIALIZERS), *((name, looks.MODELS) for name in RECIPES)):
        if name != "initializers" or known is looks.INITIALIZERS:
            assert {model for (model,) in read(RUNS).where(recipe=name).each("model")} <= known.keys()


def test_colours_are_okabe_and_itos():
    palette = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", looks.GREY}
    tables = (looks.MODELS, looks.INITIALIZERS, looks.ACTIVATIONS)
    assert {look.color for table in tables for look in table.values()} <= palette
    assert not {look.marker for table in tables for look in table.values()} & {"v", "x"}  # exactly 0, and diverged


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_has_colours_of_its_own_for_a_model(name):
    source = (ROOT / "rnnlab" / "gallery" / f"{name}.py").read_text(encoding="utf-8")
    assert not re.search(r'"(?:LSTM|GRU|IRNN|IndRNN|tanh RNN|ReLU RNN)": \(?(?:looks\.|"#)', source)


def test_a_papers_number_is_found_by_its_experiment():
    assert reported("pixels", "permuted", "IRNN").says == "18.0"
    assert reported("pixels", "permuted", "IRNN").ours == ("pixels", "permuted", "IRNN")
    assert len({(row.recipe, row.variant, row.model) for row in REPORTED}) == len(REPORTED)
    with pytest.raises(LookupError, match="no paper's number of GRU on pixels, permuted"):
        reported("pixels", "permuted", "GRU")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (2.1, "2.10"),
        (15, "15.0"),
        (100, "100"),
        (0.0123456, "0.0123"),
        (90.4, "90.4"),
        (0, "0"),
        (66.85, "66.9"),
        (0.00125, "0.00125"),
        (99.96, "100"),
        (1e-9, "1.00e-09"),
        (np.inf, "∞"),
    ],
)
def test_digits_keep_their_zeros_and_a_five_is_rounded_up(value, wanted):
    assert digits(value) == wanted


def test_ends_are_the_last_rows_of_the_seeds():
    table = curves(
        ("T = 150", "IRNN", 0, "solved", [1.0, 0.1, 0.001]),
        ("T = 150", "IRNN", 1, "done", [1.0, 0.2, 0.009, 0.008]),
        ("T = 150", "tanh RNN", 0, "done", [1.0, 0.17, 0.16, 0.165]),
        ("T = 150", "tanh RNN", 1, "diverged", [1.0, 0.001]),
    )
    end = ends(table, "T = 150", "IRNN")
    assert end is not None
    assert end.scores.tolist() == [0.001, 0.008]
    assert end.updates.tolist() == [200, 300]
    assert end.seconds.tolist() == [20, 30]
    assert (end.solved, end.diverged) == (1, 0)
    assert end.in_words(" bits") == "0.00450 bits (0.00100 to 0.00800)"
    lost = ends(table, "T = 150", "tanh RNN")
    assert lost is not None
    assert lost.scores.tolist() == [0.165, np.inf]
    assert (lost.solved, lost.diverged) == (0, 1)
    assert lost.in_words() == "1 of 2 diverged, else 0.165"
    assert (lost.score, lost.middle) == (np.inf, 0.165)
    gone = ends(table.where(status="diverged"), "T = 150", "tanh RNN")
    assert gone is not None
    assert gone.in_words() == "diverged"
    assert ends(table, "T = 150", "LSTM") is None


# Matplotlib is loaded where something is drawn, and nowhere else


def loads_matplotlib(script: str, tmp_path: Path) -> bool:
    script += "; import sys; print('matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    return out.stdout.splitlines()[-1] == "True"


@pytest.mark.deep
def test_to_judge_the_claims_loads_no_matplotlib(tmp_path):
    assert not loads_matplotlib("from rnnlab.cli import main; main(['claims', 'C9', 'C10', 'C11', 'C18'])", tmp_path)
    assert not loads_matplotlib(
        "from pathlib import Path; from rnnlab.claims import page; from rnnlab.claims.evidence import Evidence; "
        "page.CLAIMS = page.CLAIMS[1:3]; evidence = Evidence(Path('.')); page.text(page.judged(evidence), evidence)",
        tmp_path,
    )


@pytest.mark.deep
def test_to_compute_every_figure_and_to_say_what_it_shows_loads_no_matplotlib(tmp_path):
    script = "import rnnlab.gallery.publish, rnnlab.gallery.own_decay; from rnnlab.gallery.figures import FIGURES"
    assert not loads_matplotlib(f"{script}; f = FIGURES['irnn_memory']; f.caption(f.compute(steps=20))", tmp_path)
    assert loads_matplotlib(f"{script}; f = FIGURES['irnn_memory']; f.draw(f.compute(steps=20))", tmp_path)


def test_every_figure_has_its_module_and_what_a_figure_needs():
    for name, module in FIGURES.items():
        for needed in ("TITLE", "compute", "draw", "caption"):
            assert hasattr(module, needed), name
