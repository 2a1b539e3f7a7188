"""`rnnlab train`: one training, the same with several seeds side by side, or a whole experiment."""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnlab import interrupt
from rnnlab.checkpoint import CHECKPOINT, read
from rnnlab.experiments.options import Option, flag, options
from rnnlab.experiments.recipes import RECIPES, SIZES, Entry, Size
from rnnlab.experiments.run import Outcome, Run
from rnnlab.experiments.runner import carry_out, curves, ended, outcomes
from rnnlab.files import replacing
from rnnlab.memory import keep_freed_memory
from rnnlab.models import Model
from rnnlab.parallel import evaluate_ensemble
from rnnlab.progress import progress
from rnnlab.settings import Settings
from rnnlab.tasks import TASKS, Characters, Task

ANSWERS_WITHIN = 10
"""Seconds that a Dask scheduler has to answer, at first and when its connection is lost."""

METAVARS = {int: "N", float: "X", str: "TEXT"}


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Train a network on TASK, or run an experiment (--recipe). Every run has its own folder in --out: log.csv, "
        "norms.csv (the gradient's norm per timestep during training), a checkpoint, the command, the outcome. "
        "--resume continues from the checkpoint and ends with the same bits as an uninterrupted run."
    )
    parser.usage = "rnnlab train TASK [options], or rnnlab train --recipe NAME [--size paper]"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "examples:\n"
        "  rnnlab train adding --steps 100 --layer irnn --clip-norm 1\n"
        "  rnnlab train characters --input my.txt --layer lstm --sample 300\n"
        "  rnnlab train --recipe adding"
    )
    parser.add_argument("task", nargs="?", choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    data = parser.add_argument_group("the task (which tasks an option is for stands before the colon)")
    for option in _data_options().values():
        _add(data, option)
    for title, declared in (("the network", Model), ("the training", Settings)):
        group = parser.add_argument_group(title)
        for option in options(declared).values():
            _add(group, option)
    runs = parser.add_argument_group("the runs")
    runs.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    runs.add_argument("--resume", action="store_true", help="resume the runs in --out, if there are any")
    runs.add_argument("--seeds", type=int, metavar="N", help="N runs, with seeds --seed, --seed + 1, …")
    runs.add_argument(
        "--ensemble", type=int, metavar="N", help="--seeds N, and how good their combined predictions are"
    )
    runs.add_argument("--jobs", type=int, default=1, metavar="J", help="runs in parallel; default: 1")
    runs.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="of a Dask scheduler, tcp://HOST:8786: replicas (--workers; default: all of its workers) or runs go there",
    )
    runs.add_argument("--sample", type=int, metavar="N", help="characters: sample N of them from the trained network")
    recipes = parser.add_argument_group("an experiment instead of a task")
    recipes.add_argument("--recipe", choices=tuple(RECIPES), metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    recipes.add_argument("--size", choices=SIZES, help="size of the experiment: minutes or hours; default: quick")
    recipes.add_argument(
        "--list", action="store_true", help="list the experiments and their number of runs; train nothing"
    )


def _add(group: Any, option: Option) -> None:
    """One option; what is not given stays None, so that `Run` alone knows the defaults."""
    if option.kind is bool:
        group.add_argument(option.flag, action="store_true", default=None, help=option.help)
    else:
        metavar = None if option.choices else METAVARS[option.kind]
        choices = option.choices or None
        group.add_argument(option.flag, type=option.kind, choices=choices, metavar=metavar, help=option.help)


def _data_options() -> dict[str, Option]:
    """The options of all tasks by name; the help of one that several tasks have says what it is to each."""
    found: dict[str, Option] = {}
    helps: dict[str, dict[str, list[str]]] = {}
    for task, make in TASKS.items():
        for name, option in options(make).items():
            found.setdefault(name, option)
            helps.setdefault(name, {}).setdefault(option.help, []).append(task)
    return {
        name: replace(
            option,
            default=None,
            meaning=" | ".join(f"{', '.join(tasks)}: {meaning}" for meaning, tasks in helps[name].items()),
        )
        for name, option in found.items()
    }


def given(arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the task, and the words for the network and the training, that were typed."""
    typed = {name: value for name, value in vars(arguments).items() if value is not None}
    words = {**options(Model), **options(Settings)}
    return (
        {name: typed[name] for name in _data_options() if name in typed},
        {name: typed[name] for name in words if name in typed},
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, print what came out, and where it is kept."""
    keep_freed_memory()  # this process does nothing but train
    data, words = given(arguments)
    if arguments.list:
        _list()
    elif arguments.jobs < 1:
        raise ValueError(f"--jobs must be at least 1; got {arguments.jobs}")
    elif arguments.recipe is not None:
        alone = [
            name for name in ("task", "sample", "seeds", "ensemble", "dask") if getattr(arguments, name) is not None
        ]
        if alone or data or words:
            extra = [name if name == "task" else flag(name) for name in [*alone, *data, *words]]
            raise ValueError(f"a recipe says itself how to train: leave out {', '.join(extra)}")
        _recipe(arguments)
    elif arguments.task is None:
        raise ValueError(f"which task? one of {', '.join(TASKS)}; or an experiment: --recipe {'|'.join(RECIPES)}")
    elif arguments.size is not None:
        raise ValueError("--size is for --recipe")
    elif arguments.sample is not None and (arguments.task != "characters" or arguments.sample < 1):
        raise ValueError("--sample is for characters, and at least 1")
    elif arguments.seeds is not None and arguments.ensemble is not None:
        raise ValueError("--ensemble N is --seeds N and more: leave out one of them")
    else:
        run = Run(arguments.task, data, **words)
        with nullcontext() if arguments.dask is None else cluster(arguments.dask) as there:
            if arguments.seeds is None and arguments.ensemble is None:
                _one(run, arguments, there)
            else:
                _seeds(run, arguments, there)


class Cluster(NamedTuple):
    """Where work goes to, and how many workers there are."""

    executor: Executor
    workers: int


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The workers of the Dask scheduler at that address.

    Raises:
        ValueError: Dask is not installed; the scheduler has no workers.
        OSError: nobody answers there.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise ValueError('--dask needs Dask: pip install "rnnlab[distributed]"') from None
    with distributed.Client(address, timeout=ANSWERS_WITHIN) as client:
        executor = client.get_executor(pure=False)
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if workers == 0:
            raise ValueError(f"the scheduler at {address} has no workers: dask worker {address}")
        yield Cluster(executor, workers)


def _one(run: Run, arguments: argparse.Namespace, there: Cluster | None) -> None:
    if there is not None and run.workers == 1:
        run = replace(run, workers=there.workers)
    folder = arguments.out / Entry(run.task, run.words, run).name
    if (folder / CHECKPOINT).exists() and not arguments.resume:
        raise ValueError(f"{folder} holds a run already: --resume continues it, --out DIR starts a new run")
    task = run.the_task()
    run.network(task)  # refuse what cannot be built before anything is printed
    print(f"{run.command}\n{task.measure}: {task.baseline:.4g} is the best answer that does not look at the input")
    with _interruptible(folder, [folder]):
        executor = None if there is None else there.executor
        with progress(run.updates, task.measure) as report:
            trained = run.train(folder, resume=arguments.resume, report=report, executor=executor)
    last = trained.rows[-1]
    end = f"solved after {last.update} updates" if trained.solved else f"{last.update} updates"
    print(f"{end} in {last.seconds:.0f} s: {task.measure} {last.score:.4g}, baseline {task.baseline:.4g}")
    print(f"kept in {folder}")
    if arguments.sample is not None and isinstance(task, Characters):
        print(task.sample(trained.network, np.random.default_rng(run.seed), arguments.sample))


@contextmanager
def _interruptible(kept: Path, runs: list[Path]) -> Iterator[None]:
    """Where Ctrl-C stops the block: how to continue, if there is a checkpoint."""
    try:
        yield
    except KeyboardInterrupt:
        interrupt.ignore()
        if any((folder / CHECKPOINT).exists() for folder in runs):
            checkpoint = "checkpoint" if len(runs) == 1 else "checkpoints"
            print(f"rnnlab train: interrupted; --resume continues from the {checkpoint} in {kept}", file=sys.stderr)
        raise


def _seeds(run: Run, arguments: argparse.Namespace, there: Cluster | None) -> None:
    """The same run with N seeds, and what they have in common, or do together."""
    name, count, least = ("seeds", arguments.seeds, 1)
    if arguments.ensemble is not None:
        name, count, least = ("ensemble", arguments.ensemble, 2)  # of one there is nothing to combine
    if count < least:
        raise ValueError(f"--{name} must be at least {least}; got {count}")
    if "input" in run.data:
        run.the_task()  # says what is wrong with the data, before any run is left out for lack of it
    entries = [Entry(run.task, run.words, replace(run, seed=run.seed + number)) for number in range(count)]
    _begun(entries, arguments)
    executor = None if there is None else there.executor
    with _interruptible(arguments.out, [arguments.out / entry.name for entry in entries]):
        carry_out(entries, arguments.out, jobs=arguments.jobs, report=_print, executor=executor)
    ends = [end for entry in entries if (end := ended(entry, arguments.out)) is not None]
    scores = [outcome.score for outcome in ends]
    print(f"{ends[0].measure}: median {np.median(scores):.4g}, from {min(scores):.4g} to {max(scores):.4g}")
    good = [arguments.out / entry.name for entry, end in zip(entries, ends, strict=True) if end.status != "diverged"]
    if arguments.ensemble is not None and good:
        _together(good, run.the_task())
    print(f"kept in {arguments.out}")


def _together(folders: list[Path], task: Task) -> None:
    """What the networks that were trained there do as one."""
    networks = [read(folder / CHECKPOINT).network for folder in folders]
    score, members, wrong = evaluate_ensemble(networks, task)
    vote = "" if wrong is None else f"; their majority vote is wrong on {100 * wrong:.4g} %"
    print(f"{len(networks)} together: {task.measure} {score:.4g}, alone {members:.4g} on average{vote}")


def _recipe(arguments: argparse.Namespace) -> None:
    """Every run of an experiment, then its tables."""
    recipe = RECIPES[arguments.recipe]
    size: Size = arguments.size or "quick"
    entries, root = recipe.entries(size), arguments.out / f"{arguments.recipe}-{size}"
    _begun(entries, argparse.Namespace(out=root, resume=arguments.resume))
    print(recipe.about)
    with _interruptible(root, [root / entry.name for entry in entries]):
        carry_out(entries, root, jobs=arguments.jobs, report=_print)
    for name, table in (("curves", curves(entries, root)), ("runs", outcomes(arguments.recipe, size, entries, root))):
        with replacing(root / f"{name}.csv") as file:
            file.write(table.text().encode())
    print(f"wrote {root / 'curves.csv'} and {root / 'runs.csv'}")


def _begun(entries: list[Entry] | tuple[Entry, ...], arguments: argparse.Namespace) -> None:
    """Refuse to continue runs without --resume."""
    begun = [entry.name for entry in entries if (arguments.out / entry.name / CHECKPOINT).exists()]
    if begun and not arguments.resume:
        raise ValueError(f"{arguments.out} holds {begun[0]} already: --resume continues it, --out DIR starts a new run")


def _print(entry: Entry, outcome: Outcome) -> None:
    print(
        f"{entry.variant}, {entry.model}, seed {entry.run.seed}: {outcome.status} at update {outcome.updates}, "
        f"{outcome.measure} {outcome.score:.4g} (baseline {outcome.baseline:.4g}), {outcome.seconds:.0f} s"
    )


def _list() -> None:
    for name, recipe in RECIPES.items():
        print(f"{name}: {len(recipe.quick)} runs quick, {len(recipe.paper)} paper\n  {recipe.about}")
