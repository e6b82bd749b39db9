"""What pruning lets cut out physically: channels that carry nothing or are used by nothing."""

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lthkit import masks as masking
from lthkit.analysis.channels.dependencies import Layer
from lthkit.analysis.channels.trace import trace
from lthkit.analysis.labels import labelled
from lthkit.models import plain

COUNTS = (
    *("outputs", "outputs_dead", "outputs_removed", "inputs", "inputs_removed"),
    *("weights", "weights_removed", "multiply_adds", "multiply_adds_removed"),
)


def removable_channels(
    network: nn.Module, masks: Mapping[str, Tensor | np.ndarray], input_shape: tuple[int, ...]
) -> xr.Dataset:
    """What could be cut out of a masked network so that a smaller dense network of the same function remains.

    Cut are dead output channels — those that are the same for every input, because no weight that is left connects
    them to it — and, backwards, channels that only feed what is cut. Channels that an addition ties together are cut
    only where all of them may be. A dead filter behind a BatchNorm or with a bias still gives a constant: it counts
    as removable because the constant can be moved into what follows (into its bias; where that is a convolution with
    zero padding the constant differs at the border, and is a bias for each place). Steps that are not known to work
    channel by channel (attention, grouped convolutions but depthwise ones, layer norm) keep all their channels.

    Args:
        network: traceable by torch.fx; any device; neither run nor changed. Its weights do not count, the masks do.
        masks: True (or 1) = left, by parameter, as ``Store.masks`` gives; parameters not named are whole.
        input_shape: of one input, (C, H, W).

    Returns:
        Dimension ``layer``: all convolutions and linear layers, heads too, in order of the computation, by the name
        of their weight. ``outputs``, ``outputs_dead``, ``outputs_removed``, ``inputs``, ``inputs_removed``
        (channels), ``weights``, ``weights_removed``, ``multiply_adds`` and ``multiply_adds_removed`` (for one
        input; biases and normalisation are not counted). Their sums over the layers are attributes of the same
        names; further attributes ``input_shape`` and ``kept_whole``: the steps that are not known to work channel by
        channel, in words, so that the notion does not apply to them (empty: there are none).

    Raises:
        LthkitError: if a mask does not fit the network, or the network cannot be traced or does not take the input.
    """
    network = plain(network)
    tensors = {name: torch.as_tensor(mask).bool() for name, mask in masks.items()}
    masking.check(tensors, {name: tuple(values.shape) for name, values in network.named_parameters()})
    traced = trace(network, kernels_alive(tensors), tuple(input_shape))
    dependencies = traced.dependencies
    kept = dependencies.kept()
    counts = np.array([_counts(layer, kept) for layer in dependencies.layers], np.int64).reshape(-1, len(COUNTS))
    variables = {name: ("layer", counts[:, place]) for place, name in enumerate(COUNTS)}
    attrs = {name: int(counts[:, place].sum()) for place, name in enumerate(COUNTS)}
    names = [f"{layer.name}.weight" for layer in dependencies.layers]
    said = {"input_shape": tuple(input_shape), "kept_whole": in_words(traced.kept_whole)}
    return labelled(xr.Dataset(variables, {"layer": names}, attrs | said))


def in_words(counted: Mapping[str, int]) -> str:
    """Kinds of steps and how often they came, as a list."""
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in sorted(counted.items()))


def kernels_alive(masks: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """(out, in), which kernels have a weight left, by the module's name."""
    return {
        name.removesuffix(".weight"): mask.cpu().reshape(*mask.shape[:2], -1).any(dim=2).numpy()
        for name, mask in masks.items()
        if name.endswith(".weight") and mask.ndim > 1
    }


def _counts(layer: Layer, kept: np.ndarray) -> tuple[int, ...]:
    outputs, inputs = kept[layer.outputs.ids], kept[layer.inputs.ids]
    weights = _weights(layer, len(outputs), len(inputs))
    cut = weights - _weights(layer, int(outputs.sum()), int(inputs.sum()))
    return (
        len(outputs),
        int((~layer.outputs.live).sum()),
        int((~outputs).sum()),
        len(inputs),
        int((~inputs).sum()),
        weights,
        cut,
        weights * layer.places,
        cut * layer.places,
    )


def _weights(layer: Layer, outputs: int, inputs: int) -> int:
    kernels = outputs if layer.depthwise else outputs * inputs // layer.groups
    return kernels * layer.kernel
