"""Phonemes: recognise the phoneme spoken in every frame of speech."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.losses import softmax_cross_entropy
from rnnlab.tasks import formants, timit
from rnnlab.tasks.speech import log_mel
from rnnlab.tasks.task import Batch
from rnnlab.tasks.timit import LEFT_OUT

SPEAKERS, TEST_SPEAKERS, EACH = 40, 12, 16
"""Synthesised speakers to train on and held out, and the utterances of each."""

SCORED = 64
"""Windows in a held-out batch."""


@dataclass(frozen=True)
class Phonemes:
    """x[t] are the log-mel features of a frame, one every 10 ms; the target is its phoneme. Every step is read.

    Features have mean 0 and variance 1 over the training frames. Frames labelled -1, padding among them, count neither
    in the loss nor in the score.

    Attributes:
        frames, labels: windows to train on: (N, T, D), and (N, T) integers in -1 … K-1.
        test_frames, test_labels: held out, of other speakers.
        names: the K phonemes.
        source: where they come from.

    Raises:
        ValueError: arrays that do not fit together.
    """

    frames: Array = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    test_frames: Array = field(repr=False)
    test_labels: NDArray[np.int64] = field(repr=False)
    names: tuple[str, ...]
    source: str
    symbolic: ClassVar[bool] = False
    reads: ClassVar[Literal["every"]] = "every"
    measure: ClassVar[str] = "frame error %"

    def __post_init__(self) -> None:
        for frames, labels in ((self.frames, self.labels), (self.test_frames, self.test_labels)):
            if frames.ndim != 3 or frames.shape[:2] != labels.shape or frames.shape[1:] != self.frames.shape[1:]:
                raise ValueError(f"{self.source}: frames {frames.shape} do not fit labels {labels.shape}")
            if labels.min() < LEFT_OUT or labels.max() >= len(self.names) or not (labels >= 0).any():
                raise ValueError(f"{self.source}: labels must be in -1 … {len(self.names) - 1}, and some above -1")

    @classmethod
    def load(
        cls,
        input: Annotated[str | None, "your folder of TIMIT; default: synthesised speech"] = None,
        steps: Annotated[int, "T: length of a sequence"] = 100,
        speakers: Annotated[int | None, f"synthesised speakers to train on; default: {SPEAKERS}"] = None,
        voices: Annotated[int | None, "seed of all that is synthesised; default: 0"] = None,
    ) -> "Phonemes":
        """The task on your copy of TIMIT, or on synthesised speech.

        Raises:
            ValueError: speakers or voices for speech that is not synthesised.
        """
        if input is None:
            train = SPEAKERS if speakers is None else speakers
            return cls.synthesised(steps=steps, train=train, seed=voices or 0)
        if speakers is not None or voices is not None:
            raise ValueError(f"speakers and voices are for synthesised speech; leave them out with {input}")
        return cls.read(input, steps=steps)

    @classmethod
    def synthesised(
        cls,
        *,
        steps: int = 100,
        train: int = SPEAKERS,
        test: int = TEST_SPEAKERS,
        each: int = EACH,
        seed: int = 0,
    ) -> "Phonemes":
        """Ten vowels, five fricatives and silence of `train` and `test` speakers, `each` utterances of T frames.

        Raises:
            ValueError: a number under 1.
        """
        if min(steps, train, test, each) < 1:
            raise ValueError(f"steps, train, test and each must be at least 1; got {steps}, {train}, {test} and {each}")
        parts: list[NDArray[np.floating]] = []
        labels: list[NDArray[np.int64]] = []
        for number, speakers in enumerate((train, test)):
            waves, phones = formants.utterances(np.random.default_rng([seed, number]), speakers, each, steps)
            parts.append(np.stack([log_mel(wave) for wave in waves]))  # one by one, to save memory
            labels.append(phones)
        mean, deviation = parts[0].mean(axis=(0, 1)), parts[0].std(axis=(0, 1))
        frames, test_frames = ((part - mean) / deviation for part in parts)
        return cls(frames, labels[0], test_frames, labels[1], formants.NAMES, "synthesised speech")

    @classmethod
    def read(cls, folder: str | os.PathLike[str], *, steps: int = 100) -> "Phonemes":
        """TIMIT, from a folder with TRAIN and TEST in it, its utterances cut into windows of T frames.

        Raises:
            ValueError: a file is missing, damaged, cut short or not what it is called; the message names it.
            OSError: one cannot be read.
        """
        if steps < 1:
            raise ValueError(f"steps must be at least 1; got {steps}")
        train, test = (timit.utterances(Path(folder), part) for part in ("TRAIN", "TEST"))
        features = np.concatenate([features for features, _ in train])
        mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
        windows = [_windows([((x - mean) / deviation, y) for x, y in part], steps) for part in (train, test)]
        return cls(*windows[0], *windows[1], timit.CLASSES, str(folder))

    @property
    def steps(self) -> int:
        return int(self.frames.shape[1])

    @property
    def inputs(self) -> int:
        return int(self.frames.shape[2])

    @property
    def outputs(self) -> int:
        return len(self.names)

    @property
    def baseline(self) -> float:
        """The error of always answering the most frequent phoneme of the training frames."""
        usual = np.bincount(self.labels[self.labels >= 0]).argmax()
        scored = self.test_labels[self.test_labels >= 0]
        return float(100 * np.mean(scored != usual))

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs (T, size, D) and labels (T, size)."""
        chosen = rng.integers(len(self.frames), size=size)
        return self._timed(self.frames[chosen], self.labels[chosen])

    def test(self) -> Iterator[Batch]:
        """All held-out windows, in order."""
        for first in range(0, len(self.test_frames), SCORED):
            part = slice(first, first + SCORED)
            yield self._timed(self.test_frames[part], self.test_labels[part])

    def _timed(self, frames: Array, labels: NDArray[np.int64]) -> Batch:
        return np.ascontiguousarray(frames.transpose(1, 0, 2)), np.ascontiguousarray(labels.T)

    @staticmethod
    def loss(ys: Array, targets: NDArray[np.int64]) -> tuple[float, Array]:
        """Mean cross-entropy over the labelled frames; the gradient of all others is 0."""
        gradient = np.zeros_like(ys)
        labelled = targets >= 0
        if not labelled.any():
            return 0.0, gradient
        value, gradient[labelled] = softmax_cross_entropy(ys[labelled], targets[labelled])
        return value, gradient

    def answers(self, targets: NDArray[np.int64]) -> int:
        return int((targets >= 0).sum())

    def score(self, ys: Array, targets: NDArray[np.int64]) -> tuple[float, int]:
        labelled = targets >= 0
        return 100.0 * int(np.sum((ys.argmax(axis=-1) != targets) & labelled)), int(labelled.sum())


def _windows(utterances: list[tuple[Array, NDArray[np.int64]]], steps: int) -> tuple[Array, NDArray[np.int64]]:
    """(N, steps, D) and (N, steps); the last window of an utterance is filled up with zeros labelled -1."""
    frames, labels = [], []
    for features, phones in utterances:
        missing = -len(features) % steps
        frames.append(np.pad(features, ((0, missing), (0, 0))).reshape(-1, steps, features.shape[1]))
        labels.append(np.pad(phones, (0, missing), constant_values=LEFT_OUT).reshape(-1, steps))
    return np.concatenate(frames), np.concatenate(labels)
