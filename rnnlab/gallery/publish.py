"""Write figures to a folder: NAME.csv, NAME.png and README.md, the gallery that shows them all."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Protocol, cast

from matplotlib.figure import Figure

from rnnlab.files import replacing
from rnnlab.gallery import (
    activation_slopes,
    gradient_decay,
    indrnn_range,
    initializer_survey,
    irnn_memory,
    oracle_errors,
    page,
)
from rnnlab.gallery.table import Table


class FigureModule(Protocol):
    """What every module of the gallery has. `compute` takes its knobs by keyword; all have defaults."""

    TITLE: str

    def compute(self) -> Table: ...

    def draw(self, table: Table) -> Figure: ...

    def caption(self, table: Table) -> str: ...


FIGURES = {
    module.__name__.rpartition(".")[2]: cast(FigureModule, module)
    for module in (
        gradient_decay,
        initializer_survey,
        activation_slopes,
        irnn_memory,
        indrnn_range,
        oracle_errors,
    )
}


def publish(
    names: list[str], out: Path, kind: str = "png", announce: Callable[[str], None] = lambda name: None
) -> None:
    """Compute, draw and write the named figures (all if none is named), then the gallery's README.

    Each file is written whole or not at all. What is drawn is what the CSV says, to the last digit.

    Raises:
        ValueError: an unknown name; the message lists the figures.
        OSError: `out` cannot be made or written to.
    """
    for name in names:
        if name not in FIGURES:
            raise ValueError(f"figure must be one of {', '.join(FIGURES)}; got {name!r}")
    out.mkdir(parents=True, exist_ok=True)
    for name in names or FIGURES:
        announce(name)
        module = FIGURES[name]
        table = Table.parse(module.compute().text())
        write(out / name, table, module.draw(table), module.caption(table), kind)
    with replacing(out / "README.md") as file:
        file.write(_readme(out).encode())


def write(stem: Path, table: Table, figure: Figure, caption: str, kind: str = "png") -> None:
    """Write stem.csv and stem.png (or svg, pdf); both are rendered before either is written."""
    picture = BytesIO()
    page.save(figure, picture, kind, caption)
    with replacing(stem.with_suffix(".csv")) as file:
        file.write(table.text().encode())
    with replacing(stem.with_suffix(f".{kind}")) as file:
        file.write(picture.getvalue())


def _readme(out: Path) -> str:
    """The gallery: every figure that has a table in `out`, with the caption that the table gives."""
    parts = [
        "# The gallery",
        "`rnnlab figures` writes this folder: for each figure the picture, its table, and the caption below with its "
        "measured numbers. The code of `NAME` is `rnnlab/gallery/NAME.py`; to turn a knob, call it:",
        "```python\n"
        "from rnnlab.gallery import gradient_decay as figure\n"
        "table = figure.compute(seeds=5, steps=200, hidden=50)\n"
        'figure.draw(table).savefig("mine.png")\n'
        "print(figure.caption(table))\n"
        "```",
    ]
    for name, module in FIGURES.items():
        pictures = [f"{name}.{kind}" for kind in page.FORMATS if (out / f"{name}.{kind}").exists()]
        if pictures and (out / f"{name}.csv").exists():
            caption = module.caption(Table.read(out / f"{name}.csv"))
            links = f"[table]({name}.csv), again: `rnnlab figures {name}`"
            parts += [f"## {module.TITLE}", f"![{name}]({pictures[0]})", f"{caption}", links]
    return "\n\n".join(parts) + "\n"
