"""What a detector found in an image, and what there is: the input of every detection score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.scores.mean import mean_over_classes

THRESHOLDS = tuple((50 + 5 * step) / 100 for step in range(10))
"""Of intersection over union: 0.50, 0.55, …, 0.95."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one image.

    Attributes:
        boxes: (n, 4) left, top, right, bottom in pixels, continuous: a box is right − left wide.
        scores: (n,) floats, the higher the surer.
        labels: (n,) integers, the classes from 0, without one for the background.

    Raises:
        LthkitError: on other shapes, labels that are no integers, boxes turned inside out, values that are not finite.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        _check_boxes(self.boxes, "detections")
        _check_row(self.scores, len(self.boxes), "scores of detections")
        _check_labels(self.labels, len(self.boxes), "detections")
        if not self.scores.isfinite().all():
            raise LthkitError("scores of detections are not finite, so they have no order; has the training diverged?")


@dataclass(frozen=True, eq=False)
class Truth:
    """The objects of one image.

    Attributes:
        boxes: (m, 4) left, top, right, bottom in pixels, continuous: a box is right − left wide.
        labels: (m,) integers, the classes from 0, without one for the background.
        difficult: (m,) booleans, PASCAL VOC's mark of objects that nobody must find.

    Raises:
        LthkitError: on other shapes, labels that are no integers, boxes turned inside out, values that are not finite.
    """

    boxes: Tensor
    labels: Tensor
    difficult: Tensor

    def __post_init__(self) -> None:
        _check_boxes(self.boxes, "the truth")
        _check_labels(self.labels, len(self.boxes), "the truth")
        _check_row(self.difficult, len(self.boxes), "marks of difficult objects")
        if self.difficult.dtype != torch.bool:
            raise LthkitError(f"marks of difficult objects are {self.difficult.dtype}; they must be booleans")


class DetectionScores(TypedDict):
    """What is reported of a detector, from 0 to 1; NaN if there is no object.

    Attributes:
        AP: the mean over the IoU thresholds 0.50, 0.55, …, 0.95, over classes that have objects.
        AP50: that at the threshold 0.50.
        AP75: that at the threshold 0.75.
        AP50_per_class: (classes,) float64 on the CPU, at the threshold 0.50; NaN for a class without objects.
    """

    AP: float
    AP50: float
    AP75: float
    AP50_per_class: Tensor


def scores_of(precision: Tensor) -> DetectionScores:
    """The scores of (10, classes) average precisions, by threshold and class."""
    return DetectionScores(
        AP=mean_over_classes(precision.mean(0)),
        AP50=mean_over_classes(precision[0]),
        AP75=mean_over_classes(precision[5]),
        AP50_per_class=precision[0],
    )


def check_images(detections: Sequence[Detections], truths: Sequence[Truth], classes: int) -> None:
    """Detections and truth belong to the same images, at least one, and know only ``classes`` classes.

    Raises:
        LthkitError: if not.
    """
    if classes < 1:
        raise LthkitError(f"classes is {classes}; there must be one at least")
    if len(detections) != len(truths):
        raise LthkitError(
            f"there are detections of {len(detections)} images and the truth of {len(truths)}; "
            "give both for each image, empty ones where nothing is"
        )
    if not truths:
        raise LthkitError("there is no image to score detections on; give at least one")
    for image, (found, truth) in enumerate(zip(detections, truths, strict=True)):
        for labels, whose in ((found.labels, "detections"), (truth.labels, "the truth")):
            wrong = labels[(labels < 0) | (labels >= classes)]
            if len(wrong):
                raise LthkitError(
                    f"a label of {whose} in image {image} is {int(wrong[0])}; classes go from 0 to {classes - 1}"
                )


def _check_boxes(boxes: Tensor, whose: str) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise LthkitError(f"boxes of {whose} have shape {tuple(boxes.shape)}; it must be (number, 4)")
    if not boxes.isfinite().all():
        raise LthkitError(f"boxes of {whose} are not finite; each needs left, top, right, bottom in pixels")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise LthkitError(f"boxes of {whose} end before they begin; the order is left, top, right, bottom")


def _check_labels(labels: Tensor, count: int, whose: str) -> None:
    _check_row(labels, count, f"labels of {whose}")
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise LthkitError(f"labels of {whose} are {labels.dtype}; they must be integers")


def _check_row(values: Tensor, count: int, what: str) -> None:
    if values.shape != (count,):
        raise LthkitError(f"{what} have shape {tuple(values.shape)}; with {count} boxes it must be ({count},)")
