"""Training: batches, clipping, an optimiser, a log, and a checkpoint from which a run goes on bit for bit."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from rnnlab import optim
from rnnlab.arrays import Array, NotFiniteError
from rnnlab.files import discard_unfinished, replacing
from rnnlab.flow.norms import norms
from rnnlab.layers.batchnorm import evaluating, with_batch_statistics
from rnnlab.layers.indrnn import bounded
from rnnlab.network import Network, NetworkTrace
from rnnlab.optim import Optimizer, OptimizerState
from rnnlab.record import Record, load, save
from rnnlab.table import Table
from rnnlab.tasks.task import Task

CHECKPOINT, LOG, NORMS = "checkpoint.npz", "log.csv", "norms.csv"
"""The files of a run, in its folder."""

PROBED_SEQUENCES, PROBED_STEPS = 32, 50
"""The gradient's norm is taken on so many held-out sequences, at most at so many timesteps."""


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


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint(Record):
    """A run between two updates: all that the rest of it depends on, and what has been logged."""

    network: Network
    optimizer: OptimizerState
    update: int
    generator: str
    settings: str
    log: str
    norms: str


@dataclass(frozen=True)
class Trained:
    """What `fit` returns.

    Attributes:
        network: as it came out; `evaluating()` where it has a BatchNorm.
        rows: the log.
        norms: the gradient's norm per timestep, as it moved.
        solved: whether the score came down to `until`.
    """

    network: Network
    rows: tuple[Row, ...]
    norms: tuple[NormRow, ...]
    solved: bool


class DivergenceError(ArithmeticError):
    """The loss or the gradient became NaN or infinite.

    Attributes:
        update: the update that could not be made, counted from 1.
        rows: the log up to then.
    """

    def __init__(self, message: str, update: int, rows: tuple[Row, ...]) -> None:
        super().__init__(message)
        self.update, self.rows = update, rows


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        updates: how many to make in all.
        batch: sequences in a batch.
        optimizer: "sgd", "momentum", "rmsprop" or "adam".
        lr: learning rate.
        lr_every, lr_factor: the rate is multiplied by lr_factor after every lr_every updates; never if None.
        clip_norm, clip_value: limits that the gradient is clipped to before the update, in this order; None for none.
        max_u: IndRNN's constraint, every |u| ≤ max_u after each update; None for none.
        every: updates from one row of the log, and one checkpoint, to the next.
        until: stop where the score is at or below this; None to make all updates.
        seed: of the generator that draws the batches.

    Raises:
        ValueError: a number out of its range, or an unknown optimiser.
    """

    updates: int = 1000
    batch: int = 32
    optimizer: str = "adam"
    lr: float = 1e-3
    lr_every: int | None = None
    lr_factor: float = 0.1
    clip_norm: float | None = None
    clip_value: float | None = None
    max_u: float | None = None
    every: int = 100
    until: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        optim.get(self.optimizer)
        for name, least in (("updates", 1), ("batch", 1), ("every", 1), ("lr_every", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and not (least <= value < float("inf") and value == int(value)):
                raise ValueError(f"{name} must be a whole number and at least {least}; got {value}")
        for name in ("lr", "lr_factor", "clip_norm", "clip_value", "max_u"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite; got {value}")


def fit(
    network: Network,
    task: Task,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    report: Callable[[Row], None] = lambda row: None,
    **settings: Any,
) -> Trained:
    """Train `network` on `task`: for each update a batch, forward, the loss, backward, clip, update.

    With a `folder`, the log (log.csv), the gradient's norm per timestep (norms.csv) and a checkpoint
    (checkpoint.npz) are written there at every row of the log, each whole or not at all. Where the floats are the
    same, a resumed run is the same to the last bit: the optimiser's state and the generator's are in the checkpoint.

    Args:
        network: where to begin; its dtype is that of the whole run.
        task: what to learn.
        folder: where to keep the run; it is made if need be.
        resume: go on from the folder's checkpoint, if there is one; `updates` and `until` may have changed.
        report: called with every new row of the log.
        settings: those of `Settings`, by name.

    Raises:
        DivergenceError: the loss or the gradient is NaN or infinite; what was written at the last row stands.
        ValueError: a setting out of range; outputs that do not fit the task; a folder with a run in it, without
            `resume`; a checkpoint that is damaged or of another run.
        OSError: the folder cannot be written.
    """
    chosen = Settings(**settings)
    optimizer = optim.get(chosen.optimizer)
    where = None if folder is None else Path(folder)
    state = Checkpoint(
        network,
        optimizer.start(network),
        0,
        _generator_state(np.random.default_rng(chosen.seed)),
        _identity(network, task, chosen),
        "",
        "",
    )
    if where is not None:
        state = _begin(where, state, resume)
    return _run(state, task, chosen, optimizer, where, report)


def evaluate(network: Network, task: Task) -> float:
    """The task's measure on its held-out batches, every BatchNorm normalising by its running statistics."""
    network = evaluating(network)
    parts = [task.score(network.forward(_cast(xs, network)).ys, targets) for xs, targets in task.test()]
    total, count = (sum(column) for column in zip(*parts, strict=True))
    return float(total / count)


