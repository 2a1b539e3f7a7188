"""Is a backward right? Oracles that know the derivative without it, and a verdict. Public names only."""

from rnnlab.gradcheck.check import check_gradients
from rnnlab.gradcheck.verdict import Finding, GradientError, Report

__all__ = ["Finding", "GradientError", "Report", "check_gradients"]
