"""The knobs of the figures: what is declared is what compute takes, wherever it is set, and every setting of it holds."""

import re
import warnings
from typing import Any, get_args, get_origin

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlab.experiments.results.tables import is_recorded
from rnnlab.gallery.figures import FIGURES
from rnnlab.gallery.knobs import Declared, declared
from rnnlab.table import Table

COMPUTED = [name for name in FIGURES if not is_recorded(name) or name == "step_cost"]
"""Those that are computed in seconds."""
UP_TO = {
    "hidden": 24,
    "steps": 30,
    "inputs": 5,
    "seeds": 3,
    "batch": 3,
    "width": 30,
    "depth": 12,
    "updates": 6,
    "points": 30,
    "samples": 200,
    "gains": 5,
    "scales": 4,
    "discard": 10,
    "near": 10,
    "frames": 40,
    "side": 16,
    "delay": 30,
    "rounds": 2,
    "neurons": 4,
    "lengths": 300,
    "sizes": 12,
    "layers": 12,
    "every": 20,
    "seed": 10_000,
    "reach": 12,
}
"""How far most examples go, so that they take a tenth of a second; some go further, one knob at a time."""
FURTHER = {
    "hidden": 150,
    "steps": 700,
    "inputs": 60,
    "seeds": 30,
    "batch": 20,
    "width": 150,
    "depth": 120,
    "samples": 10**5,
    "points": 200,
    "updates": 60,
    "layers": 300,
    "delay": 300,
    "frames": 400,
    "near": 30,
}
FITS = {
    "oracle_errors": lambda knobs: knobs["near"] <= knobs["steps"],
    "phase_diagram": lambda knobs: knobs["discard"] < knobs["steps"],
}
"""What knobs of one figure must be beside one another; the figure says so itself."""


def values(knob: Declared) -> st.SearchStrategy[Any]:
    """Values of a knob over its declared range, as far as UP_TO."""
    if knob.knob.names:
        some = st.lists(st.sampled_from(knob.knob.names), min_size=1, max_size=4, unique=True)
        return st.one_of(st.just("all"), some)
    several = get_origin(knob.kind) is tuple
    kind = get_args(knob.kind)[0] if several else knob.kind
    least, most = knob.knob.least, min(knob.knob.most, UP_TO[knob.name])
    one = st.integers(int(least), int(most)) if kind is int else st.floats(least, most)
    return st.lists(one, min_size=1, max_size=4, unique=True).map(lambda found: tuple(sorted(found))) if several else one


def chunks(last: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Of `truncation_error`: the last is T."""
    return st.sets(st.integers(1, last), max_size=4).map(lambda ks: tuple(sorted({*ks, last})))


@st.composite
def turned(draw: st.DrawFn, name: str) -> dict[str, Any]:
    knobs = declared(FIGURES[name].compute)
    return {
        one: draw(chunks(draw(st.integers(1, 40))) if one == "ks" else values(knob)) for one, knob in knobs.items()
    }


def holds(name: str, knobs: dict[str, Any]) -> None:
    """compute → CSV → draw → caption: the picture has panels, the caption no word for a number that there is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = Table.parse(FIGURES[name].compute(**knobs).text())
        figure = FIGURES[name].draw(table)
        figure.draw_without_rendering()
    assert figure.axes
    caption = FIGURES[name].caption(table)
    assert not {"nan", "inf", "-inf", "None", "NOT"} & set(re.findall(r"[-\w]+", caption)), caption
