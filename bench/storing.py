"""What a ResNet-50-sized search of 18 rounds of 20 % takes on disk, and how fast a round of it loads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from bench.measure import Measured, Row, seconds, timed
from lthkit import masks, models
from lthkit.codes import Codes, survivors
from lthkit.store import Store, create, open_store

Shapes = Mapping[str, tuple[int, ...]]
ROUNDS, EVALUATIONS, LOADED = 18, 10, 12
COLUMNS = ("step", "learning_rate", "train_loss", "wall_time", "validation_accuracy", "test_accuracy")


def size_independent() -> Measured:
    """Codes of weights drawn independently from one distribution: nothing to compress but the marginal."""
    return _size(independent(resnet50()))


def size_structured() -> Measured:
    """Codes of weights whose layers and kernels differ in scale."""
    return _size(structured(resnet50()))


def load_round() -> Measured:
    """Opening the store and reading one round, counts and hashes checked; files in the system's cache."""
    with stored(searched(independent(resnet50()))) as store:
        return seconds(timed(lambda: open_store(store.path).masks(LOADED)))


def entropy_bytes(codes: Mapping[str, np.ndarray]) -> float:
    """Zero-order entropy of the codes: n · H(distribution of the layer's codes) / 8, summed over layers."""
    total = 0.0
    for layer in codes.values():
        counts = np.unique(layer, return_counts=True)[1]
        total -= float((counts * np.log2(counts / layer.size)).sum()) / 8
    return total


def resnet50() -> Shapes:
    """Shapes of the prunable weights: 52 tensors, 23,445,504 weights."""
    return models.prunable(models.build(models.ModelSpec(name="resnet50"), 1000, seed=0))


def independent(shapes: Shapes) -> dict[str, Tensor]:
    """Normal weights of one scale."""
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def structured(shapes: Shapes) -> dict[str, Tensor]:
    """Normal weights whose scale differs by a factor e^(N/2) between layers, and again between kernels."""
    generator = torch.Generator().manual_seed(1)

    def scale(*shape: int) -> Tensor:
        return torch.exp(torch.randn(shape, generator=generator) / 2)

    weights = independent(shapes)
    return {name: layer * scale() * scale(*layer.shape[:2], 1, 1) for name, layer in weights.items()}


def _size(weights: Mapping[str, Tensor]) -> Measured:
    codes = searched(weights)
    with stored(codes) as store:
        return Measured(store.nbytes / entropy_bytes(codes))


def searched(weights: Mapping[str, Tensor]) -> Codes:
    """The codes of a search whose training changes no weight."""
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    alive, codes = masks.dense(shapes), survivors(shapes)
    total = masks.size(alive)
    for round in range(1, ROUNDS + 1):
        alive = masks.prune(weights, alive, masks.weights_left(total, 0.2, round))
        codes = masks.record(codes, alive, round)
    return codes


@contextmanager
def stored(codes: Codes) -> Iterator[Store]:
    """A finished search with these codes, in a temporary folder."""
    shapes = {name: layer.shape for name, layer in codes.items()}
    draws = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        with create(
            Path(folder) / "search.zarr",
            parameters=shapes,
            config={},
            provenance={},
            metrics=COLUMNS,
            rounds=ROUNDS,
            evaluations=EVALUATIONS,
        ) as writer:
            rows = {round: {name: draws.random(EVALUATIONS) for name in COLUMNS} for round in range(ROUNDS + 1)}
            writer.commit(codes, rounds=ROUNDS, scored=ROUNDS + 1, scores=rows)
        yield open_store(writer.path)


_ENTROPY = "zero-order entropy summed over layers"
ROWS = (
    Row("store-independent", 1.05, f"store of {ROUNDS} rounds, independent codes", _ENTROPY, size_independent),
    Row("store-structured", 1.05, f"store of {ROUNDS} rounds, layer-structured codes", _ENTROPY, size_structured),
    Row("load-round", 0.2, f"open the store and load round {LOADED}, checked", "", load_round, "s"),
)
