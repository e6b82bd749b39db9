"""What the one training loop asks of a task: its state, its batches, its loss and its scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from lthkit.catalog import Catalog
from lthkit.config import Config
from lthkit.data import DataSpec, SceneSplits, Splits, for_channels, load
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec

AnySplits = TypeVar("AnySplits", bound=Splits | SceneSplits)
Options = dict[str, bool | int | float | str | None]


class TaskSpec(Config):
    """Which task: a built-in name (see ``tasks.names``) or one's own ``package.module:factory``, with options."""

    name: str = "classification"
    options: Options = Field(default_factory=dict)


@dataclass(frozen=True)
class TaskContext:
    """All that a task is made from.

    Attributes:
        model: which network, and from which checkpoint.
        data: which samples, splits and augmentation.
        options: the task's own options.
        batch_size: samples per training step, over all processes.
        part: number and count of the processes that share each batch; this one trains on ``batch[number::count]``.
        seed: of everything drawn when the task is made (random weights, a new head).
        device: where it trains.
        channels_last: memory format of images and convolutions.
        workers: processes that read streamed data.
        catalog: where data and checkpoints lie.
        checkpoint: whose inputs the network was trained on, as the user named it; None without one.
        samples: what ``data.load`` gave for ``data``, where many trainings in parallel share it in memory.
    """

    model: ModelSpec
    data: DataSpec
    options: Mapping[str, Any]
    batch_size: int
    seed: int
    device: torch.device
    channels_last: bool
    workers: int
    catalog: Catalog
    part: tuple[int, int] = (0, 1)
    checkpoint: str | None = None
    samples: Splits | SceneSplits | None = None

    def splits(self) -> Splits:
        """Images with one label each, normalised as the checkpoint's were where the catalog says how.

        Raises:
            LthkitError: as ``data.load``; or the data set has boxes or masks instead.
        """
        found = self._loaded()
        if isinstance(found, SceneSplits):
            raise LthkitError(
                f"data set '{self.data.name}' has boxes or masks, not one label per image; set task.name to "
                "'detection' or 'segmentation', or choose another data set (data.name)"
            )
        return found

    def scenes(self) -> SceneSplits:
        """Images with boxes or masks, normalised likewise.

        Raises:
            LthkitError: as ``data.load``; or the data set has labels instead.
        """
        found = self._loaded()
        if isinstance(found, Splits):
            raise LthkitError(
                f"data set '{self.data.name}' has one label per image, no boxes or masks; choose one that has "
                "(data.name), such as 'pasted-digits'"
            )
        return found

    def _loaded(self) -> Splits | SceneSplits:
        splits = self.samples or load(self.data, self.catalog, self.device)
        return normalised_for(self.checkpoint, splits, self.catalog)


def normalised_for(checkpoint: str | None, splits: AnySplits, catalog: Catalog) -> AnySplits:
    """The samples as a checkpoint of the catalog was trained on them; as they are where the catalog does not say.

    Args:
        checkpoint: as the user named it; None for a start without one.
        splits: as ``data.load`` gives them; with ``normalise: false`` they stay in [0, 1].
        catalog: where the checkpoint's normalisation is stated.
    """
    entry = catalog.checkpoints.get(checkpoint or "")
    if entry is None or entry.normalisation is None or not splits.spec.normalise:
        return splits
    stated = None if entry.normalisation == "none" else entry.normalisation
    return replace(splits, normalisation=for_channels(stated, splits.spec.channels), normalised_for=checkpoint)


class Task(Protocol):
    """What is trained and how it is scored. A new task is one new file with a class of this shape.

    Attributes:
        network: the plain model whose weights are pruned; masks carry its parameter names.
        modules: everything that training changes (network, heads, other encoders, queues as buffers) as one module.
            Its state dict is the whole state: what rewinding restores and resuming reloads.
        prunable: ordered ``{name: shape}`` of the network's prunable weights.
        metrics: names of all scores that ``evaluate`` gives.
        metric: the one of them that picks the best evaluation.
        higher_is_better: its direction.
        splits: which of ``"validation"`` and ``"test"`` can be evaluated.
        start: one line on where the starting weights come from.
        data_sha256: of the samples, so that a search is not resumed on other data.

    A task may also have ``twins``: other networks among its modules with the same names as ``network`` (MoCo's key
    encoder), which masks and starting weights bind as well; ``chance``, the metric's value for guessing, which figures
    then draw; ``normalisation`` of its inputs, which is recorded; ``image_shape`` (C, H, W) of one of them, by which it
    is counted what could be cut out of a ticket; ``compiles`` (false where the network is not called as a whole, so
    that compiling it is refused); ``told``, which the loop sets to what is to be called with ``(split, done, total)``
    while a long evaluation goes on; ``per_class(split)``, the name of a score and its value for each class;
    ``images(split, count)``, the first images of a split, (B, C, H, W), as the network takes them; ``inference``, what
    of its modules maps them to what predictions are read from (the network, where it is left out);
    ``predictions(split, count)``, the first images of a split with what the network says of them, as
    ``plots.predictions`` takes it; and a method ``parameter_groups()``: a list of mappings ``{"params": [parameters of
    modules], ...}`` as optimisers of torch take them, each with its own options and ``"lr_scale"`` (times the plan's
    rate) or ``"lr"`` (its highest rate). The plan's schedule multiplies them all; frozen parameters are left out, all
    others belong to one group each.
    """

    network: nn.Module
    modules: nn.Module
    prunable: dict[str, tuple[int, ...]]
    metrics: tuple[str, ...]
    metric: str
    higher_is_better: bool
    splits: tuple[str, ...]
    start: str
    data_sha256: str

    def steps_per_epoch(self) -> int:
        """Training steps in one pass over the data."""
        ...

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[Any]:
        """The epoch's batches from number ``start`` on: a function of ``(seed, epoch)`` alone."""
        ...

    def loss(self, batch: Any) -> Tensor:
        """The scalar loss of one batch; called under the plan's autocast, with ``modules`` in training mode."""
        ...

    def after_step(self, step: int) -> None:
        """Called after each optimiser step (momentum encoders, queues); ``step`` counts from 1."""
        ...

    def evaluate(self, split: str) -> dict[str, float]:
        """Score ``split`` by every metric; called without gradients, with ``modules`` in evaluation mode."""
        ...
