"""What can be done at the same time in a recurrent net, and what has to wait: batches, replicas, ensembles, steps."""

from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab.experiments import parallelism
from rnnlab.experiments.cost_model import CostModel, bound, speed_ups
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.knobs import Knob, Updates, checked
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What can be done in parallel, and what has to wait"
STAGES = {"project": looks.BLUE, "recur": looks.RED, "recur back": looks.ORANGE, "collect": looks.GREEN}
SIZES = ((looks.PURPLE, ":", "s"), (looks.BLUE, "--", "o"), (looks.GREEN, "-", "D"), (looks.RED, "-.", "^"))
"""The looks of at most so many sizes of network."""


@checked
def compute(
    *,
    batches: Annotated[tuple[int, ...], Knob("B, sizes of a batch", "sequences", 1)] = parallelism.BATCHES,
    widths: Annotated[tuple[int, ...], Knob("H, of the nets that replicas share", "units", 1)] = parallelism.WIDTHS,
    members: Annotated[int, Knob("of the ensemble", "networks", 2)] = parallelism.MEMBERS,
    updates: Updates = parallelism.UPDATES,
    rounds: Annotated[int, Knob("of timing, at most", "rounds", 1)] = 9,
) -> Table:
    """Batches, stages, replicas and an ensemble on this machine: under four minutes."""
    return parallelism.measure(batches=batches, widths=widths, members=members, updates=updates, rounds=rounds)


@page.styled
def draw(table: Table) -> "Figure":
    """The stages of a run on a time axis; below, sequences in a batch, two workers, more workers, and an ensemble."""
    figure, axes = page.page(3, 2, height=8.4, width=7)
    stages = figure.add_subplot(axes[0].get_gridspec()[0, :])  # type: ignore[index]
    for ax in axes[:2]:
        ax.remove()
    _draw_stages(stages, table.where(kind="stage"))
    _draw_batches(axes[2], table.where(kind="batch"))
    _draw_two_workers(axes[3], table)
    _draw_more_workers(axes[4], table)
    _draw_ensemble(axes[5], table.where(kind="ensemble"))
    return figure


def _draw_stages(ax: "Axes", rows: Table) -> None:
    for place, (name, color) in enumerate(STAGES.items()):
        spans = [(1e3 * start, 1e3 * (end - start)) for start, end in _spans(rows, name)]
        ax.broken_barh(spans, (-place - 0.38, 0.76), facecolors=color, edgecolor="white", lw=0.6)
    turn = 1e3 * rows.where(series="recur")["other"][-1]
    ax.axvline(turn, color=looks.GREY, lw=1, ls=(0, (4, 2)))
    ax.set_yticks([-place for place in range(len(STAGES))], ["project", "recur", "recur,\nbackwards", "collect"])
    page.headline(ax, _waiting(rows), 6.0)
    ax.set(xlabel="milliseconds", xlim=(0, None))
    ax.annotate("forward ", (turn, 0.45), ha="right", va="center", color=looks.GREY)
    ax.annotate(" backward", (turn, 0.45), ha="left", va="center", color=looks.GREY)
    ax.grid(visible=False)


def _waiting(rows: Table) -> str:
    """What part of a run the steps take that wait for one another."""
    steps = len(rows.where(series="recur"))
    spans = [end - start for name in ("recur", "recur back") for start, end in _spans(rows, name)]
    share = sum(spans) / sum(end - start for name in STAGES for start, end in _spans(rows, name))
    each = f"{steps} steps of an RNN wait for one another" if steps > 1 else "The step of an RNN waits"
    return f"{each}, {100 * share:.0f} % of a run; all the rest need not wait"


def _spans(rows: Table, name: str) -> list[tuple[float, float]]:
    return [(start, end) for start, end in rows.where(series=name).each("seconds", "other")]


def _draw_batches(ax: "Axes", rows: Table) -> None:
    for (name,) in rows.each("series"):
        color, line, marker = looks.MODELS[name]
        some = rows.where(series=name)
        ax.plot(some["x"], 1 / some["seconds"], color=color, ls=line, marker=marker, ms=4, label=name)
        ax.plot(some["x"], 1 / some["other"], color=color, lw=0.8, ls=line)
    most = rows.where(x=rows["x"].max())
    page.headline(ax, f"a batch of {most['x'][0]:.0f} beats a loop (thin) {np.median(most['ratio']):.2g} times", 3.0)
    ax.set(xlabel="sequences in the batch", ylabel="sequences a second")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_ylim(top=20 * float((1 / rows["seconds"]).max()))
    _plain_ticks(ax, rows)
    ax.legend(fontsize=9, ncols=2, loc="upper left", handlelength=2.2, labelspacing=0.2, columnspacing=1)


