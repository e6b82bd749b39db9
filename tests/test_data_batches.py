from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lthkit.catalog import Catalog
from lthkit.catalog.datasets.folder import FolderEntry
from lthkit.data import DataSpec, Splits, evaluation_batches, load, steps_per_epoch, training_batches
from lthkit.data.augment import cut, draw
from lthkit.errors import LthkitError
from lthkit.seeds import derive, torch_generator

CPU = torch.device("cpu")
NORMALISATION = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.25, 0.125]}


@pytest.fixture(scope="module")
def pets(tmp_path_factory) -> Catalog:
    """Two classes of 11 training and 3 test images, 6 high, 5 wide."""
    folder = tmp_path_factory.mktemp("batches")
    random = np.random.RandomState(0)
    for split, count in (("train", 11), ("test", 3)):
        for name in ("cat", "dog"):
            (folder / "pets" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.randint(0, 256, (6, 5, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / "pets" / split / name / f"{number:02}.png")
    values = {"name": "pets", "type": "folder", "root": "pets", "licence": "CC0", "get": "ask"}
    entry = FolderEntry.parse({**values, "normalisation": NORMALISATION}, "test")
    return Catalog(folder / "data_catalog.yaml", {"pets": entry}, {})


def taken(pets: Catalog, **settings: object) -> Splits:
    return load(DataSpec.parse({"name": "pets", "validation": 0.0, **settings}, "test"), pets, CPU)


def epoch_of(splits: Splits, epoch: int = 0, seed: int = 1, **settings: object) -> list:
    return list(training_batches(splits, batch_size=4, seed=seed, epoch=epoch, **settings))


def same(first: list, second: list) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, b) and torch.equal(m, n) for (a, m), (b, n) in zip(first, second, strict=True)
    )


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 3), st.booleans(), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_cut_is_pad_crop_and_flip_of_each_image(pad, flip, height, width, seed):
    images = torch.randint(0, 256, (5, height, width, 2), generator=torch_generator(seed), dtype=torch.uint8)
    stock = torch.from_numpy(np.pad(images.numpy(), ((0, 0), (pad, pad), (pad, pad), (0, 0))))
    index = torch.tensor([3, 0, 3, 4])
    draws = draw(4, pad, flip, torch_generator(seed, "x"))
    found = cut(stock, index, pad, draws)
    for position, (top, left, flipped) in enumerate(draws.T.tolist()):
        image = stock[index[position]].numpy()[top : top + height, left : left + width]
        assert np.array_equal(found[position], image[:, ::-1] if flipped else image)
    assert torch.equal(cut(stock, index, pad, None), images[index])


def test_draws_cover_their_range_and_nothing_else():
    top, left, flipped = draw(2000, 4, True, torch_generator(0))
    assert top.unique().tolist() == left.unique().tolist() == list(range(9))
    assert flipped.unique().tolist() == [0, 1]
    assert 900 < flipped.sum() < 1100
    assert draw(50, 0, False, torch_generator(0)).abs().sum() == 0


def test_flip_and_crop_draws_do_not_depend_on_each_other():
    assert torch.equal(draw(9, 4, True, torch_generator(3))[:2], draw(9, 4, False, torch_generator(3))[:2])


def test_plain_batches_are_normalised_images_with_their_labels(pets):
    splits = taken(pets)
    images = splits.train.images.double() / 255
    expected = (images - torch.tensor(NORMALISATION["mean"])) / torch.tensor(NORMALISATION["std"])
    found, labels = next(training_batches(splits, batch_size=22, seed=0, epoch=0))
    assert (found.dtype, labels.dtype, found.shape) == (torch.float32, torch.int64, (22, 3, 6, 5))
    order = torch.randperm(22, generator=torch_generator(0, "order", 0))
    torch.testing.assert_close(found, expected[order].permute(0, 3, 1, 2).float())
    assert torch.equal(labels, splits.train.labels[order])


def test_memory_format_is_as_asked_and_changes_no_value(pets):
    splits = taken(pets, flip=True, pad=1)
    plain, last = epoch_of(splits), epoch_of(splits, channels_last=True)
    assert same(plain, last)
    assert plain[0][0].is_contiguous()
    assert last[0][0].is_contiguous(memory_format=torch.channels_last)
    assert not last[0][0].is_contiguous()


def test_an_epoch_takes_each_image_once_and_drops_the_rest(pets):
    splits = taken(pets)
    batches = epoch_of(splits)
    assert [len(labels) for _, labels in batches] == [4] * 5
    assert steps_per_epoch(splits.train, 4) == 5
    assert len(torch.cat([images for images, _ in batches]).flatten(1).unique(dim=0)) == 20


def test_set_smaller_than_a_batch_is_one_batch(pets):
    splits = taken(pets)
    assert steps_per_epoch(splits.train, 100) == 1
    ((images, _),) = training_batches(splits, batch_size=100, seed=0, epoch=0)
    assert len(images) == 22


@pytest.mark.parametrize("stream", [False, True])
def test_starting_in_the_middle_equals_skipping(pets, stream):
    splits = taken(pets, flip=True, pad=2, stream=stream)
    whole = epoch_of(splits, epoch=3)
    for start in range(6):
        assert same(epoch_of(splits, epoch=3, start=start), whole[start:])


