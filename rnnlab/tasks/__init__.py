"""The tasks: what the networks are trained on, each with a baseline to beat and a default that needs no download."""

from rnnlab.tasks.adding import Adding
from rnnlab.tasks.characters import Characters
from rnnlab.tasks.copying import Copying
from rnnlab.tasks.phonemes import Phonemes
from rnnlab.tasks.pixels import Pixels
from rnnlab.tasks.task import Task

__all__ = ["Adding", "Characters", "Copying", "Phonemes", "Pixels", "Task"]
