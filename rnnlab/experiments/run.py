"""A run: one training in plain words. It knows the command that repeats it; its folder keeps that and its outcome."""

import json
import os
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab import initializers
from rnnlab.files import discard_unfinished, replacing
from rnnlab.initializers import Initializer
from rnnlab.models import LAYERS, build
from rnnlab.network import Network
from rnnlab.optim import OPTIMIZERS
from rnnlab.tasks import Adding, Characters, Copying, Phonemes, Pixels, Task
from rnnlab.training import CHECKPOINT, DivergenceError, Row, Settings, Trained, fit

TASKS = ("adding", "copying", "pixels", "characters", "phonemes")
COMMAND, OUTCOME = "command.txt", "outcome.json"
"""The files in a run's folder that say what it does, however long, and how it ended."""


def _option(default: Any, meaning: str, **more: Any) -> Any:
    """A field of `Run` that is an option of the command line: what it means, and the choices if they are few."""
    return field(default=default, metadata={"meaning": meaning, **more})


@dataclass(frozen=True)
class Run:
    """One training. Every field is an option of `rnnlab train`, with the same name and default.

    Raises:
        ValueError: an unknown task, an option that the task has no use for, or a number out of its range.
    """

    task: str
    input: str | None = _option(None, "your data: a text, or the folder of MNIST or TIMIT; generated if not given")
    steps: int | None = _option(
        None, "T: length of a sequence, for copying the delay; not for pixels; default: 100, for characters 50"
    )
    markers: str | None = _option(
        None, "adding: one marker in each half, or two anywhere", choices=("halves", "anywhere")
    )
    side: int | None = _option(None, "pixels: of an image; default: 28 if drawn, else your data's own")
    pixels_per_step: int | None = _option(None, "pixels: how many a step; default: 1")
    permuted: bool = _option(False, "pixels: in an order shuffled once")
    layer: str = _option("rnn", "which layer", choices=LAYERS)
    hidden: int = _option(100, "units of a layer")
    layers: int = _option(1, "layers in series")
    activation: str | None = _option(None, "of rnn (tanh), indrnn and dense (relu)")
    kernel_initializer: str | None = _option(None, "NAME or NAME:option=value,…; default: the layer's own")
    recurrent_initializer: str | None = _option(None, "the same for U")
    scale: float | None = _option(None, "irnn: U = scale · I")
    residual: bool = _option(False, "a shortcut around every layer but the lowest")
    batch_norm: bool = _option(False, "a BatchNorm after every layer")
    updates: int = _option(1000, "how many to make")
    batch: int = _option(32, "sequences in a batch")
    optimizer: str = _option("adam", "the rule of an update", choices=tuple(OPTIMIZERS))
    lr: float = _option(1e-3, "learning rate")
    lr_every: int | None = _option(None, "updates after which the learning rate is divided by 10, again and again")
    clip_norm: float | None = _option(None, "clip the gradient to this norm")
    clip_value: float | None = _option(None, "clip every entry of the gradient to this size")
    gamma: float | None = _option(None, "indrnn: keep |u| ≤ gamma^(1/T)")
    every: int = _option(100, "updates between two rows of the log")
    until: float | None = _option(None, "stop once the held-out score is at or below this")
    seed: int = _option(0, "of the weights and the batches")

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}; got {self.task!r}")
        uses = {
            "input": ("pixels", "characters", "phonemes"),
            "steps": ("adding", "copying", "characters", "phonemes"),
            "markers": ("adding",),
            "side": ("pixels",),
            "pixels_per_step": ("pixels",),
            "permuted": ("pixels",),
        }
        for name, tasks in uses.items():
            if getattr(self, name) not in (None, False) and self.task not in tasks:
                raise ValueError(f"{flag(name)} is for {', '.join(tasks)}; the task is {self.task}")
        if self.gamma is not None and self.layer != "indrnn":
            raise ValueError(f"--gamma is for indrnn; the layer is {self.layer}")
        if self.gamma is not None and not 0 < self.gamma < inf:
            raise ValueError(f"gamma must be above 0 and finite; got {self.gamma}")
        self._settings(1)

    @property
    def command(self) -> str:
        """What to type to repeat it."""
        words = [self.task]
        for option in fields(self)[1:]:
            value = getattr(self, option.name)
            if value != option.default:
                words += [flag(option.name)] if value is True else [flag(option.name), f"{value}"]
        return " ".join(["rnnlab train", *words])

    def _settings(self, steps: int) -> Settings:
        """How to train on sequences of that length.

        Raises:
            ValueError: a number out of its range.
        """
        named = {option.name: getattr(self, option.name) for option in fields(Settings) if hasattr(self, option.name)}
        return Settings(**named, max_u=None if self.gamma is None else self.gamma ** (1 / steps))

    def the_task(self) -> Task:
        """The task, made once for all runs on it in this process."""
        names = ("task", "input", "steps", "markers", "side", "pixels_per_step", "permuted")
        return _task(*(getattr(self, name) for name in names))

    def network(self, task: Task) -> Network:
        """The network as it starts.

        NumPy takes [seed, 0] for seed: the weights' generator and the batches' are both default_rng(seed), so the first
        batches repeat the numbers that the weights were drawn from. The recorded runs are so.
        """
        return build(
            np.random.default_rng([self.seed, 0]),
            task,
            layer=self.layer,
            hidden=self.hidden,
            layers=self.layers,
            activation=self.activation,
            kernel_initializer=initializer(self.kernel_initializer),
            recurrent_initializer=initializer(self.recurrent_initializer),
            scale=self.scale,
            residual=self.residual,
            batch_norm=self.batch_norm,
        )

    def train(
        self, folder: Path | None = None, *, resume: bool = False, report: Callable[[Row], None] = lambda row: None
    ) -> Trained:
        """Carry it out. With a folder, its command and how it ended are written there too, even if it diverged.

        Raises:
            DivergenceError, ValueError, OSError: as `fit`.
            ValueError: a folder whose run has another command, or has made more updates than this one's.
        """
        task = self.the_task()
        chosen = asdict(self._settings(task.steps))
        network = self.network(task)
        if folder is not None:
            _begin(folder, self)
        try:
            trained = fit(network, task, folder=folder, resume=resume, report=report, **chosen)
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


