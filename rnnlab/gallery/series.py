"""Which series a figure shows: some of its own, chosen by words, and those that a user adds."""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rnnlab.trace import AnyLayer, require_layer

ALL = "all"
Own = Callable[..., Any]
"""A series of the user's own: a class, or a function."""
Words = str | Sequence[str | Own]
"""Words, separated by commas or in a list, and between them a user's own."""


def chosen(words: Words, names: Sequence[str], own: str = "") -> dict[str, Own | None]:
    """The series that the words choose, in the order of `names`, then the user's own, each with its class or function.

    "IRNN" is the series of that name; "tanh", where none is called so, all whose names begin with that word; "all" is
    all of them. "mine.py:Leaky" is what the file mine.py calls Leaky.

    Args:
        own: what a user's own series is, in words; empty where the figure has room for none.

    Raises:
        ValueError: a word that chooses nothing, or nothing chosen at all.
        TypeError: something else than words and, if the figure takes them, classes or functions.
    """
    found: set[str] = set()
    added: dict[str, Own] = {}
    for item in [words] if isinstance(words, str) or callable(words) else words:
        if not isinstance(item, str):
            added[_name(item, own)] = item
            continue
        pieces = [piece.strip() for piece in item.split(",") if piece.strip()]
        while pieces:
            if ".py:" in pieces[0]:
                one = loaded(pieces.pop(0))
                added[_name(one, own)] = one
                continue
            count, some = _first(pieces, names)
            found.update(some)
            pieces = pieces[count:]
    if not found and not added:
        raise ValueError(f"series must name at least one of {'; '.join(names)}")
    for name in added:
        if name in names:
            raise ValueError(f"there is a series {name} already: give yours another name")
    return {name: None for name in names if name in found} | added


def _first(pieces: list[str], names: Sequence[str]) -> tuple[int, list[str]]:
    """The series that the first piece chooses, or the first few if they are one name with commas in it; how many."""
    for count in range(len(pieces), 0, -1):
        word = ", ".join(pieces[:count]).lower()
        if word == ALL:
            return count, list(names)
        if exact := [name for name in names if name.lower() == word]:
            return count, exact
        if begun := [name for name in names if name.lower().startswith(word) and not name[len(word)].isalnum()]:
            return count, begun
    raise ValueError(f"there is no series {pieces[0]!r}{meant(pieces[0], names)}")


def _name(item: Any, own: str) -> str:
    if not callable(item):
        raise TypeError(f"a series must be a word{f' or {own}' if own else ''}; got {item!r}")
    if not own:
        raise TypeError(f"this figure takes no series of your own, only its names as words; got {item!r}")
    name = getattr(item, "__name__", "")
    if not name.isidentifier():
        raise TypeError(f"a series of your own must have a name: write it as a class or with def; got {item!r}")
    return str(name)


def loaded(words: str) -> Any:
    """What "FILE.py:NAME" says: the file is run, and the name looked up in it.

    Raises:
        ValueError: the file holds no such name, or cannot be run.
        OSError: there is no such file.
    """
    file, _, name = words.rpartition(":")
    module = _run(Path(file))
    if not hasattr(module, name):
        there = [one for one, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
        raise ValueError(f"{file} holds no {name!r}{meant(name, there)}")
    return getattr(module, name)


OWN_LAYER = "a layer of your own: a class with init(rng, *, inputs, hidden), or a function with these parameters"


def made(make: Own, rng: np.random.Generator, *, inputs: int, hidden: int, steps: int) -> AnyLayer:
    """The layer that a user's class or function makes; one that has the parameter `steps` is given T.

    Raises:
        TypeError: it does not take inputs and hidden, or makes no layer.
    """
    init = getattr(make, "init", make)
    takes = signature(init).parameters
    if not {"inputs", "hidden"} <= takes.keys():
        raise TypeError(f"{make.__name__} must be {OWN_LAYER}; it takes ({', '.join(takes)})")
    words: dict[str, Any] = {"inputs": inputs, "hidden": hidden} | ({"steps": steps} if "steps" in takes else {})
    layer: AnyLayer = init(rng, **words)
    require_layer(layer, f"what {make.__name__} makes")
    return layer


def _run(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(2, "No such file", str(path))
    spec = importlib.util.spec_from_file_location(f"own.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file: give FILE.py:NAME")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where dataclasses look for their module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module


def meant(word: str, names: Iterable[str], most: int = 20) -> str:
    """How an error goes on after a wrong word: with the name that it is close to, or else all the names there are."""
    names = list(names)
    by_small = {name.lower().replace(",", ""): name for name in names}
    close = get_close_matches(word.lower(), by_small, n=1) or [
        small for small in by_small if get_close_matches(word.lower(), small.replace("_", " ").split(), n=1)
    ]
    if close:
        return f": did you mean {by_small[close[0]]}?"
    return f": there are {'; '.join(names)}" if names and len(names) <= most else ""
