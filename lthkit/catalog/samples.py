"""What a reader of a data set returns, before any image is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True, eq=False)
class Samples:
    """One split: items that `open` turns into images, and their labels.

    `items` is one array (of pixels, or of paths as bytes), so that subsets are indexing and loader processes
    share it without copying.
    """

    items: np.ndarray
    labels: np.ndarray
    open: Callable[[Any], Image.Image]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray, labels: np.ndarray) -> "Samples":
        """The samples at these indices under new labels (int64, same length)."""
        return Samples(self.items[indices], labels, self.open)


@dataclass(frozen=True, eq=False)
class DataSet:
    """All of a data set: `labels` of both splits index `classes`."""

    train: Samples
    test: Samples
    classes: tuple[str, ...]
