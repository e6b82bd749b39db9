"""A ResNet of four narrow stages, made like torchvision's: what tests search in seconds."""

from torch import nn
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock


def resnet(num_classes: int, width: int = 8) -> nn.Module:
    network = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=num_classes)
    network.inplanes = width
    network.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
    network.bn1 = nn.BatchNorm2d(width)
    for number in range(4):
        stage = network._make_layer(BasicBlock, width << number, 1, stride=2 if number else 1)
        setattr(network, f"layer{number + 1}", stage)
    network.fc = nn.Linear(width * 8, num_classes)
    return network
