"""`rnnlab check`: hand in a backward, be told what is wrong with it."""

import argparse
import errno
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlab.exercise.answer import Answer
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.picture import draw
from rnnlab.exercise.process import SECONDS, check_file
from rnnlab.files import replacing
from rnnlab.table import Table


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Check a backward that you have written. --template writes an exercise; fill it in and hand the file in. The "
        "file runs in a process of its own, with limits on time, memory and output. That is not a sandbox: check no "
        "file that you would not run. Exit status: 0 right, 1 wrong, 2 unusable."
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.py[:NAME]",
        help="an exercise, with its functions forward and backward; or NAME in it: a layer of your own in rnnlab's "
        "protocol, a class with init(rng, inputs=, hidden=), or a function of (rng, inputs, hidden) that makes one",
    )
    parser.add_argument("--template", choices=EXERCISES, help="print the exercise, to be saved as FILE.py")
    parser.add_argument("--batch", type=Path, metavar="DIR", help="check every .py file of a folder: a row for each")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="with --batch, the table; default: check.csv")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the errors by timestep and array")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of the processor, for a file; default: {SECONDS:g}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, print; the exit status."""
    chosen = [arguments.file, arguments.template, arguments.batch]
    if sum(each is not None for each in chosen) != 1:
        raise ValueError("give one of FILE.py, --template NAME and --batch DIR")
    if not arguments.seconds > 0:
        raise ValueError(f"--seconds must be positive; got {arguments.seconds:g}")
    if arguments.csv is not None and arguments.batch is None:
        raise ValueError("--csv goes with --batch DIR")
    if arguments.plot is not None and arguments.file is None:
        raise ValueError("--plot goes with FILE.py")
    if arguments.template is not None:
        print(EXERCISES[arguments.template].template, end="")
        return 0
    if arguments.batch is not None:
        return _batch(arguments)
    file, named, name = arguments.file.partition(".py:")
    answer = check_file(Path(f"{file}.py" if named else file), name, arguments.seconds)
    if arguments.plot is not None and answer.errors:
        figure, kind = draw(answer), arguments.plot.suffix.removeprefix(".") or "png"
        with replacing(arguments.plot) as out:
            figure.savefig(out, format=kind, dpi=150)
    if arguments.json:
        print(_json(answer))
    elif answer.verdict == "unusable":
        print(f"rnnlab check: error: {answer}", file=sys.stderr)
    else:
        print(answer)
    return answer.status


def _batch(arguments: argparse.Namespace) -> int:
    """Every file of the folder by name; the gravest status of all, or 130 if Ctrl-C has stopped it before the last."""
    files = sorted(path for path in arguments.batch.iterdir() if path.suffix == ".py" and not path.is_dir())
    if not files:
        raise ValueError(f"{arguments.batch} holds no .py file")
    csv = arguments.csv or Path("check.csv")
    if not csv.parent.is_dir():  # said now, not when a class has been checked
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(csv.parent))
    answers: list[Answer] = []
    try:
        answers.extend(_each(files, arguments.seconds))
    except KeyboardInterrupt:
        if not answers:
            raise
        print(f"rnnlab check: stopped after {len(answers)} of {len(files)} files", file=sys.stderr)
    gravest = max(answer.status for answer in answers) if len(answers) == len(files) else 130
    rows = [(Path(a.file).name, a.kind, a.verdict, a.status, a.sentence, a.advice) for a in answers]
    table = Table.of("file kind verdict status sentence diagnosis", rows)
    with replacing(csv) as out:
        out.write(table.text().encode())
    if arguments.json:
        print(f"[{', '.join(map(_json, answers))}]")
        return gravest
    width = max(len(row[0]) for row in rows)
    for name, _, verdict, _, sentence, diagnosis in rows:
        print(f"{name:{width}}  {verdict:8}  {diagnosis or sentence}")
    counts = ", ".join(f"{sum(row[2] == word for row in rows)} {word}" for word in ("right", "wrong", "unusable"))
    print(f"{len(rows)} file{'s' * (len(rows) != 1)}: {counts}; wrote {csv}")
    return gravest


def _json(answer: Answer) -> str:
    """As JSON, which has no word for infinity: null."""
    return json.dumps(json.loads(answer.json(), parse_constant=lambda word: None), ensure_ascii=False)


def _each(files: list[Path], seconds: float) -> Iterator[Answer]:
    """The answers; on a terminal, with how far it is."""
    watched = sys.stderr.isatty()
    try:
        for number, path in enumerate(files, start=1):
            if watched:
                print(f"\r\x1b[K{number} of {len(files)}: {path.name}", end="", file=sys.stderr, flush=True)
            yield check_file(path, seconds=seconds)
    finally:
        if watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
