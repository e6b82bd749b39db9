"""Data files that nobody vouches for: decoders, pipes, devices, and promises larger than what is there."""

import gzip
import os
import resource
import shutil
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lthkit.catalog import Catalog, images
from lthkit.catalog.datasets import smallnorb, torchvision
from lthkit.catalog.datasets.folder import FolderEntry
from lthkit.data import DataSpec, Splits, load
from lthkit.errors import LthkitError

POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 6 6
%%EndComments
0 0 6 6 rectfill
showpage
%%EOF
"""


@pytest.fixture
def pets(tmp_path: Path) -> Catalog:
    """Two classes of 2 training images and 1 test image, 6×6 PNG."""
    for split, count in (("train", 2), ("test", 1)):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(np.full((6, 6, 3), number, np.uint8)).save(folder / f"{number}.png")
    return catalog(tmp_path)


def catalog(folder: Path, **changes: object) -> Catalog:
    values = {"name": "pets", "type": "folder", "root": "pets", "licence": "CC0", "get": "ask a friend", **changes}
    return Catalog(folder / "data_catalog.yaml", {"pets": FolderEntry.parse(values, "test")}, {})


def taken(found: Catalog, **settings: object) -> Splits:
    return load(DataSpec(name="pets", validation=0.0, **settings), found, torch.device("cpu"))


def refused(found: Catalog, *parts: str, **settings: object) -> str:
    with pytest.raises(LthkitError) as caught:
        taken(found, **settings)
    assert str(caught.value).isprintable()
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    return str(caught.value)


def png_header(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that promises so many grey pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff"])
def test_postscript_named_as_an_image_runs_nothing(pets, monkeypatch, suffix):
    tools = pets.root / "tools"
    tools.mkdir()
    (tools / "gs").write_text(f"#!/bin/sh\ntouch {pets.root / 'it_ran'}\n")
    (tools / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    path = pets.root / "pets" / "train" / "dog" / f"1.{suffix}"
    path.write_bytes(POSTSCRIPT)
    refused(pets, str(path), "none of JPEG, PNG")
    assert not (pets.root / "it_ran").exists()


@pytest.mark.parametrize("format", ["GIF", "ICO", "PCX", "TGA", "SGI", "PDF"])
def test_only_formats_that_are_meant_are_decoded(pets, format):
    path = pets.root / "pets" / "train" / "dog" / "1.png"
    Image.fromarray(np.zeros((6, 6, 3), np.uint8)).save(path, format=format)
    refused(pets, str(path), "none of JPEG, PNG")


@pytest.mark.parametrize("format", images.FORMATS)
def test_formats_that_are_meant_are_decoded_whatever_the_suffix(pets, format):
    Image.fromarray(np.full((6, 6, 3), 9, np.uint8)).save(pets.root / "pets" / "train" / "dog" / "1.png", format=format)
    assert taken(pets).train.images[-1].float().mean() == pytest.approx(9, abs=1)


def test_a_pipe_or_device_among_the_images_neither_hangs_nor_fills_memory(pets):
    path = pets.root / "pets" / "train" / "dog" / "1.png"
    path.unlink()
    os.mkfifo(path)
    began = time.monotonic()
    refused(pets, str(path), "no regular file")
    path.unlink()
    path.symlink_to("/dev/zero")
    refused(pets, "outside its root")
    refused(catalog(pets.root, follow_links=True), "/1.png", "no regular file")
    assert time.monotonic() - began < 20


def test_an_image_that_promises_too_much_is_refused_before_memory_is_taken(pets):
    path = pets.root / "pets" / "train" / "dog" / "1.png"
    path.write_bytes(png_header(10_001, 10_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(pets, str(path), "10,001×10,000 pixels", "make it smaller", size=6)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_names_cannot_steer_a_terminal(pets):
    path = pets.root / "pets" / "train" / "dog" / "\x1b[2J\nevil.png"
    path.write_bytes(b"no image")
    assert r"\x1b[2J\nevil.png" in refused(pets)


def test_shortage_of_memory_is_not_called_damage(pets, monkeypatch):
    def short(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(Image, "open", short)
    assert "damage" not in refused(pets, "memory is too short")


def test_linked_folders_are_followed_on_request_and_circles_are_told(pets):
    shutil.move(pets.root / "pets" / "train" / "dog", pets.root / "dogs")
    (pets.root / "pets" / "train" / "dog").symlink_to(pets.root / "dogs")
    refused(pets, "outside its root", "`follow_links: true`")
    allowed = catalog(pets.root, follow_links=True)
    assert taken(allowed).train.labels.tolist() == [0, 0, 1, 1]
    (pets.root / "dogs" / "more").symlink_to(pets.root / "dogs")
    refused(allowed, "circles")


@pytest.mark.parametrize("root", ["a\0b", "n" * 300, "pets/train/dog/0.png/below"])
def test_roots_that_cannot_be_are_one_sentence(pets, root):
    found = catalog(pets.root, root=root)
    refused(found, "'pets'")
    assert not found.listing()[0].present


def bomb(path: Path, head: bytes, nbytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", 1) as file:
        file.write(head)
        for _ in range(nbytes // 2**20):
            file.write(bytes(2**20))


def test_gzip_bombs_unfold_to_no_more_than_the_published_file(tmp_path, monkeypatch):
    monkeypatch.setattr(smallnorb, "MOST_BYTES", 10**6)
    monkeypatch.setattr(torchvision, "MOST_IDX_BYTES", 10**6)
    bomb(tmp_path / "x.mat.gz", smallnorb_head(), 2**26)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LthkitError, match="holds more than 1,000,000 bytes"):
        smallnorb.read_matrix(tmp_path / "x.mat.gz", "'x'")
    values = {"name": "it", "type": "torchvision", "set": "MNIST", "root": ".", "licence": "CC0", "get": "ask"}
    entry = torchvision.TorchvisionEntry.parse(values, "test")
    for names in entry.files:
        bomb(tmp_path / names[1], b"", 2**26)
    with pytest.raises(LthkitError, match="holds more than 1,000,000 bytes"):
        entry.read(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def smallnorb_head() -> bytes:
    return struct.pack("<6i", smallnorb.BYTES, 4, 2**16, 2, 16, 32)


def test_largest_published_files_pass():
    assert smallnorb.MOST_BYTES == 4 * (2 + 4) + 24_300 * 2 * 96 * 96
    assert torchvision.MOST_IDX_BYTES == 4 * (1 + 3) + 60_000 * 28 * 28
