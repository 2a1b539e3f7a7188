"""A setting as an option of the command line, read where it is declared: name: Annotated[type, meaning] = default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Annotated, Any, Literal, get_args, get_origin


@dataclass(frozen=True)
class Option:
    """One setting.

    Attributes:
        name: with underscores, as in Python.
        kind: int, float, str or bool.
        choices: the only texts that will do; empty where any will.
        default: what holds if it is not given; None where that depends on others.
        meaning: in a few words.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    default: Any
    meaning: str

    @property
    def flag(self) -> str:
        """As it is typed."""
        return flag(self.name)

    @property
    def help(self) -> str:
        """What it means, and what holds if it is not given."""
        if self.default is None or self.kind is bool:
            return self.meaning
        shown = f"{self.default:g}" if self.kind is float else self.default
        return f"{self.meaning}; default: {shown}"


@cache
def options(declared: Callable[..., Any]) -> Mapping[str, Option]:
    """Every annotated parameter of a function, or field of a dataclass, by name; read once, as every run asks."""
    found = {}
    for parameter in signature(declared).parameters.values():
        if get_origin(parameter.annotation) is Annotated:
            annotated, meaning = get_args(parameter.annotation)
            found[parameter.name] = _option(parameter.name, annotated, parameter.default, meaning)
    return found


def flag(name: str) -> str:
    """A setting's name as it is typed: --clip-norm."""
    return "--" + name.replace("_", "-")


def _option(name: str, annotated: Any, default: Any, meaning: str) -> Option:
    if get_origin(annotated) is Literal:
        return Option(name, str, get_args(annotated), default, meaning)
    kinds = get_args(annotated) or (annotated,)  # int | None is read as int
    (kind,) = [kind for kind in (bool, int, float, str) if kind in kinds]
    return Option(name, kind, (), default, meaning)
