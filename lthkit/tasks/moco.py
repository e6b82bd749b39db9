"""MoCo v2: queries told from a queue of other images' keys, made by an encoder that follows slowly (He et al. 2020)."""

import copy
from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lthkit import models, ranks
from lthkit.data import Splits
from lthkit.errors import LthkitError
from lthkit.seeds import torch_generator
from lthkit.tasks.base import TaskContext
from lthkit.tasks.contrastive import Contrastive, ContrastiveOptions, Pair, begin, retrieval_of, with_features
from lthkit.tasks.place import place
from lthkit.tasks.similarity import dot, unit

Batch = tuple[Tensor, Tensor, Tensor]


class MocoOptions(ContrastiveOptions):
    """Options of the task ``moco``; the views' defaults are those of MoCo v2 (Chen et al. 2020, improved baselines).

    Attributes:
        temperature: τ of the loss.
        momentum: m of the key encoder: k ← m·k + (1 − m)·q after every step.
        queue: K, how many keys a query is told from; a multiple of the batch.
        norm_groups: in how many groups a batch passes through the encoders, each with its own statistics in
            normalisation layers; see ``Moco.keys``.
        metric: which score picks the best evaluation.
    """

    crop: float = Field(default=0.2, gt=0, le=1)
    jitter: float = Field(default=0.5, ge=0, le=2.5)
    blur: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=0.2, gt=0)
    momentum: float = Field(default=0.999, ge=0, lt=1)
    queue: int = Field(default=4096, ge=1)
    norm_groups: int = Field(default=2, ge=1)
    metric: Literal["accuracy", "retrieval"] = "accuracy"


class Encoders(nn.Module):
    """Query and key encoder, by the names that MoCo's published checkpoints have, and the queue.

    Attributes:
        encoder_q: the plain network, trained.
        encoder_k: of the same names; it follows and is never trained.
        queue: (K, d) unit keys, the oldest next to be replaced; a training begins with none.
        queued: int64 (), how many keys were ever put in; it says where the next ones go.
    """

    queue: Tensor
    queued: Tensor

    def __init__(self, network: nn.Module, size: int, width: int) -> None:
        super().__init__()
        self.encoder_q = network
        self.encoder_k = copy.deepcopy(network).requires_grad_(False)
        self.register_buffer("queue", torch.zeros(size, width))
        self.register_buffer("queued", torch.zeros((), dtype=torch.int64))


def enqueue(queue: Tensor, queued: Tensor, keys: Tensor) -> None:
    """Put keys in place of the oldest: first in, first out. Changes ``queue`` and ``queued``.

    Args:
        queue: (K, d).
        queued: int64 (), how many were ever put in.
        keys: (B, d); K is a multiple of B.
    """
    places = (queued + torch.arange(len(keys), device=queue.device)) % len(queue)
    queue[places] = keys
    queued += len(keys)


def follow(followed: nn.Module, follower: nn.Module, momentum: float) -> None:
    """k ← m·k + (1 − m)·q for all parameters; statistics of normalisation layers are each encoder's own."""
    with torch.no_grad():
        torch._foreach_lerp_(list(follower.parameters()), list(followed.parameters()), 1 - momentum)


