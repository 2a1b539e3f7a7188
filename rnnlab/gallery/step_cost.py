"""What a step costs: the time of a training step of four layers of one size, measured, and their matrix products."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.experiments.timing import cores, in_turns
from rnnlab.gallery import captions, page
from rnnlab.gallery.knobs import Batch, Inputs, Knob, Steps, checked, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What a step costs"


LAYERS: dict[str, Callable[..., Any]] = {"IRNN": RNN.irnn, "IndRNN": IndRNN.init, "GRU": GRU.init, "LSTM": LSTM.init}
ARTICLES = {"IRNN": "an", "IndRNN": "an", "GRU": "a", "LSTM": "an"}
GATES = {"IRNN": 1, "GRU": 3, "LSTM": 4}
CLAIM = 4
"""Claim C11: an LSTM step costs at least so many IRNN steps."""


def products(layer: str, inputs: int, hidden: int) -> float:
    """Multiply-adds of the matrix products in one step of one sequence, forward and backward.

    Forward x W and h U; backward the same two again for dx and dh, and once more for dW and dU. An IndRNN has no U.
    """
    if layer == "IndRNN":
        return 3.0 * inputs * hidden
    return 3.0 * (inputs + hidden) * GATES[layer] * hidden


@checked
def compute(
    *,
    sizes: Annotated[tuple[int, ...], Knob("H, the widths of the layers", "units", 1)] = (64, 128, 256),
    steps: Steps = 50,
    batch: Batch = 32,
    inputs: Inputs = 32,
    rounds: Annotated[int, Knob("in each of which every layer is timed once", "rounds", 1)] = 25,
    series: Annotated[Words, Knob("the layers; the IRNN is timed beside them", names=tuple(LAYERS))] = ALL,
) -> Table:
    """Forward and backward over `steps` steps in float32; in each round every layer once, in turn.

    Returns:
        layer; hidden, units; seconds for the whole sequence, median of the rounds; ratio to the IRNN of the same round,
        median; low, high, its 10 and 90 %; products, multiply-adds of the matrix products, by the step and sequence;
        machine, where it was measured; steps, batch, inputs, rounds.
    """
    rows: list[tuple[str | float, ...]] = []
    shown = list(chosen(series, tuple(LAYERS)))
    machine = f"{cores()}, NumPy {np.__version__}"
    for hidden in sizes:
        names = list(dict.fromkeys(["IRNN", *shown]))
        runs = [_training_step(LAYERS[name], steps, batch, inputs, hidden) for name in names]
        seconds = in_turns(runs, rounds)
        ratios = seconds / seconds[:, :1]
        for name in shown:
            column = names.index(name)
            low, ratio, high = np.quantile(ratios[:, column], (0.1, 0.5, 0.9)).tolist()
            taken = float(np.median(seconds[:, column]))
            rows.append((name, float(hidden), taken, ratio, low, high, products(name, inputs, hidden), machine))
    table = Table.of("layer hidden seconds ratio low high products machine", rows)
    return with_knobs(table, steps=steps, batch=batch, inputs=inputs, rounds=rounds)


def _training_step(make: Callable[..., Any], steps: int, batch: int, inputs: int, hidden: int) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    layer = make(rng, inputs=inputs, hidden=hidden, dtype=np.float32)
    xs = rng.standard_normal((steps, batch, inputs)).astype(np.float32)
    dhs = rng.standard_normal((steps, batch, hidden)).astype(np.float32)

    def step() -> None:
        layer.backward(layer.forward(xs), dhs)

    return step


@page.styled
def draw(table: Table) -> "Figure":
    """Left the measured time, right the counted products, both relative to the IRNN of that size."""
    figure, (left, right) = page.page(1, 2, height=4.2, width=7, sharey=True)
    for (name,) in table.each("layer"):
        color, line, marker = looks.MODELS[name]
        rows = table.where(layer=name)
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "ms": 5}
        left.fill_between(rows["hidden"], rows["low"], rows["high"], color=color, alpha=0.2, lw=0)
        left.plot(rows["hidden"], rows["ratio"], **style, label=name)
        right.plot(rows["hidden"], rows["products"] / _of_the_irnn(rows), **style, label=name)
    sizes = np.unique(table["hidden"])
    for ax in (left, right):
        ax.axhline(CLAIM, color=looks.GREY, lw=1, ls=(0, (1, 2)))
        ax.set(xlabel="hidden units H", xscale="log", yscale="log")
        ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 3, 4, 6], ["0.1", "0.2", "0.5", "1", "2", "3", "4", "6"])
        ax.minorticks_off()
    page.label(
        right, sizes[0], CLAIM * 1.07, f"the claim: an LSTM at least {CLAIM}", looks.GREY, va="bottom", fontsize=9
    )
    page.headline(left, f"time: {_found(table)}", 3.0)
    left.set_ylabel("a training step, relative to the IRNN")
    page.headline(right, f"products alone: {_counted(table)}", 3.0)
    left.legend(loc="lower left", fontsize=9)
    return figure


def _of_the_irnn(rows: Table) -> Array:
    """The products of an IRNN of the same sizes."""
    return np.array([products("IRNN", int(inputs), int(hidden)) for inputs, hidden in rows.each("inputs", "hidden")])


def _found(table: Table) -> str:
    """What a step of the LSTM costs, or of the dearest layer there is, from the least to the most of the sizes."""
    (dearest,) = table.each("layer")[-1]
    span = _span(table.where(layer=dearest)["ratio"])
    return f"{ARTICLES[dearest]} {dearest} step costs {span} IRNN steps"


def _counted(table: Table) -> str:
    """The products of a step of each layer but the IRNN, in steps of the IRNN."""
    counts = []
    for name in [name for (name,) in table.each("layer") if name != "IRNN"][::-1]:
        rows = table.where(layer=name)
        counts.append(f"{ARTICLES[name]} {name} {_span(rows['products'] / _of_the_irnn(rows))}")
    return f"{', '.join(counts)} of an IRNN's" if counts else "the IRNN's own"


def _span(values: Array) -> str:
    """From the least to the most, once where they are alike."""
    return " to ".join(dict.fromkeys(f"{value:.2g}" for value in (values.min(), values.max())))


def caption(table: Table) -> str:
    def ratios(name: str) -> str:
        rows = table.where(layer=name)
        return f"{name} " + ", ".join(f"{ratio:.2g}" for ratio in rows["ratio"])

    sizes = np.unique(table["hidden"])
    names = [name for (name,) in table.each("layer") if name != "IRNN"][::-1]
    lstm = table.where(layer="LSTM")
    found = _found(table)
    numbers = [f"at H = {', '.join(f'{size:.0f}' for size in sizes)}: {'; '.join(map(ratios, names or ['IRNN']))}"]
    if names:
        numbers.append(
            f"the matrix products alone are at every size {_counted(table)}; what is above that is the gates' own "
            "arithmetic"
        )
    if len(lstm):
        rounds = ", ".join(f"{low:.1f} to {high:.1f}" for low, high in zip(lstm["low"], lstm["high"], strict=True))
        numbers.append(f"the LSTM's rounds span {rounds}")
    return captions.told(
        captions.finding(f"{found[0].upper()}{found[1:]}."),
        "Left the time of a training step, right the multiply-adds of its matrix products, both relative to the IRNN "
        f"of that size (and round).{_verdict(lstm)}",
        f"Forward and backward in float32, {setting(table, 'steps', 'batch', 'inputs')}, medians of "
        f"{setting(table, 'rounds')}, bands from 10 to 90 %; measured once, on {table['machine'][0]}.",
        numbers,
    )


def _verdict(lstm: Table) -> str:
    """Whether an LSTM step costs what the claim says, in the median and in nine rounds of ten; nothing without LSTM."""
    if not len(lstm):
        return ""
    where = []
    for column in ("ratio", "low"):
        holds = [f"{size:.0f}" for size, value in lstm.each("hidden", column) if value >= CLAIM]
        found = {0: "at none of these sizes", len(lstm): "at all of these sizes"}
        where.append(found.get(len(holds), f"at H = {' and '.join(holds)}"))
    median, sure = where
    also = "and in nine rounds of ten" if median == sure else f"and in nine rounds of ten {sure}"
    return f" An LSTM step costs {CLAIM} IRNN steps or more in the median {median}, {also}."
