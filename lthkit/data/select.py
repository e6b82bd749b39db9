"""Which samples a spec takes: pure functions of labels, class names and seed.

Draws are made class by class from a frozen generator seeded with the class's name, so that a class's samples do
not depend on which other classes are used, and a smaller count is part of a larger one.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from fractions import Fraction

import numpy as np

from lthkit.errors import LthkitError
from lthkit.seeds import frozen_random


def choose_classes(known: Sequence[str], wanted: Sequence[int | str] | None, name: str) -> tuple[int, ...]:
    """Indices of the wanted classes, in the order wanted; all where nothing is wanted.

    Raises:
        LthkitError: unknown class, index out of range, or a class named twice.
    """
    if wanted is None:
        return tuple(range(len(known)))
    chosen = tuple(_class_index(known, item, name) for item in wanted)
    for position, index in enumerate(chosen):
        if index in chosen[:position]:
            raise LthkitError(f"'{name}': class '{known[index]}' is chosen twice; name it once")
    return chosen


def _class_index(known: Sequence[str], item: int | str, name: str) -> int:
    if isinstance(item, int):
        if not 0 <= item < len(known):
            raise LthkitError(f"'{name}': class index {item} is outside 0…{len(known) - 1}; choose one of these")
        return item
    if item in known:
        return known.index(item)
    near = get_close_matches(item, known, n=3) or known[:10]
    raise LthkitError(f"'{name}': no class '{item}'; choose for example {', '.join(near)}")


def of_classes(labels: np.ndarray, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Indices (ascending) of the samples of the chosen classes, and their new labels 0…k−1."""
    new = np.full(max(int(labels.max()), *chosen) + 1, -1, dtype=np.int64)
    new[list(chosen)] = np.arange(len(chosen))
    indices = np.flatnonzero(new[labels] >= 0)
    return indices, new[labels[indices]]


def keep(labels: np.ndarray, count: int, classes: Sequence[str], seed: int, name: str) -> np.ndarray:
    """Positions (ascending) of `count` samples, equally many of each class.

    Where `count` is no multiple of the number of classes, the first classes give one more.

    Raises:
        LthkitError: a class has too few samples.
    """
    each, more = divmod(count, len(classes))
    quotas = [each + (label < more) for label in range(len(classes))]
    for label, quota in enumerate(quotas):
        there = int((labels == label).sum())
        if there < quota:
            raise LthkitError(
                f"'{name}': count {count} needs {quota} training images of class '{classes[label]}', which has "
                f"{there}; lower `count`"
            )
        if quota == 0:
            raise LthkitError(f"'{name}': count {count} is less than the {len(classes)} classes; raise `count`")
    return _draw(labels, quotas, classes, seed, "count")


def hold_out(labels: np.ndarray, share: float, classes: Sequence[str], seed: int, name: str) -> np.ndarray:
    """Positions (ascending) of exactly round(share · n) samples (halves up), stratified by class.

    Each class gives its share rounded down; what is missing comes from the classes with the largest remainders
    (ties: the first).

    Raises:
        LthkitError: that is no sample at all, or leaves a class without training samples.
    """
    quotas = _quotas([int((labels == label).sum()) for label in range(len(classes))], Fraction(str(share)))
    if sum(quotas) == 0:
        raise LthkitError(
            f"'{name}': validation {share} of {len(labels)} images is none; take more images or set it to 0"
        )
    for label, quota in enumerate(quotas):
        if quota == (labels == label).sum():
            raise LthkitError(
                f"'{name}': validation {share} takes all {quota} training images of class '{classes[label]}'; "
                "lower it or take more images"
            )
    return _draw(labels, quotas, classes, seed, "validation")


def share_of(labels: np.ndarray, share: float, classes: Sequence[str], seed: int, name: str) -> np.ndarray:
    """Positions (ascending) of exactly round(share · n) test samples, stratified as ``hold_out`` does.

    Raises:
        LthkitError: that is no sample at all.
    """
    quotas = _quotas([int((labels == label).sum()) for label in range(len(classes))], Fraction(str(share)))
    if sum(quotas) == 0:
        raise LthkitError(f"'{name}': test_share {share} of {len(labels)} images is none; raise it")
    return _draw(labels, quotas, classes, seed, "test")


def _quotas(sizes: list[int], share: Fraction) -> list[int]:
    exact = [share * size for size in sizes]
    quotas = [int(value) for value in exact]
    missing = int(share * sum(sizes) + Fraction(1, 2)) - sum(quotas)
    by_remainder = sorted(range(len(sizes)), key=lambda label: quotas[label] - exact[label])
    for label in by_remainder[:missing]:
        quotas[label] += 1
    return quotas


def _draw(labels: np.ndarray, quotas: Sequence[int], classes: Sequence[str], seed: int, purpose: str) -> np.ndarray:
    taken = [
        frozen_random(seed, purpose, classes[label]).permutation(np.flatnonzero(labels == label))[:quota]
        for label, quota in enumerate(quotas)
    ]
    return np.sort(np.concatenate(taken))
