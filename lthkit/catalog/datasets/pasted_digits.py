"""Scenes for demos, with boxes and masks: scikit-learn's digits pasted on the photographs that it ships."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from lthkit.catalog.datasets.digits import read_digits
from lthkit.catalog.entry import DatasetEntry
from lthkit.catalog.samples import Samples
from lthkit.catalog.scenes import Objects, Scenes, SceneSet
from lthkit.seeds import frozen_random

_MOST_OBJECTS = 3
_SMALLEST, _LARGEST = 0.2, 0.4  # of the image's side
_TRAIN_SHARE = 0.7  # of a photograph's width; the rest is for test scenes
_INK = 0.25  # grey values above this are the digit


class PastedDigitsEntry(DatasetEntry):
    """Digits of many sizes and colours on crops of two photographs; made anew, the same every time."""

    type: Literal["pasted-digits"]
    package: Literal["scikit-learn"]
    digits: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    """Which, in label order; in masks 0 is the background and they follow."""
    size: int = Field(default=96, ge=32, le=1024)
    """Height and width of an image in pixels."""
    count: int = Field(default=400, ge=1, le=100_000)
    """Training images."""
    test_count: int = Field(default=100, ge=1, le=100_000)
    """Test images: other digits on other parts of the photographs."""

    @model_validator(mode="after")
    def _digits(self) -> Self:
        if len(set(self.digits)) < len(self.digits) or not set(self.digits) <= set(range(10)):
            raise ValueError(f"digits {self.digits} must be different numbers from 0 to 9")
        return self

    def locate(self, base: Path) -> Path:
        """The package's folder."""
        found = find_spec("sklearn")
        if found is None or found.origin is None:
            raise self.missing(f"package {self.package}")
        return Path(found.origin).parent

    def read(self, base: Path) -> SceneSet:
        """Training and test scenes of one to three digits each, which do not touch."""
        self.locate(base)
        names = tuple(str(digit) for digit in self.digits)
        digits, photographs = read_digits(), _photographs()
        train = self._made("train", self.count, digits.train, [_left(photo) for photo in photographs])
        test = self._made("test", self.test_count, digits.test, [_right(photo) for photo in photographs])
        return SceneSet(train, test, names, ("background", *names))

    def _made(self, split: str, count: int, digits: Samples, photographs: list[Image.Image]) -> Scenes:
        stock = [digits.items[digits.labels == digit] for digit in self.digits]
        # each image from a stream of its own: a smaller count is the beginning of a larger one
        made = [_scene(frozen_random(0, "pasted", split, n), stock, photographs, self.size) for n in range(count)]
        images, masks, objects = zip(*made, strict=True)
        return Scenes(np.stack(images), objects, np.stack(masks), Image.fromarray, Image.fromarray)


def _photographs() -> list[Image.Image]:
    from sklearn.datasets import load_sample_images

    return [Image.fromarray(photo) for photo in load_sample_images().images]


def _left(photo: Image.Image) -> Image.Image:
    return photo.crop((0, 0, int(photo.width * _TRAIN_SHARE), photo.height))


def _right(photo: Image.Image) -> Image.Image:
    return photo.crop((int(photo.width * _TRAIN_SHARE), 0, photo.width, photo.height))


def _scene(
    draw: np.random.RandomState, stock: list[np.ndarray], photographs: list[Image.Image], size: int
) -> tuple[np.ndarray, np.ndarray, Objects]:
    """One image, its mask (0 background, label + 1) and its objects."""
    image = _background(draw, photographs[draw.randint(len(photographs))], size)
    mask = np.zeros((size, size), dtype=np.uint8)
    boxes, labels = [], []
    for _ in range(draw.randint(1, _MOST_OBJECTS + 1)):
        label = draw.randint(len(stock))
        ink = _enlarged(stock[label][draw.randint(len(stock[label]))], int(size * draw.uniform(_SMALLEST, _LARGEST)))
        height, width = ink.shape
        top, left = draw.randint(size - height + 1), draw.randint(size - width + 1)
        colour = _contrasting(draw, image)
        if mask[max(top - 2, 0) : top + height + 2, max(left - 2, 0) : left + width + 2].any():
            continue  # it would touch another
        inked = ink > _INK
        part = image[top : top + height, left : left + width]
        part[...] = np.where(inked[..., None], colour, part)
        mask[top : top + height, left : left + width][inked] = label + 1
        boxes.append([left, top, left + width, top + height])
        labels.append(label)
    objects = Objects(np.array(boxes, np.float32), np.array(labels, np.int64), np.zeros(len(labels), bool))
    return image, mask, objects


def _background(draw: np.random.RandomState, photo: Image.Image, size: int) -> np.ndarray:
    """A random square of a photograph, at least as large as the image, at the image's size."""
    most = min(photo.size)
    side = draw.randint(min(size, most), most + 1)
    left, top = draw.randint(photo.width - side + 1), draw.randint(photo.height - side + 1)
    cut = photo.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(cut)


def _enlarged(digit: np.ndarray, height: int) -> np.ndarray:
    """An 8×8 digit of that height, cut to its ink: float (h, w) in [0, 1]."""
    image = Image.fromarray(digit).resize((height, height), Image.Resampling.BICUBIC)
    grey = np.asarray(image) / 255
    rows, columns = (np.flatnonzero((grey > _INK).any(axis)) for axis in (1, 0))
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _contrasting(draw: np.random.RandomState, image: np.ndarray) -> np.ndarray:
    """A random colour, bright on dark backgrounds and dark on bright ones."""
    colour = draw.randint(0, 110, 3)
    return (255 - colour if image.mean() < 128 else colour).astype(np.uint8)
