"""Check a plain `forward` and `backward` of known equations on every case, and say what is wrong."""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rnnlab.exercise.answer import Answer, Line
from rnnlab.exercise.cases import Case, cases
from rnnlab.exercise.diagnosis import Tried, explain, spoiled
from rnnlab.exercise.exercises import Exercise
from rnnlab.exercise.judge import judge
from rnnlab.exercise.mistakes import Mistake
from rnnlab.exercise.narrowing import narrowed
from rnnlab.exercise.run import Functions, Run, UnusableError, run

NOT_THE_SAME = (
    "backward does not give the same when it is called again with the same arguments: is anything random, or kept from "
    "one call to the next?"
)
IN_FREED_MEMORY = 271.0, -314.0
VERDICTS = {"passed": "right", "failed": "wrong", "inconclusive": "inconclusive"}


def check(
    functions: Functions,
    exercise: Exercise,
    source: str = "",
    stage: Callable[[str], None] = lambda _: None,
    on: Sequence[Case] = (),
) -> Answer:
    """The answer, without a file's name.

    Args:
        source: the text of the file, where there is one.
        stage: is told what is done next.
        on: the cases; by default those of the exercise.

    Raises:
        UnusableError: there is nothing to judge.
    """
    tried = []
    unfilled: dict[str, None] = {}
    for number, case in enumerate(on or cases(exercise)):
        stage(f"where {case.name}")
        tried.append(_tried(functions, case, unfilled, twice=number < 2))
        if tried[0].error is not None:
            raise tried[0].error
    stage("the first case once more")
    later = run(functions, tried[0].case)
    if not unfilled and tried[0].run is not None and _varying(tried[0].run, later):
        raise UnusableError(NOT_THE_SAME)
    broken = next((each for each in tried if each.error is not None), None)
    if broken is not None and all(not each.wrong for each in tried):
        raise UnusableError(f"where {broken.case.name}, {broken.error}") from broken.error
    stage("the diagnosis")
    return _answer(exercise, tried, source, tuple(unfilled))


def _tried(functions: Functions, case: Case, unfilled: dict[str, None], twice: bool) -> Tried:
    """A case; if called twice, `unfilled` gets the names of arrays that show memory which nobody has written to.

    Raises:
        UnusableError: the second call gives something else for another reason.
    """
    try:
        with np.errstate(all="ignore"):
            if not twice:
                one = run(functions, case)
                return Tried(case, one, judge(case, one))
            one, other = (_run_after(number, functions, case) for number in IN_FREED_MEMORY)
    except UnusableError as error:
        return Tried(case, None, {}, error)
    gap = IN_FREED_MEMORY[0] - IN_FREED_MEMORY[1]
    varying = _varying(one, other)
    shows = [name for name in varying if np.isclose(one.gradients[name] - other.gradients[name], gap, rtol=1e-6).any()]
    if varying and not shows and not unfilled:
        raise UnusableError(NOT_THE_SAME)
    unfilled.update(dict.fromkeys(shows))
    return Tried(case, one, judge(case, one))


def _run_after(number: float, functions: Functions, case: Case) -> Run:
    """A run, with `number` in the memory that NumPy hands out next."""
    arrays = [np.full(size, number) for size in range(1, 130) for _ in range(4)]
    del arrays
    return run(functions, case)


def _varying(one: Run, other: Run) -> list[str]:
    return [name for name, array in one.gradients.items() if not np.array_equal(other.gradients[name], array)]


def _answer(exercise: Exercise, tried: Sequence[Tried], source: str, unfilled: tuple[str, ...]) -> Answer:
    faults = tuple(dict.fromkeys(fault for each in tried if each.run for fault in each.run.faults))
    lines = tuple(_line(name, tried) for name in (*exercise.states, *exercise.gradients))
    wrong = [line.array for line in lines if line.verdict == "wrong"]
    shown = next((each for each in tried if each.wrong and each.case.plain), tried[0])
    said = [f"{fault}." for fault in faults]
    answer = Answer("", exercise.name, "right", "", tuple(said), lines, shown.case.sizes, _by_timestep(shown))
    if not wrong:
        sentence = f"Every gradient is right in all {len(tried)} cases that were tried"
        if faults:
            return replace(answer, verdict="wrong", sentence=f"{sentence}, but not what is done with the arrays.")
        return replace(answer, sentence=f"{sentence}.")
    sentence = f"{_listed(wrong)} {'is' if len(wrong) == 1 else 'are'} wrong"
    worst = max((line for line in lines if line.verdict == "wrong"), key=lambda line: line.error)
    sentence += f": {worst.array} by a relative {worst.error:.1g}, {worst.where}."
    said += _diagnosis(tried, source, unfilled)
    return replace(answer, verdict="wrong", sentence=sentence, diagnosis=tuple(said))


