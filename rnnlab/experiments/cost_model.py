"""What more workers would give: a model of the work, the bytes and the latency of one gradient by w replicas."""

from dataclasses import dataclass

import numpy as np

from rnnlab.arrays import Array
from rnnlab.table import Table


@dataclass(frozen=True)
class CostModel:
    """The time of one gradient by w workers, each of which computes B / w sequences:

        t(w) = t_shard(B / w) + w (ℓ + 2 bytes / r)

    The work is that of one shard. Each worker is sent the parameters and sends a gradient of as many bytes, one worker
    after another.

    Attributes:
        latency: ℓ, seconds a worker.
        bandwidth: r, bytes a second; infinite where sending costs nothing.
    """

    latency: float
    bandwidth: float

    @classmethod
    def fitted(cls, table: Table) -> "CostModel":
        """To a table of `parallelism.measure`: what two workers took beyond a shard alone, over all sizes.

        ℓ and 1/r, neither below 0, by least squares of the error relative to t(2), so that small sizes count as well.
        """
        two = table.where(kind="data")
        alone = np.array([table.only("seconds", kind="shard", workers=2.0, x=x) for x in two["x"]])
        weights = 1 / two["other"].astype(float)
        costs = np.stack([np.full(len(two), 2.0), 4 * two["bytes"].astype(float)], axis=1) * weights[:, None]
        beyond = (two["other"].astype(float) - alone) * weights
        best, least = np.zeros(2), float(np.square(beyond).sum())
        for used in ([0, 1], [0], [1]):  # both, or one where the other would be below 0
            found = np.zeros(2)
            found[used] = np.linalg.lstsq(costs[:, used], beyond, rcond=None)[0]
            error = float(np.square(costs @ found - beyond).sum())
            if (found >= 0).all() and error < least:
                best, least = found, error
        latency, per_byte = best.tolist()
        return cls(latency, 1 / per_byte if per_byte else np.inf)

    def seconds(self, shard: Array, workers: Array, size: Array) -> Array:
        """t(w), given the time of a shard alone, w, and the bytes of the parameters."""
        total: Array = shard + workers * (self.latency + 2 * size / self.bandwidth)
        return total


def speed_ups(table: Table, x: float) -> tuple[Array, Array]:
    """(w, whole batch alone / t(w)) for the network of size x, from the shards that were measured alone."""
    rows = table.where(kind="shard", x=x)
    workers, alone = rows["workers"].astype(float), rows["seconds"].astype(float)
    several = CostModel.fitted(table).seconds(alone, workers, rows["bytes"].astype(float))
    (whole,) = alone[workers == 1]
    return workers, np.where(workers == 1, 1.0, whole / several)


def bound(table: Table) -> float:
    """How much faster the run could be at most if all that does not wait for the previous step took no time at all."""
    rows = table.where(kind="stage")
    taken = (rows["other"] - rows["seconds"]).astype(float)
    waits = np.array([str(stage).startswith("recur") for stage in rows["series"]])
    return float(taken.sum() / taken[waits].sum())
