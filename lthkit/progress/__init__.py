"""How long work shows itself: a bar where somebody watches, lines of at most 79 characters where output is saved.

One bar spans the whole work and starts from what is done already, so the time left that it shows is the work's.
"""

from lthkit.progress.line import cut, spent_and_left
from lthkit.progress.many import ManyBar, ManyLines, Trainings, for_many
from lthkit.progress.place import BATCH_VARIABLE, is_batch
from lthkit.progress.rounds import Bar, Lines, Progress, Silent, for_here
from lthkit.progress.stop import Stopped, stoppable

__all__ = [
    "BATCH_VARIABLE",
    "Bar",
    "Lines",
    "ManyBar",
    "ManyLines",
    "Progress",
    "Silent",
    "Stopped",
    "Trainings",
    "cut",
    "for_here",
    "for_many",
    "is_batch",
    "spent_and_left",
    "stoppable",
]
