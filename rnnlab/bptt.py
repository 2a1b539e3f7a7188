"""Backpropagation through time in three variants: full, truncated and checkpointed.

Truncated and checkpointed BPTT take a sequence chunk by chunk. `loss(steps, ys)` is given the steps of a chunk, a slice
of 0 … T, and the outputs at those steps, and returns the chunk's part of the loss and dL/dy there; for a network that
reads only the last step, it is called once, with the last chunk. The parts are summed. (A BatchNorm on the batch's own
statistics normalises over all steps at once, so a network with one is not run in chunks.)

                   states in memory    gradient
    full           T                   exact
    truncated      k                   without the paths that cross from one chunk to the next
    checkpointed   √T + √T             exact; all steps but those of the last chunk run forward twice
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.layers.batchnorm import normalises_over_time
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, States, TraceLike

__all__ = ["Loss", "SequenceGradients", "checkpointed", "full", "truncated"]

Loss = Callable[[slice, Array], tuple[float, Array]]


def __dir__() -> list[str]:
    """What rl.bptt.<TAB> shows: what is public."""
    return __all__


@dataclass(frozen=True, eq=False, repr=False)
class SequenceGradients(Record):
    """The loss of a sequence and its gradients.

    Attributes:
        loss: its value, the sum over the chunks.
        params: dL/d(parameter), as a layer or network.
        xs: dL/dx, shaped like xs; None where the inputs are integers.
        dstarts: dL/d(state) before the first step; of truncated BPTT, that of the first chunk alone.
        ends: the states after the last step, to continue from.
    """

    loss: float
    params: Any
    xs: Array | None
    dstarts: States
    ends: States


def full(layer: AnyLayer, xs: NDArray[Any], loss: Loss, *starts: Array) -> SequenceGradients:
    """Forward over all T steps, backward over all T steps.

    Args:
        layer: a layer or a network.
        xs: (T, B, D), or integers (T, B).
        loss: as above.
        starts: the states before the first step, as `trace.ends` gives them; zeros if not given.

    Raises:
        ValueError: no steps.
    """
    (steps,) = _chunks(layer, xs, max(len(xs), 1))
    trace = layer.forward(xs, *starts)
    value, dys = _told(loss, steps, trace.ys)
    gradients = layer.backward(trace, dys)
    return SequenceGradients(value, gradients.params, gradients.xs, gradients.dstarts, trace.ends)


def truncated(layer: AnyLayer, xs: NDArray[Any], loss: Loss, k: int, *starts: Array) -> SequenceGradients:
    """Chunks of k steps, one after the other: the state is carried from one to the next, the gradient is not.

    This cuts every path from a loss back to a parameter that crosses the start of a chunk. Source: Williams, Peng
    (1990), BPTT(h; h') with h = h' = k.

    Raises:
        ValueError: k < 1, no steps, or a BatchNorm on the batch's own statistics.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    chunks = _chunks(layer, xs, k)
    value, params, dxs = 0.0, None, list[Array | None]()
    states: States = starts
    dstarts: States = ()
    for steps in chunks:
        trace = layer.forward(xs[steps], *states)
        part, dys = _loss_of(layer, loss, steps, trace, last=steps is chunks[-1])
        gradients = layer.backward(trace, dys)  # without dends: nothing comes back from later chunks
        value += part
        params = _sum(params, gradients.params)
        dxs.append(gradients.xs)
        dstarts = dstarts or gradients.dstarts
        states = trace.ends  # the state goes on
    return SequenceGradients(value, params, _joined(dxs), dstarts, states)


def checkpointed(
    layer: AnyLayer, xs: NDArray[Any], loss: Loss, *starts: Array, chunk: int | None = None
) -> SequenceGradients:
    """The exact gradient in the memory of two chunks: only the states between chunks are kept.

    Forward once, keeping the states every `chunk` steps (⌈√T⌉ if not given); then, from the last chunk to the first,
    forward again from its kept states and backward, passing dL/d(state) on to the chunk before. Source: Chen et al.
    (2016), arXiv 1604.06174.

    Raises:
        ValueError: chunk < 1, no steps, or a BatchNorm on the batch's own statistics.
    """
    chunk = isqrt(max(len(xs) - 1, 0)) + 1 if chunk is None else chunk
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1; got {chunk}")
    chunks = _chunks(layer, xs, chunk)
    kept = [starts]
    for steps in chunks[:-1]:
        kept.append(layer.forward(xs[steps], *kept[-1]).ends)
    value, params, dxs = 0.0, None, list[Array | None]()
    dends: States = ()
    ends: States = ()
    for steps, states in zip(chunks[::-1], kept[::-1], strict=True):
        trace = layer.forward(xs[steps], *states)
        part, dys = _loss_of(layer, loss, steps, trace, last=steps is chunks[-1])
        gradients = layer.backward(trace, dys, *dends)
        value += part
        params = _sum(params, gradients.params)
        dxs.insert(0, gradients.xs)
        ends = ends or trace.ends
        dends = gradients.dstarts  # where this chunk starts, the one before it ends
    return SequenceGradients(value, params, _joined(dxs), dends, ends)


def _chunks(layer: AnyLayer, xs: NDArray[Any], length: int) -> list[slice]:
    """The steps 0 … T in chunks of `length`; the last may be shorter."""
    T = len(xs)
    if T == 0:
        raise ValueError(f"xs must have at least one step; got {xs.shape}")
    if length < T and normalises_over_time(layer):
        raise ValueError("a BatchNorm normalises over all steps at once: run the network whole, or evaluating(network)")
    return [slice(first, min(first + length, T)) for first in range(0, T, length)]


def _loss_of(layer: AnyLayer, loss: Loss, steps: slice, trace: TraceLike, *, last: bool) -> tuple[float, Array]:
    """A chunk's part of the loss and dL/dy: nothing of an earlier chunk, where only the last step is read."""
    if getattr(layer, "reads", "every") == "every" or last:  # layers have an output at every step, and no such word
        return _told(loss, steps, trace.ys)
    return 0.0, np.zeros_like(trace.ys)


def _told(loss: Loss, steps: slice, ys: Array) -> tuple[float, Array]:
    """What the loss says of a chunk.

    Raises:
        TypeError: it cannot be called so, or returns something else.
    """
    wanted = "loss is called as loss(steps, ys), with a slice of steps and the outputs there, and must return the "
    wanted += "chunk's loss and dL/dy of the shape of ys"
    try:
        said = loss(steps, ys)
    except TypeError:
        with suppress(ValueError):  # of what is written in C nothing is known
            takes = signature(loss)
            try:
                takes.bind(steps, ys)
            except TypeError:
                raise TypeError(f"{wanted}; yours takes {takes}: write lambda steps, ys: … around it") from None
        raise
    if not (isinstance(said, tuple) and len(said) == 2 and np.shape(said[1]) == ys.shape):
        shapes = [np.shape(part) for part in said] if isinstance(said, tuple) else type(said).__name__
        raise TypeError(f"{wanted} {ys.shape}; yours returned {shapes}")
    return said


def _sum(total: Any, part: Any) -> Any:
    """The sum of two records of the same structure; the first may be None."""
    return part if total is None else total.map(np.add, part)


def _joined(dxs: list[Array | None]) -> Array | None:
    """Concatenated in time; None where the inputs are integers."""
    floats = [part for part in dxs if part is not None]
    return np.concatenate(floats) if floats else None
