"""Results of many runs over sparsity: means with their spread, beside the dense network, chance and the papers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lthkit.analysis.labels import metric_name
from lthkit.papers import Outcome
from lthkit.plots.bands import add_band
from lthkit.plots.labels import mask_label, runs_label, weights_label
from lthkit.plots.lines import Line, TaskLines, task_lines
from lthkit.plots.references import add_chance, add_dense, add_levels, add_published, reach_with_chance
from lthkit.plots.theme import COLOURS, SYMBOLS, faint, legend_rows, style
from lthkit.plots.ticks import ends_of, sparsity_axis

DASHES = ("solid", "dash", "dot", "dashdot")


def results_curves(
    results: pd.DataFrame,
    *,
    source: str | None = None,
    target: str | None = None,
    weights: Sequence[str] | None = None,
    masks: Sequence[str] | None = None,
    reference: str = "pretrained",
    published: Sequence[Outcome] = (),
    levels: Mapping[str, float] | None = None,
    title: str | None = None,
) -> go.Figure:
    """Score against sparsity on one task, a line for every mask kind and start weights (Chen et al. 2021, Figs. 3, 8).

    Lines are means over all runs, bands one standard deviation with ddof 1; the grey band is the dense network from
    ``reference``; chance is drawn where results say it. Every mask stands at its own sparsity: the complement of a
    sparse ticket is nearly dense.

    Args:
        results: as for ``analysis.verdict_table``.
        source: which source, if there are several.
        target: which task, if there are several.
        weights: which start weights; all if left out.
        masks: which mask kinds; all if left out.
        reference: start weights of the dense band.
        published: outcomes to draw beside (``lthkit.papers``): a dashed line at the highest sparsity that still
            matched, a star at the best score.
        levels: name → score of others' dense networks, drawn across.
        title: instead of the one made from the results.

    Raises:
        LthkitError: if a choice is missing or not there, or nothing was run.
    """
    task = task_lines(results, source, target, weights, masks)
    figure = go.Figure()
    densities = 1 - np.concatenate([line.sparsity for line in task.lines])
    reached = [1 - one.highest for one in published if one.highest is not None]
    stars = [1 - one.best_sparsity for one in published if one.best_sparsity is not None]
    every = np.concatenate([densities, reached, stars, [1.0] if task.dense else []])
    longest = 1 - max(task.lines, key=lambda line: (line.mask == "ticket", len(line.rounds))).sparsity
    axis = sparsity_axis(every, np.concatenate([[1.0] if task.dense else [], np.sort(longest)[::-1]]))
    ends = ends_of(axis)
    add_dense(figure, task, reference, ends, [line.weights for line in task.lines])
    looks = _looks(task.lines)
    for line, look in zip(task.lines, looks, strict=True):
        _add_line(figure, line, look)
    low, high = _reach(task, reference, published)
    notes = [f"means of runs and one standard deviation; {task.scored}"]
    low, high = reach_with_chance(task.chance, task.format, low, high, notes)
    add_chance(figure, task.chance, task.format, ends, (low, high))
    add_published(figure, published, (low, high), notes)
    low, high = add_levels(figure, levels or {}, ends, low, high)
    pad = 0.06 * (high - low or 1)
    style(
        figure,
        title or f"{metric_name(task.metric, first=True)} on {task.target} against sparsity",
        "; ".join(notes),
        xaxis=axis,
        yaxis={
            "title": {"text": task.score_name},
            "tickformat": task.format,
            "range": [low - pad, high + pad],
        },
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        height=500 + 20 * legend_rows(figure),
    )
    return figure


def _looks(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Colour, dash and symbol: by mask kind and start where both vary, by whichever varies otherwise."""
    masks, starts = (list(dict.fromkeys(getattr(line, key) for line in lines)) for key in ("mask", "weights"))
    looks = []
    for line in lines:
        mask, start = masks.index(line.mask), starts.index(line.weights)
        first, second = (mask, start) if len(masks) > 1 else (start, 0)
        second += first // len(COLOURS)
        shape = second if len(starts) > 1 and len(masks) > 1 else first
        looks.append(
            {
                "colour": COLOURS[first % len(COLOURS)],
                "dash": DASHES[second % len(DASHES)],
                "symbol": SYMBOLS[shape % len(SYMBOLS)],
            }
        )
    return looks


def _add_line(figure: go.Figure, line: Line, look: dict[str, Any]) -> None:
    label = f"{mask_label(line.mask)}, {weights_label(line.weights)} ({runs_label(line.runs)})"
    x, y, sd = 1 - line.sparsity, line.means, line.spread
    add_band(figure, x, y, sd, faint(look["colour"]), legendgroup=label)
    figure.add_scatter(
        x=x,
        y=y,
        name=label,
        legendgroup=label,
        mode="lines+markers",
        line={"color": look["colour"], "width": 2, "dash": look["dash"]},
        marker={"color": look["colour"], "size": 8, "symbol": look["symbol"]},
        customdata=np.stack([line.rounds, 100 * line.sparsity, [one.n for one in line.runs], sd], axis=1),
        hovertemplate="round %{customdata[0]:.0f} · %{customdata[1]:.2f} % removed<br>"
        "%{y} ± %{customdata[3]:.3g} (n = %{customdata[2]:.0f})<extra>%{fullData.name}</extra>",
    )


def _reach(task: TaskLines, reference: str, published: Sequence[Outcome]) -> tuple[float, float]:
    """Lowest and highest of all that is drawn, spread included."""
    low, high = task.reach([reference, *(line.weights for line in task.lines)])
    stars = [one.best_score for one in published if one.best_score is not None and one.best_sparsity is not None]
    return min([low, *stars]), max([high, *stars])
