"""Pilots choose the learning rates by a rule; scored runs never share a seed with them; one command does it all."""

from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep import one_in
from rnnlab.cli import main
from rnnlab.experiments import recipe as recipe_module
from rnnlab.experiments import runner, schedule, update_cost
from rnnlab.experiments.recipe import GRID, PILOT_SEEDS, Entry, Recipe, best, seeded, tried
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.recording import current, older, shorter_than, thinned
from rnnlab.experiments.results.tables import PILOTS, RUNS
from rnnlab.experiments.run import Run
from rnnlab.table import Table
from small_figures import curves

TINY = Run("adding", {"steps": 6}, hidden=5, updates=6, batch=4, every=3)
ONE = Entry("T = 6", "IRNN", replace(TINY, layer="irnn"), "T = 6")
TWO = Entry("T = 6", "LSTM", replace(TINY, layer="lstm"), "T = 6")
MORE = {"LSTM": [{"lr": 1e-3, "forget_bias": 4.0}]}
PAIR = Recipe("Two.", (), tuple(seeded([ONE, TWO], 2)), "adding", tuple(tried([ONE, TWO], 4, MORE)))


def pilots(recipe: Recipe, scores: dict[tuple[str, str], tuple[float, float, str]]) -> Table:
    """A table of pilot runs: (model, what it tries) with its first, best and status; the others learned nothing."""
    rows = []
    for one in recipe.pilots:
        first, lowest, status = scores.get((one.model, one.tries), (inf, 0.16, "done"))
        row = (recipe.name, "pilots", one.variant, one.model, float(one.run.seed), status, 4.0, lowest, lowest, 1 / 6)
        rows.append((*row, "mse", 1.0, one.run.command, "", "", first, "", one.tries))
    return Table.of(runner.TRIES, rows)


def test_a_rate_is_the_one_that_crossed_first():
    table = pilots(PAIR, {("IRNN", "lr=0.0002"): (3, 0.009, "done"), ("IRNN", "lr=0.001"): (2, 0.0099, "done")})
    chosen = {entry.model: entry.run.lr for entry in PAIR.entries("paper", table)}
    assert chosen == {"IRNN": 1e-3, "LSTM": GRID[0]}


def test_where_none_crossed_the_lowest_score_decides_and_a_diverged_run_has_none():
    found = {("IRNN", "lr=0.0002"): (inf, 0.02, "done"), ("IRNN", "lr=0.005"): (inf, 0.01, "diverged")}
    table = pilots(PAIR, found | {("LSTM", "lr=0.001 forget_bias=4"): (inf, 0.1, "done")})
    runs = {entry.model: entry.run for entry in PAIR.entries("paper", table)}
    assert runs["IRNN"].lr == 2e-4
    assert (runs["LSTM"].lr, runs["LSTM"].forget_bias) == (1e-3, 4.0)


def test_who_crossed_and_then_diverged_has_lost():
    found = {("IRNN", "lr=0.0002"): (3, 0.009, "done"), ("IRNN", "lr=0.005"): (1, 0.001, "diverged")}
    runs = {entry.model: entry.run for entry in PAIR.entries("paper", pilots(PAIR, found))}
    assert runs["IRNN"].lr == 2e-4


def test_one_rate_for_all_is_the_best_on_average():
    crossed = {("IRNN", "lr=0.0002"): 0, ("LSTM", "lr=0.0002"): 3, ("IRNN", "lr=0.001"): 1, ("LSTM", "lr=0.001"): 1}
    recipe = replace(PAIR, one_rate=True, pilots=tuple(tried([ONE, TWO], 4)))
    table = pilots(recipe, {key: (first, 0.001, "done") for key, first in crossed.items()})
    assert {entry.run.lr for entry in recipe.entries("paper", table)} == {1e-3}


