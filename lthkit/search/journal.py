"""What a search writes, in which order, and how it finds its place again after a kill.

At the end of a round: state file first, then weights, then the store's chunks, then its attributes (the commit).
Where they disagree, the round is done again from what is whole.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch import Tensor

from lthkit import masks as masking
from lthkit import store as stores
from lthkit.config import differences
from lthkit.errors import LthkitError, StoreError
from lthkit.masks import Codes, Masks
from lthkit.search import files
from lthkit.search.config import SearchConfig
from lthkit.tasks import Task
from lthkit.train import Point, Snapshot, columns, read_snapshot, save_tensors, tensors_sha256, write_snapshot


@dataclass(frozen=True)
class Position:
    """Where a search stands.

    Attributes:
        first, last: its rounds; ``last`` is the final ticket's.
        next: the round whose training comes next, ``last + 1`` when the search is finished.
        masks: of ``next``.
        base: the masks of ``first``, from which exact counts are counted.
        saved: round and training state that were saved last.
    """

    first: int
    last: int
    next: int
    masks: Masks
    base: Masks
    saved: tuple[int, Snapshot] | None


class Journal:
    """The written side of one search: its store, weights and training state. Only one process has one."""

    def __init__(self, path: Path, config: SearchConfig, task: Task, start: Point, origin: "Origin") -> None:
        self.path, self.config, self.start = path, config, start
        self.first, self.last = origin.round, origin.round + config.pruning.rounds
        self._writer = self._reopen(task) if path.exists() else self._create(task, origin)
        self.codes: Codes = self._writer.store.codes()

    def close(self) -> None:
        """Let others write."""
        self._writer.close()

    def position(self) -> Position:
        """Where the search stands, from what is whole on disk."""
        store = self._writer.store
        masks, base = masking.alive_at(self.codes, store.rounds), masking.alive_at(self.codes, self.first)
        return Position(self.first, self.last, store.scored, masks, base, self._resumable())

    def save(self, round: int, snapshot: Snapshot) -> None:
        """Keep the training state of ``round``."""
        header: dict[str, str | int] = {"round": round, "config": self._writer.store.config_sha256}
        write_snapshot(files.state_file(self.path), snapshot, header)

    def commit(self, round: int, trained: Snapshot, masks: Mapping[str, Tensor]) -> None:
        """Commit the scores of ``round`` and, unless it is the last, the masks of the next round."""
        self.save(round, trained)
        self._keep_weights(round, trained)
        if round < self.last:
            self.codes = masking.record(self.codes, masks, round + 1)
        scores = {column: np.array([row[column] for row in trained.rows]) for column in trained.rows[0]}
        rounds = min(round + 1, self.last)
        self._writer.commit(self.codes, rounds=rounds, scored=round + 1, scores={round: scores})

    def finish(self) -> None:
        """Remove the training state, which nothing needs any more."""
        files.state_file(self.path).unlink(missing_ok=True)

    def _resumable(self) -> tuple[int, Snapshot] | None:
        path = files.state_file(self.path)
        if not path.exists():
            return None
        snapshot, header = read_snapshot(path)
        return (int(header["round"]), snapshot) if header["config"] == self._writer.store.config_sha256 else None

    def _keep_weights(self, round: int, trained: Snapshot) -> None:
        kept = {"all": True, "none": False, "ends": round in (self.first, self.last)}[self.config.keep_weights]
        if not kept:
            return
        note = {"round": round, "config_sha256": self._writer.store.config_sha256}
        save_tensors(files.trained_file(self.path, round, "last"), trained.point.modules, note)
        if trained.best is not None:
            save_tensors(files.trained_file(self.path, round, "best"), trained.best, note)

    def _create(self, task: Task, origin: "Origin") -> stores.Writer:
        files.state_file(self.path).unlink(missing_ok=True)
        save_tensors(files.start_file(self.path), self.start.modules, {})
        return stores.create(
            self.path,
            parameters=task.prunable,
            config=self.config.plain(),
            provenance=_provenance(task, self.start, origin),
            metrics=columns(task),
            rounds=self.last,
            evaluations=self.config.plan.evaluations(task.steps_per_epoch()),
            first_round=origin.round,
            codes=origin.codes,
        )

    def _reopen(self, task: Task) -> stores.Writer:
        writer = stores.reopen(self.path)
        try:
            self._must_belong(writer.store, task)
        except BaseException:
            writer.close()
            raise
        return writer

    def _must_belong(self, store: stores.Store, task: Task) -> None:
        changed = differences(store.config, self.config.plain())
        if changed:
            raise StoreError(
                f"{self.path} belongs to another configuration ({'; '.join(changed[:3])}); "
                "use its settings to resume it, or another name for a new search"
            )
        now = {"start_sha256": tensors_sha256(self.start.modules), "data_sha256": task.data_sha256}
        for key, value in now.items():
            if store.provenance[key] != value:
                what = "starting weights" if key == "start_sha256" else "samples"
                raise StoreError(
                    f"the {what} are not those that {self.path} began with; restore them or use another name"
                )
        if store.parameters != task.prunable:
            raise StoreError(f"{self.path} has other prunable parameters than the network; use another name")


class Origin:
    """Where the masks begin: dense, or another store's mask."""

    def __init__(self, config: SearchConfig, prunable: Mapping[str, tuple[int, ...]]) -> None:
        self.round, self.codes, self.parent = 0, None, None
        if config.start_mask is None:
            return
        path, self.round = files.parse_mask(config.start_mask)
        if self.round + config.pruning.rounds > masking.MOST_ROUNDS:
            raise LthkitError(
                f"'{config.start_mask}' and {config.pruning.rounds} more rounds are above {masking.MOST_ROUNDS}; "
                "use fewer rounds"
            )
        store = stores.open_store(path)
        masks = masking.alive_at(store.masks(self.round), 0)
        masking.fits(masks, prunable)
        kept = {
            name: np.where(code > self.round, np.uint8(masking.SURVIVOR), code) for name, code in store.codes().items()
        }
        self.codes = kept
        self.parent = {
            "store": str(path),
            "round": self.round,
            "config_sha256": store.config_sha256,
            "mask_sha256": masking.digest(masks),
        }


def _provenance(task: Task, start: Point, origin: Origin) -> dict[str, object]:
    packages = ("lthkit", "torch", "torchvision", "numpy", "zarr", "xarray")
    return {
        "start": task.start,
        "start_sha256": tensors_sha256(start.modules),
        "data_sha256": task.data_sha256,
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "steps_per_epoch": task.steps_per_epoch(),
        "parent": origin.parent,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }
