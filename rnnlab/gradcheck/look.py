"""A look at one layer: what its backward gave against an oracle, one step at a time or over a run as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array, NotFiniteError
from rnnlab.gradcheck.calls import same
from rnnlab.gradcheck.oracles import Oracle, complex_step
from rnnlab.gradcheck.pullback import UNKNOWN, Map, Point, jittered, led, rows
from rnnlab.gradcheck.roundoff import backward_rounded
from rnnlab.gradcheck.verdict import PLACES, SIX_DIGITS, Finding, judge
from rnnlab.trace import AnyLayer, GradientsLike, States, shaped_like

ENTRIES, LINES = 32, 16  # more entries are moved line by line; of more lines along an axis, several are moved together


@dataclass(frozen=True)
class Look:
    """A layer's run and its backward, and how they are looked at.

    Attributes:
        prefix: the layer's place in a network, "layers.0." for instance; "" for a single layer.
        dys, dends: what arrived at its backward, which gave `grads`; later ones are of other occasions, see `judge`.
        params: the gradients of all parameters of the network, by their names there.
        again: what a second call of its backward gave.
        whole: how many steps, if they are taken as a whole; None for one step at a time.
        jitters: at how many points beside the run's own the oracle differentiates.
    """

    prefix: str
    layer: AnyLayer
    xs: NDArray[Any]
    trace: Any
    dys: Array
    dends: States
    grads: tuple[GradientsLike, ...]
    params: dict[str, Array]
    oracle: Oracle
    tolerance: float
    rng: np.random.Generator
    again: Any = None
    whole: int | None = None
    jitters: int = 0

    def findings(self) -> list[Finding]:
        """The findings, and what fails in the second call of a backward that does not give the same again."""
        found = self.judged()
        if self.again is None or same(self.grads[0], self.again, self.tolerance):
            return found
        params = {self.prefix + name: gradient for name, gradient in self.again.params.arrays().items()}
        second = replace(self, grads=(self.again,), params=params).judged()
        return found + [replace(finding, again=True) for finding in second if finding.verdict == "failed"]

    def judged(self) -> list[Finding]:
        """The findings of a first look without allowance for roundoff; if anything fails, those of a second with it.

        The second sees also what backward gives again, and with its trace and arithmetic jittered in the last place,
        and the complex step differentiates at jittered points too; finite differences step over such a jitter anyway.

        If single steps do not lead to the trace, though it is the forward's own, the run is looked at as a whole.
        """
        found = list(self.once())
        if all(finding.verdict != "failed" for finding in found):
            return found
        with np.errstate(all="ignore"):
            others = [self.trace] * 3 + (list(self.runs_again()) if self.whole else [])
            near = (backward_rounded(self.layer, each, self.dys, self.dends, self.rng) for each in others)
            grads = self.layer.backward(self.trace, self.dys, *self.dends), *near
        jitters = 8 if self.oracle is complex_step else 0
        found = list(replace(self, grads=self.grads + grads, jitters=jitters).once())
        strays = any(finding.verdict == "failed" and finding.of_trace for finding in found)
        return replace(self, whole=len(self.xs)).judged() if strays and self.unrolls() else found

    def runs_again(self) -> Iterator[Any]:
        """Traces of the oracle's own runs, one as it is and three from jittered points.

        Over several steps a state may be off by roundoff of the terms that cancelled in it, which no jitter of its own
        last place shows.
        """
        point = Point(self.layer, self.xs, self.trace.starts)
        for at in (point, *(jittered(point, self.rng, places=16) for _ in range(3))):
            at = at.map(lambda array: array.astype(np.complex128) if array.dtype.kind == "f" else array)
            with suppress(NotFiniteError):
                trace = at.params.forward(at.xs, *at.starts)
                yield trace.map(lambda array, own: array.real.astype(own.dtype), self.trace)

    def unrolls(self) -> bool:
        """Whether forward gives the same again, and over its first steps alone the same as on its way to all T.

        Then the trace is its own, and a step depends on more than x[t] and the state. Few steps, which even a chaotic
        net does not drive apart.
        """

        def alike(steps: int, within: float) -> bool:
            states = self.layer.forward(self.xs[:steps], *self.trace.starts).states
            kept = {name: all_states[: steps + 1] for name, all_states in self.trace.states.items()}
            return all(
                np.allclose(states[name], kept[name], rtol=0, atol=within * abs(kept[name]).max()) for name in kept
            )

        steps = len(self.xs)
        return alike(steps, SIX_DIGITS) and all(alike(few, self.tolerance) for few in range(1, min(steps, 5)))

    def once(self) -> Iterator[Finding]:
        return self.run_as_a_whole() if self.whole or not self.layer.carries else self.every_step()

    def run_as_a_whole(self) -> Iterator[Finding]:
        """The parameters, inputs and starts of a run, by everything that it leaves."""
        point = Point(self.layer, self.xs, self.trace.starts)
        left = rows(1, *self.trace.states.values(), self.trace.ys)
        run = self.map(point, [rows(1, *self.dends, self.dys)] * len(self.grads), left, mixes=True)
        yield from self.parameters(run)
        if point.xs.dtype.kind == "f":
            yield self.argument(run, "xs", "xs", point.xs, [grads.xs for grads in self.grads])
        for number, name in enumerate(self.layer.carries):
            got = [grads.dstarts[number] for grads in self.grads]
            yield self.argument(run, f"starts.{number}", f"{name} at the start", point.starts[number], got)

    def every_step(self) -> Iterator[Finding]:
        """A recurrent layer one step at a time: all T·B steps are the sequences of one batch of one step."""
        carries, xs, ys = self.layer.carries, self.xs, self.trace.ys
        B = xs.shape[1]
        N = len(xs) * B
        states = [self.trace.states[name] for name in carries]
        totals = [tuple(map(shaped_like, states, map(grads.states.get, carries), carries)) for grads in self.grads]
        # Where the outputs are a state, what arrives from above is part of that state's total derivative.
        above, left, names = [], [state[1:] for state in states], carries
        read = next((number for number, state in enumerate(left) if np.array_equal(state, ys, equal_nan=True)), None)
        if read is None:
            above, left, names = [self.dys], [*left, ys], (*carries, "ys")
        before = tuple(state[:-1].reshape(N, *state.shape[2:]) for state in states)
        kept = rows(N, *left)
        starts = tuple(np.where(np.isfinite(state), state, 0) for state in before)  # no forward takes infinity
        point = Point(self.layer, xs.reshape(1, N, *xs.shape[2:]), starts)
        weights = [rows(N, *(total[1:] for total in given), *above) for given in totals]
        step = self.map(point, weights, rows(N, *before, kept))
        yield from self.parameters(step)

        reach = np.zeros(step.weights.shape[1:])  # Σ |∂s[t]/∂a| |a| over inputs and states a: s[t] is a sum of these

        def carried(name: str, values: Array, shape: tuple[int, ...]) -> Array:
            """Jᵀ ds for every unit of an argument, (3 + M, N, units)."""
            products = []
            for unit, its_values in zip(np.eye(prod(shape)), values.reshape(N, -1).T, strict=True):
                J = step.jacobian(name, unit.reshape(shape))
                reach[...] += J.largest * abs(its_values[:, None])
                products.append(step.weighed(J))
            return np.stack(products, axis=-1)

        if xs.dtype.kind == "f":
            dxs = [shaped_like(xs, grads.xs, "xs") for grads in self.grads]
            yield from self.timesteps("xs", 1, B, dxs, carried("xs", xs, xs.shape[2:]))
        for number, (name, state) in enumerate(zip(carries, states, strict=True)):
            arrived = np.zeros(state.shape)
            arrived[-1] = self.dends[number]
            arrived[1:] += self.dys if number == read else 0
            arrived = arrived.reshape(len(arrived) * B, -1)
            wanted = carried(f"starts.{number}", state[:-1], state.shape[2:])
            wanted = np.concatenate([wanted, np.zeros_like(wanted[:, :B])], axis=1)  # nothing is carried to t = T
            wanted[0] += abs(arrived)
            wanted[3:] += arrived
            yield from self.timesteps(name, 0, B, [given[number] for given in totals], wanted)

        # The trace is the forward's own: one step from its s[t-1], in real numbers as it was made, leads to its s[t].
        real = (at.map(lambda array: np.ascontiguousarray(array.real)) for at in step.points)
        reached = np.array([led(at)[:, : kept.shape[1]] for at in real])
        low, high = reached.min(axis=0), reached.max(axis=0)
        largest = np.maximum(1, abs(rows(N, *before)).max(axis=1, keepdims=True))
        doubt = np.where((low <= kept) & (kept <= high), 0, self.least * largest)
        wanted = np.array([reach + abs(kept), (high - low) / 2, doubt, low + (high - low) / 2, kept])
        cuts = np.cumsum([prod(part.shape[2:]) for part in left])[:-1]
        for name, part in zip(names, np.split(wanted, cuts, axis=-1), strict=True):
            yield from self.timesteps(f"trace.{name}", 1, B, [part[-1]], part[:-1])

    def map(self, point: Point, weights: Sequence[Array], left: Array, mixes: bool = False) -> Map:
        """The run from `point` as a map to those outputs that have weights: the states it ends with, and then ys.

        Where forward `left` (N, …) infinity or NaN, of that row nothing is known, whatever the oracle finds there.
        """
        (N, K), dtype = weights[0].shape, np.complex128 if self.oracle is complex_step else np.float64
        jitters = (jittered(point, self.rng, places=16) for _ in range(self.jitters))  # a sum has many terms to round
        points = [each.map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a) for each in (point, *jitters)]
        w = np.where(np.isfinite(left).all(axis=1, keepdims=True), weights, np.nan)
        return Map(points, lambda trace: rows(N, *trace.ends, trace.ys)[:, :K], w, self.oracle, self.least, mixes)

    @property
    def least(self) -> float:
        """What a derivative or a state may be off by where the layer's numbers run out."""
        return PLACES * float(np.finfo(self.trace.ys.dtype).tiny)

    def timesteps(self, name: str, first: int, B: int, got: Sequence[Array], wanted: Array) -> Iterator[Finding]:
        """A finding for every timestep, the first is `first`, and every sequence; wanted is (3 + M, rows, units)."""
        rows = np.array(got).reshape(len(got), *wanted.shape[1:])
        judged = judge(rows, wanted, self.tolerance, self.trace.ys.dtype)
        for row, (error, doubt, at, verdict) in enumerate(judged):
            values = float(rows[0, row, at]), float(wanted[3, row, at])
            yield Finding(self.prefix + name, first + row // B, row % B, error, doubt, (at,), *values, verdict)

    def parameters(self, run: Map) -> Iterator[Finding]:
        """A finding for every parameter: a sum over all rows of the run."""
        others = [grads.params.arrays() for grads in self.grads[1:]]
        for name, array in self.layer.arrays().items():
            if array.dtype.kind == "f":
                got = [self.params.get(self.prefix + name), *(gradients.get(name) for gradients in others)]
                yield self.argument(run, f"params.{name}", name, array, got)

    def argument(
        self, run: Map, name: str, label: str, array: Array, got: Sequence[Array | None], along: Array | None = None
    ) -> Finding:
        """One argument of a run `along` some directions: by default its entries, or its lines if it is large."""
        given = np.array([shaped_like(array, each, label).ravel() for each in got], np.float64)
        directions = np.array(list(_directions(given[0].reshape(array.shape), self.rng))) if along is None else along
        wanted = run.along(name, directions.reshape(-1, *array.shape))
        finite = np.isfinite(given)
        claims = np.where(finite, given, UNKNOWN) @ directions.T  # infinity would spoil every direction
        wanted[0] += np.where(finite[0], abs(given[0]), 0) @ abs(directions).T
        ((error, doubt, at, verdict),) = judge(claims[:, None], wanted[:, None], self.tolerance, array.dtype)
        entries = np.flatnonzero(directions[at])
        if verdict == "failed" and len(entries) > 1:  # which of them is it?
            finer = self.argument(run, name, label, array, got, np.eye(array.size)[entries])
            if finer.verdict == "failed":
                return finer
        one = len(entries) == 1
        index = tuple(map(int, np.unravel_index(entries[0], array.shape))) if one else None
        values = float(given[0, entries[0]] if one else claims[0, at]), float(wanted[3, at])
        return Finding(self.prefix + label, None, None, error, doubt, index, *values, verdict, self.whole)


def _directions(gradient: Array, rng: np.random.Generator) -> Iterator[Array]:
    """Directions, flat: every entry of a small array, else random ones along its lines, of a matrix rows and columns.

    A unit whose gradient has vanished has a line to itself, where no live unit's roundoff hides it. Lines that have to
    share a direction are of like size, and enter it with like size; those that backward left at zero are apart.
    """
    shape = gradient.shape
    if gradient.size <= ENTRIES:
        yield from np.eye(gradient.size)
        return
    for axis, length in enumerate(shape):
        size = abs(np.nan_to_num(np.moveaxis(gradient, axis, 0).reshape(length, -1))).max(axis=1)
        zero, order = np.flatnonzero(size == 0), np.argsort(size, kind="stable")[np.count_nonzero(size == 0) :]
        groups = [zero, *np.array_split(order, LINES - (len(zero) > 0))]
        for lines in filter(len, groups):
            direction = np.zeros(shape)
            share = size[lines].min() / size[lines] if size[lines].all() else np.ones(len(lines))
            drawn = np.moveaxis(direction, axis, 0)  # a view
            drawn[lines] = np.maximum(share, 1e-100).reshape(-1, *[1] * (len(shape) - 1)) * rng.standard_normal(
                drawn[lines].shape
            )
            yield direction.ravel()
