"""Tables like those that the benchmarks measure, with numbers that are made up: to draw, and to try captions on."""

import numpy as np

from rnnlab.experiments import speed
from rnnlab.table import Table

LAYERS = [name for name, *_ in speed.LAYERS.values()]
WHERE = "a machine, 2 CPUs", "Python 3, numpy 2"


def speed_table(
    *,
    others: tuple[str, ...] = ("PyTorch", "JAX", "limit"),
    sizes: tuple[speed.Size, ...] = speed.SIZES,
    counts: tuple[int, ...] = (1, 2),
    training: bool = True,
    grown: bool = True,
    faster: float = 1.2,
) -> Table:
    """As `speed.measure` returns; `faster` is about the ratio to each of the others."""
    rng = np.random.default_rng(0)
    rows = []

    def row(kind: str, layer: str, size: speed.Size, count: int, other: str, ratio: float) -> None:
        low, high = ratio * rng.uniform(0.8, 0.97), ratio * rng.uniform(1.03, 1.3)
        rows.append((kind, layer, *map(float, size), float(count), other, 0.01, 0.01 * ratio, ratio, low, high, 15.0))

    for count in counts:
        for size in sizes:
            for layer in LAYERS:
                for other in others:
                    ratio = rng.uniform(0.4, 0.95) if other == "limit" else faster * rng.lognormal(0, 0.4)
                    row("layer", layer, size, count, other, 4 * ratio if layer == "IndRNN" else ratio)
        if training:
            for size in speed.TRAINING:
                for layer in speed.TRAINED.values():
                    row("training", layer, size, count, "PyTorch", faster * rng.lognormal(0, 0.4))
    if grown:
        for layer in LAYERS:
            for letter, values in speed.GROWN.items():
                for value in values:
                    row("growth", layer, speed.with_letter(letter, value), 1, letter, value / values[0])
                row("exponent", layer, speed.with_letter(letter, values[-1]), 1, letter, rng.uniform(0.6, 1.6))
    for size in sizes:
        for layer in LAYERS:
            for what, ratio in (("trace", 5.0), ("peak", 9.0)):
                row("memory", layer, size, 1, what, ratio * rng.uniform(0.9, 1.1))
    return Table.of(speed.COLUMNS, [(*one, *WHERE) for one in rows])
