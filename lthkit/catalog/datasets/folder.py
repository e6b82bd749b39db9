"""Folders of images: root/<split>/<class>/…, as torchvision's ImageFolder."""

import os
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from lthkit.catalog.entry import DatasetEntry, Rooted, Text
from lthkit.catalog.images import SUFFIXES, open_image
from lthkit.catalog.samples import DataSet, Samples
from lthkit.config import Config
from lthkit.errors import LthkitError

MOST_LEVELS = 20
"""Folders within folders below a class."""


class SplitFolders(Config):
    """Folder names of the splits below the root (ImageNet's test split is its `val`)."""

    train: Text = "train"
    test: Text = "test"

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.train == self.test:
            raise ValueError(f"train and test are both '{self.train}'; name two folders")
        return self


class FolderEntry(Rooted, DatasetEntry):
    """Folders of images: `root/<split>/<class>/…`; serves ImageNet, VisDA2017, copies of CIFAR."""

    type: Literal["folder"]
    splits: SplitFolders = SplitFolders()
    classes: tuple[Text, ...] | None = None
    """Class folders in label order; without it all of them, sorted by name (torchvision's ImageFolder)."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names a class twice; name each once")
        return self

    def locate(self, base: Path) -> Path:
        """The root, if the folders of both splits are there."""
        root = self.folder(base)
        if not root.is_dir():
            raise self.missing(f"folder {root}")
        for folder in self._splits(root):
            if not folder.is_dir():
                raise LthkitError(
                    f"'{self.name}': folder {folder} is missing; name the split's folder in `splits` or get it: "
                    f"{self.get}"
                )
        return root

    def read(self, base: Path) -> DataSet:
        """List the images of both splits, by class in label order, then by name; nothing is decoded.

        Other files and hidden ones are passed over; images may lie in folders below their class folder.

        Raises:
            LthkitError: folder missing or not readable, split or class without images, class folders that differ
                between the splits or from the entry's `classes`, an image that is no regular file, or a link that
                leads outside the root.
        """
        root = self.locate(base)
        train, test = self._splits(root)
        try:
            classes = _agreed_classes(train, test, self)
            return DataSet(_samples(root, train, classes, self), _samples(root, test, classes, self), classes)
        except OSError as error:
            raise LthkitError(f"'{self.name}': cannot be listed ({error}); check permissions and disk") from None

    def _splits(self, root: Path) -> tuple[Path, Path]:
        return self.inside(root, self.splits.train), self.inside(root, self.splits.test)


def _agreed_classes(train: Path, test: Path, entry: FolderEntry) -> tuple[str, ...]:
    found = {entry.splits.train: _class_folders(train), entry.splits.test: _class_folders(test)}
    for name, classes in found.items():
        if not classes:
            raise LthkitError(f"'{entry.name}': split '{name}' has no class folders; to get them: {entry.get}")
    if entry.classes is not None:
        found = {"the catalog": set(entry.classes), **found}
    (first, wanted), *others = found.items()
    for name, classes in others:
        if classes != wanted:
            raise LthkitError(
                f"'{entry.name}': class folders differ between {first} and {name} "
                f"({_only(first, wanted - classes, name, classes - wanted)}); make them the same"
            )
    return entry.classes or tuple(sorted(wanted))


def _only(first: str, in_first: set[str], second: str, in_second: set[str]) -> str:
    found = [(first, sorted(in_first)), (second, sorted(in_second))]
    return "; ".join(
        f"only in {place}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}" for place, names in found if names
    )


def _class_folders(split: Path) -> set[str]:
    with os.scandir(split) as found:
        return {item.name for item in found if item.is_dir() and not item.name.startswith(".")}


def _samples(root: Path, split: Path, classes: tuple[str, ...], entry: FolderEntry) -> Samples:
    paths: list[bytes] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = _images(_allowed(split / name, root, entry), root, entry)
        if not found:
            raise LthkitError(f"'{entry.name}': {split / name} has no images; to get them: {entry.get}")
        paths += found
        labels += [label] * len(found)
    return Samples(np.array(paths), np.array(labels, dtype=np.int64), open_image)


def _allowed(path: Path | str, root: Path, entry: FolderEntry) -> Path | str:
    """What was found below the root, unless a link leads out of it and must not."""
    return path if entry.follow_links else entry.inside(root, path)


def _images(folder: Path | str, root: Path, entry: FolderEntry, levels: int = MOST_LEVELS) -> list[bytes]:
    """Paths of the images in a folder and below it, sorted by name."""
    if not levels:
        raise LthkitError(
            f"'{entry.name}': {folder} lies more than {MOST_LEVELS} folders deep; do links lead in circles?"
        )
    paths: list[bytes] = []
    with os.scandir(folder) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        if item.name.startswith("."):
            continue
        if item.is_symlink():
            _allowed(item.path, root, entry)
        if item.is_dir(follow_symlinks=entry.follow_links):
            paths += _images(item.path, root, entry, levels - 1)
        elif item.name.lower().endswith(SUFFIXES):
            paths.append(os.fsencode(item.path))
    return paths
