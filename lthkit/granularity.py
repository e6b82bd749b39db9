"""What is pruned as one: single weights, kernels, filters, or so many of every m neighbours.

A kernel is ``weight[out, in]``, a filter ``weight[out]`` (in a transposed convolution, whose weight lies the other way
round, what goes out of one input channel); a linear layer's kernels are its weights, its filters the rows. A pattern
``n:m`` leaves n of every m weights that neighbour in the order of input channels, as the sparse kernels of GPUs want
it (Mishra et al. 2021, arXiv 2104.08378); layers whose input channels are no multiple of m stay whole.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from lthkit import masks as masking
from lthkit.errors import LthkitError
from lthkit.masks import Masks

UNITS: dict[str, int | None] = {"weight": None, "kernel": 2, "filter": 1}
"""How many leading dimensions tell the units apart; None: all."""


def pattern_of(granularity: str) -> tuple[int, int] | None:
    """(n, m) of a pattern ``n:m``; None of a unit.

    Raises:
        LthkitError: if it is neither.
    """
    if granularity in UNITS:
        return None
    found = re.fullmatch(r"([1-9]\d*):([1-9]\d*)", granularity)
    if not found or int(found[1]) >= int(found[2]):
        raise LthkitError(
            f"there is no granularity '{granularity}'; choose {', '.join(UNITS)} or a pattern like 2:4, which leaves "
            "2 of every 4"
        )
    return int(found[1]), int(found[2])


def as_units(masks: Mapping[str, Tensor], granularity: str) -> Masks:
    """Which units have a weight left: (out,) of filters, (out, in) of kernels, the mask itself of weights."""
    depth = UNITS[granularity]
    return {name: mask if depth is None else _by_unit(mask, depth).any(-1) for name, mask in masks.items()}


def prune_units(
    scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], keep: int | Mapping[str, int], granularity: str
) -> Masks:
    """The masks with the units of the smallest scores gone; a unit's score is the mean magnitude of what it has left.

    Args:
        scores: by weight, as ``masks.prune`` takes weights; ties and errors as there.
        masks: what is left now.
        keep: how many units are to be left, over all parameters or in each.
        granularity: ``weight``, ``kernel`` or ``filter``.
    """
    units, depth = as_units(masks, granularity), UNITS[granularity]
    of_units = scores if depth is None else {name: _mean(scores[name], mask, depth) for name, mask in masks.items()}
    if isinstance(keep, int):
        kept = masking.prune(of_units, units, keep)
    else:
        kept = masking.prune_each_layer(of_units, units, keep)
    if depth is None:
        return kept
    return {name: mask.cpu() & _spread(kept[name], mask) for name, mask in masks.items()}


def prune_pattern(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], keep: int, length: int) -> Masks:
    """The masks with at most ``keep`` of every ``length`` neighbours left, those of the largest scores.

    Of equal ones the earlier goes first. Parameters that have no such groups stay as they are.
    Errors as ``masks.prune``.
    """
    masking.check(masks, {name: tuple(score.shape) for name, score in scores.items()})
    pruned = {}
    for name, mask in masks.items():
        alive = mask.cpu()
        masking.must_be_finite(name, scores[name].detach().sum())
        if not has_groups(tuple(mask.shape), length):
            pruned[name] = alive.clone()
            continue
        magnitudes = scores[name].detach().cpu().abs().masked_fill(~alive, -1)
        order = _in_groups(magnitudes, length).argsort(stable=True, dim=-1)
        stays = torch.ones_like(order, dtype=torch.bool).scatter_(-1, order[..., : length - keep], False)
        pruned[name] = stays.flatten(-2).movedim(-1, 1).contiguous() & alive
    return pruned


def has_groups(shape: tuple[int, ...], length: int) -> bool:
    """Whether the input channels of a weight of this shape divide into groups."""
    return len(shape) > 1 and shape[1] % length == 0


def _in_groups(values: Tensor, length: int) -> Tensor:
    """(out, in, …) as (out, …, groups, length)."""
    last = values.movedim(1, -1)
    return last.reshape(*last.shape[:-1], -1, length)


def _by_unit(values: Tensor, depth: int) -> Tensor:
    depth = min(depth, values.ndim)
    return values.reshape(*values.shape[:depth], -1)


def _mean(scores: Tensor, mask: Tensor, depth: int) -> Tensor:
    """Of the magnitudes that are left, by unit, float64."""
    alive = mask.cpu()
    magnitudes = scores.detach().to("cpu", torch.float64).abs().mul(alive)
    return _by_unit(magnitudes, depth).sum(-1) / _by_unit(alive, depth).sum(-1).clamp(min=1)


def _spread(units: Tensor, mask: Tensor) -> Tensor:
    """What holds of units for each of their weights."""
    return units.reshape(*units.shape, *[1] * (mask.ndim - units.ndim)).expand(mask.shape)
