"""SSD on a ResNet (Liu et al. 2016; Chen et al. 2021, Fig. 11), its heads, boxes and loss torchvision's."""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD, SSDHead
from torchvision.ops import box_iou

from lthkit.data import SceneBatch
from lthkit.detectors.base import Detector, DetectorContext, DetectorOptions
from lthkit.detectors.objects import detections_of, image_list, targets_of
from lthkit.models import build_backbone, feature_maps, stage_widths
from lthkit.scores import Detections
from lthkit.seeds import derive, drawn_by

_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
"""Aspect ratios of default boxes on the six maps, as SSD300 has them, beside 1."""


class SsdOptions(DetectorOptions):
    """Options of the detector ``ssd``.

    Attributes:
        width: channels of the three maps after the backbone's (512, 256 and 256 at 512).
        smallest_box, largest_box: sides of default boxes on the first and last map, as shares of the image.
        match: intersection over union from which a default box is to find an object.
    """

    width: int = Field(default=512, ge=8, le=4096, multiple_of=2)
    smallest_box: float = Field(default=0.15, gt=0, lt=1)
    largest_box: float = Field(default=0.9, gt=0, le=1)
    match: float = Field(default=0.5, gt=0, lt=1)
    overlap: float = Field(default=0.45, ge=0, le=1)


class Ssd(Detector):
    """Default boxes on three feature maps of a ResNet and three after them."""

    def __init__(self, backbone: nn.Module, size: int, classes: int, options: SsdOptions) -> None:
        super().__init__()
        self.backbone = backbone
        widths = stage_widths(backbone)[1:]
        after = [options.width, options.width // 2, options.width // 2]
        self.extra = nn.ModuleList(_halving(cin, cout) for cin, cout in pairwise([widths[-1], *after]))
        boxes = DefaultBoxGenerator(
            [list(ratios) for ratios in _RATIOS], min_ratio=options.smallest_box, max_ratio=options.largest_box
        )
        head = SSDHead([*widths, *after], boxes.num_anchors_per_location(), classes + 1)
        self.ssd = SSD(
            nn.Identity(),
            boxes,
            (size, size),
            classes + 1,
            head=head,
            score_thresh=options.least_score,
            nms_thresh=options.overlap,
            detections_per_img=options.most,
            iou_thresh=options.match,
        )

    def maps(self, images: Tensor) -> list[Tensor]:
        """Six feature maps, each half as wide and high as the one before, float32."""
        found = feature_maps(self.backbone, images)[1:]
        for block in self.extra:
            found.append(block(found[-1]))
        return [each.float() for each in found]

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.maps(images)

    def loss(self, batch: SceneBatch) -> Tensor:
        maps, targets = self.maps(batch.images), targets_of(batch)
        with torch.autocast(batch.images.device.type, enabled=False):
            outputs, boxes = self.ssd.head(maps), self.ssd.anchor_generator(image_list(batch.images), maps)
            matched = [self._matched(target["boxes"], own) for target, own in zip(targets, boxes, strict=True)]
            found = self.ssd.compute_loss(targets, outputs, boxes, matched)
        return torch.stack(list(found.values())).sum()

    def _matched(self, objects: Tensor, boxes: Tensor) -> Tensor:
        """For each default box the number of the object that it is to find, or −1."""
        if not len(objects):
            return torch.full((len(boxes),), -1, dtype=torch.int64, device=boxes.device)
        return self.ssd.proposal_matcher(box_iou(objects, boxes))

    def detect(self, images: Tensor) -> list[Detections]:
        maps, listed = self.maps(images), image_list(images)
        with torch.autocast(images.device.type, enabled=False):
            outputs, boxes = self.ssd.head(maps), self.ssd.anchor_generator(listed, maps)
            found = self.ssd.postprocess_detections(outputs, boxes, listed.image_sizes)
        return [detections_of(each) for each in found]


def _halving(cin: int, cout: int) -> nn.Sequential:
    """A map half as wide and high."""
    inner = cout // 2
    return nn.Sequential(
        nn.Conv2d(cin, inner, 1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.Conv2d(inner, cout, 3, 2, 1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


def make(context: DetectorContext) -> Ssd:
    """SSD at random weights, on the CPU.

    Raises:
        LthkitError: on options out of range, and as ``build_backbone``.
    """
    options = SsdOptions.parse(dict(context.options), "detector 'ssd'")
    backbone = build_backbone(context.model, context.seed)
    with drawn_by(derive(context.seed, "head")), torch.device("cpu"):
        return Ssd(backbone, context.splits.train.size, len(context.splits.classes), options)
