"""A figure's knobs: the keyword arguments of its `compute`, declared once, set in Python or by word, and named again.

`compute(*, hidden: Hidden = 100)` declares a knob: its type, what it means, its range, its default. Python calls
`compute(hidden=20)` and the command line says --set hidden=20; both come to the same call. A knob travels with its
table, as a column of one value, so that the caption can name it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.gallery.series import meant
from rnnlab.table import Table

P = ParamSpec("P")


@dataclass(frozen=True)
class Knob:
    """What a keyword argument of `compute` means: the metadata of its annotation.

    Attributes:
        unit: what its number counts; empty for words.
        least, most: its range, the ends included.
        names: of a knob that chooses series, their names.
        own: what an own series is, in words; empty where only those of the figure can be drawn.
    """

    meaning: str
    unit: str = ""
    least: float = -np.inf
    most: float = np.inf
    names: tuple[str, ...] = ()
    own: str = ""


Steps = Annotated[int, Knob("T, the length of a sequence", "timesteps", 1)]
Hidden = Annotated[int, Knob("H, the width of a layer", "units", 1)]
Inputs = Annotated[int, Knob("D, the numbers that come in at each step", "inputs", 1)]
Batch = Annotated[int, Knob("B, sequences side by side", "sequences", 1)]
Updates = Annotated[int, Knob("how long is trained", "updates", 1)]
Seeds = Annotated[int, Knob("runs, each with weights and inputs of its own", "seeds", 1)]
Seed = Annotated[int, Knob("of the weights and the inputs", "", 0)]


@dataclass(frozen=True)
class Declared:
    """A knob with its name, its type and its default."""

    name: str
    kind: Any
    default: Any
    knob: Knob

    def read(self, text: str) -> Any:
        """The value that a word of the command line stands for.

        Raises:
            ValueError: it stands for none.
        """
        if self.knob.names:
            return text
        one, several = _element(self.kind)
        if not several:
            return self._one(one, text)
        return tuple(self._one(one, part.strip()) for part in text.split(",") if part.strip())

    def _one(self, kind: Any, text: str) -> Any:
        if kind not in (int, float):
            return Path(text) if kind is Path else text
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{self.name} must be {NUMBERS[kind]}; got {text!r}") from None

    def check(self, value: Any) -> None:
        """Refuse a value of another type, or out of range.

        Raises:
            ValueError, TypeError: with the name, the range and the value.
        """
        if self.knob.names or (value is None and self.default is None):
            return  # which series there are, `chosen` says
        one, several = _element(self.kind)
        if several and not (isinstance(value, Sequence) and value and not isinstance(value, str)):
            raise TypeError(f"{self.name} must be a tuple of one or more; got {value!r}")
        for item in value if several else [value]:
            self._check_one(one, item)

    def _check_one(self, kind: Any, value: Any) -> None:
        if get_origin(kind) is Literal:
            if value not in get_args(kind):
                raise ValueError(f"{self.name} must be one of {', '.join(get_args(kind))}; got {value!r}")
        elif kind in NUMBERS:
            right = isinstance(value, int | np.integer | (float | np.floating if kind is float else int))
            if not right or isinstance(value, bool):
                raise TypeError(f"{self.name} must be {NUMBERS[kind]}; got {value!r}")
            if not self.knob.least <= value <= self.knob.most:
                raise ValueError(f"{self.name} must be {self.range}; got {value}")
        elif not isinstance(value, kind):
            raise TypeError(f"{self.name} must be a {kind.__name__}; got {value!r}")

    @property
    def range(self) -> str:
        """As "1 or more", "0 to 1"; empty of a knob without one."""
        least, most = self.knob.least, self.knob.most
        if np.isfinite(most):
            return f"from {least:g} to {most:g}" if np.isfinite(least) else f"{most:g} or less"
        return f"{least:g} or more" if np.isfinite(least) else ""

    @property
    def meaning(self) -> str:
        """What it is, with its unit and its range: "H, the width of a layer (units, 1 or more)"."""
        limits = ", ".join(part for part in (self.knob.unit, *self._words(), self.range) if part)
        return f"{self.knob.meaning} ({limits})" if limits else self.knob.meaning

    def _words(self) -> tuple[str, ...]:
        one, several = _element(self.kind)
        return (" or ".join(get_args(one)),) if get_origin(one) is Literal else ("several, by commas",) * several

    @property
    def told(self) -> str:
        """The default as it would be said on the command line."""
        several = isinstance(self.default, tuple)
        return ",".join(map(str, self.default)) if several else "" if self.default is None else str(self.default)


NUMBERS: dict[Any, str] = {int: "a whole number", float: "a number"}


def _element(kind: Any) -> tuple[Any, bool]:
    """The type of one value, and whether the knob takes several; of `int | None` it is int."""
    if get_origin(kind) is tuple:
        return get_args(kind)[0], True
    kinds = [one for one in get_args(kind) if one is not type(None)] if get_origin(kind) is not Literal else []
    return (kinds[0] if kinds else kind), False


def declared(compute: Callable[..., Table]) -> dict[str, Declared]:
    """The knobs of a figure's `compute` by name, read off its signature."""
    hints = get_type_hints(compute, include_extras=True)
    found = {}
    for name, parameter in signature(compute).parameters.items():
        kind, meaning = get_args(hints[name])
        found[name] = Declared(name, kind, parameter.default, meaning)
    return found


