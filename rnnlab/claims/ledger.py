"""The survey's eighteen claims, in files by subject."""

from rnnlab.claims import (
    adding,
    depth,
    glorot,
    he_lecun,
    indrnn,
    irnn,
    irnn_tasks,
    orthogonal,
    parallelism,
    scales,
    shared_weights,
)

FILES = (
    glorot,
    he_lecun,
    orthogonal,
    scales,
    parallelism,
    irnn,
    adding,
    irnn_tasks,
    depth,
    shared_weights,
    indrnn,
)
CLAIMS = tuple(sorted((claim for file in FILES for claim in file.CLAIMS), key=lambda claim: int(claim.name[1:])))
"""In the order of their numbers."""
