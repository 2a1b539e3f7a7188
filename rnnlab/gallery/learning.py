"""What the figures of the experiments share: an experiment carried out, and the look of its learning curves."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnlab.experiments.recipes import RECIPES, Entry, Size
from rnnlab.experiments.runner import carry_out, curves, outcomes
from rnnlab.table import Table

ROOT = Path("runs")
"""Where the runs are kept, in the folder that the command is called in; as `rnnlab train --recipe` keeps them."""


def train(
    recipe: str,
    *,
    size: Size = "paper",
    root: Path = ROOT,
    jobs: int | None = None,
    table: Callable[[Iterable[Entry], Path], Table] = curves,
) -> Table:
    """The experiment carried out, or its rest where it was begun before; `table` of its runs.

    Args:
        jobs: runs side by side; as many as there are processors if not given.
    """
    entries, folder = RECIPES[recipe].entries(size), root / f"{recipe}-{size}"
    carry_out(entries, folder, jobs=jobs or os.cpu_count() or 1)
    return table(entries, folder)


def runs(recipe: str, *, size: Size = "paper", root: Path = ROOT) -> Table:
    """A row for every run of the experiment that has ended."""
    return outcomes(recipe, size, RECIPES[recipe].entries(size), root / f"{recipe}-{size}")
