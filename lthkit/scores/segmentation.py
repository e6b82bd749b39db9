"""Scores of segmentation from one table: pixels by true class and predicted class."""

import torch
from torch import Tensor

from lthkit.errors import LthkitError


def confusion(predicted: Tensor, truth: Tensor, classes: int, void: int = 255) -> Tensor:
    """Pixels by true class (rows) and predicted class (columns); tables of several images may be added.

    Args:
        predicted: int64, any shape, each in 0 … classes − 1.
        truth: int64, the same shape, each in 0 … classes − 1 or ``void``.
        classes: how many.
        void: the number of pixels that are not scored (VOC: 255).

    Returns:
        int64 (classes, classes), on the device of its arguments.

    Raises:
        LthkitError: other shapes or numbers.
    """
    if predicted.shape != truth.shape:
        raise LthkitError(f"predictions of shape {tuple(predicted.shape)} do not fit masks of {tuple(truth.shape)}")
    scored = truth != void
    true, found = truth[scored], predicted[scored]
    for name, numbers in (("masks", true), ("predictions", found)):
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < classes:
            raise LthkitError(f"{name} hold class numbers outside 0…{classes - 1}; correct them or the classes")
    return torch.bincount(true * classes + found, minlength=classes**2).view(classes, classes)


def iou_per_class(table: Tensor) -> Tensor:
    """Intersection over union of each class: float64 (classes,); NaN where it is neither there nor predicted.

    TP / (TP + FP + FN) over all images together, as in VOC (Everingham et al. 2015, §4.2.2).
    """
    counts = table.double()
    right = counts.diagonal()
    return right / (counts.sum(0) + counts.sum(1) - right)


def mean_iou(table: Tensor) -> float:
    """The mean of ``iou_per_class`` over the classes that are there or predicted; NaN if there are none."""
    return iou_per_class(table).nanmean().item()


def pixel_accuracy(table: Tensor) -> float:
    """The share of scored pixels that are right; NaN if there are none."""
    return (table.diagonal().sum().double() / table.sum()).item()
