"""ResNets for images of 32 pixels, as in He et al. 2016 (Deep Residual Learning, §4.2).

Module names are those of torchvision's ResNets (``conv1``, ``layer1.0.conv1``, ``fc`` …). Where the shape changes
the shortcut is a 1×1 convolution with BatchNorm (the paper's option B), not the paper's zero-padded identity
(option A): so it has weights that can be pruned, as the shortcuts of the larger ResNets have.
"""

from torch import Tensor, nn

from lthkit.errors import LthkitError


class Block(nn.Module):
    """Two 3×3 convolutions with BatchNorm and a shortcut: (B, cin, H, W) → (B, cout, H/stride, W/stride)."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class CifarResNet(nn.Module):
    """ResNet of 6n+2 layers: three stages of n blocks, ``width``, 2·``width`` and 4·``width`` channels.

    Convolutions start from He's normal draw (fan-out, as torchvision's ResNets), BatchNorm from 1 and 0.

    Args:
        depth: 6n+2, at least 8: 20, 32, 44, 56 in the paper.
        num_classes: outputs.
        width: channels of the first stage (16 in the paper).
    """

    def __init__(self, depth: int, num_classes: int, width: int = 16) -> None:
        if depth < 8 or depth % 6 != 2:
            raise LthkitError(f"a CIFAR ResNet has 6n+2 layers (8, 14, 20, 32, 44, 56 …), not {depth}")
        if type(width) is not int or width < 1:
            raise LthkitError(f"option 'width' is {width!r}; give a whole number of channels, at least 1")
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(n, width, width, 1)
        self.layer2 = _stage(n, width, 2 * width, 2)
        self.layer3 = _stage(n, 2 * width, 4 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, num_classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


def _stage(blocks: int, cin: int, cout: int, stride: int) -> nn.Sequential:
    rest = [Block(cout, cout, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Block(cin, cout, stride), *rest)
