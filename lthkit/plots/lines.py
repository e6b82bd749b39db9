"""One task's results as lines of runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lthkit.analysis.labels import score_name
from lthkit.analysis.verdicts.results import DENSE, checked, dense_runs, labels, planned_runs, subnetworks
from lthkit.analysis.verdicts.samples import Sample
from lthkit.errors import LthkitError


@dataclass(frozen=True)
class Line:
    """Runs of one mask kind from one start, in order of sparsity."""

    mask: str
    weights: str
    rounds: np.ndarray
    sparsity: np.ndarray
    runs: tuple[Sample, ...]

    @property
    def means(self) -> np.ndarray:
        return np.array([point.mean for point in self.runs])

    @property
    def spread(self) -> np.ndarray:
        """Standard deviations (ddof 1), 0 where there is only one run."""
        return np.nan_to_num([point.sd for point in self.runs])


@dataclass(frozen=True)
class TaskLines:
    """The results on one task: its lines, and the dense runs from each start; ``chance`` is None if unknown.

    ``tickets`` are the sparsities of the tickets by round, whether or not they are among the lines.
    """

    source: str
    target: str
    metric: str
    higher_is_better: bool
    selection: str
    test_share: float
    chance: float | None
    lines: tuple[Line, ...]
    dense: dict[str, Sample]
    tickets: dict[int, float]

    def reach(self, starts: Iterable[str]) -> tuple[float, float]:
        """Lowest and highest of the lines and of the dense networks from ``starts``, spread included."""
        points = [point for line in self.lines for point in line.runs if point.n]
        points += [self.dense[start] for start in set(starts) & self.dense.keys()]
        means, spread = np.array([[point.mean, np.nan_to_num(point.sd)] for point in points]).T
        return float((means - spread).min()), float((means + spread).max())

    @property
    def format(self) -> str:
        """Shares of 1 are read as percentages; losses and other scales stay numbers."""
        known = [point.mean for line in self.lines for point in line.runs if point.n]
        known += [found.mean for found in self.dense.values()]
        return ".1%" if self.higher_is_better and max(known) <= 1 else ".3g"

    @property
    def score_name(self) -> str:
        """What the scores are called on an axis."""
        return score_name(self.metric, self.test_share)

    @property
    def scored(self) -> str:
        """Where the scores come from, in words."""
        at = {"validation": ", scored at the best validation point", "last": ", scored at the end"}
        return f"masks from {self.source}, trained on {self.target}{at.get(self.selection, '')}"


def task_lines(
    results: pd.DataFrame,
    source: str | None,
    target: str | None,
    weights: Sequence[str] | None,
    masks: Sequence[str] | None,
) -> TaskLines:
    """One task's results as lines, in order of start weights and masks as they are given.

    Raises:
        LthkitError: if the results have several sources or targets and none is chosen, if a chosen label is not
            there, or if there is no run of it.
    """
    frame = checked(results)
    origin, task = _only(frame, "source", source), _only(frame, "target", target)
    for name, chosen in (("weights", weights), ("mask", masks)):
        for label in chosen or ():
            _only(frame, name, label)
    starts, kinds = list(weights or labels(frame["weights"])), list(masks or labels(frame["mask"]))
    here = frame[(frame["source"] == origin) & (frame["target"] == task)]
    drawn = here[here["weights"].isin(starts) & here["mask"].isin(kinds) & (here["mask"] != DENSE)]
    points: dict[tuple[str, str], list[tuple[float, int, Sample]]] = {}
    for (_, start, _, mask, round_), found in subnetworks(drawn, planned_runs(frame)).items():
        points.setdefault((mask, start), []).append((found.sparsity, round_, found.score))
    if not points:
        raise LthkitError(f"there is no run of a subnetwork on '{task}' as chosen; train one first")
    ordered = sorted(points, key=lambda key: (starts.index(key[1]), kinds.index(key[0])))
    dense = {start: found.score for (*place, start), found in dense_runs(frame).items() if place == [origin, task]}
    terms = str(said(here, "metric")), bool(said(here, "higher_is_better")), str(said(here, "selection") or "")
    known = float(said(here, "test_share")), said(here, "chance")
    removed = here[here["mask"] == "ticket"].groupby("round")["sparsity"].median().dropna()
    tickets = dict(zip(removed.index.tolist(), removed.tolist(), strict=True))
    lines = tuple(_line(*key, points[key]) for key in ordered)
    return TaskLines(origin, task, *terms, *known, lines, dense, tickets)


def _only(frame: pd.DataFrame, name: str, label: str | None) -> str:
    known = labels(frame[name])
    if label is None and len(known) == 1:
        return str(known[0])
    if label not in known:
        asked = f"have several of '{name}'" if label is None else f"have no {name} '{label}'"
        raise LthkitError(f"the results {asked}; choose one of {', '.join(map(str, known))}")
    return str(label)


def said(frame: pd.DataFrame, name: str) -> Any:
    """What all rows say, None if they differ or say nothing."""
    known = frame[name].dropna().unique()
    return known[0] if len(known) == 1 else None


def _line(mask: str, weights: str, rows: list[tuple[float, int, Sample]]) -> Line:
    ordered = sorted(rows, key=lambda row: row[0])
    sparsity, rounds, runs = zip(*ordered, strict=True)
    return Line(mask, weights, np.array(rounds), np.array(sparsity), runs)
