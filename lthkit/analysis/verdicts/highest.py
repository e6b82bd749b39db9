"""How far verdicts reach: the highest sparsity that still holds."""

import math
from typing import Any

import numpy as np
import pandas as pd

from lthkit.analysis.verdicts.samples import NO_VERDICT
from lthkit.analysis.verdicts.table import check_rule


def highest_sparsity(table: pd.DataFrame, rule: str = "matching") -> pd.DataFrame:
    """The highest sparsity at which a verdict still holds on each curve, and whether the curve left and came back.

    Args:
        table: what ``verdict_table`` gives with ``details``, ``universal`` (then ``rule`` is "universal"), or
            ``stability_table`` (then it is "stable" or "matching").
        rule: which verdict, one of ``table.RULES``.

    Returns:
        One row per curve (source, weights, target, mask): ``highest`` (sparsity, 0…1; NaN if none), ``highest_round``,
        ``left_at`` (the lowest sparsity at which it fails; NaN if it never does), ``came_back`` (whether it holds at
        a higher sparsity than ``left_at``), ``unjudged`` (rounds without a verdict), ``judged`` (how many have one),
        ``said``.

    Raises:
        LthkitError: on a rule that the table has no column for.
    """
    check_rule(table, rule)
    curve = [name for name in ("source", "weights", "target", "mask") if name in table]
    judged = table[table["mask"] != "dense"]
    sparsity, rounds, words = (judged[name].to_numpy() for name in ("sparsity", "round", rule))
    indices: Any = judged.groupby(curve, sort=False).indices
    places = {place if isinstance(place, tuple) else (place,): at for place, at in indices.items()}
    rows = []
    for place in dict.fromkeys(judged[curve].itertuples(index=False, name=None)):
        at = places[place]
        at = at[np.argsort(sparsity[at], kind="stable")]
        rows.append(dict(zip(curve, place, strict=True)) | _one_curve(sparsity[at], rounds[at], words[at], rule))
    found = pd.DataFrame(rows)
    found.attrs = dict(table.attrs)
    return found


def _one_curve(sparsity: np.ndarray, rounds: np.ndarray, words: np.ndarray, rule: str) -> dict[str, Any]:
    """How far the points of a curve, in order of sparsity, hold."""
    holds, fails = np.flatnonzero(words == "yes"), np.flatnonzero(words == "no")
    highest = float(sparsity[holds[-1]]) if len(holds) else math.nan
    left_at = float(sparsity[fails[0]]) if len(fails) else math.nan
    found = {
        "highest": highest,
        "highest_round": int(rounds[holds[-1]]) if len(holds) else None,
        "left_at": left_at,
        "came_back": left_at < highest,  # False where either is NaN
        "unjudged": ", ".join(map(str, rounds[words == NO_VERDICT])),
        "judged": len(holds) + len(fails),
    }
    return found | {"said": _said(found, rule)}


def _said(found: dict[str, Any], rule: str) -> str:
    if not found["judged"]:
        return f"no verdict on {rule} at any round"
    if found["highest_round"] is None:
        said = f"{rule} at no sparsity"
    elif math.isnan(found["left_at"]):
        said = f"{rule} up to {100 * found['highest']:.2f} %, the highest that was judged"
    elif found["came_back"]:
        back = f"though it failed at {100 * found['left_at']:.2f} % and came back"
        said = f"{rule} up to {100 * found['highest']:.2f} %, {back}"
    else:
        said = f"{rule} up to {100 * found['highest']:.2f} %, then no longer"
    return f"{said}; no verdict in round {found['unjudged']}" if found["unjudged"] else said