def contrast(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """(B, 1 + K) logits of unit vectors: similarity / temperature to the query's own key, then to the queue's.

    Args:
        queries: (B, d).
        keys: (B, d), of other views of the same images.
        queue: (K, d) keys of other images.
        temperature: > 0.
    """
    own = (queries * keys).sum(1, keepdim=True)
    return torch.cat([own, dot(queries, queue)], dim=1) / temperature


class Moco(Contrastive):
    """Two encoders and a queue on pairs of views (Chen et al. 2021, Table 1: MoCo)."""

    metrics: tuple[str, ...] = ("accuracy", "retrieval", "loss")
    metric: str
    higher_is_better = True

    def __init__(
        self, encoders: Encoders, splits: Splits, options: MocoOptions, context: TaskContext, start: str
    ) -> None:
        super().__init__(splits, options, place(encoders, encoders.encoder_q, context))
        self.modules: nn.Module = encoders
        self.encoders, self.network, self.twins = encoders, encoders.encoder_q, (encoders.encoder_k,)
        self.prunable = models.prunable_of(self.network, context.model)
        self.metric = options.metric
        self.start, self.options = start, options
        self.chance = self.retrieval_chance if self.metric == "retrieval" else 1 / (1 + options.queue)
        self._keys: Tensor | None = None

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[Batch]:
        """Pairs of views, and an order of all ranks' images by which their keys are computed."""
        count = min(self.context.batch_size, len(self.data.train))
        for number, (first, second) in enumerate(self.pairs(seed, epoch, start), start):
            order = torch.randperm(count, generator=torch_generator(seed, "shuffle", epoch, number))
            yield first, second, order.to(first.device)

    def loss(self, batch: Batch) -> Tensor:
        first, second, order = batch
        self._keys = self.keys(second, order)
        queries = unit(self._encoded(self.encoders.encoder_q, first))
        queue = self.encoders.queue
        logits = contrast(queries, ranks.own_part(self._keys), queue, self.options.temperature)
        # places of the queue that no key was put in yet
        empty = torch.arange(len(queue), device=queue.device) >= self.encoders.queued
        logits[:, 1:].masked_fill_(empty, -torch.inf)
        return cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64, device=logits.device))

    @torch.no_grad()
    def keys(self, images: Tensor, order: Tensor) -> Tensor:
        """Unit keys of all ranks' images, rank 0's first.

        Shuffled normalisation (He et al. 2020, §3.3): a key and its query must not be normalised with the same batch's
        statistics, or the network finds the pair by them. There the images are shuffled over eight processors; here
        over the ranks and, within each, ``norm_groups`` groups, so that one device does what several do. Queries pass
        in such groups, too, unshuffled.

        Args:
            images: (b, C, H, W), this rank's.
            order: int64 (ranks · b,), the same on all ranks.

        Returns:
            (ranks · b, projection).
        """
        shuffled = ranks.own_part(ranks.gather(images)[order])
        made = ranks.gather(unit(self._encoded(self.encoders.encoder_k, shuffled)))
        return torch.empty_like(made).index_copy_(0, order, made)

    def after_step(self, step: int) -> None:
        """The key encoder follows; the step's keys enter the queue."""
        follow(self.encoders.encoder_q, self.encoders.encoder_k, self.options.momentum)
        if self._keys is not None:
            enqueue(self.encoders.queue, self.encoders.queued, self._keys)
        self._keys = None

    def evaluate(self, split: str) -> dict[str, float]:
        """Accuracy and loss against a queue of keys of training images, made anew by the present key encoder."""
        queue = torch.cat([self._evaluated(self.encoders.encoder_k, views)[0] for views in self.queue_views()])
        features, logits = [], []
        for first, second in self.scored_pairs(split):
            (queries, of_first), (keys, _) = (
                self._evaluated(self.encoders.encoder_q, first),
                self._evaluated(self.encoders.encoder_k, second),
            )
            logits.append(contrast(queries, keys, queue, self.options.temperature))
            features.append((of_first, self._evaluated(self.encoders.encoder_q, second)[1]))
        scores = torch.cat(logits)
        right = (scores[:, 0] > scores[:, 1:].amax(1)).float().mean().item()  # a tie is not right
        loss = cross_entropy(scores, torch.zeros(len(scores), dtype=torch.int64, device=scores.device)).item()
        return {"accuracy": right, "retrieval": retrieval_of(features), "loss": loss}

    def queue_views(self) -> Iterator[Tensor]:
        """The views whose keys an evaluation's queue holds: K training images."""
        return self.some_views(self.options.queue)

    def _encoded(self, encoder: nn.Module, images: Tensor) -> Tensor:
        return torch.cat([encoder(group) for group in images.chunk(self.options.norm_groups)])

    def _evaluated(self, encoder: nn.Module, images: Tensor) -> Pair:
        projected, features = with_features(encoder, images)
        return unit(projected), features


def make(context: TaskContext) -> Moco:
    """Both encoders with the same weights, from a checkpoint or at random, and an empty queue.

    Raises:
        LthkitError: on options out of range, a queue that is not a multiple of the batch or larger than the training
            split, groups that do not divide the batch, and as ``contrastive.begin``.
    """
    options = MocoOptions.parse(dict(context.options), "task 'moco'")
    splits, network, start = begin(context, options.projection)
    _check_sizes(options, min(context.batch_size, len(splits.train)), len(splits.train), context.part[1])
    encoders = Encoders(network, options.queue, options.projection)
    if context.model.checkpoint:
        start += _take_along(encoders, context)
    return Moco(encoders, splits, options, context, start)


def _take_along(encoders: Encoders, context: TaskContext) -> str:
    """Key encoder and queue from a checkpoint of MoCo, as published or kept by a search; a line on what was there."""
    found = models.checkpoint_tensors(context.model, context.catalog)
    containers = {name[: name.index("encoder_k.")] for name in found if "encoder_k." in name}
    if len(containers) != 1:
        return ""
    (container,) = containers
    spec = context.model.model_copy(update={"prefix": f"{container}encoder_k."})
    models.load_checkpoint(encoders.encoder_k, spec, context.catalog)
    return f"\nkey encoder from it, too{_take_queue(encoders, found, container)}"


def _take_queue(encoders: Encoders, found: dict[str, Tensor], container: str) -> str:
    """The queue if its size fits: published as (d, K) with a pointer to the oldest, by lthkit as it is."""
    keys, pointer, queued = (found.get(container + name) for name in ("queue", "queue_ptr", "queued"))
    size = len(encoders.queue)
    if keys is not None and pointer is not None:
        keys, queued = keys.T, pointer.reshape(()) + size
    if keys is None or queued is None or keys.shape != encoders.queue.shape:
        return "; the queue begins empty"
    encoders.queue.copy_(keys)
    encoders.queued.copy_(queued)
    return f", and {min(int(queued), size):,} keys of its queue"


def _check_sizes(options: MocoOptions, batch: int, images: int, processes: int) -> None:
    if options.queue % batch:
        raise LthkitError(
            f"task 'moco': the queue of {options.queue} keys is not a multiple of the batch of {batch}; "
            f"set task.options.queue to {max(1, round(options.queue / batch)) * batch}"
        )
    if options.queue > images:
        raise LthkitError(
            f"task 'moco': the queue of {options.queue} keys is larger than the {images} training images, so that it "
            f"would hold an image twice; set task.options.queue to {images // batch * batch} or less"
        )
    if batch // processes % options.norm_groups or batch // processes < 2 * options.norm_groups:
        raise LthkitError(
            f"task 'moco': {batch // processes} images of each process cannot be normalised in {options.norm_groups} "
            "equal groups of 2 or more; set task.options.norm_groups, or plan.batch_size to a multiple"
        )
