"""Right or wrong, one step at a time: what a learner's backward gave, held against our layer with the same equations.

Every step is taken for itself, from the learner's own state h[t-1] and own gradient dh[t], by our layer: all T·B steps
as the sequences of one batch of one step. So a mistake shows where it is made, and in a chaotic or vanishing net the
check is as sharp as in any other: a step is neither.

What roundoff may do follows from the condition of each number, and no absolute tolerance enters:

    |got - wanted| ≤ 4096 (ε Σ |terms| + moved)

Σ |terms| is what the same backward gives of the absolute values of all that enters it; `moved` is how far it moves when
each gate and each tanh is moved by ε: that is what can be known of a number up to 1, however it is computed, and 1 - h²
has few digits where h is close to 1. ε is that of the coarsest dtype that the learner returns. Forward's own numbers
are sums of products of such numbers and of the states before: |terms| is 1 + |h[t-1]| (+ |c[t-1]|) there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.exercise.cases import Case
from rnnlab.exercise.run import Run
from rnnlab.gradcheck.verdict import PLACES, Verdict
from rnnlab.layers import GRU
from rnnlab.layers.gru import GRUTrace
from rnnlab.trace import AnyLayer

JITTERS = 4
BLIND = 0.1  # where roundoff may be this large a part of a number's terms, nothing can be said about it


@dataclass(frozen=True)
class Judged:
    """One array of one run, held against ours.

    Attributes:
        error: |got - wanted| / Σ |terms|, entry by entry; for dhs, dcs, dxs the first axis is time.
        wrong: the entries that are wrong beyond roundoff.
        blind: the entries that roundoff hides.
    """

    name: str
    got: Array
    wanted: Array
    error: Array
    wrong: Any
    blind: Any

    @property
    def verdict(self) -> Verdict:
        return "failed" if self.wrong.any() else "inconclusive" if self.blind.all() else "passed"

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the largest error, among the wrong entries if there are any."""
        among = np.where(self.wrong, self.error, -1) if self.wrong.any() else self.error
        return tuple(int(i) for i in np.unravel_index(among.argmax(), among.shape))


def judge(case: Case, run: Run) -> dict[str, Judged]:
    """The states that forward left and the gradients that backward gave, by name."""
    exercise, names = case.exercise, case.exercise.states
    coarsest = max(float(np.finfo(a.dtype).eps) for a in (case.xs, *run.states, *run.gradients.values()))
    tiny = max(float(np.finfo(a.dtype).tiny) for a in (case.xs, *run.gradients.values()))
    T, B, D = case.xs.shape
    H, N = case.starts[0].shape[1], T * B
    exact = [each.astype(np.float64) for each in case.parameters]
    layer = exercise.layer(*exact)
    xs = case.xs.astype(np.float64).reshape(1, N, D)
    befores = tuple(state[:-1].astype(np.float64).reshape(N, H) for state in run.states)
    totals = [run.gradients[f"d{name}"].astype(np.float64) for name in names]
    arriving: list[Array] = [
        total[1:].reshape(1, N, H) if name == "hs" else total[1:].reshape(N, H)
        for name, total in zip(names, totals, strict=True)
    ]
    arrived = [np.concatenate([np.zeros((1, B, H)), case.dys])]
    arrived += [np.concatenate([np.zeros((T, B, H)), end[np.newaxis]]) for end in case.dends]

    def forward(layer: AnyLayer, xs: Array, starts: tuple[Array, ...]) -> list[Array]:
        ends = layer.forward(xs, *starts).ends
        return [
            np.concatenate([first[np.newaxis], end.reshape(T, B, H)])
            for first, end in zip(case.starts, ends, strict=True)
        ]

    def backward(layer: AnyLayer, trace: Any, arriving: list[Array], above: list[Array]) -> list[Array]:
        dys, *dends = arriving
        grads = layer.backward(trace, dys, None, *dends) if dends else layer.backward(trace, dys)
        carried = [np.concatenate([start.reshape(T, B, H), np.zeros((1, B, H))]) for start in grads.dstarts]
        params, dxs = grads.params.arrays().values(), np.asarray(grads.xs)
        return [*map(np.add, above, carried), dxs.reshape(T, B, D), *params]

    rng = np.random.default_rng(0)

    def kick(array: Array) -> Array:
        return coarsest * rng.choice((-1.0, 1.0), array.shape)

    def jitter(array: Array) -> Array:
        return array * (1 + kick(array))

    trace = layer.forward(xs, *befores)
    with np.errstate(all="ignore"):
        left = forward(layer, xs, befores)
        others = [forward(layer.map(jitter), jitter(xs), tuple(map(jitter, befores))) for _ in range(JITTERS)]
        size = np.concatenate([np.zeros((1, B, H)), 1 + np.sum(np.abs(befores), axis=0).reshape(T, B, H)])
        found = {
            name: _judged(name, got, wanted, size + abs(wanted), moved, coarsest, tiny)
            for name, got, wanted, moved in zip(names, run.states, left, _moved(left, others), strict=True)
        }
        wanted = backward(layer, trace, arriving, arrived)
        terms = backward(layer.map(abs), _absolute(trace), list(map(abs, arriving)), list(map(abs, arrived)))
        others = [backward(layer, _jittered(layer, trace, kick), arriving, arrived) for _ in range(JITTERS)]
    for name, value, size, moved in zip(exercise.gradients, wanted, terms, _moved(wanted, others), strict=True):
        found[name] = _judged(name, run.gradients[name], value, size, moved, coarsest, tiny)
    return found


def _moved(value: list[Array], others: list[list[Array]]) -> list[Array]:
    return [np.max([abs(other - one) for other in its], axis=0) for one, *its in zip(value, *others, strict=True)]


def _judged(name: str, got: Array, wanted: Array, terms: Array, moved: Array, eps: float, tiny: float) -> Judged:
    got = got.astype(np.float64)
    allowed = PLACES * (eps * terms + moved + tiny)
    miss = abs(got - wanted)
    error = np.where(miss == 0, 0.0, miss / np.maximum(terms, tiny))
    unknown = ~(np.isfinite(wanted) & np.isfinite(allowed))
    return Judged(name, got, wanted, error, (miss > allowed) & ~unknown, unknown | (PLACES * moved > BLIND * terms))


def _jittered(layer: AnyLayer, trace: Any, kick: Callable[[Array], Array]) -> Any:
    """The trace with its gates, and what else went through a sigmoid or a tanh, moved by ε."""
    moved = {"hs": np.concatenate([trace.hs[:1], trace.hs[1:] + kick(trace.hs[1:])])}
    moved |= {name: array + kick(array) for name, array in trace.arrays().items() if name in ("gates", "tanh_cs")}
    if isinstance(layer, GRU):
        m = trace.hs[:-1] @ layer.U[:, -len(layer.U) :] + layer.bu[-len(layer.U) :]
        moved["rms"] = trace.rms + kick(m) * np.maximum(abs(m), 1)
    return replace(trace, **moved)


def _absolute(trace: Any) -> Any:
    """The trace with the absolute value of every number; a backward then adds up where it would subtract."""
    absolute = trace.map(abs)
    if isinstance(absolute, GRUTrace):
        absolute.gates[:, 2] *= -1  # h[t-1] - n is a difference: |h[t-1]| + |n|
    return absolute
