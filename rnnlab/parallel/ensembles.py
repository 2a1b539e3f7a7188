"""Ensemble parallelism: models that differ in seed or in data, trained side by side, and their predictions combined."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.layers.batchnorm import evaluating
from rnnlab.network import Network
from rnnlab.parallel.workers import side_by_side
from rnnlab.tasks.task import Task
from rnnlab.trace import matching

M = TypeVar("M")
R = TypeVar("R")


def ensemble(executor: Executor, train: Callable[[M], R], members: Sequence[M]) -> list[R]:
    """[train(member) for member in members], each on a worker, in the order of `members`.

    Nothing is shared between members, so each has the same bits however many workers there are; a member whose worker
    died is trained once more.

        def train(seed):                                            # at the top level of a script
            network = rl.models.build(np.random.default_rng(seed), task, layer="irnn")
            return rl.fit(network, task, seed=seed).network

        networks = rl.parallel.ensemble(executor, train, range(5))
        ys = np.stack([network.forward(xs).ys for network in networks])
        rl.parallel.mean_prediction(ys)

    Args:
        executor: threads, processes, a cluster.
        train: makes one member from what tells it from the others: a seed, or its share of the data.
        members: those seeds or shares.

    Raises:
        FloatingPointError: a member diverged.
        WorkerError: a member's training raised anything else, or its worker died twice.
    """
    return side_by_side(executor, train, [(member,) for member in members], "member")


def mean_prediction(ys: Array) -> Array:
    """The mean over the members of ys (M, …): for numbers."""
    mean: Array = _members(ys).mean(axis=0)
    return mean


def mean_probability(logits: Array) -> Array:
    """The mean over the members of softmax(logits), (M, …, K) to (…, K): for classes; argmax gives the answer."""
    p = np.exp(_members(logits) - logits.max(axis=-1, keepdims=True))
    mean: Array = (p / p.sum(axis=-1, keepdims=True)).mean(axis=0)
    return mean


def majority_vote(logits: Array) -> NDArray[np.int64]:
    """The class that most members choose, (M, …, K) to (…); among equals the one that is more probable on average."""
    K = _members(logits).shape[-1]
    votes = (logits.argmax(axis=-1)[..., None] == np.arange(K)).sum(axis=0)
    most = votes == votes.max(axis=-1, keepdims=True)
    chosen: NDArray[np.int64] = np.where(most, mean_probability(logits), -1).argmax(axis=-1)
    return chosen


class Ambiguity(NamedTuple):
    """Where an ensemble's squared error comes from: error = members - diversity.

    Attributes:
        error: the mean squared error of the mean prediction.
        members: the mean over the members of their own.
        diversity: the mean squared distance of the members from their mean: what combining them gains.
    """

    error: float
    members: float
    diversity: float


def ambiguity(ys: Array, targets: Array) -> Ambiguity:
    """Squared error of the mean of M predictions, taken apart. With ȳ = Σ y[m] / M, for every single number:

        (ȳ - target)² = Σ (y[m] - target)² / M - Σ (y[m] - ȳ)² / M

    The last term is never negative: an ensemble is never worse than its members on average, and it is better by exactly
    as much as they disagree.

    Args:
        ys: the members' predictions, (M, …).
        targets: (…).

    Raises:
        ValueError, TypeError: targets do not fit ys.

    Source: Krogh, Vedelsby (1995), Neural Network Ensembles, Cross Validation, and Active Learning, eq. 5.
    """
    mean = mean_prediction(ys)
    matching(targets, mean, "targets")
    return Ambiguity(
        error=float(np.square(mean - targets).mean()),
        members=float(np.square(ys - targets).mean()),
        diversity=float(np.square(ys - mean).mean()),
    )


class Together(NamedTuple):
    """How an ensemble does on a task's held-out batches.

    Attributes:
        score: the task's measure of the combined prediction: the mean of numbers, the mean probability of classes.
        members: the mean over the members of their own scores. Of a squared error, members - score is the diversity of
            `ambiguity`; of a cross-entropy it is never negative either, since -log is convex.
        wrong_votes: the share of the labels that the majority vote gets wrong; None for numbers.
    """

    score: float
    members: float
    wrong_votes: float | None


def evaluate_ensemble(networks: Sequence[Network], task: Task) -> Together:
    """The members' and the ensemble's scores, every BatchNorm normalising by its running statistics."""
    total, alone, count, wrong, labels = 0.0, 0.0, 0, 0, 0
    for xs, targets in task.test():
        ys = np.stack([_outputs(network, xs) for network in networks]).astype(np.float64)
        classes = targets.dtype.kind in "iu"
        score, answers = task.score(np.log(mean_probability(ys)) if classes else mean_prediction(ys), targets)
        total, count = total + score, count + answers
        alone += sum(task.score(y, targets)[0] for y in ys) / len(ys)
        if classes:
            labels += int((targets >= 0).sum())
            wrong += int(((majority_vote(ys) != targets) & (targets >= 0)).sum())
    return Together(total / count, alone / count, wrong / labels if labels else None)


def _outputs(network: Network, xs: NDArray[Any]) -> Array:
    dtype = next(iter(network.arrays().values())).dtype
    ys: Array = evaluating(network).forward(xs.astype(dtype) if xs.dtype.kind == "f" else xs).ys
    return ys


def _members(ys: Array) -> Array:
    if ys.ndim < 2 or 0 in ys.shape:
        raise ValueError(f"predictions must be (M, …), np.stack of those of M members; got {ys.shape}")
    return ys
