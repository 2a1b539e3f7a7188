"""Small networks on the adding problem, trained in seconds: for figures of what learning changes in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from rnnlab.experiments.results.ends import LEARNED, digits
from rnnlab.gallery.knobs import Knob
from rnnlab.models import build
from rnnlab.network import Network
from rnnlab.table import Table
from rnnlab.tasks import Adding
from rnnlab.training import DivergenceError, fit

MODELS: dict[str, tuple[dict[str, Any], float]] = {
    "tanh RNN": ({"layer": "rnn"}, 2e-3),
    "tanh RNN, glorot_uniform": ({"layer": "rnn", "recurrent_initializer": "glorot_uniform"}, 2e-3),
    "IRNN": ({"layer": "irnn"}, 1e-3),
    "GRU": ({"layer": "gru"}, 5e-3),
}
"""The words of each model, and its learning rate."""
BATCH, CLIP, SOLVED = 16, 1.0, 0.002
ToLearn = Annotated[int, Knob("T, the length of the sequences to add up", "timesteps", 2)]


@dataclass(frozen=True)
class SmallRun:
    """One training.

    Attributes:
        before, after: the network as initialised, and as trained.
        updates: how many were made; fewer than asked for if the held-out error came to 0.002.
        error: the held-out mean squared error at the end; infinite if it diverged.
    """

    before: Network
    after: Network
    updates: int
    error: float


def small_run(model: str, *, steps: int, hidden: int, updates: int, seed: int) -> SmallRun:
    """Train `model`, a name in MODELS, on the adding problem with T = `steps`."""
    task, (words, lr) = Adding(steps), MODELS[model]
    before = build(np.random.default_rng(seed).spawn(2)[0], task, hidden=hidden, dtype=np.float64, **words)
    every = max(1, updates // 4)
    settings: dict[str, Any] = {"batch": BATCH, "clip_norm": CLIP, "until": SOLVED, "seed": seed, "every": every}
    try:
        trained = fit(before, task, updates=updates, lr=lr, **settings)
    except DivergenceError as error:
        return SmallRun(before, before, error.update, np.inf)
    return SmallRun(before, trained.network, trained.rows[-1].update, trained.rows[-1].score)


def rates(models: Iterable[str]) -> str:
    """The learning rates, as a caption says them."""
    return ", ".join(f"{model} {MODELS[model][1]:g}" for model in models)


def outcome(error: float) -> str:
    """Whether a network with this held-out error has learned, as a title says it."""
    if np.isinf(error):
        return "diverged"
    return f"{'learned' if error < LEARNED else 'not learned'} (error {digits(error)})"


YARDSTICK = f"A net has learned where its held-out error is below {LEARNED:g}; always answering 1 has {1 / 6:.3f}."
"""What `outcome` goes by."""


def moments(table: Table, model: str) -> tuple[float, float]:
    """0, and the updates that were made."""
    first, *_, last = [0.0, *(updates for (updates,) in table.where(model=model).each("updates"))]
    return first, last


def last_error(table: Table, model: str) -> float:
    """Held out, at the end."""
    return float(table.where(model=model, updates=moments(table, model)[1])["error"][-1])
