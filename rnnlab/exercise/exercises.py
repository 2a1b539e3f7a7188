"""The exercises: known equations, their template, and their solution with a line of it replaced by a mistake."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from rnnlab.arrays import Array
from rnnlab.exercise.mistakes import Mistake, mistakes_in
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.trace import AnyLayer

BEGIN, END = "    # your part\n", "    # to here\n"
TO_FILL_IN = """\
    # your part: fill the gradients above, from the last step to the first
    for t in range(T, 0, -1):
        raise NotImplementedError("backward is not written yet")
    # to here
"""
Function = Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One layer's equations as an exercise of two functions, `forward(xs, h0, …)` and `backward(dys, …, kept)`.

    Attributes:
        name: "rnn", "indrnn", "lstm" or "gru".
        layer: the layer of ours with these equations, from its parameters.
        parameters, states: their names, in the order in which forward takes them and backward returns them.
        blocks: gates side by side in the parameters.
    """

    name: str
    layer: Callable[..., AnyLayer]
    parameters: tuple[str, ...]
    states: tuple[str, ...]
    blocks: int

    @property
    def takes(self) -> tuple[str, ...]:
        """What forward takes: xs, the start of each state, the parameters."""
        return "xs", *(f"{state[0]}0" for state in self.states), *self.parameters

    @property
    def given(self) -> tuple[str, ...]:
        """What backward takes."""
        return "dys", *(f"d{state[0]}_end" for state in self.states[1:]), "kept"

    @property
    def gradients(self) -> tuple[str, ...]:
        """What backward returns."""
        return *(f"d{state}" for state in self.states), "dxs", *(f"d{name}" for name in self.parameters)

    @property
    def shapes(self) -> "dict[str, Callable[[int, int], tuple[int, ...]]]":
        """Every parameter's shape for D inputs and H units."""
        G = self.blocks
        known: dict[str, Callable[[int, int], tuple[int, ...]]] = {
            "W": lambda D, H: (D, G * H),
            "U": lambda D, H: (H, G * H),
            "u": lambda D, H: (H,),
            "b": lambda D, H: (G * H,),
            "bu": lambda D, H: (G * H,),
        }
        return {name: known[name] for name in self.parameters}

    @property
    def solution(self) -> str:
        """The text of the solved exercise."""
        return resources.files("rnnlab.exercise.solutions").joinpath(f"{self.name}.py").read_text(encoding="utf-8")

    @property
    def template(self) -> str:
        """The text of the exercise, to be filled in."""
        head, _, rest = self.solution.partition(BEGIN)
        return head + TO_FILL_IN + rest.partition(END)[2]

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Those of the known mistakes that this exercise has a line for."""
        part = self.solution.partition(BEGIN)[2].partition(END)[0]
        return mistakes_in(self.name, part)

    def functions(self, *mistakes: Mistake) -> tuple[Function, Function] | None:
        """`forward` and `backward` with these mistakes in them, one after the other.

        None where they exclude each other: what one replaces, another has replaced already.
        """
        return _functions(self, mistakes)


@cache
def _names(exercise: Exercise) -> dict[str, Any]:
    """What the solved exercise defines."""
    names: dict[str, Any] = {}
    exec(compile(exercise.solution, f"<{exercise.name}>", "exec"), names)
    return names


@cache
def _functions(exercise: Exercise, mistakes: tuple[Mistake, ...]) -> tuple[Function, Function] | None:
    head, _, rest = exercise.solution.partition(BEGIN)
    part, _, tail = rest.partition(END)
    for mistake in mistakes:
        if mistake.right not in part:
            return None
        part = part.replace(mistake.right, mistake.wrong, 1)
    names = dict(_names(exercise))
    exec(compile(head[head.index("def backward") :] + part + tail, f"<{exercise.name}>", "exec"), names)
    return names["forward"], names["backward"]


def _rnn(W: Array, U: Array, b: Array) -> AnyLayer:
    return RNN(W, U, b)


def _indrnn(W: Array, u: Array, b: Array) -> AnyLayer:
    return IndRNN(W, u, b, activation="tanh")  # type: ignore[arg-type]  # a name becomes an Activation


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise("rnn", _rnn, ("W", "U", "b"), ("hs",), 1),
        Exercise("indrnn", _indrnn, ("W", "u", "b"), ("hs",), 1),
        Exercise("lstm", LSTM, ("W", "U", "b"), ("hs", "cs"), 4),
        Exercise("gru", GRU, ("W", "U", "b", "bu"), ("hs",), 3),
    )
}


def exercise_of(forward: Function) -> Exercise | None:
    """The exercise whose `forward` takes the same arguments by name; None if there is none."""
    names = tuple(inspect.signature(forward).parameters)
    return next((exercise for exercise in EXERCISES.values() if exercise.takes == names), None)
