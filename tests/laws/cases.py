"""What the laws are tried on: one kind of layer for each name, and sizes and a seed from which a whole case follows.

A layer that models.LAYERS names is under every law, with its equations in naive.py.

Scales are chosen so that roundoff is the only error there is. Weights and inputs are uniform and bounded, so with at
most 4 inputs and 5 units |a| < 4 wherever the state is bounded: no unit saturates (a slope read from the output as
1 - h² or h (1 - h) loses digits as h nears its limit: for tanh 1e-13 of its value at |a| = 4, 5e-10 at |a| = 8, as the
library says itself), and no net is chaotic (|U| summed over a row stays under 1.5, so six steps enlarge a rounding
error at most 12 times). LSTM and GRU are bounded too, but for c, which a step raises by less than 1.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rnnlab as rl


class Draw(NamedTuple):
    """All that Hypothesis draws; printed when a law fails, it is enough to build the case again."""

    seed: int
    T: int
    B: int
    D: int
    H: int


@dataclass(frozen=True)
class Case:
    """A layer, and a run of it: what arrives from above, and for each state its start and what a later chunk sends."""

    layer: rl.RNN | rl.IndRNN | rl.LSTM | rl.GRU
    xs: np.ndarray
    starts: tuple[np.ndarray, ...]
    dhs: np.ndarray
    dends: tuple[np.ndarray, ...]

    @property
    def h0(self):
        return self.starts[0]

    @property
    def may_be_shut(self):
        """Whether a unit's slope can be 0."""
        return not gated(self.layer) and self.layer.activation.name == "relu"

    def forward(self):
        return self.layer.forward(self.xs, *self.starts)

    def backward(self, trace):
        return self.layer.backward(trace, self.dhs, *self.dends)


def gated(layer):
    """Whether a layer's activations are its own, sigmoid and tanh, none of which is ever shut."""
    return not hasattr(layer, "activation")


def chunk(trace, start, stop):
    """The steps start + 1 … stop of a trace, with the states before and after each."""
    kept = {name: array[start : stop + (name in trace.states)] for name, array in trace.arrays().items()}
    return replace(trace, **kept)


def uniform(limit):
    return rl.initializers.get("random_uniform", minval=-limit, maxval=limit)


def rnn(activation):
    def build(rng, D, H, dtype):
        return rl.RNN.init(
            rng,
            inputs=D,
            hidden=H,
            activation=activation,
            kernel_initializer=uniform(0.5),
            recurrent_initializer=uniform(0.3),
            bias_initializer=uniform(0.3),
            dtype=dtype,
        )

    return build


def irnn(rng, D, H, dtype):
    return rl.RNN.irnn(rng, inputs=D, hidden=H, kernel_stddev=0.2, dtype=dtype)


def indrnn(activation):
    def build(rng, D, H, dtype):
        return rl.IndRNN.init(
            rng,
            inputs=D,
            hidden=H,
            activation=activation,
            kernel_initializer=uniform(0.5),
            recurrent_initializer=uniform(1.2),
            bias_initializer=uniform(0.3),
            dtype=dtype,
        )

    return build


def by_name(word):
    """The layer of that name in models.LAYERS."""

    def build(rng, D, H, dtype):
        return rl.models.LAYERS[word](
            rng,
            inputs=D,
            hidden=H,
            kernel_initializer=uniform(0.5),
            recurrent_initializer=uniform(0.3),
            bias_initializer=uniform(0.3),
            dtype=dtype,
        )

    return build


KINDS = {
    "RNN sigmoid": rnn("sigmoid"),
    "RNN tanh": rnn("tanh"),
    "RNN relu": rnn("relu"),
    "RNN leaky_relu": rnn("leaky_relu"),
    "RNN identity": rnn("identity"),
    "IRNN": irnn,
    "IndRNN relu": indrnn("relu"),
    "IndRNN tanh": indrnn("tanh"),
    **{word.upper(): by_name(word) for word in rl.models.LAYERS if word not in ("rnn", "irnn", "indrnn", "dense")},
}


def build(kind, draw, dtype=np.float64):
    """The case of that kind that `draw` stands for. Its arrays are the same numbers at either precision."""
    seed, T, B, D, H = draw
    rng = np.random.default_rng(seed)
    layer = KINDS[kind](rng, D, H, dtype)
    xs = rng.uniform(-1, 1, (T, B, D)).astype(dtype)
    h0 = rng.uniform(0, 1, (B, H)).astype(dtype)
    dhs = rng.uniform(-1, 1, (T, B, H)).astype(dtype)
    starts = (h0, *(rng.uniform(-1, 1, (B, H)).astype(dtype) for _ in layer.carries[1:]))
    dends = tuple(rng.uniform(-1, 1, (B, H)).astype(dtype) for _ in layer.carries)
    return Case(layer, xs, starts, dhs, dends)


def draws(shortest=1):
    """T in 1 … 6, B in 1 … 3, D in 1 … 4, H in 1 … 5."""
    return st.builds(
        Draw,
        seed=st.integers(0, 2**32 - 1),
        T=st.integers(shortest, 6),
        B=st.integers(1, 3),
        D=st.integers(1, 4),
        H=st.integers(1, 5),
    )


IN_BLOCKS = Draw(0, T=5, B=200, D=2, H=1)

every_kind = pytest.mark.parametrize("kind", KINDS)


def any_sizes(law):
    """`law(kind, draw)` at sizes that Hypothesis chooses; always among them one step of one sequence, and D ≠ H.

    Always among them too: a batch so wide that a layer takes its steps in blocks of 2, 2 and 1 (512 rows each).
    """
    return given(draw=draws())(example(draw=Draw(0, T=1, B=1, D=3, H=2))(example(draw=IN_BLOCKS)(law)))


def two_steps_or_more(law):
    return given(draw=draws(shortest=2))(example(draw=Draw(0, T=2, B=1, D=1, H=3))(example(draw=IN_BLOCKS)(law)))


# Closeness. The results of a law are sums of products of this case's numbers, each rounded to 1.1e-16 of its size, so
# the error is judged against the largest term that can enter a sum, not against a sum that may have cancelled.


def largest(*arrays):
    """The magnitude of the largest number in the arrays, but at least 1."""
    return max(1.0, *(float(np.abs(array).max()) for array in arrays))


def assert_close(got, wanted, scale=1.0, within=1e-12):
    """|got - wanted| ≤ within · scale, everywhere."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    error = np.abs(got - wanted).max()
    assert error <= within * scale, f"off by {error:.3e} where {within * scale:.3e} is allowed"


def assert_all_close(got, wanted, scale=1.0, within=1e-12):
    """The same for two tables of arrays with the same names."""
    assert got.keys() == wanted.keys()
    for name in wanted:
        error = np.abs(np.asarray(got[name]) - np.asarray(wanted[name])).max()
        assert np.shape(got[name]) == np.shape(wanted[name]), name
        assert error <= within * scale, f"{name} is off by {error:.3e} where {within * scale:.3e} is allowed"


def largest_term(case, trace, grads):
    """The largest product that enters a sum of this case's backward: a gradient times what it is multiplied by."""
    factors = (case.xs, *trace.states.values(), *case.layer.arrays().values())
    return largest(*grads.states.values()) * largest(*factors)
