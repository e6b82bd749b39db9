"""Masks drawn at random with the ticket's counts: over the network, over each layer, by whole kernels.

Draws come from NumPy's frozen generator, one stream per kind (and layer), so a seed gives the same mask everywhere.
Random masks of one seed are nested: the mask of fewer weights is part of that of more.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.draw import keys, shaped, smallest
from lthkit.controls.kind import Inputs, Kind, Place
from lthkit.masks import Masks


class Drawn(Kind):
    """A kind that is drawn anew for each seed.

    Attributes:
        seed: of the draw.
    """

    seed: int = Field(default=0, ge=0)
    other: ClassVar[None] = None

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        return super().read(argument, place) | {"seed": place.seed}


class Random(Drawn):
    """As many weights as the ticket has, anywhere in the network."""

    kind: Literal["random"] = "random"

    def make(self, inputs: Inputs) -> Masks:
        return global_random(inputs.ticket, self.seed)

    def describe(self) -> str:
        return f"random mask with as many weights as {self.ticket}, seed {self.seed}"


class LayerRandom(Drawn):
    """In every layer as many weights as the ticket has there."""

    kind: Literal["layer_random"] = "layer_random"

    def make(self, inputs: Inputs) -> Masks:
        return layer_random(inputs.ticket, self.seed)

    def describe(self) -> str:
        return f"random mask with as many weights in every layer as {self.ticket}, seed {self.seed}"


class LayerShuffled(Drawn):
    """The ticket with its kernels exchanged within every layer."""

    kind: Literal["layer_shuffled"] = "layer_shuffled"

    def make(self, inputs: Inputs) -> Masks:
        return layer_shuffled(inputs.ticket, self.seed)

    def describe(self) -> str:
        return f"{self.ticket} with its kernels shuffled within every layer, seed {self.seed}"


def global_random(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """m_r: as many weights as the mask has, anywhere in the network (Chen et al. 2021, Fig. 8).

    Its layers' densities are about equal, unlike a ticket's: see ``layer_random`` (setups.md, trap 6).
    """
    return shaped(smallest(keys(rules.size(masks), seed, "random"), rules.left(masks)), masks)


def layer_random(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """In every layer as many weights as the mask has there, anywhere in the layer.

    This is what the field calls a layer-wise shuffle: the layer's weights permuted one by one.
    """
    drawn = {}
    for name, mask in masks.items():
        chosen = smallest(keys(mask.numel(), seed, "layer_random", name), int(torch.count_nonzero(mask)))
        drawn[name] = torch.from_numpy(chosen).view(mask.shape)
    return drawn


def layer_shuffled(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """The mask with whole kernels exchanged within each layer; the patterns inside kernels stay.

    In a layer of k×k kernels all kernels change places at random over output × input channels, so the layer keeps
    its number of zero kernels and of every other pattern. Where a kernel is a single weight (1×1 convolutions,
    linear layers) that would be ``layer_random`` again, so there each output's weights are permuted over its inputs,
    and every output keeps its number of inputs.
    """
    return {name: _shuffled(mask.cpu(), seed, name) for name, mask in masks.items()}


def _shuffled(mask: Tensor, seed: int, name: str) -> Tensor:
    kernels = mask.flatten(2).numpy() if mask.dim() > 2 else mask.unsqueeze(-1).numpy()
    outputs, inputs, inside = kernels.shape
    drawn = keys(outputs * inputs, seed, "layer_shuffled", name)
    if inside > 1:
        order = np.argsort(drawn, kind="stable")
        moved = kernels.reshape(outputs * inputs, inside)[order]
    else:
        order = np.argsort(drawn.reshape(outputs, inputs), axis=1, kind="stable")
        moved = np.take_along_axis(kernels[:, :, 0], order, axis=1)
    return torch.from_numpy(np.ascontiguousarray(moved)).view(mask.shape)
