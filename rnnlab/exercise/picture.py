"""The picture of an answer: the relative error of each array at each timestep."""

from typing import TYPE_CHECKING

import numpy as np

from rnnlab.exercise.answer import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 1e-17
"""Drawn for an error of 0, which a logarithmic scale cannot show; 1e-16 is roundoff."""


def draw(answer: Answer) -> "Figure":
    """A row for each array that has timesteps, a column for each timestep, from the start on the left to the loss.

    Raises:
        ValueError: the answer has no errors to draw, as what was checked could not be used.
    """
    from matplotlib.figure import Figure  # Matplotlib is loaded only where something is drawn

    if not answer.errors:
        raise ValueError(f"there is nothing to draw: {answer}")
    errors = np.array([[np.nan if e is None else max(e, LEAST) for e in its] for its in answer.errors.values()])
    rows, columns = errors.shape
    figure = Figure(figsize=(7, 1.6 + 0.4 * rows), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(np.log10(errors), aspect="auto", cmap="cividis", vmin=-17, vmax=0)
    axes.set_yticks(range(rows), list(answer.errors), fontsize=10)
    axes.set_xticks(range(0, columns, max(1, columns // 12)))
    axes.set_xlabel("timestep t", fontsize=10)
    axes.set_title(f"{answer.kind}, {answer.verdict}: step by step, {answer.case}", fontsize=10)
    if columns <= 12:
        for (row, t), error in np.ndenumerate(errors):
            if not np.isnan(error):
                words, ink = "0" if error == LEAST else f"{error:.0e}", "black" if error > 1e-8 else "white"
                axes.text(t, row, words, ha="center", va="center", fontsize=9, color=ink)
    bar = figure.colorbar(image, ax=axes)
    bar.set_ticks([-16, -12, -8, -4, 0], labels=["1e-16", "1e-12", "1e-8", "1e-4", "1"])
    bar.set_label("relative error", fontsize=10)
    return figure
