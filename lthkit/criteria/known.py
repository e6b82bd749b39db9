"""The criteria by name, each with what it looks at beside the weights, and one's own."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from lthkit import masks as masking
from lthkit.criteria.gradients import flow_gradients, hessian_products, loss_gradients
from lthkit.criteria.rules import grasp, magnitude, snip, synflow
from lthkit.errors import LthkitError
from lthkit.factories import find_callable
from lthkit.seeds import derive
from lthkit.tasks import Task

Needs = Literal["nothing", "gradients", "products", "flow"]


@dataclass(frozen=True)
class Criterion:
    """What is pruned first.

    Attributes:
        rule: from the weights by name, and what it needs by the same names, to scores by name.
        needs: beside the weights: ``gradients`` of the loss, ``products`` of its Hessian with them, both on batches of
            the training, or the gradients of the synaptic ``flow``.
        steps: prunings that each pruning is made of, the scores taken anew before each.
    """

    rule: Callable[..., Mapping[str, Tensor]]
    needs: Needs = "nothing"
    steps: int = 1


CRITERIA: dict[str, Criterion] = {
    "magnitude": Criterion(magnitude),
    "snip": Criterion(snip, "gradients"),
    "grasp": Criterion(grasp, "products"),
    "synflow": Criterion(synflow, "flow", steps=100),
}


def find_criterion(name: str) -> Criterion:
    """The criterion of a name, or one's own ``package.module:function`` of weights, or of weights and gradients.

    Raises:
        LthkitError: if there is none, or it cannot be imported.
    """
    if ":" in name:
        rule = find_callable(name, f"criterion '{name}'")
        return Criterion(rule, "gradients" if _required(rule) > 1 else "nothing")
    if name not in CRITERIA:
        near = get_close_matches(name, CRITERIA, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose {', '.join(CRITERIA)} or package.module:function"
        raise LthkitError(f"there is no criterion '{name}'; {hint}")
    return CRITERIA[name]


def _required(rule: Callable[..., Any]) -> int:
    """How many arguments it cannot do without."""
    return sum(each.default is each.empty for each in inspect.signature(rule).parameters.values())


def scores(
    criterion: Criterion, task: Task, masks: Mapping[str, Tensor], *, seed: int, batches: int = 1
) -> Mapping[str, Tensor]:
    """The scores of the masked weights of a task's network as it is, with what is removed at zero.

    Args:
        criterion: which.
        task: whose network and loss; left as it was.
        masks: their names are those that are scored; what they remove counts as zero while it is scored.
        seed: of the batches, the augmentation and the dropout.
        batches: how many of a training's first batches gradients are taken on.

    Raises:
        LthkitError: if the task does not say the shape of its images, which the synaptic flow needs.
    """
    parameters = dict(task.network.named_parameters())
    before = {name: parameters[name].detach().clone() for name in masks}
    try:
        masking.apply_(parameters, {name: mask.to(parameters[name].device) for name, mask in masks.items()})
        weights = {name: parameters[name].detach() for name in masks}
        asked = _asked(criterion.needs, task, list(masks), seed, batches)
        return criterion.rule(weights, *asked)
    finally:
        with torch.no_grad():
            for name, weight in before.items():
                parameters[name].copy_(weight)


def _asked(needs: Needs, task: Task, names: list[str], seed: int, batches: int) -> tuple[Any, ...]:
    if needs == "nothing":
        return ()
    if needs == "flow":
        shape = getattr(task, "image_shape", None)
        if shape is None:
            raise LthkitError("the synaptic flow needs the shape of an image; give the task an image_shape")
        return (flow_gradients(task.network, tuple(shape), names),)
    taken = list(islice(task.batches(seed, 0, 0), batches))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "criterion"))
        found = loss_gradients(task, taken, names) if needs == "gradients" else hessian_products(task, taken, names)
    return (found,)
