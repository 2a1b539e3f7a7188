"""What the survey claims of random_normal and of variance_scaling, C5 and C6: a fixed scale, and one that adapts."""

import numpy as np

from rnnlab.claims import nets
from rnnlab.claims.claim import Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import LEARNING, Measure, learned
from rnnlab.claims.history import RULED
from rnnlab.claims.number import IN_TIME, MOST, NEVER, Number, at_least, at_most, between
from rnnlab.layers import Conv2D

SEEDS = 20
NORMALS = {0.01: "random_normal:stddev=0.01", 0.05: "random_normal", 0.2: "random_normal:stddev=0.2"}
VARIANCE = "variance_scaling:scale=2"


def lost_or_exploded(std: float) -> Measure:
    """The share of nets of 50 ReLU layers of 50 whose gradient is out of [1e-3, 1e3]; σ = 0.2 is he_uniform's there.

    A ReLU net is homogeneous: another σ multiplies the gradient by the ratio of the two at every layer.
    """

    def measure(evidence: Evidence) -> Number:
        he = evidence.once(nets.norms, nets.independent, "relu", "he_uniform").gradients[:, nets.SHORT]
        inside = nets.kept(he * (std / np.sqrt(2 / nets.WIDTH)) ** nets.SHORT)
        return Number.share(inside.seeds - round(inside.value * inside.seeds), inside.seeds)

    return measure


C5 = Claim(
    "C5",
    "random_normal needs careful tuning and may be unstable",
    (
        Part(
            "A7",
            "tuning",
            "with σ = 0.2 ten ReLU layers learn the digits",
            learned("10 ReLU layers", NORMALS[0.2], RULED),
            IN_TIME,
            first="numbers",
        ),
        Part(
            "A7",
            "tuning",
            "with σ = 0.01 ten ReLU layers do not",
            learned("10 ReLU layers", NORMALS[0.01], RULED),
            NEVER,
            first="numbers",
        ),
        Part(
            "A7",
            "width",
            "with σ = 0.2 ten ReLU layers of 25 do not, so that the right σ depends on the width",
            learned("10 ReLU layers of 25", NORMALS[0.2], RULED),
            NEVER,
            first="numbers",
        ),
        Part(
            "A7",
            "default",
            "with Keras's σ = 0.05, most nets of 50 ReLU layers lose the gradient or let it explode",
            lost_or_exploded(0.05),
            MOST,
            "nets whose gradient is out of [1e-3, 1e3]",
        ),
        Part(
            "A7",
            "fitting",
            "so do most with σ = 0.2, which fits their width, 50",
            lost_or_exploded(0.2),
            MOST,
            "nets whose gradient is out of [1e-3, 1e3]",
        ),
    ),
    (
        Clause(
            "tuning",
            "ten ReLU layers learn with σ = 0.2, and not with 0.01",
            "ten ReLU layers do not learn with σ = 0.2, but with 0.01",
            "whether σ decides if ten ReLU layers learn is open",
            "σ matters for learning in {k} of {n} tests",
        ),
        Clause(
            "width",
            "layers of 25 units instead of 100 do not learn with σ = 0.2",
            "layers of 25 units instead of 100 learn with σ = 0.2, too",
            "whether layers of 25 units instead of 100 learn with σ = 0.2 is open",
        ),
        Clause(
            "default",
            "with the default σ = 0.05 fifty ReLU layers lose the gradient",
            "with the default σ = 0.05 fifty ReLU layers keep the gradient",
            "whether fifty ReLU layers keep the gradient with the default σ = 0.05 is open",
        ),
        Clause(
            "fitting",
            "with σ = 0.2, which fits their width, they lose it, too: it is unstable even when tuned",
            "with σ = 0.2, which fits their width, they keep it: once tuned it is stable",
            "whether they keep it with σ = 0.2, which fits their width, is open",
        ),
    ),
    "“Unstable” is read in two ways: a σ that does not learn, and a gradient out of [1e-3, 1e3] after 50 layers.",
    "A σ that learns at every width and depth.",
    f"{LEARNING}; rnnlab claims C5",
)


def variance(name: str, width: int) -> Measure:
    """What ten ReLU layers of that width make of the mean square of their outputs."""

    def measure(evidence: Evidence) -> Number:
        norms = evidence.once(nets.norms, nets.independent, "relu", name, 10, width, SEEDS)
        return Number.mean(np.log10(np.square(norms.outputs[:, 10])))

    return measure


def filters(evidence: Evidence) -> Number:
    """The variance of a filter bank's weights, times half of their 3 · 3 · 16 inputs: 1 if it counts them all."""
    kernels = [
        Conv2D.init(np.random.default_rng(s), channels=16, filters=32, size=(3, 3), kernel_initializer=VARIANCE).W
        for s in range(SEEDS)
    ]
    return Number.mean([float(np.var(W)) * 3 * 3 * 16 / 2 for W in kernels])


WIDTHS = (16, 400)
C6 = Claim(
    "C6",
    "variance_scaling is flexible and adapts to the layer",
    (
        *(
            Part(
                "A8",
                "width",
                f"ten ReLU layers of {width} keep the size of their outputs within a factor of ten, with one scale, 2",
                variance(VARIANCE, width),
                between(-1, 1),
                "log10 of the mean square after ten layers",
                label=f"width {width}",
            )
            for width in WIDTHS
        ),
        *(
            Part(
                "A8",
                "fixed",
                f"a normal of fixed σ = 0.2 does not, at width {width}",
                variance(NORMALS[0.2], width),
                at_most(-1) if width == WIDTHS[0] else at_least(1),
                "log10 of the mean square after ten layers",
                label=f"width {width}",
            )
            for width in WIDTHS
        ),
        *(
            Part(
                "A8",
                "learns",
                f"ten ReLU layers of {width} learn the digits",
                learned(f"10 ReLU layers of {width}", VARIANCE),
                IN_TIME,
                label=f"width {width}",
            )
            for width in WIDTHS
        ),
        Part(
            "A8",
            "kinds",
            "it adapts to a convolution: it counts every tap of every channel as an input",
            filters,
            between(0.95, 1.05),
            "variance of the weights over 2 / fan_in",
        ),
    ),
    (
        Clause(
            "width",
            "one scale, 2, keeps the signal at both widths, 16 and 400",
            "one scale, 2, keeps the signal at neither width, 16 nor 400",
            "whether one scale keeps the signal at both widths, 16 and 400, is open",
            "one scale, 2, keeps the signal at {which}",
            "one scale, 2, does not keep the signal at {which}",
        ),
        Clause(
            "fixed",
            "a fixed σ of 0.2 does not keep it at either width",
            "a fixed σ of 0.2 keeps it as well",
            "what a fixed σ of 0.2 does is open",
            "a fixed σ of 0.2 loses it at {which}",
            "a fixed σ of 0.2 keeps it at {which}",
        ),
        Clause(
            "kinds",
            "it adapts to convolutions",
            "it does not adapt to convolutions",
            "whether it adapts to convolutions is open",
        ),
        Clause(
            "learns",
            "ReLU nets of both widths learn with it",
            "ReLU nets of neither width learn with it",
            "whether ReLU nets of both widths learn with it is open",
            "ReLU nets of {which} learn with it",
            "ReLU nets of {which} do not learn with it",
        ),
    ),
    "“Kinds of layers” are here dense layers of two widths, and a convolution.",
    "A layer whose signal a scale of 2 does not keep with ReLU.",
    f"{LEARNING}; rnnlab claims C6",
)

CLAIMS = (C5, C6)
