"""Run an experiment: its runs in parallel processes, each resumable, and one table of all."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import nullcontext
from math import inf
from pathlib import Path

from rnnlab.checkpoint import LOG, NORMS
from rnnlab.experiments.recipe import Entry
from rnnlab.experiments.results.ends import first_below
from rnnlab.experiments.results.scores import judged
from rnnlab.experiments.run import Outcome, without_goals
from rnnlab.memory import keep_freed_memory
from rnnlab.parallel import Processes
from rnnlab.parallel.workers import completed
from rnnlab.table import Table
from rnnlab.training import DivergenceError

CURVES = "variant model seed status update loss score norm seconds"
GRADIENTS = "variant model seed status update layer t norm"
RUNS = (
    "recipe size variant model seed status updates score best baseline measure seconds command versions machine first "
    "ended"
)
"""The columns of the tables: of the learning curves, of the gradient's norms, and of the runs, one a row.

Of a run's three scores `score` is the last, `best` the lowest, and `first` the updates until the score was first below
the recipe's threshold (`results.scores`). `ended` is when, in UTC.
"""
TRIES = f"{RUNS} varied"
"""Those of the pilot runs, with what each tried."""


def carry_out(
    entries: Iterable[Entry],
    root: Path,
    *,
    jobs: int = 1,
    report: Callable[[Entry, Outcome], None] = lambda entry, outcome: None,
    executor: Executor | None = None,
) -> None:
    """Every run of `entries` that has not ended, in `root`/NAME; see `carry_out_all`."""
    carry_out_all([(entry, root) for entry in entries], jobs=jobs, report=report, executor=executor)


def carry_out_all(
    placed: Iterable[tuple[Entry, Path]],
    *,
    jobs: int = 1,
    report: Callable[[Entry, Outcome], None] = lambda entry, outcome: None,
    executor: Executor | None = None,
) -> None:
    """Every run that has not ended, each in the folder ROOT/NAME beside it, `jobs` at a time, in their order.

    An interrupted one is resumed. Each run has a process of its own with one BLAS thread: more threads would only
    compete for the cores. With an `executor` they go there instead, all at once, and the folders must be shared with
    its workers. A run that diverges has ended, too. Runs on data that is not there are left out, which is said.

    Raises:
        ValueError: jobs < 1; a folder that holds another run.
        OSError: a folder cannot be written.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1; got {jobs}")
    waiting = []
    for entry, root in placed:
        outcome = ended(entry, root)
        if outcome is not None:
            report(entry, outcome)
        elif not Path(entry.run.data.get("input", ".")).exists():
            print(f"{entry.name}: left out, because {entry.run.data['input']} is not here", file=sys.stderr)  # noqa: T201
        else:
            waiting.append((entry, root))
    if not waiting:
        return
    # What stops this block, Ctrl-C too, stops every run at once: each goes on from its last checkpoint when resumed.
    with nullcontext(executor) if executor is not None else Processes(min(jobs, len(waiting))) as workers:
        runs = {workers.submit(one, entry, root): entry for entry, root in waiting}
        for run in completed(runs):
            report(runs[run], run.result())


def one(entry: Entry, root: Path) -> Outcome:
    """One run, from its last checkpoint if it has one, to its end."""
    folder = root / entry.name
    keep_freed_memory()  # a worker does nothing but train
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


def so_far(entry: Entry, root: Path) -> Outcome | None:
    """How the run of `entry` ended, or where it last did if it is to go on for longer; None if it never has."""
    outcome = Outcome.read(root / entry.name)
    same = outcome is not None and without_goals(outcome.command) == without_goals(entry.run.command)
    return outcome if same else None


def outcomes(recipe: str, size: str, entries: Iterable[Entry], root: Path) -> Table:
    """A row for every run that has ended."""
    return Table.of(RUNS, [_row(recipe, size, entry, end, root) for entry, end in _concluded(entries, root)])


def tries(recipe: str, entries: Iterable[Entry], root: Path) -> Table:
    """A row for every pilot run that has ended."""
    rows = [(*_row(recipe, "pilots", entry, end, root), entry.tries) for entry, end in _concluded(entries, root)]
    return Table.of(TRIES, rows)


def _concluded(entries: Iterable[Entry], root: Path) -> list[tuple[Entry, Outcome]]:
    return [(entry, end) for entry in entries if (end := so_far(entry, root)) is not None]


def _row(recipe: str, size: str, entry: Entry, end: Outcome, root: Path) -> tuple[str | float, ...]:
    log = _log(root / entry.name / LOG, end)
    below = judged(recipe, entry.variant).below
    first = inf if log is None else first_below(log["update"], log["score"], below)
    names = (recipe, size, *entry.key, end.status, float(end.updates))
    scores = (end.score, end.best, end.baseline, end.measure, end.seconds)
    return *names, *scores, end.command, end.versions, end.machine, first, end.ended


def curves(entries: Iterable[Entry], root: Path) -> Table:
    """The log of every run that has ended, one below the other."""
    return _stacked(CURVES, LOG, entries, root)


def gradients(entries: Iterable[Entry], root: Path) -> Table:
    """The gradient's norm per timestep of every run that has ended, during training."""
    return _stacked(GRADIENTS, NORMS, entries, root)


def _stacked(names: str, file: str, entries: Iterable[Entry], root: Path) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for entry, end in _concluded(entries, root):
        table = _log(root / entry.name / file, end)
        if table is not None:
            columns = (table[name].tolist() for name in names.split()[4:])
            first = (*entry.key, end.status)
            rows += [(*first, *row) for row in zip(*columns, strict=True)]
    return Table.of(names, rows)


def _log(path: Path, end: Outcome) -> Table | None:
    """The rows up to the update at which the run ended; None where the first update diverged, which leaves no log."""
    if not path.exists():
        return None
    table = Table.read(path)
    return table.rows(table["update"] <= end.updates)
