"""How often `rnnlab check` is right: mistakes and pairs of them told by name, right backwards that it calls wrong.

    OPENBLAS_CORETYPE=Nehalem python tests/benchmarks/check_counts.py mistakes|pairs|right [COUNT]

`mistakes`: every mistake that another hand has written (tests/hand_written.py), at random sizes. `pairs`: random pairs
of known mistakes at random sizes, of every exercise. `right`: the command on random nets, chaotic (gain 2 … 8, T up to
150), saturated, and vanished to 1e-300, each by the solution and by another hand, in float64 and float32.
"""

import os
import sys
import time
import warnings
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import hand_written
from rnnlab.cli import main
from rnnlab.commands import check as command
from rnnlab.exercise import plain
from rnnlab.exercise.cases import drawn
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.handed import answer
from rnnlab.exercise.plain import check

warnings.simplefilter("ignore")  # exp overflows in a saturated sigmoid, which is then 0, as it should be


def functions_in(text):
    names = {}
    exec(text, names)
    return names["forward"], names["backward"]


def at_random_sizes(exercise, rng):
    """As `cases`: the first with D = H, others with sizes of their own; T up to 25, B up to 5, D and H up to 7."""
    size = int(rng.integers(2, 6))
    sizes = [(int(rng.integers(3, 9)), int(rng.integers(2, 6)), size, size)]
    sizes += [tuple(int(n) for n in rng.integers(1, (26, 6, 8, 8))) for _ in range(5)]
    return [drawn(exercise, rng, f"T, B, D, H = {each}", each, last=bool(rng.integers(2))) for each in sizes]


def mistakes(count, rng):
    for name, exercise in EXERCISES.items():
        told = tried = 0
        for right, wrong, says in hand_written.MISTAKES[name]:
            text = hand_written.with_mistake(name, right, wrong)
            for _ in range(count):
                answer = check(functions_in(text), exercise, text, on=at_random_sizes(exercise, rng))
                told += answer.status == 1 and says in answer.advice
                tried += 1
        print(f"{name}: {told} of {tried} mistakes told by name", flush=True)


def pairs(count, rng):
    for name, exercise in EXERCISES.items():
        possible = [pair for pair in combinations(exercise.mistakes, 2) if pair[0].right != pair[1].right]
        found = Counter()
        for index in rng.choice(len(possible), min(count, len(possible)), replace=False):
            pair = possible[index]
            answer = check(exercise.functions(*pair), exercise, on=at_random_sizes(exercise, rng))
            found["wrong"] += answer.status == 1
            found["both"] += all(mistake.does in answer.advice for mistake in pair)
            found["one"] += any(mistake.does in answer.advice for mistake in pair)
        tried = min(count, len(possible))
        print(
            f"{name}: of {tried} pairs {found['wrong']} wrong, {found['both']} told by both names, "
            f"{found['one'] - found['both']} by one",
            flush=True,
        )


def nets(exercise, count, rng):
    """Chaotic, saturated and vanished ones in turn, every fourth three in float32."""
    for number in range(count):
        condition = ("chaotic", "saturated", "vanished")[number % 3]
        T, B, D, H = (int(n) for n in rng.integers(1, (151, 4, 5, 13)))
        options = {
            "chaotic": {"gain": rng.uniform(2, 8)},
            "saturated": {"gain": rng.uniform(1, 8), "inputs": 10 ** rng.uniform(0, 2)},
            "vanished": {"gain": 10 ** rng.uniform(-300 / max(T, 30), 0), "last": True},
        }[condition]
        dtype = np.float32 if number // 3 % 4 == 3 else np.float64
        yield drawn(exercise, rng, f"{number} is {condition}", (T, B, D, H), dtype=dtype, plain=False, **options)


def right(count, rng):
    """The command itself, on files that hold a right backward; only that they stay in this process, for many nets."""
    core, found = os.environ.get("OPENBLAS_CORETYPE", "the machine's own"), Counter()
    command.check_file = lambda path, name, seconds: replace(answer(path), file=str(path))
    with TemporaryDirectory() as folder:
        for name, exercise in EXERCISES.items():
            drawn_nets = tuple(nets(exercise, count // len(EXERCISES), rng))
            plain.cases = lambda _, drawn_nets=drawn_nets: drawn_nets
            for text in (exercise.solution, hand_written.SOLUTIONS[name]):
                file = Path(folder, f"{name}.py")
                file.write_text(text, encoding="utf-8")
                out = StringIO()
                with redirect_stdout(out):
                    status = main(["check", str(file)])
                found[name, status] += len(drawn_nets)
                if status:
                    print(out.getvalue(), flush=True)
    print(f"{core}: runs of nets by exercise and exit status: {dict(found)}, {time.process_time():.0f} s", flush=True)


if __name__ == "__main__":
    what, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    {"mistakes": mistakes, "pairs": pairs, "right": right}[what](
        count or {"mistakes": 3, "pairs": 100, "right": 1000}[what], np.random.default_rng(0)
    )
