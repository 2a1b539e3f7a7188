"""Records: frozen dataclasses of arrays. Layers, traces and gradients are all records.

A record's fields are arrays, other records, tuples of either, and plain settings (text, numbers, None). That is enough
to list every array by name, to map a function over matching records, and to save and load them; an optimiser step is
`layer.map(lambda p, g: p - lr * g, grads.params)`.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from inspect import get_annotations
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np

from rnnlab.arrays import Array
from rnnlab.files import replacing

FORMAT = "rnnlab record 1"
HEADER = "__record__"
PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """Base of every record. Subclasses are declared with `@dataclass(frozen=True, eq=False, repr=False)`.

    A subclass without it, `class Mine(rl.Record): U: np.ndarray`, is made one before its first value.
    """

    kinds: ClassVar[dict[str, type["Record"]]] = {}
    """Every record class by name: what `load` may build, and nothing else."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        known = Record.kinds.get(cls.__name__)
        if known is None or not known.__module__.startswith("rnnlab."):  # a user's RNN does not take our RNN's place
            Record.kinds[cls.__name__] = cls

    def __new__(cls, *_: Any, **__: Any) -> Self:
        for kind in reversed(cls.__mro__):
            if issubclass(kind, Record) and "__dataclass_fields__" not in kind.__dict__ and _declares_fields(kind):
                dataclass(frozen=True, eq=False, repr=False)(kind)
        return super().__new__(cls)

    def arrays(self) -> dict[str, Array]:
        """Every array in field order under its dotted name: {"params.W": ..., "layers.0.U": ...}."""
        return dict(_leaves("", self))

    def map(self, fn: Callable[..., Array], *others: "Record") -> Self:
        """A record of the same structure whose arrays are fn(own array, *the others' arrays of the same name).

        The result is not validated: the checks of the constructor are not repeated.

        Raises:
            ValueError: another record has other array names.
        """
        mine, theirs = self.arrays(), [other.arrays() for other in others]
        for other, arrays in zip(others, theirs, strict=True):
            if arrays.keys() != mine.keys():
                raise ValueError(
                    f"map needs records with the same arrays: {type(self).__name__} has {', '.join(mine)}; "
                    f"{type(other).__name__} has {', '.join(arrays)}"
                )
        results = {name: fn(array, *(arrays[name] for arrays in theirs)) for name, array in mine.items()}
        return cast(Self, _with_leaves("", self, results))

    def like(self, **arrays: Array) -> Self:
        """A record of the same structure with these arrays in place of its own: how a backward makes its gradients.

        As with `map`, nothing is validated: a gradient may be infinite where a parameter may not.

        Raises:
            ValueError: an array is missing, or there is none of that name.
        """
        if arrays.keys() != self.arrays().keys():
            raise ValueError(f"like needs one array for each of {', '.join(self.arrays())}; got {', '.join(arrays)}")
        return cast(Self, _with_leaves("", self, arrays))

    def __repr__(self) -> str:
        named = (f"{name}={_brief(part)}" for name, part in parts(self))
        return f"{type(self).__name__}({', '.join(named)})"


def _declares_fields(kind: type[Record]) -> bool:
    return any("ClassVar" not in str(annotation) for annotation in get_annotations(kind).values())


