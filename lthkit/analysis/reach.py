"""How far verdicts reach: the highest sparsity that still holds, and what holds on every task of a set."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lthkit.analysis.runs import NO_VERDICT
from lthkit.errors import LthkitError

RULES = ("matching", "at_least_dense", "winning", "non_inferior", "commensurate", "universal")


def universal(table: pd.DataFrame, targets: Sequence[str] | None = None, rule: str = "matching") -> pd.DataFrame:
    """Does each subnetwork match on every task of a set (Chen et al. 2021, Section 3, definition 3)?

    Args:
        table: what ``verdict_table`` gives.
        targets: the set of tasks; all of the table's if left out.
        rule: which verdict has to hold on each, one of ``RULES``.

    Returns:
        One row a (source, weights, mask, round): ``sparsity``, ``universal`` (yes, no, no verdict), ``tasks`` (how
        many), ``fails_on`` and ``unjudged`` (names of tasks), ``said``. A task with no row counts as unjudged.

    Raises:
        LthkitError: on an unknown rule or task.
    """
    _known_rule(table, rule)
    wanted = list(dict.fromkeys(table["target"] if targets is None else targets))
    for target in wanted:
        if target not in set(table["target"]):
            raise LthkitError(
                f"there are no results on '{target}'; choose of {', '.join(dict.fromkeys(table['target']))}"
            )
    rows = []
    judged = table[table["mask"] != "dense"]
    for (source, weights, mask, round_), group in judged.groupby(["source", "weights", "mask", "round"], sort=False):
        words = dict(zip(group["target"], group[rule], strict=True))
        fails = [target for target in wanted if words.get(target) == "no"]
        unjudged = [target for target in wanted if words.get(target, NO_VERDICT) == NO_VERDICT]
        verdict = "no" if fails else NO_VERDICT if unjudged else "yes"
        place = {"source": source, "weights": weights, "mask": mask, "round": round_}
        told = {"tasks": len(wanted), "fails_on": ", ".join(fails), "unjudged": ", ".join(unjudged)}
        said = _universal_said(verdict, rule, wanted, fails, unjudged)
        rows.append(place | {"sparsity": group["sparsity"].median(), "universal": verdict} | told | {"said": said})
    found = pd.DataFrame(rows)
    found.attrs = dict(table.attrs)
    return found


def _universal_said(verdict: str, rule: str, wanted: list[str], fails: list[str], unjudged: list[str]) -> str:
    if verdict == "yes":
        return f"universal: {rule} holds on all of {', '.join(wanted)}"
    if verdict == "no":
        return f"not universal: {rule} fails on {', '.join(fails)}"
    return f"no verdict on universal: none on {', '.join(unjudged)}"


def reach(table: pd.DataFrame, rule: str = "matching") -> pd.DataFrame:
    """The highest sparsity at which a verdict still holds on each curve, and whether the curve left and came back.

    Args:
        table: what ``verdict_table`` gives, or ``universal`` (then ``rule`` is "universal").
        rule: which verdict, one of ``RULES``.

    Returns:
        One row a curve (source, weights, target, mask): ``highest`` (sparsity, 0…1; NaN if none), ``highest_round``,
        ``left_at`` (the lowest sparsity at which it fails; NaN if it never does), ``came_back`` (whether it holds at
        a higher sparsity than ``left_at``), ``unjudged`` (rounds without a verdict), ``judged`` (how many have one),
        ``said``.

    Raises:
        LthkitError: on a rule that the table has no column for.
    """
    _known_rule(table, rule)
    curve = [name for name in ("source", "weights", "target", "mask") if name in table]
    rows = []
    for labels, group in table[table["mask"] != "dense"].groupby(curve, sort=False):
        place = dict(zip(curve, labels if isinstance(labels, tuple) else (labels,), strict=True))
        rows.append(place | _one_curve(group.sort_values("sparsity", kind="stable"), rule))
    found = pd.DataFrame(rows)
    found.attrs = dict(table.attrs)
    return found


def _one_curve(points: pd.DataFrame, rule: str) -> dict[str, Any]:
    holds, fails = points[points[rule] == "yes"], points[points[rule] == "no"]
    unjudged = points.loc[points[rule] == NO_VERDICT, "round"].tolist()
    highest = float(holds["sparsity"].iloc[-1]) if len(holds) else math.nan
    left_at = float(fails["sparsity"].iloc[0]) if len(fails) else math.nan
    found = {
        "highest": highest,
        "highest_round": int(holds["round"].iloc[-1]) if len(holds) else None,
        "left_at": left_at,
        "came_back": left_at < highest,  # False where either is NaN
        "unjudged": ", ".join(map(str, unjudged)),
        "judged": len(holds) + len(fails),
    }
    return found | {"said": _reach_said(found, rule)}


def _reach_said(found: dict[str, Any], rule: str) -> str:
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


def _known_rule(table: pd.DataFrame, rule: str) -> None:
    if rule not in RULES or rule not in table:
        known = [name for name in RULES if name in table]
        raise LthkitError(f"the table has no verdicts '{rule}'; choose one of {', '.join(known) or 'none'}")
