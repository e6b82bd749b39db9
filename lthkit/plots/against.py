"""Scores of one kind of mask against a number that was set: a temperature, the number of weights left."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lthkit.analysis.labels import metric_name, score_name
from lthkit.analysis.verdicts.results import DENSE, checked
from lthkit.analysis.verdicts.samples import sample
from lthkit.errors import LthkitError
from lthkit.plots.bands import add_band
from lthkit.plots.labels import runs_label
from lthkit.plots.lines import said
from lthkit.plots.references import add_chance, reach_with_chance
from lthkit.plots.theme import COLOURS, SYMBOLS, faint, style
from lthkit.plots.ticks import APART, apart

_WORDS = {"temperature": "temperature of the contrastive loss", "left": "number of prunable weights left"}


def scores_against(results: pd.DataFrame, by: str, lines: str | None = None, title: str | None = None) -> go.Figure:
    """Mean scores in bands of one standard deviation (ddof 1) against a setting, each line beside its dense network.

    Chance is drawn where results say it, in words where it lies so far from the scores that they would be pressed flat.

    Chen et al. 2021, Table 2: by the temperature of the pre-training; Figs. 9 and 12: by the number of remaining
    weights, a line for each size of the model.

    Args:
        results: rows as ``lthkit.collect`` gives them, of one target and one kind of mask beside ``dense``; with a
            column ``by``.
        by: the column of positive numbers on the x axis; NaN for dense networks, which are drawn across.
        lines: a column that tells lines apart; one line if left out.
        title: instead of the one made from the results.

    Raises:
        LthkitError: if a column is missing, or no subnetwork was run.
    """
    frame = _read(results, by, lines)
    figure = go.Figure()
    points = frame[frame["mask"] != DENSE]
    known = np.sort(points[by].astype(float).unique())
    reach = [float(known[0]) / 1.15, float(known[-1]) * 1.15]
    metric, share = str(frame["metric"].iloc[0]), float(frame["test_share"].iloc[0])
    shape = ".1%" if bool(frame["higher_is_better"].iloc[0]) and frame["score"].max() <= 1 else ".3g"
    names = [""] if lines is None else list(dict.fromkeys(frame[lines]))
    for index, name in enumerate(names):
        own = frame if lines is None else frame[frame[lines] == name]
        _add_dense(figure, own, name, reach, COLOURS[index % len(COLOURS)])
        _add_points(figure, own, by, name, index)
    notes = [f"means of runs and one standard deviation; masks from {frame['source'].iloc[0]}"]
    chance = said(frame, "chance")
    low, high = height = reach_with_chance(chance, shape, *_range(figure), notes)
    add_chance(figure, chance, shape, reach, height)
    pad = 0.06 * (high - low or 1)
    ticks = apart(known, APART * float(np.log(known[-1] / known[0])))
    return style(
        figure,
        title or f"{metric_name(metric, first=True)} on {frame['target'].iloc[0]} by {_WORDS.get(by, by)}",
        "; ".join(notes),
        xaxis={
            "title": {"text": f"{_WORDS.get(by, by)} (log)"},
            "type": "log",
            "range": [float(np.log10(end)) for end in reach],
            "tickvals": ticks,
            "ticktext": [f"{tick:,.10g}" for tick in ticks],
        },
        yaxis={"title": {"text": score_name(metric, share)}, "tickformat": shape, "range": [low - pad, high + pad]},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )


def _read(results: pd.DataFrame, by: str, lines: str | None) -> pd.DataFrame:
    for column in (by, *([lines] if lines else [])):
        if column not in results:
            raise LthkitError(f"the results have no column '{column}'; add it to their rows")
    told = [*([lines] if lines else []), by]
    parts = [checked(part) for _, part in results.groupby(told, dropna=False, sort=False)]
    frame = pd.concat(parts, ignore_index=True)
    subnetworks = frame[frame["mask"] != DENSE]
    if subnetworks["score"].isna().all() or not (subnetworks[by].astype(float) > 0).all():
        raise LthkitError(f"the results have no run of a subnetwork with a '{by}' above 0; train some first")
    for column in ("target", "metric"):
        if frame[column].nunique() > 1:
            raise LthkitError(f"the results have several of '{column}'; give rows of one at a time")
    if subnetworks["mask"].nunique() > 1:
        raise LthkitError("the results have several kinds of mask; give rows of one beside dense")
    return frame


def _add_points(figure: go.Figure, frame: pd.DataFrame, by: str, name: str, index: int) -> None:
    groups = frame[frame["mask"] != DENSE].groupby(by, sort=True)["score"]
    places = {place: sample(scores.to_numpy(float)) for place, scores in groups}
    runs = list(places.values())
    x, means, spread = np.array(list(places), float), [found.mean for found in runs], [found.sd for found in runs]
    colour, label = COLOURS[index % len(COLOURS)], f"{name or 'ticket'} ({runs_label(runs)})"
    add_band(figure, x, means, spread, faint(colour), legendgroup=label)
    figure.add_scatter(
        x=x,
        y=means,
        name=label,
        legendgroup=label,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 8, "symbol": SYMBOLS[index % len(SYMBOLS)]},
        customdata=[str(found) for found in runs],
        hovertemplate=f"{by} %{{x:,}}<br>%{{customdata}}<extra>%{{fullData.name}}</extra>",
    )


def _add_dense(figure: go.Figure, frame: pd.DataFrame, name: str, reach: list[float], colour: str) -> None:
    scores = frame[frame["mask"] == DENSE]["score"].to_numpy(float)
    if not len(scores):
        return
    found = sample(scores)
    figure.add_scatter(
        x=reach,
        y=[found.mean] * 2,
        name=f"{name}, dense ({runs_label([found])})".removeprefix(", "),
        mode="lines",
        line={"color": colour, "width": 1.5, "dash": "dash"},
        hovertemplate=f"dense: {found}<extra></extra>",
    )


def _range(figure: go.Figure) -> tuple[float, float]:
    """From the lowest to the highest of all that is drawn, bands included."""
    drawn = np.concatenate([np.asarray(trace.y, float) for trace in figure.data])
    return float(np.nanmin(drawn)), float(np.nanmax(drawn))
