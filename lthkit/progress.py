"""How long work shows itself: a bar where somebody watches, a line a round where output is saved.

One bar spans all rounds, so the time left that it shows is the search's.
"""

import os
import sys
import time
from typing import Any, Protocol, TextIO

from tqdm import TqdmExperimentalWarning

BATCH_VARIABLE = "LTHKIT_BATCH"


def is_batch() -> bool:
    """Whether this process runs a notebook in batch (set by ``lthkit run``)."""
    return os.environ.get(BATCH_VARIABLE, "") not in ("", "0")


class Progress(Protocol):
    """What a search reports while it works."""

    def begin(self, round: int, rounds: int, sparsity: float, step: int, steps: int, later_steps: int) -> None:
        """A round's training starts or resumes at ``step`` of ``steps``; ``later_steps`` follow in later rounds."""

    def advance(self) -> None:
        """One training step is done."""

    def note(self, row: dict[str, float]) -> None:
        """An evaluation is done; its scores by column."""

    def close(self) -> None:
        """The work ended, well or not."""


class Silent:
    """Shows nothing."""

    def begin(self, round: int, rounds: int, sparsity: float, step: int, steps: int, later_steps: int) -> None: ...

    def advance(self) -> None: ...

    def note(self, row: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class Bar(Silent):
    """A tqdm bar: a widget in a live notebook, text in a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._title = ""

    def begin(self, round: int, rounds: int, sparsity: float, step: int, steps: int, later_steps: int) -> None:
        self._title = f"round {round}/{rounds} · {sparsity:.2%} sparse"
        if self._bar is None:
            self._bar = _tqdm()(total=steps - step + later_steps, unit="step", dynamic_ncols=True)
        self._bar.set_description_str(self._title)

    def advance(self) -> None:
        self._bar.update()

    def note(self, row: dict[str, float]) -> None:
        self._bar.set_description_str(f"{self._title} · {_scores(row)}")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class Lines(Silent):
    """One line a round with its best scores, for saved notebooks and log files; more only where rounds are long."""

    def __init__(self, patience: float = 60.0, stream: TextIO | None = None) -> None:
        """``patience``: seconds without a line after which an evaluation within a round is told as well."""
        self._stream = stream
        self._started = self._told = time.monotonic()
        self._patience = patience
        self._done = self._left = self._step = self._steps = 0
        self._title = ""
        self._row: dict[str, float] = {}

    def begin(self, round: int, rounds: int, sparsity: float, step: int, steps: int, later_steps: int) -> None:
        self._finish_round()
        self._title, self._left = f"round {round}/{rounds} · {sparsity:.2%} sparse", steps - step + later_steps
        self._step, self._steps = step, steps

    def advance(self) -> None:
        self._done += 1
        self._step += 1
        self._left -= 1

    def note(self, row: dict[str, float]) -> None:
        if not self._row or _is_chosen(row):
            self._row = row
        if self._step < self._steps and time.monotonic() - self._told > self._patience:
            self._tell(f"{self._title} · step {self._step}/{self._steps}", row)

    def close(self) -> None:
        self._finish_round()

    def _finish_round(self) -> None:
        if self._row:
            self._tell(self._title, self._row)
        self._row = {}

    def _tell(self, title: str, row: dict[str, float]) -> None:
        self._told = time.monotonic()
        spent = self._told - self._started
        left = spent / self._done * self._left if self._done else 0.0
        print(f"{title} · {_scores(row)} · {spent:.0f} s, about {left:.0f} s left", file=self._stream, flush=True)


def for_here() -> Progress:
    """The progress that suits this process: lines in batch or without a terminal, else a bar."""
    if is_batch():
        return Lines()  # the saved notebook keeps what is printed
    return Bar() if _in_a_kernel() or sys.stderr.isatty() else Lines(stream=sys.stderr)


def _in_a_kernel() -> bool:
    # asked of IPython only where it runs already; importing it here would take longer than torch
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) is not None if ipython else False


def _tqdm() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmExperimentalWarning)
        from tqdm.autonotebook import tqdm
    return tqdm


def _is_chosen(row: dict[str, float]) -> bool:
    """Whether the test split was scored here: the best evaluation so far, or the last."""
    return any(column.startswith("test_") and value == value for column, value in row.items())


def _scores(row: dict[str, float]) -> str:
    shown = [f"loss {row['train_loss']:.3f}"] if "train_loss" in row else []
    for column, value in row.items():
        split, _, metric = column.partition("_")
        if split in ("validation", "test") and metric != "loss" and value == value:
            shown.append(f"{split} {metric} {value:.4f}")
    return " · ".join(shown)
