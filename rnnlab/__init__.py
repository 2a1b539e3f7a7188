"""rnnlab: recurrent networks by hand in NumPy. Where does the gradient go?"""

from rnnlab import activations, bptt, flow, initializers, interop, losses
from rnnlab.gradcheck import Finding, GradientError, Report, check_gradients
from rnnlab.layers import GRU, LSTM, RNN, BatchNorm, Conv2D, Dense, Embedding, IndRNN
from rnnlab.network import Network, Residual
from rnnlab.record import Record, load, save
from rnnlab.trace import Gradients, Trace

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Embedding",
    "Finding",
    "GradientError",
    "Gradients",
    "IndRNN",
    "Network",
    "Record",
    "Report",
    "Residual",
    "Trace",
    "activations",
    "bptt",
    "check_gradients",
    "flow",
    "initializers",
    "interop",
    "load",
    "losses",
    "save",
]
