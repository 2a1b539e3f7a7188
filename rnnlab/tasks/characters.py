"""Characters: predict the next character of a text from those before it; and sample text from a trained network."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.layers.batchnorm import evaluating
from rnnlab.losses import softmax_cross_entropy
from rnnlab.network import Network
from rnnlab.sequences import coded, documentation, read_text
from rnnlab.tasks import windows
from rnnlab.tasks.task import Batch
from rnnlab.trace import States


@dataclass(frozen=True)
class Characters:
    """xs are the characters of a window as integers, targets the same window shifted by one; every step is read.

    The first nine tenths of the text are for training, the last for the test. Windows start anywhere in the training
    text, with a state of zeros; the test windows, 500 at most, are spread over the test text and do not overlap. The
    baseline is the cross-entropy of the test text under the training text's letter frequencies (counts start at
    one, so no character has probability 0).

    Attributes:
        codes: the text, as indices into the alphabet.
        alphabet: every character of the text, in order.
        source: where it comes from.
        steps: T.

    Raises:
        ValueError: a text too short for one window in each split.
    """

    codes: NDArray[np.int64]
    alphabet: str
    source: str
    steps: int = 50
    symbolic = True
    reads: ClassVar[Literal["every"]] = "every"
    measure = "bits per character"

    def __post_init__(self) -> None:
        windows.check(self.codes, self.steps, self.source, "characters")

    @classmethod
    def load(
        cls,
        input: Annotated[str | None, "your text, or a folder of .txt files; default: CPython's documentation"] = None,
        steps: Annotated[int, "T: length of a sequence"] = 50,
    ) -> "Characters":
        """The task on your own text, or on CPython's documentation."""
        return cls.documentation(steps=steps) if input is None else cls.read(input, steps=steps)

    @classmethod
    def of(cls, text: str, source: str = "text", *, steps: int = 50) -> "Characters":
        """The task on `text`."""
        if not text:
            raise ValueError(f"{source} is empty")
        alphabet, codes = coded(text)
        return cls(codes, alphabet, source, steps)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, steps: int = 50) -> "Characters":
        """The task on a UTF-8 text, or on a folder of .txt files as one text.

        Raises:
            ValueError: not UTF-8, or too short.
            OSError: it cannot be read.
        """
        return cls.of(read_text(path), Path(path).name, steps=steps)

    @classmethod
    def documentation(cls, *, steps: int = 50) -> "Characters":
        """The task on CPython's own documentation, which differs between Python versions.

        Raises:
            ValueError: this interpreter comes without it.
        """
        return cls.of(documentation(), "CPython's documentation", steps=steps)

    @property
    def inputs(self) -> int:
        return len(self.alphabet)

    @property
    def outputs(self) -> int:
        return len(self.alphabet)

    @property
    def _train(self) -> NDArray[np.int64]:
        return windows.parts(self.codes)[0]

    @property
    def _test(self) -> NDArray[np.int64]:
        return windows.parts(self.codes)[1]

    @property
    def baseline(self) -> float:
        counts = np.bincount(self._train, minlength=self.inputs) + 1
        bits = -np.log2(counts / counts.sum())
        return float(bits[self._test].mean())

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """xs and targets, integers (T, size)."""
        window = windows.drawn(rng, self._train, self.steps, size)
        return window[:-1], window[1:]

    def test(self) -> Iterator[Batch]:
        """Windows of the test text, spread evenly over it, 50 a batch."""
        return ((window[:-1], window[1:]) for window in windows.spread(self._test, self.steps))

    @staticmethod
    def loss(ys: Array, targets: NDArray[np.int64]) -> tuple[float, Array]:
        return softmax_cross_entropy(ys, targets)

    def answers(self, targets: NDArray[np.int64]) -> int:
        return targets.size

    def score(self, ys: Array, targets: NDArray[np.int64]) -> tuple[float, int]:
        return softmax_cross_entropy(ys, targets)[0] * targets.size / log(2), targets.size

    def sample(
        self,
        network: Network,
        rng: np.random.Generator,
        length: int,
        *,
        start: str | None = None,
        temperature: float = 1.0,
    ) -> str:
        """`length` characters sampled one by one from the predictions of `network`, each fed back as the next input.

        Args:
            start: the text to continue, not part of the result; the text's first character if None.
            temperature: logits are divided by it: below 1 favours likely characters, above 1 unlikely ones.

        Raises:
            ValueError: a character of `start` that the alphabet lacks, an empty start, or a temperature ≤ 0.
        """
        start = self.alphabet[self.codes[0]] if start is None else start
        unknown = sorted(set(start) - set(self.alphabet))
        if not start or unknown:
            raise ValueError(f"start must be characters of the text; got {''.join(unknown)!r}")
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0; got {temperature}")
        network = evaluating(network)
        xs = np.array([[self.alphabet.index(character)] for character in start])
        states: States = ()
        written = []
        for _ in range(length):
            trace = network.forward(xs, *states)
            logits = trace.ys[-1, 0].astype(np.float64)
            with np.errstate(over="ignore"):  # a logit far below the largest may become -inf
                p = np.exp((logits - logits.max()) / temperature)
            code = rng.choice(len(p), p=p / p.sum())
            written.append(self.alphabet[code])
            xs, states = np.array([[code]]), trace.ends
        return "".join(written)
