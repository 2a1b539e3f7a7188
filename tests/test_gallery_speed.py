"""The figures of speed and parallelism: tables made up with known numbers, so that every word can be held to them."""

import numpy as np
import pytest

from deep import one_in
from rnnlab.experiments import speed as experiment
from rnnlab.experiments.results.tables import read
from rnnlab.gallery import parallelism, speed
from small_figures import titled
from timed_tables import LAYERS, parallelism_table, speed_table

KNOBS = {
    "everything": {},
    "one thread": {"counts": (1,)},
    "two threads alone": {"counts": (2,)},
    "no frameworks": {"others": ("limit",), "training": False},
    "without JAX": {"others": ("PyTorch", "limit")},
    "without PyTorch": {"others": ("JAX", "limit"), "training": False},
    "one size": {"sizes": ((20, 4, 3, 8),), "training": False, "grown": False, "counts": (1,)},
}


@pytest.mark.parametrize("name", one_in(2, KNOBS, first=1))
def test_every_setting_can_be_drawn_and_has_a_caption(name):
    table = speed_table(**KNOBS[name])
    figure = speed.draw(table)
    assert len(figure.axes) == len(speed.panels(table))
    caption = speed.caption(table)
    finding = caption.split("**")[1]
    assert len(finding.split()) <= 20
    assert "nan" not in caption


def test_a_panel_for_each_number_of_threads_with_the_ratio_and_its_interval_in_the_layer_s_look():
    table = speed_table()
    names = [panel.name for panel in speed.panels(table)]
    assert names[:4] == ["PyTorch, 1 thread", "PyTorch, 2 threads", "JAX, 1 thread", "JAX, 2 threads"]
    ax = speed.draw(table).axes[0]
    drawn = {line.get_label(): line for line in ax.lines}
    rows = table.where(kind="layer", threads=1.0, other="PyTorch", layer="GRU")
    assert drawn["GRU"].get_ydata().tolist() == rows["ratio"].tolist()
    spans = [path.vertices[:, 1].tolist() for collection in ax.collections for path in collection.get_paths()]
    assert [rows["low"][0], rows["high"][0]] in spans
    assert ax.get_yscale() == "log"


def test_the_title_of_every_panel_states_what_its_rows_say():
    table = speed_table()
    rows = table.where(kind="layer", threads=1.0, other="PyTorch")
    faster, mean = sum(rows["ratio"] > 1), np.prod(rows["ratio"].astype(float)) ** (1 / len(rows))
    titles = {panel.name: panel.title for panel in speed.panels(table)}
    assert 0 < faster < len(rows)
    assert (
        titles["PyTorch, 1 thread"]
        == f"PyTorch, 1 thread: we are faster in {faster} of {len(rows)}, × {mean:.2g} on average"
    )
    exponents, memory = table.where(kind="exponent"), table.where(kind="memory", other="peak")
    powers = {letter: float(np.mean(exponents.where(other=letter)["ratio"])) for letter in experiment.GROWN}
    most = max(powers, key=powers.get)
    assert titles["growth"] == f"time grows fastest with {most}, as {most}^{powers[most]:.1f} on average"
    held = {name: float(np.median(memory.where(layer=name)["ratio"])) for (name,) in memory.each("layer")}
    low, high = min(held, key=held.get), max(held, key=held.get)
    assert titles["memory"] == f"memory: {high} holds {held[high]:.1f} times its states, {low} {held[low]:.1f}"
    here = (table["kind"] == "layer") & (table["threads"] == 1) & (table["other"] == "limit")
    for name in LAYERS:
        table["ratio"][here & (table["layer"] == name)] = {"GRU": 0.5, "LSTM": 0.9}.get(name, 0.7)
    (limit,) = [panel.title for panel in speed.panels(table) if panel.name == "limit, 1 thread"]
    assert limit == "limit, 1 thread: 0.5 (GRU) to 0.9 (LSTM) of our time"


@pytest.mark.parametrize(("ratio", "says"), [(2.0, "GRU 2 "), (0.5, "GRU 0.5 ")])
def test_the_finding_is_the_geometric_mean_of_one_thread(ratio, says):
    table = speed_table()
    mine = (table["layer"] == "GRU") & (table["kind"] == "layer") & (table["other"] == "PyTorch")
    table["ratio"][mine & (table["threads"] == 1)] = ratio
    table["ratio"][mine & (table["threads"] == 2)] = 100
    assert says in speed.caption(table).split("**")[1]


