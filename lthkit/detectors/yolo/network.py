"""YOLOv4's network: backbone, neck, and three heads of three anchors."""

import math
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lthkit.data import SceneBatch, SceneSplits
from lthkit.detectors.base import Detector, DetectorContext, DetectorOptions
from lthkit.detectors.suppression import suppressed
from lthkit.detectors.yolo.anchors import anchors_of, published_anchors
from lthkit.detectors.yolo.grids import Grid, decode
from lthkit.detectors.yolo.loss import LossSettings, losses
from lthkit.detectors.yolo.neck import Activation, Neck, block
from lthkit.models import build_backbone, feature_maps, stage_widths
from lthkit.scores import Detections
from lthkit.seeds import derive, drawn_by

_REACH = (1.2, 1.1, 1.05)
_PRIOR = 0.01
"""Objectness that a fresh network gives to every place: else the first steps only unlearn objects everywhere."""
_ACTIVATIONS: dict[str, Activation] = {
    "leaky": partial(nn.LeakyReLU, 0.1, inplace=True),
    "mish": partial(nn.Mish, inplace=True),
}


class YoloOptions(DetectorOptions):
    """Options of the detector ``yolov4``.

    Attributes:
        width: channels of the neck's coarsest map; YOLOv4 has 512. A multiple of 4.
        activation: of neck and heads: ``leaky`` ReLU (Chen et al. 2021's code) or ``mish`` (YOLOv4).
        anchors: ``published`` for COCO, scaled to the images, or from the training ``data``.
        match, ignore, focal: see ``LossSettings``.
    """

    width: int = Field(default=512, ge=8, le=4096, multiple_of=4)
    activation: Literal["leaky", "mish"] = "leaky"
    anchors: Literal["published", "data"] = "published"
    match: float = Field(default=0.3, ge=0, lt=1)
    ignore: float = Field(default=0.5, ge=0, le=1)
    focal: float = Field(default=0.0, ge=0, le=10)


class Yolo(Detector):
    """YOLOv4 on a ResNet's last three feature maps.

    Attributes:
        anchors: float32 (9, 2), widths and heights in pixels, by area; three for each grid, the finest first.
    """

    anchors: Tensor
    weighs_objects = True

    def __init__(self, backbone: nn.Module, classes: int, anchors: Tensor, options: YoloOptions) -> None:
        super().__init__()
        activation = _ACTIVATIONS[options.activation]
        widths = [options.width // 4, options.width // 2, options.width]
        self.backbone = backbone
        self.neck = Neck(stage_widths(backbone)[1:], options.width, activation)
        self.heads = nn.ModuleList(_head(width, classes, activation) for width in widths)
        self.register_buffer("anchors", anchors)
        self._options = options
        self._settings = LossSettings(options.match, options.ignore, options.focal)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, S, S) → float32 (B, 3, side, side, 5 + classes) of each grid: box, objectness, classes as logits."""
        maps = self.neck(feature_maps(self.backbone, images)[1:])
        return [
            head(each).float().unflatten(1, (3, -1)).permute(0, 1, 3, 4, 2)
            for head, each in zip(self.heads, maps, strict=True)
        ]

    def grids(self, levels: list[Tensor], size: int) -> list[Grid]:
        """The grids of these outputs for images of ``size`` pixels."""
        return [
            Grid(level.shape[2], size / level.shape[2], anchors, reach)
            for level, anchors, reach in zip(levels, self.anchors.split(3), _REACH, strict=True)
        ]

    def loss(self, batch: SceneBatch) -> Tensor:
        levels = self(batch.images)
        with torch.autocast(batch.images.device.type, enabled=False):
            return losses(levels, self.grids(levels, batch.images.shape[-1]), batch, self._settings).total

    def detect(self, images: Tensor) -> list[Detections]:
        levels, size = self(images), images.shape[-1]
        boxes, scores = [], []
        for level, grid in zip(levels, self.grids(levels, size), strict=True):
            boxes.append(decode(level[..., :4], grid).flatten(1, 3))
            scores.append((level[..., 4:5].sigmoid() * level[..., 5:].sigmoid()).flatten(1, 3))
        both = zip(torch.cat(boxes, 1), torch.cat(scores, 1), strict=True)
        return [suppressed(own, sure, size, self._options) for own, sure in both]


def _head(width: int, classes: int, activation: Activation) -> nn.Sequential:
    last = nn.Conv2d(2 * width, 3 * (5 + classes), 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    with torch.no_grad():
        last.bias.view(3, -1)[:, 4] = -math.log((1 - _PRIOR) / _PRIOR)  # type: ignore[union-attr]
    return nn.Sequential(block(width, 2 * width, 3, 1, activation), last)


def make(context: DetectorContext) -> Yolo:
    """YOLOv4 at random weights, on the CPU.

    Raises:
        LthkitError: on options out of range, too few boxes for anchors from the data, and as ``build_backbone``.
    """
    options = YoloOptions.parse(dict(context.options), "detector 'yolov4'")
    anchors = published_anchors(context.splits.train.size)
    if options.anchors == "data":
        anchors = anchors_of(_box_sizes(context.splits))
    backbone = build_backbone(context.model, context.seed)
    with drawn_by(derive(context.seed, "head")), torch.device("cpu"):
        return Yolo(backbone, len(context.splits.classes), anchors, options)


def _box_sizes(splits: SceneSplits) -> Tensor:
    boxes = splits.train.boxes()
    return boxes[:, 2:] - boxes[:, :2]
