"""Write figures to a folder: NAME.png, or NAME.gif if it moves, NAME.csv unless it is recorded, and README.md."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnnlab.experiments.results.tables import RUNS, is_recorded, link, location, own_copy, read
from rnnlab.files import replacing
from rnnlab.gallery import learning, page
from rnnlab.gallery.figures import BEARS_ON, FIGURES, ROUTES, FigureModule, frames, recipe
from rnnlab.gallery.series import meant
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Source = Literal["computed", "recorded", "own"]
"""Where a drawn table comes from; "own" is one in the user's folder that differs from the recorded one."""


def publish(
    names: list[str],
    out: Path,
    kind: str = "png",
    announce: Callable[[str], None] = lambda name: None,
    *,
    recompute: bool = False,
) -> dict[str, Source]:
    """Compute, draw and write the named figures (all if none is named), then the gallery's README.

    Each file is written whole or not at all. What is drawn is what the CSV says, to the last digit. A recorded figure
    is drawn from its recorded table, of which no copy is written, or from the user's own in `out`, which an earlier
    `recompute` left there; it is measured, or trained, again only to `recompute`.

    Returns:
        Of each figure, where its table came from.

    Raises:
        ValueError: an unknown name; the message lists the figures. Or a table in `out` that is not this figure's.
        OSError: `out` cannot be made or written to.
    """
    for name in names:
        known(name)
    out.mkdir(parents=True, exist_ok=True)
    sources: dict[str, Source] = {}
    for name in names or FIGURES:
        announce(name)
        module = FIGURES[name]
        if is_recorded(name) and not recompute:
            sources[name] = "own" if own_copy(name, out) else "recorded"
            table = read(name, out)
        else:
            sources[name] = "computed"
            table = Table.parse(module.compute().text())
        moving, caption = frames(name) if kind == "png" else None, module.caption(table)
        picture = page.animated(moving(table), caption) if moving else rendered(module.draw(table), caption, kind)
        if sources[name] == "computed":
            write_table(out / f"{name}.csv", table)
            if (experiment := recipe(name)) is not None:
                write_table(
                    out / f"{RUNS}.csv", read(RUNS, out).without(recipe=experiment).above(learning.runs(experiment))
                )
        write_bytes(out / f"{name}.{'gif' if moving else kind}", picture)
    write_bytes(out / "README.md", _readme(out).encode())
    return sources


def publish_own(
    name: str, settings: dict[str, Any], out: Path, kind: str = "png", *, scale: float = 1.0
) -> "tuple[Figure, str]":
    """A figure with knobs as the user sets them: NAME.png, with its caption in it, and NAME.csv in `out`; NAME.gif too.

    Args:
        settings: keyword arguments of its `compute`; a recorded figure with none is drawn from its recorded table.
        scale: of type and lines beside the page.

    Returns:
        The figure and its caption.

    Raises:
        ValueError, TypeError: an unknown name, knob or value.
        OSError: `out` cannot be made or written to.
    """
    module = known(name)
    table = read(name) if is_recorded(name) and not settings else Table.parse(module.compute(**settings).text())
    figure, caption = module.draw(table, scale=scale), module.caption(table)
    out.mkdir(parents=True, exist_ok=True)
    write(out / name, table, figure, caption, kind)
    if (moving := frames(name)) is not None and kind == "png" and scale == 1:
        write_bytes(out / f"{name}.gif", page.animated(moving(table), caption))
    return figure, caption


def known(name: str) -> FigureModule:
    """The figure of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in FIGURES:
        raise ValueError(f"there is no figure {name!r}{meant(name, FIGURES, most=100)}")
    return FIGURES[name]


def rendered(figure: "Figure", caption: str, kind: str = "png") -> bytes:
    """The picture as png, svg or pdf, with its caption in it."""
    picture = BytesIO()
    page.save(figure, picture, kind, caption)
    return picture.getvalue()


def write_table(path: Path, table: Table) -> None:
    """As CSV."""
    write_bytes(path, table.text().encode())


def write_bytes(path: Path, contents: bytes) -> None:
    """Whole or not at all."""
    with replacing(path) as file:
        file.write(contents)


def write(stem: Path, table: Table, figure: "Figure", caption: str, kind: str = "png") -> None:
    """Write stem.csv and stem.png (or svg, pdf); both are rendered before either is written."""
    picture = rendered(figure, caption, kind)
    write_table(stem.with_suffix(".csv"), table)
    write_bytes(stem.with_suffix(f".{kind}"), picture)


EXAMPLE = """\
from rnnlab.gallery import gradient_decay as figure
table = figure.compute(seeds=5, steps=200, hidden=50)
figure.draw(table).savefig("mine.png")
print(figure.caption(table))
"""


def _readme(out: Path) -> str:
    """The gallery: every figure that has a picture in `out`, with the caption that its table gives."""
    parts = [
        "# The gallery",
        "`rnnlab figures` writes this folder: for each figure the picture, its table, and the caption below with its "
        "measured numbers. What they say of the survey's claims is in CLAIMS.md, which `rnnlab claims` writes. The "
        "code of `NAME` is `rnnlab/gallery/NAME.py`. To turn a knob, `rnnlab figures NAME --set hidden=20 --series "
        "tanh,IRNN` (`rnnlab figures NAME --help` lists the knobs; `--scale 2` is for a projector), or in Python:",
        f"```python\n{EXAMPLE}```",
        *_routes(out),
    ]
    for name, module in FIGURES.items():
        pictures = _pictures(name, out)
        path = location(name, out) if is_recorded(name) else out / f"{name}.csv"
        if pictures and path.exists():
            table = read(name, out) if is_recorded(name) else Table.read(path)
            try:
                caption = module.caption(table)
            except KeyError:  # a column of this version is not in it
                caption = "The table here was written by another version of rnnlab: redraw the figure."
            parts += [f"## {module.TITLE}", f"![{name}]({pictures[0]})", caption, _links(name, path, out)]
    return "\n\n".join(parts) + "\n"


def _pictures(name: str, out: Path) -> list[str]:
    """The files in `out` that show the figure."""
    return [f"{name}.{kind}" for kind in ("gif", *page.FORMATS) if (out / f"{name}.{kind}").exists()]


def _routes(out: Path) -> list[str]:
    """For each way through the gallery its figures, small, each a link to where it stands below."""
    found = []
    for route, names in ROUTES.items():
        small = [
            f'<a href="#{anchor(title)}"><img src="{picture}" width="150" alt="{title}" title="{title}"></a>'
            for name, title in ((name, FIGURES[name].TITLE) for name in names)
            for picture in _pictures(name, out)[:1]
        ]
        if small:
            found.append(f"**{route}**\n\n{' '.join(small)}")
    return found


def anchor(title: str) -> str:
    """What a page of GitHub's calls the place of a heading: small letters, no punctuation, a dash for a blank."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _links(name: str, path: Path, out: Path) -> str:
    """The figure's table, the command that draws it, and for a recorded one the command that makes it again."""
    own = is_recorded(name) and own_copy(name, out) is not None
    words = f"[table]({link(path, out)}){' of your own, unlike the recorded one' if own else ''}; "
    words += f"redraw: `rnnlab figures {name}`"
    if is_recorded(name):
        words += f"; re-run: `rnnlab figures {name} --recompute`"
    if recipe(name) is not None:
        words += f"; every run with its command, seed, time and versions: [runs]({link(location(RUNS, out), out)})"
    if name in BEARS_ON:
        words += f"; claims: {', '.join(f'[{claim}](CLAIMS.md#{claim.lower()})' for claim in BEARS_ON[name])}"
    return words
