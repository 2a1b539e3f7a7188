"""rnnlab: recurrent networks by hand in NumPy. Where does the gradient go?"""

from rnnlab import interrupt

__version__ = "0.1.0"
interrupt.end_quietly()  # Ctrl-C, while all that follows is loaded by the command line

from rnnlab import activations, bptt, flow, initializers, interop, losses, models, optim, parallel, tasks
from rnnlab.checkpoint import Row
from rnnlab.gradcheck import Finding, GradientError, Report, adjoint_test, check_gradients, forward_mode
from rnnlab.layers import *  # noqa: F403 - all layers, in the one list of them
from rnnlab.layers import __all__ as all_layers
from rnnlab.memory import keep_freed_memory
from rnnlab.network import Network, Residual
from rnnlab.record import Record, load, save
from rnnlab.trace import Gradients, Trace
from rnnlab.training import DivergenceError, Trained, evaluate, fit

__all__ = [
    *all_layers,
    "DivergenceError",
    "Finding",
    "GradientError",
    "Gradients",
    "Network",
    "Record",
    "Report",
    "Residual",
    "Row",
    "Trace",
    "Trained",
    "activations",
    "bptt",
    "adjoint_test",
    "check_gradients",
    "evaluate",
    "fit",
    "flow",
    "forward_mode",
    "initializers",
    "interop",
    "keep_freed_memory",
    "load",
    "losses",
    "models",
    "optim",
    "parallel",
    "save",
    "tasks",
]
