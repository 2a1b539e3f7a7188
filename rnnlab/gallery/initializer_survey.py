"""Every initializer of the survey against every activation: how the gradient grows or decays."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import (
    Hidden,
    Inputs,
    Knob,
    Seeds,
    Steps,
    checked,
    growths,
    knob,
    plus_minus,
    setting,
    spread,
    with_knobs,
)
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.layers import RNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What an initializer does to the gradient"
SURVEY = ("glorot_uniform", "he_uniform", "lecun_uniform", "orthogonal", "random_normal", "variance_scaling")
FAMILY = (
    "identity",
    "normalized_positive_definite",
    "torch_uniform",
    "glorot_normal",
    "he_normal",
    "lecun_normal",
    "random_uniform",
    "truncated_normal",
)
ACTIVATIONS = ("sigmoid", "tanh", "relu")
ROLES = {
    "U": "as U, with W glorot_uniform",
    "W": "as W, with U orthogonal",
    "W and U": "as both W and U",
}


OWN = "an initializer of your own: a function (rng, shape, dtype) that returns an array of that shape"


@checked
def compute(
    *,
    seeds: Seeds = 10,
    steps: Steps = 100,
    hidden: Hidden = 100,
    inputs: Inputs = 8,
    series: Annotated[Words, Knob("the initializers, and your own", names=(*SURVEY, *FAMILY), own=OWN)] = ALL,
) -> Table:
    """A run per initializer, role, activation and seed: x[t] ~ N(0, 1), the loss on the last step alone.

    An initializer of your own joins by one line: compute(series=("all", mine)), or --series all,mine.py:mine.

    Returns:
        role, initializer, activation; growth λ, the median, in nats per step back, below 0 it vanishes (-∞ if the
        gradient is lost at once, NaN where the initializer cannot make a matrix of that shape); spread, its standard
        deviation over the seeds; seeds, steps, hidden, inputs.
    """
    rows: list[tuple[str | float, ...]] = []
    initializers = chosen(series, (*SURVEY, *FAMILY), OWN)
    for role in ROLES:
        for name, own in initializers.items():
            for activation in ACTIVATIONS:
                if name == "normalized_positive_definite" and role != "U":  # a square matrix by definition
                    rows.append((role, name, activation, np.nan, np.nan))
                    continue
                found = []
                for seed in range(seeds):
                    rng = np.random.default_rng(seed)
                    layer = RNN.init(
                        rng,
                        inputs=inputs,
                        hidden=hidden,
                        activation=activation,
                        kernel_initializer=(own or name) if "W" in role else "glorot_uniform",
                        recurrent_initializer=(own or name) if "U" in role else "orthogonal",
                    )
                    xs = rng.standard_normal((steps, 1, inputs))
                    found.append(float(growths(flow.gradient_norms(layer, xs))[0]))
                rows.append((role, name, activation, float(np.median(found)), spread(found)))
    table = Table.of("role initializer activation growth spread", rows)
    return with_knobs(table, seeds=seeds, steps=steps, hidden=hidden, inputs=inputs)


@page.styled
def draw(table: Table) -> "Figure":
    """The role of U: initializers down, sorted by tanh; a dot for each activation, a bar for the seeds' spread."""
    rows = table.where(role="U")
    names = sorted(dict.fromkeys(rows["initializer"].tolist()), key=lambda name: _growth(rows, name, "tanh"))[::-1]
    figure, (ax,) = page.page(1, 1, height=5.6, width=7)
    finite = rows["growth"][np.isfinite(rows["growth"])]
    left = min(float(finite.min(initial=-1)), -1.0) * 1.1
    for place, name in enumerate(names):
        for activation in ACTIVATIONS:
            color, _, marker = looks.ACTIVATIONS[activation]
            dot: Any = {"color": color, "marker": marker or "D", "ms": 6, "mfc": "white", "ls": "none"}
            growth = _growth(rows, name, activation)
            spread = float(rows.only("spread", initializer=name, activation=activation))
            if np.isfinite(growth):
                ax.errorbar(growth, place, xerr=spread if np.isfinite(spread) else None, elinewidth=1.2, **dot)
            else:
                ax.plot(left, place, **dot | {"marker": "v", "clip_on": False})
    for activation, words in zip(ACTIVATIONS, ("sigmoid", "tanh", "ReLU"), strict=True):
        color, _, marker = looks.ACTIVATIONS[activation]
        ax.plot([], [], color=color, marker=marker or "D", ms=6, mfc="white", ls="none", label=words)
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL)
    ax.axvline(0, color=looks.BLACK, lw=1)
    ax.set_yticks(range(len(names)), names)
    for tick, name in zip(ax.get_yticklabels(), names, strict=True):
        tick.set_fontweight("bold" if name in SURVEY else "normal")
    ax.set(ylim=(len(names) - 0.4, -0.7), xlim=(left * 1.03, max(0.3, 1.2 * float(finite.max(initial=0)))))
    ax.set(
        xlabel="growth λ of the gradient, nats per step back: < 0 vanishes, > 0 explodes",
        ylabel="initializer of U (bold: the survey's six)",
    )
    page.headline(ax, _found(table), 5.2)
    return figure


