"""What contrastive tasks share: pairs of views in batches, a projection head, retrieval on the backbone's features."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor, nn

from lthkit import data, models
from lthkit.data import Splits
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec
from lthkit.seeds import derive, torch_generator
from lthkit.tasks.base import TaskContext
from lthkit.tasks.place import loaded
from lthkit.tasks.retrieval import retrieval_accuracy, retrieval_chance
from lthkit.tasks.views import ViewOptions, make_views

EVALUATION_BATCH = 256
Pair = tuple[Tensor, Tensor]


class ContrastiveOptions(ViewOptions):
    """The options that contrastive tasks share.

    Attributes:
        projection: width of the projection head's output; its hidden layer is as wide as the features unless
            ``model.hidden`` says otherwise.
        inputs: how many images of a split are scored; all where the split has fewer.
        view_seed: of the images and views that are scored, the same in all searches.
    """

    projection: int = Field(default=128, ge=1)
    inputs: int = Field(default=1000, ge=2)
    view_seed: int = Field(default=0, ge=0)


class Contrastive:
    """Images without labels, shown as pairs of views. Labels of the data set are not looked at."""

    def __init__(self, splits: Splits, options: ContrastiveOptions, context: TaskContext) -> None:
        self.splits: tuple[str, ...] = ("validation", "test") if splits.validation is not None else ("test",)
        self.data_sha256 = data.fingerprint(splits)
        self.normalisation = splits.normalisation
        self.context = context
        # as they are, in [0, 1]: views crop, flip and normalise on their own
        unscaled = data.for_channels(None, splits.shape[0])
        spec = splits.spec.model_copy(update={"flip": False, "pad": 0})
        self.data = replace(splits, normalisation=unscaled, spec=spec)
        shape, device = splits.shape, context.device
        self.views = make_views(options, shape, splits.normalisation, device, context.channels_last)
        size = options.size
        self.image_shape = shape if size is None else (shape[0], size, size)
        self.inputs, self.view_seed = options.inputs, options.view_seed
        self.retrieval_chance = retrieval_chance(min(options.inputs, len(splits.test)))

    def steps_per_epoch(self) -> int:
        return data.steps_per_epoch(self.data.train, self.context.batch_size)

    def pairs(self, seed: int, epoch: int, start: int) -> Iterator[Pair]:
        """The epoch's batches from number ``start`` on as two views of each image: (B, C, H, W) twice."""
        part = self.context.part
        batches = data.training_batches(
            self.data,
            batch_size=self.context.batch_size,
            seed=seed,
            epoch=epoch,
            start=start,
            part=part,
            workers=self.context.workers,
        )
        for number, (images, _) in enumerate(batches, start):
            yield self.views.pair(images, derive(seed, "views", epoch, number, *([part[0]] if part[0] else [])))

    def scored_pairs(self, split: str) -> Iterator[Pair]:
        """Two views of each of the images of a split that are scored: the same at every call."""
        return self._pairs_of(self._source(split), self.inputs, split)

    def some_views(self, count: int) -> Iterator[Tensor]:
        """One view of each of ``count`` images of the training split: the same at every call."""
        return (first for first, _ in self._pairs_of(self.data.train, count, "train"))

    def images(self, split: str, count: int) -> Tensor:
        """(B, C, H, W), one view of each of ``count`` images of a split: the same at every call."""
        return next(first for first, _ in self._pairs_of(self._source(split), count, split))

    def _source(self, split: str) -> data.Source:
        source = {"validation": self.data.validation, "test": self.data.test}[split]
        if source is None:
            raise LthkitError("there is no validation split; set data.validation, or selection 'last'")
        return source

    def _pairs_of(self, source: data.Source, count: int, split: str) -> Iterator[Pair]:
        order = torch.randperm(len(source), generator=torch_generator(self.view_seed, "scored", split))[:count]
        images = data.evaluation_batches(
            source, self.data, batch_size=EVALUATION_BATCH, workers=self.context.workers, order=order
        )
        for number, (batch, _) in enumerate(images):
            yield self.views.pair(batch, derive(self.view_seed, "scored views", split, number))


def retrieval_of(features: list[Pair]) -> float:
    """``retrieval_accuracy`` of features that came in batches."""
    first, second = (torch.cat(batches).float() for batches in zip(*features, strict=True))
    return retrieval_accuracy(first, second)


def begin(context: TaskContext, projection: int) -> tuple[Splits, nn.Module, str]:
    """Samples, the network with a projection head, and a line on where its weights come from.

    Raises:
        LthkitError: on batches of one image, crops made before the views', a head that is not one linear layer, and
            whatever model, checkpoint or data refuse.
    """
    splits = context.splits()
    _check_batches(splits, context)
    network = _encoder(context.model, projection, context.seed)
    start = loaded(network, context)
    image, _ = next(data.evaluation_batches(splits.train, splits, batch_size=1))
    models.try_out(network.to(context.device), context.model.name, image, projection)
    return splits, network, start


def _check_batches(splits: Splits, context: TaskContext) -> None:
    batch = min(context.batch_size, len(splits.train))
    if batch < 2:
        raise LthkitError(
            f"a contrastive task tells the images of a batch apart, and its batches hold {batch}; "
            "set plan.batch_size, and data.count if it is given, to 2 or more"
        )
    if splits.spec.resized_crop:
        raise LthkitError("a contrastive task makes its own crop of each view; set data.resized_crop to false")


def _encoder(spec: ModelSpec, projection: int, seed: int) -> nn.Module:
    """The network with a projection head in place of its own: features → hidden → ``projection``, a ReLU between.

    Its body is that of every other task: the same names and, from the same seed, the same weights.
    """
    hidden = spec.hidden or _feature_width(models.build(spec, projection, seed), spec)
    return models.build(spec.model_copy(update={"hidden": hidden}), projection, seed)


def _feature_width(network: nn.Module, spec: ModelSpec) -> int:
    heads = models.head_names(network)
    head = network.get_submodule(heads[0]) if len(heads) == 1 else None
    if not isinstance(head, nn.Linear):
        raise LthkitError(
            f"model '{spec.name}': a contrastive task puts its projection in place of the head, which must be one "
            "linear layer; name it by model.heads"
        )
    return head.in_features


def with_features(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The head's output and the features that it is given, of one forward pass.

    Args:
        network: as ``begin`` makes it.
        images: (B, C, H, W).

    Returns:
        (B, projection) and (B, d).
    """
    caught: list[Tensor] = []
    (name,) = models.head_names(network)
    handle = network.get_submodule(name).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        projected = network(images)
    finally:
        handle.remove()
    return projected, caught[-1]
