"""What the reading notes say of the IRNN itself, C8 and C9: what it keeps, and how it forgets."""

from math import log

import numpy as np

from rnnlab.activations import ReLU
from rnnlab.arrays import Array
from rnnlab.claims.claim import RERUN, Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.number import BELOW_0, Number, at_most, exactly
from rnnlab.experiments.results.comparison import Side
from rnnlab.layers import LSTM, RNN

STEPS, BATCH, HIDDEN = 300, 16, 100
ALPHA, LAG = 0.9, 100
OPEN = 1000.0
"""A bias whose sigmoid is 1 to the last bit."""


def kept_by_irnn(scale: float = 1.0) -> tuple[Array, Array]:
    """(hs, dL/dh), (T+1, B, H) each, of an IRNN without input, from positive states and a random loss on the last."""
    rng = np.random.default_rng(0)
    layer = RNN.irnn(rng, inputs=1, hidden=HIDDEN, scale=scale)
    h0, dh = np.abs(rng.standard_normal((BATCH, HIDDEN))), rng.standard_normal((BATCH, HIDDEN))
    trace = layer.forward(np.zeros((STEPS, BATCH, 1)), h0)
    return trace.hs, layer.backward(trace, np.zeros_like(trace.hs[1:]), dh).hs


def kept_by_lstm(forget_bias: float = OPEN) -> tuple[Array, Array]:
    """(cs, dL/dc) of an LSTM with the same start, the same loss on its cell, and no kernel but that bias."""
    rng = np.random.default_rng(0)
    RNN.irnn(rng, inputs=1, hidden=HIDDEN)  # draws what the IRNN draws
    c0, dc = np.abs(rng.standard_normal((BATCH, HIDDEN))), rng.standard_normal((BATCH, HIDDEN))
    b = np.zeros(4 * HIDDEN)
    b[HIDDEN : 2 * HIDDEN] = forget_bias
    layer = LSTM(np.zeros((1, 4 * HIDDEN)), np.zeros((HIDDEN, 4 * HIDDEN)), b)
    trace = layer.forward(np.zeros((STEPS, BATCH, 1)), np.zeros_like(c0), c0)
    return trace.cs, layer.backward(trace, np.zeros_like(trace.hs[1:]), None, dc).cs


def state_changes(evidence: Evidence) -> Number:
    """The largest change of any entry of the state."""
    hs, _ = evidence.once(kept_by_irnn)
    return Number.exact(np.abs(hs - hs[0]).max())


def derivative_changes(evidence: Evidence) -> Number:
    """The same of the derivative."""
    _, dhs = evidence.once(kept_by_irnn)
    return Number.exact(np.abs(dhs - dhs[-1]).max())


def lstm_state(evidence: Evidence) -> Number:
    """The largest difference of the LSTM's cell from the IRNN's state."""
    return Number.exact(np.abs(evidence.once(kept_by_irnn)[0] - evidence.once(kept_by_lstm)[0]).max())


def lstm_derivative(evidence: Evidence) -> Number:
    """The same of the derivatives."""
    return Number.exact(np.abs(evidence.once(kept_by_irnn)[1] - evidence.once(kept_by_lstm)[1]).max())


def with_input(evidence: Evidence) -> Number:
    """The largest difference of states from cells and of derivatives from derivatives, where both add the same.

    The LSTM has open gates and U = 0; the IRNN reads its g with W = I, and starts so high that no unit is ever off.
    """
    rng = np.random.default_rng(0)
    b = np.zeros(4 * HIDDEN)
    b[: 2 * HIDDEN] = OPEN
    lstm = LSTM(rng.standard_normal((3, 4 * HIDDEN)), np.zeros((HIDDEN, 4 * HIDDEN)), b)
    lstm.W[:, : 2 * HIDDEN] = 0
    start, end = np.full((BATCH, HIDDEN), STEPS + 1.0), rng.standard_normal((BATCH, HIDDEN))
    cells = lstm.forward(rng.standard_normal((STEPS, BATCH, 3)), None, start)
    irnn = RNN(np.eye(HIDDEN), np.eye(HIDDEN), np.zeros(HIDDEN), ReLU())
    states = irnn.forward(np.ascontiguousarray(cells.gates[:, 3]), start)  # i, f, o, g of every step
    nothing = np.zeros_like(states.hs[1:])
    dcs, dhs = lstm.backward(cells, nothing, None, end).cs, irnn.backward(states, nothing, end).hs
    return Number.exact(max(np.abs(cells.cs - states.hs).max(), np.abs(dcs - dhs).max()))


