"""Neuron by neuron and step by step: the gradient of every unit, as initialised and as trained."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.experiments.results.ends import LEARNED, digits
from rnnlab.gallery import captions, page
from rnnlab.gallery.captions import listed
from rnnlab.gallery.knobs import Hidden, Knob, Seed, Updates, checked, knob, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.gallery.small_runs import BATCH, YARDSTICK, ToLearn, last_error, moments, outcome, rates, small_run
from rnnlab.network import Network
from rnnlab.table import Table
from rnnlab.tasks import Adding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which units carry the gradient, as initialised and as trained"
MODELS = ("tanh RNN", "IRNN", "GRU")
SEQUENCES = 64
"""Held-out sequences over which the gradient of a unit is averaged."""
FAINTEST = 1e-6
"""The scale of colours ends here; what is below is black."""
MOST = 0.9
"""The share of the squared gradient at h[0] that is looked for in as few units as possible."""


@checked
def compute(
    *,
    steps: ToLearn = 30,
    hidden: Hidden = 30,
    updates: Updates = 800,
    seed: Seed = 0,
    series: Annotated[Words, Knob("the models", names=MODELS)] = ALL,
) -> Table:
    """Each model is trained on the adding problem; the loss here is its output, so |dL/dh[T]| does not fade with it.

    Returns:
        model; updates, 0 as initialised; error, held out, at the end (NaN as initialised); t; unit; size, the root of
        the mean square of dL/dh[t] over the sequences, with |dL/dh[T]| = 1, to four digits.
    """
    rows: list[tuple[str | float, ...]] = []
    for model in chosen(series, MODELS):
        run = small_run(model, steps=steps, hidden=hidden, updates=updates, seed=seed)
        for network, made, error in ((run.before, 0, np.nan), (run.after, run.updates, run.error)):
            sizes = _sizes(network, steps)
            rows += [
                (model, float(made), error, float(t), float(unit), float(f"{size:.3e}"))
                for t, line in enumerate(sizes)
                for unit, size in enumerate(line)
            ]
    return with_knobs(Table.of("model updates error t unit size", rows), steps=steps, hidden=hidden, seed=seed)


def _sizes(network: Network, steps: int) -> Array:
    """(T+1, H), the size of every unit's gradient at every step."""
    xs, _ = Adding(steps).batch(np.random.default_rng([steps, 3]), SEQUENCES)
    trace = network.forward(xs)
    (states, *_) = network.backward(trace, np.ones_like(trace.ys)).states.values()
    squares = np.square(states).mean(axis=1)  # (T+1, H)
    last = squares[-1].sum()
    sizes: Array = np.sqrt(squares / (last if last > 0 else 1.0))
    return sizes


@page.styled
def draw(table: Table) -> "Figure":
    """A row for each model: left as initialised, right as trained, the units sorted by what is left of them at h[0]."""
    models = [model for (model,) in table.each("model")]
    figure, panels = page.page(len(models), 2, height=2.25 * len(models) + 0.7, width=7, sharex=True, sharey=True)
    for number, model in enumerate(models):
        for ax, updates in zip(panels[2 * number : 2 * number + 2], moments(table, model), strict=True):
            image = _draw_map(ax, table.where(model=model, updates=updates))
            page.headline(ax, _found(table, model, updates), 3.0)
    for ax in panels[::2]:
        ax.set_ylabel("units, sorted")
    for ax in panels[-2:]:
        ax.set_xlabel("step t; the loss reads the last")
    bar = figure.colorbar(image, ax=panels, location="bottom", shrink=0.6, aspect=40, extend=_beyond(table))
    bar.set_label("|dL/dh[t]| of a unit, beside that of all units at the last step")
    return figure


def _beyond(table: Table) -> str:
    """At which ends of the scale of colours there is an arrow, because sizes go beyond it."""
    return "both" if table["size"].max() > 1 + 1e-3 else "min"


