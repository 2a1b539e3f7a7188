"""Backpropagation through time in three ways: whole, truncated, and with checkpoints instead of memory.

All three take a sequence stretch by stretch. `loss(steps, ys)` is given the steps of a stretch, a slice of 0 … T, and
the outputs at those steps, and returns the stretch's part of the loss and dL/dy there; a network that reads the last
step alone is asked once, with the last stretch. The parts add up. (A BatchNorm that is not `evaluating()` normalises
over all steps at once, so a network with one is not run in stretches.)

                   states in memory    gradient
    full           T                   exact
    truncated      k                   without the paths that cross from one stretch to the next
    checkpointed   √T + √T             exact; every step is run forward twice
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.layers.batchnorm import normalises_over_time
from rnnlab.network import Network
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, States

Loss = Callable[[slice, Array], tuple[float, Array]]


@dataclass(frozen=True, eq=False, repr=False)
class Descent(Record):
    """What a loss leaves of one sequence.

    Attributes:
        loss: its value, the sum over the stretches.
        params: dL/d(parameter), in the shape of the layer or network.
        xs: dL/dx, shaped like xs; None where the inputs are integers.
        starts: dL/d(state) before the first step.
        last: the states after the last step, to go on from.
    """

    loss: float
    params: Any
    xs: Array | None
    starts: tuple[Any, ...]
    last: tuple[Any, ...]


def full(layer: AnyLayer, xs: Array, loss: Loss, *starts: Any) -> Descent:
    """One stretch: forward over all T steps, backward over all T steps.

    Args:
        layer: a layer or a network.
        xs: (T, B, D), or integers (T, B).
        loss: as above.
        starts: the states before the first step, as `trace.ends` gives them; zeros if not given.
    """
    return checkpointed(layer, xs, loss, *starts, every=max(len(xs), 1))


def truncated(layer: AnyLayer, xs: Array, loss: Loss, k: int, *starts: Any) -> Descent:
    """Stretches of k steps: the state is carried from one to the next, the gradient is not.

    Every path from a loss back to a parameter that crosses the start of a stretch is cut. Source: Williams, Peng
    (1990), BPTT(h; h') with h = h' = k.

    Raises:
        ValueError: k < 1, or a BatchNorm.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    return _descend(layer, xs, loss, starts, k, carried=False)


def checkpointed(layer: AnyLayer, xs: Array, loss: Loss, *starts: Any, every: int | None = None) -> Descent:
    """The exact gradient in the memory of two stretches: only the states between stretches are kept.

    Forward once, keeping the state every `every` steps (⌈√T⌉ if not given); then, from the last stretch to the first,
    forward again from its kept state and backward, handing dL/d(state) on. Source: Chen et al. (2016), arXiv
    1604.06174.

    Raises:
        ValueError: every < 1, or a BatchNorm.
    """
    every = isqrt(max(len(xs) - 1, 0)) + 1 if every is None else every
    if every < 1:
        raise ValueError(f"every must be at least 1; got {every}")
    return _descend(layer, xs, loss, starts, every, carried=True)


def _descend(layer: AnyLayer, xs: Array, loss: Loss, starts: tuple[Any, ...], length: int, *, carried: bool) -> Descent:
    whole = isinstance(layer, Network)
    network = layer if isinstance(layer, Network) else Network((layer,), reads="every")
    T = len(xs)
    if T == 0:
        raise ValueError(f"xs must have at least one step; got {xs.shape}")
    stretches = [slice(first, min(first + length, T)) for first in range(0, T, length)]
    if len(stretches) > 1 and normalises_over_time(network):
        raise ValueError("a BatchNorm normalises over all steps at once: run the network whole, or evaluating()")
    begins: list[States] = [starts]
    for steps in stretches[:-1]:
        begins.append(network.forward(xs[steps], *begins[-1]).ends)

    value = 0.0
    params: Any = None
    dxs: Array | None = None
    late: States = ()
    last: States = ()
    for steps, begin in zip(stretches[::-1], begins[::-1], strict=True):
        trace = network.forward(xs[steps], *begin)
        last = last or trace.ends
        if network.reads == "every" or steps is stretches[-1]:
            part, dys = loss(steps, trace.ys)
            value += part
        else:
            dys = np.zeros_like(trace.ys)
        gradients = network.backward(trace, dys, *late)
        late = gradients.dstarts if carried else ()
        params = gradients.params if params is None else params.map(np.add, gradients.params)
        if gradients.xs is not None:
            dxs = np.empty_like(xs) if dxs is None else dxs
            dxs[steps] = gradients.xs
    if whole:
        return Descent(value, params, dxs, gradients.dstarts, last)
    return Descent(value, params.layers[0], dxs, gradients.dstarts, last)
