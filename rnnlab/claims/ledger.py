"""The survey's eighteen claims, each with its measure, its rule, and the sentence that tells the numbers.

`measure` takes the evidence to a few numbers; `rule` takes the numbers, and nothing else, to the verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from rnnlab.activations import Sigmoid
from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.verdict import Verdict, nearer, of_parts
from rnnlab.experiments.recipes import LONGER, LONGER_MODELS, longer
from rnnlab.experiments.results.ends import HALF, LEARNED, SOLVED
from rnnlab.gallery import depth_vs_time
from rnnlab.layers import RNN, Dense
from rnnlab.layers.conv import im2col

Numbers = dict[str, float]


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        name: C1 … C18.
        says: the claim, in our words.
        measure: the evidence's numbers for it.
        rule: the verdict on the numbers.
        rule_says: the rule in words.
        command: what measures the numbers anew.
        recorded: whether they come, all or some, from recorded runs.
        note: what was not measured, or what others found.
    """

    name: str
    says: str
    measure: Callable[[Evidence], Numbers]
    rule: Callable[[Numbers], Verdict]
    rule_says: str
    command: str
    recorded: bool = False
    note: str = ""


@dataclass(frozen=True)
class Judged:
    """A claim with its numbers and its verdict."""

    claim: Claim
    numbers: Numbers
    verdict: Verdict


def judge(claim: Claim, evidence: Evidence) -> Judged:
    """Measure, then apply the rule; a claim whose runs are missing is not decided."""
    try:
        numbers = claim.measure(evidence)
    except NotRunError as missing:
        return Judged(claim, {}, Verdict("not decided", str(missing)))
    return Judged(claim, numbers, claim.rule(numbers))


# The initializers, C1 … C6


def _balance(depth: int = 10, width: int = 100) -> Numbers:
    """What ten linear layers from glorot_uniform do to the variance of what passes through them, either way."""
    rng = np.random.default_rng(0)
    ys, dys = rng.standard_normal((1000, width)), rng.standard_normal((1000, width))
    forward, backward = ys.var(), dys.var()
    layers = [Dense.init(rng, inputs=width, outputs=width) for _ in range(depth)]
    for layer, back in zip(layers, layers[::-1], strict=True):
        ys, dys = ys @ layer.W, dys @ back.W.T
    return {"forward variance ratio": float(ys.var() / forward), "backward variance ratio": float(dys.var() / backward)}


OTHERS = (
    "he_uniform",
    "orthogonal",
    "random_normal",
    "variance_scaling:scale=2",
    "identity",
    "normalized_positive_definite",
)


def c1(evidence: Evidence) -> Numbers:
    until = {
        name: evidence.updates_until("initializer_learning", "tanh RNN", name, LEARNED)
        for name in ("glorot_uniform", *OTHERS)
    }
    return {**_balance(), "updates with glorot_uniform": until.pop("glorot_uniform"), "fewest": min(until.values())}


def c1_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "ten layers keep the variance within a factor of two, forward and backward": all(
                0.5 <= n[f"{way} variance ratio"] <= 2 for way in ("forward", "backward")
            ),
            "as U of a tanh RNN another initializer needs at most 0.9 of the updates of glorot_uniform": sooner(
                n["fewest"], n["updates with glorot_uniform"]
            ),
        }
    )


def sooner(updates: float, than: float) -> bool:
    """At most nine tenths of the updates; something is sooner than never, never is not sooner than never."""
    return isfinite(updates) and updates <= 0.9 * than


DEEP = ("10 ReLU layers", "10 ReLU layers of 25")
KERNELS = ("glorot_uniform", "lecun_uniform", "orthogonal", "random_normal")


def c2(evidence: Evidence) -> Numbers:
    return {
        f"{name}, {variant}": evidence.updates_until("initializer_learning", variant, name, HALF)
        for variant in DEEP
        for name in ("he_uniform", *KERNELS)
    }


def c2_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            f"at both widths he_uniform halves the error in at most 0.9 of the updates of {name}": all(
                sooner(n[f"he_uniform, {variant}"], n[f"{name}, {variant}"]) for variant in DEEP
            )
            for name in KERNELS
        }
    )


