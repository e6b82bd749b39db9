"""DeepLabv3+ on a ResNet backbone (Chen et al. 2018, DeepLabv3+; Chen et al. 2021, §4.3), its decoder from
segmentation-models-pytorch."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lthkit.models.backbone import build_backbone, dilate_last_stage, feature_maps, stage_widths
from lthkit.models.spec import ModelSpec
from lthkit.seeds import derive, drawn_by

_RATES = (6, 12, 18)
"""Of the atrous spatial pyramid at output stride 16 (DeepLabv3+, §3.1)."""


class DeepLabv3Plus(nn.Module):
    """Backbone at output stride 16, atrous spatial pyramid pooling, decoder with the first stage's features.

    Args:
        backbone: as `build_backbone` makes it; its last stage is dilated here.
        classes: outputs per pixel.
        width: channels of pyramid and decoder.
        dropout: after the pyramid.
    """

    def __init__(self, backbone: nn.Module, classes: int, width: int, dropout: float) -> None:
        from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder

        super().__init__()
        dilate_last_stage(backbone)
        self.backbone = backbone
        self.decoder = DeepLabV3PlusDecoder(
            encoder_channels=[3, 0, *stage_widths(backbone)],  # of it the third and the last are read
            encoder_depth=5,
            out_channels=width,
            atrous_rates=_RATES,
            output_stride=16,
            aspp_separable=True,
            aspp_dropout=dropout,
        )
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), H and W multiples of 16, → logits (B, classes, H, W)."""
        maps = feature_maps(self.backbone, images)
        logits = self.classifier(self.decoder([images, images, *maps]))
        return interpolate(logits.float(), size=images.shape[-2:], mode="bilinear", align_corners=False)


def build_deeplab(spec: ModelSpec, classes: int, seed: int, *, width: int, dropout: float) -> DeepLabv3Plus:
    """DeepLabv3+ at random weights, on the CPU: the backbone is that of every other task from the same seed.

    Raises:
        LthkitError: as ``build_backbone``.
    """
    backbone = build_backbone(spec, seed)
    with drawn_by(derive(seed, "head")), torch.device("cpu"):
        return DeepLabv3Plus(backbone, classes, width, dropout)
