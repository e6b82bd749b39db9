"""How digits are pasted on photographs, for data sets that are made of what scikit-learn ships."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from lthkit.catalog.datasets.digits import read_digits
from lthkit.catalog.packaged import Packaged

_TRAIN_SHARE = 0.7  # of a photograph's width; the rest is for test images
_INK = 0.25  # grey values above this are the digit


class OfPastedDigits(Packaged):
    """A data set of digits pasted on photographs; made anew, the same every time."""

    digits: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    """Which, in label order; in masks 0 is the background and they follow."""

    @model_validator(mode="after")
    def _digits(self) -> Self:
        if len(set(self.digits)) < len(self.digits) or not set(self.digits) <= set(range(10)):
            raise ValueError(f"digits {self.digits} must be different numbers from 0 to 9")
        return self


@dataclass(frozen=True, eq=False)
class Stock:
    """What the images of a split are made of; the splits share neither digits nor parts of photographs.

    Attributes:
        digits: uint8 (n, 8, 8) of each label.
        photographs: what they are pasted on.
    """

    digits: list[np.ndarray]
    photographs: list[Image.Image]


def stock_of(split: str, digits: tuple[int, ...]) -> Stock:
    """That of the split ``train`` or ``test``, with these digits in label order."""
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    found = read_digits()
    edges = [int(photo.width * _TRAIN_SHARE) for photo in photos]
    samples = {"train": found.train, "test": found.test}[split]
    ends = [(0, edge) if split == "train" else (edge, photo.width) for photo, edge in zip(photos, edges, strict=True)]
    parts = [photo.crop((left, 0, right, photo.height)) for photo, (left, right) in zip(photos, ends, strict=True)]
    return Stock([samples.items[samples.labels == digit] for digit in digits], parts)


def background(draw: np.random.RandomState, stock: Stock, size: int) -> np.ndarray:
    """A random square of a photograph, at least as large as the image, at the image's size."""
    photo = stock.photographs[draw.randint(len(stock.photographs))]
    most = min(photo.size)
    side = draw.randint(min(size, most), most + 1)
    left, top = draw.randint(photo.width - side + 1), draw.randint(photo.height - side + 1)
    cut = photo.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(cut)


def some_digit(draw: np.random.RandomState, stock: Stock, label: int, height: int) -> np.ndarray:
    """A digit of that height, cut to its ink: bool (h, w)."""
    digit = stock.digits[label][draw.randint(len(stock.digits[label]))]
    image = Image.fromarray(digit).resize((height, height), Image.Resampling.BICUBIC)
    grey = np.asarray(image) / 255
    rows, columns = (np.flatnonzero((grey > _INK).any(axis)) for axis in (1, 0))
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > _INK


def piece(
    draw: np.random.RandomState, stock: Stock, size: int, share: tuple[float, float]
) -> tuple[int, np.ndarray, tuple[slice, slice]]:
    """A digit for an image of ``size`` pixels: its label, its ink and where it goes.

    Args:
        draw: decides all of it.
        stock: the digits.
        size: height and width of the image.
        share: the least and the largest height, as shares of the image's.

    Returns:
        The label, bool (h, w), and rows and columns of the image.
    """
    label = draw.randint(len(stock.digits))
    inked = some_digit(draw, stock, label, int(size * draw.uniform(*share)))
    height, width = inked.shape
    top, left = draw.randint(size - height + 1), draw.randint(size - width + 1)
    return label, inked, (slice(top, top + height), slice(left, left + width))


def paste(image: np.ndarray, inked: np.ndarray, place: tuple[slice, slice], colour: np.ndarray) -> None:
    """Colour an image, uint8 (S, S, 3), where there is ink."""
    image[place] = np.where(inked[..., None], colour, image[place])


def contrasting(draw: np.random.RandomState, image: np.ndarray) -> np.ndarray:
    """A random colour, bright on dark backgrounds and dark on bright ones."""
    colour = draw.randint(0, 110, 3)
    return (255 - colour if image.mean() < 128 else colour).astype(np.uint8)
