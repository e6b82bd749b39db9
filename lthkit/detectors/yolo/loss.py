"""YOLOv4's loss: complete IoU of boxes, objectness with an ignored zone, and classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lthkit.data import SceneBatch
from lthkit.detectors.yolo.grids import Grid, decode
from lthkit.detectors.yolo.targets import Targets, assign


@dataclass(frozen=True)
class LossSettings:
    """How strict the loss is.

    Attributes:
        match: an anchor is to find an object that is more alike to it than this (IoU of their shapes).
        ignore: a place that finds nothing by plan, but whose box overlaps an object by more than this, is not told so.
        focal: γ of the focal loss on objectness; 0 is cross-entropy.
    """

    match: float = 0.3
    ignore: float = 0.5
    focal: float = 0.0


@dataclass(frozen=True, eq=False)
class Losses:
    """The three parts, each summed over places and divided by the number of images."""

    boxes: Tensor
    objectness: Tensor
    classes: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.boxes + self.objectness + self.classes


def losses(levels: Sequence[Tensor], grids: Sequence[Grid], batch: SceneBatch, settings: LossSettings) -> Losses:
    """The loss of what the network gave for a batch; finite and differentiable without any object, too.

    Objects that are marked difficult are no targets, and finding them is not held against the network (VOC practice).

    Args:
        levels: float32 (B, 3, side, side, 5 + classes) of each grid: box, objectness, classes.
        grids: the same number.
        batch: images and the objects on them.
        settings: how strict.
    """
    sought = torch.nonzero(~batch.difficult).flatten()
    targets = assign(batch.boxes[sought], batch.image[sought], grids, settings.match)
    size = batch.images.shape[-1]
    parts = [
        _of_grid(level, grid, target, sought[target.object], batch, size, settings)
        for level, grid, target in zip(levels, grids, targets, strict=True)
    ]
    total = torch.stack([torch.stack(part) for part in parts]).sum(0) / len(batch.images)
    return Losses(*total.unbind())


def _of_grid(
    level: Tensor, grid: Grid, target: Targets, item: Tensor, batch: SceneBatch, size: int, settings: LossSettings
) -> tuple[Tensor, Tensor, Tensor]:
    from torchvision.ops import complete_box_iou_loss  # as long to import as torch itself

    boxes = decode(level[..., :4], grid)
    place = (target.image, target.anchor, target.row, target.column)
    truth, weight = batch.boxes[item], batch.weights[item]
    # small boxes count up to twice, as the published code has it
    smallness = 2 - (truth[:, 2:] - truth[:, :2]).prod(1) / size**2
    off = complete_box_iou_loss(boxes[place], truth, reduction="none")
    share = torch.zeros_like(level[..., 4])
    share[place] = 1
    worth = _outside(boxes, batch, settings.ignore)
    worth[place] = weight
    doubt = binary_cross_entropy_with_logits(level[..., 4], share, reduction="none")
    if settings.focal:
        doubt = doubt * (share - level[..., 4].sigmoid()).abs() ** settings.focal
    one = torch.zeros_like(level[place][:, 5:])
    one[torch.arange(len(item), device=item.device), batch.labels[item]] = 1
    wrong = binary_cross_entropy_with_logits(level[place][:, 5:], one, reduction="none").sum(1)
    return (off * smallness * weight).sum(), (doubt * worth).sum(), (wrong * weight).sum()


@torch.no_grad()
def _outside(boxes: Tensor, batch: SceneBatch, ignore: float) -> Tensor:
    """(B, 3, side, side): 1 where a box overlaps no object of its image by more than ``ignore``, else 0."""
    from torchvision.ops import box_iou

    outside = torch.ones(boxes.shape[:-1], device=boxes.device)
    for number in range(len(boxes)):
        objects = batch.boxes[batch.image == number]
        if len(objects):
            highest = box_iou(boxes[number].reshape(-1, 4), objects).amax(1)
            outside[number] = (highest <= ignore).float().view_as(outside[number])
    return outside
