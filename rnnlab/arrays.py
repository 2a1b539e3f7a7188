"""The letters that every file uses, and `contract`, by which public functions check their arguments.

    T  steps of a sequence          x, xs   one step's input, all of them
    B  sequences in a batch         h, hs   one step's state, all of them
    D  inputs                       a       pre-activation, before the activation is applied
    H  hidden units                 dz      dL/dz, for any z
    K  classes or outputs

Time comes first: xs is (T, B, D). Vectors are rows: a[t] = x[t] W + h[t-1] U + b, with W (D, H), U (H, H), b (H,).

States are numbered 0..T and held in one buffer hs (T+1, B, H): hs[0] is the state before the first step, hs[t] the
one after t steps. Step t reads the input x[t] = xs[t-1]; so the first step needs no special case.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""A real array. The complex-step oracle sends complex128 through the same code: forwards are holomorphic."""

DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))


class NotFiniteError(ValueError):
    """An array holds NaN or infinity: a run has exploded, or its data were not finite."""


def contract(
    name: str, value: object, letters: str, *, dtype: np.dtype[Any] | None = None, **sizes: tuple[int, str]
) -> None:
    """Require that `value` is a finite floating-point array with axes `letters`, none of them empty.

    `sizes` fixes axes and says why: contract("xs", xs, "T B D", D=(3, "to match W (3, 5)")).

    Raises:
        TypeError: not an array, not floating point, or not `dtype`.
        ValueError: wrong axes or sizes, an empty axis.
        NotFiniteError: NaN or infinity.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(value).__name__}: convert it with np.asarray")
    if value.dtype not in DTYPES:
        raise TypeError(
            f"{name} must be float32 or float64; got {value.dtype}: convert it with {name}.astype(np.float64)"
        )
    axes = letters.split()
    wanted = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
    misfits = [
        f"{letter} = {size} {why}"
        for letter, (size, why) in sizes.items()
        if value.ndim != len(axes)
        or any(axis == letter and n != size for axis, n in zip(axes, value.shape, strict=True))
    ]
    if misfits or value.ndim != len(axes):
        detail = f" with {' and '.join(misfits)}" if misfits else ""
        raise ValueError(f"{name} must be {wanted}{detail}; got {value.shape}")
    if dtype is not None and value.dtype != dtype:
        raise TypeError(f"{name} must be {dtype} like the parameters; got {value.dtype}: convert one of the two")
    if 0 in value.shape:
        empty = axes[value.shape.index(0)]
        raise ValueError(f"{name} must be {wanted} with {empty} ≥ 1; got {value.shape}")
    finite = np.isfinite(value)
    if not finite.all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise NotFiniteError(f"{name} must be finite; got {value[first]} at {name}{list(first)}")