@pytest.mark.parametrize("options", [{}, {"flip": True, "pad": 2}])
def test_seed_and_epoch_decide(pets, options):
    splits = taken(pets, **options)
    first = epoch_of(splits)
    assert same(first, epoch_of(taken(pets, **options)))
    assert not same(first, epoch_of(splits, epoch=1))
    assert not same(first, epoch_of(splits, seed=2))


def test_batches_leave_the_global_generator_alone(pets):
    for settings_ in ({"flip": True}, {"stream": True, "size": 4, "resized_crop": True}):
        torch.manual_seed(5)
        epoch_of(taken(pets, **settings_))
        drawn = torch.rand(1)
        torch.manual_seed(5)
        assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize("options", [{}, {"flip": True}, {"pad": 2}, {"flip": True, "pad": 1, "size": 4, "count": 14}])
def test_streamed_and_resident_give_the_same_batches(pets, options):
    options = {**options, "validation": 0.2}
    here, there = taken(pets, **options), taken(pets, **options, stream=True)
    assert same(epoch_of(here), epoch_of(there))
    for part in ("train", "validation", "test"):
        one, other = getattr(here, part), getattr(there, part)
        assert (len(one), one.shape) == (len(other), other.shape)
        assert torch.equal(one.labels, other.labels)
        assert same(
            list(evaluation_batches(one, here, batch_size=3)), list(evaluation_batches(other, there, batch_size=3))
        )


def test_number_of_workers_does_not_matter(pets):
    splits = taken(pets, stream=True, size=4, resized_crop=True, flip=True)
    alone = epoch_of(splits, epoch=2)
    for workers in (1, 2):
        assert same(alone, epoch_of(splits, epoch=2, workers=workers))
    assert same(alone[2:], epoch_of(splits, epoch=2, workers=2, start=2))


def test_resized_crops_differ_by_epoch_and_only_in_training(pets):
    splits = taken(pets, stream=True, size=4, resized_crop=True)

    def crops(epoch: int) -> set[bytes]:
        return {image.numpy().tobytes() for images, _ in epoch_of(splits, epoch=epoch) for image in images}

    assert len(crops(0) - crops(1)) > 10
    first = [list(evaluation_batches(splits.train, splits, batch_size=5)) for _ in range(2)]
    assert same(*first)


def test_each_resized_crop_is_torchvisions_with_the_samples_own_seed(pets):
    from torchvision.transforms import v2

    splits = taken(pets, stream=True, size=4, resized_crop=True, normalise=False)
    order = torch.randperm(22, generator=torch_generator(1, "order", 2))
    images, _ = epoch_of(splits, epoch=2)[1]
    for image, index in zip(images, order[4:8].tolist(), strict=True):
        path = splits.train.samples.items[index].decode()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(1, "sample", 2, index))
            expected = np.array(v2.RandomResizedCrop(4)(Image.open(path)))
        torch.testing.assert_close(image * 255, torch.from_numpy(expected).permute(2, 0, 1).float())


def test_evaluation_takes_the_centre_of_a_larger_resize(pets):
    from torchvision.transforms import v2

    splits = taken(pets, stream=True, size=224, resized_crop=True, normalise=False)
    path = Path(pets.root) / "pets" / "test" / "cat" / "00.png"
    resize = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])
    expected = torch.from_numpy(np.array(resize(Image.open(path)))).permute(2, 0, 1) / 255
    images, _ = next(evaluation_batches(splits.test, splits, batch_size=1))
    torch.testing.assert_close(images[0], expected)


def test_evaluation_is_in_order_without_augmentation(pets):
    splits = taken(pets, flip=True, pad=2, normalise=False)
    batches = list(evaluation_batches(splits.train, splits, batch_size=8))
    assert [len(labels) for _, labels in batches] == [8, 8, 6]
    images = torch.cat([images for images, _ in batches])
    torch.testing.assert_close(images * 255, splits.train.images.permute(0, 3, 1, 2).float())
    assert torch.equal(torch.cat([labels for _, labels in batches]), splits.train.labels)


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_image_is_named_while_streaming(pets, tmp_path, workers):
    import shutil

    shutil.copytree(pets.root / "pets", tmp_path / "pets")
    copy = Catalog(tmp_path / "data_catalog.yaml", pets.datasets, {})
    splits = taken(copy, stream=True)
    bad = tmp_path / "pets" / "train" / "dog" / "05.png"
    bad.write_bytes(b"no image")
    with pytest.raises(LthkitError) as caught:
        list(evaluation_batches(splits.train, splits, batch_size=4, workers=workers))
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)
    Image.fromarray(np.zeros((2, 3, 3), dtype=np.uint8)).save(bad)
    with pytest.raises(LthkitError, match=r"05\.png has 3×2 pixels.*`size`"):
        list(evaluation_batches(splits.train, splits, batch_size=4, workers=workers))


def test_wrong_numbers_are_refused_before_the_first_batch(pets):
    splits = taken(pets)
    for numbers in ({"batch_size": 0}, {"batch_size": 4, "workers": -1}):
        with pytest.raises(LthkitError, match="batch_size"):
            training_batches(splits, seed=0, epoch=0, **numbers)
        with pytest.raises(LthkitError, match="batch_size"):
            evaluation_batches(splits.test, splits, **numbers)
    for start in (-1, 6):
        with pytest.raises(LthkitError, match=f"start {start} .* 0…5"):
            training_batches(splits, batch_size=4, seed=0, epoch=0, start=start)
