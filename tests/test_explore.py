"""The window of `rnnlab explore`: its values against flow and algebra, real events on its controls, what it saves."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import image, rc_context
from matplotlib.backend_bases import MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deep import deep
from rnnlab import flow
from rnnlab.cli import main
from rnnlab.explore.measure import ALL, measure, phases
from rnnlab.explore.panels import fate_of, finding
from rnnlab.explore.setup import INPUTS, LIMITS, SEQUENCES, Setup, command, network, takes
from rnnlab.explore.window import OWN, Window
from rnnlab.gallery import page
from rnnlab.models import LAYERS

SMALL = Setup(steps=12, hidden=6)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# The values


@pytest.mark.parametrize("layer", LAYERS)
def test_the_curve_is_what_flow_measures(layer):
    setup = replace(SMALL, layer=layer, gain=1.3, input_scale=0.5, seed=3)
    weights, inputs = np.random.default_rng(3).spawn(2)
    (inner,) = network(setup, weights).layers
    xs = 0.5 * inputs.standard_normal((12, SEQUENCES, INPUTS))
    values = measure(setup)
    names = [ALL] if inner.carries == ("hs",) else [ALL, "h", "c"]
    assert list(values.curves) == names
    last = flow.gradient_norms(inner, xs)[-1]
    squares = 0
    for name in inner.carries:
        norms = np.divide(flow.gradient_norms(inner, xs, of=name), last, out=np.zeros((13, SEQUENCES)), where=last > 0)
        squares = squares + norms**2
        if len(names) > 1:
            np.testing.assert_allclose(values.curves[name[0]], np.median(norms[::-1], axis=1), rtol=1e-12)
    np.testing.assert_allclose(values.curves[ALL], np.median(np.sqrt(squares)[::-1], axis=1), rtol=1e-12)
    np.testing.assert_array_equal(values.states, next(iter(inner.forward(xs).states.values()))[1:, 0].T)


@given(st.floats(0.3, 3), st.integers(2, 40), st.integers(1, 9))
def test_of_a_linear_layer_with_an_orthogonal_matrix_everything_is_a_power_of_the_gain(gain, steps, hidden):
    values = measure(Setup(activation="identity", gain=gain, steps=steps, hidden=hidden))
    rounding = 1e-13 * steps  # of a product of `steps` matrices of a few units
    np.testing.assert_allclose(values.curves[ALL], gain ** np.arange(steps + 1), rtol=rounding)
    assert values.growth == pytest.approx(np.log(gain), abs=rounding)
    assert values.bound == pytest.approx(np.log(gain), abs=rounding)
    np.testing.assert_allclose(values.steps["one step"], gain, rtol=rounding)
    np.testing.assert_allclose(values.weights["one step"], gain, rtol=rounding)


def test_the_map_of_a_linear_layer_is_the_logarithm_of_the_gain():
    there = phases(replace(SMALL, activation="identity"))
    np.testing.assert_allclose(there.growth, np.tile(np.log(there.gains), (len(there.scales), 1)), atol=1e-11)
    assert (there.gains[0], there.gains[-1]) == pytest.approx(LIMITS["gain"])
    assert phases(replace(SMALL, activation="identity", gain=2.0, input_scale=0.1, steps=30)) is there


def test_a_stack_has_a_curve_and_a_spectrum_for_each_layer():
    values = measure(replace(SMALL, layer="lstm", layers=2))
    assert list(values.curves) == [ALL, "layer 1, h", "layer 1, c", "layer 2, h", "layer 2, c"]
    assert {name: len(sigma) for name, sigma in values.steps.items()} == {"layer 1": 12, "layer 2": 12}
    assert values.weights == {}
    assert np.isnan(values.bound)


def test_the_same_settings_give_the_same_values():
    one, again, other = measure(SMALL), measure(SMALL), measure(replace(SMALL, seed=1))
    np.testing.assert_array_equal(one.curves[ALL], again.curves[ALL])
    assert (one.curves[ALL] != other.curves[ALL]).any()


def test_what_explodes_beyond_the_largest_float_is_said():
    with pytest.raises(FloatingPointError, match="exploded beyond the largest float"):
        measure(Setup(activation="identity", gain=1e30, steps=30, hidden=3))
    with pytest.raises(FloatingPointError, match="exploded beyond the largest float"):
        measure(Setup(activation="identity", gain=1e30, steps=30, hidden=3, layers=2))


def test_the_words_follow_the_numbers():
    assert [fate_of(growth) for growth in (-np.inf, -0.2, -0.001, 0.0, 0.2)] == [
        "vanishes",
        "vanishes",
        "is kept",
        "is kept",
        "explodes",
    ]
    assert finding(measure(Setup(activation="identity", gain=2.0, steps=10, hidden=3))).endswith("grown 1e+03 times")
    assert finding(measure(Setup(gain=0.0, steps=10, hidden=3))) == "the gradient is exactly 0 from 1 step back on"


# Words for settings


@given(
    st.sampled_from(list(LAYERS)).flatmap(
        lambda layer: st.builds(
            Setup,
            layer=st.just(layer),
            activation=st.sampled_from(sorted(takes(layer, "activation"), key=str)),
            recurrent_initializer=st.sampled_from(sorted(takes(layer, "recurrent_initializer"), key=str)),
            gain=st.floats(0, 10),
            input_scale=st.floats(0, 10),
            steps=st.integers(1, 500),
            hidden=st.integers(1, 300),
            layers=st.integers(1, 4),
            seed=st.integers(0, 99),
        )
    )
)
def test_a_setup_is_read_back_from_its_text(setup):
    assert Setup.read(setup.text) == setup


def test_another_layer_keeps_the_words_that_it_takes():
    setup = replace(SMALL, activation="relu", recurrent_initializer="orthogonal", gain=1.5)
    assert setup.with_layer("irnn") == replace(SMALL, layer="irnn", gain=1.5)
    assert setup.with_layer("lstm") == replace(SMALL, layer="lstm", gain=1.5, recurrent_initializer="orthogonal")
    assert setup.with_layer("indrnn") == replace(SMALL, layer="indrnn", gain=1.5, activation="relu")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--layer", "lstn"], "'lstn'"),
        (["--layer", "lstm", "--activation", "tanh"], "activation is for rnn, indrnn, dense; got tanh for lstm"),
        (["--gain", "-1"], "gain must be at least 0 and finite; got -1.0"),
        (["--steps", "0"], "steps must be a whole number and at least 1; got 0"),
        (["--keep", "colour=red"], "settings are written name=value, with layer, activation, "),
        (["--keep", "gain=much"], "gain must be a number; got 'much'"),
        (["--save", "mine.gif"], "a picture is saved as png, svg, pdf; got mine.gif"),
        (["--save", "mine.png", "--gain", "1e30", "--activation", "identity"], "exploded beyond the largest float"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(words, says, capsys):
    assert main(["explore", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rnnlab explore: error: ")
    assert says in error
    assert error.count("\n") == 1
    assert list(Path().iterdir()) == []


# The window, with real events on a canvas without a screen


class Hand:
    """Moves the mouse over a window: what the canvas hears is what it hears on a screen."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.figure = Figure(figsize=(12.5, 7.8))
        self.canvas = FigureCanvasAgg(self.figure)
        self.window = Window(self.figure, SMALL, folder=Path("out"), say=self.said.append)
        self.canvas.draw()

    def event(self, name: str, x: float, y: float) -> None:
        self.canvas.callbacks.process(name, MouseEvent(name, self.canvas, x, y, button=1))

    def click(self, axes, x: float, y: float) -> None:
        """At these shares of the axes."""
        place = axes.transAxes.transform((x, y))
        self.event("button_press_event", *place)
        self.event("button_release_event", *place)

    def choose(self, name: str, word: str) -> None:
        choice = self.window.choices[name]
        (label,) = [label for label in choice.labels if label.get_text() == word]
        box = label.get_window_extent(self.canvas.get_renderer())
        self.event("button_press_event", (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)

    def slide(self, name: str, share: float) -> None:
        self.click(self.window.sliders[name].ax, share, 0.5)

    def press(self, name: str) -> None:
        self.click(self.window.buttons[name].ax, 0.5, 0.5)

    def seen(self) -> np.ndarray:
        return np.asarray(self.canvas.buffer_rgba()).copy()

    def title(self) -> str:
        return self.window.panels.decay.axes.get_title(loc="left")


@pytest.fixture(scope="module")
def opened():
    with rc_context(page.STYLE):
        yield Hand()


@pytest.fixture
def hand(opened):
    """One window for all, as if it had just been opened: to make one takes longer than to use it."""
    opened.said.clear()
    opened.window.forget()
    opened.window._change(SMALL)
    return opened


@pytest.mark.parametrize("one_in", [3, deep(1)])  # of the sliders
def test_every_control_changes_its_setting_and_what_is_seen(one_in, hand):
    for name in [*LIMITS][::one_in]:
        before, pixels = hand.window.setup, hand.seen()
        hand.slide(name, 0.8)
        assert hand.window.setup != before
        assert hand.window.setup == replace(before, **{name: getattr(hand.window.setup, name)})
        low, high = LIMITS[name]
        assert low < getattr(hand.window.setup, name) <= high
        assert hand.window.sliders[name].valtext.get_text() == f"{getattr(hand.window.setup, name):g}"
        assert (hand.seen() != pixels).any()
    hand.slide("layers", 0.0)
    for name, word in (("layer", "gru"), ("recurrent_initializer", "he_uniform"), ("recurrent_initializer", OWN)):
        hand.choose(name, word)
        assert getattr(hand.window.setup, name) == (None if word == OWN else word)


@pytest.mark.deep
def test_what_is_seen_is_what_a_full_drawing_shows(hand):
    """Only what has changed is drawn again; nothing old may be left beside it, nothing new be missing."""
    moves = [
        lambda: hand.slide("gain", 0.7),
        lambda: hand.slide("gain", 0.9),
        lambda: hand.slide("gain", 0.7),  # what was drawn before is copied
        lambda: hand.press("keep"),
        lambda: hand.slide("steps", 0.6),
        lambda: hand.slide("input_scale", 0.3),
        lambda: hand.choose("layer", "lstm"),
        lambda: hand.choose("activation", "relu"),
        lambda: hand.slide("layers", 0.5),
        lambda: hand.choose("layer", "irnn"),
        lambda: hand.press("forget"),
        lambda: hand.click(hand.window.panels.map.axes, 0.2, 0.2),
        lambda: hand.press("save"),
    ]
    for number, move in enumerate(moves):
        move()
        seen = hand.seen()
        hand.canvas.draw()
        assert (seen == hand.seen()).all(), number


def test_the_dot_follows_the_mouse_over_the_map(hand):
    axes = hand.window.panels.map.axes
    hand.event("button_press_event", *axes.transAxes.transform((0.75, 0.5)))
    assert hand.window.setup.gain == pytest.approx(2.0, rel=1e-2)
    assert hand.window.setup.input_scale == pytest.approx(np.sqrt(0.1), rel=1e-2)
    hand.event("motion_notify_event", *axes.transAxes.transform((0.25, 0.5)))
    assert hand.window.setup.gain == pytest.approx(0.5, rel=1e-2)
    assert hand.window.sliders["gain"].val == pytest.approx(np.log10(hand.window.setup.gain))


def test_gain_one_is_a_place_of_its_slider(hand):
    hand.slide("gain", 0.93)
    assert hand.window.setup.gain != 1
    hand.slide("gain", 0.5)
    assert hand.window.setup.gain == 1


def test_a_word_that_the_layer_does_not_take_is_said_and_changes_nothing(hand):
    hand.choose("layer", "lstm")
    before = hand.window.setup
    hand.choose("activation", "relu")
    assert hand.window.setup == before
    assert hand.window.choices["activation"].value_selected == OWN
    assert hand.window._message.get_text() == "lstm takes no activation relu"
    hand.slide("gain", 0.6)
    assert "lstm takes" not in hand.window._message.get_text()


def test_a_kept_curve_stays_until_it_is_forgotten(hand):
    hand.press("keep")
    hand.press("keep")
    hand.slide("gain", 0.2)
    lines = [line.get_label() for line in hand.window.panels.decay.axes.get_lines()]
    assert [one.setup for one in hand.window.kept] == [SMALL]
    assert lines.count(SMALL.text) == 1
    hand.press("forget")
    assert SMALL.text not in [line.get_label() for line in hand.window.panels.decay.axes.get_lines()]


@pytest.mark.deep
def test_what_is_saved_is_drawn_again_by_the_command_that_it_says(hand, capsys):
    hand.press("keep")
    hand.choose("layer", "gru")
    hand.slide("gain", 0.37)
    hand.press("save")
    hand.press("save")
    assert sorted(path.name for path in Path("out").iterdir()) == ["explore-2.png", "explore.png"]
    first = Path("out/explore.png").read_bytes()
    told = hand.said[0].splitlines()
    assert told[0] == "wrote out/explore.png; it is drawn again by"
    assert told[1] == command(hand.window.setup, (SMALL,), "out/explore.png")
    assert told[1].encode() in first  # the picture says it too
    Path("out/explore.png").unlink()
    words = shlex.split(told[1])
    assert words[0] == "rnnlab"
    assert main(words[1:]) == 0
    assert capsys.readouterr().out == "wrote out/explore.png\n"
    assert Path("out/explore.png").read_bytes() == first
    assert image.imread("out/explore.png").shape[:2] == (1050, 1650)


def test_a_folder_that_cannot_be_written_is_said_in_the_window(hand, monkeypatch):
    Path("taken").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(hand.window, "folder", Path("taken"))
    hand.press("save")
    assert hand.window._message.get_text().startswith("cannot write taken/explore.png: ")
    assert hand.said == []


def test_a_run_that_explodes_is_said_and_the_next_is_shown(hand):
    hand.window._change(replace(SMALL, activation="identity", gain=1e40))
    assert "exploded" in hand.title()
    hand.slide("gain", 0.5)
    assert hand.title() == "12 steps back 1 of the gradient is left"


# With no screen at all


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a window needs no DISPLAY")
@pytest.mark.parametrize("backend", [{}, deep({"MPLBACKEND": "tkagg"})])
def test_without_a_display_it_says_what_to_do(backend):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | backend
    words = [sys.executable, "-m", "rnnlab", "explore", "--steps", "5", "--hidden", "3"]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("rnnlab explore: error: no window can be opened here")
    assert ended.stderr.endswith("--save explore.png draws the picture without a window\n")
    assert ended.stderr.count("\n") == 1
