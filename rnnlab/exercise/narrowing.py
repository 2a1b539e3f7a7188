"""Where no known mistake fits: what is right and what is wrong, and so where to look."""

from collections.abc import Sequence

import numpy as np

from rnnlab.exercise.cases import Case
from rnnlab.exercise.diagnosis import Tried
from rnnlab.exercise.exercises import Exercise
from rnnlab.exercise.judge import Judged

GATES = {"lstm": "ifgo", "gru": "zrn"}


def narrowed(tried: Sequence[Tried]) -> list[str]:
    """Sentences, from what is wrong in which array to the cases in which it is right."""
    worst = max((each for each in tried if each.wrong), key=lambda each: len(each.wrong))
    return [*filter(None, (_factors(worst), _place(worst), _condition(tried)))]


def _factors(tried: Tried) -> str:
    """Arrays that are a constant times what they should be."""
    T, B, _ = tried.case.xs.shape
    names = {-1.0: "minus", 1 / B: f"1 / B = 1/{B} of", 1 / T: f"1 / T = 1/{T} of", 0.0: "zero, not"}
    names |= {1 / (T * B): f"1 / (T B) = 1/{T * B} of", float(B): f"B = {B} times", float(T): f"T = {T} times"}
    said = []
    for name in tried.wrong:
        each = tried.judged[name]
        if name[1:] in tried.case.exercise.states or name in tried.case.exercise.states or not each.wanted.any():
            continue
        factor = float(np.vdot(each.wanted, each.got) / np.vdot(each.wanted, each.wanted))
        if np.abs(each.got - factor * each.wanted).max() <= 1e-8 * np.abs(each.wanted).max():
            known = next((words for value, words in names.items() if abs(factor - value) < 1e-8), f"{factor:.9g} times")
            said.append(f"{name} is {known} what it should be for the dh[t] that you have.")
    return " ".join(said)


def _place(tried: Tried) -> str:
    """Which line, from which arrays are wrong for the dh[t] that they were given."""
    exercise, wrong = tried.case.exercise, tried.wrong
    if any(name in exercise.states for name in wrong):
        return _forward(tried)
    totals = [name for name in wrong if name[1:] in exercise.states]
    sums = [name for name in wrong if name not in (*totals, "dxs")]
    for name in totals:
        if tried.judged[name].wrong[-1].any():
            return f"{name} is wrong at the last step already, before any recurrence: is what arrives added, once?"
    if sums and len(sums) == len(exercise.parameters) and "dxs" in wrong:
        gates = _gates(exercise, tried.judged["dW"])
        what = gates or "da[t]"
        return f"All that is made of da[t] is wrong, so look at {what}: the slope, and which state it reads."
    if totals and not sums and "dxs" not in wrong:
        return f"{' and '.join(totals)} alone is wrong: look at the carry, what flows from step t to step t - 1."
    if wrong == ["dxs"]:
        return "dxs alone is wrong: look at dx[t] = da[t] Wᵀ, and which da it uses."
    if sums and not totals and "dxs" not in wrong:
        return f"{' and '.join(sums)} alone is wrong: look at the sum over the steps and the batch that collects it."
    return f"For the dh[t] that you have, {', '.join(wrong)} are wrong, and all else is right."


def _forward(tried: Tried) -> str:
    exercise = tried.case.exercise
    name = next(name for name in exercise.states if name in tried.wrong)
    t = int(np.argwhere(tried.judged[name].wrong)[0, 0])
    if t == 0:
        return f"forward does not start from {name[0]}0: {name}[0] must be {name[0]}0 as it was given."
    step = f"one step from {name}[{t - 1}] does not lead to {name}[{t}]"
    return f"forward is wrong, and so backward may be right for what it was given: {step}."


def _gates(exercise: Exercise, dW: Judged) -> str:
    """The gates whose columns of dW are wrong, if not all are: "da_f"."""
    gates = GATES.get(exercise.name, "")
    if not gates:
        return ""
    blocks = np.split(dW.wrong, len(gates), axis=1)
    found = [f"da_{gate}" for gate, block in zip(gates, blocks, strict=True) if block.any()]
    return " and ".join(found) if len(found) < len(gates) else ""


def _condition(tried: Sequence[Tried]) -> str:
    """In which cases it is right, where it is wrong in others."""
    wrong = [each.case for each in tried if each.wrong]
    right = [each.case for each in tried if each.run is not None and not each.wrong]
    if not right:
        return "It is wrong in every case that was tried."

    def T(case: Case) -> int:
        return len(case.xs)

    def B(case: Case) -> int:
        return len(case.starts[0])

    if all(not case.plain or case.xs.dtype == np.float32 for case in wrong):
        return f"It is wrong only where {' and where '.join(case.name for case in wrong)}."
    plain = [case for case in right if case.plain]
    if any(T(case) == 1 for case in plain) and all(T(case) == 1 for case in plain):
        return "It is right for T = 1 and wrong from T = 2: look at what goes from one step to the step before."
    if min(map(T, wrong)) > max((T(case) for case in plain), default=10**9):
        up_to, from_ = max(map(T, plain)), min(map(T, wrong))
        return f"It is right up to T = {up_to} and wrong at T = {from_}: is the carry cut off?"
    if all(B(case) == 1 for case in plain) and plain:
        return "It is right for B = 1 and wrong for a batch: look at what is summed over the sequences."
    if [case.name for case in plain] == ["h0 = 0"]:
        return "It is right for h0 = 0 and wrong otherwise: look at what happens at the first step."
    largest = max(float(each.error.max()) for tries in tried for each in tries.judged.values() if each.wrong.any())
    if largest < 1e-6 and any(case.xs.dtype == np.float32 for case in right):
        digits = f"{-np.log10(largest):.0f} digits are right"
        return f"{digits}: is something rounded, to float32 or to the few digits of a constant?"
    if len(right) <= len(wrong):
        return f"It is right only where {' and where '.join(case.name for case in right)}."
    return f"It is wrong only where {' and where '.join(case.name for case in wrong)}."
