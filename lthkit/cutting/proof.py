"""That two networks are one function: on random and on given images."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from lthkit.errors import LthkitError

TOLERANCE = 1e-5
_COUNT = 4


def prove(
    whole: nn.Module,
    other: Callable[[Tensor], Any],
    shape: tuple[int, ...],
    images: Tensor | None,
    named: str = "the cut network differs from the masked one",
    mend: str = "use the masked network",
) -> float:
    """The largest difference of their outputs on random and on given images, over the largest output or 1.

    Args:
        whole: the network as it is.
        other: what is to be the same function; its outputs may be listed in another structure.
        shape: of one input, (C, H, W).
        images: (B, C, H, W), compared beside random ones.
        named: begins the error's sentence.
        mend: ends it.

    Raises:
        LthkitError: if it is above 1e-5.
    """
    like = next(whole.parameters())
    drawn = random_images(_COUNT, shape, like)
    batches = (each for each in (drawn, drawn.abs(), images) if each is not None)
    found = float(torch.cat([_differences(whole, other, each) for each in batches]).max())  # NaN if one of them is
    if not found <= TOLERANCE:
        raise LthkitError(
            f"{named} by {found:.1e} of its largest output, more than {TOLERANCE:g}, so it is refused; {mend}"
        )
    return found


def random_images(count: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """(B, C, H, W) of a normal distribution, the same at every call, with another tensor's type and device."""
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(count)).to(like)


def _differences(whole: nn.Module, other: Callable[[Tensor], Any], images: Tensor) -> Tensor:
    """Of each output, over its largest value or 1."""
    images = images.to(next(whole.parameters()))
    with torch.no_grad():
        pairs = list(zip(_tensors(whole(images)), _tensors(other(images)), strict=True))
    return torch.stack([(one - other).abs().max() / one.abs().max().clamp(min=1) for one, other in pairs])


def _tensors(output: Any) -> list[Tensor]:
    return [value for value in tree_flatten(output)[0] if isinstance(value, Tensor)]
