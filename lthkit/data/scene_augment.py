"""Random changes of an image together with its boxes and mask, by torchvision's transforms."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lthkit.catalog import VOID
from lthkit.data.scenes import Scene
from lthkit.seeds import drawn_by

_GREY = 114
"""Around an image that became smaller than its frame."""
_SMALLEST = 2.0
"""Pixels: what a crop leaves of a box must be at least so wide and high to stay."""


@dataclass(frozen=True)
class SceneAugmentation:
    """How a training image differs from its scene.

    Attributes:
        flip: mirrored left-right with probability 1/2.
        scale: smallest and largest factor of a random size, after which a frame of the old size is cut from anywhere
            (or the image is put anywhere into it); (1, 1) leaves it.
        colours: strength of the colour jitter: brightness, contrast and saturation by ±0.8·s, hue by ±0.2·s.
        mosaic: probability that parts of four images are put together (``scene_mixing``).
        mixup: probability that two images are laid over each other.
    """

    flip: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    colours: float = 0.0
    mosaic: float = 0.0
    mixup: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether it does anything to a single image."""
        return self.flip or self.scale != (1.0, 1.0) or self.colours > 0


def augmented(scene: Scene, augmentation: SceneAugmentation, seed: int) -> Scene:
    """The scene, changed as the seed says; boxes that left the frame are gone, and masks are void outside the image."""
    if not augmentation.changes:
        return scene
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    size = scene.image.shape[-1]
    sample: dict[str, Any] = {
        "image": tv_tensors.Image(scene.image),
        "boxes": tv_tensors.BoundingBoxes(scene.boxes, format="XYXY", canvas_size=(size, size)),  # type: ignore[call-overload]
    }
    if scene.mask is not None:
        sample["mask"] = tv_tensors.Mask(scene.mask)
    with drawn_by(seed):
        changed = v2.Compose(_steps(augmentation, size))(sample)
    boxes = changed["boxes"].as_subclass(torch.Tensor)
    mask = None if scene.mask is None else changed["mask"].as_subclass(torch.Tensor)
    return replace(with_boxes(scene, boxes), image=changed["image"].as_subclass(torch.Tensor), mask=mask)


def with_boxes(scene: Scene, boxes: torch.Tensor) -> Scene:
    """The scene with its boxes moved to ``boxes``, (n, 4); without those of which too little is left to see."""
    kept = (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(1)
    return replace(
        scene,
        boxes=boxes[kept],
        labels=scene.labels[kept],
        difficult=scene.difficult[kept],
        weights=scene.weights[kept],
    )


def _steps(augmentation: SceneAugmentation, size: int) -> list[Any]:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    steps: list[Any] = []
    if augmentation.colours:
        strength = 0.8 * augmentation.colours
        steps.append(v2.ColorJitter(strength, strength, strength, min(0.2 * augmentation.colours, 0.5)))
    if augmentation.scale != (1.0, 1.0):
        fill: Any = {tv_tensors.Image: _GREY, tv_tensors.Mask: VOID}
        steps.append(v2.ScaleJitter((size, size), augmentation.scale, antialias=True))
        steps.append(v2.RandomCrop(size, pad_if_needed=True, fill=fill))
    if augmentation.flip:
        steps.append(v2.RandomHorizontalFlip())
    return [*steps, v2.ClampBoundingBoxes()]
