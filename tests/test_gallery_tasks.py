"""The figure of the tasks: what it shows is what a network gets, and what it says follows from it."""

from itertools import pairwise

import numpy as np
import pytest

from deep import deep
from rnnlab.gallery import tasks
from rnnlab.table import Table
from rnnlab.tasks import Adding, Pixels

KNOBS = [
    deep({}),
    {"steps": 2, "side": 4, "frames": 1, "delay": 1, "seed": 0},
    deep({"steps": 400, "side": 28, "frames": 300, "delay": 200, "seed": 3}),
]


@pytest.mark.parametrize("knobs", KNOBS, ids=["as published", "smallest", "large"])
def test_it_is_drawn_and_told_at_every_size(knobs):
    table = Table.parse(tasks.compute(**knobs).text())
    assert len(tasks.draw(table).axes) == 6
    caption = tasks.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption


def test_the_sum_is_that_of_the_marked_values_and_the_sequence_is_the_task_s():
    table = tasks.compute(steps=30, seed=5)
    xs, targets = Adding(30).batch(np.random.default_rng(5), 1)
    assert table.where(kind="value")["value"].tolist() == xs[:, 0, 0].tolist()
    marked = tasks.marks(table)
    total = sum(table.only("value", kind="value", x=t) for t in marked)
    assert total == targets[0, 0] == table.only("value", kind="total")
    assert f"a number for {30 - marked[0]:.0f} steps (adding)" in tasks.caption(table)


def test_both_streams_are_the_task_s_pixels_in_its_two_orders():
    table = tasks.compute(side=14, seed=3)
    for permuted, values in ((False, table.where(kind="pixel")), (True, table.where(kind="permuted"))):
        drawn = Pixels.drawn(side=14, train=1, test=1, seed=3, permuted=permuted)
        expected = drawn.images.reshape(-1)[drawn.order] / 255
        np.testing.assert_array_equal(values["value"], expected)
    assert tasks.apart(table) > 14 * tasks.apart(ordered(table))


def ordered(table: Table) -> Table:
    """The same with the "permuted" pixels in order."""
    rows = table.where(kind="permuted")
    rows["y"][:] = np.arange(len(rows))
    return rows.above(table.where(kind="pixel"))


def test_sounds_go_on_without_a_gap_from_the_first_frame_to_the_last():
    table = tasks.compute(frames=50)
    spans = tasks.phones(table)
    assert spans[0][1] == 1
    assert spans[-1][2] == 50
    assert all(before[2] + 1 == after[1] for before, after in pairwise(spans))
    labels = tasks.draw(table).axes[4].texts
    assert [text.get_text() for text in labels] == [
        "silence" if name == "sil" else name for name, first, last in spans if last - first + 1 >= 50 / 30
    ]


def test_what_the_finding_says_is_to_be_remembered_is_marked_in_the_picture():
    table = tasks.compute(steps=40, delay=15)
    said = tasks.caption(table).split("**")[1]
    marked = [ax for ax in tasks.draw(table).axes if any("remembered" in text.get_text() for text in ax.texts)]
    assert len(marked) == 3
    for ax in marked:
        (words,) = (text.get_text() for text in ax.texts if "remembered" in text.get_text())
        steps = words.strip("\u00a0").removeprefix("to be remembered for ").removesuffix(" steps")
        assert f"for {steps} " in said


def test_a_symbol_to_copy_comes_back_after_the_lag():
    table = tasks.compute(delay=7)
    given, asked = (table.where(kind=kind)["value"] for kind in ("input", "target"))
    lag = int(tasks.lag(table))
    assert lag == 17
    assert given[:10].tolist() == asked[lag : lag + 10].tolist()
    assert "given back 17 steps later" in tasks.draw(table).axes[5].get_title(loc="left")
