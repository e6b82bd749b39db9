"""Results as tidy rows, one per training: what they must hold, the runs of each subnetwork, each dense run once."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lthkit.analysis.verdicts.samples import Sample, sample
from lthkit.errors import LthkitError

SUBNETWORK = ["source", "weights", "target", "mask", "round"]
CURVE = SUBNETWORK[:4]
RUN = [*SUBNETWORK, "search_seed", "training_seed"]
DENSE = "dense"
_FIRST = ("dense", "ticket", "pretrained", "random")
_SAME = {
    "metric": "metrics",
    "higher_is_better": "directions of the metric",
    "selection": "selections",
    "test_share": "shares of the test split",
}
_MAY_LACK = {"best_step": math.nan, "least_loss_step": math.nan, "selection": "", "test_share": 1.0, "chance": math.nan}
# dense runs of a training seed that are equal in these were filed more than once
_EQUAL = ["training_seed", "score", "best_step", "least_loss_step"]

Place = tuple[Any, ...]


@dataclass(frozen=True)
class Runs:
    """Runs of one subnetwork.

    Attributes:
        score: test metric.
        steps: iterations to the least validation loss.
        sparsity: median of the runs; NaN without any.
        searches: search seeds that have runs.
        repeated: rows left out because they hold a dense run that counts already.
    """

    score: Sample
    steps: Sample
    sparsity: float = math.nan
    searches: int = 0
    repeated: int = 0


def checked(results: pd.DataFrame) -> pd.DataFrame:
    """The rows in order of their labels (dense and ticket, pretrained and random first), with all columns used here.

    Raises:
        LthkitError: if a column or a label is missing, no row has a score, rows differ in metric, its direction,
            selection or share of the test split, or two rows are the same run.
    """
    if not isinstance(results, pd.DataFrame):
        raise LthkitError(
            f"results must be a pandas data frame with one row per training, not {type(results).__name__}"
        )
    for name in (*RUN, "score", "sparsity", "metric", "higher_is_better"):
        if name not in results:
            raise LthkitError(f"the results have no column '{name}'; collect them with lthkit.collect")
        if name in RUN and results[name].isna().any():
            raise LthkitError(f"the results have rows without '{name}'; fill that column")
    if not np.isfinite(results["score"].to_numpy(float)).any():
        raise LthkitError("the results hold no run at all; train something first")
    lacking: dict[str, Any] = {name: value for name, value in _MAY_LACK.items() if name not in results}
    frame = results.assign(**lacking)
    for name, kind in _SAME.items():
        known = list(dict.fromkeys(frame[name].dropna()))
        if len(known) > 1:
            listed = " and ".join(f"'{value}'" for value in known)
            raise LthkitError(f"the results mix the {kind} {listed}; give rows of one '{name}' at a time")
        if not known and name != "selection":
            raise LthkitError(f"the results do not say '{name}'; fill that column")
    twice = frame[frame.duplicated(RUN)]
    if len(twice):
        said = ", ".join(f"{name} {twice.iloc[0][name]}" for name in RUN)
        raise LthkitError(f"the results hold two rows of {said}; keep one of them")
    return in_order(frame, RUN)


def in_order(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows in order of labels: dense and ticket, pretrained and random come first."""
    return frame.sort_values(columns, key=_rank, kind="stable", ignore_index=True)


def _rank(column: pd.Series) -> pd.Series:
    return column.map({label: place for place, label in enumerate(labels(column))})


def labels(column: pd.Series) -> list[Any]:
    """The labels of a column, each once, in that order."""
    return sorted(column.unique(), key=lambda label: (_FIRST.index(label) if label in _FIRST else len(_FIRST), label))


def planned_runs(frame: pd.DataFrame) -> int:
    """How many runs each subnetwork could have: search seeds times training seeds."""
    return int(frame["search_seed"].nunique() * frame["training_seed"].nunique())


def subnetworks(frame: pd.DataFrame, planned: int) -> dict[Place, Runs]:
    """Runs of every subnetwork that was run or could be expected to be, by its labels ``SUBNETWORK``.

    Expected is a round on a curve (source, weights, target, mask) that has a run, if the mask was run at that round
    on any curve.

    Args:
        frame: as ``checked`` gives it, or some of its rows.
        planned: how many runs each could have (``planned_runs``); those that are not there are missing.
    """
    ran = frame[np.isfinite(frame["score"].to_numpy(float))]
    expected = ran[CURVE].drop_duplicates().merge(ran[["mask", "round"]].drop_duplicates(), on="mask")
    groups = frame.groupby(SUBNETWORK, sort=False)
    places, sparsity = groups.indices, groups["sparsity"].median().to_dict()
    searches = ran.groupby(SUBNETWORK, sort=False)["search_seed"].nunique().to_dict()
    scores, steps = (frame[name].to_numpy(float) for name in ("score", "least_loss_step"))
    found = {}
    for place in in_order(expected, SUBNETWORK)[SUBNETWORK].itertuples(index=False, name=None):
        at = places.get(place, np.array([], int))
        samples = sample(scores[at], planned), sample(steps[at], planned)
        found[place] = Runs(*samples, float(sparsity.get(place, math.nan)), searches.get(place, 0))
    return found


def dense_runs(frame: pd.DataFrame) -> dict[Place, Runs]:
    """Runs of the dense network by (source, target, weights), each once; a training seed without one is missing.

    Args:
        frame: as ``checked`` gives it.
    """
    dense = frame[(frame["mask"] == DENSE) & (frame["round"] == 0) & np.isfinite(frame["score"].to_numpy(float))]
    seeds = frame["training_seed"].nunique()
    found = {}
    for place, rows in dense.groupby(["source", "target", "weights"], sort=False):
        once = rows.sort_values(["training_seed", "search_seed"]).drop_duplicates(_EQUAL)
        planned = len(once) + seeds - once["training_seed"].nunique()
        score, steps = (sample(once[name].to_numpy(float), planned) for name in ("score", "least_loss_step"))
        found[place] = Runs(score, steps, repeated=len(rows) - len(once))
    return found
