"""What the answer on ReLU claims of one weight shared by all steps, and of independent and sparse ones, C17."""

from rnnlab.claims import nets
from rnnlab.claims.claim import Claim, Clause, Part
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import Measure
from rnnlab.claims.number import MOST, Number, Rule, at_most

GAIN = 1.5
KINDS: dict[nets.Kind, str] = {
    nets.shared: "one shared W",
    nets.independent: "independent W",
    nets.sparse: "independent and sparse W",
}
RARE = 0.05
"""Rarely: at most one net in twenty."""


def share(kind: nets.Kind, what: str, outcome: str, depth: int, gain: float = 1.0) -> Measure:
    """The share of 200 ReLU nets from he_uniform, times a gain, whose outputs or gradients have met that outcome.

    A ReLU net is homogeneous: a gain g multiplies outputs and gradients by g at every layer.
    """

    def measure(evidence: Evidence) -> Number:
        values = getattr(evidence.once(nets.norms, kind, "relu", "he_uniform"), what)[:, depth] * gain**depth
        return nets.exploded(values) if outcome == "explode" else nets.vanished(values)

    return measure


def _grow(depth: int, gain: float) -> Part:
    weights = f"weights × {gain:g}" if gain != 1 else "weights as he_uniform draws them"
    return Part(
        "D4",
        "outputs" if gain == 1 else "grown",
        f"one shared W, {weights}: after {depth} steps most nets' outputs are above 1,000",
        share(nets.shared, "outputs", "explode", depth, gain),
        MOST,
        "nets with outputs above 1,000",
    )


def _shared(depth: int, outcome: str) -> Part:
    words = {"explode": "explodes, above 1,000", "vanish": "vanishes, below a thousandth"}[outcome]
    return Part(
        "D5",
        "arrives",
        f"one shared W: {depth} steps back the gradient {words}, in more than one net of twenty",
        share(nets.shared, "gradients", outcome, depth),
        Rule(low=RARE, strict=True, percent=True),
        f"nets whose gradient is {words.split(', ')[1]}",
    )


def _independent(kind: nets.Kind, depth: int, outcome: str, gain: float = 1.0) -> Part:
    words = {"explode": ("explodes", "above 1,000"), "vanish": ("vanishes", "below a thousandth")}[outcome]
    weights = f", weights × {gain:g}" if gain != 1 else ""
    return Part(
        "D6",
        "large" if gain > 1 else {"explode": "kept", "vanish": "lost"}[outcome],
        f"{KINDS[kind]}{weights}: {depth} layers back the gradient rarely {words[0]}",
        share(kind, "gradients", outcome, depth, gain),
        at_most(RARE, percent=True),
        f"nets whose gradient is {words[1]}",
    )


DEPTHS = (nets.SHORT, nets.LONG)
APART = (nets.independent, nets.sparse)
C17 = Claim(
    "C17",
    "ReLU does not cure an RNN: one W is multiplied again and again, outputs grow and gradients do not arrive; a CNN's "
    "independent, sparse weights keep gradients from exploding",
    (
        *(_grow(depth, gain) for gain in (1.0, GAIN) for depth in DEPTHS),
        *(_shared(depth, outcome) for outcome in ("explode", "vanish") for depth in DEPTHS),
        *(_independent(kind, depth, "explode") for kind in APART for depth in DEPTHS),
        *(_independent(kind, depth, "vanish") for kind in APART for depth in DEPTHS),
        *(_independent(kind, nets.SHORT, "explode", GAIN) for kind in APART),
    ),
    (
        Clause(
            "arrives",
            "with one shared W gradients explode in some nets and vanish in others",
            "with one shared W gradients rarely explode or vanish",
            "what one shared W does to gradients is open",
            "with one shared W some gradients explode or vanish, in {k} of {n} tests",
        ),
        Clause(
            "outputs",
            "most outputs explode",
            "most outputs do not explode",
            "of outputs this is open",
            "most outputs explode at {k} of {n} depths",
        ),
        Clause(
            "grown",
            "with W 1.5 times as large most do",
            "with W 1.5 times as large most do not",
            "with a larger W this is open",
            "with W 1.5 times as large most do at {k} of {n} depths",
        ),
        Clause(
            "kept",
            "independent weights, sparse or not, rarely let gradients explode",
            "independent weights let gradients explode as well",
            "whether independent weights keep gradients from exploding is open",
            "independent weights rarely let gradients explode in {k} of {n} tests",
        ),
        Clause(
            "large",
            "not even 1.5 times as large ones do",
            "1.5 times as large ones do",
            "of larger weights this is open",
            "1.5 times as large, {k} of {n} kinds still hold",
        ),
    ),
    f"{nets.NETS} nets of width {nets.WIDTH} at their start, no input after the first; {nets.TAPS} weights a unit if "
    "sparse, as a 3 × 3 filter has. Depth: 50 and 200 steps or layers.",
    "A kind of independent weights that does not explode when it is enlarged.",
    "rnnlab claims C17",
)

CLAIMS = (C17,)
