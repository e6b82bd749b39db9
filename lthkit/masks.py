"""Masks: pure functions on ``{parameter name: bool tensor}``; True is a weight that is left.

Names are those of the plain model and their order is the manifest's (``models.prunable``). No training, no disk.
All masks of a search are its codes (``lthkit.codes``).
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from lthkit.codes import SURVIVOR, Codes
from lthkit.errors import LthkitError

Masks = dict[str, Tensor]

_SAMPLE = 1 << 16
_MARGIN = _SAMPLE // 128  # four standard deviations of a sample's median


def dense(parameters: Mapping[str, tuple[int, ...]]) -> Masks:
    """The mask of the dense network: every weight of ``{name: shape}`` is left."""
    return {name: torch.ones(shape, dtype=torch.bool) for name, shape in parameters.items()}


def left(masks: Mapping[str, Tensor]) -> int:
    """How many weights are left."""
    return sum(int(torch.count_nonzero(mask)) for mask in masks.values())


def size(masks: Mapping[str, Tensor]) -> int:
    """How many weights there are, left or removed."""
    return sum(mask.numel() for mask in masks.values())


def sparsity(masks: Mapping[str, Tensor]) -> float:
    """Fraction of the prunable weights that is removed, 0…1."""
    return 1 - left(masks) / size(masks)


def layer_sparsity(masks: Mapping[str, Tensor]) -> dict[str, float]:
    """Fraction removed in each parameter, 0…1."""
    return {name: 1 - int(torch.count_nonzero(mask)) / mask.numel() for name, mask in masks.items()}


def exact_rate(rate: float) -> Fraction:
    """The rate as its shortest decimal, so that 0.2 is exactly 1/5.

    Raises:
        LthkitError: if the rate lies outside (0, 1).
    """
    if not 0 < rate < 1:
        raise LthkitError(f"rate {rate} lies outside (0, 1); give the fraction of weights that a round removes")
    return Fraction(repr(float(rate)))


def weights_left(total: int, rate: float, prunings: int) -> int:
    """round(total · (1 − rate)^prunings) in exact rational arithmetic, halves up."""
    return math.floor(total * (1 - exact_rate(rate)) ** prunings + Fraction(1, 2))


def prune(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], keep: int) -> Masks:
    """Global magnitude pruning: the ``keep`` largest of the weights that are left stay.

    Magnitudes are compared over all parameters at once. Ties are broken by position: of equal magnitudes the
    earlier in manifest order, then in logical C order (whatever the memory format), goes first. The work is done
    on the CPU, so the same weights give the same masks wherever they lie.

    Args:
        weights: trained values, at least those named in ``masks``; any floating dtype and device.
        masks: what is left now; the result is a subset of it.
        keep: how many weights are to be left, 0…``left(masks)``.

    Raises:
        LthkitError: on weights that do not fit or are not finite, or on ``keep`` out of range.
    """
    check(masks, {name: tuple(weight.shape) for name, weight in weights.items()})
    alive = left(masks)
    if not 0 <= keep <= alive:
        raise LthkitError(f"cannot keep {keep} weights of the {alive} that are left; keep fewer")
    for low, high in (_bracket(weights, masks, keep / max(alive, 1)), (0.0, math.inf)):
        kept, near = _compare(weights, masks, low, high)
        spare = keep - left(kept)
        if 0 <= spare <= sum(len(where) for where, _ in near):
            break
    stays = _largest(torch.cat([values for _, values in near]), spare)
    parts = torch.split(stays, [len(where) for where, _ in near])
    for mask, (where, _), part in zip(kept.values(), near, parts, strict=True):
        mask.view(-1)[where[part]] = True
    return kept


def prune_each_layer(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], keep: Mapping[str, int]) -> Masks:
    """Magnitude pruning within each parameter: ``keep[name]`` of its weights stay. Ties and errors as ``prune``."""
    pruned: Masks = {}
    for name, mask in masks.items():
        pruned |= prune({name: weights[name]}, {name: mask}, keep[name])
    return pruned


def _bracket(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], density: float) -> tuple[float, float]:
    """Two magnitudes with the threshold between them in all likelihood, from a sample; the widest for few weights."""
    step = size(masks) // _SAMPLE
    if step < 4:
        return 0.0, math.inf
    sample = []
    for name, mask in masks.items():
        # take() goes by logical index in any memory format, without a copy of the whole
        index = torch.arange(step // 2, mask.numel(), step)
        drawn = torch.take(weights[name].detach(), index.to(weights[name].device)).cpu()
        sample.append(drawn[torch.take(mask.cpu(), index)])
    ordered = torch.cat(sample).abs().sort().values
    middle = round((1 - density) * len(ordered))
    low, high = middle - _MARGIN, middle + _MARGIN
    return float(ordered[low]) if low >= 0 else 0.0, float(ordered[high]) if high < len(ordered) else math.inf


def _compare(
    weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], low: float, high: float
) -> tuple[Masks, list[tuple[Tensor, Tensor]]]:
    """What is left and above ``high``; and of each parameter flat positions and magnitudes of what is in low…high."""
    dtype = torch.float64 if any(weights[name].dtype == torch.float64 for name in masks) else torch.float32
    # one scratch for all parameters stays in the cache; 23 million fresh magnitudes would cost a page fault each 4 kB
    scratch = torch.empty(max(mask.numel() for mask in masks.values()), dtype=dtype)
    kept, near = {}, []
    for name, mask in masks.items():
        magnitudes = scratch[: mask.numel()]
        torch.abs(weights[name].detach().to("cpu", dtype), out=magnitudes.view(mask.shape))
        must_be_finite(name, magnitudes.sum())
        alive = mask.cpu().contiguous().view(-1)
        above = (magnitudes > high).logical_and_(alive)
        where = (magnitudes >= low).logical_and_(alive).logical_xor_(above).nonzero().view(-1)
        kept[name] = above.view(mask.shape)
        near.append((where, magnitudes[where]))
    return kept, near


def must_be_finite(name: str, total: Tensor) -> None:
    """Refuse a parameter whose values, summed up, are not finite.

    Raises:
        LthkitError: naming it.
    """
    if not torch.isfinite(total):
        raise LthkitError(f"parameter '{name}' holds NaN or infinite weights; prune a network that trained")


def _largest(values: Tensor, keep: int) -> Tensor:
    """Bool tensor of the ``keep`` largest entries; of equal ones the later stay."""
    drop = len(values) - keep
    if drop == 0:
        return torch.ones_like(values, dtype=torch.bool)
    threshold = torch.kthvalue(values, drop).values
    kept = values > threshold
    spare = keep - int(torch.count_nonzero(kept))
    if spare:
        ties = torch.nonzero(values == threshold).view(-1)
        kept[ties[len(ties) - spare :]] = True
    return kept


def apply_(parameters: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    """Set removed weights to exactly zero, in place, outside autograd.

    Args:
        parameters: ``dict(model.named_parameters())`` or any mapping that holds the masked names.
        masks: bool or 0/1 tensors on the same device, same shapes.
    """
    with torch.no_grad():
        for name, mask in masks.items():
            parameters[name].masked_fill_(~mask.bool(), 0)


def check(masks: Mapping[str, Tensor], parameters: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse masks that do not fit ``{name: shape}``.

    Raises:
        LthkitError: naming the first parameter that is unknown or has another shape.
    """
    for name, mask in masks.items():
        if name not in parameters:
            raise LthkitError(
                f"the mask names '{name}', which the model does not have; use the mask with the network it was made for"
            )
        if tuple(mask.shape) != tuple(parameters[name]):
            raise LthkitError(
                f"the mask of '{name}' has shape {tuple(mask.shape)} but the model's weight {tuple(parameters[name])}; "
                "use the mask with the network it was made for"
            )