def _brief(value: object) -> str:
    """An array as its dtype and shape, a tuple as its items, anything else as its repr."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))})"
    return repr(value)


def parts(value: object) -> Iterator[tuple[str, Any]]:
    """The named parts of a record or a tuple; anything else has none."""
    if isinstance(value, Record):
        return ((name, getattr(value, name)) for name in _names(cast(Any, type(value))))
    return ((str(i), item) for i, item in enumerate(value)) if isinstance(value, tuple) else iter(())


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _leaves(prefix: str, value: object) -> Iterator[tuple[str, Array]]:
    if isinstance(value, np.ndarray):
        yield prefix, value
        return
    for name, part in parts(value):
        yield from _leaves(f"{prefix}.{name}" if prefix else name, part)


def _with_leaves(prefix: str, value: Any, leaves: dict[str, Array]) -> Any:
    """`value` again with its arrays taken from `leaves`; constructors are not run."""
    if isinstance(value, np.ndarray):
        return np.asanyarray(leaves[prefix])  # of an array without axes NumPy's arithmetic makes a scalar
    if not isinstance(value, Record | tuple):
        return value
    built = {name: _with_leaves(f"{prefix}.{name}" if prefix else name, part, leaves) for name, part in parts(value)}
    if isinstance(value, tuple):
        return tuple(built.values())
    copy = object.__new__(type(value))
    for name, part in built.items():
        object.__setattr__(copy, name, part)
    return copy


# Saving: one npz file with an array per dotted name, and one text entry that says how they nest. The zip is written
# and read here, because np.savez and np.load cannot handle every name and leave a broken file open.


def save(path: str | os.PathLike[str], record: Record) -> None:
    """Write `record` to `path` as an npz file without pickles, whole or not at all.

    Raises:
        TypeError: not a record, or a setting that is no text, number or None.
        OSError: the file cannot be written.
    """
    if not isinstance(record, Record):
        raise TypeError(f"save needs a record (a layer, a trace, gradients); got {type(record).__name__}")
    build = json.dumps({"format": FORMAT, "build": _describe(record)})
    contents = io.BytesIO()
    with zipfile.ZipFile(contents, "w") as archive:
        for name, array in {HEADER: np.array(build), **record.arrays()}.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())  # without a date: the same bytes again
    with replacing(path) as file:
        file.write(contents.getbuffer())


def _describe(value: object) -> Any:
    """The structure of `value` as JSON: an array is "array", a record or tuple names its parts."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return "array"
    if isinstance(value, Record):
        if Record.kinds[type(value).__name__] is not type(value):
            raise TypeError(
                f"save knows another record class called {type(value).__name__}: give this one another name"
            )
        return {"record": type(value).__name__, "parts": {n: _describe(p) for n, p in parts(value)}}
    if isinstance(value, tuple):
        return {"tuple": [_describe(item) for item in value]}
    if isinstance(value, PLAIN):
        return {"plain": value}
    raise TypeError(f"save writes float arrays, records, text, numbers and None; got a {type(value).__name__}")


def is_record(path: str | os.PathLike[str]) -> bool:
    """Whether this file is one for `load`, and not another program's zip.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{HEADER}.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return True  # not a zip at all: `load` says so


def load(path: str | os.PathLike[str]) -> Record:
    """The record that `save` wrote to `path`. Nothing is unpickled, and only record classes are built.

    Raises:
        ValueError: the file is truncated, damaged, or not a saved record.
        OSError: the file cannot be read.
    """
    contents = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            arrays = {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()}
        header = json.loads(str(arrays.pop(HEADER)[()]))
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
        record = _build("", header["build"], arrays)
    except Exception as error:  # bytes of unknown origin can raise any exception
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{os.fspath(path)} is not a whole rnnlab record: {reason}") from None
    if not isinstance(record, Record):
        raise ValueError(f"{os.fspath(path)} is not a whole rnnlab record: it holds a {type(record).__name__}")
    return record


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """One array, refused before it is allocated if the entry does not hold as many bytes as it claims."""
    file = io.BytesIO(archive.read(entry))
    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(file)
    if dtype.kind not in "fcU":
        raise ValueError(f"{entry.filename} holds {dtype}")
    array = np.frombuffer(file.read(), dtype).reshape(shape, order="F" if fortran else "C")
    return array.copy()


def _build(prefix: str, build: Any, arrays: dict[str, Array]) -> Any:
    if build == "array":
        return arrays[prefix]
    if "plain" in build:
        return build["plain"]
    stem = f"{prefix}." if prefix else ""
    if "tuple" in build:
        return tuple(_build(f"{stem}{i}", item, arrays) for i, item in enumerate(build["tuple"]))
    kind = Record.kinds.get(build["record"])
    if kind is None:
        raise ValueError(
            f"it holds a {build['record']}, and no such class is defined: import the module that defines it first"
        )
    return kind(**{name: _build(f"{stem}{name}", part, arrays) for name, part in build["parts"].items()})