def _map(rows: Table) -> NDArray[np.float64]:
    """(H, T+1), the units sorted by their gradient at h[0], or where that is gone at the step after it, and so on."""
    units = len(rows.each("unit"))
    sizes = np.array(rows["size"]).reshape(-1, units).T
    order = np.lexsort(sizes.T[::-1])[::-1]  # h[0] decides first
    return np.array(sizes[order])


def _draw_map(ax: "Axes", rows: Table) -> Any:
    from matplotlib.colors import LogNorm

    sizes = _map(rows)
    units, steps = sizes.shape
    box = (-0.5, steps - 0.5, units - 0.5, -0.5)
    colours: Any = {"cmap": "inferno", "norm": LogNorm(FAINTEST, 1.0), "interpolation": "nearest"}
    image = ax.imshow(np.maximum(sizes, FAINTEST / 10), aspect="auto", extent=box, **colours)
    ax.set_yticks([])
    ax.grid(visible=False)
    return image


def left(rows: Table) -> float:
    """What is left of the gradient at h[0]."""
    return float(np.sqrt(np.square(rows.where(t=0.0)["size"]).sum()))


def carriers(rows: Table) -> int:
    """The fewest units that have nine tenths of the squared gradient at h[0]; 0 if nothing is left."""
    squares = np.sort(np.square(rows.where(t=0.0)["size"]))[::-1]
    total = squares.sum()
    return int(np.searchsorted(np.cumsum(squares), MOST * total) + 1) if total > 0 else 0


def share(value: float) -> str:
    """As "12.3 %", "0.006 %", and smaller ones as "2e-07"."""
    if value >= 1e-3:
        return f"{digits(100 * value)} %"
    return (
        f"{float(f'{100 * value:.0e}'):.4f}".rstrip("0") + " %"
        if value >= 1e-6
        else f"{value:.0e}"
        if value
        else "nothing"
    )


def _found(table: Table, model: str, updates: float) -> str:
    rows = table.where(model=model, updates=updates)
    when = f"after {updates:,.0f} updates" if updates else "as initialised"
    few = carriers(rows)
    units = f", in {few} unit{'s' * (few > 1)}" if few else ""
    ended = f"; {outcome(last_error(table, model))}" if updates else ""
    return f"{model} {when}: {share(left(rows))} left{units}{ended}"


def caption(table: Table) -> str:
    models = [model for (model,) in table.each("model")]
    change = {
        model: tuple(left(table.where(model=model, updates=at)) for at in moments(table, model)) for model in models
    }
    learned = [model for model in models if last_error(table, model) < LEARNED]
    order = sorted(learned or models, key=lambda model: change[model][1] / max(change[model][0], 1e-300))
    before, after = map(share, change[order[-1]])
    does = "learns" if learned else "does not learn"
    said = f"{order[-1]} {does}: {before} of its gradient left at h[0] becomes {after}"
    others = [model for model in models if model not in learned]
    return captions.told(
        captions.finding(
            f"{said}; {listed(others)} {'do' if len(others) > 1 else 'does'} not."
            if learned and others
            else f"{said}.",
            f"{said}.",
        ),
        "A row of a map is a unit, a column a step: bright where the unit's dL/dh[t] is large, black where it is gone. "
        "Units are sorted by what they have at h[0]; the titles count those that have nine tenths of its square. "
        f"{YARDSTICK}",
        f"The adding problem, {setting(table, 'steps', 'hidden', 'seed')}, Adam, learning rates {rates(models)}, "
        f"batches of {BATCH}; root mean square over {SEQUENCES} held-out sequences.",
        [_numbers(table, model) for model in models],
    )


def _numbers(table: Table, model: str) -> str:
    start, end = moments(table, model)
    after = table.where(model=model, updates=end)
    error = float(after["error"][-1]) if end else np.nan
    units = f"{knob(table, 'hidden'):.0f} units"
    learned = f", held-out error {digits(error)}" if np.isfinite(error) else ", diverged" if np.isinf(error) else ""
    before = table.where(model=model, updates=start)
    return (
        f"{model}: as initialised {share(left(before))} in {carriers(before)} of {units}; after "
        f"{end:,.0f} updates {share(left(after))} in {carriers(after)}{learned}"
    )
