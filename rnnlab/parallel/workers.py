"""Calls side by side on any executor: results in the order of the calls, and every failure in one sentence."""

import pickle
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from rnnlab.arrays import NotFiniteError
from rnnlab.parallel.processes import ctrl_c_later

R = TypeVar("R")


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
            with ctrl_c_later():
                for future in futures:
                    future.cancel()
    return [results[number] for number in range(len(calls))]


def completed(futures: Collection[Future[R]]) -> Iterator[Future[R]]:
    """As `as_completed`, which Ctrl-C can leave with a future locked; whoever has to end that future waits for ever."""
    ended = SimpleQueue[Future[R]]()
    with ctrl_c_later():
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
