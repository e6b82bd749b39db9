import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lthkit.catalog import Catalog
from lthkit.catalog.datasets.folder import FolderEntry
from lthkit.data import DataSpec, Splits, cache, fingerprint, load
from lthkit.data.cache import cache_folder
from lthkit.errors import LthkitError, LthkitWarning

CPU = torch.device("cpu")
COUNTS = {"train": 8, "test": 2}


def picture(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (6, 5, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LTHKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path) -> Catalog:
    """Three classes of 8 training and 2 test images."""
    for part, (split, count) in enumerate(COUNTS.items()):
        for label, name in enumerate(("cat", "cow", "dog")):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(picture(100 * part + 10 * label + number))
                image.save(tmp_path / "pets" / split / name / f"{number}.png")
    values = {"name": "a/pet set", "type": "folder", "root": "pets", "licence": "CC0", "get": "ask"}
    return Catalog(tmp_path / "data_catalog.yaml", {"a/pet set": FolderEntry.parse(values, "test")}, {})


def taken(catalog: Catalog, **settings: object) -> Splits:
    return load(DataSpec.parse({"name": "a/pet set", **settings}, "test"), catalog, CPU)


@pytest.fixture
def decoded(monkeypatch) -> list[bytes]:
    """The images that were decoded (beside the one that is opened for its size)."""
    done: list[bytes] = []
    original = cache.decode_into

    def noted(pixels, samples, decoder):
        done.extend(samples.items.tolist())
        original(pixels, samples, decoder)

    monkeypatch.setattr(cache, "decode_into", noted)
    return done


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def without_cache(monkeypatch, catalog: Catalog, **settings: object) -> str:
    with monkeypatch.context() as context:
        context.setenv("LTHKIT_CACHE", "off")
        return fingerprint(taken(catalog, **settings))


SETTINGS = [
    {},
    {"channels": 1},
    {"size": 4},
    {"pad": 2, "flip": True},
    {"split_seed": 3, "validation": 0.25},
    {"validation": 0.0},
    {"classes": ["dog", "cat"]},
    {"count": 12, "validation": 0.25},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_cached_and_decoded_are_the_same_bits(pets, monkeypatch, kept, decoded, settings):
    expected = without_cache(monkeypatch, pets, **settings)
    assert files(kept) == []
    options = {key: settings[key] for key in ("channels", "size") if key in settings}
    taken(pets, **options)
    assert len(files(kept)) == 2
    decoded.clear()
    assert fingerprint(taken(pets, **settings)) == expected
    assert decoded == []
    assert len(files(kept)) == 2


def test_decoded_once(pets, decoded, kept):
    first = taken(pets)
    assert len(decoded) == 30
    again = taken(pets)
    assert len(decoded) == 30
    assert torch.equal(first.train.stock, again.train.stock)
    assert [path.name.partition("-")[0] for path in files(kept)] == ["a_pet_set"] * 2


def test_what_is_read_has_been_written_not_the_images(pets, kept):
    size = {"size": 4, "validation": 0.0}
    expected = taken(pets, **size).train.images.clone()
    with pytest.MonkeyPatch.context() as context:
        context.setattr("lthkit.catalog.images.Image.open", None)
        assert torch.equal(taken(pets, **size).train.images, expected)


@pytest.mark.parametrize("subset", [{"count": 6}, {"classes": ["cat"]}, {"stream": True}])
def test_a_subset_does_not_wait_for_all_and_a_stream_for_nothing(pets, kept, decoded, subset):
    taken(pets, **subset)
    assert decoded == []
    assert files(kept) == []


def test_options_that_change_pixels_have_their_own_files(pets, kept):
    for number, settings in enumerate([{}, {"channels": 1}, {"size": 4}, {"size": 4, "channels": 1}], 1):
        taken(pets, **settings)
        assert len(files(kept)) == 2 * number


@pytest.mark.parametrize("change", ["content", "content and time", "name", "new", "gone"])
def test_changed_files_are_decoded_again(pets, monkeypatch, change, kept):
    taken(pets)
    path = pets.root / "pets" / "train" / "cow" / "3.png"
    before = path.stat()
    if change.startswith("content"):
        # of the same size, as restored from an archive
        Image.fromarray(picture(999)).save(path, compress_level=0)
        twin = path.with_name("2.png")
        Image.fromarray(picture(12)).save(twin, compress_level=0)
        taken(pets)
        before = path.stat()
        path.write_bytes(twin.read_bytes())
        if change == "content and time":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
    elif change == "name":
        path.rename(path.with_name("33.png"))
    elif change == "new":
        Image.fromarray(picture(999)).save(path.with_name("9.png"))
    else:
        path.unlink()
    assert fingerprint(taken(pets)) == without_cache(monkeypatch, pets)


def test_switched_off(pets, monkeypatch, kept, decoded):
    monkeypatch.setenv("LTHKIT_CACHE", "off")
    taken(pets)
    assert cache_folder() is None
    assert (files(kept), decoded) == ([], [])


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LTHKIT_CACHE")
    assert cache_folder() == tmp_path / ".cache" / "lthkit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "lthkit"
    monkeypatch.setenv("LTHKIT_CACHE", "~/y")
    assert cache_folder() == tmp_path / "y"


@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "empty", "header", "shape", "other"])
def test_damaged_file_is_said_and_made_anew(pets, kept, capsys, damage, decoded):
    expected = fingerprint(taken(pets))
    path = next(path for path in files(kept) if path.stat().st_size > 1000)
    content = path.read_bytes()
    head, _, body = content.partition(b"\n")
    replaced = {
        "flip": content[:-1] + bytes([content[-1] ^ 1]),
        "cut": content[:-1],
        "longer": content + b"\0",
        "empty": b"",
        "header": head + b"\n",
        "shape": head.replace(b"[24, 6, 5, 3]", b"[24, 5, 6, 3]") + b"\n" + body,
        "other": b"\xff[]\n" + body,
    }
    assert replaced[damage] != content
    path.write_bytes(replaced[damage])
    decoded.clear()
    assert fingerprint(taken(pets)) == expected
    assert len(decoded) == 24
    assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_bytes() == content
    assert fingerprint(taken(pets)) == expected
    assert len(decoded) == 24


