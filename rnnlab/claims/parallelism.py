"""What the survey claims of parallelism, C7."""

from rnnlab.claims.claim import Claim, Numbers
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.verdict import Verdict


def c7(evidence: Evidence) -> Numbers:
    return {}


def c7_rule(n: Numbers) -> Verdict:
    return Verdict("not decided", "rnnlab has no data or ensemble parallelism yet to measure")


C7 = Claim(
    "C7",
    "timesteps can't be parallelised, but data parallelism, batch processing and ensemble parallelism can",
    c7,
    c7_rule,
    "none yet",
    "",
)


CLAIMS = (C7,)
