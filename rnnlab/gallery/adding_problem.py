"""The adding problem: held-out error against updates, for each length a panel, every run a line."""

from pathlib import Path

from matplotlib.figure import Figure

from rnnlab.experiments.recipes import RECIPES, Size
from rnnlab.experiments.runner import CURVES
from rnnlab.gallery import learning, page
from rnnlab.table import Table

TITLE = "The adding problem: who remembers for how long"
RECIPE = "adding"
RECORDED = CURVES
SOLVED, BASELINE = 0.01, 1 / 6
LOOKS = {name: learning.LOOKS[name] for name in ("tanh RNN", "ReLU RNN", "IRNN", "LSTM", "GRU", "IndRNN")}


def compute(*, size: Size = "paper", root: Path = learning.ROOT, jobs: int | None = None) -> Table:
    """The curves of recipe "adding"."""
    return learning.train(RECIPE, size=size, root=root, jobs=jobs)


def _lengths(table: Table) -> list[str]:
    return sorted((variant for (variant,) in table.each("variant")), key=lambda variant: int(variant.split()[-1]))


@page.styled
def draw(table: Table) -> Figure:
    """Panels that share their axes, the legend in the place after the last."""
    lengths = _lengths(table)
    columns = min(4, len(lengths) + 1)
    rows = -(-(len(lengths) + 1) // columns)
    figure, panels = page.page(rows, columns, height=0.6 + 2.7 * rows, width=11.5, sharey=True)
    for ax, variant in zip(panels, lengths, strict=False):
        learning.draw_curves(ax, table, variant, LOOKS, every=1000)
        learning.baseline(ax, BASELINE, "always the mean")
        learning.baseline(ax, SOLVED, "solved")
        ax.set(title=variant, yscale="log", ylim=(2e-4, 3), xlabel="thousands of updates")
    for ax in panels[::columns]:
        ax.set_ylabel("held-out mean squared error")
    for ax in panels[len(lengths) :]:
        ax.axis("off")
    panels[len(lengths)].legend(
        handles=learning.key(LOOKS, learning.present(table, LOOKS)), loc="center", fontsize=9, handlelength=3.5
    )
    return figure


def caption(table: Table) -> str:
    lines = []
    for variant in _lengths(table):
        said = []
        for model in learning.present(table.where(variant=variant), LOOKS):
            end = learning.ends(table, variant, model)
            if end is None:
                continue
            solved = int((end.scores < SOLVED).sum())
            after = f", at most {end.updates.max():,.0f} updates" if solved == len(end.scores) else ""
            best = "" if solved else f", at best {end.scores.min():.2g}"
            said.append(f"{model} {solved} of {len(end.scores)}{after}{best}")
        lines.append(f"{variant}: {', '.join(said)}")
    return (
        "Held-out mean squared error; a run stops at 0.001 (dot), diverges (cross) or spends its budget (ring). Seeds "
        f"below 0.01, by length. {learning.listed(lines)}. {learning.budget(table)}. {RECIPES[RECIPE].about}"
    )
