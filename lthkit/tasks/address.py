"""The network's address: where the plain network lies within a task's state, known once and used for every look-up.

Masks, rankings and exports speak of a weight by its name in the plain network; what a training keeps is the state of
``Task.modules``, in which the same weight may be called ``network.…``, ``encoder_q.…`` or ``detector.backbone.…``.
"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor, nn

from lthkit.errors import LthkitError
from lthkit.tasks.base import Task

Value = TypeVar("Value")


def network_address(modules: nn.Module, network: nn.Module) -> str:
    """What stands before the network's names in the state of ``modules``: empty, or a path that ends in a dot.

    Raises:
        LthkitError: if the modules do not contain the network.
    """
    for name, module in modules.named_modules():
        if module is network:
            return f"{name}." if name else ""
    raise LthkitError("the task's modules do not contain its network; put it in, or rewinding cannot restore it")


def masked_networks(task: Task) -> dict[str, nn.Module]:
    """The networks that masks and starting weights bind, by address: the pruned one, then its twins.

    Raises:
        LthkitError: if the modules do not contain one of them.
    """
    return {network_address(task.modules, each): each for each in (task.network, *getattr(task, "twins", ()))}


def network_state(state: Mapping[str, Tensor], address: str) -> dict[str, Tensor]:
    """The network's own part of a task's state, by plain names; inverse of ``at_address``."""
    return {name.removeprefix(address): tensor for name, tensor in state.items() if name.startswith(address)}


def at_address(plain: Mapping[str, Value], address: str) -> dict[str, Value]:
    """What is known by plain names (weights, masks), by names in the task's state; inverse of ``network_state``."""
    return {address + name: value for name, value in plain.items()}