DIVERGED = Verdict("not decided", "runs that it compares diverged")


def spread(scores: NDArray[np.float64]) -> float:
    """From the lowest to the highest; infinite if a run diverged."""
    return float(np.ptp(scores)) if np.isfinite(scores).all() else np.inf


def c3(evidence: Evidence) -> Numbers:
    numbers = {}
    for name in ("lecun_uniform", "glorot_uniform", "he_uniform", "orthogonal"):
        scores = evidence.scores("initializers", "1 sigmoid layer", name)
        numbers[name] = float(np.median(scores))
        numbers[f"range of {name}"] = spread(scores)
    return numbers


def c3_rule(n: Numbers) -> Verdict:
    """Three ways out: no initializer stands out; none stands above it, and one below; another stands above it."""
    if not all(map(isfinite, n.values())):
        return DIVERGED
    others = {name: n[name] for name in ("glorot_uniform", "he_uniform", "orthogonal")}
    noise = max(value for name, value in n.items() if name.startswith("range"))
    best, worst = min(others.values()), max(others.values())
    if n["lecun_uniform"] > best + noise:
        return Verdict("does not hold", "another initializer is better by more than the seeds differ")
    if worst > n["lecun_uniform"] + noise:
        return Verdict("holds", "no other is better by more than the seeds differ, and one is worse")
    return Verdict("not decided", "it suits, and so do the others: they differ from it by less than the seeds do")


def c4(evidence: Evidence) -> Numbers:
    table = evidence.table("initializer_survey").where(activation="tanh")
    numbers = {}
    for role in ("U", "W and U"):
        for name in ("orthogonal", "glorot_uniform"):
            for what in ("rate", "spread"):
                numbers[f"{what}, {name} as {role}"] = float(table.only(what, role=role, initializer=name))
    for name in ("orthogonal", "glorot_uniform"):
        numbers[f"updates, {name}"] = evidence.updates_until("initializer_learning", "tanh RNN", name, LEARNED)
    return numbers


def c4_rule(n: Numbers) -> Verdict:
    def slower(role: str) -> bool:
        gap = n[f"rate, glorot_uniform as {role}"] - n[f"rate, orthogonal as {role}"]
        return gap > n[f"spread, glorot_uniform as {role}"]

    return of_parts(
        {
            "the rate of decay varies at most half as much from seed to seed": n["spread, orthogonal as U"]
            <= n["spread, glorot_uniform as U"] / 2,
            "with orthogonal as U alone the gradient decays more slowly": slower("U"),
            "with orthogonal as W and U the gradient decays more slowly": slower("W and U"),
            "with orthogonal as U a tanh RNN learns the adding problem in at most 0.9 of the updates": sooner(
                n["updates, orthogonal"], n["updates, glorot_uniform"]
            ),
        }
    )


NORMALS = {0.01: "random_normal:stddev=0.01", 0.05: "random_normal", 0.2: "random_normal:stddev=0.2"}
VARIANCE = "variance_scaling:scale=2"


def _learned(evidence: Evidence, variant: str, name: str) -> float:
    """The share of the seeds that ended under half of the baseline's error."""
    return float(np.mean(evidence.scores("initializers", variant, name) < HALF))


def c5(evidence: Evidence) -> Numbers:
    return {f"share of seeds, σ = {std}": _learned(evidence, DEEP[0], name) for std, name in NORMALS.items()}


def c5_rule(n: Numbers) -> Verdict:
    if min(n.values()) == 1:
        return Verdict("does not hold", "every σ that was tried learns with every seed")
    if max(n.values()) < 1 or min(n.values()) > 0:
        return Verdict("not decided", "no σ that was tried learns with every seed, or none with no seed")
    return Verdict("holds", "one σ learns with every seed, another with none")


def c6(evidence: Evidence) -> Numbers:
    return {
        f"{name}, {variant}": _learned(evidence, variant, name)
        for variant in DEEP
        for name in (VARIANCE, *NORMALS.values())
    }


