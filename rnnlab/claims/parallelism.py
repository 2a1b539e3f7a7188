"""What the survey claims of parallelism, C7."""

import numpy as np

from rnnlab.claims.claim import RERUN, Claim, Part
from rnnlab.claims.clause import Clause
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.glorot import Measure
from rnnlab.claims.number import MOST, Number, Rule, at_most, exactly
from rnnlab.experiments.cost_model import bound
from rnnlab.layers import RNN
from rnnlab.parallel import work_and_depth

ROUNDOFF = 1e-5
"""What two orders of summing a batch in float32 may make of a gradient, relative to its largest entry: some 100
roundings. A shard with a wrong weight makes 0.1 and more of it."""
LONG = 1024
FASTER = Rule(low=1.0, strict=True)


def waits(evidence: Evidence) -> Number:
    """How much faster a run would be if all that does not wait took no time, over the number of its steps."""
    table = evidence.table("parallelism")
    return Number.exact(bound(table) / len(table.where(kind="stage", series="recur")))


def at_once(evidence: Evidence) -> Number:
    """How far an RNN that projects all steps at once is from one that is run step by step, relative to the largest."""
    rng = np.random.default_rng(0)
    layer = RNN.init(rng, inputs=8, hidden=16)
    xs = rng.standard_normal((100, 4, 8))
    ends, alone = layer.forward(xs[:1]).starts, []
    for x in xs:
        ends = layer.forward(x[None], *ends).ends
        alone.append(ends[0])
    ys = layer.forward(xs).ys
    return Number.exact(np.abs(np.stack(alone) - ys).max() / np.abs(ys).max())


def rounds(evidence: Evidence) -> Number:
    """The rounds of a prefix scan over so many steps of a linear recurrence, as a share of the steps."""
    _, depth = work_and_depth(LONG)
    return Number.exact(depth / LONG)


def same_gradient(evidence: Evidence) -> Number:
    """The largest difference of two workers' averaged gradient from the batch's, relative to its largest entry."""
    return Number.exact(evidence.table("parallelism").where(kind="gradient")["ratio"].max())


def two_workers(evidence: Evidence, largest: bool = True) -> Number:
    """The speed-up of two workers, at the largest or the smallest network."""
    rows = evidence.table("parallelism").where(kind="data")
    return Number.ratio(rows.where(x=rows["x"].max() if largest else rows["x"].min()))


def small_networks(evidence: Evidence) -> Number:
    """That of the smallest."""
    return two_workers(evidence, largest=False)


def batches(evidence: Evidence) -> Number:
    """How much faster the largest batch is than a loop over its sequences: the layer that gains least."""
    rows = evidence.table("parallelism").where(kind="batch")
    rows = rows.where(x=rows["x"].max())
    return Number.ratio(rows.where(ratio=rows["ratio"].min()))


def ensemble_error(evidence: Evidence) -> Number:
    """The largest error of an ensemble of two or more over the mean of its members'."""
    rows = evidence.table("parallelism").where(kind="ensemble")
    rows = rows.rows(rows["x"].astype(float) > 1)
    error, members = (rows.where(series=name)["ratio"].astype(float) for name in ("error", "members"))
    return Number.exact((error / members).max())


def same_members(evidence: Evidence) -> Number:
    """The largest difference of members trained at once from the same members trained one by one."""
    return Number.exact(evidence.table("parallelism").only("high", kind="same"))


def members_faster(evidence: Evidence) -> Number:
    """The speed-up of two members at once."""
    return Number.ratio(evidence.table("parallelism").where(kind="members"))


def _part(source: str, group: str, says: str, measure: Measure, rule: Rule, unit: str) -> Part:
    """Its rule was written when a first table had been recorded."""
    return Part(source, group, says, measure, rule, unit, "numbers")


C7 = Claim(
    "C7",
    "steps wait for one another, but data parallelism, batch processing and ensemble parallelism work",
    (
        _part(
            "A9",
            "steps",
            "steps wait: if all else took no time, the speed-up would be less than half the number of steps",
            waits,
            at_most(0.5),
            "speed-up over the number of steps",
        ),
        _part(
            "A9",
            "rest",
            "what does not need the state can be done for all steps at once, with the same result",
            at_once,
            at_most(1e-12),
            "largest relative difference",
        ),
        _part(
            "A9",
            "rest",
            "in another way steps need not wait: a linear recurrence of 1,024 steps takes few rounds",
            rounds,
            at_most(0.5),
            "rounds over steps",
        ),
        _part(
            "A10",
            "data",
            "two workers' averaged gradient is the whole batch's",
            same_gradient,
            at_most(ROUNDOFF),
            "largest relative difference",
        ),
        _part(
            "A10", "data", "with two workers the largest network measured is faster", two_workers, FASTER, "speed-up"
        ),
        _part("A10", "small", "with two workers the smallest is faster, too", small_networks, FASTER, "speed-up"),
        _part(
            "A11",
            "batch",
            "every layer is faster on a batch than in a loop over its sequences",
            batches,
            FASTER,
            "speed-up of the layer that gains least",
        ),
        _part(
            "A12",
            "ensemble",
            "an ensemble's error is at most its members' average",
            ensemble_error,
            at_most(1 + ROUNDOFF),
            "error over the members'",
        ),
        _part(
            "A12",
            "ensemble",
            "members trained at once are the same, bit for bit",
            same_members,
            exactly(0),
            "largest difference",
        ),
        _part("A12", "ensemble", "two members at once are faster", members_faster, FASTER, "speed-up"),
        Part(
            "A12",
            "subsets",
            "members can each learn another subset of the data",
            None,
            MOST,
            why="ours differ in their seed alone",
        ),
    ),
    (
        Clause(
            "steps", "steps wait for one another", "steps need not wait for one another", "whether steps wait is open"
        ),
        Clause(
            "rest",
            "products that need no state take all steps at once, and so can a linear recurrence",
            "nothing can run for all steps at once",
            "what can run for all steps at once is open",
            "only what needs no state, or only a linear recurrence, runs for all steps at once",
        ),
        Clause(
            "batch",
            "a batch is faster than its sequences one by one",
            "a batch is no faster",
            "whether a batch is faster is open",
        ),
        Clause(
            "data",
            "two workers compute the same gradient as one, and on a large network faster",
            "two workers compute another gradient than one, and no faster",
            "whether two workers are faster is open",
            "two workers either compute the same gradient or are faster, not both",
        ),
        Clause(
            "small",
            "on a small network they are faster, too",
            "on a small network they are slower",
            "whether they are faster on a small network is open",
        ),
        Clause(
            "ensemble",
            "an ensemble is no worse than its members on average, and trains faster side by side",
            "an ensemble is worse than its members on average, and trains no faster side by side",
            "what an ensemble gains is open",
            "of ensembles {k} of {n} statements are right",
        ),
        Clause(
            "subsets",
            "its members can each learn another part of the data",
            "its members cannot each learn another part of the data",
            "members that each learn another part of the data were not tried",
        ),
    ),
    "Two cores of one machine; intervals are the middle 80 % of the rounds.",
    "More cores, or a faster way to send parameters: then small networks gain, too.",
    RERUN.format("parallelism"),
)

CLAIMS = (C7,)
