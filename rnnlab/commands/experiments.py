"""`rnnlab experiments`: all experiments, from their pilots to the recorded tables, by a command that can be resumed."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rnnlab import interrupt
from rnnlab.experiments import schedule, update_cost
from rnnlab.experiments.recipe import Entry
from rnnlab.experiments.recipes import RECIPES
from rnnlab.experiments.recording import COMMON, KEY, PILOT, current, joined, older, shorter_than, thinned, with_rows
from rnnlab.experiments.results.tables import PILOTS, RUNS, UPDATE_COST, read
from rnnlab.experiments.run import Outcome
from rnnlab.experiments.runner import carry_out_all, curves, ended, outcomes, tries
from rnnlab.experiments.schedule import Placed, pilot_table
from rnnlab.gallery import gradient_while_learning
from rnnlab.gallery.figures import FIGURES, recipe
from rnnlab.gallery.publish import write_table
from rnnlab.names import wrong_name
from rnnlab.table import Table


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Carry out the experiments (all if none is named): first the pilot runs, which choose the learning rates, then "
        "the runs that are scored, three seeds of every model before any more. Each has its own folder in --out; "
        "what has ended there is not run again, what was interrupted goes on. It takes about a day of one core."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs side by side; default: 1")
    parser.add_argument("--seeds", type=int, metavar="N", help="only the first N seeds of every model")
    parser.add_argument(
        "--missing", action="store_true", help="of the scored runs only those that are not recorded with the package"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pilots", action="store_true", help="the pilot runs only")
    what.add_argument("--plan", action="store_true", help="list the runs that are left, and their hours; run nothing")
    what.add_argument(
        "--cost", type=Path, metavar="DIR", help="time an update of every model; write DIR/update_cost.csv"
    )
    what.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="write the tables of the runs in --out that have ended to DIR; in figures, figures and claims read them",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run, list, time or record."""
    for name in arguments.names:
        if name not in RECIPES:
            raise wrong_name("experiment", name, RECIPES)
    if arguments.seeds is not None and arguments.seeds < 1:
        raise ValueError(f"--seeds must be at least 1; got {arguments.seeds}")
    names = arguments.names or list(RECIPES)
    if arguments.cost is not None:
        _time(names, arguments.cost)
    elif arguments.record is not None:
        _record(names, arguments.out, arguments.record)
    elif arguments.plan:
        _plan(names, arguments)
    else:
        _run(names, arguments)


def _run(names: list[str], arguments: argparse.Namespace) -> None:
    """Of each recipe the pilots of a variant, then three seeds of what they chose for; then all other runs."""
    out, jobs = arguments.out, arguments.jobs
    seeds = sys.maxsize if arguments.seeds is None else arguments.seeds
    try:
        for name in names:
            for variant in dict.fromkeys(entry.variant for entry in RECIPES[name].pilots):
                _carry_out(schedule.pilots(name, variant, out), jobs)
                if not arguments.pilots:
                    few = min(seeds, schedule.DECIDE)
                    first = schedule.scored([name], out, few, variant, missing=arguments.missing)
                    _carry_out([one for one in first if one.entry.run.updates <= COMMON], jobs)
        if not arguments.pilots:
            _carry_out(schedule.scored(names, out, seeds, missing=arguments.missing), jobs)
    except KeyboardInterrupt:
        interrupt.ignore()
        print(f"rnnlab experiments: interrupted; the same command goes on with what is in {out}", file=sys.stderr)
        raise
    print(f"all whose data is here have ended; rnnlab experiments --out {out} --record figures writes their tables")


def _carry_out(runs: Sequence[Placed], jobs: int) -> None:
    _foretell(runs)
    carry_out_all([(one.entry, one.root) for one in runs], jobs=jobs, report=_print)


def _foretell(runs: Sequence[Placed]) -> None:
    """How many runs are left, and for how long."""
    left = [one for one in runs if ended(one.entry, one.root) is None]
    if left:
        print(f"{len(left)} runs are left, at most {schedule.hours(left):.1f} hours of one core", flush=True)


