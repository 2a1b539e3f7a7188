"""Losses: `loss(outputs, targets) -> (value, gradient)`, the gradient shaped like the outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.trace import matching


def squared_error(ys: Array, targets: Array) -> tuple[float, Array]:
    """The mean squared error over all N entries: Σ (y - target)² / N, with gradient 2 (y - target) / N.

    Targets in float64, as a task's are, are taken in the precision of ys.

    Raises:
        ValueError, TypeError: targets is not shaped like ys.
    """
    if isinstance(targets, np.ndarray) and targets.dtype == np.float64 and ys.dtype.kind == "f":
        targets = targets.astype(ys.dtype, copy=False)
    errors = ys - matching(targets, ys, "targets")
    return _scalar(np.square(errors).mean()), errors * (2 / errors.size)


def softmax_cross_entropy(logits: Array, labels: NDArray[np.integer[Any]]) -> tuple[float, Array]:
    """The mean of -log p[label] in nats over all rows, p = softmax(logits), with gradient (p - one_hot(label)) / N.

    The largest logit of a row is subtracted first, so nothing overflows; log p comes from the logits, not from p, so
    even a label with a tiny probability has a finite loss.

    Args:
        logits: (..., K).
        labels: integers in 0 … K-1, (...).

    Raises:
        TypeError: labels are not integers.
        ValueError: they do not fit the logits.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        what = labels.dtype if isinstance(labels, np.ndarray) else type(labels).__name__
        raise TypeError(f"labels must be an array of integers; got {what}")
    K = logits.shape[-1]
    if labels.shape != logits.shape[:-1] or labels.size == 0:
        raise ValueError(f"labels must be {logits.shape[:-1]} to match logits {logits.shape}; got {labels.shape}")
    if not (labels.min() >= 0 and labels.max() < K):
        raise ValueError(f"labels must be in 0 … {K - 1}; got {labels.min()} … {labels.max()}")
    rows, picked = logits.reshape(-1, K), labels.ravel()
    shifted = rows - rows.real.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    each = np.arange(len(rows))
    gradient = np.exp(log_p)
    gradient[each, picked] -= 1
    gradient /= len(rows)
    return _scalar(-log_p[each, picked].mean()), gradient.reshape(logits.shape)


def _scalar(value: Any) -> float:
    """A Python number, float or (under the complex step) complex."""
    number: float = value.item()
    return number
