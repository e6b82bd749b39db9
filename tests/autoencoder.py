"""A made-up task of another shape than classification: two modules, extra state, its own batches, no labels."""

import torch
from torch import nn

from lthkit import models
from lthkit.seeds import torch_generator


def encoder(num_classes: int, channels: int = 4) -> nn.Module:
    """A network by factory: convolutions only, so ``num_classes`` is the width of its code."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(2 * channels, num_classes, 3, padding=1),
    )


class Autoencoder:
    metrics = ("error",)
    metric = "error"
    higher_is_better = False
    splits = ("validation", "test")

    def __init__(self, setting):
        width = setting.options.get("code", 3)
        self.network = models.build(setting.model, width, setting.seed)
        with torch.random.fork_rng():
            torch.manual_seed(setting.seed + 1)
            decoder = nn.ConvTranspose2d(width, 1, 2, stride=2)
        self.modules = nn.ModuleDict({"network": self.network, "decoder": decoder})
        self.modules.register_buffer("mean_code", torch.zeros(width))
        self.prunable = models.prunable(self.network)
        self.start, self.data_sha256 = "random weights", "made up"
        self._code = None
        self._images = torch.randn(24, 1, 8, 8, generator=torch_generator(0, "images"))

    def steps_per_epoch(self):
        return 4

    def batches(self, seed, epoch, start):
        order = torch.randperm(16, generator=torch_generator(seed, epoch)).split(4)
        for index in range(start, 4):
            yield {"images": self._images[order[index]], "weight": 1.0 + index}

    def loss(self, batch):
        self._code = self.network(batch["images"])
        restored = self.modules["decoder"](self._code)
        noise = torch.randn(()) * 1e-3  # a random draw inside the step, as dropout makes
        return batch["weight"] * ((restored - batch["images"]) ** 2).mean() + noise * self._code.mean()

    def after_step(self, step):
        code = self._code.detach().float().mean((0, 2, 3))
        self.modules.mean_code.mul_(0.9).add_(code, alpha=0.1)

    def evaluate(self, split):
        images = self._images[16:20] if split == "validation" else self._images[20:]
        return {"error": float(((self.modules["decoder"](self.network(images)) - images) ** 2).mean())}


def make(setting):
    return Autoencoder(setting)
