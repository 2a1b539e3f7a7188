"""What waits for what in a recurrent layer: its stages on a time axis, measured while it runs."""

from time import perf_counter

import numpy as np

from rnnlab.affine import flat
from rnnlab.arrays import Array
from rnnlab.layers.rnn import RNN
from rnnlab.table import Table


def stages(layer: RNN, xs: Array, dhs: Array) -> Table:
    """Forward and backward of an RNN with a clock between the lines: a row for each piece of work.

    Project and collect are one piece each, for all steps at once: they may be cut in any way, over steps and sequences,
    and done side by side. Recur is a piece for each step, and each begins when the one before has ended: here only the
    sequences of the batch are side by side, and a pipeline over time would have one worker busy and the rest waiting.

    Columns: stage ("project", "recur", "recur back", "collect"); t, 0 where a piece holds all steps; start and end in
    seconds since the first began.
    """
    begun = perf_counter()
    rows: list[tuple[str, float, float, float]] = []

    def done(stage: str, t: int) -> None:
        rows.append((stage, float(t), rows[-1][3] if rows else 0.0, perf_counter() - begun))

    T, B, _ = xs.shape
    hs = np.zeros((T + 1, B, len(layer.U)), xs.dtype)
    np.matmul(flat(xs), layer.W, out=flat(hs[1:]))
    hs[1:] += layer.b
    done("project", 0)
    for t in range(1, T + 1):
        hs[t] += hs[t - 1] @ layer.U
        layer.activation.apply(hs[t])
        done("recur", t)
    das, dh, U_T = np.empty_like(dhs), np.zeros_like(hs[0]), np.ascontiguousarray(layer.U.T)
    for t in range(T, 0, -1):
        layer.activation.slope(hs[t], out=das[t - 1])
        dh += dhs[t - 1]
        das[t - 1] *= dh
        np.matmul(das[t - 1], U_T, out=dh)
        done("recur back", t)
    flat(hs[:-1]).T @ flat(das), flat(xs).T @ flat(das), flat(das).sum(axis=0), flat(das) @ layer.W.T  # dU, dW, db, dxs
    done("collect", 0)
    return Table.of("stage t start end", rows)
