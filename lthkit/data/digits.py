"""scikit-learn's digits: real images inside a package, no download."""

import numpy as np
from PIL import Image

from lthkit.catalog import Catalog, DigitsEntry
from lthkit.data.samples import DataSet, Samples
from lthkit.errors import LthkitError

TEST_PER_CLASS = 36


def read_digits(entry: DigitsEntry, catalog: Catalog) -> DataSet:
    """1,437 training and 360 test images, grey, 8×8, uint8.

    The split is fixed: test is the last 36 images of each class in the package's order, in that order. The
    package's grey values 0…16 become round(value · 255 / 16).

    Raises:
        LthkitError: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise LthkitError(f"'{entry.name}': package scikit-learn is missing; {entry.get}") from None
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
