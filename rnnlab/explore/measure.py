"""From settings to everything that the window shows: no state, no Matplotlib, the same values for the same settings."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rnnlab import flow
from rnnlab.arrays import Array, NotFiniteError
from rnnlab.explore.setup import INPUTS, LIMITS, SEQUENCES, Setup, multiplied, network, one_layer
from rnnlab.layers import RNN, IndRNN
from rnnlab.trace import gradients_of, traced

MAP_GAINS, MAP_SCALES, MAP_UNITS, MAP_STEPS = 9, 7, 24, 24
"""The map's cells across and up, and the layer and the sequences that are run for each."""

ALL = "all paths"


@dataclass(frozen=True)
class Values:
    """What one setup gives.

    Attributes:
        curves: name → (T+1,), from the loss back: the median over the sequences of |dL/ds[T-k]|, s being every state
            of every layer together (`ALL`) or one of them; as a share of the largest of the three last norms of `ALL`.
        growth: nats per step back of the curve of all paths, below 0 where it vanishes; -∞ where it is cut at once.
        bound: log of Pascanu's bound on it; NaN for gated layers.
        steps: name of a layer → the singular values of ∂s[T]/∂s[T-1], largest first.
        weights: name → those of U, |u| of an IndRNN; nothing for gated layers.
        states: (H, T) of the lowest layer, first sequence.
    """

    curves: dict[str, Array]
    growth: float
    bound: float
    steps: dict[str, Array]
    weights: dict[str, Array]
    states: Array


def measure(setup: Setup) -> Values:
    """Run the layer forward and backward once, with the loss on the last step alone: the sum of its outputs.

    Raises:
        FloatingPointError: the run exploded beyond the largest float.
    """
    try:
        return _measured(setup)
    except NotFiniteError:
        raise FloatingPointError("the run exploded beyond the largest float") from None


def _measured(setup: Setup) -> Values:
    weights, inputs = np.random.default_rng(setup.seed).spawn(2)
    net = network(setup, weights)
    xs = setup.input_scale * inputs.standard_normal((setup.steps, SEQUENCES, INPUTS))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):  # what is not finite is refused by name
        trace = traced(net, xs)
        dys = np.zeros_like(trace.ys)
        dys[-1] = 1
        totals = gradients_of(net, trace, dys).states
        norms = {_state(name, setup): flow.norms(dhs) for name, dhs in totals.items()}
        every = flow.norms(np.stack(list(norms.values()), axis=-1))
        if not np.isfinite(every).all():
            raise FloatingPointError("the gradient exploded beyond the largest float")
        growth = -float(np.median(flow.decay_rate(every)))
        curves = {ALL: every} if len(norms) == 1 else {ALL: every, **norms}
        steps = {}
        for number, (layer, its) in enumerate(zip(net.layers, trace.layers, strict=True)):
            before = [states[-2, :1] for states in its.states.values()]
            jacobian = flow.jacobians(layer, its.xs[-1:, :1], *before)[0, 0]
            steps[_layer(number, setup)] = np.linalg.svd(jacobian, compute_uv=False)
    kernels = {_layer(n, setup): layer.U for n, layer in enumerate(net.layers) if isinstance(layer, RNN)}
    rows = {_layer(n, setup): layer.u for n, layer in enumerate(net.layers) if isinstance(layer, IndRNN)}
    bounded = len(kernels) + len(rows) == len(net.layers)
    return Values(
        {name: _median_back(curve, every[-1]) for name, curve in curves.items()},
        growth,
        float(np.log(max(flow.pascanu_bound(net), np.finfo(float).tiny))) if bounded else np.nan,
        steps,
        {name: np.linalg.svd(U, compute_uv=False) for name, U in kernels.items()}
        | {name: -np.sort(-np.abs(u)) for name, u in rows.items()},
        next(iter(trace.layers[0].states.values()))[1:, 0].T,
    )


def _median_back(curve: Array, last: Array) -> Array:
    """From the loss back, as a share of the norm at the last step, the median of the sequences."""
    share = np.divide(curve, last, out=np.zeros_like(curve), where=last > 0)
    median: Array = np.median(share[::-1], axis=1)
    return median


def _state(name: str, setup: Setup) -> str:
    """ "h" and "c" for "layers.0.hs" and "layers.0.cs"; in a stack "layer 1, h", the lowest being 1."""
    _, number, state = name.split(".")
    letter = state.removesuffix("s")
    return letter if setup.layers == 1 else f"layer {int(number) + 1}, {letter}"


def _layer(number: int, setup: Setup) -> str:
    return "one step" if setup.layers == 1 else f"layer {number + 1}"


@dataclass(frozen=True)
class Map:
    """The growth at every gain and scale of the input.

    Attributes:
        gains, scales: the cells' centres, from the lowest to the highest value of the sliders.
        growth: (scales, gains), nats per step back; -∞ where every path is cut, NaN where the run exploded.
    """

    gains: Array
    scales: Array
    growth: Array


def phases(setup: Setup) -> Map:
    """The map on which the setup is a point: its layer, activation, initializer and seed at every gain and scale.

    One layer of fewer units, and shorter sequences, so that it is there at once.
    """
    same = replace(setup, gain=1.0, input_scale=1.0, steps=MAP_STEPS, hidden=min(setup.hidden, MAP_UNITS), layers=1)
    return _phases(same)


@lru_cache(maxsize=64)
def _phases(setup: Setup) -> Map:
    gains = np.geomspace(*LIMITS["gain"], MAP_GAINS)
    scales = np.geomspace(*LIMITS["input_scale"], MAP_SCALES)
    weights, inputs = np.random.default_rng(setup.seed).spawn(2)
    one = one_layer(setup, weights, inputs=INPUTS, hidden=setup.hidden, top=True)
    xs = inputs.standard_normal((setup.steps, 1, INPUTS)) * scales[:, None]  # a sequence of the batch for each scale
    growth = np.full((len(scales), len(gains)), np.nan)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for column, gain in enumerate(gains):
            try:
                growth[:, column] = -flow.decay_rate(flow.gradient_norms(multiplied(one, float(gain)), xs))
            except ValueError:
                continue  # it exploded
    return Map(gains, scales, growth)
