"""What the window shows: a setting for each of its controls, each an option of `rnnlab explore` too."""

import shlex
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, Self

import numpy as np

from rnnlab import activations
from rnnlab.experiments.options import flag, options
from rnnlab.models import LAYERS, recurrent
from rnnlab.network import Network
from rnnlab.trace import AnyLayer

INPUTS, SEQUENCES = 8, 4
"""Numbers that every step reads, and sequences whose median is drawn."""

OFFERED = ("orthogonal", "identity", "glorot_uniform", "he_uniform", "lecun_uniform", "torch_uniform", "indrnn_range")
"""The recurrent initializers that have a button; the command line takes any."""

LIMITS = {
    "gain": (0.25, 4.0),
    "input_scale": (0.01, 10.0),
    "steps": (5, 400),
    "hidden": (2, 200),
    "layers": (1, 3),
    "seed": (0, 20),
}
"""From where to where each slider goes; the command line goes further."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A layer, or several in series, and the sequences that it reads.

    Raises:
        ValueError: a word that is unknown, or that this layer does not take; a number out of its range.
    """

    layer: Annotated[str, f"{', '.join(LAYERS)}"] = "rnn"
    activation: Annotated[str | None, "of rnn (default: tanh) and indrnn (default: relu)"] = None
    recurrent_initializer: Annotated[str | None, "of U or u: NAME or NAME:option=value,…; default: the layer's own"] = (
        None
    )
    gain: Annotated[float, "U or u is multiplied by it"] = 1.0
    input_scale: Annotated[float, "s of the inputs x[t] ~ N(0, s²)"] = 1.0
    steps: Annotated[int, "T, steps of a sequence"] = 100
    hidden: Annotated[int, "H, units of a layer"] = 100
    layers: Annotated[int, "layers in series"] = 1
    seed: Annotated[int, "seed of the weights and the inputs"] = 0

    def __post_init__(self) -> None:
        for name, least in {"steps": 1, "hidden": 1, "layers": 1, "seed": 0}.items():
            value = getattr(self, name)
            if value != int(value) or value < least:
                raise ValueError(f"{name} must be a whole number and at least {least}; got {value}")
        for name in ("gain", "input_scale"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be at least 0 and finite; got {getattr(self, name)}")
        one_layer(self, np.random.default_rng(0), inputs=1, hidden=2, top=True)  # refuses words that do not fit

    @property
    def words(self) -> list[str]:
        """What differs from the defaults, as options of the command line."""
        return [word for name, value in self._chosen().items() for word in (flag(name), f"{value}")]

    @property
    def text(self) -> str:
        """The same in one piece: "layer=irnn gain=0.9", which `read` takes."""
        return " ".join(f"{name}={value}" for name, value in self._chosen().items()) or f"layer={self.layer}"

    def _chosen(self) -> dict[str, Any]:
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    @classmethod
    def read(cls, text: str) -> Self:
        """From "layer=irnn gain=0.9".

        Raises:
            ValueError: no such setting, or a value that is none.
        """
        known, found = options(Setup), {}
        for item in text.split():
            name, _, value = item.partition("=")
            if name not in known or not value:
                raise ValueError(f"settings are written name=value, with {', '.join(known)} as names; got {item!r}")
            try:
                found[name] = known[name].kind(value)
            except ValueError:
                raise ValueError(f"{name} must be a number; got {value!r}") from None
        return cls(**found)

    def with_layer(self, layer: str) -> Self:
        """The same with another layer; a word that this one does not take gives way to the layer's own."""
        words: dict[str, Any] = {
            name: value if (value := getattr(self, name)) in takes(layer, name) else None
            for name in ("activation", "recurrent_initializer")
        }
        return replace(self, layer=layer, **words)


def command(setup: Setup, kept: tuple[Setup, ...], save: str) -> str:
    """The command that draws this picture again."""
    beside = [word for other in kept for word in ("--keep", other.text)]
    return shlex.join(["rnnlab", "explore", *setup.words, *beside, "--save", save])


@cache
def takes(layer: str, name: str) -> frozenset[str | None]:
    """The words that have a button and that a layer takes for "activation" or "recurrent_initializer"."""
    words = {"activation": tuple(activations.ACTIVATIONS), "recurrent_initializer": OFFERED}[name]
    found: set[str | None] = {None}
    for word in words:
        chosen: Any = {name: word}
        try:
            Setup(layer=layer, **chosen)
        except ValueError:
            continue
        found.add(word)
    return frozenset(found)


def one_layer(setup: Setup, rng: np.random.Generator, *, inputs: int, hidden: int, top: bool) -> AnyLayer:
    """A layer as the setup describes it, its U or u multiplied by the gain."""
    layer: Any = recurrent(
        rng,
        setup.layer,
        inputs=inputs,
        hidden=hidden,
        steps=setup.steps,
        top=top,
        activation=setup.activation,
        recurrent_initializer=setup.recurrent_initializer,
    )
    if setup.gain != 1 and not {"U", "u"} & layer.arrays().keys():
        raise ValueError(f"gain multiplies U or u; {setup.layer} has neither")
    return multiplied(layer, setup.gain)


def multiplied(layer: AnyLayer, gain: float) -> AnyLayer:
    """The layer with `gain` times its U or u."""
    inner: Any = layer
    same: AnyLayer = inner.like(
        **{name: gain * array if name in ("U", "u") else array for name, array in layer.arrays().items()}
    )
    return same


def network(setup: Setup, rng: np.random.Generator) -> Network:
    """All layers in series, read at every step."""
    layers = [
        one_layer(
            setup,
            rng,
            inputs=setup.hidden if number else INPUTS,
            hidden=setup.hidden,
            top=number == setup.layers - 1,
        )
        for number in range(setup.layers)
    ]
    return Network(tuple(layers), None, "every")
