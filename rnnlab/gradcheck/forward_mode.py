"""Forward mode: the gradient carried along with the state, as real-time recurrent learning does.

Backpropagation asks, from the loss back, what every state is worth. Forward mode asks, from the start on, what every
parameter has done to the state so far. With θ a parameter (or a start), and the loss L = Σ_t ⟨above[t], s[t]⟩:

    P[t] = ds[t]/dθ        how θ has moved the state by now, through all steps so far
    P[t] = J[t] P[t-1] + F[t]         J[t] = ∂s[t]/∂s[t-1],  F[t] = ∂s[t]/∂θ with s[t-1] held,  P[0] = 0
    dL/dθ = Σ_t above[t] P[t]

The same J[t] as in backpropagation, dh[t-1] = above[t-1] + J[t]ᵀ dh[t], but applied in the order of time: nothing of
the run has to be kept, and the gradient so far is known at every step. The price is P: a number for each unit *and*
each parameter. An RNN's has H · (D + H + 1) H of them, and a step takes H times as many products as backpropagation's.
A neuron of an IndRNN is moved by its own weights alone: its P is as large as they are, D + 2 numbers, O(D H) in all.

It shares no line with any backward, and so it is an oracle for one. It says nothing of the states in between: the
totals dL/dh[t] are what backpropagation has and forward mode has not.

Source: Williams, Zipser (1989), A Learning Algorithm for Continually Running Fully Recurrent Neural Networks.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.gradcheck.oracles import COMPLEX_STEP
from rnnlab.gradcheck.pullback import Point, led, rows
from rnnlab.gradcheck.verdict import SIX_DIGITS
from rnnlab.layers.indrnn import IndRNN
from rnnlab.layers.rnn import RNN
from rnnlab.record import Record
from rnnlab.trace import AnyLayer, States, require_layer, traced


@dataclass(frozen=True, eq=False, repr=False)
class ForwardGradients(Record):
    """What forward mode gives of a backward's gradients.

    Attributes:
        params: dL/d(parameter), as a layer: params.U is dL/dU.
        dstarts: dL/d(state) before the first step, (B, H) each.
    """

    params: Any
    dstarts: States


def forward_mode(
    layer: AnyLayer, xs: NDArray[Any], *starts: Array, dhs: Array, dends: States | None = None
) -> ForwardGradients:
    """The gradients by the parameters and the start of a run, without a backward (real-time recurrent learning).

    `dhs` is what arrives from above at every output, dL/dy, and `dends` dL/d(state) after the last step; both as
    `backward` takes them. Those of an RNN and of an IndRNN are written out by hand; any other layer's follow from the
    Jacobians of its single steps, which the complex step gives.

    It is slow by nature: of a layer with K numbers in its state and N parameters, T · B · K · N numbers are held.

    Raises:
        ValueError: a step depends on more than x[t] and the state (a batch normalisation, say), or shapes do not fit.
        TypeError: not a layer.
    """
    require_layer(layer)
    trace = traced(layer, xs, *starts)
    if dhs.shape != trace.ys.shape:
        raise ValueError(f"dhs must be {trace.ys.shape} like the outputs; got {dhs.shape}")
    dends = tuple(map(np.zeros_like, trace.ends)) if dends is None else dends
    if type(layer) is RNN:
        return of_rnn(layer, xs, trace.hs, dhs, *dends)
    if type(layer) is IndRNN:
        return of_indrnn(layer, xs, trace.hs, dhs, *dends)
    return of_steps(layer, xs, trace, dhs, dends)


def of_rnn(layer: RNN, xs: Array, hs: Array, dhs: Array, dh_end: Array) -> ForwardGradients:
    """Of an RNN, a[t] = z[t] V with z[t] = [x[t], h[t-1], 1] and V = [W; U; b], and h[t] = φ(a[t]).

    V[i, j] enters unit j at every step by z[t, i], and then every unit k by way of U:

        P[t][k; i, j] = φ'(a[t, k]) (Σ_m P[t-1][m; i, j] U[m, k]  +  z[t, i] if j = k)
        S[t][k; j]    = φ'(a[t, k])  Σ_m S[t-1][m; j] U[m, k]             by h[0, j], S[0] the identity
    """
    (T, B, D), H = xs.shape, len(layer.U)
    P, S = np.zeros((B, H, D + H + 1, H)), np.tile(np.eye(H), (B, 1, 1))
    dV, dh0, own = np.zeros((D + H + 1, H)), np.zeros((B, H)), np.arange(H)
    for t in range(1, T + 1):
        z = np.concatenate([xs[t - 1], hs[t - 1], np.ones((B, 1))], axis=1)
        slope = layer.activation.slope(hs[t])
        P = np.einsum("bmij,mk->bkij", P, layer.U)  # ← all that the parameters did to h[t-1] goes on through U,
        P[:, own, :, own] += z  # what they do at this step is added,                   (H, B, N): k = j comes first
        P *= slope[:, :, None, None]  # ← and both pass the slope: the pair that makes a gradient vanish
        S = slope[:, :, None] * np.einsum("bmj,mk->bkj", S, layer.U)
        above = dhs[t - 1] + (dh_end if t == T else 0)
        dV += np.einsum("bk,bkij->ij", above, P)
        dh0 += np.einsum("bk,bkj->bj", above, S)
    return ForwardGradients(layer.like(W=dV[:D], U=dV[D:-1], b=dV[-1]), (dh0,))


def of_indrnn(layer: IndRNN, xs: Array, hs: Array, dhs: Array, dh_end: Array) -> ForwardGradients:
    """Of an IndRNN, a[t, n] = x[t] W[:, n] + u[n] h[t-1, n] + b[n]: no weight reaches another neuron than its own.

    So each weight needs one number a sequence, (B, D, H), (B, H) and (B, H), where an RNN's needs H:

        P_W[t] = φ'(a[t]) (u P_W[t-1] + x[t])           P_b[t] = φ'(a[t]) (u P_b[t-1] + 1)
        P_u[t] = φ'(a[t]) (u P_u[t-1] + h[t-1])         S[t]   = φ'(a[t])  u S[t-1]            by h[0], S[0] = 1
    """
    (T, B, D), H, u = xs.shape, len(layer.u), layer.u
    P_W, P_u, P_b, S = np.zeros((B, D, H)), np.zeros((B, H)), np.zeros((B, H)), np.ones((B, H))
    dW, du, db, dh0 = np.zeros((D, H)), np.zeros(H), np.zeros(H), np.zeros((B, H))
    for t in range(1, T + 1):
        slope = layer.activation.slope(hs[t])
        P_W = slope[:, None] * (u * P_W + xs[t - 1][:, :, None])
        P_u = slope * (u * P_u + hs[t - 1])
        P_b = slope * (u * P_b + 1)
        S = slope * u * S  # ← what is left of the start after t steps: u^t, neuron by neuron
        above = dhs[t - 1] + (dh_end if t == T else 0)
        dW += np.einsum("bh,bdh->dh", above, P_W)
        du += np.sum(above * P_u, axis=0)
        db += np.sum(above * P_b, axis=0)
        dh0 += above * S
    return ForwardGradients(layer.like(W=dW, u=du, b=db), (dh0,))


def of_steps(layer: AnyLayer, xs: NDArray[Any], trace: Any, dys: Array, dends: States) -> ForwardGradients:
    """Of any layer, from J[t] and F[t] of its single steps, each started from the trace's own state.

    The states side by side are K numbers and the outputs Y: a step leads to K + Y numbers, whose J and F are taken
    together, and what the outputs are worth is added up on the way. A layer without states is one step.
    """
    states = list(trace.states.values())
    T, B = xs.shape[:2] if states else (1, 1)
    before = tuple(state[:-1].reshape(T * B, *state.shape[2:]) for state in states)
    point = Point(layer, xs.reshape(1, T * B, *xs.shape[2:]) if states else xs, before)
    after = rows(T * B, *(state[1:] for state in states)) if states else np.zeros((1, 0))
    K = after.shape[1]
    if states and not np.allclose(led(point)[:, :K], after, rtol=0, atol=SIX_DIGITS * abs(after).max()):
        raise ValueError(f"a step of {type(layer).__name__} depends on more than x[t] and the state: no forward mode")
    point = point.map(lambda array: array.astype(np.complex128) if array.dtype.kind == "f" else array)
    arrays = point.arrays()

    def jacobian(name: str, shape: tuple[int, ...]) -> Array:
        """∂(s[t], y[t]) by every entry of the array of that name, (T, B, K + Y, entries), by the complex step."""
        columns = []
        for unit in np.eye(prod(shape)):
            along = 1j * COMPLEX_STEP * unit.reshape(shape)
            moved = point.like(**arrays | {name: arrays[name] + along})
            run = moved.params.forward(moved.xs, *moved.starts)
            columns.append(rows(T * B, *run.ends, run.ys).imag / COMPLEX_STEP)
        return np.stack(columns, axis=-1).reshape(T, B, -1, len(columns))

    by_state = [jacobian(f"starts.{number}", state.shape[2:]) for number, state in enumerate(states)]
    J = np.concatenate(by_state, axis=-1) if states else np.zeros((T, B, dys.size, 0))
    worth = np.zeros((T, B, J.shape[2] - K))  # what the outputs are worth at every step; those of the last alone, if
    worth[-len(dys.reshape(-1, B, worth.shape[2])) :] = dys.reshape(-1, B, worth.shape[2])  # a network reads no others

    late = rows(B, *dends) if states else np.zeros((B, 0))

    def carried(P: Array, F: Array) -> Array:
        """dL/dθ for each sequence, (B, entries), from P[0] (B, K, entries) on."""
        gradient = np.zeros((B, P.shape[2]))
        for t in range(T):
            both = J[t] @ P + F[t]  # ← P[t] = J[t] P[t-1] + F[t], and the outputs' beside it
            P = both[:, :K]
            gradient += np.einsum("by,byn->bn", worth[t], both[:, K:])
        gradient += np.einsum("bk,bkn->bn", late, P)
        return gradient

    gradients = layer.map(np.zeros_like).arrays()
    for name, array in layer.arrays().items():
        if array.dtype.kind != "f":  # integers are not moved
            continue
        F = jacobian(f"params.{name}", array.shape)
        gradients[name] = carried(np.zeros((B, K, array.size)), F).sum(axis=0).reshape(array.shape)
    by_start = carried(np.tile(np.eye(K), (B, 1, 1)), np.zeros((T, 1, 1, 1)))
    cuts = np.cumsum([prod(state.shape[2:]) for state in states])[:-1]
    dstarts = tuple(
        part.reshape(state.shape[1:]) for part, state in zip(np.split(by_start, cuts, axis=1), states, strict=False)
    )
    record: Any = layer
    return ForwardGradients(record.like(**gradients), dstarts)
