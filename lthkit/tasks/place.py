"""Where a task's modules lie: the device and the memory format of convolutions."""

from dataclasses import replace

import torch
from torch import nn

from lthkit import models
from lthkit.tasks.base import TaskContext


def place(modules: nn.Module, network: nn.Module, context: TaskContext) -> TaskContext:
    """Move modules to the device; where the network does not bear channels_last, the context that is given back
    does not ask for it."""
    if context.channels_last and models.strided_and_narrow(network):
        context = replace(context, channels_last=False)
    modules.to(context.device)
    if context.channels_last:
        modules.to(memory_format=torch.channels_last)
    return context


def loaded(network: nn.Module, context: TaskContext) -> str:
    """Put the checkpoint's weights in and freeze what the model's spec says; one line on where the weights come from.

    Raises:
        LthkitError: as ``models.load_checkpoint``.
    """
    start = "random weights"
    if context.model.checkpoint:
        start = str(models.load_checkpoint(network, context.model, context.catalog))
    if context.model.freeze == "body":
        models.freeze(network, context.model.frozen_statistics)
    return start
