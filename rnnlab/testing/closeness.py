"""When two results of a law are the same: roundoff judged by the size of what enters, then by the case's condition.

The results of a law are sums of products of a case's numbers, each rounded to 1.1e-16 of its size, so a difference is
judged against the largest term that can enter a sum, not against a sum that may have cancelled. In a net that is
chaotic this is not enough: a step enlarges the roundings of those before. So before a difference counts, it is measured
how far each result moves when every number that goes in moves by a relative δ: roundoff is such a move with δ = ε.
δ = 1e-8 is used, far above ε, or noise (a sum in float32, say) would pass for the condition and excuse itself.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from rnnlab.arrays import Array
from rnnlab.testing.cases import Case, gradients_by_name, results, trace_of

MOVE = 1e-8
PLACES = 64  # ε that the roundings of one result may add up to; random moves of the inputs find the worst within a few


class LawError(AssertionError):
    """A layer does not obey a law; the message says what differs, where, and by how much."""


def require(holds: bool, message: str) -> None:
    """Raise LawError with that message unless it holds."""
    if not holds:
        raise LawError(message)


def largest(*arrays: Array) -> float:
    """The magnitude of the largest number in the arrays, but at least 1."""
    return max(1.0, *(float(np.abs(array).max()) for array in arrays if array.size))


def largest_term(case: Case, of: Mapping[str, Array]) -> float:
    """The largest product that enters a sum of this case's backward: a gradient times what it is multiplied by."""
    states = [array for name, array in of.items() if name.startswith("trace.")]
    return largest(case.dys, *case.dends, *(of[name] for name in case.layer.carries)) * largest(*case.given, *states)


def require_close(
    case: Case, got: Mapping[str, Array], wanted: Mapping[str, Array], within: float, scale: float, eps: float = 2.3e-16
) -> None:
    """|got - wanted| ≤ within · scale in every array, or what the condition of `case` makes of the roundings.

    Args:
        case: what `wanted` was made from.
        within: the roundings of a sum, relative to its largest term.
        eps: that of the less precise of the two, 2.3e-16 in float64.

    Raises:
        LawError: they differ; the message names the array, the index and both values.
    """
    moves: dict[str, float] | None = None
    for name, array in wanted.items():
        other = np.asarray(got[name])
        require(other.shape == array.shape, f"{name} has shape {other.shape}, not {array.shape}")
        if not array.size:
            continue
        miss = np.abs(other - array)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(miss), np.inf, miss)), miss.shape)
        if miss[worst] <= within * scale:
            continue
        moves = condition(case) if moves is None else moves
        allowed = max(within * scale, PLACES * eps * moves[name])
        place = f"{name}{[int(i) for i in worst]}"
        require(
            bool(miss[worst] <= allowed),
            f"{place} is {other[worst]:.9g} and should be {array[worst]:.9g}: "
            f"they differ by {miss[worst]:.1e}, and roundoff by {allowed:.1e} at most",
        )


def condition(case: Case) -> dict[str, float]:
    """How far each result moves, per relative move of all that goes in: the largest of three directions."""
    here, there = results(case), moved_runs(case)
    return {name: max(_farthest(run[name], array) for run in there) / MOVE for name, array in here.items()}


def moved_runs(case: Case) -> list[dict[str, Array]]:
    """The results of three runs with all that goes in moved a little, and the trace, before backward takes it, too.

    The trace, because a slope that is read from it has few digits where a unit is saturated.
    """
    move = partial(moved, np.random.default_rng(case.seed))
    runs = []
    for _ in range(3):
        other = case.with_each(move)
        trace = other.forward()
        runs.append({**trace_of(trace), **gradients_by_name(other.backward(trace.map(move)))})
    return runs


def moved(rng: np.random.Generator, array: Array) -> Array:
    """The array with every entry moved by a relative 1e-8 at most."""
    return array * (1 + MOVE * rng.uniform(-1, 1, array.shape))


def _farthest(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max()) if one.size else 0.0


def same_bits(got: Mapping[str, Array], wanted: Mapping[str, Array], why: str) -> None:
    """Refuse any difference at all; `why` ends the sentence."""
    for name, array in wanted.items():
        differ = np.argwhere(~((got[name] == array) | (np.isnan(got[name]) & np.isnan(array))))
        if len(differ):
            index = tuple(int(i) for i in differ[0])
            require(False, f"{name}{list(index)} is {got[name][index]:.17g} and not {array[index]:.17g} {why}")
