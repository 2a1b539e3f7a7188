"""Why the norm decays: the Jacobians between states, their singular values, and the Lyapunov exponents.

The state s[t] is all that a layer carries from step to step: h[t], for an LSTM the pair (h[t], c[t]) side by side, N
numbers in all. Nothing here knows a layer's equations: the derivatives come out of its own backward, which is given
one basis vector after another as so many sequences of one batch.
"""

from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.trace import RecurrentLayer


def jacobian_products(layer: RecurrentLayer, xs: Array, *starts: Array | None) -> Array:
    """∂s[T]/∂s[t] for t = 0 … T, all in one backward; row i is the gradient of the i-th number of the last state.

    Products of many steps are right relative to their largest entry alone: a singular value 1e-16 times the largest
    is noise. For the whole spectrum over many steps use `lyapunov_exponents`.

    Args:
        layer: any recurrent layer.
        xs: inputs (T, B, D).
        starts: the states before the first step, as `forward` takes them; zeros if not given.

    Returns:
        (T+1, B, N, N); the last is the identity.

    Raises:
        ValueError, TypeError: arrays do not fit the layer.
    """
    gradients = _basis_backward(layer, layer.forward(xs, *starts))
    return np.concatenate([getattr(gradients, name) for name in gradients.states], axis=-1).reshape(
        len(xs) + 1, xs.shape[1], *[_size(gradients)] * 2
    )


def jacobians(layer: RecurrentLayer, xs: Array, *starts: Array | None) -> Array:
    """∂s[t]/∂s[t-1] for t = 1 … T: every step is a sequence of its own, of one step, and all go back at once.

    Returns:
        (T, B, N, N).

    Raises:
        ValueError, TypeError: arrays do not fit the layer.
    """
    T, B, D = xs.shape
    trace = layer.forward(xs, *starts)
    before = [getattr(trace, name)[:-1].reshape(T * B, -1) for name in trace.states]
    gradients = _basis_backward(layer, layer.forward(xs.reshape(1, T * B, D), *before))
    return np.concatenate(gradients.starts, axis=-1).reshape(T, B, *[_size(gradients)] * 2)


def singular_values(layer: RecurrentLayer, xs: Array, *starts: Array | None) -> Array:
    """The singular values of ∂s[T]/∂s[t], largest first: by what factor the gradient grows or shrinks, by direction.

    Returns:
        (T+1, B, N).

    Raises:
        ValueError, TypeError: arrays do not fit the layer.
    """
    values: Array = np.linalg.svd(jacobian_products(layer, xs, *starts), compute_uv=False)
    return values


def lyapunov_exponents(
    layer: RecurrentLayer, xs: Array, *starts: Array | None, count: int | None = None, discard: int = 0
) -> Array:
    """The exponents λ in nats per step, largest first: a perturbation of the state grows as exp(λ t), in N directions.

    An orthonormal frame is carried along by the Jacobians and made orthonormal again at every step,

        J[t] Q[t-1] = Q[t] R[t]        λ = Σ_t log|diag R[t]| / T

    so that no direction is lost in the roundoff of a larger one. Of a run of T steps these are the exponents over T
    steps. A gradient that flows back decays at the rate -λ of the direction that it falls into, mostly the largest.

    Args:
        layer, xs, starts: as for `jacobian_products`.
        count: how many, the largest; all N if not given.
        discard: steps at the beginning that turn the frame but are not counted.

    Returns:
        (B, count); -∞ where a direction is lost for good, as where a ReLU unit is off.

    Raises:
        ValueError: count or discard out of range, or arrays that do not fit.

    Source: Engelken, Wolf, Abbott (2020), arXiv 2006.02427; Vogt et al. (2020), arXiv 2006.14123.
    """
    steps = jacobians(layer, xs, *starts)
    T, B, N, _ = steps.shape
    count = N if count is None else count
    if not 1 <= count <= N or not 0 <= discard < T:
        raise ValueError(f"count must be in 1 … {N} and discard in 0 … {T - 1}; got {count} and {discard}")
    # The axes, all of them: exact where J is diagonal. Fewer could miss the largest, so fewer start askew.
    frame = np.eye(N) if count == N else np.linalg.qr(np.random.default_rng(0).standard_normal((N, count)))[0]
    Q = np.broadcast_to(frame, (B, N, count)).astype(steps.dtype)
    total = np.zeros((B, count))
    for t, J in enumerate(steps):
        Q, R = np.linalg.qr(J @ Q)
        if t >= discard:
            with np.errstate(divide="ignore"):
                total += np.log(np.abs(np.diagonal(R, axis1=1, axis2=2)))
    return -np.sort(-total / (T - discard), axis=1)


def _basis_backward(layer: RecurrentLayer, trace: Any) -> Any:
    """One backward whose batch holds, for every sequence, the N basis vectors of the last state."""
    states = [getattr(trace, name) for name in trace.states]
    (T, B, H), kinds = states[0][1:].shape, len(states)
    N = kinds * H
    repeated = trace.map(lambda array: np.repeat(array, N, axis=1))
    from_above = []
    for kind in range(kinds):
        dstates = np.zeros((T, B * N, H), states[0].dtype)
        dstates[-1] = np.tile(np.eye(N, dtype=states[0].dtype)[:, kind * H : (kind + 1) * H], (B, 1))
        from_above.append(dstates)
    return layer.backward(repeated, *from_above)


def _size(gradients: Any) -> int:
    """N: how many numbers the state holds."""
    return sum(getattr(gradients, name).shape[2] for name in gradients.states)
