"""A table of results: named columns of numbers or text, kept as CSV."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

SHOWN, WIDE = 5, 120
"""Of a table's repr: its rows, and the letters of a line."""


@dataclass(frozen=True, repr=False)
class Table:
    """Columns of equal length by name: `table["rate"]` is one; `table.where(series="IRNN")` keeps the matching rows."""

    columns: dict[str, Column]

    @classmethod
    def of(cls, names: str, rows: Iterable[Sequence[float | str]]) -> Self:
        """From rows, given the column names separated by blanks."""
        columns = list(zip(*rows, strict=True)) or [()] * len(names.split())
        return cls({name: np.array(column) for name, column in zip(names.split(), columns, strict=True)})

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __repr__(self) -> str:
        """The columns and the first rows, not all the numbers."""
        shown = [
            [f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in column[:SHOWN].tolist()]
            for column in self.columns.values()
        ]
        widths = [max(map(len, (name, *cells))) for name, cells in zip(self.columns, shown, strict=True)]
        lines = [self.columns, *zip(*shown, strict=True)]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        more = [f"… {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join([f"Table of {len(self)} rows", *(line[:WIDE] for line in text), *more])

    def where(self, **wanted: float | str) -> Self:
        return self.rows(np.all([self.columns[name] == value for name, value in wanted.items()], axis=0))

    def without(self, **unwanted: float | str) -> Self:
        return self.rows(~np.all([self.columns[name] == value for name, value in unwanted.items()], axis=0))

    def rows(self, kept: NDArray[np.bool_] | slice) -> Self:
        """Those where a mask is true, or that a slice takes: `table.rows(table["update"] > 0)`."""
        return type(self)({name: column[kept] for name, column in self.columns.items()})

    def above(self, other: Self) -> Self:
        """These rows, then those of a table with the same columns."""
        return type(self)({name: np.concatenate([column, other[name]]) for name, column in self.columns.items()})

    def each(self, *names: str) -> "list[tuple[Any, ...]]":
        """Every combination of values of these columns that occurs, in the order of its first row."""
        return list(dict.fromkeys(zip(*(self.columns[name].tolist() for name in names), strict=True)))

    def only(self, name: str, /, **wanted: float | str) -> Any:
        """The value of `name` in the one row that matches."""
        (value,) = self.where(**wanted)[name]
        return value

    def text(self) -> str:
        """As CSV, each number with the fewest digits that read back as the same number."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(
            [cell if isinstance(cell, str) else repr(cell).removesuffix(".0") for cell in row]
            for row in zip(*(column.tolist() for column in self.columns.values()), strict=True)
        )
        return out.getvalue()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From CSV: a column of numbers where every cell is one, else of text."""
        names, *rows = csv.reader(io.StringIO(text))
        return cls({name: _column(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        return cls.parse(Path(path).read_text(encoding="utf-8-sig"))  # some programs begin a CSV with a BOM


def _column(cells: tuple[str, ...]) -> Column:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.array(cells)
