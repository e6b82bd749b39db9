"""Networks: by name or the user's factory, their starting weights, and which of them are prunable."""

from lthkit.models.backbone import build_backbone, feature_maps, stage_widths
from lthkit.models.checkpoint import LoadReport, checkpoint_tensors, load_checkpoint
from lthkit.models.deeplab import DeepLabv3Plus, build_deeplab
from lthkit.models.freezing import freeze
from lthkit.models.memory_format import strided_and_narrow
from lthkit.models.probe import try_out
from lthkit.models.prunable import first_convolution, head_names, in_modules, plain, plain_name, prunable, prunable_of
from lthkit.models.registry import NAMES, build, find_factory
from lthkit.models.spec import ModelSpec

__all__ = [
    "NAMES",
    "DeepLabv3Plus",
    "LoadReport",
    "ModelSpec",
    "build",
    "build_backbone",
    "build_deeplab",
    "checkpoint_tensors",
    "feature_maps",
    "find_factory",
    "first_convolution",
    "freeze",
    "head_names",
    "in_modules",
    "load_checkpoint",
    "plain",
    "plain_name",
    "prunable",
    "prunable_of",
    "stage_widths",
    "strided_and_narrow",
    "try_out",
]
