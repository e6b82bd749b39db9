"""What masks, the data room and views add to a training step: ResNet-20, 32×32×3, batch 128, all cores."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.measure import Measured, Row, Side, ratio
from lthkit import data, masks, models, tasks
from lthkit.catalog import Catalog, Normalisation
from lthkit.masks import Masks
from lthkit.progress import Silent
from lthkit.train import Plan, copy_state, make_point, train

BATCH, CLASSES, IMAGES = 128, 10, 50_000
STEPS_A_TRAINING, STEPS_AN_EPOCH = 6, 10
Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]
Loss = Callable[[tuple[Tensor, Tensor]], Tensor]


class Steps(Silent):
    """A task without evaluation that is its own progress: it notes when batches are asked for and a step ends."""

    metrics: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    metric = start = data_sha256 = ""
    higher_is_better = True

    def __init__(self, network: nn.Module, batches: Batches, steps: int, loss: Loss | None = None) -> None:
        self.network = self.modules = network
        self._loss = loss
        self.prunable = models.prunable(network)
        self.stamps: list[float] = []
        self._batches, self._steps = batches, steps

    def steps_per_epoch(self) -> int:
        return self._steps

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        self.stamps = [time.perf_counter()]
        return iter(self._batches())

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        if self._loss is not None:
            return self._loss(batch)
        images, labels = batch
        return cross_entropy(self.network(images).float(), labels)

    def after_step(self, step: int) -> None:
        """Nothing lives beside the network."""

    def evaluate(self, split: str) -> dict[str, float]:
        return {}

    def advance(self) -> None:
        self.stamps.append(time.perf_counter())


@cache
def precision() -> Literal["float32", "bfloat16"]:
    """The one that is faster here: bfloat16 where processors multiply in it, else it takes twice as long and more."""
    network, images = _network(), torch.randn(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    times = {}
    for kind in (torch.float32, torch.bfloat16):
        for _ in range(2):  # the first has the kernels made
            began = time.perf_counter()
            with torch.autocast("cpu", kind, enabled=kind is torch.bfloat16):
                network(images).sum().backward()
            times[kind] = time.perf_counter() - began
    return "bfloat16" if times[torch.bfloat16] < times[torch.float32] else "float32"


def masked_step() -> Measured:
    """Steps with masks at 79 % sparsity against steps without, from the same sparse weights."""
    network = _network()
    ticket = _ticket(network)
    masks.apply_(dict(network.named_parameters()), ticket)
    batches = list(islice(_from_memory(_splits(IMAGES // 10)), STEPS_A_TRAINING))
    masked, unmasked = (_training(network, lambda: batches, STEPS_A_TRAINING, each, skip=1) for each in (ticket, {}))
    return ratio(masked, unmasked)


def epoch() -> Measured:
    """The first steps of an epoch, its start included, against the same steps from batches made beforehand."""
    network, splits = _network(), _splits(IMAGES)
    ready = list(islice(_from_memory(splits), STEPS_AN_EPOCH))
    loading = _training(network, partial(_from_memory, splits), STEPS_AN_EPOCH, {}, skip=0)
    at_hand = _training(network, lambda: ready, STEPS_AN_EPOCH, {}, skip=0)
    return ratio(loading, at_hand)


def views() -> Measured:
    """simCLR's steps, two views made of each image, against the same steps on views made beforehand."""
    task = _simclr()
    ready = list(islice(task.batches(0, 0, 0), STEPS_A_TRAINING))
    making, at_hand = (
        _training(task.network, batches, STEPS_A_TRAINING, {}, skip=1, loss=task.loss)
        for batches in (partial(task.batches, 0, 0, 0), lambda: ready)
    )
    return ratio(making, at_hand)


def _simclr() -> tasks.Task:
    """The task at its usual settings on CIFAR-10, on random pixels."""
    splits = _splits(IMAGES // 10)
    options: dict[str, Any] = {"crop": 0.2, "jitter": 0.5, "grey": 0.2, "flip": 0.5}
    context = tasks.TaskContext(
        models.ModelSpec(name="resnet20"),
        splits.spec,
        options,
        batch_size=BATCH,
        seed=0,
        device=torch.device("cpu"),
        channels_last=True,
        workers=0,
        catalog=Catalog(Path("none"), {}, {}),
        samples=splits,
    )
    return tasks.make(tasks.TaskSpec(name="simclr", options=options), context)


def _training(
    network: nn.Module, batches: Batches, steps: int, ticket: Masks, skip: int, loss: Loss | None = None
) -> Side:
    """A side that trains through ``lthkit.train``; its first ``skip`` steps, and what surrounds them, do not count."""
    task = Steps(network, batches, steps, loss)
    # a rate so small that the weights without masks stay, too, what they are
    plan = Plan(
        steps=steps, batch_size=BATCH, learning_rate=1e-6, precision=precision(), selection="last", device="cpu"
    )
    plan, begin = plan.resolved(), make_point(0, copy_state(network))

    def side() -> float:
        train(task, plan, ticket, seed=0, begin=begin, progress=task)
        return task.stamps[-1] - task.stamps[skip]

    return side


def _network() -> nn.Module:
    network = models.build(models.ModelSpec(name="resnet20"), CLASSES, seed=0)
    return network.to(memory_format=torch.channels_last)


def _ticket(network: nn.Module) -> Masks:
    dense = masks.dense(models.prunable(network))
    return masks.prune(dict(network.named_parameters()), dense, masks.weights_left(masks.size(dense), 0.2, 7))


def _splits(images: int) -> data.Splits:
    """Random pixels as the data room holds CIFAR-10 for training with flip and 4-pixel pad-and-crop."""
    generator = torch.Generator().manual_seed(0)
    stock = torch.randint(0, 256, (images, 40, 40, 3), dtype=torch.uint8, generator=generator)
    train = data.Resident(stock, torch.randint(0, CLASSES, (images,), generator=generator), pad=4)
    spec = data.DataSpec(name="random", flip=True, pad=4, validation=0.0)
    normalisation = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    return data.Splits(train, None, train, tuple("abcdefghij"), normalisation, spec)


def _from_memory(splits: data.Splits) -> Iterator[tuple[Tensor, Tensor]]:
    return data.training_batches(splits, batch_size=BATCH, seed=0, epoch=0, channels_last=True)


ROWS = (
    Row("masked-step", 1.03, "training step with masks at 79 % sparsity", "step without masks", masked_step),
    Row("epoch", 1.10, "steps of an epoch from the data room", "from batches at hand", epoch),
    Row("views", 1.30, "simCLR step, views made on the device", "step on views already made", views),
)
