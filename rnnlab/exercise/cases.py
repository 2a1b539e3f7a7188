"""What a backward is tried on: sizes and conditions, each of which shows what another hides."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import DTypeLike

from rnnlab.arrays import Array
from rnnlab.exercise.exercises import Exercise


@dataclass(frozen=True, eq=False)
class Case:
    """A run of an exercise.

    Attributes:
        name: what is special about it, in words that follow "where".
        parameters, starts: by order, as forward takes them.
        dys, dends: what arrives at the outputs; and at the last of every state but the first.
        plain: neither saturated nor vanished nor chaotic: every correct backward gives the same to the last digits.
    """

    name: str
    exercise: Exercise
    xs: Array
    starts: tuple[Array, ...]
    parameters: tuple[Array, ...]
    dys: Array
    dends: tuple[Array, ...]
    plain: bool = True

    @property
    def sizes(self) -> str:
        T, B, D = self.xs.shape
        return f"T = {T}, B = {B}, D = {D}, H = {self.starts[0].shape[1]}"


def drawn(
    exercise: Exercise,
    rng: np.random.Generator,
    name: str,
    sizes: tuple[int, int, int, int],
    *,
    gain: float = 1.0,
    inputs: float = 1.0,
    last: bool = False,
    loss: float = 1.0,
    dtype: DTypeLike = np.float64,
    plain: bool = True,
) -> Case:
    """A random case of sizes (T, B, D, H).

    Weights are uniform and bounded by 2 `gain` / sqrt(rows), those of an IndRNN by 2 `gain`; inputs by `inputs`; starts
    are not zero. The loss is on every step, or on the last alone; `loss`
    bounds what arrives from it.
    """
    T, B, D, H = sizes

    def uniform(limit: float, *shape: int) -> Array:
        return rng.uniform(-limit, limit, shape).astype(dtype)

    limits = {"W": 1 / np.sqrt(D), "U": gain / np.sqrt(H), "u": gain, "b": 0.5, "bu": 0.5}
    parameters = tuple(uniform(2 * limits[each], *shape(D, H)) for each, shape in exercise.shapes.items())
    starts = tuple(uniform(0.9, B, H) for _ in exercise.states)
    dys = uniform(loss, T, B, H)
    if last:
        dys[:-1] = 0
    dends = tuple(uniform(loss, B, H) for _ in exercise.states[1:])
    return Case(name, exercise, uniform(inputs, T, B, D), starts, parameters, dys, dends, plain)


@cache
def cases(exercise: Exercise, seed: int = 0) -> tuple[Case, ...]:
    """The cases of a check, the first one with D = H, where a missing transpose of W has the right shape."""
    rng = np.random.default_rng(seed)

    def case(name: str, T: int, B: int, D: int, H: int, **rest: float | bool | DTypeLike) -> Case:
        return drawn(exercise, rng, name, (T, B, D, H), **rest)  # type: ignore[arg-type]

    first = case("D = H", 5, 3, 3, 3)
    start = case("h0 = 0", 5, 3, 3, 3)
    return (
        first,
        case("D ≠ H", 5, 3, 4, 2),
        case("T = 1 and B = 1", 1, 1, 2, 3),
        case("T = 1", 1, 3, 2, 3),
        case("T = 2", 2, 3, 3, 2),
        case("B = 1", 5, 1, 2, 3),
        case("D = H = 1", 3, 2, 1, 1),
        replace(start, starts=tuple(map(np.zeros_like, start.starts))),
        case("the loss is on the last step alone, T = 20", 20, 3, 2, 4, last=True),
        case("the loss is on every step, T = 20", 20, 3, 4, 2),
        case("the units are saturated", 6, 3, 2, 3, gain=4, inputs=20, plain=False),
        case("the gradient vanishes", 40, 2, 2, 3, gain=1e-4, last=True, loss=1e-9, plain=False),
        case("the net is chaotic", 40, 2, 2, 8, gain=6, plain=False),
        case("numbers are float32", 5, 3, 2, 3, dtype=np.float32),
    )
