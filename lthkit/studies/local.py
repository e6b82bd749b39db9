"""Runs on this machine: a process each, so many at the same time, one GPU to each where there are several."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from lthkit.studies.process import Process, begin, interrupt, said
from lthkit.studies.run import Run
from lthkit.studies.work import Ended


class Local:
    """Processes on this machine.

    Args:
        jobs: at the same time; as many as GPUs, or 1, if left out.
        gpus: numbers or names of the GPUs, dealt out to the jobs in turn.
    """

    def __init__(self, jobs: int | None = None, gpus: Sequence[str] | None = None) -> None:
        self.gpus = list(visible_gpus() if gpus is None else gpus)
        self.jobs = jobs or max(len(self.gpus), 1)
        self._places: list[tuple[Run, Process] | None] = [None] * self.jobs

    def has_room(self) -> bool:
        """Whether another run can be started."""
        return None in self._places

    def start(self, run: Run) -> None:
        """Start a run in a process of its own."""
        place = self._places.index(None)
        self._places[place] = run, begin(run, self.environment(place))

    def ended(self, patience: float) -> list[Ended]:
        """The runs that ended; waits up to ``patience`` seconds for the first."""
        limit = time.monotonic() + patience
        while True:
            found = [self._end(place) for place, busy in enumerate(self._places) if busy and busy[1].poll() is not None]
            if found or time.monotonic() >= limit:
                return found
            time.sleep(0.05)

    def interrupt(self) -> None:
        """Ask all to stop, with what they have trained saved."""
        for busy in self._places:
            if busy is not None:
                interrupt(busy[1])

    def close(self) -> None:
        """Nothing was opened."""

    def environment(self, place: int) -> dict[str, str]:
        """What the job at this place is told beside this process's variables: its GPU, where there are several."""
        return {"CUDA_VISIBLE_DEVICES": self.gpus[place % len(self.gpus)]} if len(self.gpus) > 1 else {}

    def _end(self, place: int) -> Ended:
        busy = self._places[place]
        assert busy is not None
        run, process = busy
        self._places[place] = None
        return Ended(run, process.returncode, said(run, process.returncode))


def visible_gpus() -> list[str]:
    """The GPUs that this process may use; asked of torch only where there may be some."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip() and name.strip() != "-1"]
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
