"""Carry out an experiment: its runs side by side in processes of their own, each resumable, and one table of all."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from rnnlab.checkpoint import LOG, NORMS
from rnnlab.experiments.recipes import Entry
from rnnlab.experiments.run import Outcome, without_goals
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
) -> None:
    """Every run of `entries` that has not ended, in `root`/NAME, `jobs` at a time; one that was interrupted goes on.

    Each run has a process of its own with one BLAS thread: several with more each would only wait for one another. A
    run that diverges has ended, too.

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
    before = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(before, "1"))  # read by the workers' BLAS when they load it
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    try:
        with ProcessPoolExecutor(min(jobs, len(waiting)), context, _obey, (watched,)) as pool:
            _all(pool, held, waiting, root, report)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _obey(watched: Connection) -> None:
    """A worker ends at once when its parent says so, by closing the other end of the pipe, or is killed.

    Whoever resumes its run must not find it still writing there. Ctrl-C, which reaches the workers too, is the parent's
    to deal with: a worker that it interrupted would go on to the next run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        watched.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _all(
    pool: Executor, held: Connection, waiting: list[Entry], root: Path, report: Callable[[Entry, Outcome], None]
) -> None:
    try:
        with _deaf_children():
            tasks = {pool.submit(one, entry, root): entry for entry in waiting}
        for task in as_completed(tasks):
            report(tasks[task], task.result())
    except BaseException:
        held.close()  # every run goes on from its last checkpoint when it is resumed
        raise


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started here ignore Ctrl-C from the first moment, before any line of theirs is run."""
    if threading.current_thread() is not threading.main_thread():  # where signals cannot be set
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def one(entry: Entry, root: Path) -> Outcome:
    """One run, from its last checkpoint if it has one, to its end."""
    folder = root / entry.name
    try:
        entry.run.train(folder, resume=True)
    except DivergenceError as error:
        print(f"{entry.name}: {error}", file=sys.stderr)  # noqa: T201 - a worker has no other voice
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
    """The gradient's norm per timestep of every run that has ended, as it moved."""
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