def test_file_says_its_own_hash(pets, kept):
    taken(pets)
    for path in files(kept):
        head, _, body = path.read_bytes().partition(b"\n")
        assert hashlib.sha256(body).hexdigest().encode() in head


def test_a_killed_writer_leaves_nothing_that_is_read(pets, kept, monkeypatch, decoded):
    expected = without_cache(monkeypatch, pets)

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("os.replace", killed)
        context.setattr("pathlib.Path.unlink", lambda *arguments, **options: None)
        with pytest.raises(KeyboardInterrupt):
            taken(pets)
    (left,) = files(kept)
    assert not left.name.endswith(".pixels")
    decoded.clear()
    assert fingerprint(taken(pets)) == expected
    assert len(decoded) == 30


def test_writers_at_once_do_no_harm(pets, kept, monkeypatch):
    expected = without_cache(monkeypatch, pets)
    found = []
    threads = [threading.Thread(target=lambda: found.append(fingerprint(taken(pets)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert len(files(kept)) == 2


def test_folder_that_cannot_be_written_is_said_and_the_set_loads(pets, kept, monkeypatch):
    expected = without_cache(monkeypatch, pets)
    kept.write_text("a file, no folder")
    with pytest.warns(LthkitWarning, match=rf"{kept}.*LTHKIT_CACHE"):
        assert fingerprint(taken(pets)) == expected


def test_large_sets_are_not_kept(pets, kept, monkeypatch, decoded):
    size = 30 * 6 * 5 * 3
    monkeypatch.setattr(cache, "LARGEST_SET", size - 1)
    taken(pets)
    assert (files(kept), decoded) == ([], [])
    monkeypatch.setattr(cache, "LARGEST_SET", size)
    taken(pets)
    assert len(files(kept)) == 2


def test_what_was_not_used_for_longest_makes_room(pets, kept, monkeypatch):
    taken(pets)
    old = files(kept)
    taken(pets, size=4)
    middle = [path for path in files(kept) if path not in old]
    mine = kept / "notes.txt"
    mine.write_text("not ours")
    for number, path in enumerate([*middle, *old, mine]):
        os.utime(path, (number, number))
    taken(pets)  # used again
    new = 24 * 6 * 5 + 6 * 6 * 5
    monkeypatch.setattr(cache, "LARGEST_CACHE", sum(path.stat().st_size for path in old) + new + 500)
    taken(pets, channels=1)
    assert not any(path.exists() for path in middle)
    assert all(path.exists() for path in [*old, mine])
    assert len(files(kept)) == 5


def test_link_to_nowhere_and_damaged_image_are_named_as_without(pets, kept):
    (pets.root / "pets" / "test" / "dog" / "5.png").symlink_to("nothing.png")
    with pytest.raises(LthkitError, match=r"5\.png cannot be read"):
        taken(pets)
    (pets.root / "pets" / "test" / "dog" / "5.png").unlink()
    (pets.root / "pets" / "test" / "dog" / "1.png").write_bytes(b"no image")
    with pytest.raises(LthkitError, match=r"1\.png cannot be read"):
        taken(pets)
