"""What the tests of the gradient check share: a small layer, one wrong entry planted in its backward, and findings."""

import numpy as np

import rnnlab as rl

EPS = float(np.finfo(np.float64).eps)


def small(kind=rl.RNN, hidden=4, T=5, B=2, activation="tanh", dtype=np.float64):
    """A generic layer of `kind` on three inputs, and inputs for it."""
    rng = np.random.default_rng(3)
    layer = kind.init(
        rng, inputs=3, hidden=hidden, activation=activation, bias_initializer="random_normal", dtype=dtype
    )
    return layer, rng.uniform(-1, 1, (T, B, 3)).astype(dtype)


class Planted(rl.RNN):
    """An RNN whose backward is right but for one entry of one gradient, set by `plant`."""

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        self.plant({**grads.params.arrays(), "xs": grads.xs, "hs": grads.hs})
        return grads


def finding(array="U", error=0.0, verdict="passed", timestep=None, got=1.0, wanted=2.0, index=(0,), whole=None):
    sequence = None if timestep is None else 0
    return rl.Finding(array, timestep, sequence, error, 0.0, index, got, wanted, verdict, whole)


def report_of(*findings):
    return rl.Report("complex_step", 1e-12, findings)
