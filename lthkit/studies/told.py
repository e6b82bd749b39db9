"""What is said while a batch works: a line for each event, the same in a terminal, a notebook and a log file."""

import time

from lthkit.progress import spent_and_left
from lthkit.studies.run import Run
from lthkit.terminal import printable


class Lines:
    """Prints a line for every run that is done, failed or skipped, with the time spent and about the time left.

    Args:
        total: number of runs.
        done: how many of them were done before.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self.settled, self._before = total, done, done
        self._began = time.monotonic()

    def done(self, run: Run, seconds: float | None) -> None:
        """A run is done, here or elsewhere."""
        self.settled += 1
        self._say("done" if seconds is None else f"done in {seconds:.0f} s", run)

    def failed(self, run: Run, error: str, again: bool) -> None:
        """A run failed, and is tried again or not."""
        self.settled += not again
        self._say("failed, again" if again else "failed", run, f": {error}")

    def skipped(self, run: Run) -> None:
        """A run cannot be done, since one that it needs failed."""
        self.settled += 1
        self._say("skipped", run)

    def _say(self, what: str, run: Run, more: str = "") -> None:
        spent = time.monotonic() - self._began
        times = spent_and_left(spent, self.settled - self._before, self.total - self.settled)
        print(printable(f"[{self.settled}/{self.total} {times}] {what}: {run.name}{more}"), flush=True)
