"""Training: one update, and the loop around it with its log and checkpoints.

An update is a batch, forward, the loss, backward, clip, step: `loss_and_gradient` and `update`, here at the top. The
settings are in `settings.py`; how a run is saved and resumed, bit for bit, in `checkpoint.py`.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab import bptt, optim
from rnnlab.arrays import Array, NotFiniteError
from rnnlab.checkpoint import Checkpoint, NormRow, Row, csv, generator_state, go_on, write
from rnnlab.flow.norms import norms
from rnnlab.layers.batchnorm import evaluating, normalises_over_time, with_batch_statistics
from rnnlab.layers.indrnn import bounded
from rnnlab.models import build
from rnnlab.network import Network, NetworkTrace
from rnnlab.optim import OptimizerState
from rnnlab.parallel import Processes, WorkerError, data_parallel, require_rows_apart
from rnnlab.progress import progress
from rnnlab.settings import Settings
from rnnlab.subnormals import flushed_subnormals
from rnnlab.tasks.task import Task

PROBED_SEQUENCES, PROBED_STEPS = 32, 50
"""The number of held-out sequences on which the gradient's norm is measured, and of timesteps, at most."""

DEFAULTS = Settings()

# We check for NaN and infinity ourselves: NumPy's floating-point warnings are unreliable here, because BLAS kernels set
# the flags for numbers that they discard, and other threads do not set them at all.
without_flags = np.errstate(over="ignore", invalid="ignore")


@without_flags
@flushed_subnormals()
def loss_and_gradient(
    network: Network,
    task: Task,
    xs: Array,
    targets: Any,
    chosen: Settings = DEFAULTS,
    executor: Executor | None = None,
) -> tuple[float, Network, NetworkTrace | None]:
    """The loss of a batch, its gradient, and the trace (None for replicas or chunks of time, which have one each).

    Raises:
        FloatingPointError, NotFiniteError: something is NaN or infinite.
        WorkerError: a replica failed.
    """
    xs, targets = _cast(xs, network), _cast(targets, network)
    if executor is not None:
        workers, answers = chosen.workers, task.answers
        return *data_parallel(executor, network, task.loss, xs, targets, workers=workers, answers=answers), None
    if chosen.truncate is not None or chosen.checkpointed:
        return *_loss_and_gradient_in_chunks(network, task, xs, targets, chosen.truncate), None
    trace = network.forward(xs)
    loss, dys = task.loss(trace.ys, targets)
    _require_finite(loss, dys)
    return loss, network.backward(trace, dys).params, trace


@without_flags
def update(
    network: Network,
    memory: OptimizerState,
    made: int,
    task: Task,
    rng: np.random.Generator,
    chosen: Settings,
    executor: Executor | None = None,
) -> tuple[Network, OptimizerState, float, float]:
    """One update, after `made` earlier ones: batch, forward, loss, backward, clip, step.

    Returns:
        The network and the optimiser's memory after it, the loss, and the norm of the gradient before clipping.
    """
    xs, targets = task.batch(rng, chosen.batch)
    loss, gradient, trace = loss_and_gradient(network, task, xs, targets, chosen, executor)
    norm = optim.global_norm(gradient)
    if not np.isfinite(norm):
        raise FloatingPointError(f"the loss is {loss:g} and the norm of its gradient {norm:g}")
    if chosen.clip_norm is not None:
        gradient = optim.clip_by_norm(gradient, chosen.clip_norm)
    if chosen.clip_value is not None:
        gradient = optim.clip_by_value(gradient, chosen.clip_value)
    network, memory = optim.get(chosen.optimizer).update(network, gradient, memory, chosen.rate(made))
    if trace is not None:
        network = with_batch_statistics(network, trace)
    if chosen.gamma is not None:
        network = bounded(network, chosen.gamma ** (1 / task.steps))
    return network, memory, loss, norm


@dataclass(frozen=True)
class Trained:
    """What `fit` returns.

    Attributes:
        network: the trained network; use `evaluating(network)` if it has a BatchNorm.
        rows: the log.
        norms: the gradient's norm per timestep during training.
        solved: whether the score reached `until`.
    """

    network: Network
    rows: tuple[Row, ...]
    norms: tuple[NormRow, ...]
    solved: bool

    def __repr__(self) -> str:
        last = self.rows[-1]
        end = "solved" if self.solved else "ended"
        return (
            f"Trained: {end} after {last.update} updates, {last.seconds:.0f} s, loss {last.loss:.4g}, "
            f"score {last.score:.4g}\n  .network  {self.network!r}\n  .rows     {len(self.rows)} rows of the log\n"
            f"  .norms    {len(self.norms)} norms |dL/dh[t]| by update, layer and t"
        )


