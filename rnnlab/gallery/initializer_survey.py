"""Every initializer of the survey against every activation: how the gradient grows or decays, as a heatmap."""

from typing import TYPE_CHECKING, Annotated

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
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
    """A panel per role: initializers down, activations across, the growth and its spread in every cell."""
    from matplotlib.colors import SymLogNorm

    figure, axes = page.page(1, 3, height=6.4, width=11.5, sharey=True)
    names = list(dict.fromkeys(table["initializer"]))
    norm = SymLogNorm(0.03, vmin=-3, vmax=3)
    images = []
    for (role, title), ax in zip(ROLES.items(), axes, strict=True):
        part = table.where(role=role)
        medians, spreads = (part[column].reshape(len(names), len(ACTIVATIONS)) for column in ("growth", "spread"))
        images.append(ax.imshow(np.clip(medians, -3, 3), cmap="PuOr", norm=norm, aspect="auto"))
        for (row, column), growth in np.ndenumerate(medians):
            text = "–" if np.isnan(growth) else plus_minus(growth, float(spreads[row, column])).replace(" ±", "\n±")
            ink = "white" if abs(growth) > 0.5 else "black"
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        ax.set(title=title, xticks=range(3), xticklabels=("sigmoid", "tanh", "ReLU"))
        ax.set_yticks(range(len(names)), names)
        ax.axhline(len([name for name in names if name in SURVEY]) - 0.5, color=looks.BLACK, lw=1)
        ax.grid(visible=False)
    bar = figure.colorbar(images[0], ax=axes, shrink=0.7, ticks=[-1, -0.1, 0, 0.1, 1], format="%g")
    bar.set_label("growth λ, nats per step back: < 0 vanishes, > 0 explodes")
    return figure


def caption(table: Table) -> str:
    def number(column: str, initializer: str, activation: str, role: str = "U") -> float:
        return float(table.only(column, initializer=initializer, activation=activation, role=role))

    def cell(initializer: str, activation: str, role: str = "U") -> str:
        where = (initializer, activation, role)
        if not np.isfinite(number("growth", *where)):
            return _rate(number("growth", *where))
        return plus_minus(number("growth", *where), number("spread", *where) if knob(table, "seeds") > 1 else np.nan)

    def beside(initializer: str, other: str, activation: str) -> str:
        """Whether the gradient vanishes more slowly with the one than with the other, by more than the seeds differ."""
        gain = number("growth", initializer, activation) - number("growth", other, activation)
        noise = np.nan_to_num(number("spread", other, activation))
        return "slower" if gain > noise else "faster" if gain < -noise else "no slower"

    names = [name for (name,) in table.each("initializer")]
    said = [
        "Growth λ of the gradient in nats per step back, below 0 it vanishes; median ± standard deviation over "
        f"{setting(table, 'seeds')}, {setting(table, 'steps', 'hidden', 'inputs')} from N(0, 1); above the line those "
        "of the survey's six."
    ]
    sigmoid = table.where(activation="sigmoid")["growth"]
    least = float(np.max(sigmoid[~np.isnan(sigmoid)]))
    said.append(
        f"Under sigmoid {'every one vanishes' if least < 0 else 'not every one vanishes'}: λ is at most {_rate(least)}."
    )
    if {"orthogonal", "glorot_uniform"} <= set(names):
        steady = number("spread", "orthogonal", "tanh") <= number("spread", "glorot_uniform", "tanh") / 2
        steadier = f", {'and' if steady else 'not'} steadier from seed to seed" if knob(table, "seeds") > 1 else ""
        said.append(
            f"As U for tanh, orthogonal gives {cell('orthogonal', 'tanh')} and glorot_uniform "
            f"{cell('glorot_uniform', 'tanh')}: {beside('orthogonal', 'glorot_uniform', 'tanh')} to vanish{steadier}. "
            f"As both W and U orthogonal gives {cell('orthogonal', 'tanh', 'W and U')}, glorot_uniform "
            f"{cell('glorot_uniform', 'tanh', 'W and U')}."
        )
    if {"he_uniform", "glorot_uniform"} <= set(names):
        said.append(
            f"he_uniform has twice the variance: for ReLU {cell('he_uniform', 'relu')}, "
            f"{beside('he_uniform', 'glorot_uniform', 'relu')} to vanish than glorot_uniform with "
            f"{cell('glorot_uniform', 'relu')}."
        )
    if "random_normal" in names:
        right = np.sqrt(1 / knob(table, "hidden"))  # of a square U: the variance of lecun_uniform and orthogonal
        size = "too small" if right > 0.05 * 1.2 else "too large" if right < 0.05 / 1.2 else "about right"
        said.append(
            f"random_normal does not know the width; for this one its 0.05 is {size}: tanh "
            f"{cell('random_normal', 'tanh')}."
        )
    kernels = table.where(role="W", activation="tanh")
    survey = kernels["growth"][np.isin(kernels["initializer"], SURVEY)]
    if len(survey) > 1:
        said.append(f"The survey's as W alone move tanh from {_rate(survey.min())} to {_rate(survey.max())}.")
    for name in names:
        if name not in (*SURVEY, *FAMILY) or len(names) <= 4:
            each = ", ".join(f"{activation} {cell(name, activation)}" for activation in ACTIVATIONS)
            said.append(f"{name} as U: {each}.")
    return " ".join(said)


def _rate(growth: float) -> str:
    """λ to three digits; in words where the gradient is lost at once."""
    return f"{growth:.3f}" if np.isfinite(growth) else "-∞ (lost at once)"
