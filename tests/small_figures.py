"""Tables of figures, each computed once for all tests that look at it; those of depth with their knobs turned down."""

from functools import cache

from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import (
    cliff,
    depth_vs_time,
    gradient_decay,
    jacobian_spectrum,
    phase_diagram,
    step_cost,
    truncation_error,
)
from rnnlab.gallery.figures import FIGURES
from rnnlab.table import Table

SMALL = {
    "gradient_decay": (gradient_decay, {"seeds": 3, "every": 10}),
    "depth_vs_time": (depth_vs_time, {"seeds": 3}),
    "jacobian_spectrum": (jacobian_spectrum, {"seeds": 1}),
    "phase_diagram": (phase_diagram, {"seeds": 1, "scales": 3, "steps": 40}),
    "cliff": (cliff, {}),
    "truncation_error": (truncation_error, {"seeds": 1, "ks": (1, 20, 40, 80, 120, 240)}),
    "step_cost": (step_cost, {"sizes": (16, 32), "steps": 10, "batch": 4, "inputs": 8, "rounds": 3}),
}


@cache
def small_table(name: str) -> Table:
    module, knobs = SMALL[name]
    return Table.parse(module.compute(**knobs).text())


@cache
def full_table(name: str) -> Table:
    return Table.parse(FIGURES[name].compute().text())


def curves(*runs: tuple[str, str, int, str, list[float]]) -> Table:
    """A table of runs, each (variant, model, seed, status, scores), a row of the log every 100 updates."""
    rows = [
        (variant, model, float(seed), status, 100.0 * n, score, score, 1.0, 10.0 * n)
        for variant, model, seed, status, scores in runs
        for n, score in enumerate(scores)
    ]
    return Table.of(CURVES, rows)


def titled(figure):
    """The panels by their titles, without the blanks that do not break."""
    return {plain(ax.get_title(loc="left")): ax for ax in figure.axes if ax.get_title(loc="left")}


def plain(words):
    return words.replace("\u00a0", " ").replace("\n", " ")


def found(caption):
    """The finding of a caption."""
    return caption.split("**")[1]