def c6_rule(n: Numbers) -> Verdict:
    def learns(name: str) -> bool:
        return all(n[f"{name}, {variant}"] == 1 for variant in DEEP)

    return of_parts(
        {
            "variance_scaling with one scale learns at both widths with every seed": learns(VARIANCE),
            "no normal of fixed σ that was tried does": not any(map(learns, NORMALS.values())),
        }
    )


# Parallelism, C7


def c7(evidence: Evidence) -> Numbers:
    return {}


def c7_rule(n: Numbers) -> Verdict:
    return Verdict("not decided", "rnnlab has no data or ensemble parallelism yet to measure")


# The IRNN, C8 … C14


def c8(evidence: Evidence) -> Numbers:
    rng = np.random.default_rng(0)
    layer = RNN.irnn(rng, inputs=1, hidden=100)
    trace = layer.forward(np.zeros((300, 16, 1)), np.abs(rng.standard_normal((16, 100))))
    dhs = np.zeros_like(trace.hs[1:])
    dhs[-1] = rng.standard_normal((16, 100))
    derivatives = layer.backward(trace, dhs).hs
    return {
        "largest change of the state": float(np.abs(trace.hs - trace.hs[0]).max()),
        "largest change of the derivative": float(np.abs(derivatives - dhs[-1]).max()),
    }


def c8_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "the state stays as it is, to the last bit": n["largest change of the state"] == 0,
            "the error derivative flows back unchanged, to the last bit": n["largest change of the derivative"] == 0,
        }
    )


def c9(evidence: Evidence) -> Numbers:
    rows = evidence.table("irnn_memory").where(alpha=0.9)
    left = float(rows.only("gradient", k=100.0))
    return {"rate over -log α": float(rows["rate"][0] / -log(0.9)), "left after 100 steps": left}


def c9_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "αI forgets at the rate -log α to twelve digits": abs(n["rate over -log α"] - 1) < 1e-12,
            "α = 0.9 leaves less than a thousandth of the gradient after 100 steps": n["left after 100 steps"] < 1e-3,
        }
    )


LENGTHS = (100, 150, 200, 300, 400)


def c10(evidence: Evidence) -> Numbers:
    return {
        f"{model}, T = {steps}": evidence.solved(f"T = {steps}", model)
        for model in ("tanh RNN", "LSTM", "IRNN")
        for steps in LENGTHS
    }


def c10_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "every seed of the tanh RNN solves T = 100, and not every seed T = 150": n["tanh RNN, T = 100"] == 1
            and n["tanh RNN, T = 150"] < 1,
            "every seed of the LSTM solves T = 100, and not every seed T = 150 and 200": n["LSTM, T = 100"] == 1
            and min(n["LSTM, T = 150"], n["LSTM, T = 200"]) < 1,
            "the IRNN solves T = 100 with every seed, and every length with at least as many seeds as the LSTM": n[
                "IRNN, T = 100"
            ]
            == 1
            and all(n[f"IRNN, T = {steps}"] >= n[f"LSTM, T = {steps}"] for steps in LENGTHS),
        }
    )


def c11(evidence: Evidence) -> Numbers:
    rows = evidence.table("step_cost").where(layer="LSTM")
    return {f"H = {size:.0f}": float(ratio) for size, ratio in zip(rows["hidden"], rows["ratio"], strict=True)}


def c11_rule(n: Numbers) -> Verdict:
    return of_parts({f"at {size} an LSTM step costs at least 4 IRNN steps": ratio >= 4 for size, ratio in n.items()})


def c12(evidence: Evidence) -> Numbers:
    numbers = {model: evidence.score("pixels", "sequential", model) for model in ("tanh RNN", "IRNN", "LSTM")}
    order = longer("sequential")
    return numbers | {f"{model}, {LONGER}": evidence.score("pixels", order, model) for model in LONGER_MODELS}


def c12_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "the plain RNN fails: an error above 45 %, in the longer run too": n["tanh RNN"] > HALF
            and n[f"tanh RNN, {LONGER}"] > HALF,
            "the IRNN comes to about 3 %: at most 5 in the longer run": n[f"IRNN, {LONGER}"] <= 5,
            "the LSTM does well: at most 10 % after 6,000 updates": n["LSTM"] <= 10,
        }
    )


