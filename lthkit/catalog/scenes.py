"""What a reader of images with boxes or masks returns, before any image is decoded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

VOID = 255
"""The class of pixels that are not scored and not trained on."""


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one image.

    Attributes:
        boxes: float32 (n, 4): left, top, right, bottom in pixels of the image as published, right and bottom outside.
        labels: int64 (n,) into the set's ``classes``.
        difficult: bool (n,), objects that VOC neither counts nor blames.
    """

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Scenes:
    """One split of images and what is on them.

    Attributes:
        images: (N,), paths as bytes, or uint8 (N, H, W, 3); ``open`` makes an image of one of them.
        objects: of each image; None where the set is read for its masks.
        masks: (N,) paths as bytes, or uint8 (N, H, W) of class numbers; None where it is read for its boxes.
        open: an item of ``images`` → image.
        open_mask: an item of ``masks`` → image of class numbers, as large as its image.
    """

    images: np.ndarray
    objects: tuple[Objects, ...] | None
    masks: np.ndarray | None
    open: Callable[[Any], Image.Image]
    open_mask: Callable[[Any], Image.Image]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> "Scenes":
        """The scenes at these indices."""
        objects = None if self.objects is None else tuple(self.objects[index] for index in indices)
        masks = None if self.masks is None else self.masks[indices]
        return Scenes(self.images[indices], objects, masks, self.open, self.open_mask)


@dataclass(frozen=True, eq=False)
class SceneSet:
    """All of a set of scenes.

    Attributes:
        classes: names of the labels of boxes; none where it has no boxes.
        mask_classes: names of the numbers in masks, from 0 on; none where it has no masks.
        dropped: what was left out of its annotations, by reason, as a count.
    """

    train: Scenes
    test: Scenes
    classes: tuple[str, ...]
    mask_classes: tuple[str, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