def endless(command: str) -> str:
    """A run's command without --updates and --until, in which the run may differ from the one that it goes on with."""
    return re.sub(r" --(updates|until) \S+", "", command)


def flag(name: str) -> str:
    """A field's name as an option of the command line."""
    return "--" + name.replace("_", "-")


def initializer(text: str | None) -> str | Initializer | None:
    """The initializer of "NAME:option=value,option=value"; a name alone, or None, as it is.

    Raises:
        ValueError: an unknown name, or an option that is no option=number.
    """
    if text is None:
        return None
    name, _, rest = text.partition(":")
    options: dict[str, object] = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        try:
            options[key] = float(value)
        except ValueError:
            options[key] = value
        if not key.isidentifier() or not value:
            raise ValueError(f"an initializer is NAME or NAME:option=value,…; got {text!r}")
    chosen = initializers.get(name, **options)
    try:
        chosen(np.random.default_rng(0), (2, 2))
    except TypeError:
        raise ValueError(f"{name} has no such option: {rest}") from None
    return chosen if rest else name


@lru_cache(maxsize=4)
def _task(
    task: str,
    data: str | None,
    steps: int | None,
    markers: Any,
    side: int | None,
    pixels_per_step: int | None,
    permuted: bool,
) -> Task:
    length: dict[str, Any] = {} if steps is None else {"steps": steps}
    if task == "adding":
        return Adding(**length, **({} if markers is None else {"markers": markers}))
    if task == "copying":
        return Copying() if steps is None else Copying(steps)
    if task == "characters":
        return Characters.documentation(**length) if data is None else Characters.read(data, **length)
    if task == "phonemes":
        return Phonemes.synthesised(**length) if data is None else Phonemes.read(data, **length)
    order: dict[str, Any] = {"permuted": permuted, "pixels_per_step": pixels_per_step or 1}
    if data is None:
        return Pixels.drawn(side=side or 28, **order)
    return Pixels.read(data, side=side, **order)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        command: what repeats it.
        status: "solved" if it reached `until`, "done" if it made all updates, "diverged".
        updates: how many it made; of one that diverged, the one that it could not make.
        score: the last one measured.
        best: the lowest one measured.
        baseline, measure: the task's.
        seconds: wall time.
        versions, machine: where it was run.
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
    path, own = folder / COMMAND, endless(run.command)
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
        f"{platform.machine()}, {os.cpu_count()} CPUs, {os.environ.get('OPENBLAS_NUM_THREADS', 'any number of')} "
        "BLAS thread(s) a run",
    )
    _write(folder / OUTCOME, json.dumps(asdict(outcome), indent=1))


def _write(path: Path, text: str) -> None:
    discard_unfinished(path)
    with replacing(path) as file:
        file.write(text.encode())
