"""Samples on the device, augmented, in batches whose order depends on seed and epoch alone."""

from lthkit.data.augment import for_channels
from lthkit.data.batches import evaluation_batches, steps_per_epoch, training_batches
from lthkit.data.fingerprint import fingerprint
from lthkit.data.scene_augment import SceneAugmentation
from lthkit.data.scene_batches import SceneBatch, evaluation_scenes, training_scenes
from lthkit.data.scenes import Scene, SceneSource, SceneSplits
from lthkit.data.sources import Resident, Source, Streamed
from lthkit.data.spec import DataSpec
from lthkit.data.splits import Splits, load

__all__ = [
    "DataSpec",
    "Resident",
    "Scene",
    "SceneAugmentation",
    "SceneBatch",
    "SceneSource",
    "SceneSplits",
    "Source",
    "Splits",
    "Streamed",
    "evaluation_batches",
    "evaluation_scenes",
    "fingerprint",
    "for_channels",
    "load",
    "steps_per_epoch",
    "training_batches",
    "training_scenes",
]
