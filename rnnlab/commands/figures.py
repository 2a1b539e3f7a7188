"""`rnnlab figures`: the gallery, and any of its figures with knobs of one's own."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GALLERY, OWN = Path("figures"), Path("my_figures")
"""Where the gallery is written, and a figure with settings of one's own: never over the gallery's."""


class _Help(argparse.Action):
    """--help alone tells of the command, and after a NAME of the knobs of that figure."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if namespace.names:
            try:
                _print_knobs(namespace.names)
            except ValueError as error:
                parser.error(str(error))
        else:
            parser.print_help()
        parser.exit()


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Write NAME.png and its table NAME.csv for every NAME (all if none is given), and README.md, the\n"
        "gallery. Tables that took hours, or hold timings, are recorded with the package: they are drawn,\n"
        "and not copied.\n\n"
        "A figure with your own settings is computed again, and written to another folder:\n\n"
        "  rnnlab figures gradient_decay --set hidden=20 --set steps=100 --series tanh,IRNN\n"
        "  rnnlab figures gradient_decay --help         which knobs and series it has\n"
        "  rnnlab figures unrolled --scale 2 --show     larger type, for a projector, and a window"
    )
    parser.add_argument("-h", "--help", nargs=0, action=_Help, help="show this; after a NAME, the knobs of that figure")
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list")
    parser.add_argument("--list", action="store_true", help="list the figures and write nothing")
    parser.add_argument("--knobs", action="store_true", help="list the knobs of the figures and write nothing")
    own = parser.add_argument_group("your own settings")
    own.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KNOB=VALUE",
        help="turn a knob, as hidden=20; as often as you like",
    )
    own.add_argument(
        "--series",
        metavar="WORDS",
        help="what is compared, of those that --help lists, as tanh,IRNN; all,mine.py:Mine adds Mine of your mine.py",
    )
    own.add_argument(
        "--scale", type=float, default=1.0, metavar="N", help="type and lines so much larger; 2 suits a projector"
    )
    own.add_argument("--show", action="store_true", help="open a window as well")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="DIR", help=f"default: {GALLERY}, with settings of your own {OWN}")
    output.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")
    output.add_argument(
        "--recompute",
        action="store_true",
        help="re-run timings and training instead of drawing the recorded table; training takes hours, is saved in "
        "the folder runs, and resumes from there if interrupted",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw and write; or list."""
    if arguments.knobs:
        _print_knobs(arguments.names)
    elif arguments.list:
        _print_names()
    elif arguments.settings or arguments.series or arguments.scale != 1 or arguments.show:
        _write_own(arguments)
    else:
        _write_gallery(arguments)


def _print_names() -> None:
    from rnnlab.gallery.figures import FIGURES

    width = max(map(len, FIGURES))
    for name, module in FIGURES.items():
        print(f"{name:{width}}  {module.TITLE}")


def _print_knobs(names: list[str]) -> None:
    """Of each figure a line for every knob: its name, its default, what it means; and the series."""
    from rnnlab.gallery.figures import FIGURES
    from rnnlab.gallery.knobs import declared
    from rnnlab.gallery.publish import known

    for number, name in enumerate(names or FIGURES):
        module = known(name)
        print(f"{'' if number == 0 else chr(10)}{name}: {module.TITLE}\n")
        knobs = declared(module.compute)
        lines = [(one.name, one.told, one.meaning) for one in knobs.values() if not one.knob.names]
        lines = [("knob", "default", "what it is"), *lines]
        widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
        for line in lines:
            print(f"  {line[0]:{widths[0]}}  {line[1]:{widths[1]}}  {line[2]}")
        if "series" in knobs:
            series = knobs["series"].knob
            own = f"\n    FILE.py:NAME, {series.own}" if series.own else ""
            print(f"\n  series: {series.meaning}; all of them unless you choose some, by name or by its first word")
            print("\n".join(f"    {one}" for one in series.names) + own)
        first = lines[1][0]
        chosen = f" --series '{knobs['series'].knob.names[0]}'" if "series" in knobs else ""
        print(f"\n  as in: rnnlab figures {name} --set {first}={lines[1][1].partition(',')[0]}{chosen}")


def _write_own(arguments: argparse.Namespace) -> None:
    """The named figures with the user's settings, and for each what it says."""
    from rnnlab.gallery.publish import known, publish_own

    out = arguments.out or OWN
    if not arguments.names:
        raise ValueError("name the figure whose knobs you turn, as in: rnnlab figures gradient_decay --set hidden=20")
    chosen = {name: _settings(name, arguments) for name in arguments.names}
    for name, settings in chosen.items():
        figure, caption = publish_own(name, settings, out, arguments.format, scale=arguments.scale)
        print(f"{known(name).TITLE}\n\n{caption}\n\nwrote {out / name}.{arguments.format} and {out / name}.csv")
        if arguments.show:
            _show(figure)


def _settings(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The keyword arguments that the words stand for."""
    from rnnlab.gallery.knobs import declared, named
    from rnnlab.gallery.publish import known

    knobs = declared(known(name).compute)
    words = [setting.partition("=") for setting in arguments.settings]
    for knob, equals, value in words:
        if not (knob and equals and value):
            raise ValueError(f"--set takes KNOB=VALUE, as hidden=20; got {knob + equals + value!r}")
    if arguments.series is not None:
        if "series" not in knobs:
            raise ValueError(f"{name} has no series to choose from: its knobs are {', '.join(knobs)}")
        words.append(("series", "=", arguments.series))
    return {knob: named(knobs, knob, name).read(value) for knob, _, value in words}


def _show(figure: Any) -> None:
    """A window, until it is closed.

    Raises:
        ValueError: there is no display.
    """
    from matplotlib import pyplot

    window = pyplot.figure(figsize=figure.get_size_inches(), dpi=figure.get_dpi())
    if window.canvas.manager is None or window.canvas.required_interactive_framework is None:
        pyplot.close(window)
        raise ValueError(
            "no window can be opened here: it needs a display (over SSH: ssh -X) and Tk or Qt; open the file instead"
        )
    window.canvas.manager.canvas.figure = figure  # Matplotlib opens windows for its own figures: give ours its canvas
    figure.set_canvas(window.canvas)
    pyplot.show()


def _write_gallery(arguments: argparse.Namespace) -> None:
    from rnnlab.gallery.figures import FIGURES
    from rnnlab.gallery.publish import publish

    out = arguments.out or GALLERY
    count, start, done = len(arguments.names or FIGURES), time.monotonic(), 0

    def announce(name: str) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"[{done}/{count}] {name}, {time.monotonic() - start:.0f} s", file=sys.stderr)

    if arguments.recompute:
        _announce_training([name for name in arguments.names or FIGURES if name in FIGURES])
    sources = publish(arguments.names, out, arguments.format, announce, recompute=arguments.recompute)
    print(f"wrote {count} figure{'s' * (count != 1)} and README.md to {out}")
    recorded = [name for name, source in sources.items() if source == "recorded"]
    if recorded:
        print(f"drawn from the recorded table (--recompute re-runs it): {', '.join(recorded)}")
    for name in (name for name, source in sources.items() if source == "own"):
        path = out / f"{name}.csv"
        print(f"drawn from your own {path}, which differs from the recorded table: delete it to draw that one")


def _announce_training(names: list[str]) -> None:
    """How long the training will take, by the recorded runs."""
    from rnnlab.experiments.results.tables import RUNS, read
    from rnnlab.gallery.figures import recipe as recipe_of

    for recipe in sorted({recipe for name in names if (recipe := recipe_of(name)) is not None}):
        runs = read(RUNS).where(recipe=recipe)
        print(
            f"training {recipe} again, {len(runs)} runs that took {runs['seconds'].sum() / 3600:.1f} hours of one "
            "core, in the folder runs; what is there already is not run again",
            file=sys.stderr,
        )
