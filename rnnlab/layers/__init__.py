"""The layers: one file each, and none imports another. Public names only."""

from rnnlab.layers.batchnorm import BatchNorm
from rnnlab.layers.conv import Conv2D
from rnnlab.layers.dense import Dense
from rnnlab.layers.embedding import Embedding
from rnnlab.layers.gru import GRU
from rnnlab.layers.indrnn import IndRNN
from rnnlab.layers.lstm import LSTM
from rnnlab.layers.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "BatchNorm", "Conv2D", "Dense", "Embedding", "IndRNN"]
