"""What the survey claims of slopes and depth, C15 … C17."""

import numpy as np

from rnnlab.activations import Sigmoid
from rnnlab.claims.claim import Claim, Numbers
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.verdict import Verdict, of_parts
from rnnlab.gallery import depth_vs_time
from rnnlab.layers.conv import im2col


def c15(evidence: Evidence) -> Numbers:
    curve = evidence.table("activation_slopes").where(activation="sigmoid", part="curve")
    drawn = np.random.default_rng(0).standard_normal((10, 100_000))
    Sigmoid().apply(drawn)
    nets = evidence.table("depth_vs_time").where(activation="sigmoid", net="MLP")
    steepest = nets.where(gain=max(depth_vs_time.GAINS))
    return {
        "smallest slope": float(curve["slope"].min()),
        "largest slope": float(curve["slope"].max()),
        "largest product of ten over 0.25^10": float((4 * Sigmoid().slope(drawn)).prod(axis=0).max()),
        "growth over ten layers of 16 times the weights": float(steepest.only("median", back=10.0)),
    }


def c15_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "every slope is above 0 and at most 0.25": n["smallest slope"] > 0 and n["largest slope"] <= 0.25,
            "ten slopes multiply to at most 0.25^10": n["largest product of ten over 0.25^10"] <= 1,
            "ten layers shrink the error whatever their weights": n["growth over ten layers of 16 times the weights"]
            <= 1,
        }
    )


C15 = Claim(
    "C15",
    "sigmoid's slope is in (0, 0.25]: ten layers multiply the error by at most 0.25^10",
    c15,
    c15_rule,
    "slopes on [-6, 6]; products of ten at pre-activations from N(0, 1), 100,000 times; growth of the gradient "
    "through ten sigmoid layers of 16 times glorot_uniform weights",
    "rnnlab figures activation_slopes depth_vs_time",
)


def c16(evidence: Evidence) -> Numbers:
    slopes = evidence.table("activation_slopes").where(part="curve", activation="relu")["slope"]
    deep = evidence.table("depth_vs_time").where(net="CNN", gain=1.0, back=50.0)
    columns = im2col(np.zeros((1, 4, 4, 1)), (2, 2), padding=1).reshape(-1, 4)
    return {
        "smallest slope": float(slopes.min()),
        "largest slope": float(slopes.max()),
        "|gradient| after 50 ReLU layers": float(deep.only("median", activation="relu")),
        "|gradient| after 50 sigmoid layers": float(deep.only("median", activation="sigmoid")),
        "rows of the im2col matrix": float(columns.shape[0]),
        "columns of the im2col matrix": float(columns.shape[1]),
    }


def c16_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "an active unit's slope is 1": n["largest slope"] == 1,
            "the slope is never anything else": n["smallest slope"] == 1,
            "50 layers of a CNN keep the gradient within a factor of 100 with ReLU, and not with sigmoid": 0.01
            <= n["|gradient| after 50 ReLU layers"]
            <= 100
            and not 0.01 <= n["|gradient| after 50 sigmoid layers"] <= 100,
            "a 4×4 input with a 2×2 filter, stride 1 and padding 1 makes a 25×4 matrix": (
                n["rows of the im2col matrix"],
                n["columns of the im2col matrix"],
            )
            == (25, 4),
        }
    )


C16 = Claim(
    "C16",
    "ReLU's slope is 1, which cures vanishing in a CNN (a 4×4 input, 2×2 filter, stride 1, pad 1 is a 25×4 matrix)",
    c16,
    c16_rule,
    "slopes on [-6, 6]; the median norm of the gradient 50 layers of a CNN back",
    "rnnlab figures activation_slopes depth_vs_time",
    note="a ReLU's slope is 0 or 1",
)


def c17(evidence: Evidence) -> Numbers:
    rows = evidence.table("depth_vs_time").where(activation="relu", gain=depth_vs_time.EXPLODING, back=50.0)
    return {net: float(rows.only("median", net=net)) for net in ("RNN", "MLP", "CNN")}


EXPLODED = 1e3


def c17_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "the RNN's gradient explodes: over 1,000 after 50 steps": n["RNN"] > EXPLODED,
            "that of independent weights, as large, does not": max(n["MLP"], n["CNN"]) <= EXPLODED,
        }
    )


C17 = Claim(
    "C17",
    "ReLU does not cure an RNN: one shared W is multiplied over and over; with W > 1 gradients explode; a CNN's "
    "weights are independent",
    c17,
    c17_rule,
    "median norm of the gradient after 50 steps or layers, every weight 1.5 times he_uniform; exploded: over 1,000",
    "rnnlab figures depth_vs_time",
)


CLAIMS = (C15, C16, C17)
