"""The recipe of the initializers: nets that differ in how they start and in nothing else."""

from dataclasses import replace
from typing import Any

from rnnlab.experiments.recipe import Entry, Recipe, seeded, tried
from rnnlab.experiments.run import Run

SURVEYED = ("glorot_uniform", "he_uniform", "lecun_uniform", "orthogonal", "random_normal")
WIDTHS = ("variance_scaling:scale=2", "random_normal", "random_normal:stddev=0.01", "random_normal:stddev=0.2")
KERNELS = (*SURVEYED, "random_normal:stddev=0.01", "random_normal:stddev=0.2", "variance_scaling:scale=2")
RECURRENT = (*SURVEYED, "variance_scaling:scale=2", "identity", "normalized_positive_definite")

PERCEPTRONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "10 ReLU layers": (KERNELS, {"layers": 10, "activation": "relu"}),
    "10 ReLU layers of 25": (KERNELS, {"layers": 10, "activation": "relu", "hidden": 25}),
    "1 sigmoid layer": (KERNELS, {"activation": "sigmoid", "every": 4}),  # it learns within 200 updates
    "10 ReLU layers of 16": (WIDTHS, {"layers": 10, "activation": "relu", "hidden": 16}),
    "10 tanh layers": (SURVEYED, {"layers": 10, "activation": "tanh"}),
    "10 sigmoid layers": (SURVEYED, {"layers": 10, "activation": "sigmoid"}),
    "10 LeakyReLU layers": (SURVEYED, {"layers": 10, "activation": "leaky_relu"}),
    "10 ReLU layers of 400": (WIDTHS, {"layers": 10, "activation": "relu", "hidden": 400}),
}
"""Nets without time, with the kernels that each starts from; the one with the dearest updates last."""


def _recurrent(updates: int) -> list[Entry]:
    """U of RNNs on the adding problem; twice as long ones with twice the updates, and the rate of the short ones."""
    run = Run("adding", {"steps": 30}, batch=16, updates=updates, lr=2e-4, clip_norm=1.0, every=250, until=0.001)
    long = replace(run, data={"steps": 60}, updates=2 * updates)
    entries = []
    for net, activation, rival in (("tanh RNN", "tanh", "orthogonal"), ("ReLU RNN", "relu", "identity")):
        for variant, one, names in ((net, run, RECURRENT), (f"{net}, T = 60", long, ("glorot_uniform", rival))):
            runs = (replace(one, activation=activation, recurrent_initializer=name) for name in names)
            entries += [Entry(variant, name, run, net) for name, run in zip(names, runs, strict=True)]
    return entries


def _perceptrons(updates: int) -> list[Entry]:
    """Kernels of perceptrons, on whole digits."""
    run = Run("pixels", {"side": 14, "pixels_per_step": 196}, layer="dense", updates=updates, every=40)
    return [
        Entry(variant, name, replace(run, kernel_initializer=name, **words), variant)
        for variant, (names, words) in PERCEPTRONS.items()
        for name in names
    ]


INITIALIZERS = Recipe(
    "Learning curves with different initializers, all else the same, the learning rate too: for U of an RNN on the "
    "adding problem, T = 30, and for the kernels of perceptrons on whole digits of 14 × 14.",
    quick=tuple(replace(entry, pilot="") for entry in (*_recurrent(3200), *_perceptrons(400))),
    paper=tuple(seeded([*_perceptrons(1000), *_recurrent(8000)], 8)),
    name="initializers",
    pilots=(
        *tried(_perceptrons(1000), 400),
        *tried([entry for entry in _recurrent(8000) if entry.variant == entry.pilot], 3000),
    ),
    one_rate=True,
)
