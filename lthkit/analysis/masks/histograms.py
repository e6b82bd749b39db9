"""Counting codes: one histogram has every round of a search, one joint histogram every pair of rounds of two."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

# Codes are counted in pieces, because counting makes each of them 4 or 8 bytes wide.
PIECE = 1 << 18
MOST_THREADS = 4
A = TypeVar("A")
B = TypeVar("B")


def histogram(codes: np.ndarray, rounds: int) -> np.ndarray:
    """How many weights have each code 0…``rounds``; the last entry, ``rounds`` + 1, counts the survivors."""
    flat = codes.reshape(-1)
    counts = np.zeros(256, np.int64)
    for start in range(0, flat.size, PIECE):
        counts += np.bincount(flat[start : start + PIECE], minlength=256)
    return np.append(counts[: rounds + 1], counts[rounds + 1 :].sum())


def joint_histogram(a: np.ndarray, b: np.ndarray, rounds: tuple[int, int]) -> np.ndarray:
    """How many weights have each pair of codes: shape (rounds of a + 2, rounds of b + 2), last entries survivors.

    ``a`` and ``b`` have the same shape. Codes above their search's rounds are survivors.
    """
    a, b = a.reshape(-1), b.reshape(-1)
    counts = np.zeros(1 << 16, np.int64)
    for start in range(0, a.size, PIECE):
        index = a[start : start + PIECE].astype(np.int32)
        index <<= 8
        index |= b[start : start + PIECE]
        counts += count(index, len(counts))
    pairs = counts.reshape(256, 256)
    for last in (rounds[0] + 1, rounds[1] + 1):  # first a's codes, then b's, which stand first after the turn
        pairs = np.vstack([pairs[:last], pairs[last:].sum(axis=0)]).T
    return pairs


def count(index: np.ndarray, length: int) -> np.ndarray:
    """How often each of 0…``length`` − 1 is in a writable array; unlike np.bincount it lets other threads run."""
    import torch  # takes longer to import than most of what needs no pair of searches

    return torch.bincount(torch.from_numpy(index), minlength=length).numpy()


def each(function: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """``function`` of every item, in order, computed in threads."""
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, items))


def left(counts: np.ndarray) -> np.ndarray:
    """Histogram (…, rounds + 2) → weights left in each round (…, rounds + 1): those with a later code."""
    return np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]


def both_left(counts: np.ndarray) -> np.ndarray:
    """Joint histogram → weights left in both searches at each pair of rounds."""
    return left(left(counts).T).T


def kernel_codes(codes: np.ndarray) -> np.ndarray:
    """The round from which each kernel is completely zero, 255 if never: the latest of its codes, shape (out, in).

    The kernels of a linear layer are its single weights.
    """
    flat = codes.reshape(codes.shape[0], codes.shape[1] if codes.ndim > 1 else 1, -1)
    latest = flat[:, :, 0]
    for place in range(1, flat.shape[2]):  # by place in the kernel: many times faster than along a short axis
        latest = np.maximum(latest, flat[:, :, place])
    return latest
