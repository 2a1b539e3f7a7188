"""What the answer on ReLU claims of slopes and of depth in layers, C15 and C16."""

import numpy as np

from rnnlab.activations import Sigmoid
from rnnlab.claims import nets
from rnnlab.claims.claim import Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import Measure
from rnnlab.claims.number import FEW, MOST, Number, Rule, at_most, exactly
from rnnlab.layers import Conv2D
from rnnlab.layers.conv import im2col

TEN = 10
LARGE_WEIGHTS = 16
CNNS = 50
"""Fewer than of other nets: a convolution takes longer."""


def slope(activation: str, largest: bool) -> Measure:
    """The largest, or the smallest, slope on [-6, 6]."""

    def measure(evidence: Evidence) -> Number:
        slopes = evidence.table("activation_slopes").where(activation=activation, part="curve")["slope"]
        return Number.exact(slopes.max() if largest else slopes.min())

    return measure


def product(evidence: Evidence) -> Number:
    """The largest product of ten slopes over 0.25^10, of 100,000 drawn at pre-activations from N(0, 1)."""
    drawn = np.random.default_rng(0).standard_normal((TEN, 100_000))
    Sigmoid().apply(drawn)
    return Number.exact((4 * Sigmoid().slope(drawn)).prod(axis=0).max())


def shrunk(evidence: Evidence) -> Number:
    """The share of nets of ten sigmoid layers, their weights 16 times glorot_uniform's, that shrink the error."""
    large = f"variance_scaling:scale={LARGE_WEIGHTS**2},mode=fan_avg,distribution=uniform"
    found = evidence.once(nets.norms, nets.independent, "sigmoid", large, TEN)
    return Number.share(int(np.sum(found.gradients[:, TEN] <= 1)), len(found.gradients))


def lost(activation: str) -> Measure:
    """The share of nets of 50 layers from glorot_uniform whose gradient is below a thousandth."""

    def measure(evidence: Evidence) -> Number:
        found = evidence.once(nets.norms, nets.independent, activation, "glorot_uniform", nets.SHORT)
        return nets.vanished(found.gradients[:, nets.SHORT])

    return measure


C15 = Claim(
    "C15",
    "sigmoid's slope is in (0, 0.25]: it makes gradients vanish, ten layers multiply the error by at most 0.25^10",
    (
        Part(
            "D2",
            "slope",
            "sigmoid's slope is at most 0.25",
            slope("sigmoid", True),
            at_most(0.25),
            "largest slope",
            "numbers",
        ),
        Part(
            "D2",
            "slope",
            "it is above 0",
            slope("sigmoid", False),
            Rule(low=0, strict=True),
            "smallest slope",
            "numbers",
        ),
        Part(
            "D2",
            "slope",
            "ten slopes multiply to at most 0.25^10",
            product,
            at_most(1),
            "largest product over 0.25^10",
            "numbers",
        ),
        Part(
            "D2",
            "whatever",
            "ten layers shrink the error even if the weights are 16 times as large",
            shrunk,
            MOST,
            "nets that shrink it",
            "numbers",
        ),
        Part("D2", "culprit", "fifty sigmoid layers lose the gradient", lost("sigmoid"), MOST, "nets that lose it"),
        Part("D2", "culprit", "the same layers without sigmoid do not", lost("identity"), FEW, "nets that lose it"),
    ),
    (
        Clause(
            "slope",
            "the slope is in (0, 0.25] and ten of them multiply to at most 0.25^10",
            "the slope is not in (0, 0.25]",
            "the slope's range is open",
            "of the slope {k} of {n} statements are right",
        ),
        Clause(
            "culprit",
            "fifty sigmoid layers lose the gradient, the same layers without sigmoid do not",
            "sigmoid is not what makes the gradient vanish",
            "whether sigmoid makes the gradient vanish is open",
            "sigmoid is only half the reason that gradients vanish",
        ),
        Clause(
            "whatever",
            "not even weights 16 times as large keep the gradient",
            "weights 16 times as large keep the gradient, despite sigmoid's small slope",
            "whether weights 16 times as large keep the gradient is open",
        ),
    ),
    "Nets at their start, before training.",
    "Nothing for the slope; for the rest, nets that training has given other weights.",
    "rnnlab figures activation_slopes; rnnlab claims C15",
)


def cnn(activation: str, kernel: str) -> Measure:
    """The share of CNNs of 50 layers whose gradient stays in [1e-3, 1e3]."""

    def measure(evidence: Evidence) -> Number:
        found = evidence.once(nets.norms, nets.convolutional, activation, kernel, nets.SHORT, nets.CHANNELS, CNNS)
        return nets.kept(found.gradients[:, nets.SHORT])

    return measure


