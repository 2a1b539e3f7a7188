"""A run: one training, with the command that repeats it; its folder keeps the command and the outcome."""

import json
import platform
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.checkpoint import CHECKPOINT, GOALS, Row
from rnnlab.experiments.options import flag, options
from rnnlab.experiments.timing import cores
from rnnlab.files import discard_unfinished, replacing
from rnnlab.models import Model, build
from rnnlab.names import wrong_name
from rnnlab.network import Network
from rnnlab.settings import Settings
from rnnlab.tasks import TASKS, Task
from rnnlab.training import DivergenceError, Trained, fit

COMMAND, OUTCOME = "command.txt", "outcome.json"
"""The files in a run's folder with its command, without its goals, and with how it ended."""


@dataclass(frozen=True)
class Run(Settings, Model):
    """One training: a task, and the options of `Model` and `Settings`. Every field is an option of `rnnlab train`.

    Attributes:
        task: its name in `TASKS`.
        data: the task's own options by name, those that were given.

    Raises:
        ValueError: an unknown task, an option that the task or the layer does not take, or a number out of its range.
    """

    task: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Model.__post_init__(self)
        Settings.__post_init__(self)
        if self.task not in TASKS:
            raise wrong_name("task", self.task, TASKS)
        given = {name: value for name, value in self.data.items() if value is not None and value is not False}
        takes = {name: options(make) for name, make in TASKS.items()}
        for name in given:
            if name not in takes[self.task]:
                users = [task for task, its_options in takes.items() if name in its_options]
                raise ValueError(f"{flag(name)} is for {', '.join(users) or 'no task'}; the task is {self.task}")
        object.__setattr__(self, "data", {name: given[name] for name in takes[self.task] if name in given})
        if self.gamma is not None and self.layer != "indrnn":
            raise ValueError(f"--gamma is for indrnn; the layer is {self.layer}")

    @property
    def command(self) -> str:
        """The command that repeats it."""
        words = ["rnnlab", "train", self.task]
        for name, value in self.data.items():
            words += _typed(name, value)
        for option in [*options(Model).values(), *options(Settings).values()]:
            value = getattr(self, option.name)
            if value != option.default:
                words += _typed(option.name, value)
        return shlex.join(words)

    @property
    def words(self) -> str:
        """The layer, and what is not as by default, for the name of a folder: "irnn steps=200 hidden=40"."""
        given = {**self.data, **{name: getattr(self, name) for name in (*options(Model), *options(Settings))}}
        usual = {name: option.default for name, option in {**options(Model), **options(Settings)}.items()}
        told = {
            name: Path(value).stem if name == "input" else value
            for name, value in given.items()
            if name not in ("layer", "seed", *GOALS) and value != usual.get(name)
        }
        return " ".join([self.layer, *(name if value is True else f"{name}={value}" for name, value in told.items())])

    def the_task(self) -> Task:
        """The task, made once for all runs on it in this process."""
        return _task(self.task, **self.data)

    def network(self, task: Task) -> Network:
        """The initial network.

        Its weights and its batches come from two generators that are spawned from the seed, so they have no numbers in
        common. (In recorded runs that do not say when they ended, which are older, both came from the seed itself, so
        the first batches reuse the random numbers of the weights.)
        """
        weights = np.random.default_rng(self.seed).spawn(2)[0]
        return build(weights, task, **{word.name: getattr(self, word.name) for word in fields(Model)})

    def train(
        self,
        folder: Path | None = None,
        *,
        resume: bool = False,
        report: Callable[[Row], None] = lambda row: None,
        executor: Executor | None = None,
    ) -> Trained:
        """Carry it out. With a folder, its command and how it ended are written there too, even if it diverged.

        Raises:
            DivergenceError, WorkerError, ValueError, OSError: as `fit`.
            ValueError: a folder whose run has another command, or has made more updates than this one's.
        """
        task = self.the_task()
        network = self.network(task)
        settings = {setting.name: getattr(self, setting.name) for setting in fields(Settings)}
        if folder is not None:
            _begin(folder, self)
        try:
            trained = fit(network, task, folder=folder, resume=resume, report=report, executor=executor, **settings)
        except DivergenceError as error:
            if folder is not None:
                _conclude(folder, self, "diverged", error.update, error.rows)
            raise
        if folder is not None:
            if trained.rows[-1].update > self.updates:
                raise ValueError(f"{folder} has made {trained.rows[-1].update} updates; {self.updates} were asked for")
            status = "solved" if trained.solved else "done"
            _conclude(folder, self, status, trained.rows[-1].update, trained.rows)
        return trained


def without_goals(command: str) -> str:
    """A run's command without its goals, which may change when it is resumed."""
    words = shlex.split(command)
    goals = {flag(name) for name in GOALS}
    kept = [word for number, word in enumerate(words) if not goals & {word, words[number - 1]}]
    return shlex.join(kept)


def _typed(name: str, value: Any) -> list[str]:
    return [flag(name)] if value is True else [flag(name), f"{value}"]


@lru_cache(maxsize=4)
def _task(name: str, **data: Any) -> Task:
    return TASKS[name](**data)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        command: what repeats it.
        status: "solved" if it reached `until`, "done" if it made all updates, "diverged".
        updates: how many it made; if it diverged, the number of the update that failed.
        score: the last one measured.
        best: the lowest one measured.
        baseline, measure: the task's.
        seconds: wall time.
        versions, machine: where it was run.
        ended: when, in UTC: "2026-11-21T18:40:12"; empty in runs that are older than this field.
    """

    command: str
    status: str
    updates: int
    score: float
    best: float
    baseline: float
    measure: str
    seconds: float
    versions: str
    machine: str
    ended: str = ""

    @classmethod
    def read(cls, folder: Path) -> "Outcome | None":
        """What the folder says; None if its run has not ended.

        Raises:
            ValueError: the file is damaged.
        """
        path = folder / OUTCOME
        if not path.exists():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise ValueError(f"{path} is damaged: delete it, and the resumed run writes it again") from None


def _begin(folder: Path, run: Run) -> None:
    """Keep the run's command in its folder; a folder with a run in it must have the same one, if any."""
    path, own = folder / COMMAND, without_goals(run.command)
    if not (folder / CHECKPOINT).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, own + "\n")
    elif path.exists():
        theirs = path.read_text(encoding="utf-8").rstrip("\n")
        if theirs != own:
            raise ValueError(f"{folder} is of another run, {theirs}, not {own}: choose another folder")


def _conclude(folder: Path, run: Run, status: str, updates: int, rows: tuple[Row, ...]) -> None:
    task = run.the_task()
    outcome = Outcome(
        run.command,
        status,
        updates,
        rows[-1].score if rows else inf,
        min((row.score for row in rows), default=inf),
        task.baseline,
        task.measure,
        rows[-1].seconds if rows else 0.0,
        f"Python {platform.python_version()}, NumPy {np.__version__}",
        f"{cores()} a run",
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    _write(folder / OUTCOME, json.dumps(asdict(outcome), indent=1))


def _write(path: Path, text: str) -> None:
    discard_unfinished(path)
    with replacing(path) as file:
        file.write(text.encode())
