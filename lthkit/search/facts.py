"""What a search is: everything that decides its numbers, and the one SHA-256 by which all its files know it."""

import platform
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lthkit import config as configs
from lthkit.search.config import SearchConfig
from lthkit.search.kept import config_of
from lthkit.search.origin import Origin
from lthkit.store import open_store
from lthkit.tasks import Task, network_address
from lthkit.train import Point, tensors_sha256

_PACKAGES = ("lthkit", "torch", "torchvision", "numpy", "zarr", "xarray")


@dataclass(frozen=True)
class Facts:
    """One search as it begins.

    Attributes:
        path: of its store (``.zarr``) or, of zero rounds, its result (``.json``).
        config: complete, with the machine's choices written down.
        task: what is trained.
        origin: the starting mask.
        named: the weights that the configuration names; of θk those before its steps.
        start: the weights that the first round starts from.
    """

    path: Path
    config: SearchConfig
    task: Task
    origin: Origin
    named: Point
    start: Point

    @property
    def first(self) -> int:
        """The round that is trained first."""
        return self.origin.round

    @property
    def last(self) -> int:
        """The round of the final ticket."""
        return self.origin.round + self.config.pruning.rounds

    @property
    def source(self) -> SearchConfig:
        """The search that mask and weights come from; this one itself if it begins on its own."""
        if self.origin.made is not None:
            return SearchConfig.parse(self.origin.made["config"], f"configuration of {self.origin.made['store']}")
        return config_of(open_store(self.config.source)) if self.config.source else self.config

    @cached_property
    def config_sha256(self) -> str:
        """Of the configuration."""
        return self.config.fingerprint()

    @cached_property
    def named_sha256(self) -> str:
        """Of the named weights: the whole state."""
        return tensors_sha256(self.named.modules)

    @cached_property
    def start_sha256(self) -> str:
        """Of the starting weights: the whole state."""
        return self.named_sha256 if self.start is self.named else tensors_sha256(self.start.modules)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all that decides a number: settings, starting mask, starting weights, samples, by content."""
        return configs.canonical_sha256(
            {
                "config_sha256": self.config_sha256,
                "mask_sha256": self.origin.mask_sha256,
                "start_sha256": self.named_sha256,
                "data_sha256": self.task.data_sha256,
            }
        )

    def of_file(self, **more: str | int) -> dict[str, Any]:
        """What every file of weights or state says about itself."""
        address = network_address(self.task.modules, self.task.network)
        return {"search": self.identity, "config_sha256": self.config_sha256, "network": address} | more

    def provenance(self) -> dict[str, Any]:
        """What is recorded of where the search comes from."""
        normalisation = getattr(self.task, "normalisation", None)
        return {
            "search": self.identity,
            "start": self.task.start if self.config.weights is None else f"weights '{self.config.weights.label}'",
            "start_sha256": self.start_sha256,
            "data_sha256": self.task.data_sha256,
            "normalisation": normalisation and normalisation.plain(),
            "mask_sha256": self.origin.mask_sha256,
            "network": network_address(self.task.modules, self.task.network),
            "metric": self.task.metric,
            "higher_is_better": self.task.higher_is_better,
            "chance": getattr(self.task, "chance", None),
            "test_share": self.config.data.test_share,
            "steps_per_epoch": self.task.steps_per_epoch(),
            "parent": self.origin.made,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        }
