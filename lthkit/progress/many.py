"""Progress of many trainings, or scores of networks, that are done beside each other or in a row."""

import sys
import time
from typing import Protocol, TextIO

from lthkit.progress.line import cut, line, spent_and_left
from lthkit.progress.place import bar, is_batch, is_watched

LONGEST_LABEL = 38  # beside the longest count and times


class Trainings(Protocol):
    """What a set of trainings, or of others that ``unit`` names, reports while it works."""

    def done(self, label: str) -> None:
        """One more training is done; ``label`` says which."""

    def close(self) -> None:
        """The work ended, well or not."""


class ManyBar:
    """A tqdm bar over all trainings."""

    def __init__(self, total: int, finished: int = 0, *, unit: str = "training") -> None:
        """``finished`` of ``total`` trainings were done before."""
        self._bar = bar(total=total, initial=finished, unit=unit)

    def done(self, label: str) -> None:
        """One more; the bar names it."""
        self._bar.set_postfix_str(label)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class ManyLines:
    """A line for a finished training, but only where the last line is some seconds ago, and for the very last one."""

    def __init__(
        self,
        total: int,
        finished: int = 0,
        *,
        unit: str = "training",
        patience: float = 10.0,
        stream: TextIO | None = None,
    ) -> None:
        """``finished`` of ``total`` trainings were done before; ``patience``: seconds between two lines."""
        self._total, self._before, self._count, self._unit = total, finished, finished, unit
        self._patience, self._stream = patience, stream
        self._started = time.monotonic()
        self._told: float | None = None
        if finished:
            self._print(line(f"{finished} of {total} {unit}s were done before", []))

    def done(self, label: str) -> None:
        """One more; told if it is time."""
        self._count += 1
        now = time.monotonic()
        if self._told is None or now - self._told >= self._patience or self._count == self._total:
            self._told = now
            end = spent_and_left(now - self._started, self._count - self._before, self._total - self._count)
            self._print(line(f"{self._unit} {self._count}/{self._total}", [cut(label, LONGEST_LABEL)], end))

    def close(self) -> None:
        """Say so if some are missing."""
        if self._count < self._total:
            self._print(line(f"stopped after {self._count} of {self._total} {self._unit}s", []))

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def for_many(total: int, finished: int = 0, *, unit: str = "training") -> Trainings:
    """The progress of many trainings that suits this process: lines in batch or without a terminal, else a bar.

    Args:
        total: number of trainings, those done before included.
        finished: how many of them were done before.
        unit: what one of them is called.
    """
    if is_batch():
        return ManyLines(total, finished, unit=unit)  # the saved notebook keeps what is printed
    if is_watched():
        return ManyBar(total, finished, unit=unit)
    return ManyLines(total, finished, unit=unit, stream=sys.stderr)
