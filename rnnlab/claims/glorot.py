"""What the survey claims of glorot_uniform, C1; and how an initializer's learning is measured."""

from collections.abc import Callable
from math import sqrt

import numpy as np

from rnnlab.claims import nets
from rnnlab.claims.claim import RERUN, Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.history import CHANGED
from rnnlab.claims.number import BELOW_0, IN_TIME, MOST, Number, between
from rnnlab.experiments.results.comparison import Side

LEARNING = RERUN.format("initializer_learning")
DEPTH, SEEDS = 10, 20

Measure = Callable[[Evidence], Number]


def updates(variant: str, name: str, other: str) -> Measure:
    """How many updates more than another an initializer needs until the net has learned, as a share."""
    return lambda evidence: evidence.less("initializers", Side(variant, name), Side(variant, other))


def learned(variant: str, name: str, since: str = CHANGED) -> Measure:
    """After which share of its updates the net has learned."""
    return lambda evidence: evidence.until("initializers", variant, name, since)


def balance(backwards: bool, activation: str = "identity", name: str = "glorot_uniform") -> Measure:
    """What ten layers of 100 make of the variance of what passes through them, the mean over the seeds."""

    def measure(evidence: Evidence) -> Number:
        norms = evidence.once(nets.norms, nets.independent, activation, name, DEPTH, 100, SEEDS)
        return Number.mean(np.square(norms.gradients if backwards else norms.outputs)[:, DEPTH])

    return measure


def lost(evidence: Evidence) -> Number:
    """The share of nets of 50 ReLU layers from glorot_uniform whose gradient is below a thousandth of the loss's.

    glorot_uniform's weights are he_uniform's divided by √2 where a layer has as many inputs as outputs, and a ReLU net
    is homogeneous: every layer divides the gradient by √2.
    """
    he = evidence.once(nets.norms, nets.independent, "relu", "he_uniform").gradients[:, nets.SHORT]
    return nets.vanished(he / sqrt(2) ** nets.SHORT)


C1 = Claim(
    "C1",
    "glorot_uniform, the default kernel initializer, balances variance across layers and suits tanh and sigmoid, but "
    "may not be optimal for long sequences or deep nets",
    (
        Part(
            "A1",
            "balance",
            "ten linear layers keep the variance of their outputs within a factor of two",
            balance(backwards=False),
            between(0.5, 2),
            "variance after ten layers, 1 before",
            first="numbers",
            label="forward",
        ),
        Part(
            "A1",
            "balance",
            "ten linear layers keep the variance of the gradient within a factor of two",
            balance(backwards=True),
            between(0.5, 2),
            "variance ten layers back, 1 at the loss",
            first="numbers",
            label="back",
        ),
        Part(
            "A2",
            "learns",
            "with it, ten tanh layers learn the digits",
            learned("10 tanh layers", "glorot_uniform"),
            IN_TIME,
            label="tanh",
        ),
        Part(
            "A2",
            "learns",
            "with it, ten sigmoid layers learn the digits",
            learned("10 sigmoid layers", "glorot_uniform"),
            IN_TIME,
            label="sigmoid",
        ),
        Part(
            "A2",
            "suits",
            "ten tanh layers keep the variance of the gradient within a factor of ten",
            balance(True, "tanh"),
            between(0.1, 10),
            "variance ten layers back, 1 at the loss",
            label="tanh",
            told="{} is left",
        ),
        Part(
            "A2",
            "suits",
            "ten sigmoid layers keep the variance of the gradient within a factor of ten",
            balance(True, "sigmoid"),
            between(0.1, 10),
            "variance ten layers back, 1 at the loss",
            label="sigmoid",
            told="{} is left",
        ),
        Part(
            "A3",
            "time",
            "for U of a tanh RNN, T = 60, orthogonal needs fewer updates",
            updates("tanh RNN, T = 60", "orthogonal", "glorot_uniform"),
            BELOW_0,
            "updates, orthogonal against glorot_uniform",
            label="a tanh RNN with orthogonal",
        ),
        Part(
            "A3",
            "time",
            "for U of a ReLU RNN, T = 60, the identity needs fewer updates",
            updates("ReLU RNN, T = 60", "identity", "glorot_uniform"),
            BELOW_0,
            "updates, identity against glorot_uniform",
            label="a ReLU RNN with the identity",
        ),
        Part(
            "A3",
            "relu",
            "ten ReLU layers learn the digits in fewer updates with he_uniform",
            updates("10 ReLU layers", "he_uniform", "glorot_uniform"),
            BELOW_0,
            "updates, he_uniform against glorot_uniform",
        ),
        Part(
            "A3",
            "depth",
            "fifty ReLU layers lose the gradient: most nets keep less than a thousandth",
            lost,
            MOST,
            "nets that lose it",
        ),
    ),
    (
        Clause(
            "balance",
            "through linear layers it keeps the variance, forward and back",
            "not even through linear layers does it keep the variance",
            "whether it keeps the variance through linear layers is open",
            "through linear layers it keeps the variance {which}",
            "through linear layers it does not keep the variance {which}",
        ),
        Clause(
            "suits",
            "back through ten tanh or ten sigmoid layers, too",
            "back through ten layers of tanh or of sigmoid it does not",
            "back through layers of tanh and sigmoid this is open",
            "back through ten layers of {which} it does, too",
            "back through ten layers of {which} it does not",
        ),
        Clause(
            "learns",
            "ten layers of tanh or of sigmoid learn with it",
            "ten layers of tanh or of sigmoid do not learn with it",
            "whether ten layers of tanh and of sigmoid learn with it is open",
            "ten layers of {which} learn with it",
            "ten layers of {which} do not learn with it",
        ),
        Clause(
            "depth",
            "fifty ReLU layers lose the gradient with it",
            "fifty ReLU layers do not lose the gradient with it",
            "whether fifty ReLU layers lose the gradient with it is open",
        ),
        Clause(
            "relu",
            "ten ReLU layers learn sooner with he_uniform",
            "ten ReLU layers learn no sooner with he_uniform",
            "whether ten ReLU layers learn sooner with he_uniform is open",
        ),
        Clause(
            "time",
            "RNNs on long sequences learn sooner with another initializer",
            "RNNs on long sequences learn no sooner with another initializer",
            "whether RNNs on long sequences learn sooner with another initializer is open",
            "on long sequences {which} learns sooner",
            "on long sequences {which} learns no sooner",
        ),
    ),
    "The claim is about kernels; Keras draws U from orthogonal in any case. 60 steps are still a short sequence.",
    "Longer sequences on which glorot_uniform, as U, learns as soon as orthogonal or the identity.",
    LEARNING,
)


CLAIMS = (C1,)
