"""Modules with fewer channels: the chosen ones of a layer's weights, of a normalisation's values."""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lthkit.models.prunable import CONVOLUTIONS

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def layer_part(layer: Any, outputs: Tensor, inputs: Tensor) -> nn.Module:
    """A convolution or linear layer of the chosen output and input channels.

    Args:
        layer: plain or depthwise; others only with all their channels.
        outputs: bool, by output channel.
        inputs: bool, by input channel.
    """
    if outputs.all() and inputs.all():
        return copy.deepcopy(layer)
    if isinstance(layer, nn.Linear):
        weight = layer.weight[outputs][:, inputs]
        sizes = {"out_features": int(outputs.sum()), "in_features": int(inputs.sum())}
    else:
        depthwise = layer.groups > 1
        if isinstance(layer, TRANSPOSED):
            weight = layer.weight[inputs] if depthwise else layer.weight[inputs][:, outputs]
        else:
            weight = layer.weight[outputs] if depthwise else layer.weight[outputs][:, inputs]
        sizes = {"out_channels": int(outputs.sum()), "in_channels": int(inputs.sum())}
        sizes |= {"groups": sizes["out_channels"]} if depthwise else {}
    values = {"weight": weight} | ({} if layer.bias is None else {"bias": layer.bias[outputs]})
    return _remade(layer, values, sizes)


def channelwise_part(module: Any, chosen: Tensor) -> nn.Module:
    """A module that works channel by channel, of the chosen channels; itself where it has no values by channel."""
    named = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
    values = {name: value[chosen] for name, value in named.items() if value is not None and value.shape == chosen.shape}
    if not values or chosen.all():
        return module  # type: ignore[no-any-return]
    count = int(chosen.sum())
    sizes = {name: count for name in ("num_features", "num_parameters") if hasattr(module, name)}
    return _remade(module, values, sizes)


def with_bias(layer: Any, added: Tensor) -> nn.Module:
    """The layer with ``added`` (by output channel) on its bias, which it gets if it has none."""
    bias = added if layer.bias is None else layer.bias.detach().double() + added
    return _remade(layer, {"bias": bias}, {})


def is_layer(module: Any) -> bool:
    """Whether it is a convolution or a linear layer."""
    return isinstance(module, (*CONVOLUTIONS, nn.Linear))


def _remade(module: Any, values: Mapping[str, Tensor], sizes: Mapping[str, int]) -> nn.Module:
    """A copy with other values and sizes, of the dtype that the module has."""
    made = copy.copy(module)
    made._parameters, made._buffers = dict(module._parameters), dict(module._buffers)
    made._non_persistent_buffers_set = set(module._non_persistent_buffers_set)
    for name, value in values.items():
        if name in made._buffers:
            made._buffers[name] = value.detach().clone()
        else:
            kept = module.weight.dtype
            made._parameters[name] = nn.Parameter(value.detach().to(kept, copy=True), requires_grad=True)
    for name, size in sizes.items():
        setattr(made, name, size)
    return made
