import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lthkit.catalog import Catalog, load_catalog
from lthkit.catalog.datasets.folder import FolderEntry
from lthkit.data import DataSpec, Resident, Splits, fingerprint, load
from lthkit.errors import LthkitError

CPU = torch.device("cpu")
SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")
CIFAR_SET = os.environ.get("LTHKIT_DATA", "")


def picture(seed: int, height: int = 6, width: int = 6) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def pets(tmp_path) -> Catalog:
    """Three classes of 8 training and 2 test images, 6×6, colour PNG."""
    root = tmp_path / "pets"
    for part, (split, count) in enumerate((("train", 8), ("test", 2))):
        for label, name in enumerate(("cat", "cow", "dog")):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(picture(100 * part + 10 * label + number))
                image.save(root / split / name / f"{number}.png")
    entry = FolderEntry.parse(
        {"name": "pets", "type": "folder", "root": "pets", "licence": "CC0", "get": "ask a friend"}, "test"
    )
    return Catalog(tmp_path / "data_catalog.yaml", {"pets": entry}, {})


def taken(catalog: Catalog, **settings: object) -> Splits:
    return load(DataSpec.parse({"name": "pets", **settings}, "test"), catalog, CPU)


def folder(catalog: Catalog) -> Path:
    return catalog.root / "pets"


def refused(catalog: Catalog, *parts: str, **settings: object) -> None:
    with pytest.raises(LthkitError) as caught:
        taken(catalog, **settings)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def with_entry(catalog: Catalog, **changes: object) -> Catalog:
    values = {**catalog.dataset("pets").plain(), **changes}
    return Catalog(catalog.path, {"pets": FolderEntry.parse(values, "test")}, {})


def test_digits_counts_and_pixels():
    splits = load(DataSpec(name="digits", channels=1), SHIPPED, CPU)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (1293, 144, 360)
    assert splits.test.labels.bincount().tolist() == [36] * 10
    # the package's counts are 178 182 177 183 181 182 181 179 174 180
    whole = splits.train.labels.bincount() + splits.validation.labels.bincount()
    assert whole.tolist() == [142, 146, 141, 147, 145, 146, 145, 143, 138, 144]
    assert splits.shape == (1, 8, 8)
    assert splits.train.images.unique().tolist() == [round(grey * 255 / 16 + 1e-9) for grey in range(17)]
    assert splits.classes == tuple("0123456789")


def test_digits_test_split_is_the_last_of_each_class():
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)
    splits = load(DataSpec(name="digits", channels=1, validation=0.0), SHIPPED, CPU)
    assert splits.validation is None
    for label in range(10):
        mine = splits.test.images[splits.test.labels == label].reshape(-1, 64)
        theirs = np.floor(grey[labels == label][-36:] * 255 / 16 + 0.5)
        assert np.array_equal(mine, theirs)


def test_digits_normalisation_in_the_catalog_is_that_of_the_training_split():
    splits = load(DataSpec(name="digits", channels=1, validation=0.0), SHIPPED, CPU)
    images = splits.train.images.double() / 255
    stated = SHIPPED.dataset("digits").normalisation
    assert stated.mean == (round(images.mean().item(), 4),)
    assert stated.std == (round(images.std(correction=0).item(), 4),)


def test_source_and_target_digits_are_relabelled():
    splits = load(DataSpec(name="digits", classes=(9, "5")), SHIPPED, CPU)
    assert splits.classes == ("9", "5")
    assert splits.test.labels.bincount().tolist() == [36, 36]
    whole = load(DataSpec(name="digits"), SHIPPED, CPU)
    assert torch.equal(splits.test.images[splits.test.labels == 0], whole.test.images[whole.test.labels == 9])


def test_folder_pixels_labels_and_order(pets):
    splits = taken(pets, validation=0.0)
    assert splits.classes == ("cat", "cow", "dog")
    assert splits.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    expected = np.stack([picture(10 * label + number) for label in range(3) for number in range(8)])
    assert np.array_equal(splits.train.images, expected)
    assert np.array_equal(splits.test.images[3], picture(111))


