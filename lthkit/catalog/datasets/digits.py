"""scikit-learn's digits: real images inside a package, no download."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lthkit.catalog.packaged import Packaged
from lthkit.catalog.samples import DataSet, Samples

TEST_PER_CLASS = 36


class DigitsEntry(Packaged):
    """scikit-learn's digits: 1,797 grey 8×8 images of 0–9, inside the package."""

    type: Literal["digits"]

    def read(self, base: Path) -> DataSet:
        """1,437 training and 360 test images, grey, 8×8, uint8.

        The split is fixed: test is the last 36 images of each class in the package's order, in that order. The
        package's grey values 0…16 become round(value · 255 / 16).
        """
        self.locate(base)
        return read_digits()


def read_digits() -> DataSet:
    """All digits in the fixed split; see `DigitsEntry.read`."""
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)
    images = np.floor(grey.reshape(-1, 8, 8) * (255 / 16) + 0.5).astype(np.uint8)
    labels = labels.astype(np.int64)
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[-TEST_PER_CLASS:]] = True
    return DataSet(
        train=Samples(images[~test], labels[~test], Image.fromarray),
        test=Samples(images[test], labels[test], Image.fromarray),
        classes=tuple(str(label) for label in range(10)),
    )
