"""Check a layer of one's own, with any equations, against its own forward: by the complex step, one step at a time.

Where forward does not keep complex numbers, finite differences take its place, and the answer says so. Where a formula
of the backward has no digits left, as the slope 1 - h² of a saturated unit, what it gives is neither right nor wrong:
the answer is right if the other cases are, and says in which of them not all can be told.
"""

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.exercise.answer import Answer, Line
from rnnlab.exercise.run import UnusableError, brief
from rnnlab.gradcheck import Finding, GradientError, Report, check_gradients
from rnnlab.gradcheck.check import BEYOND, HIDDEN
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, is_layer, require_layer

VERDICTS = {"passed": "right", "failed": "wrong", "inconclusive": "inconclusive"}
WIDEST = 64
HOW = "give a layer, a class with init(rng, inputs=, hidden=), or a function of (rng, inputs, hidden) that makes one"
Make = Callable[[np.random.Generator, int, int], AnyLayer]


@dataclass(frozen=True)
class Occasion:
    """A layer and a run of it on which it is checked; `name` follows "where"."""

    name: str
    layer: AnyLayer
    xs: Array
    starts: tuple[Array, ...]
    dhs: Array | None = None


def check_layer(name: str, value: Any, stage: Callable[[str], None] = lambda _: None) -> Answer:
    """The answer to what a file calls `name`: a layer in our protocol, or what makes one.

    Raises:
        UnusableError: it is none, or it raises.
    """
    oracle, reports = "complex_step", list[tuple[Occasion, Report, str]]()
    for occasion in _occasions(name, value):
        stage(f"where {occasion.name}")
        report, said = _report(occasion, oracle)
        wrong_before = any(each.verdict == "failed" for _, each, _ in reports)  # by both: one opinion will do
        if report.verdict == "failed" and oracle == "complex_step" and not wrong_before:
            second, said_then = _report(occasion, "finite_difference")
            if second.verdict != "failed":  # an error of less than six digits, or what the complex step cannot know
                report, said = second, said_then
                if not reports:
                    oracle = "finite_difference"
        reports.append((occasion, report, said))
    return _answer(name, oracle, reports)


