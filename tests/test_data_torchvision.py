import gzip
import hashlib
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from served import served
from torchvision import datasets

from lthkit.catalog import Catalog, load_catalog
from lthkit.catalog.datasets.torchvision import SETS as FILES
from lthkit.catalog.datasets.torchvision import TorchvisionEntry
from lthkit.data import DataSpec, Splits, load
from lthkit.errors import LthkitError

CPU = torch.device("cpu")
SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")
REAL = Path(os.environ.get("LTHKIT_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
FASHION = REAL / "FashionMNIST" / "raw"
SETS = tuple(FILES)
TRAIN, TEST = 20, 10
CLASSES = {name: 3 if name.startswith("CIFAR") else 10 for name in SETS}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refused(*arguments, **options):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("lthkit.catalog.download.urlopen", refused)


def catalog(folder: Path, name: str, **values: object) -> Catalog:
    given = {"name": "it", "type": "torchvision", "set": name, "root": "root", "licence": "CC0", "get": "ask a friend"}
    return Catalog(folder / "data_catalog.yaml", {"it": TorchvisionEntry.parse({**given, **values}, "test")}, {})


def loaded(found: Catalog, **settings: object) -> Splits:
    return load(DataSpec.parse({"name": "it", "validation": 0.0, **settings}, "test"), found, CPU)


def refused(found: Catalog, *parts: str) -> None:
    with pytest.raises(LthkitError) as caught:
        loaded(found)
    assert "\n" not in str(caught.value)
    assert all(part in str(caught.value) for part in ("'it'", *parts)), str(caught.value)


def pixels(split: str, count: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(count).randint(0, 256, (count, *shape)).astype(np.uint8)


def labels(count: int, classes: int) -> list[int]:
    return [(7 * number + 1) % classes for number in range(count)]


def write(root: Path, name: str, monkeypatch) -> dict[str, np.ndarray]:
    """Small files in the published format, whose MD5 torchvision is told; the images by split, (N, H, W[, C])."""
    make = {"SVHN": svhn, "MNIST": idx, "FashionMNIST": idx}.get(name, cifar)
    return make(root, name, monkeypatch)


def cifar(root: Path, name: str, monkeypatch) -> dict[str, np.ndarray]:
    own = getattr(datasets, name)
    folder = root / own.base_folder
    folder.mkdir(parents=True)
    kind = "labels" if name == "CIFAR10" else "fine_labels"
    images = {"train": pixels("train", TRAIN, 3, 32, 32), "test": pixels("test", TEST, 3, 32, 32)}
    for split, files in (("train", own.train_list), ("test", own.test_list)):
        parts = np.split(images[split].reshape(len(images[split]), -1), len(files))
        known = np.split(np.array(labels(len(images[split]), 3)), len(files))
        for (file, _), part, own_labels in zip(files, parts, known, strict=True):
            (folder / file).write_bytes(pickle.dumps({"data": part, kind: own_labels.tolist()}, protocol=2))
    meta = own.meta["filename"]
    (folder / meta).write_bytes(pickle.dumps({own.meta["key"]: ["plane", "car", "bird"]}, protocol=2))
    for files in ("train_list", "test_list"):
        monkeypatch.setattr(own, files, [[file, md5(folder / file)] for file, _ in getattr(own, files)])
    monkeypatch.setattr(own, "meta", {**own.meta, "md5": md5(folder / meta)})
    return {split: found.transpose(0, 2, 3, 1) for split, found in images.items()}


def svhn(root: Path, name: str, monkeypatch) -> dict[str, np.ndarray]:
    root.mkdir(parents=True)
    images = {"train": pixels("train", TRAIN, 32, 32, 3), "test": pixels("test", TEST, 32, 32, 3)}
    stated = {}
    for split, found in images.items():
        published = [label or 10 for label in labels(len(found), 10)]  # there, 10 stands for the digit 0
        path = root / f"{split}_32x32.mat"
        savemat(path, {"X": found.transpose(1, 2, 3, 0), "y": np.array(published, dtype=np.uint8)[:, None]})
        stated[split] = ["http://nowhere.invalid/", path.name, md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", stated)
    return images


def idx(root: Path, name: str, monkeypatch, zipped: bool = False) -> dict[str, np.ndarray]:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    images = {"train": pixels("train", TRAIN, 28, 28), "test": pixels("test", TEST, 28, 28)}
    for split, found in images.items():
        prefix = "train" if split == "train" else "t10k"
        written = {
            "images-idx3": struct.pack(">IIII", 0x803, *found.shape) + found.tobytes(),
            "labels-idx1": struct.pack(">II", 0x801, len(found)) + bytes(labels(len(found), 10)),
        }
        for kind, content in written.items():
            path = folder / f"{prefix}-{kind}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
    return images


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", SETS)
def test_published_files_are_read(tmp_path, monkeypatch, name):
    images = write(tmp_path / "root", name, monkeypatch)
    found = catalog(tmp_path, name)
    splits = loaded(found, channels=1 if "MNIST" in name else 3)
    for split, source in (("train", splits.train), ("test", splits.test)):
        expected = images[split].reshape(source.images.shape)
        assert np.array_equal(source.images, expected)
        assert source.labels.tolist() == labels(len(expected), CLASSES[name])
    assert found.listing()[0].present
    assert found.listing()[0].where == str(tmp_path / "root")


def test_classes_are_named(tmp_path, monkeypatch):
    digits = tuple("0123456789")
    expected = {"CIFAR10": ("plane", "car", "bird"), "SVHN": digits, "MNIST": digits}
    for name, classes in expected.items():
        write(tmp_path / name / "root", name, monkeypatch)
        assert loaded(catalog(tmp_path / name, name)).classes == classes


def test_zero_is_label_zero_in_svhn(tmp_path, monkeypatch):
    images = write(tmp_path / "root", "SVHN", monkeypatch)
    zeros = loaded(catalog(tmp_path, "SVHN"), classes=["0"]).train.images
    assert np.array_equal(zeros, images["train"][[number for number in range(TRAIN) if (7 * number + 1) % 10 == 0]])


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST"])
def test_gzipped_idx_is_read_from_a_folder_that_stays_as_it_is(tmp_path, monkeypatch, name):
    images = idx(tmp_path / "root", name, monkeypatch, zipped=True)
    folder = tmp_path / "root" / name / "raw"
    before = sorted(path.name for path in folder.iterdir())
    assert np.array_equal(loaded(catalog(tmp_path, name), channels=1).test.images[..., 0], images["test"])
    assert sorted(path.name for path in folder.iterdir()) == before
    labels_file = folder / "t10k-labels-idx1-ubyte.gz"
    labels_file.with_suffix("").write_bytes(gzip.decompress(labels_file.read_bytes()))
    labels_file.unlink()
    assert loaded(catalog(tmp_path, name)).test.labels.tolist() == labels(TEST, 10)
    images_file = folder / "t10k-images-idx3-ubyte.gz"
    images_file.write_bytes(images_file.read_bytes()[:-20])
    refused(catalog(tmp_path, name), str(folder), "cannot be read", "ask a friend")


def test_grey_is_repeated_and_colour_becomes_luma(tmp_path, monkeypatch):
    from PIL import Image

    grey = write(tmp_path / "a" / "root", "MNIST", monkeypatch)["train"]
    assert np.array_equal(loaded(catalog(tmp_path / "a", "MNIST")).train.images, np.repeat(grey[..., None], 3, 3))
    colour = write(tmp_path / "b" / "root", "SVHN", monkeypatch)["test"]
    found = loaded(catalog(tmp_path / "b", "SVHN"), channels=1, size=16).test.images[4, :, :, 0]
    expected = Image.fromarray(colour[4]).convert("L").resize((16, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(found, np.asarray(expected))


@pytest.mark.parametrize("name", SETS)
def test_missing_files_are_named_with_their_folder_and_not_downloaded_unasked(tmp_path, monkeypatch, name):
    write(tmp_path / "root", name, monkeypatch)
    first, *_ = FILES[name][-1]
    (tmp_path / "root" / first).unlink()
    expected = (Path(first).name, str((tmp_path / "root" / first).parent), "ask a friend")
    refused(catalog(tmp_path, name), *expected)
    row = catalog(tmp_path, name).listing()[0]
    assert not row.present
    assert all(part in row.where for part in expected)
    for path in (tmp_path / "root").rglob("*"):
        if path.is_file():
            path.unlink()
    refused(catalog(tmp_path, name), *(Path(names[0]).name for names in FILES[name]))


@pytest.mark.parametrize("name", SETS)
def test_offline_says_where_the_files_belong(tmp_path, name):
    entry = catalog(tmp_path, name, download=True)
    first = tmp_path / "root" / entry.dataset("it").published()[0].name  # of CIFAR the archive
    refused(entry, "download failed", f"{first.name} belongs in {first.parent}", "ask a friend")


def test_download_if_and_only_if_the_catalog_says_so(tmp_path, monkeypatch):
    write(tmp_path / "web", "SVHN", monkeypatch)
    stated = datasets.SVHN.split_list
    with served(tmp_path / "web") as address:
        monkeypatch.undo()
        monkeypatch.setenv("no_proxy", "*")
        with_url = {split: [f"{address}/{name}", name, known] for split, (_, name, known) in stated.items()}
        monkeypatch.setattr(datasets.SVHN, "split_list", with_url)
        refused(catalog(tmp_path, "SVHN"), "train_32x32.mat")
        assert len(loaded(catalog(tmp_path, "SVHN", download=True)).train) == TRAIN
    assert len(loaded(catalog(tmp_path, "SVHN", download=True)).train) == TRAIN


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "SVHN"])
def test_files_other_than_the_published_are_refused_unread(tmp_path, monkeypatch, name):
    write(tmp_path / "root", name, monkeypatch)
    path = tmp_path / "root" / FILES[name][0][0]
    path.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % bytes(tmp_path / "ran"))
    refused(catalog(tmp_path, name), str(path), "MD5", "`folder`")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["cut", "magic", "labels", "count"])
def test_damaged_idx_is_refused(tmp_path, monkeypatch, damage):
    write(tmp_path / "root", "MNIST", monkeypatch)
    folder = tmp_path / "root" / "MNIST" / "raw"
    images, known = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    if damage == "cut":
        images.write_bytes(images.read_bytes()[:-1])
    elif damage == "magic":
        images.write_bytes(b"\1" + images.read_bytes()[1:])
    elif damage == "labels":
        known.write_bytes(known.read_bytes()[:-1] + b"\x0a")
    else:
        known.write_bytes(struct.pack(">II", 0x801, 3) + bytes(3))
    refused(catalog(tmp_path, "MNIST"), "MNIST", "ask a friend")


def test_link_out_of_the_root_is_refused(tmp_path, monkeypatch):
    write(tmp_path / "root", "SVHN", monkeypatch)
    outside = tmp_path / "test_32x32.mat"
    (tmp_path / "root" / "test_32x32.mat").rename(outside)
    (tmp_path / "root" / "test_32x32.mat").symlink_to(outside)
    refused(catalog(tmp_path, "SVHN"), "outside its root")


@pytest.mark.parametrize("name", SETS)
def test_named_files_are_those_that_torchvision_looks_for(name):
    own = getattr(datasets, name)
    if name == "SVHN":
        expected = {own.split_list[split][1] for split in ("train", "test")}
    elif name.startswith("CIFAR"):
        files = [file for file, _ in own.train_list + own.test_list]
        expected = {f"{own.base_folder}/{file}" for file in [*files, own.meta["filename"]]}
    else:
        expected = {f"{name}/raw/{file.removesuffix('.gz')}" for file, _ in own.resources}
    assert {names[0] for names in FILES[name]} == expected


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs FashionMNIST/raw/*.gz in LTHKIT_TEST_DATA or ../shared/data")
@pytest.mark.parametrize("unpacked", [True, False])
def test_real_fashion_mnist(tmp_path, monkeypatch, unpacked):
    (tmp_path / "FashionMNIST" / "raw").mkdir(parents=True)
    for path in FASHION.glob("*.gz"):
        with gzip.open(path) as file:
            (tmp_path / "FashionMNIST" / "raw" / path.stem).write_bytes(file.read())
    monkeypatch.setenv("LTHKIT_DATA", str(tmp_path if unpacked else REAL))
    splits = load(DataSpec(name="fashion-mnist", channels=1, validation=0.0), SHIPPED, CPU)
    assert (len(splits.train), len(splits.test), splits.shape) == (60000, 10000, (1, 28, 28))
    assert splits.train.labels.bincount().tolist() == [6000] * 10
    assert splits.classes[9] == "Ankle boot"
    reference = datasets.FashionMNIST(tmp_path, train=False)
    assert torch.equal(splits.test.images[..., 0], reference.data)
    counts = splits.train.images.flatten().bincount(minlength=256).double()
    values = torch.arange(256).double() / 255
    mean = (counts * values).sum() / counts.sum()
    std = ((counts * (values - mean) ** 2).sum() / counts.sum()).sqrt()
    stated = SHIPPED.dataset("fashion-mnist").normalisation
    assert (stated.mean, stated.std) == ((round(mean.item(), 4),), (round(std.item(), 4),))
