"""The eigenvalues of U in the complex plane, beside the unit circle, before and after training."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.experiments.results import looks
from rnnlab.experiments.results.ends import LEARNED
from rnnlab.gallery import captions, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Knob, Seed, Updates, checked, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.gallery.small_runs import BATCH, YARDSTICK, ToLearn, last_error, moments, outcome, rates, small_run
from rnnlab.network import Network
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The eigenvalues of U, before and after training"
MODELS = ("tanh RNN", "tanh RNN, glorot_uniform", "IRNN")
CLEAR = 0.01
"""How far from the unit circle an eigenvalue must be to count as outside of it: about what can be seen."""


@checked
def compute(
    *,
    steps: ToLearn = 10,
    hidden: Hidden = 40,
    updates: Updates = 1000,
    seed: Seed = 0,
    series: Annotated[Words, Knob("the models", names=MODELS)] = ALL,
) -> Table:
    """The models are trained on the adding problem.

    Returns:
        model; updates, 0 as initialised; error, held out, at the end (NaN as initialised, infinite if it diverged);
        real and imaginary, an eigenvalue of U.
    """
    rows: list[tuple[str | float, ...]] = []
    for model in chosen(series, MODELS):
        run = small_run(model, steps=steps, hidden=hidden, updates=updates, seed=seed)
        for network, made, error in ((run.before, 0, np.nan), (run.after, run.updates, run.error)):
            rows += [
                (model, float(made), error, float(value.real), float(value.imag)) for value in eigenvalues(network)
            ]
    return with_knobs(Table.of("model updates error real imaginary", rows), steps=steps, hidden=hidden, seed=seed)


def eigenvalues(network: Network) -> Any:
    """Those of the first layer's U, the largest first."""
    values = np.linalg.eigvals(network.layers[0].U)
    return values[np.lexsort((values.imag, -np.abs(values)))]


@page.styled
def draw(table: Table) -> "Figure":
    """A plane for each model: hollow as initialised, filled as trained, one scale for all."""
    models = [model for (model,) in table.each("model")]
    figure, panels = page.page(1, len(models), height=3.4, width=7, sharex=True, sharey=True)
    reach = 1.12 * max(1.0, *np.abs(table["real"]), *np.abs(table["imaginary"]))
    for ax, model in zip(panels, models, strict=True):
        _draw_plane(ax, table, model)
        page.headline(ax, _found(table, model), 2.0)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="real part")
    panels[0].set_ylabel("imaginary part")
    return figure


def _draw_plane(ax: "Axes", table: Table, model: str) -> None:
    angles = np.linspace(0, 2 * np.pi, 200)
    color, _, marker = looks.look(model)
    ax.plot(np.cos(angles), np.sin(angles), color=looks.GREY, lw=1, zorder=1)
    fills: tuple[Any, Any] = ("none", "full")
    for updates, fill in zip(moments(table, model), fills, strict=True):
        rows = table.where(model=model, updates=updates)
        label = "trained" if updates else "initialised"
        points: Any = {"color": color, "marker": marker, "fillstyle": fill, "ls": "none", "ms": 4.5, "mew": 0.9}
        ax.plot(rows["real"], rows["imaginary"], **points, label=label, zorder=3)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=SMALL, handletextpad=0.1)


def radius(table: Table, model: str, updates: float) -> float:
    """The largest |λ|."""
    rows = table.where(model=model, updates=updates)
    return float(np.hypot(rows["real"], rows["imaginary"]).max())


def outside(table: Table, model: str, updates: float) -> int:
    """How many eigenvalues lie outside of the unit circle by more than a hundredth."""
    rows = table.where(model=model, updates=updates)
    return int((np.hypot(rows["real"], rows["imaginary"]) > 1 + CLEAR).sum())


def _found(table: Table, model: str) -> str:
    start, end = moments(table, model)
    moved = f"{radius(table, model, start):.2f} → {radius(table, model, end):.2f}"
    return f"{model}: largest |λ| {moved}, {outcome(last_error(table, model))}"


def caption(table: Table) -> str:
    models = [model for (model,) in table.each("model")]
    moved = [model for model in models if outside(table, model, moments(table, model)[1]) > outside(table, model, 0)]
    largest = max(radius(table, model, moments(table, model)[1]) for model in models)
    made = [f"{moments(table, model)[1]:,.0f}" for model in models]
    said = f"Training moves eigenvalues of U out of the unit circle in {len(moved)} of {len(models)} nets"
    failed = [model for model in models if not last_error(table, model) < LEARNED]
    unlearned = f"; {listed(failed)} {'do' if len(failed) > 1 else 'does'} not learn" if failed else ""
    return captions.told(
        captions.finding(f"{said}, at most to {largest:.2f}{unlearned}.", f"{said}, at most to {largest:.2f}."),
        "A point is an eigenvalue of U, hollow as initialised, filled as trained; the circle is |λ| = 1. In a linear "
        "net the gradient would vanish with all of them inside and might explode with one outside; the slopes, 1 or "
        f"less, make it smaller still. The titles give the largest |λ|, before and after. {YARDSTICK}",
        f"The adding problem, {setting(table, 'steps', 'hidden', 'seed')}, Adam, learning rates {rates(models)}, "
        f"batches of {BATCH}; {listed(list(dict.fromkeys(made)))} updates.",
        [_numbers(table, model) for model in models],
    )


def _numbers(table: Table, model: str) -> str:
    start, end = moments(table, model)
    return (
        f"{model}: largest |λ| {radius(table, model, start):.3f} as initialised, {radius(table, model, end):.3f} after "
        f"{end:,.0f} updates, {outcome(last_error(table, model))}; outside of the circle by more than {CLEAR:g} "
        f"{outside(table, model, start)} and "
        f"{outside(table, model, end)}"
    )
