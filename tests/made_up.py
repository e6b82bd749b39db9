"""A task of one's own in one file: own samples in an own layout, own network, own metrics, own optimiser."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lthkit import models
from lthkit.seeds import torch_generator


def write_samples(path: Path) -> Path:
    """Signals as grids, and what each is to be scaled by: one ``.npz`` with three splits."""
    draw = np.random.default_rng(0)
    parts = {}
    for split, count in (("fit", 48), ("tune", 16), ("judge", 16)):
        signals = draw.normal(size=(count, 1, 6, 6)).astype(np.float32)
        parts |= {f"{split}_signals": signals, f"{split}_levels": signals.mean((1, 2, 3)) * 3}
    np.savez(path, **parts)
    return path


def network(num_classes: int, channels: int = 6) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, num_classes),
    )


def optimizer(groups, lr, weight_decay):
    return torch.optim.RMSprop(groups, lr=lr, weight_decay=weight_decay, momentum=0.5)


class Levels:
    """Estimate a signal's level; scored by the share of estimates within a tolerance, and by the mean error."""

    metrics = ("within", "error")
    metric = "within"
    higher_is_better = True
    splits = ("validation", "test")
    image_shape = (1, 6, 6)

    def __init__(self, context):
        self._tolerance = context.options.get("tolerance", 0.5)
        self._batch = context.batch_size
        with np.load(context.options["file"]) as parts:
            self._parts = {name: torch.from_numpy(parts[name]).float() for name in parts.files}
        self.network = models.build(context.model, 1, context.seed)
        self.modules = nn.ModuleDict({"estimator": self.network, "scale": nn.Linear(1, 1)})
        nn.init.ones_(self.modules["scale"].weight)
        nn.init.zeros_(self.modules["scale"].bias)
        self.prunable = models.prunable_of(self.network, context.model)
        self.start = "random weights"
        self.data_sha256 = hashlib.sha256(Path(context.options["file"]).read_bytes()).hexdigest()

    def parameter_groups(self):
        return [
            {"params": list(self.network.parameters())},
            {"params": list(self.modules["scale"].parameters()), "lr_scale": 0.1},
        ]

    def steps_per_epoch(self):
        return len(self._parts["fit_levels"]) // self._batch

    def batches(self, seed, epoch, start):
        order = torch.randperm(len(self._parts["fit_levels"]), generator=torch_generator(seed, epoch))
        for index in order.split(self._batch)[start : self.steps_per_epoch()]:
            yield self._parts["fit_signals"][index], self._parts["fit_levels"][index]

    def loss(self, batch):
        signals, levels = batch
        return (self._estimate(signals) - levels).abs().mean()

    def after_step(self, step):
        """Nothing."""

    def evaluate(self, split):
        part = {"validation": "tune", "test": "judge"}[split]
        missed = (self._estimate(self._parts[f"{part}_signals"]) - self._parts[f"{part}_levels"]).abs()
        return {"within": float((missed < self._tolerance).float().mean()), "error": float(missed.mean())}

    def _estimate(self, signals):
        return self.modules["scale"](self.network(signals)).flatten()


def make(context):
    return Levels(context)
