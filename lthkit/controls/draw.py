"""Exact random choices: so many out of so many, the same on every machine and for every library version."""

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.seeds import frozen_random


def keys(count: int, seed: int, *stream: str) -> np.ndarray:
    """``count`` uint32 draws of a control's ``stream`` below ``seed``; the smallest are chosen first."""
    return frozen_random(seed, "controls", *stream).randint(0, 1 << 32, size=count, dtype=np.uint32)


def smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Bool array, True at the ``count`` smallest of ``values``; of equal ones the earlier."""
    if count == 0:
        return np.zeros(len(values), dtype=bool)
    threshold = np.partition(values, count - 1)[count - 1]
    chosen = values < threshold
    ties = np.flatnonzero(values == threshold)
    chosen[ties[: count - np.count_nonzero(chosen)]] = True
    return chosen


def among(where: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Flat positions of the ``count`` True places of ``where`` that have the smallest ``values``."""
    places = np.flatnonzero(where)
    return places[smallest(values[places], count)]


def share(fraction: float, count: int) -> int:
    """round(fraction · count), halves up, with the fraction taken as its shortest decimal (0.1 is exactly 1/10).

    Raises:
        LthkitError: if the fraction lies outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise LthkitError(f"fraction {fraction} lies outside (0, 1]; give the share of ones and zeros to change")
    return math.floor(Fraction(repr(float(fraction))) * count + Fraction(1, 2))


def flat(masks: Mapping[str, Tensor]) -> np.ndarray:
    """All masks as one bool array, in manifest order; ``shaped`` is the inverse."""
    return torch.cat([mask.cpu().reshape(-1) for mask in masks.values()]).numpy()


def shaped(bits: np.ndarray, like: Mapping[str, Tensor]) -> Masks:
    """One bool array as masks of the names and shapes of ``like``; ``flat`` is the inverse."""
    parts = torch.from_numpy(bits).split([mask.numel() for mask in like.values()])
    return {name: part.view(mask.shape).clone() for (name, mask), part in zip(like.items(), parts, strict=True)}
