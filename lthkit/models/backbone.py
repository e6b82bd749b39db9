"""A ResNet as backbone: without its head, giving the feature maps of its stages (detection, segmentation)."""

from torch import Tensor, nn

from lthkit.errors import LthkitError
from lthkit.models.prunable import head_names
from lthkit.models.registry import build
from lthkit.models.spec import ModelSpec

STAGES = ("layer1", "layer2", "layer3", "layer4")
_ANY_CLASSES = 10


def build_backbone(spec: ModelSpec, seed: int) -> nn.Module:
    """The network of ``spec`` without its head: the same names and, from the same seed, the same weights.

    Its first convolution is registered first, so `prunable` gives exactly its other convolutions.

    Raises:
        LthkitError: as ``build``; or the network is not made like torchvision's ResNets.
    """
    network = build(spec.model_copy(update={"hidden": None}), _ANY_CLASSES, seed)
    if not all(hasattr(network, name) for name in ("conv1", "bn1", "relu", *STAGES)):
        raise LthkitError(
            f"model '{spec.name}' cannot be a backbone here: it is not made like torchvision's ResNets, with four "
            "stages layer1 … layer4; choose resnet18, resnet34, resnet50, resnet101 or resnet152"
        )
    for name in head_names(network):
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, nn.Identity())
    network.__dict__["head_names"] = ()  # where `head_names` looks first
    return network


def feature_maps(backbone: nn.Module, images: Tensor) -> list[Tensor]:
    """What the four stages give: (B, C, H, W) at strides 4, 8, 16 and 32 (a quarter of that with a small stem).

    Args:
        backbone: as `build_backbone` makes it.
        images: (B, 3, S, S).
    """
    maps = backbone.get_submodule("relu")(backbone.get_submodule("bn1")(backbone.get_submodule("conv1")(images)))
    if hasattr(backbone, "maxpool"):
        maps = backbone.get_submodule("maxpool")(maps)
    found = []
    for name in STAGES:
        maps = backbone.get_submodule(name)(maps)
        found.append(maps)
    return found


def stage_widths(backbone: nn.Module) -> list[int]:
    """Channels of the four feature maps."""
    return [_width(backbone.get_submodule(name)) for name in STAGES]


def dilate_last_stage(backbone: nn.Module) -> None:
    """Let the last stage keep its input's resolution, its 3×3 convolutions dilated by 2 instead (output stride 16).

    No weight changes (Chen et al. 2018, DeepLabv3+, §3.1: atrous convolution).
    """
    for module in backbone.get_submodule(STAGES[-1]).modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation = module.padding = (2, 2)


def _width(stage: nn.Module) -> int:
    convolutions = [module for module in stage.modules() if isinstance(module, nn.Conv2d)]
    # a shortcut is registered after the block's convolutions and as wide as the last of them
    return convolutions[-1].out_channels
