"""Detectors on a ResNet backbone: network, loss, and what it finds. A detector is one file with a ``make(...)``."""

from lthkit.detectors.base import Detector, DetectorContext
from lthkit.detectors.registry import make, names

__all__ = ["Detector", "DetectorContext", "make", "names"]
