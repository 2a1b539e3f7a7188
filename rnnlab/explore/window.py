"""The window: a slider or buttons for every setting, the panels drawn at every move, curves kept, pictures saved."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab import activations
from rnnlab.experiments.results import looks
from rnnlab.explore.measure import measure, phases
from rnnlab.explore.panels import Panel, Panels, Shown
from rnnlab.explore.screen import Region, Screen
from rnnlab.explore.setup import LIMITS, OFFERED, Setup, command, takes
from rnnlab.files import replacing
from rnnlab.gallery import page
from rnnlab.models import LAYERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN = "the layer's own"
"""The button for None."""

LOGARITHMIC = {"gain": 200, "input_scale": 20}
"""Sliders whose places are powers of 10, and how many for each decade; 1 is one of them."""

HINT = "click on the map to move the dot"

LABELS = {"gain": "gain", "input_scale": "input scale", "steps": "steps T", "hidden": "units H"}


def picture(setup: Setup, kept: tuple[Setup, ...], save: Path) -> None:
    """Write the four panels to a file: png, svg or pdf by its name.

    Raises:
        ValueError: another ending; the run exploded.
        OSError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    kind = save.suffix.removeprefix(".")
    if kind not in page.FORMATS:
        raise ValueError(f"a picture is saved as {', '.join(page.FORMATS)}; got {save}")
    shown, *others = [Shown(one, measure(one)) for one in (setup, *kept)]
    words = command(setup, kept, str(save))
    with rc_context(page.STYLE):
        figure = Figure(figsize=(11, 7))
        Panels(figure, 0.07, 0.11, 0.98, 0.95).show(shown, phases(setup), others)
        figure.text(0.07, 0.02, words, fontsize=9, color=looks.GREY)
        with replacing(save) as file:
            page.save(figure, file, kind, words)


