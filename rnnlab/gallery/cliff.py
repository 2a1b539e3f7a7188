"""The cliff: the error surface of the smallest recurrent net, and gradient descent on it with and without clipping."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.activations import Sigmoid
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The cliff, and the step that leaves it"
SIGMOID = Sigmoid()
START, TARGET, STEPS = 0.5, 0.7, 50
"""x[0], what σ(x[50]) should be, and how many steps it is to there."""
RATE, CLIP = 0.1, 0.5
"""Of gradient descent: the learning rate, and the norm that a clipped gradient has at most."""
STARTS = {"top": (4.6, -2.1), "foot": (4.7, -2.85)}
PATHS = {
    ("top", "none"): ("from the top", looks.RED, "--", "o"),
    ("foot", "none"): ("from the foot", looks.ORANGE, ":", "s"),
    ("top", "norm"): ("from the top, clipped", looks.BLUE, "-", "o"),
    ("foot", "norm"): ("from the foot, clipped", looks.BLACK, "-.", "s"),
}

WINDOWS = {"surface": ((4.0, 7.0), (-3.2, 1.3)), "near": ((4.35, 4.85), (-2.95, -2.05))}
"""The parts of the plane that are shown: w from, to; b from, to."""

Scalars = NDArray[Any]


def error(w: Scalars, b: Scalars) -> tuple[Scalars, list[Scalars]]:
    """E of every pair (w, b), and the states x[0] … x[STEPS].

        x[t] = w σ(x[t-1]) + b,  x[0] = START
        E = (σ(x[STEPS]) - TARGET)²

    Source: Pascanu, Mikolov, Bengio (2013), arXiv 1211.5063, §2.3, eq. 8 and fig. 6.
    """
    xs = [np.full_like(w, START)]
    for _ in range(STEPS):
        xs.append(w * _sigmoid(xs[-1]) + b)
    return (_sigmoid(xs[-1]) - TARGET) ** 2, xs


def gradient(w: Scalars, b: Scalars) -> tuple[Scalars, Scalars]:
    """dE/dw and dE/db, by hand."""
    _, xs = error(w, b)
    h = _sigmoid(xs[-1])
    dx = 2 * (h - TARGET) * h * (1 - h)
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for x in xs[-2::-1]:
        h = _sigmoid(x)
        dw += dx * h  # dw = Σ_t dx[t] σ(x[t-1])
        db += dx  # db = Σ_t dx[t]
        dx = dx * w * h * (1 - h)  # dx[t-1] = dx[t] w σ'(x[t-1]): above w σ' = 1 it explodes
    return dw, db


def _sigmoid(x: Scalars) -> Scalars:
    h = x.copy()
    SIGMOID.apply(h)
    return h


def clipped(step: Scalars, norm: float) -> Scalars:
    """`step`, no longer than `norm`, in the same direction."""
    return step * min(1.0, norm / max(float(np.hypot(*step)), 1e-300))


@checked
def compute(
    *,
    updates: Annotated[int, Knob("of gradient descent from each start", "updates", 1)] = 40,
    points: Annotated[int, Knob("the surface is drawn at so many w, and so many b", "points", 2)] = 61,
) -> Table:
    """The surface, far and near, and plain gradient descent on it from two starts, with and without clipping by norm.

    Returns:
        part ("surface", "near" or "path"); start; clip ("none" or "norm"); update, how many there have been; w; b;
        error, E there (of a surface to six digits); gradient, |dE/d(w, b)| there, before it is clipped.
    """
    rows: list[tuple[str | float, ...]] = []
    for part, ((left, right), (bottom, top)) in WINDOWS.items():
        w, b = np.meshgrid(np.linspace(left, right, points).round(4), np.linspace(bottom, top, points).round(4))
        values = error(w, b)[0].round(6)
        rows += [
            (part, "", "", 0.0, *point, np.nan) for point in np.stack((w, b, values), axis=-1).reshape(-1, 3).tolist()
        ]
    for start, clip in PATHS:
        at: Scalars = np.array(STARTS[start])
        for update in range(updates + 1):
            step = np.array(gradient(*at[:, None]))[:, 0]
            value = float(error(*at[:, None])[0][0])
            rows.append(("path", start, clip, float(update), *at.tolist(), value, float(np.hypot(*step))))
            at = at - RATE * (clipped(step, CLIP) if clip == "norm" else step)
    return Table.of("part start clip update w b error gradient", rows)


def crest(w: Scalars) -> Scalars:
    """The b at which x[0] is a fixed point, w σ(x[0]) + b = x[0]: where it repels, the cliff, x goes up or down."""
    b: Scalars = START - w * _sigmoid(np.full_like(w, START))
    return b


def growth(w: float) -> float:
    """w σ'(x[0]): by what the gradient is multiplied in each step on the crest; the fixed point repels if > 1."""
    h = float(_sigmoid(np.array([START]))[0])
    return w * h * (1 - h)


