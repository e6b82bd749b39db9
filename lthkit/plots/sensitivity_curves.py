"""How sensitive a network is to its mask over sparsity: a panel for every start, a line for every kind of mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name
from lthkit.analysis.verdicts.samples import Sample
from lthkit.plots.labels import mask_label, runs_label, weights_label
from lthkit.plots.lines import Line, TaskLines, task_lines
from lthkit.plots.references import BAND, LEAST_SHARE
from lthkit.plots.theme import COLOURS, SYMBOLS, TEXT, faint, legend_rows, style
from lthkit.plots.ticks import sparsity_axis

DASHES = ("solid", "dash", "dashdot")


def sensitivity_curves(
    results: pd.DataFrame,
    *,
    source: str | None = None,
    target: str | None = None,
    weights: Sequence[str] | None = None,
    masks: Sequence[str] | None = None,
    reference: str = "pretrained",
) -> go.Figure:
    """Scores of every kind of mask over the sparsity of the ticket it is made from (Chen et al. 2021, Fig. 8).

    Lines are means over all runs, bands one standard deviation (ddof 1); the grey band is the dense network from
    ``reference``, the dotted line chance, where results say it. All masks of a round stand at the ticket's sparsity, as
    the paper has them; their own (the complement of a sparse ticket is nearly dense) is said where one points.

    Args:
        results: as for ``analysis.verdict_table``.
        source: which source, if there are several.
        target: which task, if there are several.
        weights: which start weights, a panel each; all if left out.
        masks: which mask kinds; all if left out.
        reference: start weights of the dense band.

    Raises:
        LthkitError: if a choice is missing or not there, or nothing was run.
    """
    task = task_lines(results, source, target, weights, masks)
    notes, (low, high) = [], _reach(task, reference)
    chance = task.chance
    if chance is not None and high - low < LEAST_SHARE * (max(high, chance) - min(low, chance)):
        notes.append(f"chance ({chance:{task.format}}) lies outside the picture")
    elif chance is not None:
        low, high = min(low, chance), max(high, chance)
    pad = 0.06 * (high - low or 1)
    starts, kinds = (list(dict.fromkeys(getattr(line, key) for line in task.lines)) for key in ("weights", "mask"))
    density = _densities(task)
    axis = sparsity_axis(np.array(list(density.values())), np.sort(np.array(list(density.values())))[::-1])
    titles = [f"from {weights_label(start)}" for start in starts]
    figure = make_subplots(1, len(starts), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=titles)
    ends = [float(10**end) for end in axis["range"]]
    for column, start in enumerate(starts, 1):
        _add_levels(figure, task, reference, ends, (low, high), column)
        for line in task.lines:
            if line.weights == start:
                _add_line(figure, line, kinds.index(line.mask), density, column)
    said = f"means of runs and one standard deviation; {task.scored}; every mask at the sparsity of its ticket"
    said = "; ".join([said, *notes])
    width = max(900, 300 * len(starts))
    layout: dict[str, Any] = {"legend": {"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"}, "width": width}
    layout["height"] = 480 + 20 * legend_rows(figure)
    style(figure, f"{metric_name(task.metric, first=True)} on {task.target} by mask and start", said, **layout)
    ticks = {**axis, "title": {"text": ""}}
    figure.update_xaxes(_fewer(ticks, len(starts)))
    figure.update_xaxes(title={"text": "sparsity of the ticket (%)"})
    figure.update_yaxes(tickformat=task.format, range=[low - pad, high + pad])
    return figure.update_yaxes(title={"text": task.score_name}, col=1)


def _densities(task: TaskLines) -> dict[int, float]:
    """Density of the ticket of each round; where it was not run, of the sparsest mask made from it."""
    found: dict[int, float] = {}
    for line in sorted(task.lines, key=lambda line: line.mask != "ticket"):
        for round_, sparsity in zip(line.rounds.tolist(), line.sparsity.tolist(), strict=True):
            known = found.get(round_)
            found[round_] = 1 - sparsity if known is None else known if _has_ticket(task) else min(known, 1 - sparsity)
    return found


def _reach(task: TaskLines, reference: str) -> tuple[float, float]:
    """Lowest and highest of what is drawn but for chance, spread included."""
    runs = [point for line in task.lines for point in line.runs if point.n]
    runs += [task.dense[reference]] if reference in task.dense else []
    means, spread = np.array([[point.mean, np.nan_to_num(point.sd)] for point in runs]).T
    return float(np.min(means - spread)), float(np.max(means + spread))


def _has_ticket(task: TaskLines) -> bool:
    return any(line.mask == "ticket" for line in task.lines)


def _fewer(axis: dict[str, Any], panels: int) -> dict[str, Any]:
    """Ticks at points, as many as a panel has room for."""
    step = -(-len(axis["tickvals"]) // max(9 // panels, 2))
    return axis | {"tickvals": list(axis["tickvals"])[::step], "ticktext": list(axis["ticktext"])[::step]}


def _add_line(figure: go.Figure, line: Line, kind: int, density: dict[int, float], column: int) -> None:
    order = np.argsort(line.rounds)
    x = np.array([density[int(line.rounds[at])] for at in order])
    y, sd = line.means[order], line.spread[order]
    colour, label = COLOURS[kind % len(COLOURS)], f"{mask_label(line.mask)} ({runs_label(line.runs)})"
    known = np.isfinite(y)
    if sd.any():
        figure.add_scatter(
            x=np.concatenate([x[known], x[known][::-1]]),
            y=np.concatenate([y[known] + sd[known], (y[known] - sd[known])[::-1]]),
            fill="toself",
            fillcolor=faint(colour),
            line={"width": 0},
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            row=1,
            col=column,
        )
    said = np.stack([line.rounds[order], 100 * line.sparsity[order], sd, [line.runs[at].n for at in order]], axis=1)
    figure.add_scatter(
        x=x,
        y=y,
        name=label,
        legendgroup=line.mask,
        showlegend=column == 1,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": DASHES[kind // len(COLOURS) % len(DASHES)]},
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[kind % len(SYMBOLS)]},
        customdata=said,
        hovertemplate="round %{customdata[0]:.0f}, this mask %{customdata[1]:.2f} % sparse<br>"
        "%{y} ± %{customdata[2]:.3g} (n = %{customdata[3]:.0f})<extra>%{fullData.name}</extra>",
        row=1,
        col=column,
    )


def _add_levels(
    figure: go.Figure, task: TaskLines, reference: str, ends: list[float], reach: tuple[float, float], column: int
) -> None:
    """The dense network as a line in a band, and chance as a dotted line where it is within reach."""
    low, high = reach
    place: dict[str, Any] = {"mode": "lines", "row": 1, "col": column}
    dense: Sample | None = task.dense.get(reference)
    if dense is not None and dense.n > 1:
        around = [dense.mean + dense.sd] * 2 + [dense.mean - dense.sd] * 2
        band = {"fill": "toself", "fillcolor": BAND, "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_scatter(x=[*ends, *ends[::-1]], y=around, **band, **place)
    levels = [(f"dense, {weights_label(reference)} ({runs_label([dense])})", dense.mean, "dash")] if dense else []
    if task.chance is not None and low <= task.chance <= high:
        levels.append((f"chance ({task.chance:{task.format}})", task.chance, "dot"))
    for name, level, dash in levels:
        line = {"color": TEXT, "width": 2 if dash == "dash" else 1.5, "dash": dash}
        shown = {"name": name, "showlegend": column == 1, "hovertemplate": f"{name}: %{{y}}<extra></extra>"}
        figure.add_scatter(x=ends, y=[level] * 2, line=line, **shown, **place)
