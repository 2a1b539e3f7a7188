"""The cliff: the error surface of the smallest recurrent net, and gradient descent on it with and without clipping."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.activations import Sigmoid
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, checked
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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

FAR = 10 * RATE * CLIP
"""A step is a long one if clipping would not have allowed a tenth of it."""
DARKNESS = (1e-3, 30.0)
"""The errors where the colours begin and end."""
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
    """Above the surface with the four paths on it, far and near; below the error update by update."""
    figure, (surface, near, *below) = page.page(2, 2, height=6.6, width=7)
    for part, ax in (("surface", surface), ("near", near)):
        draw_surface(ax, table.where(part=part))
        for (start, clip), (_, color, line, marker) in PATHS.items():
            rows = path(table, start, clip)
            ax.plot(rows["w"], rows["b"], color=color, ls=line, marker=marker, ms=2.5, lw=1.2)
            draw_throw(ax, rows, color)
        for w, b in STARTS.values():
            ax.plot([w], [b], "*", color=looks.BLACK, ms=10, mfc="white", zorder=4)
    page.headline(surface, _thrown(table), 3.0)
    page.headline(near, f"clipped to {CLIP}, no step is longer than {_longest(table):.2g}", 3.0)
    _name(surface, 5.25, -2.95, "the cliff", looks.BLACK)
    _name(near, 4.62, -2.13, "start, top", looks.BLACK)
    _name(near, 4.715, -2.86, "start, foot", looks.BLACK)
    for ax, start in zip(below, STARTS, strict=True):
        _draw_errors(ax, table, start)
    below[0].set_ylabel("error E")
    return figure


def draw_surface(ax: "Axes", rows: Table) -> None:
    """The darker, the larger the error, on a logarithmic scale; a line on the crest where it is a cliff."""
    from matplotlib.colors import LogNorm

    ws, bs = np.unique(rows["w"]), np.unique(rows["b"])
    values = np.maximum(rows["error"].reshape(len(bs), len(ws)), DARKNESS[0])
    ax.pcolormesh(ws, bs, values, cmap="Greys", norm=LogNorm(*DARKNESS), shading="gouraud", rasterized=True)
    sharp = np.linspace(1 / growth(1.0), ws[-1], 50)
    ax.plot(sharp, crest(sharp), color=looks.BLACK, lw=1.2)
    ax.set(xlabel="w", ylabel="b", xlim=(ws[0], ws[-1]), ylim=(bs[0], bs[-1]))
    ax.grid(visible=False)


def draw_throw(ax: "Axes", rows: Table, color: str) -> None:
    """An arrow on every step ten times as long as a clipped one may be."""
    for n in np.flatnonzero(lengths(rows) > FAR):
        ends: Any = {"xy": (rows["w"][n + 1], rows["b"][n + 1]), "xytext": (rows["w"][n], rows["b"][n])}
        arrow: Any = {"arrowstyle": "-|>", "color": color, "lw": 1.6, "mutation_scale": 14, "shrinkA": 0, "shrinkB": 2}
        head = ax.annotate("", **ends, arrowprops=arrow, annotation_clip=False).arrow_patch
        if head is not None:
            head.set_clip_path(ax.patch)


def _name(ax: "Axes", w: float, b: float, words: str, color: str) -> None:
    page.label(ax, w, b, words, color, fontsize=SMALL)


def _draw_errors(ax: "Axes", table: Table, start: str) -> None:
    """Both descents from one start; each named where it ends."""
    ends = {}
    for clip in ("none", "norm"):
        _, color, line, marker = PATHS[start, clip]
        rows = path(table, start, clip)
        ax.plot(rows["update"], rows["error"], color=color, ls=line, marker=marker, ms=2.5, lw=1.2)
        ends[clip] = rows
    page.headline(ax, f"from the {start}: {_outcome(ends['none'], ends['norm'])}", 3.0)
    ax.set(xlabel="updates", yscale="log", ylim=(1e-7, 2))
    at: Any = {"transform": ax.transAxes, "fontsize": SMALL}
    for place, clip in ((0.14, "none"), (0.05, "norm")):
        words = "without clipping" if clip == "none" else "clipped"
        ax.text(0.04, place, words, color=PATHS[start, clip][1], weight="bold", **at)


def _outcome(free: Table, bound: Table) -> str:
    """Where the descent ends, and between which errors the clipped one swings over the second half of the updates."""
    return f"E ends at {free['error'][-1]:.2g}; clipped it swings {swing(bound)}"


def swing(rows: Table) -> str:
    """From the smallest to the largest error in the second half of a descent."""
    late = rows["error"][len(rows["error"]) // 2 :]
    return f"between {late.min():.1g} and {late.max():.1g}"


def path(table: Table, start: str, clip: str) -> Table:
    """One descent."""
    return table.where(part="path", start=start, clip=clip)


def lengths(rows: Table) -> Scalars:
    """Of the steps of a descent."""
    found: Scalars = np.hypot(np.diff(rows["w"]), np.diff(rows["b"]))
    return found


def _longest(table: Table) -> float:
    """The longest of the clipped steps."""
    return max(float(lengths(path(table, start, "norm")).max()) for start in STARTS)


def _thrown(table: Table) -> str:
    """What the longest steps do without clipping, if any is longer than clipping allows ten times over."""
    longest = [float(lengths(path(table, start, "none")).max()) for start in STARTS]
    far = [length for length in longest if length > FAR]
    if not far:
        return f"without clipping no step is longer than {max(longest):.2g}"
    several = captions.listed([f"{length:.2g}" for length in far])
    return f"without clipping single steps of length {several} leave the cliff"


def caption(table: Table) -> str:
    _, leap = _throw(table, "top")
    w = float(leap["w"][0])
    bound = path(table, "top", "norm")
    free = path(table, "top", "none")
    return captions.told(
        captions.finding(
            f"{_thrown(table).capitalize()}; clipped, the descent stays near it and E swings {swing(bound)}.",
            f"{_thrown(table).capitalize()}; clipped, E swings {swing(bound)}.",
            f"{_thrown(table).capitalize()}.",
        ),
        "Above, the darker the larger the error; stars are the starts, a dot is an update, an arrow a long step; the "
        "black line is the cliff. Below, the error after each update.",
        f"Pascanu's smallest recurrent net, x[t] = w σ(x[t-1]) + b, x[0] = {START}, E = (σ(x[{STEPS}]) - {TARGET})²; "
        f"gradient descent, rate {RATE}, {free['update'][-1]:.0f} updates, the gradient clipped to norm {CLIP}.",
        [
            *(f"from the {start}: {_said(table, start)}" for start in STARTS),
            f"clipped, no step is longer than {_longest(table):.2g}; from the top E = {bound['error'][-1]:.0e} after "
            f"{bound['update'][-1]:.0f} updates; in the second half it swings {swing(bound)}, as the descent "
            "steps over the cliff and comes back",
        ],
        f"For w > {1 / growth(1.0):.2f} the line b = {START} - w σ({START}) is a cliff: on it x[0] is a fixed point "
        f"that repels, and a state beside it leaves by a factor {growth(w):.3f} a step, {growth(w) ** STEPS:.0f} in "
        f"{STEPS} (w = {w:.2f}).",
    )


def _throw(table: Table, start: str) -> tuple[int, Table]:
    """The longest step without clipping: after how many updates, and the row it starts from."""
    rows = path(table, start, "none")
    last = int(lengths(rows).argmax())
    return last, rows.where(update=float(last))


def _said(table: Table, start: str) -> str:
    free = path(table, start, "none")
    last, leap = _throw(table, start)
    length = float(lengths(free).max())
    if length < FAR:
        return f"no step is longer than {length:.2g} in {free['update'][-1]:.0f} updates"
    return (
        f"down to E = {free['error'][: last + 1].min():.0e} it oversteps, and meets a gradient of "
        f"{leap['gradient'][0]:.3g} after {last} updates: one step of length {length:.3g} throws it to "
        f"({free['w'][last + 1]:.2f}, {free['b'][last + 1]:.2f}), where the gradient is "
        f"{free['gradient'][last + 1]:.0e}; after {free['update'][-1]:.0f} updates E = {free['error'][-1]:.3f}"
    )
