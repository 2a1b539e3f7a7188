"""Measure times again, on a quiet machine, and keep them as recorded: python tests/benchmarks/record.py [NAME ...]

NAME is speed (some ten minutes; with PyTorch and JAX where they are installed), parallelism (under four) or step_cost;
all three if none is given. Then `rnnlab figures` and `rnnlab claims` write what follows from them.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")  # a worker runs this line too, and has been given its own number

import sys
import time
from functools import partial

from rnnlab.experiments import parallelism, speed
from rnnlab.experiments.results.tables import FOLDER
from rnnlab.gallery import step_cost
from rnnlab.gallery.publish import write_table

TIMED = {
    "speed": partial(speed.measure, report=print),
    "parallelism": partial(parallelism.measure, report=print),
    "step_cost": step_cost.compute,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TIMED:
        begun = time.monotonic()
        table = TIMED[name]()
        write_table(FOLDER / f"{name}.csv", table)
        print(f"{name}: {len(table)} rows, {time.monotonic() - begun:.0f} seconds")
