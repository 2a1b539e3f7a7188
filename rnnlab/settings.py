"""How to train: every setting declared once, as name: Annotated[type, what it means] = default.

`fit` takes them by name, a run keeps them, and the command line derives its options from this declaration.
"""

from dataclasses import dataclass
from typing import Annotated

from rnnlab import optim


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train; each setting is an option of `rnnlab train`.

    Raises:
        ValueError: a number out of its range, or an unknown optimiser.
    """

    updates: Annotated[int, "number of updates in all"] = 1000
    batch: Annotated[int, "sequences in a batch"] = 32
    optimizer: Annotated[str, f"update rule: {', '.join(optim.OPTIMIZERS)}"] = "adam"
    lr: Annotated[float, "learning rate"] = 1e-3
    lr_every: Annotated[int | None, "multiply the learning rate by lr_factor every N updates"] = None
    lr_factor: Annotated[float, "see lr_every"] = 0.1
    clip_norm: Annotated[float | None, "clip the gradient to this norm"] = None
    clip_value: Annotated[float | None, "then clip every entry of the gradient to this magnitude"] = None
    gamma: Annotated[float | None, "indrnn: keep every |u| ≤ gamma^(1/T)"] = None
    truncate: Annotated[int | None, "truncated BPTT in chunks of N steps"] = None
    checkpointed: Annotated[bool, "BPTT with memory for √T steps; runs the forward pass twice"] = False
    workers: Annotated[int, "replicas that share each batch, in processes of their own"] = 1
    every: Annotated[int, "updates between two rows of the log"] = 100
    until: Annotated[float | None, "stop once the held-out score is at or below this"] = None
    seed: Annotated[int, "seed of the weights and the batches"] = 0

    def __post_init__(self) -> None:
        optim.get(self.optimizer)
        whole = {"updates": 1, "batch": 1, "lr_every": 1, "truncate": 1, "workers": 1, "every": 1, "seed": 0}
        for name, least in whole.items():
            value = getattr(self, name)
            if value is not None and not (least <= value < float("inf") and value == int(value)):
                raise ValueError(f"{name} must be a whole number and at least {least}; got {value}")
        for name in ("lr", "lr_factor", "clip_norm", "clip_value", "gamma"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite; got {value}")
        if self.truncate is not None and self.checkpointed:
            raise ValueError("truncate and checkpointed are two ways of BPTT: choose one")
        if self.workers > 1 and (self.truncate is not None or self.checkpointed):
            raise ValueError(
                "workers take sequences whole: train without truncate and checkpointed, or with one worker"
            )

    def rate(self, update: int) -> float:
        """The learning rate of the update after `update` others."""
        drops = 0 if self.lr_every is None else update // self.lr_every
        return float(self.lr * self.lr_factor**drops)
