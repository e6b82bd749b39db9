import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lthkit.catalog import Catalog, load_catalog
from lthkit.catalog.datasets.smallnorb import SmallNorbEntry, read_matrix
from lthkit.data import DataSpec, Splits, load
from lthkit.errors import LthkitError

CPU = torch.device("cpu")
SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")
NAMES = {
    "train": "smallnorb-5x46789x9x18x6x2x96x96-training",
    "test": "smallnorb-5x01235x9x18x6x2x96x96-testing",
}
MAGIC = {np.dtype("u1"): bytes([0x55, 0x4C, 0x3D, 0x1E]), np.dtype("i4"): bytes([0x54, 0x4C, 0x3D, 0x1E])}
PAIRS = {"train": 15, "test": 10}


def binary_matrix(values: np.ndarray) -> bytes:
    """As published: magic number, number of dimensions, at least three sizes, values; all little-endian."""
    sizes = [*values.shape, 1, 1, 1][: max(3, values.ndim)]
    header = struct.pack(f"<i{len(sizes)}i", values.ndim, *sizes)
    return MAGIC[values.dtype] + header + values.astype(values.dtype.newbyteorder("<")).tobytes()


def published(root: Path, zipped: bool) -> dict[str, np.ndarray]:
    """The three files of each split, small; the pairs of images by split."""
    root.mkdir()
    pairs = {}
    for split, name in NAMES.items():
        pairs[split] = np.random.RandomState(len(split)).randint(0, 256, (PAIRS[split], 2, 96, 96)).astype(np.uint8)
        categories = np.arange(PAIRS[split], dtype=np.int32) % 5
        information = np.zeros((PAIRS[split], 4), dtype=np.int32)
        for kind, values in (("dat", pairs[split]), ("cat", categories), ("info", information)):
            content = binary_matrix(values)
            path = root / f"{name}-{kind}.mat{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content, 1) if zipped else content)
    return pairs


def catalog(folder: Path, cameras: str = "left") -> Catalog:
    values = {"name": "norb", "type": "smallnorb", "cameras": cameras, "root": "root", "licence": "research"}
    entry = SmallNorbEntry.parse({**values, "get": "ask a friend"}, "test")
    return Catalog(folder / "data_catalog.yaml", {"norb": entry}, {})


def loaded(found: Catalog, **settings: object) -> Splits:
    return load(DataSpec.parse({"name": "norb", "validation": 0.0, "channels": 1, **settings}, "test"), found, CPU)


def refused(found: Catalog, *parts: str) -> None:
    with pytest.raises(LthkitError) as caught:
        loaded(found)
    assert "\n" not in str(caught.value)
    assert all(part in str(caught.value) for part in ("'norb'", *parts)), str(caught.value)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("cameras", "chosen"), [("left", [0]), ("right", [1]), ("both", [0, 1])])
def test_published_files_are_read(tmp_path, zipped, cameras, chosen):
    pairs = published(tmp_path / "root", zipped)
    found = catalog(tmp_path, cameras)
    splits = loaded(found)
    for split, source in (("train", splits.train), ("test", splits.test)):
        expected = [pairs[split][pair, camera] for pair in range(PAIRS[split]) for camera in chosen]
        assert np.array_equal(source.images[..., 0], np.stack(expected))
        assert source.labels.tolist() == [pair % 5 for pair in range(PAIRS[split]) for _ in chosen]
    assert splits.classes == ("animal", "human", "airplane", "truck", "car")
    assert found.listing()[0].present


def test_size_resizes_as_mehtas_32(tmp_path):
    pairs = published(tmp_path / "root", False)
    splits = loaded(catalog(tmp_path, "right"), size=32, channels=3)
    assert splits.shape == (3, 32, 32)
    expected = Image.fromarray(pairs["test"][4, 1]).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.array_equal(splits.test.images[4], np.repeat(np.asarray(expected)[..., None], 3, 2))


def test_shipped_entry_takes_the_left_camera(tmp_path, monkeypatch):
    published(tmp_path / "smallnorb", True)
    monkeypatch.setenv("LTHKIT_DATA", str(tmp_path))
    assert SHIPPED.dataset("smallnorb").cameras == "left"
    assert len(load(DataSpec(name="smallnorb", validation=0.2), SHIPPED, CPU).validation) == 3


def test_missing_files_are_named_with_their_folder(tmp_path):
    published(tmp_path / "root", True)
    gone = tmp_path / "root" / f"{NAMES['test']}-cat.mat.gz"
    gone.unlink()
    expected = (str(tmp_path / "root"), f"{NAMES['test']}-cat.mat (or .gz)", "ask a friend")
    refused(catalog(tmp_path), *expected)
    row = catalog(tmp_path).listing()[0]
    assert not row.present
    assert all(part in row.where for part in expected)
    assert "dat" not in row.where


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("length", [0, 7, 15, 1000, -1])
def test_file_cut_off_is_refused(tmp_path, zipped, length):
    published(tmp_path / "root", zipped)
    path = tmp_path / "root" / f"{NAMES['train']}-dat.mat{'.gz' if zipped else ''}"
    path.write_bytes(path.read_bytes()[:length])
    refused(catalog(tmp_path), str(path), "get")


@pytest.mark.parametrize(
    ("offset", "content", "part"),
    [
        (0, b"\x51", "no binary matrix"),
        (4, struct.pack("<i", 0), "no binary matrix"),
        (4, struct.pack("<i", 99), "no binary matrix"),
        (8, struct.pack("<i", 16), "[16, 2, 96, 96]"),
        (8, struct.pack("<i", -15), "[-15, 2, 96, 96]"),
        (8, struct.pack("<4i", -15, -2, 96, 96), "[-15, -2, 96, 96]"),
        (8, struct.pack("<4i", *[2**31 - 1] * 4), "cut off"),
        (8, struct.pack("<4i", 30, 1, 96, 96), "no pairs"),
    ],
)
def test_damaged_header_is_refused(tmp_path, offset, content, part):
    published(tmp_path / "root", False)
    path = tmp_path / "root" / f"{NAMES['train']}-dat.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[:offset] + content + whole[offset + len(content) :])
    refused(catalog(tmp_path), str(path), part)


@pytest.mark.parametrize("categories", [np.zeros(14), np.full(15, 5), np.full(15, -1), np.zeros((15, 2))])
def test_labels_that_do_not_fit_the_pairs_are_refused(tmp_path, categories):
    published(tmp_path / "root", False)
    path = tmp_path / "root" / f"{NAMES['train']}-cat.mat"
    path.write_bytes(binary_matrix(categories.astype(np.int32)))
    refused(catalog(tmp_path), str(path), "15 pairs")


def test_matrices_of_any_dimensions(tmp_path):
    for shape in ((4,), (3, 2), (2, 3, 4), (2, 2, 2, 2, 2)):
        for kind in (np.uint8, np.int32):
            values = np.arange(np.prod(shape)).reshape(shape).astype(kind)
            (tmp_path / "x.mat").write_bytes(binary_matrix(values))
            found = read_matrix(tmp_path / "x.mat", "'x'")
            assert found.dtype == kind
            assert np.array_equal(found, values)
