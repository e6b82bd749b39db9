"""Perturbed tickets: some of the ones and zeros, drawn from the whole network, turned over."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from lthkit.controls.draw import among, flat, keys, shaped, share
from lthkit.controls.drawn import Drawn
from lthkit.controls.kind import Inputs, Place, percent
from lthkit.errors import LthkitError
from lthkit.masks import Masks

FRACTION = 0.1
"""Share of ones and of zeros that the paper's perturbation flips (Chen et al. 2021, Fig. 8)."""


class Changed(Drawn):
    """A perturbed ticket, written ``KIND fraction``.

    Attributes:
        fraction: of the ones (and zeros) to change.
    """

    fraction: float = Field(default=FRACTION, gt=0, le=1)

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        try:
            given = {"fraction": float(argument)} if argument else {}
        except ValueError:
            raise LthkitError(
                f"a mask of kind '{cls.name()}' takes a fraction, not '{argument}'; write e.g. {cls.name()} 0.2"
            ) from None
        return super().read("", place) | given

    def arguments(self) -> list[str]:
        return [percent(self.fraction)]


class Flip(Changed):
    """A fraction of the ones and the same fraction of the zeros turned over: a sparse mask becomes denser."""

    kind: Literal["flip"] = "flip"

    def make(self, inputs: Inputs) -> Masks:
        return flip(inputs.ticket, self.seed, self.fraction)

    def describe(self) -> str:
        return (
            f"{self.ticket} with {self.fraction:g} of its ones and {self.fraction:g} of its zeros flipped, "
            f"seed {self.seed}"
        )


class Swap(Changed):
    """A fraction of the ones exchanged for as many zeros: the density stays."""

    kind: Literal["swap"] = "swap"

    def make(self, inputs: Inputs) -> Masks:
        return swap(inputs.ticket, self.seed, self.fraction)

    def describe(self) -> str:
        return f"{self.ticket} with {self.fraction:g} of its ones exchanged for as many zeros, seed {self.seed}"


def flip(masks: Mapping[str, Tensor], seed: int, fraction: float = FRACTION) -> Masks:
    """m + Δm: a fraction of the ones and the same fraction of the zeros turned over (Chen et al. 2021, Fig. 8).

    Ones and zeros are drawn from the whole network; both counts are rounded halves up. A sparse mask has more zeros
    than ones, so this raises the density: by 1.11 at 67 % sparsity, 6.35 at 98.2 % (setups.md, trap 4).

    Raises:
        LthkitError: if the fraction lies outside (0, 1].
    """
    bits = flat(masks)
    ones = int(np.count_nonzero(bits))
    return shaped(_exchanged(bits, share(fraction, ones), share(fraction, len(bits) - ones), seed, "flip"), masks)


def swap(masks: Mapping[str, Tensor], seed: int, fraction: float = FRACTION) -> Masks:
    """A fraction of the ones removed and as many zeros restored, drawn from the whole network: the density stays.

    Raises:
        LthkitError: if the fraction lies outside (0, 1], or there are fewer zeros than ones to be removed.
    """
    bits = flat(masks)
    ones = int(np.count_nonzero(bits))
    moved = share(fraction, ones)
    if moved > len(bits) - ones:
        raise LthkitError(
            f"a swap of {fraction:g} of {ones} weights needs {moved} removed ones to restore but the mask has "
            f"{len(bits) - ones}; choose a later round or a smaller fraction"
        )
    return shaped(_exchanged(bits, moved, moved, seed, "swap"), masks)


def _exchanged(bits: np.ndarray, off: int, on: int, seed: int, stream: str) -> np.ndarray:
    """``off`` of the ones turned to zeros and ``on`` of the zeros to ones."""
    drawn = keys(len(bits), seed, stream)
    changed = bits.copy()
    changed[among(bits, drawn, off)] = False
    changed[among(~bits, drawn, on)] = True
    return changed
