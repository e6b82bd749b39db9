"""Scores drawn over sparsity and over training steps."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name, score_name
from lthkit.errors import LthkitError
from lthkit.plots.references import LEAST_SHARE, add_chance, reach_with_chance
from lthkit.plots.theme import COLOURS, TEXT, shades, spread, style
from lthkit.plots.ticks import ends_of, sparsity_axis

MOST_ROUNDS = 8


def sparsity_curve(
    curves: xr.Dataset | Mapping[str, xr.Dataset],
    name: str | None = None,
    title: str | None = None,
    before: xr.Dataset | None = None,
) -> go.Figure:
    """Score against sparsity (Chen et al. 2021, Figs. 2 to 5), the dense network's score dashed.

    The x axis is logarithmic in density, so that the rounds of a search are equally far apart; its ticks
    say the sparsity in %. Chance is a dotted line where the searches know it, in words where it lies far away.

    Args:
        curves: what :func:`lthkit.analysis.curve` gives, or several of them by name.
        name: the curve's name where there is only one; "ticket" if left out, or "dense network" if it was not pruned.
        title: instead of the one made from the curves' attributes.
        before: scores before training (:func:`lthkit.search.evaluate_before_training`), as a thin line; in words
            where it lies so far from the curves that they would be pressed flat.

    Raises:
        LthkitError: naming a curve without any trained round.
    """
    if isinstance(curves, xr.Dataset):
        named = {name or ("ticket" if _pruned(curves) else "dense network"): curves}
    else:
        named = dict(curves)
    for label, curve in named.items():
        if not curve.sizes["round"]:
            raise LthkitError(f"curve '{label}' has no trained round yet; draw it when round 0 is trained")
    figure = go.Figure()
    for index, (label, curve) in enumerate(named.items()):
        _add_curve(figure, label, curve, COLOURS[index % len(COLOURS)], alone=len(named) == 1)
    dashed = any(trace.line.dash == "dash" for trace in figure.data)
    longest = max(named.values(), key=lambda curve: curve.sizes["round"])
    metric = longest.attrs.get("metric", "score")
    scored = score_name(metric, longest.attrs.get("test_share", 1.0))
    notes = ["one run a round", _selection(longest.attrs, metric)]
    notes += ["dashed: the dense network, trained alike"] * dashed
    if before is not None:
        _add_before(figure, before, _format(named), notes)
    axis = sparsity_axis(_densities(named), longest["density"].values)
    _add_chance(figure, named, ends_of(axis), notes)
    style(
        figure,
        title or f"{scored[0].upper()}{scored[1:]} against sparsity",
        "; ".join(notes),
        xaxis=axis,
        yaxis={"title": {"text": scored}, "tickformat": _format(named)},
        showlegend=True,  # a single curve has a name, too
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
    if rounds[0] == 0 and sparsity[0] == 0 and _pruned(curve):
        figure.add_scatter(
            x=curve["density"].values[[0, -1]],
            y=score[[0, 0]],
            name="dense network" if alone else f"{label}, dense",
            mode="lines",
            showlegend=alone,
            line={"color": colour, "width": 1.5, "dash": "dash"},
            hovertemplate="dense network (round 0)<br>%{y}<extra></extra>",
        )


def _add_before(figure: go.Figure, before: xr.Dataset, shape: str, notes: list[str]) -> None:
    """The scores before training, drawn or in words."""
    score = before["score"].values
    after = np.concatenate([trace.y for trace in figure.data])
    reach = np.nanmin(after), np.nanmax(after)
    whole = max(reach[1], np.nanmax(score)) - min(reach[0], np.nanmin(score))
    if reach[1] - reach[0] < LEAST_SHARE * whole:
        notes.append(f"before training {np.nanmin(score):{shape}} to {np.nanmax(score):{shape}}, outside the picture")
        return
    figure.add_scatter(
        x=before["density"].values,
        y=score,
        name="before training",
        mode="lines",
        line={"color": TEXT, "width": 1},
        customdata=np.stack([before["round"].values, 100 * before["sparsity"].values], axis=1),
        hovertemplate="round %{customdata[0]:.0f} · %{customdata[1]:.2f} % removed<br>%{y}"
        "<extra>before training</extra>",
    )


def _add_chance(figure: go.Figure, named: Mapping[str, xr.Dataset], ends: list[float], notes: list[str]) -> None:
    """The score of guessing, if all searches know it and agree: drawn, or in words."""
    known = {curve.attrs.get("chance") for curve in named.values()}
    chance = known.pop() if len(known) == 1 else None
    scores = np.concatenate([trace.y for trace in figure.data])
    reach = reach_with_chance(chance, _format(named), float(np.nanmin(scores)), float(np.nanmax(scores)), notes)
    add_chance(figure, chance, _format(named), ends, reach)


def _densities(curves: Mapping[str, xr.Dataset]) -> np.ndarray:
    return np.concatenate([curve["density"].values for curve in curves.values()])


def _selection(attrs: Mapping[str, object], metric: str) -> str:
    point = "the last evaluation" if attrs.get("selection") == "last" else f"the best validation {metric_name(metric)}"
    return f"scored at {point} of each round"


def _pruned(curve: xr.Dataset) -> bool:
    return bool((curve["sparsity"] > 0).any())


def _format(curves: Mapping[str, xr.Dataset]) -> str:
    """Shares of 1 (accuracy, AP, mIoU) are read as percentages; losses and other scales stay numbers."""
    scores = np.concatenate([curve["score"].values for curve in curves.values()])
    rising = all(curve.attrs.get("higher_is_better", True) for curve in curves.values())
    return ".1%" if rising and np.nanmax(scores, initial=0.0) <= 1 else ".3g"


def training_curves(scores: xr.Dataset, metric: str = "accuracy", rounds: list[int] | None = None) -> go.Figure:
    """Training loss and, if it was measured, the metric below it against the step, one line per round.

    Args:
        scores: a store's scores, dimensions (round, evaluation), with ``step``, ``train_loss``,
            ``validation_<metric>`` and ``test_<metric>`` (NaN where nothing was measured). The test metric stands as
            dots beside validation's line, and has a line of its own where nothing was validated.
        metric: which metric to draw below the loss.
        rounds: which rounds; at most eight, evenly spaced, when left out.
    """
    chosen = [int(value) for value in (spread(scores["round"].values, MOST_ROUNDS) if rounds is None else rounds)]
    splits = [split for split in ("validation", "test") if _measured(scores.sel(round=chosen), f"{split}_{metric}")]
    figure = make_subplots(rows=2 if splits else 1, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for round_, colour in zip(chosen, shades(len(chosen)), strict=True):
        one = scores.sel(round=round_)
        _add_line(figure, one, "train_loss", f"round {round_}", colour, row=1)
        for split in splits:
            dots = split == "test" and len(splits) > 1
            _add_line(figure, one, f"{split}_{metric}", f"round {round_}", colour, row=2, dots=dots)
    trained = scores.sizes["round"]
    shown = (
        f"rounds {', '.join(map(str, chosen))} of {trained} trainings" if trained != 1 else f"round {chosen[0]} alone"
    )
    both = f"; {metric_name(metric)}: line on validation, dots on test" if len(splits) > 1 else ""
    style(figure, "Training by round", shown + both, height=600 if splits else 400)
    figure.update_xaxes(title_text="training step within the round", row=2 if splits else 1)
    figure.update_yaxes(title_text="training loss", row=1)
    if splits:
        figure.update_yaxes(
            title_text=metric_name(metric) if len(splits) > 1 else f"{splits[0]} {metric_name(metric)}", row=2
        )
    return figure


def _measured(scores: xr.Dataset, column: str) -> bool:
    return column in scores and bool(np.isfinite(scores[column].values).any())


def _add_line(
    figure: go.Figure, scores: xr.Dataset, column: str, label: str, colour: str, row: int, dots: bool = False
) -> None:
    if not _measured(scores, column):
        return
    known = np.isfinite(scores[column].values)
    figure.add_scatter(
        x=scores["step"].values[known],
        y=scores[column].values[known],
        name=label,
        mode="markers" if dots or known.sum() == 1 else "lines",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 6},
        showlegend=row == 1,
        legendgroup=label,
        hovertemplate=f"{label}, step %{{x}}<br>{column} %{{y:.4g}}<extra></extra>",
        row=row,
        col=1,
    )
