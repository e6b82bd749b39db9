import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lthkit.catalog import Catalog, load_catalog
from lthkit.catalog.datasets.folder import FolderEntry
from lthkit.data import DataSpec, fingerprint, load

CPU = torch.device("cpu")
SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")


def digits(**settings: object) -> str:
    return fingerprint(load(DataSpec(name="digits", **settings), SHIPPED, CPU))


@pytest.fixture
def pets(tmp_path) -> Catalog:
    for split, count in (("train", 4), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.full((3, 3, 3), 10 * label + number, dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / split / name / f"{number}.png")
    values = {"name": "pets", "type": "folder", "root": "pets", "licence": "CC0", "get": "ask"}
    return Catalog(tmp_path / "data_catalog.yaml", {"pets": FolderEntry.parse(values, "test")}, {})


def of(catalog: Catalog, **settings: object) -> str:
    return fingerprint(load(DataSpec(name="pets", validation=0.25, **settings), catalog, CPU))


def test_it_is_the_hash_of_labels_and_pixels(pets):
    splits = load(DataSpec(name="pets", validation=0.25), pets, CPU)
    total = b""
    for source in (splits.train, splits.validation, splits.test):
        total += source.labels.numpy().tobytes() + source.images.numpy().tobytes()
    assert fingerprint(splits) == hashlib.sha256(total).hexdigest()


def test_same_data_same_hash_whatever_the_augmentation(pets):
    assert len({of(pets), of(pets), of(pets, pad=2), of(pets, flip=True), of(pets, normalise=False)}) == 1
    assert len({of(pets, stream=True), of(pets, stream=True, flip=True)}) == 1


def test_any_other_sample_or_split_shows():
    settings = [{}, {"split_seed": 1}, {"validation": 0.0}, {"count": 500}, {"classes": (0, 1)}, {"classes": (1, 0)}]
    settings += [{"channels": 1}, {"size": 9}]
    assert len({digits(**changes) for changes in settings}) == len(settings)


@pytest.mark.parametrize("stream", [False, True])
def test_changed_files_show(pets, stream):
    before = of(pets, stream=stream)
    path = pets.root / "pets" / "test" / "dog" / "0.png"
    if stream:
        path.rename(path.with_name("00.png"))
    else:
        Image.fromarray(np.full((3, 3, 3), 99, dtype=np.uint8)).save(path)
    assert of(pets, stream=stream) != before


@pytest.mark.parametrize("stream", [False, True])
def test_a_moved_folder_is_the_same_data(pets, tmp_path, stream):
    before = of(pets, stream=stream)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pets").rename(tmp_path / "elsewhere" / "pets")
    assert of(Catalog(tmp_path / "elsewhere" / "c.yaml", pets.datasets, {}), stream=stream) == before


def test_names_of_any_bytes(pets):
    source = pets.root / "pets" / "train" / "cat" / "0.png"
    try:
        os.rename(source, os.fsencode(source.parent) + b"/\xff.png")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert len(of(pets, stream=True)) == 64
