"""Which series a figure shows: chosen by words, and of the user's own; and how it is drawn with larger type."""

import re
from pathlib import Path

import numpy as np
import pytest

from deep import one_in
from rnnlab import initializers
from rnnlab.experiments.results.tables import is_recorded, read
from rnnlab.gallery.figures import FIGURES
from rnnlab.gallery.series import chosen, loaded
from rnnlab.table import Table
from small_figures import plain

PUBLISHED = Path(__file__).parents[1] / "figures"
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
    assert re.fullmatch(r"your own: (all vanish|after 20 steps|1 of 2 vanish).*", plain(titles[-1]))
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


@pytest.mark.parametrize("name", one_in(30, FIGURES, first=3))
def test_larger_type_takes_fewer_panels_side_by_side_and_no_less_of_them(name):
    table = read(name) if is_recorded(name) else Table.read(PUBLISHED / f"{name}.csv")
    plain, large = FIGURES[name].draw(table), FIGURES[name].draw(table, scale=2)
    assert len(plain.axes) == len(large.axes)
    assert large.get_figwidth() == pytest.approx(plain.get_figwidth() / 2)
    dots = [figure.get_figwidth() * figure.get_dpi() for figure in (plain, large)]
    assert dots[0] == pytest.approx(dots[1])  # as many pixels across
    with pytest.raises(ValueError, match=r"scale must be from 0\.25 to 2; got 9"):
        FIGURES[name].draw(table, scale=9)
