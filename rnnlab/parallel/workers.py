"""Calls side by side on any executor: results in the order of the calls, and every failure in one sentence."""

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any, TypeVar

from rnnlab.arrays import NotFiniteError

R = TypeVar("R")

BLAS_THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"
"""The variables that a BLAS reads when it is loaded."""


GRACE = 1.0
"""Seconds that workers have to end by themselves where the block that uses them raises."""


class WorkerError(RuntimeError):
    """Work that was sent to a worker did not come back: it raised, it could not be sent, or the worker died."""


@dataclass(frozen=True)
class Raised:
    """An exception as text: the exception itself cannot always be pickled."""

    kind: str
    message: str
    trace: str
    diverged: bool


def side_by_side(executor: Executor, fn: Callable[..., R], calls: Sequence[tuple[Any, ...]], what: str) -> list[R]:
    """[fn(*call) for call in calls], each on a worker. If a worker dies, what was lost is tried once more.

    Args:
        executor: any; to try again, it must accept work after a death, as `Processes` and Dask's do.
        fn: defined at the top level of a module, where the executor has processes.
        calls: the arguments of each call.
        what: a word for a call in messages, "shard" for instance.

    Raises:
        FloatingPointError: a call raised it, or a NotFiniteError: the numbers diverged.
        WorkerError: a call raised anything else or could not be sent; workers died twice.
    """
    results: dict[int, R] = {}
    for attempt in (1, 2):
        futures: dict[Future[R | Raised], int] = {}
        try:
            for number, call in enumerate(calls):
                if number not in results:
                    futures[executor.submit(_call, fn, *call)] = number
            for future in completed(futures):
                number = futures[future]
                results[number] = _result(future.result(), f"{what} {number + 1} of {len(calls)}")
            break
        except (BrokenExecutor, CancelledError) as error:
            if attempt == 2:
                raise WorkerError(
                    f"a {what} was lost twice, its worker killed or the cluster out of reach: is there memory for so "
                    'many workers, and has a script that starts processes its `if __name__ == "__main__":`?'
                ) from error
        except (WorkerError, FloatingPointError):
            raise
        except Exception as error:
            raise WorkerError(_not_sent(error, what)) from error
        finally:
            with _ctrl_c_later():
                for future in futures:
                    future.cancel()
    return [results[number] for number in range(len(calls))]


def completed(futures: Collection[Future[R]]) -> Iterator[Future[R]]:
    """As `as_completed`, which Ctrl-C can leave with a future locked; whoever has to end that future waits for ever."""
    ended = SimpleQueue[Future[R]]()
    with _ctrl_c_later():
        for future in futures:
            future.add_done_callback(ended.put)
    for _ in futures:
        yield ended.get()


def _call(fn: Callable[..., R], *call: Any) -> R | Raised:
    """On the worker: fn(*call), or what it raised."""
    try:
        return fn(*call)
    except BaseException as error:  # sys.exit, too, ends a call and not the worker
        diverged = isinstance(error, FloatingPointError | NotFiniteError)
        return Raised(type(error).__name__, str(error), traceback.format_exc(), diverged)


def _result(result: R | Raised, where: str) -> R:
    if not isinstance(result, Raised):
        return result
    if result.diverged:
        raise FloatingPointError(result.message)
    failure = WorkerError(f"{where} raised {result.kind}: {result.message}")
    failure.add_note(f"On the worker:\n{result.trace}")
    raise failure


def _not_sent(error: Exception, what: str) -> str:
    """Why `submit` or `result` itself failed, in a sentence."""
    first = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, pickle.PicklingError) or "pickle" in first or "serialize" in first:
        return (
            f"a {what} cannot be sent between processes ({first}): define its functions and classes at the top level "
            "of a module"
        )
    return f"a {what} was lost: {type(error).__name__}: {first}"


class Processes(Executor):
    """Worker processes on this machine, one BLAS thread in each: several with more would only wait for one another.

    As a context manager it leaves no process behind: at the end of the block the workers finish what they do; if the
    block raises they stop within a second, and if this process is killed, at once. Where a worker dies, new ones take
    the place of all.

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
        self.workers, self.blas_threads = workers, blas_threads
        self._start()

    def _start(self) -> None:
        self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _obey)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """As any executor; a pool with a dead worker is replaced first."""
        with _blas_threads(self.blas_threads), _ctrl_c_later():  # for the processes that this call may start
            try:
                return self._pool.submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                self.shutdown()
                self._start()
                return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any executor."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.shutdown()
        finally:  # after Ctrl-C in `shutdown`, too
            with _ctrl_c_later():
                self._kill()

    def _kill(self) -> None:
        """What has not begun is dropped, what is nearly done ends, and no worker outlives the next moment."""
        pool: Any = self._pool  # what follows has no public name before `kill_workers` of Python 3.14
        manager, results, processes = pool._executor_manager_thread, pool._result_queue, pool._processes
        pool.shutdown(wait=False, cancel_futures=True)
        if manager is None:  # it never began, or has ended
            return
        # The grace lets the manager drop what is cancelled, too: a pool whose workers die while it still hands out
        # work leaves an InvalidStateError behind (in Python 3.11).
        manager.join(GRACE)
        for process in list(processes.values()):
            process.kill()
        # A worker may die in the middle of sending a result. The manager waits for the rest of it as long as anyone
        # can write to that pipe: with the workers dead only we could.
        results._writer.close()
        manager.join(GRACE)


def _obey() -> None:
    """On a worker, first of all: it leaves Ctrl-C to its parent, and stops when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; processes that are started in it are deaf to it before they run a line."""
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
def _blas_threads(count: int) -> Iterator[None]:
    """Processes started in the block have this many BLAS threads each."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
