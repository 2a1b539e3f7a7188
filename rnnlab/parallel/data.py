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


def data_parallel(
    executor: Executor, network: Network, loss: Loss, xs: NDArray[Any], targets: NDArray[Any], *, workers: int
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
        targets: (B, …) where the network reads the last step, (T, B, …) where it reads every step. Every number is an
            answer; of integers, which are labels, those that are at least 0.
        workers: how many shards; no more than there are sequences.

    Raises:
        ValueError: workers < 1; a BatchNorm that is training, which couples the sequences of a batch.
        FloatingPointError: a replica's numbers diverged.
        WorkerError: a replica failed.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1; got {workers}")
    if normalises_over_time(network):
        raise ValueError(
            "a BatchNorm that is training takes its statistics from the whole batch, so shards of a batch give another "
            "gradient: leave it out, or take rnnlab.layers.batchnorm.evaluating(network)"
        )
    sequences = xs.shape[1]
    shards = min(workers, sequences)
    cuts = [sequences * number // shards for number in range(shards + 1)]
    calls = []
    for first, end in pairwise(cuts):
        part = targets[first:end] if network.reads == "last" else targets[:, first:end]
        calls.append((network, loss, np.ascontiguousarray(xs[:, first:end]), np.ascontiguousarray(part)))
    return averaged(side_by_side(executor, replica, calls, "shard"))


def replica(network: Network, loss: Loss, xs: NDArray[Any], targets: NDArray[Any]) -> tuple[int, float, Network]:
    """On a worker: how many answers its shard has, their mean loss, and its gradient."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by looking, as in `fit`
        trace = network.forward(xs)
        value, dys = loss(trace.ys, targets)
        return answers(targets), value, network.backward(trace, dys).params


def answers(targets: NDArray[Any]) -> int:
    """How many numbers, or labels from 0 on, there are in `targets`; a label below 0 marks a step without an answer."""
    return int(np.count_nonzero(targets >= 0)) if targets.dtype.kind in "iu" else targets.size


def averaged(parts: list[tuple[int, float, Network]]) -> tuple[float, Network]:
    """Σ n[k] L[k] / n and Σ n[k] dL[k]/dθ / n, summed in the order of the parts; 0 if there is nothing to answer."""
    total = sum(n for n, _, _ in parts)
    weights = [n / max(total, 1) for n, _, _ in parts]
    value = sum(weight * part for weight, (_, part, _) in zip(weights, parts, strict=True))

    def mean(*gradients: Array) -> Array:
        out = weights[0] * gradients[0]
        for weight, gradient in zip(weights[1:], gradients[1:], strict=True):
            out += weight * gradient
        return out

    first, *others = (gradient for _, _, gradient in parts)
    return value, first.map(mean, *others)
