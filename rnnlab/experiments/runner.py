"""Run an experiment: its runs in parallel processes, each resumable, and one table of all."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path

from rnnlab.checkpoint import LOG, NORMS
from rnnlab.experiments.recipes import Entry
from rnnlab.experiments.run import Outcome, without_goals
from rnnlab.parallel import Processes
from rnnlab.parallel.workers import completed
from rnnlab.table import Table
from rnnlab.training import DivergenceError

CURVES = "variant model seed status update loss score norm seconds"
GRADIENTS = "variant model seed status update layer t norm"
RUNS = "recipe size variant model seed status updates score best baseline measure seconds command versions machine"
"""The columns of the tables: of the learning curves, of the gradient's norms, and of the runs, one a row."""


def carry_out(
    entries: Iterable[Entry],
    root: Path,
    *,
    jobs: int = 1,
    report: Callable[[Entry, Outcome], None] = lambda entry, outcome: None,
    executor: Executor | None = None,
) -> None:
    """Every run of `entries` that has not ended, in `root`/NAME, `jobs` at a time; an interrupted one is resumed.

    Each run has a process of its own with one BLAS thread: more threads would only compete for the cores. With
    an `executor` they go there instead, all at once, and `root` must be a folder that its workers share. A run that
    diverges has ended, too.

    Raises:
        ValueError: jobs < 1; a folder in `root` that holds another run.
        OSError: `root` cannot be written.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1; got {jobs}")
    waiting = []
    for entry in entries:
        outcome = ended(entry, root)
        if outcome is None:
            waiting.append(entry)
        else:
            report(entry, outcome)
    if not waiting:
        return
    # What stops this block, Ctrl-C too, stops every run at once: each goes on from its last checkpoint when resumed.
    with nullcontext(executor) if executor is not None else Processes(min(jobs, len(waiting))) as workers:
        runs = {workers.submit(one, entry, root): entry for entry in waiting}
        for run in completed(runs):
            report(runs[run], run.result())


def one(entry: Entry, root: Path) -> Outcome:
    """One run, from its last checkpoint if it has one, to its end."""
    folder = root / entry.name
    try:
        entry.run.train(folder, resume=True)
    except DivergenceError as error:
        print(f"{entry.name}: {error}", file=sys.stderr)  # noqa: T201 - a worker has no other way to say it
    outcome = ended(entry, root)
    if outcome is None:
        raise ValueError(f"{folder} holds no outcome of the run that ended there")
    return outcome


def ended(entry: Entry, root: Path) -> Outcome | None:
    """How the run of `entry` in `root` ended; None if it has not, or ended where --updates or --until was another.

    Raises:
        ValueError: its folder holds another run.
    """
    outcome = Outcome.read(root / entry.name)
    if outcome is None or outcome.command == entry.run.command:
        return outcome
    if without_goals(outcome.command) != without_goals(entry.run.command):
        raise ValueError(f"{root / entry.name} is of another run, {outcome.command}: choose another folder")
    return None


def outcomes(recipe: str, size: str, entries: Iterable[Entry], root: Path) -> Table:
    """A row for every run that has ended."""
    rows: list[tuple[str | float, ...]] = []
    for entry in entries:
        end = ended(entry, root)
        if end is not None:
            first = (recipe, size, entry.variant, entry.model, float(entry.run.seed), end.status, float(end.updates))
            scores = (end.score, end.best, end.baseline, end.measure, end.seconds)
            rows.append((*first, *scores, end.command, end.versions, end.machine))
    return Table.of(RUNS, rows)


def curves(entries: Iterable[Entry], root: Path) -> Table:
    """The log of every run that has ended, one below the other."""
    return _stacked(CURVES, LOG, entries, root)


def gradients(entries: Iterable[Entry], root: Path) -> Table:
    """The gradient's norm per timestep of every run that has ended, during training."""
    return _stacked(GRADIENTS, NORMS, entries, root)


def _stacked(names: str, file: str, entries: Iterable[Entry], root: Path) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for entry in entries:
        end = ended(entry, root)
        if end is not None and (root / entry.name / file).exists():  # not where the first update diverged
            table = Table.read(root / entry.name / file)
            columns = (table[name].tolist() for name in names.split()[4:])
            first = (entry.variant, entry.model, float(entry.run.seed), end.status)
            rows += [(*first, *row) for row in zip(*columns, strict=True)]
    return Table.of(names, rows)
