"""The plan's optimiser over the task's parameters: by name, one's own, in groups with rates of their own."""

import difflib
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from lthkit.errors import LthkitError
from lthkit.factories import brief, find_callable
from lthkit.tasks import Task
from lthkit.train.optimizer_state import capture_optimizer
from lthkit.train.plan import Plan, learning_rate

Groups = list[dict[str, Any]]
_OF_THE_PLAN = {"lr": "learning_rate", "momentum": "momentum", "weight_decay": "weight_decay"}


def make_optimizer(plan: Plan, task: Task) -> Optimizer:
    """The plan's optimiser of all parameters of ``task.modules`` that are not frozen.

    Args:
        plan: says which optimiser, with which options (see ``Plan``).
        task: whose ``parameter_groups``, if it has them, are kept apart; otherwise all parameters are one group.

    Raises:
        LthkitError: on an unknown optimiser or option, if nothing is left to train, or if the groups do not hold
            every trained parameter of the modules once.
    """
    groups = _groups(plan, task)
    optimizer = _made(plan, groups)
    for key in {key for group in groups for key in group} - {"params", "lr", "initial_lr"} - optimizer.defaults.keys():
        raise LthkitError(
            f"the task's parameter_groups: optimizer '{plan.optimizer}' has no option '{key}'; "
            f"{_near(key, optimizer.defaults)}"
        )
    return optimizer


def set_rates(optimizer: Optimizer, plan: Plan, step: int, steps_per_epoch: int) -> None:
    """Give each group its rate of step number ``step``: the one schedule times the group's own base rate."""
    rate = learning_rate(plan, step, steps_per_epoch)
    for group in optimizer.param_groups:
        group["lr"] = rate * (group.get("initial_lr", plan.learning_rate) / plan.learning_rate)


def check_optimizer(plan: Plan) -> None:
    """Make the optimiser, take one step on a scrap of a network and look at its state, so that this fails early.

    Raises:
        LthkitError: on an unknown optimiser or option, or one that this loop or the device cannot step or keep.
    """
    with torch.random.fork_rng(devices=[]):
        scrap = nn.Linear(2, 2, bias=False, device=plan.device)
        optimizer = _made(plan, [{"params": [scrap.weight]}])
        scrap.weight.grad = torch.ones_like(scrap.weight)
        try:
            optimizer.step()
        except Exception as error:  # one's own optimiser may raise anything
            raise LthkitError(
                f"optimizer '{plan.optimizer}' cannot take a step ({brief(error)}); "
                "correct its options, or choose one that needs gradients alone"
            ) from error
        capture_optimizer(optimizer, scrap)


def _made(plan: Plan, groups: Groups) -> Optimizer:
    make = _find(plan.optimizer)
    arguments = _arguments(plan, inspect.signature(make).parameters)
    try:
        optimizer = make(groups, **arguments)
    except Exception as error:  # one's own factory may raise anything
        raise LthkitError(
            f"optimizer '{plan.optimizer}' cannot be made ({brief(error)}); correct plan.optimizer_options"
        ) from error
    if not isinstance(optimizer, Optimizer):
        raise LthkitError(f"optimizer '{plan.optimizer}' gives a {type(optimizer).__name__}, not a torch optimiser")
    return optimizer


def _find(name: str) -> Callable[..., Any]:
    if ":" in name:
        return find_callable(name, f"optimizer '{name}'")
    known = {
        key: found
        for key, found in vars(torch.optim).items()
        if isinstance(found, type) and issubclass(found, Optimizer) and found is not Optimizer
    }
    if name not in known:
        hint = _near(name, known)
        raise LthkitError(f"there is no optimizer '{name}' in torch.optim; {hint}, or name your own as module:factory")
    return known[name]


def _arguments(plan: Plan, takes: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """``lr`` always, momentum and weight decay where there are arguments of these names, and the options."""
    arguments: dict[str, Any] = {"lr": plan.learning_rate}
    for key in ("momentum", "weight_decay"):
        value = getattr(plan, key)
        if key in takes:
            arguments[key] = value
        elif value not in (0, Plan.model_fields[key].default):
            raise LthkitError(f"plan.{key} is {value}, but optimizer '{plan.optimizer}' takes none; remove it")
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    for key, option in plan.optimizer_options.items():
        if key in _OF_THE_PLAN:
            raise LthkitError(f"plan.optimizer_options: give '{key}' as plan.{_OF_THE_PLAN[key]}")
        if key not in list(takes)[1:] and not anything:
            hint = _near(key, list(takes)[1:])
            raise LthkitError(f"plan.optimizer_options: optimizer '{plan.optimizer}' has no option '{key}'; {hint}")
        arguments[key] = option
    return arguments


def _groups(plan: Plan, task: Task) -> Groups:
    """The task's groups, or one of all; each with its base rate, and frozen parameters left out."""
    trained = {name: each for name, each in task.modules.named_parameters() if each.requires_grad}
    if not trained:
        raise LthkitError("nothing is left to train: every parameter is frozen; unfreeze the head or the body")
    offered = getattr(task, "parameter_groups", None)
    given = [{"params": list(trained.values())}] if offered is None else offered()
    groups = [_with_base_rate(plan, dict(group)) for group in given]
    _check_members(groups, {id(parameter): name for name, parameter in trained.items()})
    return [group for group in groups if group["params"]]


def _with_base_rate(plan: Plan, group: dict[str, Any]) -> dict[str, Any]:
    if "params" not in group or {"lr", "lr_scale"} <= group.keys():
        raise LthkitError("the task's parameter_groups: each needs 'params', and at most one of 'lr' and 'lr_scale'")
    params = [parameter for parameter in group["params"] if parameter.requires_grad]
    base = group.pop("lr", plan.learning_rate * group.pop("lr_scale", 1))
    if not (isinstance(base, int | float) and 0 <= base < float("inf")):
        raise LthkitError(f"the task's parameter_groups: the rate {base} is no number from 0 on; correct it")
    return group | {"params": params, "lr": base, "initial_lr": base}


def _check_members(groups: Groups, names: dict[int, str]) -> None:
    """Every trained parameter of the modules is in one group, and no other."""
    counts = Counter(id(parameter) for group in groups for parameter in group["params"])
    for number, name in names.items():
        if counts[number] != 1:
            times = f"{counts[number]} times" if counts[number] else "nowhere"
            raise LthkitError(f"the task's parameter_groups hold '{name}' {times}; put it into one group, or freeze it")
    if counts.keys() - names.keys():
        raise LthkitError("the task's parameter_groups hold a parameter that its modules do not; put it into them")


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=3)
    return f"near names: {', '.join(near)}" if near else f"known are {', '.join(sorted(known))}"
