"""Scores drawn over sparsity and over training steps."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.errors import LthkitError
from lthkit.plots.theme import COLOURS, shades, spread, style
from lthkit.plots.ticks import sparsity_axis

MOST_ROUNDS = 8


def sparsity_curve(
    curves: xr.Dataset | Mapping[str, xr.Dataset], name: str = "ticket", title: str | None = None
) -> go.Figure:
    """Score against sparsity (Chen et al. 2021, Figs. 2 to 5), the dense network's score dashed.

    The x axis is logarithmic in density, so that the rounds of a search are equally far apart; its ticks
    say the sparsity in %.

    Args:
        curves: what :func:`lthkit.analysis.curve` gives, or several of them by name.
        name: the curve's name where there is only one.
        title: instead of the one made from the curves' attributes.

    Raises:
        LthkitError: naming a curve without any trained round.
    """
    named = {name: curves} if isinstance(curves, xr.Dataset) else dict(curves)
    for label, curve in named.items():
        if not curve.sizes["round"]:
            raise LthkitError(f"curve '{label}' has no trained round yet; draw it when round 0 is trained")
    figure = go.Figure()
    for index, (label, curve) in enumerate(named.items()):
        _add_curve(figure, label, curve, COLOURS[index % len(COLOURS)], alone=len(named) == 1)
    longest = max(named.values(), key=lambda curve: curve.sizes["round"])
    metric = longest.attrs.get("metric", "score")
    style(
        figure,
        title or f"Test {metric} against sparsity",
        _selection(longest.attrs, metric),
        xaxis=sparsity_axis(_densities(named), longest["density"].values),
        yaxis={"title": {"text": f"test {metric}"}, "tickformat": _format(named)},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )
    return figure


def _add_curve(figure: go.Figure, label: str, curve: xr.Dataset, colour: str, alone: bool) -> None:
    rounds, sparsity = curve["round"].values, curve["sparsity"].values
    score = curve["score"].values
    figure.add_scatter(
        x=curve["density"].values,
        y=score,
        name=label,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 8},
        customdata=np.stack([rounds, 100 * sparsity], axis=1),
        hovertemplate="round %{customdata[0]:.0f} · %{customdata[1]:.2f} % removed<br>%{y}"
        "<extra>%{fullData.name}</extra>",
    )
    if len(rounds) and rounds[0] == 0:
        figure.add_scatter(
            x=curve["density"].values[[0, -1]],
            y=score[[0, 0]],
            name="dense network" if alone else f"{label}, dense",
            mode="lines",
            showlegend=alone,
            line={"color": colour, "width": 1.5, "dash": "dash"},
            hovertemplate="dense network (round 0)<br>%{y}<extra></extra>",
        )


def _densities(curves: Mapping[str, xr.Dataset]) -> np.ndarray:
    return np.concatenate([curve["density"].values for curve in curves.values()])


def _selection(attrs: Mapping[str, object], metric: str) -> str:
    point = "the last evaluation" if attrs.get("selection") == "last" else f"the best validation {metric}"
    return f"scored at {point} of each round; dashed: the dense network, trained alike"


def _format(curves: Mapping[str, xr.Dataset]) -> str:
    """Shares of 1 (accuracy, AP, mIoU) are read as percentages; losses and other scales stay numbers."""
    scores = np.concatenate([curve["score"].values for curve in curves.values()])
    rising = all(curve.attrs.get("higher_is_better", True) for curve in curves.values())
    return ".1%" if rising and np.nanmax(scores, initial=0.0) <= 1 else ".3g"


def training_curves(scores: xr.Dataset, metric: str = "accuracy", rounds: list[int] | None = None) -> go.Figure:
    """Training loss and the metric against the step, one line a round.

    Args:
        scores: a store's scores, dimensions (round, evaluation), with ``step``, ``train_loss``,
            ``validation_<metric>`` and ``test_<metric>`` (rows of NaN where nothing was measured).
        metric: which metric to draw below the loss.
        rounds: which rounds; at most eight, evenly spaced, when left out.
    """
    chosen = [int(value) for value in (spread(scores["round"].values, MOST_ROUNDS) if rounds is None else rounds)]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for round_, colour in zip(chosen, shades(len(chosen)), strict=True):
        one = scores.sel(round=round_)
        _add_line(figure, one, "train_loss", f"round {round_}", colour, row=1)
        _add_line(figure, one, f"validation_{metric}", f"round {round_}", colour, row=2)
        _add_line(figure, one, f"test_{metric}", f"round {round_}, test", colour, row=2, dots=True)
    shown = f"rounds {', '.join(map(str, chosen))} of {scores.sizes['round']} trainings"
    style(figure, "Training by round", f"{shown}; dots: test {metric} where it was measured", height=600)
    figure.update_xaxes(title_text="training step within the round", row=2)
    figure.update_yaxes(title_text="training loss", row=1)
    figure.update_yaxes(title_text=f"validation {metric}", row=2)
    return figure


def _add_line(
    figure: go.Figure, scores: xr.Dataset, column: str, label: str, colour: str, row: int, dots: bool = False
) -> None:
    if column not in scores or not np.isfinite(scores[column].values).any():
        return
    known = np.isfinite(scores[column].values)
    figure.add_scatter(
        x=scores["step"].values[known],
        y=scores[column].values[known],
        name=label,
        mode="markers" if dots else "lines",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 6},
        showlegend=row == 1,
        legendgroup=label,
        hovertemplate=f"{label}, step %{{x}}<br>{column} %{{y:.4g}}<extra></extra>",
        row=row,
        col=1,
    )
