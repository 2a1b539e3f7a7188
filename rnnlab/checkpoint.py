"""The checkpoint of a training run: all that is needed to resume it bit for bit."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar, cast

import numpy as np

from rnnlab.files import discard_unfinished, replacing
from rnnlab.network import Network
from rnnlab.optim import OptimizerState
from rnnlab.record import Record, load, save
from rnnlab.table import Table
from rnnlab.tasks.task import Task

CHECKPOINT, LOG, NORMS = "checkpoint.npz", "log.csv", "norms.csv"
"""The files of a run, in its folder."""

GOALS = ("updates", "until", "workers")
"""The settings that may change when a run is resumed."""


class Row(NamedTuple):
    """A row of the log.

    Attributes:
        update: updates made so far.
        loss: mean training loss since the row before; in the first row, before any update, that of a held-out batch.
        score: the task's measure on its held-out batches.
        norm: median norm of the whole gradient, before clipping, since the row before; 0 in the first row.
        seconds: time spent so far, over all sessions of the run.
    """

    update: int
    loss: float
    score: float
    norm: float
    seconds: float


class NormRow(NamedTuple):
    """|dL/dh[t]| of one layer (0 is the lowest) as the network stood after `update` updates: median over sequences.

    L is a sequence's own loss, and dL/dh[t] the total derivative.
    """

    update: int
    layer: int
    t: int
    norm: float


AnyRow = TypeVar("AnyRow", Row, NormRow)


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint(Record):
    """A run between two updates: everything that the rest of it depends on, and the log so far.

    Attributes:
        network, optimizer: as they stand.
        update: how many updates have been made.
        generator: the state of the generator that draws the batches, as JSON.
        settings: the identity of the run as JSON, which must match to resume it.
        log, norms: the rows so far, as CSV.
    """

    network: Network
    optimizer: OptimizerState
    update: int
    generator: str
    settings: str
    log: str
    norms: str

    @classmethod
    def begin(cls, network: Network, optimizer: OptimizerState, task: Task, settings: dict[str, Any]) -> Self:
        """Before the first update."""
        batches = np.random.default_rng(settings["seed"]).spawn(2)[1]
        return cls(network, optimizer, 0, generator_state(batches), _identity(network, task, settings), "", "")

    @property
    def rows(self) -> list[Row]:
        """The log."""
        return _parsed(Row, self.log)

    @property
    def norm_rows(self) -> list[NormRow]:
        """The gradient's norms."""
        return _parsed(NormRow, self.norms)

    @property
    def rng(self) -> np.random.Generator:
        """The generator of the batches."""
        rng = np.random.default_rng()
        rng.bit_generator.state = json.loads(self.generator)
        return rng


def generator_state(rng: np.random.Generator) -> str:
    """As JSON."""
    return json.dumps(rng.bit_generator.state)


def csv(rows: list[Row] | list[NormRow]) -> str:
    """The rows under their names; nothing if there are none."""
    return Table.of(" ".join(rows[0]._fields), rows).text() if rows else ""


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """The checkpoint, and beside it its log and norms as CSV, each whole or not at all."""
    save(folder / CHECKPOINT, checkpoint)
    _write_logs(folder, checkpoint)


def go_on(folder: Path, fresh: Checkpoint, *, resume: bool) -> Checkpoint:
    """The folder's checkpoint to resume from, or `fresh` if there is none; the folder is created if missing.

    Raises:
        ValueError: a checkpoint there without `resume`, or one that is damaged, foreign, or of another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKPOINT
    if path.exists() and not resume:
        raise ValueError(f"{folder} holds a run already: resume it, or choose another folder")
    saved = _same_run(path, fresh) if path.exists() else None
    for name in (CHECKPOINT, LOG, NORMS):
        discard_unfinished(folder / name)
    if saved is None:
        return fresh
    _write_logs(folder, saved)  # the run may have been killed between the checkpoint and its log
    return saved


def _write_logs(folder: Path, checkpoint: Checkpoint) -> None:
    for name, text in ((LOG, checkpoint.log), (NORMS, checkpoint.norms)):
        with replacing(folder / name) as file:
            file.write(text.encode())


def read(path: Path) -> Checkpoint:
    """The checkpoint at `path`.

    Raises:
        ValueError: the file is damaged, or holds something else.
    """
    saved = load(path)
    if not isinstance(saved, Checkpoint):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(saved).__name__}")
    return saved


def _same_run(path: Path, fresh: Checkpoint) -> Checkpoint:
    """The checkpoint at `path`, refused if it is not one, or not of the run that `fresh` begins."""
    saved = read(path)
    try:
        theirs = dict(json.loads(saved.settings))
        for text in (saved.generator, saved.log, saved.norms):
            text.encode()
        rows, _, _ = saved.rows, saved.norm_rows, saved.rng
    except Exception:  # text of unknown origin can raise any exception
        raise ValueError(f"{path} is not a checkpoint: what it says of its run cannot be read") from None
    for name, value in json.loads(fresh.settings).items():
        if theirs.get(name) != value:
            raise ValueError(f"{path} is of another run: its {name} is {theirs.get(name)}, not {value}")
    foreign = _foreign(saved, fresh, [row.update for row in rows])
    if foreign:
        raise ValueError(f"{path} is not a checkpoint: {foreign}")
    return saved


def _foreign(saved: Checkpoint, fresh: Checkpoint, updates: list[int]) -> str:
    """Why `fit` cannot have written this checkpoint; empty if it can. `updates` are those of the log."""
    if repr(saved.network) != repr(fresh.network):
        return f"its network is not that of its settings but {saved.network!r}"
    if not isinstance(saved.optimizer, OptimizerState) or repr(saved.optimizer.averages) != repr(
        fresh.optimizer.averages
    ):
        return f"its optimizer is not that of its settings but {saved.optimizer!r}"
    if updates[:1] != [0] or any(later <= earlier for earlier, later in pairwise(updates)):
        return "its log does not count updates from 0 upwards"
    for name, count in (("update", saved.update), ("optimizer.updates", saved.optimizer.updates)):
        if type(count) is not int or count != updates[-1]:
            return f"its {name} is {count!r}, and its log ends with update {updates[-1]}"
    return ""


def _identity(network: Network, task: Task, settings: dict[str, Any]) -> str:
    """What must match between a checkpoint and the run that resumes it."""
    rest = {name: value for name, value in settings.items() if name not in GOALS}
    named = {"network": repr(network), "task": _description(task), **rest}
    return json.dumps(named, default=lambda number: number.item())  # NumPy's numbers, whose JSON is Python's


def _description(task: Task) -> str:
    """A task by its sizes, its baseline, which depends on its data, and its plain settings."""
    plain = {name: value for name, value in sorted(vars(task).items()) if isinstance(value, str | int | float)}
    sizes = f"{task.steps} steps, {task.inputs} inputs, {task.outputs} outputs, baseline {task.baseline:.6g}"
    return f"{type(task).__name__} of {sizes}, {plain}"


def _parsed(kind: type[AnyRow], text: str) -> list[AnyRow]:
    if not text:
        return []
    table = Table.parse(text)
    casts = [kind.__annotations__[name] for name in kind._fields]
    rows = zip(*(table[name].tolist() for name in kind._fields), strict=True)
    return [kind(*(cast(Any, as_)(value) for as_, value in zip(casts, row, strict=True))) for row in rows]
