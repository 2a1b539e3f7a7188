"""Write figures to a folder: NAME.csv, NAME.png and README.md, the gallery that shows them all."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Protocol, cast

from matplotlib.figure import Figure

from rnnlab.experiments import runner
from rnnlab.files import replacing
from rnnlab.gallery import (
    activation_slopes,
    adding_problem,
    character_model,
    cliff,
    deep_stacks,
    depth_vs_time,
    gradient_decay,
    gradient_while_learning,
    indrnn_range,
    initializer_learning,
    initializer_survey,
    irnn_memory,
    jacobian_spectrum,
    learning,
    oracle_errors,
    page,
    phase_diagram,
    phoneme_frames,
    pixel_digits,
    step_cost,
    truncation_error,
)
from rnnlab.table import Table

RECORDED = Path(__file__).parent / "recorded"
RUNS = "runs.csv"


class FigureModule(Protocol):
    """What every module of the gallery has. `compute` takes its knobs by keyword; all have defaults.

    One that measures time, or trains for hours, has RECORDED besides, the names of its table's columns: its table was
    measured once, is kept in `recorded/`, and is drawn again. One that trains has RECIPE, the name of its experiment;
    the runs of all experiments, a row each with the command that repeats it, are kept in `recorded/runs.csv`.
    """

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
        depth_vs_time,
        jacobian_spectrum,
        phase_diagram,
        irnn_memory,
        indrnn_range,
        cliff,
        truncation_error,
        oracle_errors,
        step_cost,
        adding_problem,
        gradient_while_learning,
        pixel_digits,
        character_model,
        phoneme_frames,
        deep_stacks,
        initializer_learning,
    )
}


def publish(
    names: list[str],
    out: Path,
    kind: str = "png",
    announce: Callable[[str], None] = lambda name: None,
    *,
    recompute: bool = False,
) -> list[str]:
    """Compute, draw and write the named figures (all if none is named), then the gallery's README.

    Each file is written whole or not at all. What is drawn is what the CSV says, to the last digit. A recorded figure
    is drawn from the table in `out`, or else from the one that the package comes with; it is measured anew only to
    `recompute`.

    Returns:
        The figures that were drawn from a recorded table.

    Raises:
        ValueError: an unknown name; the message lists the figures. Or a table in `out` that is not this figure's.
        OSError: `out` cannot be made or written to.
    """
    for name in names:
        if name not in FIGURES:
            raise ValueError(f"figure must be one of {', '.join(FIGURES)}; got {name!r}")
    out.mkdir(parents=True, exist_ok=True)
    redrawn = []
    for name in names or FIGURES:
        announce(name)
        module = FIGURES[name]
        recorded = recorded_path(f"{name}.csv", out)
        if columns(module) and recorded is not None and not recompute:
            table = read_recorded(recorded, columns(module))
            redrawn.append(name)
        else:
            table = Table.parse(module.compute().text())
        write(out / name, table, module.draw(table), module.caption(table), kind)
        recipe = getattr(module, "RECIPE", None)
        if recipe is not None:
            _write_runs(out, None if name in redrawn else recipe)
    with replacing(out / "README.md") as file:
        file.write(_readme(out).encode())
    return redrawn


def recorded_path(name: str, out: Path) -> Path | None:
    """Where the recorded table of that name is: in `out`, or else in the package; None if in neither."""
    return next((path for path in (out / name, RECORDED / name) if path.exists()), None)


def _write_runs(out: Path, anew: str | None) -> None:
    """runs.csv in `out`: as recorded, but with the rows of the recipe that was carried out anew."""
    path = recorded_path(RUNS, out)
    runs = None if path is None else read_recorded(path, runner.RUNS)
    if anew is not None:
        mine = learning.runs(anew)
        runs = mine if runs is None else runs.without(recipe=anew).above(mine)
    if runs is not None:
        with replacing(out / RUNS) as file:
            file.write(runs.text().encode())


def columns(module: FigureModule) -> str:
    """Those of the module's recorded table; none if it is computed each time."""
    return str(getattr(module, "RECORDED", ""))


def read_recorded(path: Path, wanted: str) -> Table:
    """The table at `path`, refused unless it is whole and has the columns `wanted`."""
    try:
        table = Table.read(path)
    except ValueError:  # not UTF-8, no rows, or rows of different lengths
        table = Table({})
    if list(table.columns) != wanted.split():
        raise ValueError(f"{path} is not a table with the columns {wanted}: delete it, and the recorded one is drawn")
    return table


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
        "measured numbers. What they say of the survey's claims is in CLAIMS.md, which `rnnlab claims` writes. The "
        "code of `NAME` is `rnnlab/gallery/NAME.py`; to turn a knob, call it:",
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
            again = f"`rnnlab figures {name}`"
            if columns(module):
                again += f", which draws this table; measured anew: `rnnlab figures {name} --recompute`"
            if hasattr(module, "RECIPE"):
                again += f"; every run with its command, seed, time and versions: [runs]({RUNS})"
            links = f"[table]({name}.csv), again: {again}"
            parts += [f"## {module.TITLE}", f"![{name}]({pictures[0]})", f"{caption}", links]
    return "\n\n".join(parts) + "\n"