def test_folder_agrees_with_torchvision(pets):
    from torchvision.datasets import ImageFolder

    (folder(pets) / "train" / "cow" / "more").mkdir()
    Image.fromarray(picture(7)).save(folder(pets) / "train" / "cow" / "more" / "a.PNG")
    (folder(pets) / "train" / "cow" / "notes.txt").write_text("no image")
    theirs = ImageFolder(str(folder(pets) / "train"))
    mine = taken(pets, validation=0.0).train
    assert mine.labels.tolist() == sorted(theirs.targets)
    assert {image.tobytes() for image in mine.images.numpy()} == {image.tobytes() for image, _ in theirs}


@pytest.mark.parametrize("stream", [False, True])
def test_validation_and_train_are_the_whole_and_disjoint(pets, stream):
    def items(source):
        if stream:
            return set(source.samples.items.tolist())
        return {image.tobytes() for image in source.images.numpy()}

    splits = taken(pets, validation=0.25, stream=stream)
    whole = taken(pets, validation=0.0, stream=stream)
    assert splits.validation.labels.bincount().tolist() == [2, 2, 2]
    assert not items(splits.train) & items(splits.validation)
    assert items(splits.train) | items(splits.validation) == items(whole.train)
    assert items(taken(pets, validation=0.25, stream=stream, split_seed=1).train) != items(splits.train)
    assert items(taken(pets, validation=0.25, stream=stream, pad=2, flip=True).train) == items(splits.train)


def test_count_keeps_so_many_before_validation(pets):
    splits = taken(pets, count=12, validation=0.25)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (9, 3, 6)
    refused(pets, "'pets'", "9 training images of class 'cat'", "has 8", count=25)


@pytest.mark.parametrize("stream", [False, True])
def test_a_share_of_the_test_split_leaves_the_others_as_they_are(pets, stream):
    whole, quick = (taken(pets, validation=0.25, stream=stream, test_share=share) for share in (1.0, 0.5))
    assert whole.test.labels.bincount().tolist() == [2, 2, 2]
    assert quick.test.labels.bincount().tolist() == [1, 1, 1]
    assert [len(quick.train), len(quick.validation)] == [len(whole.train), len(whole.validation)]
    assert fingerprint(quick) != fingerprint(whole)


def test_border_is_black_and_stored_once(pets):
    plain, padded = taken(pets).train, taken(pets, pad=2).train
    assert padded.stock.shape == (len(plain), 10, 10, 3)
    assert torch.equal(padded.images, plain.images)
    assert padded.stock.sum() == plain.stock.sum()
    assert taken(pets, pad=2).test.pad == 0


def test_channels_and_size(pets):
    grey = taken(pets, channels=1, size=4, validation=0.0)
    assert grey.shape == (1, 4, 4)
    reference = Image.fromarray(picture(0)).convert("L").resize((4, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(grey.train.images[0, :, :, 0], np.asarray(reference))
    digits = load(DataSpec(name="digits"), SHIPPED, CPU).train.images
    assert torch.equal(digits[..., 0], digits[..., 2])


def test_luma_normalisation_for_grey_and_repeated_for_colour(pets):
    colour = {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}
    found = taken(with_entry(pets, normalisation=colour), channels=1).normalisation
    assert found.mean == pytest.approx((0.299 * 0.1 + 0.587 * 0.2 + 0.114 * 0.3,))
    assert found.std == pytest.approx((0.299 + 0.587 * 2 + 0.114 * 3,))
    grey = with_entry(pets, normalisation={"mean": [0.5], "std": [0.25]})
    assert taken(grey).normalisation.std == (0.25, 0.25, 0.25)
    assert taken(grey, normalise=False).normalisation.mean == (0.0, 0.0, 0.0)


def test_split_folders_and_class_order_come_from_the_entry(pets):
    (folder(pets) / "test").rename(folder(pets) / "val")
    refused(pets, "test is missing", "`splits`", "ask a friend")
    renamed = with_entry(pets, splits={"train": "train", "test": "val"}, classes=["dog", "cat", "cow"])
    splits = taken(renamed, validation=0.0)
    assert splits.classes == ("dog", "cat", "cow")
    assert np.array_equal(splits.test.images[0], picture(120))
    refused(with_entry(renamed, classes=["dog", "cat"]), "differ between the catalog and train", "only in train: cow")


def test_missing_folder_says_how_to_get_it(pets):
    folder(pets).rename(folder(pets).with_name("cats"))
    refused(pets, "'pets'", "is missing", "ask a friend")


def test_class_folders_that_differ_are_named(pets):
    (folder(pets) / "train" / "dog").rename(folder(pets) / "train" / "Dog")
    refused(pets, "only in train: Dog", "only in test: dog")


@pytest.mark.parametrize("part", ["test/cow", "test"])
def test_empty_class_and_empty_split_are_named(pets, part):
    for item in sorted((folder(pets) / part).rglob("*"), reverse=True):
        item.unlink() if item.is_file() else item.rmdir()
    refused(pets, part, "ask a friend")


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_unreadable_image_is_named(pets, content):
    path = folder(pets) / "train" / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:-60] if content is None else content)
    refused(pets, str(path), "cannot be read")


