"""What the survey claims of orthogonal, C4."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnlab import flow
from rnnlab.arrays import Array
from rnnlab.claims.claim import Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import LEARNING, Measure, updates
from rnnlab.claims.number import ABOVE_0, BELOW_0, Number, at_least
from rnnlab.experiments.results.comparison import paired
from rnnlab.layers import RNN

SEEDS, STEPS, LAG, HIDDEN, INPUTS = 20, 100, 20, 100, 8


Values = NDArray[np.float64]


def nets(activation: str, name: str, both: bool) -> Iterator[tuple[RNN, Array]]:
    """For every seed an RNN whose U, or W and U, come from that initializer, and a sequence of inputs from N(0, 1)."""
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        kernel = name if both else "glorot_uniform"
        words = {"activation": activation, "kernel_initializer": kernel, "recurrent_initializer": name}
        layer = RNN.init(rng, inputs=INPUTS, hidden=HIDDEN, **words)
        yield layer, rng.standard_normal((STEPS, 1, INPUTS))


def growth(activation: str, name: str, both: bool) -> Values:
    """λ of every seed, in nats per step back, the loss on the last step."""
    norms = [flow.gradient_norms(layer, xs)[:, 0] for layer, xs in nets(activation, name, both)]
    return np.array([np.log(one[0] / one[-1]) / STEPS for one in norms])


def middle(name: str) -> Values:
    """Of every seed, the median singular value of ∂h[T]/∂h[T - LAG] of a tanh RNN."""
    products = [flow.jacobian_products(layer, xs[:LAG])[0, 0] for layer, xs in nets("tanh", name, False)]
    return np.median(np.linalg.svd(np.array(products), compute_uv=False), axis=1)


def _growths(evidence: Evidence, activation: str, both: bool) -> tuple[Values, Values]:
    """Of (orthogonal, glorot_uniform)."""
    ours, theirs = (evidence.once(growth, activation, name, both) for name in ("orthogonal", "glorot_uniform"))
    return ours, theirs


def difference(a: Values, b: Values) -> Number:
    """The mean of a - b over the seeds."""
    return Number(*paired(a, b), len(a))


def slower(activation: str, both: bool) -> Measure:
    """By how much λ is larger, nearer to 0, with orthogonal than with glorot_uniform."""

    return lambda evidence: difference(*_growths(evidence, activation, both))


def steadier(evidence: Evidence) -> Number:
    """The mean deviation of λ from its mean over the seeds: of orthogonal, less half of glorot_uniform's."""
    ours, theirs = _growths(evidence, "tanh", both=False)
    return difference(np.abs(ours - ours.mean()), np.abs(theirs - theirs.mean()) / 2)


def spectrum(evidence: Evidence) -> Number:
    """log10 of how many times as large the median singular value is with orthogonal, 20 steps back."""
    return difference(*(np.log10(evidence.once(middle, name)) for name in ("orthogonal", "glorot_uniform")))


def especially(evidence: Evidence) -> Number:
    """By how much orthogonal gains more on glorot_uniform in λ for tanh than for ReLU, as W and U."""
    (a, b), (c, d) = (_growths(evidence, activation, both=True) for activation in ("tanh", "relu"))
    return difference(a - b, c - d)


C4 = Claim(
    "C4",
    "orthogonal keeps gradients better through time and is more stable, above all for tanh RNNs",
    (
        Part(
            "A6",
            "steady",
            "as U of a tanh RNN, the growth λ varies at most half as much from seed to seed as with glorot_uniform",
            steadier,
            BELOW_0,
            "mean deviation of λ minus half of glorot_uniform's, nats per step",
            first="numbers",
        ),
        Part(
            "A6",
            "alone",
            "as U of a tanh RNN, the gradient vanishes more slowly",
            slower("tanh", both=False),
            ABOVE_0,
            "λ minus that of glorot_uniform, nats per step",
            first="numbers",
        ),
        Part(
            "A6",
            "both",
            "as W and U of a tanh RNN, the gradient vanishes more slowly",
            slower("tanh", both=True),
            ABOVE_0,
            "λ minus that of glorot_uniform, nats per step",
            first="numbers",
        ),
        Part(
            "A6",
            "directions",
            "20 steps back, more directions are left: the median singular value is at least ten times as large",
            spectrum,
            at_least(1.0),
            "log10 of the ratio of the two",
            first="numbers",
        ),
        Part(
            "A6",
            "learns",
            "a tanh RNN learns to add, T = 30, in fewer updates",
            updates("tanh RNN", "orthogonal", "glorot_uniform"),
            BELOW_0,
            "updates, orthogonal against glorot_uniform",
        ),
        Part(
            "A6",
            "tanh",
            "as W and U, it gains more on glorot_uniform in a tanh RNN than in a ReLU RNN",
            especially,
            ABOVE_0,
            "gain in λ for tanh minus the gain for ReLU, nats per step",
        ),
    ),
    (
        Clause(
            "steady",
            "with U orthogonal, how fast a tanh RNN's gradient decays depends less on the seed than with "
            "glorot_uniform",
            "with U orthogonal, how fast a tanh RNN's gradient decays depends as much on the seed as with "
            "glorot_uniform",
            "whether it depends less on the seed, with U orthogonal, how fast the gradient decays is open",
        ),
        Clause(
            "directions",
            "20 steps back far more of the gradient's directions are left",
            "20 steps back no more of the gradient's directions are left",
            "how many of the gradient's directions are left 20 steps back is open",
        ),
        Clause(
            "alone",
            "with U alone orthogonal the gradient vanishes more slowly",
            "with U alone orthogonal the gradient vanishes as fast",
            "whether the gradient vanishes more slowly with U alone orthogonal is open",
        ),
        Clause(
            "both",
            "with W and U orthogonal it vanishes more slowly",
            "with W and U orthogonal it vanishes as fast",
            "whether it vanishes more slowly with W and U orthogonal is open",
        ),
        Clause(
            "learns",
            "a tanh RNN learns sooner",
            "a tanh RNN learns no sooner",
            "whether a tanh RNN learns sooner is open",
        ),
        Clause(
            "tanh",
            "W and U orthogonal slow the vanishing more with tanh than with ReLU",
            "W and U orthogonal slow the vanishing no more with tanh than with ReLU",
            "whether W and U orthogonal slow the vanishing more with tanh than with ReLU is open",
        ),
    ),
    "Keras draws U from orthogonal by default; the survey does not say what it is compared with: here, glorot_uniform.",
    "Sequences on which a tanh RNN learns sooner with one of them, seed by seed.",
    f"{LEARNING}; rnnlab claims C4",
)

CLAIMS = (C4,)
