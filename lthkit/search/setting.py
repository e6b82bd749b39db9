"""From a configuration to what a task is made from."""

from typing import Protocol

import torch

from lthkit import tasks
from lthkit.catalog import Catalog
from lthkit.data import DataSpec, Splits
from lthkit.models import ModelSpec
from lthkit.train import Plan, ranks


class Trainable(Protocol):
    """What searches and transfers have in common: a task, its data, a plan and a seed."""

    @property
    def task(self) -> tasks.TaskSpec: ...
    @property
    def data(self) -> DataSpec: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def seed(self) -> int: ...


def setting(config: Trainable, catalog: Catalog, model: ModelSpec, samples: Splits | None = None) -> tasks.Setting:
    """What the task of a configuration is made from; its plan must be resolved."""
    return tasks.Setting(
        model=model,
        data=config.data,
        options=config.task.options,
        batch_size=config.plan.batch_size,
        seed=config.seed,
        device=torch.device(config.plan.device),
        channels_last=config.plan.channels_last,
        workers=config.plan.workers,
        catalog=catalog,
        part=(ranks.rank(), ranks.world_size()),
        samples=samples,
    )
