"""Folders of images: root/<split>/<class>/…, as torchvision's ImageFolder."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from lthkit.catalog import Catalog, FolderEntry, inside
from lthkit.data.samples import DataSet, Samples
from lthkit.errors import LthkitError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def read_folder(entry: FolderEntry, catalog: Catalog) -> DataSet:
    """List the images of both splits, by class in label order, then by name; nothing is decoded.

    Other files and hidden ones are passed over; images may lie in folders below their class folder.

    Raises:
        LthkitError: folder missing or not readable, split or class without images, class folders that differ
            between the splits or from the entry's `classes`, or a link that leads outside the root.
    """
    root = catalog.folder(entry)
    train, test = (_split(root, name, entry) for name in (entry.splits.train, entry.splits.test))
    try:
        classes = _agreed_classes(train, test, entry)
        return DataSet(_samples(root, train, classes, entry), _samples(root, test, classes, entry), classes)
    except OSError as error:
        raise LthkitError(f"'{entry.name}': cannot be listed ({error}); check permissions and disk") from None


def _split(root: Path, name: str, entry: FolderEntry) -> Path:
    folder = inside(root, name, f"'{entry.name}'")
    if not folder.is_dir():
        raise LthkitError(
            f"'{entry.name}': folder {folder} is missing; name the split's folder in `splits` or get it: {entry.get}"
        )
    return folder


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
        found = _images(inside(root, split / name, f"'{entry.name}'"), root, entry)
        if not found:
            raise LthkitError(f"'{entry.name}': {split / name} has no images; to get them: {entry.get}")
        paths += found
        labels += [label] * len(found)
    return Samples(np.array(paths), np.array(labels, dtype=np.int64), open_image)


def _images(folder: Path | str, root: Path, entry: FolderEntry) -> list[bytes]:
    """Paths of the images in a folder and below it, sorted by name."""
    paths: list[bytes] = []
    with os.scandir(folder) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        if item.name.startswith("."):
            continue
        if item.is_symlink():
            inside(root, item.path, f"'{entry.name}'")
        # a linked folder below a class could lead in circles
        if item.is_dir(follow_symlinks=False):
            paths += _images(item.path, root, entry)
        elif item.name.lower().endswith(SUFFIXES):
            paths.append(os.fsencode(item.path))
    return paths


def open_image(path: bytes) -> Image.Image:
    """The image in a file, read and decoded.

    Raises:
        LthkitError: unreadable; the sentence names the file.
    """
    try:
        image = Image.open(os.fsdecode(path))
        image.load()
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble on
        raise LthkitError(f"image {os.fsdecode(path)} cannot be read ({error}); repair or remove it") from None
    return image
