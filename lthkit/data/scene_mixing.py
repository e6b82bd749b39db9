"""Training images made of several: mosaic of four, and two laid over each other (Bochkovskiy et al. 2020, §3.3)."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lthkit.data.scene_augment import SceneAugmentation, augmented, with_boxes
from lthkit.data.scenes import Scene, SceneSource
from lthkit.seeds import derive, frozen_random

_SHAPE = 1.5  # of the Beta distribution of shares, as in the published code of Chen et al. 2021's detector


def training_scene(source: SceneSource, index: int, augmentation: SceneAugmentation, seed: int) -> Scene:
    """What training sees of a scene: changed, perhaps with parts of three others, perhaps over another one.

    Args:
        source: of all scenes; others are drawn from it.
        index: which one.
        augmentation: what may happen.
        seed: decides all of it.
    """
    if not (augmentation.mosaic or augmentation.mixup):
        return augmented(source.scene(index), augmentation, seed)
    draw = frozen_random(seed, "mixing")
    chances, others = draw.random_sample(2), draw.randint(len(source), size=7)
    centre, share = draw.uniform(0.25, 0.75, 2).tolist(), float(draw.beta(_SHAPE, _SHAPE))

    def one(first: int, three: Sequence[int], purpose: str) -> Scene:
        numbers = [first, *three] if chances[0] < augmentation.mosaic else [first]
        found = [
            augmented(source.scene(number), augmentation, derive(seed, purpose, place) if purpose or place else seed)
            for place, number in enumerate(numbers)
        ]
        return mosaic(found, centre, derive(seed, purpose, "windows")) if len(found) > 1 else found[0]

    scene = one(index, others[:3].tolist(), "")
    if chances[1] >= augmentation.mixup:
        return scene
    return mixed(scene, one(int(others[3]), others[4:].tolist(), "over"), share)


def mosaic(four: Sequence[Scene], centre: Sequence[float], seed: int) -> Scene:
    """Windows of four scenes side by side around a centre, in an image of the same size.

    Args:
        four: upper left, upper right, lower left, lower right.
        centre: where they meet, as shares of width and height.
        seed: of the place of each window in its scene.
    """
    size = four[0].image.shape[-1]
    x, y = (int(share * size) for share in centre)
    frames = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
    draw = frozen_random(seed, "mosaic")
    image = torch.empty_like(four[0].image)
    mask = None if four[0].mask is None else torch.empty_like(four[0].mask)
    parts = []
    for scene, (left, top, right, bottom) in zip(four, frames, strict=True):
        width, height = right - left, bottom - top
        across, down = draw.randint(size - width + 1), draw.randint(size - height + 1)
        window = slice(down, down + height), slice(across, across + width)
        image[:, top:bottom, left:right] = scene.image[:, *window]
        if mask is not None and scene.mask is not None:
            mask[top:bottom, left:right] = scene.mask[window]
        parts.append(_moved(scene, (left - across, top - down), (left, top, right, bottom)))
    return _together(parts, image, mask)


def mixed(one: Scene, other: Scene, share: float) -> Scene:
    """Two scenes over each other, ``share`` of it the first; objects weigh as much as their scene.

    Only for scenes without masks: a pixel has one class.
    """
    image = share * one.image.float() + (1 - share) * other.image.float()
    parts = [replace(one, weights=one.weights * share), replace(other, weights=other.weights * (1 - share))]
    return _together(parts, image.round().to(torch.uint8), None)


def _moved(scene: Scene, by: tuple[int, int], frame: tuple[int, int, int, int]) -> Scene:
    boxes = scene.boxes + torch.tensor(by * 2)
    left, top, right, bottom = frame
    across, down = boxes[:, 0::2].clamp(left, right), boxes[:, 1::2].clamp(top, bottom)
    return with_boxes(scene, torch.stack([across, down], 2).flatten(1))


def _together(parts: Sequence[Scene], image: Tensor, mask: Tensor | None) -> Scene:
    """One scene with the objects of all."""
    return Scene(
        image=image,
        boxes=torch.cat([part.boxes for part in parts]),
        labels=torch.cat([part.labels for part in parts]),
        difficult=torch.cat([part.difficult for part in parts]),
        weights=torch.cat([part.weights for part in parts]),
        mask=mask,
    )
