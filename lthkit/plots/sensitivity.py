"""How sensitive a network is to its mask: mask kinds beside each other at one round."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lthkit.analysis.labels import metric_name
from lthkit.analysis.verdicts.samples import Sample
from lthkit.errors import LthkitError
from lthkit.plots.labels import mask_label, runs_label, weights_label
from lthkit.plots.lines import Line, task_lines
from lthkit.plots.references import add_chance, add_dense
from lthkit.plots.theme import COLOURS, TEXT, style

GAP = 0.2
# of the palette, the first bars are dark enough for light numbers
DARK_BARS = 4
LIGHT, DARK = "#FFFFFF", "#222222"
MOST_NUMBERS = 16
# pixels, so that the names below do not run into each other
WIDTH_OF_A_KIND = 110


def sensitivity_bars(
    results: pd.DataFrame,
    *,
    round: int,
    source: str | None = None,
    target: str | None = None,
    weights: Sequence[str] | None = None,
    masks: Sequence[str] | None = None,
    reference: str = "pretrained",
) -> go.Figure:
    """Mask kinds by start weights at one round of the search (Chen et al. 2021, Fig. 8).

    Bars start at 0 and are means over all runs, with one standard deviation (ddof 1); the grey band is the dense
    network from ``reference``, the dotted line chance, where results say it. Below each mask kind stands its own
    sparsity.

    Args:
        results: as for ``analysis.verdict_table``.
        round: of the tickets that the masks are made from.
        source: which source, if there are several.
        target: which task, if there are several.
        weights: which start weights; all if left out.
        masks: which mask kinds; all if left out.
        reference: start weights of the dense band.

    Raises:
        LthkitError: if a choice is missing or not there, or there is no run at that round.
    """
    task = task_lines(results, source, target, weights, masks)
    lines = [line for line in task.lines if _at(line, round) is not None]
    if not any(_runs(line, round).n for line in lines):
        known = sorted({int(one) for line in task.lines for one in line.rounds})
        raise LthkitError(f"there is no run at round {round}; choose one of {', '.join(map(str, known))}")
    kinds, starts = (list(dict.fromkeys(getattr(line, key) for line in lines)) for key in ("mask", "weights"))
    figure = go.Figure()
    ends = [-0.5, len(kinds) - 0.5]
    add_dense(figure, task, reference, ends)
    for index, start in enumerate(starts):
        mine = [line for line in lines if line.weights == start]
        places = [kinds.index(line.mask) for line in mine]
        _add_bars(figure, start, mine, places, round, COLOURS[index % len(COLOURS)])
        if len(kinds) * len(starts) <= MOST_NUMBERS:
            width = (1 - GAP) / len(starts)
            shift = (index - (len(starts) - 1) / 2) * width
            ink = LIGHT if index % len(COLOURS) < DARK_BARS else DARK
            _add_numbers(figure, [_runs(line, round) for line in mine], np.array(places) + shift, task.format, ink)
    # bars start at 0, so that chance is never far from them
    add_chance(figure, task.chance, task.format, ends, (-math.inf, math.inf))
    removed = {line.mask: line.sparsity[_at(line, round)] for line in lines}
    style(
        figure,
        f"{metric_name(task.metric, first=True)} on {task.target} by mask, round {round}",
        f"means of runs and one standard deviation; {task.scored}",
        xaxis={
            "tickvals": list(range(len(kinds))),
            "ticktext": [f"{mask_label(kind).replace(' ', '<br>')}<br>{100 * removed[kind]:.2f}" for kind in kinds],
            "title": {"text": "mask kind (below: share of weights removed, %)"},
            "range": ends,
            "showgrid": False,
        },
        yaxis={"title": {"text": task.score_name}, "tickformat": task.format, "rangemode": "tozero"},
        barmode="group",
        bargap=GAP,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        height=560,
        width=max(900, WIDTH_OF_A_KIND * len(kinds)),
    )
    return figure


def _at(line: Line, round: int) -> int | None:
    found = np.flatnonzero(line.rounds == round)
    return int(found[0]) if len(found) else None


def _runs(line: Line, round: int) -> Sample:
    return line.runs[_at(line, round) or 0]


def _add_bars(figure: go.Figure, start: str, mine: list[Line], places: list[int], round: int, colour: str) -> None:
    runs = [_runs(line, round) for line in mine]
    figure.add_bar(
        x=places,
        y=[found.mean for found in runs],
        name=f"{weights_label(start)} ({runs_label(runs)})",
        marker={"color": colour},
        error_y={"array": np.nan_to_num([found.sd for found in runs]), "thickness": 1.5, "width": 4, "color": TEXT},
        customdata=[str(found) for found in runs],
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )


def _add_numbers(figure: go.Figure, runs: list[Sample], places: np.ndarray, shape: str, ink: str) -> None:
    """Each bar's mean at its foot, away from the spread and the dense band."""
    figure.add_scatter(
        x=places,
        y=np.zeros(len(places)),
        mode="text",
        text=[format(found.mean, shape) if found.n else "" for found in runs],
        textposition="top center",
        textfont={"color": ink, "size": 11},
        showlegend=False,
        hoverinfo="skip",
    )
