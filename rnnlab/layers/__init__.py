"""The layers: one file each, and none imports another. Public names only."""

from rnnlab.layers.indrnn import IndRNN
from rnnlab.layers.rnn import RNN

__all__ = ["RNN", "IndRNN"]
