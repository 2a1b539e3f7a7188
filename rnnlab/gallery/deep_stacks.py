"""Deep stacks: the character model with one to twenty-one layers, with shortcuts and without."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.results.ends import digits, present
from rnnlab.experiments.results.looks import GREY, look
from rnnlab.experiments.results.papers import reported
from rnnlab.experiments.results.tables import baseline
from rnnlab.gallery import captions, dots, learning, page
from rnnlab.gallery.knobs import checked
from rnnlab.gallery.learning import Jobs, RunsIn, RunSize
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "How deep a stack still learns"
RECIPE = "stacks"
MODELS = (
    "IndRNN",
    "IndRNN residual",
    "IndRNN residual, batch norm",
    "tanh RNN",
    "tanh RNN residual",
    "ReLU RNN",
    "LSTM",
)
TRIVIAL = "frequencies alone"


@checked
def compute(*, size: RunSize = "paper", root: RunsIn = learning.ROOT, jobs: Jobs = None) -> Table:
    """The curves of recipe "stacks"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _depths(table: Table) -> list[int]:
    return sorted(int(variant.split()[0]) for (variant,) in table.each("variant"))


def _bits(table: Table, model: str) -> dict[int, tuple[float, ...]]:
    """Of every depth at which there are runs the score of every seed."""
    every = {depth: learning.scores(table, RECIPE, f"{depth} layers", model) for depth in _depths(table)}
    return {depth: bits for depth, bits in every.items() if bits}


def _middles(table: Table) -> dict[tuple[str, int], float]:
    """The medians, of those that have one."""
    found = {
        (model, depth): float(np.median(bits))
        for model in present(table, MODELS)
        for depth, bits in _bits(table, model).items()
    }
    return {place: middle for place, middle in found.items() if np.isfinite(middle)}


@page.styled
def draw(table: Table) -> "Figure":
    """Left the bits against depth, right the curves of the deepest; the names at the right are those of both."""
    figure, (left, right) = page.page(1, 2, height=4.2, width=7, sharey=True, gridspec_kw={"width_ratios": [1.5, 1]})
    depths, models = _depths(table), present(table, MODELS)
    deepest = f"{depths[-1]} layers"
    for ax in (left, right):
        ax.axhline(baseline(RECIPE), color=GREY, lw=1.1, ls=(0, (1, 2)), zorder=1)
    known = [*_middles(table).values(), baseline(RECIPE)]
    left.set_ylim(min(known) - 0.1, max(known) + 0.35)
    for number, model in enumerate(models):
        _draw_model(left, table, model, 1.04 ** (number - (len(models) - 1) / 2))
    left.set(xscale="log", xlabel="layers", ylabel="bits per character")
    left.set_xticks(depths, [str(depth) for depth in depths])
    left.minorticks_off()
    left.annotate(f"{TRIVIAL}: {digits(baseline(RECIPE))}", (depths[0], baseline(RECIPE)), **_beside())
    page.headline(left, _found(table), 2.75)
    here = present(table.where(variant=deepest), models)
    most = float(table.where(variant=deepest)["update"].max())
    learning.draw_curves(right, table, deepest, here, every=1000 if most >= 5000 else 1)
    page.headline(right, f"At {depths[-1]} layers {_lowered(learning.pace(table, deepest, here))}", 1.9)
    figure.draw_without_rendering()
    learning.label_curves(right, table, deepest, here)
    for model in set(models) - set(here):
        _label_first(left, table, model)
    return figure


def _beside() -> dict[str, Any]:
    return {"xytext": (0, 3), "textcoords": "offset points", "color": GREY, "fontsize": dots.SMALL}


def _lowered(words: str) -> str:
    return words[0].lower() + words[1:] if words.startswith(("No ", "All")) else words


def _draw_model(ax: "Axes", table: Table, model: str, aside: float) -> None:
    """The medians joined, a dot for each seed, a cross on top where one diverged; `aside` keeps models apart."""
    color, line, marker = look(model)
    bits = _bits(table, model)
    places = aside * np.array(list(bits), float)
    middles = [float(np.median(seeds)) if np.isfinite(np.median(seeds)) else np.nan for seeds in bits.values()]
    ax.plot(places, middles, color=color, ls=line, lw=1.3, zorder=2, label=model)
    for place, seeds in zip(places, bits.values(), strict=True):
        kept = [score for score in seeds if np.isfinite(score)]
        ax.plot([place] * len(kept), kept, color=color, ls="none", marker=marker, ms=4.5, mfc="white", zorder=3)
        if len(kept) < len(seeds):
            ax.plot([place], [0.97], "x", color=color, ms=6, mew=1.6, transform=ax.get_xaxis_transform())


def _label_first(ax: "Axes", table: Table, model: str) -> None:
    """The name of a model that does not reach the deepest stack, below its first median."""
    middles = [(depth, middle) for (name, depth), middle in _middles(table).items() if name == model]
    if middles:
        where: dict[str, Any] = {
            "xytext": (0, -13),
            "textcoords": "offset points",
            "ha": "center",
            "fontsize": dots.SMALL,
        }
        ax.annotate(model, min(middles), color=look(model).color, **where)


def _found(table: Table) -> str:
    """Who is the best at the greatest depth, and what depth does to it and to the worst there."""
    deepest = _depths(table)[-1]
    last = {model: middle for (model, depth), middle in _middles(table).items() if depth == deepest}
    if not last:
        return f"At {_layers(deepest)} all diverged"
    best, worst = min(last, key=lambda model: last[model]), max(last, key=lambda model: last[model])
    said = f"At {_layers(deepest)} {best} is best, {digits(last[best])} bits"
    return f"{said}; {worst} has {digits(last[worst])}" if worst != best else said


def _layers(depth: int) -> str:
    return f"{depth} layer{'s' * (depth > 1)}"


def caption(table: Table) -> str:
    theirs = reported(RECIPE, "21 layers", "IndRNN residual")
    models = present(table, MODELS)
    numbers = [f"{model}: {_summary(table, model)}" for model in models]
    missing = learning.not_run(models, MODELS).removeprefix("; ")
    return captions.told(
        captions.finding(f"{_found(table)}.", f"{_found(table).partition(';')[0]}."),
        "Left, the fewest bits per character on held-out text, a dot for each seed, a line through the medians, each "
        "depth with the same number of updates; dotted the frequencies of single characters alone. Right, the deepest "
        f"as they learn; {learning.FALLS}.",
        learning.set_up(table, RECIPE),
        [
            *numbers,
            *([missing] if missing else []),
            *_lowest(table),
            f"The papers, on another text: {theirs.says} {theirs.unit} ({theirs.size})",
        ],
        RECIPES[RECIPE].about,
    )


def _summary(table: Table, model: str) -> str:
    return ", ".join(
        f"{_layers(depth)} {learning.spread(np.array(bits))}" for depth, bits in _bits(table, model).items()
    )


def _lowest(table: Table) -> list[str]:
    middles = _middles(table)
    if not middles:
        return []
    model, depth = min(middles, key=lambda place: middles[place])
    return [f"The lowest of all: {model} of {_layers(depth)}, {digits(middles[model, depth])}"]
