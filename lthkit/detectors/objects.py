"""The objects of a batch as torchvision's detectors take them."""

import torch
from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from lthkit.data import SceneBatch
from lthkit.scores import Detections


def image_list(images: Tensor) -> ImageList:
    """(B, 3, S, S) images with their sizes; nothing is resized or normalised again."""
    return ImageList(images, [tuple(images.shape[-2:])] * len(images))  # type: ignore[arg-type]


def targets_of(batch: SceneBatch) -> list[dict[str, Tensor]]:
    """Boxes and labels of each image, labels from 1 on since 0 is the background there; difficult objects left out."""
    counted = ~batch.difficult
    own = [(batch.image == number) & counted for number in range(len(batch.images))]
    return [{"boxes": batch.boxes[here], "labels": batch.labels[here] + 1} for here in own]


def detections_of(found: dict[str, Tensor]) -> Detections:
    """What torchvision found in an image, on the CPU, by falling score; empty boxes left out."""
    boxes, scores, labels = (found[name].cpu() for name in ("boxes", "scores", "labels"))
    kept = torch.nonzero((boxes[:, 2:] > boxes[:, :2]).all(1)).flatten()
    order = kept[scores[kept].argsort(descending=True, stable=True)]
    return Detections(boxes[order], scores[order].float(), labels[order] - 1)