class DivergenceError(ArithmeticError):
    """The loss or the gradient became NaN or infinite.

    Attributes:
        update: the update that could not be made, counted from 1.
        rows: the log up to then.
    """

    def __init__(self, message: str, update: int, rows: tuple[Row, ...]) -> None:
        super().__init__(message)
        self.update, self.rows = update, rows


def fit(
    network: Network | type[Any],
    task: Task,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    report: Callable[[Row], None] | None = None,
    executor: Executor | None = None,
    **settings: Any,
) -> Trained:
    """Train `network` on `task`: for each update a batch, forward, the loss, backward, clip, step.

    With a `folder`, the log (log.csv), the gradient's norm per timestep (norms.csv) and a checkpoint
    (checkpoint.npz) are written there at every row of the log, each whole or not at all. On the same
    machine, a resumed run is the same to the last bit: the optimiser's state and the generator's are in the checkpoint.

    Args:
        network: the initial network, its dtype being that of the whole run; or a layer's class, of which
            `models.build` makes one with 100 units, drawn with the run's seed.
        task: the task to train on.
        folder: where to save the run; created if missing.
        resume: go on from the folder's checkpoint, if there is one; `updates` and `until` may have changed.
        report: called with every new row of the log; if not given, a terminal shows how far it is.
        executor: where `workers` replicas run, see `rnnlab.parallel`; if not given, more than one are processes here.
        settings: those of `Settings`, by name.

    Raises:
        DivergenceError: the loss or the gradient is NaN or infinite; what was written at the last row stands.
        ValueError: a setting out of range; outputs that do not fit the task; a folder with a run in it, without
            `resume`; a checkpoint that is damaged, of another run, or past the row where `until` would have stopped it.
        TypeError: not a network, but a layer for instance.
        WorkerError: a replica raised, or its worker died twice; what was written at the last row stands.
        OSError: the folder cannot be written.
    """
    chosen = Settings(**settings)
    if isinstance(network, type):
        network = build(np.random.default_rng(chosen.seed).spawn(2)[0], task, layer=network)
    given: object = network  # whatever its annotation promises
    if not isinstance(given, Network):
        kind = type(given).__name__
        raise TypeError(
            f"fit trains a network, for instance rl.models.build(rng, task, layer={kind}, hidden=40) or "
            f"rl.Network((layer,), readout); got {kind}"
        )
    if executor is not None and chosen.workers == 1:
        raise ValueError("an executor needs to know how many replicas share a batch: workers=2, for instance")
    if chosen.workers > 1:
        require_rows_apart(network)
    if (chosen.truncate or chosen.checkpointed) and normalises_over_time(network):
        raise ValueError("a BatchNorm normalises over all steps at once: train without truncate and checkpointed")
    start = Checkpoint.begin(network, optim.get(chosen.optimizer).start(network), task, asdict(chosen))
    where = None if folder is None else Path(folder)
    if where is not None:
        start = go_on(where, start, resume=resume)
    for row in start.rows[:-1]:
        if chosen.until is not None and row.score <= chosen.until:
            raise ValueError(
                f"{folder} has gone on from update {row.update}, where its score was {row.score:.4g} and until = "
                f"{chosen.until:g} would have stopped it: ask for a lower until, or choose another folder"
            )
    own_line = progress(chosen.updates, task.measure, always=False)
    with own_line if report is None else nullcontext(report) as show:
        if executor is not None or chosen.workers == 1:
            return _train(start, task, chosen, where, show, executor)
        with Processes(chosen.workers) as processes:
            return _train(start, task, chosen, where, show, processes)


def _train(
    start: Checkpoint,
    task: Task,
    chosen: Settings,
    folder: Path | None,
    report: Callable[[Row], None],
    executor: Executor | None,
) -> Trained:
    """From `start` to the end: updates, and now and then a row of the log and a checkpoint."""
    network, memory, made, rng = start.network, start.optimizer, start.update, start.rng
    rows, norm_rows = start.rows, start.norm_rows
    losses, norms = list[float](), list[float]()  # of the updates since the last row
    begun = time.monotonic() - (rows[-1].seconds if rows else 0.0)
    try:
        while True:
            if not rows or (losses and (made % chosen.every == 0 or made == chosen.updates)):
                probe_loss, probed = _probe(network, task)
                loss, norm = (np.mean(losses), np.median(norms)) if losses else (probe_loss, 0.0)
                score = evaluate(network, task)
                rows.append(Row(made, float(loss), score, float(norm), time.monotonic() - begun))
                norm_rows += [NormRow(made, *row) for row in probed]
                losses, norms = [], []
                if folder is not None:
                    now = replace(start, network=network, optimizer=memory, update=made)
                    write(folder, replace(now, generator=generator_state(rng), log=csv(rows), norms=csv(norm_rows)))
                report(rows[-1])
            solved = chosen.until is not None and rows[-1].score <= chosen.until
            if solved or made >= chosen.updates:
                return Trained(network, tuple(rows), tuple(norm_rows), solved)
            network, memory, loss, norm = update(network, memory, made, task, rng, chosen, executor)
            made += 1
            losses.append(loss)
            norms.append(norm)
    except (FloatingPointError, NotFiniteError) as error:
        seen = [*(row.loss for row in rows), *losses]
        message = _advice(str(error), seen, made + 1, chosen, rows, folder)
        raise DivergenceError(message, made + 1, tuple(rows)) from None
    except WorkerError as error:
        raise WorkerError(f"update {made + 1} could not be made: {error}{_what_stands(rows, folder)}") from error


