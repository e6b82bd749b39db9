"""Scenes for demos, with boxes and masks: scikit-learn's digits pasted on the photographs that it ships."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

from lthkit.catalog.pasting import OfPastedDigits, Stock, background, contrasting, paste, piece, stock_of
from lthkit.catalog.scenes import Objects, Scenes, SceneSet
from lthkit.seeds import frozen_random

_MOST_OBJECTS = 3
_SHARE = (0.2, 0.4)  # of the image's side


class PastedDigitsEntry(OfPastedDigits):
    """Digits of many sizes and colours on crops of two photographs; made anew, the same every time."""

    type: Literal["pasted-digits"]
    size: int = Field(default=96, ge=32, le=1024)
    """Height and width of an image in pixels."""
    count: int = Field(default=1600, ge=1, le=100_000)
    """Training images."""
    test_count: int = Field(default=200, ge=1, le=100_000)
    """Test images: other digits on other parts of the photographs."""

    def read(self, base: Path) -> SceneSet:
        """Training and test scenes of one to three digits each, which do not touch."""
        self.locate(base)
        names = tuple(str(digit) for digit in self.digits)
        train = _made("train", self.digits, self.count, self.size)
        test = _made("test", self.digits, self.test_count, self.size)
        return SceneSet(train, test, names, ("background", *names))


@lru_cache(maxsize=2)
def _made(split: str, digits: tuple[int, ...], count: int, size: int) -> Scenes:
    """A split; kept, since a notebook reads the same one for every training."""
    stock = stock_of(split, digits)
    # each image from a stream of its own: a smaller count is the beginning of a larger one
    made = [_scene(frozen_random(0, "pasted", split, number), stock, size) for number in range(count)]
    images, masks, objects = zip(*made, strict=True)
    return Scenes(np.stack(images), objects, np.stack(masks), Image.fromarray, Image.fromarray)


def _scene(draw: np.random.RandomState, stock: Stock, size: int) -> tuple[np.ndarray, np.ndarray, Objects]:
    """One image, its mask (0 background, label + 1) and its objects."""
    image = background(draw, stock, size)
    mask = np.zeros((size, size), dtype=np.uint8)
    boxes, labels = [], []
    for _ in range(draw.randint(1, _MOST_OBJECTS + 1)):
        label, inked, place = piece(draw, stock, size, _SHARE)
        colour = contrasting(draw, image)
        rows, columns = place
        if mask[max(rows.start - 2, 0) : rows.stop + 2, max(columns.start - 2, 0) : columns.stop + 2].any():
            continue  # it would touch another
        paste(image, inked, place, colour)
        mask[place][inked] = label + 1
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
        labels.append(label)
    objects = Objects(np.array(boxes, np.float32), np.array(labels, np.int64), np.zeros(len(labels), bool))
    return image, mask, objects
