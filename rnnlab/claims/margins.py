"""By how much the best recurrent model beats a linear one on the same input, and the answer that looks at nothing."""

from dataclasses import dataclass

from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.experiments.recipes import longer

RECURRENT = ("tanh RNN", "ReLU RNN", "IRNN", "IRNN, 0.01 I", "LSTM", "GRU", "IndRNN")
MARGIN = 0.8
"""A linear model is beaten by a score of at most this share of its own."""

WHOLE = ("pixels", "whole image", "linear")
CONTESTS = {
    "pixels, sequential, error %": ("pixels", "sequential", WHOLE),
    "pixels, permuted, error %": ("pixels", "permuted", WHOLE),
    f"pixels, {longer('permuted')}, error %": ("pixels", longer("permuted"), WHOLE),
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
        linear: the linear model's median score.
        best, model: the lowest median of a recurrent model, and whose it is.
    """

    contest: str
    trivial: float
    linear: float
    best: float
    model: str

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
            try:
                scores[model] = evidence.score(recipe, variant, model)
            except NotRunError:
                continue
        try:
            line, trivial = evidence.score(*linear), float(evidence.runs(*linear)["baseline"][0])
        except NotRunError:
            continue
        if scores:
            best = min(scores, key=lambda model: scores[model])
            found.append(Margin(contest, trivial, line, scores[best], best))
    return found
