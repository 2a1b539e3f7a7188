"""Load the file that was handed in, and find in it what is to be checked."""

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnlab.exercise.answer import Answer
from rnnlab.exercise.exercises import EXERCISES, exercise_of
from rnnlab.exercise.own import check_layer
from rnnlab.exercise.plain import check
from rnnlab.exercise.run import UnusableError
from rnnlab.exercise.torch_reference import check_module, is_module

MODULE = "handed_in"


def answer(path: Path, name: str = "", stage: Callable[[str], None] = lambda _: None) -> Answer:
    """The answer to the file `path`, or to what it calls `name`.

    Raises:
        UnusableError: there is nothing to judge; the message is a sentence.
    """
    stage("importing it")
    source, names = load(path)
    if name:
        if name not in names:
            raise UnusableError(f"it has nothing called {name}")
        if is_module(names[name]):
            return check_module(name, names[name], names.get("backward"), stage)
        return check_layer(name, names[name], stage)
    missing = [each for each in ("forward", "backward") if not callable(names.get(each))]
    if missing:
        layers = [key for key, value in names.items() if isinstance(value, type) and hasattr(value, "backward")]
        hint = f"check its {layers[0]} by {path.name}:{layers[0]}" if layers else f"begin with {TEMPLATES}"
        raise UnusableError(f"it has no function {' and no function '.join(missing)}: {hint}")
    forward, backward = names["forward"], names["backward"]
    try:
        exercise = exercise_of(forward)
    except (TypeError, ValueError):
        exercise = None
    if exercise is None:
        takes = "; ".join(f"{each.name}: {', '.join(each.takes)}" for each in EXERCISES.values())
        raise UnusableError(f"forward takes the arguments of no exercise ({takes}): begin with {TEMPLATES}")
    return check((forward, backward), exercise, source, stage)


TEMPLATES = f"`rnnlab check --template {'|'.join(EXERCISES)}`"


def load(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file, and what it defines; it is run as a module that is not the main program.

    Raises:
        UnusableError: it cannot be read, is no Python, or raises.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableError(f"it cannot be read: {error.strerror}") from None
    sys.path.append(str(path.parent))  # its neighbours can be imported, and none takes the place of a known module
    spec = importlib.util.spec_from_loader(MODULE, loader=None, origin=str(path))
    module = importlib.util.module_from_spec(spec) if spec else None
    if module is None:
        raise UnusableError("it cannot be imported")
    module.__file__ = str(path)
    sys.modules[MODULE] = module  # a dataclass asks for it
    try:
        exec(compile(data, str(path), "exec"), module.__dict__)
    except (SyntaxError, ValueError) as error:
        if isinstance(error, SyntaxError) or "null byte" in str(error):
            what = error.msg if isinstance(error, SyntaxError) else str(error)
            raise UnusableError(f"it is not Python: {what}") from error
        raise UnusableError(f"importing it raises {type(error).__name__}: {error}") from error
    except Exception as error:
        raise UnusableError(f"importing it raises {type(error).__name__}: {error}") from error
    return data.decode("utf-8", errors="replace"), module.__dict__


def line_of(error: BaseException, path: Path) -> int | None:
    """The line of the file in which an error or its cause was raised, or on the way to which; None if elsewhere."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if lines or error.__cause__ is None:
        return lines[-1] if lines else None
    return line_of(error.__cause__, path)
