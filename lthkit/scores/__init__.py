"""Scores of detections and segmentations, as PASCAL VOC and COCO define them."""

from lthkit.scores.coco import coco_scores
from lthkit.scores.detection import Detections, DetectionScores, Truth
from lthkit.scores.mean import mean_over_classes
from lthkit.scores.segmentation import confusion, iou_per_class, mean_iou, pixel_accuracy
from lthkit.scores.voc import average_precision, voc_scores

__all__ = [
    "DetectionScores",
    "Detections",
    "Truth",
    "average_precision",
    "coco_scores",
    "confusion",
    "iou_per_class",
    "mean_iou",
    "mean_over_classes",
    "pixel_accuracy",
    "voc_scores",
]
