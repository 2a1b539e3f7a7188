"""What a step costs: the time of a training step of four layers of one size, measured, and their matrix products."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab.experiments.results import looks
from rnnlab.experiments.timing import cores, in_turns
from rnnlab.gallery import captions, page
from rnnlab.gallery.knobs import Batch, Inputs, Knob, Steps, checked, setting, with_knobs
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What a step costs"


LAYERS: dict[str, Callable[..., Any]] = {"IRNN": RNN.irnn, "IndRNN": IndRNN.init, "GRU": GRU.init, "LSTM": LSTM.init}
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
) -> Table:
    """Forward and backward over `steps` steps in float32; in each round every layer once, in turn.

    Returns:
        layer; hidden, units; seconds for the whole sequence, median of the rounds; ratio to the IRNN of the same round,
        median; low, high, its 10 and 90 %; products, multiply-adds of the matrix products, by the step and sequence;
        machine, where it was measured; steps, batch, inputs, rounds.
    """
    rows: list[tuple[str | float, ...]] = []
    machine = f"{cores()}, NumPy {np.__version__}"
    for hidden in sizes:
        runs = [_training_step(make, steps, batch, inputs, hidden) for make in LAYERS.values()]
        seconds = in_turns(runs, rounds)
        ratios = seconds / seconds[:, :1]
        for column, name in enumerate(LAYERS):
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
    for name in LAYERS:
        color, line, marker = looks.MODELS[name]
        rows = table.where(layer=name)
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "ms": 5}
        left.fill_between(rows["hidden"], rows["low"], rows["high"], color=color, alpha=0.2, lw=0)
        left.plot(rows["hidden"], rows["ratio"], **style, label=name)
        right.plot(rows["hidden"], rows["products"] / table.where(layer="IRNN")["products"], **style, label=name)
    sizes = np.unique(table["hidden"])
    for ax in (left, right):
        ax.axhline(CLAIM, color=looks.GREY, lw=1, ls=(0, (1, 2)))
        ax.set(xlabel="hidden units H", xscale="log", yscale="log")
        ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 3, 4, 6], ["0.1", "0.2", "0.5", "1", "2", "3", "4", "6"])
        ax.minorticks_off()
    page.label(
        right, sizes[0], CLAIM * 1.07, f"claim C11: an LSTM at least {CLAIM}", looks.GREY, va="bottom", fontsize=9
    )
    page.headline(left, f"time: {_found(table)}", 3.0)
    left.set_ylabel("a training step, relative to the IRNN")
    page.headline(right, f"products alone: an LSTM {GATES['LSTM']} IRNNs, a GRU {GATES['GRU']}", 3.0)
    left.legend(loc="lower left", fontsize=9)
    return figure


def _found(table: Table) -> str:
    """What an LSTM step costs, from the least to the most of the sizes."""
    ratios = table.where(layer="LSTM")["ratio"]
    span = " to ".join(dict.fromkeys(f"{ratio:.2g}" for ratio in (ratios.min(), ratios.max())))
    return f"an LSTM step costs {span} IRNN steps"


def caption(table: Table) -> str:
    def ratios(name: str) -> str:
        rows = table.where(layer=name)
        return f"{name} " + ", ".join(f"{ratio:.2g}" for ratio in rows["ratio"])

    sizes = np.unique(table["hidden"])
    lstm, irnn, indrnn = (table.where(layer=name) for name in ("LSTM", "IRNN", "IndRNN"))
    rounds = ", ".join(f"{low:.1f} to {high:.1f}" for low, high in zip(lstm["low"], lstm["high"], strict=True))
    holds = [f"{size:.0f}" for size, ratio in zip(sizes, lstm["ratio"], strict=True) if ratio >= CLAIM]
    verdict = {0: "at none of these sizes", len(sizes): "at all of these sizes"}.get(
        len(holds), f"at H = {' and '.join(holds)}"
    )
    fewer = (irnn["products"] / indrnn["products"]).astype(float)
    span = " to ".join(dict.fromkeys(f"{value:.2g}" for value in (fewer.min(), fewer.max())))
    found = _found(table)
    return captions.told(
        captions.finding(f"{found[0].upper()}{found[1:]}."),
        "Left the time of a training step, right the multiply-adds of its matrix products, both relative to the IRNN "
        f"of that size (and round). That an LSTM step costs at least {CLAIM} IRNN steps holds {verdict}.",
        f"Forward and backward in float32, {setting(table, 'steps', 'batch', 'inputs')}, medians of "
        f"{setting(table, 'rounds')}, bands from 10 to 90 %; measured once, on {table['machine'][0]}.",
        [
            f"at H = {', '.join(f'{size:.0f}' for size in sizes)}: "
            f"{'; '.join(ratios(name) for name in ('LSTM', 'GRU', 'IndRNN'))}; the LSTM's rounds span {rounds}",
            f"the matrix products alone give {GATES['LSTM']} for the LSTM and {GATES['GRU']} for the GRU at every "
            "size; what is above that is the gates' own arithmetic",
            f"the IndRNN has {span} times fewer products than the IRNN",
        ],
    )
