"""Scores of dense tasks: functions of predictions and truth alone."""

from lthkit.scores.segmentation import confusion, iou_per_class, mean_iou, pixel_accuracy

__all__ = ["confusion", "iou_per_class", "mean_iou", "pixel_accuracy"]
