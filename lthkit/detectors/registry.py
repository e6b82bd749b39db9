"""Detectors by name."""

import difflib
from collections.abc import Callable

from lthkit.detectors import faster_rcnn, ssd, yolo
from lthkit.detectors.base import Detector, DetectorContext
from lthkit.errors import LthkitError

_BUILT_IN: dict[str, Callable[[DetectorContext], Detector]] = {
    "yolov4": yolo.make,
    "faster-rcnn": faster_rcnn.make,
    "ssd": ssd.make,
}


def names() -> tuple[str, ...]:
    """The built-in detectors."""
    return tuple(_BUILT_IN)


def make(name: str, context: DetectorContext) -> Detector:
    """The detector of this name at random weights, on the CPU.

    Raises:
        LthkitError: if there is none of this name, or as it refuses its context.
    """
    if name not in _BUILT_IN:
        near = difflib.get_close_matches(name, _BUILT_IN, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(_BUILT_IN)}"
        raise LthkitError(f"there is no detector '{name}'; {hint}")
    return _BUILT_IN[name](context)
