"""Check a file in a process of its own, with limits on its time, memory and output; nothing of it is left running."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from rnnlab.exercise.answer import Answer
from rnnlab.exercise.child import ANSWER, PATIENCE, STAGE

SECONDS = 20.0
"""Of the processor's time, for a file."""
START = 120.0
"""Until Python and NumPy are loaded, by the clock: a machine may be busy."""
GRACE = 6.0
"""What a process that ignores the alarm has left, in seconds, before it is killed."""
OUTPUT = 10**6
"""What a file may print, in bytes; nobody reads it."""


def check_file(path: Path, name: str = "", seconds: float = SECONDS) -> Answer:
    """The answer to a file, or to what it calls `name`; whatever the file does, there is one."""
    if not path.is_file():
        folder = f"It is a folder: --batch {path} checks every file in it."
        return Answer(str(path), "", "unusable", folder if path.is_dir() else "There is no such file.")
    with tempfile.TemporaryDirectory(prefix="rnnlab-check-") as folder:
        said = _said(path.resolve(), name, Path(folder), seconds)
    if said.verdict == "unusable":  # the others begin with the name of an array
        said = replace(said, sentence=said.sentence[:1].upper() + said.sentence[1:])
    return replace(said, file=str(path))


def _said(path: Path, name: str, folder: Path, seconds: float) -> Answer:
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUTF8": "1",
        "MPLBACKEND": "Agg",
        **{f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")},
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "rnnlab.exercise.child", str(path), name, str(folder), str(seconds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    printed = _Printed(process)
    try:
        started, late = False, time.monotonic() + START
        while not _ended(process) and not printed.too_much and time.monotonic() < late:
            time.sleep(0.01)
            if not started and (folder / STAGE).exists():
                started, late = True, time.monotonic() + PATIENCE * seconds + GRACE
    finally:
        _kill(process)
    written = folder / ANSWER
    if written.exists():
        return Answer.read(written.read_text(encoding="utf-8"))
    if printed.too_much:
        return Answer("", "", "unusable", f"it prints without end: more than {OUTPUT / 1e6:g} MB.")
    where = (folder / STAGE).read_text(encoding="utf-8") if (folder / STAGE).exists() else "importing it"
    if time.monotonic() >= late:
        return Answer("", "", "unusable", f"it is too slow, and does not stop: {seconds:g} s were over, {where}.")
    status = process.returncode
    how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
    return Answer("", "", "unusable", f"its process ended {how} and without an answer, {where}.")


class _Printed:
    """Reads what a process prints, counts it and keeps none of it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.bytes = 0
        self.thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self.thread.start()

    @property
    def too_much(self) -> bool:
        return self.bytes > OUTPUT

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is not None:
            while not self.too_much and (some := os.read(process.stdout.fileno(), 65536)):
                self.bytes += len(some)


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has; its number is not given away yet, so that its group can still be killed by it."""
    if os.name == "nt":
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End it, and all that it has started."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
