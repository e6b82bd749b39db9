"""Two random views of each image, made on the device with parameters of its own (Chen et al. 2020, simCLR, §3)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from lthkit.catalog import Normalisation
from lthkit.config import Config
from lthkit.seeds import drawn_by

# of simCLR's colour distortion at strength 1
_BRIGHTNESS, _HUE = 0.8, 0.2


class ViewOptions(Config):
    """How a view differs from its image; the options of every contrastive task.

    Attributes:
        crop: smallest share of the image's area that a view shows; 1 shows all of it.
        size: height and width of a view in pixels; those of the image where left out.
        flip: probability of a mirrored view.
        jitter: strength s of the colour jitter: brightness, contrast and saturation by ±0.8·s, hue by ±0.2·s
            (simCLR: 1, on CIFAR-10 0.5; MoCo v2: 0.5); 0 leaves colours alone.
        jitter_share: probability of any jitter.
        grey: probability of a view without colours.
        blur: probability of a Gaussian blur, σ from 0.1 to 2 pixels, over a tenth of the image.
    """

    crop: float = Field(default=0.08, gt=0, le=1)
    size: int | None = Field(default=None, ge=1)
    flip: float = Field(default=0.5, ge=0, le=1)
    jitter: float = Field(default=1.0, ge=0, le=2.5)
    jitter_share: float = Field(default=0.8, ge=0, le=1)
    grey: float = Field(default=0.2, ge=0, le=1)
    blur: float = Field(default=0.0, ge=0, le=1)


@dataclass(frozen=True)
class Views:
    """What makes the views of one data set; see ``make_views``."""

    augment: Callable[[Tensor], Tensor]
    mean: Tensor
    std: Tensor
    channels_last: bool

    def pair(self, images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Two views of each image: a function of images and seed alone.

        Args:
            images: float32 (B, C, H, W) in [0, 1].
            seed: of all draws.

        Returns:
            Two float32 (B, C, size, size), normalised; number i of both shows image i.
        """
        first, second = self._made(torch.cat([images, images]), seed).chunk(2)
        return first, second

    def _made(self, images: Tensor, seed: int) -> Tensor:
        with drawn_by(seed):
            views = (self.augment(images) - self.mean) / self.std
        return views.contiguous(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)


def make_views(
    options: ViewOptions,
    shape: tuple[int, int, int],
    normalisation: Normalisation,
    device: torch.device,
    channels_last: bool,
) -> Views:
    """The views that ``options`` ask for, by kornia; order of the jitter's parts is drawn for each batch.

    Args:
        options: what is drawn.
        shape: (C, H, W) of the images.
        normalisation: of the views, with a value per channel.
        device: where images and views lie.
        channels_last: memory format of the views.
    """
    mean, std = (
        torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (normalisation.mean, normalisation.std)
    )
    return Views(nn.Sequential(*_steps(options, shape)), mean, std, channels_last)


def _steps(options: ViewOptions, shape: tuple[int, int, int]) -> list[nn.Module]:
    import kornia.augmentation as kornia  # not before a contrastive task is made

    channels, *sizes = shape
    height, width = sizes if options.size is None else (options.size, options.size)
    steps: list[nn.Module] = []
    if options.crop < 1 or [height, width] != sizes:
        steps.append(kornia.RandomResizedCrop((height, width), scale=(options.crop, 1.0), cropping_mode="resample"))
    if options.flip:
        steps.append(kornia.RandomHorizontalFlip(p=options.flip))
    if options.jitter and options.jitter_share:
        steps.append(_jitter(options.jitter, options.jitter_share, channels))
    if options.grey and channels == 3:
        steps.append(kornia.RandomGrayscale(p=options.grey))
    if options.blur:
        kernel = max(3, min(height, width) // 10 | 1)
        steps.append(kornia.RandomGaussianBlur((kernel, kernel), (0.1, 2.0), p=options.blur))
    return steps


def _jitter(strength: float, share: float, channels: int) -> nn.Module:
    """One channel has neither saturation nor hue."""
    import kornia.augmentation as kornia

    by = _BRIGHTNESS * strength
    if channels == 3:
        return kornia.ColorJitter(by, by, by, _HUE * strength, p=share)
    # factors from 0 on, as ColorJitter draws them
    factors = (max(0.0, 1 - by), 1 + by)
    return nn.Sequential(kornia.RandomBrightness(factors, p=share), kornia.RandomContrast(factors, p=share))
