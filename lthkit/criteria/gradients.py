"""What criteria ask for beside the weights: gradients of a task's loss, Hessian times gradient, synaptic flow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten

from lthkit import ranks
from lthkit.errors import LthkitError
from lthkit.tasks import Task
from lthkit.train import machine

Gradients = dict[str, Tensor]


def loss_gradients(task: Task, batches: Iterable[Any], names: Iterable[str]) -> Gradients:
    """The mean over the batches of ∂L/∂θ, by parameter of ``task.network``, in training mode; nothing is changed.

    Raises:
        LthkitError: without batches.
    """
    with _watched(task, names) as named:
        return _mean(_gradients(task.loss(batch), named) for batch in batches)


def hessian_products(task: Task, batches: Sequence[Any], names: Sequence[str]) -> Gradients:
    """Hg, the Hessian of the mean loss times its gradient, both over these parameters alone.

    Args:
        task: whose loss can be differentiated twice.
        batches: the same for both; they are gone through twice.
        names: of parameters of ``task.network``.

    Raises:
        LthkitError: without batches.
    """
    gradients = loss_gradients(task, batches, names)
    with _watched(task, names) as named:
        return _mean(_product(task.loss(batch), named, gradients) for batch in batches)


def flow_gradients(network: nn.Module, shape: tuple[int, ...], names: Iterable[str]) -> Gradients:
    """∂R/∂|θ| of R = the sum of the outputs for an image of ones, where every weight is taken by its magnitude.

    In evaluation mode and double precision; the means that normalisation subtracts are left out, so that nothing
    of the flow is negative.

    Args:
        network: its removed weights are zero.
        shape: of one input, (C, H, W).
        names: of parameters.
    """
    like = next(network.parameters())
    values = {name: value.detach().abs().double() for name, value in network.state_dict().items()}
    values |= {name: torch.zeros_like(value) for name, value in values.items() if name.endswith("running_mean")}
    wanted = {name: values[name].requires_grad_() for name in names}
    ones = torch.ones(1, *shape, dtype=torch.float64, device=like.device)
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        outputs = functional_call(network, values, (ones,))
    finally:
        for module, training in modes:
            module.training = training
    flow = torch.stack([each.sum() for each in tree_flatten(outputs)[0] if isinstance(each, Tensor)]).sum()
    return _gradients(flow, wanted)


def _gradients(value: Tensor, named: Mapping[str, Tensor]) -> Gradients:
    """Of the value; zero where it does not depend on a parameter."""
    found = torch.autograd.grad(value, list(named.values()), materialize_grads=True)
    return dict(zip(named, found, strict=True))


def _product(loss: Tensor, named: Mapping[str, Tensor], along: Mapping[str, Tensor]) -> Gradients:
    first = torch.autograd.grad(loss, list(named.values()), create_graph=True, materialize_grads=True)
    total = torch.stack([(one * along[name]).sum() for name, one in zip(named, first, strict=True)]).sum()
    return _gradients(total, named)


def _mean(found: Iterable[Gradients]) -> Gradients:
    """Over the batches, and over the processes that share them."""
    total: Gradients = {}
    batches = 0
    for gradients in found:
        total = {name: total[name] + each if total else each.clone() for name, each in gradients.items()}
        batches += 1
    if not batches:
        raise LthkitError("this criterion looks at gradients, and there are no batches; give it some")
    mean = {name: each / batches for name, each in total.items()}
    return mean if ranks.world_size() == 1 else {name: ranks.gather(each[None]).mean(0) for name, each in mean.items()}


@contextmanager
def _watched(task: Task, names: Iterable[str]) -> Iterator[Gradients]:
    """The parameters by name, frozen ones too, while the task is in training mode; then all is as it was."""
    parameters = dict(task.network.named_parameters())
    named: Gradients = {name: parameters[name] for name in names}
    modes = [(module, module.training) for module in task.modules.modules()]
    trained = {name: parameter.requires_grad for name, parameter in named.items()}
    buffers = {name: buffer.clone() for name, buffer in task.modules.named_buffers()}
    machine.training_mode(task.modules)
    try:
        for parameter in named.values():
            parameter.requires_grad_()
        yield named
    finally:
        for name, parameter in named.items():
            parameter.requires_grad_(trained[name])
        for name, buffer in task.modules.named_buffers():  # running statistics, queues
            buffer.copy_(buffers[name])
        for module, training in modes:
            module.training = training
