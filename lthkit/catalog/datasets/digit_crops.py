"""Small images for demos, one label each: a digit on a part of a photograph."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

from lthkit.catalog.pasting import OfPastedDigits, Stock, background, contrasting, paste, piece, stock_of
from lthkit.catalog.samples import DataSet, Samples
from lthkit.seeds import frozen_random

_SHARE = (0.6, 1.0)  # of the image's side


class DigitCropsEntry(OfPastedDigits):
    """One digit on a crop of a photograph; made anew, the same every time."""

    type: Literal["digit-crops"]
    size: int = Field(default=32, ge=8, le=1024)
    """Height and width of an image in pixels."""
    count: int = Field(default=4000, ge=1, le=1_000_000)
    """Training images."""
    test_count: int = Field(default=500, ge=1, le=1_000_000)
    """Test images: other digits on other parts of the photographs."""

    def read(self, base: Path) -> DataSet:
        """Training and test images, as many of each digit as chance has it."""
        self.locate(base)
        train = _made("train", self.digits, self.count, self.size)
        test = _made("test", self.digits, self.test_count, self.size)
        return DataSet(train, test, tuple(str(digit) for digit in self.digits))


@lru_cache(maxsize=2)
def _made(split: str, digits: tuple[int, ...], count: int, size: int) -> Samples:
    """A split; kept, since a notebook reads the same one for every training."""
    stock = stock_of(split, digits)
    made = [_crop(frozen_random(0, "crop", split, number), stock, size) for number in range(count)]
    images, labels = zip(*made, strict=True)
    return Samples(np.stack(images), np.array(labels, np.int64), Image.fromarray)


def _crop(draw: np.random.RandomState, stock: Stock, size: int) -> tuple[np.ndarray, int]:
    image = background(draw, stock, size)
    label, inked, place = piece(draw, stock, size, _SHARE)
    paste(image, inked, place, contrasting(draw, image))
    return image, label
