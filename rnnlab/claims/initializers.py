"""What the survey claims of the initializers, C1 … C6."""

from math import isfinite

import numpy as np

from rnnlab.claims.claim import RERUN, Claim, Numbers
from rnnlab.claims.evidence import Evidence, spread
from rnnlab.claims.verdict import DIVERGED, Verdict, of_parts
from rnnlab.experiments.results.ends import HALF, LEARNED
from rnnlab.layers import Dense


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


C1 = Claim(
    "C1",
    "glorot_uniform, the default kernel initializer, balances variance across layers but may not be optimal for "
    "RNNs on long sequences",
    c1,
    c1_rule,
    "balanced: after ten linear layers of 100 the variance is within a factor of 2, either way; not optimal: as U "
    "of a tanh RNN some other initializer gets adding, T = 30, under 0.05 in at most 0.9 of the updates",
    RERUN.format("initializer_learning"),
    recorded=True,
    note="the first part is measured on kernels, as the claim says; Keras draws U from orthogonal, and "
    "30 steps are not a long sequence",
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


C2 = Claim(
    "C2",
    "he_uniform speeds convergence and suits deep nets with ReLU / LeakyReLU",
    c2,
    c2_rule,
    "ten ReLU layers, widths 100 and 25, digits: updates until the error is under 45 %, at most 0.9 of another's",
    RERUN.format("initializer_learning"),
    recorded=True,
    note="LeakyReLU was not run; variance_scaling with a scale of 2 has he_uniform's variance, and is not a rival",
)


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


C3 = Claim(
    "C3",
    "lecun_uniform suits shallow nets, normalised data, sigmoid",
    c3,
    c3_rule,
    "one sigmoid layer, digits: median error; better or worse: by more than the largest range of the seeds",
    RERUN.format("initializer_learning"),
    recorded=True,
)


def c4(evidence: Evidence) -> Numbers:
    table = evidence.table("initializer_survey").where(activation="tanh")
    numbers = {}
    for role in ("U", "W and U"):
        for name in ("orthogonal", "glorot_uniform"):
            for what in ("growth", "spread"):
                numbers[f"{what}, {name} as {role}"] = float(table.only(what, role=role, initializer=name))
    for name in ("orthogonal", "glorot_uniform"):
        numbers[f"updates, {name}"] = evidence.updates_until("initializer_learning", "tanh RNN", name, LEARNED)
    return numbers


def c4_rule(n: Numbers) -> Verdict:
    def slower(role: str) -> bool:
        gap = n[f"growth, orthogonal as {role}"] - n[f"growth, glorot_uniform as {role}"]
        return gap > n[f"spread, glorot_uniform as {role}"]

    return of_parts(
        {
            "the growth λ of the gradient varies at most half as much from seed to seed": n["spread, orthogonal as U"]
            <= n["spread, glorot_uniform as U"] / 2,
            "with orthogonal as U alone the gradient decays more slowly": slower("U"),
            "with orthogonal as W and U the gradient decays more slowly": slower("W and U"),
            "with orthogonal as U a tanh RNN learns the adding problem in at most 0.9 of the updates": sooner(
                n["updates, orthogonal"], n["updates, glorot_uniform"]
            ),
        }
    )


C4 = Claim(
    "C4",
    "orthogonal keeps gradients better through time and is more stable, above all for tanh RNNs",
    c4,
    c4_rule,
    "against glorot_uniform in a tanh RNN; more slowly: by more than glorot's standard deviation over the seeds",
    RERUN.format("initializer_survey initializer_learning"),
    recorded=True,
    note="that it is so above all for tanh was not measured",
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


C5 = Claim(
    "C5",
    "random_normal needs fine tuning and may be unstable",
    c5,
    c5_rule,
    "ten ReLU layers of 100, digits: share of the seeds that end under an error of 45 %",
    RERUN.format("initializer_learning"),
    recorded=True,
    note="unstable is read as: a σ that does not learn",
)


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


C6 = Claim(
    "C6",
    "variance_scaling is flexible and adapts to the layer",
    c6,
    c6_rule,
    "ten ReLU layers of 100 and of 25, digits: share of the seeds that end under an error of 45 %",
    RERUN.format("initializer_learning"),
    recorded=True,
)


CLAIMS = (C1, C2, C3, C4, C5, C6)
