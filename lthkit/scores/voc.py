"""Average precision by the rule of PASCAL VOC (Everingham et al. 2010, Sec. 4.2; development kits of 2007 and 2012)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.scores.detection import THRESHOLDS, Detections, DetectionScores, Truth, check_images, scores_of

Rule = Literal["11-point", "area"]


@dataclass(frozen=True, eq=False)
class _Matched:
    """All n detections by falling score, each with the object it overlaps most; m objects of all images.

    Attributes:
        labels: (n,) the classes of the detections.
        iou: (n,) their IoU with that object, −1 if their image has none of their class.
        objects: (n,) that object's number; without meaning where iou is −1.
        classes: (m,) the classes of the objects.
        difficult: (m,) which are difficult.
    """

    labels: Tensor
    iou: Tensor
    objects: Tensor
    classes: Tensor
    difficult: Tensor


def average_precision(
    detections: Sequence[Detections],
    truths: Sequence[Truth],
    classes: int,
    *,
    iou: float = 0.5,
    rule: Rule = "area",
) -> Tensor:
    """Each class's average precision by the rule of PASCAL VOC.

    A detection is matched to the object of its class, in its image, with which its intersection over union (IoU) is
    highest. It is right if that reaches the threshold and no detection of a higher score took the object before; if
    the object is difficult it counts neither for nor against; else it is wrong. Boxes are continuous here, where the
    kits count inclusive pixels: of a kit's box from pixel 1 to pixel 10 give the edges, 0 and 10, and the IoU is the
    same.

    Args:
        detections: one entry for each image; of equal scores those of an earlier image, and within an image the
            earlier ones, come first.
        truths: one entry for each image, in the same order.
        classes: how many there are; labels go from 0 to classes − 1.
        iou: the threshold, in (0, 1]; an IoU that equals it is enough, as in the kits, whose threshold is 0.5.
        rule: ``area``, that below the precision made monotone (VOC from 2010), or ``11-point``, the mean of the
            highest precision at recall ≥ 0, 0.1, …, 1 (VOC until 2009).

    Returns:
        (classes,) float64 from 0 to 1, on the CPU; NaN for a class that has no objects but difficult ones.

    Raises:
        LthkitError: if there is no image, the numbers of images differ, or a label, iou or rule is not as above.
    """
    check_images(detections, truths, classes)
    if not 0 < iou <= 1:
        raise LthkitError(f"iou is {iou}; a threshold of intersection over union is above 0 and at most 1")
    _check_rule(rule)
    return _by_class(_match(detections, truths), classes, iou, rule)


def voc_scores(
    detections: Sequence[Detections], truths: Sequence[Truth], classes: int, *, rule: Rule = "area"
) -> DetectionScores:
    """AP, AP50 and AP75 with each average precision by the rule of PASCAL VOC, as detectors on VOC are reported.

    Arguments and errors as ``average_precision``.
    """
    check_images(detections, truths, classes)
    _check_rule(rule)
    matched = _match(detections, truths)
    return scores_of(torch.stack([_by_class(matched, classes, iou, rule) for iou in THRESHOLDS]))


def _check_rule(rule: str) -> None:
    if rule not in get_args(Rule):
        raise LthkitError(f"there is no rule '{rule}'; choose one of {', '.join(get_args(Rule))}")


def _by_class(matched: _Matched, classes: int, iou: float, rule: Rule) -> Tensor:
    return torch.tensor([_of_class(matched, label, iou, rule) for label in range(classes)], dtype=torch.float64)


def _match(detections: Sequence[Detections], truths: Sequence[Truth]) -> _Matched:
    """The detections of all images by falling score, matched within their images."""
    best = [_most_overlapping(found, truth) for found, truth in zip(detections, truths, strict=True)]
    firsts = torch.tensor([0, *(len(truth.labels) for truth in truths)]).cumsum(0).tolist()
    objects = torch.cat([local + first for (_, local), first in zip(best, firsts[:-1], strict=True)])
    scores = torch.cat([found.scores.cpu().double() for found in detections])
    order = scores.argsort(descending=True, stable=True)
    return _Matched(
        labels=torch.cat([found.labels.cpu().long() for found in detections])[order],
        iou=torch.cat([overlap for overlap, _ in best])[order],
        objects=objects[order],
        classes=torch.cat([truth.labels.cpu().long() for truth in truths]),
        difficult=torch.cat([truth.difficult.cpu() for truth in truths]),
    )


def _most_overlapping(found: Detections, truth: Truth) -> tuple[Tensor, Tensor]:
    """For n detections of one image (n,) the highest IoU with an object of their class, and the first such object."""
    from torchvision.ops import box_iou  # as long to import as torch itself

    if not len(truth.labels):
        return torch.full((len(found.labels),), -1.0, dtype=torch.float64), torch.zeros(len(found.labels)).long()
    overlap = box_iou(found.boxes.cpu().double(), truth.boxes.cpu().double())
    same = found.labels.cpu().long()[:, None] == truth.labels.cpu().long()
    best = overlap.masked_fill(~same, -1.0).max(1)
    return best.values, best.indices


def _of_class(matched: _Matched, label: int, iou: float, rule: Rule) -> float:
    """The average precision of one class."""
    positives = int(((matched.classes == label) & ~matched.difficult).sum())
    if not positives:
        return torch.nan
    of_class = matched.labels == label
    hit = matched.iou[of_class] >= iou
    objects = matched.objects[of_class].where(hit, -1)
    ignored = hit.clone()
    ignored[hit] = matched.difficult[objects[hit]]
    right = hit & ~ignored & _first(objects)
    return _precision_over_recall(right[~ignored], positives, rule)


def _first(objects: Tensor) -> Tensor:
    """(n,) where an object's number occurs for the first time."""
    numbers, which = objects.unique(return_inverse=True)
    positions = torch.arange(len(objects))
    earliest = torch.full((len(numbers),), len(objects)).scatter_reduce(0, which, positions, "amin")
    return earliest[which] == positions


def _precision_over_recall(right: Tensor, positives: int, rule: Rule) -> float:
    """The average precision of (n,) detections by falling score, each right or wrong, where ``positives`` exist."""
    found = right.cumsum(0)
    precision = found.double() / torch.arange(1, len(right) + 1)
    envelope = precision.flip(0).cummax(0).values.flip(0)  # the highest precision from here on
    if rule == "area":
        return envelope[right].sum().item() / positives
    # recall ≥ tenths / 10, in integers, where 0.1 is not exact
    reached = [envelope[10 * found >= tenths * positives][:1].sum() for tenths in range(11)]
    return sum(value.item() for value in reached) / 11
