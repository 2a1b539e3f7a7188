"""Every initializer of the survey, and related ones: `NAME(rng, shape, dtype=np.float64, **options)`.

Names, formulas and defaults are Keras 3's (keras.initializers) unless a docstring says otherwise. Randomness comes
from the given Generator alone. Numbers are drawn in float64 and rounded to `dtype`, so one seed gives the same
weights at either precision.

All raise ValueError for a shape without axes or with an empty one, and for options outside their range.
"""

from collections.abc import Callable
from functools import partial
from inspect import signature
from math import prod, sqrt

import numpy as np
from numpy.typing import DTypeLike

from rnnlab.arrays import Array
from rnnlab.names import closest, wrong_name

Shape = tuple[int, ...]
Initializer = Callable[..., Array]

TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of N(0, 1) cut at ±2: dividing by it gives a truncated normal the wanted variance."""


# Constants


def zeros(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """0 everywhere: the usual bias, but useless as a kernel (all units would stay identical)."""
    return constant(rng, shape, dtype, value=0.0)


def ones(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """1 everywhere."""
    return constant(rng, shape, dtype, value=1.0)


def constant(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64, *, value: float = 0.0) -> Array:
    """`value` everywhere."""
    return np.full(_checked(shape), value, dtype)


def identity(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64, *, gain: float = 1.0) -> Array:
    """gain · I, rectangular ones too. As U with ReLU it gives the IRNN, with gain α < 1 one that forgets.

    Source: Le, Jaitly, Hinton (2015), arXiv 1504.00941.
    """
    if len(_checked(shape)) != 2:
        raise ValueError(f"identity needs a matrix shape (rows, columns); got {shape}")
    return np.asarray(gain * np.eye(shape[0], shape[1]), dtype)


# Plain distributions


def random_uniform(
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike = np.float64,
    *,
    minval: float = -0.05,
    maxval: float = 0.05,
) -> Array:
    """Uniform in [minval, maxval)."""
    if not minval <= maxval:
        raise ValueError(f"random_uniform needs minval ≤ maxval; got {minval} and {maxval}")
    return rng.uniform(minval, maxval, _checked(shape)).astype(dtype)


def random_normal(
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike = np.float64,
    *,
    mean: float = 0.0,
    stddev: float = 0.05,
) -> Array:
    """N(mean, stddev²). The scale does not depend on the layer's width, which is why it needs tuning (claim C5)."""
    if stddev < 0:
        raise ValueError(f"random_normal needs stddev ≥ 0; got {stddev}")
    return rng.normal(mean, stddev, _checked(shape)).astype(dtype)


def truncated_normal(
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike = np.float64,
    *,
    mean: float = 0.0,
    stddev: float = 0.05,
) -> Array:
    """N(mean, stddev²) redrawn until within two stddev; its own standard deviation is then 0.8796 stddev."""
    if stddev < 0:
        raise ValueError(f"truncated_normal needs stddev ≥ 0; got {stddev}")
    z = rng.standard_normal(_checked(shape))
    while (outside := np.abs(z) > 2).any():
        z[outside] = rng.standard_normal(int(outside.sum()))
    return (mean + stddev * z).astype(dtype)


# Scaled by the layer's fans


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out): how many values feed one output, and how many outputs one value feeds.

    (n,)         n, n
    (D, N)       D, N
    (..., C, K)  C r, K r for a convolution whose receptive field has r = ∏ shape[:-2] positions
    """
    if len(_checked(shape)) == 1:
        return shape[0], shape[0]
    field = prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def variance_scaling(
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike = np.float64,
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
) -> Array:
    """Zero mean and variance scale / n, where n is fan_in, fan_out or their mean: it adapts to the layer (claim C6).

        truncated_normal    N(0, s) cut at two standard deviations, widened by 1 / 0.8796 to keep the variance s
        untruncated_normal  N(0, s)
        uniform             [-√(3 s), √(3 s))

    with s = scale / max(1, n). Every glorot_, he_ and lecun_ initializer is a case of this one.
    """
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in fan:
        raise ValueError(f"mode must be one of {', '.join(fan)}; got {mode!r}")
    if scale <= 0:
        raise ValueError(f"scale must be > 0; got {scale}")
    variance = scale / max(1.0, fan[mode])
    if distribution == "truncated_normal":
        return truncated_normal(rng, shape, dtype, stddev=sqrt(variance) / TRUNCATED_STD)
    if distribution == "untruncated_normal":
        return random_normal(rng, shape, dtype, stddev=sqrt(variance))
    if distribution == "uniform":
        limit = sqrt(3 * variance)
        return random_uniform(rng, shape, dtype, minval=-limit, maxval=limit)
    raise ValueError(f"distribution must be truncated_normal, untruncated_normal or uniform; got {distribution!r}")


def glorot_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """U(±√(6 / (fan_in + fan_out))). Source: Glorot, Bengio (2010), eq. 16."""
    return variance_scaling(rng, shape, dtype, scale=1, mode="fan_avg", distribution="uniform")


def glorot_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """Truncated normal of variance 2 / (fan_in + fan_out). Source: Glorot, Bengio (2010), eq. 12."""
    return variance_scaling(rng, shape, dtype, scale=1, mode="fan_avg")


def he_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """U(±√(6 / fan_in)): twice lecun's variance, for the half that ReLU cuts. Source: He et al. (2015), §2.2."""
    return variance_scaling(rng, shape, dtype, scale=2, distribution="uniform")


def he_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """Truncated normal of variance 2 / fan_in. Source: He et al. (2015), §2.2."""
    return variance_scaling(rng, shape, dtype, scale=2)


