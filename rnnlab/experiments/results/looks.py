"""Names and looks: a model's colour, line style and marker, the same in every figure; likewise of what it is made of.

Colours are Okabe and Ito's, which colour-blind readers can distinguish; each has a line style or a marker too.
Two markers mean something else everywhere, and are no model's: a triangle down is exactly 0, a cross has diverged.
"""

from typing import NamedTuple

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"

Line = str | tuple[int, tuple[float, ...]]


class Look(NamedTuple):
    """How something is drawn, in Matplotlib's words."""

    color: str
    line: Line
    marker: str


MODELS = {
    "tanh RNN": Look(RED, (0, (5, 1.5)), "h"),
    "tanh RNN residual": Look(RED, "-", "d"),
    "ReLU RNN": Look(SKY, (0, (3, 1, 1, 1)), "P"),
    "IRNN": Look(GREEN, "-", "D"),
    "IRNN, no input": Look(GREEN, (0, (4, 2)), "D"),
    "IRNN, 0.01 I": Look(BLACK, (0, (4, 1, 1, 1, 1, 1)), "X"),
    "LSTM": Look(PURPLE, ":", "s"),
    "LSTM, cell": Look(PURPLE, "-.", "s"),
    "LSTM, cell, forget bias 5": Look(PURPLE, "-", "s"),
    "GRU": Look(BLUE, "--", "o"),
    "IndRNN": Look(ORANGE, "-.", "^"),
    "IndRNN, tanh": Look(ORANGE, ":", "*"),
    "IndRNN residual": Look(ORANGE, "-", "<"),
    "IndRNN residual, batch norm": Look(BLACK, (0, (1, 1)), ">"),
    "RNN": Look(RED, "--", "h"),
    "MLP": Look(BLACK, "-", "p"),
    "CNN": Look(SKY, "-.", "H"),
    "linear": Look(GREY, (0, (1, 1)), "1"),
    "bigrams": Look(GREY, (0, (1, 1)), "2"),
    "perceptron": Look(GREY, (0, (6, 2)), "3"),
}
"""A model's kin keep its colour and have a line of their own: with shortcuts a solid one."""


def look(model: str) -> Look:
    """A model's look; a variation, "IRNN, raw pixels", has that of its kin, and what is unknown is grey."""
    kin = [name for name in MODELS if model == name or model.startswith((f"{name},", f"{name} "))]
    return MODELS[max(kin, key=len)] if kin else Look(GREY, "-", "o")


INITIALIZERS = {
    "glorot_uniform": Look(BLACK, "-", "o"),
    "he_uniform": Look(RED, "--", "s"),
    "lecun_uniform": Look(BLUE, ":", "h"),
    "orthogonal": Look(GREEN, "-.", "D"),
    "random_normal": Look(ORANGE, (0, (5, 1, 1, 1)), "^"),
    "random_normal:stddev=0.01": Look(GREY, (0, (1, 1)), "<"),
    "random_normal:stddev=0.2": Look(PURPLE, (0, (6, 2)), ">"),
    "variance_scaling:scale=2": Look(SKY, (0, (3, 1, 1, 1)), "P"),
    "identity": Look(PURPLE, "-", "X"),
    "normalized_positive_definite": Look(GREY, (0, (2, 1)), "d"),
}

ACTIVATIONS = {
    "sigmoid": Look(RED, "--", "o"),
    "tanh": Look(BLUE, "-", ""),
    "relu": Look(GREEN, "-", "s"),
    "leaky_relu": Look(ORANGE, "-.", ""),
    "identity": Look(GREY, ":", ""),
}