def _draw_two_workers(ax: "Axes", table: Table) -> None:
    rows = table.where(kind="data")
    alone = np.array([table.only("seconds", kind="shard", workers=2.0, x=x) for x in rows["x"]])
    overhead = np.maximum(1 - alone / rows["other"].astype(float), 0)
    ax.fill_between(rows["x"], rows["low"], rows["high"], color=looks.BLUE, alpha=0.2, lw=0)
    ax.plot(rows["x"], rows["ratio"], color=looks.BLUE, marker="o", ms=4, label="speed-up")
    ax.plot(rows["x"], overhead, color=looks.RED, marker="s", ms=4, ls="--", label="overhead, share of the time")
    for level in (1, 2):
        ax.axhline(level, color=looks.GREY, lw=1, ls=(0, (4, 2)), zorder=0)
    page.headline(ax, f"two workers are at best {rows['ratio'].astype(float).max():.2g} times as fast", 3.0)
    ax.set(xlabel="hidden units H of an LSTM", ylim=(0, 2.75))
    ax.set(ylabel="over one process")
    ax.set_xscale("log", base=2)
    _plain_ticks(ax, rows)
    ax.legend(fontsize=9, loc="upper left", labelspacing=0.2)


def _draw_more_workers(ax: "Axes", table: Table) -> None:
    widths = table.where(kind="data")["x"]
    chosen = sorted({widths[round(place)] for place in np.linspace(0, len(widths) - 1, len(SIZES))})
    for x, (color, line, marker) in zip(chosen, SIZES, strict=False):
        workers, faster = speed_ups(table, x)
        ax.plot(workers, faster, color=color, ls=line, marker=marker, ms=4, mfc="white", label=f"H = {x:.0f}")
        ax.plot(2, table.only("ratio", kind="data", x=x), color=color, ls="", marker=marker, ms=5)
    workers = np.unique(table.where(kind="shard")["workers"])
    ax.plot(workers, workers, color=looks.GREY, lw=1, ls=(0, (4, 2)), zorder=0)
    page.headline(ax, _enough(table), 3.0)
    ax.set(xlabel="workers", ylabel="speed-up")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(workers, [f"{count:.0f}" for count in workers])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.legend(fontsize=9, labelspacing=0.2)


def _enough(table: Table) -> str:
    """With how many workers the size is fastest that can use most of them."""
    best = 1.0
    for (x,) in table.where(kind="data").each("x"):
        workers, faster = speed_ups(table, x)
        best = max(best, float(workers[np.argmax(faster)]))
    if best == workers[-1]:
        return f"by the cost model up to {best:.0f} workers pay"
    return f"by the cost model no size gains from more than {best:.0f} worker{'s' * (best > 1)}"


