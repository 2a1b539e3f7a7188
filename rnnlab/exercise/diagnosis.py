"""Which known mistake, or pair of them, gives just what a learner's backward gave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from rnnlab.arrays import Array
from rnnlab.exercise.cases import Case, cases
from rnnlab.exercise.exercises import Exercise
from rnnlab.exercise.judge import Judged, judge
from rnnlab.exercise.mistakes import Mistake
from rnnlab.exercise.run import Run, UnusableError, run

ALIKE = 1e-8  # of an array's largest entry: the same mistake, written in another way, agrees to about 1e-13


@dataclass(frozen=True)
class Tried:
    """A case that was tried: what the learner's functions gave and how it was judged; or the error that they raised."""

    case: Case
    run: Run | None
    judged: dict[str, Judged]
    error: UnusableError | None = None

    @property
    def wrong(self) -> list[str]:
        """The names of the arrays that are wrong, one step at a time."""
        return [name for name, each in self.judged.items() if each.verdict == "failed"]


def explain(tried: Sequence[Tried]) -> tuple[Mistake, ...]:
    """The known mistake, or else the pair, whose backward gives the same in every plain case; () if none does."""
    plain = [each for each in tried if each.case.plain and each.case.xs.dtype == np.float64]
    for mistakes in _candidates(plain[0]):
        if all(_gives(mistakes, each) for each in plain):
            return mistakes
    return ()


def spoiled(case: Case, mistakes: tuple[Mistake, ...]) -> list[str]:
    """The gradients that these mistakes change in a case, taken from the last step to the first."""
    right, wrong = gives(case, ()), gives(case, mistakes)
    return [] if right is None or wrong is None else [name for name in right if not _alike(wrong[name], right[name])]


@cache
def gives(case: Case, mistakes: tuple[Mistake, ...]) -> dict[str, Array] | None:
    """The gradients that the solution gives with these mistakes; None if it raises, or they exclude each other."""
    functions = case.exercise.functions(*mistakes)
    if functions is None:
        return None
    try:
        returned = functions[1](case.dys, *case.dends, _kept(case))
    except ValueError:
        return None
    return {name: returned[name] for name in case.exercise.gradients}


@cache
def _kept(case: Case) -> tuple[Array, ...]:
    """What the solution's forward keeps; its backward changes none of it."""
    forward, _ = case.exercise.functions() or (None, None)
    kept: tuple[Array, ...] = forward(case.xs, *case.starts, *case.parameters)[-1] if forward else ()
    return kept


def _candidates(first: Tried) -> Iterator[tuple[Mistake, ...]]:
    """Single mistakes first; then the pairs that together spoil, one step at a time, just what is spoiled."""
    exercise, wrong = first.case.exercise, frozenset(first.wrong)
    for mistake in exercise.mistakes:
        yield (mistake,)
    for one, other in combinations(exercise.mistakes, 2):
        if one.right != other.right and _spoils(exercise, one) | _spoils(exercise, other) == wrong:
            yield one, other


@cache
def _spoils(exercise: Exercise, mistake: Mistake) -> frozenset[str]:
    """The arrays that a mistake spoils in the first case, one step at a time."""
    case = cases(exercise)[0]
    functions = exercise.functions(mistake)
    return frozenset(Tried(case, None, judge(case, run(functions, case))).wrong) if functions else frozenset()


def _gives(mistakes: tuple[Mistake, ...], tried: Tried) -> bool:
    """Whether a backward with these mistakes gives the same; or raises, where the learner's does."""
    gradients = gives(tried.case, mistakes)
    if gradients is None or tried.run is None:
        return gradients is None and tried.run is None
    return all(_alike(tried.run.gradients[name], gradients[name]) for name in gradients)


def _alike(got: Array, wanted: Array) -> bool:
    return bool(np.abs(got - wanted).max() <= ALIKE * np.abs(wanted).max())
