"""rnnlab: recurrent networks by hand in NumPy. Where does the gradient go?"""

from rnnlab import activations, flow, initializers
from rnnlab.gradcheck import Finding, GradientError, Report, check_gradients
from rnnlab.layers import RNN, IndRNN
from rnnlab.record import Record, load, save
from rnnlab.trace import Gradients, Trace

__all__ = [
    "RNN",
    "Finding",
    "GradientError",
    "Gradients",
    "IndRNN",
    "Record",
    "Report",
    "Trace",
    "activations",
    "check_gradients",
    "flow",
    "initializers",
    "load",
    "save",
]
