"""Intersection over union of segmentations, from a confusion matrix (PASCAL VOC development kit 2012, VOCevalseg)."""

import torch
from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.scores.mean import mean_over_classes


def confusion(predicted: Tensor, truth: Tensor, classes: int, void: int = 255) -> Tensor:
    """How many pixels of each class are taken for each class; matrices of batches can be added.

    Args:
        predicted: (…) integers, the classes from 0; anything where the truth is void.
        truth: (…) integers of the same shape, on the same device: classes, or ``void`` for pixels that do not count.
        classes: how many there are, the background among them.
        void: no class; PASCAL VOC's outlines of objects are 255.

    Returns:
        (classes, classes) int64 on the device of ``truth``: rows are the truth, columns what was predicted.

    Raises:
        LthkitError: if the shapes differ, a value is no integer or none of the classes, or void is a class.
    """
    if classes < 1:
        raise LthkitError(f"classes is {classes}; there must be one at least")
    if 0 <= void < classes:
        raise LthkitError(f"void is {void}, which is one of the {classes} classes; choose a number that is none")
    if predicted.shape != truth.shape:
        raise LthkitError(
            f"the predicted classes have shape {tuple(predicted.shape)} and the true ones {tuple(truth.shape)}; "
            "each pixel needs both"
        )
    counted = _integers(truth, "true") != void
    rows = _classes(truth[counted], classes, "true", f" or void, {void}")
    columns = _classes(_integers(predicted, "predicted")[counted], classes, "predicted", "")
    return torch.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def iou_per_class(confusion: Tensor) -> Tensor:
    """Each class's intersection over union: right pixels ÷ pixels that are of the class or are taken for it.

    Args:
        confusion: (classes, classes), rows are the truth.

    Returns:
        (classes,) float64 from 0 to 1, on the CPU; NaN for a class that is neither in the truth nor predicted.
    """
    counts = confusion.cpu().double()
    right = counts.diagonal()
    return right / (counts.sum(0) + counts.sum(1) - right)


def mean_iou(confusion: Tensor) -> float:
    """The mean intersection over union of a (classes, classes) matrix, over classes that occur; NaN if none does."""
    return mean_over_classes(iou_per_class(confusion))


def pixel_accuracy(confusion: Tensor) -> float:
    """The share of right pixels of a (classes, classes) matrix; NaN without pixels."""
    counts = confusion.cpu().double()
    return (counts.trace() / counts.sum()).item()


def _integers(labels: Tensor, which: str) -> Tensor:
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise LthkitError(f"the {which} classes of pixels are {labels.dtype}; they must be integers")
    return labels


def _classes(labels: Tensor, classes: int, which: str, otherwise: str) -> Tensor:
    """(n,) labels as int64, all from 0 to classes − 1."""
    labels = labels.long()
    if len(labels):
        for extreme in torch.stack(labels.aminmax()).tolist():
            if not 0 <= extreme < classes:
                raise LthkitError(f"a pixel's {which} class is {extreme}; it must be 0 to {classes - 1}{otherwise}")
    return labels
