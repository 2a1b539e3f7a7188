"""What a call has to leave as it is: its arguments, and what an earlier call returned.

A backward that writes into its trace, or returns one buffer from every call, may give right numbers once, to a check
that reads them at once, and wrong ones in a training loop. Copies from before a call are held against what is there
after it, bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.gradcheck.verdict import Finding, GradientError, Report
from rnnlab.record import Record, parts


def named(**given: Any) -> dict[str, Array]:
    """Every array in some arrays, tuples and records, by its dotted name: "xs", "trace.hs"; those of `params` bare."""
    arrays: dict[str, Array] = {}
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            inside = value.arrays() if isinstance(value, Record) else dict(parts(value))
            arrays |= {f"{name}.{key}".removeprefix("params."): array for key, array in inside.items()}
    return arrays


@contextmanager
def unchanged(who: str, must: str, **given: Any) -> Iterator[None]:
    """Require that the block changes none of the arrays given.

    Raises:
        GradientError: one has changed; the message says that `who` changes it, where, and what `who` must do.
    """
    before = {name: array.copy() for name, array in named(**given).items()}
    yield
    require_same(f"{who} changes", must, before, named(**given))


def require_same(says: str, must: str, before: dict[str, Array], after: dict[str, Array]) -> None:
    """Require that arrays are what they were, bit for bit.

    Raises:
        GradientError: one is not; the message says which entry, the two values, and what to do.
    """
    for name, was in before.items():
        now = after[name]
        same = (now == was) | (np.isnan(now) & np.isnan(was))
        if not same.all():
            index = tuple(map(int, np.argwhere(~same)[0]))
            old, new = float(was[index]), float(now[index])
            finding = Finding(name, None, None, np.inf, 0.0, index, new, old, "failed")
            report = Report("unchanged", 0.0, (finding,))
            raise GradientError(f"{says} {finding.place} from {old:.9g} to {new:.9g}: {must}", report)


ARGUMENTS = "it must leave what it is given as it is, so let it work on a copy"
RESULTS = "each call must return arrays of its own, so allocate them in it"
STATELESS = "a run must depend on its arguments alone, so keep no state between calls"


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two calls returned the same records, but for what another order of summation may do."""
    ours, theirs = one.arrays(), other.arrays()
    return ours.keys() == theirs.keys() and all(
        mine.shape == theirs[name].shape and np.allclose(mine, theirs[name], rtol=tolerance, atol=0, equal_nan=True)
        for name, mine in ours.items()
    )
