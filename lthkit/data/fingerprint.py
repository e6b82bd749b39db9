"""Which samples these are, in one hash, so that a search is not resumed on other data."""

import hashlib

from lthkit.data.sources import Resident, Source
from lthkit.data.splits import Splits


def fingerprint(splits: Splits) -> str:
    """SHA-256 over labels and pixels of all splits; of streamed ones, over class folders and file names instead.

    A normalisation that is not the data set's own counts as well.
    """
    total = hashlib.sha256()
    for source in (splits.train, splits.validation, splits.test):
        if source is not None:
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
        total.update(b"/".join(item.split(b"/")[-2:]) if isinstance(item, bytes) else item.tobytes())
