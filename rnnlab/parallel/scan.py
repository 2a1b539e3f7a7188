"""What can be done about waiting for the previous step: a linear recurrence as a parallel prefix scan over time.

A step h[t] = u ⊙ h[t-1] + v[t] is a map from h[t-1] to h[t]. Two such steps in a row are again one of the same kind:

    (u₁, v₁) ∘ (u₂, v₂) = (u₂ u₁, u₂ v₁ + v₂)

The operation ∘ is associative, so T steps may be combined in any grouping: neighbours first, all pairs at once,
then pairs of pairs. After log2(T) rounds the first and the last step have met, and as many rounds give the steps
between.

This holds for an IndRNN whose activation is the identity, and for its gradient, which is the same recurrence backwards
in time. It does not hold for the others:

- with ReLU, tanh or a gate, two steps in a row are no step of the same kind: ReLU's kinks, up to one a step, would all
  have to be kept, and T steps take as much room to write down as the sequence itself;
- with a full matrix U, two steps are one of the same kind, but putting them together costs H³ products where a step
  costs H²: the work grows H times, and the rounds do not win it back.

Source: Blelloch (1990), Prefix Sums and Their Applications, §1.4; Martin, Cundy (2018), arXiv 1709.04057, §2.
"""

import numpy as np

from rnnlab.activations import Identity
from rnnlab.affine import flat, project, project_back
from rnnlab.arrays import Array, contract
from rnnlab.layers.indrnn import IndRNN
from rnnlab.trace import Gradients, Trace, gradient_buffer, state_buffer


def scan(u: Array, vs: Array) -> Array:
    """h[t] = u ⊙ h[t-1] + v[t] from h[0] = 0, for all T steps of vs (T, …), in about 2 log2(T) rounds.

        two steps at a time:  h[2k] = u² ⊙ h[2k-2] + (u ⊙ v[2k-1] + v[2k])          T/2 steps, by a scan of their own
        those in between:     h[2k+1] = u ⊙ h[2k] + v[2k+1]

    u² to u^T are computed, so |u|^T must be within the range of the floats.
    """
    T = len(vs)
    if T == 1:
        return vs.copy()
    hs = np.empty_like(vs)  # hs[0] is h[1]: the even numbers of the equations are at odd places
    hs[0] = vs[0]
    hs[1::2] = scan(u * u, u * vs[: T - 1 : 2] + vs[1::2])
    hs[2::2] = u * hs[1 : T - 1 : 2] + vs[2::2]
    return hs


def work_and_depth(T: int) -> tuple[int, int]:
    """Of a scan over T steps: how many steps u ⊙ h + v are computed in all, and in how many rounds, one after another.

    The loop has T - 1 and T - 1; the scan at most 2 T and 2 log2(T): twice the work, but little of it waits.
    The squares of u, one a round, are as much as one step of one sequence each, and are not counted.
    """
    if T == 1:
        return 0, 0
    work, depth = work_and_depth(T // 2)
    between = (T - 1) // 2
    return T // 2 + work + between, 1 + depth + (between > 0)


def scan_forward(layer: IndRNN, xs: Array, h0: Array | None = None) -> Trace:
    """`layer.forward(xs, h0)` by a scan over time, up to roundoff.

    Raises:
        ValueError, TypeError: the layer is not linear; shapes, dtypes or values do not fit.
    """
    _require_linear(layer)
    D, H = layer.W.shape
    contract("xs", xs, "T B D", dtype=layer.W.dtype, D=(D, f"to match W {layer.W.shape}"))
    hs = state_buffer("h0", xs, h0, H)
    project(xs, layer.W, layer.b, out=hs[1:])
    hs[1] += layer.u * hs[0]  # the start enters through the first step
    hs[1:] = scan(layer.u, hs[1:])
    return Trace(xs, hs)


def scan_backward(layer: IndRNN, trace: Trace, dhs: Array, dh_end: Array | None = None) -> Gradients[IndRNN]:
    """`layer.backward(trace, dhs, dh_end)` by a scan backwards in time: dh[t-1] = u ⊙ dh[t] + what arrives from above.

    Raises:
        ValueError, TypeError: the layer is not linear; dhs or dh_end does not fit the trace.
    """
    _require_linear(layer)
    totals, above = gradient_buffer(trace.hs, dhs, dh_end)
    totals[:-1] = above[:-1]
    totals = scan(layer.u, totals[::-1])[::-1]
    das = np.ascontiguousarray(totals[1:])  # the slope of the identity is 1
    du = np.einsum("nh,nh->h", flat(trace.hs[:-1]), flat(das))
    dW, db, dxs = project_back(trace.xs, layer.W, das)
    return Gradients(layer.like(W=dW, u=du, b=db), dxs, totals)


def _require_linear(layer: IndRNN) -> None:
    if not isinstance(layer, IndRNN) or not isinstance(layer.activation, Identity):
        what = f"{type(layer).__name__} with {getattr(layer, 'activation', 'its gates')}"
        raise ValueError(
            f'a scan over time needs a linear recurrence, an IndRNN with activation="identity"; got {what}: two of its '
            "steps are no step of the same kind"
        )
