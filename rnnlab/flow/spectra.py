"""Why the norm decays: the Jacobians between states, their singular values, and the Lyapunov exponents.

The state s[t] is all that a layer or a network carries from step to step, N numbers in all: h[t] of an RNN, the pair
(h[t], c[t]) of an LSTM side by side, of a network the states of all its layers. Nothing here knows a layer's equations:
every Jacobian is that of one step, computed by the layer's own backward from a batch of all basis vectors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.trace import AnyLayer, gradients_of, require_layer, traced


def jacobians(layer: AnyLayer, xs: NDArray[Any], *starts: Array | None) -> Array:
    """J[t] = ∂s[t]/∂s[t-1] for t = 1 … T: every step becomes a sequence of one step, and all go back as one batch.

    Args:
        layer: a recurrent layer, or a network with one in it. A BatchNorm must normalise by its running statistics.
        xs: inputs (T, B, D), or integers (T, B).
        starts: the states before the first step, as `forward` takes them; zeros if not given.

    Returns:
        (T, B, N, N): J[t][b, i, j] is ∂s_i/∂s_j.

    Raises:
        ValueError, TypeError: arrays do not fit the layer, or it carries no state.
    """
    require_layer(layer)
    if not layer.carries:
        raise ValueError(f"{type(layer).__name__} carries no state from step to step, so it has no Jacobians")
    T, B = xs.shape[:2]
    states = traced(layer, xs, *starts).states.values()
    before = [array[:-1].reshape(T * B, -1) for array in states]
    N = sum(array.shape[1] for array in before)
    # Row i of J is the gradient of the i-th number of s[t], so N copies of every step go back, one for each number.
    step = layer.forward(
        np.repeat(xs.reshape(1, T * B, *xs.shape[2:]), N, axis=1), *(np.repeat(array, N, axis=0) for array in before)
    )
    basis = np.tile(np.eye(N, dtype=before[0].dtype), (T * B, 1))
    dends = np.split(basis, np.cumsum([array.shape[1] for array in before])[:-1], axis=1)
    gradients = gradients_of(layer, step, np.zeros_like(step.ys), *map(np.ascontiguousarray, dends))
    return np.concatenate(gradients.dstarts, axis=1).reshape(T, B, N, N)


def jacobian_products(layer: AnyLayer, xs: NDArray[Any], *starts: Array | None) -> Array:
    """∂s[T]/∂s[t] for t = 0 … T, by P[t-1] = P[t] J[t]; row i is the gradient of the i-th number of the last state.

    Products of many steps are accurate only relative to their largest entry: a singular value 1e-16 times the largest
    is roundoff. For the whole spectrum over many steps use `lyapunov_exponents`.

    Args:
        layer, xs, starts: as for `jacobians`.

    Returns:
        (T+1, B, N, N); the last is the identity.

    Raises:
        ValueError, TypeError: arrays do not fit the layer, or it carries no state.
    """
    steps = jacobians(layer, xs, *starts)
    T, B, N, _ = steps.shape
    products = np.empty((T + 1, B, N, N), steps.dtype)
    products[T] = np.eye(N)
    for t in range(T, 0, -1):
        np.matmul(products[t], steps[t - 1], out=products[t - 1])
    return products


def singular_values(layer: AnyLayer, xs: NDArray[Any], *starts: Array | None) -> Array:
    """The singular values of ∂s[T]/∂s[t], largest first: how much the gradient grows or shrinks, by direction.

    Returns:
        (T+1, B, N).

    Raises:
        ValueError, TypeError: arrays do not fit the layer, or it carries no state.
    """
    values: Array = np.linalg.svd(jacobian_products(layer, xs, *starts), compute_uv=False)
    return values


def lyapunov_exponents(
    layer: AnyLayer, xs: NDArray[Any], *starts: Array | None, count: int | None = None, discard: int = 0
) -> Array:
    """The exponents λ in nats per step, largest first: a perturbation of the state grows as exp(λ t), in N directions.

    The Jacobians transform an orthonormal frame, which is made orthonormal again at every step,

        J[t] Q[t-1] = Q[t] R[t]        λ = Σ_t log|diag R[t]| / T

    so that no direction is lost in the roundoff of a larger one. These are the exponents over the T steps of this run.
    A gradient decays at the rate -λ of its direction, usually that of the largest λ.

    Args:
        layer, xs, starts: as for `jacobians`.
        count: how many, the largest; all N if not given.
        discard: steps at the beginning that rotate the frame but are not counted.

    Returns:
        (B, count); -∞ where a direction is lost, for instance where a ReLU unit is off.

    Raises:
        ValueError: count or discard out of range, arrays that do not fit, or no state.

    Source: Engelken, Wolf, Abbott (2020), arXiv 2006.02427; Vogt et al. (2020), arXiv 2006.14123.
    """
    steps = jacobians(layer, xs, *starts)
    T, B, N, _ = steps.shape
    count = N if count is None else count
    if not 1 <= count <= N or not 0 <= discard < T:
        raise ValueError(f"count must be in 1 … {N} and discard in 0 … {T - 1}; got {count} and {discard}")
    # All axes: exact where J is diagonal. A few of the axes could miss the largest exponent, so they start at random.
    frame = np.eye(N) if count == N else np.linalg.qr(np.random.default_rng(0).standard_normal((N, count)))[0]
    Q = np.broadcast_to(frame, (B, N, count)).astype(steps.dtype)
    total = np.zeros((B, count))
    for t, J in enumerate(steps):
        Q, R = np.linalg.qr(J @ Q)
        if t >= discard:
            with np.errstate(divide="ignore"):
                total += np.log(np.abs(np.diagonal(R, axis1=1, axis2=2)))
    return -np.sort(-total / (T - discard), axis=1)
