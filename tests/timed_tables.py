"""Tables like those that the benchmarks measure, with numbers that are made up: to draw, and to try captions on."""

import numpy as np

from rnnlab.experiments import parallelism, speed
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


def parallelism_table(
    *,
    layers: tuple[str, ...] = tuple(LAYERS),
    batches: tuple[int, ...] = parallelism.BATCHES,
    widths: tuple[int, ...] = parallelism.WIDTHS,
    members: int = 8,
    steps: int = 24,
    latency: float = 2e-3,
    per_byte: float = 1e-9,
    diversity: float = 0.005,
    waiting: float = 1e-3,
) -> Table:
    """As `parallelism.measure` returns: two workers cost what `latency` and `per_byte` say, to the last digit."""
    rows = []

    def row(kind: str, series: str, x: float, times: tuple[float, float], ratio: float, w: int = 1, size: float = 0):
        rows.append((kind, series, float(x), float(w), *times, ratio, 0.9 * ratio, 1.1 * ratio, float(size)))

    for layer in layers:
        for B in batches:
            row("batch", layer, B, ((1 + 0.1 * B) / B * 1e-2, 1.1e-2), 1.1 * B / (1 + 0.1 * B))
    spans = [("project", 0, 5e-3), *(("recur", t, waiting) for t in range(1, steps + 1))]
    spans += [*(("recur back", t, waiting) for t in range(steps, 0, -1)), ("collect", 0, 5e-3)]
    now = 0.0
    for stage, t, taken in spans:
        row("stage", stage, t, (now, now + taken), 0.0)
        now += taken
    for H in widths:
        size, work = 4 * (4 * H * (32 + H + 1) + H + 1), 1e-3 + 2e-6 * H * H
        shard = {w: 0.2 * work + 0.8 * work / w for w in parallelism.SHARDS}
        two = shard[2] + 2 * (latency + 2 * size * per_byte)
        row("data", "LSTM", H, (work, two), work / two, 2, size)
        for w, taken in shard.items():
            row("shard", "LSTM", H, (taken, two), work / taken, w, size)
        row("gradient", "LSTM", H, (0.0, 0.0), 5e-7, 2, size)
    row("members", "adding", 2, (4.0, 2.2), 4 / 2.2, 2)
    row("same", "adding", members, (0.0, 0.0), 0.0, 2)
    for M in range(1, members + 1):
        apart = diversity * (1 - 1 / M)
        for series, value in (("error", 0.01 - apart), ("members", 0.01), ("diversity", apart)):
            row("ensemble", series, M, (0.0, 0.0), value)
    return Table.of(parallelism.COLUMNS, [(*one, *WHERE) for one in rows])