class Window:
    """The controls and the panels in `figure`, which has a canvas.

    Attributes:
        setup: what is shown.
        kept: the grey curves.
        folder: where `save` writes.
    """

    def __init__(
        self,
        figure: "Figure",
        setup: Setup,
        kept: tuple[Setup, ...] = (),
        *,
        folder: Path,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        from matplotlib.widgets import Button, RadioButtons, Slider

        self.setup, self.kept = setup, [Shown(one, measure(one)) for one in kept]
        self.figure, self.folder, self._say = figure, folder, say
        self.panels = Panels(figure, 0.265, 0.26, 0.985, 0.955)
        self.choices: dict[str, RadioButtons] = {}
        self.sliders: dict[str, Slider] = {}
        self.buttons: dict[str, Button] = {}
        words = {
            "layer": (tuple(LAYERS), 0.74, 0.21),
            "activation": ((OWN, *activations.ACTIVATIONS), 0.49, 0.22),
            "recurrent_initializer": ((OWN, *OFFERED), 0.18, 0.28),
        }
        for name, (labels, bottom, height) in words.items():
            axes = figure.add_axes((0.01, bottom, 0.165, height), title=name.replace("_", " "))
            axes.spines[:].set_visible(False)
            value = getattr(setup, name)
            active = labels.index(value) if value in labels else 0
            self.choices[name] = RadioButtons(axes, labels, active=active, useblit=False)
            self.choices[name].on_clicked(partial(self._chosen, name))
        for place, name in enumerate(LIMITS):
            column, row = divmod(place, 3)
            axes = figure.add_axes((0.33 + 0.36 * column, 0.135 - 0.045 * row, 0.235, 0.03))
            options = self._slider_options(name)
            self.sliders[name] = Slider(axes, LABELS.get(name, name), **options)
            self.sliders[name].vline.set_visible(False)
            self.sliders[name].label.set_x(-0.04)
            self.sliders[name].on_changed(partial(self._slid, name))
        actions = {"keep": self.keep, "forget": self.forget, "save": self.save}
        for place, (name, action) in enumerate(actions.items()):
            axes = figure.add_axes((0.015 + 0.057 * place, 0.08, 0.05, 0.05))
            axes.spines[:].set_visible(False)
            self.buttons[name] = Button(axes, name)
            self.buttons[name].on_clicked(partial(_press, action))
        self._message = figure.text(0.015, 0.018, HINT, fontsize=9, color=looks.GREY)
        for widget in (*self.choices.values(), *self.sliders.values(), *self.buttons.values()):
            widget.drawon = False  # the screen draws it; by itself it would have everything drawn
        self._screen = Screen(figure, self._regions())
        for event in ("button_press_event", "motion_notify_event"):
            figure.canvas.mpl_connect(event, self._on_map)
        for layer in LAYERS:  # the maps that the first click on each layer will need
            phases(setup.with_layer(layer))
        self._follow()
        self.show()

    def _regions(self) -> list[Region]:
        """What is drawn by itself, and where."""
        column = self.panels.decay.axes.get_position().x1 + 0.012
        row = self.panels.states.axes.get_position().y1 + 0.04
        quarters = [
            (x, y, right - x, top - y)
            for y, top in ((row, 1.0), (0.18, row))
            for x, right in ((0.19, column), (column, 1.0))
        ]
        found = [Region(panel, box) for panel, box in zip(self.panels.each, quarters, strict=True)]
        for choice in self.choices.values():
            x, y, width, height = choice.ax.get_position().bounds
            found.append(Region(Panel(choice.ax), (x - 0.005, y, width + 0.01, height + 0.03)))
        for slider in self.sliders.values():
            x, y, width, height = slider.ax.get_position().bounds
            found.append(Region(Panel(slider.ax), (x - 0.075, y, width + 0.125, height)))
        return [*found, Region(Panel(self._message), (0.0, 0.0, 0.27, 0.06))]

    @staticmethod
    def _slider_options(name: str) -> dict[str, Any]:
        low, high = LIMITS[name]
        if name in LOGARITHMIC:
            count = LOGARITHMIC[name]
            places = np.arange(np.ceil(count * np.log10(low)), np.floor(count * np.log10(high)) + 1) / count
            return {"valmin": places[0], "valmax": places[-1], "valstep": places, "valinit": 0.0}
        return {"valmin": low, "valmax": high, "valstep": 1, "valinit": low}

    # What happens

    def _chosen(self, name: str, label: str) -> None:
        """A button of one of the three lists."""
        value = None if label == OWN else label
        if name == "layer":
            self._change(self.setup.with_layer(label))
        elif value in takes(self.setup.layer, name):
            self._change(self._with(name, value))
        else:
            self._follow()
            self._tell(f"{self.setup.layer} takes no {name.replace('_', ' ')} {label}")

    def _slid(self, name: str, value: float) -> None:
        """A slider; what the setup holds is round, so that its command is short and says it all."""
        new = float(f"{10**value:.3g}") if name in LOGARITHMIC else int(value)
        if new != getattr(self.setup, name):
            self._change(self._with(name, new))

    def _on_map(self, event: Any) -> None:
        """The map: pressed or dragged, the dot follows."""
        if event.inaxes is self.panels.map.axes and event.button == 1 and not self.figure.canvas.widgetlock.locked():
            gain, scale = (float(f"{value:.3g}") for value in (event.xdata, event.ydata))
            self._change(replace(self.setup, gain=gain, input_scale=scale))

    def _with(self, name: str, value: Any) -> Setup:
        changed: dict[str, Any] = {name: value}
        return replace(self.setup, **changed)

    def _change(self, setup: Setup) -> None:
        self.setup = setup
        self._follow()
        self.show()

    def keep(self) -> None:
        """Keep the curve as a grey one."""
        self.kept = [one for one in self.kept if one.setup != self.setup] + [Shown(self.setup, measure(self.setup))]
        self.show()

    def forget(self) -> None:
        """Remove the grey curves."""
        self.kept = []
        self.show()

    def save(self) -> Path:
        """Write the picture beside those that are there, and say which command draws it again."""
        number = 1
        while (path := self.folder / f"explore{f'-{number}' if number > 1 else ''}.png").exists():
            number += 1
        kept = tuple(one.setup for one in self.kept)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            picture(self.setup, kept, path)
        except OSError as error:
            self._tell(f"cannot write {path}: {error.strerror}")
        else:
            self._tell(f"wrote {path}")
            self._say(f"wrote {path}; it is drawn again by\n{command(self.setup, kept, str(path))}")
        return path

    # What is seen

    def show(self) -> None:
        """Measure and draw."""
        self._message.set_text(HINT)
        try:
            shown = Shown(self.setup, measure(self.setup))
            self.panels.show(shown, phases(self.setup), self.kept)
        except FloatingPointError:
            self.panels.fail("the run exploded beyond the largest float: turn the gain down")
        self._refresh()

    def _tell(self, words: str) -> None:
        self._message.set_text(words)
        self._refresh()

    def _refresh(self) -> None:
        """Tell the screen what decides about every control, and draw."""
        looked = [
            (choice.value_selected, *(text.get_color() for text in choice.labels)) for choice in self.choices.values()
        ]
        looked += [(slider.valtext.get_text(),) for slider in self.sliders.values()]
        for region, frame in zip(self._screen.regions[4:], [*looked, (self._message.get_text(),)], strict=True):
            region.panel.frame = frame
        self._screen.refresh()

    def _follow(self) -> None:
        """Every control as the setup has it, and grey what the layer does not take."""
        for name, choice in self.choices.items():
            labels = [text.get_text() for text in choice.labels]
            value = getattr(self.setup, name)
            label = OWN if value is None else value
            if label in labels and label != choice.value_selected:
                choice.eventson = False
                choice.set_active(labels.index(label))
                choice.eventson = True
            if name != "layer":
                for text in choice.labels:
                    word = None if text.get_text() == OWN else text.get_text()
                    text.set_color(looks.BLACK if word in takes(self.setup.layer, name) else "#B0B0B0")
        for name, slider in self.sliders.items():
            value = getattr(self.setup, name)
            slider.eventson = False
            place = np.log10(max(value, 1e-9)) if name in LOGARITHMIC else value
            slider.set_val(np.clip(place, slider.valmin, slider.valmax))
            slider.eventson = True
            slider.valtext.set_text(f"{value:g}")


def _press(action: Callable[[], object], event: object) -> None:
    action()


def open_window(setup: Setup, kept: tuple[Setup, ...], folder: Path, say: Callable[[str], None]) -> None:
    """Open the window, and return when it is closed.

    Raises:
        ValueError: there is no display, or nothing installed that can open a window.
    """
    import matplotlib
    from matplotlib import pyplot, rc_context
    from matplotlib.backends import registry

    backends: Any = registry
    no_windows = backends.backend_registry.list_builtin(backends.BackendFilter.NON_INTERACTIVE)
    advice = "--save explore.png draws the picture without a window"
    with rc_context(page.STYLE):
        try:
            figure = pyplot.figure("rnnlab explore", figsize=(12.5, 7.8))
        except Exception as error:  # of whatever toolkit Matplotlib has found
            raise ValueError(f"no window can be opened here ({error}): {advice}") from None
        if matplotlib.get_backend().lower() in no_windows:
            pyplot.close(figure)
            raise ValueError(
                "no window can be opened here: it needs a display (over SSH: ssh -X) and Tk or Qt (apt install "
                f"python3-tk, or pip install PyQt6), and MPLBACKEND not set; {advice}"
            )
        Window(figure, setup, kept, folder=folder, say=say)
        pyplot.show()
