"""Which samples these are, in one hash, so that a search is not resumed on other data."""

import hashlib
from typing import Any

from lthkit.data.scenes import SceneSource, SceneSplits
from lthkit.data.sources import Resident, Source
from lthkit.data.splits import Splits


def fingerprint(splits: Splits | SceneSplits) -> str:
    """SHA-256 over labels (boxes, masks) and pixels of all splits; of streamed ones, over class folders and file names.

    A normalisation that is not the data set's own counts as well.
    """
    total = hashlib.sha256()
    for source in (splits.train, splits.validation, splits.test):
        if isinstance(source, SceneSource):
            _add_scenes(total, source)
        elif source is not None:
            total.update(source.labels.cpu().numpy().tobytes())
            _add_samples(total, source)
    if splits.normalised_for is not None:
        total.update(repr((splits.normalisation.mean, splits.normalisation.std)).encode())
    return total.hexdigest()


def _add_samples(total: "hashlib._Hash", source: Source) -> None:
    if isinstance(source, Resident):
        total.update(source.images.cpu().contiguous().numpy().data)
        return
    for item in source.samples.items:
        total.update(_named(item))


def _add_scenes(total: "hashlib._Hash", source: SceneSource) -> None:
    """Annotations as published, and pixels of decoded images and masks at the source's size, or the files' names."""
    total.update(repr((len(source), source.size, source.mask_classes)).encode())
    for objects in source.scenes.objects or ():
        for values in (objects.boxes, objects.labels, objects.difficult):
            total.update(repr(values.shape).encode() + values.tobytes())
    for resident, items in ((source.images, source.scenes.images), (source.masks, source.scenes.masks)):
        if resident is not None:
            total.update(resident.numpy().data)
        elif items is not None:
            for item in items:
                total.update(_named(item))


def _named(item: Any) -> bytes:
    return b"/".join(item.split(b"/")[-2:]) if isinstance(item, bytes) else item.tobytes()
