"""What `gradient_decay` says in words: a panel's finding, the label of a line, and the sentences of its caption."""

import re
from collections.abc import KeysView, Sequence
from textwrap import fill

import numpy as np

from rnnlab.gallery import captions
from rnnlab.gallery.captions import listed
from rnnlab.gallery.decay_lines import SERIES
from rnnlab.gallery.knobs import fate, knob, plus_minus
from rnnlab.table import Table

FLOAT32_LAST, FLOAT64_LAST = 2.0**-149, 2.0**-1074
"""The smallest numbers above zero in either precision: what is smaller is exactly 0."""
NEAR = 60
"""Steps back that the close-up of the gates shows, each of them."""
STARTED = {
    "tanh, glorot_uniform": "W and U glorot_uniform",
    "tanh, orthogonal": "W and U orthogonal",
    "tanh, orthogonal U alone": "U alone orthogonal",
}
Names = KeysView[str]


def _bound(table: Table, name: str) -> float:
    return float(table.where(series=name)["bound"][0])


def pace(rows: Table) -> str:
    """How fast one series decays: the steps in which it halves, if it is near an exponential, else what is left."""
    growth, alive = rows["growth"][0], (rows["median"] > 0) & (rows["back"] > 0)
    if abs(growth) < 1e-12:
        return "kept"
    if not alive.any():
        return "lost at once"
    back, left = rows["back"][alive][-1], rows["median"][alive][-1]
    log = np.log(rows["median"][alive])
    if np.abs(log - growth * rows["back"][alive]).max() < 0.15 * np.ptp(log):
        return f"{'halves' if growth < 0 else 'doubles'} in {np.log(2) / abs(growth):.3g} steps"
    then = "" if rows["median"][-1] > 0 else ", then 0"
    return f"{left:.2g} left after {back:.0f} steps{then}" if left < 1 else f"grows to {left:.3g} in {back:.0f} steps"


def beside(rows: Table, name: str, panel: str, far: float) -> str:
    """The label at the end of a line: its name, and what has become of it as far as the panel goes."""
    short = fill(name.removeprefix(f"{panel}, "), 15)
    back, median = rows["back"], rows["median"]
    last = float(median[back <= far][-1])
    if not last:
        return f"{short}\n0 from {back[(median == 0) & (back > 0)][0]:.0f} on"
    if far < back[-1]:
        return f"{short}\n{_now(rows, last, 1)}"
    halves = re.fullmatch(r"(halves|doubles) in (.*)", pace(rows))
    if halves:
        return f"{short}\n{'½' if halves[1] == 'halves' else '× 2'} in {halves[2]}"
    return f"{short}\n{_now(rows, last, 2)}"


def _now(rows: Table, last: float, digits: int) -> str:
    """What is left of the 1 at the loss; of the cell, which begins with less than that, where it has come to."""
    if rows["median"][0] == 0 or last > 1:
        return f"comes to {last:.{max(digits, 2)}g}" if last < 100 else f"comes to {last:.0f}"
    return "kept" if last == 1 else f"{last:.{digits}g} left"


def of_panel(table: Table, panel: str, names: Sequence[str], far: float) -> str:
    """What a panel shows, so many steps back: a gradient vanishes there if under a hundredth is left of what it was."""
    left = {name: float(table.only("median", series=name, back=far)) for name in names}
    began = {name: _first(table.where(series=name)) for name in names}
    gone = [name for name in names if left[name] < 0.01 * began[name] or left[name] == 0]
    kept = [name for name in names if name not in gone]
    most = max(left.values())
    if not kept:
        under = [k for k in np.unique(table["back"]) if 0 < k <= far and _all_under(table, names, k)]
        verb = "vanishes" if len(gone) == 1 else "all vanish"
        if under:
            return f"{panel}: {verb}, 0 in float32 after {under[0]:.0f} steps"
        return f"{panel}: {verb}, at most {most:.0e} left after {far:.0f} steps"
    if not gone:
        low = min(left.values())
        return f"{panel}: after {far:.0f} steps {f'{low:.2g} or more is left' if low <= 1 else f'at least × {low:.2g}'}"
    spared = captions.listed([name.removeprefix(f"{panel}, ") for name in kept], last="or")
    fall = "falls" if len(gone) == 1 else "fall"
    return f"{panel}: {len(gone)} of {len(names)} {fall} below 1/100 within {far:.0f} steps, not {spared}"


def _first(rows: Table) -> float:
    """The norm where the gradient begins: at the loss, of the LSTM's cell a step back."""
    above = rows["median"][rows["median"] > 0]
    return float(above[0]) if len(above) else 0.0


def _all_under(table: Table, names: Sequence[str], k: float) -> bool:
    return all(table.only("median", series=name, back=k) < FLOAT32_LAST for name in names)


def numbers(table: Table, names: Names) -> list[str]:
    """A sentence for each kind of layer that the table has, with its growth and what else is measured."""
    said = (tell(table, names) for tell in (_sigmoid, _tanh, _relu, _remedies, _gates, _yours))
    return [sentence for sentence in said if sentence]


def _number(table: Table, name: str, column: str) -> float:
    return float(table.where(series=name)[column][0])


