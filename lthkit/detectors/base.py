"""What the task of detection asks of a detector, and what a detector is made from."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from lthkit.config import Config
from lthkit.data import SceneBatch, SceneSplits
from lthkit.models import ModelSpec
from lthkit.scores import Detections


class DetectorOptions(Config):
    """What every detector can be told of the detections that it gives.

    Attributes:
        least_score: what is less sure is left out.
        overlap: intersection over union above which the less sure of two detections of a class goes.
        most: detections of an image.
    """

    least_score: float = Field(default=0.01, ge=0, le=1)
    overlap: float = Field(default=0.5, ge=0, le=1)
    most: int = Field(default=100, ge=1, le=1000)


@dataclass(frozen=True)
class DetectorContext:
    """All that a detector is made from.

    Attributes:
        model: which backbone.
        splits: the scenes, of which a detector reads size, classes and sizes of boxes.
        options: the detector's own.
        seed: of all that is drawn; the backbone is that of every other task from the same seed.
    """

    model: ModelSpec
    splits: SceneSplits
    options: Mapping[str, Any]
    seed: int


class Detector(nn.Module):
    """A network that finds objects.

    Attributes:
        backbone: as ``models.build_backbone`` makes it; all other modules belong to the detector.
        weighs_objects: whether its loss counts objects by their weight, as mixup needs it.
    """

    backbone: nn.Module
    weighs_objects = False

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, S, S) images → the maps that what is in them is read from, as far as torch.fx can follow."""

    @abstractmethod
    def loss(self, batch: SceneBatch) -> Tensor:
        """The scalar loss of a batch, finite without objects, too; called under autocast, in training mode."""

    @abstractmethod
    def detect(self, images: Tensor) -> list[Detections]:
        """What is in (B, 3, S, S) images, in pixels of them, for each image by falling score; in evaluation mode."""
