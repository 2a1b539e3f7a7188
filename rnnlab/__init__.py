"""rnnlab: recurrent networks by hand in NumPy. Where does the gradient go?"""

from rnnlab import activations, initializers
from rnnlab.layers import RNN, IndRNN
from rnnlab.record import Record, load, save
from rnnlab.trace import Gradients, Trace

__all__ = [
    "RNN",
    "Gradients",
    "IndRNN",
    "Record",
    "Trace",
    "activations",
    "initializers",
    "load",
    "save",
]
