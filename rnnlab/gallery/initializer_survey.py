"""Every initializer of the survey against every activation: how fast the gradient decays, as a heatmap of rates."""

from typing import TYPE_CHECKING

import numpy as np

from rnnlab import flow
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
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


def compute(*, seeds: int = 10, steps: int = 100, hidden: int = 100, inputs: int = 8) -> Table:
    """A run per initializer, role, activation and seed: x[t] ~ N(0, 1), the loss on the last step alone.

    Returns:
        role, initializer, activation; rate, median decay in nats per step (infinite if the gradient is lost at once,
        NaN where the initializer cannot make a matrix of that shape); spread, its standard deviation over the seeds.
    """
    rows: list[tuple[str | float, ...]] = []
    for role in ROLES:
        for name in (*SURVEY, *FAMILY):
            for activation in ACTIVATIONS:
                if name == "normalized_positive_definite" and role != "U":  # a square matrix by definition
                    rows.append((role, name, activation, np.nan, np.nan))
                    continue
                rates = []
                for seed in range(seeds):
                    rng = np.random.default_rng(seed)
                    layer = RNN.init(
                        rng,
                        inputs=inputs,
                        hidden=hidden,
                        activation=activation,
                        kernel_initializer=name if "W" in role else "glorot_uniform",
                        recurrent_initializer=name if "U" in role else "orthogonal",
                    )
                    xs = rng.standard_normal((steps, 1, inputs))
                    rates.append(float(flow.decay_rate(flow.gradient_norms(layer, xs))[0]))
                rows.append((role, name, activation, float(np.median(rates)), float(np.std(rates))))
    return Table.of("role initializer activation rate spread", rows)


@page.styled
def draw(table: Table) -> "Figure":
    """A panel per role: initializers down, activations across, the rate and its spread in every cell."""
    from matplotlib.colors import SymLogNorm

    figure, axes = page.page(1, 3, height=6.4, width=11.5, sharey=True)
    names = list(dict.fromkeys(table["initializer"]))
    norm = SymLogNorm(0.03, vmin=-3, vmax=3)
    images = []
    for (role, title), ax in zip(ROLES.items(), axes, strict=True):
        part = table.where(role=role)
        rates, spreads = (part[column].reshape(len(names), len(ACTIVATIONS)) for column in ("rate", "spread"))
        images.append(ax.imshow(np.clip(rates, -3, 3), cmap="PuOr_r", norm=norm, aspect="auto"))
        for (row, column), rate in np.ndenumerate(rates):
            text = "–" if np.isnan(rate) else f"{rate:.3f}\n± {spreads[row, column]:.3f}"
            ink = "white" if abs(rate) > 0.5 else "black"
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        ax.set(title=title, xticks=range(3), xticklabels=("sigmoid", "tanh", "ReLU"))
        ax.set_yticks(range(len(names)), names)
        ax.axhline(len(SURVEY) - 0.5, color=looks.BLACK, lw=1)
        ax.grid(visible=False)
    bar = figure.colorbar(images[0], ax=axes, shrink=0.7, ticks=[-1, -0.1, 0, 0.1, 1], format="%g")
    bar.set_label("decay rate, nats per step back: > 0 vanishes, < 0 explodes")
    return figure


def caption(table: Table) -> str:
    def cell(initializer: str, activation: str, role: str = "U") -> str:
        where = {"initializer": initializer, "activation": activation, "role": role}
        return f"{table.only('rate', **where):.3f} ± {table.only('spread', **where):.3f}"

    sigmoid = table.where(activation="sigmoid")["rate"]
    kernels = table.where(role="W", activation="tanh")
    survey = np.isin(kernels["initializer"], SURVEY)
    return (
        "Decay rate of the gradient in nats per step (median ± standard deviation over the seeds), T = 100; above the "
        f"line the survey's six. Under sigmoid every one vanishes, at {np.nanmin(sigmoid):.2f} nats a step or faster. "
        f"As U for tanh, orthogonal gives {cell('orthogonal', 'tanh')} and glorot_uniform "
        f"{cell('glorot_uniform', 'tanh')}: no slower, but steadier from seed to seed. he_uniform, twice the variance, "
        f"nearly holds ReLU ({cell('he_uniform', 'relu')}; glorot_uniform {cell('glorot_uniform', 'relu')}). "
        "random_normal does not know the width, and its 0.05 is too small for this one: tanh loses "
        f"{cell('random_normal', 'tanh')}. Exchanging W alone moves tanh from {kernels['rate'][survey].min():.3f} to "
        f"{kernels['rate'][survey].max():.3f}: the less input reaches the units, the less they saturate. Both at once: "
        f"orthogonal {cell('orthogonal', 'tanh', 'W and U')}, glorot_uniform "
        f"{cell('glorot_uniform', 'tanh', 'W and U')}."
    )
