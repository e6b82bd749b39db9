"""Frozen bodies and other heads, as transfer uses them (Mehta 2019, §3.1)."""

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from lthkit.errors import LthkitError
from lthkit.models.prunable import head_names, in_modules


def freeze(model: nn.Module, statistics: Literal["kept", "updated"]) -> None:
    """Train the head alone: nothing else gets a gradient, normalisation scales and biases included.

    Args:
        model: changed in place.
        statistics: running statistics of normalisation layers outside the head: ``kept`` as they are and used in
            training too, or ``updated`` by the batches while everything else stands still.

    Raises:
        LthkitError: the model has no head, so that nothing would be trained.
    """
    heads = head_names(model)
    for name, parameter in model.named_parameters():
        if not in_modules(name, heads):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise LthkitError("the body is frozen and the network has no head, so nothing is left to train; name its heads")
    for name, module in model.named_modules():
        if statistics == "kept" and isinstance(module, _NormBase) and not in_modules(f"{name}.", heads):
            module.statistics_kept = True  # type: ignore[assignment]


def give_two_layers(model: nn.Module, hidden: int, num_classes: int) -> None:
    """Replace the linear head by two layers, inputs → ``hidden`` → classes with a ReLU between.

    Mehta 2019, §3.1: "about 50,000 more parameters" on ResNet-18 is ``hidden`` = 100.

    Raises:
        LthkitError: the head is not one linear layer.
    """
    heads = head_names(model)
    head = dict(model.named_modules()).get(heads[0]) if len(heads) == 1 else None
    if not isinstance(head, nn.Linear):
        raise LthkitError("hidden asks for a two-layer head, but the network's head is not one linear layer; drop it")
    parent_name, _, own_name = heads[0].rpartition(".")
    layers = nn.Sequential(nn.Linear(head.in_features, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))
    setattr(model.get_submodule(parent_name), own_name, layers)
    model.head_names = heads  # type: ignore[assignment]
