"""The table of the figures: a name a line, each the name of its module."""

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = (
    "gradient_decay",
    "initializer_survey",
    "activation_slopes",
    "depth_vs_time",
    "jacobian_spectrum",
    "phase_diagram",
    "irnn_memory",
    "indrnn_range",
    "cliff",
    "truncation_error",
    "oracle_errors",
    "step_cost",
    "speed",
    "parallelism",
    "tasks",
    "adding_problem",
    "gradient_while_learning",
    "pixel_digits",
    "character_model",
    "phoneme_frames",
    "deep_stacks",
    "initializer_learning",
)
"""In the order of the gallery."""


class FigureModule(Protocol):
    """What every module of the gallery has. `compute` takes its knobs by keyword; all have defaults.

    `caption` and `draw` hold for every setting of the knobs: a number follows from the table, a word from the numbers.
    Matplotlib is loaded by `draw` alone. The table of a figure that measures time, or trains for hours, is made once,
    kept among the recorded results, and drawn again. One that trains has RECIPE besides, the name of its experiment.
    """

    TITLE: str

    def compute(self) -> Table: ...

    def draw(self, table: Table) -> "Figure": ...

    def caption(self, table: Table) -> str: ...


FIGURES = {name: cast(FigureModule, import_module(f"rnnlab.gallery.{name}")) for name in NAMES}


def recipe(name: str) -> str | None:
    """The experiment that the figure comes from; None if it is not trained for."""
    return cast("str | None", getattr(FIGURES[name], "RECIPE", None))
