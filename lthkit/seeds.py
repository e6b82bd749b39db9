"""Independent random streams from one seed, without hidden state: what is drawn depends on names alone."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the catalog draws without torch, which takes seconds to import
    import torch


def derive(seed: int, *path: int | str) -> int:
    """A 63-bit seed for the stream ``path`` below ``seed``, the same on every machine and library version.

    Args:
        seed: the user's seed, ≥ 0.
        path: names and counters of the stream, e.g. ``derive(seed, "order", epoch)``.
    """
    entropy = [seed, *(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path)]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def torch_generator(seed: int, *path: int | str) -> "torch.Generator":
    """A CPU generator for the stream ``path``."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *path))


def frozen_random(seed: int, *path: int | str) -> np.random.RandomState:
    """NumPy's frozen legacy generator for the stream ``path``: its draws never change between versions.

    Used wherever a draw is part of a stored result's meaning (splits, subsets, random masks).
    """
    return np.random.RandomState(derive(seed, *path) & 0xFFFFFFFF)


@contextmanager
def drawn_by(seed: int) -> Iterator[None]:
    """Torch's global generator on the CPU begins at ``seed`` within, and goes on as before afterwards.

    For libraries that draw from it: weights of networks on the CPU, transforms.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