def _draw_ensemble(ax: "Axes", rows: Table) -> None:
    error, members = rows.where(series="error"), rows.where(series="members")
    ax.fill_between(error["x"], error["low"], error["high"], color=looks.BLUE, alpha=0.2, lw=0)
    ax.plot(members["x"], members["ratio"], color=looks.RED, ls="--", marker="s", ms=4, label="the members, on average")
    ax.plot(error["x"], error["ratio"], color=looks.BLUE, marker="o", ms=4, label="their mean prediction")
    share = float(error["ratio"][-1] / members["ratio"][-1])
    page.headline(ax, f"{error['x'][-1]:.0f} members' mean has {share:.2f} of their error", 2.8)
    ax.set(xlabel="members", ylabel="mean squared error", ylim=(0, None))
    ax.set_xticks(error["x"][:: -(-len(error) // 8)])
    ax.legend(fontsize=9, labelspacing=0.2)


def _plain_ticks(ax: "Axes", rows: Table) -> None:
    xs = np.unique(rows["x"])
    ax.set_xticks(xs, [f"{x:.0f}" for x in xs])
    ax.minorticks_off()


def caption(table: Table) -> str:
    steps = len(table.where(kind="stage", series="recur"))
    return captions.told(
        _finding(table),
        "On top a run of an RNN with a clock: project and collect are one piece each, for all steps, and may be cut in "
        "any way; a step of the recurrence begins when the one before has ended. Below, what may be done at once: "
        "sequences, halves of a batch, members.",
        _where(table),
        [_stages(table, steps), _batches(table), _replicas(table), _more(table), _members(table)],
    )


def _finding(table: Table) -> str:
    batch = table.where(kind="batch")
    gain = float(np.median(batch.where(x=batch["x"].max())["ratio"]))
    faster = float(table.where(kind="data")["ratio"].max())
    two = f"{faster:.1f} times" if faster > 1 else "nothing"
    ensemble = table.where(kind="ensemble", x=float(table.where(kind="ensemble")["x"].max()))
    error, members = (ensemble.only("ratio", series=name) for name in ("error", "members"))
    return captions.finding(
        f"Steps wait; a batch gains {gain:.2g} times, two workers {two}, an ensemble has {error / members:.2f} of "
        "its members' error."
    )


def _stages(table: Table, steps: int) -> str:
    return (
        f"If all that does not wait took no time, the run would be {bound(table):.1f} times as fast, with any number "
        f"of workers, where {steps} steps at once would be {steps} times as fast."
    )


def _batches(table: Table) -> str:
    rows = table.where(kind="batch")
    most = rows.where(x=rows["x"].max())
    gains = ", ".join(f"{name} {ratio:.2g}" for name, ratio in most.each("series", "ratio"))
    return f"A loop over {most['x'][0]:.0f} sequences takes longer than their batch by a factor of: {gains}."


def _replicas(table: Table) -> str:
    rows = table.where(kind="data")
    parts = ", ".join(f"{ratio:.2f} at H = {x:.0f}" for x, ratio in rows.each("x", "ratio"))
    worst = float(table.where(kind="gradient")["ratio"].max())
    loses = [f"{x:.0f}" for x, ratio in rows.each("x", "ratio") if ratio < 1]
    words = f"it loses at H = {', '.join(loses)}" if loses else "it loses at none of these sizes"
    return (
        f"Two workers with half of the batch each, over one process with all of it (10 to 90 % shaded): {parts}; "
        f"{words}. The two gradients differ by at most {worst:.0e} of the largest entry of each parameter's."
    )


def _more(table: Table) -> str:
    model = CostModel.fitted(table)
    rate = "no time for the bytes" if np.isinf(model.bandwidth) else f"{model.bandwidth / 1e6:,.0f} MB a second"
    stops = []
    for (x,) in table.where(kind="data").each("x"):
        workers, faster = speed_ups(table, x)
        best = int(np.argmax(faster))
        beyond = ", ".join(
            f"{count:.0f}: {gain:.1f}" for count, gain in zip(workers, faster, strict=True) if count in (4, 16, 64)
        )
        stops.append(f"H = {x:.0f} is fastest with {workers[best]:.0f} ({faster[best]:.1f} times; {beyond})")
    return (
        f"The cost model is t(w) = shard + w (ℓ + 2 bytes / r), fitted to two workers (filled): ℓ = "
        f"{1e3 * model.latency:.2g} ms a worker, r = {rate}; the time of each shard is measured. By it, "
        f"{'; '.join(stops)}. All on one machine: a network between workers has its own ℓ and r."
    )


def _members(table: Table) -> str:
    rows = table.where(kind="ensemble")
    some = rows.where(x=rows["x"].max())
    error, members, diversity = (some.only("ratio", series=name) for name in ("error", "members", "diversity"))
    at_once = table.only("ratio", kind="members")
    same = "bit for bit the same" if table.only("high", kind="same") == 0 else "not the same"
    return (
        f"{rows['x'].max():.0f} members that differ in their seed have the squared error {members:.2g} on average, and "
        f"their mean {error:.2g}, less by the diversity {diversity:.2g}. Training two at once was {at_once:.2f} times "
        f"as fast as one after the other, and the members are {same}."
    )


def _where(table: Table) -> str:
    T, B, D = parallelism.DATA_SIZE
    return (
        f"The replicas are LSTMs with T = {T}, B = {B}, D = {D}; all is in float32 with one BLAS thread a process, on "
        f"{table['machine'][0]}, with {table['versions'][0]}."
    )
