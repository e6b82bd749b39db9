"""What detection and segmentation share: scenes in batches, a backbone, and evaluations that tell how far they are."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lthkit import data, models
from lthkit.data import Scene, SceneAugmentation, SceneBatch, SceneSource, SceneSplits
from lthkit.errors import LthkitError
from lthkit.tasks.base import TaskContext
from lthkit.tasks.place import place

_EVALUATION_BATCH = 16
_COLOURS = ("red", "green", "blue")
Column = tuple[tuple[str, ...], np.ndarray]
"""Dimensions and values."""
_SIDES = ("left", "top", "right", "bottom")


class SceneTask:
    """A task on images with boxes or masks whose ``network`` is the backbone of its ``modules``.

    Attributes:
        compiles: whether compiling the network would make anything faster.
        told: called while a split is scored, with its name, how many images are done and how many there are.
    """

    higher_is_better = True
    compiles = False  # its network is called stage by stage
    told: Callable[[str, int, int], None]

    def __init__(
        self,
        modules: nn.Module,
        backbone: nn.Module,
        splits: SceneSplits,
        augmentation: SceneAugmentation,
        context: TaskContext,
        start: str,
    ) -> None:
        context = place(modules, backbone, context)
        self.modules, self.network, self.inference = modules, backbone, modules
        self.prunable = models.prunable_of(backbone, context.model)
        self.splits: tuple[str, ...] = ("validation", "test") if splits.validation is not None else ("test",)
        self.image_shape, self.normalisation, self.start = splits.shape, splits.normalisation, start
        self.data_sha256 = data.fingerprint(splits)
        self.told = lambda split, done, total: None
        self._data, self._augmentation, self._context = splits, augmentation, context

    def steps_per_epoch(self) -> int:
        return data.steps_per_epoch(self._data.train, self._context.batch_size)

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[SceneBatch]:
        return data.training_scenes(
            self._data,
            self._augmentation,
            batch_size=self._context.batch_size,
            seed=seed,
            epoch=epoch,
            start=start,
            part=self._context.part,
            device=self._context.device,
            channels_last=self._context.channels_last,
            workers=self._context.workers,
        )

    def after_step(self, step: int) -> None:
        """Nothing lives beside the network."""

    def source(self, split: str) -> SceneSource:
        """The scenes of ``validation`` or ``test``.

        Raises:
            LthkitError: if there is no such split.
        """
        source = {"validation": self._data.validation, "test": self._data.test}.get(split)
        if source is None:
            raise LthkitError(f"there is no {split} split; set data.validation, or selection 'last'")
        return source

    def scored(self, split: str) -> Iterator[SceneBatch]:
        """The batches of a split as they are scored, telling how many are done."""
        source, done = self.source(split), 0
        for batch in self.evaluation_batches(source):
            yield batch
            done += len(batch.index)
            self.told(split, done, len(source))

    def evaluation_batches(self, source: SceneSource) -> Iterator[SceneBatch]:
        """All scenes of a source as they are, in order."""
        return data.evaluation_scenes(
            source,
            self._data,
            batch_size=_EVALUATION_BATCH,
            device=self._context.device,
            channels_last=self._context.channels_last,
            workers=self._context.workers,
        )

    def images(self, split: str, count: int) -> Tensor:
        """(B, 3, S, S), the first of a split."""
        return next(self.evaluation_batches(self.first(split, count))).images

    def first(self, split: str, count: int) -> SceneSource:
        """The first ``count`` scenes of a split."""
        return self.source(split).take(np.arange(min(count, len(self.source(split)))))


def pictures(scenes: list[Scene], columns: Mapping[str, Column], **said: object) -> xr.Dataset:
    """Images and what is on them, as figures of predictions take them.

    Args:
        scenes: n of one size.
        columns: name → (dimensions after ``scene``, values).
        said: attributes.

    Returns:
        ``image`` uint8 (scene, row, column, channel) and the columns by ``scene``.
    """
    images = torch.stack([scene.image for scene in scenes]).permute(0, 2, 3, 1).numpy()
    variables: dict[str, Column] = {"image": (("scene", "row", "column", "channel"), images)}
    variables |= {name: (("scene", *dims), values) for name, (dims, values) in columns.items()}
    coordinates: dict[str, object] = {"scene": np.arange(len(scenes)), "channel": list(_COLOURS)}
    if any("side" in dims for dims, _ in variables.values()):
        coordinates["side"] = list(_SIDES)
    return xr.Dataset(variables, coordinates, said)


def padded(values: list[Tensor], fill: float) -> np.ndarray:
    """(n, longest, …) from n tensors of different lengths, filled up."""
    return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=fill).numpy()