def fits(masks: Mapping[str, Tensor], parameters: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse masks that are not exactly for the manifest ``{name: shape}``: none missing, none more.

    Raises:
        LthkitError: naming the first parameter at fault.
    """
    check(masks, parameters)
    for name in parameters:
        if name not in masks:
            raise LthkitError(
                f"the mask lacks the prunable parameter '{name}'; use a mask of the same network and options"
            )


def masks_sha256(masks: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and packed bits: equal exactly when the masks are."""
    total = hashlib.sha256()
    for name, mask in masks.items():
        total.update(f"{name}{tuple(mask.shape)}".encode())
        total.update(np.packbits(mask.cpu().contiguous().numpy()).tobytes())
    return total.hexdigest()


def record(codes: Mapping[str, np.ndarray], masks: Mapping[str, Tensor], round: int) -> Codes:
    """Codes with the weights that ``masks`` removes first noted as absent from ``round`` on.

    Inverse of ``alive_at``: ``alive_at(record(codes, masks, round), round) == masks``.
    """
    noted = {}
    for name, code in codes.items():
        gone = (code == SURVIVOR) & ~masks[name].cpu().numpy()
        noted[name] = np.where(gone, np.uint8(round), code)
    return noted


def alive_at(codes: Mapping[str, np.ndarray], round: int) -> Masks:
    """The masks after ``round`` prunings (0 = dense), as bool tensors on the CPU."""
    return {name: torch.from_numpy(np.asarray(code > round)) for name, code in codes.items()}


def as_tensors(arrays: Mapping[str, np.ndarray]) -> Masks:
    """Bool arrays, as ``Store.masks`` gives them, as bool tensors on the CPU that share their memory."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def counts_left(masks: Mapping[str, Tensor], names: Iterable[str] | None = None) -> dict[str, int]:
    """Weights left in each parameter."""
    return {name: int(torch.count_nonzero(masks[name])) for name in (names or masks)}
