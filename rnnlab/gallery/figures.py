"""The table of the figures: a name a line, each the name of its module."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUTES: dict[str, tuple[str, ...]] = {
    "Why it vanishes": (
        "hero",
        "backward_pass",
        "gradient_decay",
        "unrolled",
        "activation_slopes",
        "initializer_survey",
        "signal_in_layers",
        "depth_vs_time",
        "jacobian_spectrum",
        "phase_diagram",
    ),
    "Remedies": ("irnn_memory", "indrnn_range", "cliff_descent", "cliff", "truncation_error"),
    "Do they learn?": (
        "tasks",
        "adding_problem",
        "gradient_while_learning",
        "gradient_map",
        "recurrent_spectrum",
        "saliency",
        "pixel_digits",
        "character_model",
        "phoneme_frames",
        "deep_stacks",
        "initializer_learning",
    ),
    "Is it right, and how fast?": ("oracle_errors", "step_cost", "speed", "parallelism"),
}
"""The ways through the gallery."""
NAMES = tuple(name for names in ROUTES.values() for name in names)
"""In the order of the gallery."""


class FigureModule(Protocol):
    """What every module of the gallery has. `compute` declares its knobs (see `knobs`); all have defaults.

    `caption` and `draw` hold for every setting of the knobs: a number follows from the table, a word from the numbers.
    Matplotlib is loaded by `draw` alone. The table of a figure that measures time, or trains for hours, is made once,
    kept among the recorded results, and drawn again. One that trains has RECIPE besides, the name of its experiment;
    one that moves has `frames`, the figure at each moment, of which `draw` gives the last.
    """

    TITLE: str

    def compute(self, **knobs: Any) -> Table: ...

    def draw(self, table: Table, *, scale: float = 1.0) -> "Figure": ...

    def caption(self, table: Table) -> str: ...


FIGURES = {name: cast(FigureModule, import_module(f"rnnlab.gallery.{name}")) for name in NAMES}


def frames(name: str) -> "Callable[[Table], Iterable[Figure]] | None":
    """What draws a moving figure moment by moment; None of one that stands still."""
    return cast("Callable[[Table], Iterable[Figure]] | None", getattr(FIGURES[name], "frames", None))


def recipe(name: str) -> str | None:
    """The experiment that the figure comes from; None if it is not trained for."""
    return cast("str | None", getattr(FIGURES[name], "RECIPE", None))


BEARS_ON = {
    "gradient_decay": ("C4", "C8"),
    "hero": ("C4", "C8"),
    "backward_pass": ("C8",),
    "initializer_survey": ("C1", "C4", "C5"),
    "activation_slopes": ("C15", "C16"),
    "depth_vs_time": ("C15", "C16", "C17"),
    "jacobian_spectrum": ("C4",),
    "phase_diagram": ("C17", "C18"),
    "irnn_memory": ("C8", "C9"),
    "indrnn_range": ("C18",),
    "step_cost": ("C10", "C11"),
    "parallelism": ("C7",),
    "adding_problem": ("C10", "C18"),
    "gradient_while_learning": ("C10",),
    "pixel_digits": ("C12", "C18"),
    "character_model": ("C13", "C18"),
    "phoneme_frames": ("C9", "C14", "C18"),
    "deep_stacks": ("C18",),
    "initializer_learning": ("C1", "C2", "C3", "C4", "C5", "C6"),
}
"""The claims that each figure bears on, by their names in CLAIMS.md: its page links to them, and they to it."""
