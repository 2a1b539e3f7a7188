"""Is a backward right? Oracles that know the derivative without it, and a verdict. Public names only."""

from rnnlab.gradcheck.adjoint import Adjoint, adjoint_test
from rnnlab.gradcheck.check import check_gradients
from rnnlab.gradcheck.forward_mode import ForwardGradients, forward_mode
from rnnlab.gradcheck.verdict import Finding, GradientError, Report

__all__ = [
    "Adjoint",
    "Finding",
    "ForwardGradients",
    "GradientError",
    "Report",
    "adjoint_test",
    "check_gradients",
    "forward_mode",
]