def c13(evidence: Evidence) -> Numbers:
    scores = {model: evidence.scores("characters", "characters", model) for model in ("IRNN", "LSTM", "tanh RNN")}
    middle = {model: float(np.median(values)) for model, values in scores.items()}
    return {**middle, "largest range of the seeds": max(map(spread, scores.values()))}


def c13_rule(n: Numbers) -> Verdict:
    if not all(map(isfinite, n.values())):
        return DIVERGED
    to_lstm, to_rnn = abs(n["IRNN"] - n["LSTM"]), abs(n["IRNN"] - n["tanh RNN"])
    return nearer(
        to_lstm, to_rnn, n["largest range of the seeds"], f"{to_lstm:.3f} bits to the LSTM, {to_rnn:.3f} to the RNN"
    )


def c14(evidence: Evidence) -> Numbers:
    return {
        model: evidence.score("phonemes", "frames", model) for model in ("IRNN, 0.01 I", "IRNN", "tanh RNN", "LSTM")
    }


def c14_rule(n: Numbers) -> Verdict:
    if not all(map(isfinite, n.values())):
        return DIVERGED
    return of_parts(
        {
            "the frame error with 0.01·I is at most 0.9 of the tanh RNN's": n["IRNN, 0.01 I"] <= 0.9 * n["tanh RNN"],
            "the frame error with 0.01·I is at most 1.05 of the LSTM's": n["IRNN, 0.01 I"] <= 1.05 * n["LSTM"],
        }
    )


# Slopes and depth, C15 … C17


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


# The IndRNN, C18

RIVALS = ("tanh RNN", "ReLU RNN", "LSTM", "GRU")
CONTESTS = {
    "pixels, sequential": ("pixels", "sequential"),
    "pixels, permuted": ("pixels", "permuted"),
    "characters": ("characters", "characters"),
    "phonemes": ("phonemes", "frames"),
}


def c18(evidence: Evidence) -> Numbers:
    range_ = evidence.table("indrnn_range").where(steps=2000.0)
    adding, stacks = (evidence.all_runs.where(recipe=recipe) for recipe in ("adding", "stacks"))
    depths = sorted(int(variant.split()[0]) for (variant,) in stacks.each("variant"))
    lengths = [variant for (variant,) in adding.where(model="IndRNN").each("variant")]
    if not lengths or not depths:
        raise NotRunError("the IndRNN has not been run on the adding problem and in stacks")
    solved = np.concatenate([evidence.scores("adding", variant, "IndRNN") < SOLVED for variant in lengths])
    kin = [evidence.all_runs.where(model=name) for (name,) in evidence.all_runs.each("model") if "IndRNN" in name]
    numbers = {
        "gradient at u = ε^(1/T), T = 2000": float(range_.only("gradient", kind="epsilon")),
        "gradient at u = γ^(1/T), T = 2000": float(range_.only("gradient", kind="gamma")),
        "share of adding runs solved": float(np.mean(solved)),
        "runs diverged": float(sum(np.sum(rows["status"] == "diverged") for rows in kin)),
        "deepest": float(depths[-1]),
        "IndRNN, 1 layer": evidence.score("stacks", "1 layers", "IndRNN"),
        "IndRNN residual, 2 layers": evidence.score("stacks", "2 layers", "IndRNN residual"),
    }
    for name in ("IndRNN", "IndRNN residual", "IndRNN residual, batch norm", "tanh RNN", "tanh RNN residual"):
        numbers[f"{name}, deepest"] = evidence.score("stacks", f"{depths[-1]} layers", name)
    until = {model: evidence.updates_until("adding_problem", "T = 400", model, SOLVED) for model in ("IndRNN", *RIVALS)}
    numbers["updates to solve adding, T = 400"] = until.pop("IndRNN")
    numbers["of the best rival"] = min(until.values())
    for contest, (recipe, variant) in CONTESTS.items():
        rivals = min(evidence.score(recipe, variant, rival) for rival in RIVALS)
        numbers[f"score over the best rival's: {contest}"] = evidence.score(recipe, variant, "IndRNN") / rivals
    return numbers