def _print(entry: Entry, outcome: Outcome) -> None:
    words = ", ".join(word for word in (entry.variant, entry.model, entry.tries) if word)
    print(
        f"{words}, seed {entry.run.seed}: {outcome.status} at update {outcome.updates}, {outcome.measure} "
        f"{outcome.score:.4g}, best {outcome.best:.4g}, {outcome.seconds:.0f} s",
        flush=True,
    )


def _plan(names: list[str], arguments: argparse.Namespace) -> None:
    """For every recipe and variant the number of runs that are left and their hours, pilots first."""
    seeds = sys.maxsize if arguments.seeds is None else arguments.seeds
    runs = schedule.planned(names, arguments.out, seeds, missing=arguments.missing)
    left = [one for one in runs if not _has_ended(one)]
    for key in dict.fromkeys((one.root.name, one.entry.variant) for one in runs):
        every = [one for one in runs if (one.root.name, one.entry.variant) == key]
        some = [one for one in left if (one.root.name, one.entry.variant) == key]
        print(f"{key[0]:20} {key[1]:28} {len(some):4} of {len(every):4} runs left {schedule.hours(some):6.2f} hours")
    print(f"{'together':49} {len(left):4} of {len(runs):4} runs left {schedule.hours(left):6.2f} hours of one core")


def _has_ended(one: Placed) -> bool:
    """Whether it has made all its updates, whatever rate its pilots chose."""
    outcome = Outcome.read(one.root / one.entry.name)
    return outcome is not None and (outcome.status != "done" or outcome.updates >= one.entry.run.updates)


def _time(names: list[str], folder: Path) -> None:
    """Every model of every variant, with its usual rate."""
    entries = [(name, entry) for name in names for entry in (*RECIPES[name].pilots, *RECIPES[name].paper)]
    here = [(name, entry) for name, entry in entries if Path(entry.run.data.get("input", ".")).exists()]
    table = update_cost.measure(here, lambda line: print(line, flush=True))
    whole = read(UPDATE_COST, folder)
    for name in names:
        whole = with_rows(table.where(recipe=name), whole, name)
    _write(UPDATE_COST, whole, folder)


def _record(names: list[str], out: Path, folder: Path) -> None:
    """The recipes that have runs in `out`: their pilots, runs and curves take the place of those in the tables.

    A recorded run stays if it is what its recipe still means, and is not in `out` or made more updates than there; or
    if it is older than the recipe and nothing of its variant is newer. All others of the recipe go.
    """
    pilots, runs = read(PILOTS, folder), read(RUNS, folder)
    for name in names:
        own = tries(name, RECIPES[name].pilots, out / f"{name}-pilots")
        if len(own):
            planned = {(one.variant, one.model, one.run.command) for one in RECIPES[name].pilots}
            pilots = with_rows(joined(own, pilots.where(recipe=name), planned, *PILOT), pilots, name)
        entries, root = RECIPES[name].ready(pilot_table(RECIPES[name], out)), out / f"{name}-paper"
        before = runs.where(recipe=name)
        meant = current(before, entries)
        scored = outcomes(name, "paper", entries, root)
        every = len(RECIPES[name].pilots), len(RECIPES[name].paper)
        print(f"{name}: {len(own)} of {every[0]} pilot runs and {len(scored)} of {every[1]} scored runs have ended")
        if longer := shorter_than(scored, meant):
            print(f"{name}: {len(longer)} recorded runs made more updates than those in {out}, and stay")
            entries = tuple(one for one in entries if one.key not in longer)
            scored = outcomes(name, "paper", entries, root)
        if len(scored):
            newer = {*scored["variant"].tolist(), *(variant for variant, *_ in meant)}
            kept = meant.keys() | older(before, {one.variant for one in RECIPES[name].paper}, newer)
            runs = with_rows(joined(scored, before, kept, *KEY), runs, name)
            for figure in FIGURES:
                if recipe(figure) == name:
                    norms = figure == "gradient_while_learning"
                    table = gradient_while_learning.thinned(entries, root) if norms else thinned(curves(entries, root))
                    table = joined(table, read(figure, folder), kept, *KEY)
                    if len(table):
                        _write(figure, table, folder)
    for table_name, rows in ((PILOTS, pilots), (RUNS, runs)):
        _write(table_name, rows, folder)


def _write(name: str, table: Table, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / f"{name}.csv", table)
    print(f"wrote {folder / f'{name}.csv'}, {len(table)} rows")
