"""The survey's eighteen claims, in files by subject."""

from rnnlab.claims import depth, indrnn, initializers, irnn, parallelism

CLAIMS = (*initializers.CLAIMS, *parallelism.CLAIMS, *irnn.CLAIMS, *depth.CLAIMS, *indrnn.CLAIMS)
