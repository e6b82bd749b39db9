"""What holds on every task of a set."""

from collections.abc import Sequence

import pandas as pd

from lthkit.analysis.verdicts.samples import NO_VERDICT
from lthkit.analysis.verdicts.table import check_rule
from lthkit.errors import LthkitError

_EVERYWHERE = ["source", "weights", "mask", "round"]


def universal(table: pd.DataFrame, targets: Sequence[str] | None = None, rule: str = "matching") -> pd.DataFrame:
    """Does each subnetwork match on every task of a set (Chen et al. 2021, Section 3, definition 3)?

    Args:
        table: what ``verdict_table`` gives with ``details``; tables of several metrics may be concatenated.
        targets: the set of tasks; all of the table's if left out.
        rule: which verdict has to hold on each, one of ``table.RULES``.

    Returns:
        One row per (source, weights, mask, round): ``sparsity``, ``universal`` (yes, no, no verdict), ``tasks`` (how
        many), ``fails_on`` and ``unjudged`` (names of tasks), ``said``. A task with no row counts as unjudged.

    Raises:
        LthkitError: on an unknown rule or task.
    """
    check_rule(table, rule)
    wanted = list(dict.fromkeys(table["target"] if targets is None else targets))
    for target in wanted:
        if target not in set(table["target"]):
            raise LthkitError(
                f"there are no results on '{target}'; choose of {', '.join(dict.fromkeys(table['target']))}"
            )
    judged = table[table["mask"] != "dense"]
    sparsity = judged.groupby(_EVERYWHERE, sort=False)["sparsity"].median()
    words = judged.pivot_table(rule, _EVERYWHERE, "target", aggfunc="first")
    words = words.reindex(index=sparsity.index, columns=wanted).astype(object)
    words = words.where(words.notna(), NO_VERDICT)
    rows = []
    for place, removed, on_each in zip(sparsity.index.tolist(), sparsity, words.to_numpy(), strict=True):
        fails = [target for target, word in zip(wanted, on_each, strict=True) if word == "no"]
        unjudged = [target for target, word in zip(wanted, on_each, strict=True) if word == NO_VERDICT]
        verdict = "no" if fails else NO_VERDICT if unjudged else "yes"
        told = {"tasks": len(wanted), "fails_on": ", ".join(fails), "unjudged": ", ".join(unjudged)}
        told["said"] = _said(verdict, rule, wanted, fails, unjudged)
        rows.append(dict(zip(_EVERYWHERE, place, strict=True)) | {"sparsity": removed, "universal": verdict} | told)
    found = pd.DataFrame(rows)
    found.attrs = dict(table.attrs)
    return found


def _said(verdict: str, rule: str, wanted: list[str], fails: list[str], unjudged: list[str]) -> str:
    if verdict == "yes":
        return f"universal: {rule} holds on all of {', '.join(wanted)}"
    if verdict == "no":
        return f"not universal: {rule} fails on {', '.join(fails)}"
    return f"no verdict on universal: none on {', '.join(unjudged)}"
