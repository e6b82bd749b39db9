"""The whole state of any torch optimiser, by parameter names: captured, restored, hashed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lthkit.errors import LthkitError
from lthkit.train.tensors import Hashes, Tensors, json_sha256, sha256_by_name

# what stands in the facts for what JSON does not have
_TENSOR, _TUPLE = "a tensor", "a tuple"


@dataclass(frozen=True)
class OptimizerState:
    """An optimiser's state dict, detached from the live one.

    Attributes:
        tensors: CPU copies by ``parameter name/key``, e.g. ``layer1.0.conv1.weight/exp_avg``; those among the options
            of a group by ``param_groups/number/option``.
        facts: the rest of the state dict, JSON-ready: numbers by parameter name, all options of the groups.
    """

    tensors: Tensors
    facts: dict[str, Any]

    def hashes(self, tensors: Hashes | None = None) -> Hashes:
        """SHA-256 of each tensor (``tensors`` where known) and of each part of the facts, by ``optimizer/name``."""
        known = sha256_by_name(self.tensors) if tensors is None else tensors
        found = known | {part: json_sha256(facts) for part, facts in self.facts.items()}
        return {f"optimizer/{name}": value for name, value in found.items()}


def capture_optimizer(optimizer: Optimizer, modules: nn.Module) -> OptimizerState:
    """The present state; inverse of ``restore_optimizer``.

    Args:
        optimizer: of parameters of ``modules``.
        modules: whose names the parameters get.

    Raises:
        LthkitError: if the optimiser keeps what is neither tensor, number, text nor list, tuple or mapping of them.
    """
    found = dict(optimizer.state_dict())
    named = _names(optimizer, modules)
    numbers = [group["params"] for group in found["param_groups"]]
    name_of = {number: name for pair in zip(numbers, named, strict=True) for number, name in zip(*pair, strict=True)}
    tensors: Tensors = {}
    state = {name_of.get(key, key): inner for key, inner in found.pop("state").items()}
    groups = [group | {"params": names} for group, names in zip(found.pop("param_groups"), named, strict=True)]
    facts = {
        "state": {name: _pack(inner, name, tensors) for name, inner in state.items()},
        "param_groups": _pack(groups, "param_groups", tensors),
    }
    return OptimizerState(tensors, facts | {part: _pack(inner, part, tensors) for part, inner in found.items()})


def restore_optimizer(state: OptimizerState, optimizer: Optimizer, modules: nn.Module) -> None:
    """Put the optimiser into ``state``, keeping devices, dtypes and memory formats.

    Raises:
        LthkitError: if the state is of other parameters or groups.
    """
    stored = [group["params"] for group in state.facts["param_groups"]]
    if stored != _names(optimizer, modules):
        raise LthkitError("the optimiser's state is of other parameters or groups; resume with the same task and plan")
    found = {part: _unpack(facts, lambda key: state.tensors[key].clone()) for part, facts in state.facts.items()}
    number_of = {name: number for number, name in enumerate(name for names in stored for name in names)}
    for group in found["param_groups"]:
        group["params"] = [number_of[name] for name in group["params"]]
    found["state"] = {number_of.get(name, name): inner for name, inner in found["state"].items()}
    optimizer.load_state_dict(found)
    # load_state_dict casts tensors to the parameter's dtype and makes other things of texts and lists
    for name, parameter in modules.named_parameters():
        for key, facts in state.facts["state"].get(name, {}).items():
            live = optimizer.state[parameter]
            live[key] = _as_kept(facts, state.tensors, parameter, live.get(key))


def _as_kept(facts: Any, tensors: Tensors, parameter: Tensor, loaded: Any) -> Any:
    """What the optimiser keeps for a parameter, on the device where ``load_state_dict`` put it."""
    device = loaded.device if isinstance(loaded, Tensor) else parameter.device

    def copied(path: str) -> Tensor:
        stored = tensors[path]
        if stored.shape != parameter.shape:
            return stored.to(device, copy=True)
        # the parameter's own memory format, or the optimiser takes another code path with other rounding
        return torch.empty_like(parameter, dtype=stored.dtype, device=device, requires_grad=False).copy_(stored)

    return _unpack(facts, copied)


def _names(optimizer: Optimizer, modules: nn.Module) -> list[list[str]]:
    """The parameters of each group by name."""
    names = {id(parameter): name for name, parameter in modules.named_parameters()}
    if any(id(parameter) not in names for group in optimizer.param_groups for parameter in group["params"]):
        raise LthkitError("the optimiser has a parameter that the task's modules do not; put it into the modules")
    return [[names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups]


def _pack(value: Any, path: str, tensors: Tensors) -> Any:
    """JSON-ready facts of ``value``, its tensors put by path into ``tensors``; inverse of ``_unpack``."""
    match value:
        case Tensor():
            tensors[path] = value.detach().to("cpu", copy=True).contiguous()
            return {_TENSOR: path}
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _pack(inner, f"{path}/{key}", tensors) for key, inner in value.items()}
        case list():
            return [_pack(inner, f"{path}/{number}", tensors) for number, inner in enumerate(value)]
        case tuple():
            return {_TUPLE: _pack(list(value), path, tensors)}
        case None | bool() | int() | float() | str():
            return value
    raise LthkitError(
        f"the optimiser keeps a {type(value).__name__} as '{path}', which cannot be stored; "
        "keep tensors, numbers, texts, or lists and mappings of them by text"
    )


def _unpack(facts: Any, tensor: Callable[[str], Tensor]) -> Any:
    match facts:
        case dict() if _TENSOR in facts:
            return tensor(facts[_TENSOR])
        case dict() if _TUPLE in facts:
            return tuple(_unpack(facts[_TUPLE], tensor))
        case dict():
            return {key: _unpack(inner, tensor) for key, inner in facts.items()}
        case list():
            return [_unpack(inner, tensor) for inner in facts]
    return facts
