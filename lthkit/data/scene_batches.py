"""Batches of scenes in an order that seed and epoch decide; any one of them can be made again alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from lthkit.data.augment import scale_and_shift
from lthkit.data.batches import check_part, steps_per_epoch
from lthkit.data.scene_augment import SceneAugmentation
from lthkit.data.scene_mixing import training_scene
from lthkit.data.scenes import Scene, SceneSource, SceneSplits
from lthkit.errors import LthkitError
from lthkit.seeds import derive, torch_generator


@dataclass(frozen=True, eq=False)
class SceneBatch:
    """Some scenes on the device.

    Attributes:
        images: float32 (B, 3, S, S), normalised.
        boxes: float32 (n, 4), left, top, right, bottom in pixels, of all images.
        labels: int64 (n,).
        difficult: bool (n,).
        weights: float32 (n,), how much of each object is seen; see ``Scene``.
        image: int64 (n,), which image of the batch a box belongs to.
        masks: int64 (B, S, S) of class numbers; None without masks.
        index: numbers of the scenes in their source.
    """

    images: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    difficult: torch.Tensor
    weights: torch.Tensor
    image: torch.Tensor
    masks: torch.Tensor | None
    index: tuple[int, ...]


def training_scenes(
    splits: SceneSplits,
    augmentation: SceneAugmentation,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    part: tuple[int, int] = (0, 1),
    device: torch.device,
    channels_last: bool = False,
    workers: int = 0,
) -> Iterator[SceneBatch]:
    """The batches of one epoch over ``splits.train``, augmented.

    The order is a permutation drawn from (seed, "order", epoch), each scene's changes, and what it is mixed with, from
    (seed, "scene", epoch, its number); what is incomplete at the end is dropped. Arguments and errors as
    ``training_batches``.
    """
    steps = steps_per_epoch(splits.train, batch_size)
    check_part(batch_size, len(splits.train), part)
    order = torch.randperm(len(splits.train), generator=torch_generator(seed, "order", epoch))
    batches = [batch[part[0] :: part[1]].tolist() for batch in order.split(batch_size)[start:steps]]
    made = _Made(splits.train, augmentation, (seed, epoch))
    return _batches(made, batches, splits, device, channels_last, workers)


def evaluation_scenes(
    source: SceneSource,
    splits: SceneSplits,
    *,
    batch_size: int,
    device: torch.device,
    channels_last: bool = False,
    workers: int = 0,
) -> Iterator[SceneBatch]:
    """All scenes of one of the splits' sources in order, as they are; the last batch may be short."""
    batches = [batch.tolist() for batch in torch.arange(len(source)).split(batch_size)]
    return _batches(_Made(source, SceneAugmentation(), (0, 0)), batches, splits, device, channels_last, workers)


@dataclass(frozen=True)
class _Made(torch.utils.data.Dataset):
    """What loader processes run: numbers of a batch → its scenes, or the user's mistake."""

    source: SceneSource
    augmentation: SceneAugmentation
    stream: tuple[int, int]

    def __getitems__(self, indices: list[int]) -> tuple[list[int], list[Scene]] | LthkitError:
        seed, epoch = self.stream
        try:
            return indices, [
                training_scene(self.source, index, self.augmentation, derive(seed, "scene", epoch, index))
                for index in indices
            ]
        except LthkitError as error:
            return error  # raised there, it would come back wrapped in the worker's traceback


def _batches(
    made: _Made,
    batches: Sequence[list[int]],
    splits: SceneSplits,
    device: torch.device,
    channels_last: bool,
    workers: int,
) -> Iterator[SceneBatch]:
    loader = DataLoader(
        made,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=torch.Generator(),  # else the loader draws a number from torch's global one
    )
    scale, shift = (value.view(3, 1, 1) for value in scale_and_shift(splits.normalisation, device))
    for found in loader:
        if isinstance(found, LthkitError):
            raise found
        yield _together(found[0], found[1], device, scale, shift, channels_last)


def _together(
    index: list[int],
    scenes: list[Scene],
    device: torch.device,
    scale: torch.Tensor,
    shift: torch.Tensor,
    channels_last: bool,
) -> SceneBatch:
    images = torch.stack([scene.image for scene in scenes]).to(device).float() * scale + shift
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    counts = torch.tensor([len(scene.labels) for scene in scenes])
    masks = [scene.mask for scene in scenes if scene.mask is not None]
    return SceneBatch(
        images,
        torch.cat([scene.boxes for scene in scenes]).to(device),
        torch.cat([scene.labels for scene in scenes]).to(device),
        torch.cat([scene.difficult for scene in scenes]).to(device),
        torch.cat([scene.weights for scene in scenes]).to(device),
        torch.arange(len(scenes)).repeat_interleave(counts).to(device),
        torch.stack(masks).to(device).long() if masks else None,
        tuple(index),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