@page.styled
def draw(table: Table) -> "Figure":
    """The surface with the four paths on it, the same near the cliff, and the error update by update."""
    figure, (surface, near, errors) = page.page(1, 3, height=4.6, width=12)
    for part, ax in (("surface", surface), ("near", near)):
        rows = table.where(part=part)
        ws, bs = np.unique(rows["w"]), np.unique(rows["b"])
        values = rows["error"].reshape(len(bs), len(ws))
        image = ax.pcolormesh(ws, bs, values, cmap="Greys", vmin=0, vmax=0.8, shading="nearest", rasterized=True)
        sharp = np.linspace(1 / growth(1.0), ws[-1], 50)
        ax.plot(sharp, crest(sharp), color=looks.BLACK, lw=0.8)
        for (start, clip), (name, color, line, marker) in PATHS.items():
            path = table.where(part="path", start=start, clip=clip)
            ax.plot(path["w"], path["b"], color=color, ls=line, marker=marker, ms=2.5, lw=1.2, label=name)
        for w, b in STARTS.values():
            ax.plot([w], [b], "*", color=looks.BLACK, ms=10, mfc="white")
        ax.set(xlabel="w", ylabel="b", xlim=WINDOWS[part][0], ylim=WINDOWS[part][1])
        ax.grid(visible=False)
    bar = figure.colorbar(image, ax=near, shrink=0.6)
    bar.set_label("error E, both panels")
    for (start, clip), (name, color, line, marker) in PATHS.items():
        if start == "top":
            path = table.where(part="path", start=start, clip=clip)
            errors.plot(path["update"], path["error"], color=color, ls=line, marker=marker, ms=2.5, lw=1.2, label=name)
    surface.set(title="the error surface E(w, b)")
    near.set(title="near the cliff")
    errors.set(title="from the top, update by update", xlabel="updates", ylabel="E", yscale="log", ylim=(3e-7, 0.3))
    page.label(surface, 5.35, crest(np.array([5.2]))[0], "the cliff", looks.BLACK)
    surface.legend(loc="upper left")
    errors.legend(loc="lower left")
    return figure


def caption(table: Table) -> str:
    def path(start: str, clip: str) -> Table:
        return table.where(part="path", start=start, clip=clip)

    def steps(rows: Table) -> Scalars:
        lengths: Scalars = np.hypot(np.diff(rows["w"]), np.diff(rows["b"]))
        return lengths

    def throw(start: str) -> tuple[int, Table]:
        rows = path(start, "none")
        last = int(steps(rows).argmax())
        return last, rows.where(update=float(last))

    def thrown(start: str) -> str:
        """What the longest step from there did, if any was longer than clipping allows ten times over."""
        free = path(start, "none")
        last, leap = throw(start)
        length = float(steps(free).max())
        if length < 10 * RATE * CLIP:
            return f"from the {start} no step is longer than {length:.2g} in {free['update'][-1]:.0f} updates"
        return (
            f"from the {start} down to E = {free['error'][: last + 1].min():.0e} it oversteps, and meets a gradient of "
            f"{leap['gradient'][0]:.3g} after {last} updates: one step of length {length:.3g} throws it to "
            f"({free['w'][last + 1]:.2f}, {free['b'][last + 1]:.2f}), where the gradient is "
            f"{free['gradient'][last + 1]:.0e}; after {free['update'][-1]:.0f} updates E = {free['error'][-1]:.3f}"
        )

    bound = path("top", "norm")
    _, leap = throw("top")
    w = float(leap["w"][0])
    longest = max(float(steps(path(start, "norm")).max()) for start in STARTS)
    return (
        f"Pascanu's smallest recurrent net, x[t] = w σ(x[t-1]) + b, x[0] = {START}, E = (σ(x[{STEPS}]) - {TARGET})². "
        f"For w > {1 / growth(1.0):.2f} the line b = {START} - w σ({START}) is a cliff: on it x[0] is a fixed point "
        f"that repels, and a state beside it leaves by a factor {growth(w):.3f} a step, {growth(w) ** STEPS:.0f} in "
        f"{STEPS} (w = {w:.2f}). Gradient descent at rate {RATE}: {'; '.join(map(thrown, STARTS))}. With the gradient "
        f"clipped to norm {CLIP} no step is longer than {longest:.2g}; from the top it is at E = "
        f"{bound['error'][-1]:.0e} after {bound['update'][-1]:.0f} updates, at best at {bound['error'].min():.0e}. "
        "(Stars: the starts.)"
    )
