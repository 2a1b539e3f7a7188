"""Gradient descent down to the cliff as it runs: one step leaves the valley, unless it is clipped."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.gallery import captions, cliff, page
from rnnlab.gallery.cliff import CLIP, FAR, PATHS, RATE, STARTS, STEPS, lengths, path, swing
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "One step leaves the valley, unless it is clipped"
START = "top"
CLIPS = {"none": "without clipping", "norm": f"clipped to norm {CLIP}"}


@checked
def compute(
    *,
    updates: Annotated[int, Knob("of gradient descent", "updates", 1)] = 40,
    points: Annotated[int, Knob("the surface is drawn at so many w, and so many b", "points", 2)] = 61,
) -> Table:
    """The surface of `cliff` from far, and its two descents from the top.

    Returns:
        part ("surface" or "path"); clip ("none" or "norm"); update; w; b; error; gradient, as in `cliff`.
    """
    whole = cliff.compute(updates=updates, points=points)
    return whole.where(part="surface").above(whole.where(part="path", start=START))


@page.styled
def draw(table: Table) -> "Figure":
    """Left the way over the surface, right the error, after all updates: the last of the frames."""
    figure, (surface, errors) = page.page(1, 2, height=3.9, width=7)
    cliff.draw_surface(surface, table.where(part="surface"))
    surface.plot(*STARTS[START], "*", color="black", ms=10, mfc="white", zorder=4)
    for place, (clip, words) in enumerate(CLIPS.items()):
        _, color, line, marker = PATHS[START, clip]
        surface.plot([], [], color=color, ls=line, marker=marker, ms=3, lw=1.6)
        errors.plot([], [], color=color, ls=line, marker=marker, ms=3, lw=1.4)
        at: Any = {"transform": errors.transAxes, "fontsize": SMALL, "weight": "bold"}
        errors.text(0.04, 0.13 - 0.08 * place, words, color=color, **at)
    both = table.where(part="path")
    lowest = float(np.log10(max(both["error"].min(), 1e-12)))
    errors.set(yscale="log", ylim=(10 ** (lowest - 2), 1.0), xlim=(-1, both["update"].max() + 1))
    errors.set(xlabel="updates", ylabel="error E")
    page.label(surface, 5.25, -2.95, "the cliff", "black", fontsize=SMALL)
    show((surface, errors), table, int(both["update"].max()))
    return figure


def show(panels: "tuple[Axes, Axes]", table: Table, update: int) -> None:
    """Both descents as far as this update."""
    surface, errors = panels
    for clip, over, beside in zip(CLIPS, surface.lines[2:], errors.lines, strict=True):
        rows = path(table, START, clip).rows(slice(update + 1))
        over.set_data(rows["w"], rows["b"])
        beside.set_data(rows["update"], rows["error"])
    page.headline(surface, _thrown(table, update), 3.0)
    now = [f"{path(table, START, clip)['error'][update]:.2g}" for clip in CLIPS]
    page.headline(errors, f"update {update}: E = {now[0]}, clipped {now[1]}", 3.0)


def frames(table: Table) -> "Iterator[Figure]":
    """The figure after each update."""
    figure = draw(table)
    surface, errors, *_ = figure.axes
    for update in range(int(table["update"].max()) + 1):
        show((surface, errors), table, update)
        yield figure


def _thrown(table: Table, update: int) -> str:
    """What the longest step so far was, without clipping."""
    steps = lengths(path(table, START, "none"))[:update]
    if not len(steps):
        return "gradient descent, with and without clipping"
    if steps.max() < FAR:
        return f"up to update {update} no step is longer than {steps.max():.2g}"
    long = f"without clipping a step of length {steps.max():.2g}"
    return f"{update} updates: {long}, at update {steps.argmax() + 1}"


def caption(table: Table) -> str:
    free, bound = (path(table, START, clip) for clip in CLIPS)
    updates = int(free["update"][-1])
    longest = float(lengths(free).max(initial=0))
    ends = f"clipped, E swings {swing(bound)}"
    found = (
        f"One step of length {longest:.2g} leaves the valley, and E stays at {free['error'][-1]:.2g}; {ends}."
        if longest > FAR
        else f"Within {updates} updates no step is longer than {longest:.2g}; {ends}."
    )
    return captions.told(
        captions.finding(found),
        "Left the way of the weights over the error surface, the darker the larger the error, from the star; the black "
        "line is the cliff. Right the error after each update.",
        f"Pascanu's smallest recurrent net, x[t] = w σ(x[t-1]) + b, x[0] = {cliff.START}, E = (σ(x[{STEPS}]) - "
        f"{cliff.TARGET})²; gradient descent, rate {RATE}, {updates} updates.",
        [
            f"{words}: from E = {rows['error'][0]:.2g} to {rows['error'][-1]:.2g}, the longest step "
            f"{lengths(rows).max(initial=0):.2g}, the largest gradient {rows['gradient'].max():.3g}"
            for words, rows in zip(CLIPS.values(), (free, bound), strict=True)
        ],
    )
