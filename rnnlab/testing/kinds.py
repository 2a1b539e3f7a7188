"""Our own layers, one kind for each name: every layer that models.LAYERS names is under every law.

Scales are chosen so that as they are made roundoff is the only error there is. Weights and inputs are uniform and
bounded, so with at most 4 inputs and 5 units |a| < 4 wherever the state is bounded: no unit saturates (a slope read
from the output as 1 - h² or h (1 - h) loses digits as h nears its limit: for tanh 1e-13 of its value at |a| = 4, 5e-10
at |a| = 8, as the library says itself), and no net is chaotic (|U| summed over a row stays under 1.5, so six steps
enlarge a rounding error at most 12 times). LSTM and GRU are bounded too, but for c, which a step raises by less than 1.
"""

from collections.abc import Callable

import numpy as np

from rnnlab import initializers, models
from rnnlab.initializers import Initializer
from rnnlab.layers import RNN, IndRNN
from rnnlab.testing.cases import Make
from rnnlab.trace import AnyLayer


def uniform(limit: float) -> Initializer:
    """Uniform in -limit … limit."""
    return initializers.get("random_uniform", minval=-limit, maxval=limit)


def _drawn(init: Callable[..., AnyLayer], recurrent: float = 0.3, **options: str) -> Make:
    def make(rng: np.random.Generator, /, *, inputs: int, hidden: int) -> AnyLayer:
        return init(
            rng,
            inputs=inputs,
            hidden=hidden,
            kernel_initializer=uniform(0.5),
            recurrent_initializer=uniform(recurrent),
            bias_initializer=uniform(0.3),
            **options,
        )

    return make


def _irnn(rng: np.random.Generator, /, *, inputs: int, hidden: int) -> AnyLayer:
    return RNN.irnn(rng, inputs=inputs, hidden=hidden, kernel_stddev=0.2)


KINDS: dict[str, Make] = {
    "RNN sigmoid": _drawn(RNN.init, activation="sigmoid"),
    "RNN tanh": _drawn(RNN.init, activation="tanh"),
    "RNN relu": _drawn(RNN.init, activation="relu"),
    "RNN leaky_relu": _drawn(RNN.init, activation="leaky_relu"),
    "RNN identity": _drawn(RNN.init, activation="identity"),
    "IRNN": _irnn,
    "IndRNN relu": _drawn(IndRNN.init, 1.2, activation="relu"),
    "IndRNN tanh": _drawn(IndRNN.init, 1.2, activation="tanh"),
    **{
        word.upper(): _drawn(models.LAYERS[word])
        for word in models.LAYERS
        if word not in ("rnn", "irnn", "indrnn", "dense")
    },
}