def test_what_is_slower_is_named_with_its_limit_and_nothing_else_is():
    table = speed_table(faster=100.0)
    assert "No layer is slower than PyTorch at any size." in speed.caption(table)
    here = (table["kind"] == "layer") & (table["threads"] == 1) & (table["layer"] == "LSTM") & (table["T"] == 784)
    table["ratio"][here & (table["other"] == "PyTorch")] = 0.77
    table["ratio"][here & (table["other"] == "limit")] = 0.55
    assert "Slower than PyTorch: LSTM at (784, 16, 1, 100) with 0.77, the limit 0.55." in speed.caption(table)


def test_the_recorded_table_has_every_layer_at_every_size():
    table = read("speed")
    assert list(table.columns) == experiment.COLUMNS.split()
    for threads in (1.0,):
        for other in ("PyTorch", "JAX", "limit"):
            rows = table.where(kind="layer", threads=threads, other=other)
            assert len(rows) == len(experiment.LAYERS) * len(experiment.SIZES)
            assert (rows["low"] <= rows["ratio"]).all()


# Parallelism

SETTINGS = {
    "as measured": {},
    "two layers and sizes": {"layers": ("LSTM", "GRU"), "batches": (1, 4), "widths": (16, 64), "members": 2},
    "one size": {"widths": (64,), "batches": (8,)},
    "all is overhead": {"latency": 1.0},
    "no overhead": {"latency": 0.0, "per_byte": 0.0},
    "members that agree": {"diversity": 0.0, "members": 3},
    "one step": {"steps": 1},
}


@pytest.mark.parametrize("name", one_in(2, SETTINGS, first=1))
def test_parallelism_is_drawn_and_has_a_caption_for_every_setting(name):
    table = parallelism_table(**SETTINGS[name])
    figure = parallelism.draw(table)
    assert [ax.get_xlabel().split()[0] for ax in figure.axes] == [
        "sequences",
        "hidden",
        "workers",
        "members",
        "milliseconds",
    ]
    assert all(ax.get_title(loc="left") for ax in figure.axes)
    caption = parallelism.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"latency": 1.0}, "two workers nothing, an ensemble"),
        ({"latency": 1.0}, "it loses at H = 16, 32, 64, 128, 256, 512"),
        ({"latency": 0.0, "per_byte": 0.0}, "it loses at none of these sizes"),
        ({"latency": 0.0, "per_byte": 0.0}, "r = no time for the bytes"),
        ({"latency": 3e-3}, "ℓ = 3 ms a worker, r = 1,000 MB a second"),
        ({"diversity": 0.005, "members": 2}, "and their mean 0.0075, less by the diversity 0.0025"),
        ({"steps": 5, "waiting": 1e-3}, "2.0 times as fast, with any number of workers, where 5 steps at once would"),
    ],
)
def test_words_of_parallelism_follow_from_the_numbers(knobs, says):
    assert says in parallelism.caption(parallelism_table(**knobs))


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"waiting": 5e-3, "steps": 1}, "The step of an RNN waits, 50 % of a run"),
        ({"waiting": 15e-3, "steps": 2}, "2 steps of an RNN wait for one another, 86 % of a run"),
        ({"latency": 1.0}, "by the cost model no size gains from more than 1 worker"),
        ({"latency": 0.0, "per_byte": 0.0}, "by the cost model up to 64 workers pay"),
    ],
)
def test_titles_of_parallelism_follow_from_the_numbers(knobs, says):
    assert any(title.startswith(says) for title in titled(parallelism.draw(parallelism_table(**knobs))))


def test_each_step_of_the_recurrence_is_a_bar_that_begins_where_the_last_one_ended():
    table = parallelism_table(steps=7)
    ax = parallelism.draw(table).axes[-1]
    bars = {len(collection.get_paths()) for collection in ax.collections}
    assert bars == {1, 7}
    rows = table.where(kind="stage")
    assert (rows["seconds"][1:] == rows["other"][:-1]).all()


def test_what_two_workers_measured_is_drawn_filled_beside_what_the_model_says():
    table = parallelism_table()
    ax = parallelism.draw(table).axes[2]
    measured = [line.get_ydata() for line in ax.lines if np.size(line.get_xdata()) == 1]
    assert measured[0] == table.only("ratio", kind="data", x=16.0)
    assert ax.get_xscale() == ax.get_yscale() == "log"
