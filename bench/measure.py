"""What a row is, and how two sides are measured against each other on a machine whose speed drifts."""

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median, quantiles

Side = Callable[[], float]
PAIRS = 20


@dataclass(frozen=True)
class Measured:
    """A figure and how sure it is.

    Attributes:
        value: the median.
        spread: 10 % and 90 % quantile of what the median is of; None for a figure that is counted, not timed.
        pairs: how many measurements the median is of.
    """

    value: float
    spread: tuple[float, float] | None = None
    pairs: int = 1


class Skipped(Exception):
    """A row cannot be measured here; the message says what is missing."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: also what selects the row on the command line.
        goal: the value may not be above it.
        what: what is measured.
        reference: what it is divided by; empty for a value in its own unit.
        measure: does it.
        unit: ``ratio``, or that of the value (``s``).
    """

    name: str
    goal: float
    what: str
    reference: str
    measure: Callable[[], Measured]
    unit: str = "ratio"


@dataclass(frozen=True)
class Outcome:
    """A row's entry in ``bench.json``."""

    name: str
    value: float
    goal: float
    holds: bool
    unit: str
    spread: tuple[float, float] | None
    pairs: int
    what: str
    reference: str

    def plain(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)


def carry_out(row: Row) -> Outcome:
    """Measure a row.

    Raises:
        Skipped: if this machine lacks what it needs.
    """
    measured = row.measure()
    return Outcome(
        name=row.name,
        value=measured.value,
        goal=row.goal,
        holds=measured.value <= row.goal,
        unit=row.unit,
        spread=measured.spread,
        pairs=measured.pairs,
        what=row.what,
        reference=row.reference,
    )


def timed(work: Callable[[], object], restore: Callable[[], object] | None = None) -> Side:
    """A side that takes the seconds of ``work``; ``restore`` follows outside the time."""

    def side() -> float:
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        if restore:
            restore()
        return seconds

    return side


def ratio(subject: Side, reference: Side, pairs: int = PAIRS) -> Measured:
    """Median of subject ÷ reference over interleaved pairs.

    Both are called once beforehand to warm up. Which of a pair goes first alternates, so that neither always finds
    the other's caches; garbage is collected before each call.
    """
    subject()
    reference()
    ratios = []
    for number in range(pairs):
        first, second = (subject, reference) if number % 2 == 0 else (reference, subject)
        one, other = _clean(first), _clean(second)
        ratios.append(one / other if first is subject else other / one)
    return summary(ratios)


def seconds(subject: Side, times: int = PAIRS) -> Measured:
    """Median of the seconds that the subject takes, after a call to warm up."""
    subject()
    return summary([_clean(subject) for _ in range(times)])


def summary(values: list[float]) -> Measured:
    """Median and 10–90 % range of at least two values."""
    tenths = quantiles(values, n=10, method="inclusive")
    return Measured(median(values), (tenths[0], tenths[-1]), len(values))


def _clean(side: Side) -> float:
    gc.collect()
    return side()
