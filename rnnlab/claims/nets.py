"""Two hundred random nets, deep in layers or in steps: what becomes of their outputs, and of the gradient."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab import activations, flow, initializers
from rnnlab.arrays import Array
from rnnlab.claims.number import Number
from rnnlab.layers import RNN, Conv2D

NETS, WIDTH = 200, 50
LONG, SHORT = 200, 50
"""Layers, or steps."""
LARGE, SMALL = 1e3, 1e-3
"""Outside these an output has exploded or vanished, and so has a gradient; both begin at 1."""
TAPS = 9
"""A sparse weight's entries per unit, as many as a 3 × 3 filter has."""
SIDE, CHANNELS = 8, 6
"""A CNN's images, SIDE × SIDE; its filters are 3 × 3."""


class Norms(NamedTuple):
    """Of every net, (nets, depth + 1): of the outputs after k layers, and of the gradient k layers back from the loss.

    The input is N(0, 1) and the loss a random linear function of the last output; the outputs' norms are relative to
    the input's, those of the gradient relative to that at the last output.
    """

    outputs: Array
    gradients: Array


def shared(activation: str, kernel: str, depth: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One W for every step: an RNN without input."""
    layer = RNN.init(rng, inputs=1, hidden=width, activation=activation, recurrent_initializer=kernel)
    h0, dh = rng.standard_normal((1, width)), rng.standard_normal((1, width))
    xs = np.zeros((depth, 1, 1))
    outputs, gradients = flow.norms(layer.forward(xs, h0).hs)[:, 0], flow.gradient_norms(layer, xs, h0, dh=dh)[::-1, 0]
    return outputs / outputs[0], gradients / gradients[0]


def independent(activation: str, kernel: str, depth: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """A W of its own for every layer."""
    return plain(activation, [initializers.get(kernel)(rng, (width, width)) for _ in range(depth)], rng)


def sparse(activation: str, kernel: str, depth: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Independent, and a unit has TAPS inputs alone, with weights as large as a layer of TAPS inputs has."""
    draw = initializers.get(kernel)
    weights = np.zeros((depth, width, width))
    for W in weights:
        at = rng.random((width, width)).argpartition(TAPS, axis=0)[:TAPS]  # TAPS rows of each column
        np.put_along_axis(W, at, np.hstack([draw(rng, (TAPS, TAPS)) for _ in range(-(-width // TAPS))])[:, :width], 0)
    return plain(activation, weights, rng)


def plain(activation: str, weights: Iterable[Array], rng: np.random.Generator) -> tuple[Array, Array]:
    """Layers y = f(x W), without their layer objects, which cost ten times as much as so small a product."""
    f = activations.get(activation)
    kept = [(W, np.empty(0)) for W in weights]
    y = rng.standard_normal(len(kept[0][0]))
    outputs = [size(y)]
    for k, (W, _) in enumerate(kept):
        y = y @ W
        f.apply(y)
        kept[k] = W, y.copy()
        outputs.append(size(y))
    dy = rng.standard_normal(y.shape)
    gradients = [size(dy)]
    for W, y in reversed(kept):
        dy = W @ (dy * f.slope(y))
        gradients.append(size(dy))
    return np.array(outputs) / outputs[0], np.array(gradients) / gradients[0]


def convolutional(
    activation: str, kernel: str, depth: int, width: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A bank of 3 × 3 filters for every layer; `width` is the number of channels."""
    layers = [
        Conv2D.init(
            rng, channels=width, filters=width, size=(3, 3), padding=1, activation=activation, kernel_initializer=kernel
        )
        for _ in range(depth)
    ]
    return through(layers, rng.standard_normal((1, SIDE, SIDE, width)), rng)


Kind = Callable[[str, str, int, int, np.random.Generator], tuple[Array, Array]]


def norms(kind: Kind, activation: str, kernel: str, depth: int = LONG, width: int = WIDTH, nets: int = NETS) -> Norms:
    """Of `nets` nets, each with a seed of its own."""
    runs = [kind(activation, kernel, depth, width, np.random.default_rng(seed)) for seed in range(nets)]
    outputs, gradients = (np.array(one) for one in zip(*runs, strict=True))
    return Norms(outputs, gradients)


def through(layers: list[Any], xs: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The same of layer objects."""
    traces, outputs = [], [size(xs)]
    for layer in layers:
        traces.append(layer.forward(xs))
        xs = traces[-1].ys
        outputs.append(size(xs))
    dys = rng.standard_normal(xs.shape)
    gradients = [size(dys)]
    for layer, trace in zip(layers[::-1], traces[::-1], strict=True):
        dys = layer.backward(trace, dys).xs
        gradients.append(size(dys))
    return np.array(outputs) / outputs[0], np.array(gradients) / gradients[0]


def size(array: Array) -> float:
    """Its norm."""
    return float(flow.norms(array.ravel()))


def exploded(values: NDArray[np.floating]) -> Number:
    """The share that is above 1,000."""
    return Number.share(int(np.sum(values > LARGE)), len(values))


def vanished(values: NDArray[np.floating]) -> Number:
    """The share that is below a thousandth."""
    return Number.share(int(np.sum(values < SMALL)), len(values))


def kept(values: NDArray[np.floating]) -> Number:
    """The share that is neither."""
    return Number.share(int(np.sum((values >= SMALL) & (values <= LARGE))), len(values))
