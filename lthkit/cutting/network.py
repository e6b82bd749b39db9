"""A masked network as a smaller dense one of the same function.

Cut out are the channels that ``removable_channels`` counts. What a cut channel holds, where it is not zero, is the same
for every input: it goes into the bias of the layers that it went to. Where such a layer pads with zeros, it differs at
the border: then a value for each place is added behind the layer (``borders="term"``, which ties the network to one
size of images), or the channel stays (``borders="keep"``).
"""

import copy
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, fx, nn

from lthkit import masks as masking
from lthkit.analysis.channels.removable import in_words, kernels_alive
from lthkit.analysis.channels.trace import trace
from lthkit.cutting.cutter import Cutter
from lthkit.cutting.proof import prove, random_images
from lthkit.errors import LthkitError
from lthkit.models import plain

Borders = Literal["term", "keep"]
FACTS = "lthkit"


def cut_network(
    network: nn.Module,
    masks: Mapping[str, Tensor | np.ndarray],
    input_shape: tuple[int, ...],
    *,
    images: Tensor | None = None,
    borders: Borders = "term",
) -> fx.GraphModule:
    """Cut out of a masked network what its mask leaves without effect, and prove that the function is the same.

    Args:
        network: traceable by torch.fx; not changed.
        masks: True (or 1) = left, by parameter, as ``Store.masks`` gives.
        input_shape: of one input, (C, H, W).
        images: (B, C, H, W), on which both are compared beside random ones.
        borders: what becomes of constants that differ at zero-padded borders: ``term`` or ``keep``.

    Returns:
        A module of torch's own layers in evaluation mode, on the network's device, whose ``meta["lthkit"]`` says what
        was cut: ``channels``, ``channels_cut``, ``terms``, ``borders``, ``input_shape``, ``largest_difference`` and
        ``kept_whole`` (steps that are not known to work channel by channel, in words).

    Raises:
        LthkitError: if a mask does not fit, the network cannot be followed or does not take the input, or the two
            differ by more than 1e-5 of the largest output.
    """
    if borders not in get_args(Borders):
        raise LthkitError(f"there is no choice '{borders}' for borders; choose one of {', '.join(get_args(Borders))}")
    whole, tensors = masked_network(network, masks)
    like = next(whole.parameters())
    shape = tuple(input_shape)
    traced = trace(whole, kernels_alive(tensors), shape)
    cutter = Cutter(whole, traced, random_images(1, shape, like))
    if borders == "keep":
        cutter.keep_at_borders()
    small = cutter.cut()
    small.meta[FACTS] = cutter.facts | {
        "borders": borders,
        "input_shape": shape,
        "kept_whole": in_words(traced.kept_whole),
        "largest_difference": prove(whole, small, shape, images),
    }
    return small


def masked_network(network: nn.Module, masks: Mapping[str, Tensor | np.ndarray]) -> tuple[nn.Module, masking.Masks]:
    """A copy in evaluation mode with what the masks remove set to zero, and the masks as bool tensors.

    Raises:
        LthkitError: if a mask does not fit.
    """
    whole = copy.deepcopy(plain(network)).eval()
    tensors = {name: torch.as_tensor(mask).bool() for name, mask in masks.items()}
    masking.check(tensors, {name: tuple(values.shape) for name, values in whole.named_parameters()})
    like = next(whole.parameters())
    masking.apply_(dict(whole.named_parameters()), {name: mask.to(like.device) for name, mask in tensors.items()})
    return whole, tensors
