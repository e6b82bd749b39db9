"""Tasks: what is trained (loss) and how it is scored (metric). A task is one file with a ``make(context)``."""

import difflib
from collections.abc import Callable

from lthkit.errors import LthkitError
from lthkit.factories import find_callable
from lthkit.tasks import classification, detection, moco, segmentation, simclr
from lthkit.tasks.address import at_address, masked_networks, network_address, network_state
from lthkit.tasks.base import Task, TaskContext, TaskSpec, normalised_for

_BUILT_IN: dict[str, Callable[[TaskContext], Task]] = {
    "classification": classification.make,
    "simclr": simclr.make,
    "moco": moco.make,
    "detection": detection.make,
    "segmentation": segmentation.make,
}

__all__ = [
    "Task",
    "TaskContext",
    "TaskSpec",
    "at_address",
    "make",
    "masked_networks",
    "names",
    "network_address",
    "network_state",
    "normalised_for",
]


def names() -> tuple[str, ...]:
    """The built-in tasks."""
    return tuple(_BUILT_IN)


def make(spec: TaskSpec, context: TaskContext) -> Task:
    """Make the task that ``spec`` names.

    Raises:
        LthkitError: if there is no such task, or its factory cannot be imported.
    """
    if ":" in spec.name:
        return find_callable(spec.name, f"task '{spec.name}'")(context)
    if spec.name not in _BUILT_IN:
        near = difflib.get_close_matches(spec.name, _BUILT_IN, 1)
        hint = (
            f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(_BUILT_IN)} or package.module:factory"
        )
        raise LthkitError(f"there is no task '{spec.name}'; {hint}")
    return _BUILT_IN[spec.name](context)
