"""Verdicts on a whole data set of results: one row for every subnetwork on every task."""

import math
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lthkit.analysis.result_grid import CURVE, DENSE, Dense, checked, subnetworks
from lthkit.analysis.runs import NO_VERDICT
from lthkit.analysis.verdicts import ALPHA, LEAST_RUNS, commensurate, matching, non_inferior

MARGIN = 0.01
"""Default margin for scores that are shares of 1: one point of accuracy."""


def verdict_table(
    results: xr.Dataset,
    *,
    reference: str = "pretrained",
    start: str = "source",
    margin: float | None = None,
    alpha: float = ALPHA,
    least_runs: int = LEAST_RUNS,
) -> pd.DataFrame:
    """Is each subnetwork (mask, weights) matching, winning, not inferior, commensurate on each task, and why?

    Runs over all search seeds and training seeds are pooled. The dense network is ``mask == "dense"`` at round 0 of
    the same source and target; runs of it that are equal in every number for the same training seed are one run
    that was filed under several search seeds, and count once.

    Args:
        results: dimensions source, weights, target, mask, round, search_seed, training_seed (any of length 1),
            variables ``score`` (test metric) and ``sparsity``, and ``least_loss_step`` (iterations to the least
            validation loss) for the verdict on commensurate; NaN where there is no run. Attributes ``metric``,
            ``higher_is_better``.
        reference: the start weights θp that the dense network of Eq. 1 is trained from.
        start: the start weights θS of Mehta's dense network.
        margin: of non-inferiority, in units of the score; left out, 0.01 for scores that are shares of 1, and no
            verdict for others.
        alpha: one-sided level of non-inferiority.
        least_runs: of either side; with fewer there is no verdict.

    Returns:
        One row a subnetwork and task: ``source``, ``weights``, ``target``, ``mask``, ``round``, ``sparsity``;
        ``verdict`` (winning, matching, not matching, no verdict, or reference for dense θp itself); ``matching``
        (within one standard deviation), ``at_least_dense`` (Eq. 1), ``winning``, ``non_inferior``,
        ``commensurate`` (yes, no, no verdict); ``mean``, ``sd`` (ddof 1), ``n``, ``missing``, ``searches`` (how many
        search seeds have runs), ``dense_mean``, ``dense_sd``, ``dense_n``, ``dense_repeated``, ``threshold``,
        ``difference``, ``margin``, ``lower``, ``upper``, ``p``, ``steps`` and ``dense_steps`` (k′ and k of
        commensurate), ``said`` (all of it in words). A curve (source, weights, target, mask) without a single run
        has no rows; ``attrs["never_run"]`` counts them.

    Raises:
        LthkitError: naming a dimension, variable or attribute that is missing, or if there is no run at all.
    """
    runs = checked(results)
    stated = {"higher_is_better": bool(runs.attrs["higher_is_better"]), "least_runs": least_runs}
    strict = {"margin": default_margin(runs) if margin is None else margin, "alpha": alpha}
    dense = Dense(runs)
    rows = []
    for place, found in subnetworks(runs):
        task = place["source"], place["target"]
        ours = dense.runs(*task, place["weights"]) if place["mask"] == DENSE else found
        theirs, late = dense.runs(*task, reference), dense.runs(*task, start)
        row = _row(place["weights"] == reference, ours, theirs, late, stated, strict)
        itself = place["mask"] == DENSE and place["weights"] == reference
        searches = int(np.isfinite(found["score"]).any(axis=-1).sum())
        named = {"verdict": "reference"} if itself else {}
        rows.append(place | row | named | {"searches": searches})
    table = pd.DataFrame(rows)
    told: dict[str, Any] = {"metric": runs.attrs["metric"], "reference": reference, "start": start, "alpha": alpha}
    curves = math.prod(runs.sizes[name] for name in CURVE)
    table.attrs.update(told | stated | {"never_run": curves - len(table.drop_duplicates(list(CURVE)))})
    return table


def _row(
    from_reference: bool,
    ours: dict[str, Any],
    theirs: dict[str, Any],
    late: dict[str, Any],
    stated: dict[str, Any],
    strict: dict[str, Any],
) -> dict[str, Any]:
    """All verdicts on one subnetwork's runs, against the dense runs from θp and (``late``) from θS."""
    judged = matching(ours["score"], theirs["score"], **stated)
    safe = non_inferior(ours["score"], theirs["score"], **strict, **stated)
    pace = commensurate(ours["score"], ours["least_loss_step"], late["score"], late["least_loss_step"], **stated)
    winning = judged.verdict if from_reference else "no"
    return {
        "verdict": _named(judged.verdict, winning),
        "matching": judged.verdict,
        "at_least_dense": judged.at_least_dense,
        "winning": winning,
        "non_inferior": safe.verdict,
        "commensurate": pace.verdict,
        "mean": judged.runs.mean,
        "sd": judged.runs.sd,
        "n": judged.runs.n,
        "missing": judged.runs.missing,
        "dense_mean": judged.dense.mean,
        "dense_sd": judged.dense.sd,
        "dense_n": judged.dense.n,
        "dense_repeated": theirs["repeated"],
        "threshold": judged.threshold,
        "difference": safe.difference,
        "margin": safe.margin,
        "lower": safe.lower,
        "upper": safe.upper,
        "p": safe.p,
        "steps": pace.steps.mean,
        "dense_steps": pace.dense_steps.mean,
        "said": f"{judged}; {safe}; {pace}",
    }


def default_margin(runs: xr.Dataset) -> float | None:
    """0.01 for scores that are shares of 1; None for losses and other scales, whose margin only the user knows."""
    scores = runs["score"].values
    known = scores[np.isfinite(scores)]
    shares = bool(runs.attrs["higher_is_better"]) and ((known >= 0) & (known <= 1)).all()
    return MARGIN if shares else None


def _named(verdict: str, winning: str) -> str:
    if verdict == NO_VERDICT:
        return NO_VERDICT
    return "not matching" if verdict == "no" else "winning" if winning == "yes" else "matching"
