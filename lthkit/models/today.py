"""Networks of today: torchvision's ViT, ConvNeXt and MobileNetV3, a ViT of any size, and timm's names.

Their layers are linear ones for the most part, which ``prune_linear`` makes prunable; of a ViT the first convolution
cuts the image into patches.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torchvision
from torch import nn

from lthkit.errors import LthkitError

TORCHVISION_TODAY = ("vit_b_16", "convnext_tiny", "mobilenet_v3_small", "mobilenet_v3_large")
VIT = "vit"
TIMM = "timm:"


def find_today(name: str) -> Callable[..., nn.Module] | None:
    """The factory of one of these names; None of others."""
    if name in TORCHVISION_TODAY:
        return partial(_of_torchvision, name)
    if name == VIT:
        return make_vit
    return partial(_of_timm, name.removeprefix(TIMM)) if name.startswith(TIMM) else None


def make_vit(
    num_classes: int,
    image_size: int = 32,
    patch_size: int = 4,
    num_layers: int = 6,
    num_heads: int = 4,
    hidden_dim: int = 64,
    mlp_dim: int = 128,
    **options: Any,
) -> nn.Module:
    """torchvision's ``VisionTransformer`` (Dosovitskiy et al. 2021) of any size, for square images.

    Args:
        num_classes: outputs.
        image_size: pixels of a side, a multiple of ``patch_size``.
        patch_size: pixels of a patch's side.
        num_layers: blocks of attention and a perceptron.
        num_heads: of each attention; divides ``hidden_dim``.
        hidden_dim: numbers that stand for a patch.
        mlp_dim: hidden units of each perceptron.
        options: torchvision's own.

    Raises:
        LthkitError: if sizes do not divide.
    """
    sizes = {"image_size": image_size, "patch_size": patch_size, "num_layers": num_layers, "num_heads": num_heads}
    sizes |= {"hidden_dim": hidden_dim, "mlp_dim": mlp_dim}
    for whole, part in (("image_size", "patch_size"), ("hidden_dim", "num_heads")):
        if sizes[whole] % sizes[part]:
            raise LthkitError(f"{whole} {sizes[whole]} is no multiple of {part} {sizes[part]}; choose others")
    return torchvision.models.VisionTransformer(**sizes, num_classes=num_classes, **options)


def _of_torchvision(name: str, num_classes: int, **options: Any) -> nn.Module:
    network: nn.Module = getattr(torchvision.models, name)(weights=None, num_classes=num_classes, **options)
    return network


def _of_timm(name: str, num_classes: int, **options: Any) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise LthkitError("timm is missing; install it with pip install 'lthkit[timm]'") from error
    if not timm.is_model(name):
        near = timm.list_models(f"*{name.split('_')[0]}*")[:3]
        raise LthkitError(f"timm has no '{name}'" + (f"; near names: {', '.join(near)}" if near else ""))
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=num_classes, **options)
    heads = network.pretrained_cfg.get("classifier")  # type: ignore[union-attr, operator]
    network.__dict__["head_names"] = (heads,) if isinstance(heads, str) else tuple(heads or ())
    return network
