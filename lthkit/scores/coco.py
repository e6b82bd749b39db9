"""Average precision by the rule of COCO (Lin et al. 2014), which torchmetrics computes with faster-coco-eval."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lthkit.scores.detection import THRESHOLDS, Detections, DetectionScores, Truth, check_images, scores_of

_RECALLS = np.linspace(0, 1, 101)


def coco_scores(detections: Sequence[Detections], truths: Sequence[Truth], classes: int) -> DetectionScores:
    """Average precision by the rule of COCO.

    It differs from PASCAL VOC's: precision is read at 101 recalls, a detection is matched to the object that it
    overlaps most among those not yet taken, and of an image and class the 100 detections of the highest scores count.

    COCO knows no difficult objects, so those of the truth count like all others. To leave them out would make every
    detection of them wrong, and COCO's crowds, the nearest it has, swallow any number of detections that lie
    within them; PASCAL VOC's treatment is ``average_precision``.

    Args:
        detections: one entry for each image.
        truths: one entry for each image, in the same order.
        classes: how many there are; labels go from 0 to classes − 1.

    Raises:
        LthkitError: if there is no image, the numbers of images differ, or a label is out of range.
    """
    check_images(detections, truths, classes)
    precision = torch.full((len(THRESHOLDS), classes), torch.nan, dtype=torch.float64)
    if any(len(truth.labels) for truth in truths):
        labels, values = _computed(detections, truths)
        precision[:, labels] = values
    return scores_of(precision)


def _computed(detections: Sequence[Detections], truths: Sequence[Truth]) -> tuple[Tensor, Tensor]:
    """(k,) classes that occur, and (10, k) their average precision at each threshold, NaN without objects."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries about each other
        from torchmetrics.detection import MeanAveragePrecision

        metric = MeanAveragePrecision(
            iou_thresholds=list(THRESHOLDS),
            rec_thresholds=_RECALLS.tolist(),
            extended_summary=True,
            backend="faster_coco_eval",
            sync_on_compute=False,  # these are all images, whichever ranks there are
        )
        metric.warn_on_many_detections = False
        found = [_entry(found) | {"scores": found.scores.cpu().double()} for found in detections]
        metric.update(found, [_entry(truth) for truth in truths])
        scores = metric.compute()
    # (threshold, recall, class, area: all first, detections allowed: most last); −1 without objects
    precision = scores["precision"][:, :, :, 0, -1].double()
    classes = scores["classes"].long().reshape(-1)  # one class alone comes without a dimension
    return classes, precision.where(precision >= 0, torch.nan).mean(1)


def _entry(image: Detections | Truth) -> dict[str, Tensor]:
    return {"boxes": image.boxes.cpu().double(), "labels": image.labels.cpu().long()}