def lecun_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """U(±√(3 / fan_in)): unit variance in, unit variance out. Source: LeCun et al. (1998), Efficient BackProp, §4.6."""
    return variance_scaling(rng, shape, dtype, scale=1, distribution="uniform")


def lecun_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """Truncated normal of variance 1 / fan_in. Source: LeCun et al. (1998), Efficient BackProp, §4.6."""
    return variance_scaling(rng, shape, dtype, scale=1)


# Matrices with a known spectrum


def orthogonal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64, *, gain: float = 1.0) -> Array:
    """gain · Q with orthonormal columns (rows, where there are fewer rows): every singular value is `gain`.

    Q comes from the QR factors of a Gaussian matrix, its columns signed by diag(R), which makes it uniform among the
    orthogonal matrices. More than two axes are flattened to (∏ shape[:-1], shape[-1]).
    Source: Saxe, McClelland, Ganguli (2013), §3; the sign rule: Mezzadri (2007), arXiv math-ph/0609050, §5.
    """
    if len(_checked(shape)) < 2:
        raise ValueError(f"orthogonal needs at least two axes; got {shape}")
    rows, columns = prod(shape[:-1]), shape[-1]
    Q, R = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    Q *= np.sign(np.diag(R))
    if rows < columns:
        Q = Q.T
    return np.ascontiguousarray(gain * Q.reshape(shape), dtype)


def normalized_positive_definite(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """np-RNN's U = (A + I) / λ_max(A + I) with A = R Rᵀ / N, R ~ N(0, 1): one eigenvalue is 1, the others in (0, 1).

    Source: Talathi, Vartak (2015), arXiv 1511.03771 (formula as quoted by others, not read in the paper).
    """
    if len(_checked(shape)) != 2 or shape[0] != shape[1]:
        raise ValueError(f"normalized_positive_definite needs a square matrix shape; got {shape}")
    N = shape[0]
    R = rng.standard_normal((N, N))
    shifted = R @ R.T / N + np.eye(N)
    return np.asarray(shifted / np.linalg.eigvalsh(shifted)[-1], dtype)


# Of one architecture or framework


def indrnn_range(
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike = np.float64,
    *,
    steps: int = 100,
    epsilon: float = 0.5,
    gamma: float = 2.0,
) -> Array:
    """IndRNN's recurrent weights: uniform in [ε^(1/T), γ^(1/T)], T = steps.

    A neuron's gradient over T steps is u^T on an active path, so it ends within [ε, γ]; ε = 0 gives [0, γ^(1/T)],
    which also lets neurons forget. Source: Li et al. (2018), arXiv 1803.04831, §3.1; γ = 2 is §5.1, and ε = 1/2 in the
    last layer, 0 in those below it, is the authors' code for the adding problem.
    """
    if steps < 1 or not 0 <= epsilon <= gamma:
        raise ValueError(f"indrnn_range needs steps ≥ 1 and 0 ≤ epsilon ≤ gamma; got {steps}, {epsilon} and {gamma}")
    return random_uniform(rng, shape, dtype, minval=epsilon ** (1 / steps), maxval=gamma ** (1 / steps))


def torch_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """U(±1/√H), H = shape[-1]: PyTorch's default for every parameter of nn.RNN, kernels and biases alike."""
    limit = 1 / sqrt(_checked(shape)[-1])
    return random_uniform(rng, shape, dtype, minval=-limit, maxval=limit)


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        glorot_uniform,
        he_uniform,
        lecun_uniform,
        orthogonal,
        random_normal,
        variance_scaling,
        identity,
        zeros,
        ones,
        constant,
        random_uniform,
        truncated_normal,
        glorot_normal,
        he_normal,
        lecun_normal,
        indrnn_range,
        normalized_positive_definite,
        torch_uniform,
    )
}
"""Every initializer by name: first the survey's six, then the IRNN paper's identity, then their family."""


def get(name: str | Initializer, **options: object) -> Initializer:
    """The initializer of that name, or the callable itself, with `options` bound: get("identity", gain=0.9).

    A name may include options, as on the command line: get("identity:gain=0.9") is the same.

    Raises:
        ValueError: no initializer has that name (the message lists them), or it has no such option.
        TypeError: neither a name nor callable.
    """
    if isinstance(name, str):
        name, own = _named_options(name)
        if name not in INITIALIZERS:
            raise wrong_name("initializer", name, INITIALIZERS)
        parameters = signature(INITIALIZERS[name]).parameters.values()
        takes = {option.name: option.default for option in parameters if option.kind is option.KEYWORD_ONLY}
        for option, value in own.items():
            if option not in takes:
                near = closest(option, takes)
                hint = "" if near is None else f": did you mean {near}?"
                raise ValueError(f"{name} has no option {option!r}; it has {', '.join(takes) or 'none'}{hint}")
            if isinstance(value, str) is not isinstance(takes[option], str):
                wanted = "text" if isinstance(takes[option], str) else "a number"
                raise ValueError(f"{name}'s {option} must be {wanted}; got {value}")
        name, options = INITIALIZERS[name], {**own, **options}
    if not callable(name):
        raise TypeError(f"initializer must be a name or a callable; got {type(name).__name__}")
    return partial(name, **options) if options else name


def _named_options(text: str) -> tuple[str, dict[str, object]]:
    """The name and the options of "NAME:option=value,option=value"; a value that is no number is text."""
    name, _, rest = text.partition(":")
    options: dict[str, object] = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        if not key.isidentifier() or not value:
            raise ValueError(f"an initializer is NAME or NAME:option=value,…; got {text!r}")
        try:
            options[key] = float(value)
        except ValueError:
            options[key] = value
    return name, options


def _checked(shape: Shape) -> Shape:
    if not shape or min(shape) < 1:
        raise ValueError(f"shape must have at least one axis and none empty; got {shape}")
    return shape