@given(st.permutations(range(4)))
def test_the_lowest_score_wins_whatever_its_place(order):
    rivals = [one for one in PAIR.pilots if one.model == "IRNN"]
    levels = {("IRNN", one.tries): (inf, 0.01 + place / 100, "done") for one, place in zip(rivals, order, strict=True)}
    assert best("adding", rivals, pilots(PAIR, levels)) == rivals[order.index(0)].varied


def test_without_pilots_there_is_no_run_and_the_message_says_what_to_do():
    none = Table.of("recipe", [])
    says = "is chosen by pilot runs, and that with lr=4e-05 has not been made: rnnlab experiments adding --pilots"
    with pytest.raises(ValueError, match=f"^the learning rate of IRNN on adding, T = 6, {says}$"):
        PAIR.entries("paper", none)
    some = pilots(PAIR, {})
    with pytest.raises(ValueError, match=r"LSTM on adding, T = 6, .* lr=0.001 forget_bias=4 has not been made"):
        PAIR.entries("paper", some.without(varied="lr=0.001 forget_bias=4"))


@pytest.mark.parametrize(
    ("learned", "rate"),
    [({5, 6, 7}, 5e-3), ({7}, 5e-3), ({5, 6}, 1e-3), ({6}, 1e-3), ({5}, 2e-4), (set(), 4e-5)],
)
def test_where_no_pilot_learns_those_of_the_next_shorter_task_choose(learned, rate):
    """Each length has a best rate of its own; the trivial answer has 1/6, so that 0.2 says nothing."""
    lengths = {5: "lr=0.0002", 6: "lr=0.001", 7: "lr=0.005"}
    short, middle, long = (
        Entry(f"T = {n}", "IRNN", Run("adding", {"steps": n}, updates=9), f"T = {n}") for n in lengths
    )
    entry = replace(long, before=("T = 6", "T = 5"))
    recipe = Recipe("Adding.", (), (entry,), "adding", tuple(tried([short, middle, long], 4)))
    table = pilots(recipe, {})
    table["first"][:], table["best"][:] = inf, 0.2
    for steps in learned:
        own = (table["variant"] == f"T = {steps}") & (table["varied"] == lengths[steps])
        assert own.sum() == 1
        table["best"][own] = 0.1
    assert recipe.entries("paper", table)[0].run.lr == rate


def test_the_rates_of_the_length_before_are_asked_for_up_to_400_steps():
    assert {entry.variant: entry.before for entry in RECIPES["adding"].paper} == {
        "T = 100": (),
        "T = 200": ("T = 100",),
        "T = 400": ("T = 200", "T = 100"),
        "T = 500": (),
        "T = 1000": (),
        "T = 5000": (),
    }


@pytest.mark.parametrize("name", one_in(3, RECIPES))
def test_every_scored_run_has_its_pilots_and_none_of_their_seeds(name):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert {entry.run.seed for entry in recipe.pilots} == set(PILOT_SEEDS)
    assert not {entry.run.seed for entry in (*recipe.paper, *recipe.quick)} & set(PILOT_SEEDS)
    entries = recipe.entries("paper", pilots(recipe, {}))
    assert [replace(entry.run, lr=1) for entry in entries] == [replace(entry.run, lr=1) for entry in recipe.paper]
    assert {entry.run.lr for entry in entries} == {GRID[0]}
    assert not any(entry.pilot for entry in recipe.quick)


def test_a_pilot_may_vary_an_option_of_the_task_and_an_initializer():
    one = Entry("sequential", "IRNN", Run("pixels", {"side": 7}, layer="irnn", updates=9), "sequential")
    more = {"lr": 2e-4, "standardised": True, "readout_initializer": "glorot_uniform"}
    recipe = Recipe("Pixels.", (), (one,), "pixels", tuple(tried([one], 4, {"IRNN": [more]})))
    tries = "lr=0.0002 standardised=1 readout_initializer=glorot_uniform"
    (entry,) = recipe.entries("paper", pilots(recipe, {("IRNN", tries): (inf, 0.01, "done")}))
    data = {"side": 7, "standardised": True}
    assert entry.run == replace(one.run, data=data, lr=2e-4, readout_initializer="glorot_uniform")
    assert "--standardised" in entry.run.command
    assert "--readout-initializer glorot_uniform" in entry.run.command


