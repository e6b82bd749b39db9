"""Detection: a detector on a ResNet, scored by average precision (Chen et al. 2021, §4.3)."""

import math
from typing import Literal

import xarray as xr
from pydantic import Field
from torch import Tensor

from lthkit import detectors, scores
from lthkit.config import Config
from lthkit.data import SceneAugmentation, SceneBatch, SceneSplits
from lthkit.detectors import Detector
from lthkit.errors import LthkitError
from lthkit.scores import Detections, DetectionScores, Truth
from lthkit.tasks.base import TaskContext
from lthkit.tasks.place import loaded
from lthkit.tasks.scenes import SceneTask, padded, pictures


class DetectionOptions(Config):
    """Options of the task ``detection``; those of its detector stand beside them.

    Attributes:
        detector: which (see ``detectors.names``).
        smallest, largest: factors of training images' random size, before a frame of the old size is cut; 1 and 1
            leave it.
        colours: strength of the colour jitter.
        mosaic: probability that a training image is put together from four.
        mixup: probability that two training images are laid over each other.
        rule: how precision over recall becomes one number: VOC's ``area`` or ``11-point`` (2007), or ``coco``, which
            knows no difficult objects.
    """

    detector: str = "yolov4"
    smallest: float = Field(default=1.0, gt=0, le=1)
    largest: float = Field(default=1.0, ge=1, le=8)
    colours: float = Field(default=0.0, ge=0, le=1)
    mosaic: float = Field(default=0.0, ge=0, le=1)
    mixup: float = Field(default=0.0, ge=0, le=1)
    rule: Literal["area", "11-point", "coco"] = "area"

    def augmentation(self, flip: bool) -> SceneAugmentation:
        """All that may happen to a training image."""
        return SceneAugmentation(flip, (self.smallest, self.largest), self.colours, self.mosaic, self.mixup)


class Detection(SceneTask):
    """A detector on images with boxes (Chen et al. 2021, Table 1: VOC detection)."""

    metrics: tuple[str, ...] = ("AP", "AP50", "AP75")
    metric = "AP"

    def __init__(
        self, modules: Detector, splits: SceneSplits, options: DetectionOptions, context: TaskContext, start: str
    ) -> None:
        augmentation = options.augmentation(splits.spec.flip)
        super().__init__(modules, modules.backbone, splits, augmentation, context, start)
        self.classes = splits.classes
        self._detector, self._rule = modules, options.rule

    def loss(self, batch: SceneBatch) -> Tensor:
        return self._detector.loss(batch)

    def evaluate(self, split: str) -> dict[str, float]:
        found = self.scores(split)
        return {"AP": found["AP"], "AP50": found["AP50"], "AP75": found["AP75"]}

    def per_class(self, split: str) -> tuple[str, dict[str, float]]:
        """AP50 of each class; NaN where a split has no object of it."""
        return "AP50", dict(zip(self.classes, self.scores(split)["AP50_per_class"].tolist(), strict=True))

    def scores(self, split: str) -> DetectionScores:
        """All of a split's, by the rule that the options name."""
        found: list[Detections] = []
        truths: list[Truth] = []
        for batch in self.scored(split):
            found += self._detector.detect(batch.images)
            truths += truths_of(batch)
        if self._rule == "coco":
            return scores.coco_scores(found, truths, len(self.classes))
        return scores.voc_scores(found, truths, len(self.classes), rule=self._rule)

    def predictions(self, split: str, count: int) -> xr.Dataset:
        """The first images of a split with what is on them (``truth_…``) and what is found, filled up to one length."""
        source = self.first(split, count)
        found = [each for batch in self.evaluation_batches(source) for each in self._detector.detect(batch.images)]
        scenes = [source.scene(index) for index in range(len(source))]
        columns = {
            "truth_box": (("object", "side"), padded([scene.boxes for scene in scenes], math.nan)),
            "truth_label": (("object",), padded([scene.labels for scene in scenes], -1)),
            "truth_difficult": (("object",), padded([scene.difficult for scene in scenes], False)),
            "box": (("detection", "side"), padded([each.boxes for each in found], math.nan)),
            "score": (("detection",), padded([each.scores for each in found], math.nan)),
            "label": (("detection",), padded([each.labels for each in found], -1)),
        }
        return pictures(scenes, columns, classes=list(self.classes), background=False)


def truths_of(batch: SceneBatch) -> list[Truth]:
    """The objects of each image of a batch, on the CPU."""
    boxes, labels, difficult, image = (
        values.cpu() for values in (batch.boxes, batch.labels, batch.difficult, batch.image)
    )
    own = [image == number for number in range(len(batch.images))]
    return [Truth(boxes[here], labels[here], difficult[here]) for here in own]


def make(context: TaskContext) -> Detection:
    """A detector on the data, its backbone from its checkpoint or at random.

    Raises:
        LthkitError: options out of range, a data set without boxes or a split without an object that counts, an image
            size that is no multiple of 32, and whatever detector, model, checkpoint or data refuse.
    """
    common = {key: value for key, value in context.options.items() if key in DetectionOptions.model_fields}
    own = {key: value for key, value in context.options.items() if key not in common}
    options = DetectionOptions.parse(common, "task 'detection'")
    splits = context.scenes()
    _check(splits, context.data.name)
    detector = detectors.make(options.detector, detectors.DetectorContext(context.model, splits, own, context.seed))
    if options.mixup and not detector.weighs_objects:
        raise LthkitError(
            f"detector '{options.detector}' cannot count objects by their weight, as images laid over each other need "
            "it; set task.options.mixup to 0"
        )
    start = loaded(detector.backbone, context)
    return Detection(detector, splits, options, context, start)


def _check(splits: SceneSplits, name: str) -> None:
    if not splits.classes:
        raise LthkitError(f"data set '{name}' has no boxes; choose one that has (data.name), or task 'segmentation'")
    if splits.train.size % 32:
        raise LthkitError(
            f"objects in images of {splits.train.size} pixels cannot be found; set data.size to a multiple of 32"
        )
    for part, source in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        objects = () if source is None else source.scenes.objects or ()
        if source is not None and not any((~each.difficult).any() for each in objects):
            raise LthkitError(
                f"the {part} split of '{name}' has no object that counts, so nothing can be learnt or scored there; "
                "choose a larger part of it (data.count, data.validation, data.test_share)"
            )
