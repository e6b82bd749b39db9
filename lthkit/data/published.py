"""Published sets through torchvision's own classes: CIFAR-10, CIFAR-100, SVHN, Fashion-MNIST, MNIST."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from PIL import Image

from lthkit.catalog import Catalog, TorchvisionEntry
from lthkit.data.samples import DataSet, Samples
from lthkit.errors import LthkitError
from lthkit.factories import brief

DIGITS = tuple(str(digit) for digit in range(10))


def read_torchvision(entry: TorchvisionEntry, catalog: Catalog) -> DataSet:
    """The published training and test images, uint8; files of CIFAR and SVHN are checked by their MD5.

    The IDX files of MNIST and Fashion-MNIST are not (torchvision states none for them); they may be gzipped.
    Classes are named as the publishers do; those of SVHN and MNIST are the digits "0"…"9".

    Raises:
        LthkitError: files missing (and `download` not set, or it failed), others than the published ones, or damaged.
    """
    if entry.download and None in catalog.found(entry):
        _download(entry, catalog)
    files = catalog.files(entry)
    root = catalog.place(entry)
    _check_published(entry, root, files)
    try:
        with _unpacked(entry, root, files) as folder:
            train, test = (_open(entry, folder, split) for split in ("train", "test"))
    except Exception as error:  # readers of damaged files raise anything, bare assertions included
        raise LthkitError(
            f"'{entry.name}': the files of {entry.set} in {files[0].parent} cannot be read ({brief(error)}); "
            f"get them again: {entry.get}"
        ) from None
    classes = DIGITS if entry.set in ("SVHN", "MNIST") else tuple(train.classes)
    return DataSet(_samples(entry, train, len(classes)), _samples(entry, test, len(classes)), classes)


def _torchvision(entry: TorchvisionEntry) -> Any:
    from torchvision import datasets

    return getattr(datasets, entry.set)


def _open(entry: TorchvisionEntry, root: Path, split: str, download: bool = False) -> Any:
    chosen = {"split": split} if entry.set == "SVHN" else {"train": split == "train"}
    return _torchvision(entry)(root, **chosen, download=download)


def _download(entry: TorchvisionEntry, catalog: Catalog) -> None:
    root = catalog.place(entry)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{entry.set}.lock"):  # several processes may train on it
            for split in ("train", "test"):
                _open(entry, root, split, download=True)
    except Exception as error:  # the network's, the disk's, or torchvision's own
        names = sorted({Path(names[0]).name for names in entry.files})
        folder = root / Path(entry.files[0][0]).parent
        raise LthkitError(
            f"'{entry.name}': the download failed ({brief(error)}); its files ({', '.join(names)}) belong in {folder}; "
            f"to get them by hand: {entry.get}"
        ) from None


def _check_published(entry: TorchvisionEntry, root: Path, files: list[Path]) -> None:
    """Refuse files whose MD5 is not the one that torchvision states."""
    from torchvision.datasets.utils import check_integrity

    stated = _stated_md5(entry)
    for path in files:
        md5 = stated.get(path.name)
        if md5 is not None and not check_integrity(path, md5):
            raise LthkitError(
                f"'{entry.name}': {path} is not the published file (its MD5 differs from torchvision's); "
                f"get it again ({entry.get}), and name a re-encoded copy as an entry of type `folder`"
            )


def _stated_md5(entry: TorchvisionEntry) -> dict[str, str]:
    source = _torchvision(entry)
    if entry.set == "SVHN":
        return {name: md5 for _, name, md5 in source.split_list.values()}
    if entry.set.startswith("CIFAR"):
        return dict([*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])])
    return {}


@contextmanager
def _unpacked(entry: TorchvisionEntry, root: Path, files: list[Path]) -> Iterator[Path]:
    """A root that holds no gzipped files: this one, or a temporary one (the given may be read-only)."""
    if all(path.suffix != ".gz" for path in files):
        yield root
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path, names in zip(files, entry.files, strict=True):
            target = folder / names[0]
            target.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        yield folder


def _samples(entry: TorchvisionEntry, part: Any, classes: int) -> Samples:
    images = np.asarray(part.data)
    if entry.set == "SVHN":
        images = images.transpose(0, 2, 3, 1)
    labels = np.asarray(part.labels if entry.set == "SVHN" else part.targets, dtype=np.int64)
    if len(images) != len(labels) or not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise LthkitError(
            f"'{entry.name}': {len(images)} images of {entry.set} with {len(labels)} labels, which must be as many, "
            f"of {classes} classes; get the files again: {entry.get}"
        )
    return Samples(np.ascontiguousarray(images), labels, Image.fromarray)