def _growth(rows: Table, name: str, activation: str) -> float:
    return float(rows.only("growth", initializer=name, activation=activation))


def _found(table: Table) -> str:
    """Under sigmoid the best; as U for tanh the best and the worst, of the survey's if there are any."""
    rows = table.where(role="U")
    names = [name for (name,) in rows.each("initializer")]
    sigmoid = max(_growth(rows, name, "sigmoid") for name in names)
    order = sorted([name for name in names if name in SURVEY] or names, key=lambda name: _growth(rows, name, "tanh"))
    fate = "Sigmoid vanishes with every U here" if sigmoid < -1 else f"Sigmoid gets to λ = {_rate(sigmoid)}"
    best, worst = (f"{_lost(_growth(rows, name, 'tanh'))} a step with {name}" for name in (order[-1], order[0]))
    return f"{fate}; tanh loses {best}" + (f", {worst.replace(' a step', '')}" if len(order) > 1 else "")


def _lost(growth: float) -> str:
    """Of the gradient in a step, in percent."""
    return f"{100 * (1 - np.exp(growth)):.0f} %"


def caption(table: Table) -> str:
    return captions.told(
        captions.finding(f"{_found(table)}."),
        "A row is an initializer, sorted by what it does to tanh; each dot the growth of the gradient in nats per step "
        "back, the bar the standard deviation over the seeds. At 0 it is kept.",
        f"RNNs, {setting(table, 'steps', 'hidden', 'inputs', 'seeds')}, x[t] from N(0, 1), the loss on the last step, "
        "W glorot_uniform; the table has every initializer as W, and as both, too.",
        _numbers(table),
        " ".join(_oddities(table)),
    )


def _numbers(table: Table) -> list[str]:
    """Of those initializers that are in the table."""
    names = [name for (name,) in table.each("initializer")]

    def cell(initializer: str, activation: str, role: str = "U") -> str:
        row = table.where(initializer=initializer, activation=activation, role=role)
        growth, deviation = float(row["growth"][0]), float(row["spread"][0])
        if not np.isfinite(growth):
            return _rate(growth)
        return plus_minus(growth, deviation if knob(table, "seeds") > 1 else np.nan)

    sigmoid = table.where(activation="sigmoid")["growth"]
    said = [f"under sigmoid, in any role, λ is at most {_rate(float(np.max(sigmoid[~np.isnan(sigmoid)])))}"]
    if {"orthogonal", "glorot_uniform"} <= set(names):
        both = "W and U"
        said.append(
            f"as U for tanh orthogonal gives {cell('orthogonal', 'tanh')}, glorot_uniform "
            f"{cell('glorot_uniform', 'tanh')}; as both W and U {cell('orthogonal', 'tanh', both)} and "
            f"{cell('glorot_uniform', 'tanh', both)}"
        )
    if {"he_uniform", "glorot_uniform"} <= set(names):
        said.append(
            f"he_uniform has twice the variance: as U for ReLU {cell('he_uniform', 'relu')}, glorot_uniform "
            f"{cell('glorot_uniform', 'relu')}"
        )
    if "random_normal" in names:
        right = np.sqrt(1 / knob(table, "hidden"))  # of a square U: the variance of lecun_uniform and orthogonal
        size = "too small" if right > 0.05 * 1.2 else "too large" if right < 0.05 / 1.2 else "about right"
        said.append(
            f"random_normal does not know the width; for this one its 0.05 is {size}: tanh "
            f"{cell('random_normal', 'tanh')}"
        )
    kernels = table.where(role="W", activation="tanh")
    survey = kernels["growth"][np.isin(kernels["initializer"], SURVEY)]
    if len(survey) > 1:
        said.append(f"the survey's as W alone move tanh from {_rate(survey.min())} to {_rate(survey.max())}")
    for name in names:
        if name not in (*SURVEY, *FAMILY) or len(names) <= 4:
            each = ", ".join(f"{activation} {cell(name, activation)}" for activation in ACTIVATIONS)
            said.append(f"{name} as U: {each}")
    return said


def _oddities(table: Table) -> list[str]:
    """What looks like an error in the table and is none, where it is there."""
    found = []
    names = {name for (name,) in table.each("initializer")}
    square, both = table.where(role="U"), table.where(role="W and U")
    alike = ("glorot_uniform", "lecun_uniform")
    if names.issuperset(alike) and all(
        len({_growth(square, name, activation) for name in alike}) == 1 for activation in ACTIVATIONS
    ):
        found.append(
            "glorot_uniform and lecun_uniform have the same numbers as U: U is square, so 2 / (H + H) and 1 / H are "
            "one variance, and the same seed draws the same U."
        )
    if "identity" in names and abs(kept := _growth(both, "identity", "tanh")) < 0.0005:
        found.append(
            f"identity as both W and U keeps tanh's gradient, λ = {kept:.1g}: W is the identity too, so that "
            f"{setting(table, 'inputs')} reach as many units of {knob(table, 'hidden'):.0f}; a unit without input "
            "stays at 0, where tanh has slope 1."
        )
    return found


def _rate(growth: float) -> str:
    """λ to three digits; in words where the gradient is lost at once."""
    return f"{growth:.3f}" if np.isfinite(growth) else "-∞ (lost at once)"