@pytest.mark.parametrize("name", RECIPES)
def test_all_models_have_the_same_pilots_seeds_and_budget(name):
    recipe = RECIPES[name]
    for variant in {entry.variant for entry in recipe.pilots}:
        runs = [entry for entry in recipe.pilots if entry.variant == variant]
        rates = {model: {one.run.lr for one in runs if one.model == model} for model in {one.model for one in runs}}
        (grid,) = set(map(frozenset, rates.values()))
        assert grid >= set(GRID)
        for model in rates:
            assert len({one.run.updates for one in runs if one.model == model}) == 1
        if name == "adding" and variant in ("T = 200", "T = 400"):
            # more for one-layer RNNs, but less time than the LSTM has
            taken = {one.model: schedule.seconds(schedule.Placed(name, one, Path())) for one in runs}
            assert max(taken[model] for model in ("tanh RNN", "ReLU RNN", "IRNN")) < taken["LSTM"]
        elif name != "pixels":
            assert len({one.run.updates for one in runs}) == 1
    for variant in {entry.variant for entry in recipe.paper}:
        runs = [entry for entry in recipe.paper if entry.variant == variant]
        seeds = {model: {one.run.seed for one in runs if one.model == model} for model in {one.model for one in runs}}
        assert len(set(map(frozenset, seeds.values()))) == 1
        if name != "pixels":
            assert len({one.run.updates for one in runs}) == 1


# The order, and the command


