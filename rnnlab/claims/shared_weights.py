"""What the answer on ReLU claims of one weight shared by all steps, and of independent and sparse ones, C17.

That such weights keep gradients from exploding is its D6; that in a CNN ReLU keeps them from vanishing, D3.
"""

from rnnlab.claims import nets
from rnnlab.claims.claim import Claim, Part
from rnnlab.claims.clause import Clause
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
        label=f"after {depth} steps",
        told="{}",
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
        label=f"{words.split(', ')[0]} {depth} steps back",
        told="{}",
    )


def _independent(kind: nets.Kind, depth: int, outcome: str, gain: float = 1.0) -> Part:
    words = {"explode": ("explodes", "above 1,000"), "vanish": ("vanishes", "below a thousandth")}[outcome]
    weights = f", weights × {gain:g}" if gain != 1 else ""
    return Part(
        "D6" if outcome == "explode" else "D3",
        "large" if gain > 1 else {"explode": "kept", "vanish": "lost"}[outcome],
        f"{KINDS[kind]}{weights}: {depth} layers back the gradient rarely {words[0]}",
        share(kind, "gradients", outcome, depth, gain),
        at_most(RARE, percent=True),
        f"nets whose gradient is {words[1]}",
        label=f"{depth} {'sparse ' if kind is nets.sparse else ''}layers",
        told="{}",
    )


DEPTHS = (nets.SHORT, nets.LONG)
APART = (nets.independent, nets.sparse)
C17 = Claim(
    "C17",
    "ReLU does not cure an RNN: one W is multiplied again and again, outputs grow and gradients do not arrive; a CNN's "
    "independent, sparse weights keep gradients from exploding, and ReLU keeps them from vanishing there",
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
            "with one W for all steps the gradient explodes in some nets and vanishes in others",
            "with one W for all steps the gradient rarely explodes or vanishes",
            "what one W for all steps does to the gradient is open",
            "with one W for all steps, drawn by he_uniform, the gradient {which}, each in more than 5 % of the nets",
            "with one W for all steps the gradient rarely {which}",
        ),
        Clause(
            "outputs",
            "in most nets the outputs explode",
            "in most nets the outputs do not explode",
            "whether the outputs explode is open",
            "in most nets the outputs explode {which}",
            "in most nets the outputs do not explode {which}",
        ),
        Clause(
            "grown",
            "with W 1.5 times as large the outputs explode",
            "with W 1.5 times as large the outputs do not explode, either",
            "whether the outputs explode with W 1.5 times as large is open",
            "with W 1.5 times as large the outputs explode {which}",
            "with W 1.5 times as large the outputs do not explode {which}",
        ),
        Clause(
            "kept",
            "with a W for each layer, sparse or not, the gradient rarely explodes",
            "with a W for each layer, too, the gradient explodes",
            "whether the gradient explodes with a W for each layer is open",
            "with a W for each layer the gradient rarely explodes through {which}",
            "through {which} it explodes in more than 5 % of the nets",
        ),
        Clause(
            "lost",
            "with a W for each layer the gradient rarely vanishes",
            "with a W for each layer the gradient vanishes in more than 5 % of the nets",
            "whether the gradient vanishes with a W for each layer is open",
            "with a W for each layer it rarely vanishes through {which}",
            "through {which} it vanishes in more than 5 % of the nets",
        ),
        Clause(
            "large",
            "with each W 1.5 times as large it rarely explodes",
            "with each W 1.5 times as large it explodes",
            "whether it explodes with each W 1.5 times as large is open",
            "with each W 1.5 times as large it rarely explodes through {which}",
            "through {which} it explodes in more than 5 % of the nets",
        ),
    ),
    f"{nets.NETS} nets of width {nets.WIDTH} at their start, no input after the first; {nets.TAPS} weights a unit if "
    "sparse, as a 3 × 3 filter has. Depth: 50 and 200 steps or layers. That ReLU makes the outputs large is said of "
    "all nets: we ask it of most. A gradient fails to arrive if it explodes or vanishes: more than 5 % of the nets is "
    "enough.",
    "A kind of independent weights that does not explode when it is enlarged.",
    "rnnlab claims C17",
)

CLAIMS = (C17,)
