"""Progress of one search: its rounds, their steps and evaluations."""

import sys
import time
from typing import Any, Protocol, TextIO

from lthkit.progress.line import line, spent_and_left
from lthkit.progress.place import bar, is_batch, is_watched, room

_OFTEN = 0.5
"""Seconds between two updates of a bar while a split is scored."""


class Progress(Protocol):
    """What a search reports while it works."""

    def begin(
        self, round: int, rounds: int, sparsity: float, step: int, steps: int, earlier_steps: int, later_steps: int
    ) -> None:
        """A round's training starts or resumes at ``step`` of ``steps``.

        ``earlier_steps`` have been trained until now, in this round and before, by whomever; ``later_steps`` follow in
        later rounds.
        """

    def advance(self) -> None:
        """One training step is done."""

    def scoring(self, split: str, done: int, total: int) -> None:
        """An evaluation is at image ``done`` of ``total`` of a split; told by tasks that take long for it."""

    def note(self, row: dict[str, float]) -> None:
        """An evaluation is done; its scores by column."""

    def close(self) -> None:
        """The work ended, well or not."""


class Silent:
    """Shows nothing."""

    def begin(
        self, round: int, rounds: int, sparsity: float, step: int, steps: int, earlier_steps: int, later_steps: int
    ) -> None: ...

    def advance(self) -> None: ...

    def scoring(self, split: str, done: int, total: int) -> None: ...

    def note(self, row: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class Bar(Silent):
    """A tqdm bar over all steps of the search."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._title = ""
        self._told = 0.0

    def begin(
        self, round: int, rounds: int, sparsity: float, step: int, steps: int, earlier_steps: int, later_steps: int
    ) -> None:
        self._title = f"round {round}/{rounds} · {sparsity:.2%} sparse"
        if self._bar is None:
            total = earlier_steps + steps - step + later_steps
            self._bar = bar(total=total, initial=earlier_steps, unit="step")
        self._describe([])

    def advance(self) -> None:
        self._bar.update()

    def scoring(self, split: str, done: int, total: int) -> None:
        if time.monotonic() - self._told > _OFTEN:
            self._told = time.monotonic()
            self._describe([f"{split} {done:,}/{total:,}"])

    def note(self, row: dict[str, float]) -> None:
        self._describe(_scores(row))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _describe(self, details: list[str]) -> None:
        self._bar.set_description_str(line(self._title, details, longest=room(self._bar)))


class Lines(Silent):
    """One line per round with its best scores, for saved notebooks and log files; more only where rounds are long."""

    def __init__(self, patience: float = 60.0, stream: TextIO | None = None) -> None:
        """``patience``: seconds without a line after which an evaluation within a round is told as well."""
        self._stream = stream
        self._started = self._told = time.monotonic()
        self._patience = patience
        self._done = self._left = self._step = self._steps = 0
        self._round = self._title = ""
        self._row: dict[str, float] = {}

    def begin(
        self, round: int, rounds: int, sparsity: float, step: int, steps: int, earlier_steps: int, later_steps: int
    ) -> None:
        self._finish_round()
        self._round = f"round {round}/{rounds}"
        self._title, self._left = f"{self._round} · {sparsity:.2%} sparse", steps - step + later_steps
        self._step, self._steps = step, steps

    def advance(self) -> None:
        self._done += 1
        self._step += 1
        self._left -= 1

    def scoring(self, split: str, done: int, total: int) -> None:
        if time.monotonic() - self._told > self._patience:
            self._tell(f"{self._round} · step {self._step}/{self._steps} · {split} {done:,}/{total:,}", {})

    def note(self, row: dict[str, float]) -> None:
        if not self._row or _is_chosen(row):
            self._row = row
        if self._step < self._steps and time.monotonic() - self._told > self._patience:
            self._tell(f"{self._round} · step {self._step}/{self._steps}", row)

    def close(self) -> None:
        if self._step < self._steps:
            self._tell(f"{self._round} · stopped at step {self._step}/{self._steps}", self._row)
            self._row = {}
        self._finish_round()

    def _finish_round(self) -> None:
        if self._row:
            self._tell(self._title, self._row)
        self._row = {}

    def _tell(self, title: str, row: dict[str, float]) -> None:
        self._told = time.monotonic()
        end = spent_and_left(self._told - self._started, self._done, self._left)
        print(line(title, _scores(row), end), file=self._stream, flush=True)


def for_here() -> Progress:
    """The progress of a search that suits this process: lines in batch or without a terminal, else a bar."""
    if is_batch():
        return Lines()  # the saved notebook keeps what is printed
    return Bar() if is_watched() else Lines(stream=sys.stderr)


def _is_chosen(row: dict[str, float]) -> bool:
    """Whether the test split was scored here: the best evaluation so far, or the last."""
    return any(column.startswith("test_") and value == value for column, value in row.items())


def _scores(row: dict[str, float]) -> list[str]:
    """Each metric on the validation and test splits, then the training loss: the most telling first."""
    known = {column: value for column, value in row.items() if value == value}
    metrics = dict.fromkeys(
        metric
        for split, _, metric in (column.partition("_") for column in known)
        if split in ("validation", "test") and metric != "loss"
    )
    shown = []
    for metric in metrics:
        validation, test = known.get(f"validation_{metric}"), known.get(f"test_{metric}")
        if validation is None:
            shown.append(f"test {metric} {test:.4f}")
        else:
            shown.append(f"{metric} {validation:.4f}" + ("" if test is None else f" (test {test:.4f})"))
    return [*shown, f"loss {row['train_loss']:.3f}"] if "train_loss" in known else shown
