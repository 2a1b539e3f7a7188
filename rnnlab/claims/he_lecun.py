"""What the survey claims of he_uniform and of lecun_uniform, C2 and C3."""

import numpy as np

from rnnlab import initializers
from rnnlab.activations import Sigmoid
from rnnlab.claims.claim import Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import LEARNING, Measure, learned, updates
from rnnlab.claims.history import RULED
from rnnlab.claims.number import BELOW_0, IN_TIME, NEVER, Number, at_least, at_most

RIVALS = ("glorot_uniform", "lecun_uniform", "orthogonal", "random_normal")


def _sooner(variant: str, other: str, group: str) -> Part:
    layers = variant.replace("10", "ten")
    return Part(
        "A4",
        group,
        f"with he_uniform {layers} learn the digits in fewer updates than with {other}",
        updates(variant, "he_uniform", other),
        BELOW_0,
        f"updates, he_uniform against {other}",
        label=other,
    )


C2 = Claim(
    "C2",
    "he_uniform speeds convergence and suits deep nets with ReLU / LeakyReLU",
    (
        *(_sooner("10 ReLU layers", other, "sooner") for other in RIVALS),
        *(_sooner("10 ReLU layers of 25", other, "narrow") for other in RIVALS),
        _sooner("10 LeakyReLU layers", "glorot_uniform", "leaky"),
        Part(
            "A4",
            "deep",
            "with he_uniform ten ReLU layers learn the digits",
            learned("10 ReLU layers", "he_uniform", RULED),
            IN_TIME,
            first="numbers",
            label="ReLU",
        ),
        Part(
            "A4",
            "deep",
            "with he_uniform ten LeakyReLU layers learn the digits",
            learned("10 LeakyReLU layers", "he_uniform"),
            IN_TIME,
            label="LeakyReLU",
        ),
    ),
    (
        Clause(
            "deep",
            "ten layers of ReLU or LeakyReLU learn with it",
            "ten layers of ReLU or LeakyReLU do not learn with it",
            "whether ten layers of ReLU or LeakyReLU learn with it is open",
            "ten layers of {which} learn with it",
            "ten layers of {which} do not learn with it",
        ),
        Clause(
            "sooner",
            "deep ReLU nets learn sooner with it than with any of four others",
            "deep ReLU nets learn no sooner with it than with four others",
            "whether deep ReLU nets learn sooner with it is open",
            "deep ReLU nets learn sooner with it than with {which}",
            "deep ReLU nets learn no sooner with it than with {which}",
        ),
        Clause(
            "narrow",
            "ten narrow layers, of 25 units, do, too",
            "ten narrow layers, of 25 units, do not",
            "whether ten narrow layers, of 25 units, do is open",
            "ten narrow layers, of 25 units, learn sooner with it than with {which}",
            "ten narrow layers, of 25 units, learn no sooner with it than with {which}",
        ),
        Clause(
            "leaky",
            "LeakyReLU nets learn sooner with it than with glorot_uniform",
            "LeakyReLU nets learn no sooner with it than with glorot_uniform",
            "whether LeakyReLU nets learn sooner with it than with glorot_uniform is open",
        ),
    ),
    "Ten layers on drawn digits of 14 × 14; the survey names neither a task nor a rival.",
    "A deep ReLU net that learns as soon with glorot_uniform, its rate chosen for it.",
    LEARNING,
)

SLACK = 0.05
"""What counts as equally good: within a twentieth."""


SATURATED = 0.025
"""A tenth of sigmoid's largest slope."""


def saturated(scale: float) -> Measure:
    """The share of a sigmoid layer's units whose slope is below a tenth of the largest: inputs N(0, scale²)."""

    def measure(evidence: Evidence) -> Number:
        rng = np.random.default_rng(0)
        drawn = scale * rng.standard_normal((100, 200)) @ initializers.get("lecun_uniform")(rng, (200, 100))
        Sigmoid().apply(drawn)
        slopes = Sigmoid().slope(drawn)
        return Number.share(int(np.sum(slopes < SATURATED)), slopes.size)

    return measure


C3 = Claim(
    "C3",
    "lecun_uniform suits shallow nets, or normalised data, with sigmoid",
    (
        *(
            Part(
                "A5",
                "shallow",
                f"one sigmoid layer learns the digits about as soon as with {other}, or sooner",
                updates("1 sigmoid layer", "lecun_uniform", other),
                at_most(SLACK, percent=True),
                f"updates, lecun_uniform against {other}",
                label=other,
            )
            for other in ("glorot_uniform", "he_uniform", "orthogonal")
        ),
        Part(
            "A5",
            "deep",
            "ten sigmoid layers, not shallow, do not learn the digits with it",
            learned("10 sigmoid layers", "lecun_uniform"),
            NEVER,
        ),
        Part(
            "A5",
            "data",
            "with normalised inputs fewer than a twentieth of the units are saturated, their slope below a "
            "tenth of the largest",
            saturated(1.0),
            at_most(0.05, percent=True),
            "saturated units, inputs N(0, 1)",
        ),
        Part(
            "A5",
            "data",
            "with inputs 100 times as large, not normalised, most are",
            saturated(100.0),
            at_least(0.5, percent=True),
            "saturated units, inputs N(0, 100²)",
        ),
    ),
    (
        Clause(
            "shallow",
            "a shallow sigmoid net learns about as soon with it as with three others",
            "a shallow sigmoid net does better with each of three others",
            "whether a shallow sigmoid net does as well with it is open",
            "a shallow sigmoid net does as well with it as with {which}",
            "a shallow sigmoid net does better with {which}",
        ),
        Clause(
            "deep",
            "a deep one does not learn with it: it suits shallow nets alone",
            "a deep one learns with it, too",
            "whether a deep one learns with it is open",
        ),
        Clause(
            "data",
            "with it normalised data saturate few sigmoid units; data 100 times as large saturate most",
            "with it normalised data saturate many sigmoid units, data 100 times as large do not saturate most",
            "whether it needs normalised data is open",
            "that it needs normalised data holds in {k} of {n} tests",
        ),
    ),
    "One layer of 100 on drawn digits of 14 × 14.",
    "A deep sigmoid net that learns with lecun_uniform, or a shallow one that needs another.",
    LEARNING,
)

CLAIMS = (C2, C3)
