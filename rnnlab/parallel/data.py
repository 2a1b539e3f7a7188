"""Data parallelism: replicas of a network, a shard of the batch for each, and the average of their gradients."""

from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.layers.batchnorm import normalises_over_time
from rnnlab.network import Network
from rnnlab.parallel.workers import side_by_side

Loss = Callable[[Array, Any], tuple[float, Array]]


def labelled(targets: NDArray[Any]) -> int:
    """How many answers `targets` ask for: every number is one; of integers, which are labels, those that are ≥ 0."""
    return int(np.count_nonzero(targets >= 0)) if targets.dtype.kind in "iu" else targets.size


def data_parallel(
    executor: Executor,
    network: Network,
    loss: Loss,
    xs: NDArray[Any],
    targets: NDArray[Any],
    *,
    workers: int,
    answers: Callable[[NDArray[Any]], int] = labelled,
) -> tuple[float, Network]:
    """The loss of a batch and its gradient, computed by `workers` replicas with a shard of the sequences each.

    A loss is a mean over n answers, and shard k has n[k] of them, so both are weighted means of the shards':

        L = Σ_k n[k] L[k] / n          dL/dθ = Σ_k n[k] dL[k]/dθ / n          n = Σ_k n[k]

    That is the gradient of the whole batch, up to roundoff. The sum runs in the order of the shards, so which worker
    is done first changes nothing. For each call a worker is sent the parameters and its shard, and sends one gradient.

    Args:
        executor: threads, processes, a cluster.
        network: its parameters as they stand.
        loss: (ys, targets) -> (mean over all answers, dL/dys); `task.loss` or one of `rl.losses`.
        xs: (T, B, D), or integers (T, B).
        targets: (B, …) where the network reads the last step, (T, B, …) where it reads every step.
        workers: how many shards; no more than there are sequences.
        answers: n of a shard's targets, as `task.answers`; if not given, every number, and every label that is ≥ 0.

    Raises:
        ValueError: workers < 1; a BatchNorm that is training, which couples the sequences of a batch.
        FloatingPointError: a replica's numbers diverged.
        WorkerError: a replica failed.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1; got {workers}")
    require_rows_apart(network)
    sequences = xs.shape[1]
    shards = min(workers, sequences)
    cuts = [sequences * number // shards for number in range(shards + 1)]
    counts, calls = list[int](), []
    for first, end in pairwise(cuts):
        part = targets[first:end] if network.reads == "last" else targets[:, first:end]
        counts.append(answers(part))
        calls.append((network, loss, np.ascontiguousarray(xs[:, first:end]), np.ascontiguousarray(part)))
    return averaged(counts, side_by_side(executor, replica, calls, "shard"))


def require_rows_apart(network: Network) -> None:
    """Refuse a network in which the sequences of a batch depend on one another.

    Raises:
        ValueError: a BatchNorm in it normalises by the batch's own statistics.
    """
    if normalises_over_time(network):
        raise ValueError(
            "a BatchNorm that is training takes its statistics from the whole batch, so shards of a batch give another "
            "gradient: leave it out, or take rnnlab.layers.batchnorm.evaluating(network)"
        )


def replica(network: Network, loss: Loss, xs: NDArray[Any], targets: NDArray[Any]) -> tuple[float, Network]:
    """On a worker: the mean loss of its shard and the gradient."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by looking, as in `fit`
        trace = network.forward(xs)
        value, dys = loss(trace.ys, targets)
        if not np.isfinite(value):
            raise FloatingPointError(f"the loss is {value:g}")
        return value, network.backward(trace, dys).params


def averaged(counts: list[int], parts: list[tuple[float, Network]]) -> tuple[float, Network]:
    """Σ n[k] L[k] / n and Σ n[k] dL[k]/dθ / n, summed in the order of the parts; 0 if there is nothing to answer."""
    total = max(sum(counts), 1)
    weights = [n / total for n in counts]
    value = sum(weight * part for weight, (part, _) in zip(weights, parts, strict=True))

    def mean(*gradients: Array) -> Array:
        out = weights[0] * gradients[0]
        for weight, gradient in zip(weights[1:], gradients[1:], strict=True):
            out += weight * gradient
        return out

    first, *others = (gradient for _, gradient in parts)
    return value, first.map(mean, *others)
