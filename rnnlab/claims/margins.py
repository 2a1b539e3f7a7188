"""By how much the best recurrent model beats a linear one on the same input, and the answer that looks at nothing."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.history import RULED

RECURRENT = ("tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
MARGIN = 0.8
"""A linear model is beaten by a score of at most this share of its own."""

CONTESTS = {
    "pixels, sequential, error %": ("pixels", "sequential", ("pixels", "whole image", "linear")),
    "pixels, permuted, error %": ("pixels", "permuted", ("pixels", "whole image", "linear")),
    "real digits, error %": ("pixels", "real digits", ("pixels", "real digits, whole image", "linear")),
    "characters, bits": ("characters", "characters", ("characters", "characters", "bigrams")),
    "phonemes, frame error %": ("phonemes", "frames", ("phonemes", "frames", "linear")),
}
"""Where: recipe and variant of the recurrent models, and the linear model's runs."""


@dataclass(frozen=True)
class Margin:
    """One contest.

    Attributes:
        contest: where.
        trivial: the score of the best answer that does not look at the input.
        linear: the linear model's lowest score, the median of its seeds.
        best, model: the lowest median of a recurrent model, and whose it is.
        seeds: how many runs of that model there are.
        older: whether all of them ended before the rules of the claims were committed.
    """

    contest: str
    trivial: float
    linear: float
    best: float
    model: str
    seeds: int
    older: bool = False

    @property
    def of(self) -> str:
        """Whose the lowest median is, and of what runs."""
        seeds = f"{self.seeds} seed{'s' * (self.seeds != 1)}"
        return f"{self.model}, {seeds}{', older runs' * self.older}"

    @property
    def share(self) -> float:
        """What is left of the linear model's score."""
        return self.best / self.linear

    @property
    def beaten(self) -> bool:
        """Whether it is ahead of the linear model by the margin, and that model is ahead of the trivial answer."""
        return self.share <= MARGIN and self.linear < self.trivial

    @property
    def answer(self) -> str:
        """Whether it is beaten, in a word or two."""
        return "yes" if self.beaten else "by less" if self.best < self.linear < self.trivial else "no"


def margins(evidence: Evidence) -> list[Margin]:
    """Every contest that has been run."""
    found = []
    for contest, (recipe, variant, linear) in CONTESTS.items():
        scores = {}
        for model in RECURRENT:
            with suppress(NotRunError):
                scores[model] = float(np.median(evidence.bests(recipe, variant, model)))
        with suppress(NotRunError):
            line = float(np.median(evidence.bests(*linear)))
            best = min(scores, key=lambda model: scores[model], default=None)
            if best is not None:
                runs = evidence.all_runs.where(recipe=recipe, variant=variant)
                trivial = float(np.median(runs["baseline"]))
                ended = runs.where(model=best)["ended"].astype(str)
                found.append(Margin(contest, trivial, line, scores[best], best, len(ended), max(ended) <= RULED))
    return found
