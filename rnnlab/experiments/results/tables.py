"""The recorded tables: what took hours to train, or is a time, was made once, is kept here, and is read from here.

A folder that a user re-ran experiments into may hold a table of the same name. It comes before the recorded one, and
the reader says so: `own_copy` returns it if it differs.
"""

import os
from functools import cache
from pathlib import Path

from rnnlab.table import Table

FOLDER = Path(__file__).parent / "recorded"
RUNS, PILOTS, UPDATE_COST = "runs", "pilots", "update_cost"
"""The tables of all runs, a row each with its command, seed, time and versions; of the pilot runs, which choose their
learning rates; and of what an update of each costs.

Runs whose `ended` is empty are older than their recipes are now: weights and batches came from one generator, the
IndRNN and the IRNN started from other weights, and the rates were chosen by single trials.
"""


def is_recorded(name: str) -> bool:
    """Whether there is a recorded table of that name."""
    return (FOLDER / f"{name}.csv").exists()


def own_copy(name: str, folder: Path) -> Path | None:
    """The table of that name in `folder`, if it is there and differs from the recorded one."""
    path, recorded = folder / f"{name}.csv", FOLDER / f"{name}.csv"
    differs = path.exists() and not (recorded.exists() and path.read_bytes() == recorded.read_bytes())
    return path if differs else None


def location(name: str, folder: Path | None = None) -> Path:
    """Where the table is read from: the copy of one's own in `folder`, or else the recorded one."""
    return (folder and own_copy(name, folder)) or FOLDER / f"{name}.csv"


def read(name: str, folder: Path | None = None) -> Table:
    """The recorded table of that name, or the copy of one's own in `folder`.

    Raises:
        LookupError: nothing of that name has been recorded.
        ValueError: the copy in `folder` is damaged, or is not a table with the recorded one's columns.
    """
    if not is_recorded(name):
        raise LookupError(f"{name} has not been recorded")
    path = location(name, folder)
    wanted = _recorded(name)
    if path.parent == FOLDER:
        return wanted
    try:
        table = Table.read(path)
    except ValueError:  # not UTF-8, no rows, or rows of different lengths
        table = Table({})
    if list(table.columns) != list(wanted.columns):
        columns = " ".join(wanted.columns)
        raise ValueError(f"{path} is not a table with the columns {columns}: delete it, and the recorded one is used")
    return table


@cache
def _recorded(name: str) -> Table:
    return Table.read(FOLDER / f"{name}.csv")


@cache
def baseline(recipe: str, variant: str | None = None) -> float:
    """The score of the best answer that does not look at the input.

    It is that of the variant; if none is given, or none of its runs is recorded, that of the recipe's first one.
    """
    rows = read(RUNS).where(recipe=recipe)
    own = rows if variant is None else rows.where(variant=variant)
    return float((own if len(own) else rows)["baseline"][0])


def update_cost(costs: Table, recipe: str, variant: str, model: str) -> float:
    """Seconds of an update, measured by itself, from the table `UPDATE_COST`.

    Raises:
        LookupError: it has not been measured.
    """
    rows = costs.where(recipe=recipe, variant=variant, model=model)
    if not len(rows):
        raise LookupError(f"an update of {model} on {recipe}, {variant}, has not been timed")
    return float(rows["seconds"][0])


def link(path: Path, folder: Path) -> str:
    """`path` as a page in `folder` links to it."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_uri()
