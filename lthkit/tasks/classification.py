"""Image classification: cross-entropy, scored by accuracy."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lthkit import data, models
from lthkit.data import Splits
from lthkit.errors import LthkitError
from lthkit.tasks.base import TaskContext
from lthkit.tasks.place import loaded, place

_EVALUATION_BATCH = 512


class Classification:
    """A network with a linear head on labelled images (Chen et al. 2021, Table 1; Mehta 2019, §3)."""

    metrics: tuple[str, ...] = ("accuracy", "loss")
    metric = "accuracy"
    higher_is_better = True

    def __init__(self, network: nn.Module, splits: Splits, context: TaskContext, start: str) -> None:
        self.network = self.modules = network
        self.prunable = models.prunable_of(network, context.model)
        self.splits: tuple[str, ...] = ("validation", "test") if splits.validation is not None else ("test",)
        self.chance = 1 / len(splits.classes)
        self.image_shape = splits.shape
        self.start = start
        self.data_sha256 = data.fingerprint(splits)
        self.normalisation = splits.normalisation
        self._data, self._setting = splits, context

    def steps_per_epoch(self) -> int:
        return data.steps_per_epoch(self._data.train, self._setting.batch_size)

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        return data.training_batches(
            self._data,
            batch_size=self._setting.batch_size,
            seed=seed,
            epoch=epoch,
            start=start,
            part=self._setting.part,
            channels_last=self._setting.channels_last,
            workers=self._setting.workers,
        )

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        return cross_entropy(self.network(images).float(), labels)

    def after_step(self, step: int) -> None:
        """Nothing lives beside the network."""

    def images(self, split: str, count: int) -> Tensor:
        """(B, C, H, W), the first of a split."""
        return next(data.evaluation_batches(self._source(split), self._data, batch_size=count))[0]

    def _source(self, split: str) -> data.Source:
        source = {"validation": self._data.validation, "test": self._data.test}[split]
        if source is None:
            raise LthkitError("there is no validation split; set data.validation, or selection 'last'")
        return source

    def evaluate(self, split: str) -> dict[str, float]:
        source = self._source(split)
        device = self._setting.device
        right = torch.zeros((), dtype=torch.int64, device=device)
        loss = torch.zeros((), dtype=torch.float64, device=device)
        for images, labels in data.evaluation_batches(
            source,
            self._data,
            batch_size=_EVALUATION_BATCH,
            channels_last=self._setting.channels_last,
            workers=self._setting.workers,
        ):
            logits = self.network(images).float()
            right += (logits.argmax(1) == labels).sum()
            loss += cross_entropy(logits, labels, reduction="sum").double()
        return {"accuracy": right.item() / len(source), "loss": loss.item() / len(source)}


def make(context: TaskContext) -> Classification:
    """The network on the data, from its checkpoint or at random.

    Raises:
        LthkitError: on options (it has none) and on whatever model, checkpoint or data refuse.
    """
    if context.options:
        raise LthkitError(f"task 'classification' has no option '{next(iter(context.options))}'; remove it")
    splits = context.splits()
    network = models.build(context.model, len(splits.classes), context.seed)
    start = loaded(network, context)
    context = place(network, network, context)
    image, _ = next(data.evaluation_batches(splits.train, splits, batch_size=1))
    models.try_out(network, context.model.name, image, len(splits.classes))
    return Classification(network, splits, context, start)
