"""Networks: by name or the user's factory, their starting weights, and which of them are prunable."""

from lthkit.models.checkpoint import LoadReport, load_checkpoint
from lthkit.models.freezing import freeze
from lthkit.models.probe import try_out
from lthkit.models.prunable import first_convolution, head_names, plain, plain_name, prunable, prunable_of
from lthkit.models.registry import NAMES, build, find_factory
from lthkit.models.spec import ModelSpec

__all__ = [
    "NAMES",
    "LoadReport",
    "ModelSpec",
    "build",
    "find_factory",
    "first_convolution",
    "freeze",
    "head_names",
    "load_checkpoint",
    "plain",
    "plain_name",
    "prunable",
    "prunable_of",
    "try_out",
]
