"""IDX, the format of MNIST: a magic number that gives type and axes, their lengths, then the bytes; plain or .gz."""

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

IMAGES, LABELS = 0x00000803, 0x00000801
"""Magic numbers, big-endian: unsigned bytes with three axes, and with one."""

NAMES = {IMAGES: "images", LABELS: "labels"}
LARGEST = 1 << 28
"""Bytes: a header that claims more is refused. MNIST's largest file has 47 million."""

PIECE = 1 << 20
"""Bytes read at a time: `read(n)` allocates n bytes before it knows how many the file has."""


def read(folder: Path, stem: str, magic: int) -> NDArray[np.uint8]:
    """The array in `folder`/`stem`, with or without .gz, and with "." for the "-" before idx, as some copies have it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not such an array, whole and no longer.
        OSError: it cannot be read.
    """
    names = [f"{name}{suffix}" for name in (stem, stem.replace("-idx", ".idx")) for suffix in ("", ".gz")]
    paths = [folder / name for name in names if (folder / name).is_file()]
    if not paths:
        raise FileNotFoundError(2, "No such file, nor with .gz", str(folder / stem))
    with paths[0].open("rb") as file:
        try:
            return _array(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if paths[0].suffix == ".gz" else file, magic)
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{paths[0]} is not a whole file of MNIST {NAMES[magic]}: {error}") from None


def _array(file: BinaryIO, magic: int) -> NDArray[np.uint8]:
    axes = magic & 0xFF
    header = file.read(4 + 4 * axes)
    if len(header) < 4 + 4 * axes:
        raise ValueError(f"its header has {len(header)} bytes of {4 + 4 * axes}")
    found, *shape = np.frombuffer(header, ">u4").tolist()
    if found != magic:
        other = f", which is that of {NAMES[found]}: are two files swapped?" if found in NAMES else ""
        raise ValueError(f"its magic number is 0x{found:08x}, not 0x{magic:08x}{other}")
    if 0 in shape or prod(shape) > LARGEST:
        raise ValueError(f"its header says {' × '.join(map(str, shape))}")
    contents = bytearray()
    while piece := file.read(min(PIECE, prod(shape) + 1 - len(contents))):
        contents += piece
    if len(contents) != prod(shape):
        more = "more than" if len(contents) > prod(shape) else f"{len(contents):,} of"
        raise ValueError(f"it has {more} {prod(shape):,} bytes")
    return np.frombuffer(contents, np.uint8).reshape(shape)
