"""Faster R-CNN on a ResNet (Ren et al. 2015), of torchvision's parts: with a feature pyramid, or in the C4 form.

Chen et al. 2021, Fig. 11. Unlike torchvision's ready networks no layer is frozen and BatchNorm is trained.
"""

from collections import OrderedDict
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from lthkit.data import SceneBatch
from lthkit.detectors.base import Detector, DetectorContext, DetectorOptions
from lthkit.detectors.objects import detections_of, image_list, targets_of
from lthkit.models import build_backbone, feature_maps, stage_widths
from lthkit.scores import Detections
from lthkit.seeds import derive, drawn_by

_SIZE = 800
_ANCHORS = (32, 64, 128, 256, 512)
"""Sides of anchors in pixels of images of 800 pixels, as torchvision has them."""
_RATIOS = (0.5, 1.0, 2.0)
_HEAD = 4  # of the pyramid's width: hidden units of the box head, 1024 at 256


class FasterRcnnOptions(DetectorOptions):
    """Options of the detector ``faster-rcnn``.

    Attributes:
        form: ``fpn``: a feature pyramid over all stages; ``c4``: regions from the third stage's map, the fourth stage
            is their head.
        width: channels of the pyramid; of C4's region proposals they are the third stage's.
        regions: proposals of an image that are looked at.
        samples: of them, those that a training step learns from.
    """

    form: Literal["fpn", "c4"] = "fpn"
    width: int = Field(default=256, ge=8, le=4096)
    regions: int = Field(default=1000, ge=1, le=10_000)
    samples: int = Field(default=512, ge=1, le=10_000)


class FasterRcnn(Detector):
    """Region proposals and a head for them, on feature maps of a ResNet."""

    def __init__(self, backbone: nn.Module, size: int, classes: int, options: FasterRcnnOptions) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid: FeaturePyramidNetwork | None = None
        sides = [side * size / _SIZE for side in _ANCHORS]
        if options.form == "fpn":
            self.pyramid = FeaturePyramidNetwork(stage_widths(backbone), options.width, LastLevelMaxPool())
            channels, parts = options.width, _on_a_pyramid(options.width, sides, classes)
        else:
            channels, parts = stage_widths(backbone)[2], _on_one_map(backbone, sides, classes)
        made = FasterRCNN(
            _Channels(channels),
            rpn_pre_nms_top_n_train=2 * options.regions,  # of each map, before overlapping ones go
            rpn_pre_nms_top_n_test=2 * options.regions,
            rpn_post_nms_top_n_train=options.regions,
            rpn_post_nms_top_n_test=options.regions,
            box_batch_size_per_image=options.samples,
            box_score_thresh=options.least_score,
            box_nms_thresh=options.overlap,
            box_detections_per_img=options.most,
            **parts,
        )
        self.proposals, self.regions = made.rpn, made.roi_heads

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        """The feature maps that regions are proposed on and cut from, float32."""
        found = feature_maps(self.backbone, images)
        if self.pyramid is None:
            return {"0": found[2].float()}
        levels = self.pyramid(OrderedDict((str(number), each) for number, each in enumerate(found)))
        return {name: level.float() for name, level in levels.items()}

    def forward(self, images: Tensor) -> list[Tensor]:
        return list(self.maps(images).values())

    def loss(self, batch: SceneBatch) -> Tensor:
        maps, images, targets = self.maps(batch.images), image_list(batch.images), targets_of(batch)
        with torch.autocast(batch.images.device.type, enabled=False):
            proposals, first = self.proposals(images, maps, targets)
            _, second = self.regions(maps, proposals, images.image_sizes, targets)
        return torch.stack([*first.values(), *second.values()]).sum()

    def detect(self, images: Tensor) -> list[Detections]:
        maps, listed = self.maps(images), image_list(images)
        with torch.autocast(images.device.type, enabled=False):
            proposals, _ = self.proposals(listed, maps)
            found, _ = self.regions(maps, proposals, listed.image_sizes)
        return [detections_of(each) for each in found]


def _on_a_pyramid(width: int, sides: list[float], classes: int) -> dict[str, nn.Module]:
    """What regions of five maps go through: one size of anchors a map, two linear layers."""
    return {
        "box_head": TwoMLPHead(width * 7 * 7, _HEAD * width),
        "box_predictor": FastRCNNPredictor(_HEAD * width, classes + 1),
        "box_roi_pool": MultiScaleRoIAlign([str(level) for level in range(4)], 7, 2),
        "rpn_anchor_generator": AnchorGenerator(tuple((side,) for side in sides), (_RATIOS,) * len(sides)),
    }


def _on_one_map(backbone: nn.Module, sides: list[float], classes: int) -> dict[str, nn.Module]:
    """What regions of the third stage's map go through: all sizes of anchors there, the fourth stage."""
    return {
        "box_head": _LastStage(backbone),
        "box_predictor": FastRCNNPredictor(stage_widths(backbone)[3], classes + 1),
        "box_roi_pool": MultiScaleRoIAlign(["0"], 14, 2),
        "rpn_anchor_generator": AnchorGenerator((tuple(sides),), (_RATIOS,)),
    }


class _Channels(nn.Module):
    """In place of the backbone that torchvision's constructor asks for: it reads nothing of it but this number."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels


class _LastStage(nn.Module):
    """The backbone's last stage as the head of regions; it stays the backbone's, so that no weight is there twice."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.__dict__["stage"] = backbone.get_submodule("layer4")

    def forward(self, regions: Tensor) -> Tensor:
        """(n, C, 14, 14) → (n, channels of the last stage)."""
        return self.__dict__["stage"](regions).mean((2, 3))


def make(context: DetectorContext) -> FasterRcnn:
    """Faster R-CNN at random weights, on the CPU.

    Raises:
        LthkitError: on options out of range, and as ``build_backbone``.
    """
    options = FasterRcnnOptions.parse(dict(context.options), "detector 'faster-rcnn'")
    backbone = build_backbone(context.model, context.seed)
    with drawn_by(derive(context.seed, "head")), torch.device("cpu"):
        return FasterRcnn(backbone, context.splits.train.size, len(context.splits.classes), options)