C8 = Claim(
    "C8",
    "IRNN: without input the state stays as it is and the error derivative flows back unchanged, as in an LSTM whose "
    "forget gate has no decay",
    (
        Part(
            "B2",
            "same",
            "the state stays as it is, to the last bit",
            state_changes,
            exactly(0),
            "largest change",
            "numbers",
        ),
        Part(
            "B3",
            "same",
            "the error derivative flows back unchanged, to the last bit",
            derivative_changes,
            exactly(0),
            "largest change",
            "numbers",
        ),
        Part(
            "B3",
            "lstm",
            "the cell of an LSTM whose forget gate is 1 is the same at every step",
            lstm_state,
            exactly(0),
            "largest difference",
        ),
        Part(
            "B3",
            "lstm",
            "so is the derivative by it, at every step",
            lstm_derivative,
            exactly(0),
            "largest difference",
        ),
        Part(
            "B3",
            "lstm",
            "with input, too, while no unit is off: such an LSTM's cells and derivatives are the IRNN's",
            with_input,
            exactly(0),
            "largest difference",
            "numbers",
        ),
    ),
    (
        Clause(
            "same",
            "without input an IRNN keeps its state and the derivative to the last bit",
            "even without input an IRNN keeps neither its state nor the derivative",
            "whether it keeps state and derivative is open",
            "without input an IRNN keeps its state or the derivative, but not both",
        ),
        Clause(
            "lstm",
            "so does the cell of an LSTM whose forget gate is 1",
            "an LSTM whose forget gate is 1 does not",
            "whether an LSTM whose forget gate is 1 does is open",
            "an LSTM whose forget gate is 1 shares {k} of the {n}",
        ),
    ),
    "Nothing: it is exact; tests/laws/test_irnn_and_lstm.py tries many sizes. A unit that is off keeps nothing.",
    "A single bit that differs.",
    "rnnlab claims C8",
)


def growth(evidence: Evidence) -> Number:
    """λ of the gradient over log α, less 1."""
    _, dhs = evidence.once(kept_by_irnn, ALPHA)
    return Number.exact(abs(log(np.linalg.norm(dhs[0]) / np.linalg.norm(dhs[-1])) / STEPS / log(ALPHA) - 1))


def left(evidence: Evidence) -> Number:
    """The gradient's norm LAG steps back, 1 at the loss."""
    _, dhs = evidence.once(kept_by_irnn, ALPHA)
    return Number.exact(float(np.linalg.norm(dhs[-1 - LAG]) / np.linalg.norm(dhs[-1])))


def lstm_forgets(evidence: Evidence) -> Number:
    """The largest difference of an LSTM's cell from the IRNN's state, relative to it: its forget gate is α."""
    hs, _ = evidence.once(kept_by_irnn, ALPHA)
    cs, _ = evidence.once(kept_by_lstm, log(ALPHA / (1 - ALPHA)))
    return Number.exact(float((np.abs(cs - hs) / hs).max()))


def phonemes(evidence: Evidence) -> Number:
    """The frame error with 0.01 I against that with I."""
    return evidence.less("phonemes", Side("frames", "IRNN, 0.01 I"), Side("frames", "IRNN"))


C9 = Claim(
    "C9",
    "a scaled identity (αI) forgets, as an LSTM does whose gate decays fast; it helps tasks with less long-range "
    "dependence",
    (
        Part(
            "B4",
            "forgets",
            "αI forgets: the gradient grows by log α a step, to twelve digits",
            growth,
            at_most(1e-12),
            "λ over log α, off from 1",
            "numbers",
        ),
        Part(
            "B4",
            "forgets",
            "with α = 0.9 less than a thousandth of the gradient is left after 100 steps",
            left,
            at_most(1e-3),
            "|gradient| 100 steps back",
            "numbers",
        ),
        Part(
            "B4",
            "forgets",
            "an LSTM whose forget gate is 0.9 forgets as fast, to ten digits",
            lstm_forgets,
            at_most(1e-10),
            "largest relative difference in 300 steps",
        ),
        Part(
            "B4",
            "helps",
            "where the past matters little, phonemes, 0.01·I has a lower error than I",
            phonemes,
            BELOW_0,
            "frame error, 0.01·I against I",
            told="{} error",
        ),
    ),
    (
        Clause(
            "forgets",
            "the identity times α forgets by a factor α a step, as an LSTM's cell does whose forget gate is α",
            "the identity times α does not forget as it should",
            "how the identity times α forgets is open",
            "the identity times α forgets as it should in {k} of {n} tests",
        ),
        Clause(
            "helps",
            "on synthesised phonemes, our one such task, the IRNN with 0.01·I errs less than with I",
            "on synthesised phonemes, our one such task, the IRNN with 0.01·I errs no less than with I",
            "whether the IRNN with 0.01·I errs less on phonemes than with I is open",
        ),
    ),
    "Speech is synthesised, one layer of 100; the notes give no task.",
    "A task with short dependences on which the IRNN with I is as good.",
    "rnnlab claims C9; " + RERUN.format("phoneme_frames"),
)


CLAIMS = (C8, C9)