def c18_rule(n: Numbers) -> Verdict:
    low, high = n["gradient at u = ε^(1/T), T = 2000"], n["gradient at u = γ^(1/T), T = 2000"]
    stacked = min(n["IndRNN residual, deepest"], n["IndRNN residual, batch norm, deepest"])
    return of_parts(
        {
            "on an active path u in its range keeps the gradient within a factor of two": low >= 0.5 * (1 - 1e-9)
            and high <= 2 * (1 + 1e-9),
            "it trains robustly with ReLU: every adding run solved, none diverged anywhere": n[
                "share of adding runs solved"
            ]
            == 1
            and n["runs diverged"] == 0,
            "the deepest stack without shortcuts is better than one layer": n["IndRNN, deepest"] < n["IndRNN, 1 layer"],
            "the deepest with shortcuts is better than two layers": stacked < n["IndRNN residual, 2 layers"],
            "without shortcuts it is better than a tanh RNN as deep": n["IndRNN, deepest"] < n["tanh RNN, deepest"],
            "with shortcuts it is better than a tanh RNN as deep": stacked < n["tanh RNN residual, deepest"],
            "it beats RNN, LSTM and GRU on adding, T = 400, by updates": n["updates to solve adding, T = 400"]
            < n["of the best rival"],
            **{
                f"it beats RNN, LSTM and GRU on {contest}": n[f"score over the best rival's: {contest}"] < 1
                for contest in CONTESTS
            },
        }
    )


