"""How much of a gradient is roundoff: a backward run in an arithmetic that rounds every result once more.

The textbook's slope of tanh, 1 - h², is a right formula with few digits: at a = 10 tanh(a) lies 4e-9 below 1, and is
stored to 1e-16, so the slope has eight digits; at a = 20 it is 0 instead of 1.7e-17. 1 / cosh² a has all its digits
there. Which of them a backward computes cannot be seen in what it returns, where a zero may be roundoff or a mistake.
It is seen by what its own roundings do to it: here each result of its arithmetic is moved up or down by one unit in
its last place. 1 - h² then moves by 4e-16, all that it has and more; 1 / cosh² a in its last digits alone; a zero that
a mistake has written, not at all (Monte Carlo arithmetic: Parker 1997; the CESTAC method: Vignes 1993).

What is moved are the results of NumPy's arithmetic on the arrays that backward is given and on what is made of them.
What leaves NumPy, as `math.tanh` of a single number does, or np.asarray of an array, is not.
"""

from contextlib import suppress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.gradcheck.pullback import jittered
from rnnlab.trace import AnyLayer, GradientsLike, States

MOVE = 64
EXACT = {
    *(np.absolute, np.fabs, np.negative, np.positive, np.conjugate, np.sign, np.copysign),
    *(np.maximum, np.minimum, np.fmax, np.fmin, np.floor, np.ceil, np.rint, np.trunc),
}


class Rounded(np.ndarray[Any, Any]):
    """An array with which NumPy's functions give results that are rounded once more, and arrays of this class.

    Coarser arrays than those of a layer's own `eps` are left alone: to round to float32 within a float64 backward is a
    mistake, and has no roundoff to plead.
    """

    rng: np.random.Generator
    eps: float

    @classmethod
    def of(cls, array: NDArray[Any], rng: np.random.Generator, eps: float) -> Self:
        """A copy of `array`."""
        own = array.copy().view(cls)
        own.rng, own.eps = rng, eps
        return own

    def __array_finalize__(self, parent: object) -> None:
        if isinstance(parent, Rounded):
            self.rng, self.eps = parent.rng, parent.eps

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        if out is not None:
            options["out"] = tuple(map(_bare, out))
        result = getattr(ufunc, method)(*map(_bare, inputs), **{key: _bare(each) for key, each in options.items()})
        results = result if isinstance(result, tuple) else (result,)
        rounded = tuple(each if ufunc in EXACT else self.once_more(each) for each in results)
        if out is not None:
            for array, each in zip(options["out"], rounded, strict=True):
                array[...] = each
            rounded = out
        else:
            rounded = tuple(map(self.beside, rounded))
        return rounded if isinstance(result, tuple) else rounded[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(func, types, args, kwargs)
        return self.beside(result) if type(result) is np.ndarray else result  # einsum and where leave the class

    def once_more(self, result: Any) -> Any:
        """A float result moved up or down by up to 64 units in its last place; any other as it is."""
        dtype = np.asarray(result).dtype
        if dtype.kind != "f" or np.finfo(dtype).eps > self.eps:
            return result
        with np.errstate(all="ignore"):
            places = self.rng.uniform(-MOVE, MOVE, np.shape(result))
            return (result * (1 + np.finfo(dtype).eps * places)).astype(dtype)

    def beside(self, result: Any) -> Any:
        """A float result as an array of this class."""
        array = np.asarray(result)
        if array.dtype.kind != "f":
            return result
        own = array.view(type(self))
        own.rng, own.eps = self.rng, self.eps
        return own


def _bare(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Rounded) else value


def backward_rounded(layer: AnyLayer, trace: Any, dys: Array, dends: States, rng: np.random.Generator) -> GradientsLike:
    """What `layer.backward` gives if the trace and each result of its arithmetic are moved by up to one place.

    Moves of one place are lost, or cancel: 1 + e goes one up, and 1 / (1 + e) one down. Those of 64 do not, and what
    they do to a gradient is 64 times as much. A backward that takes plain arrays alone has its trace moved alone.
    """
    eps, near = float(np.finfo(trace.ys.dtype).eps), jittered(trace, rng)

    def rounded(array: NDArray[Any]) -> NDArray[Any]:
        return Rounded.of(array, rng, eps)

    def one_place(plain: Array, moved: Array) -> Array:
        return np.where(np.isfinite(plain), plain + (_bare(moved) - plain) / MOVE, plain)

    gradients: Any = layer.backward(near, dys, *dends)
    with np.errstate(all="ignore"), suppress(Exception):
        farther = near.map(lambda array: rounded(array) * 1)  # each by a size of its own, so that no two cancel
        moved: Any = layer.map(rounded).backward(farther, rounded(dys), *map(rounded, dends))
        gradients = gradients.map(one_place, moved)
    plain: GradientsLike = gradients
    return plain