def columns(axis: int) -> Measure:
    """The rows, or the columns, of the matrix that im2col makes."""

    def measure(evidence: Evidence) -> Number:
        _, Y, X, patch = im2col(np.zeros((1, 4, 4, 1)), (2, 2), padding=1).shape
        return Number.exact((Y * X, patch)[axis])

    return measure


def one_product(evidence: Evidence) -> Number:
    """The largest difference of that matrix times the filter from the convolution, summed tap by tap."""
    rng = np.random.default_rng(0)
    image, layer = rng.standard_normal((1, 4, 4, 1)), Conv2D.init(rng, channels=1, filters=1, size=(2, 2), padding=1)
    padded = np.pad(image[0, :, :, 0], 1)
    taps = sum(padded[i : i + 5, j : j + 5] * layer.W[i, j, 0, 0] for i in range(2) for j in range(2))
    matrix = im2col(image, (2, 2), padding=1).reshape(25, 4) @ layer.W.reshape(4, 1)
    return Number.exact(np.abs(matrix.reshape(5, 5) - taps).max())


def _cnn(activation: str, kernel: str) -> Part:
    relu = activation == "relu"
    name, does = ("ReLU", "keep") if relu else ("sigmoid", "lose")
    return Part(
        "D3",
        kernel if relu else "sigmoid",
        f"with {name} and {kernel}, most CNNs of 50 layers {does} the gradient",
        cnn(activation, kernel),
        MOST if relu else FEW,
        "nets whose gradient stays in [1e-3, 1e3]",
        label=kernel,
    )


C16 = Claim(
    "C16",
    "ReLU's slope is 1, which cures vanishing in a CNN; a convolution is one product of two matrices (4×4 input, 2×2 "
    "filter, stride 1, padding 1: 25×4)",
    (
        Part("D1", "matrix", "there are 25 positions", columns(0), exactly(25), "rows of the im2col matrix", "numbers"),
        Part("D1", "matrix", "the matrix has 4 columns", columns(1), exactly(4), "columns", "numbers"),
        Part(
            "D1",
            "matrix",
            "its product with the filter is the convolution",
            one_product,
            at_most(1e-14),
            "largest difference",
        ),
        Part("D3", "slope", "an active ReLU's slope is 1", slope("relu", True), exactly(1), "largest slope", "numbers"),
        Part("D3", "always", "ReLU's slope is always 1", slope("relu", False), exactly(1), "smallest slope", "numbers"),
        *(
            _cnn(activation, kernel)
            for activation in ("relu", "sigmoid")
            for kernel in ("he_uniform", "glorot_uniform")
        ),
    ),
    (
        Clause(
            "matrix",
            "a convolution is one matrix product",
            "a convolution is not that matrix product",
            "whether a convolution is that matrix product is open",
            "of the matrix {k} of {n} statements are right",
        ),
        Clause(
            "slope",
            "where ReLU is active its slope is 1",
            "where ReLU is active its slope is not 1",
            "what ReLU's slope is where it is active is open",
        ),
        Clause(
            "always",
            "it is 1 everywhere",
            "elsewhere it is 0",
            "whether it is 1 everywhere is open",
        ),
        Clause(
            "he_uniform",
            "a deep ReLU CNN keeps its gradient with he_uniform",
            "a deep ReLU CNN loses its gradient with he_uniform",
            "what a deep ReLU CNN does with he_uniform is open",
        ),
        Clause(
            "glorot_uniform",
            "such a CNN keeps it with glorot_uniform, too",
            "such a CNN loses it with glorot_uniform: the initializer decides, not ReLU alone",
            "whether it does with glorot_uniform is open",
        ),
        Clause(
            "sigmoid",
            "a deep sigmoid CNN loses it with either initializer",
            "a deep sigmoid CNN keeps it with either initializer",
            "what a deep sigmoid CNN does is open",
            "a deep sigmoid CNN loses it with {which}",
            "a deep sigmoid CNN keeps it with {which}",
        ),
    ),
    f"Small images, {nets.SIDE} × {nets.SIDE}, {nets.CHANNELS} channels, {CNNS} nets each, at their start.",
    "A deep sigmoid CNN that keeps its gradient from one of these kernels.",
    "rnnlab figures activation_slopes; rnnlab claims C16",
)

CLAIMS = (C15, C16)