def test_deep_pixels_are_refused_not_clipped(pets):
    path = folder(pets) / "test" / "dog" / "1.png"
    Image.fromarray(np.full((6, 6), 40000, dtype=np.uint16)).save(path)
    refused(pets, str(path), "8 bits")


def test_images_of_different_sizes_need_a_size(pets):
    path = folder(pets) / "test" / "cow" / "0.png"
    Image.fromarray(picture(0, height=5, width=7)).save(path)
    refused(pets, str(path), "7×5", "6×6", "`size`")
    assert taken(pets, size=6).test.shape == (3, 6, 6)


@pytest.mark.parametrize("what", ["image", "class"])
def test_links_out_of_the_root_are_refused(pets, what):
    inner = folder(pets) / "train" / "dog" / ("8.png" if what == "image" else "")
    outer = pets.root / ("8.png" if what == "image" else "dogs")
    if what == "image":
        Image.fromarray(picture(1)).save(outer)
    else:
        inner.rename(outer)
    inner.symlink_to(outer)
    refused(pets, "'pets'", "outside its root")


def test_folder_that_cannot_be_listed_is_named(pets, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lthkit.catalog.datasets.folder.os.scandir", denied)
    refused(pets, "'pets'", "Permission denied", str(folder(pets)))


def test_links_within_the_root_are_followed(pets):
    (folder(pets) / "train" / "dog" / "8.png").symlink_to("0.png")
    assert len(taken(pets, validation=0.0).train) == 25


def test_set_too_big_for_memory_asks_to_stream(pets, monkeypatch):
    need = 24 * 10 * 10 * 3 + 6 * 6 * 6 * 3
    monkeypatch.setattr("lthkit.data.memory.available_memory", lambda device: 2 * need)
    assert isinstance(taken(pets, pad=2, validation=0.0).train, Resident)
    monkeypatch.setattr("lthkit.data.memory.available_memory", lambda device: 2 * need - 1)
    refused(pets, "'pets'", "`stream: true`", pad=2, validation=0.0)
    assert len(taken(pets, pad=2, stream=True).test) == 6


def test_unknown_class_and_entry(pets):
    refused(pets, "no class 'dgo'", "dog", classes=["dgo"])
    refused(pets, "no data set 'pet'", "'pets'", name="pet")


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"resized_crop": True, "size": 4}, "stream: true"),
        ({"resized_crop": True, "size": 4, "stream": True, "pad": 4}, "pad"),
        ({"validation": 1.0}, "validation"),
        ({"validation": "1e-1"}, "not a number"),
        ({"count": 0}, "count"),
        ({"test_share": 0.0}, "test_share"),
        ({"test_share": 1.5}, "test_share"),
        ({"test_share": 0.01}, "test_share 0.01 of 6 images is none"),
        ({"channels": 2}, "channels"),
        ({"classes": []}, "classes"),
        ({"flipp": True}, "unknown key 'flipp'"),
    ],
)
def test_faulty_spec_is_refused(pets, settings, part):
    refused(pets, part, **settings)


@pytest.mark.skipif(
    not (Path(CIFAR_SET) / "cifar10-images").is_dir() or not CIFAR_SET, reason="needs LTHKIT_DATA/cifar10-images"
)
def test_real_cifar_folder_loads():
    splits = load(DataSpec(name="cifar10-images", count=200, stream=True), SHIPPED, CPU)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (180, 20, 10000)
    assert splits.shape == (3, 32, 32)
