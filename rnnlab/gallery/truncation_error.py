"""What truncated BPTT gives up: the error of its gradient against the length of a chunk, forgetting or not."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import bptt, flow, initializers
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Batch, Hidden, Inputs, Knob, Seeds, checked, growths, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Cut off after k steps, what is missing?"
Build = Callable[[np.random.Generator, int, int, int], Any]


def _tanh(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.init(rng, inputs=inputs, hidden=hidden)


def _lstm(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> LSTM:
    return LSTM.init(rng, inputs=inputs, hidden=hidden)


def _irnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> RNN:
    return RNN.irnn(rng, inputs=inputs, hidden=hidden)


def _indrnn(rng: np.random.Generator, inputs: int, hidden: int, steps: int) -> IndRNN:
    u_range = initializers.get("indrnn_range", steps=steps)
    return IndRNN.init(rng, inputs=inputs, hidden=hidden, recurrent_initializer=u_range)


LAYERS: dict[str, Build] = {"tanh RNN": _tanh, "LSTM": _lstm, "IndRNN": _indrnn, "IRNN": _irnn}
LOSSES = {"last": "loss on the last step alone", "every": "loss on every step"}
KS = (1, 2, 5, 10, 20, 40, 60, 80, 120, 240)
FLOOR = 1e-16
"""Where an error of exactly 0 is marked."""


@checked
def compute(
    *,
    seeds: Seeds = 3,
    ks: Annotated[tuple[int, ...], Knob("k, the lengths of a chunk; the largest is T", "timesteps", 1)] = KS,
    hidden: Hidden = 50,
    inputs: Inputs = 8,
    batch: Batch = 4,
    series: Annotated[Words, Knob("the layers", names=tuple(LAYERS))] = ALL,
) -> Table:
    """A run per layer, loss and seed over T = max(ks) steps: x[t] ~ N(0, 1).

    The loss is a random linear function of the last state, or of every state. All parameters' gradients are taken
    together as one vector.

    Returns:
        layer; loss ("last" or "every"); k, steps of a chunk; error, |truncated - full| / |full|, median of the
        seeds; low, high, the least and the most; cosine between the two, median; growth λ of the gradient, median,
        nats per step back, below 0 it vanishes; seeds, hidden, inputs, batch.
    """
    rows: list[tuple[str | float, ...]] = []
    ks = tuple(sorted(set(ks)))
    steps = ks[-1]
    for name in chosen(series, tuple(LAYERS)):
        for kind in LOSSES:
            errors, cosines, found = [], [], []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                layer = LAYERS[name](rng, inputs, hidden, steps)
                xs, dhs = rng.standard_normal((steps, batch, inputs)), rng.standard_normal((steps, batch, hidden))
                if kind == "last":
                    dhs[:-1] = 0
                exact, *cut = _gradients(layer, xs, dhs, ks)
                whole = np.linalg.norm(exact) or 1.0  # where it is 0, so is what is cut
                errors.append([np.linalg.norm(part - exact) / whole for part in cut])
                cosines.append([part @ exact / (np.linalg.norm(part) or 1.0) / whole for part in cut])
                found.append(growths(flow.gradient_norms(layer, xs, dh=dhs[-1])))
            low, error, high = np.quantile(errors, (0, 0.5, 1), axis=0).tolist()
            cosine, growth = np.median(cosines, axis=0).tolist(), float(np.median(found))
            rows += [(name, kind, float(k), error[i], low[i], high[i], cosine[i], growth) for i, k in enumerate(ks)]
    table = Table.of("layer loss k error low high cosine growth", rows)
    return with_knobs(table, seeds=seeds, hidden=hidden, inputs=inputs, batch=batch)


def _gradients(layer: Any, xs: Array, dhs: Array, ks: tuple[int, ...]) -> list[Array]:
    """dL/d(parameters) for L = Σ dh[t] · h[t], as one vector: by full BPTT, then truncated to each k."""

    def loss(steps: slice, hs: Array) -> tuple[float, Array]:
        return float((dhs[steps] * hs).sum()), dhs[steps]

    runs = [bptt.full(layer, xs, loss), *(bptt.truncated(layer, xs, loss, k) for k in ks)]
    return [np.concatenate([array.ravel() for array in run.params.arrays().values()]) for run in runs]


@page.styled
def draw(table: Table) -> "Figure":
    """The relative error against k, both logarithmic, left for a loss on the last step, right for one on every step."""
    figure, axes = page.page(1, 2, height=4.4, width=7)
    steps = table["k"].max()
    for kind, ax in zip(LOSSES, axes, strict=True):
        ends = {}
        for (name,) in table.each("layer"):
            color, line, marker = looks.MODELS[name]
            rows = table.where(loss=kind, layer=name)
            k, seen = rows["k"], rows["error"] > 0
            low, high = np.maximum(rows["low"], FLOOR)[seen], rows["high"][seen]
            ax.fill_between(k[seen], low, high, color=color, alpha=0.2, lw=0)
            ax.plot(k[seen], rows["error"][seen], color=color, ls=line, marker=marker, ms=4)
            if not seen.all():
                ground = ax.get_xaxis_transform()
                ax.plot(k[~seen], np.zeros((~seen).sum()), "v", color=color, ms=5, transform=ground, clip_on=False)
            ends[name] = float(rows["error"][seen][-1]) if seen.any() else FLOOR
        bottom = FLOOR / 30 if kind == "last" else min(0.03, 0.5 * min(ends.values()))
        ax.set(xlabel="steps of a chunk, k", xscale="log", yscale="log", ylim=(bottom, 3))
        middle = _middle(table)  # what the title is about, so it has a tick
        ticks = [tick for tick in (1, 5, 20, 100, 500) if 4 * tick < steps and not 0.4 < tick / middle < 2.5]
        places = sorted({*map(float, ticks), middle} - {float(steps)})
        ax.set_xticks([*places, steps], [*(f"{tick:.0f}" for tick in places), f"T = {steps:.0f}"])
        ax.set_xlim(0.8, 6 * steps)
        ax.minorticks_off()
        if kind == "last":
            ends["0 at k = T"] = FLOOR / 10
        for name, height in page.apart(ends, 0.065 * np.log(3 / bottom)).items():
            cut = table.where(loss=kind, layer=name) if name in table["layer"] else table.where(k=steps)
            last = cut["k"][cut["error"] > 0].max(initial=1.0) if name in table["layer"] else steps
            ax.text(1.2 * last, height, name, color=looks.look(name).color, fontsize=SMALL, va="center")
        page.headline(ax, _found(table, kind), 3.1)
    left, right = axes
    left.set_ylabel("error of the gradient, relative to full BPTT")
    if right.get_ylim()[0] > 0.01:
        right.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
    return figure


def _middle(table: Table) -> float:
    """The length of a chunk that is nearest to a sixth of T; T if there is no shorter one."""
    ks = np.unique(table["k"])
    cut = ks[:-1] if len(ks) > 1 else ks
    return float(cut[np.abs(cut - ks[-1] / 6).argmin()])


def _found(table: Table, kind: str) -> str:
    """The errors of the first layer and the last with chunks of about a sixth."""
    where = "loss on the last step" if kind == "last" else "on every step"
    return f"{where}, k = {_middle(table):.0f}: {_missing(table, kind)}"


def _missing(table: Table, kind: str) -> str:
    """What is missing with chunks of about a sixth, in the first layer and the last: the tanh RNN and the IRNN."""
    names = [name for (name,) in table.each("layer")]
    missing = {name: float(table.only("error", layer=name, loss=kind, k=_middle(table))) for name in names}
    of_last = f", {missing[names[-1]]:.1g} of {names[-1]}'s" if len(names) > 1 else ""
    return f"{missing[names[0]]:.1g} of {names[0]}'s gradient is missing{of_last}"


def caption(table: Table) -> str:
    ks = np.unique(table["k"])
    steps, cut, middle = ks[-1], ks[:-1], _middle(table)
    whole = table.where(k=steps)["error"].max()
    names, numbers = [name for (name,) in table.each("layer")], []
    for kind, words in LOSSES.items() if len(cut) else ():
        errors = ", ".join(f"{name} {table.only('error', layer=name, loss=kind, k=middle):.2g}" for name in names)
        numbers.append(f"{words}: chunks of {middle:.0f} steps leave {errors}{_fall(table, kind, cut)}")
    numbers.append(f"at k = T the error is {'exactly 0 (triangles)' if whole == 0 else f'{whole:.0e}'}")
    return captions.told(
        captions.finding(f"Cut to {middle:.0f} of {steps:.0f} steps, {_missing(table, 'last')}."),
        "The distance of the truncated from the full gradient, by the length of a chunk: a layer that forgets loses "
        "nothing by the cut, one that keeps loses what it kept. Left the loss reads the last step, right every step.",
        f"T = {steps:.0f}, {setting(table, 'hidden', 'inputs', 'batch')}, x[t] from N(0, 1), as initialised; median "
        f"and range of {setting(table, 'seeds')}.",
        numbers,
    )


def _fall(table: Table, kind: str, cut: Array) -> str:
    """How the tanh RNN's error falls from a k of a twelfth of T to one of a third, or as near as there are."""
    steps = float(table["k"].max())
    early, late = (float(cut[np.abs(cut - part * steps).argmin()]) for part in (1 / 12, 1 / 3))
    rows = table.where(layer="tanh RNN", loss=kind)
    if not len(rows):
        return ""
    before, after = (float(rows.only("error", k=k)) for k in (early, late))
    if late <= early or not after > 0:
        return ""
    if kind == "last":
        rate = np.log(before / after) / (late - early)
        return (
            f"; the tanh RNN's falls by {rate:.2f} nats for each step of k, its gradient grows by "
            f"{rows['growth'][0]:.2f} a step back: what is cut off was vanishing anyway"
        )
    power = np.log(after / before) / np.log(late / early)
    return f"; the tanh RNN's falls as k^{power:.1f}: the first steps of each chunk have lost their past, at any k"
