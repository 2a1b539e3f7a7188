"""The knobs of the figures: what is declared is what compute takes, wherever it is set, and every setting holds."""

import re
import warnings
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deep import deep, one_in
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
    "steps": 350,
    "inputs": 60,
    "seeds": 30,
    "batch": 20,
    "width": 150,
    "depth": 80,
    "samples": 10**5,
    "points": 120,
    "updates": 60,
    "layers": 100,
    "delay": 300,
    "frames": 400,
    "near": 30,
}
NAMED = {"seeds", "steps", "hidden", "inputs", "batch", "depth", "width", "rounds", "near", "neurons", "discard"}
"""Knobs that a caption names."""
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
    return (
        st.lists(one, min_size=1, max_size=4, unique=True).map(lambda found: tuple(sorted(found))) if several else one
    )


def chunks(last: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Of `truncation_error`: the last is T."""
    return st.sets(st.integers(1, last), max_size=4).map(lambda ks: tuple(sorted({*ks, last})))


@st.composite
def turned(draw: st.DrawFn, name: str) -> dict[str, Any]:
    knobs = declared(FIGURES[name].compute)
    return {one: draw(chunks(draw(st.integers(1, 40))) if one == "ks" else values(knob)) for one, knob in knobs.items()}


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
    for knob in NAMED & knobs.keys():
        assert re.search(rf"(?<![\d.]){knobs[knob]:,}(?![\d.]*\d)", caption), f"{knob} = {knobs[knob]}: {caption}"


FEW = settings(max_examples=4 if settings.default.max_examples >= 100 else 1, suppress_health_check=list(HealthCheck))


@FEW
@given(data=st.data())
@pytest.mark.parametrize("name", one_in(12, COMPUTED))
def test_every_setting_of_the_knobs_is_computed_drawn_and_told(name, data):
    knobs = data.draw(turned(name).filter(FITS.get(name, lambda knobs: True)))
    holds(name, knobs)


@pytest.mark.parametrize("name", one_in(12, COMPUTED, first=2))
def test_all_knobs_at_their_least(name):
    knobs = {}
    for one, knob in declared(FIGURES[name].compute).items():
        if not knob.knob.names:
            several, least = get_origin(knob.kind) is tuple, knob.knob.least
            least = least if knob.kind is float else int(least)
            knobs[one] = (least,) if several else least
    holds(name, knobs)


def far_up():
    """Every knob of every figure; of each sixth figure one is not deep."""
    for number, name in enumerate(COMPUTED):
        far = [knob for knob in declared(FIGURES[name].compute) if knob in FURTHER]
        for place, knob in enumerate(far):
            yield (name, knob) if number % 6 == 4 and place == number % len(far) else deep(name, knob)


@pytest.mark.parametrize(("name", "knob"), [*far_up()])
def test_one_knob_turned_far_up_and_all_others_low(name, knob):
    low = {
        one: max(int(declaration.knob.least), 3)
        for one, declaration in declared(FIGURES[name].compute).items()
        if declaration.kind is int and one != "seed"
    }
    if name == "phase_diagram":
        low |= {"discard": 2}
    if name == "truncation_error":
        low |= {"ks": (2, 5)}
    knobs = low | {knob: min(FURTHER[knob], declared(FIGURES[name].compute)[knob].knob.most)}
    if name == "oracle_errors":
        knobs["near"] = min(knobs["near"], knobs["steps"])
    holds(name, knobs)


@pytest.mark.parametrize("name", FIGURES)
def test_every_keyword_of_compute_is_a_knob_with_a_meaning_a_default_and_a_check(name):
    knobs = declared(FIGURES[name].compute)
    assert knobs
    for knob in knobs.values():
        assert knob.knob.meaning
        assert not (isinstance(knob.default, int | float) and knob.default < knob.knob.least)
        if not knob.knob.names and knob.default is not None:
            assert knob.read(knob.told) == knob.default
            knob.check(knob.default)


def test_words_and_numbers_come_to_the_same_table():
    compute = FIGURES["unrolled"].compute
    knobs = declared(compute)
    words = {"steps": "7", "hidden": "4", "seeds": "2", "series": "tanh,IRNN"}
    told = compute(**{name: knobs[name].read(word) for name, word in words.items()})
    assert told.text() == compute(steps=7, hidden=4, seeds=2, series=["IRNN", "tanh RNN"]).text()
    assert [model for (model,) in told.each("model")] == ["tanh RNN", "IRNN"]


@pytest.mark.parametrize(
    ("knobs", "error", "says"),
    [
        ({"hiden": 3}, ValueError, "irnn_memory has no knob 'hiden': did you mean hidden?"),
        ({"depth": 3}, ValueError, "irnn_memory has no knob 'depth': there are steps; hidden; seed; series"),
        ({"hidden": 0}, ValueError, "hidden must be 1 or more; got 0"),
        ({"hidden": 2.5}, TypeError, "hidden must be a whole number; got 2.5"),
        ({"hidden": True}, TypeError, "hidden must be a whole number; got True"),
        ({"hidden": "20"}, TypeError, "hidden must be a whole number; got '20'"),
    ],
)
def test_a_wrong_knob_is_refused_in_one_sentence(knobs, error, says):
    with pytest.raises(error, match=re.escape(says)):
        FIGURES["irnn_memory"].compute(**knobs)


def test_several_numbers_are_checked_one_by_one():
    compute = FIGURES["indrnn_range"].compute
    knob = declared(compute)["lengths"]
    assert knob.read("5, 10,20") == (5, 10, 20)
    with pytest.raises(ValueError, match="lengths must be a whole number; got 'x'"):
        knob.read("5,x")
    with pytest.raises(ValueError, match="lengths must be 1 or more; got 0"):
        compute(lengths=(5, 0))
    for nothing in ((), 5):
        with pytest.raises(TypeError, match="lengths must be a tuple of one or more"):
            compute(lengths=nothing)
