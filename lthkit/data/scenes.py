"""Images with boxes or masks as a spec asks for them: of one size, decoded once or while training."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from lthkit.catalog import VOID, DatasetEntry, Normalisation, Scenes, SceneSet
from lthkit.data.augment import for_channels
from lthkit.data.memory import check_memory
from lthkit.data.spec import DataSpec
from lthkit.errors import LthkitError
from lthkit.seeds import frozen_random


@dataclass(frozen=True, eq=False)
class Scene:
    """One image at the size of its split and what is on it, in pixels of that size; all on the CPU.

    Attributes:
        image: uint8 (3, S, S).
        boxes: float32 (n, 4): left, top, right, bottom.
        labels: int64 (n,).
        difficult: bool (n,).
        weights: float32 (n,), how much of each object is seen: 1, but for those of two images mixed.
        mask: uint8 (S, S) of class numbers, ``VOID`` where there is none to learn; None without masks.
    """

    image: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    difficult: torch.Tensor
    weights: torch.Tensor
    mask: torch.Tensor | None


@dataclass(frozen=True, eq=False)
class SceneSource:
    """One split.

    Attributes:
        scenes: as published.
        size: height and width S that all images are stretched to.
        mask_classes: how many class numbers a mask may hold; 0 without masks.
        images: uint8 (N, 3, S, S) if they are decoded beforehand.
        masks: uint8 (N, S, S) likewise.
        shapes: int64 (N, 2), height and width of the published images, likewise.
    """

    scenes: Scenes
    size: int
    mask_classes: int
    images: torch.Tensor | None = None
    masks: torch.Tensor | None = None
    shapes: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.scenes)

    def scene(self, index: int) -> Scene:
        """A scene at the split's size.

        Raises:
            LthkitError: an image or mask cannot be read, or do not fit together (named).
        """
        if self.images is None or self.shapes is None:
            image, mask, shape = decoded(self, index)
        else:
            image, shape = self.images[index], self.shapes[index]
            mask = None if self.masks is None else self.masks[index]
        boxes, labels, difficult = _objects(self.scenes, index)
        return Scene(image, self._stretched(boxes, shape), labels, difficult, torch.ones(len(labels)), mask)

    def take(self, indices: np.ndarray) -> "SceneSource":
        """The scenes at these indices."""
        parts = {"images": self.images, "masks": self.masks, "shapes": self.shapes}
        kept = {name: None if part is None else part[indices] for name, part in parts.items()}
        return replace(self, scenes=self.scenes.take(indices), **kept)  # type: ignore[arg-type]

    def boxes(self) -> torch.Tensor:
        """float32 (n, 4): those of all scenes, as ``scene`` has them."""
        shapes = self.shapes if self.shapes is not None else [_shape(self.scenes, at) for at in range(len(self))]
        found = [self._stretched(_objects(self.scenes, at)[0], shape) for at, shape in enumerate(shapes)]
        return torch.cat([torch.zeros(0, 4), *found])

    def published_mask(self, index: int) -> torch.Tensor:
        """uint8 (H, W): the mask at the size of the published image, as it is scored."""
        assert self.scenes.masks is not None  # only masks are scored by it
        return torch.from_numpy(_mask(self, index))

    def _stretched(self, boxes: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        return (boxes * (self.size / shape.flip(0).repeat(2))).float()


@dataclass(frozen=True, eq=False)
class SceneSplits:
    """A data set of scenes as a spec asks for it; see ``Splits``.

    Attributes:
        train, validation, test: validation is drawn from train; None where the spec asks for none.
        classes: names of the labels of boxes; empty without boxes.
        mask_classes: names of the numbers in masks; empty without masks.
        normalisation: as applied to the batches, images in [0, 1] before.
        spec: what was asked for.
        dropped: what was left out of the published annotations, by reason.
        normalised_for: the checkpoint whose normalisation this is; None where it is the data set's own.
    """

    train: SceneSource
    validation: SceneSource | None
    test: SceneSource
    classes: tuple[str, ...]
    mask_classes: tuple[str, ...]
    normalisation: Normalisation
    spec: DataSpec
    dropped: dict[str, int]
    normalised_for: str | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of every image."""
        return 3, self.train.size, self.train.size


def scene_splits(found: SceneSet, entry: DatasetEntry, spec: DataSpec) -> SceneSplits:
    """The splits of a set of scenes; which image goes where depends on data and spec only.

    Images, masks and boxes are stretched to `size` × `size`. Draws (`count`, `validation`, `test_share`) are not
    stratified, since an image has no one class.

    Raises:
        LthkitError: a setting that is about labelled images, images of different sizes without `size`, too few images
            for `count` or `validation`, or too many for memory without `stream`.
    """
    _check(spec)
    parts = _parts(found, spec)
    size = spec.size or _common_size(parts["train"], spec.name)
    sources = {part: SceneSource(scenes, size, len(found.mask_classes)) for part, scenes in parts.items()}
    if not spec.stream:
        planes = 3 + (found.train.masks is not None)
        check_memory(spec.name, sum(map(len, parts.values())) * planes * size * size, torch.device("cpu"))
        sources = {part: _resident(source) for part, source in sources.items()}
    normalisation = for_channels(entry.normalisation if spec.normalise else None, 3)
    return SceneSplits(
        sources["train"],
        sources.get("validation"),
        sources["test"],
        found.classes,
        found.mask_classes,
        normalisation,
        spec,
        dict(found.dropped),
    )


