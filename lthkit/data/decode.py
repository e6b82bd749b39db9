"""One image of a data set as an array of pixels."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from lthkit.errors import LthkitError
from lthkit.seeds import drawn_by

EVALUATION_SCALE = 256 / 224
"""With random resized crops in training, evaluation takes the centre of an image this much larger."""


@dataclass(frozen=True)
class Decoder:
    """How items become uint8 arrays (height, width, channels) of one size."""

    name: str
    open: Callable[[Any], Image.Image]
    channels: int
    size: int | None
    crop: bool
    shape: tuple[int, int]
    """Height and width that every image must have in the end."""

    def __call__(self, item: Any, crop_seed: int | None) -> np.ndarray:
        """Decode one item; `crop_seed` draws its random resized crop, None means evaluation.

        Raises:
            LthkitError: unreadable, more than 8 bits a channel, or another size than the others.
        """
        image = _eight_bit(self.open(item), self.channels, _called(item))
        if self.size is not None:
            image = _sized(image, self.size, self.crop, crop_seed)
        if (image.height, image.width) != self.shape:
            raise LthkitError(
                f"'{self.name}': {_called(item)} has {image.width}×{image.height} pixels, others have "
                f"{self.shape[1]}×{self.shape[0]}; set `size` to resize all"
            )
        return np.asarray(image).reshape(*self.shape, self.channels)


def _called(item: Any) -> str:
    return f"image {os.fsdecode(item)}" if isinstance(item, bytes) else "an image"


def _eight_bit(image: Image.Image, channels: int, called: str) -> Image.Image:
    # Pillow clips deeper pixels to 255 instead of scaling them
    if image.mode.startswith(("I", "F")):
        raise LthkitError(f"{called} has more than 8 bits a channel; convert it to 8 bits")
    mode = "RGB" if channels == 3 else "L"
    return image if image.mode == mode else image.convert(mode)


def _sized(image: Image.Image, size: int, crop: bool, crop_seed: int | None) -> Image.Image:
    if not crop:
        return image.resize((size, size), Image.Resampling.BILINEAR)
    if crop_seed is not None:
        return _random_resized_crop(image, size, crop_seed)
    from torchvision.transforms.v2 import functional

    # torchvision's own rounding, so that published scores are met to the pixel
    larger = functional.resize(image, [round(size * EVALUATION_SCALE)], antialias=True)
    return functional.center_crop(larger, [size, size])


def _random_resized_crop(image: Image.Image, size: int, seed: int) -> Image.Image:
    from torchvision.transforms import v2

    with drawn_by(seed):
        return v2.RandomResizedCrop(size, antialias=True)(image)
