"""What a training is by content: masks, weights and samples, not the paths where they lay; it names the result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lthkit import config as configs
from lthkit import data
from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.data import SceneSplits, Splits
from lthkit.search import (
    ENDING,
    SearchConfig,
    config_of,
    kept_state,
    make_task,
    origin_checkpoint,
    ranked_weights,
)
from lthkit.store import Store, open_store
from lthkit.tasks import normalised_for
from lthkit.train import load_tensors, tensors_sha256

_PATHS = {"mask": ("source", "other"), "weights": ("store", "path"), "model": ("checkpoint",)}


@dataclass
class Contents:
    """Hashes of everything that trainings are made from, each taken once."""

    catalog: Catalog
    samples: dict[str, Splits | SceneSplits] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def result_file(self, folder: Path, config: SearchConfig) -> Path:
        """Where the result of a training lies: it has another name as soon as anything that decides it differs.

        Raises:
            LthkitError: if mask, weights or samples are not there.
        """
        plain = config.plain()
        for part, keys in _PATHS.items():
            plain[part] = plain[part] and {key: value for key, value in plain[part].items() if key not in keys}
        content = {"mask": self._mask(config), "weights": self._weights(config), "data": self._data(config)}
        return folder / f"{configs.canonical_sha256({'config': plain, 'content': content})[:16]}{ENDING}"

    def _mask(self, config: SearchConfig) -> list[str]:
        recipe = config.mask
        if recipe is None:
            return []
        store = open_store(recipe.source)
        found = [self._ticket(store, recipe.round)]
        if recipe.other is not None:
            found.append(self._ticket(open_store(recipe.other), recipe.other_round))
        if recipe.ranked is not None:
            key = ("ranked", str(store.path), recipe.ranked)
            found.append(self._once(key, lambda: tensors_sha256(ranked_weights(str(recipe.ranked), store))))
        return found

    def _ticket(self, store: Store, round: int) -> str:
        key = ("mask", str(store.path), round)
        return self._once(key, lambda: masking.masks_sha256(masking.alive_at(store.codes(), round)))

    def _weights(self, config: SearchConfig) -> str:
        weights = config.weights
        if weights is None:
            return self._checkpoint(config)
        if weights.path is not None:
            return self._once(("file", weights.path), lambda: tensors_sha256(load_tensors(Path(str(weights.path)))[0]))
        if config.source is None:
            return configs.canonical_sha256([config.model.plain(), config.seed])
        store = open_store(config.source)
        if weights.kind not in ("pretrained", "source"):
            origin = config_of(store)
            return configs.canonical_sha256([origin.model.plain(), origin.seed])
        which = "start" if weights.kind == "pretrained" else weights.which
        key = ("kept", str(store.path), which)
        return self._once(key, lambda: tensors_sha256(kept_state(store, store.first_round, which).network))

    def _checkpoint(self, config: SearchConfig) -> str:
        """Of the network as its checkpoint leaves it; without one the settings say all."""
        if config.model.checkpoint is None:
            return ""
        key = ("checkpoint", config.model.fingerprint(), config.task.fingerprint(), config.data.fingerprint())
        samples = self.samples.get(config.data.fingerprint())
        return self._once(key, lambda: tensors_sha256(make_task(config, self.catalog, samples).network.state_dict()))

    def _data(self, config: SearchConfig) -> str:
        samples = self.samples.get(config.data.fingerprint())
        origin = ("origin", config.model.checkpoint, config.source)
        checkpoint = self._once(origin, lambda: origin_checkpoint(config))
        key = ("data", config.data.fingerprint(), config.task.fingerprint(), checkpoint)
        if samples is not None and ":" not in config.task.name:
            return self._once(key, lambda: data.fingerprint(normalised_for(checkpoint, samples, self.catalog)))
        return self._once(key, lambda: make_task(config, self.catalog, samples).data_sha256)

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def shared_samples(configs: list[SearchConfig], catalog: Catalog) -> dict[str, Splits | SceneSplits]:
    """Each data set once, in memory that all processes see, by its spec's SHA-256.

    Streamed ones, a GPU's, and those of tasks that are not built in each process reads itself.
    """
    samples: dict[str, Splits | SceneSplits] = {}
    for config in configs:
        key = config.data.fingerprint()
        ours = ":" not in config.task.name and config.plan.device == "cpu" and not config.data.stream
        if ours and key not in samples:
            samples[key] = data.load(config.data, catalog, torch.device("cpu"))
    return samples
