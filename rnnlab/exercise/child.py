"""The process in which a file that was handed in runs: it limits itself, checks, and leaves an answer in a folder.

It is not a sandbox. What is meant to break out of it can; it is there for endless loops and for mistakes.
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from rnnlab.exercise.answer import Answer
from rnnlab.exercise.handed import answer, line_of
from rnnlab.exercise.run import UnusableError

ANSWER, STAGE = "answer.json", "stage"
GIGABYTE = 2**30
PATIENCE = 4
"""Of a busy machine: how many times its share of the processor's time a file may take by the clock."""
MEMORY, LARGEST_FILE = 4 * GIGABYTE, 64 * 2**20
STARTS_A_PROCESS = {
    *("os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "os.spawn", "pty.spawn", "subprocess.Popen"),
}


class TooSlowError(BaseException):
    """Time is over; no `except Exception` of a learner's catches it."""


def main(file: str, name: str, folder: str, seconds: float) -> None:
    """Check `file` and leave the answer in `folder`; then end at once, whatever threads it has started."""
    path, stages = Path(file), ["importing it"]

    def stage(what: str) -> None:
        stages[:] = [what]
        Path(folder, STAGE).write_text(what, encoding="utf-8")

    try:
        _limit(seconds)
        said = answer(path, name, stage)
    except TooSlowError as error:
        _no_more_alarms()
        said = _unusable(f"it is too slow: {seconds:g} s were over, {stages[0]}", error, path)
    except SystemExit as error:
        said = _unusable("it calls sys.exit", error, path)
    except UnusableError as error:
        cause = error.__cause__.__cause__ if isinstance(error.__cause__, UnusableError) else error.__cause__
        memory = f"it needs more than {MEMORY // GIGABYTE} GB of memory"
        said = _unusable(memory if isinstance(cause, MemoryError) else str(error), error, path)
    except MemoryError as error:
        said = _unusable(f"it needs more than {MEMORY // GIGABYTE} GB of memory", error, path)
    except BaseException as error:
        said = _unusable(f"it raises {type(error).__name__}: {error}", error, path)
    _no_more_alarms()
    unfinished = Path(folder, f"{ANSWER}.part")
    unfinished.write_text(said.json(), encoding="utf-8")
    unfinished.replace(Path(folder, ANSWER))
    os._exit(0)


def _unusable(sentence: str, error: BaseException, path: Path) -> Answer:
    line = line_of(error, path)
    return Answer("", "", "unusable", f"{sentence}{f' (line {line})' if line else ''}.")


def _limit(seconds: float) -> None:
    """Time, memory and the size of files, where the system can; and no other processes."""
    if hasattr(signal, "setitimer"):
        for timer, number, after in (
            (signal.ITIMER_PROF, signal.SIGPROF, seconds),
            (signal.ITIMER_REAL, signal.SIGALRM, PATIENCE * seconds),  # for one that waits
        ):
            signal.signal(number, _over)
            signal.setitimer(timer, after, 2.0)  # and again, if something catches it
    try:
        import resource
    except ImportError:  # Windows
        return sys.addaudithook(_no_processes)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_CPU, int(seconds) + 30),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    sys.addaudithook(_no_processes)
    return None


def _no_more_alarms() -> None:
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


def _over(number: int, frame: FrameType | None) -> None:
    """Both alarms may ring at once; the second would be raised while the first is answered."""
    if time.monotonic() - _rung[0] > 1:
        _rung[0] = time.monotonic()
        raise TooSlowError


_rung = [float("-inf")]  # when an alarm was raised last, in seconds


def _no_processes(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS_A_PROCESS:
        raise PermissionError("a file that is checked must not start another process")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