@without_flags
def evaluate(network: Network, task: Task) -> float:
    """The task's measure on its held-out batches, every BatchNorm normalising by its running statistics."""
    network = evaluating(network)
    parts = [task.score(network.forward(_cast(xs, network)).ys, targets) for xs, targets in task.test()]
    total, count = (sum(column) for column in zip(*parts, strict=True))
    return float(total / count)


@without_flags
def _probe(network: Network, task: Task) -> tuple[float, list[tuple[int, int, float]]]:
    """The loss of the first held-out sequences, and (layer, t, median |dL/dh[t]|) for every recurrent layer."""
    network = evaluating(network)
    xs, targets = next(iter(task.test()))
    xs = xs[:, :PROBED_SEQUENCES]
    targets = targets[:PROBED_SEQUENCES] if task.reads == "last" else targets[:, :PROBED_SEQUENCES]
    trace = network.forward(_cast(xs, network))
    loss, dys = task.loss(trace.ys, _cast(targets, network))
    first_states = dict[str, Array]()  # the first state of each layer, its h, by the layer's place: layers.0, layers.1
    for name, totals in network.backward(trace, dys).states.items():
        first_states.setdefault(name.rpartition(".")[0], totals)
    steps = np.unique(np.linspace(0, len(xs), min(len(xs), PROBED_STEPS) + 1).astype(int))
    found = []
    for number, dhs in enumerate(first_states.values()):
        medians = np.median(norms(dhs[steps]), axis=1) * xs.shape[1]  # the loss is a mean over sequences
        found += [(number, int(t), float(median)) for t, median in zip(steps, medians, strict=True)]
    return loss, found


def _loss_and_gradient_in_chunks(
    network: Network, task: Task, xs: NDArray[Any], targets: NDArray[Any], truncate: int | None
) -> tuple[float, Network]:
    """Truncated BPTT in chunks of `truncate` steps, or checkpointed BPTT if it is None."""
    answers = task.answers(targets)

    def loss(steps: slice, ys: Array) -> tuple[float, Array]:
        """A chunk's part of the mean over all answers."""
        wanted = targets if task.reads == "last" else targets[steps]
        value, dys = task.loss(ys, wanted)
        _require_finite(value, dys)
        share = task.answers(wanted) / max(answers, 1)
        return share * value, share * dys

    ours = bptt.checkpointed(network, xs, loss) if truncate is None else bptt.truncated(network, xs, loss, truncate)
    return ours.loss, ours.params


def _require_finite(loss: float, dys: Array) -> None:
    if not np.isfinite(loss) or not np.isfinite(dys).all():
        raise FloatingPointError(f"the loss is {loss:g}" + ", its gradient not finite" * bool(np.isfinite(loss)))


def _cast(array: Any, network: Network) -> Any:
    """Floats in the network's dtype; integers as they are."""
    dtype = next(iter(network.arrays().values())).dtype
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


def _advice(what: str, losses: list[float], update: int, chosen: Settings, rows: list[Row], where: Path | None) -> str:
    """The sentence of a `DivergenceError`."""
    if "loss" not in what and losses:  # an array says that it is not finite, and not what the loss was before
        what += f", after a loss of {losses[-1]:.4g}"
    clip = "" if chosen.clip_norm is not None else ", or clip the gradient (clip_norm = 1)"
    rate = f"lower the learning rate (now {chosen.lr:g})"
    return f"update {update} diverged: {what}: {rate}{clip}{_what_stands(rows, where)}"


def _what_stands(rows: list[Row], where: Path | None) -> str:
    """What a run that stops leaves."""
    return f"; the checkpoint of update {rows[-1].update} stands" if where is not None and rows else ""
