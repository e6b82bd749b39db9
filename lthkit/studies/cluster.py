"""Runs on a Dask cluster, of whatever kind: a worker starts the process of a run and waits for it.

A run is a process of its own, so a busy worker answers its scheduler. Where a worker dies, the scheduler gives its runs
to another one; the process that the dead one left behind still holds the run's folder, so the other waits for it, and
nothing is done twice. Output and data lie on storage that all machines share.
"""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

from lthkit.errors import LthkitError
from lthkit.strict_json import strict_json
from lthkit.studies.codes import BUSY, FAILED, INTERRUPTED
from lthkit.studies.process import begin, interrupt, said
from lthkit.studies.run import Run
from lthkit.studies.work import Ended

ANSWER_SECONDS = 10
# seconds between two looks of a worker at the process of its run, and at a run that another process holds
LOOK, WAIT = 0.2, 2.0


class Cluster:
    """Workers of a Dask scheduler.

    Args:
        address: of the scheduler, e.g. ``tcp://host:8786``, or the path of its scheduler file.
        folder: of the batch, on shared storage.

    Raises:
        LthkitError: if dask.distributed is not installed, or no scheduler answers.
    """

    def __init__(self, address: str, folder: Path) -> None:
        self.client = _connected(address)
        self._cwd = os.getcwd()
        self._stop = folder / f".stop-{uuid.uuid4().hex}"
        self._open: list[tuple[Run, Any]] = []

    @property
    def jobs(self) -> int:
        """Runs at the same time: the threads of all workers."""
        return max(sum(self.client.nthreads().values()), 1)

    def has_room(self) -> bool:
        """All that is ready is handed over: a cluster that grows with its work has to see it."""
        return True

    def start(self, run: Run) -> None:
        """Hand a run over."""
        key = f"lthkit-{run.id[:16]}-{uuid.uuid4().hex[:8]}"
        future = self.client.submit(
            execute, strict_json(run.plain()), self._cwd, str(self._stop.absolute()), key=key, pure=False
        )
        self._open.append((run, future))

    def ended(self, patience: float) -> list[Ended]:
        """The runs that ended; waits up to ``patience`` seconds for the first."""
        limit = time.monotonic() + patience
        while True:
            found = [(run, future) for run, future in self._open if future.done()]
            if found or time.monotonic() >= limit:
                self._open = [one for one in self._open if one not in found]
                return [_ended(run, future) for run, future in found]
            time.sleep(LOOK)

    def interrupt(self) -> None:
        """Ask all to stop, with what they have trained saved; what has not begun does not begin."""
        self._stop.parent.mkdir(parents=True, exist_ok=True)
        self._stop.touch()

    def close(self) -> None:
        """Let the scheduler go."""
        self._stop.unlink(missing_ok=True)
        self.client.close()


def execute(text: str, cwd: str, stop: str) -> tuple[int, str]:
    """In a worker: execute a run in a process of its own; its exit code and why it failed."""
    run = Run.of(json.loads(text))
    while not Path(stop).exists():
        process = begin(run, cwd=cwd)
        asked = False
        while process.poll() is None:
            time.sleep(LOOK)
            if not asked and Path(stop).exists():
                asked = True
                interrupt(process)
        if process.returncode != BUSY:
            return process.returncode, said(run, process.returncode, cwd)
        time.sleep(WAIT)
    return INTERRUPTED, ""


def _ended(run: Run, future: Any) -> Ended:
    if future.status == "finished":
        return Ended(run, *future.result())
    if future.status == "cancelled":
        return Ended(run, INTERRUPTED)
    return Ended(run, FAILED, f"its worker could not execute it: {str(future.exception()).splitlines()[0]}")


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise LthkitError("a cluster needs dask.distributed; install lthkit[cluster]") from None
    given = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        return Client(**given, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LthkitError(
            f"no Dask scheduler answers at '{address}' ({reason}); start one (dask scheduler) or correct the address"
        ) from None
