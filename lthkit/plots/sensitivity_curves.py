"""How sensitive a network is to its mask over sparsity: a panel for every start, a line for every kind of mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name
from lthkit.plots.bands import add_band
from lthkit.plots.labels import mask_label, runs_label, weights_label
from lthkit.plots.lines import Line, TaskLines, task_lines
from lthkit.plots.references import add_chance, add_dense, reach_with_chance
from lthkit.plots.theme import COLOURS, SYMBOLS, WIDTH, faint, legend_rows, style
from lthkit.plots.ticks import ends_of, sparsity_axis

# dots alone are chance, dashes the dense network
DASHES = ("solid", "dashdot", "longdashdot")
WIDTH_OF_A_PANEL = 300


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
    the paper has them; their own (the complement of a sparse ticket is nearly dense) is said where one points. A round
    without a ticket's run stands at its sparsest mask, and the figure says so.

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
    density = _densities(task)
    notes = [f"means of runs and one standard deviation; {task.scored}", _placed(task, density)]
    low, high = reach = reach_with_chance(task.chance, task.format, *task.reach([reference]), notes)
    starts = list(dict.fromkeys(line.weights for line in task.lines))
    places = np.array(sorted(density.values(), reverse=True))
    axis = sparsity_axis(places, places, len(starts)) | {"title": {"text": "sparsity of the ticket (%)"}}
    titles = [f"from {weights_label(start)}" for start in starts]
    figure = make_subplots(1, len(starts), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    for column in range(1, len(starts) + 1):
        shown: dict[str, Any] = {"row": 1, "col": column, "showlegend": column == 1}
        add_dense(figure, task, reference, ends_of(axis), **shown)
        add_chance(figure, task.chance, task.format, ends_of(axis), reach, **shown)
    _add_lines(figure, task, density, starts)
    style(
        figure,
        f"{metric_name(task.metric, first=True)} on {task.target} by mask and start",
        "; ".join(notes),
        legend={"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"},
        width=max(WIDTH, WIDTH_OF_A_PANEL * len(starts)),
        height=500 + 20 * legend_rows(figure),
    )
    pad = 0.06 * (high - low or 1)
    figure.update_xaxes(axis)
    figure.update_yaxes(tickformat=task.format, range=[low - pad, high + pad])
    return figure.update_yaxes(title={"text": task.score_name}, col=1)


def _densities(task: TaskLines) -> dict[int, float]:
    """Where each round stands: the ticket's density, or that of the sparsest mask where no ticket was run."""
    sparsest: dict[int, float] = {}
    for line in task.lines:
        for round_, sparsity in zip(line.rounds.tolist(), line.sparsity.tolist(), strict=True):
            if np.isfinite(sparsity):
                sparsest[round_] = max(sparsity, sparsest.get(round_, 0.0))
    return {round_: 1 - task.tickets.get(round_, sparsity) for round_, sparsity in sparsest.items()}


def _placed(task: TaskLines, density: dict[int, float]) -> str:
    """What the x axis is, in words."""
    without = sorted(density.keys() - task.tickets.keys())
    lacking = f", but round {', '.join(map(str, without))} (no ticket) at its sparsest mask's" if without else ""
    return f"every mask at its ticket's sparsity{lacking}"


def _add_lines(figure: go.Figure, task: TaskLines, density: dict[int, float], starts: list[str]) -> None:
    """All lines, each kind of mask once in the legend, with the runs of all panels."""
    kinds = list(dict.fromkeys(line.mask for line in task.lines))
    named: set[str] = set()
    for line in task.lines:
        runs = [point for one in task.lines if one.mask == line.mask for point in one.runs]
        label = f"{mask_label(line.mask)} ({runs_label(runs)})"
        shown = {"row": 1, "col": 1 + starts.index(line.weights), "legendgroup": line.mask}
        _add_line(figure, line, density, kinds.index(line.mask), name=label, showlegend=line.mask not in named, **shown)
        named.add(line.mask)


def _add_line(figure: go.Figure, line: Line, density: dict[int, float], kind: int, **shown: Any) -> None:
    order = [at for at in np.argsort(line.rounds) if int(line.rounds[at]) in density]
    x = np.array([density[int(line.rounds[at])] for at in order])
    y, sd, rounds, sparsity = line.means[order], line.spread[order], line.rounds[order], line.sparsity[order]
    colour = COLOURS[kind % len(COLOURS)]
    place = {name: value for name, value in shown.items() if name in ("row", "col", "legendgroup")}
    add_band(figure, x, y, sd, faint(colour), **place)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": DASHES[kind // len(COLOURS) % len(DASHES)]},
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[kind % len(SYMBOLS)]},
        customdata=np.stack([rounds, 100 * sparsity, sd, [line.runs[at].n for at in order]], axis=1),
        hovertemplate="round %{customdata[0]:.0f}, this mask %{customdata[1]:.2f} % sparse<br>"
        "%{y} ± %{customdata[2]:.3g} (n = %{customdata[3]:.0f})<extra>%{fullData.name}</extra>",
        **shown,
    )
