"""What an update costs: each run's model timed by itself, for budgets of time and for how long the runs will take."""

import time
from collections.abc import Callable, Iterable

import numpy as np

from rnnlab import optim
from rnnlab.experiments.recipe import Entry
from rnnlab.experiments.run import Run
from rnnlab.experiments.timing import cores
from rnnlab.memory import keep_freed_memory
from rnnlab.table import Table
from rnnlab.training import evaluate, update

COLUMNS = "recipe variant model seconds evaluation updates machine"
"""`seconds` is the processor's time for one update, `evaluation` for a held-out evaluation, `updates` how many were
timed. It is what a clock on the wall shows on a machine that does nothing else, with one BLAS thread."""
LONGEST = 2.0
"""Seconds after which no more updates are timed, once there are three."""


def measure(entries: Iterable[tuple[str, Entry]], report: Callable[[str], None] = lambda line: None) -> Table:
    """A row for every variant and model: the fastest of up to 20 updates, which was disturbed least by other work.

    Args:
        entries: (recipe, entry); only the first of each variant and model is timed.
        report: called with a line for each.
    """
    keep_freed_memory()
    machine = f"{cores()}, NumPy {np.__version__}"
    rows: dict[tuple[str, str, str], tuple[str | float, ...]] = {}
    for recipe, entry in entries:
        key = recipe, entry.variant, entry.model
        if key not in rows:
            times, evaluation = _times(entry.run)
            rows[key] = (*key, min(times), evaluation, float(len(times)), machine)
            report(f"{', '.join(key)}: {1e3 * min(times):.1f} ms an update, {1e3 * evaluation:.0f} ms an evaluation")
    return Table.of(COLUMNS, rows.values())


def _times(run: Run) -> tuple[list[float], float]:
    """The seconds of each update, and of an evaluation."""
    task = run.the_task()
    network = run.network(task)
    memory, rng, times = optim.get(run.optimizer).start(network), np.random.default_rng(0), list[float]()
    while len(times) < 3 or (len(times) < 20 and sum(times) < LONGEST):
        begun = time.process_time()
        network, memory, _, _ = update(network, memory, len(times), task, rng, run)
        times.append(time.process_time() - begun)
    begun = time.process_time()
    evaluate(network, task)
    return times, time.process_time() - begun
