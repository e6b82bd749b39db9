"""Published sets through torchvision's own classes: CIFAR-10, CIFAR-100, SVHN, Fashion-MNIST, MNIST."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from lthkit.catalog.download import Published
from lthkit.catalog.published_files import Names, PublishedFiles
from lthkit.catalog.samples import DataSet, Samples
from lthkit.errors import LthkitError, RunFailed
from lthkit.factories import brief
from lthkit.untrusted import is_shortage, read_at_most

DIGITS = tuple(str(digit) for digit in range(10))
MOST_IDX_BYTES = 16 + 60_000 * 28 * 28
"""Of the largest IDX file, MNIST's and Fashion-MNIST's training images."""


def _cifar(folder: str, *names: str) -> Names:
    return tuple((f"{folder}/{name}",) for name in names)


def _idx(folder: str) -> Names:
    names = [f"{part}-{kind}-ubyte" for part, kind in product(("train", "t10k"), ("images-idx3", "labels-idx1"))]
    return tuple((f"{folder}/raw/{name}", f"{folder}/raw/{name}.gz") for name in names)


SETS: dict[str, Names] = {
    "CIFAR10": _cifar(
        "cifar-10-batches-py", *(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"
    ),
    "CIFAR100": _cifar("cifar-100-python", "train", "test", "meta"),
    "SVHN": (("train_32x32.mat",), ("test_32x32.mat",)),
    "FashionMNIST": _idx("FashionMNIST"),
    "MNIST": _idx("MNIST"),
}
"""Where torchvision's classes look for their files."""


class TorchvisionEntry(PublishedFiles):
    """A published set as torchvision reads it, its published split into training and test images."""

    type: Literal["torchvision"]
    set: Literal["CIFAR10", "CIFAR100", "SVHN", "FashionMNIST", "MNIST"]
    """torchvision's class; SVHN without its `extra` images."""
    download: bool = False
    """Whether missing files are downloaded below the root when the set is first loaded."""

    @property
    def files(self) -> Names:
        """Those of the set."""
        return SETS[self.set]

    def published(self) -> tuple[Published, ...]:
        """The files of the set as torchvision states them: an archive (CIFAR), two files (SVHN) or four (MNIST)."""
        source = _torchvision(self)
        if self.set == "SVHN":
            offered = [source.split_list[split] for split in ("train", "test")]
            return tuple(Published((url,), name, ("md5", md5)) for url, name, md5 in offered)
        if self.set.startswith("CIFAR"):
            return (Published((source.url,), source.filename, ("md5", source.tgz_md5)),)
        return tuple(
            Published(tuple(mirror + name for mirror in source.mirrors), f"{self.set}/raw/{name}", ("md5", md5))
            for name, md5 in source.resources
        )

    def unpack(self, root: Path, files: list[Path]) -> None:
        """What is missing, from CIFAR's archive, whose files get their place one by one when all are unpacked."""
        if not self.set.startswith("CIFAR"):
            return
        folder = Path(self.files[0][0]).parts[0]
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{folder}.") as temporary:
            try:
                with tarfile.open(files[0]) as archive:
                    archive.extractall(temporary, filter="data")
            except (tarfile.TarError, EOFError, OSError) as error:
                raise RunFailed(
                    f"'{self.name}': {files[0]} cannot be unpacked ({brief(error)}); make room, or delete it and get "
                    f"it again: {self.get}"
                ) from None
            (root / folder).mkdir(exist_ok=True)
            for (name,) in self.files:
                if not (root / name).exists() and (Path(temporary) / name).is_file():
                    os.replace(Path(temporary) / name, root / name)
        files[0].unlink()

    def read(self, base: Path) -> DataSet:
        """The published training and test images, uint8; files of CIFAR and SVHN are checked by their MD5.

        The IDX files of MNIST and Fashion-MNIST are not (torchvision states none for them); they may be gzipped.
        Classes are named as the publishers do; those of SVHN and MNIST are the digits "0"…"9".

        Raises:
            LthkitError: files missing (and `download` not set, or it failed), others than the published ones, or
                damaged.
        """
        root = self.folder(base)
        if self.download and None in self.found(base):
            self.obtain(base)
        files = self.present(base)
        _check_published(self, files)
        try:
            with _unpacked(self, root, files) as folder:
                train, test = (_open(self, folder, split) for split in ("train", "test"))
        except Exception as error:  # readers of damaged files raise anything, bare assertions included
            if is_shortage(error):
                raise LthkitError(f"'{self.name}': memory is too short to read {self.set}; free some") from None
            raise LthkitError(
                f"'{self.name}': the files of {self.set} in {files[0].parent} cannot be read ({brief(error)}); "
                f"get them again: {self.get}"
            ) from None
        classes = DIGITS if self.set in ("SVHN", "MNIST") else tuple(train.classes)
        return DataSet(_samples(self, train, len(classes)), _samples(self, test, len(classes)), classes)


def _torchvision(entry: TorchvisionEntry) -> Any:
    from torchvision import datasets

    return getattr(datasets, entry.set)


def _open(entry: TorchvisionEntry, root: Path, split: str) -> Any:
    chosen = {"split": split} if entry.set == "SVHN" else {"train": split == "train"}
    return _torchvision(entry)(root, **chosen, download=False)


def _check_published(entry: TorchvisionEntry, files: list[Path]) -> None:
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
    """A root that holds no gzipped files: this one, or a temporary one (the given may be read-only).

    What is gzipped unfolds to no more than the largest published file.
    """
    if all(path.suffix != ".gz" for path in files):
        yield root
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path, names in zip(files, entry.files, strict=True):
            target = folder / names[0]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read_at_most(path, MOST_IDX_BYTES))
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
