"""The knobs of the figures: what is declared is what compute takes, wherever it is set, and every setting holds."""

import re
import warnings
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlab import initializers
from rnnlab.experiments.results.tables import is_recorded, read
from rnnlab.gallery.figures import FIGURES
from rnnlab.gallery.knobs import Declared, declared
from rnnlab.gallery.series import chosen, loaded
from rnnlab.table import Table

FIGURES_FOLDER = Path(__file__).parents[1] / "figures"
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


FEW = settings(
    max_examples=max(1, settings().max_examples // 8), deadline=None, suppress_health_check=list(HealthCheck)
)


@FEW
@given(data=st.data())
@pytest.mark.parametrize("name", COMPUTED)
def test_every_setting_of_the_knobs_is_computed_drawn_and_told(name, data):
    knobs = data.draw(turned(name).filter(FITS.get(name, lambda knobs: True)))
    holds(name, knobs)


@pytest.mark.parametrize("name", COMPUTED)
def test_all_knobs_at_their_least(name):
    knobs = {}
    for one, knob in declared(FIGURES[name].compute).items():
        if not knob.knob.names:
            several, least = get_origin(knob.kind) is tuple, knob.knob.least
            least = least if knob.kind is float else int(least)
            knobs[one] = (least,) if several else least
    holds(name, knobs)


LARGE = [(name, knob) for name in COMPUTED for knob in declared(FIGURES[name].compute) if knob in FURTHER]


@pytest.mark.parametrize(("name", "knob"), LARGE)
def test_one_knob_turned_far_up_and_all_others_low(name, knob):
    low = {
        one: max(int(declaration.knob.least), 3)
        for one, declaration in declared(FIGURES[name].compute).items()
        if declaration.kind is int and one != "seed"
    }
    if name == "phase_diagram":
        low |= {"discard": 2}
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
        ({"depth": 3}, ValueError, "irnn_memory has no knob 'depth': there are steps; hidden; seed"),
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


NAMES = ("tanh, orthogonal", "tanh, orthogonal U alone", "IRNN", "IRNN, no input", "LSTM, c")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("all", list(NAMES)),
        ("IRNN", ["IRNN"]),
        ("irnn", ["IRNN"]),
        ("tanh", list(NAMES[:2])),
        ("tanh,IRNN", [*NAMES[:2], "IRNN"]),
        ("IRNN, tanh, orthogonal", ["tanh, orthogonal", "IRNN"]),
        ("tanh,orthogonal,LSTM", ["tanh, orthogonal", "LSTM, c"]),
        (["IRNN, no input", "IRNN"], ["IRNN", "IRNN, no input"]),
    ],
)
def test_words_choose_series(words, found):
    assert list(chosen(words, NAMES)) == found


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        ("GRU", ValueError, "there is no series 'GRU': there are tanh, orthogonal; "),
        ("than", ValueError, "there is no series 'than': did you mean tanh"),
        ("tan", ValueError, "there is no series 'tan': did you mean tanh"),
        ("", ValueError, "series must name at least one of tanh, orthogonal; "),
        (len, TypeError, "takes no series of your own"),
        ([3], TypeError, "a series must be a word; got 3"),
    ],
)
def test_wrong_words_are_refused(words, error, says):
    with pytest.raises(error, match=re.escape(says)):
        chosen(words, NAMES)


def halved(rng, shape, dtype=np.float64):
    """Half of an orthogonal matrix."""
    return np.asarray(0.5 * initializers.orthogonal(rng, shape), dtype)


def test_an_initializer_of_ones_own_joins_the_survey():
    survey = FIGURES["initializer_survey"]
    sizes = {"seeds": 2, "steps": 30, "hidden": 12}
    table = survey.compute(**sizes, series=("orthogonal", halved))
    assert [name for (name,) in table.each("initializer")] == ["orthogonal", "halved"]
    own, theirs = (table.only("growth", role="U", activation="tanh", initializer=n) for n in ("halved", "orthogonal"))
    assert own < theirs + np.log(0.5) / 2
    assert "halved as U: sigmoid" in survey.caption(table)
    rows = survey.draw(table).axes[0].get_yticklabels()
    assert [row.get_text() for row in rows] == ["orthogonal", "halved"]
    assert len(survey.compute(**sizes | {"steps": 2}, series=("all", halved)).each("initializer")) == 15


MINE = """
import rnnlab as rl

class Faint:
    @staticmethod
    def init(rng, *, inputs, hidden):
        return rl.RNN.irnn(rng, inputs=inputs, hidden=hidden, scale=0.9)

def timed(rng, inputs, hidden, steps):
    return rl.RNN.irnn(rng, inputs=inputs, hidden=hidden, scale=0.5 ** (1 / steps))

def odd(rng, width): ...
"""


def test_a_layer_of_ones_own_joins_the_decay_in_python_and_by_its_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    decay = FIGURES["gradient_decay"]
    table = decay.compute(seeds=2, steps=20, hidden=8, series=f"IRNN,{path}:Faint,{path}:timed")
    assert [name for (name,) in table.each("series")] == ["IRNN", "Faint", "timed"]
    assert "Your own: Faint" in decay.caption(table)
    titles = [ax.get_title(loc="left") for ax in decay.draw(table).axes]
    assert titles[-1] == "your own"
    again = decay.compute(
        seeds=2, steps=20, hidden=8, series=["IRNN", loaded(f"{path}:Faint"), loaded(f"{path}:timed")]
    )
    assert again.text() == table.text()
    with pytest.raises(TypeError, match=r"odd must be a layer of your own: .*; it takes \(rng, width\)"):
        decay.compute(series=f"{path}:odd")
    with pytest.raises(ValueError, match="did you mean Faint"):
        decay.compute(series=f"{path}:Feint")
    with pytest.raises(FileNotFoundError):
        decay.compute(series=f"{tmp_path / 'none.py'}:Faint")
    path.write_text("1 / 0", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be run: ZeroDivisionError: division by zero"):
        loaded(f"{path}:Faint")


@pytest.mark.parametrize("name", FIGURES)
def test_larger_type_takes_fewer_panels_side_by_side_and_no_less_of_them(name):
    table = read(name) if is_recorded(name) else Table.read(FIGURES_FOLDER / f"{name}.csv")
    plain, large = FIGURES[name].draw(table), FIGURES[name].draw(table, scale=2)
    assert len(plain.axes) == len(large.axes)
    assert large.get_figwidth() == pytest.approx(max(plain.get_figwidth() / 2, min(5, plain.get_figwidth())))
    dots = [figure.get_figwidth() * figure.get_dpi() for figure in (plain, large)]
    assert dots[0] == pytest.approx(dots[1])  # as many pixels across
    with pytest.raises(ValueError, match=r"scale must be from 0\.25 to 4; got 9"):
        FIGURES[name].draw(table, scale=9)
