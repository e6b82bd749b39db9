"""Detectors on a ResNet backbone: network, loss, and what it finds. A detector is one file with a ``make(...)``."""

from lthkit.detectors.base import Detector, DetectorContext, DetectorOptions
from lthkit.detectors.registry import make, names

__all__ = ["Detector", "DetectorContext", "DetectorOptions", "make", "names"]
