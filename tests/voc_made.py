"""Small data sets in Pascal VOC's layout, made by tests."""

from pathlib import Path

import numpy as np
from PIL import Image

CATALOG = """
datasets:
  shapes:
    type: voc
    annotations: {kind}
    root: {root}
    train: [VOC2007/trainval]
    test: [VOC2007/test]
    classes: {classes}
    licence: unknown
    get: make it
checkpoints: {{}}
"""


def annotation(*objects, width=40, height=20):
    """The text of an annotation; objects are (class, xmin, ymin, xmax, ymax[, difficult])."""
    found = "".join(
        f"<object><name>{name}</name><difficult>{int(*more or [0])}</difficult><bndbox><xmin>{left}</xmin>"
        f"<ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom, *more in objects
    )
    return f"<annotation><size><width>{width}</width><height>{height}</height></size>{found}</annotation>"


def write_boxes(root: Path, splits: dict[str, dict[str, str]], year="VOC2007", size=(40, 20)) -> Path:
    """``splits``: list name → image name → text of its annotation."""
    folder = root / year
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for split, images in splits.items():
        (folder / f"ImageSets/Main/{split}.txt").write_text("\n".join(images) + "\n")
        for number, (name, text) in enumerate(images.items()):
            (folder / f"Annotations/{name}.xml").write_text(text)
            Image.new("RGB", size, (number * 20 % 256, 100, 50)).save(folder / f"JPEGImages/{name}.jpg")
    return root


def write_masks(root: Path, splits: dict[str, dict[str, np.ndarray]], year="VOC2007") -> Path:
    """``splits``: list name → image name → uint8 mask; written with a palette, as VOC's are."""
    folder = root / year
    for part in ("SegmentationClass", "JPEGImages", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for split, images in splits.items():
        (folder / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(images) + "\n")
        for name, mask in images.items():
            image = Image.fromarray(mask, mode="P")
            image.putpalette([value for number in range(256) for value in (number, 255 - number, 128)])
            image.save(folder / f"SegmentationClass/{name}.png")
            Image.fromarray(np.repeat(mask[..., None] * 40, 3, 2)).save(folder / f"JPEGImages/{name}.jpg")
    return root


def write_catalog(folder: Path, kind: str, root: Path, classes="[ball, box]") -> Path:
    """A catalog whose entry `shapes` lies at ``root``."""
    path = folder / "data_catalog.yaml"
    path.write_text(CATALOG.format(kind=kind, root=root, classes=classes))
    return path
