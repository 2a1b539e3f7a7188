"""What the survey claims of parallelism, C7."""

import numpy as np

from rnnlab.claims.claim import RERUN, Claim, Numbers
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.verdict import Verdict, of_parts
from rnnlab.experiments.cost_model import bound
from rnnlab.layers import RNN
from rnnlab.parallel import work_and_depth

ROUNDOFF = 1e-5
"""What two orders of summing a batch in float32 may make of a gradient, relative to its largest entry: some 100
roundings. A shard with a wrong weight makes 0.1 and more of it."""
LONG = 1024


def c7(evidence: Evidence) -> Numbers:
    table = evidence.table("parallelism")
    batch, data, ensemble = (table.where(kind=kind) for kind in ("batch", "data", "ensemble"))
    largest = batch.where(x=batch["x"].max())
    widest = data.where(x=data["x"].max())
    error, members = (ensemble.where(series=name)["ratio"].astype(float) for name in ("error", "members"))
    return {
        "steps": float(len(table.where(kind="stage", series="recur"))),
        "times as fast without all that does not wait": bound(table),
        "all steps at once, off from one by one": _at_once(),
        "two workers' gradient, off from the batch's": float(table.where(kind="gradient")["ratio"].max()),
        "speed-up of two workers, largest network": float(widest["ratio"][0]),
        "its 10 %": float(widest["low"][0]),
        "least that a batch is faster than a loop": float(largest["ratio"].min()),
        "largest error of an ensemble over its members'": float((error / members).max()),
        "members at once, off from one by one": table.only("high", kind="same"),
        "speed-up of two members at once": table.only("ratio", kind="members"),
    }


def _at_once() -> float:
    """How far an RNN that projects all steps at once is from one that is run step by step, relative to the largest."""
    rng = np.random.default_rng(0)
    layer = RNN.init(rng, inputs=8, hidden=16)
    xs = rng.standard_normal((100, 4, 8))
    ends, alone = layer.forward(xs[:1]).starts, []
    for x in xs:
        ends = layer.forward(x[None], *ends).ends
        alone.append(ends[0])
    ys = layer.forward(xs).ys
    return float(np.abs(np.stack(alone) - ys).max() / np.abs(ys).max())


def c7_rule(n: Numbers) -> Verdict:
    return of_parts(
        {
            "timesteps can't be: each waits for h[t-1] U; if all the rest took no time, the gain would be under half "
            "the number of steps": n["times as fast without all that does not wait"] < n["steps"] / 2
            and n["all steps at once, off from one by one"] <= 1e-12,
            "data parallelism can be: two workers give the batch's gradient, faster": n[
                "two workers' gradient, off from the batch's"
            ]
            <= ROUNDOFF
            and n["its 10 %"] > 1,
            "batch processing can be: every layer is faster in a batch than in a loop": n[
                "least that a batch is faster than a loop"
            ]
            > 1,
            "ensemble parallelism can be: the same members, faster, and never worse than on average": n[
                "largest error of an ensemble over its members'"
            ]
            <= 1 + ROUNDOFF
            and n["members at once, off from one by one"] == 0
            and n["speed-up of two members at once"] > 1,
        }
    )


WORK, DEPTH = work_and_depth(LONG)
C7 = Claim(
    "C7",
    "timesteps can't be parallelised, but data parallelism, batch processing and ensemble parallelism can",
    c7,
    c7_rule,
    "each part by itself; gradients are the same within the roundoff of float32, members bit for bit; two workers are "
    "faster where 90 % of the rounds are, at the largest network measured; a batch at the largest B",
    RERUN.format("parallelism"),
    recorded=True,
    note="A linear recurrence need not wait: an IndRNN with the identity is a prefix scan (`rl.parallel.scan`), "
    f"{LONG:,} steps in {DEPTH} rounds with {WORK / (LONG - 1):.1f} times the work. For small networks two workers "
    "cost more than they save: see the figure parallelism.",
)


CLAIMS = (C7,)
