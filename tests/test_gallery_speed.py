"""The figures of speed and parallelism: tables made up with known numbers, so that every word can be held to them."""

import pytest

from rnnlab.experiments import speed as experiment
from rnnlab.experiments.results.tables import read
from rnnlab.gallery import speed
from timed_tables import speed_table

KNOBS = {
    "everything": {},
    "one thread": {"counts": (1,)},
    "two threads alone": {"counts": (2,)},
    "no frameworks": {"others": ("limit",), "training": False},
    "without JAX": {"others": ("PyTorch", "limit")},
    "without PyTorch": {"others": ("JAX", "limit"), "training": False},
    "one size": {"sizes": ((20, 4, 3, 8),), "training": False, "grown": False, "counts": (1,)},
}


@pytest.mark.parametrize("name", KNOBS)
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
    titles = [panel.title for panel in speed.panels(table)]
    assert titles[:4] == ["PyTorch, 1 thread", "PyTorch, 2 threads", "JAX, 1 thread", "JAX, 2 threads"]
    ax = speed.draw(table).axes[0]
    drawn = {line.get_label(): line for line in ax.lines}
    rows = table.where(kind="layer", threads=1.0, other="PyTorch", layer="GRU")
    assert drawn["GRU"].get_ydata().tolist() == rows["ratio"].tolist()
    spans = [path.vertices[:, 1].tolist() for collection in ax.collections for path in collection.get_paths()]
    assert [rows["low"][0], rows["high"][0]] in spans
    assert ax.get_yscale() == "log"


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
