"""Verdicts on stability: which round's trainings drift apart, beside which round stops matching."""

from typing import Any

import numpy as np
import pandas as pd

from lthkit.analysis.verdicts.rules import LEAST_RUNS, matching
from lthkit.analysis.verdicts.samples import NO_VERDICT, Sample, Word, sample, word
from lthkit.errors import LthkitError

STABLE = 0.02
"""Barriers below two points of accuracy count as none (Frankle et al. 2020, Section 2)."""

_NEEDED = ("mask", "round", "sparsity", "one", "other", "barrier", "path", "higher_is_better")


def stability_table(
    instability: pd.DataFrame, *, limit: float | None = None, least_runs: int = LEAST_RUNS
) -> pd.DataFrame:
    """Is each subnetwork stable, and does it match the dense network?

    Frankle et al. 2020 claim that both go together. Where each ends is told by ``analysis.highest_sparsity``, with the
    rules "stable" and "matching".

    Args:
        instability: as ``lthkit.instability`` gives it.
        limit: mean barriers below it are none, in units of the error; left out, 0.02 for metrics that are shares of 1,
            and no verdict for losses.
        least_runs: trainings of a subnetwork and of the dense network; with fewer there is no verdict on matching.

    Returns:
        A row for each mask and round, the dense network (round 0) as mask "dense": ``mask``, ``round``, ``sparsity``,
        ``barrier`` (mean of the pairs), ``barrier_sd`` (ddof 1; NaN of one pair), ``pairs``, ``stable``, ``error`` and
        ``error_sd`` (of the trainings), ``trainings``, ``matching`` (as ``analysis.matching``: the mean error is at
        most one standard deviation above the dense one). Verdicts are yes, no and no verdict.

    Raises:
        LthkitError: if a column is missing or there are no rows.
    """
    for column in _NEEDED:
        if column not in instability:
            raise LthkitError(f"the rows have no column '{column}'; give what lthkit.instability gives")
    if instability.empty:
        raise LthkitError("there are no barriers to judge; compare trainings of a round first")
    if limit is None and bool(instability["higher_is_better"].iloc[0]):
        limit = STABLE
    named = instability.assign(mask=instability["mask"].where(instability["round"] > 0, "dense"))
    dense = _errors(named[named["round"] == 0])
    groups: Any = named.groupby(["mask", "round"], sort=False)
    return pd.DataFrame([_judged(mask, at, rows, dense, limit, least_runs) for (mask, at), rows in groups])


def _judged(
    mask: str, round: int, rows: pd.DataFrame, dense: Sample, limit: float | None, least_runs: int
) -> dict[str, Any]:
    barriers, errors = sample(rows["barrier"].to_numpy(float)), _errors(rows)
    stable: Word = NO_VERDICT if limit is None else word(barriers.mean < limit)
    return {
        "mask": mask,
        "round": round,
        "sparsity": float(rows["sparsity"].iloc[0]),
        "barrier": barriers.mean,
        "barrier_sd": barriers.sd,
        "pairs": barriers.n,
        "stable": stable,
        "error": errors.mean,
        "error_sd": errors.sd,
        "trainings": errors.n,
        "matching": matching(errors, dense, higher_is_better=False, least_runs=least_runs).verdict,
    }


def _errors(rows: pd.DataFrame) -> Sample:
    """The error of each training, once: the ends of the lines between them."""
    ends: dict[int, float] = {}
    for one, other, path in zip(rows["one"], rows["other"], rows["path"], strict=True):
        ends |= {one: path[0], other: path[-1]}
    return sample(np.array(list(ends.values())))
