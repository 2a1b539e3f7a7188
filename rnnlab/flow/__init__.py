"""Gradient flow: the gradient's norm at every timestep, and the Jacobians that explain its decay."""

from rnnlab.flow.norms import decay_rate, gradient_norms, half_life, norms, pascanu_bound
from rnnlab.flow.spectra import jacobian_products, jacobians, lyapunov_exponents, singular_values

__all__ = [
    "decay_rate",
    "gradient_norms",
    "half_life",
    "jacobian_products",
    "jacobians",
    "lyapunov_exponents",
    "norms",
    "pascanu_bound",
    "singular_values",
]
