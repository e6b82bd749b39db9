"""One task's results as lines of runs, and the words that figures use for masks and start weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lthkit.analysis.result_grid import DENSE, Dense, checked, subnetworks
from lthkit.analysis.runs import Sample, sample
from lthkit.errors import LthkitError

THETA = {"pretrained": "θp", "random": "θ0", "rewound": "θk", "source": "θS", "redrawn": "θ′"}


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
class Picked:
    """The results on one task: its lines, and the dense runs from each start."""

    source: str
    target: str
    metric: str
    higher_is_better: bool
    selection: str
    lines: tuple[Line, ...]
    dense: dict[str, Sample]

    @property
    def format(self) -> str:
        """Shares of 1 are read as percentages; losses and other scales stay numbers."""
        known = [point.mean for line in self.lines for point in line.runs if point.n]
        known += [found.mean for found in self.dense.values()]
        return ".1%" if self.higher_is_better and max(known) <= 1 else ".3g"

    @property
    def scored(self) -> str:
        """Where the scores come from, in words."""
        at = {"validation": ", scored at the best validation point", "last": ", scored at the end"}
        return f"masks from {self.source}, trained on {self.target}{at.get(self.selection, '')}"


def pick(
    results: xr.Dataset,
    source: str | None,
    target: str | None,
    weights: Sequence[str] | None,
    masks: Sequence[str] | None,
) -> Picked:
    """One task's results as lines.

    Raises:
        LthkitError: if the results have several sources or targets and none is chosen, if a chosen label is not
            there, or if there is no run of it.
    """
    runs = checked(results)
    origin, task = _only(runs, "source", source), _only(runs, "target", target)
    dense = Dense(runs)
    starts = {str(start): sample(dense.runs(origin, task, start)["score"]) for start in runs["weights"].values}
    for name, chosen in (("weights", weights), ("mask", masks)):
        for label in chosen or ():
            _only(runs, name, label)
    drawn = {"weights": list(weights or runs["weights"].values), "mask": list(masks or runs["mask"].values)}
    here = runs.sel({"source": [origin], "target": [task]} | drawn)
    points: dict[tuple[str, str], list[tuple[float, int, Sample]]] = {}
    for place, found in subnetworks(here):
        if place["mask"] != DENSE:
            key = place["mask"], place["weights"]
            points.setdefault(key, []).append((place["sparsity"], place["round"], sample(found["score"])))
    if not points:
        raise LthkitError(f"there is no run of a subnetwork on '{task}' as chosen; train one first")
    lines = tuple(_line(*key, rows) for key, rows in points.items())
    terms = str(runs.attrs["metric"]), bool(runs.attrs["higher_is_better"]), str(runs.attrs.get("selection", ""))
    return Picked(origin, task, *terms, lines, {start: found for start, found in starts.items() if found.n})


def _only(runs: xr.Dataset, name: str, label: str | None) -> str:
    known = [str(value) for value in runs[name].values]
    if label is None and len(known) == 1:
        return known[0]
    if label not in known:
        asked = f"have several of '{name}'" if label is None else f"have no {name} '{label}'"
        raise LthkitError(f"the results {asked}; choose one of {', '.join(known)}")
    return str(label)


def _line(mask: str, weights: str, rows: list[tuple[float, int, Sample]]) -> Line:
    ordered = sorted(rows, key=lambda row: row[0])
    sparsity, rounds, runs = zip(*ordered, strict=True)
    return Line(mask, weights, np.array(rounds), np.array(sparsity), runs)


def counted(samples: Sequence[Sample]) -> str:
    """ "n = 3", or "n = 2 to 3" where points differ."""
    numbers = sorted({found.n for found in samples if found.n}) or [0]
    return f"n = {numbers[0]}" if len(numbers) == 1 else f"n = {numbers[0]} to {numbers[-1]}"


def spoken(mask: str) -> str:
    """A mask kind as legends call it."""
    return mask.replace("_", " ")


def theta(weights: str) -> str:
    """Start weights as the papers call them, with what is said about them in brackets; other labels stay."""
    kind, _, said = weights.partition(" ")
    return THETA.get(kind, kind) + (f" ({said})" if said else "")
