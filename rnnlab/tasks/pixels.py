"""Pixel by pixel: classify the digit in an image that is read as a sequence, in order or in one shuffled order."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.losses import softmax_cross_entropy
from rnnlab.tasks import digits, idx
from rnnlab.tasks.task import Batch

TRAINED_ON, HELD_OUT = 10_000, 2_000
"""Images drawn for training and for the test."""

SHUFFLE = 92
"""The seed of the order of permuted pixels: one order for all runs, training and test alike."""

SCORED = 250
"""Images in a held-out batch."""


@dataclass(frozen=True)
class Pixels:
    """x[t] is the t-th pixel, in [0, 1], row by row; or the t-th `pixels_per_step` pixels. The target is the digit,
    which the network must give after the last step.

    With one pixel a step a 28 × 28 image takes T = 784 steps; with all of them T = 1, an ordinary image. Permuted, the
    pixels of every image come in the same shuffled order, which separates neighbours. Standardised, the pixels of all
    training images together have mean 0 and variance 1. As they are they are never below 0, and so an IRNN's unit with
    W < 0, about half of them, is never on: its gradient is 0, and it stays so.

    Attributes:
        images, labels: for training: (N, side, side) uint8, and (N,) integers in 0 … 9.
        test_images, test_labels: held out.
        source: where they come from.
        permuted, pixels_per_step, standardised: as above.

    Raises:
        ValueError: images and labels that do not fit together, pixels that pixels_per_step does not divide, or
            training images of one grey that cannot be standardised.
        TypeError: images that are not uint8, labels or pixels_per_step that are not integers.

    Source: Le, Jaitly, Hinton (2015), arXiv 1504.00941, §4.2.
    """

    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    test_images: NDArray[np.uint8] = field(repr=False)
    test_labels: NDArray[np.int64] = field(repr=False)
    source: str
    permuted: bool = False
    pixels_per_step: int = 1
    standardised: bool = False
    symbolic: ClassVar[bool] = False
    outputs: ClassVar[int] = 10
    reads: ClassVar[Literal["last"]] = "last"
    measure: ClassVar[str] = "error %"

    def __post_init__(self) -> None:
        splits = (self.images, self.labels), (self.test_images, self.test_labels)
        for (images, labels), part in zip(splits, ("training", "test"), strict=True):
            _fit(images, labels, f"{self.source}: {part} images", f"{self.source}: {part} labels")
        _alike(self.images, self.test_images, f"{self.source}: test images")
        if not isinstance(self.pixels_per_step, int):
            raise TypeError(f"pixels_per_step must be an integer; got {self.pixels_per_step!r}")
        if self.pixels_per_step < 1 or self.images[0].size % self.pixels_per_step:
            raise ValueError(
                f"pixels_per_step must divide the {self.images[0].size} pixels of an image; got {self.pixels_per_step}"
            )
        if self.standardised and not self.images.std():
            raise ValueError(f"{self.source}: pixels that are all alike cannot be standardised")

    @classmethod
    def load(
        cls,
        input: Annotated[str | None, "your folder of MNIST; default: digits in Matplotlib's fonts"] = None,
        side: Annotated[int | None, "pixels on a side of an image; default: 28 if drawn, else your data's own"] = None,
        pixels_per_step: Annotated[int, "pixels in a step"] = 1,
        permuted: Annotated[bool, "in one shuffled order for all images"] = False,
        standardised: Annotated[bool, "pixels with mean 0 and variance 1, not in 0 … 1"] = False,
    ) -> "Pixels":
        """The task on your copy of MNIST, or on digits drawn in Matplotlib's fonts."""
        asked: dict[str, Any] = {"pixels_per_step": pixels_per_step, "permuted": permuted, "standardised": standardised}
        if input is None:
            return cls.drawn(side=28 if side is None else side, **asked)
        return cls.read(input, side=side, **asked)

    @classmethod
    def drawn(
        cls,
        *,
        side: int = 28,
        train: int = TRAINED_ON,
        test: int = HELD_OUT,
        seed: int = 0,
        permuted: bool = False,
        pixels_per_step: int = 1,
        standardised: bool = False,
    ) -> "Pixels":
        """Digits from Matplotlib's fonts, test faces held out; the same seed draws the same.

        Raises:
            ValueError: a side under 4, or no images.
        """
        if side < 4 or min(train, test) < 1:
            raise ValueError(f"side must be at least 4, train and test at least 1; got {side}, {train} and {test}")
        images, labels = digits.draw(np.random.default_rng([seed, 0]), digits.TRAINING, train, side)
        test_images, test_labels = digits.draw(np.random.default_rng([seed, 1]), digits.TEST, test, side)
        source = f"digits in Matplotlib's fonts, {side} × {side}"
        return cls(images, labels, test_images, test_labels, source, permuted, pixels_per_step, standardised)

    @classmethod
    def read(
        cls,
        folder: str | os.PathLike[str],
        *,
        side: int | None = None,
        permuted: bool = False,
        pixels_per_step: int = 1,
        standardised: bool = False,
    ) -> "Pixels":
        """MNIST from its four files, train-images-idx3-ubyte and so on, plain or .gz.

        Args:
            side: images are averaged down to this side, which must divide theirs.

        Raises:
            ValueError: a file is damaged, cut short, too long or swapped with another, or the files do not fit.
            OSError: one is missing or cannot be read.
        """
        folder = Path(folder)
        splits = []
        for part in ("train", "t10k"):
            pictures, answers = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
            images = idx.read(folder, pictures, idx.IMAGES)
            labels = idx.read(folder, answers, idx.LABELS).astype(np.int64)
            _fit(images, labels, str(folder / pictures), str(folder / answers))
            splits.append((images, labels))
        (images, labels), (test_images, test_labels) = splits
        _alike(images, test_images, str(folder / "t10k-images-idx3-ubyte"))
        if side is not None:
            images, test_images = _averaged(images, side, folder), _averaged(test_images, side, folder)
        return cls(images, labels, test_images, test_labels, str(folder), permuted, pixels_per_step, standardised)

    @property
    def steps(self) -> int:
        return int(self.images[0].size) // self.pixels_per_step

    @property
    def inputs(self) -> int:
        return self.pixels_per_step

    @property
    def baseline(self) -> float:
        """The error of always answering the most frequent digit of the training images."""
        usual = np.bincount(self.labels).argmax()
        return float(100 * np.mean(self.test_labels != usual))

    @property
    def order(self) -> NDArray[np.int64]:
        """The indices of the pixels in reading order."""
        size = self.images[0].size
        return np.random.default_rng(SHUFFLE).permutation(size) if self.permuted else np.arange(size)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs (T, size, D) and labels (size,)."""
        chosen = rng.integers(len(self.images), size=size)
        return self._sequences(self.images[chosen]), self.labels[chosen]

    def test(self) -> Iterator[Batch]:
        """All held-out images, in order."""
        for first in range(0, len(self.test_images), SCORED):
            part = slice(first, first + SCORED)
            yield self._sequences(self.test_images[part]), self.test_labels[part]

    @cached_property
    def _grey(self) -> tuple[float, float]:
        """The grey that is read as 0, and how much lighter the grey that is read as 1."""
        return (float(self.images.mean()), float(self.images.std())) if self.standardised else (0.0, 255.0)

    def _sequences(self, images: NDArray[np.uint8]) -> Array:
        zero, one = self._grey
        pixels = (images.reshape(len(images), -1)[:, self.order] - zero) / one
        return np.ascontiguousarray(pixels.reshape(len(images), self.steps, -1).transpose(1, 0, 2))

    @staticmethod
    def loss(ys: Array, targets: NDArray[np.int64]) -> tuple[float, Array]:
        return softmax_cross_entropy(ys, targets)

    def answers(self, targets: NDArray[np.int64]) -> int:
        return targets.size

    def score(self, ys: Array, targets: NDArray[np.int64]) -> tuple[float, int]:
        return 100.0 * int(np.sum(ys.argmax(axis=-1) != targets)), targets.size


def _fit(images: NDArray[np.uint8], labels: NDArray[np.integer[Any]], pictures: str, answers: str) -> None:
    """Require N square images of bytes with a digit for each; `pictures` and `answers` name the arrays."""
    for name, array, kinds, wanted in (
        (pictures, images, "B", "uint8"),
        (answers, labels, np.typecodes["AllInteger"], "integers"),
    ):
        if not isinstance(array, np.ndarray) or array.dtype.char not in kinds:
            raise TypeError(f"{name} must be an array of {wanted}; got {getattr(array, 'dtype', type(array).__name__)}")
    if images.ndim != 3 or images.shape[1] != images.shape[2] or images.size == 0:
        raise ValueError(f"{pictures} must be square, (N, side, side), and N ≥ 1; got {images.shape}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{answers} must be ({len(images)},) to match {pictures}; got {labels.shape}")
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"{answers} must be in 0 … 9; got {labels.min()} … {labels.max()}")


def _alike(images: NDArray[np.uint8], test_images: NDArray[np.uint8], name: str) -> None:
    side, test_side = images.shape[1], test_images.shape[1]
    if side != test_side:
        raise ValueError(f"{name} must be {side} × {side} like the training images; got {test_side} × {test_side}")


def _averaged(images: NDArray[np.uint8], side: int, folder: Path) -> NDArray[np.uint8]:
    """Every square of k × k pixels becomes one, their mean."""
    N, whole, _ = images.shape
    if side < 1 or whole % side:
        raise ValueError(f"{folder} has images of {whole} × {whole}; a side of {side} does not divide them")
    squares = images.reshape(N, side, whole // side, side, whole // side)
    averaged: NDArray[np.uint8] = np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)
    return averaged