def _report(occasion: Occasion, oracle: str) -> tuple[Report, str]:
    """What `check_gradients` finds, and what it says if that is wrong."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a complex number cast to a real one: the oracle sees that
            report = check_gradients(occasion.layer, occasion.xs, *occasion.starts, dhs=occasion.dhs, oracle=oracle)
            return report, ""
    except GradientError as error:
        return error.report, str(error).partition(f"\n{error.report}")[0].partition("\n(")[0]
    except UnusableError:
        raise
    except Exception as error:
        if oracle == "complex_step":  # math.tanh refuses a complex number, for instance
            return _report(occasion, "finite_difference")
        raise UnusableError(f"where {occasion.name}, it raises {type(error).__name__}: {brief(error)}") from error


def _occasions(name: str, value: Any) -> Iterator[Occasion]:
    rng = np.random.default_rng(0)
    make, sizes = _maker(name, value)

    def occasion(words: str, T: int, B: int, D: int, H: int, scale: float = 1.0, last: bool = False) -> Occasion:
        layer = make(rng, *(sizes or (D, H)))
        layer = layer.map(lambda array: scale * array) if scale != 1 else layer
        require_layer(layer, name)
        xs = rng.uniform(-1, 1, (T, B, sizes[0] if sizes else D))
        trace = _forward(layer, xs)
        starts = tuple(rng.uniform(-0.9, 0.9, end.shape).astype(end.dtype) for end in trace.ends)
        dhs = None
        if last:
            dhs = np.zeros_like(trace.ys)
            dhs[-1] = rng.uniform(-1, 1, dhs[-1].shape)
        return Occasion(words, layer, xs, starts, dhs)

    first = occasion("D = H", 5, 3, 3, 3)
    yield first
    yield occasion("D ≠ H", 5, 3, 4, 2)
    yield occasion("T = 1 and B = 1", 1, 1, 2, 3)
    yield occasion("T = 2", 2, 3, 3, 2)
    yield occasion("the loss is on the last step alone, T = 20", 20, 3, 2, 4, last=True)
    yield occasion("the weights are 6 times as large", 6, 2, 2, 3, scale=6.0)
    yield occasion("the weights are 1e-3 times as large, and the gradient vanishes", 20, 2, 2, 3, scale=1e-3, last=True)
    single = first.layer.map(lambda array: array.astype(np.float32) if array.dtype.kind == "f" else array)
    starts = tuple(start.astype(np.float32) for start in first.starts)
    yield Occasion("numbers are float32", single, first.xs.astype(np.float32), starts)


def _maker(name: str, value: Any) -> tuple[Make, tuple[int, int] | None]:
    """What makes a layer of D inputs and H units, or one layer and its (D, 0)."""
    init = getattr(value, "init", None)
    if isinstance(value, type) and callable(init):
        return (lambda rng, D, H: _made(name, lambda: init(rng, inputs=D, hidden=H))), None
    if is_layer(value):
        layer: AnyLayer = value
        return (lambda rng, D, H: layer), (_inputs(layer), 0)
    if isinstance(value, Record):
        require = next((each for each in ("carries", "forward", "backward") if not hasattr(value, each)), "carries")
        raise UnusableError(f"{name} is no layer: it has no {require}; {HOW}")
    if callable(value) and not isinstance(value, type) and len(inspect.signature(value).parameters) == 3:
        return (lambda rng, D, H: _made(name, lambda: value(rng, D, H))), None
    raise UnusableError(f"{name} is neither a layer nor makes one: {HOW}")


def _made(name: str, make: Callable[[], Any]) -> AnyLayer:
    try:
        layer: Any = make()
        require_layer(layer, name)
    except Exception as error:
        raise UnusableError(f"making {name} raises {type(error).__name__}: {brief(error)}") from error
    made: AnyLayer = layer
    return made


def _inputs(layer: AnyLayer) -> int:
    """The least number of inputs with which forward runs."""
    dtype = next((array.dtype for array in layer.arrays().values()), np.dtype(np.float64))
    for D in range(1, WIDEST + 1):
        try:
            layer.forward(np.zeros((1, 1, D), dtype))
        except Exception as error:
            last = error
        else:
            return D
    raise UnusableError(f"forward runs with no number of inputs up to {WIDEST}: {brief(last)}") from last


def _forward(layer: AnyLayer, xs: Array) -> Any:
    try:
        return layer.forward(xs)
    except Exception as error:
        raise UnusableError(f"forward raises {type(error).__name__}: {brief(error)}") from error


def _answer(name: str, oracle: str, reports: list[tuple[Occasion, Report, str]]) -> Answer:
    how = (
        ""
        if oracle == "complex_step"
        else (" by finite differences, to six digits or so, since forward does not keep complex numbers")
    )
    findings = [finding for _, report, _ in reports for finding in report.findings]
    arrays = dict.fromkeys(each.line for each in findings if each.whole is None or each.verdict == "failed")
    lines = tuple(_line(array, reports) for array in arrays)
    wrong = [(occasion, report, said) for occasion, report, said in reports if report.verdict == "failed"]
    if not wrong:
        beyond = _beyond(reports)
        sure = [occasion.name for occasion, report, _ in reports if report.passed]
        if not sure:
            why = "the oracle is too noisy" if how else "too few digits are left"
            because = f". {beyond}".removesuffix(".") if beyond else f": {why} in every case"
            raise UnusableError(f"nothing can be said about {name}{how}{because}")
        sentence = f"{name} is right in {len(sure)} of {len(reports)} cases that were tried, wrong in none{how}."
        hidden = [occasion.name for occasion, report, _ in reports if HIDDEN in report.note]
        few = f"Where {', and where '.join(hidden)}, not all can be told. {HIDDEN}" if hidden else ""
        told = tuple(filter(None, (few, beyond)))
        occasion, report, _ = reports[0]
        return Answer("", "a layer", "right", sentence, told, lines, _sizes(occasion), _by_timestep(report))
    occasion, report, said = wrong[0]
    place, *diagnosis = said.split("\n", 1)
    right = [each.name for each, its, _ in reports if its.passed]
    condition = [f"It is right where {', '.join(right)}."] if right else ["It is wrong in every case that was tried."]
    sentence = f"Where {occasion.name}, {place}{how}".rstrip(";.") + "."
    told = tuple(" ".join(each.split()) for each in (*diagnosis, *condition))
    return Answer("", "a layer", "wrong", sentence, told, lines, _sizes(occasion), _by_timestep(report))


def _beyond(reports: list[tuple[Occasion, Report, str]]) -> str:
    """Where a report came upon infinity or NaN, the first one; "" if none did."""
    told = (
        f"{BEYOND} where {occasion.name},{report.note.partition(BEYOND)[2]}"
        for occasion, report, _ in reports
        if BEYOND in report.note
    )
    return next(told, "")


def _line(array: str, reports: list[tuple[Occasion, Report, str]]) -> Line:
    worst: list[tuple[Finding, str]] = []
    for occasion, report, _ in reports:
        if any(finding.line == array for finding in report.findings):
            worst.append((report.worst(array), occasion.name))
    order = {"failed": 2, "passed": 1, "inconclusive": 0}
    finding, name = max(worst, key=lambda each: (order[each[0].verdict], each[0].error))
    where = f"where {name}: {finding.place}"
    return Line(array, VERDICTS[finding.verdict], finding.error, where, finding.got, finding.wanted)


def _sizes(occasion: Occasion) -> str:
    T, B, D = occasion.xs.shape
    return f"T = {T}, B = {B}, D = {D}"


def _by_timestep(report: Report) -> dict[str, list[float | None]]:
    """The largest relative error at each timestep 0 … T, of the arrays that have timesteps."""
    found: dict[str, dict[int, float]] = {}
    for finding in report.findings:
        if finding.timestep is not None:
            its = found.setdefault(finding.array, {})
            its[finding.timestep] = max(finding.error, its.get(finding.timestep, 0.0))
    last = max((t for its in found.values() for t in its), default=-1)
    return {name: [its.get(t) for t in range(last + 1)] for name, its in found.items()}
