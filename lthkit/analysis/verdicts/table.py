"""Verdicts on a whole data set of results: one row for every subnetwork on every task."""

from typing import Any

import numpy as np
import pandas as pd

from lthkit.analysis.verdicts.results import (
    CURVE,
    DENSE,
    SUBNETWORK,
    Runs,
    checked,
    dense_runs,
    in_order,
    planned_runs,
    subnetworks,
)
from lthkit.analysis.verdicts.rules import ALPHA, LEAST_RUNS, commensurate, matching, non_inferior
from lthkit.analysis.verdicts.samples import NO_VERDICT, Sample, Word, sample
from lthkit.errors import LthkitError

MARGIN = 0.01
"""Default margin for scores that are shares of 1: one point of accuracy."""

READ = ["target", "weights", "mask", "round", "sparsity", "score", "verdict"]
"""The columns that are read; ``source`` precedes them where results have several."""

RULES = ("matching", "at_least_dense", "winning", "non_inferior", "commensurate", "universal", "stable")
"""Columns of yes, no and no verdict, of all tables of verdicts (``universal`` and ``stable`` have their own)."""

# the only kind of mask that is called a winning ticket: a control that reaches the dense network is matching
_TICKET = "ticket"
_NONE = Runs(sample(np.array([])), sample(np.array([])))


def verdict_table(
    results: pd.DataFrame,
    *,
    details: bool = False,
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
        results: one row per training, as ``lthkit.collect`` gives them: columns ``source``, ``weights``, ``target``,
            ``mask``, ``round``, ``search_seed``, ``training_seed``, ``score`` (test metric), ``sparsity``,
            ``metric``, ``higher_is_better``; if known ``selection``, ``best_step`` and ``least_loss_step``
            (iterations to the least validation loss) for the verdict on commensurate.
        details: give all columns, for further analysis; otherwise the seven that are read.
        reference: the start weights θp that the dense network of Eq. 1 is trained from.
        start: the start weights θS of Mehta's dense network.
        margin: of non-inferiority, in units of the score; left out, 0.01 for scores that are shares of 1, and no
            verdict for others.
        alpha: one-sided level of non-inferiority.
        least_runs: of either side; with fewer there is no verdict.

    Returns:
        One row per subnetwork and task, in order of task, start weights, mask and round: ``target``, ``weights``,
        ``mask``, ``round``, ``sparsity``, ``score`` (mean ± standard deviation with ddof 1, number of runs),
        ``verdict`` (winning: a ticket that matches from θp; matching; not matching; no verdict; or reference for
        dense θp itself), before them ``source`` if there are several, and last ``test_share`` if it is not all.

        With ``details``, instead of ``score``: ``winning``, ``matching`` (within one standard deviation),
        ``at_least_dense`` (Eq. 1), ``non_inferior``, ``commensurate`` (yes, no, no verdict); ``mean``, ``sd`` (ddof 1),
        ``n``, ``missing``, ``dense_mean``, ``dense_sd``, ``dense_n``, ``dense_repeated``, ``threshold``,
        ``difference``, ``margin``, ``lower``, ``upper``, ``p``, ``steps`` and ``dense_steps`` (k′ and k of
        commensurate), ``said`` (all of it in words), ``searches`` (how many search seeds have runs),
        ``test_share`` (of the test split that was scored). A curve (source, weights, target, mask) without a single
        run has no rows; ``attrs["never_run"]`` counts them.

    Raises:
        LthkitError: naming a column that is missing, what rows must not differ in, or a run that stands twice; or if
            there is no run at all.
    """
    frame = checked(results)
    stated = {"higher_is_better": bool(frame["higher_is_better"].dropna().iloc[0]), "least_runs": least_runs}
    strict = {"margin": default_margin(frame) if margin is None else margin, "alpha": alpha}
    dense = dense_runs(frame)
    share = {"test_share": float(frame["test_share"].dropna().iloc[0])}
    rows = []
    for place, found in subnetworks(frame, planned_runs(frame)).items():
        named = dict(zip(SUBNETWORK, place, strict=True))
        task = named["source"], named["target"]
        ours = dense.get((*task, named["weights"]), _NONE) if named["mask"] == DENSE else found
        theirs, late = dense.get((*task, reference), _NONE), dense.get((*task, start), _NONE)
        row = _judged(ours, theirs, late, stated, strict)
        called = _called(row["matching"], named["mask"], named["weights"] == reference)
        rows.append(named | {"sparsity": found.sparsity} | called | row | {"searches": found.searches} | share)
    table = in_order(pd.DataFrame(rows), ["source", "target", "weights", "mask", "round"])
    told: dict[str, Any] = {"metric": frame["metric"].dropna().iloc[0], **share}
    told |= {"reference": reference, "start": start, "alpha": alpha, **stated}
    curves = int(np.prod([frame[name].nunique() for name in CURVE]))
    table.attrs |= told | {"never_run": curves - len(table.drop_duplicates(CURVE))}
    return table if details else _short(table)


def _judged(ours: Runs, theirs: Runs, late: Runs, stated: dict[str, Any], strict: dict[str, Any]) -> dict[str, Any]:
    """All verdicts on one subnetwork's runs, against the dense runs from θp and (``late``) from θS."""
    judged = matching(ours.score, theirs.score, **stated)
    safe = non_inferior(ours.score, theirs.score, **strict, **stated)
    pace = commensurate(ours.score, ours.steps, late.score, late.steps, **stated)
    return {
        "matching": judged.verdict,
        "at_least_dense": judged.at_least_dense,
        "non_inferior": safe.verdict,
        "commensurate": pace.verdict,
        "mean": judged.runs.mean,
        "sd": judged.runs.sd,
        "n": judged.runs.n,
        "missing": judged.runs.missing,
        "dense_mean": judged.dense.mean,
        "dense_sd": judged.dense.sd,
        "dense_n": judged.dense.n,
        "dense_repeated": theirs.repeated,
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


def _called(matching: Word, mask: str, from_reference: bool) -> dict[str, str]:
    """The word for a subnetwork, and whether it is a winning ticket."""
    winning = matching if from_reference and mask == _TICKET else "no"
    if mask == DENSE and from_reference:
        verdict = "reference"
    elif winning == "yes":
        verdict = "winning"
    else:
        verdict = {"yes": "matching", "no": "not matching", NO_VERDICT: NO_VERDICT}[matching]
    return {"verdict": verdict, "winning": winning}


def _short(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are read."""
    spread = zip(table["mean"], table["sd"], table["n"], table["missing"], strict=True)
    columns = ["source", *READ] if table["source"].nunique() > 1 else READ
    columns = columns if table.attrs["test_share"] == 1 else [*columns, "test_share"]
    return table.assign(score=[str(Sample(*numbers)) for numbers in spread], sparsity=table["sparsity"].round(4))[
        columns
    ]


def default_margin(frame: pd.DataFrame) -> float | None:
    """0.01 for scores that are shares of 1; None for losses and other scales, whose margin only the user knows."""
    known = frame["score"][np.isfinite(frame["score"].to_numpy(float))]
    shares = bool(frame["higher_is_better"].dropna().iloc[0]) and known.between(0, 1).all()
    return MARGIN if shares else None


def check_rule(table: pd.DataFrame, rule: str) -> None:
    """Refuse a rule that the table has no column for."""
    known = [name for name in RULES if name in table]
    if not known:
        raise LthkitError(f"the table has no verdicts '{rule}'; make it by verdict_table with details=True")
    if rule not in known:
        raise LthkitError(f"the table has no verdicts '{rule}'; choose one of {', '.join(known)}")
