"""YOLOv4's neck: spatial pyramid pooling and path aggregation over three maps (Bochkovskiy et al. 2020, §3.4)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

_POOLS = (5, 9, 13)
Activation = Callable[[], nn.Module]


class Neck(nn.Module):
    """Three maps of a backbone → three maps of width / 4, width / 2 and width channels, the finest first.

    Args:
        channels: of the backbone's maps, the finest first.
        width: of the coarsest output (512 in YOLOv4).
        activation: after every convolution and its BatchNorm.
    """

    def __init__(self, channels: Sequence[int], width: int, activation: Activation) -> None:
        super().__init__()
        fine, middle, coarse = width // 4, width // 2, width

        def convolution(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Sequential:
            return block(cin, cout, kernel, stride, activation)

        def bottleneck(cin: int, cout: int) -> nn.Sequential:
            sizes = [(cin, cout, 1), (cout, 2 * cout, 3), (2 * cout, cout, 1), (cout, 2 * cout, 3), (2 * cout, cout, 1)]
            return nn.Sequential(*(convolution(*size) for size in sizes))

        def short(cin: int, cout: int) -> nn.Sequential:
            sizes = [(cin, cout, 1), (cout, 2 * cout, 3), (2 * cout, cout, 1)]
            return nn.Sequential(*(convolution(*size) for size in sizes))

        self.before, self.after = short(channels[2], coarse), short(4 * coarse, coarse)
        self.lower_middle, self.lower_fine = convolution(coarse, middle, 1), convolution(middle, fine, 1)
        self.take_middle, self.take_fine = convolution(channels[1], middle, 1), convolution(channels[0], fine, 1)
        self.up_middle, self.up_fine = bottleneck(2 * middle, middle), bottleneck(2 * fine, fine)
        self.raise_fine, self.raise_middle = convolution(fine, middle, 3, 2), convolution(middle, coarse, 3, 2)
        self.down_middle, self.down_coarse = bottleneck(2 * middle, middle), bottleneck(2 * coarse, coarse)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of sides 4n, 2n and n → the same sides."""
        coarse = self.after(_pooled(self.before(maps[2])))
        middle = self.up_middle(torch.cat([self.take_middle(maps[1]), _doubled(self.lower_middle(coarse))], 1))
        fine = self.up_fine(torch.cat([self.take_fine(maps[0]), _doubled(self.lower_fine(middle))], 1))
        middle = self.down_middle(torch.cat([self.raise_fine(fine), middle], 1))
        coarse = self.down_coarse(torch.cat([self.raise_middle(middle), coarse], 1))
        return [fine, middle, coarse]


def block(cin: int, cout: int, kernel: int, stride: int, activation: Activation) -> nn.Sequential:
    """A convolution without bias, BatchNorm and an activation."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(cout), activation()
    )


def _pooled(maps: Tensor) -> Tensor:
    """The map beside itself pooled over ever larger windows: four times its channels."""
    pooled = [nn.functional.max_pool2d(maps, size, 1, size // 2) for size in reversed(_POOLS)]
    return torch.cat([*pooled, maps], 1)


def _doubled(maps: Tensor) -> Tensor:
    return interpolate(maps, scale_factor=2.0, mode="nearest")
