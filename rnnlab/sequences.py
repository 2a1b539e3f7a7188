"""The user's own sequences as an array (T, B, D): a text's characters, CSV columns, a .npy array, or CPython's docs."""

import csv
import io
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, contract

LARGEST = 1 << 30
"""Bytes: the most that the one-hot windows of a text may take; a layer's states and gradients take several times it."""


@dataclass(frozen=True)
class Sequences:
    """xs (T, B, D) in float64 or symbols (T, B), and a short description of their source."""

    xs: NDArray[Any]
    source: str


def read(
    path: str | os.PathLike[str] | None,
    *,
    steps: int | None = None,
    batch: int | None = None,
    symbols: int | None = None,
    column: str | None = None,
) -> Sequences:
    """Sequences from a .npy array (T, B, D), of which the first `steps` and the first `batch` are kept, or from a CSV
    file or a text.

    Of a UTF-8 text, `batch` windows (16 if not given) of `steps` characters (100) are spread evenly from its beginning
    to its end, and each character is a one-hot vector over those that occur in it. A folder is one text, of all its
    .txt files. Without a path the text is CPython's own documentation, which differs between Python versions. Of a .csv
    file windows are taken likewise: D columns of numbers, or the one that is named, each with mean 0 and standard
    deviation 1.

    Where `symbols` is given, xs are integers (T, B) below it, for a network with an Embedding: a .npy array of them, or
    the indices of a text's characters in its alphabet, which must have that many.

    Raises:
        ValueError, TypeError: the file is empty, damaged, too short, not UTF-8, not an array of this kind, or its
            alphabet is of another size; or the windows would take more than 1 GiB.
        OSError: it cannot be read.
    """
    for name, number in (("steps", steps), ("batch", batch)):
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1; got {number}")
    if column is not None and Path(path or "").suffix != ".csv":
        raise ValueError(f"a column is one of a .csv file; got {column!r} for {path or 'no file'}")
    if path is None:
        return _characters(documentation(), "CPython's documentation", steps or 100, batch or 16, symbols)
    path = Path(path)
    if path.suffix == ".npy":
        return _array(path, steps, batch, symbols)
    if path.suffix == ".csv" and symbols is None:
        return _series(path, steps or 100, batch or 16, column)
    return _characters(read_text(path), path.name, steps or 100, batch or 16, symbols)


def read_text(path: str | os.PathLike[str]) -> str:
    """The UTF-8 text in a file, without the byte order mark that some editors put before it.

    Of a folder, all its .txt files and those of its folders, in the order of their names, as one text.

    Raises:
        ValueError: it is not UTF-8, and the message names the byte; or a folder without .txt files.
        OSError: it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.rglob("*.txt"))
        if not files:
            raise ValueError(f"the folder {path} holds no .txt file")
        return "\n".join(map(read_text, files))
    try:
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at position {error.start}"
        ) from None


def read_numbers(path: str | os.PathLike[str], column: str | None = None) -> dict[str, Array]:
    """The columns of a CSV file in which every cell is a finite number, by name; or the one that is named.

    The first line holds the names, unless it holds numbers: then the columns are 0, 1, …

    Raises:
        ValueError: not UTF-8, no rows, rows of different lengths, no such column, or none with numbers.
        OSError: it cannot be read.
    """
    name = Path(path).name
    try:
        rows = [row for row in csv.reader(io.StringIO(read_text(path))) if row]  # a blank line is no row
    except csv.Error as error:
        raise ValueError(f"{name} is not a CSV file: {error}") from None
    titles = [title.strip() for title in rows[0]] if rows else []
    if all(_number(title) is not None for title in titles):
        titles = [str(place) for place in range(len(titles))]
    else:
        rows = rows[1:]
    if not rows:
        raise ValueError(f"{name} has no rows of numbers")
    if column is not None and column not in titles:
        raise ValueError(f"{name} has no column {column}; it has {', '.join(titles)}")
    found: dict[str, Array] = {}
    for place, title in enumerate(titles):
        if column not in (None, title):
            continue
        cells = [row[place] if len(row) == len(titles) else f"{len(row)} cells" for row in rows]
        numbers = [_number(cell) for cell in cells]
        if None not in numbers:
            found[title] = np.array(numbers, dtype=np.float64)
        elif column is not None:
            wrong = numbers.index(None)
            raise ValueError(f"column {column} of {name} has no number in row {wrong + 1}: {cells[wrong]!r}")
    if not found:
        raise ValueError(f"{name} has no column in which every cell is a number; its columns are {', '.join(titles)}")
    return found


def _number(cell: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def documentation() -> str:
    """The texts of Python's help() topics, from this interpreter.

    Raises:
        ValueError: this interpreter comes without them.
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError:
        raise ValueError("this Python comes without its documentation (pydoc_data): give a text file") from None
    return "\n".join(topics[name] for name in sorted(topics))


