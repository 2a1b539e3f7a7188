"""Worker processes on this machine as an executor: a thread and a pipe for each."""

import atexit
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import LifoQueue
from types import FrameType, TracebackType
from typing import Any, TypeVar

R = TypeVar("R")

BLAS_THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"
"""The variables that a BLAS reads when it is loaded."""

NO_MORE = b""
"""Sent where a call would be: the worker may go."""


class Processes(Executor):
    """Worker processes on this machine, one BLAS thread in each: several with more would only wait for one another.

    As a context manager it leaves no process behind: at the end of the block the workers finish what they do; if the
    block raises, or this process is killed, they stop at once. Where a worker dies, a new one takes its place.

    Each worker has a thread here, which sends it one call after the other and waits for the answers, and a pipe of its
    own. A pipe ends with its worker, in the middle of an answer too, so no death is waited for. That is why this is no
    `concurrent.futures.ProcessPoolExecutor`, whose workers share their pipes: in Python 3.11 half an answer holds it
    for ever, and so does a death while another worker starts.

    Args:
        workers: how many.
        blas_threads: in each; more than one is for a single worker.

    Raises:
        ValueError: fewer than one.
    """

    def __init__(self, workers: int, *, blas_threads: int = 1) -> None:
        for name, count in (("workers", workers), ("blas_threads", blas_threads)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1; got {count}")
        self._threads = ThreadPoolExecutor(workers)
        self._workers = [Worker(blas_threads) for _ in range(workers)]
        self._free = LifoQueue[Worker]()  # never empty where a thread looks: there are as many workers as threads
        for worker in self._workers:
            self._free.put(worker)
        atexit.register(self.shutdown)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """As any executor. A call whose worker dies ends in BrokenExecutor."""
        with ctrl_c_later():  # the thread that this call may start is deaf to it
            return self._threads.submit(self._call, fn, args, kwargs)

    def _call(self, fn: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """In a thread: fn(*args, **kwargs) by a worker that is free."""
        call = pickle.dumps((fn, args, kwargs))
        worker = self._free.get()
        try:
            answer = worker.answer(call)
        finally:
            self._free.put(worker)
        returned, result = pickle.loads(answer)
        if not returned:
            raise result
        value: R = result
        return value

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any executor. Without `wait` the workers end with this program."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            for worker in self._workers:
                worker.dismiss()
            atexit.unregister(self.shutdown)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.shutdown()
        finally:  # the block has raised, or Ctrl-C came while it waited; else there is nothing left to stop
            with ctrl_c_later():
                for worker in self._workers:
                    worker.stop()
                self.shutdown(cancel_futures=True)


class Worker:
    """A process, begun with the first call that it is sent, and again after a death. One thread at a time uses it."""

    _beginning = threading.Lock()  # of one process at a time: it is born with the environment of this one

    def __init__(self, blas_threads: int) -> None:
        self._blas_threads = blas_threads
        self._running: tuple[BaseProcess, Connection] | None = None
        self._stopped = False

    def answer(self, call: bytes) -> bytes:
        """What `_answer` makes of the call over there.

        Raises:
            BrokenExecutor: the process died, or was stopped.
        """
        process, pipe = self._running or self._begin()
        try:
            pipe.send_bytes(call)
            return pipe.recv_bytes()
        except (EOFError, OSError):  # the end of the pipe; OSError in the middle of an answer
            process.kill()
            self.dismiss()
            raise BrokenExecutor("a worker process ended before its answer") from None

    def _begin(self) -> tuple[BaseProcess, Connection]:
        if hasattr(signal, "pthread_sigmask"):  # not on Windows, where there is no tracker
            resource_tracker.ensure_running()  # now, since in the block it would make this thread hear Ctrl-C
        context = get_context("spawn")
        with self._beginning, _environment(dict.fromkeys(BLAS_THREADS, str(self._blas_threads))), ctrl_c_later():
            if self._stopped:
                raise BrokenExecutor("the worker processes were stopped")
            pipe, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,))
            process.start()
            theirs.close()  # the process alone holds it now
            self._running = process, pipe
        return process, pipe

    def dismiss(self) -> None:
        """Nobody uses it any more: the process ends, if it has not."""
        if self._running is not None:
            process, pipe = self._running
            with suppress(OSError):
                pipe.send_bytes(NO_MORE)
            pipe.close()
            process.join()
            self._running = None

    def stop(self) -> None:
        """The process ends at once, whatever it does, and no other begins."""
        with self._beginning:
            self._stopped = True
            if self._running is not None:
                self._running[0].kill()


def _serve(pipe: Connection) -> None:
    """On a worker: it answers its parent's calls, one after the other, leaves Ctrl-C to it, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while (call := pipe.recv_bytes()) != NO_MORE:
            pipe.send_bytes(_answer(call))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(call: bytes) -> bytes:
    """Pickled: (True, what was returned) or (False, what was raised)."""
    try:
        fn, args, kwargs = pickle.loads(call)
        return pickle.dumps((True, fn(*args, **kwargs)))
    except BaseException as error:  # sys.exit, too, ends a call and not the worker
        error.add_note(f"On the worker:\n{traceback.format_exc()}")
        try:
            answer = pickle.dumps((False, error))
            pickle.loads(answer)
            return answer
        except Exception:  # an exception that does not survive the way
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


@contextmanager
def ctrl_c_later() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; threads and processes that begin in it are deaf to it from the first."""
    pressed: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    # Blocking the signal, which makes new processes deaf, is not enough here: any other thread, BLAS's for instance,
    # may still receive it, and Python then runs the handler in the main thread.
    ours = callable(handler) and threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    posix = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if posix else set()
    try:
        yield
    finally:
        if posix:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if ours:
            signal.signal(signal.SIGINT, handler)
    if pressed and callable(handler):
        handler(*pressed[-1])


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Processes that begin in the block see these variables so."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
