"""Stores of ResNet-50's size whose weights are random, of a scale of their own in each layer."""

from pathlib import Path

import numpy as np

from lthkit import models
from lthkit.store import create

ROUNDS = 18


def stores(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """A store of each name, each of a seed of its own."""
    shapes = models.prunable(models.build(models.ModelSpec(name="resnet50"), 1000, seed=0))
    return {name: str(_made(folder / f"{name}.zarr", shapes, seed)) for seed, name in enumerate(names)}


def _made(path: Path, shapes, seed: int) -> Path:
    draws = np.random.default_rng(seed)
    weights = {name: draws.random(shape, np.float32) * draws.uniform(0.3, 1) for name, shape in shapes.items()}
    sample = np.concatenate([layer.reshape(-1)[::50] for layer in weights.values()])
    bounds = np.quantile(sample, 1 - 0.8 ** np.arange(1, ROUNDS + 1)).astype(np.float32)
    died = np.append(np.arange(1, ROUNDS + 1), 255).astype(np.uint8)
    codes = {name: died[np.searchsorted(bounds, layer)] for name, layer in weights.items()}
    plan = {"config": {}, "provenance": {}, "metrics": (), "rounds": ROUNDS, "evaluations": 1}
    with create(path, parameters=dict(shapes), **plan) as writer:
        writer.commit(codes, rounds=ROUNDS, scored=0, scores={})
    return path
