"""Segmentation: DeepLabv3+ on a ResNet, cross-entropy per pixel, scored by mean IoU (Chen et al. 2021, §4.3)."""

import torch
import xarray as xr
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate

from lthkit import models, scores
from lthkit.catalog import VOID
from lthkit.config import Config
from lthkit.data import SceneAugmentation, SceneBatch, SceneSplits
from lthkit.errors import LthkitError
from lthkit.tasks.base import TaskContext
from lthkit.tasks.place import loaded
from lthkit.tasks.scenes import SceneTask, pictures


class SegmentationOptions(Config):
    """Options of the task ``segmentation``.

    Attributes:
        smallest, largest: factors of training images' random size, before a frame of the old size is cut; 1 and 1
            leave it.
        colours: strength of the colour jitter.
        width: channels of the decoder (DeepLabv3+: 256).
        dropout: before the decoder.
    """

    smallest: float = Field(default=0.5, gt=0, le=1)
    largest: float = Field(default=2.0, ge=1, le=8)
    colours: float = Field(default=0.0, ge=0, le=1)
    width: int = Field(default=256, ge=8, le=4096)
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @property
    def scale(self) -> tuple[float, float]:
        """Both factors."""
        return self.smallest, self.largest


class Segmentation(SceneTask):
    """DeepLabv3+ on images with a class number per pixel (Chen et al. 2021, Table 1: VOC segmentation).

    Scored at the size of the published masks, void pixels left out.
    """

    metrics: tuple[str, ...] = ("mean_iou", "pixel_accuracy", "loss")
    metric = "mean_iou"

    def __init__(
        self,
        modules: models.DeepLabv3Plus,
        splits: SceneSplits,
        options: SegmentationOptions,
        context: TaskContext,
        start: str,
    ) -> None:
        augmentation = SceneAugmentation(splits.spec.flip, options.scale, options.colours)
        super().__init__(modules, modules.backbone, splits, augmentation, context, start)
        self.classes = splits.mask_classes

    def loss(self, batch: SceneBatch) -> Tensor:
        return pixel_loss(self.modules(batch.images), batch.masks)

    def evaluate(self, split: str) -> dict[str, float]:
        counts, loss, images = self.confusion(split)
        return {
            "mean_iou": scores.mean_iou(counts),
            "pixel_accuracy": scores.pixel_accuracy(counts),
            "loss": loss / images,
        }

    def per_class(self, split: str) -> tuple[str, dict[str, float]]:
        """IoU of each class; NaN where it is neither in a split nor predicted."""
        counts, _, _ = self.confusion(split)
        return "IoU", dict(zip(self.classes, scores.iou_per_class(counts).tolist(), strict=True))

    def confusion(self, split: str) -> tuple[Tensor, float, int]:
        """Pixels by true class (rows) and predicted one, at the published size; sum of the images' losses; images."""
        source = self.source(split)
        counts = torch.zeros(len(self.classes), len(self.classes), dtype=torch.int64)
        loss = 0.0
        for batch in self.scored(split):
            logits = self.modules(batch.images)
            for position, index in enumerate(batch.index):
                truth = source.published_mask(index).long()
                each = interpolate(logits[position : position + 1], size=truth.shape, mode="bilinear").cpu()
                counts += scores.confusion(each.argmax(1)[0], truth, len(self.classes), VOID)
                loss += pixel_loss(each, truth[None]).item()
        return counts, loss, len(source)

    def predictions(self, split: str, count: int) -> xr.Dataset:
        """The first images of a split with ``truth_mask`` and ``predicted_mask``, at the size of the inputs."""
        source = self.first(split, count)
        predicted = [self.modules(batch.images).argmax(1).cpu() for batch in self.evaluation_batches(source)]
        scenes = [source.scene(index) for index in range(len(source))]
        area = ("row", "column")
        columns = {
            "truth_mask": (area, torch.stack([scene.mask for scene in scenes if scene.mask is not None]).numpy()),
            "predicted_mask": (area, torch.cat(predicted).to(torch.uint8).numpy()),
        }
        return pictures(scenes, columns, classes=list(self.classes), background=self.classes[0] == "background")


def pixel_loss(logits: Tensor, masks: Tensor | None) -> Tensor:
    """Mean cross-entropy over the pixels that are not void; 0 where all are.

    Args:
        logits: float32 (B, classes, H, W).
        masks: int64 (B, H, W).
    """
    assert masks is not None  # the task refuses sets without masks
    total = cross_entropy(logits, masks, ignore_index=VOID, reduction="sum")
    return total / (masks != VOID).sum().clamp(min=1)


def make(context: TaskContext) -> Segmentation:
    """DeepLabv3+ on the data, its backbone from its checkpoint or at random.

    Raises:
        LthkitError: options out of range, a data set without masks, an image size that is no multiple of 32, batches of
            one image, and whatever model, checkpoint or data refuse.
    """
    options = SegmentationOptions.parse(dict(context.options), "task 'segmentation'")
    splits = context.scenes()
    if not splits.mask_classes:
        raise LthkitError(
            f"data set '{context.data.name}' has no masks; choose one that has (data.name), or task 'detection'"
        )
    if splits.train.size % 32:
        raise LthkitError(
            f"images of {splits.train.size} pixels cannot be segmented; set data.size to a multiple of 32"
        )
    if min(context.batch_size, len(splits.train)) // context.part[1] < 2:
        raise LthkitError("BatchNorm of pooled features needs 2 or more images per process; raise plan.batch_size")
    modules = models.build_deeplab(
        context.model, len(splits.mask_classes), context.seed, width=options.width, dropout=options.dropout
    )
    start = loaded(modules.backbone, context)
    return Segmentation(modules, splits, options, context, start)
