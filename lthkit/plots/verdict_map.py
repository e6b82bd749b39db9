"""Verdicts on every task at every sparsity, in one picture."""

from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lthkit.errors import LthkitError
from lthkit.plots.labels import count_label, mask_label, weights_label
from lthkit.plots.theme import style

# each verdict has a colour and a sign of its own, so that neither is needed alone
LOOKS = {
    "winning": ("W", "#0072B2"),
    "matching": ("M", "#56B4E9"),
    "yes": ("✓", "#0072B2"),
    "not matching": ("×", "#D55E00"),
    "no": ("×", "#D55E00"),
    "no verdict": ("?", "#B0B0B0"),
}
# pixels: of a row, of what stands around the rows, of the colour bar
ROW, AROUND, BAR_START, BAR_STEP = 34, 230, 60, 60
_NAMED = ("source", "weights", "mask", "target")


def verdict_map(table: pd.DataFrame, rule: str = "verdict", by: Literal["sparsity", "round"] = "sparsity") -> go.Figure:
    """A row for every task and subnetwork, a column for every sparsity, the verdict in each cell; empty: not run.

    Args:
        table: what ``analysis.verdict_table`` gives (or ``universal``), filtered as wanted.
        rule: which verdict: ``verdict`` (winning, matching, …), or a column of yes, no, no verdict.
        by: what columns are. ``round`` keeps a map of many mask kinds narrow: complements and flipped masks have
            other sparsities than the tickets that they are made from, whose sparsity the columns then say.

    Raises:
        LthkitError: if the table has no such column, or no row of a subnetwork.
    """
    rows = table[table["mask"] != "dense"] if "mask" in table else table
    if rule not in rows or not set(rows[rule]) <= set(LOOKS):
        raise LthkitError(
            f"the table has no verdicts '{rule}'; choose verdict, matching, commensurate or another of it"
        )
    if rows.empty:
        raise LthkitError("the table has no verdict on a subnetwork to draw; train one first")
    column = rows["round"] if by == "round" else (100 * rows["sparsity"]).round(2)
    named = rows.assign(row=_labels(rows), column=column.astype(float))
    across = sorted(named["column"].dropna().unique())
    down = list(dict.fromkeys(named["row"]))
    words = [word for word in LOOKS if word in set(named[rule])]
    cells, signs, said = _cells(named, rule, down, across, words)
    figure = go.Figure(_heat(cells, signs, said, words))
    figure.update_traces(colorbar={"len": min(1.0, (BAR_START + BAR_STEP * len(words)) / (ROW * len(down)))})
    style(
        figure,
        "Verdicts by task and sparsity" if rule == "verdict" else f"{rule.replace('_', ' ').capitalize()}?",
        _terms(table, rule, rows),
        xaxis=_columns(rows, across, by),
        yaxis={
            "tickvals": list(range(len(down))),
            "ticktext": down,
            "autorange": "reversed",
            "showgrid": False,
        },
        height=AROUND + ROW * len(down),
    )
    return figure


def _columns(rows: pd.DataFrame, across: list[float], by: str) -> dict[str, Any]:
    title, texts = "sparsity: share of prunable weights removed (%)", [f"{value:.2f}" for value in across]
    if by == "round":
        tickets = rows[rows["mask"] == "ticket"].groupby("round")["sparsity"].median()
        removed = [f" ({100 * tickets[value]:.2f})" if value in tickets else "" for value in across]
        title = "round" + (" (in brackets: sparsity of the ticket, %)" if len(tickets) else "")
        texts = [f"{value:.0f}{said}" for value, said in zip(across, removed, strict=True)]
    places = {"tickvals": list(range(len(across))), "ticktext": texts, "tickangle": -90 if len(across) > 10 else 0}
    return {"title": {"text": title}, "showgrid": False} | places


def _labels(rows: pd.DataFrame) -> list[str]:
    """What tells rows apart: the task, and whatever else differs."""
    varies = [name for name in _NAMED if name in rows and (name == "target" or rows[name].nunique() > 1)]
    if not varies:
        varies = [name for name in ("mask", "weights") if name in rows]
    speak = {"mask": mask_label, "weights": weights_label}
    columns = [[speak.get(name, str)(label) for label in rows[name]] for name in varies]
    return [" · ".join(parts) for parts in zip(*columns[::-1], strict=True)]


def _cells(
    named: pd.DataFrame, rule: str, down: list[str], across: list[float], words: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = len(down), len(across)
    cells, signs, said = np.full(shape, np.nan), np.full(shape, "", object), np.full(shape, "", object)
    reasons = named["said"] if "said" in named else named["score"]
    for label, column, word, why in zip(named["row"], named["column"], named[rule], reasons, strict=True):
        if np.isfinite(column):
            at = down.index(label), across.index(column)
            cells[at], signs[at], said[at] = words.index(word), LOOKS[word][0], why.replace("; ", "<br>")
    return cells, signs, said


def _heat(cells: np.ndarray, signs: np.ndarray, said: np.ndarray, words: list[str]) -> go.Heatmap:
    count = len(words)
    steps = [(edge / count, LOOKS[word][1]) for index, word in enumerate(words) for edge in (index, index + 1)]
    return go.Heatmap(
        z=cells,
        zmin=-0.5,
        zmax=count - 0.5,
        colorscale=[list(step) for step in steps],
        xgap=1,
        ygap=1,
        text=signs,
        texttemplate="%{text}",
        textfont={"size": 14},
        customdata=said,
        hovertemplate="%{y}, %{x} % removed<br>%{customdata}<extra></extra>",
        colorbar={
            "tickvals": list(range(count)),
            "ticktext": [f"{LOOKS[word][0]}  {word}" for word in words],
            "thickness": 14,
        },
    )


def _terms(table: pd.DataFrame, rule: str, rows: pd.DataFrame) -> str:
    attrs = table.attrs
    least = f"at least {attrs['least_runs']} runs of each, with fewer no verdict" if "least_runs" in attrs else ""
    if rule in ("verdict", "matching", "winning"):
        start = weights_label(str(attrs.get("reference", "pretrained")))
        rules = f"matching: within one standard deviation of the dense network from {start}"
    elif rule == "commensurate":
        rules = f"as good and as fast as the dense network from {weights_label(str(attrs.get('start', 'source')))}"
    else:
        rules = ""
    runs = count_label(rows["n"].tolist()) if "n" in rows else ""
    return "; ".join(part for part in (rules, runs, least, "empty: not run") if part)
