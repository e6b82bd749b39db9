"""A grid of cells with three anchors each: from the network's numbers to boxes, and back."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_MOST_GROWTH = math.log(1000 / 16)  # of a box over its anchor, or below: of wild numbers nothing finite comes
_INSIDE = 1e-6


@dataclass(frozen=True, eq=False)
class Grid:
    """One of the three.

    Attributes:
        side: cells in a row, and rows.
        stride: a cell's height and width in pixels.
        anchors: float32 (3, 2), widths and heights in pixels.
        reach: how far a cell's centres go beyond it: 1 stays inside, 1.2 a tenth of a cell beyond each side (YOLOv4's
            ``scale_x_y``: without it a centre on a cell's border would need an infinite number).
    """

    side: int
    stride: float
    anchors: Tensor
    reach: float


def decode(numbers: Tensor, grid: Grid) -> Tensor:
    """Boxes of all cells and anchors.

    Args:
        numbers: float32 (B, 3, side, side, 4) as the network gives them: x, y, width, height; rows before columns.
        grid: which grid.

    Returns:
        float32 (B, 3, side, side, 4): left, top, right, bottom in pixels.
    """
    cells = torch.arange(grid.side, device=numbers.device, dtype=numbers.dtype)
    rows, columns = torch.meshgrid(cells, cells, indexing="ij")
    within = numbers[..., :2].sigmoid() * grid.reach - (grid.reach - 1) / 2
    centres = (within + torch.stack([columns, rows], -1)) * grid.stride
    sizes = numbers[..., 2:].clamp(-_MOST_GROWTH, _MOST_GROWTH).exp() * grid.anchors.view(3, 1, 1, 2)
    return torch.cat([centres - sizes / 2, centres + sizes / 2], -1)


def encode(boxes: Tensor, anchor: Tensor, row: Tensor, column: Tensor, grid: Grid) -> Tensor:
    """The numbers that ``decode`` makes into these boxes, (n, 4).

    Args:
        boxes: float32 (n, 4), left, top, right, bottom in pixels; their centres are within reach of the cell.
        anchor: int64 (n,), 0 … 2.
        row: int64 (n,), of the cell.
        column: int64 (n,), of the cell.
        grid: which grid.
    """
    cells = torch.stack([column, row], -1)
    within = (boxes[:, :2] + boxes[:, 2:]) / 2 / grid.stride - cells
    share = (within + (grid.reach - 1) / 2) / grid.reach
    sizes = (boxes[:, 2:] - boxes[:, :2]) / grid.anchors[anchor]
    return torch.cat([share.clamp(_INSIDE, 1 - _INSIDE).logit(), sizes.log()], -1)
