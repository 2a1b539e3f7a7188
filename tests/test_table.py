"""A table shows itself in a few lines, and gives the rows that one asks for; how it is kept as CSV is tested with those
who keep one."""

import numpy as np
import pytest

from rnnlab.table import Table


def test_a_table_shows_its_columns_and_its_first_rows():
    table = Table.of("name rate", [("tanh", 0.123456789), ("IRNN", 2.0), *(("x", 1e-300),) * 9])
    assert repr(table).splitlines() == [
        "Table of 11 rows",
        "name      rate",
        "tanh  0.123457",
        "IRNN         2",
        "   x    1e-300",
        "   x    1e-300",
        "   x    1e-300",
        "… 6 more",
    ]


def test_a_large_table_takes_no_more_room():
    wide = Table({f"column {number}": np.arange(10_000.0) for number in range(200)})
    assert len(repr(wide).splitlines()) == 8
    assert max(map(len, repr(wide).splitlines())) <= 120


def test_a_table_without_rows_shows_its_columns():
    assert repr(Table.of("a b", [])) == "Table of 0 rows\na  b"


def test_rows_are_chosen_by_value_by_mask_or_by_slice():
    table = Table.of("name rate", [("tanh", 1.0), ("IRNN", 2.0), ("tanh", 3.0)])
    assert table.where(name="tanh")["rate"].tolist() == [1, 3]
    assert table.where(name="tanh", rate=3.0)["rate"].tolist() == [3]
    assert table.without(name="tanh", rate=3.0)["rate"].tolist() == [1, 2]
    assert table.rows(table["rate"] > 1)["name"].tolist() == ["IRNN", "tanh"]
    assert table.rows(slice(2))["name"].tolist() == ["tanh", "IRNN"]
    assert len(table.rows(table["rate"] > 9)) == 0
    assert table.only("rate", name="IRNN") == 2
    with pytest.raises(ValueError, match="too many"):
        table.only("rate", name="tanh")
