"""When the runs of a model were first below a threshold, within the updates that they were allowed."""

import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab.experiments.results.ends import first_below
from rnnlab.experiments.results.scores import falling
from rnnlab.settings import Settings
from rnnlab.table import Table


class Crossings(NamedTuple):
    """When they were.

    Attributes:
        firsts: updates, of every seed; infinite if it never was.
        budget: the updates of a run.
        row: the most updates from one row of the log to the next.
        falls: whether a run that was never below still falls, so that more updates may get it there.
    """

    firsts: NDArray[np.float64]
    budget: int
    row: float
    falls: bool


def crossings(curves: Table, commands: Sequence[str], below: float) -> Crossings:
    """Of the curves of one model, a run for each seed, that these commands made."""
    runs = [curves.where(seed=seed) for (seed,) in curves.each("seed")]
    firsts = [first_below(run["update"], run["score"], below) for run in runs]
    falls = any(
        first == np.inf and run["status"][-1] == "done" and falling(run["update"], run["score"])
        for run, first in zip(runs, firsts, strict=True)
    )
    row = max(float(np.diff(run["update"]).max(initial=0)) for run in runs)
    return Crossings(np.array(firsts), max(map(_updates, commands)), row, falls)


def _updates(command: str) -> int:
    """The budget of a run, from its command, which leaves out what is the default."""
    words = shlex.split(command)
    return int(words[words.index("--updates") + 1]) if "--updates" in words else Settings.updates
