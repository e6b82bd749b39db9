"""YOLOv4 (Bochkovskiy et al. 2020, arXiv 2004.10934) on a ResNet, as in Chen et al. 2021, §4.3."""

from lthkit.detectors.yolo.anchors import anchors_of, published_anchors, shape_iou
from lthkit.detectors.yolo.grids import Grid, decode, encode
from lthkit.detectors.yolo.loss import Losses, LossSettings, losses
from lthkit.detectors.yolo.neck import Neck
from lthkit.detectors.yolo.network import Yolo, YoloOptions, make
from lthkit.detectors.yolo.targets import Targets, assign

__all__ = [
    "Grid",
    "LossSettings",
    "Losses",
    "Neck",
    "Targets",
    "Yolo",
    "YoloOptions",
    "anchors_of",
    "assign",
    "decode",
    "encode",
    "losses",
    "make",
    "published_anchors",
    "shape_iou",
]
