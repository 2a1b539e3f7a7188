"""Check a backward written by hand in NumPy against the gradients of a PyTorch module's forward.

The file has the module, `FILE.py:NAME`, which maps xs (T, B, D) to ys, or to a tuple that begins with ys, and

    def backward(xs, dys, **parameters): ...   # {"dxs": …, "dweight_hh_l0": …}

with the module's parameters as arrays, each by its name there ("." becomes "_"), and dys, what arrives at ys.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from rnnlab.arrays import Array
from rnnlab.exercise.answer import Answer, Line
from rnnlab.exercise.run import UnusableError, brief, called
from rnnlab.gradcheck.verdict import PLACES

WIDEST = 64
SIZES = {"T = 5, B = 3": (5, 3), "T = 1, B = 1": (1, 1), "T = 2, B = 3": (2, 3), "T = 20, B = 2": (20, 2)}


def is_module(value: Any) -> bool:
    """Whether it is a PyTorch module; PyTorch is not imported for that."""
    kinds = getattr(type(value), "__mro__", ())
    return any(kind.__name__ == "Module" and kind.__module__.startswith("torch.nn") for kind in kinds)


def check_module(
    name: str, module: Any, backward: Callable[..., Any] | None, stage: Callable[[str], None] = lambda _: None
) -> Answer:
    """The answer to a hand-written `backward` of a module.

    What roundoff may do is measured: 4096 times what the reference moves if every number that goes in moves in its last
    place, and 4096 ε of an array's largest gradient.

    Raises:
        UnusableError: there is no backward, or one of them raises.
    """
    if not callable(backward):
        raise UnusableError(f"beside the module {name} it needs a function backward(xs, dys, **parameters) in NumPy")
    module = module.double()
    arrays = {key.replace(".", "_"): value.detach().numpy().copy() for key, value in module.named_parameters()}
    rng, D = np.random.default_rng(0), _inputs(module)
    lines: dict[str, Line] = {}
    for words, (T, B) in SIZES.items():
        stage(f"where {words}")
        xs = rng.uniform(-1, 1, (T, B, D))
        dys = rng.uniform(-1, 1, _run(module, arrays, xs)[0].shape)
        wanted = _gradients(module, arrays, xs, dys)
        others = [_gradients(module, *_jittered(rng, arrays, xs), dys) for _ in range(3)]
        copies = {key: array.copy() for key, array in arrays.items()}
        with np.errstate(all="ignore"):
            got = called("backward", lambda: backward(xs.copy(), dys.copy(), **copies))  # noqa: B023
        for key, value in wanted.items():
            line = _line(key, words, _shaped(key, got, value), value, [each[key] for each in others])
            if key not in lines or (line.verdict, line.error) > (lines[key].verdict, lines[key].error):
                lines[key] = line  # "wrong" comes after "right"
    wrong = [line for line in lines.values() if line.verdict == "wrong"]
    if not wrong:
        sentence = f"Every gradient is that of PyTorch's {name} in all {len(SIZES)} cases that were tried."
        return Answer("", "a PyTorch module", "right", sentence, (), tuple(lines.values()))
    arrays_ = ", ".join(line.array for line in wrong)
    right = ", ".join(line.array for line in lines.values() if line.verdict == "right")
    sentence = f"{arrays_} differ from the gradients of PyTorch's {name}."
    advice = (f"Right: {right}." if right else "Nothing is right.",)
    return Answer("", "a PyTorch module", "wrong", sentence, advice, tuple(lines.values()))


def _run(module: Any, arrays: Mapping[str, Array], xs: Array) -> tuple[Any, Any]:
    """ys, and xs as it went in; the module's parameters take the values of `arrays`."""
    torch = import_module("torch")
    with torch.no_grad():
        for key, value in module.named_parameters():
            value.copy_(torch.from_numpy(arrays[key.replace(".", "_")]))
    inputs = torch.from_numpy(xs).requires_grad_()
    ys = module(inputs)
    return (ys[0] if isinstance(ys, tuple) else ys), inputs


def _gradients(module: Any, arrays: Mapping[str, Array], xs: Array, dys: Array) -> dict[str, Array]:
    torch = import_module("torch")
    ys, inputs = _run(module, arrays, xs)
    names = ["dxs", *(f"d{key.replace('.', '_')}" for key, _ in module.named_parameters())]
    values = torch.autograd.grad(ys, [inputs, *module.parameters()], torch.from_numpy(dys), materialize_grads=True)
    return {key: value.numpy() for key, value in zip(names, values, strict=True)}


def _jittered(rng: np.random.Generator, arrays: Mapping[str, Array], xs: Array) -> tuple[dict[str, Array], Array]:
    eps = float(np.finfo(np.float64).eps)

    def jitter(array: Array) -> Array:
        return array * (1 + eps * rng.choice((-1.0, 1.0), array.shape))

    return {key: jitter(array) for key, array in arrays.items()}, jitter(xs)


def _inputs(module: Any) -> int:
    """The least number of inputs that the module takes."""
    arrays = {key.replace(".", "_"): value.detach().numpy().copy() for key, value in module.named_parameters()}
    for D in range(1, WIDEST + 1):
        try:
            _run(module, arrays, np.zeros((1, 1, D)))
        except Exception as error:
            last = error
        else:
            return D
    raise UnusableError(f"the module takes no number of inputs up to {WIDEST}: {brief(last)}") from last


def _shaped(key: str, got: Any, wanted: Array) -> Array:
    if not isinstance(got, Mapping) or key not in got:
        raise UnusableError(f"backward must return a dictionary with {key} {wanted.shape} in it")
    array = np.asarray(got[key], np.float64)
    if array.shape != wanted.shape or not np.isfinite(array).all():
        problem = f"it has {array.shape}" if array.shape != wanted.shape else "it is not finite"
        raise UnusableError(f"backward must return {key} with the shape {wanted.shape}; {problem}")
    return array


def _line(key: str, words: str, got: Array, wanted: Array, others: list[Array]) -> Line:
    """The worst entry of one gradient in one case."""
    largest = float(abs(wanted).max())
    moved = np.max([abs(other - wanted) for other in others], axis=0)
    excess = abs(got - wanted) - PLACES * (float(np.finfo(np.float64).eps) * largest + moved)
    at = tuple(int(i) for i in np.unravel_index(excess.argmax(), excess.shape))
    error = float(abs(got - wanted)[at] / max(largest, float(np.finfo(np.float64).tiny)))
    verdict = "wrong" if excess[at] > 0 else "right"
    return Line(key, verdict, error, f"where {words}: {key}{list(at)}", float(got[at]), float(wanted[at]))