def _check(spec: DataSpec) -> None:
    for key, wrong, mend in (
        ("classes", spec.classes is not None, "choose them in the catalog's entry (`classes`, `leave_out`)"),
        ("channels", spec.channels != 3, "leave it at 3"),
        ("pad", spec.pad > 0, "set it to 0; the task's option `scale` crops images with their boxes and masks"),
        ("resized_crop", spec.resized_crop, "set it to false; the task's option `scale` does so"),
    ):
        if wrong:
            raise LthkitError(f"data.{key} is not for '{spec.name}', whose images have boxes or masks; {mend}")


def _parts(found: SceneSet, spec: DataSpec) -> dict[str, Scenes]:
    train = found.train
    if spec.count is not None:
        if spec.count > len(train):
            raise LthkitError(f"'{spec.name}': count {spec.count} is more than its {len(train)} images; lower `count`")
        train = train.take(_drawn(len(train), spec.count, spec.split_seed, "count"))
    parts = {"train": train, "test": found.test}
    if spec.test_share < 1:
        parts["test"] = _share(found.test, spec.test_share, spec, "test", "test_share")
    if spec.validation:
        parts["validation"] = _share(train, spec.validation, spec, "validation", "validation")
        held = _drawn(len(train), len(parts["validation"]), spec.split_seed, "validation")
        parts["train"] = train.take(np.setdiff1d(np.arange(len(train)), held))
    return parts


def _share(scenes: Scenes, share: float, spec: DataSpec, purpose: str, key: str) -> Scenes:
    count = int(share * len(scenes) + 0.5)
    if not 0 < count < len(scenes) + (purpose == "test"):
        raise LthkitError(
            f"'{spec.name}': {key} {share} of {len(scenes)} images is {count or 'none'}, which leaves a split empty; "
            f"choose another {key}"
        )
    return scenes.take(_drawn(len(scenes), count, spec.split_seed, purpose))


def _drawn(of: int, count: int, seed: int, purpose: str) -> np.ndarray:
    """Positions (ascending); a smaller count is part of a larger one."""
    return np.sort(frozen_random(seed, "scenes", purpose).permutation(of)[:count])


def _common_size(scenes: Scenes, name: str) -> int:
    first = scenes.open(scenes.images[0])
    if first.width != first.height:
        raise LthkitError(f"'{name}': images have {first.width}×{first.height} pixels; set `size` to make them square")
    return first.width


def _resident(source: SceneSource) -> SceneSource:
    everything = [decoded(source, index) for index in range(len(source))]
    images, masks, shapes = zip(*everything, strict=True)
    packed = None if source.scenes.masks is None else torch.stack(masks)
    return SceneSource(
        source.scenes, source.size, source.mask_classes, torch.stack(images), packed, torch.stack(shapes)
    )


def decoded(source: SceneSource, index: int) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """Image and mask at the source's size, and the published height and width."""
    published = source.scenes.open(source.scenes.images[index]).convert("RGB")
    size = (source.size, source.size)
    image = published if published.size == size else published.resize(size, Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    shape = torch.tensor([published.height, published.width])
    if source.scenes.masks is None:
        return pixels, None, shape
    numbers = _mask(source, index)
    if numbers.shape != (published.height, published.width):
        raise LthkitError(
            f"{_called(source.scenes.masks, index, 'mask')} has {numbers.shape[1]}×{numbers.shape[0]} pixels and its "
            f"image {published.width}×{published.height}; make them the same"
        )
    small = Image.fromarray(numbers).resize(size, Image.Resampling.NEAREST)
    return pixels, torch.from_numpy(np.array(small)), shape


def _shape(scenes: Scenes, index: int) -> torch.Tensor:
    image = scenes.open(scenes.images[index])
    return torch.tensor([image.height, image.width])


def _mask(source: SceneSource, index: int) -> np.ndarray:
    masks = source.scenes.masks
    assert masks is not None
    numbers = np.array(source.scenes.open_mask(masks[index]))
    highest = numbers[numbers != VOID].max(initial=0)
    if highest >= source.mask_classes:
        raise LthkitError(
            f"{_called(masks, index, 'mask')} holds the class number {highest}, and the classes are "
            f"0…{source.mask_classes - 1} and {VOID} for void; correct it, or the entry's `classes`"
        )
    return numbers


def _objects(scenes: Scenes, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if scenes.objects is None:
        return torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool)
    found = scenes.objects[index]
    return tuple(torch.from_numpy(value) for value in (found.boxes, found.labels, found.difficult))  # type: ignore[return-value]


def _called(items: np.ndarray, index: int, kind: str) -> str:
    item = items[index]
    return f"{kind} {item.decode(errors='replace')}" if isinstance(item, bytes) else f"{kind} number {index}"
