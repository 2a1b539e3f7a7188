"""The tasks: what the networks are trained on, each with a baseline to beat and a default that needs no download."""

from collections.abc import Callable

from rnnlab.tasks.adding import Adding
from rnnlab.tasks.characters import Characters
from rnnlab.tasks.copying import Copying
from rnnlab.tasks.phonemes import Phonemes
from rnnlab.tasks.pixels import Pixels
from rnnlab.tasks.series import Series
from rnnlab.tasks.task import Task

TASKS: dict[str, Callable[..., Task]] = {
    "adding": Adding,
    "copying": Copying,
    "pixels": Pixels.load,
    "characters": Characters.load,
    "phonemes": Phonemes.load,
    "series": Series.load,
}
"""The tasks by name: the function that makes each.

Its parameters are the task's options on the command line, where they are declared as Annotated[type, meaning].
"""

__all__ = ["TASKS", "Adding", "Characters", "Copying", "Phonemes", "Pixels", "Series", "Task"]
