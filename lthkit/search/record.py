"""Where the outcome of a search is committed: a store (``NAME.zarr``), or of zero rounds one small file (``.json``)."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from filelock import FileLock

from lthkit import config as configs
from lthkit import store as stores
from lthkit.codes import Codes
from lthkit.errors import LthkitError, StoreError
from lthkit.search.config import SearchConfig
from lthkit.search.facts import Facts
from lthkit.search.result import read_result, result_of, write_result
from lthkit.store import Store
from lthkit.train import Snapshot, columns


class Record(Protocol):
    """What a journal asks of the place of its commits."""

    @property
    def scored(self) -> int:
        """The round whose training comes next."""
        ...

    def codes(self) -> Codes:
        """The round in which each weight dies, as far as committed."""
        ...

    def commit(self, round: int, trained: Snapshot, codes: Codes) -> None:
        """Make the training of ``round``, and the masks of the next, durable in one step."""
        ...

    def finish(self) -> None:
        """The search is done."""
        ...


def open_record(facts: Facts, lock: FileLock, before: Callable[[], None]) -> Record:
    """The record at the search's path, which must be its own, or a new one.

    Args:
        facts: of the search.
        lock: of its path, held.
        before: called before a new record appears.

    Raises:
        LthkitError: if there is another search's.
    """
    return (_StoreRecord if facts.path.suffix == ".zarr" else _FileRecord)(facts, lock, before)


class _StoreRecord:
    def __init__(self, facts: Facts, lock: FileLock, before: Callable[[], None]) -> None:
        self._facts = facts
        if facts.path.exists():
            self._writer = stores.reopen(facts.path, lock)
            must_belong(self._writer.store, facts)
            return
        before()
        self._writer = stores.create(
            facts.path,
            lock=lock,
            parameters=facts.task.prunable,
            config=facts.config.plain(),
            provenance=facts.provenance(),
            metrics=columns(facts.task),
            rounds=facts.last,
            evaluations=facts.config.plan.evaluations(facts.task.steps_per_epoch()),
            first_round=facts.first,
            codes=facts.origin.codes,
        )

    @property
    def scored(self) -> int:
        return self._writer.store.scored

    def codes(self) -> Codes:
        return self._writer.store.codes()

    def commit(self, round: int, trained: Snapshot, codes: Codes) -> None:
        scores = {column: np.array([row[column] for row in trained.rows]) for column in trained.rows[0]}
        rounds = min(round + 1, self._facts.last)
        self._writer.commit(codes, rounds=rounds, scored=round + 1, scores={round: scores})

    def finish(self) -> None:
        """The lock stays beside the store: another process may be waiting at it."""


class _FileRecord:
    def __init__(self, facts: Facts, lock: FileLock, before: Callable[[], None]) -> None:
        self._facts = facts
        self._done = facts.path.exists()
        if self._done:
            _must_be_the_same(facts, read_result(facts.path))
        else:
            before()

    @property
    def scored(self) -> int:
        return self._facts.last + 1 if self._done else self._facts.first

    def codes(self) -> Codes:
        return self._facts.origin.codes

    def commit(self, round: int, trained: Snapshot, codes: Codes) -> None:
        write_result(self._facts.path, result_of(self._facts, trained))

    def finish(self) -> None:
        """The lock goes: whoever waits at it finds the finished result first of all."""
        stores.lock_file(self._facts.path).unlink(missing_ok=True)


def must_belong(store: Store, facts: Facts) -> None:
    """Refuse a store that is not of this very search.

    Raises:
        StoreError: naming what differs.
    """
    _must_be_configured(facts, store.config)
    now = {
        "start_sha256": ("starting weights", facts.start_sha256),
        "data_sha256": ("samples", facts.task.data_sha256),
        "mask_sha256": ("weights of the starting mask", facts.origin.mask_sha256),
    }
    for key, (what, value) in now.items():
        if store.provenance.get(key, value) != value:
            raise StoreError(f"the {what} are not those that {facts.path} began with; restore them or use another name")
    if store.parameters != facts.task.prunable:
        raise StoreError(f"{facts.path} has other prunable parameters than the network; use another name")


def _must_be_the_same(facts: Facts, result: dict[str, Any]) -> None:
    _must_be_configured(facts, result["config"])
    if result["search"] != facts.identity:
        raise LthkitError(
            f"{facts.path} was trained from another mask, other weights or other samples than are there now; "
            "use another name, or remove it to train again"
        )


def _must_be_configured(facts: Facts, stored: dict[str, Any]) -> None:
    changed = configs.differences(as_now(stored), facts.config.plain())
    if changed:
        raise StoreError(
            f"{facts.path} belongs to another configuration ({'; '.join(changed[:3])}); "
            "use its settings to resume it, or another name for a new search"
        )


def as_now(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored configuration with the keys of this version; what is no search's stays as it is."""
    try:
        return SearchConfig.parse(stored, "the stored configuration").plain()
    except LthkitError:
        return stored