def _run(
    state: Checkpoint,
    task: Task,
    chosen: Settings,
    optimizer: Optimizer,
    where: Path | None,
    report: Callable[[Row], None],
) -> Trained:
    """From `state` to the end."""
    rng = _generator(state.generator)
    network, memory = state.network, state.optimizer
    rows, norm_rows = _parsed(Row, state.log), _parsed(NormRow, state.norms)
    begun = time.monotonic() - (rows[-1].seconds if rows else 0.0)

    def keep(update: int, losses: list[float], sizes: list[float]) -> None:
        """A row of the log and a checkpoint."""
        probe_loss, probed = _probe(network, task)
        loss = float(np.mean(losses)) if losses else probe_loss
        norm = float(np.median(sizes)) if sizes else 0.0
        norm_rows.extend(NormRow(update, *row) for row in probed)
        rows.append(Row(update, loss, evaluate(network, task), norm, time.monotonic() - begun))
        if where is not None:
            log, norms_text = _text(Row, rows), _text(NormRow, norm_rows)
            now = replace(state, network=network, optimizer=memory, update=update)
            now = replace(now, generator=_generator_state(rng), log=log, norms=norms_text)
            save(where / CHECKPOINT, now)
            _write_logs(where, now)
        report(rows[-1])

    def solved() -> bool:
        return chosen.until is not None and rows[-1].score <= chosen.until

    update, losses, sizes = state.update, list[float](), list[float]()
    # What is not finite is found by looking: the flags that NumPy would raise by are set by BLAS kernels for numbers
    # that they then throw away, and not set by its other threads.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            if not rows:
                keep(0, losses, sizes)
            while update < chosen.updates and not solved():
                loss, gradient, trace = _descend(network, task, *task.batch(rng, chosen.batch))
                size = optim.global_norm(gradient)
                if not np.isfinite(size):
                    raise FloatingPointError(f"the loss is {loss:g} and the norm of its gradient {size:g}")
                network, memory = optimizer.update(network, _clipped(gradient, chosen), memory, _rate(chosen, update))
                network = with_batch_statistics(network, trace)
                if chosen.max_u is not None:
                    network = bounded(network, chosen.max_u)
                update += 1
                losses.append(loss)
                sizes.append(size)
                if update % chosen.every == 0 or update == chosen.updates:
                    keep(update, losses, sizes)
                    losses, sizes = [], []
        except (FloatingPointError, NotFiniteError) as error:
            seen = [*(row.loss for row in rows), *losses]
            message = _advice(str(error), seen, update + 1, chosen, rows, where)
            raise DivergenceError(message, update + 1, tuple(rows)) from None
    return Trained(network, tuple(rows), tuple(norm_rows), solved())


def _descend(network: Network, task: Task, xs: Array, targets: Any) -> tuple[float, Network, NetworkTrace]:
    """The loss of a batch, its gradient, and the trace."""
    trace = network.forward(_cast(xs, network))
    loss, dys = task.loss(trace.ys, _cast(targets, network))
    if not np.isfinite(loss) or not np.isfinite(dys).all():
        raise FloatingPointError(f"the loss is {loss:g}" + ", its gradient not finite" * bool(np.isfinite(loss)))
    return loss, network.backward(trace, dys).params, trace


def _clipped(gradient: Network, chosen: Settings) -> Network:
    """By norm, then by value, where it is asked for."""
    if chosen.clip_norm is not None:
        gradient = optim.clip_by_norm(gradient, chosen.clip_norm)
    if chosen.clip_value is not None:
        gradient = optim.clip_by_value(gradient, chosen.clip_value)
    return gradient


def _probe(network: Network, task: Task) -> tuple[float, list[tuple[int, int, float]]]:
    """The loss of the first held-out sequences, and (layer, t, median |dL/dh[t]|) for every recurrent layer."""
    network = evaluating(network)
    xs, targets = next(iter(task.test()))
    xs = xs[:, :PROBED_SEQUENCES]
    targets = targets[:PROBED_SEQUENCES] if task.reads == "last" else targets[:, :PROBED_SEQUENCES]
    trace = network.forward(_cast(xs, network))
    loss, dys = task.loss(trace.ys, _cast(targets, network))
    gradients = network.backward(trace, dys)
    steps = np.unique(np.linspace(0, len(xs), min(len(xs), PROBED_STEPS) + 1).astype(int))
    found = []
    totals = [array for name, array in gradients.states.items() if name.endswith(".hs")]
    for number, dhs in enumerate(totals):
        sizes = np.median(norms(dhs[steps]), axis=1) * xs.shape[1]  # the loss is a mean over sequences
        found += [(number, int(t), float(size)) for t, size in zip(steps, sizes, strict=True)]
    return loss, found


def _rate(chosen: Settings, update: int) -> float:
    """The learning rate of the update after `update` others."""
    drops = 0 if chosen.lr_every is None else update // chosen.lr_every
    return float(chosen.lr * chosen.lr_factor**drops)


def _cast(array: Any, network: Network) -> Any:
    """Floats in the network's dtype; integers as they are."""
    dtype = next(iter(network.arrays().values())).dtype
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


def _advice(what: str, losses: list[float], update: int, chosen: Settings, rows: list[Row], where: Path | None) -> str:
    """The sentence of a `DivergenceError`."""
    if "loss" not in what and losses:  # an array says that it is not finite, and not what the loss was before
        what += f", after a loss of {losses[-1]:.4g}"
    clip = "" if chosen.clip_norm is not None else ", or clip the gradient (clip_norm = 1)"
    stands = f"; the checkpoint of update {rows[-1].update} stands" if where is not None and rows else ""
    return f"update {update} diverged: {what}: lower the learning rate (now {chosen.lr:g}){clip}{stands}"


def _identity(network: Network, task: Task, chosen: Settings) -> str:
    """What a checkpoint must agree in with the run that goes on from it."""
    goals = ("updates", "until")
    return json.dumps(
        {
            "network": repr(network),
            "task": _told(task),
            **{name: value for name, value in asdict(chosen).items() if name not in goals},
        },
        default=lambda number: number.item(),  # NumPy's numbers, whose JSON is Python's
    )


def _told(task: Task) -> str:
    """A task by its sizes, its baseline, which depends on its data, and its plain settings."""
    plain = {name: value for name, value in sorted(vars(task).items()) if isinstance(value, str | int | float)}
    sizes = f"{task.steps} steps, {task.inputs} inputs, {task.outputs} outputs, baseline {task.baseline:.6g}"
    return f"{type(task).__name__} of {sizes}, {plain}"


def _begin(where: Path, fresh: Checkpoint, resume: bool) -> Checkpoint:
    """The folder's checkpoint to go on from, or `fresh` in a folder without one."""
    where.mkdir(parents=True, exist_ok=True)
    path = where / CHECKPOINT
    if path.exists() and not resume:
        raise ValueError(f"{where} holds a run already: resume it, or choose another folder")
    saved = _same_run(path, fresh) if path.exists() else None
    for name in (CHECKPOINT, LOG, NORMS):
        discard_unfinished(where / name)
    if saved is None:
        return fresh
    _write_logs(where, saved)  # the run may have been killed between the checkpoint and its log
    return saved


def _same_run(path: Path, fresh: Checkpoint) -> Checkpoint:
    """The checkpoint at `path`, refused if it is not one, or not of the run that `fresh` begins."""
    saved = load(path)
    if not isinstance(saved, Checkpoint) or not isinstance(saved.network, Network):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(saved).__name__}")
    try:
        theirs = dict(json.loads(saved.settings))
        _generator(saved.generator), _parsed(Row, saved.log), _parsed(NormRow, saved.norms)
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path} is not a checkpoint: what it says of its run cannot be read") from None
    for name, value in json.loads(fresh.settings).items():
        if theirs.get(name) != value:
            raise ValueError(f"{path} is of another run: its {name} is {theirs.get(name)}, not {value}")
    return saved


def _write_logs(where: Path, state: Checkpoint) -> None:
    for name, text in ((LOG, state.log), (NORMS, state.norms)):
        with replacing(where / name) as file:
            file.write(text.encode())


def _generator_state(rng: np.random.Generator) -> str:
    return json.dumps(rng.bit_generator.state)


def _generator(state: str) -> np.random.Generator:
    rng = np.random.default_rng()
    rng.bit_generator.state = json.loads(state)
    return rng


def _text(kind: type[Row] | type[NormRow], rows: list[Any]) -> str:
    return Table.of(" ".join(kind._fields), rows).text() if rows else ""


def _parsed(kind: type[Any], text: str) -> list[Any]:
    if not text:
        return []
    table = Table.parse(text)
    kinds = [kind.__annotations__[name] for name in kind._fields]
    rows = zip(*(table[name].tolist() for name in kind._fields), strict=True)
    return [kind(*(cast(Any, as_)(value) for as_, value in zip(kinds, row, strict=True))) for row in rows]
