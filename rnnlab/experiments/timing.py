"""How long things take: runs that take turns, in a process of their own for each number of BLAS threads.

On a machine that does other things as well a time alone says little. Two runs that take turns see the same machine,
so the ratio of their times in one round can be trusted; its median over the rounds, and its 10 to 90 %, are what is
kept.
"""

import gc
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from rnnlab.arrays import Array
from rnnlab.parallel.processes import BLAS_THREADS, Processes

PAUSE = 0.05
"""Seconds between two turns where there are several threads: those of BLAS and of OpenMP wait for more work in a busy
loop before they sleep, and would take the next turn's cores."""

LONGEST, FEWEST = 2.5, 5
"""Seconds after which no more rounds are begun, and how many there are in any case."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def in_turns(runs: Sequence[Callable[[], object]], rounds: int) -> Array:
    """(rounds, len(runs)) seconds: in each round every run once, in turn, with the garbage collector off.

    A first round is not counted. With several BLAS threads there is a pause before each turn: see `PAUSE`. There are
    fewer rounds if they take long: see `LONGEST`.
    """
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        _round(runs)
        begun, seconds = time.perf_counter(), list[list[float]]()
        while len(seconds) < rounds and (len(seconds) < FEWEST or time.perf_counter() - begun < LONGEST):
            seconds.append(_round(runs))
    finally:
        if collecting:
            gc.enable()
    return np.array(seconds)


def _round(runs: Sequence[Callable[[], object]]) -> list[float]:
    seconds = []
    for run in runs:
        if threads() != 1:
            time.sleep(PAUSE)
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def middle(values: Array) -> tuple[float, float, float]:
    """(median, 10 %, 90 %) over the rounds."""
    low, median, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return median, low, high


def threads() -> int:
    """How many threads BLAS has in this process, by the variables it was started with; 0 where they do not say."""
    count = os.environ.get(BLAS_THREADS[0], "")
    return int(count) if count.isdecimal() else 0


def elsewhere(
    count: int, measure: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """measure(*arguments) in a fresh process in which BLAS, PyTorch and JAX have `count` threads.

    Fresh, so that no measurement finds memory, or threads, that the one before has left behind.

    Raises:
        ValueError: count < 1. And what `measure` raises.
    """
    with Processes(1, blas_threads=count) as process:
        return process.submit(measure, *arguments, **named).result()


def machine() -> str:
    """The processor and how many CPUs of it there are."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} CPUs"


def cores() -> str:
    """The architecture, how many CPUs there are, and the BLAS threads of this process."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs, {threads() or 'any number of'} BLAS thread(s)"


def versions(*packages: str) -> str:
    """Python's version and those of the packages that are installed."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
