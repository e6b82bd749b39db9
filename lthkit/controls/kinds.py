"""Masks that are not tickets, made of one that is: what a ticket has to be compared with before it says anything.

Every function takes masks ``{parameter name: bool tensor}`` in manifest order and gives new ones on the CPU; the
counts are exact to one weight. Draws come from NumPy's frozen generator, one stream a kind (and layer), so a seed
gives the same mask everywhere. Random masks of one seed are nested: the mask of fewer weights is part of that of more.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.draw import among, keys, share, smallest
from lthkit.errors import LthkitError
from lthkit.masks import Masks

FRACTION = 0.1
"""Share of ones and of zeros that the paper's perturbation flips (Chen et al. 2021, Fig. 8)."""

_STREAM = "controls"


def complement(masks: Mapping[str, Tensor]) -> Masks:
    """m^c: exactly the weights that the mask removes (Chen et al. 2021, Fig. 8). Its own inverse."""
    return {name: ~mask.cpu() for name, mask in masks.items()}


def global_random(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """m_r: as many weights as the mask has, anywhere in the network (Chen et al. 2021, Fig. 8).

    Its layers' densities are about equal, unlike a ticket's: see ``layer_random`` (setups.md, trap 6).
    """
    total = rules.size(masks)
    return _shaped(smallest(keys(total, seed, _STREAM, "random"), rules.left(masks)), masks)


def layer_random(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """In every layer as many weights as the mask has there, anywhere in the layer.

    This is what the field calls a layer-wise shuffle: the layer's weights permuted one by one.
    """
    drawn = {}
    for name, mask in masks.items():
        chosen = smallest(keys(mask.numel(), seed, _STREAM, "layer_random", name), int(torch.count_nonzero(mask)))
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
    drawn = keys(outputs * inputs, seed, _STREAM, "layer_shuffled", name)
    if inside > 1:
        order = np.argsort(drawn, kind="stable")
        moved = kernels.reshape(outputs * inputs, inside)[order]
    else:
        order = np.argsort(drawn.reshape(outputs, inputs), axis=1, kind="stable")
        moved = np.take_along_axis(kernels[:, :, 0], order, axis=1)
    return torch.from_numpy(np.ascontiguousarray(moved)).view(mask.shape)


def flip(masks: Mapping[str, Tensor], seed: int, fraction: float = FRACTION) -> Masks:
    """m + Δm: a fraction of the ones and the same fraction of the zeros turned over (Chen et al. 2021, Fig. 8).

    Ones and zeros are drawn from the whole network; both counts are rounded halves up. A sparse mask has more zeros
    than ones, so this raises the density: by 1.11 at 67 % sparsity, 6.35 at 98.2 % (setups.md, trap 4).

    Raises:
        LthkitError: if the fraction lies outside (0, 1].
    """
    flat = _flat(masks)
    ones = int(np.count_nonzero(flat))
    return _exchanged(masks, flat, share(fraction, ones), share(fraction, len(flat) - ones), seed, "flip")


def swap(masks: Mapping[str, Tensor], seed: int, fraction: float = FRACTION) -> Masks:
    """A fraction of the ones removed and as many zeros restored, drawn from the whole network: the density stays.

    Raises:
        LthkitError: if the fraction lies outside (0, 1], or there are fewer zeros than ones to be removed.
    """
    flat = _flat(masks)
    ones = int(np.count_nonzero(flat))
    moved = share(fraction, ones)
    if moved > len(flat) - ones:
        raise LthkitError(
            f"a swap of {fraction:g} of {ones} weights needs {moved} removed ones to restore but the mask has "
            f"{len(flat) - ones}; choose a later round or a smaller fraction"
        )
    return _exchanged(masks, flat, moved, moved, seed, "swap")


def _exchanged(masks: Mapping[str, Tensor], flat: np.ndarray, off: int, on: int, seed: int, stream: str) -> Masks:
    """``off`` of the ones turned to zeros and ``on`` of the zeros to ones."""
    drawn = keys(len(flat), seed, _STREAM, stream)
    changed = flat.copy()
    changed[among(flat, drawn, off)] = False
    changed[among(~flat, drawn, on)] = True
    return _shaped(changed, masks)


def one_shot(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], sparsity: float | None = None) -> Masks:
    """The largest weights by magnitude over all layers, pruned once from the dense network.

    At the starting weights this is the control for "the ticket is where the weights are large to begin with"; after
    training it is one-shot pruning (Mehta 2019, Section 4.2).

    Args:
        weights: values to rank, at least for every name in ``masks``.
        masks: the ticket; gives the shapes, and the count if ``sparsity`` is None.
        sparsity: fraction to remove, 0…1; rounded to whole weights, halves up.

    Raises:
        LthkitError: on weights that do not fit or are not finite, or a sparsity outside [0, 1).
    """
    shapes = {name: tuple(mask.shape) for name, mask in masks.items()}
    return rules.prune(weights, rules.dense(shapes), kept(masks, sparsity))


def one_layer(
    weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], layer: str, sparsity: float | None = None
) -> Masks:
    """One layer pruned by magnitude, all others dense: how much that layer bears (Mehta 2019, layer-wise sensitivity).

    Args:
        weights: values to rank, at least of ``layer``.
        masks: the ticket; gives the shapes, and the layer's count if ``sparsity`` is None.
        layer: parameter name.
        sparsity: fraction of the layer to remove, 0…1; rounded to whole weights, halves up.

    Raises:
        LthkitError: if there is no such layer, or its weights do not fit.
    """
    if layer not in masks:
        raise LthkitError(f"there is no prunable layer '{layer}'; choose one of {', '.join(list(masks)[:5])} …")
    pruned = rules.dense({name: tuple(mask.shape) for name, mask in masks.items()})
    own = {layer: masks[layer]}
    return pruned | rules.prune({layer: weights[layer]}, {layer: pruned[layer]}, kept(own, sparsity))


def kept(masks: Mapping[str, Tensor], sparsity: float | None) -> int:
    """Weights that a mask of this sparsity has; the masks' own count if it is None."""
    if sparsity is None:
        return rules.left(masks)
    if not 0 <= sparsity < 1:
        raise LthkitError(f"sparsity {sparsity} lies outside [0, 1); give the fraction of weights to remove")
    left = rules.size(masks) * (1 - Fraction(repr(float(sparsity)))) + Fraction(1, 2)
    return left.numerator // left.denominator


def union(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What at least one of two masks keeps."""
    _alike(first, second)
    return {name: mask.cpu() | second[name].cpu() for name, mask in first.items()}


def intersection(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What both masks keep."""
    _alike(first, second)
    return {name: mask.cpu() & second[name].cpu() for name, mask in first.items()}


def difference(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What the first mask keeps and the second does not."""
    _alike(first, second)
    return {name: mask.cpu() & ~second[name].cpu() for name, mask in first.items()}


def _alike(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    rules.fits(second, {name: tuple(mask.shape) for name, mask in first.items()})


def _flat(masks: Mapping[str, Tensor]) -> np.ndarray:
    return torch.cat([mask.cpu().reshape(-1) for mask in masks.values()]).numpy()


def _shaped(flat: np.ndarray, like: Mapping[str, Tensor]) -> Masks:
    parts = torch.from_numpy(flat).split([mask.numel() for mask in like.values()])
    return {name: part.view(mask.shape).clone() for (name, mask), part in zip(like.items(), parts, strict=True)}
