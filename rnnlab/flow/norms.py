"""The norm of the gradient at every timestep, the rate at which it decays, and the bound on that rate.

Rates are in nats per step back in time: the norm k steps back is about exp(-rate · k) of what it was. A rate above
0 vanishes, below 0 explodes, 0 is kept.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab.arrays import Array, contract
from rnnlab.layers import RNN, IndRNN
from rnnlab.trace import AnyLayer, gradients_of, innermost, require_layer, traced


def gradient_norms(
    layer: AnyLayer, xs: NDArray[Any], *starts: Array | None, dh: Array | None = None, of: str | None = None
) -> Array:
    """|dL/dh[t]| for t = 0 … T, with the loss on the last step alone.

    Args:
        layer: a recurrent layer, or a network with one in it.
        xs: inputs (T, B, D), or integers (T, B).
        starts: the states before the first step, as `forward` takes them; zeros if not given.
        dh: what arrives at the last step, dL/dh[T] (B, H), for a network dL/dy (B, K); ones if not given: the loss is
            then the sum of the last outputs.
        of: the state whose gradient is measured, a name in `layer.carries`: "hs", "cs" for an LSTM's cells,
            "layers.1.hs" in a network; the first if not given, which in a network is the lowest layer's.

    Returns:
        (T+1, B), in float64. The norms neither overflow nor underflow where the entries do not.

    Raises:
        ValueError, TypeError: arrays do not fit the layer, or it carries no such state.
    """
    require_layer(layer)
    if not layer.carries:
        raise ValueError(f"{type(layer).__name__} carries no state from step to step, so there is no dL/dh[t]")
    if of is not None and of not in layer.carries:
        raise ValueError(f"of must be one of {', '.join(layer.carries)}; got {of!r}")
    trace = traced(layer, xs, *starts)
    dys = np.zeros_like(trace.ys)
    last = dys if dys.ndim == 2 else dys[-1]  # a network that reads the last step alone has (B, K) outputs
    if dh is None:
        last[...] = 1
    else:
        B, H = last.shape
        contract("dh", dh, "B H", dtype=dys.dtype, B=(B, "to match xs"), H=(H, "to match the layer"))
        last[...] = dh
    return norms(gradients_of(layer, trace, dys).states[of or layer.carries[0]])


def norms(vectors: Array) -> Array:
    """The 2-norm over the last axis, in float64, scaled by the largest entry: squares of 1e-200 would be lost."""
    vectors = vectors.astype(np.float64)
    largest = np.abs(vectors).max(axis=-1)
    scaled = np.divide(vectors, largest[..., None], out=np.zeros_like(vectors), where=largest[..., None] > 0)
    lengths: Array = largest * np.sqrt(np.square(scaled).sum(axis=-1))
    return lengths


def decay_rate(norms: Array) -> Array:
    """Nats per step that the gradient loses on its way back: the least-squares slope of log norm over t.

    Exact zeros, where the gradient died or underflowed, have no logarithm and are left out; the rate of a
    sequence with fewer than two norms above zero is infinite.

    Args:
        norms: (T+1, ...) as from `gradient_norms`, time first; T ≥ 1.

    Returns:
        (...): a rate for each sequence; `half_life` turns it into steps.

    Raises:
        ValueError: fewer than two timesteps, or a norm that is negative, NaN or infinite.
    """
    norms = np.asarray(norms, np.float64)
    if norms.ndim == 0 or len(norms) < 2:
        raise ValueError(f"norms must be (T+1, ...) with T ≥ 1; got {norms.shape}")
    if not (np.isfinite(norms) & (norms >= 0)).all():
        raise ValueError("norms must be finite and ≥ 0; got one that is not: did the run explode?")
    alive = norms > 0
    count = alive.sum(axis=0)
    t = np.arange(len(norms), dtype=np.float64).reshape(-1, *[1] * (norms.ndim - 1))
    log = np.log(norms, out=np.zeros_like(norms), where=alive)
    n = np.maximum(count, 1)
    t_centred = np.where(alive, t - (t * alive).sum(axis=0) / n, 0.0)
    log_centred = np.where(alive, log - log.sum(axis=0) / n, 0.0)
    rate: Array = np.full(norms.shape[1:], np.inf)
    np.divide((t_centred * log_centred).sum(axis=0), np.square(t_centred).sum(axis=0), out=rate, where=count > 1)
    return rate


def half_life(rate: ArrayLike) -> NDArray[np.float64]:
    """Steps back in which the gradient halves, log 2 / rate: negative if it doubles, infinite if it is kept."""
    rate = np.asarray(rate, np.float64)
    steps: NDArray[np.float64] = np.full(rate.shape, np.inf)
    np.divide(np.log(2), rate, out=steps, where=rate != 0)
    return steps


def pascanu_bound(layer: AnyLayer) -> float:
    """γ σ_max(U): the most by which the gradient's norm can grow in a step back, whatever the input.

    γ is the activation's largest slope (1/4 for sigmoid, 1 for the others) and σ_max(U) the largest singular value,
    for IndRNN max |u|. Below 1 the gradient must vanish, at least as fast as bound^k over k steps; above 1 it may
    explode, but need not. Source: Pascanu, Mikolov, Bengio (2013), arXiv 1211.5063, §2.1.

    Of a network it is the largest of its layers' bounds. The Jacobian of layers in series is block triangular, so over
    many steps the gradient grows no faster than the fastest of its blocks; over a few it may.

    Raises:
        TypeError: a recurrent layer that is not h[t] = φ(x[t] W + recurrence + b), or none at all.
    """
    require_layer(layer)
    recurrent = [inner for inner in innermost(layer) if inner.carries]
    if not recurrent:
        raise TypeError(f"pascanu_bound is for recurrent layers; {type(layer).__name__} carries no state")
    return max(map(_bound, recurrent))


def _bound(layer: AnyLayer) -> float:
    if isinstance(layer, RNN):
        return layer.activation.max_slope * float(np.linalg.norm(layer.U, 2))
    if isinstance(layer, IndRNN):
        return layer.activation.max_slope * float(np.abs(layer.u).max())
    raise TypeError(f"pascanu_bound is for RNN and IndRNN; got {type(layer).__name__}")
