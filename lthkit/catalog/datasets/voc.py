"""Pascal VOC's layout: JPEGImages with Annotations (boxes) or SegmentationClass (masks), and ImageSets with lists."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lthkit.catalog.entry import DatasetEntry, Rooted, Text
from lthkit.catalog.images import open_image
from lthkit.catalog.scenes import Objects, Scenes, SceneSet
from lthkit.catalog.voc_files import image_file, listed, open_mask, read_objects
from lthkit.errors import LthkitError

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_LISTS = {"boxes": "Main", "masks": "Segmentation"}
Listed = Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]


class VocEntry(Rooted, DatasetEntry):
    """A data set in Pascal VOC's layout: `root/VOC2007/JPEGImages/…`; splits are lists such as `VOC2007/trainval`."""

    type: Literal["voc"]
    annotations: Literal["boxes", "masks"]
    """`boxes` (detection) or `masks` (segmentation)."""
    train: tuple[Listed, ...] = Field(min_length=1)
    """Lists of training images, as folder/list; with several their union, e.g. [VOC2007/trainval, VOC2012/trainval]."""
    test: tuple[Listed, ...] = Field(min_length=1)
    """Lists of test images."""
    classes: tuple[Text, ...] | None = Field(default=None, min_length=1)
    """Names in annotations, in label order, or of the numbers in masks from 0 on; VOC's own without it."""
    leave_out: tuple[Text, ...] = ()
    """Classes in annotations whose objects are passed over."""

    @model_validator(mode="after")
    def _lists(self) -> Self:
        for name, values in (("classes", self.classes or ()), ("train", self.train), ("test", self.test)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names the same twice; name each once")
        both = set(self.leave_out) & set(self.named_classes)
        if both:
            raise ValueError(f"'{min(both)}' is both among the classes and left out; drop one")
        return self

    @property
    def named_classes(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.classes or (CLASSES if self.annotations == "boxes" else ("background", *CLASSES))

    def locate(self, base: Path) -> Path:
        """The root, if the lists of both splits are there."""
        root = self.folder(base)
        for name in (*self.train, *self.test):
            if not self._list(root, name).is_file():
                raise self.missing(f"list {self._list(root, name)}")
        return root

    def read(self, base: Path) -> SceneSet:
        """Both splits by their lists' order; annotations are read, images and masks are not decoded.

        Raises:
            LthkitError: as `listed`, `image_file` and `read_objects`; a mask that is missing; an image in both splits.
        """
        root, dropped = self.locate(base), Counter[str]()
        train, test = (self._split(root, names, dropped) for names in (self.train, self.test))
        shared = set(train.images.tolist()) & set(test.images.tolist())
        if shared:
            name = Path(min(shared).decode(errors="replace")).name
            raise LthkitError(f"'{self.name}': {name} is in train and in test; correct the lists, or name others")
        boxed, names = self.annotations == "boxes", self.named_classes
        left_out = {reason: count for reason, count in dropped.items() if count}
        return SceneSet(train, test, names if boxed else (), () if boxed else names, left_out)

    def _split(self, root: Path, names: tuple[str, ...], dropped: Counter[str]) -> Scenes:
        found = [(self.inside(root, name.split("/")[0]), each) for name in names for each in self._names(root, name)]
        images = np.array([self._allowed(root, image_file(year / "JPEGImages", each)) for year, each in found])
        if self.annotations == "masks":
            masks = [self._mask(root, year / "SegmentationClass" / f"{each}.png") for year, each in found]
            return Scenes(images, None, np.array(masks), open_image, open_mask)
        objects = tuple(self._objects(root, year / "Annotations" / f"{each}.xml", dropped) for year, each in found)
        return Scenes(images, objects, None, open_image, open_mask)

    def _names(self, root: Path, name: str) -> list[str]:
        return listed(self.inside(root, self._list(root, name)))

    def _list(self, root: Path, name: str) -> Path:
        year, split = name.split("/")
        return root / year / "ImageSets" / _LISTS[self.annotations] / f"{split}.txt"

    def _objects(self, root: Path, path: Path, dropped: Counter[str]) -> Objects:
        labels = {name: label for label, name in enumerate(self.named_classes)}
        return read_objects(self.inside(root, path), labels | dict.fromkeys(self.leave_out, -1), dropped)

    def _mask(self, root: Path, path: Path) -> bytes:
        if not path.is_file():
            raise LthkitError(f"mask {path} is missing, which a list names; get it or take it off the list")
        return self._allowed(root, bytes(path))

    def _allowed(self, root: Path, path: bytes) -> bytes:
        self.inside(root, path.decode(errors="surrogateescape"))
        return path
