"""Run a learner's `forward` and `backward` on a case, and refuse in one sentence what cannot be judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.exercise.cases import Case

Functions = tuple[Callable[..., Any], Callable[..., Any]]


class UnusableError(Exception):
    """What was handed in cannot be judged; the message is one sentence, its cause what the learner's code raised."""


@dataclass(frozen=True)
class Run:
    """What a learner's functions gave: every state, every gradient by its name, and what they did and must not do."""

    states: tuple[Array, ...]
    gradients: dict[str, Array]
    faults: tuple[str, ...] = ()


def run(functions: Functions, case: Case) -> Run:
    """`forward`, then `backward`, on copies of the case's arrays.

    Raises:
        UnusableError: they raise, or what they return is not what the template says.
    """
    exercise = case.exercise
    T, B, D = case.xs.shape
    H = case.starts[0].shape[1]
    handed = dict(zip(exercise.takes, (case.xs, *case.starts, *case.parameters), strict=True))
    arrived = dict(zip(exercise.given[:-1], (case.dys, *case.dends), strict=True))
    given = {name: array.copy() for name, array in handed.items()}
    above = {name: array.copy() for name, array in arrived.items()}

    *left, kept = _several("forward", called("forward", functions[0], *given.values()), (*exercise.states, "kept"))
    states = {
        name: _array("forward", name, each, (T + 1, B, H)) for name, each in zip(exercise.states, left, strict=True)
    }
    faults = _changed("forward", given, handed)
    as_left = {name: array.copy() for name, array in states.items()}
    kept_as_left = [array.copy() for array in _arrays_in(kept)]
    returned = called("backward", functions[1], *above.values(), kept)
    names = exercise.gradients
    if not isinstance(returned, Mapping):
        returned = dict(zip(names, _several("backward", returned, names), strict=True))
    missing = [name for name in names if returned.get(name) is None]
    if missing:
        raise UnusableError(f"backward must return {', '.join(names)}; {', '.join(missing)} is missing")
    shapes = {f"d{state}": (T + 1, B, H) for state in states} | {"dxs": (T, B, D)}
    shapes |= {f"d{name}": given[name].shape for name in exercise.parameters}
    gradients = {name: _array("backward", name, returned[name], shapes[name]) for name in names}

    faults += _changed("backward", given | above | states, handed | arrived | as_left)
    if not faults and not all(map(_same, _arrays_in(kept), kept_as_left)):
        faults.append("backward changes what forward kept: called again, it starts from other numbers")
    for name, gradient in gradients.items():
        shared = [other for other, array in (given | above | states).items() if np.shares_memory(gradient, array)]
        faults += [f"{name} shares its memory with {other}: who changes one changes the other" for other in shared]
    return Run(tuple(as_left.values()), {name: each.copy() for name, each in gradients.items()}, tuple(faults))


def called(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the learner's function returns.

    Raises:
        UnusableError: it raises; that error is the cause.
    """
    try:
        return function(*arguments)
    except NotImplementedError as error:
        raise UnusableError(f"{name} is not written yet") from error
    except Exception as error:
        raise UnusableError(f"{name} raises {type(error).__name__}: {brief(error)}") from error


def brief(error: BaseException) -> str:
    """The first line of what it says."""
    lines = str(error).strip().splitlines() or ["no message"]
    return lines[0] if len(lines[0]) <= 200 else lines[0][:200] + " …"


def _arrays_in(value: Any, depth: int = 4) -> Iterator[Array]:
    """Every array in a learner's tuples, lists, dictionaries and objects."""
    if isinstance(value, np.ndarray):
        yield value
    elif depth and not isinstance(value, str | type):
        if isinstance(value, Mapping):
            value = tuple(value.values())
        elif not isinstance(value, list | tuple):
            value = tuple(getattr(value, "__dict__", {}).values())
        for part in value:
            yield from _arrays_in(part, depth - 1)


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def _changed(function: str, now: Mapping[str, Array], before: Mapping[str, Array]) -> list[str]:
    changed = [name for name, array in now.items() if not _same(array, before[name])]
    return [f"{function} changes {name}, which it was given: copy it first" for name in changed]


def _several(function: str, returned: Any, names: Sequence[str]) -> Sequence[Any]:
    if not isinstance(returned, list | tuple) or len(returned) != len(names):
        got = "nothing" if returned is None else f"a {type(returned).__name__}"
        if isinstance(returned, list | tuple):
            got = f"{len(returned)} things"
        raise UnusableError(f"{function} must return {', '.join(names)}; it returns {got}")
    return returned


def _array(function: str, name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """`value`, refused unless it is a finite array of that shape."""
    if not isinstance(value, np.ndarray):
        raise UnusableError(f"{function} must return {name} as a NumPy array; it is a {type(value).__name__}")
    if value.shape != shape:
        raise UnusableError(f"{function} must return {name} with the shape {shape}; it has {value.shape}")
    if value.dtype.kind != "f" or value.dtype.itemsize < 4:  # of float16's three digits nothing can be said
        raise UnusableError(f"{function} must return {name} in float64 or float32; it is {value.dtype}")
    if not np.isfinite(value).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise UnusableError(f"{function} returns {value[at]} at {name}{list(at)}")
    return value