def coded(text: str) -> tuple[str, NDArray[np.int64]]:
    """The alphabet of `text` in order, and the index of each character in it."""
    points, codes = np.unique(np.frombuffer(text.encode("utf-32-le"), "<u4"), return_inverse=True)
    return "".join(map(chr, points)), codes


def _characters(text: str, source: str, steps: int, batch: int, symbols: int | None) -> Sequences:
    if len(text) < steps:
        raise ValueError(f"{source} has {len(text)} characters; {steps} steps need at least {steps}")
    alphabet, codes = coded(text)
    if symbols is not None and len(alphabet) != symbols:
        raise ValueError(
            f"the network reads {symbols} symbols and keeps no alphabet to read {source} by, which has {len(alphabet)} "
            "different characters: give the text that it was trained on, or a .npy array of integers (T, B)"
        )
    needed = 8 * steps * batch * len(alphabet)
    if needed > LARGEST:
        raise ValueError(
            f"{batch:,} windows of {steps:,} characters, one-hot over {len(alphabet)}, would take "
            f"{needed / 2**30:,.1f} GiB; the limit is {LARGEST / 2**30:g} GiB: take fewer or shorter windows"
        )
    starts = np.linspace(0, len(text) - steps, batch).astype(int)
    windows = codes[starts + np.arange(steps)[:, None]]  # (T, B)
    if symbols is not None:
        return Sequences(windows, f"{source}, its {symbols} different characters in order as the symbols")
    xs = np.zeros((steps, batch, len(alphabet)))
    np.put_along_axis(xs, windows[..., None], 1.0, axis=2)
    return Sequences(xs, f"{source}, characters one-hot")


def _series(path: Path, steps: int, batch: int, column: str | None) -> Sequences:
    columns = read_numbers(path, column)
    values = np.stack(list(columns.values()), axis=1)  # (N, D)
    if len(values) < steps:
        raise ValueError(f"{path.name} has {len(values)} rows; {steps} steps need at least {steps}")
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    starts = np.linspace(0, len(values) - steps, batch).astype(int)
    return Sequences(values[starts + np.arange(steps)[:, None]], f"{path.name}, standardised: {', '.join(columns)}")


def _array(path: Path, steps: int | None, batch: int | None, symbols: int | None) -> Sequences:
    with path.open("rb") as file:
        try:
            xs = np.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:  # bytes of unknown origin can raise any exception
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"{path} is not a whole .npy array: {reason}") from None
    xs = _floats(path, xs) if symbols is None else _symbols(path, xs, symbols)
    for what, wanted, there in (("steps", steps, xs.shape[0]), ("sequences", batch, xs.shape[1])):
        if wanted is not None and wanted > there:
            raise ValueError(f"{path.name} has {there} {what}; {wanted} were asked for")
    return Sequences(xs[:steps, :batch], path.name)


def _floats(path: Path, xs: NDArray[Any]) -> Array:
    """(T, B, D) in float64, from any precision and byte order."""
    if xs.dtype.kind != "f":
        turned = {"c": ".real", "b": ".astype(float)", "i": ".astype(float)", "u": ".astype(float)"}.get(xs.dtype.kind)
        advice = f": np.save({str(path)!r}, np.load({str(path)!r}){turned}) makes it one" if turned else ""
        raise TypeError(f"{path.name} must be an array of real floating-point numbers; got {xs.dtype}{advice}")
    xs = xs.astype(np.float64)
    contract(path.name, xs, "T B D")
    return xs


def _symbols(path: Path, xs: NDArray[Any], symbols: int) -> NDArray[np.int64]:
    """(T, B), from integers of any size and byte order."""
    wanted = f"{path.name} must be an array (T, B) of integers in 0 … {symbols - 1}, the symbols that the network reads"
    if xs.dtype.kind not in "iu":
        raise TypeError(f"{wanted}; got {xs.dtype}")
    if xs.ndim != 2 or xs.size == 0:
        raise ValueError(f"{wanted}; got {xs.shape}")
    if xs.min() < 0 or xs.max() >= symbols:
        raise ValueError(f"{wanted}; got {xs.min()} … {xs.max()}")
    return xs.astype(np.int64)
