"""What a search writes, in which order, and how it finds its place again after a kill.

At the end of a round: state file first, then weights, then the record (the store's chunks, then its attributes, or
the one file of a training of zero rounds). Where they disagree, the round is done again from what is whole. Nothing
of a path is touched before its lock is held, and nothing that could be refused is refused after that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from lthkit import masks as masking
from lthkit import store as stores
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search.facts import Facts
from lthkit.search.record import Record, open_record
from lthkit.store import beside
from lthkit.train import Point, Snapshot, read_snapshot, save_tensors, write_snapshot


@dataclass(frozen=True)
class Position:
    """Where a search stands.

    Attributes:
        next: the round whose training comes next, ``last + 1`` when the search is finished.
        masks: of ``next``.
        saved: round and training state that were saved last.
    """

    next: int
    masks: Masks
    saved: tuple[int, Snapshot] | None


class Journal:
    """The written side of one search: its record, weights and training state. Only one process has one."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._lock = stores.lock(facts.path, wait=facts.path.suffix == ".json")
        try:
            self._record: Record = open_record(facts, self._lock, self._write_first_files)
            self._codes = self._record.codes()
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let others write."""
        self._lock.release()

    def position(self) -> Position:
        """Where the search stands, from what is whole on disk."""
        next = self._record.scored
        return Position(next, masking.alive_at(self._codes, min(next, self.facts.last)), self._resumable())

    def save(self, round: int, snapshot: Snapshot) -> None:
        """Keep the training state of ``round``."""
        write_snapshot(beside.state_file(self.facts.path), snapshot, self.facts.of_file(round=round))

    def keep_rewind_point(self, point: Point) -> None:
        """Keep the state that later rounds go back to."""
        write_snapshot(beside.rewind_file(self.facts.path), Snapshot(point), self.facts.of_file(step=point.step))

    def keeps_weights(self, round: int) -> bool:
        """Whether the weights trained in ``round`` are kept."""
        ends = round in (self.facts.first, self.facts.last)
        return {"all": True, "none": False, "ends": ends}[self.facts.config.keep_weights]

    def commit(self, round: int, trained: Snapshot, masks: Mapping[str, Tensor]) -> None:
        """Commit the scores of ``round`` and, unless it is the last, the masks of the next round."""
        self.save(round, trained)
        if self.keeps_weights(round):
            self._keep_weights(round, trained)
        if round < self.facts.last:
            self._codes = masking.record(self._codes, masks, round + 1)
        self._record.commit(round, trained, self._codes)

    def finish(self) -> None:
        """Remove the training state, which nothing needs any more."""
        beside.state_file(self.facts.path).unlink(missing_ok=True)
        self._record.finish()

    def _write_first_files(self) -> None:
        """What lies beside a new record before it appears."""
        if self.facts.path.suffix == ".zarr" or self.facts.config.keep_weights != "none":
            save_tensors(beside.start_file(self.facts.path), self.facts.start.modules, self.facts.of_file())

    def _resumable(self) -> tuple[int, Snapshot] | None:
        path = beside.state_file(self.facts.path)
        if not path.exists():
            return None
        snapshot, header = read_snapshot(path)
        return (int(header["round"]), snapshot) if header.get("search") == self.facts.identity else None

    def _keep_weights(self, round: int, trained: Snapshot) -> None:
        moments: dict[Literal["last", "best"], Any] = {"last": trained.point.modules, "best": trained.best}
        for which, tensors in moments.items():
            if tensors is not None:
                path = beside.trained_file(self.facts.path, round, which)
                save_tensors(path, tensors, self.facts.of_file(round=round, which=which))


def read_rewind_point(facts: Facts) -> Point:
    """The state that ``Journal.keep_rewind_point`` kept.

    Raises:
        LthkitError: if it is gone, damaged or another search's.
    """
    path = beside.rewind_file(facts.path)
    if not path.exists():
        raise LthkitError(f"{path} is gone, to which the search rewinds; restore it or search anew under another name")
    snapshot, header = read_snapshot(path)
    if header.get("search") != facts.identity:
        raise LthkitError(f"{path} is of another search; restore the one of {facts.path} or search under another name")
    return snapshot.point