ANEW = "rnnlab figures {} --recompute"
CLAIMS = (
    Claim(
        "C1",
        "glorot_uniform, the default kernel initializer, balances variance across layers but may not be optimal for "
        "RNNs on long sequences",
        c1,
        c1_rule,
        "balanced: after ten linear layers of 100 the variance is within a factor of 2, either way; not optimal: as U "
        "of a tanh RNN some other initializer brings adding, T = 30, under 0.05 in at most 0.9 of the updates",
        ANEW.format("initializer_learning"),
        recorded=True,
        note="the first part is measured of the kernel, of which it is said; Keras draws U from orthogonal, and "
        "30 steps are not a long sequence",
    ),
    Claim(
        "C2",
        "he_uniform speeds convergence and suits deep nets with ReLU / LeakyReLU",
        c2,
        c2_rule,
        "ten ReLU layers, widths 100 and 25, digits: updates until the error is under 45 %, at most 0.9 of another's",
        ANEW.format("initializer_learning"),
        recorded=True,
        note="LeakyReLU was not run; variance_scaling with a scale of 2 has he_uniform's variance, and is not a rival",
    ),
    Claim(
        "C3",
        "lecun_uniform suits shallow nets, normalised data, sigmoid",
        c3,
        c3_rule,
        "one sigmoid layer, digits: median error; better or worse: by more than the largest range of the seeds",
        ANEW.format("initializer_learning"),
        recorded=True,
    ),
    Claim(
        "C4",
        "orthogonal keeps gradients better through time and is more stable, above all for tanh RNNs",
        c4,
        c4_rule,
        "against glorot_uniform in a tanh RNN; more slowly: by more than glorot's standard deviation over the seeds",
        ANEW.format("initializer_survey initializer_learning"),
        recorded=True,
        note="that it is so above all for tanh was not measured",
    ),
    Claim(
        "C5",
        "random_normal needs fine tuning and may be unstable",
        c5,
        c5_rule,
        "ten ReLU layers of 100, digits: share of the seeds that end under an error of 45 %",
        ANEW.format("initializer_learning"),
        recorded=True,
        note="unstable is read as: a σ that does not learn",
    ),
    Claim(
        "C6",
        "variance_scaling is flexible and adapts to the layer",
        c6,
        c6_rule,
        "ten ReLU layers of 100 and of 25, digits: share of the seeds that end under an error of 45 %",
        ANEW.format("initializer_learning"),
        recorded=True,
    ),
    Claim(
        "C7",
        "timesteps can't be parallelised, but data parallelism, batch processing and ensemble parallelism can",
        c7,
        c7_rule,
        "none yet",
        "",
    ),
    Claim(
        "C8",
        "IRNN: with identity recurrence, zero bias and no input the ReLU state stays as it is, and the error "
        "derivative flows back unchanged",
        c8,
        c8_rule,
        "no entry changes at all in 300 steps",
        "rnnlab claims C8",
    ),
    Claim(
        "C9",
        "a scaled identity (αI) forgets: an effective way to drop long-range effects",
        c9,
        c9_rule,
        "no input, α = 0.9: the rate of decay is -log α, and less than 1e-3 is left after 100 steps",
        "rnnlab figures irnn_memory",
    ),
    Claim(
        "C10",
        "adding problem: tanh RNN and LSTM begin to struggle at T ≈ 150; IRNN converges as well as LSTM",
        c10,
        c10_rule,
        "share of the seeds with a held-out mean squared error below 0.01 at the end: after at most 20,000 updates up "
        "to T = 150, 10,000 at 200, 8,000 beyond",
        ANEW.format("adding_problem"),
        recorded=True,
    ),
    Claim(
        "C11",
        "an LSTM step costs at least 4 IRNN steps",
        c11,
        c11_rule,
        "median ratio of the times of a training step, in the same round, at least 4 at every size",
        "rnnlab figures step_cost --recompute",
        recorded=True,
    ),
    Claim(
        "C12",
        "pixel-by-pixel digits: plain RNN fails, IRNN reaches about 3 % error, LSTM does well",
        c12,
        c12_rule,
        "median held-out error in %, sequential order, after 6,000 updates and of two models after 30,000, on drawn "
        "digits of 14 × 14; the papers' is MNIST of 28 × 28, after up to a million",
        ANEW.format("pixel_digits"),
        recorded=True,
        note="the IRNN paper's own table, as others quote it, has 34 % error for its LSTM",
    ),
    Claim(
        "C13",
        "language model: IRNN is nearer to LSTM than to the plain RNN",
        c13,
        c13_rule,
        "distances of the median bits per character; differences within the largest range of the seeds decide nothing",
        ANEW.format("character_model"),
        recorded=True,
    ),
    Claim(
        "C14",
        "speech frames: iRNN (0.01·I) far better than tanh RNN, on a par with LSTM",
        c14,
        c14_rule,
        "median frame error in %; far better: at most 0.9 of it, on a par: at most 1.05 of it",
        ANEW.format("phoneme_frames"),
        recorded=True,
    ),
    Claim(
        "C15",
        "sigmoid's slope is in (0, 0.25]: ten layers multiply the error by at most 0.25^10",
        c15,
        c15_rule,
        "slopes on [-6, 6]; products of ten at pre-activations from N(0, 1), 100,000 times; growth of the gradient "
        "through ten sigmoid layers of 16 times glorot_uniform weights",
        "rnnlab figures activation_slopes depth_vs_time",
    ),
    Claim(
        "C16",
        "ReLU's slope is 1, which cures vanishing in a CNN (a 4×4 input, 2×2 filter, stride 1, pad 1 is a 25×4 matrix)",
        c16,
        c16_rule,
        "slopes on [-6, 6]; the median norm of the gradient 50 layers of a CNN back",
        "rnnlab figures activation_slopes depth_vs_time",
        note="a ReLU's slope is 0 or 1",
    ),
    Claim(
        "C17",
        "ReLU does not cure an RNN: one shared W is multiplied over and over; with W > 1 gradients explode; a CNN's "
        "weights are independent",
        c17,
        c17_rule,
        "median norm of the gradient after 50 steps or layers, every weight 1.5 times he_uniform; exploded: over 1,000",
        "rnnlab figures depth_vs_time",
    ),
    Claim(
        "C18",
        "IndRNN solves vanishing and exploding, trains robustly with ReLU, stacks very deep, beats RNN, LSTM and GRU",
        c18,
        c18_rule,
        "every run counts; medians of the seeds; on each task against the best of tanh RNN, ReLU RNN, LSTM and GRU, on "
        "the adding problem by the updates until the error is first under 0.01",
        ANEW.format("indrnn_range adding_problem pixel_digits character_model phoneme_frames deep_stacks"),
        recorded=True,
    ),
)
