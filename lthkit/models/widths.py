"""torchvision's ResNets at any width: the same names and strides with fewer, or more, channels."""

from typing import Any

import torchvision
from torch import nn

from lthkit.errors import LthkitError

_WIDTH = 64


def make_resnet(name: str, num_classes: int, width: int = _WIDTH, **options: Any) -> nn.Module:
    """A ResNet of torchvision whose first stage has ``width`` channels in place of 64, and all others in proportion.

    At 64 it is torchvision's own to the bit. ``wide`` variants of torchvision widen the inner convolutions of
    bottlenecks only (its option ``width_per_group``).

    Args:
        name: of a factory in ``torchvision.models``.
        num_classes: outputs.
        width: channels of the first convolution and the first stage.
        options: torchvision's own.
    """
    if type(width) is not int or width < 1:
        raise LthkitError(f"option 'width' is {width!r}; give a whole number of channels, at least 1")
    network = getattr(torchvision.models, name)(weights=None, num_classes=num_classes, **options)
    return network if width == _WIDTH else _rebuilt(network, width)


def _rebuilt(network: torchvision.models.ResNet, width: int) -> nn.Module:
    blocks = [network.layer1, network.layer2, network.layer3, network.layer4]
    kind, classes = type(network.layer1[0]), network.fc.out_features
    network.inplanes = width
    network.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
    network.bn1 = nn.BatchNorm2d(width)
    for number, stage in enumerate(blocks):
        made = network._make_layer(kind, width << number, len(stage), stride=2 if number else 1)
        setattr(network, f"layer{number + 1}", made)
    network.fc = nn.Linear((width << 3) * kind.expansion, classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # as torchvision's constructor does
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
