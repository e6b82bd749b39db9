"""One network in three made-up tasks: by itself, beside a second encoder, and as the backbone of a detector."""

import torch
from torch import nn

from lthkit import models
from lthkit.seeds import torch_generator


def backbone(num_classes: int, channels: int = 4) -> nn.Module:
    """A network by factory; ``num_classes`` is the width of what it gives."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(2 * channels, num_classes, 3, padding=1),
    )


class Wrapped:
    """Make the network's output constant; whatever else lies in the modules is trained along."""

    metrics = ("error",)
    metric = "error"
    higher_is_better = False
    splits = ("validation", "test")

    def __init__(self, context, wrap):
        self.network = models.build(context.model, 3, context.seed)
        with torch.random.fork_rng():
            torch.manual_seed(context.seed + 99)
            self.modules = wrap(self.network)
        self.prunable = models.prunable(self.network)
        self.start, self.data_sha256 = "random weights", "made up"
        self._images = torch.randn(16, 1, 8, 8, generator=torch_generator(0, "images"))
        for parameter in self.modules.parameters():
            parameter.requires_grad_(True)

    def steps_per_epoch(self):
        return 2

    def batches(self, seed, epoch, start):
        order = torch.randperm(8, generator=torch_generator(seed, epoch)).split(4)
        yield from (self._images[order[index]] for index in range(start, 2))

    def loss(self, batch):
        others = sum((parameter**2).mean() for parameter in self.modules.parameters())
        return ((self.network(batch) - 1) ** 2).mean() + 0.01 * others

    def after_step(self, step):
        """Nothing."""

    def evaluate(self, split):
        images = self._images[8:12] if split == "validation" else self._images[12:]
        return {"error": float(((self.network(images) - 1) ** 2).mean())}


def alone(context):
    return Wrapped(context, lambda network: network)


def two_encoders(context):
    """The other encoder comes first and under a shorter name, so that no guess by name finds the right one."""
    return Wrapped(context, lambda network: nn.ModuleDict({"k": backbone(3), "query": network}))


def detector(context):
    """A backbone deep within, with a neck whose names end as the backbone's do."""

    def wrap(network):
        inner = nn.ModuleDict({"neck": backbone(3), "backbone": network})
        return nn.ModuleDict({"detector": inner, "head": nn.Linear(3, 2)})

    return Wrapped(context, wrap)


WRAPPED = {
    "task": {"name": "wrapped:alone"},
    "model": {"name": "wrapped:backbone", "heads": []},
    "data": {"name": "digits"},
    "plan": {"steps": 4, "batch_size": 4, "learning_rate": 0.05, "evaluate_every": 2, "threads": 1, "device": "cpu"},
    "pruning": {"rate": 0.3, "rounds": 1},
}
