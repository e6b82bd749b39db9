"""SmallNORB from its published binary matrix files (LeCun, Huang and Bottou 2004)."""

import math
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lthkit.catalog.published_files import Names, PublishedFiles
from lthkit.catalog.samples import DataSet, Samples
from lthkit.errors import LthkitError
from lthkit.untrusted import is_shortage, read_at_most

CLASSES = ("animal", "human", "airplane", "truck", "car")
CAMERAS = {"left": slice(0, 1), "right": slice(1, 2), "both": slice(0, 2)}

BYTES, INTEGERS = 0x1E3D4C55, 0x1E3D4C54
_TYPES: dict[int, np.dtype] = {BYTES: np.dtype("u1"), INTEGERS: np.dtype("<i4")}
_STORED_SIZES = 3
MOST_BYTES = 24 + 24_300 * 2 * 96 * 96
"""Of the largest published file: the images of one split."""

FILES: Names = tuple(
    (f"smallnorb-{part}-{kind}.mat", f"smallnorb-{part}-{kind}.mat.gz")
    for part, kind in product(("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing"), ("dat", "cat"))
)
"""Images and classes of the training pairs, then of the testing ones; the `-info` files are not needed."""


class SmallNorbEntry(PublishedFiles):
    """SmallNORB in its published binary matrix files, unpacked or gzipped: 24,300 + 24,300 pairs of grey 96×96."""

    type: Literal["smallnorb"]
    cameras: Literal["left", "right", "both"]
    """`left` is what Mehta 2019 (code) uses; `both`: each picture is a sample with its pair's label, the left one
    first. `size` of the DataSpec resizes them (Mehta's code: 32)."""

    @property
    def files(self) -> Names:
        """The published ones."""
        return FILES

    def read(self, base: Path) -> DataSet:
        """Training and test images of the cameras that the entry names, grey, uint8, in the published order.

        With `both`, the left and the right image of a pair follow each other, each with the pair's label; a
        validation split drawn from them may hold one image of a pair whose other one is trained on.

        Raises:
            LthkitError: files missing, damaged, cut off or of another format; images and labels that do not agree.
        """
        train_images, train_labels, test_images, test_labels = self.present(base)
        return DataSet(
            train=_samples(train_images, train_labels, self),
            test=_samples(test_images, test_labels, self),
            classes=CLASSES,
        )


def read_matrix(path: Path, owner: str) -> np.ndarray:
    """The array in a binary matrix file, plain or gzipped, read-only.

    The format, little-endian: magic number, number of dimensions, their sizes (three at the least, unused ones 1),
    values in C order.

    Args:
        path: the file.
        owner: what asks for it, for the error sentence.

    Returns:
        uint8 or int32.

    Raises:
        LthkitError: cannot be read, another magic number, or another length than the sizes say.
    """
    try:
        content = read_at_most(path, MOST_BYTES)
    except Exception as error:  # gzip and zlib have several of their own
        if is_shortage(error):
            raise LthkitError(f"{owner}: memory is too short to read {path}; free some") from None
        raise LthkitError(f"{owner}: {path} cannot be read ({error}); get it again") from None
    magic, dimensions = _integers(content, 0, 2)
    if magic not in _TYPES or not 1 <= dimensions <= 8:
        raise LthkitError(f"{owner}: {path} is no binary matrix of bytes or integers; get the published file")
    stored = max(dimensions, _STORED_SIZES)
    start, sizes = 4 * (2 + stored), _integers(content, 8, stored)[:dimensions]
    if len(content) - start != math.prod(sizes) * _TYPES[magic].itemsize or min(sizes) < 1:
        raise LthkitError(
            f"{owner}: {path} has {len(content):,} bytes, which is not what its sizes {sizes} need; it is cut off or "
            "damaged: get it again"
        )
    return np.frombuffer(content, _TYPES[magic], offset=start).reshape(sizes)


def _integers(content: bytes, start: int, count: int) -> list[int]:
    """So many of them, zeros where the content ends early."""
    return np.frombuffer(content[start : start + 4 * count].ljust(4 * count, b"\0"), "<i4").tolist()


def _samples(images_file: Path, labels_file: Path, entry: SmallNorbEntry) -> Samples:
    owner = f"'{entry.name}'"
    images, labels = read_matrix(images_file, owner), read_matrix(labels_file, owner)
    if images.ndim != 4 or images.shape[1] != 2 or images.dtype != np.uint8:
        raise LthkitError(
            f"{owner}: {images_file} holds no pairs of images (its sizes are {images.shape}); get it again"
        )
    if labels.shape != images.shape[:1] or labels.min() < 0 or labels.max() >= len(CLASSES):
        raise LthkitError(
            f"{owner}: {labels_file} holds no label 0…{len(CLASSES) - 1} for each of the {len(images)} pairs in "
            f"{images_file.name}; get both files again"
        )
    chosen = images[:, CAMERAS[entry.cameras]]
    each = np.repeat(labels.astype(np.int64), chosen.shape[1])
    return Samples(chosen.reshape(-1, *images.shape[2:]), each, Image.fromarray)
