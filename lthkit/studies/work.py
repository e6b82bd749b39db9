"""Carrying out a plan: what is ready starts, what failed is tried again, what needs a failed run is skipped.

Nothing that matters is kept in memory: whoever is killed, the next batch reads from the disk how every run stands.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lthkit.studies.codes import ALL_INTERRUPTED, BUSY, DONE
from lthkit.studies.run import Run
from lthkit.studies.shelf import Shelf

# seconds between two looks at runs that other processes execute
LOOK = 1.0


@dataclass(frozen=True)
class Ended:
    """A run whose process ended: its exit code, and what it said if it failed."""

    run: Run
    code: int
    error: str = ""


class Workers(Protocol):
    """Who executes runs: processes here, or a cluster."""

    def has_room(self) -> bool:
        """Whether another run can be started."""

    def start(self, run: Run) -> None:
        """Start a run."""

    def ended(self, patience: float) -> list[Ended]:
        """The runs that ended; waits up to ``patience`` seconds for the first."""

    def interrupt(self) -> None:
        """Ask all to stop, with what they have trained saved."""

    def close(self) -> None:
        """Let go of what was opened."""


class Told(Protocol):
    """What hears of the work while it goes on."""

    def done(self, run: Run, seconds: float | None) -> None:
        """A run is done, here or elsewhere."""

    def failed(self, run: Run, error: str, again: bool) -> None:
        """A run failed, and is tried again or not."""

    def skipped(self, run: Run) -> None:
        """A run cannot be done, since one that it needs failed."""


@dataclass
class Outcome:
    """What became of a plan's runs, by identity.

    Attributes:
        done: executed to their end, now or before.
        failed: with their last error.
        skipped: since one that they need failed.
        left: neither, because time was up.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def work(
    runs: Sequence[Run],
    shelf: Shelf,
    workers: Workers,
    told: Told,
    *,
    retries: int = 0,
    until: float | None = None,
) -> Outcome:
    """Carry out runs until all are done, failed or skipped.

    Args:
        runs: each after those that it needs.
        shelf: where they lie.
        workers: who executes them.
        told: hears of it.
        retries: how often a failed run is tried again.
        until: a point of ``time.monotonic()`` at which all that runs is asked to stop; nothing starts after it.

    Raises:
        KeyboardInterrupt: after all that ran has stopped.
    """
    desk = _Desk(runs, shelf, workers, told, retries)
    try:
        while desk.open and (until is None or time.monotonic() < until):
            desk.start_what_is_ready()
            desk.take_in(workers.ended(LOOK))
            desk.look_elsewhere()
    except KeyboardInterrupt:
        desk.stop()
        raise
    desk.stop()
    return desk.outcome()


class _Desk:
    """Which runs wait, which are executed here, which by others."""

    def __init__(self, runs: Sequence[Run], shelf: Shelf, workers: Workers, told: Told, retries: int) -> None:
        self.shelf, self.workers, self.told, self.retries = shelf, workers, told, retries
        self.runs = {run.id: run for run in runs}
        self.open = {run.id: run for run in runs if shelf.state(run).standing != "done"}
        self.here: set[str] = set()
        self.elsewhere: set[str] = set()
        self.errors: dict[str, str] = {}
        self.tries: Counter[str] = Counter()
        self.lost: list[str] = []

    def start_what_is_ready(self) -> None:
        for run in list(self.open.values()):
            if not self.workers.has_room():
                break
            if run.id in self.here | self.elsewhere or run.needed & self.open.keys():
                continue
            if not self.shelf.is_free(run):
                self.elsewhere.add(run.id)
            elif self.shelf.state(run).standing == "done":
                self._done(run)
            else:
                self.here.add(run.id)
                self.workers.start(run)

    def take_in(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            self.here.discard(one.run.id)
            if one.code == DONE:
                self._done(one.run)
            elif one.code == BUSY:
                self.elsewhere.add(one.run.id)
            elif one.code not in ALL_INTERRUPTED:
                self._failed(one.run, one.error)

    def look_elsewhere(self) -> None:
        """Runs of another batch, or of one that was killed: done, or free to be taken over."""
        for identity in list(self.elsewhere):
            run = self.runs[identity]
            if self.shelf.is_free(run):
                self.elsewhere.discard(identity)
                if self.shelf.state(run).standing == "done":
                    self._done(run)

    def stop(self) -> None:
        """Ask what runs here to stop, and wait for it."""
        if self.here:
            self.workers.interrupt()
        while self.here:
            self.take_in(self.workers.ended(LOOK))

    def outcome(self) -> Outcome:
        settled = self.errors.keys() | set(self.lost)
        done = [identity for identity in self.runs if identity not in self.open and identity not in settled]
        return Outcome(done, dict(self.errors), list(self.lost), list(self.open))

    def _done(self, run: Run) -> None:
        if self.open.pop(run.id, None):
            self.told.done(run, self.shelf.state(run).seconds)

    def _failed(self, run: Run, error: str) -> None:
        self.tries[run.id] += 1
        again = self.tries[run.id] <= self.retries
        self.told.failed(run, error, again)
        if again:
            return
        self.errors[run.id] = error
        del self.open[run.id]
        for other in list(self.open.values()):
            if other.needed & (self.errors.keys() | set(self.lost)):
                self.lost.append(other.id)
                del self.open[other.id]
                self.told.skipped(other)
