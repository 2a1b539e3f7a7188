"""Ctrl-C while the command line loads, nearly all of which is NumPy, or ends: no line of ours can catch it there."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType


def end_quietly() -> None:
    """If this process is the command line, Ctrl-C ends it at once with status 130, until `raise_as_usual`."""
    if _is_command_line() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_as_usual() -> None:
    """Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore() -> None:
    """If this process is the command line, which Ctrl-C now ends, another changes neither its status nor its output."""
    if _is_command_line():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave() -> None:
    """`ignore`, and the command line, which has nothing more to do, waits for no thread."""
    ignore()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if _is_command_line() and not all(thread.daemon for thread in others):
        os._exit(130)  # Python would wait for a thread that should have ended


def _is_command_line() -> bool:
    """Whether this was started as `rnnlab` or `python -m rnnlab`: not a program that imports us, nor its workers."""
    program, started_with = sys.argv[0] if sys.argv else "", sys.orig_argv
    if program in ("-m", str(Path(__file__).with_name("__main__.py"))):  # while Python looks for the module, and then
        return "rnnlab" in started_with
    return program in started_with and program.endswith(("rnnlab", "rnnlab.exe"))


def _end(signal_number: int, frame: FrameType | None) -> None:
    os._exit(130)
