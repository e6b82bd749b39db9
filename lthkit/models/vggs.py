"""VGG networks with BatchNorm for small images (Simonyan and Zisserman 2015, as in Mehta 2019, Table 1).

Module names are those of torchvision's ``vgg11_bn`` … ``vgg19_bn`` (``features.0`` …), convolutions have biases as
there, so their checkpoints fit the body. The three-layer classifier gives way to an average pool and one layer.
"""

from torch import Tensor, nn

from lthkit.errors import LthkitError

# convolutions a stage; stages have 1, 2, 4, 8 and 8 times the channels of the first
STAGES = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_SMALLEST = 16


class Vgg(nn.Module):
    """Stages of 3×3 convolutions with BatchNorm, a max-pool between stages, average pool, one linear layer.

    Convolutions start from He's normal draw (fan-out) with biases 0, BatchNorm from 1 and 0, as torchvision's.

    Args:
        stages: convolutions in each of the five stages, e.g. ``STAGES["vgg19"]``.
        num_classes: outputs.
        width: channels of the first stage (64 in the paper).

    Raises:
        LthkitError: ``width`` is not a whole number of at least 1.
    """

    def __init__(self, stages: tuple[int, ...], num_classes: int, width: int = 64) -> None:
        if type(width) is not int or width < 1:
            raise LthkitError(f"option 'width' is {width!r}; give a whole number of channels, at least 1")
        super().__init__()
        layers: list[nn.Module] = []
        cin = 3
        for number, convolutions in enumerate(stages):
            if number:
                layers.append(nn.MaxPool2d(2))
            cout = width * min(2**number, 8)
            for _ in range(convolutions):
                layers += [nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
                cin = cout
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(cin, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        self.register_forward_pre_hook(_refuse_small)  # no branch in the forward, so that torch.fx can follow it

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), at least 16 pixels high and wide → (B, num_classes)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _refuse_small(network: nn.Module, inputs: tuple[Tensor]) -> None:
    height, width = inputs[0].shape[-2:]
    if min(height, width) < _SMALLEST:
        raise LthkitError(
            f"a VGG halves images four times, and {height}×{width} pixels are too few; "
            f"set data.size to {_SMALLEST} or more"
        )
