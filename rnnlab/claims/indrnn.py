"""What the answer on ReLU claims of the IndRNN, C18."""

from dataclasses import replace

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.claims import nets
from rnnlab.claims.claim import RERUN, Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import Measure
from rnnlab.claims.indrnn_tasks import BETTER, RIVALRY, ROBUST, STACKED
from rnnlab.claims.number import IN_TIME, MOST, Number, at_least, at_most
from rnnlab.models import build
from rnnlab.tasks import Adding

STEPS, COUNT, HIDDEN = 200, 50, 128
LONGEST = 2000.0
LENGTHS = (500, 1000, 5000)


def end_of_range(kind: str) -> Measure:
    """|dL/dh[0]| over |dL/dh[T]| of a neuron whose u is an end of its range, on an active path, T = 2,000."""

    def measure(evidence: Evidence) -> Number:
        return Number.exact(evidence.table("indrnn_range").only("gradient", steps=LONGEST, kind=kind))

    return measure


def whole(inputs: str) -> Measure:
    """The share of whole nets, as their authors start them, whose gradient arrives at the first step."""

    def measure(evidence: Evidence) -> Number:
        return nets.kept(evidence.once(_arrives, inputs)[0])

    return measure


def open_paths(inputs: str) -> Measure:
    """The share of the top layer's neurons that were never cut in T steps, the mean of the nets: elsewhere λ is -∞."""
    return lambda evidence: replace(Number.mean(evidence.once(_arrives, inputs)[1]), kind="percent")


def _arrives(inputs: str) -> tuple[Array, Array]:
    """Of two layers of 128, T = 200, for every seed: |dL/dh[0]| over |dL/dh[T]| in the lower; open paths in the upper.

    A neuron of an IndRNN hands its gradient back through its own u alone, and not at all where ReLU gives 0.
    """
    task = Adding(steps=STEPS)
    arrived, alive = list[float](), list[float]()
    for seed in range(COUNT):
        rng = np.random.default_rng(seed)
        network = build(rng, task, layer="indrnn", layers=2, hidden=HIDDEN, dtype=np.float64)
        xs = task.batch(rng, 1)[0] if inputs == "adding" else rng.standard_normal((STEPS, 1, task.inputs))
        trace = network.forward(xs)
        states = network.backward(trace, np.ones_like(trace.ys)).states
        lower, upper = states["layers.0.hs"][:, 0], states["layers.1.hs"][:, 0]
        ends = flow.norms(lower[[0, -1]])
        arrived.append(float(ends[0] / ends[1]) if ends[1] > 0 else 0.0)
        alive.append(np.count_nonzero(upper[0]) / HIDDEN)
    return np.array(arrived), np.array(alive)


def solved(steps: int) -> Measure:
    """After which share of its updates it solves the adding problem."""
    return lambda evidence: evidence.until("adding", f"T = {steps}", "IndRNN")


GRADIENT = (
    Part(
        "D8",
        "path",
        "on an active path, u at the lower end of its range keeps half of the gradient or more",
        end_of_range("epsilon"),
        at_least(0.5 * (1 - 1e-9)),
        "|gradient| 2,000 steps back",
        "numbers",
    ),
    Part(
        "D8",
        "path",
        "at the upper end, at most twice the gradient",
        end_of_range("gamma"),
        at_most(2 * (1 + 1e-9)),
        "|gradient| 2,000 steps back",
        "numbers",
    ),
    Part(
        "D8",
        "whole",
        "in most whole nets the gradient arrives 200 steps back: inputs of the adding problem",
        whole("adding"),
        MOST,
        "nets whose gradient stays in [1e-3, 1e3]",
        label="of the adding problem",
    ),
    Part(
        "D8",
        "whole",
        "in most whole nets the gradient arrives 200 steps back: inputs N(0, 1)",
        whole("normal"),
        MOST,
        "nets whose gradient stays in [1e-3, 1e3]",
        label="N(0, 1)",
    ),
    *(
        Part(
            "D8",
            "neurons",
            f"most neurons of whole nets still have a path 200 steps back: inputs {words}",
            open_paths(inputs),
            MOST,
            "neurons of the top layer that ReLU never cut",
            label=words,
        )
        for inputs, words in {"adding": "of the adding problem", "normal": "N(0, 1)"}.items()
    ),
    *(
        Part(
            "D8",
            "long",
            f"it solves the adding problem at T = {steps:,}",
            solved(steps),
            IN_TIME,
            "updates until solved",
            label=f"T = {steps:,}",
        )
        for steps in LENGTHS
    ),
)

C18 = Claim(
    "C18",
    "IndRNN solves vanishing and exploding, learns long dependences, is robust with ReLU, stacks very deep, and beats "
    "RNN, LSTM and GRU",
    (*GRADIENT, *ROBUST, *STACKED, *BETTER),
    (
        Clause(
            "path",
            "through units whose ReLU stays active, the gradient arrives",
            "not even through units whose ReLU stays active does the gradient arrive",
            "whether the gradient arrives through units whose ReLU stays active is open",
            "through units whose ReLU stays active, the gradient arrives at one end of u's range only",
        ),
        Clause(
            "whole",
            "over the whole net it arrives 200 steps back in most nets",
            "over the whole net it does not arrive 200 steps back in most nets",
            "whether it arrives 200 steps back over the whole net is open",
            "over the whole net it arrives 200 steps back in most nets with inputs {which}",
            "over the whole net it does not arrive with inputs {which}",
        ),
        Clause(
            "neurons",
            "it arrives through most of their neurons",
            "it arrives through few of their neurons: ReLU cuts off most of them on the way",
            "how many neurons ReLU cuts off on the way is open",
            "it arrives through most of their neurons with inputs {which}",
            "ReLU cuts off most of their neurons on the way with inputs {which}",
        ),
        Clause(
            "long",
            "it solves the adding problem up to 5,000 steps",
            "it does not solve the adding problem at 500 steps and more",
            "how long it can remember is open",
            "it solves the adding problem at {which}",
            "it does not solve the adding problem at {which}",
        ),
        Clause(
            "diverged",
            "no run of it with ReLU diverges",
            "runs of it with ReLU diverge",
            "whether runs of it with ReLU diverge is open",
        ),
        Clause(
            "robust",
            "trained on few speakers it errs less than its tanh version and an LSTM",
            "trained on few speakers it errs more than its tanh version and an LSTM",
            "whether it errs less when trained on few speakers is open",
            "trained on few speakers it errs less than {which}",
            "trained on few speakers it errs more than {which}",
        ),
        Clause(
            "deep",
            "21 layers are better than one or two",
            "21 layers are worse than one or two",
            "whether 21 layers are better than one or two is open",
            "21 layers are better than {which}",
            "21 layers are worse than {which}",
        ),
        Clause(
            "deeper",
            "21 layers of it are better than 21 of a tanh RNN",
            "21 layers of it are worse than 21 of a tanh RNN",
            "whether 21 layers of it are better than 21 of a tanh RNN is open",
            "21 layers of it are better than {which}",
            "21 layers of it are worse than {which}",
        ),
        *RIVALRY,
    ),
    "Digits of 14 × 14; stacks of 64 units, not 2,000; far fewer updates than its authors'. Its rivals are one layer, "
    "where it has two of 128, on pixels its authors' six with BatchNorm, and three on characters.",
    "Its authors' sizes and budgets, on their data.",
    RERUN.format("indrnn_range adding_problem pixel_digits character_model phoneme_frames deep_stacks"),
)

CLAIMS = (C18,)
