"""The layers whose decay is compared: what each is called, how it is built, and how its line is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnlab import initializers
from rnnlab.experiments.results import looks
from rnnlab.experiments.results.looks import Look
from rnnlab.gallery.series import Own, made
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.table import Table
from rnnlab.trace import AnyLayer

Build = Callable[[np.random.Generator, int, int, int], AnyLayer]


def _rnn(activation: str, kernel: str, recurrent: str) -> Build:
    return lambda rng, inputs, hidden, steps: RNN.init(
        rng,
        inputs=inputs,
        hidden=hidden,
        activation=activation,
        kernel_initializer=kernel,
        recurrent_initializer=recurrent,
    )


def _irnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.irnn(rng, inputs=inputs, hidden=hidden)


def _indrnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> IndRNN:
    u_range = initializers.get("indrnn_range", steps=steps)
    return IndRNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=u_range)


def _lstm(forget_bias: float) -> Build:
    return lambda rng, inputs, hidden, steps: LSTM.init(rng, inputs=inputs, hidden=hidden, forget_bias=forget_bias)


def _gru(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> GRU:
    return GRU.init(rng, inputs=inputs, hidden=hidden)


@dataclass(frozen=True)
class Series:
    """A line: its panel, how its layer is built, how it is drawn, whether it has input, and whose gradient it is."""

    panel: str
    build: Build
    look: Look
    driven: bool = True
    of: str | None = None


GLOROT, ORTHOGONAL = "glorot_uniform", "orthogonal"
REMEDIES, GATES, YOURS = "ReLU with a remedy", "gates", "your own"
MODELS, STARTS = looks.MODELS, looks.INITIALIZERS
CELL, OPENED = Look(looks.SKY, "-.", "^"), Look(looks.BLACK, "-", "D")
"""Of the LSTM's cell, with a forget bias of 1 and of 5: three lines of one model in one panel."""
ALONE = Look(STARTS[ORTHOGONAL].color, ":", "d")
"""Of orthogonal as U, with another W."""

SERIES = {
    "sigmoid, glorot_uniform": Series("sigmoid", _rnn("sigmoid", GLOROT, GLOROT), STARTS[GLOROT]),
    "sigmoid, orthogonal": Series("sigmoid", _rnn("sigmoid", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "tanh, glorot_uniform": Series("tanh", _rnn("tanh", GLOROT, GLOROT), STARTS[GLOROT]),
    "tanh, orthogonal": Series("tanh", _rnn("tanh", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "tanh, orthogonal U alone": Series("tanh", _rnn("tanh", GLOROT, ORTHOGONAL), ALONE),
    "ReLU, glorot_uniform": Series("ReLU", _rnn("relu", GLOROT, GLOROT), STARTS[GLOROT]),
    "ReLU, orthogonal": Series("ReLU", _rnn("relu", ORTHOGONAL, ORTHOGONAL), STARTS[ORTHOGONAL]),
    "IRNN": Series(REMEDIES, _irnn, MODELS["IRNN"]),
    "IRNN, no input": Series(REMEDIES, _irnn, MODELS["IRNN, no input"], driven=False),
    "IndRNN": Series(REMEDIES, _indrnn, MODELS["IndRNN"]),
    "GRU": Series(GATES, _gru, MODELS["GRU"]),
    "LSTM, h": Series(GATES, _lstm(1), MODELS["LSTM"]),
    "LSTM, c": Series(GATES, _lstm(1), CELL, of="cs"),
    "LSTM, c, forget bias 5": Series(GATES, _lstm(5), OPENED, of="cs"),
}


OWN_LOOKS = [
    Look(looks.BLACK, "-", "o"),
    Look(looks.PURPLE, "--", "s"),
    Look(looks.SKY, "-.", "^"),
    Look(looks.ORANGE, ":", "D"),
]


def own(make: Own) -> Series:
    """A user's class or function as a series."""

    def build(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> AnyLayer:
        return made(make, rng, inputs=inputs, hidden=hidden, steps=steps)

    return Series(YOURS, build, OWN_LOOKS[0])


def lines(table: Table) -> dict[str, Series]:
    """The series of a table by name, with how they are drawn."""
    names = [name for (name,) in table.each("series")]
    own = [name for name in names if name not in SERIES]
    return {
        name: SERIES.get(name) or Series(YOURS, _irnn, OWN_LOOKS[own.index(name) % len(OWN_LOOKS)]) for name in names
    }