def _diagnosis(tried: Sequence[Tried], source: str, unfilled: tuple[str, ...]) -> list[str]:
    first = tried[0]
    if unfilled:
        begins = "begins with memory that was never written to (np.empty): begin with zeros"
        return [f"{_listed(unfilled)} {begins}."]
    if first.run is not None and not any(gradient.any() for gradient in first.run.gradients.values()):
        return ["Every gradient is zero: backward writes nothing, or does not return what it writes."]
    forward = any(name in first.case.exercise.states for each in tried for name in each.wrong)
    mistakes = () if forward or first.run is None else explain(tried)
    if not mistakes:
        return narrowed(tried)
    shown = next((each for each in tried if each.wrong and spoiled(each.case, mistakes)), first)
    arrays = _listed(spoiled(shown.case, mistakes) or ["something"])
    does = ", and ".join(mistake.does for mistake in mistakes)
    said = [f"{arrays} {'is' if ' ' not in arrays else 'are'} what a backward gives that {does}."]
    return said + [sentence for mistake in mistakes if (sentence := _look(mistake, source))]


def _look(mistake: Mistake, source: str) -> str:
    """Which line of the file does what the mistaken line does: it writes to the same place."""
    place = re.split(r" [-+]?= |:$", mistake.right)[0]
    lines = source.splitlines()
    found = [number for target, number in _targets(source) if target == place]
    if place.startswith("for"):
        return f"Look at the loop: yours acts like `{mistake.wrong}`."
    if found:
        return f"Look at line {found[-1]}: {lines[found[-1] - 1].strip()}"
    acts = "it is as if nothing were added to it" if mistake.wrong == "pass" else f"yours acts like `{mistake.wrong}`"
    return f"Look at the line that makes {place}: {acts}."


def _targets(source: str) -> list[tuple[str, int]]:
    """What is assigned or added to in `backward`, and in which line."""
    try:
        functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == "backward"]
    except SyntaxError:
        return []
    found = []
    for node in (node for function in functions for node in ast.walk(function)):
        if isinstance(node, ast.AugAssign):
            found.append((ast.unparse(node.target), node.lineno))
        elif isinstance(node, ast.Assign):
            found += [(ast.unparse(target), node.lineno) for target in node.targets]
    return sorted(found, key=lambda each: each[1])


def _line(name: str, tried: Sequence[Tried]) -> Line:
    """The worst entry of an array over all cases: wrong ones first."""
    judged = [(each.case, each.judged[name]) for each in tried if each.run is not None]
    failed = [pair for pair in judged if pair[1].verdict == "failed"]
    known = [pair for pair in judged if pair[1].verdict == "passed"] or judged
    case, worst = max(failed or known, key=lambda pair: pair[1].error[pair[1].worst])
    at = worst.worst
    if name.removeprefix("d") in (*case.exercise.states, "xs"):
        t = at[0] + name.endswith("xs")
        place = f"t = {t}, sequence {at[1]}, {'input' if name.endswith('xs') else 'unit'} {at[2]}"
    else:
        place = f"{name}{list(at)}"
    best = "failed" if failed else min((each.verdict for _, each in judged), key=("passed", "inconclusive").index)
    values = float(worst.error[at]), f"where {case.name}: {place}", float(worst.got[at]), float(worst.wanted[at])
    return Line(name, VERDICTS[best], *values)


def _by_timestep(tried: Tried) -> dict[str, list[float | None]]:
    """The largest relative error at each timestep 0 … T."""
    exercise, found = tried.case.exercise, {}
    for name in (*exercise.states, *(f"d{state}" for state in exercise.states), "dxs"):
        error = tried.judged[name].error
        by_t: list[float | None] = error.max(axis=(1, 2)).tolist()
        found[name] = [None, *by_t] if name == "dxs" else by_t
    return found


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