def _growth(table: Table, name: str) -> str:
    """λ and, of several seeds, its spread; in words where the gradient is 0 after one step."""
    growth = _number(table, name, "growth")
    if np.isinf(growth):
        return "-∞ (lost at once)"
    return plus_minus(growth, _number(table, name, "spread") if knob(table, "seeds") > 1 else np.nan)


def _left(table: Table, name: str, k: float) -> str:
    rows = table.where(series=name)
    return f"{rows['median'][np.abs(rows['back'] - k).argmin()]:.2g}"


def _sigmoid(table: Table, names: Names) -> str:
    here = [name for name in names if name.startswith("sigmoid")]
    if not here:
        return ""
    name = here[-1]
    rows = table.where(series=name)
    zeros = [
        f"exactly 0 in {precision} from {rows['back'][rows['median'] < floor].min():.0f} steps on"
        for precision, floor in (("float32", FLOAT32_LAST), ("float64", FLOAT64_LAST))
        if (rows["median"] < floor).any()
    ]
    zero = f"{' and '.join(zeros)} (triangles)" if zeros else "not yet 0 in float32"
    bound = np.log(_bound(table, name))
    return f"{name}: λ = {_growth(table, name)}, where the bound allows {bound:.2f} or less; {zero}."


def _tanh(table: Table, names: Names) -> str:
    here = [name for name in names if name.startswith("tanh")]
    if not here:
        return ""
    each = "; ".join(f"{_growth(table, name)} with {STARTED[name]}" for name in here)
    both, glorot, alone = "tanh, orthogonal", "tanh, glorot_uniform", "tanh, orthogonal U alone"
    if not {both, glorot, alone} <= set(here):
        return f"tanh: λ = {each}."
    steady = "steadier" if _number(table, alone, "spread") <= _number(table, glorot, "spread") / 2 else "no steadier"
    steady = f"{steady} from seed to seed and " if knob(table, "seeds") > 1 else ""
    slower = "slower" if _slower(table, alone, glorot) else "no slower"
    smaller_w = "slows it" if _slower(table, both, alone) else "does not slow it more"
    return f"tanh: λ = {each}; U alone is {steady}{slower} to vanish, the smaller W {smaller_w}."


def _slower(table: Table, name: str, other: str) -> bool:
    """Whether it vanishes more slowly than the other, by more than that one's seeds differ."""
    gain = _number(table, name, "growth") - _number(table, other, "growth")
    return bool(gain > np.nan_to_num(_number(table, other, "spread")))


def _relu(table: Table, names: Names) -> str:
    end = float(table["back"].max())
    here = []
    for name in names:
        if name.startswith("ReLU"):
            becomes = fate(_number(table, name, "growth"), end)
            here.append(f"{name.removeprefix('ReLU, ')} {_growth(table, name)}, the gradient {becomes}")
    return f"ReLU: {'; '.join(here)}." if here else ""


def _remedies(table: Table, names: Names) -> str:
    end, said = float(table["back"].max()), []
    if "IRNN, no input" in names:
        growth = _number(table, "IRNN, no input", "growth")
        said.append(f"IRNN without input {'keeps the gradient exactly' if growth == 0 else f'has λ = {growth:.1g}'}.")
    if driven := [name for name in ("IRNN", "IndRNN") if name in names]:
        left = ", ".join(f"{_left(table, name, end)} in {name}" for name in driven)
        said.append(f"With input a unit that is off cuts its path: after {end:.0f} steps are left {left}.")
    return " ".join(said)


def _gates(table: Table, names: Names) -> str:
    said, opened, end = [], "LSTM, c, forget bias 5", float(table["back"].max())
    if here := [name for name in ("GRU", "LSTM, h", "LSTM, c") if name in names]:
        each = ", ".join(f"{name} {_growth(table, name)}" for name in here)
        back = " (c is the cell; the loss reads h, so the cell's gradient starts one step back)"
        said.append(f"Gates as they start: {each}{back if 'LSTM, c' in here else ''}.")
    if {"GRU", "tanh, glorot_uniform"} <= names:
        faster = _number(table, "GRU", "growth") < _number(table, "tanh, glorot_uniform", "growth")
        said.append(f"The GRU's vanishes {'faster' if faster else 'no faster'} than a tanh RNN's.")
    if opened in names:
        moments = sorted({float(round(k)) for k in (1, min(NEAR, end), 0.9 * end, end)} - {0.0})
        left = ", ".join(f"{_left(table, opened, k)} after {k:.0f}" for k in moments)
        said.append(
            f"With a forget bias of 5 instead of 1 the cell has {left} steps: it "
            f"{_fate_of_path(table.where(series=opened), end)}."
        )
    return " ".join(said)


def _yours(table: Table, names: Names) -> str:
    own = [f"{name} {_growth(table, name)} ({pace(table.where(series=name))})" for name in names if name not in SERIES]
    return f"Your own: {listed(own)}." if own else ""


def _fate_of_path(rows: Table, end: float) -> str:
    """What becomes of a norm that is no exponential, from one step back to the last."""
    first, last = (float(rows["median"][np.abs(rows["back"] - k).argmin()]) for k in (1, end))
    if not last > 0:
        return "vanishes"
    return "grows" if last > 2 * first else "vanishes" if last < first / 100 else "is roughly kept"