@pytest.fixture
def _tiny(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in list(RECIPES):
        monkeypatch.delitem(RECIPES, name)
    monkeypatch.setitem(RECIPES, "adding", PAIR)
    monkeypatch.setattr(recipe_module, "is_recorded", lambda name: False)
    monkeypatch.setattr(schedule, "is_recorded", lambda name: False)


@pytest.mark.deep
@pytest.mark.usefixtures("_tiny")
def test_pilots_first_then_the_scored_runs_then_the_tables(tmp_path, capsys):
    assert main(["experiments", "--plan"]) == 0
    assert "together" in capsys.readouterr().out
    assert main(["experiments", "--seeds", "1"]) == 0
    out = capsys.readouterr().out
    assert "9 runs are left" in out
    assert "2 runs are left" in out
    assert main(["experiments"]) == 0
    assert capsys.readouterr().out.startswith("2 runs are left")
    assert main(["experiments"]) == 0
    assert "are left" not in capsys.readouterr().out
    assert main(["experiments", "--record", "figures"]) == 0
    tables = {name: Table.read(tmp_path / "figures" / f"{name}.csv") for name in (PILOTS, RUNS, "adding_problem")}
    assert len(tables[PILOTS].where(recipe="adding")) == 9
    runs = tables[RUNS].where(recipe="adding")
    assert runs["seed"].tolist() == [0, 0, 1, 1]
    assert all(ended.startswith("20") for ended in runs["ended"])
    assert len(tables["adding_problem"]) == 4 * 3
    chosen = {entry.model: entry.run.lr for entry in PAIR.entries("paper", tables[PILOTS])}
    assert all(
        f"--lr {chosen[model]}" in command for model, command in runs.each("model", "command") if chosen[model] != 1e-3
    )
    others = {recipe for (recipe,) in tables[RUNS].each("recipe")}
    assert "pixels" in others  # what was not run again stays as it was recorded


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sorting"], "experiment must be one of adding; got 'sorting'"),
        (["--seeds", "0"], "--seeds must be at least 1; got 0"),
    ],
)
def test_a_wrong_word_is_refused(words, says, capsys):
    assert main(["experiments", *words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.deep
@pytest.mark.usefixtures("_tiny")
def test_a_long_run_makes_the_common_updates_first_and_the_rest_last(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "COMMON", 4)
    main(["experiments", "--pilots"])
    runs = schedule.scored(["adding"], tmp_path / "runs")
    order = [(one.entry.run.seed, one.entry.run.updates) for one in runs]
    assert order == [(0, 4), (0, 4), (1, 4), (1, 4), (0, 6), (0, 6), (1, 6), (1, 6)]
    for one in runs[:4]:
        runner.one(one.entry, one.root)
    recorded = runner.outcomes("adding", "paper", [one.entry for one in runs[4:]], runs[4].root)
    assert recorded["updates"].tolist() == [4] * 4
    runner.one(runs[4].entry, runs[4].root)
    again = schedule.scored(["adding"], tmp_path / "runs")
    assert len(again) == 7  # the first is not asked to make fewer than it has
    runner.carry_out_all([(one.entry, one.root) for one in again])
    logs = runner.curves([one.entry for one in runs[4:]], runs[4].root)
    assert logs["update"].tolist() == [0, 3, 4, 6] * 4


@pytest.mark.usefixtures("_tiny")
def test_three_seeds_of_all_come_before_a_fourth(tmp_path, monkeypatch):
    more = replace(PAIR, name="more", paper=tuple(replace(one, pilot="") for one in seeded([ONE], 5)))
    monkeypatch.setitem(RECIPES, "more", more)
    monkeypatch.setitem(RECIPES, "adding", replace(more, name="adding"))
    runs = schedule.scored(["more", "adding"], tmp_path)
    first = [(name, seed) for name in ("more", "adding") for seed in range(3)]
    assert [(one.recipe, one.entry.run.seed) for one in runs[:6]] == first
    assert [one.entry.run.seed for one in runs[6:]] == [3, 4, 3, 4]
    assert len(schedule.scored(["more"], tmp_path, 2)) == 2
    assert schedule.hours(runs) == 0  # none of them was timed


def test_runs_on_data_that_is_not_here_are_left_out_and_named(tmp_path, capsys):
    gone = Entry("real digits", "GRU", Run("pixels", {"input": str(tmp_path / "gone")}, updates=1))
    runner.carry_out([gone], tmp_path)
    assert capsys.readouterr().err == f"{gone.name}: left out, because {tmp_path / 'gone'} is not here\n"
    assert list(tmp_path.iterdir()) == []


def test_an_update_is_timed_once_for_each_variant_and_model():
    lines = []
    table = update_cost.measure([("adding", one) for one in seeded([ONE, TWO], 2)], lines.append)
    assert table["model"].tolist() == ["IRNN", "LSTM"]
    assert list(table.columns) == update_cost.COLUMNS.split()
    assert (table["seconds"] > 0).all()
    assert (table["updates"] == 20).all()
    assert len(lines) == 2


# What is recorded


def test_curves_are_thinned_late_and_rounded():
    scores = [1 / 3] * 1001
    whole = curves(("v", "m", 0, "done", scores), ("v", "m", 1, "done", scores[:100]))
    few = thinned(whole)
    one = few.where(seed=0)
    assert one["update"][:301].tolist() == whole["update"][:301].tolist()  # up to update 30,000
    assert len(one) == 301 + 40
    assert one["update"][-1] == 100_000
    assert len(few.where(seed=1)) == 100
    assert set(few["score"]) == {1 / 3}
    assert set(few["loss"]) == {0.333333}
    assert len(thinned(curves())) == 0
    np.testing.assert_array_equal(thinned(few)["update"], few["update"])


@pytest.mark.deep
@pytest.mark.usefixtures("_tiny")
def test_what_was_recorded_stays_and_need_not_be_run_again(tmp_path, monkeypatch, capsys):
    main(["experiments", "--seeds", "1"])
    main(["experiments", "--record", "figures"])
    recorded = {name: Table.read(tmp_path / "figures" / f"{name}.csv") for name in (PILOTS, RUNS)}
    for module in (recipe_module, schedule):
        monkeypatch.setattr(module, "is_recorded", lambda name: True)
        monkeypatch.setattr(module, "read", lambda name: recorded[name])
    left = schedule.scored(["adding"], tmp_path / "elsewhere", missing=True)
    assert [one.entry.run.seed for one in left] == [1, 1]
    assert schedule.pilots("adding", "T = 6", tmp_path / "elsewhere") == []
    capsys.readouterr()
    main(["experiments", "--plan", "--missing", "--out", "elsewhere"])
    plan = capsys.readouterr().out
    assert "pilots" not in plan
    assert "2 of    2 runs left" in plan
    main(["experiments", "--plan", "--out", "elsewhere"])
    assert "4 of    4 runs left" in capsys.readouterr().out
    main(["experiments", "--missing", "--out", "elsewhere"])
    assert len(list((tmp_path / "elsewhere" / "adding-paper").iterdir())) == 2
    main(["experiments", "--out", "elsewhere", "--record", "figures"])
    runs = Table.read(tmp_path / "figures" / "runs.csv").where(recipe="adding")
    assert sorted(runs["seed"]) == [0, 0, 1, 1]
    assert len(Table.read(tmp_path / "figures" / "adding_problem.csv")) == 4 * 3
    assert len(Table.read(tmp_path / "figures" / f"{PILOTS}.csv").where(recipe="adding")) == 9


def test_a_recorded_run_of_another_command_or_without_a_time_is_no_longer_meant():
    (entry,) = seeded([ONE], 1)
    row = ("adding", "paper", "T = 6", "IRNN", 0.0, "done", 6.0, 1.0, 1.0, 1 / 6, "mse", 1.0)
    command = entry.run.command

    def table(command: str, ended: str, status: str = "done") -> Table:
        return Table.of(runner.RUNS, [(*row[:5], status, *row[6:], command, "", "", inf, ended)])

    assert current(table(command, "2026"), [entry]) == {("T = 6", "IRNN", 0.0): 6}
    assert current(table(command, "2026", "solved"), [entry]) == {("T = 6", "IRNN", 0.0): inf}
    assert current(table(command.replace("--updates 6", "--updates 3"), "2026"), [entry])
    assert not current(table(command, ""), [entry])
    assert not current(table(f"{command} --lr 0.5", "2026"), [entry])


def test_a_shorter_run_of_ones_own_does_not_replace_a_longer_recorded_one():
    made = {("T = 6", "a", 0.0): 100.0, ("T = 6", "b", 0.0): inf, ("T = 6", "c", 0.0): 30.0}
    own = Table.of(
        "variant model seed status updates",
        [("T = 6", name, 0.0, "done", 30.0) for name in "abcd"] + [("T = 6", "a", 1.0, "done", 30.0)],
    )
    assert shorter_than(own, made) == {("T = 6", "a", 0.0), ("T = 6", "b", 0.0)}
    solved = Table({**own.columns, "status": np.full(5, "solved")})
    assert shorter_than(solved, made) == set()


def test_older_runs_stay_until_one_of_their_variant_is_newer():
    keys = [("T = 6", "a", 0.0, ""), ("T = 6", "b", 0.0, ""), ("T = 9", "a", 0.0, ""), ("T = 7", "a", 0.0, "2026")]
    runs = Table.of("variant model seed ended", keys)
    planned = {"T = 6", "T = 7"}
    assert older(runs, planned, set()) == {("T = 6", "a", 0.0), ("T = 6", "b", 0.0)}
    assert older(runs, planned, {"T = 6"}) == set()


def test_a_run_s_first_crossing_is_in_its_row(tmp_path):
    entry = Entry("T = 6", "m", replace(TINY, updates=3, until=1e9))
    runner.one(entry, tmp_path)
    (row,) = runner.outcomes("adding", "paper", [entry], tmp_path).each("first", "updates", "status")
    assert row == (inf, 0, "solved")
