"""Which cells and anchors are to find which object."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lthkit.detectors.yolo.anchors import shape_iou
from lthkit.detectors.yolo.grids import Grid


@dataclass(frozen=True, eq=False)
class Targets:
    """What is to be found on one grid: p pairs of a place and an object, no place twice.

    Attributes:
        image, anchor, row, column: int64 (p,), the place.
        object: int64 (p,), number of the object.
    """

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    object: Tensor


def assign(boxes: Tensor, image: Tensor, grids: Sequence[Grid], least: float) -> list[Targets]:
    """Give each object to the cell of its centre, for every anchor that is like it, on all grids at once.

    Those anchors are meant whose intersection over union with the object, moved to one centre, is above ``least``,
    and the best one in any case (YOLOv4's ``iou_thresh``). Of several objects that want one place the most alike has
    it.

    Args:
        boxes: float32 (n, 4) of all images, left, top, right, bottom in pixels.
        image: int64 (n,), which image a box is in.
        grids: each with three anchors.
        least: in [0, 1).

    Returns:
        The targets of each grid.
    """
    anchors = torch.cat([grid.anchors for grid in grids])
    alike = shape_iou(boxes[:, 2:] - boxes[:, :2], anchors)
    meant = alike > least
    meant |= torch.zeros_like(meant).scatter_(1, alike.argmax(1, keepdim=True), True)
    found = []
    for number, grid in enumerate(grids):
        own = slice(3 * number, 3 * number + 3)
        found.append(_on_grid(boxes, image, alike[:, own], meant[:, own], grid))
    return found


def _on_grid(boxes: Tensor, image: Tensor, alike: Tensor, meant: Tensor, grid: Grid) -> Targets:
    item, anchor = torch.nonzero(meant, as_tuple=True)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / grid.stride
    column, row = centres.long().clamp(0, grid.side - 1)[item].unbind(1)
    place = ((image[item] * 3 + anchor) * grid.side + row) * grid.side + column
    # the most alike first, then by place: what begins a run of equal places has it
    best = alike[item, anchor].argsort(descending=True, stable=True)
    best = best[place[best].argsort(stable=True)]
    begins = torch.ones_like(best, dtype=torch.bool)
    begins[1:] = place[best][1:] != place[best][:-1]
    chosen = best[begins]
    return Targets(image[item][chosen], anchor[chosen], row[chosen], column[chosen], item[chosen])
