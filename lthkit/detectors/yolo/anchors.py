"""The nine sizes of boxes that YOLOv4 starts from, three for each of its grids."""

import torch
from torch import Tensor

from lthkit.errors import LthkitError

COUNT = 9
_SIZE = 608
_PUBLISHED = ((12, 16), (19, 36), (40, 28), (36, 75), (76, 55), (72, 146), (142, 110), (192, 243), (459, 401))
_ITERATIONS = 300


def published_anchors(size: int) -> Tensor:
    """YOLOv4's for COCO, at images of ``size`` pixels instead of 608: float32 (9, 2), width and height, by area."""
    return torch.tensor(_PUBLISHED, dtype=torch.float32) * (size / _SIZE)


def anchors_of(sizes: Tensor) -> Tensor:
    """Anchors that fit given boxes: k-means by intersection over union (Redmon and Farhadi 2017, YOLO9000, §2).

    It starts from the boxes in nine equal groups by area, and so is deterministic.

    Args:
        sizes: (n, 2), widths and heights in pixels.

    Returns:
        float32 (9, 2), widths and heights by area.

    Raises:
        LthkitError: on fewer than nine different boxes.
    """
    if len(sizes.unique(dim=0)) < COUNT:
        raise LthkitError(
            f"anchors from the data need {COUNT} boxes of different sizes, and it has {len(sizes.unique(dim=0))}; "
            "set task.options.anchors to 'published'"
        )
    ordered = sizes.double()[sizes.prod(1).argsort(stable=True)]
    centres = torch.stack([group.mean(0) for group in ordered.tensor_split(COUNT)])
    nearest = torch.full((len(ordered),), -1)
    for _ in range(_ITERATIONS):
        now = shape_iou(ordered, centres).argmax(1)
        if torch.equal(now, nearest):
            break
        nearest = now
        own = [ordered[nearest == number] for number in range(COUNT)]
        centres = torch.stack(
            [group.mean(0) if len(group) else centre for group, centre in zip(own, centres, strict=True)]
        )
    return centres[centres.prod(1).argsort(stable=True)].float()


def shape_iou(sizes: Tensor, anchors: Tensor) -> Tensor:
    """(n, k) intersection over union of (n, 2) sizes and (k, 2) anchors with one centre."""
    shared = torch.minimum(sizes[:, None], anchors).prod(2)
    return shared / (sizes.prod(1)[:, None] + anchors.prod(1) - shared)
