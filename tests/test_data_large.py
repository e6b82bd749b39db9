"""ImageNet and VisDA2017 in their published layouts, with their usual transforms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from lthkit.catalog import load_catalog
from lthkit.data import DataSpec, evaluation_batches, load, training_batches

SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")
VISDA = (
    "aeroplane bicycle bus car horse knife motorcycle person plant skateboard train truck".split()  # noqa: SIM905
)
USUAL = {"stream": True, "size": 224, "resized_crop": True, "flip": True, "validation": 0.0}


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    for label, wnid in enumerate(("n01440764", "n01443537", "n01484850")):
        for number in range(2):
            picture(tmp_path / "imagenet" / "train" / wnid / f"{wnid}_{number}.JPEG", 10 * label + number)
        picture(tmp_path / "imagenet" / "val" / wnid / f"ILSVRC2012_val_0000000{label}.JPEG", 50 + label)
    for split in ("train", "validation"):
        for label, name in enumerate(VISDA):
            picture(
                tmp_path / "visda2017" / split / name / f"{split}_{label}.{'png' if split == 'train' else 'jpg'}", 1
            )
        (tmp_path / "visda2017" / split / "image_list.txt").write_text("aeroplane/train_0.png 0\n")
    monkeypatch.setenv("LTHKIT_DATA", str(tmp_path))
    return tmp_path


def test_imagenet_by_its_wnids(root):
    splits = load(DataSpec(name="imagenet", **USUAL), SHIPPED, torch.device("cpu"))
    assert splits.classes == ("n01440764", "n01443537", "n01484850")
    assert (len(splits.train), len(splits.test), splits.shape) == (6, 3, (3, 224, 224))
    images, labels = next(training_batches(splits, batch_size=6, seed=0, epoch=0))
    assert (images.shape, sorted(labels.tolist())) == ((6, 3, 224, 224), [0, 0, 1, 1, 2, 2])


def test_evaluation_is_torchvisions_preset(root):
    from torchvision.models import ResNet50_Weights

    splits = load(DataSpec(name="imagenet", **USUAL), SHIPPED, torch.device("cpu"))
    images, labels = next(evaluation_batches(splits.test, splits, batch_size=3))
    assert labels.tolist() == [0, 1, 2]
    path = root / "imagenet" / "val" / "n01443537" / "ILSVRC2012_val_00000001.JPEG"
    preset = ResNet50_Weights.IMAGENET1K_V1.transforms()
    torch.testing.assert_close(images[1], preset(Image.open(path)), atol=1e-5, rtol=0)
    pixels = v2.functional.center_crop(v2.functional.resize(Image.open(path), [256]), [224])
    assert np.array_equal(splits.test.decoder(splits.test.samples.items[1], None), np.asarray(pixels))


def test_visda_trains_on_rendered_and_tests_on_real_images(root):
    splits = load(DataSpec(name="visda2017", **USUAL), SHIPPED, torch.device("cpu"))
    assert list(splits.classes) == VISDA
    assert splits.train.labels.tolist() == splits.test.labels.tolist() == list(range(12))
    assert all(b"/train/" in item and item.endswith(b".png") for item in splits.train.samples.items)
    assert all(b"/validation/" in item and item.endswith(b".jpg") for item in splits.test.samples.items)
    assert {row.name for row in SHIPPED.listing() if row.present} >= {"imagenet", "visda2017"}