def checked(compute: Callable[P, Table]) -> Callable[P, Table]:
    """A decorator for `compute`: a knob that the figure has not got, or a value out of range, is refused at once."""
    known, figure = declared(compute), compute.__module__.rpartition(".")[2]

    @wraps(compute)
    def computed(*args: P.args, **given: P.kwargs) -> Table:
        for name, value in given.items():
            named(known, name, figure).check(value)
        return compute(*args, **given)

    return computed


def named(known: dict[str, Declared], name: str, figure: str) -> Declared:
    """The knob of that name.

    Raises:
        ValueError: the figure has none.
    """
    if name not in known:
        raise ValueError(f"{figure} has no knob {name!r}{meant(name, known)}")
    return known[name]


WORDS = {
    "steps": "T = {:g}",
    "hidden": "H = {:g}",
    "width": "{:g} units wide",
    "inputs": "{:g} inputs",
    "batch": "{:g} sequences",
    "seeds": "{:g} seeds",
    "seed": "seed {:g}",
    "neurons": "{:g} neurons",
    "rounds": "{:g} rounds",
    "samples": "{:,g} samples",
}
"""How a caption names a knob; one of something loses its s."""


def with_knobs(table: Table, **knobs: float) -> Table:
    """The table with a column for each knob."""
    return Table(table.columns | {name: np.full(len(table), float(value)) for name, value in knobs.items()})


def knob(table: Table, name: str) -> float:
    """The value of a knob."""
    return float(table[name][0])


def setting(table: Table, *names: str) -> str:
    """The named knobs in words: "T = 100, H = 50, 8 inputs, 1 seed"."""
    words = []
    for name in names:
        word = WORDS[name].format(knob(table, name))
        words.append(word.removesuffix("s") if knob(table, name) == 1 and word.startswith("1 ") else word)
    return ", ".join(words)


def fate(growth: float, steps: float) -> str:
    """What becomes of a gradient that grows by so many nats a step: it vanishes if under a hundredth is left."""
    total = growth * steps
    return "vanishes" if total < -np.log(100) else "explodes" if total > np.log(100) else "is roughly kept"


def growths(norms: Array) -> Array:
    """λ of every sequence: nats per step back in time by which the gradient grows; below 0 it vanishes, -∞ at once."""
    growth: Array = 0.0 - flow.decay_rate(norms)  # 0 - 0 is 0, where -0 would be written as such
    return growth


def spread(values: ArrayLike) -> float:
    """Standard deviation over the seeds; NaN where one of them is infinite."""
    values = np.asarray(values, float)
    return float(np.std(values)) if np.isfinite(values).all() else float("nan")


def plus_minus(value: float, deviation: float) -> str:
    """As "-0.168 ± 0.002"; without a deviation where there is none to tell."""
    return f"{value:.3f} ± {deviation:.3f}" if np.isfinite(deviation) else f"{value:.3f}"
