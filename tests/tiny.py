"""Tiny search configurations; ``changes`` override by path, e.g. ``plan__steps=8``."""

from lthkit.search import SearchConfig

AUTOENCODER = {
    "task": {"name": "autoencoder:make"},
    "model": {"name": "autoencoder:encoder", "prune_first": True},
    "data": {"name": "digits"},
    "plan": {
        "steps": 6,
        "batch_size": 4,
        "learning_rate": 0.05,
        "schedule": "cosine",
        "evaluate_every": 2,
        "threads": 1,
        "device": "cpu",
    },
    "pruning": {"rate": 0.3, "rounds": 3},
}

DIGITS = {
    # fewer than 8 channels into a strided 1x1 convolution, channels last: some oneDNN on AVX2 writes out of bounds
    "model": {"name": "resnet8", "options": {"width": 8}},
    "data": {"name": "digits", "count": 128, "pad": 1, "validation": 0.25},
    "plan": {
        "epochs": 2,
        "batch_size": 32,
        "learning_rate": 0.05,
        "evaluate_every": 1,
        "threads": 1,
        "device": "cpu",
    },
    "pruning": {"rounds": 2},
}


def tiny_config(base=None, **changes) -> SearchConfig:
    import copy

    values = copy.deepcopy(base or DIGITS)
    for path, value in changes.items():
        *parents, key = path.split("__")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[key] = value
    return SearchConfig.parse(values, "tiny search")


def plain_network(num_classes):
    """A network without normalisation or dropout."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, num_classes),
    )


def by_position(weights):
    """A criterion: the later a weight stands in manifest and C order, the higher its score."""
    import torch

    scores, start = {}, 1
    for name, weight in weights.items():
        scores[name] = torch.arange(start, start + weight.numel(), dtype=torch.float32).view(weight.shape)
        start += weight.numel()
    return scores
