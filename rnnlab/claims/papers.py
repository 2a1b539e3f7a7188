"""The papers' numbers beside ours, with the budget of ours: what was reproduced, and at what size."""

import numpy as np

from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.history import RULED
from rnnlab.experiments.results.ends import SOLVED, digits
from rnnlab.experiments.results.papers import Reported


def theirs(number: Reported) -> str:
    """The paper's number and its size."""
    return "; ".join(word for word in (number.says, number.size) if word)


def ours(number: Reported, evidence: Evidence) -> tuple[str, str]:
    """Our number, with the seeds' range, and what was spent on it."""
    try:
        scores = evidence.bests(*number.ours)
    except NotRunError:
        return "not run", ""
    recipe, variant, model = number.ours
    runs = evidence.all_runs.where(recipe=recipe, variant=variant, model=model)
    if number.recipe == "adding":
        said = f"{int(np.sum(scores < SOLVED))} of {len(scores)} seeds below {SOLVED:g}"
    else:
        said = digits(float(np.median(scores)))
        if len(scores) > 1:
            said += f" ({digits(min(scores))} to {digits(max(scores))}, {len(scores)} seeds)"
    if str(max(runs["ended"].astype(str))) < RULED:
        said += ", older runs"
    return said, f"{np.median(runs['updates']):,.0f} updates, {np.median(runs['seconds']):,.0f} s a run"
